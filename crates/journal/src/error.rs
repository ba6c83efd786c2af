//! What can go wrong, by cause, with the numbers one needs to act.

use std::fmt;
use std::io::ErrorKind;

use crate::format::PAYLOAD_BYTES_MAX;

/// What was being done when the operating system said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Making a new file.
    Create,
    /// Opening a file that exists.
    Open,
    /// Taking the exclusive lock.
    Lock,
    /// Reading.
    Read,
    /// Writing at the end.
    Write,
    /// Waiting for the disk.
    Sync,
    /// Keeping the torn bytes in a side file.
    KeepTorn,
    /// Cutting the torn bytes off.
    Cut,
    /// Starting the journal's thread.
    Thread,
}

/// Why a writer stopped for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No room: the disk, the quota or the largest file size is reached.
    Full {
        /// Bytes of the file that are written.
        used: u64,
        /// Bytes more that were to be written.
        needed: u64,
    },
    /// The operating system refused for another reason.
    Disk {
        /// What was being done.
        doing: Doing,
        /// Its answer.
        kind: ErrorKind,
        /// Bytes of the file that are written.
        used: u64,
    },
    /// The journal's thread is gone without saying why.
    ThreadGone,
}

impl Failure {
    /// The failure behind an error of the operating system.
    pub(crate) fn new(doing: Doing, error: &std::io::Error, used: u64, needed: u64) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::Full { used, needed },
            kind => Self::Disk { doing, kind, used },
        }
    }
}

/// Why the journal did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// It failed now; nothing that was not acknowledged before is acknowledged.
    Failed(Failure),
    /// It failed earlier and refuses everything since.
    Poisoned(Failure),
    /// A payload is longer than a record can hold.
    PayloadTooLong {
        /// Bytes asked for.
        bytes: usize,
    },
    /// Kind 0 belongs to the seals.
    KindReserved,
    /// A header's build or configuration text is longer than the format allows.
    HeaderTooLong {
        /// Bytes asked for.
        bytes: usize,
    },
    /// There is a file of that name already.
    Exists,
    /// Another writer holds the file.
    Locked,
    /// The journal was closed: start the next segment.
    Closed,
    /// Replica was chosen and there is none.
    NoReplica,
    /// Waiting for a record that was never appended.
    NotAppended {
        /// The sequence number asked for.
        seq: u64,
        /// The last one appended.
        last: u64,
    },
    /// The operating system refused before anything was written.
    Io {
        /// What was being done.
        doing: Doing,
        /// Its answer.
        kind: ErrorKind,
    },
    /// The file is not what was written.
    Faulty(Fault),
}

impl Error {
    pub(crate) fn io(doing: Doing) -> impl Fn(std::io::Error) -> Self {
        move |error| Self::Io { doing, kind: error.kind() }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Faulty(fault)
    }
}

