//! The trial ledger: one line for every fit and backtest, written by the program, never by a person.
//!
//! How good the best of N trials looks depends on N, so N must be counted where it cannot be forgotten. Each line is
//! a line of [`registry::chain`], whose body is the trial. A changed, swapped, doubled or missing line is found and named;
//! lines cut from the end are found only by a head that was kept elsewhere. A line is appended under an exclusive lock and
//! is on disk before `append` answers. What a crash tore off is cut and kept aside.
//!
//! `first`  the form that lines had at first, still read where a ledger begins with it

mod first;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use registry::chain::{self, Head, Lines, What};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The file's usual name.
pub const NAME: &str = "trials.log";

/// Longest line in bytes.
pub const LINE_MAX: usize = chain::LINE_BYTES_MAX;

/// Largest file that is read.
pub const FILE_MAX: u64 = 1 << 30;

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A model was fitted, with this configuration.
    Fit,
    /// A strategy was run on data.
    Backtest,
    /// A lockbox was opened for the first time: what is judged was counted when it was fitted.
    Lockbox,
    /// A lockbox was opened again: one more look, counted as a trial.
    LockboxAgain,
}

impl Kind {
    /// Whether it adds to the number of trials.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Lockbox)
    }
}

/// One trial. Digests are SHA-256 in hexadecimal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// What was done.
    pub kind: Kind,
    /// When, in nanoseconds since 1970 UTC, by the caller's clock.
    pub time: i64,
    /// Digest of the configuration.
    pub config: String,
    /// Digests of the data, in order.
    pub data: Vec<String>,
    /// The commit of the code.
    pub code: String,
    /// The seed.
    pub seed: u64,
    /// Sharpe ratio per day of what came out, when there is one.
    pub sharpe_day: Option<f64>,
    /// Mean net pips a trade, when there were trades.
    pub expectancy_pips: Option<f64>,
    /// How many trades, or rows of a fit.
    pub n: u64,
    /// The hash of the ledger's line that this follows from: a backtest from its fit.
    pub parent: Option<String>,
    /// The first and last nanosecond of the period looked at: of a lockbox, what it guards.
    pub period: Option<(i64, i64)>,
    /// A name or a remark, at most 1,000 bytes.
    pub note: String,
}

/// Why the ledger cannot be read or written.
#[derive(Debug)]
pub enum LedgerFault {
    /// The file system refused.
    Io {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Its answer.
        error: std::io::Error,
    },
    /// A line is not what was written there. Nothing after it can be trusted.
    Bad {
        /// Which file.
        path: PathBuf,
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The trial cannot be written as it is.
    Refused(&'static str),
}

impl fmt::Display for LedgerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, what, error } => write!(f, "{}: cannot {what}: {error}", path.display()),
            Self::Bad { path, line, why } => {
                let path = path.display();
                write!(f, "{path}: line {line} {why}; restore the file from a copy, it is not to be edited")
            }
            Self::Refused(why) => write!(f, "the trial is not written: {why}"),
        }
    }
}

impl std::error::Error for LedgerFault {}

/// What the ledger says, read from its first line to its last.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// The trials with the hashes of their lines, in order.
    pub trials: Vec<(String, Trial)>,
    /// Bytes after the last whole line: what a crash left. The next `append` cuts them off.
    pub torn: u64,
}

impl Contents {
    /// The hash of the last line; zeros without one. Kept elsewhere, it shows that nothing was cut off.
    pub fn head(&self) -> &str {
        self.trials.last().map_or(ZEROS, |(hash, _)| hash.as_str())
    }

    /// What the next line hangs on.
    fn last(&self) -> Head {
        let last = self.trials.last().and_then(|(hash, _)| Head::of(self.trials.len() as u64, hash));
        last.unwrap_or_else(|| Head::empty(NAME))
    }

    /// The number of trials: N of the deflated Sharpe ratio.
    pub fn count(&self) -> u64 {
        self.trials.iter().filter(|(_, trial)| trial.kind.counts()).count() as u64
    }

    /// The variance (n - 1) of the trials' Sharpe ratios per day; `None` with fewer than two that have one. The same
    /// configuration, data, code and seed run again gives the same ratio and is taken once: repetition is not agreement.
    pub fn sharpe_variance(&self) -> Option<f64> {
        let mut seen = std::collections::BTreeSet::new();
        let ratios: Vec<f64> = self
            .trials
            .iter()
            .filter(|(_, trial)| trial.kind.counts())
            .filter_map(|(_, t)| Some((t.sharpe_day?, (&t.config, &t.data, &t.code, t.seed, t.kind))))
            .filter(|(_, what)| seen.insert(*what))
            .map(|(sharpe, _)| sharpe)
            .collect();
        let n = ratios.len() as f64;
        let mean = ratios.iter().sum::<f64>() / n;
        let squares: f64 = ratios.iter().map(|r| (r - mean) * (r - mean)).sum();
        (ratios.len() > 1).then(|| squares / (n - 1.0))
    }
}

/// What `append` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The hash of the new line: the new head, and a name for the trial.
    pub hash: String,
    /// Where the bytes of a torn last line were put aside, when there were any.
    pub aside: Option<PathBuf>,
}

/// A trial ledger on disk.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
}

