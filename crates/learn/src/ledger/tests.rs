use super::*;
use proptest::prelude::*;

pub(crate) fn trial(seed: u64, sharpe: Option<f64>) -> Trial {
    Trial {
        kind: Kind::Backtest,
        time: 1_700_000_000_000_000_000 + seed as i64,
        config: digest(b"config"),
        data: vec![digest(b"ticks")],
        code: "c1740fa".into(),
        seed,
        sharpe_day: sharpe,
        expectancy_pips: Some(-0.25),
        n: 120,
        parent: None,
        period: None,
        note: "a \"note\" with ünicode".into(),
    }
}

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::at(folder.path().join(NAME));
    (folder, ledger)
}

fn filled(count: u64) -> (tempfile::TempDir, Ledger, Vec<u8>) {
    let (folder, ledger) = ledger();
    for seed in 0..count {
        ledger.append(&trial(seed, Some(0.1 * seed as f64))).unwrap();
    }
    let bytes = std::fs::read(ledger.path()).unwrap();
    (folder, ledger, bytes)
}

fn bad_line(ledger: &Ledger) -> Option<u64> {
    match ledger.read() {
        Err(LedgerFault::Bad { line, .. }) => Some(line),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    }
}

#[test]
fn what_is_written_is_read_and_counted() {
    let (_folder, ledger) = ledger();
    assert_eq!((ledger.read().unwrap().count(), ledger.read().unwrap().head()), (0, ZEROS));
    let first = ledger.append(&trial(1, Some(0.1))).unwrap();
    let child = Trial { parent: Some(first.hash.clone()), ..trial(2, Some(0.3)) };
    ledger.append(&child).unwrap();
    ledger.append(&trial(3, None)).unwrap();
    let last = ledger.append(&Trial { kind: Kind::Lockbox, ..trial(4, Some(9.0)) }).unwrap();
    let contents = ledger.read().unwrap();
    assert_eq!(contents.trials[1].1, child);
    assert_eq!((contents.count(), contents.head()), (3, last.hash.as_str()));
    assert!((contents.sharpe_variance().unwrap() - 0.02).abs() < 1e-12);
    // The same again counts, but does not make the trials look more alike.
    ledger.append(&trial(1, Some(0.1))).unwrap();
    let contents = ledger.read().unwrap();
    assert_eq!(contents.count(), 4);
    assert!((contents.sharpe_variance().unwrap() - 0.02).abs() < 1e-12);
    assert!(ledger.verify(Some(&first.hash)).is_ok());
}

#[test]
fn every_flipped_byte_is_found_at_its_line() {
    let (_folder, ledger, bytes) = filled(3);
    let mut line = 1;
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        std::fs::write(ledger.path(), &flipped).unwrap();
        let last_newline = at + 1 == bytes.len();
        match bad_line(&ledger) {
            Some(found) => assert_eq!(found, line, "byte {at}"),
            None => assert!(last_newline && ledger.read().unwrap().torn > 0, "byte {at}"),
        }
        line += u64::from(bytes[at] == b'\n');
    }
}

#[test]
fn a_swapped_doubled_or_missing_line_is_found() {
    let (_folder, ledger, bytes) = filled(4);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for (order, expected) in [
        (vec![0, 2, 1, 3], Some(2)),
        (vec![0, 1, 1, 2, 3], Some(3)),
        (vec![0, 2, 3], Some(2)),
        (vec![1, 2, 3], Some(1)),
    ] {
        let text: Vec<u8> = order.iter().flat_map(|i| lines[*i]).copied().collect();
        std::fs::write(ledger.path(), text).unwrap();
        assert_eq!(bad_line(&ledger), expected, "{order:?}");
        assert!(ledger.append(&trial(9, None)).is_err(), "nothing is written after a bad line");
    }
    let head = {
        std::fs::write(ledger.path(), &bytes).unwrap();
        ledger.read().unwrap().head().to_owned()
    };
    std::fs::write(ledger.path(), lines[..3].concat()).unwrap();
    assert!(ledger.verify(None).is_ok(), "cut at the end, the chain alone does not tell");
    let error = ledger.verify(Some(&head)).unwrap_err().to_string();
    assert!(error.contains("line 4 is missing"), "{error}");
}

