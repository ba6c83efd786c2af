//! What is refused in a foreign file, and where.

use super::{FILE_MAX, NAME_MAX};
use models::ForestError;
use std::fmt;

/// A refusal with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct FormatError {
    /// The line (`line 17`) or the field (`trees[3].split_conditions`); empty when the whole file is concerned.
    pub place: String,
    /// What is wrong.
    pub fault: FormatFault,
}

/// What is wrong with a foreign file.
#[derive(Debug, Clone, PartialEq)]
pub enum FormatFault {
    /// More than [`FILE_MAX`] bytes.
    TooLarge(usize),
    /// No format that we know begins like this.
    Unknown,
    /// A pickle, or what usually wraps one: what it is.
    Pickle(&'static str),
    /// Something known that we do not read: what it is, and what to do instead.
    Unsupported(String, &'static str),
    /// A field that should be there: its name.
    Missing(&'static str),
    /// A field that stands there twice.
    Twice,
    /// A value that cannot be read: the text (shortened), and what it should be.
    Value(String, &'static str),
    /// A list of another length.
    Length {
        /// How long it is.
        given: usize,
        /// How long it should be.
        due: usize,
    },
    /// A name of more than [`NAME_MAX`] bytes.
    LongName(usize),
    /// The bytes contradict their own format.
    Corrupt(String),
    /// The trees are not those of a forest.
    Forest(ForestError),
}

impl FormatError {
    /// A fault of the whole file.
    pub(super) const fn whole(fault: FormatFault) -> Self {
        Self { place: String::new(), fault }
    }

    /// A fault of a line or a field.
    pub(super) fn at(place: impl Into<String>, fault: FormatFault) -> Self {
        Self { place: place.into(), fault }
    }

    /// Something known that we do not read.
    pub(super) fn unsupported(what: impl Into<String>, instead: &'static str) -> Self {
        Self::whole(FormatFault::Unsupported(what.into(), instead))
    }

    /// The same fault, at this place.
    pub(super) fn placed(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }
}

/// The beginning of a foreign text, without anything that a terminal would obey.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        short.push_str("...");
    }
    short
}

impl From<ForestError> for FormatError {
    fn from(error: ForestError) -> Self {
        Self::whole(FormatFault::Forest(error))
    }
}

impl fmt::Display for FormatFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(bytes) => write!(f, "{bytes} bytes; at most {FILE_MAX} are read: train a smaller model"),
            Self::Unknown => f.write_str(
                "no format that we read begins like this: save a LightGBM text (save_model), an XGBoost JSON \
                 (save_model(\"model.json\")) or an ONNX file",
            ),
            Self::Pickle(what) => write!(
                f,
                "this is {what}: opening a pickle runs whatever program is in it, so it is never opened; load it where \
                 you trust it and save the model as LightGBM text, XGBoost JSON or ONNX"
            ),
            Self::Unsupported(what, instead) => write!(f, "{what} is not supported: {instead}"),
            Self::Missing(field) => write!(f, "{field} is missing"),
            Self::Twice => f.write_str("this field stands there twice"),
            Self::Value(text, due) => write!(f, "'{text}' is not {due}"),
            Self::Length { given, due } => write!(f, "{given} values where {due} are due"),
            Self::LongName(bytes) => write!(f, "a name of {bytes} bytes; at most {NAME_MAX} are possible"),
            Self::Corrupt(why) => write!(f, "the file contradicts its format: {why}"),
            Self::Forest(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        self.fault.fmt(f)
    }
}

impl std::error::Error for FormatError {}