impl Ledger {
    /// The ledger at a path; the file appears with the first trial.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and verifies every line. A file that does not exist is an empty ledger.
    ///
    /// # Errors
    /// The first bad line by its number, or what the file system said.
    pub fn read(&self) -> Result<Contents, LedgerFault> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Contents { trials: Vec::new(), torn: 0 });
            }
            opened => opened.map_err(self.io("open it"))?,
        };
        file.lock_shared().map_err(self.io("lock it"))?;
        self.read_from(&mut file)
    }

    fn read_from(&self, file: &mut File) -> Result<Contents, LedgerFault> {
        let length = file.metadata().map_err(self.io("read its size"))?.len();
        if length > FILE_MAX {
            return Err(LedgerFault::Refused("the ledger is larger than 1 GiB"));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.read_to_end(&mut bytes).map_err(self.io("read it"))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut contents = Contents { trials: Vec::new(), torn: (bytes.len() - whole) as u64 };
        let bad = |line, why| LedgerFault::Bad { path: self.path.clone(), line, why };
        let mut rest = &bytes[..whole];
        while let Some((line, after)) = first::line(rest) {
            let read = first::parse(line, contents.head());
            contents.trials.push(read.map_err(|why| bad(contents.trials.len() as u64 + 1, why))?);
            rest = after;
        }
        for line in Lines::after(contents.last(), rest) {
            let line = line.map_err(|fault| bad(fault.line, said(fault.what)))?;
            let trial = serde_json::from_str(line.body);
            let trial = trial.map_err(|_| bad(line.head.seq, said(What::Body)))?;
            contents.trials.push((line.head.hash.to_string(), trial));
        }
        Ok(contents)
    }

    /// Verifies the whole chain and that `head`, kept elsewhere, is still in it.
    ///
    /// # Errors
    /// As [`Self::read`]; or the line after the last, when the head is not in the chain: lines were cut off.
    pub fn verify(&self, head: Option<&str>) -> Result<Contents, LedgerFault> {
        let contents = self.read()?;
        match head {
            Some(head) if head != ZEROS && !contents.trials.iter().any(|(hash, _)| hash == head) => {
                let line = contents.trials.len() as u64 + 1;
                let why = "is missing: the head that was kept is not in the chain";
                Err(LedgerFault::Bad { path: self.path.clone(), line, why })
            }
            _ => Ok(contents),
        }
    }

    /// Verifies the chain, appends a trial and waits until it is on disk. Other processes wait for the lock.
    ///
    /// # Errors
    /// A trial that cannot be written, a bad line before it, or what the file system said; then nothing was appended.
    pub fn append(&self, trial: &Trial) -> Result<Appended, LedgerFault> {
        self.append_with(|_| trial.clone()).map(|(appended, _)| appended)
    }

    /// Appends the trial that `make` makes of what the ledger says under the lock: nothing can come between.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub(crate) fn append_with(
        &self,
        make: impl FnOnce(&Contents) -> Trial,
    ) -> Result<(Appended, Contents), LedgerFault> {
        let new = !self.path.exists();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&self.path).map_err(self.io("open it"))?;
        file.lock().map_err(self.io("lock it"))?;
        let contents = self.read_from(&mut file)?;
        let trial = make(&contents);
        let (line, hash) = line(&trial, contents.last())?;
        let aside = if contents.torn > 0 { Some(self.cut(&mut file, contents.torn)?) } else { None };
        file.seek(SeekFrom::End(0)).map_err(self.io("find its end"))?;
        file.write_all(line.as_bytes()).map_err(self.io("append to it"))?;
        file.sync_all().map_err(self.io("sync it"))?;
        if new {
            self.sync_folder()?;
        }
        Ok((Appended { hash, aside }, contents))
    }

    /// Puts the bytes of the torn last line aside, then cuts them off.
    fn cut(&self, file: &mut File, torn: u64) -> Result<PathBuf, LedgerFault> {
        let length = file.metadata().map_err(self.io("read its size"))?.len();
        let whole = length.saturating_sub(torn);
        let mut rest = Vec::new();
        file.seek(SeekFrom::Start(whole)).map_err(self.io("find its torn line"))?;
        file.read_to_end(&mut rest).map_err(self.io("read its torn line"))?;
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".torn-{whole}"));
        let aside = PathBuf::from(name);
        let mut kept =
            OpenOptions::new().create(true).append(true).open(&aside).map_err(self.io("keep its torn line"))?;
        kept.write_all(&rest).and_then(|()| kept.sync_all()).map_err(self.io("keep its torn line"))?;
        file.set_len(whole).map_err(self.io("cut its torn line"))?;
        Ok(aside)
    }

    fn sync_folder(&self) -> Result<(), LedgerFault> {
        let folder = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(self.io("sync its folder"))
    }

    fn io(&self, what: &'static str) -> impl Fn(std::io::Error) -> LedgerFault {
        move |error| LedgerFault::Io { path: self.path.clone(), what, error }
    }
}

/// The digest of a text or file's bytes as the ledger wants it.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A trial as a line after another, with its hash.
fn line(trial: &Trial, after: Head) -> Result<(String, String), LedgerFault> {
    if [trial.sharpe_day, trial.expectancy_pips].iter().flatten().any(|x| !x.is_finite()) {
        return Err(LedgerFault::Refused("a figure is not finite; leave it out"));
    }
    if trial.note.len() > 1_000 {
        return Err(LedgerFault::Refused("the note is longer than 1,000 bytes"));
    }
    let body = serde_json::to_string(trial).map_err(|_| LedgerFault::Refused("it is no JSON"))?;
    let (line, head) = chain::line(after, &body);
    if line.len() > LINE_MAX {
        return Err(LedgerFault::Refused("the line is longer than 64 KiB; name fewer data files"));
    }
    Ok((line, head.hash.to_string()))
}

/// What is wrong with a line, after its number.
fn said(what: What) -> &'static str {
    match what {
        What::Form => "has not the shape of a line of the ledger",
        What::Number { .. } => "has another number than its place: lines were removed, doubled or moved",
        What::Previous => "does not follow from the line before it",
        What::Hash => "was changed after it was written",
        What::Body => "holds a trial that this version does not know",
    }
}

#[cfg(test)]
pub(crate) mod tests;
