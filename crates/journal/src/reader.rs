//! Records of a journal, each checked before it is shown. Streaming, in bounded memory; no input makes it panic.
//!
//! What a crash can leave after the last whole record, and nothing else is called torn: a record that ends with the file
//! and whose bytes are so far what was due (the process died in a write), zeros to the end, or a record with a hole of
//! zeros on a sector's boundary (power was lost before the pages were written). All three only where no later seal of
//! this file exists. Anything else is a [`Fault`].

mod tail;

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use market::Time;

use crate::chain::{Chain, Mark, Place, Seal};
use crate::error::{Fault, What};
use crate::format::{
    FLAG_BLOCK, FLAG_CLOSE, FLAG_NONE, HEADER_FIXED_BYTES, Header, RECORD_CRC_BYTES, RECORD_HEAD_BYTES, RecordHead,
    SEAL_BYTES, SEAL_KIND, SEAL_PAYLOAD_BYTES,
};

pub use tail::{Ending, Shape};

/// Bytes held in memory: more than the longest record and a sector.
const WINDOW_BYTES: usize = 256 * 1024;
/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number.
    pub seq: u64,
    /// What the payload is, 1 to 255.
    pub kind: u8,
    /// Its time, as the writer gave it.
    pub time: Time,
    /// Its content.
    pub payload: &'a [u8],
    /// Where it begins in the file, in bytes.
    pub offset: u64,
}

/// Reads a journal from its first byte (or from a [`Mark`]) to its last.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    window: Vec<u8>,
    start: usize,
    end: usize,
    /// Where `window[start]` is in the file.
    offset: u64,
    header: Header,
    chain: Chain,
    mark: Mark,
    seals: u64,
    stopped: Option<Result<Ending, Fault>>,
}

/// What was taken from the window.
enum Step {
    Record(RecordHead),
    Seal,
    End,
}

impl Reader<File> {
    /// Opens the journal at `path`.
    ///
    /// # Errors
    /// A [`Fault`] in its header, or that it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        Self::new(File::open(path).map_err(unreadable(0))?)
    }

    /// Opens the journal at `path` and begins after `mark`; what stands before it is not checked.
    ///
    /// # Errors
    /// A [`Fault`] in its header, or that no seal of this file ends at the mark and says the same.
    pub fn open_at(path: &Path, mark: &Mark) -> Result<Self, Fault> {
        Self::open(path)?.skip_to(mark)
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Goes to `mark`, without reading what stands before it.
    ///
    /// # Errors
    /// A [`Fault`] when no seal (or header) ends there and says the same.
    pub fn skip_to(mut self, mark: &Mark) -> Result<Self, Fault> {
        if *mark == self.mark {
            return Ok(self);
        }
        let fault = Fault { seq: mark.seq, offset: mark.offset, what: What::Seal };
        let at = mark.offset.checked_sub(SEAL_BYTES as u64).ok_or(fault)?;
        let mut seal = [0; SEAL_BYTES];
        self.source.seek(SeekFrom::Start(at)).map_err(unreadable(at))?;
        match self.source.read_exact(&mut seal) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(fault),
            Err(error) => return Err(unreadable(at)(error)),
        }
        let expected = Seal { seq: mark.seq, time: mark.time, head: mark.head, crc: mark.crc };
        if Seal::parse(&seal, self.chain.seed()) != Some(expected) || seal[5] != FLAG_BLOCK {
            return Err(fault);
        }
        self.chain = Chain::resume(mark, self.chain.seed());
        self.mark = *mark;
        (self.start, self.end, self.offset) = (0, 0, mark.offset);
        Ok(self)
    }
}

