//! Boosted trees as flat arrays: asked fast, explained exactly, immutable.
//!
//! A [`Forest`] sums one leaf of each tree. It is made by a [`ForestBuilder`], which checks everything once, so that
//! asking cannot fail. Decisions are `LightGBM`'s (its `NumericalDecision` and `CategoricalDecision`); `XGBoost`'s strict
//! comparison of 32-bit floats becomes an exactly equal one by [`Test::below_f32`].
//!
//! `build`  the builder and its checks      `error`  what it refuses, and where
//! `lanes`  the flat arrays and the walk    `ranks`  small trees without a walk
//! `bytes`  encoding                        `shap`   exact contributions (oracle: signals.md 7 #28)

mod build;
mod bytes;
mod error;
mod lanes;
mod ranks;
mod shap;
#[cfg(test)]
pub(crate) mod tests;

pub use build::ForestBuilder;
pub use error::{ForestError, ForestFault};
pub use shap::ContributionError;

use lanes::Lanes;
use market::math::sigmoid;
use ranks::Ranks;

/// The most features that a forest may read.
pub const FEATURES_MAX: usize = 4096;
/// The most trees of a forest.
pub const TREES_MAX: usize = 10_000;
/// The most leaves of one tree.
pub const LEAVES_MAX: usize = 8192;
/// The most leaves of all trees together.
pub const ALL_LEAVES_MAX: usize = 1 << 21;
/// The most splits on the way to a leaf.
pub const DEPTH_MAX: usize = 256;
/// The most words of 32 categories in a set.
pub const SET_WORDS_MAX: usize = 1024;
/// The most ways in which features are looked at: a feature counts once for each treatment of its missing values, and
/// once for each set of categories.
pub const VIEWS_MAX: usize = 4096;
/// The largest magnitude of a leaf and of the base.
pub const LEAF_MAX: f64 = 1e30;

/// Values from minus to plus this count as zero where zeros are missing (`LightGBM`'s `kZeroThreshold`, `1e-35f`).
pub const ZERO_WITHIN: f64 = 1e-35_f32 as f64;

/// Which values of a feature count as missing at a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// None: NaN is compared as zero.
    None,
    /// Zero and NaN.
    Zero,
    /// NaN.
    Nan,
}

/// What a split asks of its feature's value; yes goes left.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `x <= threshold`; a missing value goes where `default_left` says.
    AtMost {
        /// The threshold: finite, or infinity, which every value that is not missing is at most.
        threshold: f64,
        /// What counts as missing.
        missing: Missing,
        /// Whether a missing value goes left.
        default_left: bool,
    },
    /// Is `x`, cut to an integer, in the set? Bit `c % 32` of word `c / 32` stands for category `c`; NaN, negative and
    /// larger values are not in it.
    In {
        /// The words of the set, at most [`SET_WORDS_MAX`].
        set: Vec<u32>,
    },
}

impl Test {
    /// `XGBoost`'s test `(x as f32) < threshold` with NaN as the missing value, as an equal test of 64-bit floats: the
    /// threshold becomes the largest number that, rounded to 32 bits, is still below. `None` for a threshold that is
    /// not finite.
    pub fn below_f32(threshold: f32, default_left: bool) -> Option<Self> {
        if !threshold.is_finite() {
            return None;
        }
        let (mut below, mut above) = (ordered(-f64::MAX), ordered(f64::MAX));
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if (disordered(middle) as f32) < threshold {
                below = middle;
            } else {
                above = middle;
            }
        }
        Some(Self::AtMost { threshold: disordered(below), missing: Missing::Nan, default_left })
    }
}

/// The place of a number among all numbers, by size.
fn ordered(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn disordered(place: u64) -> f64 {
    f64::from_bits(if place >> 63 == 1 { place & !(1 << 63) } else { !place })
}

/// What follows a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// A split of the same tree, by its place.
    Split(u32),
    /// A leaf of the same tree, by its place.
    Leaf(u32),
}

/// An inner node of a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The place of the feature in a row.
    pub feature: u32,
    /// What it is asked.
    pub test: Test,
    /// Where yes goes.
    pub left: Child,
    /// Where no goes.
    pub right: Child,
    /// How many training rows (or how much of their weight) came here; zero when nobody knows.
    pub cover: f64,
}

/// A leaf of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leaf {
    /// What it adds to the sum.
    pub value: f64,
    /// How many training rows (or how much of their weight) ended here.
    pub cover: f64,
}

/// A tree as it is described: split 0 is the root, or leaf 0 when there is no split.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// The inner nodes.
    pub splits: Vec<Split>,
    /// The leaves, one more than splits.
    pub leaves: Vec<Leaf>,
}

/// What the sum of a forest means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// A quantity by itself.
    Identity,
    /// Log-odds divided by `slope`: the probability is `1 / (1 + exp(-slope * raw))` (`LightGBM`'s `sigmoid`).
    Logistic {
        /// The factor, above 0 and at most 1e6.
        slope: f64,
    },
}

/// With which floats the leaves are summed, in the order of the trees, starting at the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summing {
    /// 64 bits, as `LightGBM`.
    Double,
    /// 32 bits, as `XGBoost`.
    Single,
}

/// An immutable ensemble of trees.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    features: usize,
    base: f64,
    link: Link,
    summing: Summing,
    trees: Vec<Tree>,
    lanes: Lanes,
    /// The quicker way, where the trees are small enough.
    ranks: Option<Box<Ranks>>,
    /// What the forest says on average over its covers; `None` when a split has no cover, or less than a
    /// child.
    expected: Option<f64>,
}

impl Forest {
    /// A builder of forests that read rows of `features` numbers.
    pub const fn builder(features: usize) -> ForestBuilder {
        ForestBuilder::new(features)
    }

    /// The base and one leaf of each tree, summed in order; allocates nothing. Features beyond the end of `row` are
    /// NaN, those beyond [`Forest::features`] are not looked at, infinite ones count as the largest
    /// finite number of their sign. Finite whatever the row holds.
    pub fn raw(&self, row: &[f64]) -> f64 {
        match &self.ranks {
            Some(ranks) => ranks.sum(row, self.base, self.summing),
            None => self.lanes.sum(row, self.base, self.summing),
        }
    }

    /// `slope * raw` where the sum means log-odds, `None` where it does not.
    pub fn log_odds(&self, row: &[f64]) -> Option<f64> {
        match self.link {
            Link::Identity => None,
            Link::Logistic { slope } => Some(slope * self.raw(row)),
        }
    }

    /// The probability where the sum means log-odds, `None` where it does not.
    pub fn probability(&self, row: &[f64]) -> Option<f64> {
        self.log_odds(row).map(sigmoid)
    }

    /// How many numbers a row has.
    pub const fn features(&self) -> usize {
        self.features
    }

    /// What the sum starts with.
    pub const fn base(&self) -> f64 {
        self.base
    }

    /// What the sum means.
    pub const fn link(&self) -> Link {
        self.link
    }

    /// With which floats it is summed.
    pub const fn summing(&self) -> Summing {
        self.summing
    }

    /// The trees as they were described.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// What the forest says on average over the covers of its nodes, where the contributions start; `None` when a split
    /// has no cover, or less than a child.
    pub const fn expected(&self) -> Option<f64> {
        self.expected
    }
}
