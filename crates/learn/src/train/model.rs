//! Trained trees as the model that a desk seats: both forests, their calibration folded in, and where they were trained.

use std::path::Path;

use ensemble::{Barrier, Input, Parts};
use features::Feature;
use market::{Points, Span};
use models::forest::{Child, Leaf, Link, Missing, Split, Test, Tree as Flat};

use crate::dataset::meta::Meta;
use crate::dataset::read::{Columns, Dataset};
use crate::fault::Fault;
use crate::train::calibrate::Line;
use crate::train::pipeline::judge::Report;
use crate::train::trees::{Forest, Tree};

/// The share of training values that lies below, and above, what counts as inside.
const TAIL: f64 = 0.001;

/// How many rows of the dataset go with a model, as questions.
const ROWS: usize = 16;

/// A model, with some rows that it can be asked about and the time that it learned from.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The model.
    pub parts: Parts,
    /// Rows of the dataset, evenly spread, NaN where a feature was not ready.
    pub rows: Vec<Vec<f64>>,
    /// The first and the last moment that was learned from, in nanoseconds since 1970 UTC.
    pub period: (i64, i64),
}

/// The model of a training's folder, for the dataset that it was trained on.
///
/// # Errors
/// [`Fault`]: a file is missing or not what the training wrote, or the trees learned nothing that could be said.
pub fn model(dataset: &Path, out: &Path, name: &str) -> Result<Made, Fault> {
    let report: Report = read(&out.join("report.json"))?;
    let forests: [Forest; 2] = [read(&out.join("trees_buy.json"))?, read(&out.join("trees_sell.json"))?];
    let data = Dataset::open(dataset)?;
    if *data.meta() != report.meta {
        return Err(Fault::Asked("dataset", "is not the one that these models were trained on".into()));
    }
    let barrier = barrier(&report.meta);
    let mut rows = vec![Vec::new(); ROWS.min(data.rows())];
    let inputs = inputs(&data, &forests[0].features, report.develop, &mut rows)?;
    let missing_max = inputs.iter().map(|(_, missing)| u32::from(*missing)).sum();
    let inputs: Vec<Input> = inputs.into_iter().map(|(input, _)| input).collect();
    let outside_max = (inputs.len() / 10) as u32;
    let [buy, sell] = [0, 1].map(|side| flat(&forests[side], &report.worth[side].line));
    let parts = Parts { name: name.to_owned(), barrier, inputs, outside_max, missing_max, forests: [buy?, sell?] };
    let times = data.times()?;
    let last = report.develop.clamp(1, times.len().max(1)) - 1;
    let period = (times.first().copied().unwrap_or(0), times.get(last).copied().unwrap_or(0));
    Ok(Made { parts, rows, period })
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Fault> {
    let bytes = std::fs::read(path).map_err(|error| Fault::file(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| Fault::content(path, &error))
}

fn barrier(meta: &Meta) -> Barrier {
    let of = &meta.barrier;
    Barrier {
        target: Points(of.target),
        stop: Points(of.stop),
        horizon: Span::from_millis(of.horizon_ms),
        commission_points: of.commission,
    }
}

/// What the trees read, with the range of nearly all training values, and whether it was ever missing there.
fn inputs(
    data: &Dataset,
    names: &[String],
    develop: usize,
    rows: &mut [Vec<f64>],
) -> Result<Vec<(Input, bool)>, Fault> {
    let mut inputs = Vec::with_capacity(names.len());
    for name in names {
        let known = Feature::ALL.iter().copied().find(|feature| feature.name() == name);
        let feature = known.ok_or_else(|| Fault::Asked("features", format!("this build has no {name}")))?;
        let column = data.column(name)?;
        let step = column.len() / rows.len().max(1);
        for (nth, row) in rows.iter_mut().enumerate() {
            row.push(column[nth * step]);
        }
        let seen = &column[..develop.min(column.len())];
        let mut known: Vec<f64> = seen.iter().copied().filter(|value| value.is_finite()).collect();
        known.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| known.get(((known.len().max(1) - 1) as f64 * share).round() as usize).copied();
        let (low, high) = (at(TAIL).unwrap_or(0.0), at(1.0 - TAIL).unwrap_or(0.0));
        inputs.push((Input { feature, low, high }, known.len() < seen.len()));
    }
    Ok(inputs)
}

/// A forest whose sum is calibrated log-odds: `slope * (base + offset / slope + trees)`.
fn flat(forest: &Forest, line: &Line) -> Result<models::Forest, Fault> {
    let unfit = |error: models::ForestError| Fault::Asked("trees", error.to_string());
    if line.slope <= 0.0 || forest.trees.is_empty() {
        return Err(Fault::TooLittle("trees that tell anything apart", 0, 1));
    }
    let mut builder = models::Forest::builder(forest.features.len())
        .base(forest.base + line.offset / line.slope)
        .link(Link::Logistic { slope: line.slope });
    for tree in &forest.trees {
        builder.tree(flat_tree(tree)).map_err(unfit)?;
    }
    builder.build().map_err(unfit)
}

fn flat_tree(tree: &Tree) -> Flat {
    let child = |at: i32| if at < 0 { Child::Leaf(!at as u32) } else { Child::Split(at as u32) };
    let splits = (0..tree.feature.len()).map(|node| Split {
        feature: tree.feature[node],
        test: Test::AtMost {
            threshold: tree.threshold[node],
            missing: Missing::Nan,
            default_left: tree.default_left[node],
        },
        left: child(tree.left[node]),
        right: child(tree.right[node]),
        cover: f64::from(tree.node_rows[node]),
    });
    let leaves = tree.leaf_value.iter().zip(&tree.leaf_rows);
    let leaves = leaves.map(|(value, rows)| Leaf { value: *value, cover: f64::from(*rows) });
    Flat { splits: splits.collect(), leaves: leaves.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_forest_says_what_the_trained_one_says_after_calibration() {
        let tree = Tree {
            feature: vec![0, 1],
            threshold: vec![0.5, -1.0],
            default_left: vec![true, false],
            left: vec![1, -1],
            right: vec![-3, -2],
            gain: vec![2.0, 1.0],
            node_value: vec![0.0, 0.1],
            node_cover: vec![9.0, 5.0],
            node_rows: vec![36, 20],
            leaf_value: vec![0.3, -0.2, 0.7],
            leaf_cover: vec![2.0, 3.0, 4.0],
            leaf_rows: vec![8, 12, 16],
        };
        let forest = Forest { features: vec!["a".into(), "b".into()], base: -0.4, trees: vec![tree] };
        let line = Line { slope: 0.8, offset: 0.1 };
        let made = flat(&forest, &line).unwrap();
        for row in [[0.5, -1.0], [0.4, 0.0], [0.6, 9.0], [f64::NAN, -2.0], [0.0, f64::NAN]] {
            let expected = line.slope * forest.raw_score(&row) + line.offset;
            assert!((made.log_odds(&row).unwrap() - expected).abs() < 1e-12, "{row:?}");
        }
        assert!(flat(&forest, &Line { slope: 0.0, offset: 0.1 }).is_err());
        assert!(flat(&Forest { trees: vec![], ..forest }, &line).is_err());
    }
}
