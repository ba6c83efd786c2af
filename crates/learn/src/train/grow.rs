//! One tree, leaf by leaf: always the split that gains most, until there are leaves enough.

use rayon::prelude::*;

use crate::train::bins::{Binned, MISSING};
use crate::train::boost::BoostSpec;
use crate::train::histogram::{Gradient, Histogram, Sum};
use crate::train::trees::Tree;

/// The best way to part the rows of a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Split {
    gain: f64,
    feature: usize,
    /// Bins up to this one go left.
    bin: u8,
    missing_left: bool,
    left: Sum,
}

/// A leaf that may be parted further.
struct Leaf {
    rows: Vec<u32>,
    sum: Sum,
    histogram: Histogram,
    split: Option<Split>,
    depth: u32,
    /// Where the parent points to it: the node, and whether on its left.
    parent: Option<(usize, bool)>,
}

/// What a tree is grown from.
pub(crate) struct Ground<'a> {
    pub(crate) binned: &'a Binned,
    pub(crate) gradients: &'a [Gradient],
    /// The features that this tree may use, rising.
    pub(crate) features: &'a [usize],
    pub(crate) spec: &'a BoostSpec,
}

/// A grown tree and the rows of each leaf.
pub(crate) struct Grown {
    pub(crate) tree: Tree,
    pub(crate) leaves: Vec<Vec<u32>>,
}

/// Grows one tree on some rows; `None` when nothing is worth a split.
pub(crate) fn grow(ground: &Ground<'_>, rows: Vec<u32>) -> Option<Grown> {
    let mut sum = Sum::default();
    for row in &rows {
        sum.add(ground.gradients[*row as usize]);
    }
    let histogram = Histogram::of(ground.binned, &rows, ground.gradients);
    let split = best(ground, &histogram, sum, 0);
    split?;
    let mut tree = Tree::default();
    let mut leaves = vec![Leaf { rows, sum, histogram, split, depth: 0, parent: None }];
    while leaves.len() < ground.spec.leaves_max {
        let gain = |leaf: &Leaf| leaf.split.map_or(f64::NEG_INFINITY, |split| split.gain);
        // The first of equals: the order never depends on the threads.
        let mut chosen = 0;
        for place in 1..leaves.len() {
            if gain(&leaves[place]) > gain(&leaves[chosen]) {
                chosen = place;
            }
        }
        let Some(split) = leaves[chosen].split else { break };
        let leaf = leaves.swap_remove(chosen);
        let (left, right) = part(ground, leaf, split, &mut tree);
        leaves.push(left);
        leaves.push(right);
    }
    let mut parts = Vec::with_capacity(leaves.len());
    for (number, leaf) in leaves.into_iter().enumerate() {
        let value = value(leaf.sum, ground.spec);
        tree.leaf(leaf.parent, number, value, (leaf.sum.hessian(), leaf.sum.rows));
        parts.push(leaf.rows);
    }
    Some(Grown { tree, leaves: parts })
}

/// Parts a leaf in two and writes the node into the tree.
fn part(ground: &Ground<'_>, leaf: Leaf, split: Split, tree: &mut Tree) -> (Leaf, Leaf) {
    let Leaf { rows, sum, histogram, depth, parent, .. } = leaf;
    let goes_left = |row: &u32| {
        let bin = ground.binned.row(*row)[split.feature];
        if bin == MISSING { split.missing_left } else { bin <= split.bin }
    };
    let (left_rows, right_rows): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(goes_left);
    let right_sum = sum.minus(split.left);
    let smaller_left = left_rows.len() <= right_rows.len();
    let small = if smaller_left { &left_rows } else { &right_rows };
    let small = Histogram::of(ground.binned, small, ground.gradients);
    let large = histogram.less(&small);
    let (left_histogram, right_histogram) = if smaller_left { (small, large) } else { (large, small) };
    let edge = ground.binned.edges(split.feature).edge(split.bin);
    let shown = (value(sum, ground.spec), sum.hessian(), sum.rows);
    let node = tree.node(parent, (split.feature, edge, split.missing_left), split.gain, shown);
    let depth = depth + 1;
    let make = |rows, sum: Sum, histogram: Histogram, left| {
        let split = best(ground, &histogram, sum, depth);
        Leaf { rows, sum, histogram, split, depth, parent: Some((node, left)) }
    };
    let left = make(left_rows, split.left, left_histogram, true);
    (left, make(right_rows, right_sum, right_histogram, false))
}

/// What a leaf adds to the log-odds: the Newton step, shrunk.
fn value(sum: Sum, spec: &BoostSpec) -> f64 {
    -sum.gradient() / (sum.hessian() + spec.l2) * spec.learning_rate
}

fn score(sum: Sum, l2: f64) -> f64 {
    let gradient = sum.gradient();
    gradient * gradient / (sum.hessian() + l2)
}

/// The best split of all features; of equals the first feature, then the lowest bin.
fn best(ground: &Ground<'_>, histogram: &Histogram, sum: Sum, depth: u32) -> Option<Split> {
    let spec = ground.spec;
    if depth >= spec.depth_max || sum.rows < 2 * spec.leaf_rows_min {
        return None;
    }
    let of = |feature: &usize| best_of(ground, *feature, histogram.feature(*feature), sum);
    let found: Vec<Option<Split>> = if sum.rows < 512 {
        ground.features.iter().map(of).collect()
    } else {
        ground.features.par_iter().with_min_len(4).map(of).collect()
    };
    let mut best: Option<Split> = None;
    for split in found.into_iter().flatten() {
        if best.is_none_or(|best| split.gain > best.gain) {
            best = Some(split);
        }
    }
    best
}

fn best_of(ground: &Ground<'_>, feature: usize, cells: &[Sum], sum: Sum) -> Option<Split> {
    let bins = ground.binned.edges(feature).bins();
    let missing = cells[usize::from(MISSING)];
    let whole = score(sum, ground.spec.l2);
    let mut best: Option<Split> = None;
    let mut left = Sum::default();
    for (bin, cell) in cells.iter().enumerate().take(bins) {
        left = left.plus(*cell);
        // An empty bin parts the rows as the one before did; the last parts only what is there from what is missing.
        let is_last = bin + 1 == bins;
        if cell.rows == 0 || is_last && missing.rows == 0 {
            continue;
        }
        for missing_left in [false, true] {
            if missing_left && (missing.rows == 0 || is_last) {
                continue;
            }
            let left = if missing_left { left.plus(missing) } else { left };
            let right = sum.minus(left);
            if !is_enough(left, ground.spec) || !is_enough(right, ground.spec) {
                continue;
            }
            let gain = score(left, ground.spec.l2) + score(right, ground.spec.l2) - whole;
            if gain > ground.spec.gain_min && best.is_none_or(|best| gain > best.gain) {
                // Without missing rows a missing value goes where most go.
                let missing_left = if missing.rows == 0 { left.rows >= right.rows } else { missing_left };
                best = Some(Split { gain, feature, bin: bin as u8, missing_left, left });
            }
        }
    }
    best
}

fn is_enough(sum: Sum, spec: &BoostSpec) -> bool {
    sum.rows >= spec.leaf_rows_min && sum.hessian() >= spec.leaf_hessian_min
}
