use super::*;
use crate::calibration::Evidence;
use crate::domain::Reach;
use crate::regime::RegimeView;
use crate::testing::{COUNCIL, DECIDE};
use crate::vote::{Opinion, Vote};
use market::{Lots, Points, Span, SymbolId};
use models::pool::{self, centred_pool};
use proptest::prelude::*;

fn tick(spread: i64) -> Tick {
    let (bid, ask) = (Price(110_000), Price(110_000 + spread));
    Tick { symbol: SymbolId(0), time: Time(0), seen: Time(0), bid, ask, bid_lots: Lots(0), ask_lots: Lots(0) }
}

/// An agent that gives a buy `p` and a sell what is left.
fn says(p: f64) -> Vote {
    let sides = [p, 1.0 - p].map(|p| Opinion { raw: 0.0, logit: clipped_logit(p), p });
    Vote { sides: Ok(sides), confidence: 1.0, width: 0.0 }
}

/// What the first agents have; the others have nothing.
fn first<T: Default + Copy, const N: usize>(own: [T; N]) -> [T; AGENTS] {
    std::array::from_fn(|i| own.get(i).copied().unwrap_or_default())
}

fn standing(opinions: &[Vote; AGENTS]) -> Standing {
    let reach = Reach::Inside;
    Standing {
        opinions: *opinions,
        evidence: [Evidence { labels: 1e9, miscalibration: 0.0 }; AGENTS],
        weights: [0.2; AGENTS],
        regime: RegimeView { posterior: [0.0, 1.0, 0.0], gate: 1.0, change_probability: 0.0, reach },
        heard: Some(Time(0)),
        epoch: 0,
        assigned: [None; crate::artefact::TRAINED],
    }
}

/// Votes as `p` of buying or a reason to abstain, then a change to the rest; the outcome.
fn check(votes: &str, change: impl Fn(&mut Standing, &mut DecideSpec), expected: &str) {
    let mut opinions = [Vote::default(); AGENTS];
    for (vote, text) in opinions.iter_mut().zip(votes.split_whitespace()) {
        let abstained = || *Abstain::ALL.iter().find(|reason| reason.name() == text).unwrap();
        *vote = text.parse().map_or_else(|_| Vote::abstained(abstained()), says);
    }
    let (mut standing, mut spec) = (standing(&opinions), DECIDE);
    change(&mut standing, &mut spec);
    let told = match judge(&standing, &COUNCIL, &spec, &tick(2)) {
        Ok(decision) => format!("{:?} p={:.3} ev={:.2}", decision.best, decision.view().p, decision.view().ev),
        Err(NoTrade { reason, decision }) => format!("{} p={:.3}", reason.name(), decision.view().p),
    };
    assert_eq!(told, expected, "{votes}");
}

#[test]
fn each_outcome() {
    let as_is = |_: &mut Standing, _: &mut DecideSpec| {};
    // 15 either way and a spread of 2: the null is 13/30, break-even 1/2.
    check("0.8 0.8 0.8 0.8 0.8", as_is, "Buy p=0.800 ev=9.00");
    check("0.1 0.1 0.1 0.1 0.1", as_is, "Sell p=0.900 ev=12.00");
    check("0.5 0.5 0.5 0.5 0.5", as_is, "below_margin p=0.500");
    check("0.8 0.8 warm_up stale fault", as_is, "Buy p=0.800 ev=9.00");
    check("0.8 warm_up warm_up stale fault", as_is, "too_few_agents p=0.800");
    check("no_opinion uncalibrated out_of_domain blackout stale", as_is, "all_abstained p=0.433");
    check("0.8 0.8 0.8 0.8 0.8", |standing, _| standing.regime.gate = 0.2, "gate_closed p=0.800");
    check("0.5 0.5 0.5 0.5 0.5", |standing, _| standing.regime.gate = 0.2, "below_margin p=0.500");
    check("0.8 0.8 0.8 0.8 0.8", |standing, _| standing.regime.reach = Reach::Unknown, "warming_up p=0.800");
    check("0.8 0.8 0.8 0.8 0.8", |_, spec| spec.margin_points = 9.0, "below_margin p=0.800");
    check("0.8 0.8 0.8 0.8 0.8", |_, spec| spec.z = f64::NAN, "fault p=0.800");
    check("0.8 0.8 0.8 0.8 0.8", |standing, _| standing.heard = Some(Time(-3_000_000_000)), "all_abstained p=0.433");
    // The prior switches agents off; few labels or disagreement lower the bound.
    check("0.8 0.8 0.2 0.2 0.2", |_, spec| spec.prior[2..].fill(0.0), "Buy p=0.800 ev=9.00");
    check("0.8 0.8 0.2 0.2 0.2", |_, spec| spec.prior = [0.0; AGENTS], "all_abstained p=0.433");
    check("0.55 0.55 0.55 0.55 0.55", |standing, _| standing.evidence[0].labels = 1.0, "Buy p=0.550 ev=1.50");
    check(
        "0.55 0.55 0.55 0.55 0.55",
        |standing, _| standing.evidence.fill(Evidence { labels: 9.0, miscalibration: 0.0 }),
        "below_margin p=0.550",
    );
    check("0.95 0.15 0.95 0.15 0.6", as_is, "below_margin p=0.638");
}

