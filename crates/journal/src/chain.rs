//! How each record hangs on the one before: shared by the writer and the reader, so that both compute the same.

use market::Time;
use sha2::{Digest, Sha256};

use crate::format::{
    BLOCK_RECORDS, Fields, Head, RECORD_HEAD_BYTES, RecordHead, SEAL_BYTES, SEAL_KIND, SEAL_MARKER, SEAL_PAYLOAD_BYTES,
};

/// A place in a journal right after a seal (or its header) from which reading can begin without reading what is before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The last record before the mark.
    pub seq: u64,
    /// Where the next record begins, in bytes.
    pub offset: u64,
    /// Head of the chain at `seq`.
    pub head: Head,
    /// Time of record `seq`.
    pub time: Time,
    /// Checksum of the seal (or header) that ends at `offset`.
    pub crc: u32,
}

/// Where a journal stands after a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The last record.
    pub seq: u64,
    /// Its time.
    pub time: Time,
    /// Head of the chain at `seq`.
    pub head: Head,
    /// The last mark at or before `seq`.
    pub mark: Mark,
}

/// The running state of the chain.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// Checksum of the file's header.
    seed: u32,
    /// Head at the last seal.
    base: Head,
    /// Has taken `base` and the records since.
    hasher: Sha256,
    /// The last sealed record.
    sealed: u64,
    seq: u64,
    time: Time,
    /// Checksum of the record, seal or header before.
    crc: u32,
}

impl Chain {
    /// The chain right after a header.
    pub(crate) fn new(header: &[u8], first: u64, created: Time, crc: u32) -> Self {
        let mark = Mark { seq: first - 1, offset: header.len() as u64, head: Head::of(header), time: created, crc };
        Self::resume(&mark, crc)
    }

    /// The chain at a mark of a file whose header has the checksum `seed`.
    pub(crate) fn resume(mark: &Mark, seed: u32) -> Self {
        Self {
            seed,
            base: mark.head,
            hasher: Sha256::new_with_prefix(mark.head.0),
            sealed: mark.seq,
            seq: mark.seq,
            time: mark.time,
            crc: mark.crc,
        }
    }

    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn time(&self) -> Time {
        self.time
    }

    pub(crate) fn sealed(&self) -> u64 {
        self.sealed
    }

    pub(crate) fn seed(&self) -> u32 {
        self.seed
    }

    /// Whether the next thing in the file must be the seal of a block.
    pub(crate) fn seal_due(&self) -> bool {
        self.seq - self.sealed == BLOCK_RECORDS
    }

    /// The checksum that a record of these bytes has at this place.
    pub(crate) fn crc_of(&self, bytes: &[u8]) -> u32 {
        crc(self.crc, bytes)
    }

    /// Counts a record; its bytes are given to [`Self::absorb`], maybe later and together with others.
    pub(crate) fn count(&mut self, time: Time, crc: u32) {
        self.seq += 1;
        self.time = time;
        self.crc = crc;
    }

    /// Hashes the bytes of counted records.
    pub(crate) fn absorb(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// The head; every counted record must be absorbed.
    pub(crate) fn head(&self) -> Head {
        if self.seq == self.sealed { self.base } else { Head(self.hasher.clone().finalize().into()) }
    }

    /// The bytes of a seal at this place.
    pub(crate) fn seal(&self, flags: u8) -> [u8; SEAL_BYTES] {
        let length = SEAL_PAYLOAD_BYTES as u16;
        let head = RecordHead { length, kind: SEAL_KIND, flags, seq: self.seq, time: self.time };
        let mut out = [0; SEAL_BYTES];
        out[..22].copy_from_slice(&head.to_bytes());
        out[22..30].copy_from_slice(&SEAL_MARKER);
        out[30..62].copy_from_slice(&self.head().0);
        let check = crc(self.seed, &out[..62]);
        out[62..66].copy_from_slice(&check.to_le_bytes());
        let checksum = self.crc_of(&out[..66]);
        out[66..].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Goes on after a block's seal.
    pub(crate) fn begin_block(&mut self, seal: &[u8; SEAL_BYTES]) {
        self.base = self.head();
        self.hasher = Sha256::new_with_prefix(self.base.0);
        self.sealed = self.seq;
        self.crc = seal_crc(seal);
    }

    /// Whether these bytes are a seal of this file, wherever they stand, over record `from` or a later one.
    pub(crate) fn is_later_seal(&self, bytes: &[u8], from: u64) -> bool {
        Seal::parse(bytes, self.seed).is_some_and(|seal| seal.seq >= from)
    }

    /// The mark here; right after a seal only.
    pub(crate) fn mark(&self, offset: u64) -> Mark {
        Mark { seq: self.seq, offset, head: self.base, time: self.time, crc: self.crc }
    }
}

/// What a seal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) seq: u64,
    pub(crate) time: Time,
    pub(crate) head: Head,
    pub(crate) crc: u32,
}

impl Seal {
    /// A seal of the file whose header has the checksum `seed`, or nothing.
    pub(crate) fn parse(bytes: &[u8], seed: u32) -> Option<Self> {
        let mut fields = Fields(bytes);
        let checked = bytes.get(..62)?;
        let head = fields.array::<RECORD_HEAD_BYTES>()?;
        let marker: [u8; 8] = fields.array()?;
        let hash = Head(fields.array()?);
        let check = u32::from_le_bytes(fields.array()?);
        let crc_found = u32::from_le_bytes(fields.array()?);
        let head = RecordHead::parse(&head);
        let is_seal = head.kind == SEAL_KIND && marker == SEAL_MARKER && crc(seed, checked) == check;
        is_seal.then_some(Self { seq: head.seq, time: head.time, head: hash, crc: crc_found })
    }
}

fn crc(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

fn seal_crc(seal: &[u8; SEAL_BYTES]) -> u32 {
    let [.., a, b, c, d] = *seal;
    u32::from_le_bytes([a, b, c, d])
}
