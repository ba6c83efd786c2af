//! The flat arrays, and the walk of several trees at once.
//!
//! First each feature is brought into the views that splits have of it: a missing value becomes minus infinity where
//! it goes left and plus infinity where it goes right, a category becomes 0 in its set and 1 outside. After that every
//! split is `value <= threshold`, without NaN, and a step down a tree has no branch. A leaf leads to itself, so trees of
//! different depth can walk in lockstep, which hides the time that each step waits for memory.

use super::{Child, Missing, Split, Summing, Test, Tree, VIEWS_MAX, ZERO_WITHIN};
use std::collections::BTreeMap;

/// How many trees walk together.
const LANES: usize = 8;

/// What a split compares: one feature, its missing values put aside.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    pub(super) feature: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// NaN becomes zero.
    Plain,
    /// NaN becomes this.
    Nan(f64),
    /// NaN and zero become this.
    Zero(f64),
    /// Zero inside the set, one outside.
    Set(Vec<u32>),
}

impl View {
    fn of(split: &Split) -> Self {
        let away = |left: bool| if left { f64::NEG_INFINITY } else { f64::INFINITY };
        let kind = match &split.test {
            Test::AtMost { missing: Missing::None, .. } => Kind::Plain,
            Test::AtMost { missing: Missing::Zero, default_left, .. } => Kind::Zero(away(*default_left)),
            Test::AtMost { missing: Missing::Nan, default_left, .. } => Kind::Nan(away(*default_left)),
            Test::In { set } => Kind::Set(set.clone()),
        };
        Self { feature: split.feature as usize, kind }
    }

    /// What tells views apart.
    fn key(split: &Split) -> Key {
        match &split.test {
            Test::AtMost { missing: Missing::None, .. } => (split.feature, 0, Vec::new()),
            Test::AtMost { missing, default_left, .. } => {
                (split.feature, *missing as u8 * 2 + u8::from(*default_left), Vec::new())
            }
            Test::In { set } => (split.feature, u8::MAX, set.clone()),
        }
    }

    pub(super) fn value(&self, x: f64) -> f64 {
        match &self.kind {
            Kind::Plain if x.is_nan() => 0.0,
            Kind::Nan(away) if x.is_nan() => *away,
            Kind::Zero(away) if x.is_nan() || x.abs() <= ZERO_WITHIN => *away,
            Kind::Set(set) => f64::from(u8::from(!contains(set, x))),
            // Infinity is kept for what is missing.
            Kind::Plain | Kind::Nan(_) | Kind::Zero(_) => x.clamp(-f64::MAX, f64::MAX),
        }
    }
}

type Key = (u32, u8, Vec<u32>);

/// Whether `x`, cut to an integer, is in the set.
pub(super) fn contains(set: &[u32], x: f64) -> bool {
    // The cast saturates and takes NaN to zero, which is why NaN is asked for first.
    let category = x as i64;
    if x.is_nan() || category < 0 {
        return false;
    }
    set.get((category / 32) as usize).is_some_and(|word| word >> (category % 32) & 1 == 1)
}

/// A split, or a leaf: then `stride` is zero, `next` is its own place and `threshold` is its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    pub(super) threshold: f64,
    pub(super) next: u32,
    pub(super) slot: u16,
    pub(super) stride: u16,
}

/// The trees as arrays.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lanes {
    pub(super) views: Vec<View>,
    nodes: Vec<Node>,
    /// Of each node.
    covers: Vec<f64>,
    /// The root of each tree, up to a whole number of groups; what fills the last group is not summed.
    roots: Vec<[u32; LANES]>,
    /// How many steps each group needs.
    steps: Vec<u32>,
    trees: usize,
    /// The most steps of all.
    deepest: usize,
}

impl Lanes {
    /// Lays out checked trees; `None` when they need more than [`VIEWS_MAX`] views.
    pub(super) fn new(trees: &[Tree]) -> Option<Self> {
        let mut lanes = Self {
            views: Vec::new(),
            nodes: Vec::new(),
            covers: Vec::new(),
            roots: Vec::new(),
            steps: Vec::new(),
            trees: trees.len(),
            deepest: 0,
        };
        let mut known = BTreeMap::new();
        for group in trees.chunks(LANES) {
            let mut roots = [lanes.nodes.len() as u32; LANES];
            let mut steps = 0;
            for (root, tree) in roots.iter_mut().zip(group) {
                *root = lanes.nodes.len() as u32;
                steps = steps.max(lanes.lay(tree, &mut known)?);
            }
            lanes.roots.push(roots);
            lanes.steps.push(steps);
            lanes.deepest = lanes.deepest.max(steps as usize);
        }
        Some(lanes)
    }