#[test]
fn the_spread_of_the_quote_decided_on_is_in_the_null() {
    let standing = standing(&[says(0.5); AGENTS]);
    let p0 = |spread| judge(&standing, &COUNCIL, &DECIDE, &tick(spread)).unwrap_err().decision.p0;
    assert!((p0(2) - 13.0 / 30.0).abs() < 1e-15 && (p0(5) - 10.0 / 30.0).abs() < 1e-15);
}

#[test]
fn extremising_is_clipped() {
    let standing = standing(&[says(0.6); AGENTS]);
    let with = |beta| judge(&standing, &COUNCIL, &DecideSpec { beta, ..DECIDE }, &tick(2)).unwrap().view().p;
    assert_eq!(with(2.0).to_bits(), with(7.0).to_bits());
    assert!(with(2.0) > with(1.0));
}

fn vote() -> impl Strategy<Value = Vote> {
    (prop::array::uniform2(0.0..=1.0_f64), 0.0..=1.0_f64, 0_usize..10).prop_map(|(p, confidence, reason)| {
        let edge = clipped_logit(1.0);
        let sides = p.map(|p| {
            let logit = clipped_logit(p).clamp(-edge, edge);
            Opinion { raw: 0.0, logit, p: math::sigmoid(logit) }
        });
        let sides = Abstain::ALL.get(reason).map_or(Ok(sides), |reason| Err(*reason));
        Vote { sides, confidence, width: 1.0 - confidence }
    })
}

/// One for each agent.
fn each<T: std::fmt::Debug + Copy + Default>(one: impl Strategy<Value = T>) -> impl Strategy<Value = [T; AGENTS]> {
    prop::collection::vec(one, AGENTS).prop_map(|all| std::array::from_fn(|i| all[i]))
}

fn evidence() -> impl Strategy<Value = Evidence> {
    (0.0..2_000.0_f64, 0.0..0.3_f64).prop_map(|(labels, miscalibration)| Evidence { labels, miscalibration })
}

prop_compose! {
    fn any_standing()(
        opinions in each(vote()),
        evidence in each(evidence()),
        weights in each(0.02..0.6_f64),
        gate in 0.0..=1.0_f64,
    ) -> Standing {
        let standing = standing(&opinions);
        Standing { evidence, weights, regime: RegimeView { gate, ..standing.regime }, ..standing }
    }
}

prop_compose! {
    fn any_spec()(
        prior in each(prop_oneof![Just(0.0), 0.0..3.0_f64]),
        beta in -1.0..4.0_f64,
        margin_points in -5.0..5.0_f64,
        z in 0.0..3.0_f64,
        awake_min in 0_usize..5,
        gate_min in 0.0..1.0_f64,
    ) -> DecideSpec {
        DecideSpec { prior, beta, margin_points, z, awake_min, gate_min, meta_min: 0.5, meta_required: false }
    }
}

