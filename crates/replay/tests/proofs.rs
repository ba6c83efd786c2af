//! Two proofs that the machinery is honest: where there is nothing it finds nothing, and where an edge was planted it
//! finds that edge, with the numbers of the closed form.
//!
//! A trade opens at one side of the spread and is closed at the other, so of a target `a`, a stop `s` and a spread `c`
//! the mid walks `a + c` or `s - c`. The venue fills a target once the market is a point beyond: on this grid a point is a
//! tenth of the walk's step, so the target is set a point nearer and pays that point less.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{BARRIERS, Parts, Strategy};
use config::Config;
use market::{Points, Span, SymbolId, Tick, Time};
use replay::backtest::with_a_coin;
use replay::record::Unrecorded;
use replay::synthetic::{self, Plant, Ran, Walk, hit_probability, theta_for};
use report::null::NullTrade;
use report::{Assessment, Manifest, Session, Trade, Verdict, assess};

/// The spread in pips.
const SPREAD: f64 = 0.3;

/// By how much a target pays less than the barrier that the walk reaches, in pips.
const THROUGH: f64 = 0.01;

fn walk(seed: u64, ticks: u64, every: Span, plant: Plant) -> Walk {
    let start = Time::from_date(2014, 5, 5);
    Walk {
        seed,
        symbol: SymbolId(0),
        ticks,
        start,
        every: every.0,
        mid: 1_387_000,
        step: Points(10),
        spread: Points(30),
        plant,
    }
}

fn run(config: &Config, walk: Walk) -> Ran<Unrecorded> {
    let ran = synthetic::run(config, walk.ticks(), Unrecorded::default()).unwrap();
    assert_eq!(ran.left_open, 0);
    assert_eq!(ran.desk.orders().ledger().balance(), ran.venue.account().balance);
    ran
}

/// A desk with one strategy that is decided by `decide` and leaves by stop and target alone.
fn desk_of(decide: &str, stop: &str, positions: u32) -> Parts {
    let stop = format!("by = \"fixed\"\nstop = \"{stop} pip\"\ntarget = \"199 point\"");
    Parts::free(Strategy { name: "system", decide, stop: &stop, positions, ..Strategy::default() }.text())
}

fn coin(seed: u64, every: Span) -> String {
    format!("by = \"random\"\nseed = {seed}\nevery = \"{} s\"", every.0 / Span::SECOND.0)
}

/// The trades that ended by their own stop or target.
fn ended(trades: &[Trade]) -> Vec<&Trade> {
    trades.iter().filter(|trade| trade.cause == "stop" || trade.cause == "target").collect()
}

/// Share of wins and mean result in pips of independent trades, with the closed form's standard errors.
struct Measured {
    trades: usize,
    win_rate: f64,
    expectancy: f64,
}

impl Measured {
    fn of<'a>(trades: impl IntoIterator<Item = &'a Trade>) -> Self {
        let (mut count, mut wins, mut sum) = (0_usize, 0_usize, 0.0);
        for trade in trades {
            count += 1;
            wins += usize::from(trade.net_pips > 0.0);
            sum += trade.net_pips;
        }
        Self { trades: count, win_rate: wins as f64 / count as f64, expectancy: sum / count as f64 }
    }

    /// Both within three standard errors of the closed form for a win probability, a win and a loss in pips.
    fn check(&self, p: f64, win: f64, loss: f64) {
        let error = (p * (1.0 - p) / self.trades as f64).sqrt();
        let expectancy = p * win - (1.0 - p) * loss;
        let Self { trades, win_rate, expectancy: found } = self;
        let shown = format!(
            "{trades} trades: win rate {win_rate:.4} of {p:.4} +- {error:.4}, expectancy {found:+.4} of {expectancy:+.4}"
        );
        eprintln!("{shown}");
        assert!((win_rate - p).abs() < 3.0 * error, "{shown}");
        assert!((found - expectancy).abs() < 3.0 * error * (win + loss), "{shown}");
    }
}

