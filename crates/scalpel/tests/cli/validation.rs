use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::program::{Ran, command, read, scalpel};

/// Ten days of quotes, seven and a half hours each, and a barrier that is reached within minutes: the fewest on which the
/// probability of overfitting can be computed.
fn ticks(folder: &Path) {
    quotes(folder, 9, (0..10, 200));
}

/// Quotes of these days; a trend turns with a chance of one in so many.
fn quotes(folder: &Path, seed: u64, (days, turns): (std::ops::Range<i64>, u64)) {
    let mut x = seed;
    let mut roll = |sides: u64| {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((x >> 33) % sides) as i64
    };
    // Stretches of trend: there is something to learn.
    let (mut mid, mut trend) = (138_000_i64, 1);
    for day in days {
        let mut text = String::from("ts_ms,bid,ask\n");
        for nth in 0..2_500_i64 {
            trend = if roll(turns) == 0 { -trend } else { trend };
            mid += trend + roll(7) - 3;
            let at = 1_399_248_000_000 + day * 86_400_000 + nth * 10_800;
            writeln!(text, "{at},{}.{:05},{}.{:05}", mid / 100_000, mid % 100_000, mid / 100_000, mid % 100_000 + 3)
                .unwrap();
        }
        std::fs::write(folder.join(format!("day{day}.csv")), text).unwrap();
    }
}

const SPEC: &str = "trees_max\":8,\"learning_rate\":0.3,\"leaves_max\":6,\"depth_max\":4,\"leaf_rows_min\":20,\
    \"leaf_hessian_min\":1.0,\"l2\":1.0,\"gain_min\":0.0,\"feature_share\":1.0,\"row_share\":1.0,\"patience\":0,\"bins\":32,\"seed\":1}";

fn spec(folder: &Path) {
    let text = format!(
        "{{\"features\":[],\"boost\":{{\"{SPEC},\"meta\":{{\"{SPEC},\"logistic_features\":[\"spread\",\"momentum_s5\"],\
         \"logistic\":{{\"alpha\":0.02,\"beta\":1.0,\"l1\":0.0,\"l2\":2.0}},\"gru\":null,\"folds\":3,\"embargo_ms\":60000,\
         \"early\":0.2,\"test_from\":null,\"calibration_prior\":1.0,\"miscoverage\":0.2,\"block\":10.0}}"
    );
    std::fs::write(folder.join("spec.json"), text).unwrap();
}

const DATASET: [&str; 8] = ["--target", "2", "--stop", "2", "--horizon", "300", "--every-ticks", "2"];

fn trained(folder: &Path) {
    ticks(folder);
    spec(folder);
    let days: Vec<String> = (0..10).map(|day| format!("day{day}.csv")).collect();
    let mut asked = vec!["learn", "dataset", "--symbol", "EURUSD", "--out", "rows.parquet"];
    asked.extend(DATASET);
    asked.push("--ticks");
    asked.extend(days.iter().map(String::as_str));
    scalpel(folder, &asked).expect(0, &["rows of 64 features"]);
    let train = ["learn", "train", "rows.parquet", "--out", "runs/first", "--spec", "spec.json", "--sealed"];
    scalpel(folder, &train).expect(0, &["Sealed: what lies beyond the cut was not judged"]);
}

fn validate(folder: &Path, more: &[&str]) -> Ran {
    let asked = ["learn", "validate", "runs/first", "--groups", "4"];
    scalpel(folder, &[&asked, more].concat())
}

