//! The text that `LightGBM`'s `save_model` writes (versions v3 and v4).
//!
//! Read: boosted trees, DART (its weights are in the leaves), random forests (`average_output`: the leaves are divided
//! by the number of trees, so that the sum is `LightGBM`'s average), splits on numbers and on sets of categories.
//! Refused: several classes, linear trees, objectives whose output is not the sum itself or log-odds.
//! Bits of `decision_type`: 1 a set of categories, 2 missing goes left, 12 what is missing (0 nothing, 4 zero, 8 NaN).

use super::error::shortened;
use super::{Format, FormatError, FormatFault, ImportedForest, check_names};
use models::Forest;
use models::forest::{
    Child, FEATURES_MAX, LEAVES_MAX, Leaf, Link, Missing, SET_WORDS_MAX, Split, TREES_MAX, Test, Tree,
};
use std::collections::BTreeMap;
use std::str::FromStr;

/// The fields of a block, each with its line.
struct Fields<'a> {
    /// The line of the block's beginning.
    line: usize,
    fields: BTreeMap<&'a str, (usize, &'a str)>,
}

impl<'a> Fields<'a> {
    const fn new(line: usize) -> Self {
        Self { line, fields: BTreeMap::new() }
    }

    fn insert(&mut self, number: usize, line: &'a str) -> Result<(), FormatError> {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        match self.fields.insert(key, (number, value)) {
            Some(_) => Err(FormatError::at(place(number, key), FormatFault::Twice)),
            None => Ok(()),
        }
    }

    fn find(&self, key: &'static str) -> Option<(usize, &'a str)> {
        self.fields.get(key).copied()
    }

    fn text(&self, key: &'static str) -> Result<(usize, &'a str), FormatError> {
        self.find(key).ok_or_else(|| FormatError::at(format!("line {}", self.line), FormatFault::Missing(key)))
    }

    fn number<T: FromStr>(&self, key: &'static str) -> Result<T, FormatError> {
        let (line, text) = self.text(key)?;
        parse(line, key, text)
    }

    /// A list of exactly `due` numbers.
    fn list<T: FromStr>(&self, key: &'static str, due: usize) -> Result<Vec<T>, FormatError> {
        let (line, text) = self.text(key)?;
        let given = text.split_ascii_whitespace().count();
        if given != due {
            return Err(FormatError::at(place(line, key), FormatFault::Length { given, due }));
        }
        text.split_ascii_whitespace().map(|word| parse(line, key, word)).collect()
    }

    /// A list of covers; zeros when it is not there.
    fn covers(&self, key: &'static str, due: usize) -> Result<Vec<f64>, FormatError> {
        if self.find(key).is_some_and(|(_, text)| !text.trim().is_empty()) {
            self.list(key, due)
        } else {
            Ok(vec![0.0; due])
        }
    }

    fn fault(&self, key: &'static str, fault: FormatFault) -> FormatError {
        FormatError::at(place(self.find(key).map_or(self.line, |(line, _)| line), key), fault)
    }
}

fn place(line: usize, key: &str) -> String {
    format!("line {line}, {}", shortened(key))
}

fn parse<T: FromStr>(line: usize, key: &str, word: &str) -> Result<T, FormatError> {
    word.trim()
        .parse()
        .map_err(|_| FormatError::at(place(line, key), FormatFault::Value(shortened(word), "a number that fits here")))
}

