//! What is a choice about a validation, declared before anything is looked at.

use market::Span;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::split::{GROUPS_MAX, Window};

/// A validation. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidateSpec {
    /// What is drawn is drawn from this.
    pub seed: u64,
    /// Groups of combinatorial cross-validation, 3 to 64.
    pub groups: usize,
    /// How many of them are the test of a split, at least 1 and fewer than `groups`.
    pub tests: usize,
    /// From one training to the next in the walk forward: the cadence of production.
    pub cadence_ms: i64,
    /// The share of the development time before the first test of the walk forward, 0.1 to 0.9.
    pub first: f64,
    /// How far back a training of the walk forward looks; everything when absent.
    pub rolling_ms: Option<i64>,
    /// What a training and its deployment take: labels known later are not learned from.
    pub gap_ms: i64,
    /// Latencies at which the chosen rule is looked at again.
    pub latencies_ms: Vec<i64>,
    /// Multiples of the costs at which it is looked at again.
    pub costs: Vec<f64>,
    /// Draws of each random null model.
    pub paths: u64,
    /// Pieces of the ticks in which look-ahead is searched.
    pub pieces: usize,
    /// Records of a piece.
    pub records: usize,
    /// Places in a piece where the ticks are cut off.
    pub cuts: usize,
}

impl ValidateSpec {
    /// What is used when nothing is said: 45 splits, 9 paths, a training a day.
    pub fn usual(seed: u64) -> Self {
        Self {
            seed,
            groups: 10,
            tests: 2,
            cadence_ms: Span::DAY.as_millis(),
            first: 0.4,
            rolling_ms: None,
            gap_ms: 60_000,
            latencies_ms: vec![20, 100, 250],
            costs: vec![1.0, 1.5, 2.0],
            paths: 20,
            pieces: 4,
            records: 12_000,
            cuts: 12,
        }
    }

    pub(crate) const fn window(&self) -> Window {
        match self.rolling_ms {
            Some(millis) => Window::Rolling(Span::from_millis(millis).0),
            None => Window::Expanding,
        }
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`Fault::Asked`] with the first part that does not.
    pub fn check(&self) -> Result<(), Fault> {
        let year = Span::DAY.as_millis() * 366;
        let times =
            |times: &[i64]| !times.is_empty() && times.len() <= 16 && times.iter().all(|t| (0..=60_000).contains(t));
        let costs = |costs: &[f64]| costs.len() <= 16 && costs.iter().all(|x| (0.0..=100.0).contains(x));
        let checks = [
            ("groups", (3..=GROUPS_MAX).contains(&self.groups), "must be 3 to 64"),
            ("tests", (1..self.groups).contains(&self.tests), "must be at least 1 and fewer than the groups"),
            ("cadence", (1_000..=year).contains(&self.cadence_ms), "must be a second to a year"),
            ("first", (0.1..=0.9).contains(&self.first), "must be 0.1 to 0.9"),
            (
                "rolling",
                self.rolling_ms.is_none_or(|t| (1_000..=100 * year).contains(&t)),
                "must be a second to a century",
            ),
            ("gap", (0..=year).contains(&self.gap_ms), "must be zero to a year"),
            ("latencies", times(&self.latencies_ms), "must be 1 to 16 of zero to a minute"),
            ("costs", costs(&self.costs) && self.costs.contains(&1.5), "must be at most 16 of 0 to 100, and have 1.5"),
            ("paths", (1..=1_000).contains(&self.paths), "must be 1 to 1,000"),
            ("pieces", (1..=100).contains(&self.pieces), "must be 1 to 100"),
            ("records", (1_000..=1_000_000).contains(&self.records), "must be 1,000 to 1,000,000"),
            ("cuts", (1..=1_000).contains(&self.cuts), "must be 1 to 1,000"),
        ];
        match checks.into_iter().find(|(_, is_good, _)| !is_good) {
            Some((part, _, what)) => Err(Fault::Asked(part, what.to_owned())),
            None => Ok(()),
        }
    }
}
