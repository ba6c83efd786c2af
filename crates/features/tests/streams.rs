//! What holds for any stream: causality, snapshots, readiness, groups, and no NaN whatever comes.

mod common;

use common::{Draw, Event, bits, features, feed, loaded, saved, tick, trade, walk};
use features::{COUNT, Feature, Groups};
use market::{Side, Time};
use proptest::prelude::*;

/// Oracle 7. A batch over a truncated stream, and a run that was saved at the cut and loaded, both agree with the whole run.
#[test]
fn what_comes_later_changes_nothing_earlier() {
    let events = walk(12_345, 2_000, 20_000);
    let (mut whole, mut frames, mut snapshots) = (features(Groups::ALL), Vec::new(), Vec::new());
    for event in &events {
        snapshots.push(saved(&whole));
        frames.push(bits(&feed(&mut whole, event)));
    }
    assert!(Feature::ALL.iter().all(|feature| whole.frame().is_ready(*feature)), "every feature takes part");
    let mut draw = Draw(777);
    for _ in 0..1_000 {
        let cut = draw.below(events.len() as i64) as usize;
        let mut batch = features(Groups::ALL);
        for event in &events[..cut] {
            feed(&mut batch, event);
        }
        assert!(cut == 0 || bits(batch.frame()) == frames[cut - 1], "cut at {cut}");
        assert_eq!(saved(&batch), snapshots[cut], "cut at {cut}");
        let mut resumed = loaded(&snapshots[cut]);
        for (event, frame) in events[cut..].iter().zip(&frames[cut..]).take(40) {
            assert_eq!(bits(&feed(&mut resumed, event)), *frame, "loaded at {cut}");
        }
    }
}

#[test]
fn every_cut_snapshot_is_torn() {
    let mut whole = features(Groups::ALL);
    for event in &walk(1, 300, 900) {
        feed(&mut whole, event);
    }
    let bytes = saved(&whole);
    for cut in (0..bytes.len()).step_by(7) {
        let mut reader = market::Reader::new(&bytes[..cut]);
        assert!(market::State::load(&mut features(Groups::ALL), &mut reader).is_err(), "cut at {cut}");
    }
}

#[test]
fn nothing_is_ready_before_its_window_and_everything_soon_after() {
    for (seed, gap_millis) in [(3, 2_000), (4, 9_000)] {
        let (mut stream, mut ready, mut start) = (features(Groups::ALL), [None; COUNT], None);
        for event in &walk(seed, 32_000_000 / gap_millis as usize, gap_millis) {
            let frame = feed(&mut stream, event);
            if let Event::Tick(tick) = event {
                start.get_or_insert(tick.time);
            }
            for (feature, ready) in Feature::ALL.iter().zip(&mut ready) {
                if frame.is_ready(*feature) {
                    ready.get_or_insert(frame.time);
                }
            }
        }
        for (feature, ready) in Feature::ALL.iter().zip(ready) {
            let waited = ready.unwrap().since(start.unwrap()).as_secs();
            let window = feature.window().as_secs();
            assert!(waited >= window, "{feature:?} was ready after {waited} s");
            // Bars are cut by the clock, empty slots give no sample, a first trade has to come, a state takes its visits.
            let late = if *feature == Feature::MicroPriceEstimate { 5_000.0 } else { 300.0 + window };
            assert!(waited < window + late, "{feature:?} was only ready after {waited} s");
        }
    }
}

#[test]
fn a_group_gives_the_same_numbers_alone_and_nothing_else() {
    let events = walk(99, 3_000, 9_000);
    let mut all = features(Groups::ALL);
    let mut alone: Vec<_> = (0..8).map(|bit| (Groups(1 << bit), features(Groups(1 << bit)))).collect();
    let mut none = features(Groups::NONE);
    for event in &events {
        let frame = feed(&mut all, event);
        assert_eq!(feed(&mut none, event).ready_bits(), 0);
        for (group, stream) in &mut alone {
            let own = feed(stream, event);
            for feature in Feature::ALL {
                let wanted = if feature.group() == *group { frame.get(*feature) } else { None };
                assert_eq!(own.get(*feature).map(f64::to_bits), wanted.map(f64::to_bits), "{feature:?}");
            }
        }
    }
    assert_eq!(none.frame().time, all.frame().time);
}

