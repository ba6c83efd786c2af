//! A gated recurrent unit with a linear head: a small net that remembers (Cho et al. 2014, arXiv 1406.1078).
//!
//! `z = s(Wz x + Uz h + bz)`, `r = s(Wr x + Ur h + br)`, `n = tanh(Wn x + bn + r * (Un h + cn))`, `h' = (1 - z) n + z h`,
//! the form that `PyTorch` uses; outputs are `V h' + d`. Parameters lie in one list: for z, r, n in turn the rows of `W`
//! (hidden x inputs), then of `U` (hidden x hidden), then `bz`, `br`, `bn`, `cn`, then the rows of `V` (outputs x
//! hidden), then `d`. (`models::Gru` serves nets in ONNX's layout; this one is taught.)

use market::math::{sigmoid, tanh};

/// The most inputs, hidden units or outputs.
pub const WIDTH_MAX: usize = 256;

/// How many of each a net has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GruShape {
    /// Inputs of a step.
    pub inputs: usize,
    /// Numbers that it remembers.
    pub hidden: usize,
    /// Outputs of a step.
    pub outputs: usize,
}

impl GruShape {
    /// How many parameters such a net has; `None` when a width is zero or above [`WIDTH_MAX`].
    pub const fn parameters(&self) -> Option<usize> {
        let Self { inputs, hidden, outputs } = *self;
        let fits = 0 < inputs && inputs <= WIDTH_MAX && 0 < hidden && hidden <= WIDTH_MAX;
        if fits && 0 < outputs && outputs <= WIDTH_MAX {
            Some(3 * hidden * inputs + 3 * hidden * hidden + 4 * hidden + outputs * hidden + outputs)
        } else {
            None
        }
    }

    /// Where the rows of `W`, of `U`, the biases, the rows of `V` and `d` begin.
    pub const fn places(&self) -> [usize; 5] {
        let Self { inputs, hidden, outputs } = *self;
        let recurrent = 3 * hidden * inputs;
        let biases = recurrent + 3 * hidden * hidden;
        let head = biases + 4 * hidden;
        [0, recurrent, biases, head, head + outputs * hidden]
    }
}

/// What one step computed: enough to go back through it.
#[derive(Debug, Clone, PartialEq)]
pub struct GruStep {
    /// The update gate.
    pub z: Vec<f64>,
    /// The reset gate.
    pub r: Vec<f64>,
    /// The candidate.
    pub n: Vec<f64>,
    /// `Un h + cn`.
    pub u: Vec<f64>,
    /// The new state.
    pub h: Vec<f64>,
}

impl GruStep {
    /// Room for a step of this shape; its state is zero.
    pub fn new(shape: &GruShape) -> Self {
        let zero = vec![0.0; shape.hidden];
        Self { z: zero.clone(), r: zero.clone(), n: zero.clone(), u: zero.clone(), h: zero }
    }
}

/// A net and its state. Nothing is allocated after construction; one step is O(hidden x (inputs + hidden)).
#[derive(Debug, Clone)]
pub struct Gru {
    shape: GruShape,
    parameters: Vec<f64>,
    step: GruStep,
    before: Vec<f64>,
    outputs: Vec<f64>,
}

impl Gru {
    /// A net that has seen nothing; `None` when the shape is out of range, or the parameters are not as many as it has
    /// or not all finite.
    pub fn new(shape: GruShape, parameters: Vec<f64>) -> Option<Self> {
        let count = shape.parameters()?;
        let is_sound = parameters.len() == count && parameters.iter().all(|x| x.is_finite());
        is_sound.then(|| Self {
            shape,
            parameters,
            step: GruStep::new(&shape),
            before: vec![0.0; shape.hidden],
            outputs: vec![0.0; shape.outputs],
        })
    }

    /// Forgets what it saw.
    pub fn reset(&mut self) {
        self.step.h.fill(0.0);
    }

    /// Takes the next inputs and answers with the outputs. There must be as many as the shape says: others are cut off,
    /// and missing ones or ones that are not finite count as zero.
    pub fn step(&mut self, inputs: &[f64]) -> &[f64] {
        self.before.copy_from_slice(&self.step.h);
        forward(&self.shape, &self.parameters, (inputs, &self.before), &mut self.step);
        head(&self.shape, &self.parameters, &self.step.h, &mut self.outputs);
        &self.outputs
    }

