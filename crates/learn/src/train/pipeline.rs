//! All of it, in order: trees of each side with out-of-fold scores, their calibration, the logistic regression, the net,
//! the second model, and what they are worth on days that none of them saw.
//!
//! `spec`   what is a choice    `ground` the rows    `judge` figures

pub mod ground;
pub mod judge;
pub mod spec;

use std::path::Path;

use rayon::ThreadPoolBuilder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dataset::read::Columns;
use crate::fault::Fault;
use crate::progress::Progress;
use crate::train::bins::Binned;
use crate::train::boost::{BoostSpec, Labels, boost};
use crate::train::calibrate::{Calibrator, Line};
use crate::train::conformal::{block_scores, quantile};
use crate::train::folds::Fold;
use crate::train::gru::{self, GruModel, GruSpec, Inputs};
use crate::train::meta::{self, MetaColumns};
use crate::train::pipeline::ground::Ground;
use crate::train::pipeline::judge::{Judged, Quality, Report, Rule};
use crate::train::pipeline::spec::TrainSpec;
use crate::train::stages::Stages;
use crate::train::trees::Forest;
use crate::train::{logistic, metrics};

/// What stands beside a forest: what its scores are worth.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Worth {
    /// From raw scores to probabilities, fitted out of fold.
    pub line: Line,
    /// How far a block's share may be from what was said; `None` when there were too few blocks.
    pub width: Option<f64>,
    /// Trees that each fold stopped at.
    pub fold_trees: Vec<usize>,
}

/// A forest with the scores of rows that it, or its twins in the folds, did not learn from (NaN elsewhere).
struct Scored {
    forest: Forest,
    worth: Worth,
    scores: Vec<f64>,
}

/// Trains everything from a dataset into a folder, with so many threads. What a killed run finished is not done again.
///
/// # Errors
/// [`Fault`]: the dataset, the folder, a spec that makes no sense, too little to learn from, or a wish to stop.
pub fn train(
    dataset: &Path,
    out: &Path,
    spec: &TrainSpec,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Report, Fault> {
    spec.check()?;
    if !(1..=1_024).contains(&threads) {
        return Err(Fault::Asked("threads", "must be 1 to 1,024".into()));
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Fault::Asked("threads", error.to_string()))?;
    pool.install(|| {
        let ground = Ground::of(dataset, spec)?;
        let stages = Stages::open(out)?;
        Run { ground, spec, stages, progress }.all()
    })
}

struct Run<'a> {
    ground: Ground,
    spec: &'a TrainSpec,
    stages: Stages,
    progress: &'a dyn Progress,
}

