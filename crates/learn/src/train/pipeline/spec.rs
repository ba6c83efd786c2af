//! What is a choice about a training.

use market::{Span, Time};
use models::FtrlSpec;
use serde::{Deserialize, Serialize};

use crate::dataset::meta::Meta;
use crate::fault::Fault;
use crate::train::boost::BoostSpec;
use crate::train::gru::GruSpec;

/// How the logistic regression learns; see [`FtrlSpec`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogisticSpec {
    /// Learning rate.
    pub alpha: f64,
    /// Smooths the first steps.
    pub beta: f64,
    /// Lasso strength.
    pub l1: f64,
    /// Ridge strength.
    pub l2: f64,
}

impl LogisticSpec {
    pub(crate) const fn ftrl(&self) -> FtrlSpec {
        let Self { alpha, beta, l1, l2 } = *self;
        FtrlSpec { alpha, beta, l1, l2 }
    }
}

/// A training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSpec {
    /// The features of the trees; all but price levels when empty.
    pub features: Vec<String>,
    /// The trees of each side.
    pub boost: BoostSpec,
    /// The trees of the second model.
    pub meta: BoostSpec,
    /// The features of the logistic regression.
    pub logistic_features: Vec<String>,
    /// The logistic regression.
    pub logistic: LogisticSpec,
    /// The net; none is trained without.
    pub gru: Option<GruSpec>,
    /// Stretches of time that are held out in turn, 2 to 100.
    pub folds: usize,
    /// Rows that begin within this after a held-out stretch, in milliseconds, are not learned from.
    pub embargo_ms: i64,
    /// The share of rows at the end of what is learned from that says when to stop, 0.05 to 0.5.
    pub early: f64,
    /// From here on nothing is learned from, only judged at the end; nanoseconds since 1970. None: the last fifth.
    pub test_from: Option<i64>,
    /// How strongly calibration leans to what the scores say themselves, in labels.
    pub calibration_prior: f64,
    /// The share of blocks that may lie beyond the conformal width.
    pub miscoverage: f64,
    /// Labels of a block, by uniqueness.
    pub block: f64,
    /// Whether what lies beyond the cut is left unjudged, for a lockbox that is opened once, at the end.
    #[serde(default)]
    pub sealed: bool,
}

impl TrainSpec {
    /// What is used when nothing is said.
    pub fn usual(seed: u64) -> Self {
        let gru = GruSpec::small(seed);
        Self {
            features: Vec::new(),
            boost: BoostSpec::careful(seed),
            meta: BoostSpec { trees_max: 100, depth_max: 5, leaves_max: 16, patience: 15, ..BoostSpec::careful(seed) },
            logistic_features: gru.features.clone(),
            logistic: LogisticSpec { alpha: 0.02, beta: 1.0, l1: 0.0, l2: 2.0 },
            gru: Some(gru),
            folds: 5,
            embargo_ms: Span::HOUR.as_millis(),
            early: 0.2,
            test_from: None,
            calibration_prior: 1.0,
            miscoverage: 0.2,
            block: 50.0,
            sealed: false,
        }
    }

    /// The features of the trees for a dataset.
    pub fn features_of(&self, meta: &Meta) -> Vec<String> {
        if !self.features.is_empty() {
            return self.features.clone();
        }
        // A price level tells the days apart, not what follows.
        meta.features.iter().filter(|name| *name != "weighted_mid").cloned().collect()
    }

    /// What folds are made from.
    pub(crate) const fn folding(&self) -> (usize, i64, f64, f64, f64, f64) {
        (self.folds, self.embargo_ms, self.early, self.calibration_prior, self.miscoverage, self.block)
    }

    pub(crate) const fn embargo(&self) -> i64 {
        Span::from_millis(self.embargo_ms).0
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`Fault::Asked`] with the first part that does not.
    pub fn check(&self) -> Result<(), Fault> {
        self.boost.check()?;
        self.meta.check()?;
        let asked = |part, what: &str| Err(Fault::Asked(part, what.to_owned()));
        if !(2..=100).contains(&self.folds) {
            return asked("folds", "must be 2 to 100");
        }
        if !(0..=Span::DAY.as_millis() * 366).contains(&self.embargo_ms) {
            return asked("embargo", "must be zero to a year");
        }
        if !(0.05..=0.5).contains(&self.early) {
            return asked("early", "must be 0.05 to 0.5");
        }
        if !(self.calibration_prior > 0.0 && self.calibration_prior.is_finite()) {
            return asked("calibration_prior", "must be positive");
        }
        if !(0.0..=1.0).contains(&self.miscoverage) || !(1.0..=1e9).contains(&self.block) {
            return asked("miscoverage", "must be 0 to 1, and block at least 1");
        }
        Ok(())
    }

    /// Where the test begins, for rows at these times.
    pub(crate) fn test_from(&self, times: &[i64]) -> Time {
        let usual = times.get(times.len() * 4 / 5).copied().unwrap_or(i64::MAX);
        Time(self.test_from.unwrap_or(usual))
    }
}
