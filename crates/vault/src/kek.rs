//! The keys that wrap keys (KEK): each has a name, and is read from a file, from a file under a passphrase, or from an
//! environment variable. `docs/formats/sealed.md` says how the file looks.

use std::fmt;
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::encode::{base64, from_base64};
use crate::error::Error;
use crate::files::{read_secret, write_secret};
use crate::json;
use crate::random::random;
use crate::seal::{cipher_open, cipher_seal};

/// Longest name of a wrapping key, in bytes.
pub const ID_BYTES_MAX: usize = 64;
const FILE_BYTES_MAX: usize = 4_096;
const FORMAT: &str = "scalpel-kek/1";
const WHAT: &str = "wrapping key (scalpel-kek/1)";

/// How much work a passphrase costs: Argon2id, RFC 9106.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Memory in KiB, at most 1 GiB.
    pub memory_kib: u32,
    /// Passes, at most 16.
    pub passes: u32,
    /// Lanes, at most 16.
    pub lanes: u32,
}

impl Work {
    /// The second recommended choice of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes.
    pub const RECOMMENDED: Self = Self { memory_kib: 64 * 1_024, passes: 3, lanes: 4 };
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Locked {
    kdf: String,
    work: Work,
    salt: String,
    nonce: String,
    sealed: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    format: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locked: Option<Locked>,
}

/// A key that wraps data keys. Wiped when dropped; never printed.
pub struct Kek {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

impl Kek {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// `Malformed` for a name that is empty, longer than 64 bytes or not plain ASCII; `Random`.
    pub fn generate(id: &str) -> Result<Self, Error> {
        Self::new(id, random()?)
    }

    fn new(id: &str, key: Zeroizing<[u8; 32]>) -> Result<Self, Error> {
        if !named(id) {
            return Err(Error::malformed(
                WHAT,
                format!("its name {id:?} is not 1 to {ID_BYTES_MAX} of a-z A-Z 0-9 . _ -"),
            ));
        }
        Ok(Self { id: id.to_owned(), key })
    }

    fn from_bytes(id: &str, bytes: &[u8]) -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(Error::malformed(WHAT, format!("{} bytes of key, not 32", bytes.len())));
        }
        key.copy_from_slice(bytes);
        Self::new(id, key)
    }

    /// The name that sealed blobs give it.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Reads where a reference points: `file:PATH` (a key file, permissions 0600; `passphrase` is asked if it is locked)
    /// or `env:NAME` (base64 of 32 bytes; the key's name is `NAME`).
    ///
    /// # Errors
    /// `File`, `Permissions`, `Malformed`, `WrongPassphrase`, and what `passphrase` answers.
    pub fn read(reference: &str, passphrase: impl FnOnce() -> Result<Zeroizing<String>, Error>) -> Result<Self, Error> {
        if let Some(path) = reference.strip_prefix("file:") {
            let text = read_secret(Path::new(path), FILE_BYTES_MAX)?;
            return Self::from_file(&text, passphrase);
        }
        let Some(name) = reference.strip_prefix("env:") else {
            return Err(Error::malformed("reference of a wrapping key", "it begins with neither file: nor env:"));
        };
        let text = std::env::var(name).map(Zeroizing::new);
        let text = text.map_err(|_| Error::malformed(WHAT, format!("the environment has no {name}")))?;
        Self::from_bytes(name, &Zeroizing::new(from_base64(WHAT, text.trim())?))
    }

    fn from_file(text: &[u8], passphrase: impl FnOnce() -> Result<Zeroizing<String>, Error>) -> Result<Self, Error> {
        let wire: Wire = json::parse(WHAT, text, FILE_BYTES_MAX as u64, 4)?;
        if wire.format != FORMAT {
            return Err(Error::malformed(WHAT, format!("format {:?}", wire.format)));
        }
        match (wire.key, wire.locked) {
            (Some(key), None) => Self::from_bytes(&wire.id, &Zeroizing::new(from_base64(WHAT, &key)?)),
            (None, Some(locked)) => Self::unlock(&wire.id, &locked, &passphrase()?),
            _ => Err(Error::malformed(WHAT, "it holds not exactly one of key and locked")),
        }
    }

    fn unlock(id: &str, locked: &Locked, passphrase: &str) -> Result<Self, Error> {
        if locked.kdf != "argon2id" {
            return Err(Error::malformed(WHAT, format!("kdf {:?}, not argon2id", locked.kdf)));
        }
        let nonce: [u8; 12] =
            from_base64(WHAT, &locked.nonce)?.try_into().map_err(|_| Error::malformed(WHAT, "a nonce has 12 bytes"))?;
        let outer = stretch(passphrase, &from_base64(WHAT, &locked.salt)?, locked.work)?;
        let sealed = from_base64(WHAT, &locked.sealed)?;
        let opened = cipher_open(&outer, &nonce, &sealed, aad(id).as_bytes()).ok_or(Error::WrongPassphrase)?;
        Self::from_bytes(id, &opened)
    }

    /// Writes the key to a new file with permissions 0600; under a passphrase if one is given.
    ///
    /// # Errors
    /// `File`, `Random`, and `Malformed` for work beyond the bounds of `Work`.
    pub fn write(&self, path: &Path, passphrase: Option<(&str, Work)>) -> Result<(), Error> {
        let locked = passphrase.map(|(text, work)| self.lock(text, work)).transpose()?;
        let key = locked.is_none().then(|| Zeroizing::new(base64(self.key.as_slice())));
        let wire = Wire { format: FORMAT.into(), id: self.id.clone(), key, locked };
        let text = Zeroizing::new(serde_json::to_vec(&wire).map_err(|error| Error::malformed(WHAT, error))?);
        write_secret(path, &text)
    }

