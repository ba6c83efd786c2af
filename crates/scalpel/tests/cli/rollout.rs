use std::path::Path;

use crate::program::{read, scalpel, ticks};

/// The built-in configuration with a coin every half minute in the place of the ensemble.
fn with_a_coin(here: &Path) {
    let printed = scalpel(here, &["config", "--symbol", "EURUSD"]).expect(0, &["[[class]]"]).out;
    let (head, rest) = printed.split_once("[strategy.decide]\n").unwrap();
    let (_, tail) = rest.split_once("[strategy.entry]\n").unwrap();
    let decide = "[strategy.decide]\nby = \"random\"\nseed = 1\nevery = \"30 s\"\n\n[strategy.entry]\n";
    let text = format!("{head}{decide}{tail}");
    let (head, rest) = text.split_once("[strategy.stake]\n").unwrap();
    let (_, tail) = rest.split_once("[strategy.exits]\n").unwrap();
    let stake = "[strategy.stake]\nby = \"fixed\"\nlots = \"0.10 lot\"\n\n[strategy.stop]\nby = \"fixed\"\nstop = \"6 pip\"\ntarget = \"6 pip\"\n\n[strategy.exits]\ncommission = \"6 point\"\n";
    let text = format!("{head}{stake}{tail}").replace("positions_max = 1\n", "positions_max = 8\n");
    std::fs::write(here.join("coin.toml"), text).unwrap();
}

/// Trades of a run that were opened in the minutes of a half-open stretch.
fn opened(here: &Path, run: &str, from: &str, until: &str) -> usize {
    let text = read(here, &format!("{run}/trades.csv"));
    let mut lines = text.lines();
    let place = lines.next().unwrap().split(',').position(|name| name == "opened").unwrap();
    let times = lines.map(|line| line.split(',').nth(place).unwrap().to_owned());
    times.filter(|time| time.as_str() >= from && time.as_str() < until).count()
}

#[test]
fn nothing_is_opened_around_the_payrolls() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    with_a_coin(here);
    let event = r#"{"id":"nfp","source":1,"published":"2014-05-01T00:00:00Z","window":{"from":"2014-05-02T12:30:00Z","impact":"high"}}"#;
    let said = r#"{"id":"late","source":1,"published":"2014-05-02T13:00:00Z","sentiment":{"score":2.0,"confidence":0.5,"half_life_s":60}}"#;
    std::fs::write(here.join("news.jsonl"), format!("{event}\n{said}\n")).unwrap();
    let day = ticks("oanda", &["02"]);
    let run = |out: &str, more: &[&str]| {
        let mut asked = vec!["backtest", "--symbol", "EURUSD", "--quick", "--config", "coin.toml", "--out", out];
        asked.extend(more);
        asked.extend(["--ticks", day[0].as_str()]);
        scalpel(here, &asked)
    };
    run("free", &[]).expect(0, &["VERDICT"]);
    run("shut", &["--notices", "news.jsonl"]).expect(0, &["VERDICT"]);
    let within = |run: &str| opened(here, run, "2014-05-02T12:25", "2014-05-02T12:45");
    assert!(within("free") > 3, "{}", within("free"));
    assert_eq!(within("shut"), 0);
    assert!(opened(here, "shut", "2014-05-02T12:45", "2014-05-02T15") > 3);
    scalpel(here, &["replay", "shut/session.journal"]).expect(0, &["followed again bit for bit"]);
    scalpel(here, &["explain", "shut/session.journal", "4"]).expect(0, &["High impact from 2014-05-02T12:30"]);
    // A bad line is named before anything is written.
    std::fs::write(here.join("bad.jsonl"), format!("{event}\n{{\"id\":1}}\n")).unwrap();
    run("bad", &["--notices", "bad.jsonl"]).expect(3, &["bad.jsonl: line 2"]);
    assert!(!here.join("bad/session.journal").exists());
    run("none", &["--notices", "nowhere.jsonl"]).expect(3, &["nowhere.jsonl"]);
}

#[test]
fn a_run_without_models_has_no_trials() {
    let folder = crate::program::one_day();
    let ran = scalpel(folder.path(), &["trials", "run/session.journal", "--json"]).expect(0, &[]);
    assert_eq!(ran.json("trials")["seats"].as_array().unwrap().len(), 0);
    scalpel(folder.path(), &["trials", "run/session.journal"]).expect(0, &["no trained model was ever seated"]);
    scalpel(folder.path(), &["trials", "run/nothing.journal"]).expect(3, &["nothing.journal"]);
}

/// Two models on one barrier: a champion, and a challenger that trades in every block.
pub(crate) fn challenge(here: &Path, config: &str, model: &str, day: &str) {
    let days = [day.to_owned()];
    let run = |more: &[&str]| {
        let mut asked = vec!["backtest", "--symbol", "EURUSD", "--quick", "--config", config];
        asked.extend(more);
        asked.extend(["--ticks", days[0].as_str()]);
        scalpel(here, &asked)
    };
    let beside = ["--model", model, "--challenger", model];
    let with = |more: &[&'static str]| run(&[&beside[..], more].concat());
    run(&["--challenger", model, "--out", "runs/alone"]).expect(2, &["--model"]);
    with(&["--canary", "0", "--out", "runs/zero"]).expect(2, &["--canary"]);
    with(&["--canary", "5", "--budget", "3", "--out", "runs/poor"]).expect(2, &["--budget", "at least"]);
    with(&["--canary", "100", "--promote-when-ruled", "--out", "runs/trial"]).expect(0, &["VERDICT"]);
    let journal = "runs/trial/session.journal";
    let found = scalpel(here, &["trials", journal, "--json"]).expect(0, &[]).json("trials");
    let seat = &found["seats"][0];
    let told = found["events"].to_string();
    assert!(["canary staged", "as challenger", "as champion"].iter().all(|word| told.contains(word)), "{told}");
    if !seat["trial"].is_null() {
        assert_eq!(seat["trial"]["state"], "canary");
        assert_eq!(seat["evidence"]["replay_parity"], 1.0);
        assert_eq!(seat["evidence"]["labels"], seat["trial"]["labels"].as_f64().unwrap());
    }
    scalpel(here, &["trials", journal]).expect(0, &["champion", "canary staged"]);
    scalpel(here, &["replay", journal]).expect(0, &["followed again bit for bit"]);
}
