//! The JSON that `XGBoost`'s `save_model("model.json")` writes (versions 1.6 to 3).
//!
//! `XGBoost` compares and sums 32-bit floats: the thresholds are made exactly equal ones of 64 bits, the sum is taken in
//! 32 bits. NaN is the missing value; another one that was given in training is not in the file.
//! Refused: boosters other than `gbtree`, sets of categories, several classes or targets, other objectives.

use super::error::shortened;
use super::{Format, FormatError, FormatFault, ImportedForest, check_names};
use market::math::ln;
use models::Forest;
use models::forest::{Child, LEAVES_MAX, Leaf, Link, Split, Summing, TREES_MAX, Test, Tree};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    learner: Learner,
}

#[derive(Deserialize)]
struct Learner {
    #[serde(default)]
    feature_names: Vec<String>,
    gradient_booster: Booster,
    #[serde(rename = "learner_model_param")]
    param: LearnerParam,
    objective: Objective,
}

#[derive(Deserialize)]
struct LearnerParam {
    base_score: String,
    num_class: String,
    num_feature: String,
    #[serde(default = "one")]
    num_target: String,
}

fn one() -> String {
    "1".to_owned()
}

#[derive(Deserialize)]
struct Objective {
    name: String,
}

#[derive(Deserialize)]
struct Booster {
    name: String,
    model: Option<Model>,
}

#[derive(Deserialize)]
struct Model {
    tree_info: Vec<i32>,
    trees: Vec<Described>,
}

/// A tree: lists over its nodes, of which the first is the root; a leaf has the child -1 and its value as condition.
#[derive(Deserialize)]
struct Described {
    left_children: Vec<i32>,
    right_children: Vec<i32>,
    split_conditions: Vec<f32>,
    split_indices: Vec<u32>,
    default_left: Vec<Flag>,
    sum_hessian: Vec<f32>,
    #[serde(default)]
    split_type: Vec<u8>,
    tree_param: TreeParam,
}

#[derive(Deserialize)]
struct TreeParam {
    #[serde(default = "one")]
    size_leaf_vector: String,
}

/// 0 or 1; older versions write false or true.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Number(u8),
}

impl Flag {
    const fn set(self) -> bool {
        matches!(self, Self::Bool(true) | Self::Number(1..))
    }
}

/// Makes a forest of `XGBoost`'s JSON.
///
/// # Errors
/// As [`super::forest`]; the place is a field.
pub fn read(bytes: &[u8]) -> Result<ImportedForest, FormatError> {
    // The parser refuses more than 128 levels of nesting.
    let file: File = serde_json::from_slice(bytes)
        .map_err(|error| FormatError::whole(FormatFault::Corrupt(format!("{error}; is this XGBoost's save_model?"))))?;
    let Learner { feature_names, gradient_booster, param, objective } = file.learner;
    if gradient_booster.name != "gbtree" {
        let what = format!("the booster '{}'", shortened(&gradient_booster.name));
        return Err(FormatError::unsupported(what, "train with booster gbtree").placed("gradient_booster.name"));
    }
    let model = gradient_booster
        .model
        .ok_or_else(|| FormatError::at("gradient_booster", FormatFault::Missing("gradient_booster.model")))?;
    check_outputs(&param, &model)?;
    let features: usize = number(&param.num_feature, "learner_model_param.num_feature")?;
    let (link, base) = start(&objective.name, &param.base_score)?;
    check_names(&feature_names, features, "learner.feature_names")?;
    let mut builder = Forest::builder(features).link(link).base(base).summing(Summing::Single);
    if model.trees.len() > TREES_MAX {
        let what = format!("a model of {} trees", model.trees.len());
        return Err(FormatError::unsupported(what, "train fewer").placed("trees"));
    }
    for (at, described) in model.trees.iter().enumerate() {
        let tree = tree(described).map_err(|error| {
            let place = format!("trees[{at}].{}", error.place);
            error.placed(place)
        })?;
        builder.tree(tree)?;
    }
    Ok(ImportedForest { format: Format::Xgboost, forest: builder.build()?, names: feature_names })
}

fn number<T: std::str::FromStr>(text: &str, field: &str) -> Result<T, FormatError> {
    text.parse().map_err(|_| FormatError::at(field, FormatFault::Value(shortened(text), "a number that fits here")))
}

