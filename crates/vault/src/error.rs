//! What can go wrong, by cause. No message holds a secret.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why something was not signed, sealed, opened, verified or read.
#[derive(Debug)]
pub enum Error {
    /// The operating system refused a file.
    File {
        /// Which file.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// Others than the owner may read a secret.
    Permissions {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The operating system gave no random bytes.
    Random,
    /// A text or file is larger than what is read.
    TooLarge {
        /// Bytes found.
        bytes: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// JSON nests deeper than what is parsed.
    TooDeep {
        /// Levels allowed.
        max: usize,
    },
    /// A text is not of the format that was expected.
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// No signature is there.
    Unsigned,
    /// Another key than the given one made the signature, by what the bundle says.
    WrongKey {
        /// The key that the bundle names.
        named: String,
        /// The key that was tried.
        tried: String,
    },
    /// The signature does not fit the bytes and the key.
    BadSignature {
        /// The key that was tried.
        key: String,
    },
    /// No trusted key has that name.
    Untrusted {
        /// The key that the signature names.
        key: String,
    },
    /// The key is not valid yet.
    NotYetValid {
        /// Which key.
        key: String,
        /// From when, in seconds since 1970 UTC.
        from_s: i64,
    },
    /// The key is not valid any more.
    Expired {
        /// Which key.
        key: String,
        /// Until when, in seconds since 1970 UTC.
        until_s: i64,
    },
    /// The key was revoked; everything that it signed is refused, whenever it was signed.
    Revoked {
        /// Which key.
        key: String,
        /// Why.
        reason: String,
    },
    /// The key is trusted, but not for this.
    NotAllowed {
        /// Which key.
        key: String,
        /// What it would have to be trusted for.
        role: &'static str,
    },
    /// A sealed blob needs a key that was not given.
    NoKek {
        /// The name of the wrapping key.
        id: String,
    },
    /// A sealed blob does not open: a changed byte, another place, or another key.
    Unopened {
        /// Which part did not open: the data key or the content.
        part: &'static str,
    },
    /// A passphrase is wrong, or its key file was changed.
    WrongPassphrase,
}

impl Error {
    pub(crate) fn file(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }

    pub(crate) fn malformed(what: &'static str, why: impl fmt::Display) -> Self {
        Self::Malformed { what, why: why.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Permissions { path, mode } => {
                let path = path.display();
                write!(f, "{path}: others may read this secret (mode {mode:o}); chmod 600 {path}")
            }
            Self::Random => write!(f, "the operating system gave no random bytes"),
            Self::TooLarge { bytes, max } => write!(f, "{bytes} bytes, more than the {max} that are read"),
            Self::TooDeep { max } => write!(f, "nested deeper than the {max} levels that are parsed"),
            Self::Malformed { what, why } => write!(f, "not a {what}: {why}"),
            Self::Unsigned => write!(f, "no signature"),
            Self::WrongKey { named, tried } => write!(f, "signed by key {named}, not by {tried}"),
            Self::BadSignature { key } => write!(f, "the signature does not fit key {key}"),
            Self::Untrusted { key } => write!(f, "key {key} is not in the trust store"),
            Self::NotYetValid { key, from_s } => write!(f, "key {key} is valid only from {from_s} s since 1970 UTC"),
            Self::Expired { key, until_s } => write!(f, "key {key} expired at {until_s} s since 1970 UTC"),
            Self::Revoked { key, reason } => write!(f, "key {key} was revoked: {reason}"),
            Self::NotAllowed { key, role } => write!(f, "key {key} is not trusted to {role}"),
            Self::NoKek { id } => write!(f, "sealed with key {id:?}, which was not given"),
            Self::Unopened { part } => {
                write!(f, "the {part} does not open: a changed byte, another place, or another key")
            }
            Self::WrongPassphrase => write!(f, "the passphrase is wrong, or the key file was changed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            _ => None,
        }
    }
}