#[test]
fn a_training_is_judged_and_its_package_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    trained(here);
    validate(here, &["--memory", "1MB"]).expect(2, &["--memory 1MB is too little", "MiB are needed"]);
    validate(here, &["--cadence", "daily"]).expect(2, &["--cadence daily: write 1d"]);
    let told = validate(here, &[]).expect(0, &["VERDICT", "direction", "Look-ahead", "opened 0 times"]);
    assert!(!told.out.contains("VERDICT   EDGE"), "{told:?}");
    let object = validate(here, &["--json", "--memory", "4GiB"]).expect(0, &[]).json("validation");
    assert_eq!(object["sound"]["control_flagged"], Value::Bool(true));
    assert_eq!(object["paths"]["splits"], 6);
    let written: Value = serde_json::from_str(&read(here, "runs/first/validation.json")).unwrap();
    assert_eq!(written, object);
    let manifest: Value = serde_json::from_str(&read(here, "runs/first/package/manifest.json")).unwrap();
    assert_eq!(manifest["validation"]["verdict"], object["verdict"]);
    assert!(read(here, "runs/first/package/card.md").contains("The verdict of its validation"));
    let tune = [
        "learn",
        "tune",
        "rows.parquet",
        "--out",
        "runs/tune",
        "--trials",
        "1",
        "--spec",
        "spec.json",
        "--ledger",
        "t.log",
    ];
    scalpel(here, &tune).expect(0, &["2 trials, each in t.log", "scalpel learn train FILE --spec runs/tune/spec.json"]);
    scalpel(here, &[&tune[..], &["--seed", "2"]].concat()).expect(3, &["take another --out"]);
    // The same look again is no trial, a second opening of the lockbox is.
    let lines = || read(here, "runs/trials.log").lines().count();
    let before = lines();
    validate(here, &["--open-lockbox"]).expect(0, &["opened 1 times", "in it:"]);
    validate(here, &["--open-lockbox"]).expect(0, &["had been opened 1 times before", "opened 2 times"]);
    validate(here, &[]).expect(0, &["opened 2 times"]);
    assert_eq!(lines(), before + 2);
    std::fs::write(here.join("day3.csv"), "ts_ms,bid,ask\n").unwrap();
    validate(here, &[]).expect(3, &["day3.csv", "not the file that it was"]);
    validate(here, &["--dataset", "day4.csv"]).expect(3, &["day4.csv", "--dataset"]);
    scalpel(here, &["learn", "validate", "runs"]).expect(3, &["origin.json", "train again"]);
}

fn plan(here: &Path) {
    let text = "version = 1\nname = \"euro\"\nsymbol = \"EURUSD\"\nticks = [\"day*.csv\"]\nwork = \"work\"\nevery = \"24h\"\n\
                journal = \"runs/live/session.journal\"\ntarget = 2\nstop = 2\nhorizon = 300\nrow_every = 14\nspec = \"spec.json\"\n\
                groups = 4\nthreads = 2\nmemory = \"4GiB\"\nregistry = \"registry\"\nkey = \"ada.key\"\nkek = \"file:ada.kek\"\n";
    std::fs::write(here.join("plan.toml"), text).unwrap();
}

