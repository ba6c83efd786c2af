//! Key files that only their owner may read.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::key::{PEM_BYTES_MAX, PublicKey, SigningKey};

/// Writes a secret to a new file with permissions 0600, and waits for the disk. Never over a file that exists.
///
/// # Errors
/// `File`.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(Error::file(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::file(path))
}

/// Reads a secret of at most `bytes_max` bytes. On Unix a file that others may read or write is refused.
///
/// # Errors
/// `File`, `Permissions`, `TooLarge`.
pub fn read_secret(path: &Path, bytes_max: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let file = File::open(path).map_err(Error::file(path))?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().map_err(Error::file(path))?) & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::Permissions { path: path.to_owned(), mode });
        }
    }
    // Room for everything at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(bytes_max + 1));
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(Error::file(path))?;
    if bytes.len() > bytes_max {
        return Err(Error::TooLarge { bytes: bytes.len() as u64, max: bytes_max as u64 });
    }
    Ok(bytes)
}

/// Writes the private key as PEM PKCS#8 to a new file, permissions 0600.
///
/// # Errors
/// `File`.
pub fn write_key(path: &Path, key: &SigningKey) -> Result<(), Error> {
    write_secret(path, key.to_pem()?.as_bytes())
}

/// Reads a private key, PEM PKCS#8, permissions 0600 or stricter.
///
/// # Errors
/// What `read_secret` refuses, and `Malformed`.
pub fn read_key(path: &Path) -> Result<SigningKey, Error> {
    let bytes = read_secret(path, PEM_BYTES_MAX)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| Error::malformed("PEM private key", error))?;
    SigningKey::from_pem(text)
}

/// Writes the public key as PEM to a new file.
///
/// # Errors
/// `File`.
pub fn write_public(path: &Path, key: &PublicKey) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(key.to_pem().as_bytes()).and_then(|()| file.sync_all()))
        .map_err(Error::file(path))
}

/// Reads a public key, PEM.
///
/// # Errors
/// `File`, `TooLarge`, `Malformed`.
pub fn read_public(path: &Path) -> Result<PublicKey, Error> {
    let mut text = String::new();
    let file = File::open(path).map_err(Error::file(path))?;
    file.take(PEM_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(Error::file(path))?;
    PublicKey::from_pem(&text)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::key::Algorithm;

    #[test]
    fn only_the_owner_reads_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let (path, public) = (folder.path().join("a.key"), folder.path().join("a.pub"));
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        write_key(&path, &key).unwrap();
        write_public(&public, key.public()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_key(&path).unwrap().public(), &read_public(&public).unwrap());
        assert!(matches!(write_key(&path, &key), Err(Error::File { .. })), "never over a key that exists");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_key(&path), Err(Error::Permissions { mode: 0o640, .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read_secret(&path, 10), Err(Error::TooLarge { .. })));
    }
}
