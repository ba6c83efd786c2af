//! The parameters of a recurrent net with a linear head as one list, which Adam moves, and the net that they make.
//!
//! In order, as [`models::net`] keeps them: for the update gate z, the reset gate r and the candidate n in turn the rows of
//! `W` (hidden x inputs), then of `U` (hidden x hidden), then `bz`, `br`, `bn`, `cn`, then the rows of `V` (outputs x
//! hidden), then `d`:
//!
//! `z = s(Wz x + Uz h + bz)`, `r = s(Wr x + Ur h + br)`, `n = tanh(Wn x + bn + r * (Un h + cn))`, `h' = (1 - z) n + z h`,
//! the form that `PyTorch` uses; outputs are `V h' + d`.

use models::net::{Activation, GruSpec, LayerSpec, Net, NetSpec, NetState};

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

    /// The net of these parameters; `None` when the shape is out of range, they are not as many as it has, or one is not
    /// finite or beyond [`models::net::WEIGHT_MAX`].
    pub fn net(&self, parameters: &[f64]) -> Option<Net> {
        if parameters.len() != self.parameters()? {
            return None;
        }
        let Self { inputs, hidden, outputs } = *self;
        let [w, u, b, v, d] = self.places();
        let input_bias = parameters[b..b + 3 * hidden].to_vec();
        // Of the recurrent biases only the candidate's is not the same as the input's.
        let recurrent_bias = [&vec![0.0; 2 * hidden], &parameters[b + 3 * hidden..v]].concat();
        let cell = GruSpec {
            inputs,
            hidden,
            linear_before_reset: true,
            input_weights: parameters[w..u].to_vec(),
            recurrent_weights: parameters[u..b].to_vec(),
            input_bias,
            recurrent_bias,
        };
        let (weights, bias) = (parameters[v..d].to_vec(), parameters[d..].to_vec());
        let head = LayerSpec { outputs, weights, bias, activation: Activation::None };
        Net::new(NetSpec { inputs, cell: Some(cell), layers: vec![head] }).ok()
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
    /// What the last step of a net left in its state.
    pub fn of(state: &NetState) -> Self {
        let gates = state.gates();
        Self {
            z: gates.update.to_vec(),
            r: gates.reset.to_vec(),
            n: gates.candidate.to_vec(),
            u: gates.recurrent.to_vec(),
            h: state.hidden().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::math::tanh;

    const SHAPE: GruShape = GruShape { inputs: 2, hidden: 3, outputs: 2 };

    fn parameters() -> Vec<f64> {
        (0..SHAPE.parameters().unwrap()).map(|i| ((i * 37 % 19) as f64 - 9.0) / 10.0).collect()
    }

    #[test]
    fn two_steps_by_the_formulas() {
        let p = parameters();
        let net = SHAPE.net(&p).unwrap();
        let (mut state, mut outputs) = (net.rest(), [0.0; 2]);
        let mut h = [0.0_f64; 3];
        for x in [[1.0, -0.5], [0.25, 2.0]] {
            net.step(&mut state, &x, &mut outputs).unwrap();
            let row = |gate: usize, i: usize| (0..2).map(|j| p[(gate * 3 + i) * 2 + j] * x[j]).sum::<f64>();
            let recur = |gate: usize, i: usize| (0..3).map(|j| p[18 + (gate * 3 + i) * 3 + j] * h[j]).sum::<f64>();
            let s = |v: f64| 1.0 / (1.0 + market::math::exp(-v));
            let step = GruStep::of(&state);
            let next: [f64; 3] = std::array::from_fn(|i| {
                let z = s(row(0, i) + recur(0, i) + p[45 + i]);
                let r = s(row(1, i) + recur(1, i) + p[48 + i]);
                let u = recur(2, i) + p[54 + i];
                let n = tanh(row(2, i) + p[51 + i] + r * u);
                for (a, b) in [(z, step.z[i]), (r, step.r[i]), (u, step.u[i]), (n, step.n[i])] {
                    assert!((a - b).abs() < 1e-12, "{a} {b}");
                }
                (1.0 - z) * n + z * h[i]
            });
            h = next;
            for (o, output) in outputs.iter().enumerate() {
                let expected = (0..3).map(|j| p[57 + o * 3 + j] * h[j]).sum::<f64>() + p[63 + o];
                assert!((output - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(SHAPE.net(&[0.0; 3]).is_none());
        assert!(GruShape { hidden: 0, ..SHAPE }.net(&[]).is_none());
        assert!(GruShape { inputs: WIDTH_MAX + 1, ..SHAPE }.net(&[]).is_none());
        for bad in [f64::NAN, f64::INFINITY, 1e7] {
            let mut wild = parameters();
            wild[60] = bad;
            assert!(SHAPE.net(&wild).is_none());
        }
    }
}