/// Which steps of the first round are done.
fn done(here: &Path) -> usize {
    let text = std::fs::read_to_string(here.join("work/rounds/000001/round.json")).unwrap_or_default();
    let round: Value = serde_json::from_str(&text).unwrap_or_default();
    round["done"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_schedule_that_is_killed_at_every_step_goes_on_and_registers_once() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    ticks(here);
    spec(here);
    plan(here);
    let once = ["learn", "schedule", "plan.toml", "--once"];
    scalpel(here, &once).expect(2, &["key: there is no file ada.key"]);
    scalpel(here, &["models", "init", "--owner", "Ada", "--key", "ada.key", "--kek-file", "ada.kek"])
        .expect(0, &["trust"]);
    for steps in 0..8 {
        let mut child = command(here, &once).spawn().unwrap();
        // Killed as soon as so many steps are done, or once it has ended.
        while done(here) < steps && child.try_wait().unwrap().is_none() {
            crate::crashes::pause();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        scalpel(here, &["models", "list"]).expect(0, &[]);
    }
    scalpel(here, &once).expect(0, &[]);
    let log = read(here, "work/rounds.jsonl");
    assert_eq!((log.lines().count(), done(here)), (1, 8), "{log}");
    let listed = scalpel(here, &["models", "list"]).expect(0, &["euro", "1.0.0", "verified"]);
    assert_eq!(listed.out.matches("euro").count(), 1, "{listed:?}");
    let state = serde_json::from_str::<Value>(log.trim()).unwrap()["state"].as_str().unwrap().to_owned();
    assert_eq!(state, "SHADOW", "as far as it goes, and never to CANARY or CHAMPION");
    pointed_once(here);
    scalpel(here, &once).expect(0, &["nothing is due for"]);
    drifted(here);
}

/// The registry's log of a model: what became of it, one word each.
fn moves(here: &Path) -> Vec<String> {
    let word = |line: &str| {
        let body = serde_json::from_str::<Value>(line).unwrap_or_default()["body"].clone();
        body["event"].as_str().or(body["alias"].as_str()).unwrap_or_default().to_owned()
    };
    read(here, "registry/aliases/euro.log").lines().map(word).collect()
}

/// The alias is set once, wherever within the last steps a kill comes: after it, or between shadow and it.
fn pointed_once(here: &Path) {
    let (log, round) = (here.join("registry/aliases/euro.log"), here.join("work/rounds/000001/round.json"));
    let again = || {
        let mut object: Value = serde_json::from_str(&read(here, "work/rounds/000001/round.json")).unwrap_or_default();
        object["done"].as_array_mut().into_iter().for_each(|done| done.truncate(6));
        assert!(std::fs::write(&round, object.to_string()).is_ok());
        scalpel(here, &["learn", "schedule", "plan.toml", "--once"]).expect(0, &["round 1: euro 1.0.0", "SHADOW"]);
        assert_eq!(moves(here), ["validate", "to_shadow", "challenger"]);
    };
    assert_eq!(moves(here), ["validate", "to_shadow", "challenger"]);
    again();
    let whole = read(here, "registry/aliases/euro.log");
    for kept in [2, 1] {
        let cut: String = whole.split_inclusive('\n').take(kept).collect();
        assert!(std::fs::write(&log, cut).is_ok());
        again();
    }
    assert_eq!(read(here, "work/rounds.jsonl").lines().count(), 1);
}

/// A desk on later days tells of drift; each makes one round due.
fn drifted(here: &Path) {
    let once = ["learn", "schedule", "plan.toml", "--once"];
    let printed = scalpel(here, &["config", "--symbol", "EURUSD"]).expect(0, &["[[class]]"]).out;
    let fast = printed
        .replace("target = \"6 pip\"", "target = \"2 pip\"")
        .replace("stop = \"8 pip\"", "stop = \"2 pip\"")
        .replace("horizon = \"30 min\"", "horizon = \"300 s\"")
        .replace("sample_every = \"5 s\"", "sample_every = \"10 s\"");
    assert!(std::fs::write(here.join("fast.toml"), fast).is_ok());
    let later = here.join("later");
    std::fs::create_dir(&later).unwrap();
    quotes(&later, 77, (10..15, 5));
    let days: Vec<String> =
        [10, 11, 13, 14].iter().map(|day| later.join(format!("day{day}.csv")).display().to_string()).collect();
    let model = "work/rounds/000001/euro";
    let mut asked = vec!["backtest", "--symbol", "EURUSD", "--config", "fast.toml", "--quick", "--model", model];
    asked.extend(["--out", "runs/live", "--ticks"]);
    asked.extend(days.iter().map(String::as_str));
    scalpel(here, &asked).expect(0, &["VERDICT"]);
    scalpel(here, &["trials", "runs/live/session.journal"]).expect(0, &["alarms of inputs that moved"]);
    scalpel(here, &once).expect(0, &["round 2: euro 1.1.0"]);
    assert!(read(here, "work/rounds.jsonl").contains("\"why\":\"drift of inputs"));
    scalpel(here, &once).expect(0, &["nothing is due for"]);
    let journal = here.join("runs/live/session.journal");
    assert!(std::fs::write(&journal, "drift!\n").is_ok());
    scalpel(here, &once).expect(5, &["session.journal", "the journal is damaged"]);
}
