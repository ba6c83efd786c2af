use super::*;
use market::{Lots, Points, SymbolId};
use proptest::prelude::*;

fn barrier(target: i64, stop: i64, horizon_secs: i64) -> Barrier {
    let (target, stop) = (Points(target), Points(stop));
    Barrier { target, stop, horizon: Span::from_secs(horizon_secs), commission_points: 0.0 }
}

fn spec(cadence_secs: i64, latency_secs: i64, capacity: usize) -> LabelSpec {
    let (cadence, latency) = (Span::from_secs(cadence_secs), Span::from_secs(latency_secs));
    LabelSpec { cadence, latency, capacity, silence: Span::HOUR }
}

fn tick(seconds: i64, bid: i64, ask: i64) -> Tick {
    let time = Time(seconds * 1_000_000_000);
    let (bid, ask) = (Price(bid), Price(ask));
    Tick { symbol: SymbolId(0), time, seen: time, bid, ask, bid_lots: Lots(0), ask_lots: Lots(0) }
}

/// Feeds every tick, samples when due, and returns the labels with the second at which each was applied.
fn resolve(labels: &mut Labels<u64>, ticks: &[Tick]) -> Vec<(i64, Label)> {
    let mut resolved = Vec::new();
    for tick in ticks {
        labels.on_tick(tick, |payload, label| {
            assert_eq!(*payload, label.sample, "the label comes with its own sample");
            resolved.push((tick.time.0 / 1_000_000_000, *label));
        });
        if labels.is_due(tick.time) {
            let number = labels.counts().sampled;
            labels.push(tick, number);
        }
    }
    resolved
}

/// Prices, one a second, in hundredths (signals.md 7 #9) against the first sample's label of the buy side.
fn check(target: i64, stop: i64, horizon: i64, expected: &str) {
    let prices = [10_000, 10_010, 9_995, 10_025, 10_060, 10_020, 9_940, 9_990];
    let ticks: Vec<Tick> = prices.iter().enumerate().map(|(i, p)| tick(i as i64, *p, *p)).collect();
    let mut labels = Labels::new(barrier(target, stop, horizon), spec(100, 0, 4));
    let resolved = resolve(&mut labels, &ticks);
    let (at, label) = resolved.iter().find(|(_, label)| label.side == Side::Buy).unwrap();
    assert_eq!(format!("{:?} {at} {:+}", label.outcome, label.exit.above(label.entry).0), expected);
}

#[test]
fn triple_barrier_oracle() {
    check(50, 50, 7, "Target 4 +60");
    check(20, 50, 7, "Target 3 +25");
    check(100, 30, 7, "Stop 6 -60");
    check(100, 100, 4, "Timeout 4 +60");
}

#[test]
fn both_sides_pay_the_spread_and_enter_after_the_latency() {
    let mut labels = Labels::new(barrier(10, 10, 60), spec(100, 2, 4));
    // Sampled at 0; entered at 3, the first tick at or after 2: buy at 104, sell at 101.
    let ticks = [
        tick(0, 100, 102),
        tick(1, 150, 152),
        tick(3, 101, 104),
        tick(4, 113, 115),
        tick(5, 114, 116),
        tick(6, 90, 92),
    ];
    let resolved = resolve(&mut labels, &ticks);
    let told: Vec<String> = resolved
        .iter()
        .map(|(at, l)| format!("{at} {:?} {:?} {}->{} u={:.4}", l.side, l.outcome, l.entry.0, l.exit.0, l.uniqueness))
        .collect();
    // The sell's ask of 115 is 14 above 101 at second 4; the buy's bid of 114 is 10 above 104 at second 5.
    assert_eq!(told, ["4 Sell Stop 101->115 u=0.5000", "5 Buy Target 104->114 u=0.7500"]);
    assert_eq!(labels.pending(), 0);
}

