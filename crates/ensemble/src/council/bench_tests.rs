use super::*;
use std::sync::Arc;

use crate::artefact::Artefact;
use crate::artefact::{Brain, Input, Parts};
use crate::bench::{BenchNews, Chair};
use crate::canary::{Arm, CanarySpec, Unstaged};
use crate::testing::{BARRIER, COUNCIL, Market};
use crate::vote::Opinion;
use crate::watch::Rollback;
use features::Feature;
use market::{Reader, State};
use models::forest::{Child, Forest, Leaf, Link, Missing, Split, Test, Tree};
use models::paired::PairedSpec;
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

fn left(why: Rollback, back: bool) -> BenchNews {
    BenchNews::Withdrawn { seat: Trained::Trees, chair: Chair::Champion, why, back }
}

fn said(council: &Council) -> Result<[Opinion; 2], Abstain> {
    council.opinions()[AgentKind::Trees as usize].sides
}

#[test]
fn a_model_speaks_once_its_calibration_has_labels_and_gives_way_at_once() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(7, 0.5));
    run(&mut council, &mut market, 20_000);
    assert_eq!(said(&council), Err(Abstain::NoModel));
    council.install(model(1, 0.4), None).unwrap();
    run(&mut council, &mut market, 1);
    assert_eq!(said(&council), Err(Abstain::Uncalibrated), "nothing that came before is its own");
    run(&mut council, &mut market, 20_000);
    let before = said(&council).unwrap();
    // Another one takes the seat and is not calibrated; the first comes back with what was learned about it.
    council.install(model(2, -0.4), None).unwrap();
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
    assert_eq!(council.install(model(1, 0.4), None), Err(Misfit::Barrier(BARRIER, other.barrier)));
    assert_eq!(council.challenge(model(1, 0.4), None, TRIAL), Err(Misfit::Barrier(BARRIER, other.barrier)));
    assert!(council.champion(Trained::Trees).is_none() && council.challenger(Trained::Trees).is_none());
}

#[test]
fn a_challenger_learns_in_silence_and_takes_over_calibrated() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(11, 0.5));
    council.install(model(1, 0.4), None).unwrap();
    run(&mut council, &mut market, 20_000);
    council.challenge(model(2, 0.4), None, TRIAL).unwrap();
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
    council.install(model(1, 0.6), None).unwrap();
    run(&mut council, &mut market, 20_000);
    council.challenge(model(2, -0.6), None, TRIAL).unwrap();
    let mut news = run(&mut council, &mut market, 300_000);
    // The deciles of the model are made up, so its input has moved from the first.
    news.retain(|news| !matches!(news, BenchNews::Drifted(..)));
    assert_eq!(news, [BenchNews::Ruled(Trained::Trees, Ruling::Stop(Stop::WorseForecasts))]);
}

#[test]
fn what_sits_on_the_bench_is_saved_whole() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(3, 0.5));
    council.install(model(1, 0.3), None).unwrap();
    run(&mut council, &mut market, 9_000);
    council.install(model(2, 0.4), None).unwrap();
    council.challenge(model(3, 0.5), None, TRIAL).unwrap();
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
    council.install(model(1, 0.4), None).unwrap();
    run(&mut council, &mut market, 20_000);
    council.install(model(2, 0.4), None).unwrap();
    council.seats[AgentKind::Trees as usize].spoil();
    assert_eq!(run(&mut council, &mut market, 2), [left(Rollback::NotANumber, true)]);
    assert_eq!(council.champion(Trained::Trees).unwrap().digest(), &[1; 32]);
    assert!(said(&council).is_ok(), "with the calibration that it had");
    // With nobody behind it the seat is empty.
    council.seats[AgentKind::Trees as usize].spoil();
    assert_eq!(run(&mut council, &mut market, 2), [left(Rollback::NotANumber, false)]);
    assert_eq!(said(&council), Err(Abstain::NoModel));
}

/// A trial in which a position may lose at most 20 points.
const SMALL: PairedSpec = PairedSpec { bound: 20.0, margin: 20.0, ..TRIAL };

const CANARY: CanarySpec = CanarySpec { share: 0.25, block: market::Span::from_secs(60), salt: 3, budget: 100.0 };

