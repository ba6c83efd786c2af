//! A model that was trained elsewhere as one of ours: read as it is, its features matched by name, judged on rows later
//! than all that it has learned from.
//!
//! `foreign` files into forests and nets    `tests` a training of ours, adopted again, says the same
//!
//! What it was trained on is the word of whoever adopts it. The ranges of its inputs are those of the dataset's
//! development rows, its scores are left as they are: nothing of it is fitted here.

mod foreign;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ensemble::{Brain, Line, Scale, Sequence};
use market::math::sigmoid;
use market::{Span, Time};
use models::Net;
use serde::{Deserialize, Serialize};

use crate::dataset::meta::Meta;
use crate::dataset::read::Columns;
use crate::fault::Fault;
use crate::train::gru::{self, GruSpec, Inputs};
use crate::train::meta::MetaColumns;
use crate::train::model::{Made, seen};
use crate::train::pipeline::ground::Ground;
use crate::train::pipeline::judge::{Judged, Rule};
use crate::train::pipeline::spec::TrainSpec;
use foreign::Read;

/// The name and version of what an adoption writes down.
pub const SCHEMA: &str = "scalpel-adoption/1";

/// The inputs of a foreign net are not clipped, but to what a model can hold.
const CLIP: f64 = 1e6;

/// The files of a model that was trained elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// Boosted trees of the buy and of the sell side: `LightGBM`'s text or `XGBoost`'s JSON.
    Trees([PathBuf; 2]),
    /// A net in ONNX with two outputs: log-odds of a buy and of a sell.
    Net(PathBuf),
}

/// What a foreign net wants of its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Features as they are; a missing one is zero.
    #[default]
    Raw,
    /// Less the mean and by the deviation of the dataset's development rows; a missing one is the mean.
    Standard,
}

/// What is a choice about an adoption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptSpec {
    /// The last moment that it has learned from, in nanoseconds since 1970 UTC.
    pub trained_until: i64,
    /// From here on rows are judged, in nanoseconds since 1970 UTC. None: the last fifth, or less where it has learned of
    /// that.
    pub test_from: Option<i64>,
    /// Whether what lies beyond the cut is left unjudged.
    pub sealed: bool,
    /// The features in the order of a row, for a file that does not name them.
    pub features: Vec<String>,
    /// What a net wants of its inputs.
    pub scaling: Scaling,
}

/// A file that a model came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its name.
    pub file: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// What wrote it: `LightGBM`, `XGBoost` or `ONNX`.
    pub format: String,
}

/// What an adoption found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adoption {
    /// [`SCHEMA`].
    pub schema: String,
    /// The files, the buy side's first.
    pub files: Vec<Origin>,
    /// The dataset.
    pub dataset_sha256: String,
    /// What the dataset says about itself.
    pub meta: Meta,
    /// How it was adopted.
    pub spec: AdoptSpec,
    /// The features in the order of a row.
    pub features: Vec<String>,
    /// Rows before the cut; the ranges of its inputs are theirs.
    pub develop: usize,
    /// Rows judged on.
    pub test: usize,
    /// The first and the last moment of what lies beyond the cut, in nanoseconds since 1970 UTC.
    pub beyond: Option<(i64, i64)>,
    /// Both sides and the direction, judged; `develop` is of rows before the cut that it has not learned from.
    pub judged: Vec<Judged>,
    /// What rules would have earned.
    pub rules: Vec<Rule>,
}

/// Reads a foreign model and judges it on a dataset, under a name.
///
/// # Errors
/// [`Fault`]: a file that is no such model, features that this build or the dataset lacks, an output that is no log-odds, or
/// no rows that it has not learned from.
pub fn adopt(dataset: &Path, (name, foreign): (&str, &Foreign), spec: &AdoptSpec) -> Result<(Adoption, Made), Fault> {
    let Read { files, features, brain: mind } = foreign::read(foreign, &spec.features)?;
    let ground = cut(dataset, spec)?;
    for name in &features {
        ground.data.column(name)?;
    }
    let (brain, odds) = match mind {
        foreign::Mind::Trees(forests) => {
            let odds = asked_of_trees(&ground, &features, &forests)?;
            (Brain::Trees(*forests), odds)
        }
        foreign::Mind::Net(net) => asked_of_net(&ground, &features, net, spec.scaling)?,
    };
    let honest = honest_from(&ground, spec.trained_until);
    let p = odds.map(|odds| {
        let fresh = odds.iter().zip(&ground.times).map(|(odds, time)| (*time > honest).then(|| sigmoid(*odds)));
        fresh.map(|p| p.unwrap_or(f64::NAN)).collect::<Vec<f64>>()
    });
    let rows = seen::rows(&ground.data, &features)?;
    let trained = (Time(spec.trained_until.min(0)), Time(spec.trained_until));
    let made = seen::made(&ground, (name, &features), trained, rows, brain)?;
    let side = MetaColumns::of(&ground.data, [&p[0], &p[1]], &ground.barrier)?.side;
    let adoption = Adoption {
        schema: SCHEMA.to_owned(),
        files,
        dataset_sha256: ground.digest.clone(),
        meta: ground.data.meta().clone(),
        spec: spec.clone(),
        features,
        develop: ground.develop.len(),
        test: ground.test.len(),
        beyond: ground.beyond(),
        judged: judged(&ground, model(foreign), &p),
        rules: Rule::voting(&ground, &p, &side),
    };
    Ok((adoption, made))
}