impl Run<'_> {
    fn all(mut self) -> Result<Report, Fault> {
        let mut binned = None;
        let buy = self.side(0, &mut binned)?;
        let sell = self.side(1, &mut binned)?;
        drop(binned);
        let trees = [buy, sell];
        let logistic = self.logistic()?;
        let gru = self.gru()?;
        let p = trees.each_ref().map(|side| probabilities(&side.scores, &side.worth.line));
        let meta = self.meta(&p)?;
        self.report(&trees, &p, &logistic, gru.as_ref(), &meta)
    }

    /// The digest of everything that all stages are made from.
    fn key(&self, parts: &impl Serialize) -> Result<String, Fault> {
        let text = serde_json::to_string(&(&self.ground.digest, &self.ground.cut(), parts));
        text.map_err(|error| Fault::Asked("spec", error.to_string()))
    }

    fn side(&mut self, side: usize, binned: &mut Option<Binned>) -> Result<Scored, Fault> {
        let name = ["trees_buy", "trees_sell"][side];
        let files =
            [format!("{name}.json"), format!("{name}.txt"), format!("{name}.worth.json"), format!("{name}.f64")];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let (spec, progress) = (self.spec, self.progress);
        let Self { ground, stages, .. } = self;
        let ground = &*ground;
        let features = spec.features_of(ground.data.meta());
        let key = serde_json::to_string(&(&ground.digest, ground.cut(), &features, &spec.boost, spec.folding()));
        let key = key.map_err(|error| Fault::Asked("spec", error.to_string()))?;
        let bytes = stages.run(name, (&[&key], &files), || {
            if binned.is_none() {
                let made = Binned::of(&ground.data, &features, &ground.develop, spec.boost.bins)?;
                *binned = Some(made);
            }
            let Some(binned) = binned.as_ref() else { return Err(Fault::Stopped) };
            let labels = &ground.sides[side];
            let labels = Labels { came: &labels.won, weight: &labels.weight };
            fit(binned, labels, ground, (&spec.boost, spec), (name, progress)).and_then(|scored| pack(&scored))
        })?;
        unpack(&bytes)
    }

    fn meta(&mut self, p: &[Vec<f64>; 2]) -> Result<(Scored, Vec<u8>), Fault> {
        let files = ["meta.json", "meta.txt", "meta.worth.json", "meta.f64"];
        let key = self.key(&(&self.spec.meta, &self.spec.boost, self.spec.folding(), &self.spec.features))?;
        let (spec, progress) = (self.spec, self.progress);
        let Self { ground, stages, .. } = self;
        let ground = &*ground;
        let seen = MetaColumns::of(&ground.data, [&p[0], &p[1]], &ground.barrier)?;
        let chosen = |row: usize| &ground.sides[usize::from(seen.side[row])];
        let rows = seen.side.len();
        let came: Vec<bool> = (0..rows).map(|row| chosen(row).won[row]).collect();
        let weight: Vec<f64> =
            (0..rows).map(|row| if p[0][row].is_nan() { 0.0 } else { chosen(row).weight[row] }).collect();
        let bytes = stages.run("meta", (&[&key], &files), || {
            let binned = Binned::of(&seen, &meta::names(), &ground.develop, spec.meta.bins)?;
            let labels = Labels { came: &came, weight: &weight };
            fit(&binned, labels, ground, (&spec.meta, spec), ("meta", progress)).and_then(|scored| pack(&scored))
        })?;
        Ok((unpack(&bytes)?, seen.side))
    }

    fn logistic(&mut self) -> Result<[Vec<f64>; 2], Fault> {
        let key = self.key(&(&self.spec.logistic, &self.spec.logistic_features))?;
        let spec = self.spec;
        let Self { ground, stages, .. } = self;
        let ground = &*ground;
        let bytes = stages.run("logistic", (&[&key], &["logistic.json", "logistic.f64"]), || {
            let labels = ground.both();
            let ended = [ground.sides[0].ended.as_slice(), ground.sides[1].ended.as_slice()];
            let rows = (ground.develop.as_slice(), ground.test.as_slice());
            let ftrl = spec.logistic.ftrl();
            let ran =
                logistic::run(&ground.data, &spec.logistic_features, (&ground.times, ended, labels), rows, &ftrl)?;
            Ok(vec![json(&ran.model)?, packed(&ran.said)])
        })?;
        two(&bytes[1], ground.data.rows())
    }

    fn gru(&mut self) -> Result<Option<[Vec<f64>; 2]>, Fault> {
        let Some(net) = self.spec.gru.clone() else { return Ok(None) };
        let key = self.key(&(&net, self.spec.early))?;
        let (spec, progress) = (self.spec, self.progress);
        let Self { ground, stages, .. } = self;
        let ground = &*ground;
        let bytes = stages.run("gru", (&[&key], &["gru.json", "gru.f64"]), || {
            let (model, said) = gru_of(ground, &net, spec.early, progress)?;
            Ok(vec![json(&model)?, packed(&said)])
        })?;
        two(&bytes[1], ground.data.rows()).map(Some)
    }

    fn report(
        mut self,
        trees: &[Scored; 2],
        p: &[Vec<f64>; 2],
        logistic: &[Vec<f64>; 2],
        gru: Option<&[Vec<f64>; 2]>,
        (meta, side): &(Scored, Vec<u8>),
    ) -> Result<Report, Fault> {
        let ground = &self.ground;
        let mut judged = Vec::new();
        for (nth, name) in ["buy", "sell"].into_iter().enumerate() {
            let mut add = |model: &str, p: &[f64]| {
                judged.push(Judged::of(ground, (model, name), p, &ground.sides[nth]));
            };
            add("trees", &p[nth]);
            let odds = |said: &[Vec<f64>; 2]| said[nth].iter().map(|odds| market::math::sigmoid(*odds)).collect();
            let said: Vec<f64> = odds(logistic);
            add("logistic", &said);
            if let Some(gru) = gru {
                let said: Vec<f64> = odds(gru);
                add("gru", &said);
            }
        }
        let direction = ground.direction();
        let between = |said: [&[f64]; 2]| -> Vec<f64> {
            said[0].iter().zip(said[1]).map(|(buy, sell)| market::math::sigmoid(buy - sell)).collect()
        };
        let odds = p.each_ref().map(|p| p.iter().map(|p| market::math::logit(*p)).collect::<Vec<f64>>());
        let said = between([&odds[0], &odds[1]]);
        judged.push(Judged::of(ground, ("trees", "direction"), &said, &direction));
        for (model, said) in [("logistic", Some(logistic)), ("gru", gru)] {
            let said = said.map(|said| between([&said[0], &said[1]]));
            judged.extend(said.map(|said| Judged::of(ground, (model, "direction"), &said, &direction)));
        }
        let worth = probabilities(&meta.scores, &meta.worth.line);
        let chosen = ground.chosen(side);
        judged.push(Judged::of(ground, ("meta", "chosen"), &worth, &chosen));
        let rules = Rule::all(ground, p, &worth, side);
        let report = Report {
            schema: judge::SCHEMA.to_owned(),
            dataset_sha256: ground.digest.clone(),
            meta: ground.data.meta().clone(),
            spec: self.spec.clone(),
            develop: ground.develop.len(),
            test: ground.test.len(),
            beyond: ground.beyond(),
            trees: trees.each_ref().map(|side| side.forest.trees.len()),
            worth: trees.each_ref().map(|side| side.worth.clone()),
            importance: trees.each_ref().map(|side| judge::importance(&side.forest)),
            judged,
            rules,
        };
        let key = self.key(&(self.spec, "report"))?;
        let bytes = self.stages.run("report", (&[&key], &["report.json"]), || Ok(vec![json(&report)?]))?;
        parsed(&bytes[0])
    }
}

