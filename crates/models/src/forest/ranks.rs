//! Trees of few leaves without a walk: a question is answered by where each feature lies among its thresholds.
//!
//! Every split rules out the leaves on its left when the value is above its threshold. What is left of a tree after all
//! splits that say no is a set of leaves, and the first of them, from the left, is where the walk would have ended
//! (`QuickScorer`: Lucchese and others, SIGIR 2015). Here the splits of all trees on one feature lie in the order of
//! their thresholds, and for every fourth place in that order what the splits below it leave of all trees is ready-made:
//! a question looks up one row a feature, keeps what all rows have in common, and applies at most three splits a feature
//! one by one. The leaves are then summed as [`Lanes`] sums them, in the order of the trees: the same bits.

use std::collections::BTreeMap;
use std::hint::select_unpredictable;

use super::lanes::{Kind, Lanes, View};
use super::{Summing, VIEWS_MAX};

/// A tree's leaves are bits of one word.
const LEAVES: usize = 32;
/// Trees whose words are kept together.
const GROUP: usize = 16;
/// The most groups.
const GROUPS: usize = 16;
/// The most columns.
const COLUMNS: usize = 64;
/// A row stands at every so many thresholds.
const STRIDE: usize = 4;
/// The most bytes of rows: what a processor keeps near.
const BYTES: usize = 1 << 20;

type Words = [u32; GROUP];

/// A split: above the threshold these leaves of this tree are left.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cut {
    threshold: f64,
    tree: usize,
    keep: u32,
}

/// One feature as splits look at it.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    feature: usize,
    /// What is made of the value first; `None`: it is compared as it is, and what is missing has a row of its own.
    view: Option<View>,
    /// The first of its cuts; three empty ones follow the last.
    first: usize,
    /// Its marks: the thresholds at which its rows stand, after the first row.
    marks: std::ops::Range<usize>,
    /// Its rows begin here; the row of what is missing comes after those.
    row: usize,
    missing: usize,
}

/// The splits by feature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranks {
    columns: Vec<Column>,
    marks: Vec<f64>,
    cuts: Vec<Cut>,
    /// Row by row, a group after the other.
    rows: Vec<Words>,
    groups: usize,
    /// Of each tree, from left to right.
    leaves: Vec<[f64; LEAVES]>,
}

/// A column in the making: its splits, and what a missing value leaves of each tree.
struct Draft {
    feature: usize,
    view: Option<View>,
    cuts: Vec<Cut>,
    missing: Vec<u32>,
}

/// All columns in the making.
struct Drafts<'a> {
    lanes: &'a Lanes,
    trees: usize,
    columns: Vec<Draft>,
    known: BTreeMap<(usize, usize), usize>,
    leaves: Vec<[f64; LEAVES]>,
}

impl Drafts<'_> {
    /// Lays out what hangs below a node of the last tree; `leaf` counts its leaves so far. `None` when there are too many.
    fn lay(&mut self, at: u32, leaf: &mut usize) -> Option<()> {
        let (node, _) = self.lanes.node(at);
        if node.stride == 0 {
            *self.leaves.last_mut()?.get_mut(*leaf)? = node.threshold;
            *leaf += 1;
            return Some(());
        }
        let first = *leaf;
        self.lay(node.next, leaf)?;
        let gone = ((1_u64 << *leaf) - (1_u64 << first)) as u32;
        let (slot, tree) = (usize::from(node.slot), self.leaves.len() - 1);
        let view = self.lanes.views.get(slot)?;
        let plain = matches!(view.kind, Kind::Plain | Kind::Nan(_));
        let key = (view.feature, if plain { VIEWS_MAX } else { slot });
        let fresh = self.columns.len();
        let place = *self.known.entry(key).or_insert(fresh);
        if place == fresh {
            let (feature, view) = (view.feature, (!plain).then(|| view.clone()));
            self.columns.push(Draft { feature, view, cuts: Vec::new(), missing: vec![u32::MAX; self.trees] });
        }
        let column = self.columns.get_mut(place)?;
        column.cuts.push(Cut { threshold: node.threshold, tree, keep: !gone });
        if view.value(f64::NAN) > node.threshold {
            *column.missing.get_mut(tree)? &= !gone;
        }
        self.lay(node.next + 1, leaf)
    }
}