impl<R: Read> Reader<R> {
    /// Reads the header of `source` and stands before the first record.
    ///
    /// # Errors
    /// A [`Fault`] with number 0 when the header is not whole.
    pub fn new(source: R) -> Result<Self, Fault> {
        let header = Header::nothing();
        let chain = Chain::new(&[], 1, Time(0), 0);
        let mark = chain.mark(0);
        let window = vec![0; WINDOW_BYTES];
        let (start, end, offset) = (0, 0, 0);
        let mut reader = Self { source, window, start, end, offset, header, chain, mark, seals: 0, stopped: None };
        reader.read_header()?;
        Ok(reader)
    }

    fn read_header(&mut self) -> Result<(), Fault> {
        let fault = |what| Fault { seq: 0, offset: 0, what };
        self.fill(HEADER_FIXED_BYTES)?;
        let length = Header::length(self.held()).map_err(fault)?;
        if length > self.window.len() {
            self.window.resize(length, 0);
        }
        self.fill(length)?;
        let (header, crc) = Header::parse(self.held()).map_err(fault)?;
        self.chain = Chain::new(&self.held()[..length], header.first, header.created, crc);
        self.mark = self.chain.mark(length as u64);
        self.header = header;
        self.advance(length);
        Ok(())
    }

    /// What the journal says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How the journal ended, once [`Self::next_record`] has said `None`.
    pub fn ending(&self) -> Option<Ending> {
        self.stopped.and_then(Result::ok)
    }

    /// Where the journal stands after the last record shown.
    pub fn place(&self) -> Place {
        Place { seq: self.chain.seq(), time: self.chain.time(), head: self.chain.head(), mark: self.mark }
    }

    /// Where the last whole record or seal ends, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Seals passed.
    pub fn seals(&self) -> u64 {
        self.seals
    }

