//! Compression, recognised by magic bytes, streamed, and capped.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::error::{Fault, FeedError};
use crate::format::{self, Format};

/// A layer of compression around a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Zstandard.
    Zstd,
    /// Gzip, one or more members.
    Gzip,
    /// An entry of a zip archive.
    Zip,
}

/// How much a file may ask of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line of a text, in bytes.
    pub line: usize,
    /// The most that a file may unpack to, in bytes.
    pub unpacked: u64,
    /// The most that each packed byte may unpack to, once [`Limits::RATIO_FROM`] bytes came out.
    pub ratio: u64,
}

impl Limits {
    /// From this size on the ratio counts, in bytes.
    pub const RATIO_FROM: u64 = 64 << 20;

    /// Lines of 4 MiB, 64 GiB of content, at most 1000 bytes per packed byte.
    pub const fn usual() -> Self {
        Self { line: 4 << 20, unpacked: 64 << 30, ratio: 1_000 }
    }
}

/// Where the bytes come from.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Path(PathBuf),
    /// A name and its bytes, for tests and fuzzing.
    Bytes(String, Arc<[u8]>),
}

impl Input {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Bytes(name, _) => name.clone(),
        }
    }
}

pub(crate) type Stream = Box<dyn Read + Send>;

trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// The content of a file, unpacked as far as its recognised format.
pub(crate) struct Content {
    pub name: String,
    pub size: u64,
    /// How many bytes of the file were read so far.
    pub read: Arc<AtomicU64>,
    pub compression: Vec<Compression>,
    /// The name of the zip entry.
    pub entry: Option<String>,
    pub format: Format,
    /// The first bytes of the content; the stream repeats them.
    pub head: Vec<u8>,
    pub body: Body,
}

pub(crate) enum Body {
    Stream(Stream),
    /// Parquet is read by its footer.
    Parquet(File),
}

const HEAD: usize = 64 << 10;
const LAYERS: usize = 3;

/// Opens a file and recognises its compression and format.
pub(crate) fn open(input: &Input, limits: &Limits) -> Result<Content, FeedError> {
    let name = input.name();
    let failed = |error: io::Error| FeedError::new(&name, Fault::Io(error.to_string()));
    let (mut base, size): (Box<dyn ReadSeek>, u64) = match input {
        Input::Path(path) => {
            let file = regular(path)?;
            let size = file.metadata().map_err(failed)?.len();
            (Box::new(file), size)
        }
        Input::Bytes(_, bytes) => (Box::new(Cursor::new(Arc::clone(bytes))), bytes.len() as u64),
    };
    if size == 0 {
        return Err(FeedError::new(&name, Fault::Empty));
    }
    let mut magic = [0; 4];
    let got = fill(&mut base, &mut magic).map_err(failed)?;
    base.seek(SeekFrom::Start(0)).map_err(failed)?;
    let read = Arc::new(AtomicU64::new(0));
    if magic[..got] == *b"PAR1" {
        return parquet(input, name, size, read);
    }
    if magic[..got] == *b"PK\x03\x04" {
        return zip_entry(base, name, size, &read, limits);
    }
    let counted: Stream = Box::new(Counted { inner: base, read: Arc::clone(&read) });
    let (compression, head, stream) = unpack(counted, &name, &read, limits)?;
    let format = format::recognise(&head).map_err(|fault| FeedError::new(&name, fault))?;
    Ok(Content { name, size, read, compression, entry: None, format, head, body: Body::Stream(stream) })
}

fn regular(path: &Path) -> Result<File, FeedError> {
    // Asked before it is opened: opening a pipe waits for whoever writes to it.
    let metadata = std::fs::metadata(path).map_err(|error| FeedError::io(path, &error))?;
    if !metadata.is_file() {
        return Err(FeedError::new(&path.display().to_string(), Fault::Io("not a regular file".into())));
    }
    File::open(path).map_err(|error| FeedError::io(path, &error))
}

fn parquet(input: &Input, name: String, size: u64, read: Arc<AtomicU64>) -> Result<Content, FeedError> {
    match input {
        Input::Path(path) => {
            let file = regular(path)?;
            let body = Body::Parquet(file);
            Ok(Content {
                name,
                size,
                read,
                compression: vec![],
                entry: None,
                format: Format::Parquet,
                head: vec![],
                body,
            })
        }
        Input::Bytes(..) => Err(FeedError::new(&name, Fault::Nested("Parquet outside a file".into()))),
    }
}