/// The first record that is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The record that was due where the first bad bytes begin; where the seal of a block was due, the last record of
    /// that block; 0 for the header. For [`What::Head`] the first record of the block that was rewritten.
    pub seq: u64,
    /// Where the bad bytes begin, in bytes from the start of the file; for [`What::Head`] the seal that found it.
    pub offset: u64,
    /// What is wrong with it.
    pub what: What,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The file ends inside its header.
    HeaderShort,
    /// It is not a journal.
    HeaderMagic,
    /// The header's reserved bytes are not zero.
    HeaderReserved,
    /// A version that this build does not read.
    HeaderVersion {
        /// The version found.
        found: u16,
    },
    /// The lengths in the header contradict each other or the caps.
    HeaderLength,
    /// The header's checksum is wrong.
    HeaderChecksum,
    /// A text of the header is not UTF-8.
    HeaderText,
    /// The digest of the configuration is not the digest of its text.
    HeaderConfig,
    /// The first sequence number is 0.
    HeaderFirst,
    /// The segment does not continue the one before it.
    HeaderChain,
    /// The length and its complement disagree.
    Length {
        /// The length found.
        found: u16,
        /// The complement found.
        complement: u16,
    },
    /// Flags that no build writes.
    Flags {
        /// The flags found.
        found: u8,
    },
    /// Another number was due: a record is missing, moved or doubled.
    Sequence {
        /// The number due.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// The checksum is wrong: a byte changed, or the record before this one is another.
    Checksum,
    /// A seal is due and something else is found.
    SealMissing,
    /// A seal is found and none is due.
    SealUnexpected,
    /// A seal's bytes are not what its place says.
    Seal,
    /// Checksums hold but the hash does not: somewhere from `first` to `last` a record was rewritten with its checksum.
    Head {
        /// First record of the block.
        first: u64,
        /// Last record of the block.
        last: u64,
    },
    /// Something follows the closing seal.
    AfterClose,
    /// A record ends early or lies in a hole although a later seal exists: no crash of a process does that.
    Gap,
    /// The file could not be read.
    Unreadable {
        /// The operating system's answer.
        kind: ErrorKind,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { used, needed } => write!(f, "no room: {used} bytes are written and {needed} more are needed"),
            Self::Disk { doing, kind, used } => write!(f, "{doing:?} failed after {used} bytes: {kind}"),
            Self::ThreadGone => f.write_str("the journal's thread is gone"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "the journal failed: {failure}"),
            Self::Poisoned(failure) => write!(f, "the journal refuses everything since it failed: {failure}"),
            Self::PayloadTooLong { bytes } => {
                write!(f, "a payload of {bytes} bytes; a record holds at most {PAYLOAD_BYTES_MAX}")
            }
            Self::KindReserved => f.write_str("kind 0 belongs to the seals"),
            Self::HeaderTooLong { bytes } => write!(f, "a header text of {bytes} bytes is too long"),
            Self::Exists => f.write_str("there is a file of that name already"),
            Self::Locked => f.write_str("another writer holds this journal"),
            Self::Closed => f.write_str("the journal was closed; start the next segment"),
            Self::NoReplica => f.write_str("durability `replica` was chosen and no replica is configured"),
            Self::NotAppended { seq, last } => write!(f, "record {seq} was never appended; the last is {last}"),
            Self::Io { doing, kind } => write!(f, "{doing:?} failed: {kind}"),
            Self::Faulty(fault) => fault.fmt(f),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "first bad record {} at byte {}: {}", self.seq, self.offset, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderShort => f.write_str("the file ends inside its header"),
            Self::HeaderMagic => f.write_str("not a journal"),
            Self::HeaderReserved => f.write_str("the header's reserved bytes are not zero"),
            Self::HeaderVersion { found } => write!(f, "format version {found} is not read by this build"),
            Self::HeaderLength => f.write_str("the header's lengths contradict each other"),
            Self::HeaderChecksum => f.write_str("the header's checksum is wrong"),
            Self::HeaderText => f.write_str("a text of the header is not UTF-8"),
            Self::HeaderConfig => f.write_str("the digest in the header is not that of its configuration"),
            Self::HeaderFirst => f.write_str("the header says that records begin at 0"),
            Self::HeaderChain => f.write_str("the segment does not continue the one before it"),
            Self::Length { found, complement } => write!(f, "length {found} and complement {complement} disagree"),
            Self::Flags { found } => write!(f, "flags {found} are written by no build"),
            Self::Sequence { expected, found } => write!(f, "number {expected} is due, {found} is found"),
            Self::Checksum => f.write_str("the checksum is wrong"),
            Self::SealMissing => f.write_str("a seal is due and something else is found"),
            Self::SealUnexpected => f.write_str("a seal is found and none is due"),
            Self::Seal => f.write_str("the seal is not what its place says"),
            Self::Head { first, last } => write!(f, "the hash over records {first} to {last} is wrong"),
            Self::AfterClose => f.write_str("something follows the closing seal"),
            Self::Gap => f.write_str("the record ends early although a later seal exists"),
            Self::Unreadable { kind } => write!(f, "the file could not be read: {kind}"),
        }
    }
}

impl std::error::Error for Failure {}
impl std::error::Error for Error {}
impl std::error::Error for Fault {}
