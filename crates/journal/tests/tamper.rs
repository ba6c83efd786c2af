//! The format is stable, and whatever is done to a journal, the verifier names the first bad record.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Part, closed, content, header, open, parts};
use journal::format::{BLOCK_RECORDS, SEAL_BYTES};
use journal::{Ending, Fault, Head, Reader, Shape, What, verify_bytes};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// The first place that is not as it was: of a fault, or of an ending that is not a close.
fn first_bad(bytes: &[u8]) -> Option<(u64, u64)> {
    match verify_bytes(bytes) {
        Err(Fault { seq, offset, .. }) => Some((seq, offset)),
        Ok(verified) => match verified.ending {
            Ending::Closed => None,
            Ending::Open { seq, offset } | Ending::Torn { seq, offset, .. } => Some((seq, offset)),
        },
    }
}

fn named(part: Part) -> (u64, u64) {
    (part.seq, part.start as u64)
}

#[derive(Debug, Clone)]
enum Mutation {
    Flip { at: usize, mask: u8 },
    Delete { part: usize },
    Duplicate { part: usize },
    Swap { a: usize, b: usize },
    Move { from: usize, to: usize },
    Truncate { at: usize },
    Cut { at: usize, bytes: usize },
    Splice { part: usize },
}

/// The mutant, and what must be named.
fn mutate(bytes: &[u8], parts: &[Part], other: &[u8], mutation: &Mutation) -> (Vec<u8>, (u64, u64)) {
    let mut out = bytes.to_vec();
    let of = |part: Part| &bytes[part.start..part.end];
    let holding = |at: usize| *parts.iter().find(|part| at < part.end).unwrap();
    let after = |part: usize| Part { start: parts[part].end, ..parts.get(part + 1).copied().unwrap_or(parts[part]) };
    match *mutation {
        Mutation::Flip { at, mask } => {
            out[at] ^= mask;
            (out, named(holding(at)))
        }
        Mutation::Delete { part } => {
            out.drain(parts[part].start..parts[part].end);
            (out, named(parts[part]))
        }
        Mutation::Duplicate { part } => {
            let again = of(parts[part]).to_vec();
            out.splice(parts[part].end..parts[part].end, again);
            (out, named(after(part)))
        }
        Mutation::Swap { a, b } if a == b => (out, named(parts[a])),
        Mutation::Swap { a, b } => {
            let (a, b) = (parts[a.min(b)], parts[a.max(b)]);
            let swapped = [&bytes[..a.start], of(b), &bytes[a.end..b.start], of(a), &bytes[b.end..]].concat();
            (swapped, named(a))
        }
        Mutation::Move { from, to } => {
            let record = out.drain(parts[from].start..parts[from].end).collect::<Vec<_>>();
            // Counted in the file without the record.
            let to_at = if to < from { parts[to].start } else { parts[to].end - record.len() };
            out.splice(to_at..to_at, record);
            (out, named(parts[from.min(to)]))
        }
        Mutation::Truncate { at } => {
            out.truncate(at);
            (out, named(holding(at)))
        }
        Mutation::Cut { at, bytes } => {
            out.drain(at..(at + bytes).min(out.len()));
            (out, named(holding(at)))
        }
        Mutation::Splice { part } => {
            // The same number from another run's journal, right in itself.
            let Part { start, end, .. } = parts[part];
            out[start..end].copy_from_slice(&other[start..end]);
            (out, named(parts[part]))
        }
    }
}

