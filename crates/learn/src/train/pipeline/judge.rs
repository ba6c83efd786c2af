//! Figures: how good probabilities are, and what trading on them would have earned, one trade at a time.

use market::math::sqrt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::meta::Meta;
use crate::dataset::read::SideLabels;
use crate::train::bins::Binned;
use crate::train::pipeline::ground::Ground;
use crate::train::pipeline::spec::TrainSpec;
use crate::train::pipeline::{Worth, quality};
use crate::train::trees::Forest;

/// The name and version of the report.
pub const SCHEMA: &str = "scalpel-training/1";

/// How good probabilities are on some rows, each counted by its uniqueness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Rows.
    pub rows: usize,
    /// The sum of their uniqueness: about how many labels that do not overlap they are worth.
    pub effective: f64,
    /// The share that came true.
    pub won: f64,
    /// Area under the ROC curve.
    pub auc: f64,
    /// Log loss in nats.
    pub log_loss: f64,
    /// One less the loss over that of the development rows' base rate: above zero says something.
    pub log_loss_skill: f64,
    /// Brier score.
    pub brier: f64,
    /// Mean distance between said and came, in 15 bins.
    pub calibration_error: f64,
}

/// One model's probabilities of one side, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Which model.
    pub model: String,
    /// `buy`, `sell`, `chosen`, or `direction`: of rows where just one side won, was it the buy?
    pub side: String,
    /// On development rows that it had not learned from.
    pub develop: Option<Quality>,
    /// On the test rows.
    pub test: Option<Quality>,
}

impl Judged {
    pub(crate) fn of(ground: &Ground, name: (&str, &str), p: &[f64], labels: &SideLabels) -> Self {
        let known = |rows: &[u32]| -> Vec<usize> {
            let rows = rows.iter().map(|row| *row as usize);
            rows.filter(|row| !p[*row].is_nan() && labels.weight[*row] > 0.0).collect()
        };
        let (mut won, mut mass) = (0.0, 0.0);
        for row in &ground.develop {
            let row = *row as usize;
            mass += labels.weight[row];
            won += if labels.won[row] { labels.weight[row] } else { 0.0 };
        }
        let base = won / mass;
        let on = |rows: &[u32]| quality(&known(rows), p, &labels.won, &labels.weight, base);
        let (develop, test) = (on(&ground.develop), if ground.sealed { None } else { on(&ground.test) });
        Self { model: name.0.to_owned(), side: name.1.to_owned(), develop, test }
    }
}

/// What one rule would have earned on the test rows: one trade at a time, at the labels' own prices and costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The rule in words.
    pub rule: String,
    /// Trades.
    pub trades: usize,
    /// The share of them that won.
    pub won: f64,
    /// Mean net profit, in points.
    pub net: f64,
    /// Standard deviation of the net profit, in points.
    pub deviation: f64,
    /// Mean over its standard error, as if trades did not depend on each other.
    pub t: f64,
}

impl Rule {
    /// What trading on two sides' probabilities would have earned.
    pub(crate) fn voting(ground: &Ground, p: &[Vec<f64>; 2], side: &[u8]) -> Vec<Self> {
        if ground.sealed {
            return Vec::new();
        }
        let best = |row: usize| p[usize::from(side[row])][row];
        let top = |share: f64| {
            let mut said: Vec<f64> =
                ground.develop.iter().map(|row| best(*row as usize)).filter(|p| !p.is_nan()).collect();
            said.sort_unstable_by(f64::total_cmp);
            said.get((said.len() as f64 * (1.0 - share)) as usize).copied().unwrap_or(f64::INFINITY)
        };
        let (tenth, hundredth) = (top(0.1), top(0.01));
        let chosen = |row: usize| Some(usize::from(side[row]));
        vec![
            Self::of(ground, "always buy", |_| Some(0)),
            Self::of(ground, "always sell", |_| Some(1)),
            Self::of(ground, "the likelier side, always", chosen),
            Self::of(ground, "the likelier side, top tenth of development", |row| {
                chosen(row).filter(|_| best(row) >= tenth)
            }),
            Self::of(ground, "the likelier side, top hundredth of development", |row| {
                chosen(row).filter(|_| best(row) >= hundredth)
            }),
            Self::of(ground, "expected value above zero", |row| {
                chosen(row).filter(|_| ground.barrier.value(best(row)) > 0.0)
            }),
        ]
    }

