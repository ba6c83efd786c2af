//! Many trees, each on what those before it got wrong, until the loss on held-out rows stops falling.

use market::math::{ln, logit, sigmoid};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::progress::{Progress, tell};
use crate::train::bins::{Binned, MISSING};
use crate::train::grow::{Ground, Grown, grow};
use crate::train::histogram::{Gradient, LARGEST};
use crate::train::trees::{Forest, Tree};

/// What is a choice about boosted trees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoostSpec {
    /// The most trees, 1 to 10,000.
    pub trees_max: usize,
    /// How much of each tree's answer is taken, above 0 to 1.
    pub learning_rate: f64,
    /// Leaves of a tree, 2 to 4,096.
    pub leaves_max: usize,
    /// How deep a tree may be, 1 to 64.
    pub depth_max: u32,
    /// The least rows of a leaf.
    pub leaf_rows_min: u32,
    /// The least sum of second derivatives of a leaf.
    pub leaf_hessian_min: f64,
    /// Ridge strength on leaf values.
    pub l2: f64,
    /// The least gain of a split.
    pub gain_min: f64,
    /// The share of features that each tree may use, above 0 to 1.
    pub feature_share: f64,
    /// The share of rows that each tree learns from, above 0 to 1.
    pub row_share: f64,
    /// Trees without a better held-out loss before it stops; 0 never stops.
    pub patience: usize,
    /// Bins of a feature, 2 to 254.
    pub bins: usize,
    /// What is drawn is drawn from this.
    pub seed: u64,
}

impl BoostSpec {
    /// Small, slow trees: what noisy labels ask for.
    pub const fn careful(seed: u64) -> Self {
        Self {
            trees_max: 400,
            learning_rate: 0.05,
            leaves_max: 31,
            depth_max: 6,
            leaf_rows_min: 200,
            leaf_hessian_min: 5.0,
            l2: 10.0,
            gain_min: 0.0,
            feature_share: 0.7,
            row_share: 0.8,
            patience: 40,
            bins: 254,
            seed,
        }
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`Fault::Asked`] with the first part that does not.
    pub fn check(&self) -> Result<(), Fault> {
        let share = |x: f64| x > 0.0 && x <= 1.0;
        let at_least_zero = |x: f64| x.is_finite() && x >= 0.0;
        let checks = [
            ("trees_max", (1..=10_000).contains(&self.trees_max), "must be 1 to 10,000"),
            ("learning_rate", share(self.learning_rate), "must be above 0 and at most 1"),
            ("leaves_max", (2..=4_096).contains(&self.leaves_max), "must be 2 to 4,096"),
            ("depth_max", (1..=64).contains(&self.depth_max), "must be 1 to 64"),
            ("leaf_rows_min", self.leaf_rows_min > 0, "must be at least 1"),
            ("leaf_hessian_min", at_least_zero(self.leaf_hessian_min), "must be zero or more"),
            ("l2", at_least_zero(self.l2), "must be zero or more"),
            ("gain_min", at_least_zero(self.gain_min), "must be zero or more"),
            ("feature_share", share(self.feature_share), "must be above 0 and at most 1"),
            ("row_share", share(self.row_share), "must be above 0 and at most 1"),
            ("bins", (2..=254).contains(&self.bins), "must be 2 to 254"),
        ];
        match checks.into_iter().find(|(_, is_good, _)| !is_good) {
            Some((part, _, what)) => Err(Fault::Asked(part, what.to_owned())),
            None => Ok(()),
        }
    }
}

/// The labels of rows, and how much each counts. A row of weight zero is not learned from.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// Whether it came true.
    pub came: &'a [bool],
    /// How much it counts, 0 to 1,024.
    pub weight: &'a [f64],
}

/// A trained forest and how it was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Boosted {
    /// The model: the trees up to the best held-out loss.
    pub forest: Forest,
    /// The held-out log loss after each tree, the first before any; empty without held-out rows.
    pub held_out: Vec<f64>,
}

