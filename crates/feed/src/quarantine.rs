//! Where rejected records are kept: JSON Lines, one object per record, written as they come.

use std::io::{self, BufWriter, Write};

use serde::{Deserialize, Serialize};

use crate::error::Place;

/// A rejected record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The file it came from.
    pub file: String,
    /// Where it stands: `{"line": 7}`, `{"offset": 1480}` or `{"row": 3}`.
    pub at: Place,
    /// The doubt that rejected it.
    pub reason: String,
    /// Which part of it, when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The record as it stands in the file; binary records in hexadecimal.
    pub raw: String,
    /// Whether bytes of `raw` that are not UTF-8 were replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lossy: bool,
}

/// Bytes as hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

/// The file of rejected records.
pub struct Quarantine {
    out: BufWriter<Box<dyn Write + Send>>,
    written: u64,
}

impl Quarantine {
    /// Keeps rejections in a writer.
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out: BufWriter::with_capacity(64 << 10, out), written: 0 }
    }

    /// How many records were kept.
    pub const fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn keep(&mut self, rejection: &Rejection) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, rejection)?;
        self.out.write_all(b"\n")?;
        self.written += 1;
        Ok(())
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
