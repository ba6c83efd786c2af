//! Canaries and news at the desk, with a venue at the other end: what a canary may lose, and what news shut.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod stage;

use std::sync::Arc;

use desk::{Action, Command, Event, Fact, Impact, News, Notice, NoticeFault, NoticeKind, Role, Spec};
use ensemble::{
    Artefact, Barrier, Brain, CanarySpec, Chair, DecideSpec, Input, Parts, Rollback, Sentiment, Trained, Unstaged,
};
use features::Feature;
use market::{Points, Reader, Span, State, StrategyId, SymbolId, Time};
use models::forest::{Forest, Leaf, Link, Tree};
use models::paired::PairedSpec;
use proptest::prelude::*;
use risk::Operator;
use stage::line::{Line, Walk};
use stage::saved;
use stage::specs::{changed, noon, plain, unlimited, with_ensemble};

/// The venue takes 6 points of commission a round trip, and slips by at most 5 at each end.
const BARRIER: Barrier =
    Barrier { target: Points(12), stop: Points(16), horizon: Span::from_secs(60), commission_points: 6.0 };

/// A position loses at most its stop, the commission, and what slips.
const TRIAL: PairedSpec = PairedSpec {
    alpha: 0.05,
    bound: 16.0 + 6.0 + 14.0,
    margin: 36.0,
    share: 0.0,
    budget: 0.0,
    blocks: 1,
    block_labels: 1,
    labels_min: 1_000_000,
    labels_max: 2_000_000,
};

/// A strategy that listens to the trees alone, and trades whatever they say.
fn eager() -> Spec {
    let mut prior = [0.0; ensemble::AGENTS];
    prior[ensemble::AgentKind::Trees as usize] = 1.0;
    let demands = DecideSpec {
        prior,
        beta: 1.0,
        margin_points: -100.0,
        z: 0.0,
        awake_min: 1,
        gate_min: 0.0,
        meta_min: 0.0,
        meta_required: false,
    };
    changed(plain(), |spec| {
        with_ensemble(spec, BARRIER, demands);
        spec.strategies[1].stake = desk::spec::StakeSpec::Fixed(market::Lots(10));
        spec.strategies[1].cooldown = Span::from_secs(2);
        spec.strategies[1].positions_max = 3;
        unlimited(spec);
    })
}

fn model(byte: u8) -> Arc<Artefact> {
    let forest = |value| {
        let mut builder = Forest::builder(1).link(Link::Logistic { slope: 1.0 });
        builder.tree(Tree { splits: vec![], leaves: vec![Leaf { value, cover: 1.0 }] }).unwrap();
        builder.build().unwrap()
    };
    let inputs = vec![Input { feature: Feature::Spread, low: 0.0, high: 9.0, deciles: [1.0; 9] }];
    let forests = [forest(0.1), forest(-0.1)];
    let parts = Parts {
        name: "leaf".into(),
        barrier: BARRIER,
        inputs,
        outside_max: 0,
        missing_max: 1,
        trained: (Time(0), Time(0)),
        brain: Brain::Trees(forests),
    };
    Arc::new(Artefact::new(parts, [byte; 32]).unwrap())
}

fn by() -> Operator {
    Operator::new("Ann").unwrap()
}

fn seat(byte: u8, role: Role) -> Fact {
    Fact::Commanded(Command::Seat { by: by(), digest: [byte; 32], class: 0, role, until: None })
}

fn stage_canary(canary: CanarySpec) -> Fact {
    Fact::Commanded(Command::Stage { by: by(), class: 0, seat: Trained::Trees, canary })
}

fn canary(share: f64, budget: f64) -> CanarySpec {
    CanarySpec { share, block: Span::from_secs(60), salt: 5, budget }
}

/// What a run of a canary that owns every block came to.
#[derive(Debug, Default)]
struct Outcome {
    entries: u64,
    worst: f64,
    sum: f64,
    withdrawn: Option<Time>,
    refused: u64,
}

