//! What a validation found, as it is written: `validation.json`. Money in pips, times in nanoseconds since 1970 UTC.

use report::bootstrap::Interval;
use serde::{Deserialize, Serialize};

use crate::validate::sound::Sound;
use crate::validate::spec::ValidateSpec;

/// The name and version of the file.
pub const SCHEMA: &str = "scalpel-validation/1";

/// The ends of an interval, 95 % unless something else is said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ends {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl From<Interval> for Ends {
    fn from(interval: Interval) -> Self {
        Self { low: interval.low, high: interval.high }
    }
}

/// A bin of forecasts: what was said on average, what came, how many.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Mean probability.
    pub said: f64,
    /// The share that came true.
    pub came: f64,
    /// Forecasts.
    pub count: usize,
}

/// How good probabilities were on rows whose folds did not know them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// `buy`, `sell`, `both` (both sides together) or `direction` (of rows where just one side won: was it the buy?).
    pub of: String,
    /// Rows.
    pub rows: usize,
    /// The sum of their uniqueness.
    pub effective: f64,
    /// The share that came true, each row by its uniqueness; so are the next five.
    pub won: f64,
    /// Area under the curve.
    pub auc: f64,
    /// One less the log loss over that of the base rate of the rows that were learned from.
    pub log_loss_skill: f64,
    /// Brier score.
    pub brier: f64,
    /// One less the Brier score over that of the same base rate.
    pub brier_skill: f64,
    /// Calibration error, 15 bins of equal mass.
    pub ece: f64,
    /// Rows whose labels do not overlap, one after the other: the rest is of these, each counted as one.
    pub apart: usize,
    /// Their area under the curve.
    pub auc_apart: Option<f64>,
    /// Its interval (`DeLong`).
    pub auc_interval: Option<Ends>,
    /// Their log-loss skill.
    pub skill_apart: Option<f64>,
    /// Its interval by a block bootstrap.
    pub skill_interval: Option<Ends>,
    /// Forecast and observed share.
    pub reliability: Vec<Bin>,
}

/// A rule of the family on the walk forward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleFigures {
    /// In words.
    pub rule: String,
    /// Trades.
    pub trades: u64,
    /// The share with a gain.
    pub won: f64,
    /// Mean net pips a trade.
    pub net: f64,
    /// Sharpe ratio per day, days without a trade included.
    pub sharpe_day: Option<f64>,
}

/// The chosen rule under other conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Under {
    /// Multiple of the costs, or milliseconds of latency.
    pub at: f64,
    /// Trades.
    pub trades: u64,
    /// Mean net pips a trade.
    pub net: f64,
    /// Its interval by a daily block bootstrap, wide enough for all rules of the family together.
    pub interval: Option<Ends>,
}

/// The combinatorial cross-validation of the chosen rule.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Paths {
    /// Splits, each trained anew.
    pub splits: usize,
    /// Splits in which too little could be learned.
    pub silent: usize,
    /// Sharpe ratio per day of each path; null without variation.
    pub sharpe_day: Vec<Option<f64>>,
    /// Mean net pips a trade of each path; null without a trade.
    pub net: Vec<Option<f64>>,
}

/// The p value against one null model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beaten {
    /// Which.
    pub null: String,
    /// Hansen's p value, consistent; null where it cannot be computed.
    pub p: Option<f64>,
}

/// What the probability of overfitting was read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverfitFigures {
    /// The share of splits in which the best of one half was no better than the median of the other.
    pub probability: f64,
    /// Splits.
    pub splits: u64,
    /// Rules: the family, and as many with a coin's side.
    pub columns: usize,
}

/// A Sharpe ratio after the number of trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeflatedFigures {
    /// Trials in the ledger.
    pub trials: u64,
    /// Variance of their ratios per day.
    pub variance: f64,
    /// What the luckiest of them is expected to show.
    pub threshold: f64,
    /// The probability that the true ratio is above that.
    pub probability: f64,
}

/// The period that is kept for the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LockboxFigures {
    /// Its first moment.
    pub from: i64,
    /// Its last moment.
    pub to: i64,
    /// How often it, or what overlaps it, was opened by this ledger.
    pub openings: u64,
    /// What the trained model and the chosen rule came to in it; null while it was not opened by `--open-lockbox`.
    pub found: Option<Under>,
    /// What a reader must be told.
    pub remarks: Vec<String>,
}

/// One pass mark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkFigures {
    /// What is asked.
    pub name: String,
    /// What was found; null when unknown.
    pub value: Option<f64>,
    /// `>`, `>=`, `<` or `<=`.
    pub sense: String,
    /// Of what; null when unknown.
    pub threshold: Option<f64>,
    /// Whether it passed; null when unknown.
    pub passed: Option<bool>,
}

/// Everything that a validation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// [`SCHEMA`].
    pub schema: String,
    /// The dataset.
    pub dataset_sha256: String,
    /// SHA-256 of the training's spec, in hexadecimal.
    pub training_sha256: String,
    /// The choices.
    pub spec: ValidateSpec,
    /// Rows that the figures are of.
    pub develop: usize,
    /// Rows of the walk forward, each judged by a model of labels known before it.
    pub walked: usize,
    /// Trainings of the walk forward.
    pub windows: usize,
    /// UTC days of the walk forward.
    pub days: usize,
    /// Whether it can be judged.
    pub sound: Sound,
    /// How good the probabilities are.
    pub quality: Vec<Quality>,
    /// The family on the walk forward.
    pub rules: Vec<RuleFigures>,
    /// The best of them by its Sharpe ratio per day: what follows is of this one.
    pub chosen: String,
    /// At multiples of the costs.
    pub costs: Vec<Under>,
    /// At other latencies.
    pub latencies: Vec<Under>,
    /// Its paths.
    pub paths: Paths,
    /// Of the whole family.
    pub overfit: Option<OverfitFigures>,
    /// The family against each null model.
    pub superior: Vec<Beaten>,
    /// Of the chosen rule.
    pub deflated: Option<DeflatedFigures>,
    /// Its win rate less that of random entries with the same exits.
    pub uplift: Option<f64>,
    /// The interval of that.
    pub uplift_interval: Option<Ends>,
    /// The uplift that pays the costs.
    pub uplift_needed: Option<f64>,
    /// The lockbox.
    pub lockbox: LockboxFigures,
    /// `EDGE`, `NO EDGE` or `NOT ENOUGH DATA`.
    pub verdict: String,
    /// Why.
    pub reasons: Vec<String>,
    /// Every mark with its value and threshold.
    pub marks: Vec<MarkFigures>,
}
