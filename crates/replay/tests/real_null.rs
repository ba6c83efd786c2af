//! Random entries on real ticks win as often as the distances of stop and target say (oracle 33): a high win rate is no
//! skill. The ticks are FXCM's of the bundled days, their mids with a spread of 0.3 pips around them, because the cost is
//! what the formula is about; a hundredth of a pip is a point, so that the point through which the market must go to fill
//! a target counts for nothing.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::path::PathBuf;

use common::{Parts, Strategy, root};
use feed::{FeedSpec, InstrumentTable, Options, Record, Source, schema_for};
use market::{Price, SymbolId, Tick};
use replay::record::Unrecorded;
use replay::synthetic;

/// Spread in points of a hundredth of a pip.
const SPREAD: i64 = 30;

/// Target and stop in pips: the rows of signals.md 2.4 without a time stop.
const ROWS: [(i64, i64); 7] = [(1, 1), (1, 4), (1, 5), (2, 6), (2, 10), (5, 5), (3, 1)];

fn ticks() -> impl Iterator<Item = Tick> {
    let days = ["01", "02", "04", "05", "06", "07", "08", "09"];
    let folder = root().join("data/ticks/fxcm-EURUSD");
    let paths: Vec<PathBuf> = days.iter().map(|day| folder.join(format!("201405{day}.csv.zst"))).collect();
    let instrument = InstrumentTable::built_in().require("EURUSD", SymbolId(0)).unwrap();
    let spec = FeedSpec { paths, beliefs: schema_for(&instrument), instrument, options: Options::none() };
    let judged = Source::open(vec![spec], None).unwrap().map(Result::unwrap);
    judged.filter(|judged| judged.judgement.believed()).filter_map(|judged| {
        let Record::Quote(tick) = judged.record else { return None };
        let mid = (tick.bid.0 + tick.ask.0) * 5;
        Some(Tick { bid: Price(mid - SPREAD / 2), ask: Price(mid + SPREAD / 2), ..tick })
    })
}

#[test]
fn random_entries_on_real_ticks_win_as_the_formula_says() {
    let strategy = |(place, (target, stop)): (usize, &(i64, i64))| {
        let stop = format!("by = \"fixed\"\nstop = \"{stop} pip\"\ntarget = \"{target} pip\"");
        let name = format!("row-{place}");
        let decide = format!("by = \"random\"\nseed = {place}\nevery = \"60 s\"");
        Strategy { name: &name, decide: &decide, stop: &stop, positions: 200, ..Strategy::default() }
            .text()
            .replace("mon-sun 00:00-24:00", "mon-fri 06:00-18:00")
    };
    let strategies = ROWS.iter().enumerate().map(strategy).collect::<String>();
    let config = Parts { room: 1_000, latency: "50 ms", ..Parts::free(strategies) }.config();
    let ran = synthetic::run(&config, ticks(), Unrecorded::default()).unwrap();
    assert_eq!(ran.left_open, 0);
    let mut missed = Vec::new();
    for (place, (target, stop)) in ROWS.iter().enumerate() {
        let name = format!("row-{place}");
        let ended = |trade: &&report::Trade| trade.strategy == name && matches!(trade.cause, "stop" | "target");
        let trades: Vec<_> = ran.collected.trades.iter().filter(ended).collect();
        let wins = trades.iter().filter(|trade| trade.net_pips > 0.0).count();
        let rate = wins as f64 / trades.len() as f64;
        let (a, s, c) = (*target as f64, *stop as f64, SPREAD as f64 / 100.0);
        let formula = (s - c) / (s + a);
        let mean = trades.iter().map(|trade| trade.net_pips).sum::<f64>() / trades.len() as f64;
        let shown = format!(
            "TP{target}/SL{stop}: {} trades, win rate {:.1} % of {:.1} %, {mean:+.3} pips",
            trades.len(),
            100.0 * rate,
            100.0 * formula
        );
        println!("{shown}");
        assert!(trades.len() > 3_000, "{shown}");
        assert!(mean < 0.0, "a coin earned its costs: {shown}");
        if (rate - formula).abs() > 0.035 {
            missed.push(shown);
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
