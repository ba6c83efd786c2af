//! Exact contributions of features to the sum of a forest: path-dependent `TreeSHAP`.
//!
//! Lundberg, Erion & Lee 2018 (arXiv 1802.03888), algorithm 2: the value of a set of features is the tree's answer when
//! a split on a feature outside the set goes both ways, weighed by the covers; a feature's contribution is its Shapley
//! value. A path keeps, for each feature on it, how much of the cover follows when the feature is absent (`zero`) or
//! present (`one`, 0 or 1), and the weights of all subsets by their size.

use super::lanes::Lanes;
use super::{Forest, VIEWS_MAX};
use std::fmt;

/// Why there are no contributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContributionError {
    /// The place for them has another length than the rows: (length, features).
    Length(usize, usize),
    /// A split of the forest has no cover, or less than a child, so absent features have no meaning.
    NoCover,
}

impl fmt::Display for ContributionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(given, features) => write!(f, "room for {given} contributions of {features} features"),
            Self::NoCover => {
                f.write_str("a split has no cover (training rows or their weight): train and export again")
            }
        }
    }
}

impl std::error::Error for ContributionError {}

impl Forest {
    /// Writes what each feature adds to the sum and answers where they start: the answer plus the contributions is
    /// the sum of base and leaves in 64 bits, to rounding (1e-9 for sums of ordinary size). Off the hot path: it
    /// allocates, and takes about (leaves x depth^2) steps a tree.
    ///
    /// # Errors
    /// When `contributions` is not as long as a row, or a split has no cover.
    pub fn contributions(&self, row: &[f64], contributions: &mut [f64]) -> Result<f64, ContributionError> {
        if contributions.len() != self.features {
            return Err(ContributionError::Length(contributions.len(), self.features));
        }
        let start = self.expected.ok_or(ContributionError::NoCover)?;
        contributions.fill(0.0);
        let deepest = self.lanes.deepest();
        let mut room = vec![Step::default(); (deepest + 2) * (deepest + 3) / 2];
        let mut walk = Walk { lanes: &self.lanes, values: self.lanes.look(row), contributions };
        for root in self.lanes.roots() {
            walk.descend(root, &mut room, 0, Step { feature: usize::MAX, zero: 1.0, one: 1.0, weight: 0.0 });
        }
        Ok(start)
    }
}

/// A feature on the way down.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    feature: usize,
    zero: f64,
    one: f64,
    /// What the subsets with as many members as this place weigh.
    weight: f64,
}

struct Walk<'a> {
    lanes: &'a Lanes,
    values: [f64; VIEWS_MAX],
    contributions: &'a mut [f64],
}

impl Walk<'_> {
    /// `room` begins with the parent's path of `len` steps and has place for all paths below.
    fn descend(&mut self, at: u32, room: &mut [Step], len: usize, last: Step) {
        let (parent, room) = room.split_at_mut(len);
        room[..len].copy_from_slice(parent);
        extend(&mut room[..=len], last);
        let mut len = len + 1;
        let (node, cover) = self.lanes.node(at);
        if node.stride == 0 {
            self.credit(&room[..len], node.threshold);
            return;
        }
        let feature = self.lanes.feature(node);
        let mut before = Step { feature, zero: 1.0, one: 1.0, weight: 0.0 };
        if let Some(place) = room[1..len].iter().position(|step| step.feature == feature) {
            before = room[place + 1];
            unwind(&mut room[..len], place + 1);
            len -= 1;
        }
        let taken = self.lanes.taken(&self.values, at);
        for child in [node.next, node.next + 1] {
            let zero = before.zero * self.lanes.node(child).1 / cover;
            let one = if child == taken { before.one } else { 0.0 };
            // Smaller shares than this owe nothing that could be seen, and would lose their digits further down.
            let zero = if zero < 1e-150 { 0.0 } else { zero };
            if zero > 0.0 || one > 0.0 {
                self.descend(child, room, len, Step { feature, zero, one, weight: 0.0 });
            }
        }
    }

    /// Gives each feature on the path its part of the leaf.
    fn credit(&mut self, path: &[Step], value: f64) {
        for (place, step) in path.iter().enumerate().skip(1) {
            self.contributions[step.feature] += unwound(path, place) * (step.one - step.zero) * value;
        }
    }
}

/// Puts `last` at the end of the path and grows all subsets by it.
fn extend(path: &mut [Step], last: Step) {
    let depth = path.len() - 1;
    path[depth] = Step { weight: if depth == 0 { 1.0 } else { 0.0 }, ..last };
    let whole = (depth + 1) as f64;
    for i in (0..depth).rev() {
        let weight = path[i].weight;
        path[i + 1].weight += last.one * weight * (i + 1) as f64 / whole;
        path[i].weight = last.zero * weight * (depth - i) as f64 / whole;
    }
}

/// Takes the step at `place` out of the path, whose last place is free afterwards.
fn unwind(path: &mut [Step], place: usize) {
    let depth = path.len() - 1;
    let Step { zero, one, .. } = path[place];
    let whole = (depth + 1) as f64;
    let mut next = path[depth].weight;
    for i in (0..depth).rev() {
        let weight = path[i].weight;
        if one == 0.0 {
            path[i].weight = weight * whole / (zero * (depth - i) as f64);
        } else {
            path[i].weight = next * whole / ((i + 1) as f64 * one);
            next = weight - path[i].weight * zero * (depth - i) as f64 / whole;
        }
    }
    for i in place..depth {
        let weight = path[i].weight;
        path[i] = Step { weight, ..path[i + 1] };
    }
}

/// What all subsets weigh together without the step at `place`.
fn unwound(path: &[Step], place: usize) -> f64 {
    let depth = path.len() - 1;
    let Step { zero, one, .. } = path[place];
    let whole = (depth + 1) as f64;
    let mut next = path[depth].weight;
    let mut total = 0.0;
    for i in (0..depth).rev() {
        if one == 0.0 {
            total += path[i].weight * whole / (zero * (depth - i) as f64);
        } else {
            let part = next * whole / ((i + 1) as f64 * one);
            total += part;
            next = path[i].weight - part * zero * (depth - i) as f64 / whole;
        }
    }
    total
}
