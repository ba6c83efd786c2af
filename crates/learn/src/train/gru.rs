//! A small recurrent net, taught by going back through time, with Adam (Kingma and Ba 2015); one output a side.
//!
//! Rows are cut into windows that follow each other in time. A window warms up on the rows before it without being
//! judged, as a net that runs on a stream has warmed up. Gradients of a batch's windows are computed side by side and
//! added in order, so the result does not depend on the threads.

pub mod cell;

use ensemble::Scale;
use market::math::{ln, sigmoid, sqrt};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::read::Columns;
use crate::fault::Fault;
use crate::progress::{Progress, tell};
use cell::{GruShape, GruStep};
use models::net::Net;

/// What is a choice about the net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GruSpec {
    /// The features that it sees.
    pub features: Vec<String>,
    /// Numbers that it remembers, 1 to 256.
    pub hidden: usize,
    /// Rows of a window that are judged.
    pub window: usize,
    /// Rows before them that warm it up.
    pub warm: usize,
    /// A silence between rows longer than this, in nanoseconds, begins anew.
    pub gap: i64,
    /// Windows of one step of learning.
    pub batch: usize,
    /// How fast it learns.
    pub learning_rate: f64,
    /// Ridge strength on all parameters.
    pub l2: f64,
    /// The most passes over the rows.
    pub epochs_max: usize,
    /// Passes without a better held-out loss before it stops.
    pub patience: usize,
    /// What is drawn is drawn from this.
    pub seed: u64,
}

impl GruSpec {
    /// Sixteen features, sixteen units, windows of 64 rows.
    pub fn small(seed: u64) -> Self {
        let features = [
            "ofi_share_s1",
            "ofi_share_s5",
            "ofi_share_s30",
            "tick_imbalance_s5",
            "momentum_s1",
            "momentum_s5",
            "momentum_s30",
            "z_score_s60",
            "sigma_ratio",
            "spread_excess",
            "hawkes_log_ratio",
            "intensity_surge",
            "leader_return_s1",
            "leader_return_s5",
            "leader_basis",
            "range_s60",
        ];
        Self {
            features: features.map(str::to_owned).to_vec(),
            hidden: 16,
            window: 64,
            warm: 32,
            gap: 60_000_000_000,
            batch: 16,
            learning_rate: 0.003,
            l2: 1e-4,
            epochs_max: 12,
            patience: 2,
            seed,
        }
    }

    fn check(&self) -> Result<GruShape, Fault> {
        let shape = GruShape { inputs: self.features.len(), hidden: self.hidden, outputs: 2 };
        if shape.parameters().is_none() {
            return Err(Fault::Asked("gru", "features and hidden must be 1 to 256".into()));
        }
        if self.window == 0 || self.window + self.warm > 4_096 || self.batch == 0 || self.epochs_max == 0 {
            return Err(Fault::Asked(
                "gru",
                "window, batch and epochs must be at least 1, window and warm 4,096".into(),
            ));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0 && (0.0..=1e3).contains(&self.l2)) {
            return Err(Fault::Asked("gru", "learning_rate must be above 0 to 1, l2 0 to 1,000".into()));
        }
        Ok(shape)
    }
}

/// How many deviations an input counts at most.
pub const CLIP: f64 = 5.0;

/// A trained net with the scale of its inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GruModel {
    /// The features in the order of the inputs.
    pub features: Vec<String>,
    /// What is taken off each input.
    pub mean: Vec<f64>,
    /// What each input is then divided by; the result is clipped to 5 either way.
    pub scale: Vec<f64>,
    /// How many numbers it remembers.
    pub hidden: usize,
    /// The parameters, in the order of [`cell`]; outputs are the log-odds of a buy and of a sell.
    pub parameters: Vec<f64>,
    /// The held-out log loss after each pass.
    pub held_out: Vec<f64>,
}

impl GruModel {
    /// The net, ready to run; `None` when the numbers do not fit together.
    pub fn net(&self) -> Option<Net> {
        let shape = GruShape { inputs: self.features.len(), hidden: self.hidden, outputs: 2 };
        let fits = self.mean.len() == shape.inputs && self.scale.len() == shape.inputs;
        shape.net(&self.parameters).filter(|_| fits)
    }
}