proptest! {
    #[test]
    fn the_arithmetic_holds(standing in any_standing(), spec in any_spec(), spread in -3_i64..40) {
        let outcome = judge(&standing, &COUNCIL, &spec, &tick(spread));
        let decision = outcome.unwrap_or_else(|no| no.decision);
        prop_assert!(decision.discrepancy() <= 1e-6);
        for view in &decision.views {
            prop_assert!(view.p > 0.0 && view.p < 1.0 && view.p_lo >= 0.0 && view.p_lo <= view.p && view.se >= 0.0);
            prop_assert!(view.ev_lo <= view.ev);
            prop_assert!((decision.base + decision.beta * view.pooled - view.logit).abs() <= 1e-9);
        }
        let weights: f64 = decision.parts.iter().map(|part| part.weight).sum();
        prop_assert!(decision.awake == 0 && weights == 0.0 || (weights - 1.0).abs() < 1e-12);
        prop_assert!(decision.views.iter().all(|view| view.ev_lo <= decision.view().ev_lo));
        if decision.awake == 0 {
            prop_assert!(decision.views.iter().all(|view| (view.p - decision.p0).abs() < 1e-12));
        }
    }

    #[test]
    fn nothing_is_traded_without_its_margin_its_agents_and_its_gate(
        standing in any_standing(), spec in any_spec(), spread in -3_i64..40,
    ) {
        let worth = |decision: &Decision| decision.view().ev_lo > spec.margin_points;
        match judge(&standing, &COUNCIL, &spec, &tick(spread)) {
            Ok(decision) => {
                prop_assert!(worth(&decision) && decision.awake >= spec.awake_min.max(1));
                prop_assert!(standing.regime.gate > 0.0 && standing.regime.gate >= spec.gate_min);
            }
            Err(NoTrade { reason, decision }) => match reason {
                Reason::Fault | Reason::WarmingUp => prop_assert!(false, "{reason:?}"),
                Reason::AllAbstained => prop_assert_eq!(decision.awake, 0),
                Reason::TooFewAgents => prop_assert!(decision.awake < spec.awake_min),
                Reason::BelowMargin => prop_assert!(!worth(&decision)),
                Reason::MetaDeclined | Reason::MetaSilent => prop_assert!(false, "no meta model was asked"),
                Reason::GateClosed => {
                    prop_assert!(worth(&decision) && standing.regime.gate < spec.gate_min.max(1e-300));
                }
            },
        }
    }

    #[test]
    fn the_pool_equals_its_twin(standing in any_standing(), spec in any_spec(), spread in 0_i64..10) {
        let outcome = judge(&standing, &COUNCIL, &spec, &tick(spread));
        let decision = outcome.unwrap_or_else(|no| no.decision);
        for side in SIDES {
            let opinions = std::array::from_fn(|i| {
                let vote = &standing.opinions[i];
                let (weight, confidence) = (spec.prior[i] * standing.weights[i], vote.confidence);
                vote.about(side).ok().map(|opinion| pool::Opinion { probability: opinion.p, weight, confidence })
            });
            let twin = centred_pool::<AGENTS>(decision.p0, &opinions, spec.beta);
            prop_assert!((decision.views[place(side)].logit - twin.log_odds).abs() < 1e-9);
        }
    }
}

#[test]
fn the_pool_oracle() {
    // signals.md 7 #24, around a null of one half: 15 either way, no spread.
    let votes = first([says(0.6), says(0.55), says(0.48)]);
    let standing = Standing { weights: first([0.5, 0.3, 0.2]), ..standing(&votes) };
    for (beta, expected) in [(1.0, 0.561_419_548_9), (1.3, 0.579_568_619_7)] {
        let outcome = judge(&standing, &COUNCIL, &DecideSpec { beta, z: 0.0, ..DECIDE }, &tick(0));
        assert!((outcome.unwrap().views[0].p - expected).abs() < 1e-9);
    }
}

#[test]
fn a_barrier_that_makes_no_sense_is_a_fault() {
    let mut council = COUNCIL;
    council.barrier.horizon = Span(0);
    let outcome = judge(&standing(&[says(0.9); AGENTS]), &council, &DECIDE, &tick(2));
    assert_eq!(outcome.unwrap_err().reason, Reason::Fault);
    council.barrier = Barrier { target: Points(0), ..COUNCIL.barrier };
    let outcome = judge(&standing(&[says(0.9); AGENTS]), &council, &DECIDE, &tick(2));
    assert_eq!(outcome.unwrap_err().reason, Reason::Fault);
}