/// The report on a run, with the coin that its own machinery throws on the same ticks.
fn assessed(config: &Config, ran: &Ran<Unrecorded>, ticks: Walk, coin_every: Span) -> Assessment {
    let coin = with_a_coin(config, ticks.seed + 1_000_003, coin_every);
    let null = synthetic::run(&coin, ticks.ticks(), Unrecorded::default()).unwrap().collected.trades;
    let strategies: Vec<String> = config.desk.strategies.iter().map(|strategy| strategy.name.clone()).collect();
    let null_trade = |trade: &Trade| NullTrade {
        strategy: trade.strategy.clone(),
        hour: trade.opened.hour(),
        net_pips: trade.net_pips,
    };
    let session = Session {
        manifest: Manifest {
            build: common::BUILD.into(),
            command: String::new(),
            config_digest: String::new(),
            config: config.text.clone(),
            seed: ticks.seed,
            data: Vec::new(),
            period: ran.collected.period.unwrap(),
            currency: "USD".into(),
            balance_start: config.balance,
            balance_end: ran.desk.orders().ledger().balance(),
            venue: String::new(),
            journal_head: String::new(),
        },
        strategies,
        data: Vec::new(),
        decisions: ran.desk.counts().decisions,
        signals: ran.desk.counts().signals,
        abstentions: Vec::new(),
        refusals: Vec::new(),
        orders: ran.desk.counts().sent,
        fills: ran.desk.counts().fills,
        rejects: Vec::new(),
        trades: ran.collected.trades.clone(),
        equity: ran.collected.equity.clone(),
        days: ran.collected.days.clone(),
        null: null.iter().filter(|trade| trade.cause != "still_open").map(null_trade).collect(),
        costs: Vec::new(),
        latencies: Vec::new(),
        warnings: Vec::new(),
        ticks_per_second: 0.0,
        in_sample: false,
        memory_peak: 0,
    };
    assess(&session).unwrap()
}

