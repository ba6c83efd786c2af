//! The gated recurrent unit: the equations and the order of the gates (update `z`, reset `r`, candidate `h`) are those of
//! the ONNX operator GRU.
//!
//! `z = sigmoid(W_z x + R_z h + b)`, `r = sigmoid(W_r x + R_r h + b)`, `c = tanh(W_h x + R_h (r . h) + b)` or, with
//! `linear_before_reset`, `c = tanh(W_h x + b_w + r . (R_h h + b_r))`; then `h' = (1 - z) . c + z . h`.

use super::error::{List, NetError, check_list, check_width};
use super::matrix::Matrix;
use market::math::{sigmoid, tanh};

/// The weights of a recurrent unit with `I` inputs and `H` hidden units, as ONNX keeps them: row-major, gates `z`, `r`, `h`.
#[derive(Debug, Clone, PartialEq)]
pub struct GruSpec {
    /// `I`: that of the net.
    pub inputs: usize,
    /// `H`, from 1 to [`super::WIDTH_MAX`].
    pub hidden: usize,
    /// Whether the reset gate acts after the recurrent matrix (`PyTorch`, Keras and cuDNN) or before (the paper).
    pub linear_before_reset: bool,
    /// `W`: 3H rows of I.
    pub input_weights: Vec<f64>,
    /// `R`: 3H rows of H.
    pub recurrent_weights: Vec<f64>,
    /// `Wb`: 3H.
    pub input_bias: Vec<f64>,
    /// `Rb`: 3H.
    pub recurrent_bias: Vec<f64>,
}

impl GruSpec {
    /// The lists in the order of the encoding: name, numbers, how many are due.
    pub(super) fn lists(&self) -> [(&'static str, &[f64], usize); 4] {
        let (inputs, hidden) = (self.inputs, self.hidden);
        [
            ("input_weights", &self.input_weights, 3 * hidden * inputs),
            ("recurrent_weights", &self.recurrent_weights, 3 * hidden * hidden),
            ("input_bias", &self.input_bias, 3 * hidden),
            ("recurrent_bias", &self.recurrent_bias, 3 * hidden),
        ]
    }

    pub(super) fn check(&self, inputs: usize) -> Result<(), NetError> {
        if self.inputs != inputs {
            return Err(NetError::CellInputs { cell: self.inputs, net: inputs });
        }
        check_width("hidden", self.hidden)?;
        self.lists().into_iter().try_for_each(|(name, list, due)| check_list(List::Cell(name), list, due))
    }
}

/// What the gates did in one step, one number per hidden unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gates<'a> {
    /// How much of the state was kept, `z`.
    pub update: &'a [f64],
    /// How much of it the candidate saw, `r`.
    pub reset: &'a [f64],
    /// The candidate, after its tanh.
    pub candidate: &'a [f64],
    /// The recurrent part of the candidate: `R_h h + b_r`, or with the reset before it `R_h (r . h) + b_r`.
    pub recurrent: &'a [f64],
}

/// Room for a step: the sums of three gates, the recurrent part of the candidate, what the reset gate keeps of the state.
#[derive(Debug, Clone)]
pub(super) struct Room {
    sums: Vec<f64>,
    inner: Vec<f64>,
    kept: Vec<f64>,
}

impl Room {
    pub(super) fn new(hidden: usize) -> Self {
        Self { sums: vec![0.0; 3 * hidden], inner: vec![0.0; hidden], kept: vec![0.0; hidden] }
    }

    pub(super) fn gates(&self, hidden: usize) -> Gates<'_> {
        let (update, others) = self.sums.split_at(hidden);
        let (reset, candidate) = others.split_at(hidden);
        Gates { update, reset, candidate, recurrent: &self.inner }
    }
}

/// A recurrent unit, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    input: Matrix,
    /// Gates `z` and `r`.
    recurrent_gates: Matrix,
    /// Gate `h`.
    recurrent_candidate: Matrix,
    linear_before_reset: bool,
    input_bias: Vec<f64>,
    recurrent_bias: Vec<f64>,
}

impl Cell {
    pub(super) fn new(spec: &GruSpec) -> Self {
        let (gates, candidate) = spec.recurrent_weights.split_at(2 * spec.hidden * spec.hidden);
        Self {
            input: Matrix::new(&spec.input_weights, spec.inputs),
            recurrent_gates: Matrix::new(gates, spec.hidden),
            recurrent_candidate: Matrix::new(candidate, spec.hidden),
            linear_before_reset: spec.linear_before_reset,
            input_bias: spec.input_bias.clone(),
            recurrent_bias: spec.recurrent_bias.clone(),
        }
    }

    /// One step: `hidden` becomes the next state.
    pub(super) fn forward(&self, x: &[f64], hidden: &mut [f64], room: &mut Room) {
        let n = hidden.len();
        let Room { sums, inner, kept } = room;
        sums.copy_from_slice(&self.input_bias);
        self.input.add_product(x, sums);
        let (gates, candidate) = sums.split_at_mut(2 * n);
        let (gate_bias, candidate_bias) = self.recurrent_bias.split_at(2 * n);
        gates.iter_mut().zip(gate_bias).for_each(|(sum, bias)| *sum += bias);
        self.recurrent_gates.add_product(hidden, gates);
        for gate in gates.iter_mut() {
            *gate = sigmoid(*gate);
        }
        let (update, reset) = gates.split_at(n);
        inner.copy_from_slice(candidate_bias);
        if self.linear_before_reset {
            self.recurrent_candidate.add_product(hidden, inner);
            for ((sum, inner), reset) in candidate.iter_mut().zip(inner.iter()).zip(reset) {
                *sum += inner * reset;
            }
        } else {
            for ((kept, h), reset) in kept.iter_mut().zip(hidden.iter()).zip(reset) {
                *kept = h * reset;
            }
            self.recurrent_candidate.add_product(kept, inner);
            candidate.iter_mut().zip(inner.iter()).for_each(|(sum, inner)| *sum += inner);
        }
        for sum in candidate.iter_mut() {
            *sum = tanh(*sum);
        }
        for ((h, z), c) in hidden.iter_mut().zip(update).zip(candidate.iter()) {
            *h = (1.0 - z) * c + z * *h;
        }
    }
}