    /// Lays out one tree level by level, brothers side by side, and answers how deep it is.
    fn lay(&mut self, tree: &Tree, known: &mut BTreeMap<Key, u16>) -> Option<u32> {
        let root = if tree.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
        let mut level = vec![root];
        let mut depth = 0;
        let mut free = self.nodes.len() as u32 + 1;
        loop {
            let mut below = Vec::new();
            for child in &level {
                let (node, cover) = match *child {
                    Child::Leaf(place) => {
                        let leaf = tree.leaves.get(place as usize)?;
                        let own = self.nodes.len() as u32;
                        (Node { threshold: leaf.value, next: own, slot: 0, stride: 0 }, leaf.cover)
                    }
                    Child::Split(place) => {
                        let split = tree.splits.get(place as usize)?;
                        let slot = self.slot(split, known)?;
                        let threshold = match split.test {
                            Test::AtMost { threshold, .. } => threshold.min(f64::MAX),
                            Test::In { .. } => 0.5,
                        };
                        below.extend([split.left, split.right]);
                        free += 2;
                        (Node { threshold, next: free - 2, slot, stride: 1 }, split.cover)
                    }
                };
                self.nodes.push(node);
                self.covers.push(cover);
            }
            if below.is_empty() {
                return Some(depth);
            }
            depth += 1;
            level = below;
        }
    }

    /// The place of the split's view.
    fn slot(&mut self, split: &Split, known: &mut BTreeMap<Key, u16>) -> Option<u16> {
        let fresh = self.views.len();
        let slot = *known.entry(View::key(split)).or_insert(fresh as u16);
        if usize::from(slot) == fresh {
            self.views.push(View::of(split));
        }
        (self.views.len() <= VIEWS_MAX).then_some(slot)
    }

    /// The base and the leaves, in the order of the trees.
    pub(super) fn sum(&self, row: &[f64], base: f64, summing: Summing) -> f64 {
        match self.views.len() {
            0..=64 => self.sum_with(&self.look::<64>(row), base, summing),
            65..=256 => self.sum_with(&self.look::<256>(row), base, summing),
            _ => self.sum_with(&self.look::<VIEWS_MAX>(row), base, summing),
        }
    }

    /// The views of a row. `N` is a power of two, which spares the walk a check of bounds.
    pub(super) fn look<const N: usize>(&self, row: &[f64]) -> [f64; N] {
        let mut values = [0.0; N];
        for (value, view) in values.iter_mut().zip(&self.views) {
            *value = view.value(row.get(view.feature).copied().unwrap_or(f64::NAN));
        }
        values
    }

    fn sum_with<const N: usize>(&self, values: &[f64; N], base: f64, summing: Summing) -> f64 {
        let (mut double, mut single, mut left) = (base, base as f32, self.trees);
        for (roots, steps) in self.roots.iter().zip(&self.steps) {
            let leaves = self.walk(values, *roots, *steps);
            for leaf in leaves.iter().take(left) {
                match summing {
                    Summing::Double => double += leaf,
                    Summing::Single => single += *leaf as f32,
                }
            }
            left = left.saturating_sub(LANES);
        }
        match summing {
            Summing::Double => double,
            Summing::Single => f64::from(single),
        }
    }

    fn walk<const N: usize>(&self, values: &[f64; N], roots: [u32; LANES], steps: u32) -> [f64; LANES] {
        let nodes = self.nodes.as_slice();
        let mut at = roots;
        for _ in 0..steps {
            for lane in &mut at {
                *lane = step(nodes, values, *lane);
            }
        }
        at.map(|lane| nodes[lane as usize].threshold)
    }

    /// The most splits on the way to a leaf.
    pub(super) const fn deepest(&self) -> usize {
        self.deepest
    }

    /// A node with its cover.
    pub(super) fn node(&self, at: u32) -> (Node, f64) {
        (self.nodes[at as usize], self.covers[at as usize])
    }

    /// The feature of a split.
    pub(super) fn feature(&self, node: Node) -> usize {
        self.views[usize::from(node.slot)].feature
    }

    /// The roots of the trees, in order.
    pub(super) fn roots(&self) -> impl Iterator<Item = u32> + '_ {
        self.roots.iter().flatten().copied().take(self.trees)
    }

    /// The leaves on average, each weighed by the covers on its way; `None` when a split has no cover, or
    /// less than a child.
    pub(super) fn expected(&self) -> Option<f64> {
        let mut sum = 0.0;
        let mut ahead = Vec::new();
        for root in self.roots() {
            ahead.push((root, 1.0));
            while let Some((at, share)) = ahead.pop() {
                let (node, cover) = self.node(at);
                if node.stride == 0 {
                    sum += share * node.threshold;
                    continue;
                }
                for child in [node.next, node.next + 1] {
                    let part = self.node(child).1 / cover;
                    // Sums of 32-bit weights may exceed their whole by a little.
                    if part.is_nan() || part > 1.01 {
                        return None;
                    }
                    ahead.push((child, share * part));
                }
            }
        }
        sum.is_finite().then_some(sum)
    }
}

/// Where the walk goes from a node; a leaf stays.
pub(super) fn step<const N: usize>(nodes: &[Node], values: &[f64; N], at: u32) -> u32 {
    let node = nodes[at as usize];
    let value = values[usize::from(node.slot) & (N - 1)];
    let no = u32::from(value > node.threshold);
    node.next + (no & u32::from(node.stride))
}

impl Lanes {
    /// Where the walk goes from a node, when it is a split.
    pub(super) fn taken<const N: usize>(&self, values: &[f64; N], at: u32) -> u32 {
        step(&self.nodes, values, at)
    }
}
