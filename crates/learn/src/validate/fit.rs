//! One fit: the trees of both sides and the second model, learned from some rows, asked about others.
//!
//! The last part of what is learned from (the training's own `early`) is held out: it says when to stop, scores on it are
//! calibrated by, and the second model learns from opinions about it. So nothing is calibrated by rows that its trees saw,
//! and nothing at all by the rows that are asked about.

use crate::fault::Fault;
use crate::progress::Progress;
use crate::train::bins::Binned;
use crate::train::boost::{BoostSpec, Labels, boost};
use crate::train::calibrate::{Calibrator, Line};
use crate::train::folds::Fold;
use crate::train::meta::{self, MetaColumns};
use crate::train::pipeline::ground::Ground;
use crate::train::pipeline::judge::score;
use crate::train::pipeline::spec::TrainSpec;

/// What was said of rows that nothing was learned from, one value a row; NaN where nothing could be learned.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Said {
    /// The calibrated probability that a buy, and a sell, is worth it.
    pub p: [Vec<f64>; 2],
    /// The second model's probability that the likelier side is.
    pub meta: Vec<f64>,
    /// What a tenth, and a hundredth, of the held-out rows were given at least: the higher of both sides' probabilities.
    pub top: [Vec<f64>; 2],
}

/// What a tenth, and a hundredth, of these rows were given at least; NaN of none.
pub fn top(p: &[Vec<f64>; 2], rows: impl Iterator<Item = usize>) -> [f64; 2] {
    let mut best: Vec<f64> = rows.map(|row| p[0][row].max(p[1][row])).filter(|p| !p.is_nan()).collect();
    best.sort_unstable_by(f64::total_cmp);
    [0.9, 0.99].map(|share| best.get((best.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN))
}

impl Said {
    /// As bytes: column after column, little-endian.
    pub fn pack(&self) -> Vec<u8> {
        let all = self.p.iter().chain([&self.meta]).chain(&self.top).flatten();
        all.flat_map(|value| value.to_le_bytes()).collect()
    }

    /// From bytes.
    ///
    /// # Errors
    /// [`Fault::Content`] when they are not of so many rows.
    pub fn unpack(bytes: &[u8], rows: usize) -> Result<Self, Fault> {
        let (chunks, rest) = bytes.as_chunks::<8>();
        if chunks.len() != 5 * rows || !rest.is_empty() {
            return Err(Fault::Content("stage".into(), "holds another number of rows".into()));
        }
        let part = |nth: usize| chunks[nth * rows..(nth + 1) * rows].iter().map(|b| f64::from_le_bytes(*b)).collect();
        Ok(Self { p: [part(0), part(1)], meta: part(2), top: [part(3), part(4)] })
    }

    /// Nothing said of so many rows.
    pub fn nothing(rows: usize) -> Self {
        let none = vec![f64::NAN; rows];
        Self { p: [none.clone(), none.clone()], meta: none.clone(), top: [none.clone(), none] }
    }
}

/// Learns from `train`, asks about `test` (rows of the ground, rising).
///
/// # Errors
/// [`Fault`]: the dataset cannot be read, or a wish to stop. Too little to learn from is no fault: nothing is said then.
pub fn fit(
    ground: &Ground,
    spec: &TrainSpec,
    (train, test): (&[u32], &[u32]),
    (stage, progress): (&str, &dyn Progress),
) -> Result<Said, Fault> {
    let held = ground.lives().tail(train, spec.early);
    if held.train.is_empty() || held.test.is_empty() {
        return Ok(Said::nothing(test.len()));
    }
    let features = spec.features_of(ground.data.meta());
    let binned = Binned::of(&ground.data, &features, &held.train, spec.boost.bins)?;
    let mut p = [vec![], vec![]];
    for (side, p) in p.iter_mut().enumerate() {
        let labels = &ground.sides[side];
        let labels = Labels { came: &labels.won, weight: &labels.weight };
        *p = scored(&binned, labels, (&held, test), (&spec.boost, spec.calibration_prior), (stage, progress))?;
    }
    let seen = MetaColumns::of(&ground.data, [&p[0], &p[1]], &ground.barrier)?;
    let meta = second(ground, spec, (&seen, &p), (&held.test, test), (stage, progress))?;
    let pick = |values: &[f64]| test.iter().map(|row| values[*row as usize]).collect();
    let bars = top(&p, held.test.iter().map(|row| *row as usize));
    Ok(Said { p: [pick(&p[0]), pick(&p[1])], meta: pick(&meta), top: bars.map(|bar| vec![bar; test.len()]) })
}

/// The calibrated probabilities of the held-out and the test rows; NaN everywhere else, or where too little was there.
fn scored(
    binned: &Binned,
    labels: Labels<'_>,
    (held, test): (&Fold, &[u32]),
    (boosting, prior): (&BoostSpec, f64),
    (stage, progress): (&str, &dyn Progress),
) -> Result<Vec<f64>, Fault> {
    let mut scores = vec![f64::NAN; binned.rows()];
    let forest = match boost(binned, labels, (&held.train, &held.test), boosting, (stage, progress)) {
        Ok(boosted) => boosted.forest,
        Err(Fault::TooLittle(..)) => return Ok(scores),
        Err(fault) => return Err(fault),
    };
    score(&forest, binned, &held.test, &mut scores);
    score(&forest, binned, test, &mut scores);
    let rows: Vec<usize> = held.test.iter().map(|row| *row as usize).filter(|row| labels.weight[*row] > 0.0).collect();
    let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
    let came: Vec<bool> = rows.iter().map(|row| labels.came[*row]).collect();
    let Ok(line) = Line::fit(&pick(&scores), &came, &pick(labels.weight), prior) else {
        return Ok(vec![f64::NAN; binned.rows()]);
    };
    Ok(scores.into_iter().map(|score| if score.is_nan() { score } else { line.probability(score) }).collect())
}

fn second(
    ground: &Ground,
    spec: &TrainSpec,
    (seen, p): (&MetaColumns<'_>, &[Vec<f64>; 2]),
    (learn, test): (&[u32], &[u32]),
    told: (&str, &dyn Progress),
) -> Result<Vec<f64>, Fault> {
    let rows = seen.side.len();
    let held = ground.lives().tail(learn, spec.early);
    if held.train.is_empty() || held.test.is_empty() || p.iter().any(|p| p[learn[0] as usize].is_nan()) {
        return Ok(vec![f64::NAN; rows]);
    }
    let chosen = ground.chosen(&seen.side);
    let binned = Binned::of(seen, &meta::names(), &held.train, spec.meta.bins)?;
    let labels = Labels { came: &chosen.won, weight: &chosen.weight };
    scored(&binned, labels, (&held, test), (&spec.meta, spec.calibration_prior), told)
}