/// Trains a forest on the development rows: once for each fold, for scores of rows not learned from, and once on all with
/// as many trees as the folds found right; then what its scores are worth. The test rows are scored by the last.
fn fit(
    binned: &Binned,
    labels: Labels<'_>,
    ground: &Ground,
    (boosting, spec): (&BoostSpec, &TrainSpec),
    (stage, progress): (&str, &dyn Progress),
) -> Result<Scored, Fault> {
    let lives = ground.lives();
    let mut scores = vec![f64::NAN; binned.rows()];
    let mut fold_trees = Vec::new();
    for (nth, Fold { train, test }) in lives.folds(&ground.develop, spec.folds, spec.embargo())?.into_iter().enumerate()
    {
        let early = lives.tail(&train, spec.early);
        let label = format!("{stage} {}/{}", nth + 1, spec.folds + 1);
        let boosted = boost(binned, labels, (&early.train, &early.test), boosting, (&label, progress))?;
        fold_trees.push(boosted.forest.trees.len());
        judge::score(&boosted.forest, binned, &test, &mut scores);
    }
    let mut sorted = fold_trees.clone();
    sorted.sort_unstable();
    let trees = sorted[sorted.len() / 2];
    let whole = BoostSpec { trees_max: trees.max(1), patience: 0, ..*boosting };
    let label = format!("{stage} {}/{}", spec.folds + 1, spec.folds + 1);
    let mut forest = boost(binned, labels, (&ground.develop, &[]), &whole, (&label, progress))?.forest;
    forest.trees.truncate(trees);
    judge::score(&forest, binned, &ground.test, &mut scores);
    let rows: Vec<usize> =
        ground.develop.iter().map(|row| *row as usize).filter(|row| !scores[*row].is_nan()).collect();
    let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
    let came: Vec<bool> = rows.iter().map(|row| labels.came[*row]).collect();
    let (said, weight) = (pick(&scores), pick(labels.weight));
    let line = Line::fit(&said, &came, &weight, spec.calibration_prior)?;
    let p: Vec<f64> = said.iter().map(|score| line.probability(*score)).collect();
    let width = quantile(&block_scores(&p, &came, &weight, spec.block), spec.miscoverage);
    Ok(Scored { forest, worth: Worth { line, width, fold_trees }, scores })
}

