//! The desk's state beside its journal, so that a start need not read the whole session. A journal without snapshots
//! loses nothing; a snapshot that does not fit is skipped, with the reason.
//!
//! ```text
//! magic "SCALPELS" 8 | version u16 | reserved u16 | build length u32 | state length u64 | run 16 | config digest 32
//! | seq u64 | time i64 | head 32 | mark: seq u64, offset u64, head 32, time i64, crc u32 | build | state | SHA-256 32
//! ```

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use market::Time;

use crate::chain::{Mark, Place};
use crate::error::{Doing, Error, Failure, Fault};
use crate::format::{Fields, Head, Header};
use crate::medium::{beside, sync_folder};
use crate::reader::Reader;

/// The first bytes of every snapshot.
pub const MAGIC: [u8; 8] = *b"SCALPELS";
/// The version this build writes and reads.
pub const VERSION: u16 = 1;
/// Largest snapshot, in bytes.
pub const SNAPSHOT_BYTES_MAX: u64 = 1 << 30;

/// The state of a desk after a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The run it belongs to.
    pub run: [u8; 16],
    /// The build that wrote it; only the same build reads it.
    pub build: String,
    /// SHA-256 of the configuration text.
    pub config: Head,
    /// The record it stands after, and the journal's head there.
    pub place: Place,
    /// The state, as the desk saved it.
    pub state: Vec<u8>,
}

/// What was found beside a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The newest snapshot that fits.
    pub found: Option<Snapshot>,
    /// The newer ones that do not, newest first.
    pub skipped: Vec<Skipped>,
}

/// A snapshot that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its file.
    pub file: PathBuf,
    /// Why.
    pub why: Why,
}

/// Why a snapshot was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It could not be read.
    Unreadable(std::io::ErrorKind),
    /// Its bytes are not what was written.
    Corrupt,
    /// Another build wrote it.
    OtherBuild,
    /// It was made under another configuration.
    OtherConfig,
    /// It belongs to another run.
    OtherRun,
    /// Its name says another number than its content.
    OtherNumber,
    /// The journal ends before it.
    JournalShorter {
        /// The journal's last record.
        last: u64,
    },
    /// The journal has another head at its number.
    OtherHead,
    /// The journal cannot be read at its mark.
    Journal(Fault),
}

impl Snapshot {
    /// A snapshot for the journal with this header.
    pub fn new(header: &Header, place: Place, state: Vec<u8>) -> Self {
        Self { run: header.run, build: header.build.clone(), config: header.config_digest(), place, state }
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.build.len() + self.state.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&(self.build.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.state.len() as u64).to_le_bytes());
        out.extend_from_slice(&self.run);
        out.extend_from_slice(&self.config.0);
        let Place { seq, time, head, mark } = self.place;
        out.extend_from_slice(&seq.to_le_bytes());
        out.extend_from_slice(&time.0.to_le_bytes());
        out.extend_from_slice(&head.0);
        out.extend_from_slice(&mark.seq.to_le_bytes());
        out.extend_from_slice(&mark.offset.to_le_bytes());
        out.extend_from_slice(&mark.head.0);
        out.extend_from_slice(&mark.time.0.to_le_bytes());
        out.extend_from_slice(&mark.crc.to_le_bytes());
        out.extend_from_slice(self.build.as_bytes());
        out.extend_from_slice(&self.state);
        let digest = Head::of(&out);
        out.extend_from_slice(&digest.0);
        out
    }

    /// Reads the bytes of a file; `None` when they are not what [`Self::to_bytes`] gives.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (body, digest) = bytes.split_last_chunk::<32>()?;
        if !body.starts_with(&MAGIC) || Head::of(body).0 != *digest {
            return None;
        }
        let mut fields = Fields(body);
        let _magic: [u8; 8] = fields.array()?;
        let version = u16::from_le_bytes(fields.array()?);
        if fields.array::<2>()? != [0; 2] {
            return None;
        }
        let build_bytes = u32::from_le_bytes(fields.array()?) as usize;
        let state_bytes = usize::try_from(u64::from_le_bytes(fields.array()?)).ok()?;
        let run = fields.array()?;
        let config = Head(fields.array()?);
        let seq = u64::from_le_bytes(fields.array()?);
        let time = Time(i64::from_le_bytes(fields.array()?));
        let head = Head(fields.array()?);
        let mark = Mark {
            seq: u64::from_le_bytes(fields.array()?),
            offset: u64::from_le_bytes(fields.array()?),
            head: Head(fields.array()?),
            time: Time(i64::from_le_bytes(fields.array()?)),
            crc: u32::from_le_bytes(fields.array()?),
        };
        let build = std::str::from_utf8(fields.slice(build_bytes)?).ok()?.to_owned();
        let state = fields.slice(state_bytes)?.to_vec();
        let whole = fields.0.is_empty() && version == VERSION && mark.seq <= seq;
        whole.then_some(Self { run, build, config, place: Place { seq, time, head, mark }, state })
    }

    /// Writes `<journal>.snap-<seq>`: whole and on the disk, or not at all.
    ///
    /// The journal must be written through `place.seq` first; a snapshot ahead of its journal is skipped later.
    ///
    /// # Errors
    /// [`Error::Failed`] when the disk is full or refuses.
    pub fn write(&self, journal: &Path) -> Result<PathBuf, Error> {
        let path = beside(journal, &format!(".snap-{}", self.place.seq));
        let temporary = beside(&path, ".tmp");
        let bytes = self.to_bytes();
        let written = replace(&temporary, &path, &bytes);
        if written.is_err() {
            // Best effort: a leftover does no harm, its name is not a snapshot's.
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(|error| Error::Failed(Failure::new(Doing::Write, &error, 0, bytes.len() as u64)))?;
        Ok(path)
    }
}

