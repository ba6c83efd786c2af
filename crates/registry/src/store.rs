//! What the registry needs of a place to keep files: a folder, a bucket, a database.

use crate::error::{Refusal, Why};

/// What lies at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; never followed.
    Link,
    /// Anything else.
    Other,
}

/// One name of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name, without the folder.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// Makes the lines that are added to a log out of those that are there.
pub type Make<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Vec<u8>, Refusal>;

/// A place to keep files. Paths are plain (`vault::oms::plain`); an implementation refuses others, and symbolic links.
pub trait Store {
    /// The bytes of a file, at most `bytes_max`; nothing when it is not there.
    ///
    /// # Errors
    /// `Symlink`, `NotAFile`, `TooLarge`, `Climbs`, `Disk`.
    fn read(&self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Refusal>;

    /// What lies in a folder, sorted by name; empty when it is not there. Names that begin with `.tmp-` are unfinished work
    /// and are not told.
    ///
    /// # Errors
    /// `Symlink`, `NotAFile`, `Climbs`, `Disk`.
    fn list(&self, folder: &str) -> Result<Vec<Item>, Refusal>;

    /// Makes a file hold these bytes, at once and safe on the disk: a reader sees the old bytes or the new.
    ///
    /// # Errors
    /// `Symlink`, `NotAFile`, `Climbs`, `Disk`.
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Refusal>;

    /// Makes a folder with these files appear at once and safe on the disk: all of them or none.
    ///
    /// # Errors
    /// `Exists`, `Symlink`, `Climbs`, `Disk`.
    fn publish(&self, folder: &str, files: &[(&str, &[u8])]) -> Result<(), Refusal>;

    /// Appends whole lines to a log, one writer at a time, and returns when they are safe on the disk. `make` is given
    /// the lines that are there (at most `bytes_max` bytes) and answers those to add. A line that a crash cut short is
    /// removed first; it was never acknowledged.
    ///
    /// # Errors
    /// What `make` refuses; `TooLarge`, `Symlink`, `NotAFile`, `Climbs`, `Disk`.
    fn append(&self, path: &str, bytes_max: u64, make: Make<'_>) -> Result<(), Refusal>;

    /// The bytes of a file that must be there.
    ///
    /// # Errors
    /// `Missing`, and what `read` refuses.
    fn need(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, Refusal> {
        self.read(path, bytes_max)?.ok_or_else(|| Refusal::new(path, Why::Missing))
    }
}
