//! Golden sessions: what the desk does on recorded ticks, action by action, the same on every machine.
//!
//! `golden/<name>/` holds the configuration, the ticks where they are not synthetic, and what must come of them:
//! `actions.txt` (one action a line, to be read in a review), `actions.sha256` (over the actions as the journal holds
//! them) and `head.txt` (the head of the journal, and sums). After a wanted change of behaviour:
//! `UPDATE_GOLDEN=1 cargo test -p replay --test golden`, then read the difference of `actions.txt`.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::{ActionsDigest, SEED, clock, journalled, line, money, parse, root};
use config::Config;
use journal::Reader;
use journal::codec::action;
use market::{Points, SymbolId, Time};
use orders::Ledger;
use replay::again::{From, Replay};
use replay::backtest;
use replay::collect::Collector;
use replay::script::Script;
use replay::synthetic::{self, Plant, Walk};

/// What came of a session.
struct Outcome {
    journal: PathBuf,
    head: String,
    summary: String,
    _folder: tempfile::TempDir,
}

fn folder(name: &str) -> PathBuf {
    root().join("golden").join(name)
}

fn config(name: &str) -> Config {
    parse(&fs::read_to_string(folder(name).join("config.toml")).unwrap(), SEED)
}

/// The session of recorded ticks.
fn recorded() -> Outcome {
    let (config, input) = common::payrolls(true);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("session.journal");
    let source = input.open(&config, None).unwrap();
    let record = journalled(&path, &config);
    let finished =
        backtest::run(&config, (source, &input.places()), &Script::default(), record, None, &mut |_, _| {}).unwrap();
    let (finished, record) = finished.split();
    let summary = summary(&finished.collected, finished.desk.orders().ledger(), finished.desk.counts());
    let head = record.close().unwrap().to_string();
    Outcome { journal: path, head, summary, _folder: temporary }
}

/// The session of a folder without ticks: they are made.
fn made(name: &str, walk: Walk) -> Outcome {
    let config = config(name);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("session.journal");
    let ran = synthetic::run(&config, walk.ticks(), journalled(&path, &config)).unwrap();
    let summary = summary(&ran.collected, ran.desk.orders().ledger(), ran.desk.counts());
    let head = ran.record.close().unwrap().to_string();
    Outcome { journal: path, head, summary, _folder: temporary }
}

fn summary(collected: &Collector, ledger: &Ledger, counts: &desk::Counts) -> String {
    let mut text = String::new();
    let mut causes: Vec<(&str, u64)> = Vec::new();
    for trade in &collected.trades {
        match causes.iter_mut().find(|(cause, _)| *cause == trade.cause) {
            Some((_, count)) => *count += 1,
            None => causes.push((trade.cause, 1)),
        }
    }
    causes.sort_unstable();
    writeln!(text, "trades {} {causes:?}", collected.trades.len()).unwrap();
    let (sent, fills) = (counts.sent, counts.fills);
    let rejected: u64 = counts.rejected.iter().sum();
    writeln!(text, "signals {} sent {sent} fills {fills} rejected {rejected}", counts.signals).unwrap();
    writeln!(text, "balance {}", money(ledger.balance())).unwrap();
    text
}

/// The actions of a journal: their lines and their digest.
fn actions(journal: &Path, config: &Config) -> (String, String) {
    let (mut text, mut digest) = (String::new(), ActionsDigest::default());
    let mut reader = Reader::open(journal).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        if record.kind >= action::FIRST {
            digest.add(record.kind, record.payload);
            writeln!(text, "{:>7} {} {}", record.seq, clock(record.time), line(record.kind, record.payload, config))
                .unwrap();
        }
    }
    (text, digest.finish().to_string())
}

/// The first line that differs, with what was expected there.
fn difference(expected: &str, found: &str) -> String {
    let (mut ours, mut theirs) = (found.lines(), expected.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (theirs.next(), ours.next()) {
            (None, None) => return "only in line ends".to_owned(),
            (expected, found) if expected == found => {}
            (expected, found) => {
                let shown = |line: Option<&str>| line.unwrap_or("nothing").to_owned();
                return format!("line {number}\n  expected {}\n  found    {}", shown(expected), shown(found));
            }
        }
    }
}

fn check(name: &str, outcome: &Outcome) {
    let config = config(name);
    let (lines, digest) = actions(&outcome.journal, &config);
    let head = format!("head {}\n{}", outcome.head, outcome.summary);
    let expected = [("actions.txt", lines), ("actions.sha256", digest.clone() + "\n"), ("head.txt", head)];
    let again = Replay::open(&outcome.journal, From::Start, u64::MAX).unwrap().to_the_end().unwrap();
    assert_eq!(again.digest.to_string(), digest, "{name}: the journal replays to other actions");
    for (file, found) in expected {
        let path = folder(name).join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &found).unwrap();
            continue;
        }
        let wanted = fs::read_to_string(&path).unwrap_or_default();
        let hint = "after a wanted change: UPDATE_GOLDEN=1 cargo test -p replay --test golden";
        assert!(wanted == found, "{}: {}\n{hint}", path.display(), difference(&wanted, &found));
    }
}

#[test]
fn payrolls() {
    check("payrolls", &recorded());
}

#[test]
fn planted() {
    let walk = Walk {
        seed: 11,
        symbol: SymbolId(0),
        ticks: 25_000,
        start: Time::from_date(2014, 5, 5),
        every: 500_000_000,
        mid: 1_387_000,
        step: Points(10),
        spread: Points(30),
        plant: Plant::Edge { theta: 0.15, reach: 600, quiet: 60 },
    };
    check("planted", &made("planted", walk));
}

#[test]
fn a_folder_is_small_enough_to_be_read() {
    for name in ["payrolls", "planted"] {
        let bytes: u64 = fs::read_dir(folder(name)).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!((1_000..300_000).contains(&bytes), "{name}: {bytes} bytes");
    }
}
