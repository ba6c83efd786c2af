//! `journal verify`, `replay` and `explain`.

use std::fs;

use crate::program::{head, one_day, read, scalpel};

#[test]
fn a_journal_is_proved_or_its_first_bad_record_named() {
    let folder = one_day();
    let (folder, run) = (folder.path(), "run/session.journal");
    let head = head(folder);
    scalpel(folder, &["journal", "verify", run, "--head", &head]).expect(0, &["closed", &head]);
    scalpel(folder, &["journal", "verify", run, "--head", &head.to_uppercase()]).expect(0, &[]);
    let other = "0".repeat(64);
    scalpel(folder, &["journal", "verify", run, "--head", &other])
        .expect(5, &[&other, "another journal, or a changed one"]);
    let whole = fs::read(folder.join(run)).unwrap();
    for place in [3, 50, whole.len() / 3, whole.len() / 2, whole.len() - 40] {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x10;
        fs::write(folder.join("flipped.journal"), &flipped).unwrap();
        let ran = scalpel(folder, &["journal", "verify", "flipped.journal"]).expect(5, &["first bad record"]);
        let number = |after: &str| -> usize {
            let rest = ran.err.split_once(after).unwrap().1;
            rest.split([' ', ':']).next().unwrap().parse().unwrap()
        };
        let (record, byte) = (number("first bad record "), number("at byte "));
        assert!(byte <= place && place < byte + 9_000, "flipped at {place}: {ran:?}");
        // A record of a quote has some 75 bytes; the first stand after the header.
        assert!(record <= place / 40, "flipped at {place}: {ran:?}");
        let replay = scalpel(folder, &["replay", "flipped.journal"]);
        assert!(replay.code == Some(5) || place < 8 && replay.code == Some(3), "{replay:?}");
    }
    // A cut tail is no damage in itself, but it is not the whole either.
    fs::write(folder.join("cut.journal"), &whole[..whole.len() * 2 / 3]).unwrap();
    scalpel(folder, &["journal", "verify", "cut.journal"]).expect(5, &["not closed", "more may be missing"]);
}

#[test]
fn a_replay_follows_again() {
    let folder = one_day();
    let run = "run/session.journal";
    let ran = scalpel(folder.path(), &["replay", run]).expect(0, &["From the start", "bit for bit", "closed"]);
    let object = scalpel(folder.path(), &["replay", run, "--json"]).expect(0, &[]).json("replay");
    assert!(ran.out.contains(object["actions_sha256"].as_str().unwrap()), "{ran:?}");
    assert!(object["events"].as_u64().unwrap() > 24_179 && object["actions"].as_u64().unwrap() > 4);
    let records = object["events"].as_u64().unwrap() + object["actions"].as_u64().unwrap();
    assert_eq!(object["last_record"], records);
}

#[test]
fn the_first_trade_is_explained() {
    let folder = one_day();
    let (folder, run) = (folder.path(), "run/session.journal");
    let trades = read(folder, "run/trades.csv");
    let first: Vec<&str> = trades.lines().nth(1).unwrap().split(',').collect();
    let (seq, strategy, side) = (first[0], first[1], first[3]);
    let proposed = format!("Proposed to the gate: {side}");
    let sent = format!("Sent: request 1-1 of {strategy}: {side} ");
    let mark = format!("Event {seq}: a quote of EURUSD");
    let words =
        [&mark, "What was seen", "Strategy scalp", "The regime", "EV_lo", &proposed, "Controls of the gate", &sent];
    let told = scalpel(folder, &["explain", run, seq]).expect(0, &words);
    assert!(told.out.lines().all(|line| line.chars().count() < 120), "{}", told.out);
    the_record_says_the_same(
        &scalpel(folder, &["explain", run, seq, "--json"]).expect(0, &[]).json("explanation"),
        side,
    );
    let start = scalpel(folder, &["explain", run, "1", "--json"]).expect(0, &[]).json("explanation");
    assert_eq!((&start["event"]["fact"], &start["book"]), (&"start".into(), &serde_json::Value::Null));
    assert!(start["decisions"].as_array().is_some_and(Vec::is_empty));
    scalpel(folder, &["explain", run, "1"]).expect(0, &["Event 1: the session began"]);
    scalpel(folder, &["explain", run, "0"]).expect(2, &["numbered from 1"]);
    scalpel(folder, &["explain", run, "2"]).expect(2, &["record 2 is an action, not an event"]);
    scalpel(folder, &["explain", run, "99999999"]).expect(2, &["there is no event 99999999; the last record is"]);
}

/// The record of a trade, whose numbers follow from each other.
fn the_record_says_the_same(object: &serde_json::Value, side: &str) {
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or(f64::NAN);
    assert_eq!(object["book"]["symbol"], "EURUSD");
    let all = object["decisions"].as_array().map_or(&[][..], Vec::as_slice);
    let sent: Vec<_> = all.iter().filter(|record| record["order_ref"] == "1-1").collect();
    assert!(sent.len() == 1 && sent[0]["action"] == side, "{object}");
    assert!(
        sent[0]["gates"]
            .as_array()
            .is_some_and(|gates| !gates.is_empty() && gates.iter().all(|gate| gate["ok"] == true))
    );
    for record in all.iter().filter(|record| !record["ensemble"].is_null()) {
        let told = &record["ensemble"];
        assert_eq!(told["contributions"]["verified"], true);
        for (nth, view) in told["sides"].as_array().map_or(&[][..], Vec::as_slice).iter().enumerate() {
            let adds = told["agents"].as_array().map_or(&[][..], Vec::as_slice).iter();
            let sum: f64 = adds.map(|agent| number(&agent["contribution"][nth])).sum();
            assert!((number(&told["base"]) + sum - number(&view["logit"])).abs() <= 1e-6, "{record}");
        }
    }
}
