//! A gated recurrent unit with a linear head: a sequence in, log-odds out, one step at a time (Cho et al. 2014).
//!
//! The equations and the order of the gates (update `z`, reset `r`, candidate `h`) are those of the ONNX operator GRU:
//!
//! `z = sigmoid(W_z x + R_z h + b)`, `r = sigmoid(W_r x + R_r h + b)`, `c = tanh(W_h x + R_h (r . h) + b)` or, with
//! `linear_before_reset`, `c = tanh(W_h x + b_w + r . (R_h h + b_r))`; then `h' = (1 - z) . c + z . h`.
//!
//! Weights lie with the outputs of one input side by side, in blocks of eight, so that a sum keeps its order and still
//! runs over whole registers.

use crate::guard::finite;
use market::math::{sigmoid, tanh};
use market::{Reader, State, Torn};
use std::fmt;

/// The most inputs of a step.
pub const INPUTS_MAX: usize = 1024;
/// The most hidden units.
pub const HIDDEN_MAX: usize = 1024;
/// The largest magnitude of a weight.
pub const WEIGHT_MAX: f64 = 1e6;
/// How many outputs are summed at once.
const BLOCK: usize = 8;
const MAGIC: [u8; 8] = *b"GRUNET 1";

/// The weights of a [`Gru`] with `I` inputs and `H` hidden units, as ONNX keeps them: row-major, gates `z`, `r`, `h`.
#[derive(Debug, Clone, PartialEq)]
pub struct GruSpec {
    /// `I`, from 1 to [`INPUTS_MAX`].
    pub inputs: usize,
    /// `H`, from 1 to [`HIDDEN_MAX`].
    pub hidden: usize,
    /// Whether the reset gate acts after the recurrent matrix (Keras and cuDNN) or before (the paper).
    pub linear_before_reset: bool,
    /// `W`: 3H rows of I.
    pub input_weights: Vec<f64>,
    /// `R`: 3H rows of H.
    pub recurrent_weights: Vec<f64>,
    /// `Wb`: 3H.
    pub input_bias: Vec<f64>,
    /// `Rb`: 3H.
    pub recurrent_bias: Vec<f64>,
    /// The head: H.
    pub head: Vec<f64>,
    /// What the head adds.
    pub head_bias: f64,
}

/// Why there is no net.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GruError {
    /// No inputs or hidden units, or too many: (inputs, hidden).
    Size(usize, usize),
    /// A list of the spec has another length: (its name, its length, what it should be).
    Length(&'static str, usize, usize),
    /// A weight is not finite or larger than [`WEIGHT_MAX`]: (list, place).
    Weight(&'static str, usize),
    /// The bytes are not those of a net.
    Torn,
}

impl fmt::Display for GruError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(inputs, hidden) => {
                write!(f, "{inputs} inputs and {hidden} hidden units; 1 to {INPUTS_MAX} and {HIDDEN_MAX} are possible")
            }
            Self::Length(list, given, due) => write!(f, "{list} has {given} numbers; {due} are due"),
            Self::Weight(list, place) => write!(f, "{list}[{place}] is not finite or beyond {WEIGHT_MAX}"),
            Self::Torn => f.write_str("the bytes are not those of a net"),
        }
    }
}

impl std::error::Error for GruError {}

/// A matrix whose product with a vector is summed in the order of its columns.
#[derive(Debug, Clone, PartialEq)]
struct Matrix {
    /// For each block of outputs, for each column, its eight weights; the last block is filled with zeros.
    blocks: Vec<[f64; BLOCK]>,
    columns: usize,
}

impl Matrix {
    /// From rows, each as long as there are columns.
    fn new(rows: &[f64], columns: usize) -> Self {
        let mut blocks = Vec::with_capacity(rows.len().div_ceil(BLOCK));
        for group in rows.chunks(BLOCK * columns) {
            let weight = |row: usize, column: usize| group.get(row * columns + column).copied().unwrap_or(0.0);
            blocks.extend((0..columns).map(|column| std::array::from_fn(|row| weight(row, column))));
        }
        Self { blocks, columns }
    }

