//! How far a stage is. Whoever is told decides what to draw, and may ask to stop.

use crate::fault::Fault;

/// Hears how far the work is.
pub trait Progress: Sync {
    /// `done` of `total` units of a stage are done; `total` is 0 while it is unknown. Answers whether to go on.
    fn at(&self, stage: &str, done: u64, total: u64) -> bool;
}

/// Looks away.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

impl Progress for Quiet {
    fn at(&self, _: &str, _: u64, _: u64) -> bool {
        true
    }
}

/// Tells, and turns a wish to stop into a fault.
///
/// # Errors
/// [`Fault::Stopped`].
pub(crate) fn tell(progress: &dyn Progress, stage: &str, done: u64, total: u64) -> Result<(), Fault> {
    if progress.at(stage, done, total) { Ok(()) } else { Err(Fault::Stopped) }
}
