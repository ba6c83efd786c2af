use std::path::Path;

use crate::program::{DAYS, read, scalpel, ticks};

/// Into the registry and out again; one changed bit does not come in.
fn through_the_registry(here: &Path) {
    let package = "runs/first/package";
    let models = |words: &str| scalpel(here, &["models"].into_iter().chain(words.split(' ')).collect::<Vec<_>>());
    models("init --owner Ada --key ada.key --kek-file ada.kek").expect(0, &["trust"]);
    models(&format!("sign {package} --key ada.key")).expect(0, &["first 1.0.0: 2 files signed"]);
    models("sign else/where/package --key ada.key").expect(0, &["where 1.0.0: 1 files signed"]);
    models("import else/where/package --key ada.key --kek file:ada.kek")
        .expect(0, &["where 1.0.0 registered as a draft"]);
    let file = here.join(package).join("trees.model");
    let whole = std::fs::read(&file).unwrap();
    let mut smuggled = whole.clone();
    smuggled[99] ^= 1;
    std::fs::write(&file, smuggled).unwrap();
    let import = format!("import {package} --key ada.key --kek file:ada.kek");
    models(&import).expect(5, &["trees.model"]);
    std::fs::write(&file, whole).unwrap();
    models(&import).expect(0, &["first 1.0.0 registered as a draft"]);
    models("verify first 1.0.0 --kek file:ada.kek").expect(0, &["64 golden questions answered as they should be"]);
    models("card first 1.0.0").expect(0, &["## When it fails", "EURUSD"]);
    models("export first 1.0.0 --kek file:ada.kek --out out").expect(0, &["first-1.0.0"]);
}

/// The trees of a training as another program would leave them: adopted, judged, seated, packed, and refused.
fn adopted(here: &Path, day: &str) {
    let adopt = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        scalpel(
            here,
            &[&["learn", "adopt", "rows.parquet", "--out", "else/where", "--ledger", "else.log"], &words[..]].concat(),
        )
    };
    let trees = "--buy runs/first/trees_buy.txt --sell runs/first/trees_sell.txt";
    adopt(trees).expect(2, &["--trained-until"]);
    adopt(&format!("{trees} --trained-until soon")).expect(2, &["--trained-until soon: write 2014-05-07"]);
    adopt("--buy runs/first/trees_buy.txt --trained-until 2014-05-06").expect(2, &["--sell"]);
    adopt(&format!("{trees} --trained-until 2014-06-01")).expect(2, &["trained_until", "no labelled rows after"]);
    adopt("--net runs/first/report.json --trained-until 2014-05-06").expect(3, &["report.json", "not supported"]);
    adopt("--buy rows.parquet --sell rows.parquet --trained-until 2014-05-06")
        .expect(3, &["rows.parquet", "LightGBM text"]);
    assert!(!here.join("else").exists() && !here.join("else.log").exists(), "nothing half done");
    adopt(&format!("{trees} --trained-until 2014-05-06")).expect(
        0,
        &["ended 2014-05-06 by your word", "direction", "always buy", "trees.model   digest", "Trials   1 in"],
    );
    let card = read(here, "else/where/package/card.md");
    assert!(card.contains("is the word of whoever adopted it") && card.contains("trees_buy.txt (LightGBM"), "{card}");
    assert!(read(here, "else.log").contains("trees adopted"));
    scalpel(here, &["learn", "validate", "else/where"]).expect(3, &["was trained elsewhere"]);
    let into = ["learn", "adopt", "rows.parquet", "--out", "runs/first", "--trained-until", "2014-05-06"];
    let files: Vec<&str> = trees.split(' ').collect();
    scalpel(here, &[&into[..], &files[..]].concat()).expect(4, &["runs/first: holds a training"]);
    let run = ["backtest", "--symbol", "EURUSD", "--quick", "--config", "fast.toml", "--model", "else/where"];
    let more = ["--ledger", "else.log", "--out", "else/run", "--ticks", day];
    scalpel(here, &[&run[..], &more[..]].concat()).expect(0, &["VERDICT"]);
    assert_eq!(std::fs::read_dir(here.join("else/run/session.journal.models")).map(Iterator::count).ok(), Some(1));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a newcomer's way from end to end")]
