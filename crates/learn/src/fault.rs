//! What went wrong, where, and what to do about it.

use std::fmt::{self, Display};
use std::path::Path;

/// Why a dataset or a model was not made.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// A file or folder could not be read or written: its name and what the system says.
    File(String, String),
    /// A file is not what it should be: its name, and what is wrong with it.
    Content(String, String),
    /// The ticks cannot be read.
    Feed(feed::FeedError),
    /// What was asked for makes no sense: which part, and what would.
    Asked(&'static str, String),
    /// There is too little of something to learn from: what, how many there are, how many are needed.
    TooLittle(&'static str, usize, usize),
    /// Whoever watches the progress said stop.
    Stopped,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name, what) | Self::Content(name, what) => write!(f, "{name}: {what}"),
            Self::Feed(error) => write!(f, "{error}"),
            Self::Asked(part, what) => write!(f, "{part}: {what}"),
            Self::TooLittle(what, found, needed) => {
                write!(f, "{found} {what} are too few, {needed} are needed: use more days or a shorter horizon")
            }
            Self::Stopped => f.write_str("stopped before it was finished; the same command goes on from there"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<feed::FeedError> for Fault {
    fn from(error: feed::FeedError) -> Self {
        Self::Feed(error)
    }
}

impl Fault {
    /// A file that the system would not let us use.
    pub fn file(path: &Path, error: &impl Display) -> Self {
        Self::File(path.display().to_string(), error.to_string())
    }

    /// A file whose content cannot be used.
    pub fn content(path: &Path, what: &impl Display) -> Self {
        Self::Content(path.display().to_string(), what.to_string())
    }
}
