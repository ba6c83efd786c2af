//! What a forest's builder refuses, and where.

use super::{
    ALL_LEAVES_MAX, Child, DEPTH_MAX, FEATURES_MAX, LEAF_MAX, LEAVES_MAX, SET_WORDS_MAX, TREES_MAX, VIEWS_MAX,
};
use std::fmt;

/// A refusal with its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForestError {
    /// The tree, counted from 0; `None` when the whole forest is concerned.
    pub tree: Option<usize>,
    /// The node of the tree.
    pub node: Option<Child>,
    /// What is wrong.
    pub fault: ForestFault,
}

/// What is wrong with a forest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ForestFault {
    /// Rows of this many features: none, or more than [`FEATURES_MAX`].
    Features(usize),
    /// No tree, or more than [`TREES_MAX`].
    Trees(usize),
    /// No leaf, or more than [`LEAVES_MAX`].
    Leaves(usize),
    /// More than [`ALL_LEAVES_MAX`] leaves in all trees.
    AllLeaves,
    /// So many splits do not go with so many leaves: (splits, leaves).
    Counts(usize, usize),
    /// A feature beyond the rows: (feature, features).
    Feature(u32, usize),
    /// The threshold is NaN or minus infinity.
    Threshold(f64),
    /// A set of no or more than [`SET_WORDS_MAX`] words.
    Set(usize),
    /// A child that the tree does not have.
    NoChild(Child),
    /// A second way leads here.
    TwoParents,
    /// No way leads here.
    Unreachable,
    /// More than [`DEPTH_MAX`] splits lead here.
    Depth,
    /// The value is not finite or larger than [`LEAF_MAX`].
    Value(f64),
    /// The cover is negative or not finite.
    Cover(f64),
    /// The slope of the link is not above 0 and at most 1e6.
    Slope(f64),
    /// More than [`VIEWS_MAX`] treatments of features.
    Views,
    /// The bytes end early or hold a value that no forest writes.
    Torn,
}

impl ForestError {
    pub(super) const fn whole(fault: ForestFault) -> Self {
        Self { tree: None, node: None, fault }
    }

    pub(super) const fn tree(tree: usize, fault: ForestFault) -> Self {
        Self { tree: Some(tree), node: None, fault }
    }

    pub(super) const fn node(tree: usize, node: Child, fault: ForestFault) -> Self {
        Self { tree: Some(tree), node: Some(node), fault }
    }
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Split(place) => write!(f, "split {place}"),
            Self::Leaf(place) => write!(f, "leaf {place}"),
        }
    }
}

impl fmt::Display for ForestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Features(n) => write!(f, "{n} features; 1 to {FEATURES_MAX} are possible"),
            Self::Trees(n) => write!(f, "{n} trees; 1 to {TREES_MAX} are possible"),
            Self::Leaves(n) => write!(f, "{n} leaves; 1 to {LEAVES_MAX} are possible"),
            Self::AllLeaves => write!(f, "more than {ALL_LEAVES_MAX} leaves in all trees; train a smaller model"),
            Self::Counts(splits, leaves) => {
                write!(f, "{splits} splits and {leaves} leaves; a tree has one leaf more than splits")
            }
            Self::Feature(feature, features) => write!(f, "feature {feature} of rows with {features} features"),
            Self::Threshold(x) => write!(f, "the threshold {x} is none that a number can be at most"),
            Self::Set(n) => write!(f, "a set of {n} words; 1 to {SET_WORDS_MAX} are possible"),
            Self::NoChild(child) => write!(f, "its child, {child}, does not exist"),
            Self::TwoParents => f.write_str("a second way leads here; this is not a tree"),
            Self::Unreachable => f.write_str("no way leads here; this is not a tree"),
            Self::Depth => write!(f, "more than {DEPTH_MAX} splits lead here"),
            Self::Value(x) => write!(f, "the value {x} is not finite or beyond {LEAF_MAX}"),
            Self::Cover(x) => write!(f, "the cover {x} is negative or not finite"),
            Self::Slope(x) => write!(f, "the slope {x} of the logistic link is not above 0 and at most 1e6"),
            Self::Views => write!(f, "features are looked at in more than {VIEWS_MAX} ways"),
            Self::Torn => f.write_str("the bytes end early or hold a value that no forest writes"),
        }
    }
}

impl fmt::Display for ForestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tree) = self.tree {
            write!(f, "tree {tree}")?;
            if let Some(node) = self.node {
                write!(f, ", {node}")?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}", self.fault)
    }
}

impl std::error::Error for ForestError {}
