//! A folder of the file system as a store. Atomic by: write beside, fsync, rename, fsync the folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use vault::oms::plain;

use crate::error::{Refusal, Why};
use crate::store::{Item, Kind, Make, Store};

/// Names of unfinished work begin so.
pub const UNFINISHED: &str = ".tmp-";

/// One thing done to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A folder is made.
    MakeFolder,
    /// Bytes are written to a new file that nobody sees yet.
    Write,
    /// A file is brought to the disk.
    SyncFile,
    /// A finished file or folder takes its place.
    Rename,
    /// A folder's names are brought to the disk.
    SyncFolder,
    /// The torn end of a log is removed.
    Cut,
    /// Lines are added to a log.
    Append,
}

type Probe = Box<dyn Fn(Step) -> io::Result<()> + Send + Sync>;

/// A folder that holds a registry.
pub struct Folder {
    root: PathBuf,
    probe: Option<Probe>,
}

/// Distinguishes unfinished files of one process.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Folder {
    /// The folder at `root`, which must be there.
    ///
    /// # Errors
    /// `Disk`, or `NotAFile` when it is no folder.
    pub fn open(root: &Path) -> Result<Self, Refusal> {
        let shown = root.display().to_string();
        let root = root.canonicalize().map_err(Refusal::disk(&shown))?;
        if !root.is_dir() {
            return Err(Refusal::new(shown, Why::NotAFile));
        }
        Ok(Self { root, probe: None })
    }

    /// The folder at `root`, made if it is not there.
    ///
    /// # Errors
    /// `Disk`, or `NotAFile` when it is no folder.
    pub fn create(root: &Path) -> Result<Self, Refusal> {
        fs::create_dir_all(root).map_err(Refusal::disk(&root.display().to_string()))?;
        Self::open(root)
    }

    /// Asks `probe` before each step; where it answers an error the work stops as in a crash, and cleans nothing up. For
    /// tests of exactly that.
    #[must_use]
    pub fn with_probe(mut self, probe: impl Fn(Step) -> io::Result<()> + Send + Sync + 'static) -> Self {
        self.probe = Some(Box::new(probe));
        self
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn step(&self, step: Step) -> io::Result<()> {
        self.probe.as_ref().map_or(Ok(()), |probe| probe(step))
    }

    /// The place of a path, after no part of it on the way was found to be a link.
    fn place(&self, path: &str) -> Result<PathBuf, Refusal> {
        if !plain(path) {
            return Err(Refusal::new(path, Why::Climbs));
        }
        let mut place = self.root.clone();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            place.push(part);
            let Some(kind) = kind(&place).map_err(Refusal::disk(path))? else { continue };
            match kind {
                Kind::Link => return Err(Refusal::new(path, Why::Symlink)),
                Kind::Folder => {}
                Kind::File if parts.peek().is_none() => {}
                Kind::File | Kind::Other => return Err(Refusal::new(path, Why::NotAFile)),
            }
        }
        Ok(place)
    }

    /// The folder of a path, made if it is not there.
    fn parent(&self, path: &str, place: &Path) -> Result<PathBuf, Refusal> {
        let parent = place.parent().unwrap_or(&self.root).to_owned();
        let mut missing = Vec::new();
        let mut at = parent.as_path();
        while at != self.root && !at.exists() {
            missing.push(at.to_owned());
            at = at.parent().unwrap_or(&self.root);
        }
        for folder in missing.iter().rev() {
            let made = self.step(Step::MakeFolder).and_then(|()| match fs::create_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            });
            made.and_then(|()| self.sync(folder.parent().unwrap_or(&self.root))).map_err(Refusal::disk(path))?;
        }
        Ok(parent)
    }

    fn sync(&self, folder: &Path) -> io::Result<()> {
        self.step(Step::SyncFolder)?;
        File::open(folder)?.sync_all()
    }

    fn write(&self, place: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step(Step::Write)?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(place)?;
        file.write_all(bytes)?;
        self.step(Step::SyncFile)?;
        file.sync_all()
    }

    fn beside(parent: &Path) -> PathBuf {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        parent.join(format!("{UNFINISHED}{}-{number}", std::process::id()))
    }

    /// Removes unfinished work that a crash left. Only while nobody else writes. Answers how many names went.
    ///
    /// # Errors
    /// `Disk`.
    pub fn sweep(&self) -> Result<usize, Refusal> {
        fn walk(folder: &Path, depth: usize) -> io::Result<usize> {
            let mut gone = 0;
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let is_folder = entry.file_type()?.is_dir();
                if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                    if is_folder {
                        fs::remove_dir_all(entry.path())?;
                    } else {
                        fs::remove_file(entry.path())?;
                    }
                    gone += 1;
                } else if is_folder && depth > 0 {
                    gone += walk(&entry.path(), depth - 1)?;
                }
            }
            Ok(gone)
        }
        walk(&self.root, 8).map_err(Refusal::disk(&self.root.display().to_string()))
    }
}

