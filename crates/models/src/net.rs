//! A small net for streams: an optional gated recurrent unit, then dense layers; one step at a time (Cho et al. 2014).
//!
//! `cell` the recurrent unit   `matrix` products in a fixed order   `bytes` as it is stored   `error` why there is no net
//! `attribution` what each input of a step added to an output
//!
//! The weights ([`Net`]) do not change and may be shared; what a sequence has left behind ([`NetState`]) belongs to whoever
//! runs it. One pass serves and teaches: after a step the state shows the gates, so that a teacher can go back through them.

pub mod attribution;
mod bytes;
mod cell;
mod error;
mod matrix;
#[cfg(test)]
mod tests;

pub use attribution::{Attributed, attributions};
pub use cell::{Gates, GruSpec};
pub use error::{List, NetError};

use crate::guard::finite;
use cell::Cell;
use market::math::{sigmoid, tanh};
use market::{Reader, State, Torn};
use matrix::Matrix;

/// The most inputs, hidden units or outputs of a layer.
pub const WIDTH_MAX: usize = 1024;
/// The most layers: however weights are chosen within their bound, what goes through so many is still finite.
pub const LAYERS_MAX: usize = 16;
/// The largest magnitude of a weight.
pub const WEIGHT_MAX: f64 = 1e6;

/// What is done to the sums of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// Negative sums become zero.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function.
    Sigmoid,
}

market::state_enum!(Activation { None, Relu, Tanh, Sigmoid });

impl Activation {
    /// What becomes of a sum.
    pub fn of(self, x: f64) -> f64 {
        match self {
            Self::None => x,
            Self::Relu => x.max(0.0),
            Self::Tanh => tanh(x),
            Self::Sigmoid => sigmoid(x),
        }
    }
}

/// A dense layer: `activation(W x + b)`.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSpec {
    /// How many outputs, from 1 to [`WIDTH_MAX`].
    pub outputs: usize,
    /// `W`: as many rows as outputs, each as long as there are inputs.
    pub weights: Vec<f64>,
    /// `b`: one per output.
    pub bias: Vec<f64>,
    /// What is done to the sums.
    pub activation: Activation,
}

/// The weights of a [`Net`].
#[derive(Debug, Clone, PartialEq)]
pub struct NetSpec {
    /// Inputs of a step, from 1 to [`WIDTH_MAX`].
    pub inputs: usize,
    /// The recurrent unit that sees them; without one a step depends on its inputs alone.
    pub cell: Option<GruSpec>,
    /// The layers, in order, at most [`LAYERS_MAX`]; the first sees the hidden state, or the inputs without a cell. With
    /// none the hidden state is the output.
    pub layers: Vec<LayerSpec>,
}

impl NetSpec {
    /// How many outputs a step has.
    pub fn outputs(&self) -> usize {
        let last = self.layers.last().map(|layer| layer.outputs);
        last.unwrap_or_else(|| self.cell.as_ref().map_or(self.inputs, |cell| cell.hidden))
    }

    /// Whether it can be a net.
    ///
    /// # Errors
    /// [`NetError`] names the first thing that cannot be.
    pub fn check(&self) -> Result<(), NetError> {
        error::check_width("inputs", self.inputs)?;
        if self.cell.is_none() && self.layers.is_empty() {
            return Err(NetError::Empty);
        }
        if self.layers.len() > LAYERS_MAX {
            return Err(NetError::Layers(self.layers.len()));
        }
        let mut width = self.inputs;
        if let Some(cell) = &self.cell {
            cell.check(self.inputs)?;
            width = cell.hidden;
        }
        for (place, layer) in self.layers.iter().enumerate() {
            error::check_width("outputs", layer.outputs)?;
            error::check_list(List::Layer(place, "weights"), &layer.weights, layer.outputs * width)?;
            error::check_list(List::Layer(place, "bias"), &layer.bias, layer.outputs)?;
            width = layer.outputs;
        }
        Ok(())
    }
}

/// A layer, ready to run.
#[derive(Debug, Clone, PartialEq)]
struct Layer {
    matrix: Matrix,
    bias: Vec<f64>,
    activation: Activation,
}

impl Layer {
    fn forward(&self, x: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.bias);
        self.matrix.add_product(x, out);
        for sum in out.iter_mut() {
            *sum = self.activation.of(*sum);
        }
    }
}

/// The weights of a net: immutable, made only sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    spec: NetSpec,
    cell: Option<Cell>,
    layers: Vec<Layer>,
}

/// What a sequence has left behind, and room for a step.
#[derive(Debug, Clone)]
pub struct NetState {
    hidden: Vec<f64>,
    steps: u64,
    /// The clipped inputs, what the cell works in, and two rows for the layers.
    x: Vec<f64>,
    room: cell::Room,
    rows: [Vec<f64>; 2],
}

