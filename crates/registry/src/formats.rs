//! Models as other programs write them, made into ours.
//!
//! Bytes come from outside: they are recognised by their content, sizes are bounded before anything is read, and a
//! refusal names the place and what to do. A pickle is a program, not a model, and is never opened.
//!
//! `recognise` which format are these bytes      `error`   what is refused, and where
//! `lightgbm`  `LightGBM`'s text                   `xgboost` `XGBoost`'s JSON
//! `onnx`      nets of a declared subset

pub mod error;
pub mod lightgbm;
pub mod onnx;
pub mod recognise;
pub mod xgboost;

pub use error::{FormatError, FormatFault};
pub use recognise::{Format, recognise};

use models::Forest;

/// The largest file that is looked at, in bytes.
pub const FILE_MAX: usize = 32 << 20;
/// The longest name of a feature, in bytes.
pub const NAME_MAX: usize = 256;

/// A forest out of a foreign file.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedForest {
    /// What the file was.
    pub format: Format,
    /// The forest.
    pub forest: Forest,
    /// The names of the features in the order of a row; empty when the file has none.
    pub names: Vec<String>,
}

/// Makes a forest of the bytes of a `LightGBM` text or an `XGBoost` JSON file.
///
/// # Errors
/// When the bytes are too many, are of no format that holds a forest, contradict their format, or need what a
/// [`Forest`] cannot do; the error names the line or field.
pub fn forest(bytes: &[u8]) -> Result<ImportedForest, FormatError> {
    match recognise(bytes)? {
        Format::LightGbm => lightgbm::read(bytes),
        Format::Xgboost => xgboost::read(bytes),
        Format::Onnx => Err(FormatError::unsupported("a net in ONNX", "load it as a net, not as a forest")),
    }
}

/// Checks the names of features; empty lists are those of files without names.
fn check_names(names: &[String], features: usize, field: &'static str) -> Result<(), FormatError> {
    if !names.is_empty() && names.len() != features {
        return Err(FormatError::at(field, FormatFault::Length { given: names.len(), due: features }));
    }
    match names.iter().find(|name| name.len() > NAME_MAX) {
        Some(name) => Err(FormatError::at(field, FormatFault::LongName(name.len()))),
        None => Ok(()),
    }
}
