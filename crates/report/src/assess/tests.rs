use market::{Money, Side, Time};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::null::NullTrade;
use crate::session::Manifest;

const DAY: i64 = 86_400_000_000_000;

fn trade(strategy: &str, day: i64, place: i64, net_pips: f64) -> Trade {
    Trade {
        decided: 0,
        strategy: strategy.into(),
        symbol: "EURUSD".into(),
        side: Side::Buy,
        lots: 1.0,
        opened: Time(day * DAY + place * 60_000_000_000),
        closed: Time(day * DAY + place * 60_000_000_000 + 1),
        entry: 1.0,
        exit: 1.0,
        gross: Money((net_pips * 1e6) as i64),
        commission: Money::ZERO,
        swap: Money::ZERO,
        spread: Money::ZERO,
        slippage: Money::ZERO,
        mae_pips: 0.0,
        mfe_pips: 0.0,
        net_pips,
        cause: "target",
    }
}

fn name(strategy: usize) -> String {
    format!("s{strategy}")
}

/// A run of `k` strategies, 30 days of 4 trades each, whose results are noise around `mean`; random entries lose.
fn session(k: usize, mean: f64, seed: u64) -> Session {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut noise = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    let mut trades = Vec::new();
    for strategy in 0..k {
        for i in 0..120 {
            // Whole millionths, so that money and pips say the same.
            trades.push(trade(&name(strategy), i / 4, 60 * (i % 4), ((mean + noise()) * 1e6).round() / 1e6));
        }
    }
    let sum: i64 = trades.iter().map(|trade| trade.net().0).sum();
    let null = (0..k).flat_map(|s| {
        (0..200).map(move |i| NullTrade { strategy: name(s), hour: (i % 4) as u8, net_pips: f64::from(i % 7) - 3.5 })
    });
    Session {
        manifest: Manifest {
            build: String::new(),
            command: String::new(),
            config_digest: String::new(),
            config: String::new(),
            seed,
            data: Vec::new(),
            period: (Time(0), Time(30 * DAY)),
            currency: "USD".into(),
            balance_start: Money::ZERO,
            balance_end: Money(sum),
            venue: String::new(),
            journal_head: String::new(),
        },
        data: Vec::new(),
        strategies: (0..k).map(name).collect(),
        decisions: 0,
        signals: 0,
        abstentions: Vec::new(),
        refusals: Vec::new(),
        orders: 0,
        fills: 0,
        rejects: Vec::new(),
        trades,
        equity: Vec::new(),
        days: Vec::new(),
        null: null.collect(),
        costs: Vec::new(),
        latencies: Vec::new(),
        warnings: Vec::new(),
        ticks_per_second: 0.0,
        in_sample: false,
        memory_peak: 0,
    }
}

/// How many of `runs` runs of `k` strategies without an edge are called EDGE, by the verdict, and by what the verdict of
/// each strategy alone would have been.
fn called(runs: u64, k: usize) -> (usize, usize) {
    let (mut with, mut without) = (0, 0);
    for seed in 0..runs {
        let found = assess(&session(k, 0.0, seed)).unwrap();
        with += usize::from(found.verdict == Verdict::Edge);
        without += usize::from(found.strategies.iter().any(|j| {
            let p = j.null.as_ref().unwrap().p_of_expectancy(j.pips.expectancy);
            p < P_MAX && j.expectancy_interval.unwrap().low > 0.0 && j.stressed_interval.unwrap().low > 0.0
        }));
    }
    (with, without)
}

#[test]
fn the_best_of_several_without_an_edge_is_seldom_called_edge() {
    let (with, without) = called(60, 4);
    eprintln!("best of 4 without an edge, 60 runs of 30 days: EDGE {with}, uncorrected {without}");
    assert!(with <= 2 && without > with, "{with} and {without} of 60");
}

#[test]
fn an_edge_is_still_found_among_several() {
    let mut session = session(3, -0.4, 5);
    let shift = |trade: &mut Trade| {
        trade.net_pips = ((trade.net_pips + 1.2) * 1e6).round() / 1e6;
        trade.gross = Money((trade.net_pips * 1e6).round() as i64);
    };
    for trade in session.trades.iter_mut().filter(|trade| trade.strategy == "s1") {
        shift(trade);
    }
    session.manifest.balance_end = Money(session.trades.iter().map(|trade| trade.net().0).sum());
    let found = assess(&session).unwrap();
    assert_eq!(found.verdict, Verdict::Edge, "{}", found.reason);
    assert!(found.reason.starts_with("s1: ") && found.reason.ends_with("as one of 3 strategies)"), "{}", found.reason);
    let text = crate::text::summary(&session, &found);
    assert!(text.contains("As one of 3 strategies (98.33%)"), "{text}");
}

#[test]
fn one_strategy_is_judged_as_before() {
    let found = assess(&session(1, 0.5, 2)).unwrap();
    let only = &found.strategies[0];
    assert_eq!((only.family.expectancy, only.family.stressed), (only.expectancy_interval, only.stressed_interval));
    assert!(!crate::text::block(only, &found.daily).contains("As one of"));
    assert_eq!(p_max(1), 0.05);
    assert_eq!(p_max(10), 0.005);
    assert!(p_max(1_000) > 1.0 / 1_001.0, "or nothing could ever pass");
}

#[test]
fn the_json_says_how_many_were_judged() {
    let session = session(2, 0.0, 1);
    let json = crate::json::json(&session, &assess(&session).unwrap());
    assert_eq!(json["multiplicity"]["strategies"], 2);
    assert_eq!(json["multiplicity"]["level"], 0.975);
    let wide = |key: &str| json["strategies"][0][key][0].as_f64().unwrap();
    assert!(wide("expectancy_pips_family") < wide("expectancy_pips_95"));
}
