//! Encrypted blobs: AES-256-GCM under one random data key per blob, wrapped by a named key. `docs/formats/sealed.md`.
//!
//! A blob opens only at its own path and with its own digest: both are bound in. Rotation wraps the data key again and
//! leaves the content as it is.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use zeroize::Zeroizing;

use crate::encode::Digest;
use crate::error::Error;
use crate::kek::{Kek, Keks, named};
use crate::random::random;

/// The first eight bytes of a sealed blob.
pub const MAGIC: [u8; 8] = *b"SCALSEAL";
/// The version of the layout.
pub const VERSION: u8 = 1;
/// Most bytes that one blob holds.
pub const CONTENT_BYTES_MAX: usize = 1 << 30;

const AES_256_GCM: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
const WRAPPED: usize = 32 + TAG;
const WHAT: &str = "sealed blob (SCALSEAL, version 1)";

/// What a blob is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Where it lies.
    pub path: &'a str,
    /// The digest of its content.
    pub digest: Digest,
}

impl Place<'_> {
    /// Associated data: a word for the part, the path with its length, the digest, and what else is given.
    fn bind(&self, part: &str, more: &[u8]) -> Vec<u8> {
        let mut bytes = format!("scalpel-sealed/1 {part} {} {} ", self.path.len(), self.path).into_bytes();
        bytes.extend_from_slice(&self.digest.0);
        bytes.extend_from_slice(more);
        bytes
    }
}

/// The header of a blob, and where its parts lie.
struct Parts<'a> {
    kek: &'a str,
    wrap_nonce: &'a [u8; NONCE],
    wrapped: &'a [u8],
    nonce: &'a [u8; NONCE],
    length: &'a [u8; 8],
    content: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut rest = bytes;
        if take::<8>(&mut rest)? != &MAGIC {
            return Err(Error::malformed(WHAT, "it begins otherwise"));
        }
        let [version, cipher, reserved, id_len] = *take::<4>(&mut rest)?;
        if (version, cipher, reserved) != (VERSION, AES_256_GCM, 0) {
            return Err(Error::malformed(WHAT, format!("version {version}, cipher {cipher}, reserved {reserved}")));
        }
        let (id, after) = rest.split_at_checked(usize::from(id_len)).ok_or_else(short)?;
        rest = after;
        let kek = std::str::from_utf8(id).ok().filter(|id| named(id));
        let kek = kek.ok_or_else(|| Error::malformed(WHAT, "the name of its key is not plain"))?;
        let wrap_nonce = take::<NONCE>(&mut rest)?;
        let wrapped = take::<WRAPPED>(&mut rest)?.as_slice();
        let (nonce, length) = (take::<NONCE>(&mut rest)?, take::<8>(&mut rest)?);
        let parts = Self { kek, wrap_nonce, wrapped, nonce, length, content: rest };
        let due = u64::from_le_bytes(*length);
        if due > CONTENT_BYTES_MAX as u64 {
            return Err(Error::TooLarge { bytes: due, max: CONTENT_BYTES_MAX as u64 });
        }
        if rest.len() as u64 != due + TAG as u64 {
            return Err(Error::malformed(
                WHAT,
                format!("{} bytes after its header, not {}", rest.len(), due + TAG as u64),
            ));
        }
        Ok(parts)
    }

    fn data_key(&self, place: Place<'_>, kek: &Kek) -> Result<Zeroizing<Vec<u8>>, Error> {
        cipher_open(kek.key(), self.wrap_nonce, self.wrapped, &place.bind("key", self.kek.as_bytes()))
            .ok_or(Error::Unopened { part: "data key" })
    }
}

fn short() -> Error {
    Error::malformed(WHAT, "cut short")
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Error> {
    let (first, after) = rest.split_first_chunk::<N>().ok_or_else(short)?;
    *rest = after;
    Ok(first)
}

/// Seals a content for its place with a fresh data key, wrapped by `kek`.
///
/// # Errors
/// `TooLarge`, `Random`.
pub fn seal(content: &[u8], place: Place<'_>, kek: &Kek) -> Result<Vec<u8>, Error> {
    if content.len() > CONTENT_BYTES_MAX {
        return Err(Error::TooLarge { bytes: content.len() as u64, max: CONTENT_BYTES_MAX as u64 });
    }
    let (key, nonce) = (random::<32>()?, random::<NONCE>()?);
    let length = (content.len() as u64).to_le_bytes();
    let mut blob = header(&key[..], place, kek)?;
    blob.extend_from_slice(nonce.as_slice());
    blob.extend_from_slice(&length);
    blob.extend(cipher_seal(&key, &nonce, content, &place.bind("content", &length))?);
    Ok(blob)
}

/// Everything up to and including the wrapped data key.
fn header(key: &[u8], place: Place<'_>, kek: &Kek) -> Result<Vec<u8>, Error> {
    let nonce = random::<NONCE>()?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[VERSION, AES_256_GCM, 0, kek.id().len() as u8]);
    bytes.extend_from_slice(kek.id().as_bytes());
    bytes.extend_from_slice(nonce.as_slice());
    bytes.extend(cipher_seal(kek.key(), &nonce, key, &place.bind("key", kek.id().as_bytes()))?);
    Ok(bytes)
}

/// Opens a blob at its place and checks the digest of its content.
///
/// # Errors
/// `Malformed`, `TooLarge`, `NoKek`, `Unopened`.
pub fn open(blob: &[u8], place: Place<'_>, keks: &Keks) -> Result<Zeroizing<Vec<u8>>, Error> {
    let parts = Parts::read(blob)?;
    let key = parts.data_key(place, keks.get(parts.kek)?)?;
    let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| Error::Unopened { part: "data key" })?;
    let content = cipher_open(key, parts.nonce, parts.content, &place.bind("content", parts.length))
        .ok_or(Error::Unopened { part: "content" })?;
    if Digest::of(&content) != place.digest {
        return Err(Error::Unopened { part: "content" });
    }
    Ok(content)
}