/// Makes a forest of `LightGBM`'s text.
///
/// # Errors
/// As [`super::forest`]; the place is a line and a field.
pub fn read(bytes: &[u8]) -> Result<ImportedForest, FormatError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        FormatError::whole(FormatFault::Corrupt(format!("byte {} is no text", error.valid_up_to())))
    })?;
    let (head, blocks) = blocks(text)?;
    let features = check_head(&head)?;
    let mut builder = Forest::builder(features).link(link(&head)?);
    let declared = head.text("tree_sizes")?.1.split_ascii_whitespace().count();
    if declared != blocks.len() {
        return Err(head.fault("tree_sizes", FormatFault::Length { given: declared, due: blocks.len() }));
    }
    let divisor = if head.find("average_output").is_some() { blocks.len() as f64 } else { 1.0 };
    for (at, block) in blocks.iter().enumerate() {
        if block.number::<usize>("Tree")? != at {
            return Err(block.fault("Tree", FormatFault::Corrupt(format!("the trees are out of order at {at}"))));
        }
        let tree = tree(block, divisor)?;
        builder.tree(tree).map_err(|error| FormatError::from(error).placed(format!("line {}", block.line)))?;
    }
    let names: Vec<String> = head.text("feature_names")?.1.split_ascii_whitespace().map(str::to_owned).collect();
    check_names(&names, features, "feature_names")?;
    Ok(ImportedForest { format: Format::LightGbm, forest: builder.build()?, names })
}

/// The head and the trees; what follows `end of trees` is for people.
fn blocks(text: &str) -> Result<(Fields<'_>, Vec<Fields<'_>>), FormatError> {
    let (mut head, mut trees) = (Fields::new(1), Vec::new());
    for (line, number) in text.lines().zip(1..).skip(1) {
        match line.trim_ascii_end() {
            "" => {}
            "end of trees" => return Ok((head, trees)),
            line => {
                if line.starts_with("Tree=") {
                    if trees.len() == TREES_MAX {
                        let what = format!("more than {TREES_MAX} trees");
                        return Err(FormatError::unsupported(what, "train fewer").placed(format!("line {number}")));
                    }
                    trees.push(Fields::new(number));
                }
                trees.last_mut().unwrap_or(&mut head).insert(number, line)?;
            }
        }
    }
    Err(FormatError::whole(FormatFault::Corrupt("it ends before the line 'end of trees': the file was cut".into())))
}

/// Checks what must be so, and answers how many features a row has.
fn check_head(head: &Fields<'_>) -> Result<usize, FormatError> {
    let (_, version) = head.text("version")?;
    if !["v3", "v4"].contains(&version) {
        let what = format!("version '{}'", shortened(version));
        return Err(head.fault("version", FormatFault::Unsupported(what, "save it with LightGBM 3 or 4")));
    }
    for key in ["num_class", "num_tree_per_iteration"] {
        if head.number::<u32>(key)? != 1 {
            let what = "a model with several outputs".to_owned();
            return Err(head.fault(key, FormatFault::Unsupported(what, "train one binary model for each class")));
        }
    }
    let last: usize = head.number("max_feature_idx")?;
    if last >= FEATURES_MAX {
        let what = format!("a row of more than {FEATURES_MAX} features");
        return Err(head.fault("max_feature_idx", FormatFault::Unsupported(what, "choose features")));
    }
    Ok(last + 1)
}

fn link(head: &Fields<'_>) -> Result<Link, FormatError> {
    let (line, text) = head.text("objective")?;
    let mut words = text.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let link = match name {
        "binary" => {
            let mut slope = 1.0;
            for word in words.by_ref() {
                let Some(("sigmoid", value)) = word.split_once(':') else { continue };
                slope = parse(line, "objective", value)?;
            }
            Link::Logistic { slope }
        }
        "cross_entropy" | "xentropy" => Link::Logistic { slope: 1.0 },
        "regression" | "regression_l2" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" => Link::Identity,
        other => {
            let what = format!("the objective '{}'", shortened(other));
            let instead = "train with objective binary or regression";
            return Err(head.fault("objective", FormatFault::Unsupported(what, instead)));
        }
    };
    if words.any(|word| word == "sqrt") {
        let what = "the objective 'regression sqrt'".to_owned();
        return Err(head.fault("objective", FormatFault::Unsupported(what, "train without reg_sqrt")));
    }
    Ok(link)
}

