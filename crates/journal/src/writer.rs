//! Appends records, writes them in groups, waits for the disk.

use std::fs::{File, TryLockError};
use std::path::Path;

use market::Time;

use crate::chain::{Chain, Mark, Place};
use crate::durability::Durability;
use crate::error::{Doing, Error, Failure};
use crate::format::{
    FLAG_BLOCK, FLAG_CLOSE, FLAG_NONE, Head, Header, PAYLOAD_BYTES_MAX, RECORD_OVERHEAD_BYTES, RecordHead, SEAL_BYTES,
    SEAL_KIND,
};
use crate::medium::{Medium, beside, sync_folder};

/// Room for one group, in bytes. A group that outgrows it is written early.
pub const GROUP_BYTES_MAX: usize = 256 * 1024;

/// How a closed journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// The last record.
    pub seq: u64,
    /// Head of the chain; the next segment's `previous`.
    pub head: Head,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Writes one journal. Invariant: the file holds a prefix of the records appended, in order.
///
/// A record is acknowledged when the [`Self::flush`] (or [`Self::sync`]) after it has returned. After any failure every
/// call is refused. Dropped without [`Self::close`], it leaves the file as a crash would: unflushed records are gone.
pub struct Writer {
    medium: Box<dyn Medium>,
    group: Vec<u8>,
    /// Bytes of `group` that the chain has absorbed, or that need not be.
    absorbed: usize,
    chain: Chain,
    mark: Mark,
    bytes: u64,
    written: u64,
    durable: u64,
    unsynced_bytes: u64,
    failure: Option<Failure>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("seq", &self.seq()).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Writer {
    /// Makes a new journal at `path` and locks it; the file appears whole, with its header on the disk, or not at all.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::HeaderTooLong`], [`Error::Locked`], [`Error::Io`] or [`Error::Failed`].
    pub fn create(path: &Path, header: &Header) -> Result<Self, Error> {
        let temporary = beside(path, &format!(".new-{}", std::process::id()));
        let made = Self::create_at(&temporary, path, header);
        // Linked or failed: the temporary name is done. When it cannot be removed it does no harm.
        let _ = std::fs::remove_file(&temporary);
        let writer = made?;
        sync_folder(path).map_err(Error::io(Doing::Sync))?;
        Ok(writer)
    }

    fn create_at(temporary: &Path, path: &Path, header: &Header) -> Result<Self, Error> {
        let file = File::create(temporary).map_err(Error::io(Doing::Create))?;
        lock(&file)?;
        let writer = Self::on(Box::new(file), header)?;
        // A hard link refuses to replace what exists; a rename would not.
        std::fs::hard_link(temporary, path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Error::Exists,
            kind => Error::Io { doing: Doing::Create, kind },
        })?;
        Ok(writer)
    }

    /// Begins a journal on an empty medium: writes the header and waits for the disk.
    ///
    /// # Errors
    /// [`Error::HeaderTooLong`] or [`Error::Failed`].
    pub fn on(medium: Box<dyn Medium>, header: &Header) -> Result<Self, Error> {
        let bytes = header.to_bytes()?;
        let crc = bytes.last_chunk::<4>().map_or(0, |crc| u32::from_le_bytes(*crc));
        let chain = Chain::new(&bytes, header.first, header.created, crc);
        let mark = chain.mark(bytes.len() as u64);
        let mut writer = Self::resume(medium, chain, mark, 0);
        writer.group.extend_from_slice(&bytes);
        writer.absorbed = bytes.len();
        writer.sync()?;
        Ok(writer)
    }

    /// Goes on at the end of a medium that holds `bytes`, the last of them described by `chain`.
    pub(crate) fn resume(medium: Box<dyn Medium>, chain: Chain, mark: Mark, bytes: u64) -> Self {
        let (written, durable) = (chain.seq(), mark.seq);
        let group = Vec::with_capacity(GROUP_BYTES_MAX);
        let (absorbed, unsynced_bytes, failure) = (0, bytes, None);
        let mut writer =
            Self { medium, group, absorbed, chain, mark, bytes, written, durable, unsynced_bytes, failure };
        // The crash may have come between a block's last record and its seal.
        if writer.chain.seal_due() {
            writer.seal_block();
        }
        writer
    }

