use super::*;
use crate::decide::{Reason, decide};
use crate::testing::{COUNCIL, DECIDE, Market};
use crate::vote::place;
use features::Feature;
use market::{Reader, Side, State};

/// What a run of the market through a council and one strategy came to.
#[derive(Debug, Default)]
struct Tally {
    decisions: u64,
    trades: u64,
    /// Trades on the side of the signal.
    right: u64,
    /// Decisions with an opinion, and the sum of |p - p0| over them, both sides.
    judged: u64,
    away: f64,
    /// Labels of a trade every five seconds: what was said, and what came.
    labelled: f64,
    said: f64,
    won: f64,
    /// The sum of Flow's weight over all decisions.
    flow_weight: f64,
}

fn run(council: &mut Council, market: &mut Market, quotes: usize) -> Tally {
    let mut tally = Tally::default();
    let spec = LabelSpec { cadence: Span::from_secs(5), capacity: 256, ..COUNCIL.labels };
    let mut labels: Labels<(usize, f64)> = Labels::new(COUNCIL.barrier, spec);
    for _ in 0..quotes {
        let (tick, frame) = market.next();
        labels.on_tick(&tick, |(side, p), label| {
            if place(label.side) == *side {
                tally.labelled += 1.0;
                tally.said += p;
                tally.won += f64::from(u8::from(label.won));
            }
        });
        council.observe(&frame, &tick);
        let outcome = decide(council, &DECIDE, &tick);
        tally.decisions += 1;
        tally.flow_weight += council.weights()[AgentKind::Flow as usize];
        if let Ok(decision) = &outcome {
            tally.trades += 1;
            tally.right += u64::from((decision.best == Side::Buy) == (market.signal > 0.0));
            if labels.is_due(tick.time) {
                labels.push(&tick, (place(decision.best), decision.view().p));
            }
        }
        let decision = outcome.unwrap_or_else(|no| no.decision);
        assert!(decision.discrepancy() <= 1e-6);
        if decision.awake > 0 {
            tally.judged += 1;
            tally.away += decision.views.iter().map(|view| (view.p - decision.p0).abs()).sum::<f64>() * 0.5;
        }
    }
    tally
}

#[test]
fn without_a_signal_the_pool_stays_at_the_null_and_nothing_is_traded() {
    for seed in [1, 2, 3] {
        let mut council = Council::new(&COUNCIL);
        let tally = run(&mut council, &mut Market::new(seed, 0.0), 40_000);
        assert!(tally.judged > 30_000, "{tally:?}");
        assert!(tally.away / (tally.judged as f64) < 0.03, "{tally:?}");
        assert!(tally.trades * 1_000 < tally.decisions, "{tally:?}");
    }
}

#[test]
fn a_planted_signal_is_learned_by_flow_traded_and_wins_as_often_as_said() {
    let mut council = Council::new(&COUNCIL);
    let mut market = Market::new(1, 0.4);
    run(&mut council, &mut market, 30_000);
    let tally = run(&mut council, &mut market, 40_000);
    assert!(tally.flow_weight / tally.decisions as f64 > 0.4, "{tally:?}");
    assert!(tally.trades > 1_000 && tally.right * 100 > tally.trades * 99, "{tally:?}");
    let (said, won) = (tally.said / tally.labelled, tally.won / tally.labelled);
    assert!(said > 0.55 && (said - won).abs() < 0.05, "{tally:?}");
}

/// Votes in a row as the agents' reasons, `p` for an opinion.
fn votes(council: &Council) -> String {
    // The seats of trained models are empty here.
    let learners = &council.opinions()[..AgentKind::Trees as usize];
    let names: Vec<_> = learners.iter().map(|vote| vote.sides.err().map_or("p", Abstain::name)).collect();
    names.join(" ")
}

