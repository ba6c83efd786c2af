use super::*;
use crate::testing::{COUNCIL, Noise};
use market::Reader;
use proptest::prelude::*;

const SPEC: WatchSpec = COUNCIL.agents.watch;

/// An input that is never there, a standard normal one, and one that takes two values.
fn watch() -> Watch {
    let input = |feature, high, deciles| Input { feature, low: -9.0, high, deciles };
    let normal = [-1.282, -0.842, -0.524, -0.253, 0.0, 0.253, 0.524, 0.842, 1.282];
    let inputs = [
        input(Feature::Imbalance, 9.0, [0.0; 9]),
        input(Feature::ZScoreS60, 9.0, normal),
        input(Feature::Spread, 2.0, [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]),
    ];
    Watch::over(&SPEC, &inputs)
}

fn at(second: u64) -> Time {
    Time(second as i64 * 1_000_000_000)
}

/// Feeds samples and their labels: what was said, how often it comes true, where the input lies. What drifted.
fn feed(
    watch: &mut Watch,
    noise: &mut Noise,
    range: std::ops::Range<u64>,
    (said, true_rate, shift): (f64, f64, f64),
) -> Vec<Drifted> {
    let mut told = Vec::new();
    for sample in range {
        let frame = Frame::empty(at(sample))
            .with(Feature::ZScoreS60, shift + noise.normal())
            .with(Feature::Spread, if noise.normal() > 0.0 { 1.0 } else { 2.0 });
        told.extend(watch.on_sample((sample, sample), &frame, (None, at(sample))));
        let won = market::math::normal_quantile(true_rate) > noise.normal();
        told.extend(
            watch.on_label((sample, sample.is_multiple_of(2)), Some(said), (won, at(sample))).into_iter().flatten(),
        );
    }
    told
}

#[test]
fn a_model_that_says_what_comes_is_left_alone() {
    for seed in 0..20 {
        let (mut watch, mut noise) = (watch(), Noise(seed));
        assert_eq!(feed(&mut watch, &mut noise, 0..6_000, (0.6, 0.6, 0.0)), []);
        assert_eq!((watch.verdict(), watch.labels(), watch.outside()), (None, 6_000, Some(0.0)));
    }
}

#[test]
fn moved_inputs_alone_never_move_a_seat() {
    let (mut watch, mut noise) = (watch(), Noise(1));
    feed(&mut watch, &mut noise, 0..3_000, (0.6, 0.6, 0.0));
    let told = feed(&mut watch, &mut noise, 3_000..9_000, (0.6, 0.6, 2.0));
    assert_eq!(told, [Drifted::Inputs { input: 1 }], "told once, when it begins");
    assert_eq!(watch.verdict(), None);
}

#[test]
fn losses_that_rise_with_the_calibration_take_it_off_its_seat_and_those_that_fall_do_not() {
    let (mut watch, mut noise) = (watch(), Noise(2));
    feed(&mut watch, &mut noise, 0..2_000, (0.8, 0.8, 0.0));
    let told = feed(&mut watch.clone(), &mut noise.clone(), 2_000..4_000, (0.8, 0.999, 0.0));
    assert_eq!(told, [], "better than it says is no alarm");
    let told = feed(&mut watch, &mut noise, 2_000..3_000, (0.8, 0.4, 0.0));
    assert!(told.contains(&Drifted::Loss) && told.contains(&Drifted::Calibration), "{told:?}");
    assert_eq!(watch.verdict(), Some(Rollback::Drift));
}

#[test]
fn losses_that_rise_while_inputs_have_moved_take_it_off_its_seat() {
    // It becomes unsure, and rightly so: the losses rise as expected, so that the calibration is silent.
    let (mut watch, mut noise) = (watch(), Noise(3));
    feed(&mut watch, &mut noise, 0..2_000, (0.95, 0.95, 0.0));
    let mut alone = watch.clone();
    let told = feed(&mut alone, &mut noise.clone(), 2_000..4_000, (0.55, 0.55, 0.0));
    assert!(told.contains(&Drifted::Loss) && !told.contains(&Drifted::Calibration), "{told:?}");
    assert_eq!(alone.verdict(), None, "the losses alone do not move it");
    feed(&mut watch, &mut noise, 2_000..4_000, (0.55, 0.55, 2.0));
    assert_eq!(watch.verdict(), Some(Rollback::Drift));
}

#[test]
fn an_alarm_stands_for_its_time_only() {
    let (mut watch, mut noise) = (watch(), Noise(3));
    feed(&mut watch, &mut noise, 0..2_000, (0.95, 0.95, 0.0));
    feed(&mut watch, &mut noise, 2_000..3_000, (0.55, 0.55, 0.0));
    // More than an hour later the inputs move.
    feed(&mut watch, &mut noise, 12_000..15_000, (0.55, 0.55, 2.0));
    assert_eq!(watch.verdict(), None);
}

#[test]
fn more_than_a_fifth_outside_is_too_much_and_a_silent_model_is_not_outside() {
    let outside = |nth: u64, of: u64| {
        let mut watch = watch();
        for sample in 0..1_000 {
            let kept = if sample % of < nth { Some(Abstain::OutOfDomain) } else { Some(Abstain::Uncalibrated) };
            watch.on_sample((sample, sample), &Frame::empty(at(sample)), (kept, at(sample)));
            watch.on_sample((sample, sample), &Frame::empty(at(sample)), (Some(Abstain::Blackout), at(sample)));
        }
        (watch.outside(), watch.verdict())
    };
    assert_eq!(outside(1, 5), (Some(0.2), None));
    assert_eq!(outside(1, 4), (Some(0.25), Some(Rollback::OutOfDomain)));
}

#[test]
fn equal_deciles_are_one_bin() {
    let gauge = |deciles: [f64; 9], high| Gauge::new(Feature::Spread, 0, (&deciles, high), 100.0);
    let (mut two, mut noise) = (gauge([1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0], 2.0), Noise(1));
    for _ in 0..500 {
        two.monitor.observe(if noise.normal() > 0.0 { 1.0 } else { 2.0 });
    }
    assert!(two.monitor.value().unwrap() < 0.1, "{:?}", two.monitor.value());
    let mut constant = gauge([1.0; 9], 1.0);
    constant.monitor.observe(1.0);
    assert!(constant.monitor.value().unwrap() < 1e-9, "{:?}", constant.monitor.value());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn it_is_restored_and_bad_bytes_are_torn(seed in 0_u64..1_000, cut in 0.0_f64..1.0) {
        let (mut one, mut noise) = (watch(), Noise(seed));
        feed(&mut one, &mut noise, 0..700, (0.7, 0.6, 0.3));
        let mut bytes = Vec::new();
        one.save(&mut bytes);
        let mut twin = watch();
        twin.load(&mut Reader::new(&bytes)).unwrap();
        let mut same = noise.clone();
        prop_assert_eq!(feed(&mut one, &mut noise, 700..1_500, (0.7, 0.4, 1.0)), feed(&mut twin, &mut same, 700..1_500, (0.7, 0.4, 1.0)));
        prop_assert_eq!(one.verdict(), twin.verdict());
        let cut = (cut * bytes.len() as f64) as usize;
        prop_assert!(watch().load(&mut Reader::new(&bytes[..cut])).is_err());
    }
}
