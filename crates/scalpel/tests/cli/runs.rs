//! Backtests: the object, the files, and that the same input gives the same.

use serde_json::Value;

use crate::program::{backtest, head, read, scalpel, ticks};

#[test]
fn the_main_job_with_nothing_but_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let ran = scalpel(folder.path(), &["--quick", "--json", "--out", "run"]).expect(0, &[]);
    assert!(ran.err.contains("desk: 996,960 ticks in"), "{}", ran.err);
    let object = ran.json("backtest");
    assert_eq!(object["ticks"]["read"], 996_960);
    let leader = &object["ticks"]["symbols"][1];
    assert_eq!((&leader["rejected"]["crossed"], &leader["believed"]), (&Value::from(69_354), &Value::from(606_047)));
    assert_eq!(object["manifest"]["journal_head"], head(folder.path()).as_str());
    assert_eq!(serde_json::from_str::<Value>(&read(folder.path(), "run/result.json")).unwrap(), object);
    // Rejected records are kept, every one.
    assert_eq!(read(folder.path(), "run/quarantine.jsonl").lines().count(), 69_355);
    let page = read(folder.path(), "run/report.html");
    assert!(page.len() < 3_000_000 && page.contains("ypothetical") && page.contains("<svg"), "{} bytes", page.len());
    let trades = read(folder.path(), "run/trades.csv");
    assert_eq!(trades.lines().count() as u64 - 1, object["trades"].as_u64().unwrap());
    assert!(
        folder.path().join("run/trades.parquet").exists() && folder.path().join("run/ticks/PROVENANCE.md").exists()
    );
    // From the newest snapshot the rest follows again, as it does from the start.
    let replayed = |from| {
        let ran = scalpel(folder.path(), &["replay", "run/session.journal", "--from", from, "--json"]).expect(0, &[]);
        ran.json("replay")
    };
    let (start, snapshot) = (replayed("start"), replayed("snapshot"));
    assert_eq!(start["began_after"], 0);
    assert!(snapshot["began_after"].as_u64().unwrap() > 700_000, "{snapshot}");
    assert_eq!((&start["last_record"], &start["ending"]), (&snapshot["last_record"], &snapshot["ending"]));
    assert_eq!(snapshot["skipped_snapshots"], Value::Array(vec![]));
    let told = scalpel(folder.path(), &["journal", "verify", "run/session.journal"]).expect(0, &["closed"]).out;
    assert!(told.contains(&head(folder.path())), "{told}");
}

#[test]
fn the_same_input_gives_the_same_but_for_performance() {
    let run = || {
        let folder = tempfile::tempdir().unwrap();
        let day = ticks("oanda", &["01"]);
        let mut object = scalpel(folder.path(), &backtest(&day, &["--json"])).expect(0, &[]).json("backtest");
        let performance = object.as_object_mut().unwrap().remove("performance").unwrap();
        assert!(performance["ticks_per_second"].as_f64().unwrap() > 0.0);
        let files = ["run/trades.csv", "run/config.toml", "run/quarantine.jsonl"].map(|name| read(folder.path(), name));
        let journal = std::fs::read(folder.path().join("run/session.journal")).unwrap();
        (object, files, journal)
    };
    let (first, second) = (run(), run());
    assert_eq!(first.0, second.0);
    assert_eq!(first.1, second.1);
    assert!(first.2 == second.2, "the journals differ");
    assert!(first.0["trades"].as_u64().unwrap() > 0, "a day without a trade shows little");
}

#[test]
fn the_grids_of_costs_and_latencies_are_in_the_object() {
    let folder = tempfile::tempdir().unwrap();
    let day = ticks("oanda", &["04"]);
    let arguments = ["backtest", "--json", "--ticks", &day[0], "--symbol", "EURUSD", "--out", "run"];
    let object = scalpel(folder.path(), &arguments).expect(0, &[]).json("backtest");
    let column = |grid: &str, name: &str| -> Vec<f64> {
        object[grid].as_array().unwrap().iter().map(|row| row[name].as_f64().unwrap()).collect()
    };
    assert_eq!(column("cost_sensitivity", "cost_factor"), [1.0, 1.5, 2.0]);
    assert_eq!(column("latency_sensitivity", "latency_ms"), [0.0, 20.0, 100.0, 250.0]);
    assert_eq!(object["warnings"], Value::Array(vec![]));
}

#[test]
fn the_summary_says_where_everything_is() {
    let folder = tempfile::tempdir().unwrap();
    let day = ticks("oanda", &["01"]);
    let ran = scalpel(folder.path(), &backtest(&day, &[]));
    let head = head(folder.path());
    let words = [
        "VERDICT",
        "Win rate",
        "Same exits, random entry",
        "ypothetical",
        "run/report.html",
        "run/session.journal",
        &head,
    ];
    ran.expect(0, &words);
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_printed_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let day = ticks("oanda", &["04"]);
    let mut command = crate::program::command(folder.path(), &backtest(&day, &["--json"]));
    let output = command.stdout(full).output().unwrap();
    crate::program::Ran::of(output).expect(4, &["standard output: No space left"]);
}