fn tree(block: &Fields<'_>, divisor: f64) -> Result<Tree, FormatError> {
    let leaves: usize = block.number("num_leaves")?;
    if !(1..=LEAVES_MAX).contains(&leaves) {
        let what = format!("a tree of {leaves} leaves");
        return Err(block.fault("num_leaves", FormatFault::Unsupported(what, "train with a num_leaves of 1 to 8192")));
    }
    if block.find("is_linear").is_some_and(|(_, text)| text != "0") {
        let what = "a linear tree".to_owned();
        return Err(block.fault("is_linear", FormatFault::Unsupported(what, "train without linear_tree")));
    }
    let values: Vec<f64> = block.list("leaf_value", leaves)?;
    let covers = block.covers("leaf_count", leaves)?;
    let leaf = |(value, cover): (f64, f64)| Leaf { value: value / divisor, cover };
    let leaves = values.into_iter().zip(covers).map(leaf).collect();
    Ok(Tree { leaves, splits: splits(block)? })
}

fn splits(block: &Fields<'_>) -> Result<Vec<Split>, FormatError> {
    let due = block.number::<usize>("num_leaves")?.saturating_sub(1);
    if due == 0 {
        return Ok(Vec::new());
    }
    let features: Vec<u32> = block.list("split_feature", due)?;
    let thresholds: Vec<f64> = block.list("threshold", due)?;
    let decisions: Vec<u8> = block.list("decision_type", due)?;
    let left: Vec<i32> = block.list("left_child", due)?;
    let right: Vec<i32> = block.list("right_child", due)?;
    let covers = block.covers("internal_count", due)?;
    let sets = sets(block)?;
    let child = |place: i32| if place < 0 { Child::Leaf(!place as u32) } else { Child::Split(place as u32) };
    let split = |i: usize| {
        let test = test(block, decisions[i], thresholds[i], &sets)?;
        Ok(Split { feature: features[i], test, left: child(left[i]), right: child(right[i]), cover: covers[i] })
    };
    (0..due).map(split).collect()
}

fn test(block: &Fields<'_>, decision: u8, threshold: f64, sets: &[Vec<u32>]) -> Result<Test, FormatError> {
    let wrong = |why: String| block.fault("decision_type", FormatFault::Corrupt(why));
    if decision & 1 == 1 {
        // The threshold is the number of the set; the cast saturates, so a negative one would become the first.
        let set = if threshold >= 0.0 { sets.get(threshold as usize) } else { None };
        let set = set.ok_or_else(|| wrong(format!("there is no set {threshold} of categories")))?;
        return Ok(Test::In { set: set.clone() });
    }
    let missing = match decision >> 2 {
        0 => Missing::None,
        1 => Missing::Zero,
        2 => Missing::Nan,
        _ => return Err(wrong(format!("{decision} is no decision"))),
    };
    Ok(Test::AtMost { threshold, missing, default_left: decision & 2 == 2 })
}

/// The sets of categories, as words of 32 bits.
fn sets(block: &Fields<'_>) -> Result<Vec<Vec<u32>>, FormatError> {
    let count: usize = block.number("num_cat")?;
    if count == 0 {
        return Ok(Vec::new());
    }
    if count >= LEAVES_MAX {
        let what = format!("a tree of {count} sets");
        return Err(block.fault("num_cat", FormatFault::Unsupported(what, "train with fewer leaves")));
    }
    let bounds: Vec<usize> = block.list("cat_boundaries", count + 1)?;
    let last = bounds.last().copied().unwrap_or(0);
    if bounds.first() != Some(&0) || !bounds.is_sorted() || last > count * SET_WORDS_MAX {
        let why = "the bounds do not rise from 0, or the sets are too large".to_owned();
        return Err(block.fault("cat_boundaries", FormatFault::Corrupt(why)));
    }
    let words: Vec<u32> = block.list("cat_threshold", last)?;
    Ok(bounds.windows(2).map(|ends| words[ends[0]..ends[1]].to_vec()).collect())
}