fn replace(temporary: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    sync_folder(path)
}

/// The newest snapshot beside `journal` whose build, configuration, run and head fit; `build` and `config` (SHA-256 of
/// the configuration text) are those of the desk that wants to load it; a snapshot after record `at_most` is not looked at.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be listed, [`Error::Faulty`] when the journal's header cannot be read.
pub fn latest_valid(journal: &Path, build: &str, config: &Head, at_most: u64) -> Result<Search, Error> {
    let header = Reader::open(journal)?.header().clone();
    let mut search = Search { found: None, skipped: Vec::new() };
    for (seq, file) in candidates(journal)?.into_iter().filter(|(seq, _)| *seq <= at_most) {
        match fitting(journal, &header, &file, build, config) {
            Ok(snapshot) if snapshot.place.seq == seq => {
                search.found = Some(snapshot);
                break;
            }
            Ok(_) => search.skipped.push(Skipped { file, why: Why::OtherNumber }),
            Err(why) => search.skipped.push(Skipped { file, why }),
        }
    }
    Ok(search)
}

/// Snapshot files by name, newest first.
fn candidates(journal: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let folder = match journal.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let prefix = beside(Path::new(journal.file_name().unwrap_or_default()), ".snap-");
    let prefix = prefix.to_string_lossy();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(Doing::Read))? {
        let entry = entry.map_err(Error::io(Doing::Read))?;
        let name = entry.file_name();
        let seq = name.to_str().and_then(|name| name.strip_prefix(&*prefix)).and_then(|seq| seq.parse().ok());
        found.extend(seq.map(|seq: u64| (seq, entry.path())));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn fitting(journal: &Path, header: &Header, file: &Path, build: &str, config: &Head) -> Result<Snapshot, Why> {
    let unreadable = |error: std::io::Error| Why::Unreadable(error.kind());
    if fs::metadata(file).map_err(unreadable)?.len() > SNAPSHOT_BYTES_MAX {
        return Err(Why::Corrupt);
    }
    let bytes = fs::read(file).map_err(unreadable)?;
    let snapshot = Snapshot::from_bytes(&bytes).ok_or(Why::Corrupt)?;
    if snapshot.build != build {
        return Err(Why::OtherBuild);
    }
    if snapshot.config != *config {
        return Err(Why::OtherConfig);
    }
    if snapshot.run != header.run {
        return Err(Why::OtherRun);
    }
    let head = head_at(journal, &snapshot.place)?;
    if head == snapshot.place.head { Ok(snapshot) } else { Err(Why::OtherHead) }
}

/// The journal's head at a place: reads from its mark, at most a block.
fn head_at(journal: &Path, place: &Place) -> Result<Head, Why> {
    let mut reader = Reader::open_at(journal, &place.mark).map_err(Why::Journal)?;
    while reader.place().seq < place.seq {
        if reader.next_record().map_err(Why::Journal)?.is_none() {
            return Err(Why::JournalShorter { last: reader.place().seq });
        }
    }
    Ok(reader.place().head)
}
