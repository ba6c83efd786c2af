//! The desk on long streams: what happened before does not depend on what comes after, a snapshot goes on as the desk
//! that it was taken of, and nothing is allocated on the way.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod stage;

use desk::spec::{Decide, StopRule};
use desk::{Action, Actions, Desk, Event, Fact, Idle, News, Spec};
use ensemble::{Barrier, DecideSpec};
use market::{Points, Reader, Span, State, SymbolId};
use risk::{StopSpec, TargetSpec};
use stage::line::{Line, Walk};
use stage::saved;
use stage::specs::{changed, eurusd, exits, netting, plain, unlimited, with_ensemble, with_strategy, with_symbol};

/// Every kind of strategy at once, on two symbols of which one leads the other: sizes, a cross, a coin and the ensemble.
fn busy() -> Spec {
    let barrier =
        Barrier { target: Points(12), stop: Points(16), horizon: Span::from_secs(60), commission_points: 0.5 };
    let demands = DecideSpec {
        prior: [1.0; ensemble::AGENTS],
        beta: 1.0,
        margin_points: -2.0,
        z: 0.2,
        awake_min: 1,
        gate_min: 0.0,
        meta_min: 0.5,
        meta_required: false,
    };
    changed(plain(), |spec| {
        let leader = market::Instrument { name: "EURUSD.lead".into(), ..eurusd() };
        let leader = with_symbol(spec, leader, desk::spec::Conversion::Same);
        spec.symbols[0].leader = Some(leader);
        with_strategy(spec, "C", &[SymbolId(0), leader]);
        spec.strategies[1].decide = Decide::Cross { fast: 5, slow: 40 };
        with_strategy(spec, "R", &[SymbolId(0)]);
        spec.strategies[2].decide = Decide::Random { seed: 3, every: Span::from_secs(20) };
        let widen =
            StopSpec { sigma_multiple: 2.0, range_multiple: 0.0, spread_multiple: 3.0, target: TargetSpec::Absent };
        spec.strategies[2].stop = StopRule::Volatility { stop: Points(20), target: Some(Points(30)), widen };
        with_ensemble(spec, barrier, demands);
        spec.classes[0].council.leader_moves = Span::from_secs(2);
        for strategy in &mut spec.strategies {
            strategy.cooldown = Span::from_secs(2);
        }
        spec.orders.exits = vec![exits(); 4];
        spec.strategies[0].stop = StopRule::Fixed { stop: Points(20), target: Some(Points(25)) };
        // The least stop is the barrier's, and often it is not wide enough.
        let widen = StopSpec { sigma_multiple: 0.9, ..widen };
        spec.strategies[3].stop = StopRule::Volatility { stop: Points(16), target: Some(Points(12)), widen };
        unlimited(spec);
    })
}

/// What passes on a line: every event, and what followed as text.
fn record(spec: &Spec, seed: u64, facts: usize) -> Vec<(Event, String)> {
    let (mut walk, mut line) = (Walk::new(seed, spec), Line::new(spec));
    let mut heard = Vec::new();
    let mut watch = |event: &Event, actions: &[Action]| heard.push((*event, format!("{actions:?}")));
    line.hear(Fact::Started, &mut watch);
    (0..facts).for_each(|_| line.hear(walk.next(), &mut watch));
    assert_eq!(line.lost(), 0);
    heard
}

/// How often each strategy opened a position, and the desk at the end.
fn openings(spec: &Spec, seed: u64, facts: usize) -> (Vec<u32>, Desk) {
    let (mut walk, mut line) = (Walk::new(seed, spec), Line::new(spec));
    let mut opened = vec![0; spec.strategies.len()];
    let mut watch = |_: &Event, actions: &[Action]| {
        for action in actions {
            if let Action::Tell(News::Opened(opening)) = action {
                opened[usize::from(opening.order.strategy.0)] += 1;
            }
        }
    };
    line.hear(Fact::Started, &mut watch);
    (0..facts).for_each(|_| line.hear(walk.next(), &mut watch));
    (opened, line.desk)
}

#[test]
fn every_strategy_trades_on_this_market() {
    let (opened, desk) = openings(&busy(), 1, 20_000);
    assert!(opened.iter().all(|opened| *opened > 10), "{opened:?}");
    let idle = |idle: Idle| desk.counts().idle[usize::from(idle.code())];
    assert!(idle(Idle::StopTooWide) > 10 && idle(Idle::NoVolatility) > 0, "{:?}", desk.counts());
    assert!(desk.counts().fills > 500 && desk.counts().rejected.iter().sum::<u64>() > 50, "{:?}", desk.counts());
    let (opened, _) = openings(&changed(busy(), netting), 1, 20_000);
    assert!(opened[0] > 10 && opened[1] > 10, "{opened:?}");
}