/// Books the results of the positions that were entered while the canary was staged.
fn outcome(seed: u64, budget: f64, facts: usize) -> Outcome {
    let spec = eager();
    let (mut walk, mut line) = (Walk::new(seed, &spec), Line::new(&spec));
    let mut found = Outcome::default();
    for byte in [1, 2] {
        line.desk.shelve(model(byte));
    }
    let mut nothing = |_: &Event, _: &[Action]| {};
    line.hear(Fact::Started, &mut nothing);
    line.hear(seat(1, Role::Champion), &mut nothing);
    line.hear(seat(2, Role::Challenger(TRIAL)), &mut nothing);
    (0..2_000).for_each(|_| line.hear(walk.next(), &mut nothing));
    let mut since = None;
    let mut own = std::collections::BTreeMap::new();
    let mut watch = |event: &Event, actions: &[Action]| {
        for action in actions {
            match action {
                Action::Tell(News::Staged { .. }) => since = Some(event.time),
                Action::Tell(News::Withdrawn { chair: Chair::Challenger, why: Rollback::Budget, .. }) => {
                    found.withdrawn = Some(event.time);
                }
                Action::Tell(News::Opened(opening)) if opening.order.strategy == StrategyId(1) => {
                    let sent = opening.order.sent;
                    let staked = since.is_some_and(|since| sent > since);
                    if staked && found.withdrawn.is_none_or(|until| sent <= until) {
                        own.insert(opening.ticket.0, opening.order.lots.0);
                        found.entries += 1;
                    }
                }
                Action::Tell(News::Closed(trade)) => {
                    let Some(asked) = own.get(&trade.first_ticket.0) else { continue };
                    let gross = (trade.exit.above(trade.entry).0 * trade.side.sign()) as f64;
                    // A point on a hundredth of a lot is a cent.
                    let costs = (trade.commission.0 + trade.swap.0) as f64 / (10_000 * trade.lots.0) as f64;
                    found.sum += (gross + costs) * trade.lots.0 as f64 / *asked as f64;
                    found.worst = found.worst.min(found.sum);
                }
                _ => {}
            }
        }
    };
    line.hear(stage_canary(canary(1.0, budget)), &mut watch);
    (0..facts).for_each(|_| line.hear(walk.next(), &mut watch));
    found.refused = line.desk.counts().idle[usize::from(desk::Idle::CanaryBudget.code())];
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn whatever_prices_do_a_canary_never_loses_more_than_its_budget(seed: u64, budget in 120.0_f64..500.0) {
        let found = outcome(seed, budget, 8_000);
        prop_assert!(found.worst >= -budget, "{found:?} of {budget}");
        prop_assert!(found.entries > 0, "{found:?}");
    }
}

#[test]
fn a_canary_that_pays_its_costs_without_skill_is_sent_away_and_the_champion_trades_on() {
    let found = outcome(7, 200.0, 20_000);
    assert!(found.withdrawn.is_some() && found.sum < 0.0 && found.worst >= -200.0, "{found:?}");
    assert!(found.entries >= 4, "{found:?}");
}

#[test]
fn a_desk_with_stakes_goes_on_from_a_snapshot_alike() {
    let spec = eager();
    let (mut walk, mut line) = (Walk::new(3, &spec), Line::new(&spec));
    let mut nothing = |_: &Event, _: &[Action]| {};
    for byte in [1, 2] {
        line.desk.shelve(model(byte));
    }
    line.hear(Fact::Started, &mut nothing);
    line.hear(seat(1, Role::Champion), &mut nothing);
    line.hear(seat(2, Role::Challenger(TRIAL)), &mut nothing);
    (0..2_000).for_each(|_| line.hear(walk.next(), &mut nothing));
    line.hear(stage_canary(canary(0.5, 5_000.0)), &mut nothing);
    line.hear(Fact::Noticed(notice(9, NoticeKind::Sentiment(SAID))), &mut nothing);
    let mut snapshots = 0;
    let mut twin: Option<desk::Desk> = None;
    for nth in 0..6_000 {
        let mut heard = Vec::new();
        line.hear(walk.next(), &mut |event: &Event, actions: &[Action]| heard.push((*event, format!("{actions:?}"))));
        if let Some(twin) = &mut twin {
            let mut actions = desk::Actions::with_capacity(twin.actions_max());
            for (event, expected) in &heard {
                twin.on_event(event, &mut actions);
                assert_eq!(&format!("{:?}", actions.as_slice()), expected);
            }
        }
        if nth > 1_000 && twin.is_none() && line.desk.stakes() > 0 {
            let mut restored = desk::Desk::new(&spec).unwrap();
            restored.load(&mut Reader::new(&saved(&line.desk))).unwrap();
            assert_eq!(restored.stakes(), line.desk.stakes());
            twin = Some(restored);
            snapshots += 1;
        }
    }
    assert_eq!(snapshots, 1);
    assert_eq!(saved(&twin.unwrap()), saved(&line.desk));
}

#[test]
fn who_cannot_trade_as_a_canary_is_told_why() {
    let spec = eager();
    let mut line = Line::new(&spec);
    for byte in [1, 2] {
        line.desk.shelve(model(byte));
    }
    let mut told = Vec::new();
    let mut watch = |_: &Event, actions: &[Action]| {
        told.extend(actions.iter().filter_map(|action| match action {
            Action::Tell(News::Unstaged { why, .. }) => Some(Some(*why)),
            Action::Tell(News::Staged { .. }) => Some(None),
            _ => None,
        }));
    };
    line.hear(stage_canary(canary(0.05, 200.0)), &mut watch);
    line.hear(seat(1, Role::Champion), &mut watch);
    line.hear(seat(2, Role::Challenger(TRIAL)), &mut watch);
    line.hear(stage_canary(canary(1.5, 200.0)), &mut watch);
    line.hear(stage_canary(canary(0.05, 30.0)), &mut watch);
    let elsewhere = Command::Stage { by: by(), class: 7, seat: Trained::Trees, canary: canary(0.05, 200.0) };
    line.hear(Fact::Commanded(elsewhere), &mut watch);
    line.hear(stage_canary(canary(0.05, 200.0)), &mut watch);
    let expected = [
        Some(Unstaged::NoChallenger),
        Some(Unstaged::Share),
        Some(Unstaged::Budget),
        Some(Unstaged::UnknownClass),
        None,
    ];
    assert_eq!(told, expected);
}