fn mutations(bytes: usize, count: usize) -> impl Strategy<Value = Mutation> {
    let part = 1..count;
    prop_oneof![
        4 => (0..bytes, 1..=255_u8).prop_map(|(at, mask)| Mutation::Flip { at, mask }),
        1 => part.clone().prop_map(|part| Mutation::Delete { part }),
        1 => part.clone().prop_map(|part| Mutation::Duplicate { part }),
        1 => (part.clone(), part.clone()).prop_map(|(a, b)| Mutation::Swap { a, b }),
        1 => (part.clone(), part.clone()).prop_map(|(from, to)| Mutation::Move { from, to }),
        1 => (0..bytes).prop_map(|at| Mutation::Truncate { at }),
        1 => (0..bytes, 1..400_usize).prop_map(|(at, bytes)| Mutation::Cut { at, bytes }),
        1 => part.prop_map(|part| Mutation::Splice { part }),
    ]
}

#[test]
fn ten_thousand_mutants_are_all_found_and_named() {
    let bytes = closed(3 * BLOCK_RECORDS + 17);
    let parts = parts(&bytes);
    assert_eq!(parts.iter().filter(|part| part.is_seal).count(), 4);
    assert_eq!(first_bad(&bytes), None);
    let other = {
        let memory = common::Memory::default();
        let header = journal::Header { run: *b"another-run-here", ..header() };
        let mut writer = journal::Writer::on(Box::new(memory.clone()), &header).unwrap();
        common::append(&mut writer, 3 * BLOCK_RECORDS + 17);
        writer.close().unwrap();
        memory.bytes()
    };
    let mut runner = TestRunner::new(Config { cases: 10_000, failure_persistence: None, ..Config::default() });
    runner
        .run(&mutations(bytes.len(), parts.len()), |mutation| {
            let (mutant, expected) = mutate(&bytes, &parts, &other, &mutation);
            // A cut inside equal bytes, or a swap with itself, changes nothing.
            prop_assume!(mutant != bytes);
            let found = first_bad(&mutant);
            prop_assert!(found.is_some(), "not found");
            // Where bytes slid, the first that differs may belong to a later part than the one named first.
            let differs = bytes.iter().zip(&mutant).position(|(a, b)| a != b).unwrap_or(bytes.len().min(mutant.len()));
            let first = parts.iter().find(|part| differs < part.end);
            let mut expected = first.map_or(expected, |part| named(*part));
            if let (Ok(verified), Some(true)) = (verify_bytes(&mutant), first.map(|part| part.is_seal)) {
                // The tail is gone from a seal on: an ending names the record that would come next.
                expected.0 = verified.place.seq + 1;
            }
            prop_assert_eq!(found, Some(expected));
            Ok(())
        })
        .unwrap();
}

#[test]
fn every_single_byte_flip_is_named() {
    let bytes = closed(BLOCK_RECORDS + 3);
    for part in parts(&bytes) {
        for at in part.start..part.end {
            for mask in [0x01, 0x80, 0xFF] {
                let mut mutant = bytes.clone();
                mutant[at] ^= mask;
                let fault = verify_bytes(&mutant).expect_err("a flip is a fault, never a torn tail");
                assert_eq!((fault.seq, fault.offset), (part.seq, part.start as u64), "byte {at}: {fault}");
            }
        }
    }
}

#[test]
fn a_flip_in_the_unsealed_tail_is_a_fault_too() {
    let bytes = open(5);
    for part in parts(&bytes) {
        for at in part.start..part.end {
            let mut mutant = bytes.clone();
            mutant[at] ^= 0x10;
            let fault = verify_bytes(&mutant).expect_err("a flip is a fault, never a torn tail");
            assert_eq!((fault.seq, fault.offset), (part.seq, part.start as u64), "byte {at}: {fault}");
        }
    }
}