/// Inputs on the scale of the net, row after row.
pub struct Inputs {
    width: usize,
    values: Vec<f64>,
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Inputs {
    /// Scales the features by the mean and deviation that they have in rows `fit`; missing values become zero.
    ///
    /// # Errors
    /// [`Fault`] when a column cannot be read.
    pub fn of(columns: &dyn Columns, features: &[String], fit: &[u32]) -> Result<Self, Fault> {
        let (width, rows) = (features.len(), columns.rows());
        let mut inputs = Self { width, values: vec![0.0; rows * width], mean: vec![], scale: vec![] };
        for (place, name) in features.iter().enumerate() {
            let column = columns.column(name)?;
            let known = || fit.iter().map(|row| column[*row as usize]).filter(|x| x.is_finite());
            let count = known().count().max(1) as f64;
            let mean = known().sum::<f64>() / count;
            let variance = known().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
            let scale = if variance > 0.0 { sqrt(variance) } else { 1.0 };
            let scaled = Scale { mean, deviation: scale };
            for (row, x) in column.iter().enumerate() {
                inputs.values[row * width + place] = scaled.of(*x, CLIP);
            }
            inputs.mean.push(mean);
            inputs.scale.push(scale);
        }
        Ok(inputs)
    }

    /// Features on the scales that a net was taught with.
    ///
    /// # Errors
    /// [`Fault`] when a column cannot be read.
    pub(crate) fn on(
        columns: &dyn Columns,
        features: &[String],
        (scales, clip): (&[Scale], f64),
    ) -> Result<Self, Fault> {
        let (width, rows) = (features.len(), columns.rows());
        let mut values = vec![0.0; rows * width];
        for (place, (name, scale)) in features.iter().zip(scales).enumerate() {
            for (row, x) in columns.column(name)?.into_iter().enumerate() {
                values[row * width + place] = scale.of(x, clip);
            }
        }
        let (mean, scale) = scales.iter().map(|scale| (scale.mean, scale.deviation)).unzip();
        Ok(Self { width, values, mean, scale })
    }

    /// What was taken off each feature.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What each feature was divided by.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// A row on the scale of the net.
    pub fn row(&self, row: u32) -> &[f64] {
        let row = row as usize;
        &self.values[row * self.width..(row + 1) * self.width]
    }
}

/// The labels of both sides: whether it came true, and how much it counts.
#[derive(Debug, Clone, Copy)]
pub struct TwoSides<'a> {
    /// A buy, and a sell.
    pub came: [&'a [bool]; 2],
    /// How much each counts; zero without a label.
    pub weight: [&'a [f64]; 2],
}

/// A stretch of rows that follow each other; the first `warm` are not judged.
struct Window<'a> {
    rows: &'a [u32],
    warm: usize,
}

/// Cuts rows (rising) into windows; none reaches over a gap, a missing row or the other windows' judged rows.
fn windows<'a>(rows: &'a [u32], times: &[i64], spec: &GruSpec) -> Vec<Window<'a>> {
    let follows = |a: &u32, b: &u32| *b == a + 1 && times[*b as usize].saturating_sub(times[*a as usize]) <= spec.gap;
    let mut windows = Vec::new();
    for stretch in rows.chunk_by(follows) {
        let mut at = 0;
        while at < stretch.len() {
            let (from, until) = (at.saturating_sub(spec.warm), (at + spec.window).min(stretch.len()));
            windows.push(Window { rows: &stretch[from..until], warm: at - from });
            at = until;
        }
    }
    windows
}

/// The gradient of a window's weighted log loss, and that loss and its weight.
struct Went {
    gradient: Vec<f64>,
    loss: f64,
    mass: f64,
}

