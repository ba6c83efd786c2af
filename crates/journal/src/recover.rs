//! Goes on after a crash: everything acknowledged is there, or it stops and says why.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::chain::Mark;
use crate::error::{Doing, Error, Failure};
use crate::medium::{beside, sync_folder};
use crate::reader::{Ending, Reader, Shape};
use crate::verify::{Verified, drain};
use crate::writer::{Writer, lock};

/// More side files than this for one journal are a sign that someone must look.
const SIDE_FILES_MAX: u32 = 1000;

/// A journal that can be appended to again.
#[derive(Debug)]
pub struct Recovered {
    /// The writer, at the end of the last whole record; everything before is on the disk.
    pub writer: Writer,
    /// What was found; from the mark on, when one was given.
    pub verified: Verified,
    /// Where the torn bytes were kept, when there were any.
    pub torn: Option<TornKept>,
}

/// Bytes that a crash left and that were never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornKept {
    /// The record that was torn; its number is given again.
    pub seq: u64,
    /// Where they stood in the journal.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
    /// What they looked like.
    pub shape: Shape,
    /// The side file that has them now.
    pub file: PathBuf,
}

/// Verifies the journal at `path`, moves a torn tail to a side file and opens the journal for appending.
///
/// The side file is `<name>.torn`, then `<name>.torn.1` and so on; none is ever overwritten.
///
/// # Errors
/// [`Error::Locked`] while another writer has it, [`Error::Closed`] when it was closed, [`Error::Faulty`] for anything
/// that no crash does, [`Error::Io`] or [`Error::Failed`] for the disk; the journal is unchanged then.
pub fn recover(path: &Path) -> Result<Recovered, Error> {
    let file = open(path)?;
    go_on(path, Reader::new(file)?)
}

/// The same, without reading what stands before `mark` (of a valid snapshot), so that the time it takes does not depend
/// on the length of the session.
///
/// # Errors
/// As [`recover`], and [`Error::Faulty`] when the mark is not one of this journal.
pub fn recover_after(path: &Path, mark: &Mark) -> Result<Recovered, Error> {
    let file = open(path)?;
    go_on(path, Reader::new(file)?.skip_to(mark)?)
}

fn open(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io(Doing::Open))?;
    lock(&file)?;
    Ok(file)
}

fn go_on(path: &Path, mut reader: Reader<File>) -> Result<Recovered, Error> {
    let verified = drain(&mut reader)?;
    let (mut file, _, chain, mark) = reader.into_parts();
    let torn = match verified.ending {
        Ending::Closed => return Err(Error::Closed),
        Ending::Open { .. } => None,
        Ending::Torn { seq, offset, bytes, shape } => {
            let side = keep(path, &mut file, offset, bytes)?;
            file.set_len(offset).and_then(|()| file.sync_all()).map_err(Error::io(Doing::Cut))?;
            Some(TornKept { seq, offset, bytes, shape, file: side })
        }
    };
    file.seek(SeekFrom::Start(verified.bytes)).map_err(Error::io(Doing::Open))?;
    let mut writer = Writer::resume(Box::new(file), chain, mark, verified.bytes);
    // What the desk is about to rebuild on may be in the page cache only.
    writer.sync()?;
    Ok(Recovered { writer, verified, torn })
}

/// Copies the torn bytes to a side file, on the disk, before they are cut.
fn keep(path: &Path, file: &mut File, offset: u64, bytes: u64) -> Result<PathBuf, Error> {
    let (side, mut copy) = side_file(path)?;
    file.seek(SeekFrom::Start(offset)).map_err(Error::io(Doing::KeepTorn))?;
    io::copy(&mut file.take(bytes), &mut copy)
        .and_then(|_| copy.sync_all())
        .and_then(|()| sync_folder(&side))
        .map_err(|error| Error::Failed(Failure::new(Doing::KeepTorn, &error, offset, bytes)))?;
    Ok(side)
}

fn side_file(path: &Path) -> Result<(PathBuf, File), Error> {
    for number in 0..SIDE_FILES_MAX {
        let side = if number == 0 { beside(path, ".torn") } else { beside(path, &format!(".torn.{number}")) };
        match OpenOptions::new().write(true).create_new(true).open(&side) {
            Ok(file) => return Ok((side, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io(Doing::KeepTorn)(error)),
        }
    }
    Err(Error::Io { doing: Doing::KeepTorn, kind: ErrorKind::AlreadyExists })
}