impl Ranks {
    /// The splits of these trees; `None` when a tree has too many leaves, or all of it is too large to be quick.
    pub(super) fn new(lanes: &Lanes) -> Option<Self> {
        let trees = lanes.roots().count();
        let groups = trees.div_ceil(GROUP);
        if trees == 0 || groups > GROUPS {
            return None;
        }
        let mut drafts = Drafts { lanes, trees, columns: Vec::new(), known: BTreeMap::new(), leaves: Vec::new() };
        for root in lanes.roots() {
            drafts.leaves.push([0.0; LEAVES]);
            drafts.lay(root, &mut 0)?;
        }
        let rows: usize = drafts.columns.iter().map(|draft| draft.cuts.len() / STRIDE + 2).sum();
        if drafts.columns.len() > COLUMNS || rows * groups * size_of::<Words>() > BYTES {
            return None;
        }
        let (columns, marks, cuts, rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut ranks = Self { columns, marks, cuts, rows, groups, leaves: drafts.leaves };
        drafts.columns.into_iter().for_each(|draft| ranks.column(draft));
        Some(ranks)
    }

    fn column(&mut self, mut draft: Draft) {
        draft.cuts.sort_by(|a, b| a.threshold.total_cmp(&b.threshold));
        let (first, row) = (self.cuts.len(), self.rows.len());
        let mut words = vec![u32::MAX; draft.missing.len()];
        for (nth, cut) in draft.cuts.iter().enumerate() {
            if nth.is_multiple_of(STRIDE) {
                self.row(&words);
            }
            words[cut.tree] &= cut.keep;
        }
        if draft.cuts.len().is_multiple_of(STRIDE) {
            self.row(&words);
        }
        let (missing, from) = (self.rows.len(), self.marks.len());
        self.row(&draft.missing);
        self.marks.extend(draft.cuts.iter().skip(STRIDE - 1).step_by(STRIDE).map(|cut| cut.threshold));
        draft.cuts.extend([Cut { threshold: f64::INFINITY, tree: 0, keep: u32::MAX }; STRIDE - 1]);
        self.cuts.append(&mut draft.cuts);
        let (Draft { feature, view, .. }, marks) = (draft, from..self.marks.len());
        self.columns.push(Column { feature, view, first, marks, row, missing });
    }

    fn row(&mut self, words: &[u32]) {
        for part in words.chunks(GROUP) {
            let mut group = [u32::MAX; GROUP];
            group[..part.len()].copy_from_slice(part);
            self.rows.push(group);
        }
    }

    /// The base and the leaves, in the order of the trees.
    pub(super) fn sum(&self, row: &[f64], base: f64, summing: Summing) -> f64 {
        if self.groups <= GROUPS / 2 {
            self.sum_with::<{ GROUPS / 2 }>(row, base, summing)
        } else {
            self.sum_with::<GROUPS>(row, base, summing)
        }
    }

    fn sum_with<const N: usize>(&self, row: &[f64], base: f64, summing: Summing) -> f64 {
        let mut places = [0; COLUMNS];
        let mut near = [(0.0, 0); COLUMNS];
        for ((place, near), column) in places.iter_mut().zip(&mut near).zip(&self.columns) {
            let x = row.get(column.feature).copied().unwrap_or(f64::NAN);
            let x = column.view.as_ref().map_or_else(|| x.clamp(-f64::MAX, f64::MAX), |view| view.value(x));
            let passed = below(&self.marks[column.marks.clone()], x);
            *place = if x.is_nan() { column.missing } else { column.row + passed * self.groups };
            *near = (x, column.first + passed * STRIDE);
        }
        let columns = self.columns.len();
        let mut left = [[u32::MAX; GROUP]; N];
        for (group, left) in left.iter_mut().take(self.groups).enumerate() {
            let mut words = [u32::MAX; GROUP];
            for place in &places[..columns] {
                let row = &self.rows[place + group];
                words.iter_mut().zip(row).for_each(|(word, keep)| *word &= keep);
            }
            *left = words;
        }
        let left = left.as_flattened_mut();
        for (x, first) in &near[..columns] {
            for cut in &self.cuts[*first..*first + STRIDE - 1] {
                left[cut.tree % (N * GROUP)] &= select_unpredictable(*x > cut.threshold, cut.keep, u32::MAX);
            }
        }
        // A word is never empty: the last leaf on the right is ruled out by no split.
        let said = left.iter().zip(&self.leaves).map(|(word, leaves)| leaves[word.trailing_zeros() as usize % LEAVES]);
        match summing {
            Summing::Double => said.fold(base, |sum, leaf| sum + leaf),
            Summing::Single => f64::from(said.fold(base as f32, |sum, leaf| sum + leaf as f32)),
        }
    }
}

/// How many of ascending thresholds the value is above; none when it is NaN. Without a branch that depends on the value.
fn below(thresholds: &[f64], x: f64) -> usize {
    let (mut at, mut left) = (0, thresholds.len());
    while left > 1 {
        let half = left / 2;
        at = select_unpredictable(thresholds[at + half - 1] < x, at + half, at);
        left -= half;
    }
    at + usize::from(thresholds.get(at).is_some_and(|threshold| *threshold < x))
}