/// Takes off zstd and gzip layers until none is left.
fn unpack(
    mut stream: Stream,
    name: &str,
    read: &Arc<AtomicU64>,
    limits: &Limits,
) -> Result<(Vec<Compression>, Vec<u8>, Stream), FeedError> {
    let mut layers = vec![];
    loop {
        let (head, peeked) = peek(stream, name)?;
        stream = peeked;
        let layer = match head.as_slice() {
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            [0x1f, 0x8b, 0x08, ..] => Compression::Gzip,
            [b'P', b'K', 3, 4, ..] if !layers.is_empty() => {
                return Err(nested(name, "a zip archive inside another compression"));
            }
            [b'P', b'A', b'R', b'1', ..] => return Err(nested(name, "Parquet inside another compression")),
            [] => return Err(FeedError::new(name, Fault::Empty)),
            _ => return Ok((layers, head, stream)),
        };
        if layers.len() == LAYERS {
            return Err(nested(name, "more than three layers of compression"));
        }
        layers.push(layer);
        let failed = |error: io::Error| broken(name, &error);
        let unpacked: Stream = match layer {
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::new(stream).map_err(failed)?;
                decoder.window_log_max(27).map_err(failed)?;
                Box::new(decoder)
            }
            Compression::Gzip | Compression::Zip => Box::new(flate2::read::MultiGzDecoder::new(stream)),
        };
        stream = Box::new(Capped { inner: unpacked, produced: 0, packed: Arc::clone(read), limits: *limits });
    }
}

fn nested(name: &str, what: &str) -> FeedError {
    FeedError::new(name, Fault::Nested(what.to_owned()))
}

/// Reads the first bytes of a stream and gives back a stream that repeats them.
fn peek(mut stream: Stream, name: &str) -> Result<(Vec<u8>, Stream), FeedError> {
    let mut head = vec![0; HEAD];
    let got = fill(&mut stream, &mut head).map_err(|error| broken(name, &error))?;
    head.truncate(got);
    let again: Stream = Box::new(Cursor::new(head.clone()).chain(stream));
    Ok((head, again))
}

/// Fills as much of the buffer as the stream has.
pub(crate) fn fill(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match stream.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// What a failed read of packed content means.
pub(crate) fn broken(name: &str, error: &io::Error) -> FeedError {
    if let Some(bomb) = error.get_ref().and_then(|inner| inner.downcast_ref::<Bomb>()) {
        return FeedError::new(name, Fault::TooLarge(bomb.0));
    }
    let fault = match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::Truncated(error.to_string()),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
            Fault::Corrupt(error.to_string())
        }
        _ => Fault::Io(error.to_string()),
    };
    FeedError::new(name, fault)
}

/// One entry of a zip archive.
struct Entry {
    name: String,
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    deflated: bool,
}

fn zip_entry(
    base: Box<dyn ReadSeek>,
    name: String,
    size: u64,
    read: &Arc<AtomicU64>,
    limits: &Limits,
) -> Result<Content, FeedError> {
    let (entries, mut base) = zip_entries(base, &name)?;
    let mut chosen: Option<(&Entry, Format, Vec<u8>)> = None;
    let mut refused = vec![];
    for entry in &entries {
        base.seek(SeekFrom::Start(entry.start)).map_err(|error| broken(&name, &error))?;
        let mut head = vec![0; HEAD];
        let mut reader: Box<dyn Read + '_> = entry_reader((&mut base).take(entry.packed), entry.deflated);
        let got = fill(&mut reader, &mut head).map_err(|error| broken(&name, &error))?;
        head.truncate(got);
        match (format::recognise(&head), &chosen) {
            (Ok(found), None) => chosen = Some((entry, found, head)),
            (Ok(_), Some(_)) => {
                let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
                return Err(FeedError::new(&name, Fault::ZipEntries(format!("several: {}", listed(&names)))));
            }
            (Err(_), _) => refused.push(entry.name.as_str()),
        }
    }
    let Some((entry, format, head)) = chosen else {
        return Err(FeedError::new(&name, Fault::ZipEntries(format!("none recognised of: {}", listed(&refused)))));
    };
    base.seek(SeekFrom::Start(entry.start)).map_err(|error| broken(&name, &error))?;
    let counted = Counted { inner: base, read: Arc::clone(read) }.take(entry.packed);
    let unpacked = entry_reader(counted, entry.deflated);
    let checked = Checked { inner: unpacked, crc: flate2::Crc::new(), size: entry.size, expected: entry.crc };
    let capped = Capped { inner: checked, produced: 0, packed: Arc::clone(read), limits: *limits };
    let body = Body::Stream(Box::new(capped));
    let (read, entry) = (Arc::clone(read), Some(entry.name.clone()));
    Ok(Content { name, size, read, compression: vec![Compression::Zip], entry, format, head, body })
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(5).map(|name| name.chars().take(80).collect()).collect();
    if names.len() > 5 { format!("{} and {} more", shown.join(", "), names.len() - 5) } else { shown.join(", ") }
}

