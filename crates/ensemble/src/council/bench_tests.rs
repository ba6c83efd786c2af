use super::*;
use crate::artefact::{Brain, Input, Parts};
use crate::bench::BenchNews;
use crate::testing::{BARRIER, COUNCIL, Market};
use crate::vote::Opinion;
use features::Feature;
use market::{Reader, State};
use models::forest::{Child, Forest, Leaf, Link, Missing, Split, Test, Tree};
use models::paired::{Decision as Ruling, Stop};

/// One split of one feature at zero.
fn stump(below: f64, above: f64) -> Forest {
    let leaf = |value| Leaf { value, cover: 50.0 };
    let test = Test::AtMost { threshold: 0.0, missing: Missing::Nan, default_left: true };
    let split = Split { feature: 0, test, left: Child::Leaf(0), right: Child::Leaf(1), cover: 100.0 };
    let mut builder = Forest::builder(1).link(Link::Logistic { slope: 1.0 });
    builder.tree(Tree { splits: vec![split], leaves: vec![leaf(below), leaf(above)] }).unwrap();
    builder.build().unwrap()
}

/// A model that follows (or with a negative strength fades) the imbalance.
fn model(digest: u8, strength: f64) -> Arc<Artefact> {
    let parts = Parts {
        name: format!("stump@{digest}"),
        barrier: BARRIER,
        inputs: vec![Input { feature: Feature::Imbalance, low: -3.0, high: 3.0, deciles: [0.0; 9] }],
        outside_max: 0,
        missing_max: 0,
        trained: (Time(0), Time(1)),
        brain: Brain::Trees([stump(-strength, strength), stump(strength, -strength)]),
    };
    Arc::new(Artefact::new(parts, [digest; 32]).unwrap())
}

const TRIAL: PairedSpec = PairedSpec {
    alpha: 0.05,
    bound: 200.0,
    margin: 200.0,
    share: 0.0,
    budget: 0.0,
    blocks: 1,
    block_labels: 1,
    labels_min: 30,
    labels_max: 5_000,
};

fn run(council: &mut Council, market: &mut Market, quotes: usize) -> Vec<BenchNews> {
    let mut news = Vec::new();
    for _ in 0..quotes {
        let (tick, frame) = market.next();
        council.observe(&frame, &tick);
        news.extend(council.take_news());
    }
    news
}

fn said(council: &Council) -> Result<[Opinion; 2], Abstain> {
    council.opinions()[AgentKind::Trees as usize].sides
}

#[test]
fn a_model_speaks_once_its_calibration_has_labels_and_gives_way_at_once() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(7, 0.5));
    run(&mut council, &mut market, 20_000);
    assert_eq!(said(&council), Err(Abstain::NoModel));
    council.install(model(1, 0.4)).unwrap();
    run(&mut council, &mut market, 1);
    assert_eq!(said(&council), Err(Abstain::Uncalibrated), "nothing that came before is its own");
    run(&mut council, &mut market, 20_000);
    let before = said(&council).unwrap();
    // Another one takes the seat and is not calibrated; the first comes back with what was learned about it.
    council.install(model(2, -0.4)).unwrap();
    assert_eq!(said(&council), Err(Abstain::WarmUp), "what the other said is not its word");
    run(&mut council, &mut market, 1);
    assert_eq!(said(&council), Err(Abstain::Uncalibrated));
    assert!(council.roll_back(Trained::Trees));
    assert_eq!(council.champion(Trained::Trees).unwrap().digest(), &[1; 32]);
    run(&mut council, &mut market, 1);
    assert!(said(&council).is_ok(), "{before:?}");
    assert!(!council.roll_back(Trained::Trees), "there is nobody behind it any more");
}

#[test]
fn a_model_for_another_barrier_is_refused() {
    let mut other = COUNCIL;
    other.barrier.target = market::Points(16);
    let mut council = Council::new(&other);
    assert_eq!(council.install(model(1, 0.4)), Err(Misfit::Barrier(BARRIER, other.barrier)));
    assert_eq!(council.challenge(model(1, 0.4), TRIAL), Err(Misfit::Barrier(BARRIER, other.barrier)));
    assert!(council.champion(Trained::Trees).is_none() && council.challenger(Trained::Trees).is_none());
}