const SAID: Sentiment = Sentiment { score: 0.5, confidence: 0.5, half_life: Span::MINUTE };

fn notice(id: u64, kind: NoticeKind) -> Notice {
    Notice { id, source: 1, published: noon(), symbol: Some(SymbolId(0)), kind }
}

fn after(seconds: i64) -> Time {
    noon().plus(Span::from_secs(seconds))
}

#[test]
fn what_makes_no_sense_is_refused_whole() {
    use NoticeFault::{Backwards, Confidence, HalfLife, NotYet, Over, Repeated, Score, UnknownSymbol};
    let spec = eager();
    let mut line = Line::new(&spec);
    let mut told = Vec::new();
    let mut watch = |_: &Event, actions: &[Action]| {
        told.extend(actions.iter().filter_map(|action| match action {
            Action::Tell(News::Unnoticed { why, .. }) => Some(Some(*why)),
            Action::Tell(News::Noticed { .. }) => Some(None),
            _ => None,
        }));
    };
    let window = |from, until, impact| NoticeKind::Window { from: after(from), until: after(until), impact };
    let base = notice(1, NoticeKind::Sentiment(SAID));
    let said = |said: Sentiment| Notice { kind: NoticeKind::Sentiment(said), ..base };
    for notice in [
        base,
        base,
        Notice { id: 2, symbol: Some(SymbolId(9)), ..base },
        Notice { id: 2, published: after(1), ..base },
        said(Sentiment { score: 1.01, ..SAID }),
        said(Sentiment { score: f64::NAN, ..SAID }),
        said(Sentiment { confidence: -0.1, ..SAID }),
        said(Sentiment { half_life: Span(0), ..SAID }),
        notice(3, window(100, 99, Impact::High)),
        notice(3, window(-2_000, -1_500, Impact::High)),
        notice(3, NoticeKind::Freeze { until: noon() }),
        notice(3, window(-2_000, -1_500, Impact::Holiday)),
    ]
    .map(|notice| if notice.id == 1 && notice != base { Notice { id: 2, ..notice } } else { notice })
    {
        line.hear(Fact::Noticed(notice), &mut watch);
    }
    let expected = [
        None,
        Some(Repeated),
        Some(UnknownSymbol),
        Some(NotYet),
        Some(Score),
        Some(Score),
        Some(Confidence),
        Some(HalfLife),
        Some(Backwards),
        Some(Over),
        Some(Over),
        None,
    ];
    assert_eq!(told, expected);
    assert_eq!((line.desk.counts().noticed, line.desk.counts().unnoticed), (2, 10));
}

#[test]
fn nothing_is_opened_around_an_event_or_while_frozen() {
    // A coin trades all the time; the windows are 300 s before to 900 s after, and a freeze of 200 s.
    let spec = changed(plain(), |spec| {
        spec.strategies[0].decide = desk::spec::Decide::Random { seed: 3, every: Span::from_secs(10) };
        spec.strategies[0].positions_max = 24;
        spec.strategies[0].cooldown = Span::SECOND;
        unlimited(spec);
    });
    let (mut walk, mut line) = (Walk::new(4, &spec), Line::new(&spec));
    let mut sent = Vec::new();
    let mut watch = |event: &Event, actions: &[Action]| {
        for action in actions {
            if let Action::Send(request) = action
                && matches!(request.instruction(), orders::Instruction::Open(_))
            {
                sent.push(event.time);
            }
        }
    };
    line.hear(Fact::Started, &mut watch);
    let event = NoticeKind::Window { from: after(1_000), until: after(1_000), impact: Impact::High };
    line.hear(Fact::Noticed(notice(1, event)), &mut watch);
    let frozen = NoticeKind::Freeze { until: after(200) };
    line.hear(Fact::Noticed(notice(2, frozen)), &mut watch);
    (0..12_000).for_each(|_| line.hear(walk.next(), &mut watch));
    let within = |from: i64, until: i64| sent.iter().filter(|time| (after(from)..after(until)).contains(time)).count();
    assert_eq!((within(0, 200), within(700, 1_900)), (0, 0));
    assert!(within(200, 700) > 3 && within(1_900, 3_000) > 3, "{} and {}", within(200, 700), within(1_900, 3_000));
    assert!(line.desk.gate().counters().refused(risk::Control::Blackout) > 0, "with its count");
}