    fn lock(&self, passphrase: &str, work: Work) -> Result<Locked, Error> {
        let (salt, nonce) = (random::<16>()?, random::<12>()?);
        let outer = stretch(passphrase, salt.as_slice(), work)?;
        let sealed = cipher_seal(&outer, &nonce, self.key.as_slice(), aad(&self.id).as_bytes())?;
        Ok(Locked {
            kdf: "argon2id".into(),
            work,
            salt: base64(salt.as_slice()),
            nonce: base64(nonce.as_slice()),
            sealed: base64(&sealed),
        })
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kek({:?}, secret not shown)", self.id)
    }
}

/// The wrapping keys at hand: the first one seals, all of them open.
#[derive(Debug)]
pub struct Keks {
    keys: Vec<Kek>,
}

impl Keks {
    /// A ring of keys. The first one seals.
    ///
    /// # Errors
    /// `Malformed` for no key, or two of one name.
    pub fn new(keys: Vec<Kek>) -> Result<Self, Error> {
        let twice = keys.iter().enumerate().find(|(at, kek)| keys[..*at].iter().any(|other| other.id == kek.id));
        match twice {
            Some((_, kek)) => {
                Err(Error::malformed("ring of wrapping keys", format!("two keys are named {:?}", kek.id)))
            }
            None if keys.is_empty() => Err(Error::malformed("ring of wrapping keys", "it is empty")),
            None => Ok(Self { keys }),
        }
    }

    /// The key that seals.
    pub fn current(&self) -> &Kek {
        &self.keys[0]
    }

    /// The key of that name.
    ///
    /// # Errors
    /// `NoKek`.
    pub fn get(&self, id: &str) -> Result<&Kek, Error> {
        self.keys.iter().find(|kek| kek.id == id).ok_or_else(|| Error::NoKek { id: id.to_owned() })
    }
}

pub(crate) fn named(id: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn aad(id: &str) -> String {
    format!("{FORMAT} {id}")
}

/// The key that a passphrase stands for.
fn stretch(passphrase: &str, salt: &[u8], work: Work) -> Result<Zeroizing<[u8; 32]>, Error> {
    let Work { memory_kib, passes, lanes } = work;
    if memory_kib > 1 << 20 || passes > 16 || lanes > 16 {
        return Err(Error::malformed(WHAT, format!("work beyond its bounds: {work:?}")));
    }
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|error| Error::malformed(WHAT, error))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|error| Error::malformed(WHAT, error))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LITTLE: Work = Work { memory_kib: 64, passes: 1, lanes: 1 };

    fn never() -> Result<Zeroizing<String>, Error> {
        panic!("no passphrase is needed")
    }

    /// RFC 9106, section 5.3, has a secret and associated data; this vector is of the reference `argon2` tool:
    /// `echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1 -l 32`.
    #[test]
    fn a_passphrase_is_stretched_as_the_reference_does() {
        let key = stretch("password", b"somesalt", Work { memory_kib: 256, passes: 2, lanes: 1 }).unwrap();
        let text = crate::encode::Digest(*key).to_string();
        assert_eq!(text, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe");
    }

    #[test]
    fn a_key_is_read_from_where_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let kek = Kek::generate("k-2026").unwrap();
        let (plain, locked) = (folder.path().join("plain"), folder.path().join("locked"));
        kek.write(&plain, None).unwrap();
        kek.write(&locked, Some(("correct horse", LITTLE))).unwrap();
        let again = Kek::read(&format!("file:{}", plain.display()), never).unwrap();
        assert_eq!((again.id(), again.key()), (kek.id(), kek.key()));
        let locked = format!("file:{}", locked.display());
        let again = Kek::read(&locked, || Ok(Zeroizing::new("correct horse".into()))).unwrap();
        assert_eq!(again.key(), kek.key());
        let wrong = Kek::read(&locked, || Ok(Zeroizing::new("correct house".into())));
        assert!(matches!(wrong, Err(Error::WrongPassphrase)));
        assert!(!format!("{kek:?}").contains(&base64(kek.key())));
        assert!(Kek::read("vault://x", never).is_err());
        assert!(Kek::read("env:SCALPEL_NO_SUCH_KEY", never).is_err());
    }

    #[test]
    fn a_key_file_that_asks_for_too_much_work_is_refused() {
        let locked = Locked {
            kdf: "argon2id".into(),
            work: Work { memory_kib: u32::MAX, ..LITTLE },
            salt: base64(&[0; 16]),
            nonce: base64(&[0; 12]),
            sealed: base64(&[0; 48]),
        };
        assert!(matches!(Kek::unlock("k", &locked, "x"), Err(Error::Malformed { .. })));
    }

    #[test]
    fn a_ring_has_each_name_once() {
        let key = |id| Kek::generate(id).unwrap();
        assert!(Keks::new(vec![]).is_err());
        assert!(Keks::new(vec![key("a"), key("b"), key("a")]).is_err());
        let ring = Keks::new(vec![key("a"), key("b")]).unwrap();
        assert_eq!((ring.current().id(), ring.get("b").unwrap().id()), ("a", "b"));
        assert!(matches!(ring.get("c"), Err(Error::NoKek { .. })));
        for bad in ["", "a b", "ü", &"x".repeat(65)] {
            assert!(Kek::generate(bad).is_err(), "{bad:?}");
        }
    }
}