/// A council with a calibrated champion, and a challenger that has become one in the shadow.
fn staged(share: f64) -> (Council, Market) {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(11, 0.5));
    council.install(model(1, 0.4), None).unwrap();
    run(&mut council, &mut market, 20_000);
    council.challenge(model(2, 0.2), None, SMALL).unwrap();
    run(&mut council, &mut market, 10_000);
    council.stage(Trained::Trees, &CanarySpec { share, ..CANARY }, 0).unwrap();
    (council, market)
}

#[test]
fn in_its_blocks_the_canary_speaks_and_no_decision_mixes_two_models() {
    let (mut council, mut market) = staged(0.25);
    let experiment = council.bench.challenger(Trained::Trees).unwrap().epoch();
    let (mut own, mut all, mut blocks) = (0, 0, std::collections::BTreeMap::new());
    let mut twin = council.clone();
    assert!(twin.dismiss(Trained::Trees));
    for _ in 0..20_000 {
        let (tick, frame) = market.next();
        council.observe(&frame, &tick);
        twin.observe(&frame, &tick);
        let decision = crate::decide(&council, &crate::testing::DECIDE, &tick).unwrap_or_else(|no| no.decision);
        let assigned = decision.assigned[0].unwrap();
        assert_eq!((assigned.experiment, decision.epoch), (experiment, council.epoch()));
        assert_eq!(*blocks.entry(assigned.block).or_insert(assigned.arm), assigned.arm, "a block has one arm");
        let challenger = council.bench.challenger(Trained::Trees).unwrap().evidence();
        let champion = council.seats[AgentKind::Trees as usize].evidence();
        all += 1;
        if assigned.arm == Arm::Canary {
            own += 1;
            assert_eq!(council.evidence()[AgentKind::Trees as usize], challenger);
            assert_eq!(council.canaries().collect::<Vec<_>>(), [(Trained::Trees, experiment)]);
        } else {
            assert_eq!(said(&council), said(&twin), "in the other blocks nothing has changed");
            assert_eq!(council.evidence()[AgentKind::Trees as usize], champion);
            assert_eq!(council.canaries().count(), 0);
        }
    }
    assert!(own * 100 > all * 15 && own * 100 < all * 36, "{own} of {all}");
    assert!(council.trial(Trained::Trees).unwrap().paired().labels() > 10, "the evidence of the shadow is kept");
}

#[test]
fn a_spent_canary_leaves_at_once_and_its_positions_are_settled_all_the_same() {
    let (mut council, mut market) = staged(1.0);
    let experiment = council.bench.challenger(Trained::Trees).unwrap().epoch();
    run(&mut council, &mut market, 1);
    let spoken = said(&council);
    assert!(spoken.is_ok());
    let now = council.standing.heard.unwrap();
    for _ in 0..4 {
        assert!(council.reserve(Trained::Trees, experiment, 20.0, now));
        council.check_budget(Trained::Trees);
    }
    assert_eq!(council.canaries().count(), 1, "80 of 100 are reserved, one more fits");
    assert!(council.reserve(Trained::Trees, experiment, 20.0, now));
    let before = council.epoch();
    council.check_budget(Trained::Trees);
    assert!(council.challenger(Trained::Trees).is_none() && council.canaries().count() == 0);
    assert_eq!(council.epoch(), before + 1);
    assert_eq!(said(&council), Err(Abstain::WarmUp), "what it had said is not the champion's word");
    let gone =
        BenchNews::Withdrawn { seat: Trained::Trees, chair: Chair::Challenger, why: Rollback::Budget, back: false };
    assert_eq!(council.take_news(), Some(gone));
    council.settle(Trained::Trees, experiment, -20.0);
    council.release(Trained::Trees, experiment, 20.0);
    assert!(!council.reserve(Trained::Trees, experiment, 1.0, now));
    run(&mut council, &mut market, 1);
    assert!(said(&council).is_ok(), "the champion speaks again");
    // A new challenger in the same seat pays nothing of it.
    council.challenge(model(3, 0.2), None, SMALL).unwrap();
    council.stage(Trained::Trees, &CANARY, 0).unwrap();
    council.settle(Trained::Trees, experiment, -90.0);
    assert_eq!(council.trial(Trained::Trees).unwrap().canary().unwrap().spent(), 0.0);
}

