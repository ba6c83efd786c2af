//! Signing keys: Ed25519 (RFC 8032), and ECDSA on P-256 (FIPS 186-5, nonces by RFC 6979) for tools that know only that.
//!
//! Private keys are PEM PKCS#8, public keys PEM SPKI, as OpenSSL and Python's `cryptography` read and write them.

use std::fmt;

use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding,
};
use zeroize::Zeroizing;

use crate::encode::Digest;
use crate::error::Error;
use crate::random::random;

/// Longest PEM text of a key, in bytes.
pub const PEM_BYTES_MAX: usize = 4_096;

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Ed25519; the default here. The `model-signing` tool cannot verify it.
    Ed25519,
    /// ECDSA on P-256 with SHA-256, DER signatures; what the `model-signing` tool verifies.
    P256,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
        })
    }
}

enum Secret {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    P256(Box<p256::ecdsa::SigningKey>),
}

/// A private key. Wiped when dropped; it has no `Clone` and its `Debug` names only the public half.
pub struct SigningKey {
    secret: Secret,
    public: PublicKey,
}

impl SigningKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// `Random` when there is none.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        match algorithm {
            Algorithm::Ed25519 => {
                let seed = random::<32>()?;
                Self::new(Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
            }
            Algorithm::P256 => loop {
                // One number in 2^32 is not below the group's order: then draw again.
                let seed = random::<32>()?;
                if let Ok(key) = p256::ecdsa::SigningKey::from_slice(seed.as_slice()) {
                    return Self::new(Secret::P256(Box::new(key)));
                }
            },
        }
    }

    fn new(secret: Secret) -> Result<Self, Error> {
        let key = match &secret {
            Secret::Ed25519(key) => Point::Ed25519(key.verifying_key()),
            Secret::P256(key) => Point::P256(*key.verifying_key()),
        };
        Ok(Self { secret, public: PublicKey::new(key)? })
    }

    /// Reads a PEM PKCS#8 private key of either kind.
    ///
    /// # Errors
    /// `Malformed` for anything else, encrypted PEM included.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let what = "PEM PKCS#8 private key (Ed25519 or P-256, not encrypted)";
        if text.len() > PEM_BYTES_MAX {
            return Err(Error::TooLarge { bytes: text.len() as u64, max: PEM_BYTES_MAX as u64 });
        }
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_pem(text) {
            return Self::new(Secret::Ed25519(Box::new(key)));
        }
        let key = p256::ecdsa::SigningKey::from_pkcs8_pem(text).map_err(|error| Error::malformed(what, error))?;
        Self::new(Secret::P256(Box::new(key)))
    }

    /// The key as PEM PKCS#8, wiped when dropped.
    ///
    /// # Errors
    /// `Malformed` when it cannot be encoded; that does not happen.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, Error> {
        match &self.secret {
            Secret::Ed25519(key) => key.to_pkcs8_pem(LineEnding::LF),
            Secret::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
        }
        .map_err(|error| Error::malformed("private key", error))
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature of some bytes: 64 bytes for Ed25519, DER for P-256. The same bytes give the same signature.
    ///
    /// # Errors
    /// `Malformed` when the library refuses; that does not happen.
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.secret {
            Secret::Ed25519(key) => Ok(key.sign(bytes).to_bytes().to_vec()),
            Secret::P256(key) => {
                let signed: Result<p256::ecdsa::DerSignature, _> = key.try_sign(bytes);
                Ok(signed.map_err(|error| Error::malformed("key that signs", error))?.as_bytes().to_vec())
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {}, secret not shown)", self.public.algorithm(), self.public.id)
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Point {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

/// A public key, with the name that signatures give it.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: Point,
    pem: String,
    id: Digest,
}

impl PublicKey {
    fn new(point: Point) -> Result<Self, Error> {
        let pem = match &point {
            Point::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
            Point::P256(key) => key.to_public_key_pem(LineEnding::LF),
        }
        .map_err(|error| Error::malformed("public key", error))?;
        Ok(Self { id: Digest::of(pem.as_bytes()), point, pem })
    }

    /// Reads a PEM SPKI public key of either kind.
    ///
    /// # Errors
    /// `Malformed` for anything else, weak Ed25519 points (of small order) included.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let what = "PEM public key (Ed25519 or P-256)";
        if text.len() > PEM_BYTES_MAX {
            return Err(Error::TooLarge { bytes: text.len() as u64, max: PEM_BYTES_MAX as u64 });
        }
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_pem(text) {
            if key.is_weak() {
                return Err(Error::malformed(what, "a point of small order"));
            }
            return Self::new(Point::Ed25519(key));
        }
        let key =
            p256::ecdsa::VerifyingKey::from_public_key_pem(text).map_err(|error| Error::malformed(what, error))?;
        Self::new(Point::P256(key))
    }

    /// The key as PEM SPKI with `\n` line ends.
    pub fn to_pem(&self) -> &str {
        &self.pem
    }

    /// The key's name: SHA-256 of its PEM text, the `hint` that `model-signing` writes.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        match self.point {
            Point::Ed25519(_) => Algorithm::Ed25519,
            Point::P256(_) => Algorithm::P256,
        }
    }

    /// Whether the signature is that of these bytes by this key. Ed25519 is checked strictly (no small-order points, no
    /// second encoding of a signature).
    ///
    /// # Errors
    /// `BadSignature` when not.
    pub fn verify(&self, bytes: &[u8], signature: &[u8]) -> Result<(), Error> {
        let fits = match &self.point {
            Point::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .and_then(|signature| key.verify_strict(bytes, &signature))
                .is_ok(),
            Point::P256(key) => p256::ecdsa::DerSignature::from_bytes(signature)
                .and_then(|signature| key.verify(bytes, &signature))
                .is_ok(),
        };
        if fits { Ok(()) } else { Err(Error::BadSignature { key: self.id.to_string() }) }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm(), self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn ed25519_signs_as_rfc_8032_says() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
        };
        let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let inner = ed25519_dalek::SigningKey::from_bytes(&seed.try_into().unwrap());
        let key = SigningKey::new(Secret::Ed25519(Box::new(inner))).unwrap();
        let due = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                   085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(key.sign(&[0x72]).unwrap(), hex(due));
    }

    #[test]
    fn keys_travel_as_pem_and_sign() {
        for algorithm in [Algorithm::Ed25519, Algorithm::P256] {
            let key = SigningKey::generate(algorithm).unwrap();
            let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
            let public = PublicKey::from_pem(key.public().to_pem()).unwrap();
            assert_eq!((again.public(), public.algorithm()), (&public, algorithm));
            let signature = again.sign(b"words").unwrap();
            assert_eq!(signature, key.sign(b"words").unwrap(), "no randomness in signatures");
            public.verify(b"words", &signature).unwrap();
            assert!(matches!(public.verify(b"wordz", &signature), Err(Error::BadSignature { .. })));
            for at in 0..signature.len() {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert!(public.verify(b"words", &changed).is_err(), "{algorithm} byte {at}");
            }
            assert!(public.verify(b"words", &signature[1..]).is_err());
            let other = SigningKey::generate(algorithm).unwrap();
            assert!(other.public().verify(b"words", &signature).is_err());
        }
    }

    #[test]
    fn no_secret_in_debug() {
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        let pem = key.to_pem().unwrap();
        let secret = pem.lines().nth(1).unwrap();
        let shown = format!("{key:?}");
        assert!(!shown.contains(&secret[20..40]) && shown.contains(&key.public().id().to_string()), "{shown}");
    }

    #[test]
    fn texts_that_are_no_keys_are_refused() {
        for text in ["", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", &"x".repeat(10_000)] {
            assert!(SigningKey::from_pem(text).is_err() && PublicKey::from_pem(text).is_err());
        }
    }
}
