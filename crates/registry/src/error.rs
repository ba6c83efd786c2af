//! Why something was refused: always the file and the reason.

use std::fmt;
use std::io;

use vault::Digest;

use crate::alias::Alias;
use crate::chain::Fault;
use crate::rollout::{Measure, Refused, State};
use crate::version::Version;

/// The file (or name) that something is wrong with, and what.
#[derive(Debug)]
pub struct Refusal {
    /// Path inside the registry or the model.
    pub file: String,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Why {
    /// The operating system refused.
    Disk(io::Error),
    /// It is there already and is never written over.
    Exists,
    /// It is not there.
    Missing,
    /// It is there and nobody signed for it.
    Extra,
    /// It is a symbolic link.
    Symlink,
    /// It is neither a file nor a folder, or the other one of both.
    NotAFile,
    /// The path leaves its folder or has a second spelling.
    Climbs,
    /// A name has characters that names here do not have.
    Name,
    /// More bytes than are read.
    TooLarge {
        /// Bytes found or declared.
        bytes: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// More files or lines than are read.
    TooMany {
        /// How many are allowed.
        max: usize,
    },
    /// No signature stands beside the model.
    Unsigned,
    /// The vault refused: the signature, the key, the seal, or bounds of JSON.
    Vault(vault::Error),
    /// Its bytes are not the signed ones.
    Changed {
        /// The signed digest.
        signed: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// It holds the bytes that were signed for another file.
    Swapped {
        /// Whose bytes it holds.
        with: String,
    },
    /// The text is not what it should be.
    Malformed(String),
    /// The manifest is that of another model or version: something older or other was put in its place.
    Replayed {
        /// What the signed manifest says that it is.
        says: String,
    },
    /// The alias was further already, and no rollback says why it went back.
    Older {
        /// Which alias.
        alias: Alias,
        /// What was asked for.
        asked: Version,
        /// The newest version that the alias pointed at.
        latest: Version,
    },
    /// The log does not contain what was once seen in it: its end was cut off or rewritten.
    Forgotten {
        /// The number of the line that was seen.
        seq: u64,
    },
    /// The log is damaged.
    Log(Fault),
    /// The alias points nowhere.
    NoAlias(Alias),
    /// The model is past its date.
    Expired {
        /// Until when it was meant to be used.
        until_s: i64,
        /// The time that was passed in.
        now_s: i64,
    },
    /// The model takes other features than the running ones.
    Schema {
        /// The digest of the running schema.
        running: Digest,
        /// The model's.
        model: Digest,
    },
    /// The model does not answer its golden questions.
    Golden {
        /// Which line of `golden.jsonl`, from 1.
        line: usize,
        /// What the model answered.
        said: f64,
        /// What it should have answered.
        due: f64,
    },
    /// The caller could not parse or ask the model.
    Model(String),
    /// In this state the model may not be used so.
    State {
        /// Its state.
        state: State,
        /// What was wanted.
        wanted: String,
    },
    /// The state machine refused.
    Rollout(Refused),
    /// Evidence says of a measure something else than what is signed.
    Contradicts {
        /// Which measure.
        measure: Measure,
        /// What the evidence says.
        given: f64,
        /// What the manifest, or a check of the signed files, says.
        signed: f64,
    },
    /// A person or a reason is not named.
    NoReason,
}

impl Refusal {
    /// A refusal of one file.
    pub fn new(file: impl Into<String>, why: Why) -> Self {
        Self { file: file.into(), why }
    }

    pub(crate) fn vault(file: &str) -> impl Fn(vault::Error) -> Self + '_ {
        move |error| match error {
            vault::Error::Unsigned => Self::new(file, Why::Unsigned),
            error => Self::new(file, Why::Vault(error)),
        }
    }

    pub(crate) fn disk(file: &str) -> impl Fn(io::Error) -> Self + '_ {
        move |error| Self::new(file, Why::Disk(error))
    }

    pub(crate) fn malformed(file: &str, why: impl fmt::Display) -> Self {
        Self::new(file, Why::Malformed(why.to_string()))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => write!(f, "{error}"),
            Self::Exists => write!(f, "there already; a version never changes: choose a higher one"),
            Self::Missing => write!(f, "missing"),
            Self::Extra => write!(f, "nobody signed for it; remove it or ask where it comes from"),
            Self::Symlink => write!(f, "a symbolic link; links are not followed"),
            Self::NotAFile => write!(f, "not a plain file"),
            Self::Climbs => write!(f, "not a plain path below its folder"),
            Self::Name => write!(f, "not a name: 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit"),
            Self::TooLarge { bytes, max } => write!(f, "{bytes} bytes, more than the {max} that are read"),
            Self::TooMany { max } => write!(f, "more than the {max} that are read"),
            Self::Unsigned => write!(f, "no signature"),
            Self::Vault(error) => write!(f, "{error}"),
            Self::Changed { signed, found } => write!(f, "changed: {signed} was signed, {found} is there"),
            Self::Swapped { with } => write!(f, "holds the bytes of {with}"),
            Self::Malformed(why) | Self::Model(why) => write!(f, "{why}"),
            Self::Replayed { says } => {
                write!(f, "the signed manifest is that of {says}: something was put in its place")
            }
            Self::Older { alias, asked, latest } => {
                write!(f, "{alias} was at {latest} already; {asked} is older and no rollback entry explains it")
            }
            Self::Forgotten { seq } => {
                write!(f, "line {seq} was seen and is not there any more: the log was cut or rewritten")
            }
            Self::Log(fault) => write!(f, "{fault}"),
            Self::NoAlias(alias) => write!(f, "no {alias} was ever promoted"),
            Self::Expired { until_s, now_s } => write!(f, "expired at {until_s} s since 1970 UTC; it is {now_s}"),
            Self::Schema { running, model } => write!(f, "made for the features {model}; {running} run here"),
            Self::Golden { line, said, due } => write!(f, "line {line}: the model answers {said}, not {due}"),
            Self::State { state, wanted } => write!(f, "in state {state}: it cannot be {wanted}"),
            Self::Contradicts { measure, given, signed } => write!(
                f,
                "the evidence says {} is {given}; the signed files say {signed}: leave it out of the evidence",
                measure.name()
            ),
            Self::Rollout(refused) => write!(f, "{refused}"),
            Self::NoReason => write!(f, "who asks, and why, must be said"),
        }
    }
}

impl std::error::Error for Refusal {}
