//! What the tests share: a journal in memory, the places of its records, and records whose content follows from their
//! number.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::io;
use std::sync::{Arc, Mutex};

use journal::{Head, Header, Medium, Writer};
use market::Time;

/// Bytes that outlive their writer.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Medium for Memory {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn header() -> Header {
    Header {
        run: *b"run-of-the-tests",
        created: Time(1_399_033_801_700_000_000),
        first: 1,
        previous: Head::default(),
        build: "scalpel 0.1.0 (test)".to_owned(),
        config: "[risk]\norder_max = \"1.00 lot\"\n".to_owned(),
    }
}

/// The kind, time and payload of record `seq`: 0 to 90 bytes that a slip would change.
pub fn content(seq: u64) -> (u8, Time, Vec<u8>) {
    let mixed = seq.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let bytes = (mixed >> 40) % 91;
    let payload = (0..bytes).map(|at| (mixed.rotate_left(at as u32 % 64) ^ at) as u8).collect();
    (1 + (mixed % 255) as u8, Time(1_000 * seq as i64), payload)
}

pub fn append(writer: &mut Writer, count: u64) {
    for _ in 0..count {
        let (kind, time, payload) = content(writer.seq() + 1);
        writer.append(kind, time, &payload).unwrap();
    }
}

/// A closed journal of `count` records.
pub fn closed(count: u64) -> Vec<u8> {
    let memory = Memory::default();
    let mut writer = Writer::on(Box::new(memory.clone()), &header()).unwrap();
    append(&mut writer, count);
    writer.close().unwrap();
    memory.bytes()
}

/// A journal of `count` records that was never closed.
pub fn open(count: u64) -> Vec<u8> {
    let memory = Memory::default();
    let mut writer = Writer::on(Box::new(memory.clone()), &header()).unwrap();
    append(&mut writer, count);
    writer.flush().unwrap();
    memory.bytes()
}

/// A record or seal of a journal that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub start: usize,
    pub end: usize,
    /// The number a verifier names when this part is bad.
    pub seq: u64,
    pub is_seal: bool,
}

/// Where everything is, by a reading of the format that shares nothing with the reader. The header comes first.
pub fn parts(bytes: &[u8]) -> Vec<Part> {
    let u16_at = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
    let header = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let mut parts = vec![Part { start: 0, end: header, seq: 0, is_seal: false }];
    let (mut start, mut seq) = (header, 0);
    while start < bytes.len() {
        let end = start + 26 + usize::from(u16_at(start));
        let is_seal = bytes[start + 4] == 0;
        seq += u64::from(!is_seal);
        // Where a closing seal stands, a reader expects the next record.
        let closes = is_seal && bytes[start + 5] == 2;
        parts.push(Part { start, end, seq: seq + u64::from(closes), is_seal });
        start = end;
    }
    parts
}

/// A folder in memory where there is one: for tests with thousands of syncs that do not need a disk.
pub fn quick_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