    /// Adds the product with `x` to `sums`.
    fn add_product(&self, x: &[f64], sums: &mut [f64]) {
        for (block, sums) in self.blocks.chunks_exact(self.columns).zip(sums.chunks_mut(BLOCK)) {
            let mut own = [0.0; BLOCK];
            own[..sums.len()].copy_from_slice(sums);
            for (weights, x) in block.iter().zip(x) {
                for (sum, weight) in own.iter_mut().zip(weights) {
                    *sum += weight * x;
                }
            }
            sums.copy_from_slice(&own[..sums.len()]);
        }
    }
}

/// The net and its hidden state.
#[derive(Debug, Clone)]
pub struct Gru {
    spec: GruSpec,
    input: Matrix,
    /// Gates `z` and `r`.
    recurrent_gates: Matrix,
    /// Gate `h`.
    recurrent_candidate: Matrix,
    hidden: Vec<f64>,
    steps: u64,
    /// Room for a step: the clipped inputs, the sums of three gates, the recurrent part of the candidate,
    /// what the reset gate keeps of the hidden state.
    x: Vec<f64>,
    sums: Vec<f64>,
    inner: Vec<f64>,
    kept: Vec<f64>,
}

/// The hidden state and how many steps led to it; the weights come from the spec.
impl State for Gru {
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

impl Gru {
    /// A net at rest: its hidden state is zero.
    ///
    /// # Errors
    /// When a size is out of its bounds, a list has another length, or a weight is not finite or too large.
    pub fn new(spec: GruSpec) -> Result<Self, GruError> {
        check(&spec)?;
        let (inputs, hidden) = (spec.inputs, spec.hidden);
        let (gates, candidate) = spec.recurrent_weights.split_at(2 * hidden * hidden);
        Ok(Self {
            input: Matrix::new(&spec.input_weights, inputs),
            recurrent_gates: Matrix::new(gates, hidden),
            recurrent_candidate: Matrix::new(candidate, hidden),
            hidden: vec![0.0; hidden],
            steps: 0,
            x: vec![0.0; inputs],
            sums: vec![0.0; 3 * hidden],
            inner: vec![0.0; hidden],
            kept: vec![0.0; hidden],
            spec,
        })
    }

    /// Hears one observation and answers the head's log-odds; allocates nothing. An observation of another length, or
    /// with a number that is not finite, changes nothing and has no answer.
    pub fn step(&mut self, inputs: &[f64]) -> Option<f64> {
        if inputs.len() != self.x.len() || inputs.iter().any(|x| !x.is_finite()) {
            return None;
        }
        for (x, input) in self.x.iter_mut().zip(inputs) {
            *x = finite(*input)?;
        }
        let n = self.hidden.len();
        self.sums.copy_from_slice(&self.spec.input_bias);
        self.input.add_product(&self.x, &mut self.sums);
        let (gates, candidate) = self.sums.split_at_mut(2 * n);
        let (gate_bias, candidate_bias) = self.spec.recurrent_bias.split_at(2 * n);
        add(gates, gate_bias);
        self.recurrent_gates.add_product(&self.hidden, gates);
        for gate in gates.iter_mut() {
            *gate = sigmoid(*gate);
        }
        let (update, reset) = gates.split_at(n);
        self.inner.copy_from_slice(candidate_bias);
        if self.spec.linear_before_reset {
            self.recurrent_candidate.add_product(&self.hidden, &mut self.inner);
            multiply(&mut self.inner, reset);
        } else {
            self.kept.copy_from_slice(&self.hidden);
            multiply(&mut self.kept, reset);
            self.recurrent_candidate.add_product(&self.kept, &mut self.inner);
        }
        add(candidate, &self.inner);
        for ((h, z), c) in self.hidden.iter_mut().zip(update).zip(candidate.iter()) {
            *h = (1.0 - z) * tanh(*c) + z * *h;
        }
        self.steps = self.steps.saturating_add(1);
        Some(self.log_odds())
    }