#[test]
fn everybody_wakes_up_in_order_and_falls_silent_for_a_reason() {
    let mut council = Council::new(&COUNCIL);
    let mut market = Market::new(5, 0.0);
    let mut observe = |council: &mut Council, change: &dyn Fn(&mut Tick, &mut Frame)| {
        let (mut tick, mut frame) = market.next();
        frame = frame.with(Feature::IntensitySurge, 0.5);
        change(&mut tick, &mut frame);
        council.observe(&frame, &tick);
        (votes(council), tick)
    };
    let as_is = |_: &mut Tick, _: &mut Frame| {};
    let (told, tick) = observe(&mut council, &as_is);
    assert_eq!(told, "warm_up warm_up warm_up warm_up warm_up");
    assert_eq!(decide(&council, &DECIDE, &tick).unwrap_err().reason, Reason::WarmingUp);
    (0..700).for_each(|_| drop(observe(&mut council, &as_is)));
    let (told, tick) = observe(&mut council, &as_is);
    assert_eq!(told, "uncalibrated uncalibrated uncalibrated uncalibrated uncalibrated");
    assert_eq!(decide(&council, &DECIDE, &tick).unwrap_err().reason, Reason::AllAbstained);
    (0..20_000).for_each(|_| drop(observe(&mut council, &as_is)));
    assert_eq!(votes(&council), "p p p p p");

    let told = observe(&mut council, &|_, frame| *frame = frame.with(Feature::OfiShareS1, 40.0)).0;
    assert_eq!(told, "out_of_domain p p p p");
    let told = observe(&mut council, &|_, frame| *frame = frame.with(Feature::IntensitySurge, 0.1)).0;
    assert_eq!(told, "p p no_opinion p p");
    let told = observe(&mut council, &|_, frame| *frame = frame.with(Feature::SigmaS60, f64::NAN)).0;
    assert_eq!(told, "p warm_up p p p");
    let told = observe(&mut council, &|_, frame| frame.time = frame.time.minus(Span::from_secs(3))).0;
    assert_eq!(told, "stale stale stale stale stale");

    let (_, tick) = observe(&mut council, &as_is);
    let late = Tick { time: tick.time.plus(Span::from_secs(3)), ..tick };
    let parts = decide(&council, &DECIDE, &late).unwrap_err().decision.parts;
    assert!(parts.iter().all(|part| part.abstained == Some(Abstain::Stale)));

    let sampled = council.label_counts().sampled;
    council.black_out(tick.time.plus(Span::from_secs(5)));
    let told: Vec<String> = (0..11).map(|_| observe(&mut council, &as_is).0).collect();
    let silent = told.iter().filter(|told| told.starts_with("blackout")).count();
    assert_eq!((silent, told.last().unwrap().as_str()), (9, "p p p p p"));
    assert!(council.label_counts().sampled - sampled <= 2, "no sample within a blackout");
}

#[test]
fn a_faulted_agent_is_out_and_frozen_until_restarted() {
    let mut council = Council::new(&COUNCIL);
    let mut market = Market::new(6, 0.0);
    run(&mut council, &mut market, 15_000);
    council.seats[AgentKind::Momentum as usize].spoil();
    run(&mut council, &mut market, 1);
    let weights = council.regime_weights().map(|weights| weights[AgentKind::Momentum as usize]);
    run(&mut council, &mut market, 5_000);
    assert_eq!(council.opinions()[3].sides, Err(Abstain::Fault));
    assert_eq!(council.regime_weights().map(|weights| weights[3]), weights);
    assert!(council.opinions()[4].sides.is_ok() && council.standing().weights.iter().all(|weight| weight.is_finite()));
    council.restart(AgentKind::Momentum);
    run(&mut council, &mut market, 1_000);
    assert_eq!(council.opinions()[3].sides, Err(Abstain::Uncalibrated));
}

#[test]
fn a_market_gone_strange_silences_everybody_until_it_is_known() {
    let mut council = Council::new(&COUNCIL);
    let mut market = Market::new(7, 0.0);
    run(&mut council, &mut market, 10_000);
    let strange = |council: &mut Council, market: &mut Market| {
        let (tick, frame) = market.next();
        council.observe(&frame.with(Feature::SpreadEwma60, 40.0), &tick);
        votes(council)
    };
    let told: Vec<String> = (0..12_000).map(|_| strange(&mut council, &mut market)).collect();
    assert!(
        told[..10].iter().any(|told| told == "out_of_domain out_of_domain out_of_domain out_of_domain out_of_domain")
    );
    assert!(!told.last().unwrap().starts_with("out_of_domain"));
}

fn bytes(council: &Council) -> Vec<u8> {
    let mut bytes = Vec::new();
    council.save(&mut bytes);
    bytes
}

#[test]
fn a_restored_council_goes_on_bit_for_bit_and_applies_each_label_once() {
    let mut whole = Council::new(&COUNCIL);
    let mut market = Market::new(8, 0.3);
    let mut restored = whole.clone();
    for (i, cut) in [1, 37, 450, 900, 2_000, 7_001, 8_888].into_iter().enumerate() {
        let mut other = market.clone();
        run(&mut whole, &mut market, cut);
        run(&mut restored, &mut other, cut);
        let saved = bytes(&restored);
        assert_eq!(saved, bytes(&whole), "after cut {i}");
        restored = Council::new(&COUNCIL);
        let mut reader = Reader::new(&saved);
        restored.load(&mut reader).unwrap();
        assert!(reader.rest().is_empty());
        assert_eq!(restored.standing(), whole.standing());
    }
    let counts = whole.label_counts();
    let applied = counts.targets + counts.stops + counts.timeouts;
    assert_eq!(2 * counts.sampled, applied + counts.voided + whole.labels_pending() as u64);
    assert!(applied > 5_000 && whole.labels_pending() > 0);
    assert!(Council::new(&COUNCIL).load(&mut Reader::new(&bytes(&whole)[..5_000])).is_err());
}

#[test]
fn nothing_grows() {
    let mut council = Council::new(&COUNCIL);
    let mut market = Market::new(9, 0.1);
    run(&mut council, &mut market, 5_000);
    let size = bytes(&council).len();
    run(&mut council, &mut market, 5_000);
    let sample = 1_200;
    assert!(bytes(&council).len() < size + sample * COUNCIL.labels.capacity);
}
