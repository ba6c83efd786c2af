//! A boosted forest as plain numbers, and as the text that `LightGBM` reads.

use std::fmt::Write;

use market::math::sigmoid;
use serde::{Deserialize, Serialize};

use crate::train::bins::{Binned, MISSING};

/// One tree: nodes and leaves by number; a child of `!n` (that is, `-n - 1`) is leaf `n`. Without nodes it is leaf 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tree {
    /// The feature that a node asks for, by its place in [`Forest::features`].
    pub feature: Vec<u32>,
    /// A value at most this goes left.
    pub threshold: Vec<f64>,
    /// Whether a missing value goes left.
    pub default_left: Vec<bool>,
    /// Where left leads.
    pub left: Vec<i32>,
    /// Where right leads.
    pub right: Vec<i32>,
    /// How much the split lowered the loss, times two.
    pub gain: Vec<f64>,
    /// What the node would add as a leaf.
    pub node_value: Vec<f64>,
    /// The sum of second derivatives of the training rows that passed the node.
    pub node_cover: Vec<f64>,
    /// How many training rows passed the node.
    pub node_rows: Vec<u32>,
    /// What a leaf adds to the log-odds.
    pub leaf_value: Vec<f64>,
    /// The sum of second derivatives of a leaf's training rows.
    pub leaf_cover: Vec<f64>,
    /// How many training rows a leaf has.
    pub leaf_rows: Vec<u32>,
}

/// Boosted trees for a probability: the log-odds are `base` plus what every tree adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    /// The names of the features, in the order of the inputs.
    pub features: Vec<String>,
    /// The log-odds before any tree.
    pub base: f64,
    /// The trees.
    pub trees: Vec<Tree>,
}

impl Tree {
    /// Appends a node and hangs it under its parent; answers its number.
    pub(crate) fn node(
        &mut self,
        parent: Option<(usize, bool)>,
        (feature, threshold, default_left): (usize, f64, bool),
        gain: f64,
        (value, cover, rows): (f64, f64, u32),
    ) -> usize {
        let number = self.feature.len();
        self.feature.push(feature as u32);
        self.threshold.push(threshold);
        self.default_left.push(default_left);
        self.gain.push(gain);
        self.left.push(0);
        self.right.push(0);
        self.node_value.push(value);
        self.node_cover.push(cover);
        self.node_rows.push(rows);
        self.hang(parent, number as i32);
        number
    }

    /// Writes leaf `number`, the next, and hangs it under its parent.
    pub(crate) fn leaf(&mut self, parent: Option<(usize, bool)>, number: usize, value: f64, cover: (f64, u32)) {
        debug_assert_eq!(number, self.leaf_value.len());
        self.leaf_value.push(value);
        self.leaf_cover.push(cover.0);
        self.leaf_rows.push(cover.1);
        self.hang(parent, !(number as i32));
    }

    fn hang(&mut self, parent: Option<(usize, bool)>, child: i32) {
        match parent {
            Some((node, true)) => self.left[node] = child,
            Some((node, false)) => self.right[node] = child,
            None => {}
        }
    }

    /// What the tree adds for these inputs.
    pub fn value(&self, inputs: &[f64]) -> f64 {
        let mut at = if self.feature.is_empty() { -1 } else { 0 };
        while at >= 0 {
            let node = at as usize;
            let input = inputs[self.feature[node] as usize];
            let left = if input.is_nan() { self.default_left[node] } else { input <= self.threshold[node] };
            at = if left { self.left[node] } else { self.right[node] };
        }
        self.leaf_value[!at as usize]
    }
}

impl Forest {
    /// The log-odds for these inputs, NaN where one is missing; there must be as many as features.
    pub fn raw_score(&self, inputs: &[f64]) -> f64 {
        self.trees.iter().fold(self.base, |sum, tree| sum + tree.value(inputs))
    }

    /// The probability for these inputs.
    pub fn probability(&self, inputs: &[f64]) -> f64 {
        sigmoid(self.raw_score(inputs))
    }