    /// What the head says of the hidden state now.
    pub fn log_odds(&self) -> f64 {
        self.hidden.iter().zip(&self.spec.head).fold(self.spec.head_bias, |sum, (h, weight)| sum + weight * h)
    }

    /// The hidden state, each from -1 to 1.
    pub fn hidden(&self) -> &[f64] {
        &self.hidden
    }

    /// How many observations were heard since the start or the last rest; below the length of the sequences of the
    /// training the net is warming up.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Forgets the sequence: the hidden state is zero again.
    pub fn rest(&mut self) {
        self.hidden.fill(0.0);
        self.steps = 0;
    }

    /// The weights.
    pub const fn spec(&self) -> &GruSpec {
        &self.spec
    }

    /// Appends the weights, not the hidden state: that is saved as `State`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        (self.spec.inputs as u32).save(out);
        (self.spec.hidden as u32).save(out);
        self.spec.linear_before_reset.save(out);
        for (_, list, _) in lists(&self.spec) {
            for weight in list {
                weight.save(out);
            }
        }
        self.spec.head_bias.save(out);
    }

    /// Reads a net, at rest.
    ///
    /// # Errors
    /// [`GruError::Torn`] when the bytes are not those of an `encode`, others as [`Gru::new`].
    pub fn decode(from: &mut Reader<'_>) -> Result<Self, GruError> {
        let torn = |_: Torn| GruError::Torn;
        if from.take::<8>().map_err(torn)? != MAGIC {
            return Err(GruError::Torn);
        }
        let inputs = from.read::<u32>().map_err(torn)? as usize;
        let hidden = from.read::<u32>().map_err(torn)? as usize;
        check_size(inputs, hidden)?;
        let linear_before_reset = from.read().map_err(torn)?;
        let mut list = |len: usize| {
            // Nothing is reserved for more numbers than there are bytes.
            let bytes = from.slice(8 * len)?;
            let number = |bytes: &[u8]| Reader::new(bytes).read::<f64>();
            bytes.chunks(8).map(number).collect::<Result<Vec<_>, Torn>>()
        };
        let spec = GruSpec {
            inputs,
            hidden,
            linear_before_reset,
            input_weights: list(3 * hidden * inputs).map_err(torn)?,
            recurrent_weights: list(3 * hidden * hidden).map_err(torn)?,
            input_bias: list(3 * hidden).map_err(torn)?,
            recurrent_bias: list(3 * hidden).map_err(torn)?,
            head: list(hidden).map_err(torn)?,
            head_bias: from.read().map_err(torn)?,
        };
        Self::new(spec)
    }
}

/// The lists of a spec in the order of the encoding: name, numbers, how many are due.
fn lists(spec: &GruSpec) -> [(&'static str, &[f64], usize); 5] {
    let GruSpec { inputs, hidden, .. } = *spec;
    [
        ("input_weights", &spec.input_weights, 3 * hidden * inputs),
        ("recurrent_weights", &spec.recurrent_weights, 3 * hidden * hidden),
        ("input_bias", &spec.input_bias, 3 * hidden),
        ("recurrent_bias", &spec.recurrent_bias, 3 * hidden),
        ("head", &spec.head, hidden),
    ]
}

fn check_size(inputs: usize, hidden: usize) -> Result<(), GruError> {
    let possible = (1..=INPUTS_MAX).contains(&inputs) && (1..=HIDDEN_MAX).contains(&hidden);
    if possible { Ok(()) } else { Err(GruError::Size(inputs, hidden)) }
}

fn check(spec: &GruSpec) -> Result<(), GruError> {
    check_size(spec.inputs, spec.hidden)?;
    let wrong = |weight: &f64| weight.is_nan() || weight.abs() > WEIGHT_MAX;
    for (name, list, due) in lists(spec) {
        if list.len() != due {
            return Err(GruError::Length(name, list.len(), due));
        }
        if let Some(place) = list.iter().position(wrong) {
            return Err(GruError::Weight(name, place));
        }
    }
    if wrong(&spec.head_bias) { Err(GruError::Weight("head_bias", 0)) } else { Ok(()) }
}

fn add(sums: &mut [f64], terms: &[f64]) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}