fn entry_reader<'a>(raw: impl Read + Send + 'a, deflated: bool) -> Box<dyn Read + Send + 'a> {
    if deflated { Box::new(flate2::read::DeflateDecoder::new(raw)) } else { Box::new(raw) }
}

const ENTRIES: usize = 100;

fn zip_entries(base: Box<dyn ReadSeek>, name: &str) -> Result<(Vec<Entry>, Box<dyn ReadSeek>), FeedError> {
    let corrupt = |what: String| FeedError::new(name, Fault::Corrupt(what));
    let cut = |error: zip::result::ZipError| FeedError::new(name, Fault::Truncated(format!("zip archive: {error}")));
    let mut archive = zip::ZipArchive::new(base).map_err(cut)?;
    if archive.len() > ENTRIES {
        return Err(FeedError::new(name, Fault::ZipEntries(format!("{} entries", archive.len()))));
    }
    let mut entries = vec![];
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(|error| corrupt(format!("zip entry {index}: {error}")))?;
        let entry_name = file.name().map_err(|error| corrupt(error.to_string()))?.into_owned();
        if file.is_dir() {
            continue;
        }
        let deflated = match file.compression() {
            zip::CompressionMethod::Deflated => true,
            zip::CompressionMethod::Stored => false,
            other => return Err(nested(name, &format!("zip method {other:?}"))),
        };
        if file.encrypted() {
            return Err(nested(name, "an encrypted zip entry"));
        }
        let start = file.data_start().ok_or_else(|| corrupt("zip entry without data".into()))?;
        let (packed, size, crc) = (file.compressed_size(), file.size(), file.crc32());
        entries.push(Entry { name: entry_name, start, packed, size, crc, deflated });
    }
    Ok((entries, archive.into_inner()))
}

/// Counts what is read from the file itself.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.read.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

/// Content that unpacks to more than is allowed.
#[derive(Debug)]
struct Bomb(u64);

impl std::fmt::Display for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unpacks to more than is allowed, {} bytes", self.0)
    }
}

impl std::error::Error for Bomb {}

/// Stops what unpacks beyond the limits.
struct Capped<R> {
    inner: R,
    produced: u64,
    packed: Arc<AtomicU64>,
    limits: Limits,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.produced += got as u64;
        let plausible = self.packed.load(Ordering::Relaxed).saturating_mul(self.limits.ratio).max(Limits::RATIO_FROM);
        if self.produced > self.limits.unpacked || self.produced > plausible {
            return Err(io::Error::other(Bomb(self.produced)));
        }
        Ok(got)
    }
}

/// Compares an entry's size and CRC with what the archive says.
struct Checked<R> {
    inner: R,
    crc: flate2::Crc,
    size: u64,
    expected: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.crc.update(&buffer[..got]);
        let so_far = u64::from(self.crc.amount());
        if got == 0 && !buffer.is_empty() {
            if so_far < self.size & u64::from(u32::MAX) {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the zip entry is shorter than stated"));
            }
            if self.crc.sum() != self.expected {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the zip entry fails its checksum"));
            }
        }
        Ok(got)
    }
}
