//! A net and a meta model in their seats.

use std::sync::Arc;

use super::*;
use crate::artefact::{Artefact, Brain, Input, Line, Parts, Scale, Sequence};
use crate::bench::Chair;
use crate::cadence::Cadence;
use crate::decide::{DecideSpec, Decision, NoTrade, Reason, decide};
use crate::meta::MetaSilence;
use crate::sequence::Step;
use crate::testing::{BARRIER, COUNCIL, DECIDE, Market};
use features::Feature;
use market::{Reader, Side, State};
use models::Net;
use models::forest::{Forest, Leaf, Link, Tree};
use models::net::{Activation, GruSpec, LayerSpec, NetSpec};
use models::paired::PairedSpec;

fn leaf(features: usize, value: f64) -> Forest {
    let mut builder = Forest::builder(features).link(Link::Logistic { slope: 1.0 });
    builder.tree(Tree { splits: vec![], leaves: vec![Leaf { value, cover: 1.0 }] }).unwrap();
    builder.build().unwrap()
}

fn parts(name: &str, feature: Feature, brain: Brain) -> Parts {
    Parts {
        name: name.into(),
        barrier: BARRIER,
        inputs: vec![Input { feature, low: -3.0, high: 3.0, deciles: [0.0; 9] }],
        outside_max: 0,
        missing_max: 0,
        trained: (Time(0), Time(1)),
        brain,
    }
}

fn model(digest: u8, brain: Brain) -> Arc<Artefact> {
    let feature = if matches!(brain, Brain::Sequence(_)) { Feature::Imbalance } else { Feature::MomentumS60 };
    Arc::new(Artefact::new(parts("one", feature, brain), [digest; 32]).unwrap())
}

/// A net that remembers the imbalance; a step every fourth quote, two seconds apart.
fn sequence(gap: Span) -> Sequence {
    let cell = GruSpec {
        inputs: 1,
        hidden: 1,
        linear_before_reset: true,
        input_weights: vec![0.1, 0.1, 2.0],
        recurrent_weights: vec![0.3, 0.1, 0.2],
        input_bias: vec![0.0; 3],
        recurrent_bias: vec![0.0; 3],
    };
    let head = LayerSpec { outputs: 2, weights: vec![1.0, -1.0], bias: vec![0.0; 2], activation: Activation::None };
    Sequence {
        net: Net::new(NetSpec { inputs: 1, cell: Some(cell), layers: vec![head] }).unwrap(),
        scales: vec![Scale { mean: 0.0, deviation: 0.3 }],
        clip: 5.0,
        cadence: Cadence::Ticks(4),
        gap,
        warm: 3,
        lines: [Line { slope: 0.8, offset: 0.0 }; 2],
    }
}

fn net(digest: u8) -> Arc<Artefact> {
    model(digest, Brain::Sequence(Box::new(sequence(Span::from_secs(10)))))
}

fn steps_of(council: &Council) -> u64 {
    council.last_step(Chair::Champion).map_or(0, |step| step.steps)
}

fn said(council: &Council) -> Result<[crate::Opinion; 2], Abstain> {
    council.opinions()[AgentKind::Sequence as usize].sides
}