/// Forth through a window and back through time.
fn back(
    (shape, parameters, net): (&GruShape, &[f64], &Net),
    window: &Window<'_>,
    inputs: &Inputs,
    labels: TwoSides<'_>,
) -> Went {
    let zero = vec![0.0; shape.hidden];
    let mut steps: Vec<(GruStep, [f64; 2])> = Vec::with_capacity(window.rows.len());
    let mut state = net.rest();
    for row in window.rows {
        let mut outputs = [f64::NAN; 2];
        net.step(&mut state, inputs.row(*row), &mut outputs);
        steps.push((GruStep::of(&state), outputs));
    }
    let mut went = Went { gradient: vec![0.0; parameters.len()], loss: 0.0, mass: 0.0 };
    let [_, _, _, v, d] = shape.places();
    let mut flow = zero.clone();
    for (place, row) in window.rows.iter().enumerate().rev() {
        let (step, outputs) = &steps[place];
        if place >= window.warm {
            for (side, output) in outputs.iter().enumerate() {
                let (came, weight) = (labels.came[side][*row as usize], labels.weight[side][*row as usize]);
                let p = sigmoid(*output);
                went.loss -= weight * ln(sigmoid(if came { *output } else { -*output }).max(1e-15));
                went.mass += weight;
                let error = weight * (p - f64::from(u8::from(came)));
                went.gradient[d + side] += error;
                for (i, h) in step.h.iter().enumerate() {
                    went.gradient[v + side * shape.hidden + i] += error * h;
                    flow[i] += error * parameters[v + side * shape.hidden + i];
                }
            }
        }
        let before = if place == 0 { &zero } else { &steps[place - 1].0.h };
        flow = back_step(shape, parameters, (inputs.row(*row), before, step), &flow, &mut went.gradient);
    }
    went
}

/// Back through one step: adds to the gradient, and answers with what flows into the state before.
fn back_step(
    shape: &GruShape,
    parameters: &[f64],
    (inputs, before, step): (&[f64], &[f64], &GruStep),
    flow: &[f64],
    gradient: &mut [f64],
) -> Vec<f64> {
    let GruShape { inputs: width, hidden, .. } = *shape;
    let [w, u, b, ..] = shape.places();
    let mut into = vec![0.0; hidden];
    for i in 0..hidden {
        let (z, r, n) = (step.z[i], step.r[i], step.n[i]);
        into[i] += flow[i] * z;
        let dn = flow[i] * (1.0 - z) * (1.0 - n * n);
        let dz = flow[i] * (before[i] - n) * z * (1.0 - z);
        let dr = dn * step.u[i] * r * (1.0 - r);
        // What reaches the recurrent part of each gate; the candidate's passes the reset gate.
        for (gate, (outer, recurrent)) in [(dz, dz), (dr, dr), (dn, dn * r)].into_iter().enumerate() {
            gradient[b + gate * hidden + i] += outer;
            let row = w + (gate * hidden + i) * width;
            for (slot, x) in gradient[row..row + width].iter_mut().zip(inputs) {
                *slot += outer * x;
            }
            let row = u + (gate * hidden + i) * hidden;
            for (j, h) in before.iter().enumerate() {
                gradient[row + j] += recurrent * h;
                into[j] += recurrent * parameters[row + j];
            }
        }
        gradient[b + 3 * hidden + i] += dn * r;
    }
    into
}

/// Adam's memory.
struct Adam {
    first: Vec<f64>,
    second: Vec<f64>,
    decay: [f64; 2],
}

impl Adam {
    fn new(count: usize) -> Self {
        Self { first: vec![0.0; count], second: vec![0.0; count], decay: [1.0; 2] }
    }

    fn step(&mut self, parameters: &mut [f64], gradient: &[f64], rate: f64) {
        self.decay = [self.decay[0] * 0.9, self.decay[1] * 0.999];
        for (i, g) in gradient.iter().enumerate() {
            self.first[i] = 0.9 * self.first[i] + 0.1 * g;
            self.second[i] = 0.999 * self.second[i] + 0.001 * g * g;
            let (m, v) = (self.first[i] / (1.0 - self.decay[0]), self.second[i] / (1.0 - self.decay[1]));
            parameters[i] -= rate * m / (sqrt(v) + 1e-8);
        }
    }
}

