//! Is a training worth anything? Every question of signals.md 1.3 and 2.8 asked of rows that nothing was learned from.
//!
//! `spec`    what is a choice                                  `fit`     one fit: trees, calibration, the second model
//! `rules`   the declared family, one trade at a time          `nulls`   what no skill would have earned
//! `quality` order, skill, calibration                         `sound`   can it be judged at all: look-ahead, warm-up
//! `again`   the same rows from the ticks, at other latencies  `judge`   evidence, marks, verdict
//! `run`     all of it, in stages that a kill leaves finished  `figures` what is written
//!
//! Three answers from three ways of leaving rows out, each purged and with an embargo. Purged k-fold says how good the
//! probabilities are. The walk forward trains at the cadence of production on labels that were known by then; the family of
//! rules is traded on it, and the verdict is about that. Combinatorial cross-validation gives the chosen rule's Sharpe ratio
//! on many paths. What lies beyond the training's cut is the lockbox: no figure here looks at it.

pub mod again;
pub mod figures;
pub mod fit;
mod judge;
pub mod nulls;
pub mod quality;
pub mod rules;
mod run;
pub mod sound;
pub mod spec;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

pub use run::{Asking, validate};

/// The file in a training's folder that says what it was made from.
pub const ORIGIN: &str = "origin.json";
/// The folder in a training's folder where a validation keeps its stages.
pub const FOLDER: &str = "validation";

/// What a training was made from, beside its report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The dataset's path, as it was given.
    pub dataset: PathBuf,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// The ledger's path, as it was given or found.
    pub ledger: PathBuf,
}

impl Origin {
    /// Writes it into a training's folder.
    ///
    /// # Errors
    /// [`Fault::File`].
    pub fn write(&self, training: &Path) -> Result<(), Fault> {
        let path = training.join(ORIGIN);
        let text = serde_json::to_vec_pretty(self).map_err(|error| Fault::file(&path, &error))?;
        crate::train::stages::replace(&path, &text)
    }

    /// Reads it from a training's folder.
    ///
    /// # Errors
    /// [`Fault::Content`] when there is none or it is not one.
    pub fn read(training: &Path) -> Result<Self, Fault> {
        let path = training.join(ORIGIN);
        let what = |error: &dyn std::fmt::Display| {
            Fault::content(&path, &format!("{error}; is this the --out of a training by this version? train again"))
        };
        if training.join("adoption.json").exists() {
            let why = "was trained elsewhere: nobody here can train it anew. Put it on trial beside the champion \
                       (backtest --challenger)";
            return Err(Fault::content(training, &why));
        }
        let bytes = std::fs::read(&path).map_err(|error| what(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| what(&error))
    }
}

#[cfg(test)]
pub(crate) mod tests;
