//! What a tick costs: all groups, none, and each group by itself.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use features::{Features, Groups, HawkesSpec, Spec};
use market::{Lots, Points, Price, Side, Span, SymbolId, Tick, Time, Trade};
use std::hint::black_box;

const TICKS: usize = 20_000;

/// A random walk with sizes, some ten ticks a second.
fn ticks() -> Vec<Tick> {
    let (mut x, mut time, mut bid) = (12_345_u64, Time::from_date(2014, 5, 2), 138_000_i64);
    let mut draw = move |n: u64| {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((x >> 33) % n) as i64
    };
    let mut next = || {
        time = time.plus(Span::from_millis(1 + draw(200)));
        bid += draw(7) - 3;
        let ask = Price(bid + 8 + draw(4));
        let (bid_lots, ask_lots) = (Lots(1 + draw(50)), Lots(1 + draw(50)));
        Tick { symbol: SymbolId(0), time, seen: time, bid: Price(bid), ask, bid_lots, ask_lots }
    };
    (0..TICKS).map(|_| next()).collect()
}

fn spec(groups: Groups) -> Spec {
    Spec {
        groups,
        pip: Points(10),
        widening: 1.5,
        leader_stale: Span::from_secs(5),
        hawkes: HawkesSpec { decay_per_second: 1.0, self_excitation: 0.4, cross_excitation: 0.2 },
    }
}

/// Runs the ticks again and again, each pass later than the one before.
fn pass(features: &mut Features, ticks: &mut [Tick]) {
    for tick in ticks.iter_mut() {
        features.on_tick(black_box(tick));
        black_box(features.frame());
        tick.time = tick.time.plus(Span::from_secs(2_050));
    }
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("on_tick");
    group.throughput(Throughput::Elements(TICKS as u64));
    let cases = [
        ("all", Groups::ALL),
        ("none", Groups::NONE),
        ("flow", Groups::FLOW),
        ("momentum", Groups::MOMENTUM),
        ("volatility", Groups::VOLATILITY),
        ("spread", Groups::SPREAD),
        ("hawkes", Groups::HAWKES),
        ("time", Groups::TIME),
        ("lead", Groups::LEAD),
        ("range", Groups::RANGE),
    ];
    for (name, groups) in cases {
        let (mut features, mut ticks) = (Features::new(&spec(groups)), ticks());
        group.bench_function(name, |b| b.iter(|| pass(&mut features, &mut ticks)));
    }
    // With a leader heard and a trade made after every tick: the price of three events.
    let (mut features, mut ticks) = (Features::new(&spec(Groups::ALL)), ticks());
    group.bench_function("all_with_leader_and_trade", |b| {
        b.iter(|| {
            for tick in &mut ticks {
                features.on_tick(black_box(tick));
                features.on_leader(black_box(tick));
                let Tick { symbol, time, seen, bid, bid_lots, .. } = *tick;
                features.on_trade(&Trade { symbol, time, seen, price: bid, lots: bid_lots, taker: Side::Sell });
                tick.time = tick.time.plus(Span::from_secs(2_050));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