#[test]
fn a_timeout_is_won_only_after_commission_and_never_touches_a_barrier_late() {
    let told = |commission_points: f64, last: Tick| {
        let barrier = Barrier { commission_points, ..barrier(10, 10, 5) };
        let mut labels = Labels::new(barrier, spec(100, 0, 4));
        let resolved = resolve(&mut labels, &[tick(0, 100, 101), tick(4, 104, 105), last]);
        resolved.iter().map(|(_, l)| format!("{:?}:{:?}:{}", l.side, l.outcome, l.won)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told(0.0, tick(5, 104, 105)), "Buy:Timeout:true Sell:Timeout:false");
    assert_eq!(told(3.0, tick(5, 104, 105)), "Buy:Timeout:false Sell:Timeout:false");
    assert_eq!(told(0.0, tick(5, 111, 112)), "Buy:Target:true Sell:Stop:false");
    assert_eq!(told(0.0, tick(9, 130, 131)), "Buy:Timeout:true Sell:Timeout:false");
}

#[test]
fn silence_and_hopeless_spreads_void_and_a_crossed_tick_says_nothing() {
    let mut labels = Labels::new(barrier(10, 10, 60), LabelSpec { silence: Span::from_secs(30), ..spec(100, 0, 4) });
    assert!(resolve(&mut labels, &[tick(0, 100, 101), tick(31, 200, 201)]).is_empty());
    assert_eq!((labels.counts().voided, labels.pending()), (2, 0));

    let mut labels = Labels::new(barrier(10, 10, 60), spec(100, 0, 4));
    assert!(resolve(&mut labels, &[tick(0, 100, 110), tick(1, 200, 201)]).is_empty());
    assert_eq!(labels.counts().voided, 2);

    let mut labels = Labels::new(barrier(10, 10, 60), spec(100, 0, 4));
    assert!(resolve(&mut labels, &[tick(0, 100, 101), tick(1, 200, 199)]).is_empty());
    assert_eq!(labels.pending(), 2);
}

#[test]
fn hopeless_spreads_do_not_fill_the_room() {
    let mut labels = Labels::new(barrier(10, 10, 60), spec(1, 0, 3));
    let ticks: Vec<Tick> = (0..20).map(|i| tick(i, 100, 110)).collect();
    assert!(resolve(&mut labels, &ticks).is_empty());
    assert_eq!((labels.counts().sampled, labels.counts().skipped), (20, 0));
    assert_eq!(labels.oldest(), 19);
}

#[test]
fn a_full_book_skips_and_counts() {
    let mut labels = Labels::new(barrier(1_000, 1_000, 1_000), spec(1, 0, 3));
    let ticks: Vec<Tick> = (0..10).map(|i| tick(i, 100, 101)).collect();
    resolve(&mut labels, &ticks);
    assert_eq!((labels.counts().sampled, labels.counts().skipped, labels.pending()), (3, 7, 6));
}

/// The slow obvious twin: every label of every sample ever taken, looked at on every tick.
struct Twin {
    barrier: Barrier,
    latency: Span,
    samples: Vec<(Time, Option<(Time, Tick)>)>,
    open: Vec<(u64, Side, f64)>,
    last: Option<Time>,
}

impl Twin {
    fn on_tick(&mut self, tick: &Tick) -> Vec<Label> {
        let now = tick.time;
        let count = self.open.len() as f64;
        let passed = self.last.map_or(0.0, |last| now.since(last).as_secs());
        self.last = Some(now);
        let mut resolved = Vec::new();
        let mut still = Vec::new();
        for (sample, side, shared) in std::mem::take(&mut self.open) {
            let shared = shared + passed / count;
            let (entered, quote) = self.samples[sample as usize].1.unwrap();
            let (entry, exit) = (quote.entry(side), tick.exit(side));
            let gain = (exit.0 - entry.0) * side.sign();
            let deadline = entered.plus(self.barrier.horizon);
            let outcome = match () {
                () if now > deadline => Outcome::Timeout,
                () if gain >= self.barrier.target.0 => Outcome::Target,
                () if gain <= -self.barrier.stop.0 => Outcome::Stop,
                () if now == deadline => Outcome::Timeout,
                () => {
                    still.push((sample, side, shared));
                    continue;
                }
            };
            let won = outcome == Outcome::Target || outcome == Outcome::Timeout && gain > 0;
            let lived = now.since(entered).as_secs();
            let uniqueness = if lived > 0.0 { shared / lived } else { 1.0 / count };
            resolved.push(Label { sample, side, outcome, won, entered, ended: now, entry, exit, uniqueness });
        }
        self.open = still;
        self.enter(tick);
        resolved.sort_by_key(|label| (place(label.side), label.sample));
        resolved
    }

    fn enter(&mut self, tick: &Tick) {
        for (number, sample) in self.samples.iter_mut().enumerate() {
            if sample.1.is_none() && tick.time >= sample.0.plus(self.latency) {
                sample.1 = Some((tick.time, *tick));
                self.open.extend(SIDES.map(|side| (number as u64, side, 0.0)));
            }
        }
    }
}

/// A walk of quotes: steps of (milliseconds passed, move of the bid, spread).
fn walk(steps: &[(i64, i64, i64)]) -> Vec<Tick> {
    let (mut time, mut bid) = (0, 100_000);
    let mut ticks = Vec::new();
    for (passed, moved, spread) in steps {
        (time, bid) = (time + passed * 1_000_000, bid + moved);
        ticks.push(Tick { time: Time(time), seen: Time(time), ..tick(0, bid, bid + spread) });
    }
    ticks
}

fn steps() -> impl Strategy<Value = Vec<(i64, i64, i64)>> {
    prop::collection::vec((0_i64..1_500, -6_i64..7, 0_i64..4), 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn equals_the_twin(steps in steps(), latency in 0_i64..3, target in 4_i64..20, stop in 4_i64..20) {
        let barrier = barrier(target, stop, 15);
        let mut labels = Labels::new(barrier, spec(1, latency, 64));
        let mut twin =
            Twin { barrier, latency: Span::from_secs(latency), samples: vec![], open: vec![], last: None };
        for tick in walk(&steps) {
            let mut resolved = Vec::new();
            labels.on_tick(&tick, |_, label| resolved.push(*label));
            let expected = twin.on_tick(&tick);
            prop_assert_eq!(resolved.len(), expected.len());
            for (label, expected) in resolved.iter().zip(&expected) {
                prop_assert!((label.uniqueness - expected.uniqueness).abs() < 1e-9);
                prop_assert_eq!(Label { uniqueness: 0.0, ..*label }, Label { uniqueness: 0.0, ..*expected });
            }
            if labels.is_due(tick.time) {
                labels.push(&tick, twin.samples.len() as u64);
                twin.samples.push((tick.time, None));
                twin.enter(&tick);
            }
        }
        prop_assert_eq!(labels.counts().skipped, 0);
    }

    #[test]
    fn every_label_is_applied_exactly_once_across_snapshots(
        steps in steps(), cuts in prop::collection::vec(0_usize..400, 0..5),
    ) {
        let spec = LabelSpec { silence: Span::from_millis(1_450), ..spec(1, 1, 16) };
        let ticks = walk(&steps);
        let mut whole = Labels::new(barrier(9, 7, 20), spec);
        let expected = resolve(&mut whole, &ticks);

        let mut labels = Labels::new(barrier(9, 7, 20), spec);
        let mut resolved = Vec::new();
        for (i, tick) in ticks.iter().enumerate() {
            if cuts.contains(&i) {
                let mut bytes = Vec::new();
                labels.save(&mut bytes);
                labels = Labels::new(barrier(9, 7, 20), spec);
                let mut reader = Reader::new(&bytes);
                labels.load(&mut reader).unwrap();
                prop_assert!(reader.rest().is_empty());
            }
            resolved.extend(resolve(&mut labels, std::slice::from_ref(tick)));
        }
        prop_assert_eq!(&resolved, &expected);
        let mut seen: Vec<_> = resolved.iter().map(|(_, label)| (label.sample, label.side)).collect();
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len(), all, "a label was applied twice");
        let counts = labels.counts();
        prop_assert_eq!(counts.targets + counts.stops + counts.timeouts, all as u64);
        prop_assert_eq!(2 * counts.sampled, all as u64 + counts.voided + labels.pending() as u64);
    }
}
