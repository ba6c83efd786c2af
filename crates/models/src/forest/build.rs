//! The only maker of a forest.

use super::lanes::Lanes;
use super::ranks::Ranks;
use super::{
    ALL_LEAVES_MAX, Child, DEPTH_MAX, FEATURES_MAX, Forest, ForestError, ForestFault, LEAF_MAX, LEAVES_MAX, Link,
    SET_WORDS_MAX, Summing, TREES_MAX, Test, Tree,
};

/// Collects trees and checks them one by one.
#[derive(Debug, Clone)]
pub struct ForestBuilder {
    features: usize,
    base: f64,
    link: Link,
    summing: Summing,
    trees: Vec<Tree>,
    leaves: usize,
}

impl ForestBuilder {
    pub(super) const fn new(features: usize) -> Self {
        let (link, summing) = (Link::Identity, Summing::Double);
        Self { features, base: 0.0, link, summing, trees: Vec::new(), leaves: 0 }
    }

    /// The sum starts here instead of at zero.
    #[must_use]
    pub const fn base(mut self, base: f64) -> Self {
        self.base = base;
        self
    }

    /// The sum means this instead of a quantity by itself.
    #[must_use]
    pub const fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// The sum is taken with these floats instead of 64 bits.
    #[must_use]
    pub const fn summing(mut self, summing: Summing) -> Self {
        self.summing = summing;
        self
    }

    /// Adds the next tree.
    ///
    /// # Errors
    /// When the tree breaks a rule of [`ForestFault`]; the error names the tree and the node.
    pub fn tree(&mut self, tree: Tree) -> Result<&mut Self, ForestError> {
        let at = self.trees.len();
        if at >= TREES_MAX {
            return Err(ForestError::whole(ForestFault::Trees(at + 1)));
        }
        check_counts(at, &tree)?;
        self.leaves += tree.leaves.len();
        if self.leaves > ALL_LEAVES_MAX {
            return Err(ForestError::tree(at, ForestFault::AllLeaves));
        }
        check_numbers(at, &tree, self.features)?;
        check_shape(at, &tree)?;
        self.trees.push(tree);
        Ok(self)
    }

    /// The forest.
    ///
    /// # Errors
    /// When there is no tree, or a number of the forest itself is out of its bounds.
    pub fn build(self) -> Result<Forest, ForestError> {
        let Self { features, base, link, summing, trees, .. } = self;
        if !(1..=FEATURES_MAX).contains(&features) {
            return Err(ForestError::whole(ForestFault::Features(features)));
        }
        if trees.is_empty() {
            return Err(ForestError::whole(ForestFault::Trees(0)));
        }
        if !sound(base) {
            return Err(ForestError::whole(ForestFault::Value(base)));
        }
        if let Link::Logistic { slope } = link
            && !(slope > 0.0 && slope <= 1e6)
        {
            return Err(ForestError::whole(ForestFault::Slope(slope)));
        }
        let lanes = Lanes::new(&trees).ok_or(ForestError::whole(ForestFault::Views))?;
        let expected = lanes.expected().map(|trees| base + trees);
        let ranks = Ranks::new(&lanes).map(Box::new);
        Ok(Forest { features, base, link, summing, trees, lanes, ranks, expected })
    }
}

/// Finite and not too large to be summed.
fn sound(x: f64) -> bool {
    x.abs() <= LEAF_MAX
}

fn check_counts(at: usize, tree: &Tree) -> Result<(), ForestError> {
    let (splits, leaves) = (tree.splits.len(), tree.leaves.len());
    if !(1..=LEAVES_MAX).contains(&leaves) {
        return Err(ForestError::tree(at, ForestFault::Leaves(leaves)));
    }
    if splits + 1 != leaves {
        return Err(ForestError::tree(at, ForestFault::Counts(splits, leaves)));
    }
    Ok(())
}

fn check_numbers(at: usize, tree: &Tree, features: usize) -> Result<(), ForestError> {
    let covered = |cover: f64| cover >= 0.0 && cover.is_finite();
    for (split, place) in tree.splits.iter().zip(0..) {
        let fault = match &split.test {
            _ if split.feature as usize >= features => ForestFault::Feature(split.feature, features),
            _ if !covered(split.cover) => ForestFault::Cover(split.cover),
            Test::AtMost { threshold, .. } if threshold.is_nan() || *threshold == f64::NEG_INFINITY => {
                ForestFault::Threshold(*threshold)
            }
            Test::In { set } if !(1..=SET_WORDS_MAX).contains(&set.len()) => ForestFault::Set(set.len()),
            _ => continue,
        };
        return Err(ForestError::node(at, Child::Split(place), fault));
    }
    for (leaf, place) in tree.leaves.iter().zip(0..) {
        let fault = match leaf {
            _ if !sound(leaf.value) => ForestFault::Value(leaf.value),
            _ if !covered(leaf.cover) => ForestFault::Cover(leaf.cover),
            _ => continue,
        };
        return Err(ForestError::node(at, Child::Leaf(place), fault));
    }
    Ok(())
}

/// Walks from the root: every node must be met exactly once, and none too deep.
fn check_shape(at: usize, tree: &Tree) -> Result<(), ForestError> {
    let mut met = (vec![false; tree.splits.len()], vec![false; tree.leaves.len()]);
    let root = if tree.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
    let mut ahead = vec![(root, root, 0)];
    while let Some((parent, node, depth)) = ahead.pop() {
        let seen = match node {
            Child::Split(place) => met.0.get_mut(place as usize),
            Child::Leaf(place) => met.1.get_mut(place as usize),
        };
        let seen = seen.ok_or(ForestError::node(at, parent, ForestFault::NoChild(node)))?;
        if std::mem::replace(seen, true) {
            return Err(ForestError::node(at, node, ForestFault::TwoParents));
        }
        if depth > DEPTH_MAX {
            return Err(ForestError::node(at, node, ForestFault::Depth));
        }
        if let Child::Split(place) = node
            && let Some(split) = tree.splits.get(place as usize)
        {
            ahead.extend([(node, split.left, depth + 1), (node, split.right, depth + 1)]);
        }
    }
    let lost = |met: &[bool]| met.iter().position(|met| !met).map(|place| place as u32);
    match lost(&met.0).map(Child::Split).or(lost(&met.1).map(Child::Leaf)) {
        Some(node) => Err(ForestError::node(at, node, ForestFault::Unreachable)),
        None => Ok(()),
    }
}