#[test]
fn a_net_warms_up_keeps_its_word_goes_stale_and_rests() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(3, 0.6));
    let quote = |council: &mut Council, market: &mut Market| {
        let (tick, frame) = market.next();
        council.observe(&frame, &tick);
        (tick, frame)
    };
    assert_eq!(said(&council), Err(Abstain::WarmUp));
    quote(&mut council, &mut market);
    assert_eq!(said(&council), Err(Abstain::NoModel));
    council.install(net(1), None).unwrap();
    let mut steps = Vec::new();
    for _ in 0..20_000 {
        quote(&mut council, &mut market);
        let Step { time: then, outputs, .. } = council.last_step(Chair::Champion).unwrap();
        if steps.last().is_none_or(|(last, _)| *last != then) {
            steps.push((then, outputs));
        }
        if steps.len() < 3 && council.regime().is_warm() {
            assert_eq!(said(&council), Err(Abstain::WarmUp));
        }
    }
    assert_eq!(steps.len(), 5_000);
    assert!(steps.windows(2).all(|pair| pair[1].0.since(pair[0].0) == Span::from_secs(2)));
    let (tick, frame) = quote(&mut council, &mut market);
    let opinions = said(&council).unwrap();
    assert!(opinions[0].raw != opinions[1].raw && steps_of(&council) == 5_001);

    // A word older than the gap is none; the first step after it begins anew.
    let late = Tick { time: tick.time.plus(Span::from_secs(11)), ..tick };
    let fresh = |time: Time| {
        let mut fresh = Frame::empty(time);
        Feature::ALL.iter().filter_map(|f| Some((*f, frame.get(*f)?))).for_each(|(f, x)| fresh = fresh.with(f, x));
        fresh
    };
    council.observe(&fresh(late.time), &late);
    assert_eq!(said(&council), Err(Abstain::Stale));
    for nth in 1..=3 {
        let later = Tick { time: late.time.plus(Span::from_millis(nth)), ..late };
        council.observe(&fresh(later.time), &later);
    }
    assert_eq!((said(&council), steps_of(&council)), (Err(Abstain::WarmUp), 1));
}

#[test]
fn a_restored_net_goes_on_bit_for_bit() {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(5, 0.6));
    council.install(net(1), None).unwrap();
    council.install(net(2), None).unwrap();
    for cut in [1, 7, 4_000] {
        for _ in 0..cut {
            let (tick, frame) = market.next();
            council.observe(&frame, &tick);
        }
        let mut bytes = Vec::new();
        council.save(&mut bytes);
        let (mut twin, mut on) = (Council::new(&COUNCIL), market.clone());
        let mut reader = Reader::new(&bytes);
        twin.load(&mut reader).unwrap();
        assert!(reader.rest().is_empty());
        for _ in 0..50 {
            let (tick, frame) = on.next();
            council.observe(&frame, &tick);
            twin.observe(&frame, &tick);
            assert_eq!(council.opinions(), twin.opinions());
            let (here, there) = (council.last_step(Chair::Champion), twin.last_step(Chair::Champion));
            let [here, there] = [here, there].map(|step| step.map(|step| step.attributed(Side::Sell).unwrap()));
            assert_eq!(here, there);
            assert!(here.is_none_or(|found| found.holds()));
        }
        let saved = |council: &Council| {
            let mut bytes = Vec::new();
            council.save(&mut bytes);
            bytes
        };
        assert_eq!(saved(&council), saved(&twin));
        market = on;
        assert!(council.roll_back(Trained::Sequence));
        assert_eq!(steps_of(&council), 0, "it has missed ticks");
        council.install(net(2), None).unwrap();
    }
}

/// The council after a day on which trees that favour buying sit at it, and a spec that lets everything else pass.
fn warm(meta: Option<(u8, f64)>) -> (Council, Tick) {
    let (mut council, mut market) = (Council::new(&COUNCIL), Market::new(9, 0.9));
    council.install(model(1, Brain::Trees([leaf(1, 0.3), leaf(1, -0.3)])), None).unwrap();
    if let Some((of, odds)) = meta {
        council.install(model(2, Brain::Meta { forest: leaf(10, odds), of: [of; 32] }), None).unwrap();
    }
    for _ in 0..60_000 {
        let (tick, frame) = market.next();
        council.observe(&frame, &tick);
        let anything = DecideSpec { margin_points: -1e9, gate_min: 0.0, awake_min: 1, ..DECIDE };
        let decided = decide(&council, &anything, &tick);
        let favoured = council.opinions()[AgentKind::Trees as usize].sides.is_ok();
        let decision = decided.unwrap_or_else(|no| no.decision);
        if favoured && decision.regime.is_warm() && decision.best == Side::Buy && decision.awake > 0 {
            return (council, tick);
        }
    }
    unreachable!("the trees are calibrated within a day")
}