#[test]
fn a_step_up_keeps_what_was_spent_and_what_was_learned() {
    let (mut council, mut market) = staged(0.05);
    let experiment = council.bench.challenger(Trained::Trees).unwrap().epoch();
    council.settle(Trained::Trees, experiment, -30.0);
    let labels = council.trial(Trained::Trees).unwrap().paired().labels();
    assert_eq!(council.stage(Trained::Trees, &CanarySpec { budget: 49.0, ..CANARY }, 0), Err(Unstaged::Budget));
    council.stage(Trained::Trees, &CANARY, 0).unwrap();
    let trial = council.trial(Trained::Trees).unwrap();
    assert_eq!((trial.paired().labels(), trial.canary().unwrap().spent()), (labels, 30.0));
    // A snapshot in the middle of it goes on alike.
    let mut bytes = Vec::new();
    council.save(&mut bytes);
    let mut restored = Council::new(&COUNCIL);
    restored.load(&mut Reader::new(&bytes)).unwrap();
    for _ in 0..2_000 {
        let (tick, frame) = market.next();
        council.observe(&frame, &tick);
        restored.observe(&frame, &tick);
        assert_eq!(council.take_news(), restored.take_news());
        assert_eq!(council.standing(), restored.standing());
    }
    assert_eq!(Council::new(&COUNCIL).stage(Trained::Trees, &CANARY, 0), Err(Unstaged::NoChallenger));
}

#[test]
fn a_model_leaves_when_its_time_is_over_and_the_one_before_only_while_it_may() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(7, 0.5));
    run(&mut council, &mut market, 10);
    let after =
        |council: &Council, seconds: i64| Some(council.standing.heard.unwrap().plus(market::Span::from_secs(seconds)));
    council.install(model(1, 0.4), after(&council, 100)).unwrap();
    council.install(model(2, 0.4), after(&council, 50)).unwrap();
    council.challenge(model(3, 0.4), after(&council, 20), TRIAL).unwrap();
    assert_eq!(run(&mut council, &mut market, 39), []);
    let gone = BenchNews::Withdrawn { seat: Trained::Trees, chair: Chair::Challenger, why: Rollback::Age, back: false };
    assert_eq!(run(&mut council, &mut market, 1), [gone]);
    assert_eq!(run(&mut council, &mut market, 60), [left(Rollback::Age, true)]);
    assert_eq!(council.champion(Trained::Trees).unwrap().digest(), &[1; 32]);
    assert_eq!(run(&mut council, &mut market, 200), [left(Rollback::Age, false)]);
    assert_eq!(said(&council), Err(Abstain::NoModel));
    council.install(model(1, 0.4), after(&council, 10)).unwrap();
    council.install(model(2, 0.4), None).unwrap();
    run(&mut council, &mut market, 40);
    assert!(!council.roll_back(Trained::Trees), "the one before is too old by now");
    assert_eq!(council.champion(Trained::Trees).unwrap().digest(), &[2; 32]);
}

#[test]
fn a_model_out_of_its_domain_too_often_gives_its_seat_back() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(7, 0.5));
    council.install(model(1, 0.4), None).unwrap();
    run(&mut council, &mut market, 3_000);
    council.install(model(2, 0.4), None).unwrap();
    let mut news = Vec::new();
    for _ in 0..3_000 {
        let (tick, frame) = market.next();
        council.observe(&frame.with(Feature::Imbalance, 4.0), &tick);
        news.extend(council.take_news());
    }
    let expected = [left(Rollback::OutOfDomain, true), left(Rollback::OutOfDomain, false)];
    assert_eq!(news, expected, "and the one before it is no better off");
}

#[test]
fn news_are_weighed_like_any_other_word() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(9, 0.5));
    run(&mut council, &mut market, 2_000);
    let news = |council: &Council| council.opinions()[AgentKind::News as usize].sides;
    assert_eq!(news(&council), Err(Abstain::NoOpinion));
    for minute in 0..200 {
        // What is said is right: it follows the signal.
        let score = if market.signal > 0.0 { 0.9 } else { -0.9 };
        let half_life = market::Span::from_secs(20);
        let now = council.standing.heard.unwrap();
        council.notice(crate::news::Sentiment { score, confidence: 0.9, half_life }, now, now);
        run(&mut council, &mut market, 120);
        if minute == 0 {
            assert_eq!(news(&council), Err(Abstain::Uncalibrated));
        }
    }
    let sides = news(&council).unwrap();
    assert_eq!(sides[0].raw, -sides[1].raw);
}