    /// Adds a record to the group and gives it its number. Allocates nothing.
    ///
    /// # Errors
    /// [`Error::Poisoned`], [`Error::PayloadTooLong`], [`Error::KindReserved`]; [`Error::Failed`] when the group was full
    /// and could not be written: the record has no number then.
    pub fn append(&mut self, kind: u8, time: Time, payload: &[u8]) -> Result<u64, Error> {
        self.alive()?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Error::PayloadTooLong { bytes: payload.len() });
        }
        if kind == SEAL_KIND {
            return Err(Error::KindReserved);
        }
        if self.group.len() + RECORD_OVERHEAD_BYTES + payload.len() + 2 * SEAL_BYTES > GROUP_BYTES_MAX {
            self.flush()?;
        }
        let seq = self.chain.seq() + 1;
        let head = RecordHead { length: payload.len() as u16, kind, flags: FLAG_NONE, seq, time };
        let at = self.group.len();
        self.group.extend_from_slice(&head.to_bytes());
        self.group.extend_from_slice(payload);
        let crc = self.chain.crc_of(&self.group[at..]);
        self.group.extend_from_slice(&crc.to_le_bytes());
        self.chain.count(time, crc);
        if self.chain.seal_due() {
            self.seal_block();
        }
        Ok(seq)
    }

    /// Hands the group to the operating system; what was appended then survives the death of the process.
    ///
    /// # Errors
    /// [`Error::Failed`] or [`Error::Poisoned`].
    pub fn flush(&mut self) -> Result<u64, Error> {
        self.alive()?;
        if !self.group.is_empty() {
            self.absorb();
            let needed = self.group.len() as u64;
            if let Err(error) = self.medium.write_all(&self.group) {
                return Err(self.poison(Failure::new(Doing::Write, &error, self.bytes, needed)));
            }
            self.bytes += needed;
            self.unsynced_bytes += needed;
            self.group.clear();
            self.absorbed = 0;
        }
        self.written = self.chain.seq();
        Ok(self.written)
    }

    /// Flushes and waits for the disk; what was appended then survives a power loss.
    ///
    /// # Errors
    /// [`Error::Failed`] or [`Error::Poisoned`]. A failed sync is never tried again: the kernel may have dropped the pages.
    pub fn sync(&mut self) -> Result<u64, Error> {
        self.flush()?;
        if self.unsynced_bytes > 0 {
            if let Err(error) = self.medium.sync() {
                return Err(self.poison(Failure::new(Doing::Sync, &error, self.bytes, 0)));
            }
            self.unsynced_bytes = 0;
        }
        self.durable = self.written;
        Ok(self.durable)
    }

    /// Does what `durability` names for everything appended, and gives the last number it holds for.
    ///
    /// # Errors
    /// [`Error::NoReplica`] always for `Replica`; else as [`Self::flush`] and [`Self::sync`].
    pub fn commit(&mut self, durability: Durability) -> Result<u64, Error> {
        match durability {
            Durability::Process => self.flush(),
            Durability::Disk => self.sync(),
            Durability::Replica => Err(Error::NoReplica),
        }
    }

    /// Ends the journal with a closing seal, on the disk.
    ///
    /// # Errors
    /// [`Error::Failed`] or [`Error::Poisoned`].
    pub fn close(mut self) -> Result<Closed, Error> {
        self.alive()?;
        self.absorb();
        let seal = self.chain.seal(FLAG_CLOSE);
        self.group.extend_from_slice(&seal);
        self.absorbed = self.group.len();
        self.sync()?;
        Ok(Closed { seq: self.chain.seq(), head: self.chain.head(), bytes: self.bytes })
    }

    /// The last number given.
    pub fn seq(&self) -> u64 {
        self.chain.seq()
    }

    /// The last record that survives the death of the process.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The last record that survives a power loss.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Bytes written since the last sync.
    pub fn unsynced_bytes(&self) -> u64 {
        self.unsynced_bytes
    }

    /// Where the journal stands after the last record appended, for a snapshot.
    pub fn place(&mut self) -> Place {
        self.absorb();
        Place { seq: self.chain.seq(), time: self.chain.time(), head: self.chain.head(), mark: self.mark }
    }

    fn alive(&self) -> Result<(), Error> {
        self.failure.map_or(Ok(()), |failure| Err(Error::Poisoned(failure)))
    }

    fn poison(&mut self, failure: Failure) -> Error {
        self.failure = Some(failure);
        Error::Failed(failure)
    }

    /// Hashes in long runs: cheaper than record by record.
    fn absorb(&mut self) {
        self.chain.absorb(&self.group[self.absorbed..]);
        self.absorbed = self.group.len();
    }

    fn seal_block(&mut self) {
        self.absorb();
        let seal = self.chain.seal(FLAG_BLOCK);
        self.group.extend_from_slice(&seal);
        self.absorbed = self.group.len();
        self.chain.begin_block(&seal);
        self.mark = self.chain.mark(self.bytes + self.group.len() as u64);
    }
}

/// Takes the one writer's lock; it goes with the file, also when the process dies.
pub(crate) fn lock(file: &File) -> Result<(), Error> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Error::Locked,
        TryLockError::Error(error) => Error::Io { doing: Doing::Lock, kind: error.kind() },
    })
}
