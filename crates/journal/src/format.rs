//! The bytes of a journal: a header, then records, with a seal after every [`BLOCK_RECORDS`] of them. Little-endian.
//!
//! ```text
//! header   magic 8 | version u16 | reserved u16 | length u32 | run 16 | created i64 | first u64 | previous head 32
//!          | config digest 32 | build length u32 | config length u32 | build | config | crc u32
//! record   length u16 | !length u16 | kind u8 | flags u8 | seq u64 | time i64 | payload | crc u32
//! seal     a record of kind 0; flags 1 after a block, 2 at the close; seq and time of the last record before it;
//!          payload: "SEALEDTO" | head 32 | check u32
//! ```
//!
//! `crc` is the CRC-32 (IEEE) over everything before it in the record, seeded with the crc of the record before (the
//! first with the header's), so a record fits in one place of one file only. `check` is the CRC-32 over the seal's head
//! and payload before it, seeded with the header's crc: a seal can be told without knowing what stands before it.
//! The length is written twice, plain and inverted, so that no single changed byte makes a record look merely torn.
//!
//! The head: `h0 = SHA-256(header)`; after each block `h = SHA-256(h of the block before, the block's records)`, crcs
//! included; inside a block the head is the same hash over the block so far. Where seals stand depends on nothing but
//! the count of records, so the bytes of a file depend only on its header and records, not on when groups were written.
//! Why not a hash per record: SHA-256 over (32 + record) pads 74 bytes to two blocks and costs 122 ns where the running
//! hash costs 55; and a stored hash per record would add 16 to 32 bytes to each. The crc names the record, the seal
//! proves the block.

use market::Time;
use sha2::{Digest, Sha256};

use crate::error::{Error, Fault, What};

/// The first bytes of every journal.
pub const MAGIC: [u8; 8] = *b"SCALPELJ";
/// The version this build writes and reads.
pub const VERSION: u16 = 1;
/// Records between two seals.
pub const BLOCK_RECORDS: u64 = 256;
/// Longest payload of a record, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = u16::MAX as usize;
/// Longest build id, in bytes.
pub const BUILD_BYTES_MAX: usize = 1024;
/// Longest configuration text, in bytes.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;
/// The kind of a seal; callers use 1 to 255.
pub const SEAL_KIND: u8 = 0;

/// Bytes before a record's payload.
pub const RECORD_HEAD_BYTES: usize = 22;
/// Bytes after a record's payload.
pub const RECORD_CRC_BYTES: usize = 4;
/// Bytes of a record beside its payload.
pub const RECORD_OVERHEAD_BYTES: usize = RECORD_HEAD_BYTES + RECORD_CRC_BYTES;
/// Bytes of a seal.
pub const SEAL_BYTES: usize = RECORD_OVERHEAD_BYTES + SEAL_PAYLOAD_BYTES;

pub(crate) const SEAL_PAYLOAD_BYTES: usize = 44;
pub(crate) const SEAL_MARKER: [u8; 8] = *b"SEALEDTO";
pub(crate) const FLAG_NONE: u8 = 0;
pub(crate) const FLAG_BLOCK: u8 = 1;
pub(crate) const FLAG_CLOSE: u8 = 2;
pub(crate) const HEADER_FIXED_BYTES: usize = 120;
pub(crate) const HEADER_BYTES_MAX: usize = HEADER_FIXED_BYTES + BUILD_BYTES_MAX + CONFIG_BYTES_MAX + 4;

/// A SHA-256: the head of a chain, or the digest of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head(pub [u8; 32]);

impl Head {
    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl std::fmt::Display for Head {
    /// Sixty-four hexadecimal digits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a journal says about itself before its first record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The run's own number; order ids derive from it.
    pub run: [u8; 16],
    /// When the run began.
    pub created: Time,
    /// Number of the first record; 1, or one more than the last of the segment before.
    pub first: u64,
    /// Head of the segment before; zeros when there is none.
    pub previous: Head,
    /// Which build wrote it; at most [`BUILD_BYTES_MAX`].
    pub build: String,
    /// The configuration, as text; at most [`CONFIG_BYTES_MAX`].
    pub config: String,
}

impl Header {
    /// The SHA-256 of the configuration text.
    pub fn config_digest(&self) -> Head {
        Head::of(self.config.as_bytes())
    }

    /// The header's bytes, checksum included.
    ///
    /// # Errors
    /// [`Error::HeaderTooLong`] when a text is over its cap; [`Error::Faulty`] when `first` is 0.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        if self.first == 0 {
            return Err(Error::Faulty(Fault { seq: 0, offset: 0, what: What::HeaderFirst }));
        }
        for (text, max) in [(&self.build, BUILD_BYTES_MAX), (&self.config, CONFIG_BYTES_MAX)] {
            if text.len() > max {
                return Err(Error::HeaderTooLong { bytes: text.len() });
            }
        }
        let length = HEADER_FIXED_BYTES + self.build.len() + self.config.len() + 4;
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out.extend_from_slice(&self.run);
        out.extend_from_slice(&self.created.0.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.previous.0);
        out.extend_from_slice(&self.config_digest().0);
        out.extend_from_slice(&(self.build.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.config.len() as u32).to_le_bytes());
        out.extend_from_slice(self.build.as_bytes());
        out.extend_from_slice(self.config.as_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        Ok(out)
    }

