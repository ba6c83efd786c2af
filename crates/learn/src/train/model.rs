//! A training as the models that a desk seats: the trees with their calibration folded in, the net with its scales and
//! cadence, and the second model; each with where it was trained.
//!
//! `seen` what a dataset says of a model's inputs

pub(crate) mod seen;

use std::path::Path;

use ensemble::{Artefact, Brain, Line as Calibration, Scale, Sequence, Trained, meta};
use market::{Span, Time};
use models::forest::{Child, Leaf, Link, Missing, Split, Test, Tree as Flat};

use crate::dataset::read::Columns;
use crate::fault::Fault;
use crate::train::calibrate::Line;
use crate::train::gru::{CLIP, GruModel, diverged};
use crate::train::meta::{MetaColumns, names};
use crate::train::pipeline::ground::Ground;
use crate::train::pipeline::judge::Report;
use crate::train::pipeline::{Worth, two};
use crate::train::trees::{Forest, Tree};

/// A model, with some rows that it can be asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The model with its digest.
    pub model: Artefact,
    /// Rows, evenly spread over the dataset, as long as the model's are; NaN where something was not ready.
    pub rows: Vec<Vec<f64>>,
}

/// What became of one seat's training.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which seat.
    pub seat: Trained,
    /// The model, or why there is none.
    pub made: Result<Made, String>,
}

/// The models of a training's folder, for the dataset that it was trained on, in the order of their seats. A model that
/// learned nothing that could be said is none, with the reason.
///
/// # Errors
/// [`Fault`]: a file is missing or not what the training wrote.
pub fn models(dataset: &Path, out: &Path, name: &str) -> Result<Vec<Outcome>, Fault> {
    let report: Report = read(&out.join("report.json"))?;
    let ground = Ground::of(dataset, &report.spec)?;
    if *ground.data.meta() != report.meta {
        return Err(Fault::Asked("dataset", "is not the one that these models were trained on".into()));
    }
    let maker = Maker { ground, report, out, name };
    let trees = maker.trees();
    let meta = match &trees {
        Ok(trees) => maker.meta(&trees.model),
        Err(_) => Err(Fault::TooLittle("trees to judge", 0, 1)),
    };
    let made = [(Trained::Trees, trees), (Trained::Sequence, maker.net()), (Trained::Meta, meta)];
    made.into_iter().map(|(seat, made)| Ok(Outcome { seat, made: said(made)? })).collect()
}

/// Too little is a reason, anything else a fault.
fn said(made: Result<Made, Fault>) -> Result<Result<Made, String>, Fault> {
    match made {
        Ok(made) => Ok(Ok(made)),
        Err(why @ Fault::TooLittle(..)) => Ok(Err(why.to_string())),
        Err(fault) => Err(fault),
    }
}

struct Maker<'a> {
    ground: Ground,
    report: Report,
    out: &'a Path,
    name: &'a str,
}

impl Maker<'_> {
    fn trees(&self) -> Result<Made, Fault> {
        let forests: [Forest; 2] = [self.read("trees_buy.json")?, self.read("trees_sell.json")?];
        let [buy, sell] = [0, 1].map(|side| flat(&forests[side], &self.report.worth[side].line));
        let rows = seen::rows(&self.ground.data, &forests[0].features)?;
        self.made(&forests[0].features, rows, Brain::Trees([buy?, sell?]))
    }

    fn net(&self) -> Result<Made, Fault> {
        let Some(spec) = &self.report.spec.gru else { return Err(Fault::TooLittle("nets asked for", 0, 1)) };
        let model: GruModel = self.read("gru.json")?;
        let path = self.out.join("gru.f64");
        let bytes = std::fs::read(&path).map_err(|error| Fault::file(&path, &error))?;
        let said = two(&bytes, self.ground.data.rows())?;
        let [buy, sell] = [0, 1].map(|side| self.line(side, &said[side]));
        let scales = model.mean.iter().zip(&model.scale).map(|(mean, scale)| Scale { mean: *mean, deviation: *scale });
        let sequence = Sequence {
            net: model.net().ok_or_else(diverged)?,
            scales: scales.collect(),
            clip: CLIP,
            cadence: seen::cadence(&self.ground)?,
            gap: Span(spec.gap),
            warm: spec.warm as u32,
            lines: [buy?, sell?],
        };
        let rows = seen::rows(&self.ground.data, &model.features)?;
        self.made(&model.features, rows, Brain::Sequence(Box::new(sequence)))
    }

    fn meta(&self, trees: &Artefact) -> Result<Made, Fault> {
        let forest: Forest = self.read("meta.json")?;
        let worth: Worth = self.read("meta.worth.json")?;
        let forest = flat(&forest, &worth.line)?;
        let context: Vec<String> = meta::CONTEXT.iter().map(|feature| feature.name().to_owned()).collect();
        let features: Vec<String> = trees.parts().inputs.iter().map(|input| input.feature.name().to_owned()).collect();
        // Questions are about what the trees say, which it has learned to judge.
        let mut p = [vec![f64::NAN; self.ground.data.rows()], vec![f64::NAN; self.ground.data.rows()]];
        for (row, asked) in seen::asked(&self.ground.data).zip(seen::rows(&self.ground.data, &features)?) {
            for (p, odds) in p.iter_mut().zip(trees.log_odds(&asked)) {
                p[row] = meta::probability(odds);
            }
        }
        let columns = MetaColumns::of(&self.ground.data, [&p[0], &p[1]], &self.ground.barrier)?;
        let rows = seen::rows(&columns, &names())?;
        self.made(&context, rows, Brain::Meta { forest, of: *trees.digest() })
    }

    fn made(&self, names: &[String], rows: Vec<Vec<f64>>, brain: Brain) -> Result<Made, Fault> {
        let time = |row: Option<&u32>| row.map_or(Time(0), |row| Time(self.ground.times[*row as usize]));
        let trained = (time(self.ground.develop.first()), time(self.ground.develop.last()));
        seen::made(&self.ground, (self.name, names), trained, rows, brain)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, file: &str) -> Result<T, Fault> {
        read(&self.out.join(file))
    }

    /// What scores of rows that the net did not learn from are worth.
    fn line(&self, side: usize, said: &[f64]) -> Result<Calibration, Fault> {
        let labels = &self.ground.sides[side];
        let rows: Vec<usize> =
            self.ground.develop.iter().map(|row| *row as usize).filter(|row| !said[*row].is_nan()).collect();
        let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        let came: Vec<bool> = rows.iter().map(|row| labels.won[*row]).collect();
        let prior = self.report.spec.calibration_prior;
        let line = Line::fit(&pick(said), &came, &pick(&labels.weight), prior)?;
        if line.slope > 0.0 {
            Ok(Calibration { slope: line.slope, offset: line.offset })
        } else {
            Err(Fault::TooLittle("nets that tell anything apart", 0, 1))
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Fault> {
    let bytes = std::fs::read(path).map_err(|error| Fault::file(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| Fault::content(path, &error))
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
mod served;
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