/// Trains boosted trees on rows `train`, and stops by the loss on rows `held_out` (which must not overlap in time with
/// what they are held out from; empty trains all trees). Runs on the threads of the current rayon pool; the result does
/// not depend on how many there are.
///
/// # Errors
/// [`Fault`]: a spec that makes no sense, rows out of range, too few labels of one kind, or a wish to stop.
pub fn boost(
    binned: &Binned,
    labels: Labels<'_>,
    (train, held_out): (&[u32], &[u32]),
    spec: &BoostSpec,
    (stage, progress): (&str, &dyn Progress),
) -> Result<Boosted, Fault> {
    spec.check()?;
    let train = usable(binned, labels, train)?;
    let held = usable(binned, labels, held_out)?;
    apart(&train, &held)?;
    let base = base(labels, &train, spec)?;
    let mut scores = vec![base; binned.rows()];
    let mut gradients = vec![Gradient::default(); binned.rows()];
    let mut forest = Forest { features: binned.names().to_vec(), base, trees: Vec::new() };
    let mut random = ChaCha8Rng::seed_from_u64(spec.seed);
    let mut losses: Vec<f64> = mean_loss(&scores, labels, &held).into_iter().collect();
    let mut best = 0;
    let varying = binned.varying();
    for nth in 0..spec.trees_max {
        tell(progress, stage, nth as u64, spec.trees_max as u64)?;
        refresh(&mut gradients, &scores, labels, &train);
        let features = draw_features(&varying, spec.feature_share, &mut random);
        let rows = draw_rows(&train, spec.row_share, &mut random);
        let ground = Ground { binned, gradients: &gradients, features: &features, spec };
        let is_whole = rows.len() == train.len();
        let Some(grown) = grow(&ground, rows) else { break };
        add(&mut scores, binned, &grown, if is_whole { None } else { Some(&train) }, &held);
        forest.trees.push(grown.tree);
        let Some(loss) = mean_loss(&scores, labels, &held) else { continue };
        losses.push(loss);
        if loss < losses[best] {
            best = forest.trees.len();
        }
        if spec.patience > 0 && forest.trees.len() >= best + spec.patience {
            break;
        }
    }
    if !losses.is_empty() {
        forest.trees.truncate(best);
    }
    tell(progress, stage, spec.trees_max as u64, spec.trees_max as u64)?;
    Ok(Boosted { forest, held_out: losses })
}

/// The rows with a label, in order; faults when one is out of range.
fn usable(binned: &Binned, labels: Labels<'_>, rows: &[u32]) -> Result<Vec<u32>, Fault> {
    if labels.came.len() != binned.rows() || labels.weight.len() != binned.rows() {
        return Err(Fault::Asked("labels", "there must be one for each row".into()));
    }
    if rows.iter().any(|row| *row as usize >= binned.rows()) {
        return Err(Fault::Asked("rows", "a row does not exist".into()));
    }
    let weight = |row: &u32| labels.weight[*row as usize];
    if rows.iter().any(|row| !(0.0..=LARGEST).contains(&weight(row))) {
        return Err(Fault::Asked("labels", "a weight is not between 0 and 1,024".into()));
    }
    Ok(rows.iter().copied().filter(|row| weight(row) > 0.0).collect())
}

/// Whether no row is in both lists.
fn apart(train: &[u32], held: &[u32]) -> Result<(), Fault> {
    let mut all: Vec<u32> = train.iter().chain(held).copied().collect();
    all.sort_unstable();
    if all.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Fault::Asked("rows", "a row is given twice: what is learned from cannot be held out".into()));
    }
    Ok(())
}