    /// The next record, or `None` at the end; [`Self::ending`] then says how it ended.
    ///
    /// # Errors
    /// The first [`Fault`]; asked again, the same.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, Fault> {
        loop {
            match self.step()? {
                Step::Seal => {}
                Step::End => return Ok(None),
                Step::Record(head) => {
                    let offset = self.offset;
                    let at = self.start + RECORD_HEAD_BYTES;
                    self.advance(head.record_bytes());
                    let payload = &self.window[at..at + usize::from(head.length)];
                    let RecordHead { kind, seq, time, .. } = head;
                    return Ok(Some(Record { seq, kind, time, payload, offset }));
                }
            }
        }
    }

    pub(crate) fn into_parts(self) -> (R, Header, Chain, Mark) {
        (self.source, self.header, self.chain, self.mark)
    }

    fn step(&mut self) -> Result<Step, Fault> {
        if let Some(stopped) = self.stopped {
            let closed = stopped == Ok(Ending::Closed);
            return if closed && self.fill(1)? > 0 { self.fault(What::AfterClose) } else { stopped.map(|_| Step::End) };
        }
        let held = self.fill(RECORD_HEAD_BYTES)?;
        if held == 0 {
            let ending = Ending::Open { seq: self.chain.seq() + 1, offset: self.offset };
            return Ok(self.end(ending));
        }
        if let Err(what) = self.check_head() {
            return self.bad(what, RECORD_HEAD_BYTES);
        }
        let Some(head) = self.held().first_chunk().map(RecordHead::parse) else {
            return self.torn(Shape::Short, What::Gap);
        };
        let total = head.record_bytes();
        if self.fill(total)? < total {
            return self.short(head);
        }
        let bytes = &self.window[self.start..self.start + total];
        let (body, crc) = bytes.split_at(total - RECORD_CRC_BYTES);
        let crc = crc.try_into().map_or(0, u32::from_le_bytes);
        if self.chain.crc_of(body) != crc {
            return self.bad(What::Checksum, total);
        }
        if head.kind == SEAL_KIND {
            return self.seal(head);
        }
        self.chain.count(head.time, crc);
        self.chain.absorb(bytes);
        Ok(Step::Record(head))
    }

    /// Checks as much of a record's head as is there against what is due here.
    fn check_head(&self) -> Result<(), What> {
        let bytes = self.held();
        let byte = |at: usize| bytes.get(at).copied();
        for at in 0..2 {
            if byte(at + 2).is_some_and(|complement| Some(!complement) != byte(at)) {
                let pair = |at| u16::from_le_bytes([byte(at).unwrap_or(0), byte(at + 1).unwrap_or(0)]);
                return Err(What::Length { found: pair(0), complement: pair(2) });
            }
        }
        let Some(kind) = byte(4) else { return Ok(()) };
        if self.chain.seal_due() && kind != SEAL_KIND {
            return Err(What::SealMissing);
        }
        let Some(flags) = byte(5) else { return Ok(()) };
        match (kind == SEAL_KIND, flags) {
            (true, FLAG_BLOCK) if !self.chain.seal_due() => return Err(What::SealUnexpected),
            (true, FLAG_CLOSE) if self.chain.seal_due() => return Err(What::SealMissing),
            (true, FLAG_BLOCK | FLAG_CLOSE) | (false, FLAG_NONE) => {}
            (true | false, found) => return Err(What::Flags { found }),
        }
        if kind == SEAL_KIND && byte(1).is_some() && bytes[..2] != (SEAL_PAYLOAD_BYTES as u16).to_le_bytes() {
            return Err(What::Seal);
        }
        let expected = self.chain.seq() + u64::from(kind != SEAL_KIND);
        let found = &bytes[6.min(bytes.len())..14.min(bytes.len())];
        if expected.to_le_bytes()[..found.len()] != *found {
            let mut number = [0; 8];
            number[..found.len()].copy_from_slice(found);
            return Err(What::Sequence { expected, found: u64::from_le_bytes(number) });
        }
        Ok(())
    }

    fn seal(&mut self, head: RecordHead) -> Result<Step, Fault> {
        let expected = self.chain.seal(head.flags);
        let found = &self.held()[..SEAL_BYTES];
        if *found != expected {
            // Its checksum holds, so it was made to fit: the records or the seal were rewritten.
            let seal = Seal::parse(found, self.chain.seed());
            let rewritten = seal.is_some_and(|seal| seal.head != self.chain.head());
            let block = What::Head { first: self.chain.sealed() + 1, last: self.chain.seq() };
            return self.fault(if rewritten { block } else { What::Seal });
        }
        self.seals += 1;
        self.advance(SEAL_BYTES);
        if head.flags == FLAG_CLOSE {
            let _ = self.end(Ending::Closed);
            return Ok(Step::Seal);
        }
        self.chain.begin_block(&expected);
        self.mark = self.chain.mark(self.offset);
        Ok(Step::Seal)
    }

    fn end(&mut self, ending: Ending) -> Step {
        self.stopped = Some(Ok(ending));
        Step::End
    }

    fn fault(&mut self, what: What) -> Result<Step, Fault> {
        let seq = match what {
            What::Head { first, .. } => first,
            _ => self.chain.seq() + u64::from(!self.chain.seal_due()),
        };
        let fault = Fault { seq, offset: self.offset, what };
        self.stopped = Some(Err(fault));
        Err(fault)
    }

    fn held(&self) -> &[u8] {
        &self.window[self.start..self.end]
    }

    fn advance(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Holds at least `wanted` bytes, or all that are left, and says how many it holds.
    fn fill(&mut self, wanted: usize) -> Result<usize, Fault> {
        if self.end - self.start >= wanted {
            return Ok(self.end - self.start);
        }
        self.window.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        while self.end < wanted {
            match self.source.read(&mut self.window[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault { seq: self.chain.seq() + 1, ..unreadable(self.offset)(error) }),
            }
        }
        Ok(self.end)
    }
}

fn unreadable(offset: u64) -> impl Fn(std::io::Error) -> Fault {
    move |error| Fault { seq: 0, offset, what: What::Unreadable { kind: error.kind() } }
}
