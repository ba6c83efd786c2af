//! What is finished is not done again: each stage's files and their digests, in a manifest that is replaced at once.
//!
//! A stage has a key: the digest of everything that it is made from. It is skipped when the manifest has it under the same
//! key and its files still have the digests that it left. A kill at any moment leaves a manifest that is true.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dataset::meta::hex;
use crate::fault::Fault;

/// The name and version of the manifest.
pub const SCHEMA: &str = "scalpel-stages/1";
/// The manifest's file in the folder.
pub const FILE: &str = "stages.json";
/// The largest manifest and the largest file of a stage that is read, in bytes.
const MANIFEST_MAX: u64 = 1 << 20;

/// A file of a finished stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageFile {
    /// Its name in the folder.
    pub file: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// A finished stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// The digest of what it was made from.
    pub key: String,
    /// What it left.
    pub files: Vec<StageFile>,
}

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    schema: String,
    stages: Vec<Stage>,
}

/// The stages of one output folder.
#[derive(Debug)]
pub struct Stages {
    folder: PathBuf,
    manifest: Manifest,
    skipped: Vec<String>,
}

impl Stages {
    /// Opens or makes a folder. A manifest that is missing, damaged or of another schema counts as empty: then everything
    /// is done again.
    ///
    /// # Errors
    /// [`Fault::File`] when the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        fs::create_dir_all(folder).map_err(|error| Fault::file(folder, &error))?;
        let path = folder.join(FILE);
        let small = fs::metadata(&path).is_ok_and(|known| known.len() <= MANIFEST_MAX);
        let text = if small { fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
        let found: Option<Manifest> = serde_json::from_str(&text).ok();
        let empty = || Manifest { schema: SCHEMA.to_owned(), stages: Vec::new() };
        let manifest = found.filter(|found| found.schema == SCHEMA).unwrap_or_else(empty);
        Ok(Self { folder: folder.to_owned(), manifest, skipped: Vec::new() })
    }

    /// The finished stages.
    pub fn finished(&self) -> &[Stage] {
        &self.manifest.stages
    }

    /// The stages that were there already and not done again.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// The bytes of a stage's files: from the folder when it is finished under this key, else from `make`, which answers
    /// with as many as there are names; they are then on the disk before the manifest says so.
    ///
    /// # Errors
    /// Whatever `make` says, or [`Fault::File`].
    pub fn run(
        &mut self,
        name: &str,
        (made_from, files): (&[&str], &[&str]),
        make: impl FnOnce() -> Result<Vec<Vec<u8>>, Fault>,
    ) -> Result<Vec<Vec<u8>>, Fault> {
        let mut hash = Sha256::new();
        for part in [SCHEMA, env!("CARGO_PKG_VERSION"), name].iter().chain(made_from) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let key = hex(&hash.finalize());
        if let Some(bytes) = self.known(name, &key, files) {
            self.skipped.push(name.to_owned());
            return Ok(bytes);
        }
        let made = make()?;
        if made.len() != files.len() {
            return Err(Fault::Asked("stage", format!("{name} made {} files of {}", made.len(), files.len())));
        }
        let mut left = Vec::new();
        for (file, bytes) in files.iter().zip(&made) {
            replace(&self.folder.join(file), bytes)?;
            left.push(StageFile { file: (*file).to_owned(), sha256: digest(bytes) });
        }
        self.manifest.stages.retain(|stage| stage.name != name);
        self.manifest.stages.push(Stage { name: name.to_owned(), key, files: left });
        let path = self.folder.join(FILE);
        let text = serde_json::to_vec_pretty(&self.manifest).map_err(|error| Fault::file(&path, &error))?;
        replace(&path, &text)?;
        Ok(made)
    }

    fn known(&self, name: &str, key: &str, files: &[&str]) -> Option<Vec<Vec<u8>>> {
        let stage = self.manifest.stages.iter().find(|stage| stage.name == name && stage.key == key)?;
        let names: Vec<&str> = stage.files.iter().map(|file| file.file.as_str()).collect();
        if names != files {
            return None;
        }
        let read = |file: &StageFile| {
            let bytes = fs::read(self.folder.join(&file.file)).ok()?;
            (digest(&bytes) == file.sha256).then_some(bytes)
        };
        stage.files.iter().map(read).collect()
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Writes a file so that its name only ever stands for whole content, also after a loss of power.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let failed = |error: std::io::Error| Fault::file(path, &error);
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let mut file = fs::File::create(&partial).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&partial, path).map_err(failed)?;
    if let Some(folder) = path.parent() {
        // The name is as durable as the folder; where a folder cannot be synced, the rename must do.
        let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn done_once_under_one_key_while_the_files_are_as_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let times = Cell::new(0);
        let go = |key: &str| {
            let mut stages = Stages::open(path).unwrap();
            let bytes = stages
                .run("a", (&[key], &["a.bin", "b.bin"]), || {
                    times.set(times.get() + 1);
                    Ok(vec![key.as_bytes().to_vec(), vec![7]])
                })
                .unwrap();
            assert_eq!(bytes, [key.as_bytes().to_vec(), vec![7]]);
            (times.get(), stages.skipped().len())
        };
        assert_eq!([go("x"), go("x")], [(1, 0), (1, 1)]);
        assert_eq!([go("y"), go("y")], [(2, 0), (2, 1)]);
        fs::write(path.join("b.bin"), [8]).unwrap();
        assert_eq!([go("y"), go("y")], [(3, 0), (3, 1)]);
        fs::remove_file(path.join("a.bin")).unwrap();
        assert_eq!(go("y"), (4, 0));
        fs::write(path.join(FILE), b"{\"schema\":").unwrap();
        assert_eq!([go("y"), go("y")], [(5, 0), (5, 1)]);
        assert_eq!(fs::read_dir(path).unwrap().count(), 3);
    }

    #[test]
    fn a_stage_that_fails_leaves_those_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut stages = Stages::open(folder.path()).unwrap();
        stages.run("a", (&[], &["a"]), || Ok(vec![vec![1]])).unwrap();
        assert_eq!(stages.run("b", (&[], &["b"]), || Err(Fault::Stopped)), Err(Fault::Stopped));
        assert!(stages.run("c", (&[], &["c"]), || Ok(vec![])).is_err());
        let again = Stages::open(folder.path()).unwrap();
        assert_eq!(again.finished().iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(), ["a"]);
    }
}