/// The log-odds of the mean label.
fn base(labels: Labels<'_>, train: &[u32], spec: &BoostSpec) -> Result<f64, Fault> {
    let needed = 2 * spec.leaf_rows_min as usize;
    if train.len() < needed {
        return Err(Fault::TooLittle("labelled rows", train.len(), needed));
    }
    let (mut won, mut mass) = (0.0, 0.0);
    for row in train {
        let weight = labels.weight[*row as usize];
        mass += weight;
        won += weight * f64::from(u8::from(labels.came[*row as usize]));
    }
    if won <= 0.0 || won >= mass {
        return Err(Fault::TooLittle("labels of the rarer kind", 0, 1));
    }
    Ok(logit(won / mass))
}

fn refresh(gradients: &mut [Gradient], scores: &[f64], labels: Labels<'_>, train: &[u32]) {
    let fresh: Vec<Gradient> = train
        .par_iter()
        .with_min_len(4_096)
        .map(|row| {
            let row = *row as usize;
            let (p, weight) = (sigmoid(scores[row]), labels.weight[row]);
            Gradient::new((p - f64::from(u8::from(labels.came[row]))) * weight, p * (1.0 - p) * weight)
        })
        .collect();
    for (row, gradient) in train.iter().zip(fresh) {
        gradients[*row as usize] = gradient;
    }
}

fn draw_features(varying: &[usize], share: f64, random: &mut ChaCha8Rng) -> Vec<usize> {
    let mut all = varying.to_vec();
    let kept = (all.len() as f64 * share).ceil() as usize;
    if kept < all.len() {
        all.shuffle(random);
        all.truncate(kept);
        all.sort_unstable();
    }
    all
}

fn draw_rows(train: &[u32], share: f64, random: &mut ChaCha8Rng) -> Vec<u32> {
    if share >= 1.0 {
        return train.to_vec();
    }
    train.iter().copied().filter(|_| random.random::<f64>() < share).collect()
}

/// Adds a tree to the scores of its own rows and of those it did not see.
fn add(scores: &mut [f64], binned: &Binned, grown: &Grown, all: Option<&[u32]>, held: &[u32]) {
    if let Some(train) = all {
        add_by_walk(scores, binned, &grown.tree, train);
    } else {
        for (leaf, rows) in grown.leaves.iter().enumerate() {
            for row in rows {
                scores[*row as usize] += grown.tree.leaf_value[leaf];
            }
        }
    }
    add_by_walk(scores, binned, &grown.tree, held);
}

fn add_by_walk(scores: &mut [f64], binned: &Binned, tree: &Tree, rows: &[u32]) {
    let cuts: Vec<u8> = tree
        .feature
        .iter()
        .zip(&tree.threshold)
        .map(|(feature, threshold)| binned.edges(*feature as usize).bin(*threshold))
        .collect();
    let values: Vec<f64> = rows
        .par_iter()
        .with_min_len(4_096)
        .map(|row| {
            let bins = binned.row(*row);
            let mut at = 0;
            while at >= 0 {
                let node = at as usize;
                let bin = bins[tree.feature[node] as usize];
                let left = if bin == MISSING { tree.default_left[node] } else { bin <= cuts[node] };
                at = if left { tree.left[node] } else { tree.right[node] };
            }
            tree.leaf_value[!at as usize]
        })
        .collect();
    for (row, value) in rows.iter().zip(values) {
        scores[*row as usize] += value;
    }
}

/// The weighted mean log loss of some rows, summed in their order; `None` without rows.
fn mean_loss(scores: &[f64], labels: Labels<'_>, rows: &[u32]) -> Option<f64> {
    let one = |row: &u32| {
        let row = *row as usize;
        let p = sigmoid(if labels.came[row] { scores[row] } else { -scores[row] });
        labels.weight[row] * -ln(p.max(1e-15))
    };
    let losses: Vec<f64> = rows.par_iter().with_min_len(4_096).map(one).collect();
    let mass: f64 = rows.iter().map(|row| labels.weight[*row as usize]).sum();
    (mass > 0.0).then(|| losses.iter().sum::<f64>() / mass)
}

#[cfg(test)]
mod tests;