/// The hidden state and how many steps led to it; the weights lie elsewhere.
impl State for NetState {
    fn save(&self, out: &mut Vec<u8>) {
        self.hidden.save(out);
        self.steps.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        crate::guard::load_exactly(&mut self.hidden, from)?;
        if self.hidden.iter().any(|h| !(-1.0..=1.0).contains(h)) {
            return Err(Torn);
        }
        self.steps.load(from)
    }
}

impl NetState {
    /// Forgets the sequence: the hidden state is zero again.
    pub fn rest(&mut self) {
        self.hidden.fill(0.0);
        self.steps = 0;
    }

    /// Becomes what another sequence of the same net has left behind, without allocating; of a net of another shape
    /// nothing is taken.
    pub fn copy_from(&mut self, other: &Self) {
        if self.hidden.len() == other.hidden.len() {
            self.hidden.copy_from_slice(&other.hidden);
            self.steps = other.steps;
        }
    }

    /// How many observations were heard since the start or the last rest; below the length of the sequences of the
    /// training the net is warming up.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The hidden state, each from -1 to 1; empty without a cell.
    pub fn hidden(&self) -> &[f64] {
        &self.hidden
    }

    /// What the gates of the cell did in the last step: what a teacher goes back through. Empty without a cell; not part
    /// of what is saved.
    pub fn gates(&self) -> Gates<'_> {
        self.room.gates(self.hidden.len())
    }
}

impl Net {
    /// A net of these weights.
    ///
    /// # Errors
    /// [`NetError`]: there is nothing in it, a width is out of bounds, a list has another length, or a weight is not finite
    /// or too large.
    pub fn new(spec: NetSpec) -> Result<Self, NetError> {
        spec.check()?;
        let mut width = spec.cell.as_ref().map_or(spec.inputs, |cell| cell.hidden);
        let mut layers = Vec::with_capacity(spec.layers.len());
        for layer in &spec.layers {
            let matrix = Matrix::new(&layer.weights, width);
            layers.push(Layer { matrix, bias: layer.bias.clone(), activation: layer.activation });
            width = layer.outputs;
        }
        Ok(Self { cell: spec.cell.as_ref().map(Cell::new), layers, spec })
    }

    /// A state that has heard nothing.
    pub fn rest(&self) -> NetState {
        let hidden = self.spec.cell.as_ref().map_or(0, |cell| cell.hidden);
        let widest = self.spec.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0);
        NetState {
            hidden: vec![0.0; hidden],
            steps: 0,
            x: vec![0.0; self.spec.inputs],
            room: cell::Room::new(hidden),
            rows: [vec![0.0; widest], vec![0.0; widest]],
        }
    }

    /// Hears one observation and writes the outputs; allocates nothing. An observation of another length or with a number
    /// that is not finite, `out` of another length, or the state of a net of another shape: nothing changes, and `None`.
    pub fn step(&self, state: &mut NetState, inputs: &[f64], out: &mut [f64]) -> Option<()> {
        let fits = inputs.len() == state.x.len() && inputs.len() == self.spec.inputs && out.len() == self.outputs();
        if !fits || inputs.iter().any(|x| !x.is_finite()) || !self.is_of(state) {
            return None;
        }
        for (x, input) in state.x.iter_mut().zip(inputs) {
            *x = finite(*input)?;
        }
        let NetState { hidden, x, room, rows, .. } = state;
        if let Some(cell) = &self.cell {
            cell.forward(x, hidden, room);
        }
        self.head(if self.cell.is_some() { hidden } else { x }, rows, out);
        state.steps = state.steps.saturating_add(1);
        Some(())
    }

    /// What the layers say of a row.
    fn head(&self, row: &[f64], rows: &mut [Vec<f64>; 2], out: &mut [f64]) {
        let Some((last, others)) = self.layers.split_last() else { return out.copy_from_slice(row) };
        let [here, there] = rows;
        let (mut from, mut to, mut width) = (here, there, 0);
        for (place, layer) in others.iter().enumerate() {
            let seen = if place == 0 { row } else { &from[..width] };
            width = layer.bias.len();
            layer.forward(seen, &mut to[..width]);
            std::mem::swap(&mut from, &mut to);
        }
        last.forward(if others.is_empty() { row } else { &from[..width] }, out);
    }

    fn is_of(&self, state: &NetState) -> bool {
        let widest = self.spec.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0);
        state.hidden.len() == self.spec.cell.as_ref().map_or(0, |cell| cell.hidden)
            && state.rows.iter().all(|row| row.len() == widest)
    }

    /// How many inputs a step has.
    pub const fn inputs(&self) -> usize {
        self.spec.inputs
    }

    /// How many outputs a step has.
    pub fn outputs(&self) -> usize {
        self.spec.outputs()
    }

    /// The weights.
    pub const fn spec(&self) -> &NetSpec {
        &self.spec
    }
}
