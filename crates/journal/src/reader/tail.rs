//! What stands at the end of a journal, or after the first bad record: what a crash leaves, or a fault.

use std::io::Read;

use super::{Reader, Step};
use crate::error::{Fault, What};
use crate::format::{RECORD_HEAD_BYTES, RecordHead, SEAL_BYTES, SEAL_KIND, SEAL_MARKER};

/// The smallest unit that a disk writes.
const SECTOR_BYTES: u64 = 512;
/// Fewer zeros than this at the file's end are not taken for a hole.
const HOLE_BYTES_MIN: usize = 64;

/// How a journal without a fault ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With a closing seal: it is whole.
    Closed,
    /// After a whole record, without a closing seal: it is still written, its writer died, or its tail was cut off
    /// there. Only a head kept elsewhere tells the last two apart.
    Open {
        /// The record that would come next.
        seq: u64,
        /// Where the file ends, in bytes.
        offset: u64,
    },
    /// In bytes that were never acknowledged, as a crash leaves them.
    Torn {
        /// The record that is torn.
        seq: u64,
        /// Where it begins, in bytes.
        offset: u64,
        /// Bytes from there to the end of the file.
        bytes: u64,
        /// What they look like.
        shape: Shape,
    },
}

/// What a torn tail looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A record that ends with the file: the process died.
    Short,
    /// Zeros to the end: power was lost before the pages were written.
    Zeros,
    /// A record with a hole of zeros that begins at a sector: likewise.
    Hole,
}

impl<R: Read> Reader<R> {
    /// A record whose head is right and whose bytes end with the file.
    pub(super) fn short(&mut self, head: RecordHead) -> Result<Step, Fault> {
        let held = self.held();
        if head.kind == SEAL_KIND && self.chain.seal(head.flags)[..held.len()] != *held {
            return self.fault(What::Seal);
        }
        self.torn(Shape::Short, What::Gap)
    }

    /// A record that is all there, or so it says, and is not right.
    pub(super) fn bad(&mut self, what: What, bytes: usize) -> Result<Step, Fault> {
        self.fill(bytes + SECTOR_BYTES as usize)?;
        if self.has_hole(bytes) {
            return self.torn(Shape::Hole, what);
        }
        if self.held().iter().all(|byte| *byte == 0) {
            return self.torn(Shape::Zeros, what);
        }
        self.fault(what)
    }

    /// Whether a sector of zeros begins within the next `bytes`.
    fn has_hole(&self, bytes: usize) -> bool {
        let held = self.held();
        let first = (self.offset.next_multiple_of(SECTOR_BYTES) - self.offset) as usize;
        (first..bytes.min(held.len())).step_by(SECTOR_BYTES as usize).any(|at| {
            let sector = &held[at..held.len().min(at + SECTOR_BYTES as usize)];
            HOLE_BYTES_MIN <= sector.len() && sector.iter().all(|byte| *byte == 0)
        })
    }

    /// Ends here when no later seal exists, else faults.
    pub(super) fn torn(&mut self, shape: Shape, what: What) -> Result<Step, Fault> {
        let (seq, offset) = (self.chain.seq() + 1, self.offset);
        let rest = self.scan()?;
        self.offset = offset;
        if rest.later_seal || (shape == Shape::Zeros && !rest.all_zero) {
            return self.fault(what);
        }
        let shape = if rest.all_zero { Shape::Zeros } else { shape };
        Ok(self.end(Ending::Torn { seq, offset, bytes: rest.bytes, shape }))
    }

    /// Reads to the end of the file and looks for a seal and for anything but zeros.
    fn scan(&mut self) -> Result<Rest, Fault> {
        let mut rest = Rest { later_seal: false, all_zero: true, bytes: 0 };
        let from = self.chain.seq();
        loop {
            let held = self.fill(self.window.len())?;
            let bytes = self.held();
            rest.all_zero &= bytes.iter().all(|byte| *byte == 0);
            let mut places = bytes.windows(SEAL_MARKER.len()).enumerate().filter(|(_, found)| *found == SEAL_MARKER);
            rest.later_seal |= places.any(|(at, _)| {
                at.checked_sub(RECORD_HEAD_BYTES).is_some_and(|at| self.chain.is_later_seal(&bytes[at..], from))
            });
            // A seal across the edge is seen whole the next time.
            let passed = if held < self.window.len() { held } else { held - SEAL_BYTES };
            rest.bytes += passed as u64;
            self.advance(passed);
            if held < self.window.len() {
                return Ok(rest);
            }
        }
    }
}

/// What stands after the first bad record.
struct Rest {
    later_seal: bool,
    all_zero: bool,
    bytes: u64,
}