    /// The same, and what the second model's word would have changed.
    pub(crate) fn all(ground: &Ground, p: &[Vec<f64>; 2], meta: &[f64], side: &[u8]) -> Vec<Self> {
        let mut rules = Self::voting(ground, p, side);
        if ground.sealed {
            return rules;
        }
        let worth = |p: f64| ground.barrier.value(p) > 0.0;
        let chosen = |row: usize| Some(usize::from(side[row]));
        rules.extend([
            Self::of(ground, "the second model's expected value above zero", |row| {
                chosen(row).filter(|_| worth(meta[row]))
            }),
            Self::of(ground, "both above zero", |row| {
                chosen(row).filter(|_| worth(p[usize::from(side[row])][row]) && worth(meta[row]))
            }),
        ]);
        rules
    }

    fn of(ground: &Ground, rule: &str, choose: impl Fn(usize) -> Option<usize>) -> Self {
        let mut nets: Vec<(f64, bool)> = Vec::new();
        let mut busy = i64::MIN;
        for row in &ground.test {
            let row = *row as usize;
            if ground.times[row] <= busy {
                continue;
            }
            let labels = choose(row).map(|side| &ground.sides[side]).filter(|side| side.weight[row] > 0.0);
            if let Some(labels) = labels {
                busy = labels.ended[row];
                nets.push((labels.net[row], labels.won[row]));
            }
        }
        let count = nets.len() as f64;
        // Plus zero: nothing summed is minus zero.
        let net = nets.iter().map(|(net, _)| net).sum::<f64>() / count.max(1.0) + 0.0;
        let squares: f64 = nets.iter().map(|(each, _)| (each - net) * (each - net)).sum();
        let deviation = sqrt(squares / (count - 1.0).max(1.0));
        let t = if deviation > 0.0 { net / (deviation / sqrt(count)) } else { 0.0 };
        let won = nets.iter().filter(|(_, won)| *won).count() as f64 / count.max(1.0);
        Self { rule: rule.to_owned(), trades: nets.len(), won, net, deviation, t }
    }
}

/// What a training made, and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The dataset.
    pub dataset_sha256: String,
    /// What the dataset says about itself.
    pub meta: Meta,
    /// How it was trained.
    pub spec: TrainSpec,
    /// Rows learned from.
    pub develop: usize,
    /// Rows judged on.
    pub test: usize,
    /// The first and the last moment of what lies beyond the cut, in nanoseconds since 1970 UTC.
    #[serde(default)]
    pub beyond: Option<(i64, i64)>,
    /// Trees of the buy and the sell side.
    pub trees: [usize; 2],
    /// What their scores are worth.
    pub worth: [Worth; 2],
    /// The features by their share of all gain, the first first.
    pub importance: [Vec<(String, f64)>; 2],
    /// Every model judged.
    pub judged: Vec<Judged>,
    /// What rules would have earned.
    pub rules: Vec<Rule>,
}

/// The features that gained anything, by their share of all gain.
pub(crate) fn importance(forest: &Forest) -> Vec<(String, f64)> {
    let gains = forest.importance();
    let total: f64 = gains.iter().sum();
    let named = forest.features.iter().cloned().zip(gains);
    let mut shares: Vec<(String, f64)> =
        named.filter(|(_, gain)| *gain > 0.0).map(|(name, gain)| (name, gain / total)).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    shares
}

/// Writes the raw scores of rows.
pub(crate) fn score(forest: &Forest, binned: &Binned, rows: &[u32], scores: &mut [f64]) {
    let fresh: Vec<f64> = rows.par_iter().with_min_len(1_024).map(|row| forest.binned_score(binned, *row)).collect();
    for (row, score) in rows.iter().zip(fresh) {
        scores[*row as usize] = score;
    }
}
