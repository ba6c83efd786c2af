//! Journals: arbitrary bytes, and whole journals that something was done to.
#![no_main]

use std::io::Cursor;
use std::ops::Range;

use journal::format::{MAGIC, SEAL_BYTES};
use journal::{Ending, Fault, Mark, Reader, Verified, Writer, verify_bytes};
use libfuzzer_sys::fuzz_target;
use scalpel_fuzz::edit;
use scalpel_fuzz::input::Input;
use scalpel_fuzz::memory::{End, Memory, content, journal, parts};

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(&MAGIC) {
        return check_any(bytes);
    }
    let mut input = Input::new(bytes);
    let end = match input.byte() % 4 {
        3 => return check_forged(&mut input),
        1 => End::Open,
        _ => End::Closed,
    };
    let first = 1 + u64::from(input.byte() / 128) * 1_000;
    let count = input.below(600) as u64;
    let original = journal(first, count, 0, end);
    let mutant = mutant(&mut input, &original, (first, count));
    check_mutant(&original, &mutant, first);
    check_any(&mutant);
    check_marks(&original, &mutant);
});

/// A header that somebody changed and gave a checksum that fits: what reads is exactly what a header writes.
fn check_forged(input: &mut Input<'_>) {
    let mut bytes = journal(1, 0, 0, End::Open);
    let body = bytes.len() - 4;
    while !input.is_empty() {
        let at = input.below(body);
        bytes[at] = input.byte();
    }
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[..body]);
    bytes[body..].copy_from_slice(&crc.sum().to_le_bytes());
    check_any(&bytes);
}

/// The journal after up to eight changes.
fn mutant(input: &mut Input<'_>, original: &[u8], (first, count): (u64, u64)) -> Vec<u8> {
    // The same header, other records.
    let other = journal(first, count, 1, End::Closed);
    let (ours, theirs) = (parts(original), parts(&other));
    let mut mutant = original.to_vec();
    for _ in 0..8 {
        if input.is_empty() || mutant.is_empty() {
            break;
        }
        if input.byte().is_multiple_of(2) {
            edit::bytes(input, &mut mutant);
        } else {
            edit::part(input, &mut mutant, &ours, (&other, &theirs));
        }
    }
    mutant
}

/// Where a verifier says that a journal is bad or ends; `None` when it is whole.
fn first_bad(bytes: &[u8]) -> Option<usize> {
    match verify_bytes(bytes).map(|verified| verified.ending) {
        Err(Fault { offset, .. }) | Ok(Ending::Open { offset, .. } | Ending::Torn { offset, .. }) => {
            Some(offset as usize)
        }
        Ok(Ending::Closed) => None,
    }
}

/// The first changed record is named: nothing before it is doubted, and it is not believed.
fn check_mutant(original: &[u8], mutant: &[u8], first: u64) {
    let changed = original.iter().zip(mutant).position(|(a, b)| a != b);
    let changed = changed.unwrap_or(original.len().min(mutant.len()));
    let parts = parts(original);
    let holding = parts.iter().find(|part| part.contains(&changed)).map_or(original.len(), |part| part.start);
    if original == mutant {
        let whole = verify_bytes(original).unwrap();
        assert_eq!(whole.bytes, original.len() as u64);
        assert_eq!(first_bad(mutant).unwrap_or(mutant.len()), mutant.len());
    } else {
        assert_eq!(first_bad(mutant), Some(holding), "changed at {changed}");
    }
    check_shown(mutant, &parts, holding, first);
}

/// Exactly the records before the first changed one are shown, as they were written.
fn check_shown(mutant: &[u8], parts: &[Range<usize>], holding: usize, first: u64) {
    let records = parts.iter().skip(1).filter(|part| part.end <= holding);
    let due = records.filter(|part| mutant[part.start + 4] != 0).count() as u64;
    let mut seq = first - 1;
    if let Ok(mut reader) = Reader::new(mutant) {
        while let Ok(Some(record)) = reader.next_record() {
            seq += 1;
            let (kind, time, payload) = content(seq, 0);
            assert_eq!((record.seq, record.kind, record.time, record.payload), (seq, kind, time, payload.as_slice()));
        }
    }
    assert_eq!(seq - (first - 1), due);
}

/// From a mark before the first change the same is read as from the beginning.
fn check_marks(original: &[u8], mutant: &[u8]) {
    let changed = original.iter().zip(mutant).position(|(a, b)| a != b).unwrap_or(original.len().min(mutant.len()));
    let whole = verify_bytes(mutant);
    for mark in marks(original) {
        let Ok(reader) = Reader::new(Cursor::new(mutant)) else { return };
        let there = reader.skip_to(&mark);
        if mark.offset as usize > changed {
            continue;
        }
        let mut reader = there.unwrap();
        let fault = loop {
            match reader.next_record() {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(fault) => break Some(fault),
            }
        };
        match &whole {
            Ok(whole) => {
                assert_eq!((fault, reader.ending()), (None, Some(whole.ending)));
                assert_eq!((reader.place(), reader.offset()), (whole.place, whole.bytes));
            }
            Err(expected) => assert_eq!(fault, Some(*expected)),
        }
    }
}

/// Every mark of a journal, the header's included.
fn marks(bytes: &[u8]) -> Vec<Mark> {
    let mut reader = Reader::new(bytes).unwrap();
    let mut marks = vec![reader.place().mark];
    while reader.next_record().unwrap().is_some() {
        marks.push(reader.place().mark);
    }
    marks.push(reader.place().mark);
    marks.dedup();
    marks
}

/// What a verifier says of any bytes fits together; and written again, the same records give the same bytes.
fn check_any(bytes: &[u8]) {
    let Ok(verified) = verify_bytes(bytes) else { return };
    let length = bytes.len() as u64;
    let Verified { header, records, place, bytes: whole, ending, .. } = &verified;
    match *ending {
        Ending::Closed => assert_eq!(*whole, length),
        Ending::Open { seq, offset } => assert_eq!((seq, offset, *whole), (place.seq + 1, length, length)),
        Ending::Torn { seq, offset, bytes, .. } => {
            assert!(bytes > 0);
            assert_eq!((seq, offset, offset + bytes), (place.seq + 1, *whole, length));
        }
    }
    assert_eq!(place.seq, header.first + records - 1);
    let memory = Memory::default();
    let mut writer = Writer::on(Box::new(memory.clone()), header).unwrap();
    let mut reader = Reader::new(bytes).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        assert_eq!(writer.append(record.kind, record.time, record.payload), Ok(record.seq));
    }
    assert_eq!(writer.place().head, place.head);
    if *ending == Ending::Closed {
        writer.close().unwrap();
    } else {
        writer.flush().unwrap();
    }
    let again = memory.bytes();
    // A journal cut between a block's last record and its seal gets the seal when it is written again.
    assert!(again.starts_with(&bytes[..*whole as usize]), "{header:?}");
    assert!(again.len() as u64 - whole <= SEAL_BYTES as u64);
}
