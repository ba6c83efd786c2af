//! Where bytes are kept: a file, or in tests something that fails on purpose.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// A thing that takes bytes at its end.
pub trait Medium: Send {
    /// Adds all bytes at the end.
    ///
    /// # Errors
    /// The operating system's; a part of the bytes may be there then.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything written survives a power loss.
    ///
    /// # Errors
    /// The operating system's; what is on the disk is unknown then.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Makes the names in the folder of `path` survive a power loss.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

/// `path` with `suffix` added to its file name.
pub(crate) fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