/// What its figures stand under.
const fn model(foreign: &Foreign) -> &'static str {
    match foreign {
        Foreign::Trees(_) => "trees",
        Foreign::Net(_) => "net",
    }
}

/// After this nothing that it meets was part of its training.
const fn honest_from(ground: &Ground, trained_until: i64) -> i64 {
    trained_until.saturating_add(ground.barrier.horizon.0)
}

/// The dataset, cut so that the rows judged on are later than what the model has learned from.
fn cut(dataset: &Path, spec: &AdoptSpec) -> Result<Ground, Fault> {
    let usual = TrainSpec { test_from: spec.test_from, sealed: spec.sealed, ..TrainSpec::usual(0) };
    let ground = Ground::of(dataset, &usual)?;
    let honest = honest_from(&ground, spec.trained_until);
    if ground.test.first().is_none_or(|row| ground.times[*row as usize] > honest) {
        return Ok(ground);
    }
    let shown = Time(honest);
    if spec.test_from.is_some() {
        let what = format!("must be after {shown}: until then it has learned, or labels of that time still live");
        return Err(Fault::Asked("test_from", what));
    }
    let later = ground.test.iter().any(|row| ground.times[*row as usize] > honest);
    if !later {
        let what = format!("the dataset has no labelled rows after {shown} to judge it on: build one of later days");
        return Err(Fault::Asked("trained_until", what));
    }
    Ground::of(dataset, &TrainSpec { test_from: Some(honest.saturating_add(1)), ..usual })
}

/// Log-odds of both sides at every row.
fn asked_of_trees(ground: &Ground, features: &[String], forests: &[models::Forest; 2]) -> Result<[Vec<f64>; 2], Fault> {
    let columns = features.iter().map(|name| ground.data.column(name)).collect::<Result<Vec<_>, _>>()?;
    let mut odds = [Vec::with_capacity(ground.data.rows()), Vec::with_capacity(ground.data.rows())];
    let mut x = vec![f64::NAN; columns.len()];
    for row in 0..ground.data.rows() {
        x.iter_mut().zip(&columns).for_each(|(x, column)| *x = column[row]);
        for (odds, forest) in odds.iter_mut().zip(forests) {
            odds.push(forest.log_odds(&x).unwrap_or(f64::NAN));
        }
    }
    Ok(odds)
}

/// The net with its scales, and its log-odds of both sides at every row, running over them as on the desk.
fn asked_of_net(
    ground: &Ground,
    features: &[String],
    (net, recurrent): (Net, bool),
    scaling: Scaling,
) -> Result<(Brain, [Vec<f64>; 2]), Fault> {
    let scales = match scaling {
        Scaling::Raw => vec![Scale { mean: 0.0, deviation: 1.0 }; features.len()],
        Scaling::Standard => {
            let fitted = Inputs::of(&ground.data, features, &ground.develop)?;
            let pairs = fitted.mean().iter().zip(fitted.scale());
            pairs.map(|(mean, deviation)| Scale { mean: *mean, deviation: *deviation }).collect()
        }
    };
    let usual = GruSpec::small(0);
    let inputs = Inputs::on(&ground.data, features, (&scales, CLIP))?;
    let all: Vec<u32> = (0..ground.data.rows() as u32).collect();
    let ran = gru::run(&net, &inputs, &ground.times, &all, usual.gap);
    let odds = [0, 1].map(|side| ran.iter().map(|said| said[side]).collect());
    let line = Line { slope: 1.0, offset: 0.0 };
    let sequence = Sequence {
        net,
        scales,
        clip: CLIP,
        cadence: seen::cadence(ground)?,
        gap: Span(usual.gap),
        warm: if recurrent { usual.warm as u32 } else { 0 },
        lines: [line, line],
    };
    Ok((Brain::Sequence(Box::new(sequence)), odds))
}

fn judged(ground: &Ground, model: &str, p: &[Vec<f64>; 2]) -> Vec<Judged> {
    let mut judged = Vec::new();
    for (nth, name) in ["buy", "sell"].into_iter().enumerate() {
        judged.push(Judged::of(ground, (model, name), &p[nth], &ground.sides[nth]));
    }
    let odds = p.each_ref().map(|p| p.iter().map(|p| market::math::logit(*p)).collect::<Vec<f64>>());
    let between: Vec<f64> = odds[0].iter().zip(&odds[1]).map(|(buy, sell)| sigmoid(buy - sell)).collect();
    judged.push(Judged::of(ground, (model, "direction"), &between, &ground.direction()));
    judged
}