#[test]
fn a_challenger_learns_in_silence_and_takes_over_calibrated() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(11, 0.5));
    council.install(model(1, 0.4)).unwrap();
    run(&mut council, &mut market, 20_000);
    council.challenge(model(2, 0.4), TRIAL).unwrap();
    let mut alone = council.clone();
    assert!(alone.dismiss(Trained::Trees));
    let mut twin = Market::new(11, 0.5);
    (0..20_000).for_each(|_| _ = twin.next());
    run(&mut alone, &mut twin, 10_000);
    run(&mut council, &mut market, 10_000);
    assert_eq!(said(&council), said(&alone), "a challenger changes nothing that is said");
    assert!(council.trial(Trained::Trees).unwrap().paired().labels() > 10);
    assert!(council.promote(Trained::Trees));
    run(&mut council, &mut market, 1);
    assert!(said(&council).is_ok(), "its calibration came with it");
    assert_eq!(council.former(Trained::Trees).unwrap().digest(), &[1; 32]);
    assert!(!council.promote(Trained::Trees));
}

#[test]
fn a_challenger_that_fades_what_works_is_sent_away() {
    // Calibration turns what is always wrong around at a slope of zero: the challenger says the null, and that is worse.
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(5, 1.0));
    council.install(model(1, 0.6)).unwrap();
    run(&mut council, &mut market, 20_000);
    council.challenge(model(2, -0.6), TRIAL).unwrap();
    let news = run(&mut council, &mut market, 300_000);
    assert_eq!(news, [BenchNews::Ruled(Trained::Trees, Ruling::Stop(Stop::WorseForecasts))]);
}

#[test]
fn what_sits_on_the_bench_is_saved_whole() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(3, 0.5));
    council.install(model(1, 0.3)).unwrap();
    run(&mut council, &mut market, 9_000);
    council.install(model(2, 0.4)).unwrap();
    council.challenge(model(3, 0.5), TRIAL).unwrap();
    run(&mut council, &mut market, 9_000);
    let mut bytes = Vec::new();
    council.save(&mut bytes);
    let mut restored = Council::new(&COUNCIL);
    let mut reader = Reader::new(&bytes);
    restored.load(&mut reader).unwrap();
    assert!(reader.rest().is_empty());
    let mut twin = Market::new(3, 0.5);
    (0..18_000).for_each(|_| _ = twin.next());
    run(&mut restored, &mut twin, 3_000);
    run(&mut council, &mut market, 3_000);
    let saved = |council: &Council| {
        let mut bytes = Vec::new();
        council.save(&mut bytes);
        bytes
    };
    assert!(saved(&restored) == saved(&council));
    for which in [Council::champion, Council::challenger, Council::former] {
        assert_eq!(which(&restored, Trained::Trees), which(&council, Trained::Trees));
    }
    assert!(Council::new(&COUNCIL).load(&mut Reader::new(&bytes[..bytes.len() / 2])).is_err());
}

#[test]
fn a_champion_that_says_what_is_not_a_number_gives_its_seat_back() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(7, 0.5));
    council.install(model(1, 0.4)).unwrap();
    run(&mut council, &mut market, 20_000);
    council.install(model(2, 0.4)).unwrap();
    council.seats[AgentKind::Trees as usize].spoil();
    assert_eq!(run(&mut council, &mut market, 2), [BenchNews::RolledBack(Trained::Trees)]);
    assert_eq!(council.champion(Trained::Trees).unwrap().digest(), &[1; 32]);
    assert!(said(&council).is_ok(), "with the calibration that it had");
    // With nobody behind it the faulted one stays, and stays silent.
    council.seats[AgentKind::Trees as usize].spoil();
    assert_eq!(run(&mut council, &mut market, 2), []);
    assert_eq!(said(&council), Err(Abstain::Fault));
}