fn from_ticks_to_a_model_that_sits_at_the_council() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let printed = scalpel(here, &["config", "--symbol", "EURUSD"]).expect(0, &["[[class]]"]).out;
    let fast = printed
        .replace("target = \"6 pip\"", "target = \"3 pip\"")
        .replace("stop = \"8 pip\"", "stop = \"3 pip\"")
        .replace("horizon = \"30 min\"", "horizon = \"60 s\"")
        .replace("sample_every = \"5 s\"", "sample_every = \"2 s\"");
    std::fs::write(here.join("fast.toml"), fast).unwrap();
    let days = ticks("oanda", &DAYS);
    let dataset = |days: &[String], out: &str| {
        let mut asked =
            vec!["learn", "dataset", "--symbol", "EURUSD", "--config", "fast.toml", "--out", out, "--ticks"];
        asked.extend(days.iter().map(String::as_str));
        scalpel(here, &asked)
    };
    dataset(&days[..6], "rows.parquet").expect(0, &["rows of 64 features", "target 30 stop 30 points"]);
    let train = ["learn", "train", "rows.parquet", "--out", "runs/first", "--no-net"];
    let told = scalpel(here, &train).expect(0, &["trees.model   digest", "direction", "Trials   3 in runs/trials.log"]);
    let again = scalpel(here, &train).expect(0, &["Trials   7 in runs/trials.log"]);
    let digest = |told: &str| told.split("digest ").nth(1).unwrap()[..64].to_owned();
    assert_eq!(digest(&told.out), digest(&again.out), "what is finished is not made anew");
    adopted(here, &days[6]);
    through_the_registry(here);
    let model = "out/first-1.0.0/trees.model";
    let run = |config: &[&str], out: &str, day: &str| {
        let mut asked = vec!["backtest", "--symbol", "EURUSD", "--quick", "--model", model, "--out", out];
        asked.extend(config);
        asked.extend(["--ticks", day]);
        scalpel(here, &asked)
    };
    run(&[], "runs/other", &days[6]).expect(2, &["no class of the configuration trades what it was trained for"]);
    run(&["--config", "fast.toml"], "runs/judged", &days[6]).expect(0, &["VERDICT", "Trials   9 in the ledger"]);
    crate::rollout::challenge(here, "fast.toml", model, &days[6]);
    let journal = "runs/judged/session.journal";
    scalpel(here, &["replay", journal]).expect(0, &["followed again bit for bit"]);
    scalpel(here, &["explain", journal, "9001"]).expect(0, &["The trees: first", "on average", "all other inputs"]);
    let record = scalpel(here, &["explain", journal, "9001", "--json"]).expect(0, &[]).json("explanation");
    let model = &record["decisions"][0]["models"][0];
    assert_eq!((&model["name"], &model["contributions"][1]["verified"]), (&"first".into(), &true.into()), "{record}");
    // All models of a folder sit down; on ticks that they have learned from they wait for the end of them, or the report says so.
    let folder = |extra: &[&str], out: &str, day: &str| {
        let mut asked =
            vec!["backtest", "--symbol", "EURUSD", "--quick", "--config", "fast.toml", "--model", "runs/first"];
        asked.extend(extra);
        asked.extend(["--out", out, "--ticks", day]);
        scalpel(here, &asked)
    };
    folder(&[], "runs/both", &days[6]).expect(0, &["VERDICT"]);
    let seated = std::fs::read_dir(here.join("runs/both/session.journal.models")).unwrap().count();
    assert_eq!(seated, 2, "trees and the meta model");
    folder(&[], "runs/early", &days[2])
        .expect(0, &["trees first was not seated: it has learned from ticks until 2014-05"]);
    folder(&["--in-sample"], "runs/told", &days[2]).expect(0, &["WARNING: in-sample", "In-sample: a model was seated"]);
    // A run that was killed goes on with its models.
    let journal_of = here.join("runs/both/session.journal");
    let whole = std::fs::read(&journal_of).unwrap();
    std::fs::write(&journal_of, &whole[..whole.len() * 2 / 3]).unwrap();
    folder(&["--resume"], "runs/both", &days[6]).expect(0, &["VERDICT"]);
    assert_eq!(std::fs::read(&journal_of).unwrap(), whole, "the same bytes as without the kill");
    // Without the model beside it, or with another in its place, nothing is replayed.
    let kept = here.join(format!("{journal}.models/{}.model", digest(&told.out)));
    let mut bytes = std::fs::read(&kept).unwrap();
    let at = bytes.len() - 9;
    bytes[at] ^= 1;
    std::fs::write(&kept, &bytes).unwrap();
    scalpel(here, &["replay", journal]).expect(3, &["record 4 seats a model that cannot be had"]);
    std::fs::remove_file(&kept).unwrap();
    scalpel(here, &["replay", journal]).expect(3, &["record 4 seats a model", "No such file"]);
    // What is no model is refused before anything is written.
    for (name, bytes, word) in [("empty", &b""[..], "no model"), ("pickle", &b"\x80\x04\x95abc"[..], "no model")] {
        std::fs::write(here.join(name), bytes).unwrap();
        let asked = ["backtest", "--symbol", "EURUSD", "--model", name, "--out", "runs/bad", "--ticks", &days[6]];
        scalpel(here, &asked).expect(3, &[name, word]);
        assert!(!here.join("runs/bad/session.journal").exists());
    }
    out_of_the_registry(here, &days[6]);
}

/// A backtest seats what the registry verified, and is refused with the reason before anything is written.
fn out_of_the_registry(here: &Path, day: &str) {
    let run = |named: &str, more: &[&str], out: &str| {
        let asked =
            ["backtest", "--symbol", "EURUSD", "--quick", "--config", "fast.toml", "--model", named, "--out", out];
        scalpel(here, &[&asked[..], more, &["--ticks", day]].concat())
    };
    let kept = ["--registry", "registry", "--kek", "file:ada.kek"];
    run("first@champion", &[], "runs/none").expect(2, &["--registry", "--kek"]);
    run("first@champion", &kept, "runs/none").expect(3, &["aliases/first.log", "no champion was ever promoted"]);
    run("first@2.0.0", &kept, "runs/none").expect(3, &["models/first/2.0.0", "missing"]);
    let golden = here.join("registry/models/first/1.0.0/golden.jsonl");
    let whole = std::fs::read_to_string(&golden).unwrap_or_default();
    let write = |text: &str| assert!(std::fs::write(&golden, text).is_ok());
    write(&whole.replacen("\"p\":0.", "\"p\":0.9", 1));
    run("first@1.0.0", &kept, "runs/none").expect(5, &["models/first/1.0.0/golden.jsonl", "changed"]);
    write(&whole);
    assert!(!here.join("runs/none/session.journal").exists());
    run("first@1.0.0", &kept, "runs/kept").expect(0, &["VERDICT"]);
    scalpel(here, &["explain", "runs/kept/session.journal", "9001"]).expect(0, &["The trees: first"]);
}