fn check_outputs(param: &LearnerParam, model: &Model) -> Result<(), FormatError> {
    let classes: u32 = number(&param.num_class, "learner_model_param.num_class")?;
    let targets: u32 = number(&param.num_target, "learner_model_param.num_target")?;
    let vectors = model.trees.iter().any(|tree| !["0", "1"].contains(&tree.tree_param.size_leaf_vector.as_str()));
    if classes > 1 || targets > 1 || vectors || model.tree_info.iter().any(|class| *class != 0) {
        return Err(FormatError::unsupported("a model with several outputs", "train one binary model for each class"));
    }
    Ok(())
}

/// What the sum means, and where it starts: the base score is given as an output, so log-odds are made of it.
fn start(objective: &str, base_score: &str) -> Result<(Link, f64), FormatError> {
    let field = "learner_model_param.base_score";
    let score: f32 = number(base_score.trim_start_matches('[').trim_end_matches(']'), field)?;
    match objective {
        "binary:logistic" | "reg:logistic" => {
            if !(score > 0.0 && score < 1.0) {
                return Err(FormatError::at(field, FormatFault::Value(shortened(base_score), "a probability")));
            }
            let base = -ln(f64::from(1.0 / score - 1.0)) as f32;
            Ok((Link::Logistic { slope: 1.0 }, f64::from(base)))
        }
        "reg:squarederror" => Ok((Link::Identity, f64::from(score))),
        other => {
            let what = format!("the objective '{}'", shortened(other));
            let instead = "train with objective binary:logistic or reg:squarederror";
            Err(FormatError::unsupported(what, instead).placed("objective.name"))
        }
    }
}

/// The nodes that the root leads to, numbered anew; pruned ones stay behind in the file.
fn tree(described: &Described) -> Result<Tree, FormatError> {
    check_lists(described)?;
    let mut tree = Tree::default();
    // (node of the file, the split that waits for it and whether on its left)
    let mut ahead = vec![(0_usize, None)];
    let mut met = vec![false; described.left_children.len()];
    while let Some((at, parent)) = ahead.pop() {
        let beyond =
            || FormatError::at("left_children", FormatFault::Corrupt(format!("there is no node {}", at as i64)));
        if std::mem::replace(met.get_mut(at).ok_or_else(beyond)?, true) {
            let why = format!("two ways lead to node {at}");
            return Err(FormatError::at("left_children", FormatFault::Corrupt(why)));
        }
        let cover = f64::from(described.sum_hessian[at]);
        let (left, right) = (described.left_children[at], described.right_children[at]);
        let own = if left == -1 {
            tree.leaves.push(Leaf { value: f64::from(described.split_conditions[at]), cover });
            Child::Leaf(tree.leaves.len() as u32 - 1)
        } else {
            let place = tree.splits.len();
            tree.splits.push(split(described, at, cover)?);
            // A negative child becomes a node that does not exist.
            ahead.extend([(right as usize, Some((place, false))), (left as usize, Some((place, true)))]);
            Child::Split(place as u32)
        };
        if let Some((place, on_left)) = parent {
            let split: &mut Split = &mut tree.splits[place];
            *(if on_left { &mut split.left } else { &mut split.right }) = own;
        }
    }
    Ok(tree)
}

/// A split whose children are not known yet.
fn split(described: &Described, at: usize, cover: f64) -> Result<Split, FormatError> {
    if described.split_type.get(at).is_some_and(|kind| *kind != 0) {
        let what = "a split on a set of categories";
        return Err(FormatError::unsupported(what, "train without enable_categorical").placed("split_type"));
    }
    let condition = described.split_conditions[at];
    let test = Test::below_f32(condition, described.default_left[at].set()).ok_or_else(|| {
        let due = "a finite threshold";
        FormatError::at("split_conditions", FormatFault::Value(condition.to_string(), due))
    })?;
    Ok(Split { feature: described.split_indices[at], test, left: Child::Leaf(0), right: Child::Leaf(0), cover })
}

fn check_lists(described: &Described) -> Result<(), FormatError> {
    let due = described.left_children.len();
    if due == 0 || due > 2 * LEAVES_MAX {
        return Err(FormatError::unsupported(format!("a tree of {due} nodes"), "limit max_depth or max_leaves")
            .placed("left_children"));
    }
    let lists = [
        ("right_children", described.right_children.len()),
        ("split_conditions", described.split_conditions.len()),
        ("split_indices", described.split_indices.len()),
        ("default_left", described.default_left.len()),
        ("sum_hessian", described.sum_hessian.len()),
    ];
    match lists.into_iter().find(|(_, given)| *given != due) {
        Some((field, given)) => Err(FormatError::at(field, FormatFault::Length { given, due })),
        None => Ok(()),
    }
}