/// One who knows the format and makes the checksums fit again is caught by the block's seal.
#[test]
fn a_rewrite_with_right_checksums_is_caught_by_the_seal() {
    let bytes = closed(BLOCK_RECORDS + 3);
    let mut mutant = bytes.clone();
    let parts = parts(&bytes);
    let header_crc = u32::from_le_bytes(bytes[parts[0].end - 4..parts[0].end].try_into().unwrap());
    mutant[parts[7].start + 20] ^= 1;
    let mut crc = header_crc;
    for part in &parts[1..] {
        let mut hasher = crc32fast::Hasher::new_with_initial(crc);
        hasher.update(&mutant[part.start..part.end - 4]);
        crc = hasher.finalize();
        mutant[part.end - 4..part.end].copy_from_slice(&crc.to_le_bytes());
    }
    let seal = parts.iter().find(|part| part.is_seal).unwrap();
    let what = What::Head { first: 1, last: BLOCK_RECORDS };
    assert_eq!(verify_bytes(&mutant), Err(Fault { seq: 1, offset: seal.start as u64, what }));
}

/// A cut of the tail at a record's end cannot be told from a journal still being written: it is not a fault, but it is
/// not whole either, and its head is another.
#[test]
fn every_cut_is_open_or_torn_at_its_record() {
    for bytes in [closed(BLOCK_RECORDS + 3), open(BLOCK_RECORDS + 3), open(BLOCK_RECORDS)] {
        let parts = parts(&bytes);
        for at in parts[0].end..bytes.len() {
            let part = parts.iter().find(|part| at < part.end).unwrap();
            let verified = verify_bytes(&bytes[..at]).unwrap();
            let (seq, offset) = (verified.place.seq + 1, part.start as u64);
            let expected = if at == part.start {
                Ending::Open { seq, offset }
            } else {
                Ending::Torn { seq, offset, bytes: (at - part.start) as u64, shape: Shape::Short }
            };
            let ending = match verified.ending {
                // One zero byte, as of an empty payload's length, is zeros too.
                Ending::Torn { seq, offset, bytes, shape: Shape::Zeros } if bytes <= 2 => {
                    Ending::Torn { seq, offset, bytes, shape: Shape::Short }
                }
                ending => ending,
            };
            assert_eq!(ending, expected, "cut at {at}");
            assert_eq!(verified.bytes, offset);
        }
        for at in 0..parts[0].end {
            let fault = verify_bytes(&bytes[..at]).unwrap_err();
            assert_eq!((fault.seq, fault.offset), (0, 0));
        }
    }
}

#[test]
fn what_follows_a_close_is_a_fault() {
    let mut bytes = closed(3);
    let offset = bytes.len() as u64;
    bytes.push(0);
    assert_eq!(verify_bytes(&bytes), Err(Fault { seq: 4, offset, what: What::AfterClose }));
}