fn multiply(products: &mut [f64], factors: &[f64]) {
    products.iter_mut().zip(factors).for_each(|(product, factor)| *product *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, check_restore, close};
    use proptest::prelude::*;

    fn spec(seed: u64, inputs: usize, hidden: usize, linear_before_reset: bool) -> GruSpec {
        let mut noise = Lcg::new(seed);
        let mut list = |len: usize| -> Vec<f64> { (0..len).map(|_| f64::from(noise.normal() as f32) / 4.0).collect() };
        GruSpec {
            inputs,
            hidden,
            linear_before_reset,
            input_weights: list(3 * hidden * inputs),
            recurrent_weights: list(3 * hidden * hidden),
            input_bias: list(3 * hidden),
            recurrent_bias: list(3 * hidden),
            head: list(hidden),
            head_bias: 0.125,
        }
    }

    /// The twin: the equations of the operator, unit by unit.
    fn plain(spec: &GruSpec, h: &[f64], x: &[f64]) -> Vec<f64> {
        let n = spec.hidden;
        let w =
            |row: usize| -> f64 { (0..spec.inputs).map(|i| spec.input_weights[row * spec.inputs + i] * x[i]).sum() };
        let r = |row: usize, h: &[f64]| -> f64 { (0..n).map(|i| spec.recurrent_weights[row * n + i] * h[i]).sum() };
        let (wb, rb) = (&spec.input_bias, &spec.recurrent_bias);
        let gate = |row: usize| sigmoid(w(row) + r(row, h) + wb[row] + rb[row]);
        let reset: Vec<f64> = (n..2 * n).map(gate).collect();
        let kept: Vec<f64> = reset.iter().zip(h).map(|(r, h)| r * h).collect();
        let unit = |i: usize| {
            let row = 2 * n + i;
            let recurrent =
                if spec.linear_before_reset { reset[i] * (r(row, h) + rb[row]) } else { r(row, &kept) + rb[row] };
            let z = gate(i);
            (1.0 - z) * tanh(w(row) + wb[row] + recurrent) + z * h[i]
        };
        (0..n).map(unit).collect()
    }

    #[test]
    fn it_is_the_operator_of_onnx_runtime() {
        let text = include_str!("../tests/data/gru.txt");
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        for linear_before_reset in [false, true] {
            let mut gru = Gru::new(spec(2026, 5, 11, linear_before_reset)).unwrap();
            let mut noise = Lcg::new(31);
            for _ in 0..20 {
                let x: [f64; 5] = std::array::from_fn(|_| f64::from(noise.normal() as f32));
                gru.step(&x).unwrap();
                let expected = lines.next().unwrap().split_whitespace().map(|h| h.parse::<f64>().unwrap());
                let expected: Vec<f64> = expected.collect();
                assert_eq!(expected.len(), 11);
                gru.hidden().iter().zip(expected).for_each(|(h, expected)| close(*h, expected, 1e-6));
            }
        }
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn it_is_restored() {
        let x = |i: usize| [(i % 7) as f64 - 3.0, (i % 3) as f64];
        check_restore(|| Gru::new(spec(3, 2, 9, true)).unwrap(), |gru, i| gru.step(&x(i)));
        let mut bytes = crate::testing::bytes(&Gru::new(spec(3, 2, 1, true)).unwrap());
        bytes[8..16].copy_from_slice(&1.5_f64.to_le_bytes());
        assert!(Gru::new(spec(3, 2, 1, true)).unwrap().load(&mut Reader::new(&bytes)).is_err());
    }

    #[test]
    fn what_is_not_finite_changes_nothing() {
        let mut gru = Gru::new(spec(3, 2, 9, false)).unwrap();
        gru.step(&[1.0, 2.0]);
        let before = crate::testing::bytes(&gru);
        for inputs in [&[1.0, f64::NAN][..], &[f64::INFINITY, 0.0], &[1.0], &[1.0; 3]] {
            assert_eq!(gru.step(inputs), None);
        }
        assert_eq!((crate::testing::bytes(&gru), gru.steps()), (before, 1));
        gru.rest();
        assert_eq!((gru.hidden(), gru.steps(), gru.log_odds()), (&[0.0; 9][..], 0, 0.125));
    }

    #[test]
    fn it_names_what_it_refuses() {
        let refuse = |change: fn(&mut GruSpec)| {
            let mut spec = spec(3, 2, 4, false);
            change(&mut spec);
            Gru::new(spec).unwrap_err()
        };
        assert_eq!(refuse(|s| s.inputs = 0), GruError::Size(0, 4));
        assert_eq!(refuse(|s| s.hidden = HIDDEN_MAX + 1), GruError::Size(2, HIDDEN_MAX + 1));
        assert_eq!(refuse(|s| s.head.push(0.0)), GruError::Length("head", 5, 4));
        assert_eq!(refuse(|s| s.recurrent_weights[3] = f64::NAN), GruError::Weight("recurrent_weights", 3));
        assert_eq!(refuse(|s| s.head_bias = 2e6), GruError::Weight("head_bias", 0));
        assert_eq!(refuse(|s| s.hidden = 3).to_string(), "input_weights has 24 numbers; 18 are due");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn blocks_and_plain_equations_agree(
            seed in 0_u64..1000, inputs in 1_usize..12, hidden in 1_usize..20, before in any::<bool>(),
        ) {
            let spec = spec(seed, inputs, hidden, before);
            let mut gru = Gru::new(spec.clone()).unwrap();
            let (mut noise, mut h) = (Lcg::new(seed), vec![0.0; hidden]);
            for _ in 0..10 {
                let x: Vec<f64> = (0..inputs).map(|_| noise.normal()).collect();
                h = plain(&spec, &h, &x);
                let said = gru.step(&x).unwrap();
                let head: f64 = h.iter().zip(&spec.head).map(|(h, w)| h * w).sum();
                prop_assert!((said - head - 0.125).abs() < 1e-12);
                prop_assert!(gru.hidden().iter().zip(&h).all(|(a, b)| (a - b).abs() < 1e-12));
            }
        }

        #[test]
        fn nothing_breaks_it(seed in 0_u64..100, stream in prop::collection::vec(anything(), 3..60)) {
            let mut gru = Gru::new(spec(seed, 3, 5, seed % 2 == 0)).unwrap();
            for x in stream.chunks_exact(3) {
                prop_assert_eq!(gru.step(x).is_some(), x.iter().all(|x| x.is_finite()));
                prop_assert!(gru.log_odds().is_finite() && gru.hidden().iter().all(|h| h.abs() <= 1.0));
            }
        }

        #[test]
        fn it_comes_back_from_its_bytes(seed in 0_u64..100, at in 0_usize..3000, flip in 1_u8..) {
            let gru = Gru::new(spec(seed, 3, 5, seed % 2 == 0)).unwrap();
            let mut bytes = Vec::new();
            gru.encode(&mut bytes);
            let twin = Gru::decode(&mut Reader::new(&bytes)).unwrap();
            prop_assert_eq!(twin.spec(), gru.spec());
            let at = at % bytes.len();
            prop_assert!(Gru::decode(&mut Reader::new(&bytes[..at])).is_err());
            bytes[at] ^= flip;
            if let Ok(mut gru) = Gru::decode(&mut Reader::new(&bytes)) {
                prop_assert!(gru.step(&vec![0.5; gru.spec().inputs]).is_some_and(f64::is_finite));
            }
        }
    }
}
