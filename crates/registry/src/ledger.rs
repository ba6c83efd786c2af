//! An append-only log of chained lines in a store: the aliases' history, the trials.

use serde::Serialize;
use serde::de::DeserializeOwned;
use vault::json;

use crate::chain::{self, Head, LINE_BYTES_MAX, Lines, Verified, What};
use crate::error::{Refusal, Why};
use crate::store::Store;

/// Largest log that is read, in bytes.
pub const LOG_BYTES_MAX: u64 = 256 << 20;
const DEPTH_MAX: usize = 16;

/// The file of the trials: every fit or backtest that was ever run.
pub const TRIALS: &str = "trials.log";

/// A chained log. Its name is its path, and goes into the first hash. Writers of any number of processes take turns.
pub struct Ledger<'a> {
    store: &'a dyn Store,
    path: String,
}

impl<'a> Ledger<'a> {
    /// The log at a path of the store; it need not be there yet.
    pub fn new(store: &'a dyn Store, path: impl Into<String>) -> Self {
        Self { store, path: path.into() }
    }

    fn bytes(&self) -> Result<Vec<u8>, Refusal> {
        Ok(self.store.read(&self.path, LOG_BYTES_MAX)?.unwrap_or_default())
    }

    /// Appends one entry, and answers its head when it is safe on the disk. Only the last line is checked before: `verify`
    /// checks them all.
    ///
    /// # Errors
    /// `Log` when the last line is bad, `TooLarge` for an entry beyond 64 KiB, `Disk`.
    pub fn append(&self, entry: &impl Serialize) -> Result<Head, Refusal> {
        let mut added = Head::empty(&self.path);
        self.store.append(&self.path, LOG_BYTES_MAX, &mut |bytes| {
            let (text, head) = self.line(self.last(bytes)?, entry)?;
            added = head;
            Ok(text.into_bytes())
        })?;
        Ok(added)
    }

    /// Appends the entries that `decide` answers to those that are there; nobody writes in between. The whole log is
    /// verified first.
    ///
    /// # Errors
    /// What `decide` refuses; `Log`, `TooLarge`, `Disk`.
    pub fn append_with<T: Serialize + DeserializeOwned>(
        &self,
        mut decide: impl FnMut(&[T]) -> Result<Vec<T>, Refusal>,
    ) -> Result<Head, Refusal> {
        let mut last = Head::empty(&self.path);
        self.store.append(&self.path, LOG_BYTES_MAX, &mut |bytes| {
            let (entries, head): (Vec<T>, _) = self.parse(bytes)?;
            last = head;
            let mut text = String::new();
            for entry in decide(&entries)? {
                let (line, head) = self.line(last, &entry)?;
                text.push_str(&line);
                last = head;
            }
            Ok(text.into_bytes())
        })?;
        Ok(last)
    }

    /// Every entry, oldest first, and the head, after the whole log was verified.
    ///
    /// # Errors
    /// `Log` with the first bad line; `TooLarge`, `Disk`.
    pub fn entries<T: DeserializeOwned>(&self) -> Result<(Vec<T>, Head), Refusal> {
        self.parse(&self.bytes()?)
    }

    /// Verifies the whole log. With a head that was seen before, also that it still contains that line.
    ///
    /// # Errors
    /// `Log` with the first bad line; `Forgotten`; `TooLarge`, `Disk`.
    pub fn verify(&self, seen: Option<Head>) -> Result<Verified, Refusal> {
        let bytes = self.bytes()?;
        let found = chain::verify(&self.path, &bytes).map_err(|fault| Refusal::new(&self.path, Why::Log(fault)))?;
        let Some(seen) = seen else { return Ok(found) };
        let mut heads = Lines::new(&self.path, &bytes).flatten().map(|line| line.head);
        if seen == Head::empty(&self.path) || heads.any(|head| head == seen) {
            return Ok(found);
        }
        Err(Refusal::new(&self.path, Why::Forgotten { seq: seen.seq }))
    }

    fn parse<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<(Vec<T>, Head), Refusal> {
        let fault = |fault| Refusal::new(&self.path, Why::Log(fault));
        let mut entries = Vec::new();
        let mut lines = Lines::new(&self.path, bytes);
        for line in lines.by_ref() {
            let line = line.map_err(fault)?;
            let entry = json::parse("entry", line.body.as_bytes(), LINE_BYTES_MAX as u64, DEPTH_MAX);
            entries.push(entry.map_err(|_| fault(chain::Fault { line: line.head.seq, what: What::Body }))?);
        }
        Ok((entries, lines.head()))
    }

    /// The head of the last line, found without reading the lines before it.
    fn last(&self, bytes: &[u8]) -> Result<Head, Refusal> {
        let Some(body) = bytes.strip_suffix(b"\n") else { return Ok(Head::empty(&self.path)) };
        let start = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        chain::last(&self.path, &bytes[start..], start == 0).map_err(|fault| Refusal::new(&self.path, Why::Log(fault)))
    }

    fn line(&self, after: Head, entry: &impl Serialize) -> Result<(String, Head), Refusal> {
        let body = serde_json::to_string(entry).map_err(|error| Refusal::malformed(&self.path, error))?;
        let (text, head) = chain::line(after, &body);
        if text.len() > LINE_BYTES_MAX || !body.starts_with('{') {
            let (bytes, max) = (text.len() as u64, LINE_BYTES_MAX as u64);
            return Err(Refusal::new(&self.path, Why::TooLarge { bytes, max }));
        }
        Ok((text, head))
    }
}
