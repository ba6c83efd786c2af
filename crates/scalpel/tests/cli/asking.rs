//! What can be asked, and what is said to what cannot.

use std::fs;

use crate::program::{backtest, read, scalpel, ticks};

#[test]
fn every_command_helps_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        "",
        "backtest",
        "data",
        "data inspect",
        "data import",
        "journal",
        "journal verify",
        "replay",
        "explain",
        "config",
    ];
    for command in commands {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let ran = scalpel(folder.path(), &arguments).expect(0, &["Usage:", "Example", "  scalpel "]);
        assert!(ran.err.is_empty(), "{ran:?}");
    }
    let codes = ["Exit codes:", "  0  done", "  5  a proof failed"];
    scalpel(folder.path(), &["--help"]).expect(0, &codes);
    scalpel(folder.path(), &["--version"]).expect(0, &["scalpel 0."]);
}

#[test]
fn what_is_not_understood_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let day = ticks("oanda", &["01"]);
    let check = |arguments: &[&str], words: &[&str]| {
        let ran = scalpel(folder.path(), arguments).expect(2, words);
        assert!(ran.out.is_empty(), "{ran:?}");
    };
    check(&["frobnicate"], &["unrecognized subcommand"]);
    check(&["backtest", "--symbol", "EURUSD"], &["--ticks"]);
    check(&["backtest", "--ticks", &day[0], "--symbol", "EURUSX"], &["unknown symbol EURUSX", "did you mean EURUSD"]);
    check(&backtest(&day, &["--seed", "x"]), &["--seed"]);
    check(&backtest(&day, &["--durability", "replica"]), &["replica", "no second machine"]);
    check(&["--durability", "replica", "--out", "main"], &["no second machine"]);
    check(&backtest(&day, &["--zone", "Mars"]), &["no such time zone: Mars"]);
    check(&backtest(&day, &["--resume"]), &["there is no run/session.journal"]);
    check(&["config", "--symbol", "EURGBP"], &["write a configuration with a conversion"]);
    check(&["data", "import", &day[0], "--out", "x.parquet"], &["--symbol"]);
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was begun");
}

#[test]
fn a_symbol_may_be_in_small_letters_and_doubted() {
    let folder = tempfile::tempdir().unwrap();
    let day = ticks("oanda", &["04"]);
    let ask = |symbol, out| {
        scalpel(folder.path(), &["backtest", "--quick", "--ticks", &day[0], "--symbol", symbol, "--out", out])
    };
    assert!(!ask("eurusd", "a").expect(0, &[]).err.contains("warning"));
    assert!(ask("GBPUSD", "b").expect(0, &[]).err.contains("the path names EURUSD, but it is read as GBPUSD"));
}

#[test]
fn inputs_that_cannot_be_used_are_3() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("empty.csv", b"");
    write("hello.csv", b"hello world\n");
    write("header.csv", b"ts_ms,bid,ask\n");
    write("cut.csv.zst", &fs::read(&ticks("oanda", &["01"])[0]).unwrap()[..5_000]);
    let check = |file: &str, words: &[&str]| {
        let files = [file.to_owned()];
        let mut arguments = backtest(&files, &[]);
        let out = format!("run-{}", file.replace('/', "-"));
        arguments[4] = &out;
        let ran = scalpel(folder.path(), &arguments).expect(3, words);
        assert!(ran.out.is_empty(), "{ran:?}");
    };
    check("missing.csv", &["missing.csv", "No such file"]);
    check(".", &["not a regular file"]);
    check("empty.csv", &["the file is empty"]);
    check("hello.csv", &["no known format begins like `hello world`"]);
    check("cut.csv.zst", &["cut off"]);
    check("header.csv", &["not one record could be used", "quarantine.jsonl"]);
    // A dollar-yen price has three decimals: not a single record fits.
    let day = ticks("oanda", &["04"]);
    let yen = ["backtest", "--ticks", &day[0], "--symbol", "USDJPY", "--out", "yen"];
    scalpel(folder.path(), &yen).expect(3, &["not one record could be used (off_grid 1,164)", "files of USDJPY?"]);
    for verb in [&["replay"] as &[&str], &["journal", "verify"], &["explain"]] {
        let number: &[&str] = if verb == ["explain"] { &["3"] } else { &[] };
        let ask = |file| scalpel(folder.path(), &[verb, &[file], number].concat());
        ask("missing.journal").expect(3, &["missing.journal: No such file"]);
        ask(".").expect(3, &["not a file"]);
    }
    scalpel(folder.path(), &["replay", &day[0]]).expect(3, &["not a journal"]);
    scalpel(folder.path(), &backtest(&day, &["--config", "missing.toml"])).expect(3, &["missing.toml: No such file"]);
}

#[test]
fn outputs_that_cannot_be_written_are_4() {
    let folder = tempfile::tempdir().unwrap();
    let day = ticks("oanda", &["04"]);
    scalpel(folder.path(), &backtest(&day, &[])).expect(0, &["VERDICT"]);
    let before = read(folder.path(), "run/result.json");
    scalpel(folder.path(), &backtest(&day, &[])).expect(4, &["run holds a run already", "--resume"]);
    assert_eq!(read(folder.path(), "run/result.json"), before, "what was there is untouched");
    fs::write(folder.path().join("file"), "").unwrap();
    scalpel(folder.path(), &["--out", "file/x"]).expect(4, &["the folder file/x cannot be made"]);
}

#[test]
fn the_printed_configuration_runs_and_a_broken_one_is_told_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let printed = scalpel(folder.path(), &["config"]).expect(0, &["version = 1", "[[strategy]]"]).out;
    fs::write(folder.path().join("desk.toml"), &printed).unwrap();
    let day = ticks("oanda", &["04"]);
    scalpel(folder.path(), &backtest(&day, &["--config", "desk.toml"])).expect(0, &["VERDICT"]);
    assert_eq!(read(folder.path(), "run/config.toml").trim(), printed.trim());
    let broken = printed
        .replacen("balance = \"100000.00 USD\"", "balance = 5", 1)
        .replacen("beta = 1.0", "betta = 1.0", 1)
        .replacen("target = \"6 pip\"", "target = \"6 parsec\"", 1);
    let line = |text: &str| broken.lines().position(|line| line.starts_with(text)).unwrap() + 1;
    let (balance, beta) = (line("balance = 5"), line("betta = 1.0"));
    let target = line("target = \"6 parsec\"");
    fs::write(folder.path().join("broken.toml"), &broken).unwrap();
    scalpel(folder.path(), &backtest(&day, &["--config", "broken.toml"])).expect(
        2,
        &[
            "broken.toml cannot be used",
            &format!("line {balance}: account.balance: 5 is not an amount"),
            &format!("line {target}: class[0].target: \"6 parsec\" is not a distance"),
            &format!("line {beta}: strategy[0].decide.betta: is not a key of this table; did you mean \"beta\"?"),
        ],
    );
    fs::write(folder.path().join("other.toml"), printed.replace("\"EURUSD\"", "\"GBPUSD\"")).unwrap();
    scalpel(folder.path(), &backtest(&day, &["--config", "other.toml"])).expect(2, &["the configuration has GBPUSD"]);
}