/// Trains a net on rows `train` and stops by the loss on rows `held_out` (both rising; the times rise too).
///
/// # Errors
/// [`Fault`]: a spec that makes no sense, too few rows, or a wish to stop.
pub fn train(
    inputs: &Inputs,
    (times, labels): (&[i64], TwoSides<'_>),
    (rows, held_out): (&[u32], &[u32]),
    spec: &GruSpec,
    progress: &dyn Progress,
) -> Result<GruModel, Fault> {
    let shape = spec.check()?;
    let mut windows = windows(rows, times, spec);
    let held = self::windows(held_out, times, spec);
    if windows.is_empty() || held.is_empty() {
        return Err(Fault::TooLittle("windows of rows", windows.len().min(held.len()), 1));
    }
    let mut random = ChaCha8Rng::seed_from_u64(spec.seed);
    let reach = 1.0 / sqrt(spec.hidden as f64);
    let count = shape.parameters().unwrap_or(0);
    let mut parameters: Vec<f64> = (0..count).map(|_| (random.random::<f64>() * 2.0 - 1.0) * reach).collect();
    let mut model = GruModel {
        features: spec.features.clone(),
        mean: inputs.mean.clone(),
        scale: inputs.scale.clone(),
        hidden: spec.hidden,
        parameters: parameters.clone(),
        held_out: Vec::new(),
    };
    let (mut adam, mut best) = (Adam::new(count), None);
    for epoch in 0..spec.epochs_max {
        tell(progress, "gru", epoch as u64, spec.epochs_max as u64)?;
        windows.shuffle(&mut random);
        for batch in windows.chunks(spec.batch) {
            let net = shape.net(&parameters).ok_or_else(diverged)?;
            let made = (&shape, parameters.as_slice(), &net);
            let went: Vec<Went> = batch.par_iter().map(|window| back(made, window, inputs, labels)).collect();
            learn(&mut parameters, &mut adam, &went, spec);
        }
        let net = shape.net(&parameters).ok_or_else(diverged)?;
        let loss = held_loss((&shape, &parameters, &net), &held, inputs, labels);
        model.held_out.push(loss);
        if best.is_none_or(|(_, lowest)| loss < lowest) {
            best = Some((epoch, loss));
            model.parameters.clone_from(&parameters);
        }
        if best.is_some_and(|(then, _)| epoch >= then + spec.patience.max(1)) {
            break;
        }
    }
    tell(progress, "gru", spec.epochs_max as u64, spec.epochs_max as u64)?;
    Ok(model)
}

/// One step of Adam on the mean gradient of a batch, at most 1 long.
fn learn(parameters: &mut [f64], adam: &mut Adam, went: &[Went], spec: &GruSpec) {
    let mass: f64 = went.iter().map(|window| window.mass).sum();
    if mass <= 0.0 {
        return;
    }
    let mut gradient = vec![0.0; parameters.len()];
    for window in went {
        for (sum, part) in gradient.iter_mut().zip(&window.gradient) {
            *sum += part;
        }
    }
    for (slot, parameter) in gradient.iter_mut().zip(parameters.iter()) {
        *slot = *slot / mass + spec.l2 * parameter;
    }
    let length = sqrt(gradient.iter().map(|g| g * g).sum::<f64>());
    if length > 1.0 {
        for slot in &mut gradient {
            *slot /= length;
        }
    }
    adam.step(parameters, &gradient, spec.learning_rate);
}

/// A parameter is not a number, or has gone out of all bounds.
pub(crate) fn diverged() -> Fault {
    Fault::Asked("gru", "diverged: use a lower learning rate".into())
}

fn held_loss(made: (&GruShape, &[f64], &Net), held: &[Window<'_>], inputs: &Inputs, labels: TwoSides<'_>) -> f64 {
    let went: Vec<(f64, f64)> = held
        .par_iter()
        .map(|window| {
            let went = back(made, window, inputs, labels);
            (went.loss, went.mass)
        })
        .collect();
    let (loss, mass) = went.iter().fold((0.0, 0.0), |sum, went| (sum.0 + went.0, sum.1 + went.1));
    if mass > 0.0 { loss / mass } else { f64::INFINITY }
}

/// What the net says of both sides at each of `rows` (rising), running over them as over a stream; log-odds.
pub fn run(net: &Net, inputs: &Inputs, times: &[i64], rows: &[u32], gap: i64) -> Vec<[f64; 2]> {
    let (mut state, mut last) = (net.rest(), None::<u32>);
    rows.iter()
        .map(|row| {
            if last.is_some_and(|then| times[*row as usize].saturating_sub(times[then as usize]) > gap) {
                state.rest();
            }
            last = Some(*row);
            let mut said = [f64::NAN; 2];
            net.step(&mut state, inputs.row(*row), &mut said);
            said
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Quiet;

    struct Made(Vec<Vec<f64>>);

    impl Columns for Made {
        fn rows(&self) -> usize {
            self.0[0].len()
        }
        fn column(&self, name: &str) -> Result<Vec<f64>, Fault> {
            Ok(self.0[name.parse::<usize>().unwrap()].clone())
        }
    }

    fn noise(count: usize, seed: u64) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| random.random::<f64>() * 2.0 - 1.0).collect()
    }

    fn spec(features: usize) -> GruSpec {
        GruSpec {
            features: (0..features).map(|i| i.to_string()).collect(),
            hidden: 4,
            window: 16,
            warm: 4,
            learning_rate: 0.02,
            l2: 0.0,
            epochs_max: 20,
            ..GruSpec::small(3)
        }
    }

    /// The slow obvious twin: each parameter moved a little either way.
    #[test]
    fn the_gradient_is_the_slope() {
        let spec = GruSpec { hidden: 3, ..spec(2) };
        let shape = spec.check().unwrap();
        let made = Made(vec![noise(12, 1), noise(12, 2)]);
        let rows: Vec<u32> = (0..12).collect();
        let inputs = Inputs::of(&made, &spec.features, &rows).unwrap();
        let came: Vec<bool> = (0..12).map(|i| i % 3 == 0).collect();
        let other: Vec<bool> = came.iter().map(|c| !c).collect();
        let (w0, w1) = (noise(12, 4).iter().map(|x| x.abs()).collect::<Vec<_>>(), vec![0.5; 12]);
        let labels = TwoSides { came: [&came, &other], weight: [&w0, &w1] };
        let window = Window { rows: &rows, warm: 2 };
        let parameters = noise(shape.parameters().unwrap(), 5);
        let of =
            |parameters: &[f64]| back((&shape, parameters, &shape.net(parameters).unwrap()), &window, &inputs, labels);
        let went = of(&parameters);
        for place in 0..parameters.len() {
            let loss = |by: f64| {
                let mut moved = parameters.clone();
                moved[place] += by;
                of(&moved).loss
            };
            let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
            assert!((slope - went.gradient[place]).abs() < 1e-7, "{place}: {slope} {}", went.gradient[place]);
        }
    }

    /// What happened three rows ago decides: only a net that remembers can know.
    #[test]
    fn it_remembers_and_threads_do_not_matter() {
        let count = 3_000;
        let signal: Vec<f64> = noise(count, 7).iter().map(|x| x.signum()).collect();
        let came: Vec<bool> = (0..count).map(|i| i >= 3 && signal[i - 3] > 0.0).collect();
        let other: Vec<bool> = came.iter().map(|c| !c).collect();
        let made = Made(vec![signal]);
        let times: Vec<i64> = (0..count as i64).collect();
        let weight = vec![1.0; count];
        let labels = TwoSides { came: [&came, &other], weight: [&weight, &weight] };
        let (rows, held): (Vec<u32>, Vec<u32>) = ((0..2_400).collect(), (2_400..3_000).collect());
        let spec = spec(1);
        let inputs = Inputs::of(&made, &spec.features, &rows).unwrap();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| train(&inputs, (&times, labels), (&rows, &held), &spec, &Quiet).unwrap())
        };
        let model = on(1);
        assert_eq!(model, on(3));
        let said = run(&model.net().unwrap(), &inputs, &times, &held, spec.gap);
        let right = held.iter().zip(&said).filter(|(row, said)| came[**row as usize] == (said[0] > said[1])).count();
        assert!(right > 540, "{right} of 600; {:?}", model.held_out);
    }

    #[test]
    fn windows_judge_every_row_once_and_never_reach_over_a_gap() {
        let times = [0, 1, 2, 3, 100, 101, 102, 103, 104, 105];
        let rows: Vec<u32> = vec![0, 1, 2, 3, 4, 5, 6, 8, 9];
        let spec = GruSpec { window: 2, warm: 1, gap: 50, ..spec(1) };
        let cut = windows(&rows, &times, &spec);
        let shown: Vec<(Vec<u32>, usize)> = cut.iter().map(|w| (w.rows.to_vec(), w.warm)).collect();
        let expected = [(vec![0, 1], 0), (vec![1, 2, 3], 1), (vec![4, 5], 0), (vec![5, 6], 1), (vec![8, 9], 0)];
        assert_eq!(shown, expected);
    }
}