/// Does a piece of work for every seed, on as many threads as there are processors.
fn for_seeds<T: Send>(seeds: std::ops::Range<u64>, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let result = work(seed);
                    done.lock().unwrap().push((seed, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(seed, _)| *seed);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Oracle 31: win rate `(S - c) / (S + a)` = 80.83 %, expectancy `-c`.
#[test]
fn without_drift_a_coin_wins_as_often_as_the_barriers_say_and_loses_the_spread() {
    let results = for_seeds(0..12, |seed| {
        let config = desk_of(&coin(seed, Span::from_secs(20)), "10", 1).config();
        run(&config, walk(seed, 600_000, Span::SECOND, Plant::Nothing)).collected.trades
    });
    let measured = Measured::of(results.iter().flat_map(|trades| ended(trades)));
    assert!(measured.trades > 2_500, "{}", measured.trades);
    let p: f64 = (10.0 - SPREAD) / (10.0 + 2.0);
    assert!((p - 0.808_333_333).abs() < 1e-9 && (hit_probability(23, 97, 0.0) - p).abs() < 1e-12);
    measured.check(p, 2.0 - THROUGH, 10.0);
    let costs_the_spread = p * 2.0 - (1.0 - p) * 10.0 + SPREAD;
    assert!(costs_the_spread.abs() < 1e-12);
}

/// Oracle 31: the verdict on a system without an edge is NO EDGE in at least 95 % of 200 seeds.
#[test]
fn without_drift_the_verdict_is_no_edge() {
    let every = Span::from_secs(20);
    let results = for_seeds(0..200, |seed| {
        let config = desk_of(&coin(seed, Span(320 * every.0)), "10", 40).config();
        let ticks = walk(seed, 45_000, every, Plant::Nothing);
        let ran = run(&config, ticks);
        let assessment = assessed(&config, &ran, ticks, Span(150 * every.0));
        (assessment.verdict, assessment.strategies[0].pips.count, assessment.strategies[0].pips.expectancy)
    });
    let count = |verdict: Verdict| results.iter().filter(|result| result.0 == verdict).count();
    let (edge, none) = (count(Verdict::Edge), count(Verdict::NoEdge));
    let least = results.iter().map(|result| result.1).min();
    let mean = results.iter().map(|result| result.2).sum::<f64>() / results.len() as f64;
    let seeds: Vec<usize> = (0..results.len()).filter(|seed| results[*seed].0 == Verdict::Edge).collect();
    eprintln!("NO EDGE {none}, EDGE {edge} (seeds {seeds:?}), at least {least:?} trades, mean {mean:+.3} pips");
    assert!(least >= Some(100), "{least:?}");
    assert!(none * 100 >= 95 * results.len(), "NO EDGE in {none} of {}, EDGE for the seeds {seeds:?}", results.len());
    assert!((mean + SPREAD).abs() < 0.15, "{mean}");
}

/// The drift under which a long of target 2 and stop 6 pips wins in 85 of 100 cases.
fn planted() -> f64 {
    theta_for(0.85, 23, 57)
}

fn edge(theta: f64) -> Plant {
    Plant::Edge { theta, reach: 570, quiet: 20 }
}

const SIZES: &str = "by = \"imbalance\"\nthreshold = 0.5";

/// Oracle 32: the planted edge is measured as it was planted, and called EDGE.
#[test]
fn a_planted_edge_is_measured_and_found() {
    let config = desk_of(SIZES, "6", 1).config();
    let every = Span::from_secs(2);
    let runs = for_seeds(0..2, |seed| {
        let ticks = walk(seed, 800_000, every, edge(planted()));
        let ran = run(&config, ticks);
        let assessment = assessed(&config, &ran, ticks, Span(500 * every.0));
        (ran.collected.trades, assessment.verdict, assessment.reason)
    });
    Measured::of(runs.iter().flat_map(|run| ended(&run.0))).check(0.85, 2.0 - THROUGH, 6.0);
    for (seed, (trades, verdict, reason)) in runs.iter().enumerate() {
        assert_eq!(*verdict, Verdict::Edge, "seed {seed}, {} trades: {reason}", trades.len());
    }
}

/// Oracle 32: half the drift moves the cost at which nothing is left as the closed form says.
#[test]
fn half_the_drift_moves_the_break_even_cost_as_computed() {
    let config = desk_of(SIZES, "6", 1).config();
    for theta in [planted(), planted() / 2.0] {
        let p = hit_probability(23, 57, theta);
        let trades: Vec<Trade> = for_seeds(10..14, |seed| {
            let ran = run(&config, walk(seed, 400_000, Span::from_secs(2), edge(theta)));
            ran.collected.trades
        })
        .concat();
        let measured = Measured::of(ended(&trades));
        measured.check(p, 2.0 - THROUGH, 6.0);
        let error = (p * (1.0 - p) / measured.trades as f64).sqrt() * 8.0;
        let break_even = p * (2.0 - THROUGH) - (1.0 - p) * 6.0 + SPREAD;
        let found = measured.expectancy + SPREAD;
        assert!((found - break_even).abs() < 3.0 * error, "theta {theta}: {found} of {break_even}");
    }
}

/// A desk whose only strategy asks the ensemble's flow agent about the barriers of the planted edge.
fn council() -> Parts {
    let decide = "by = \"ensemble\"\nclass = \"planted\"\nagents = { flow = 1.0 }\nbeta = 1.0\nz = 1.0\nmargin = \"1 point\"\nagents_min = 1\ngate_min = 0.0";
    let exits = BARRIERS.replace("commission = \"0 point\"\n", "");
    let strategy = Strategy { name: "system", decide, stop: "by = \"barrier\"", exits: &exits, ..Strategy::default() };
    let class = include_str!("common/class.toml")
        .replace("{target}", "199 point")
        .replace("{stop}", "6 pip")
        .replace("{horizon}", "4 h")
        .replace("{sample_every}", "30 s")
        .replace("{age}", "1 min");
    Parts { features: "all", classes: class, ..Parts::free(strategy.text()) }
}

#[test]
fn the_ensemble_finds_the_planted_edge() {
    let config = council().config();
    let every = Span::from_secs(1);
    let ticks = walk(1, 1_200_000, every, edge(planted()));
    let ran = run(&config, ticks);
    let counts = ran.desk.counts();
    eprintln!("{counts:?}");
    let assessment = assessed(&config, &ran, ticks, Span(500 * every.0));
    eprintln!("{:?} {} {:?}", assessment.verdict, assessment.reason, assessment.strategies[0].pips);
    let middle = ticks.start.plus(Span(ticks.ticks as i64 / 2 * every.0));
    let late = Measured::of(ended(&ran.collected.trades).into_iter().filter(|trade| trade.opened >= middle));
    eprintln!("late {} {} {}", late.trades, late.win_rate, late.expectancy);
    assert_eq!(assessment.verdict, Verdict::Edge, "{}", assessment.reason);
    assert!(late.trades >= 100 && late.expectancy > 0.0, "{} trades, {:+.3} pips", late.trades, late.expectancy);
}

/// The ticks of a walk do not depend on who reads them.
#[test]
fn a_walk_is_the_same_every_time() {
    let ticks = || walk(1, 1_000, Span::SECOND, edge(planted())).ticks().collect::<Vec<Tick>>();
    assert_eq!(ticks(), ticks());
}