#[expect(clippy::result_large_err, reason = "as in decide")]
fn ask((council, tick): &(Council, Tick), required: bool) -> Result<Decision, NoTrade> {
    let spec = DecideSpec { margin_points: -1e9, gate_min: 0.0, awake_min: 1, meta_required: required, ..DECIDE };
    decide(council, &spec, tick)
}

#[test]
fn the_meta_model_is_asked_last_and_only_about_what_it_knows() {
    // Nobody there.
    let alone = warm(None);
    let decision = ask(&alone, false).unwrap();
    assert_eq!((decision.meta, decision.meta_silent), (None, Some(MetaSilence::NoModel)));
    assert_eq!(ask(&alone, true).unwrap_err().reason, Reason::MetaSilent);
    // It agrees, with its probability.
    let agrees = warm(Some((1, 0.4)));
    let decision = ask(&agrees, true).unwrap();
    assert!((decision.meta.unwrap() - math::sigmoid(0.4)).abs() < 1e-12);
    let question = agrees.0.meta_question(Side::Buy).unwrap();
    assert_eq!((question.len(), question[3]), (10, 1.0));
    // It does not.
    let declined = ask(&warm(Some((1, -0.4))), false).unwrap_err();
    assert_eq!(declined.reason, Reason::MetaDeclined);
    assert!(declined.decision.meta.unwrap() < 0.5);
    // It knows other trees.
    let stranger = warm(Some((7, -0.4)));
    assert_eq!(ask(&stranger, false).unwrap().meta_silent, Some(MetaSilence::OtherTrees));
    assert_eq!(ask(&stranger, true).unwrap_err().reason, Reason::MetaSilent);
    // What is not worth it is not asked about.
    let (council, tick) = warm(Some((1, -0.4)));
    let never = decide(&council, &DecideSpec { margin_points: 1e9, awake_min: 1, ..DECIDE }, &tick).unwrap_err();
    assert_eq!((never.reason, never.decision.meta), (Reason::BelowMargin, None));
}

#[test]
fn the_meta_model_comes_and_goes_and_has_no_trial() {
    let (mut council, tick) = warm(Some((1, 0.4)));
    let second = |digest| model(digest, Brain::Meta { forest: leaf(10, -0.4), of: [1; 32] });
    let trial = PairedSpec::default();
    assert_eq!(council.challenge(second(3), None, trial), Err(Misfit::NoTrial(Trained::Meta)));
    assert!(!council.promote(Trained::Meta) && !council.dismiss(Trained::Meta));
    council.install(second(3), None).unwrap();
    assert_eq!(council.former(Trained::Meta).unwrap().digest(), &[2; 32]);
    let spec = DecideSpec { margin_points: -1e9, gate_min: 0.0, awake_min: 1, ..DECIDE };
    let silent = decide(&council, &spec, &tick).unwrap();
    assert_eq!(silent.meta_silent, Some(MetaSilence::NoOpinion), "it has looked at nothing yet");
    let mut bytes = Vec::new();
    council.save(&mut bytes);
    let mut twin = Council::new(&COUNCIL);
    twin.load(&mut Reader::new(&bytes)).unwrap();
    assert_eq!(twin.champion(Trained::Meta).unwrap().digest(), &[3; 32]);
    assert!(twin.roll_back(Trained::Meta) && !twin.roll_back(Trained::Meta));
    assert_eq!(twin.champion(Trained::Meta).unwrap().digest(), &[2; 32]);
    // Other trees sit down: what it saw was not about them.
    let (mut council, tick) = warm(Some((1, 0.4)));
    assert!(decide(&council, &spec, &tick).unwrap().meta.is_some());
    council.install(model(5, Brain::Trees([leaf(1, 0.2), leaf(1, -0.2)])), None).unwrap();
    assert!(council.meta_question(Side::Buy).is_none());
}
