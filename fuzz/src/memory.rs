//! A journal held in memory, whose records follow from their numbers and a salt.

use std::io;
use std::sync::{Arc, Mutex};

use journal::{Head, Header, Medium, Writer};
use market::Time;

/// Bytes that outlive their writer.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<u8>>>);

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

pub fn header(first: u64) -> Header {
    Header {
        run: *b"run of the fuzz.",
        created: Time(1_399_033_801_700_000_000),
        first,
        previous: Head::default(),
        build: "scalpel (fuzz)".to_owned(),
        config: "version = 1\n".to_owned(),
    }
}

/// The kind, time and payload of a record.
pub fn content(seq: u64, salt: u64) -> (u8, Time, Vec<u8>) {
    let mixed = (seq ^ salt << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // Some payloads are all zeros: they look like what a power loss leaves.
    let zeros = mixed.is_multiple_of(11);
    let bytes = if mixed.is_multiple_of(97) { 1_500 } else { (mixed >> 40) % 70 };
    let byte = |at: u64| if zeros { 0 } else { (mixed.rotate_left(at as u32 % 64) ^ at) as u8 };
    (1 + (mixed % 255) as u8, Time(1_000 * seq as i64), (0..bytes).map(byte).collect())
}

/// How a journal in memory ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Closed,
    Open,
}

/// A journal of `count` records.
pub fn journal(first: u64, count: u64, salt: u64, end: End) -> Vec<u8> {
    let memory = Memory::default();
    let mut writer = Writer::on(Box::new(memory.clone()), &header(first)).unwrap();
    for seq in first..first + count {
        let (kind, time, payload) = content(seq, salt);
        assert_eq!(writer.append(kind, time, &payload), Ok(seq));
    }
    match end {
        End::Closed => {
            writer.close().unwrap();
        }
        End::Open => {
            writer.flush().unwrap();
        }
    }
    memory.bytes()
}

/// Where the header, the records and the seals stand, by a reading of the format that shares nothing with the reader.
pub fn parts(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let header = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let mut parts: Vec<_> = std::iter::once(0..header).collect();
    while let Some(start) = parts.last().map(|part| part.end).filter(|end| *end < bytes.len()) {
        let payload = u16::from_le_bytes(bytes[start..start + 2].try_into().unwrap());
        parts.push(start..start + 26 + usize::from(payload));
    }
    parts
}