    /// The widths.
    pub const fn shape(&self) -> &GruShape {
        &self.shape
    }

    /// The parameters in their order.
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }
}

/// One step from the state before, written into `step`. The parameters must be as many as the shape has.
pub fn forward(shape: &GruShape, parameters: &[f64], (inputs, before): (&[f64], &[f64]), step: &mut GruStep) {
    let GruShape { inputs: width, hidden, .. } = *shape;
    let [w, u, b, ..] = shape.places();
    for i in 0..hidden {
        let gate = |gate: usize| {
            let row = w + (gate * hidden + i) * width;
            dot(&parameters[row..row + width], inputs)
        };
        let recur = |gate: usize| {
            let row = u + (gate * hidden + i) * hidden;
            dot(&parameters[row..row + hidden], before)
        };
        step.z[i] = sigmoid(gate(0) + recur(0) + parameters[b + i]);
        step.r[i] = sigmoid(gate(1) + recur(1) + parameters[b + hidden + i]);
        step.u[i] = recur(2) + parameters[b + 3 * hidden + i];
        step.n[i] = tanh(gate(2) + parameters[b + 2 * hidden + i] + step.r[i] * step.u[i]);
        step.h[i] = (1.0 - step.z[i]) * step.n[i] + step.z[i] * before[i];
    }
}

/// The outputs of a state.
pub fn head(shape: &GruShape, parameters: &[f64], state: &[f64], outputs: &mut [f64]) {
    let hidden = shape.hidden;
    let [.., v, d] = shape.places();
    for (place, output) in outputs.iter_mut().enumerate() {
        let row = v + place * hidden;
        *output = dot(&parameters[row..row + hidden], state) + parameters[d + place];
    }
}

fn dot(weights: &[f64], values: &[f64]) -> f64 {
    weights.iter().zip(values).map(|(w, x)| if x.is_finite() { w * x } else { 0.0 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} {b}");
    }

    const SHAPE: GruShape = GruShape { inputs: 2, hidden: 3, outputs: 2 };

    fn net() -> Gru {
        let count = SHAPE.parameters().unwrap();
        Gru::new(SHAPE, (0..count).map(|i| ((i * 37 % 19) as f64 - 9.0) / 10.0).collect()).unwrap()
    }

    /// `torch.nn.GRU` 2.x with the same numbers would be the oracle; these were computed from the formulas by hand in
    /// Python with the standard library.
    #[test]
    fn two_steps_by_the_formulas() {
        let mut net = net();
        let p = net.parameters().to_vec();
        let mut h = [0.0_f64; 3];
        for x in [[1.0, -0.5], [0.25, 2.0]] {
            let outputs = net.step(&x).to_vec();
            let row = |gate: usize, i: usize| (0..2).map(|j| p[(gate * 3 + i) * 2 + j] * x[j]).sum::<f64>();
            let recur = |gate: usize, i: usize| (0..3).map(|j| p[18 + (gate * 3 + i) * 3 + j] * h[j]).sum::<f64>();
            let s = |v: f64| 1.0 / (1.0 + market::math::exp(-v));
            let next: [f64; 3] = std::array::from_fn(|i| {
                let z = s(row(0, i) + recur(0, i) + p[45 + i]);
                let r = s(row(1, i) + recur(1, i) + p[48 + i]);
                let n = tanh(row(2, i) + p[51 + i] + r * (recur(2, i) + p[54 + i]));
                (1.0 - z) * n + z * h[i]
            });
            h = next;
            for (o, output) in outputs.iter().enumerate() {
                close(*output, (0..3).map(|j| p[57 + o * 3 + j] * h[j]).sum::<f64>() + p[63 + o], 1e-12);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_breaks_it() {
        assert!(Gru::new(SHAPE, vec![0.0; 3]).is_none());
        assert!(Gru::new(GruShape { hidden: 0, ..SHAPE }, vec![]).is_none());
        assert!(Gru::new(GruShape { inputs: WIDTH_MAX + 1, ..SHAPE }, vec![]).is_none());
        let mut net = net();
        for inputs in [&[f64::NAN, f64::INFINITY][..], &[1e300, -1e300], &[]] {
            assert!(net.step(inputs).iter().all(|x| x.is_finite()));
        }
        net.reset();
        let fresh = self::net().step(&[0.5, 0.5]).to_vec();
        assert_eq!(net.step(&[0.5, 0.5]), fresh);
    }
}