    /// A placeholder until a header is read.
    pub(crate) fn nothing() -> Self {
        let (build, config) = (String::new(), String::new());
        Self { run: [0; 16], created: Time(0), first: 1, previous: Head([0; 32]), build, config }
    }

    /// How long the header is that begins with these bytes ([`HEADER_FIXED_BYTES`] or more).
    pub(crate) fn length(bytes: &[u8]) -> Result<usize, What> {
        let mut fields = Fields(bytes);
        let magic = fields.array().ok_or(What::HeaderShort)?;
        if magic != MAGIC {
            return Err(What::HeaderMagic);
        }
        let version = fields.array().map(u16::from_le_bytes).ok_or(What::HeaderShort)?;
        if version != VERSION {
            return Err(What::HeaderVersion { found: version });
        }
        if fields.array::<2>().ok_or(What::HeaderShort)? != [0; 2] {
            return Err(What::HeaderReserved);
        }
        let length = fields.array().map(u32::from_le_bytes).ok_or(What::HeaderShort)? as usize;
        let possible = (HEADER_FIXED_BYTES + 4..=HEADER_BYTES_MAX).contains(&length);
        possible.then_some(length).ok_or(What::HeaderLength)
    }

    /// Reads a whole header and gives its checksum too.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Self, u32), What> {
        let length = Self::length(bytes)?;
        let bytes = bytes.get(..length).ok_or(What::HeaderShort)?;
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or(What::HeaderShort)?;
        let crc = u32::from_le_bytes(*crc);
        if crc32fast::hash(body) != crc {
            return Err(What::HeaderChecksum);
        }
        let header = Self::fields(&mut Fields(body)).ok_or(What::HeaderLength)??;
        Ok((header, crc))
    }

    /// The fields of a header whose checksum holds; `None` when they end early or too late.
    fn fields(fields: &mut Fields<'_>) -> Option<Result<Self, What>> {
        let _magic_version_reserved_length: [u8; 16] = fields.array()?;
        let run = fields.array()?;
        let created = Time(i64::from_le_bytes(fields.array()?));
        let first = u64::from_le_bytes(fields.array()?);
        let previous = Head(fields.array()?);
        let digest = Head(fields.array()?);
        let build_bytes = u32::from_le_bytes(fields.array()?) as usize;
        let config_bytes = u32::from_le_bytes(fields.array()?) as usize;
        let build = fields.slice(build_bytes)?;
        let config = fields.slice(config_bytes)?;
        if !fields.0.is_empty() || build_bytes > BUILD_BYTES_MAX || config_bytes > CONFIG_BYTES_MAX {
            return None;
        }
        let (Ok(build), Ok(config)) = (std::str::from_utf8(build), std::str::from_utf8(config)) else {
            return Some(Err(What::HeaderText));
        };
        let header = Self { run, created, first, previous, build: build.to_owned(), config: config.to_owned() };
        Some(if header.config_digest() != digest {
            Err(What::HeaderConfig)
        } else if first == 0 {
            Err(What::HeaderFirst)
        } else {
            Ok(header)
        })
    }
}

/// Takes fields from the front of some bytes.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn slice(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(head)
    }
}

/// The fields before a record's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHead {
    pub(crate) length: u16,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) seq: u64,
    pub(crate) time: Time,
}

impl RecordHead {
    pub(crate) fn to_bytes(self) -> [u8; RECORD_HEAD_BYTES] {
        let mut out = [0; RECORD_HEAD_BYTES];
        out[0..2].copy_from_slice(&self.length.to_le_bytes());
        out[2..4].copy_from_slice(&(!self.length).to_le_bytes());
        out[4] = self.kind;
        out[5] = self.flags;
        out[6..14].copy_from_slice(&self.seq.to_le_bytes());
        out[14..22].copy_from_slice(&self.time.0.to_le_bytes());
        out
    }

    pub(crate) fn parse(bytes: &[u8; RECORD_HEAD_BYTES]) -> Self {
        let [l0, l1, _, _, kind, flags, s0, s1, s2, s3, s4, s5, s6, s7, time @ ..] = *bytes;
        Self {
            length: u16::from_le_bytes([l0, l1]),
            kind,
            flags,
            seq: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            time: Time(i64::from_le_bytes(time)),
        }
    }

    /// Bytes of the whole record.
    pub(crate) fn record_bytes(self) -> usize {
        RECORD_OVERHEAD_BYTES + usize::from(self.length)
    }
}
