//! Memory: a bound on the process, and an estimate that refuses before anything is begun.

use std::path::Path;

use learn::dataset::read::{Columns, Dataset};

use crate::Failure;
use crate::learn::failed;

/// What building a dataset takes: it streams, whatever the ticks are.
pub(crate) const DATASET: u64 = 512 << 20;

/// What any command takes: code, buffers, the reader of columns.
const BASE: u64 = 256 << 20;
/// Address space of a thread: its stack and what the allocator sets aside for it.
const THREAD: u64 = 72 << 20;
/// A row while it is learned from: its bins, a few columns as numbers, labels, scores and gradients.
const ROW: u64 = 600;

/// What learning from a dataset takes, in bytes.
pub(crate) fn of_dataset(path: &Path, threads: usize) -> Result<u64, Failure> {
    let rows = Dataset::open(path).map_err(failed)?.rows() as u64;
    Ok(BASE + THREAD * threads as u64 + ROW * rows)
}

/// Reads a size: `2GiB`, `500MB`, `1048576`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}

/// Bounds the address space of this process, when that is asked. Refuses when what is about to be done needs more.
pub(crate) fn bound(asked: Option<&str>, needed: u64) -> Result<(), Failure> {
    let Some(text) = asked else { return Ok(()) };
    let bytes = size(text).ok_or_else(|| Failure::Usage(format!("--memory {text}: write 2GiB or 500MB")))?;
    if needed > bytes {
        let mib = needed.div_ceil(1 << 20);
        return Err(Failure::Usage(format!(
            "--memory {text} is too little: about {mib} MiB are needed (--memory {mib}MiB)"
        )));
    }
    let (_, hard) = rlimit::Resource::AS.get().map_err(|error| Failure::Output(format!("--memory: {error}")))?;
    rlimit::Resource::AS.set(bytes.min(hard), hard).map_err(|error| Failure::Output(format!("--memory: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!((size("2GiB"), size("500MB"), size("7")), (Some(2 << 30), Some(500_000_000), Some(7)));
        for bad in ["", "GiB", "2 GiB", "-1MB", "0", "99999999999GiB", "1TiBs"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }
}