/// Wraps the data key again with the ring's current key; the encrypted content stays as it is. `None` when it is wrapped
/// by that key already.
///
/// # Errors
/// `Malformed`, `NoKek`, `Unopened`, `Random`.
pub fn rewrap(blob: &[u8], place: Place<'_>, keks: &Keks) -> Result<Option<Vec<u8>>, Error> {
    let parts = Parts::read(blob)?;
    if parts.kek == keks.current().id() {
        return Ok(None);
    }
    let key = parts.data_key(place, keks.get(parts.kek)?)?;
    let mut fresh = header(&key, place, keks.current())?;
    fresh.extend_from_slice(parts.nonce);
    fresh.extend_from_slice(parts.length);
    fresh.extend_from_slice(parts.content);
    Ok(Some(fresh))
}

/// The name of the key that wraps a blob's data key.
///
/// # Errors
/// `Malformed`, `TooLarge`.
pub fn kek_of(blob: &[u8]) -> Result<&str, Error> {
    Parts::read(blob).map(|parts| parts.kek)
}

pub(crate) fn cipher_seal(key: &[u8; 32], nonce: &[u8; NONCE], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, Error> {
    let cipher = Aes256Gcm::new(key.into());
    cipher
        .encrypt(&Nonce::from(*nonce), Payload { msg, aad })
        .map_err(|_| Error::TooLarge { bytes: msg.len() as u64, max: CONTENT_BYTES_MAX as u64 })
}

pub(crate) fn cipher_open(key: &[u8; 32], nonce: &[u8; NONCE], msg: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = Aes256Gcm::new(key.into());
    cipher.decrypt(&Nonce::from(*nonce), Payload { msg, aad }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(ids: &[&str]) -> Keks {
        Keks::new(ids.iter().map(|id| Kek::generate(id).unwrap()).collect()).unwrap()
    }

    /// NIST GCM test case 16 (`McGrew` and Viega), AES-256 with associated data.
    #[test]
    fn the_cipher_is_aes_256_gcm() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
        };
        let key: [u8; 32] = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308").try_into().unwrap();
        let nonce: [u8; 12] = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let content = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let due = hex(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
        );
        assert_eq!(cipher_seal(&key, &nonce, &content, &aad).unwrap(), due);
        assert_eq!(*cipher_open(&key, &nonce, &due, &aad).unwrap(), content);
    }

    #[test]
    fn a_blob_opens_only_at_its_place() {
        let keks = ring(&["a"]);
        let place = Place { path: "sha256/x", digest: Digest::of(b"weights") };
        let blob = seal(b"weights", place, keks.current()).unwrap();
        assert_eq!(*open(&blob, place, &keks).unwrap(), b"weights");
        assert!(!blob.windows(7).any(|window| window == b"weights"));
        let elsewhere = Place { path: "sha256/y", ..place };
        assert!(matches!(open(&blob, elsewhere, &keks), Err(Error::Unopened { .. })));
        let other = Place { digest: Digest::of(b"other"), ..place };
        assert!(matches!(open(&blob, other, &keks), Err(Error::Unopened { .. })));
        assert!(matches!(open(&blob, place, &ring(&["b"])), Err(Error::NoKek { .. })));
        assert!(matches!(open(&blob, place, &ring(&["a"])), Err(Error::Unopened { part: "data key" })));
        let lie = Place { digest: Digest::of(b"other"), ..place };
        let blob = seal(b"weights", lie, keks.current()).unwrap();
        assert!(open(&blob, lie, &keks).is_err(), "sealed with a digest that is not its content's");
    }

    #[test]
    fn rotation_wraps_again_and_leaves_the_content() {
        let old = Kek::generate("old").unwrap();
        let place = Place { path: "sha256/x", digest: Digest::of(b"weights") };
        let blob = seal(b"weights", place, &old).unwrap();
        let keks = Keks::new(vec![Kek::generate("new").unwrap(), old]).unwrap();
        let fresh = rewrap(&blob, place, &keks).unwrap().unwrap();
        assert_eq!((kek_of(&blob).unwrap(), kek_of(&fresh).unwrap()), ("old", "new"));
        let content = NONCE + 8 + 7 + TAG;
        assert_eq!(fresh[fresh.len() - content..], blob[blob.len() - content..]);
        assert_eq!(*open(&fresh, place, &keks).unwrap(), b"weights");
        assert_eq!(rewrap(&fresh, place, &keks).unwrap(), None);
        assert!(rewrap(&blob, Place { path: "sha256/y", ..place }, &keks).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_changed_or_missing_byte_is_noticed(
            content in prop::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let keks = ring(&["a"]);
            let place = Place { path: "sha256/x", digest: Digest::of(&content) };
            let mut blob = seal(&content, place, keks.current()).unwrap();
            prop_assert_eq!(&*open(&blob, place, &keks).unwrap(), &content);
            prop_assert!(open(&blob[..at.index(blob.len())], place, &keks).is_err());
            let at = at.index(blob.len());
            blob[at] ^= flip;
            prop_assert!(open(&blob, place, &keks).is_err());
            prop_assert!(rewrap(&blob, place, &ring(&["b"])).is_err());
        }

        #[test]
        fn no_bytes_make_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let keks = ring(&["a"]);
            let place = Place { path: "p", digest: Digest::of(b"") };
            prop_assert!(open(&bytes, place, &keks).is_err());
            let framed = [&MAGIC[..], &[VERSION, AES_256_GCM, 0], &bytes].concat();
            prop_assert!(open(&framed, place, &keks).is_err());
        }
    }
}