#[test]
fn without_sizes_the_proxy_is_used_and_size_features_are_not_ready() {
    let mut stream = features(Groups::ALL);
    let second = |i: i64| Time::from_millis(i * 1_000);
    for i in 0..40 {
        stream.on_tick(&tick(second(i), 100 + i, 110 + i, 0, 0));
    }
    // Both quotes rise once a second: sum of 2 exp(-k/5).
    let sum = 2.0 / (1.0 - market::math::exp(-0.2));
    let frame = stream.frame();
    assert!((frame.value(Feature::OfiS5) - sum).abs() < 2e-2, "{}", frame.value(Feature::OfiS5));
    assert_eq!(frame.get(Feature::OfiShareS30), Some(1.0));
    assert_eq!(frame.get(Feature::TickImbalanceS5).map(|x| x > 0.99), Some(true));
    for feature in [Feature::Imbalance, Feature::WeightedMid, Feature::MicroPriceGap, Feature::TradeImbalanceS1] {
        assert_eq!(frame.get(feature), None, "{feature:?}");
    }
    // A tick with sizes switches: nothing was seen by sizes yet.
    stream.on_tick(&tick(second(40), 140, 150, 3, 1));
    assert_eq!(stream.frame().get(Feature::Imbalance), Some(0.5));
    stream.on_tick(&tick(second(41), 140, 150, 5, 1));
    assert_eq!(stream.frame().get(Feature::OfiS1), None);
    stream.on_tick(&tick(second(42), 140, 150, 5, 1));
    let fresh = 2.0 * market::math::exp(-1.0);
    assert!((stream.frame().value(Feature::OfiS1) - fresh).abs() < 1e-9);
}

#[test]
fn trades_fade_between_ticks() {
    let mut stream = features(Groups::FLOW);
    stream.on_trade(&trade(Time::from_millis(0), 100, 6, Side::Buy));
    stream.on_trade(&trade(Time::from_millis(500), 100, 2, Side::Sell));
    assert_eq!(stream.frame().get(Feature::TradeImbalanceS1), None);
    stream.on_tick(&tick(Time::from_millis(6_000), 100, 110, 1, 1));
    let w = |seconds: f64, tau: f64| market::math::exp(-seconds / tau);
    let frame = stream.frame();
    assert!((frame.value(Feature::TradeImbalanceS1) - (6.0 * w(6.0, 1.0) - 2.0 * w(5.5, 1.0))).abs() < 1e-9);
    let (net, gross) = (6.0 * w(6.0, 5.0) - 2.0 * w(5.5, 5.0), 6.0 * w(6.0, 5.0) + 2.0 * w(5.5, 5.0));
    assert!((frame.value(Feature::TradeShareS5) - net / gross).abs() < 1e-9);
    assert_eq!(frame.get(Feature::TradeImbalanceS30), None);
}

#[test]
fn a_widening_starts_the_count_anew() {
    let mut stream = features(Groups::SPREAD);
    let mut at = |i: i64, spread: i64| {
        stream.on_tick(&tick(Time::from_millis(i * 1_000), 100, 100 + spread, 0, 0));
        stream.frame().get(Feature::SinceWidening)
    };
    assert!((0..60).all(|i| at(i, 10).is_none()));
    assert_eq!(at(60, 15), Some(60.0), "exactly the multiple is not above it");
    assert_eq!(at(61, 16), Some(0.0));
    assert_eq!(at(64, 10), Some(3.0));
    assert_eq!(at(90_000, 10), Some(3_600.0));
}

#[test]
fn no_widening_is_seen_before_the_mean_is_ready() {
    let mut stream = features(Groups::SPREAD);
    for i in 0..=60 {
        let spread = if i == 30 { 100 } else { 10 };
        stream.on_tick(&tick(Time::from_millis(i * 1_000), 100, 100 + spread, 0, 0));
    }
    assert_eq!(stream.frame().get(Feature::SinceWidening), Some(60.0));
}

