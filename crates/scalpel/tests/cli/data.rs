//! `data inspect` and `data import`.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{DAYS, backtest, read, scalpel, ticks};

fn inspect(files: &[String], more: &[&str]) -> Vec<String> {
    let more = more.iter().map(|word| (*word).to_owned());
    ["data", "inspect"].map(str::to_owned).into_iter().chain(files.iter().cloned()).chain(more).collect()
}

fn ask(folder: &Path, arguments: &[String]) -> crate::program::Ran {
    scalpel(folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_checks_find_what_the_provenance_says() {
    let folder = tempfile::tempdir().unwrap();
    let found = ask(folder.path(), &inspect(&ticks("fxcm", &DAYS), &["--json", "--quarantine", "bad.jsonl"]));
    let found = found.expect(0, &[]).json("inspection");
    let of = |doubt: &str, what: &str| -> Vec<u64> {
        let files = found["files"].as_array().unwrap().iter();
        files.map(|file| file["summary"]["doubts"][doubt][what].as_u64().unwrap()).collect()
    };
    assert_eq!(of("crossed", "rejected"), [3_991, 12_061, 174, 4_987, 9_999, 9_847, 18_285, 10_010]);
    assert_eq!(of("locked", "flagged"), [5_409, 13_004, 259, 7_109, 12_154, 12_823, 19_051, 12_309]);
    assert_eq!((&found["total"]["rows"], &found["total"]["rejected"]), (&Value::from(675_401), &Value::from(69_354)));
    let kept = read(folder.path(), "bad.jsonl");
    assert_eq!(kept.lines().count(), 69_354);
    let first: Value = serde_json::from_str(kept.lines().next().unwrap()).unwrap();
    assert_eq!(first["reason"], "crossed", "{first}");
    let oanda = ask(folder.path(), &inspect(&ticks("oanda", &DAYS), &["--json"])).expect(0, &[]).json("inspection");
    assert_eq!(oanda["total"]["rows"], 321_559);
    assert_eq!(oanda["total"]["doubts"]["crossed"]["rejected"], 0);
    assert_eq!(oanda["symbol_from"], "path");
    ask(folder.path(), &inspect(&ticks("fxcm", &["01"]), &[])).expect(0, &["rows 51,053", "crossed", "3,991", "7.8 %"]);
}

/// Half a day of a random walk, a quote every 10 s, stamped `minutes` late.
fn walk(minutes: i64) -> String {
    let mut rows = "ts_ms,bid,ask\n".to_owned();
    let (mut state, mut mid) = (1_u64, 138_000_i64);
    for nth in 0..5_000_i64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        mid += (state >> 33) as i64 % 21 - 10;
        let time = 1_398_902_400_000 + nth * 10_000 + minutes * 60_000;
        writeln!(rows, "{time},1.{:05},1.{:05}", mid - 100_000, mid - 99_990).unwrap();
    }
    rows
}

#[test]
fn clocks_are_compared_and_different_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (oanda, fxcm) = (ticks("oanda", &["01"]), ticks("fxcm", &["01"]));
    let aligned =
        ask(folder.path(), &inspect(&oanda, &["--json", "--against", &fxcm[0]])).expect(0, &[]).json("offset");
    assert_eq!((&aligned["verdict"]["is"], &aligned["lag_minutes"]), (&Value::from("aligned"), &Value::from(0)));
    fs::write(folder.path().join("a.csv"), walk(0)).unwrap();
    fs::write(folder.path().join("b.csv"), walk(90)).unwrap();
    let shifted = ["data", "inspect", "a.csv", "--against", "b.csv", "--symbol", "EURUSD"];
    scalpel(folder.path(), &shifted).expect(5, &["the clocks differ by -90 minutes", "not merged"]);
    let shifted = scalpel(folder.path(), &[&shifted[..], &["--json"]].concat()).expect(5, &[]).json("offset");
    assert_eq!(
        (&shifted["verdict"]["is"], &shifted["verdict"]["minutes"]),
        (&Value::from("shifted"), &Value::from(-90))
    );
    let apart =
        ask(folder.path(), &inspect(&oanda, &["--json", "--against", &ticks("fxcm", &["09"])[0]])).expect(5, &[]);
    assert_eq!(apart.json("offset")["verdict"]["is"], "unknown");
}

#[test]
fn an_import_trades_as_its_source_does() {
    for (feed, rejected) in [("oanda", 0), ("fxcm", 3_991)] {
        let folder = tempfile::tempdir().unwrap();
        let day = ticks(feed, &["01"]);
        let import = ["data", "import", &day[0], "--symbol", "EURUSD", "--out", "day.parquet"];
        let done = scalpel(folder.path(), &[&import[..], &["--json"]].concat()).expect(0, &[]).json("import");
        assert_eq!(done["rejected"], rejected);
        assert_eq!(done["rows"].as_u64().unwrap(), done["written"].as_u64().unwrap() + rejected);
        assert_eq!(read(folder.path(), "day.parquet.quarantine.jsonl").lines().count() as u64, rejected);
        // A feed with rejected quotes trades otherwise: the paper venue meets them in the source, and the import dropped them.
        if rejected == 0 {
            let trades = |files: &[String]| {
                scalpel(folder.path(), &backtest(files, &[])).expect(0, &[]);
                let trades = read(folder.path(), "run/trades.csv");
                fs::remove_dir_all(folder.path().join("run")).unwrap();
                trades
            };
            let (source, parquet) = (trades(&day), trades(&["day.parquet".to_owned()]));
            assert_eq!(source, parquet);
            assert!(source.lines().count() > 2, "{source}");
        }
        scalpel(folder.path(), &import).expect(4, &["day.parquet exists already", "--replace"]);
        scalpel(folder.path(), &[&import[..], &["--replace"]].concat()).expect(0, &["rows read"]);
        let nowhere = ["data", "import", &day[0], "--symbol", "EURUSD", "--out", "missing/day.parquet"];
        scalpel(folder.path(), &nowhere).expect(4, &["missing/day.parquet"]);
    }
}