#[test]
fn zeros_and_holes_after_the_last_seal_are_torn_and_before_it_are_faults() {
    let sealed = open(BLOCK_RECORDS);
    let mut zeros = sealed.clone();
    zeros.resize(sealed.len() + 5_000, 0);
    let (seq, offset) = (BLOCK_RECORDS + 1, sealed.len() as u64);
    let ending = Ending::Torn { seq, offset, bytes: 5_000, shape: Shape::Zeros };
    assert_eq!(verify_bytes(&zeros).unwrap().ending, ending);
    *zeros.last_mut().unwrap() = 1;
    assert!(matches!(
        verify_bytes(&zeros).map(|verified| verified.ending),
        Err(_) | Ok(Ending::Torn { shape: Shape::Hole, .. })
    ));

    let bytes = open(BLOCK_RECORDS + 200);
    let sector = sealed.len().next_multiple_of(512) + 512;
    let mut hole = bytes.clone();
    hole[sector..sector + 512].fill(0);
    let part = *parts(&bytes).iter().find(|part| sector < part.end).unwrap();
    let (seq, offset, left) = (part.seq, part.start as u64, (bytes.len() - part.start) as u64);
    let ending = Ending::Torn { seq, offset, bytes: left, shape: Shape::Hole };
    assert_eq!(verify_bytes(&hole).unwrap().ending, ending);

    let mut early = bytes.clone();
    early[512..1024].fill(0);
    let part = *parts(&bytes).iter().find(|part| 512 < part.end).unwrap();
    let fault = verify_bytes(&early).unwrap_err();
    assert_eq!((fault.seq, fault.offset), (part.seq, part.start as u64));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn golden_bytes() {
    let memory = common::Memory::default();
    let mut writer = journal::Writer::on(Box::new(memory.clone()), &header()).unwrap();
    writer.append(1, market::Time(5), b"").unwrap();
    writer.append(2, market::Time(-1), b"bid 1.38000").unwrap();
    let closed = writer.close().unwrap();
    let bytes = memory.bytes();
    let golden = include_str!("golden/tiny.journal.hex");
    assert_eq!(hex(&bytes), golden.split_whitespace().collect::<String>(), "the format changed: raise its version");
    let verified = verify_bytes(&bytes).unwrap();
    assert_eq!((verified.place.seq, verified.place.head), (2, closed.head));
    assert_eq!(verified.header, header());
    assert_eq!((verified.ending, verified.seals), (Ending::Closed, 1));
}

/// The chain, said again in the plainest way.
#[test]
fn the_head_is_the_hash_that_the_format_says() {
    let bytes = closed(2 * BLOCK_RECORDS + 9);
    let parts = parts(&bytes);
    let mut head = Head::of(&bytes[..parts[0].end]);
    let mut block = head.0.to_vec();
    for part in &parts[1..] {
        if part.is_seal {
            head = Head::of(&block);
            assert_eq!(bytes[part.start + 30..part.start + 62], head.0);
            assert_eq!(part.end - part.start, SEAL_BYTES);
            block = head.0.to_vec();
        } else {
            block.extend_from_slice(&bytes[part.start..part.end]);
        }
    }
    assert_eq!(verify_bytes(&bytes).unwrap().place.head, head);
}

#[test]
fn records_come_back_as_they_were() {
    let bytes = closed(1_000);
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    let mut seq = 0;
    while let Some(record) = reader.next_record().unwrap() {
        seq += 1;
        let (kind, time, payload) = content(seq);
        assert_eq!((record.seq, record.kind, record.time, record.payload), (seq, kind, time, payload.as_slice()));
    }
    assert_eq!(seq, 1_000);
    assert_eq!(reader.ending(), Some(Ending::Closed));
}

/// Gives a few bytes at a time, as a pipe does.
struct Trickle<'a>(&'a [u8], usize);

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.1.min(out.len()).min(self.0.len());
        let (head, rest) = self.0.split_at(bytes);
        out[..bytes].copy_from_slice(head);
        self.0 = rest;
        Ok(bytes)
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(300) })]

    #[test]
    fn no_bytes_make_it_panic(noise in proptest::collection::vec(any::<u8>(), 0..2_000), keep in 0..9_000_usize) {
        let _ = verify_bytes(&noise);
        let mut bytes = open(100);
        bytes.truncate(keep);
        bytes.extend_from_slice(&noise);
        let _ = verify_bytes(&bytes);
    }

    #[test]
    fn payloads_of_any_length_round_trip(
        lengths in proptest::collection::vec(prop_oneof![0..100_usize, 65_000..=65_535_usize], 1..30), step in 1..70_000_usize,
    ) {
        let memory = common::Memory::default();
        let mut writer = journal::Writer::on(Box::new(memory.clone()), &header()).unwrap();
        for length in &lengths {
            writer.append(9, market::Time(1), &vec![*length as u8; *length]).unwrap();
        }
        let closed = writer.close().unwrap();
        let bytes = memory.bytes();
        prop_assert_eq!(closed.bytes, bytes.len() as u64);
        let mut reader = Reader::new(Trickle(&bytes, step)).unwrap();
        for length in &lengths {
            let record = reader.next_record().unwrap().unwrap();
            prop_assert_eq!(record.payload, vec![*length as u8; *length]);
        }
        prop_assert!(reader.next_record().unwrap().is_none());
        prop_assert_eq!(reader.place().head, closed.head);
    }
}
