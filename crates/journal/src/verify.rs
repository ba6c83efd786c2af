//! Is this file what was written? Names the first bad record, or says how the file ends.

use std::io::Read;
use std::path::Path;

use crate::chain::Place;
use crate::error::{Fault, What};
use crate::format::Header;
use crate::reader::{Ending, Reader};

/// A journal in which every record, seal and hash is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it says about itself.
    pub header: Header,
    /// Records in this file.
    pub records: u64,
    /// Where it stands after its last record: number, time and head.
    pub place: Place,
    /// Seals in this file, the closing one included.
    pub seals: u64,
    /// Bytes up to the end of the last whole record or seal.
    pub bytes: u64,
    /// Whether it is whole, open or torn.
    pub ending: Ending,
}

/// Reads the journal at `path` from its first byte to its last.
///
/// # Errors
/// The first [`Fault`]. A tail as a crash leaves it is no fault; see [`Verified::ending`].
pub fn verify(path: &Path) -> Result<Verified, Fault> {
    drain(&mut Reader::open(path)?)
}

/// The same for a journal that is held in memory.
///
/// # Errors
/// As [`verify`].
pub fn verify_bytes(bytes: &[u8]) -> Result<Verified, Fault> {
    drain(&mut Reader::new(bytes)?)
}

/// Verifies the segments of one run in order, and that each continues the one before.
///
/// # Errors
/// Which segment (its place in `paths`), and its first [`Fault`].
pub fn verify_segments<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<Verified>, (usize, Fault)> {
    let mut segments: Vec<Verified> = Vec::with_capacity(paths.len());
    for (at, path) in paths.iter().enumerate() {
        let segment = verify(path.as_ref()).map_err(|fault| (at, fault))?;
        if segments.last().is_some_and(|before| !continues(before, &segment.header)) {
            return Err((at, Fault { seq: 0, offset: 0, what: What::HeaderChain }));
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn continues(before: &Verified, header: &Header) -> bool {
    before.ending == Ending::Closed
        && header.previous == before.place.head
        && header.first == before.place.seq + 1
        && header.run == before.header.run
}

pub(crate) fn drain<R: Read>(reader: &mut Reader<R>) -> Result<Verified, Fault> {
    let before = reader.place().seq;
    while reader.next_record()?.is_some() {}
    let (place, bytes) = (reader.place(), reader.offset());
    let ending = reader.ending().unwrap_or(Ending::Open { seq: place.seq + 1, offset: bytes });
    let (header, seals) = (reader.header().clone(), reader.seals());
    Ok(Verified { header, records: place.seq - before, place, seals, bytes, ending })
}