/// A ledger that began with lines of the first form goes on in today's; it stays one chain.
#[test]
fn a_ledger_of_the_first_form_goes_on() {
    let (_folder, ledger) = ledger();
    let (mut text, mut prev) = (String::new(), ZEROS.to_owned());
    for seed in 0..3 {
        let (line, hash) = first::written(&trial(seed, None), &prev);
        text.push_str(&line);
        prev = hash;
    }
    std::fs::write(ledger.path(), &text).unwrap();
    assert_eq!((ledger.read().unwrap().count(), ledger.read().unwrap().head()), (3, prev.as_str()));
    ledger.append(&trial(3, None)).unwrap();
    ledger.append(&trial(4, None)).unwrap();
    let bytes = std::fs::read(ledger.path()).unwrap();
    let whole = ledger.verify(Some(&prev)).unwrap();
    assert_eq!((whole.count(), whole.trials[4].1.seed), (5, 4));
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for (order, expected) in
        [(vec![0, 1, 3, 4], 3), (vec![3, 4], 1), (vec![0, 1, 2, 4], 4), (vec![0, 1, 2, 3, 0], 5), (vec![1, 2, 3], 1)]
    {
        let text: Vec<u8> = order.iter().flat_map(|i: &usize| lines[*i]).copied().collect();
        std::fs::write(ledger.path(), text).unwrap();
        assert_eq!(bad_line(&ledger), Some(expected), "{order:?}");
    }
    let mut line = 1;
    for at in 0..bytes.len() - 1 {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        std::fs::write(ledger.path(), &flipped).unwrap();
        assert_eq!(bad_line(&ledger), Some(line), "byte {at}");
        line += u64::from(bytes[at] == b'\n');
    }
}

#[test]
fn a_torn_last_line_is_cut_and_kept_aside() {
    let (folder, ledger, bytes) = filled(3);
    let second = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    for cut in [second + 1, second + 40, bytes.len() - 1] {
        std::fs::write(ledger.path(), &bytes[..cut]).unwrap();
        assert_eq!(ledger.read().unwrap().torn, (cut - second) as u64);
        let appended = ledger.append(&trial(7, None)).unwrap();
        let aside = appended.aside.unwrap();
        assert_eq!(aside, folder.path().join(format!("{NAME}.torn-{second}")));
        assert!(std::fs::read(&aside).unwrap().ends_with(&bytes[second..cut]));
        let contents = ledger.read().unwrap();
        assert_eq!((contents.trials.len(), contents.torn), (3, 0));
        assert_eq!(contents.trials[2].1.seed, 7);
    }
}

#[test]
fn many_writers_make_one_chain() {
    let (_folder, ledger) = ledger();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let ledger = &ledger;
            scope.spawn(move || {
                for i in 0..10 {
                    ledger.append(&trial(writer * 100 + i, None)).unwrap();
                }
            });
        }
    });
    assert_eq!(ledger.read().unwrap().count(), 40);
}

#[test]
fn what_cannot_be_written_is_refused() {
    let (_folder, ledger) = ledger();
    assert!(ledger.append(&trial(1, Some(f64::NAN))).is_err());
    assert!(ledger.append(&Trial { note: "x".repeat(1_001), ..trial(1, None) }).is_err());
    assert!(ledger.append(&Trial { data: vec![digest(b""); 2_000], ..trial(1, None) }).is_err());
    assert_eq!(ledger.read().unwrap().count(), 0);
    let nowhere = Ledger::at("/nonexistent/trials.log");
    assert!(nowhere.append(&trial(1, None)).unwrap_err().to_string().contains("cannot open it"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0_usize..2_000) {
        let (_folder, ledger, good) = filled(2);
        std::fs::write(ledger.path(), &bytes).unwrap();
        let _ = ledger.read();
        let mut mixed = good;
        let at = at.min(mixed.len());
        mixed.splice(at..at, bytes);
        std::fs::write(ledger.path(), &mixed).unwrap();
        let _ = ledger.read();
    }
}