#[test]
fn the_basis_is_against_its_own_mean_which_waits_while_one_of_the_two_is_stale() {
    let mut stream = features(Groups::LEAD);
    let second = |i: i64| Time::from_millis(i * 1_000);
    for i in 0..=400 {
        stream.on_leader(&tick(second(i), 105, 109, 0, 0));
        stream.on_tick(&tick(second(i), 98, 102, 0, 0));
        let expected = if i < 300 { None } else { Some(0.0) };
        assert_eq!(stream.frame().get(Feature::LeaderBasis), expected, "{i}");
    }
    stream.on_tick(&tick(second(500), 94, 98, 0, 0));
    assert_eq!(stream.frame().get(Feature::LeaderBasis), None, "the leader is silent for 100 s");
    // The 11 points that it seemed to be then were never taken into the mean.
    stream.on_leader(&tick(second(500), 101, 105, 0, 0));
    assert_eq!(stream.frame().get(Feature::LeaderBasis), Some(0.0));
    // A step counts with the weight of the time since both were last fresh.
    stream.on_leader(&tick(second(530), 105, 109, 0, 0));
    let basis = 4.0 * market::math::exp(-0.1);
    assert!((stream.frame().value(Feature::LeaderBasis) - basis).abs() < 1e-9);
}

/// Any price, near or absurd.
fn price() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 90_i64..110, 1 => any::<i64>(), 1 => Just(0)]
}

/// Steps of time: none, short, long, huge, and backwards.
fn gap() -> impl Strategy<Value = i64> {
    prop_oneof![
        2 => Just(0),
        8 => 0_i64..2_000_000_000,
        2 => 0_i64..400_000_000_000,
        1 => any::<i64>(),
        1 => -5_000_000_000_i64..0,
    ]
}

fn event() -> impl Strategy<Value = (i64, u8, i64, i64, i64, i64)> {
    let lots = prop_oneof![2 => 0_i64..5, 1 => any::<i64>()];
    (gap(), 0_u8..12, price(), price(), lots.clone(), lots)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_stream_makes_a_nan_or_a_panic(
        events in prop::collection::vec(event(), 1..250),
        start in prop_oneof![Just(0_i64), any::<i64>()],
        cut in 0_usize..250,
        hawkes in any::<(f64, f64, f64)>(),
        widening in any::<f64>(),
        pip in prop_oneof![Just(10_i64), any::<i64>()],
    ) {
        let mut spec = common::spec(Groups::ALL);
        (spec.hawkes.decay_per_second, spec.hawkes.self_excitation, spec.hawkes.cross_excitation) = hawkes;
        (spec.widening, spec.pip) = (widening, market::Points(pip));
        let (mut stream, mut twin, mut time) = (features::Features::new(&spec), None, start);
        for (i, (gap, kind, bid, ask, bid_lots, ask_lots)) in events.into_iter().enumerate() {
            time = time.saturating_add(gap);
            let quote = tick(Time(time), bid, ask, bid_lots, ask_lots);
            let event = match kind {
                0 => Event::Trade(trade(Time(time), bid, bid_lots, Side::Buy)),
                1 | 2 => Event::Leader(quote),
                _ => Event::Tick(quote),
            };
            if i == cut {
                let mut fresh = features::Features::new(&spec);
                market::State::load(&mut fresh, &mut market::Reader::new(&saved(&stream))).unwrap();
                twin = Some(fresh);
            }
            let before = stream.frame().time;
            let frame = feed(&mut stream, &event);
            prop_assert!(frame.time >= before, "the frame's time went back");
            prop_assert!(frame.values().iter().all(|value| value.is_finite()), "{frame:?}");
            if let Some(twin) = &mut twin {
                prop_assert_eq!(bits(&feed(twin, &event)), bits(&frame));
            }
        }
    }
}
