//! Trained models beside a journal: what a replay needs to seat them again.
//!
//! A journal holds the digest of every model that was seated. Its bytes lie in `<journal>.models/<digest>.model`; whoever
//! changes them changes the digest, and the replay says so.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ensemble::{Artefact, ArtefactError, Digest, Parts};
use sha2::{Digest as _, Sha256};

/// The most bytes of a model.
pub const MODEL_BYTES_MAX: u64 = 64 << 20;

/// Why a model beside a journal, or in a file of its own, cannot be used.
#[derive(Debug)]
pub enum ModelError {
    /// The file cannot be read or written.
    Io(PathBuf, std::io::Error),
    /// The file is larger than [`MODEL_BYTES_MAX`].
    TooLarge(PathBuf),
    /// The bytes are not those of the digest: another file, or changed.
    OtherDigest(PathBuf),
    /// It is no usable model.
    Artefact(PathBuf, ArtefactError),
}

impl std::fmt::Display for ModelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::TooLarge(path) => write!(f, "{}: larger than {MODEL_BYTES_MAX} bytes", path.display()),
            Self::OtherDigest(path) => write!(f, "{}: its bytes are not those that were seated", path.display()),
            Self::Artefact(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for ModelError {}

/// The digest in hexadecimal.
pub fn hex(digest: &Digest) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A model of these parts, with the digest of its encoding.
///
/// # Errors
/// [`ArtefactError`] when they do not fit together.
pub fn made(parts: Parts) -> Result<Artefact, ArtefactError> {
    let mut bytes = Vec::new();
    Artefact::encode(&parts, &mut bytes);
    Artefact::new(parts, Sha256::digest(&bytes).into())
}

/// Reads a model from a file.
///
/// # Errors
/// [`ModelError`].
pub fn read(path: &Path) -> Result<Artefact, ModelError> {
    let failed = |error| ModelError::Io(path.to_owned(), error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MODEL_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MODEL_BYTES_MAX {
        return Err(ModelError::TooLarge(path.to_owned()));
    }
    parse(&bytes).map_err(|error| ModelError::Artefact(path.to_owned(), error))
}

/// A model from the bytes of its file.
///
/// # Errors
/// [`ArtefactError`].
pub fn parse(bytes: &[u8]) -> Result<Artefact, ArtefactError> {
    Artefact::decode(bytes, Sha256::digest(bytes).into())
}

fn place(journal: &Path, digest: &Digest) -> PathBuf {
    let mut folder = journal.as_os_str().to_owned();
    folder.push(".models");
    PathBuf::from(folder).join(format!("{}.model", hex(digest)))
}

/// Keeps a model beside a journal, whole and on the disk or not at all, before it is seated.
///
/// # Errors
/// [`ModelError::Io`].
pub fn keep(journal: &Path, model: &Artefact) -> Result<(), ModelError> {
    save(&place(journal, model.digest()), model)
}

/// Writes a model to a file, whole and on the disk or not at all.
///
/// # Errors
/// [`ModelError::Io`].
pub fn save(path: &Path, model: &Artefact) -> Result<(), ModelError> {
    let failed = |error| ModelError::Io(path.to_owned(), error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut bytes = Vec::new();
    Artefact::encode(model.parts(), &mut bytes);
    let temporary = path.with_extension("tmp");
    let mut file = std::fs::File::create(&temporary).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// The model that was seated under a digest.
///
/// # Errors
/// [`ModelError`], also when the file has changed since.
pub fn fetch(journal: &Path, digest: &Digest) -> Result<Arc<Artefact>, ModelError> {
    let path = place(journal, digest);
    let model = read(&path)?;
    if model.digest() != digest {
        return Err(ModelError::OtherDigest(path));
    }
    Ok(Arc::new(model))
}
