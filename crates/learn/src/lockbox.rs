//! The lockbox: the last part of the history, which is looked at once.
//!
//! Opening it is a line in the trial ledger, with the digests of the configuration and model that are judged: they are
//! fixed before anything of the period is seen. Opening it again, or another that overlaps it, is allowed, but it is
//! said, and counted as one more trial. Source: signals.md 2.8, point 3.

use crate::ledger::{Contents, Kind, Ledger, LedgerFault, Trial};
use crate::split::Life;

/// A period that is kept for the end, both nanoseconds included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockbox {
    /// Its first nanosecond.
    pub from: i64,
    /// Its last nanosecond.
    pub to: i64,
}

/// What is judged on it, fixed before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Digest of the configuration.
    pub config: String,
    /// Digests of the data and of the model.
    pub data: Vec<String>,
    /// The commit of the code.
    pub code: String,
    /// The seed.
    pub seed: u64,
    /// The ledger's hash of the fit, when there is one.
    pub parent: Option<String>,
}

/// That it was opened: the only thing that lets through what lies in the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    lockbox: Lockbox,
    /// How often it, or what overlaps it, had been opened before.
    pub before: u64,
    /// The hash of its line in the ledger.
    pub hash: String,
    /// The number of trials that a result on it must be judged by.
    pub trials: u64,
}

impl Lockbox {
    /// The last `share` (above 0, below 1) of the time from the first start to the last start of these lives; `None` of no
    /// life or of a share out of its range.
    pub fn last_part(lives: &[Life], share: f64) -> Option<Self> {
        let (first, last) = (lives.iter().map(|life| life.start).min()?, lives.iter().map(|life| life.start).max()?);
        let span = i128::from(last) - i128::from(first);
        let kept = (span as f64 * share) as i128;
        let from = i64::try_from(i128::from(last) - kept).ok()?;
        (share > 0.0 && share < 1.0).then_some(Self { from, to: i64::MAX })
    }

    /// Whether a life reaches into the period: nobody learns or chooses by such a sample.
    pub const fn holds(&self, life: Life) -> bool {
        life.start <= self.to && life.end >= self.from
    }

    /// The places of the samples that may be learned from: whole lives outside the period.
    pub fn outside(&self, lives: &[Life]) -> Vec<usize> {
        (0..lives.len()).filter(|i| !self.holds(lives[*i])).collect()
    }

    /// How often this or an overlapping period was opened so far.
    pub fn openings(&self, contents: &Contents) -> u64 {
        let overlaps = |(from, to): (i64, i64)| from <= self.to && to >= self.from;
        let opened = |trial: &Trial| matches!(trial.kind, Kind::Lockbox | Kind::LockboxAgain);
        contents.trials.iter().filter(|(_, trial)| opened(trial) && trial.period.is_some_and(overlaps)).count() as u64
    }

    /// Opens it for a candidate at a time of the caller's clock. The line is on disk before anything can be read.
    ///
    /// # Errors
    /// As [`Ledger::append`]: then it stays closed.
    pub fn open(&self, ledger: &Ledger, candidate: &Candidate, time: i64) -> Result<Opened, LedgerFault> {
        let make = |contents: &Contents| {
            let before = self.openings(contents);
            Trial {
                kind: if before == 0 { Kind::Lockbox } else { Kind::LockboxAgain },
                time,
                config: candidate.config.clone(),
                data: candidate.data.clone(),
                code: candidate.code.clone(),
                seed: candidate.seed,
                sharpe_day: None,
                expectancy_pips: None,
                n: before + 1,
                parent: candidate.parent.clone(),
                period: Some((self.from, self.to)),
                note: String::new(),
            }
        };
        let (appended, contents) = ledger.append_with(make)?;
        let before = self.openings(&contents);
        let trials = contents.count() + u64::from(before > 0);
        Ok(Opened { lockbox: *self, before, hash: appended.hash, trials })
    }
}

impl Opened {
    /// The places of the samples whose whole lives are in the period: what the candidate is judged on.
    pub fn inside(&self, lives: &[Life]) -> Vec<usize> {
        let Lockbox { from, to } = self.lockbox;
        (0..lives.len()).filter(|i| lives[*i].start >= from && lives[*i].end <= to).collect()
    }

    /// What a reader must be told; `None` the first time.
    pub fn warning(&self) -> Option<String> {
        (self.before > 0).then(|| {
            let (before, trials) = (self.before, self.trials);
            format!("the lockbox had been opened {before} times before; this look is counted as one of {trials} trials")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::digest;

    fn candidate(seed: u64) -> Candidate {
        Candidate { config: digest(b"c"), data: vec![digest(b"m")], code: "c1740fa".into(), seed, parent: None }
    }

    #[test]
    fn the_first_opening_is_free_and_the_second_is_said_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::at(folder.path().join("trials.log"));
        ledger.append(&crate::ledger::tests::trial(1, Some(0.1))).unwrap();
        let lockbox = Lockbox { from: 100, to: 200 };
        let first = lockbox.open(&ledger, &candidate(1), 1).unwrap();
        assert_eq!((first.before, first.trials, first.warning()), (0, 1, None));
        let other = Lockbox { from: 201, to: 300 }.open(&ledger, &candidate(1), 2).unwrap();
        assert_eq!((other.before, other.trials), (0, 1), "another period");
        // Under other edges it is the same secret.
        let second = Lockbox { from: 150, to: 160 }.open(&ledger, &candidate(2), 3).unwrap();
        assert_eq!((second.before, second.trials), (1, 2));
        assert!(second.warning().unwrap().contains("opened 1 times before"));
        let both = Lockbox { from: 0, to: 1_000 }.open(&ledger, &candidate(2), 4).unwrap();
        assert_eq!((both.before, both.trials), (3, 3));
        let contents = ledger.read().unwrap();
        assert_eq!((contents.count(), contents.trials.len()), (3, 5));
        assert_eq!(contents.trials[3].1.kind, Kind::LockboxAgain);
    }

    #[test]
    fn nothing_reaches_in_and_only_whole_lives_are_judged() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::at(folder.path().join("trials.log"));
        let lives: Vec<Life> = (0..10).map(|i| Life { start: 10 * i, end: 10 * i + 12 }).collect();
        let lockbox = Lockbox { from: 50, to: 80 };
        assert_eq!(lockbox.outside(&lives), [0, 1, 2, 3, 9]);
        assert_eq!(lockbox.open(&ledger, &candidate(1), 1).unwrap().inside(&lives), [5, 6]);
        let last = Lockbox::last_part(&lives, 0.2).unwrap();
        assert_eq!((last.from, last.outside(&lives).len()), (72, 6));
        assert_eq!(Lockbox::last_part(&[], 0.2), None);
        assert_eq!(Lockbox::last_part(&lives, f64::NAN), None);
    }

    #[test]
    fn it_stays_closed_when_the_ledger_cannot_be_written() {
        let nowhere = Ledger::at("/nonexistent/trials.log");
        assert!(Lockbox { from: 0, to: 1 }.open(&nowhere, &candidate(1), 1).is_err());
    }
}