fn gru_of(
    ground: &Ground,
    net: &GruSpec,
    early: f64,
    progress: &dyn Progress,
) -> Result<(GruModel, [Vec<f64>; 2]), Fault> {
    let fold = ground.lives().tail(&ground.develop, early);
    let inputs = Inputs::of(&ground.data, &net.features, &fold.train)?;
    let model = gru::train(&inputs, (&ground.times, ground.both()), (&fold.train, &fold.test), net, progress)?;
    let ready = model.net().ok_or_else(gru::diverged)?;
    let mut said = [vec![f64::NAN; ground.data.rows()], vec![f64::NAN; ground.data.rows()]];
    // It runs over all rows in turn, as it will run on the desk, also over those whose labels nobody knows.
    let all: Vec<u32> = (0..ground.data.rows() as u32).collect();
    let ran = gru::run(&ready, &inputs, &ground.times, &all, net.gap);
    for row in fold.test.iter().chain(&ground.test) {
        for (said, odds) in said.iter_mut().zip(ran[*row as usize]) {
            said[*row as usize] = odds;
        }
    }
    Ok((model, said))
}

fn probabilities(scores: &[f64], line: &Line) -> Vec<f64> {
    scores.iter().map(|score| if score.is_nan() { f64::NAN } else { line.probability(*score) }).collect()
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|error| Fault::Asked("output", error.to_string()))
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| Fault::Content("stage".into(), error.to_string()))
}

fn packed(columns: &[Vec<f64>]) -> Vec<u8> {
    columns.iter().flatten().flat_map(|value| value.to_le_bytes()).collect()
}

fn numbers(bytes: &[u8]) -> Vec<f64> {
    let (chunks, _) = bytes.as_chunks::<8>();
    chunks.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

pub(crate) fn two(bytes: &[u8], rows: usize) -> Result<[Vec<f64>; 2], Fault> {
    let mut first = numbers(bytes);
    if first.len() != 2 * rows {
        return Err(Fault::Content("stage".into(), "holds another number of rows".into()));
    }
    let second = first.split_off(rows);
    Ok([first, second])
}

fn pack(scored: &Scored) -> Result<Vec<Vec<u8>>, Fault> {
    let Scored { forest, worth, scores } = scored;
    Ok(vec![json(forest)?, forest.to_lightgbm_text().into_bytes(), json(worth)?, packed(std::slice::from_ref(scores))])
}

fn unpack(bytes: &[Vec<u8>]) -> Result<Scored, Fault> {
    Ok(Scored { forest: parsed(&bytes[0])?, worth: parsed(&bytes[2])?, scores: numbers(&bytes[3]) })
}

/// The quality of probabilities on some rows; `None` when there is nothing to judge.
pub(crate) fn quality(rows: &[usize], p: &[f64], came: &[bool], weight: &[f64], base: f64) -> Option<Quality> {
    let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
    let (p, weight) = (pick(p), pick(weight));
    let came: Vec<bool> = rows.iter().map(|row| came[*row]).collect();
    let flat = vec![base; p.len()];
    let mass: f64 = weight.iter().sum();
    let log_loss = metrics::log_loss(&p, &came, &weight)?;
    Some(Quality {
        rows: rows.len(),
        effective: mass,
        won: came.iter().zip(&weight).filter(|(came, _)| **came).map(|(_, weight)| weight).sum::<f64>() / mass,
        auc: metrics::auc(&p, &came, &weight)?,
        log_loss,
        log_loss_skill: 1.0 - log_loss / metrics::log_loss(&flat, &came, &weight)?,
        brier: metrics::brier(&p, &came, &weight)?,
        calibration_error: metrics::calibration_error(&p, &came, &weight, 15)?,
    })
}

#[cfg(test)]
pub(crate) mod tests;