    /// The log-odds of a row that was binned with the edges that this forest was grown on: the same as of its numbers.
    pub(crate) fn binned_score(&self, binned: &Binned, row: u32) -> f64 {
        let bins = binned.row(row);
        self.trees.iter().fold(self.base, |sum, tree| {
            let mut at = if tree.feature.is_empty() { -1 } else { 0 };
            while at >= 0 {
                let node = at as usize;
                let feature = tree.feature[node] as usize;
                let bin = bins[feature];
                let left = if bin == MISSING {
                    tree.default_left[node]
                } else {
                    binned.edges(feature).edge(bin) <= tree.threshold[node]
                };
                at = if left { tree.left[node] } else { tree.right[node] };
            }
            sum + tree.leaf_value[!at as usize]
        })
    }

    /// The gain of all splits of each feature.
    pub fn importance(&self) -> Vec<f64> {
        let mut gains = vec![0.0; self.features.len()];
        for tree in &self.trees {
            for (feature, gain) in tree.feature.iter().zip(&tree.gain) {
                gains[*feature as usize] += gain;
            }
        }
        gains
    }

    /// The same model as `LightGBM` 4 writes it (`version=v4`); numbers keep every bit. The base goes into the leaves of
    /// the first tree, as there.
    pub fn to_lightgbm_text(&self) -> String {
        let mut text = String::new();
        let last = self.features.len().saturating_sub(1);
        let blank = Tree { leaf_value: vec![0.0], leaf_cover: vec![0.0], leaf_rows: vec![0], ..Tree::default() };
        let trees: Vec<&Tree> = if self.trees.is_empty() { vec![&blank] } else { self.trees.iter().collect() };
        let bodies: Vec<String> =
            (0..).zip(&trees).map(|(nth, tree)| tree.lightgbm(nth, if nth == 0 { self.base } else { 0.0 })).collect();
        let sizes: Vec<usize> = bodies.iter().map(String::len).collect();
        let _ = write!(
            text,
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={last}\n\
             objective=binary sigmoid:1\nfeature_names={}\nfeature_infos={}\ntree_sizes={}\n\n",
            self.features.join(" "),
            vec!["[-1e308:1e308]"; self.features.len()].join(" "),
            joined(&sizes),
        );
        text.push_str(&bodies.concat());
        text.push_str("end of trees\n\nfeature_importances:\n");
        let mut gains: Vec<(f64, &String)> = self.importance().into_iter().zip(&self.features).collect();
        gains.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (gain, name) in gains.iter().filter(|(gain, _)| *gain > 0.0) {
            let _ = writeln!(text, "{name}={gain}");
        }
        text.push_str(
            "\nparameters:\n[boosting: gbdt]\n[objective: binary]\nend of parameters\n\npandas_categorical:null\n",
        );
        text
    }
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Missing values are NaN, and go left where bit 2 is set.
const fn decision_type(default_left: bool) -> u8 {
    if default_left { 10 } else { 8 }
}

impl Tree {
    fn lightgbm(&self, nth: usize, base: f64) -> String {
        let mut text = String::new();
        let leaves: Vec<f64> = self.leaf_value.iter().map(|value| value + base).collect();
        let nodes: Vec<f64> = self.node_value.iter().map(|value| value + base).collect();
        let types: Vec<u8> = self.default_left.iter().map(|left| decision_type(*left)).collect();
        let _ = write!(
            text,
            "Tree={nth}\nnum_leaves={}\nnum_cat=0\nsplit_feature={}\nsplit_gain={}\nthreshold={}\ndecision_type={}\n\
             left_child={}\nright_child={}\nleaf_value={}\nleaf_weight={}\nleaf_count={}\ninternal_value={}\n\
             internal_weight={}\ninternal_count={}\nis_linear=0\nshrinkage=1\n\n\n",
            self.leaf_value.len(),
            joined(&self.feature),
            joined(&self.gain),
            joined(&self.threshold),
            joined(&types),
            joined(&self.left),
            joined(&self.right),
            joined(&leaves),
            joined(&self.leaf_cover),
            joined(&self.leaf_rows),
            joined(&nodes),
            joined(&self.node_cover),
            joined(&self.node_rows),
        );
        text
    }
}