fn kind(place: &Path) -> io::Result<Option<Kind>> {
    match fs::symlink_metadata(place) {
        Ok(found) => Ok(Some(kind_of(found.file_type()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn kind_of(found: fs::FileType) -> Kind {
    if found.is_symlink() {
        Kind::Link
    } else if found.is_file() {
        Kind::File
    } else if found.is_dir() {
        Kind::Folder
    } else {
        Kind::Other
    }
}

/// Whether the opened file is the one that stands at the place now, and no link.
#[cfg(unix)]
fn same(file: &File, place: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (opened, named) = (file.metadata()?, fs::symlink_metadata(place)?);
    Ok(opened.is_file() && (opened.dev(), opened.ino()) == (named.dev(), named.ino()))
}

#[cfg(not(unix))]
fn same(file: &File, place: &Path) -> io::Result<bool> {
    Ok(file.metadata()?.is_file() && !fs::symlink_metadata(place)?.is_symlink())
}

/// Everything up to and including the last line end.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

fn read_all(path: &str, file: &File, bytes_max: u64) -> Result<Vec<u8>, Refusal> {
    let length = file.metadata().map_err(Refusal::disk(path))?.len();
    let too_large = |bytes| Refusal::new(path, Why::TooLarge { bytes, max: bytes_max });
    if length > bytes_max {
        return Err(too_large(length));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(Refusal::disk(path))?;
    if bytes.len() as u64 > bytes_max {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

impl Store for Folder {
    fn read(&self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Refusal> {
        let place = self.place(path)?;
        match kind(&place).map_err(Refusal::disk(path))? {
            None => return Ok(None),
            Some(Kind::File) => {}
            Some(_) => return Err(Refusal::new(path, Why::NotAFile)),
        }
        let file = File::open(&place).map_err(Refusal::disk(path))?;
        if !same(&file, &place).map_err(Refusal::disk(path))? {
            return Err(Refusal::new(path, Why::Symlink));
        }
        read_all(path, &file, bytes_max).map(Some)
    }

    fn list(&self, folder: &str) -> Result<Vec<Item>, Refusal> {
        let place = if folder.is_empty() { self.root.clone() } else { self.place(folder)? };
        match kind(&place).map_err(Refusal::disk(folder))? {
            None => return Ok(Vec::new()),
            Some(Kind::Folder) => {}
            Some(_) => return Err(Refusal::new(folder, Why::NotAFile)),
        }
        let mut items = Vec::new();
        for entry in fs::read_dir(&place).map_err(Refusal::disk(folder))? {
            let entry = entry.map_err(Refusal::disk(folder))?;
            let kind = entry.file_type().map(kind_of).map_err(Refusal::disk(folder))?;
            let name = entry.file_name().into_string();
            let name = name.map_err(|name| Refusal::new(format!("{folder}/{}", name.display()), Why::Name))?;
            items.push(Item { name, kind });
        }
        items.retain(|item| !item.name.starts_with(UNFINISHED));
        items.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(items)
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let place = self.place(path)?;
        let parent = self.parent(path, &place)?;
        let beside = Self::beside(&parent);
        self.write(&beside, bytes)
            .and_then(|()| self.step(Step::Rename))
            .and_then(|()| fs::rename(&beside, &place))
            .and_then(|()| self.sync(&parent))
            .map_err(Refusal::disk(path))
    }

    fn publish(&self, folder: &str, files: &[(&str, &[u8])]) -> Result<(), Refusal> {
        let place = self.place(folder)?;
        if place.exists() {
            return Err(Refusal::new(folder, Why::Exists));
        }
        let parent = self.parent(folder, &place)?;
        let beside = Self::beside(&parent);
        let written = self.step(Step::MakeFolder).and_then(|()| fs::create_dir(&beside)).and_then(|()| {
            for (name, bytes) in files {
                self.write(&beside.join(name), bytes)?;
            }
            self.sync(&beside)
        });
        written.and_then(|()| self.step(Step::Rename)).map_err(Refusal::disk(folder))?;
        match fs::rename(&beside, &place) {
            // Another process was faster: a folder with files is never replaced by a rename.
            Err(_) if place.exists() => Err(Refusal::new(folder, Why::Exists)),
            renamed => renamed.and_then(|()| self.sync(&parent)).map_err(Refusal::disk(folder)),
        }
    }

    fn append(&self, path: &str, bytes_max: u64, make: Make<'_>) -> Result<(), Refusal> {
        let place = self.place(path)?;
        let parent = self.parent(path, &place)?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(&place).map_err(Refusal::disk(path))?;
        file.lock().map_err(Refusal::disk(path))?;
        if !same(&file, &place).map_err(Refusal::disk(path))? {
            return Err(Refusal::new(path, Why::Symlink));
        }
        let bytes = read_all(path, &file, bytes_max)?;
        let whole = whole_lines(&bytes);
        let added = make(whole)?;
        if whole.len() < bytes.len() {
            let cut = self.step(Step::Cut).and_then(|()| file.set_len(whole.len() as u64));
            cut.map_err(Refusal::disk(path))?;
        }
        self.step(Step::Append).map_err(Refusal::disk(path))?;
        if let Err(error) = (&file).write_all(&added) {
            // No room for the whole line: take the part back, if that still goes. Otherwise the next writer does.
            let _ = file.set_len(whole.len() as u64);
            return Err(Refusal::disk(path)(error));
        }
        let synced = self.step(Step::SyncFile).and_then(|()| file.sync_all()).and_then(|()| self.sync(&parent));
        synced.map_err(Refusal::disk(path))
    }
}