#[test]
fn nothing_follows_from_what_comes_later() {
    const FACTS: usize = 1_200;
    let spec = busy();
    let mut walk = Walk::new(2, &spec);
    let facts: Vec<Fact> = std::iter::once(Fact::Started).chain((0..FACTS).map(|_| walk.next())).collect();
    // The digest of all actions after each fact from the market.
    let digests = |facts: &[Fact]| -> Vec<u64> {
        let (mut line, mut digest) = (Line::new(&spec), DIGEST);
        let mut after = Vec::with_capacity(facts.len());
        for fact in facts {
            line.hear(*fact, &mut |_, actions| digest = actions.iter().fold(digest, digested));
            after.push(digest);
        }
        after
    };
    let whole = digests(&facts);
    let changes = whole.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 60, "{changes} facts led to actions");
    let mut state = 77_u64;
    for _ in 0..1_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let end = (state >> 33) as usize % FACTS;
        assert!(digests(&facts[..end]) == whole[..end], "cut after {end}");
    }
}

const DIGEST: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a over an action as text.
fn digested(digest: u64, action: &Action) -> u64 {
    format!("{action:?}").bytes().fold(digest, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

/// Takes snapshots on the way of a recorded stream; each goes on for a while beside the desk that it was taken of.
fn check_snapshots(spec: &Spec, seed: u64, facts: usize, steps: (usize, usize)) {
    let heard = record(spec, seed, facts);
    let (every, long) = steps;
    let mut desk = Desk::new(spec).unwrap();
    let mut actions = Actions::with_capacity(desk.actions_max());
    let mut twins: Vec<(usize, Desk)> = Vec::new();
    let mut taken = 0;
    for (place, (event, followed)) in heard.iter().enumerate() {
        // Odd steps, so that snapshots fall on every kind of event.
        if place % every == taken % every {
            let bytes = saved(&desk);
            let mut twin = Desk::new(spec).unwrap();
            let mut reader = Reader::new(&bytes);
            twin.load(&mut reader).unwrap();
            assert!(reader.rest().is_empty());
            twins.push((place + long, twin));
            taken += 1;
        }
        desk.on_event(event, &mut actions);
        assert_eq!(format!("{:?}", actions.as_slice()), *followed, "{place}");
        for (_, twin) in &mut twins {
            twin.on_event(event, &mut actions);
            assert_eq!(format!("{:?}", actions.as_slice()), *followed, "a snapshot's {place}");
        }
        twins.retain(|(until, twin)| {
            let goes_on = place < *until;
            assert!(goes_on || saved(twin) == saved(&desk), "the state after {place}");
            goes_on
        });
    }
    assert!(taken > 50, "{taken}");
}

#[test]
fn a_snapshot_goes_on_as_the_desk_did() {
    check_snapshots(&busy(), 3, 3_000, (41, 120));
    check_snapshots(&changed(busy(), netting), 4, 2_400, (41, 120));
}

#[test]
fn nothing_is_allocated_once_the_desk_is_made() {
    let counts = allocation_counter::measure(|| drop(std::hint::black_box(vec![0_u8; 9])));
    assert_eq!((counts.count_total, counts.bytes_current), (1, 0), "the counter counts");
    for (spec, facts) in [(busy(), 1_000_000_u32), (changed(busy(), netting), 200_000)] {
        let (mut walk, mut line) = (Walk::new(6, &spec), Line::new(&spec));
        let mut fills = 0_u64;
        let mut watch = |event: &Event, _: &[Action]| {
            fills += u64::from(matches!(event.fact, Fact::Reported(orders::Report::Opened { .. })));
        };
        line.hear(Fact::Started, &mut watch);
        (0..20_000).for_each(|_| line.hear(walk.next(), &mut watch));
        let counted = allocation_counter::measure(|| (0..facts).for_each(|_| line.hear(walk.next(), &mut watch)));
        assert!(fills > u64::from(facts) / 100, "{fills} fills");
        assert_eq!((counted.count_total, counted.bytes_current), (0, 0), "{counted:?}");
        assert_eq!(line.lost(), 0);
    }
}
