//! What each input of one step added to an output: integrated gradients (Sundararajan, Taly & Yan 2017).
//!
//! `A_i = (x_i - b_i) * integral over t from 0 to 1 of dF/dx_i(b + t (x - b))`, here from the baseline `b = 0`: inputs on
//! the net's scale, all at their mean, after the same past. The parts sum up to `F(x) - F(b)` (completeness), which holds
//! on every piece of the line too: so the integral is taken by Gauss's rule of two points on [`PIECES`] equal pieces, and
//! pieces that miss their own share are halved until the whole holds. A kink (a rectifier) costs a few pieces around it.

use super::{Activation, GruSpec, Layer, Net, NetState};

/// Into how many pieces the line is cut at first.
pub const PIECES: usize = 64;
/// The most pieces; what does not add up with so many is not verified.
pub const PIECES_MAX: usize = 8192;
/// How far the parts may miss the difference that they explain, times the larger of 1 and that difference.
pub const TOLERANCE: f64 = 1e-6;

/// What each input of a step added to one output.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributed {
    /// One per input, in the order of the inputs, in units of the output.
    pub parts: Vec<f64>,
    /// The output at these inputs.
    pub output: f64,
    /// The output with every input at zero, after the same past.
    pub base: f64,
    /// In how many pieces the line was taken.
    pub pieces: usize,
}

impl Attributed {
    /// How far the parts miss what they explain.
    pub fn missed(&self) -> f64 {
        (self.base + self.parts.iter().sum::<f64>() - self.output).abs()
    }

    /// Whether the parts add up to within [`TOLERANCE`].
    pub fn holds(&self) -> bool {
        self.missed() <= tolerance(self.output - self.base)
    }
}

fn tolerance(difference: f64) -> f64 {
    TOLERANCE * difference.abs().max(1.0)
}

/// A stretch of the line, from `at` on.
struct Piece {
    at: f64,
    wide: f64,
    /// The output at its beginning and its end.
    ends: [f64; 2],
    /// What each input adds on it.
    parts: Vec<f64>,
}

impl Piece {
    fn missed(&self) -> f64 {
        self.parts.iter().sum::<f64>() - (self.ends[1] - self.ends[0])
    }
}

/// What each input of the step after `past` adds to the output of this number. `None` when the inputs are not the net's
/// or not finite, the past is another net's, or there is no such output. Allocates.
pub fn attributions(net: &Net, past: &NetState, inputs: &[f64], output: usize) -> Option<Attributed> {
    let mut room = past.clone();
    let mut line = Line { net, past, room: &mut room, inputs, output };
    let mut pieces = Vec::with_capacity(PIECES);
    let wide = 1.0 / PIECES as f64;
    let (base, reached) = (line.value(0.0)?, line.value(1.0)?);
    let mut before = base;
    for nth in 0..PIECES {
        let end = if nth + 1 == PIECES { reached } else { line.value((nth + 1) as f64 * wide)? };
        pieces.push(line.piece(nth as f64 * wide, wide, [before, end])?);
        before = end;
    }
    let allowed = tolerance(reached - base);
    loop {
        let made = Attributed { parts: sum(&pieces, inputs.len()), output: reached, base, pieces: pieces.len() };
        let share = allowed / (2.0 * pieces.len() as f64);
        let off = pieces.iter().filter(|piece| piece.missed().abs() > share).count();
        // Below half of what is allowed, so that no other order of the same sum is above it.
        if made.missed() <= allowed / 2.0 || off == 0 || pieces.len() + off > PIECES_MAX {
            return Some(made);
        }
        let mut finer = Vec::with_capacity(pieces.len() + off);
        for piece in pieces {
            if piece.missed().abs() <= share {
                finer.push(piece);
                continue;
            }
            let half = piece.wide / 2.0;
            let middle = line.value(piece.at + half)?;
            finer.push(line.piece(piece.at, half, [piece.ends[0], middle])?);
            finer.push(line.piece(piece.at + half, half, [middle, piece.ends[1]])?);
        }
        pieces = finer;
    }
}

fn sum(pieces: &[Piece], inputs: usize) -> Vec<f64> {
    let mut parts = vec![0.0; inputs];
    for piece in pieces {
        parts.iter_mut().zip(&piece.parts).for_each(|(sum, part)| *sum += part);
    }
    parts
}

/// The straight line from the baseline to the inputs of a step.
struct Line<'a> {
    net: &'a Net,
    past: &'a NetState,
    room: &'a mut NetState,
    inputs: &'a [f64],
    output: usize,
}

impl Line<'_> {
    fn point(&self, t: f64) -> Vec<f64> {
        self.inputs.iter().map(|x| t * x).collect()
    }

    fn value(&mut self, t: f64) -> Option<f64> {
        let mut out = vec![0.0; self.net.outputs()];
        let point = self.point(t);
        self.room.copy_from(self.past);
        self.net.step(self.room, &point, &mut out)?;
        out.get(self.output).copied()
    }

    fn piece(&mut self, at: f64, wide: f64, ends: [f64; 2]) -> Option<Piece> {
        /// Gauss's points on [0, 1] are one half, less and more this: 1/(2 sqrt 3).
        const OFF: f64 = 0.288_675_134_594_812_9;
        let mut parts = vec![0.0; self.inputs.len()];
        for off in [-OFF, OFF] {
            let point = self.point(at + wide * (0.5 + off));
            let slopes = gradient(self.net, self.past, &point, self.output)?;
            for ((part, slope), x) in parts.iter_mut().zip(&slopes).zip(self.inputs) {
                *part += 0.5 * wide * slope * x;
            }
        }
        Some(Piece { at, wide, ends, parts })
    }
}

/// How an output of the step after `past` changes with each input: back through the layers and the gates. At the kink of
/// a rectifier, the slope below it. `None` as of [`attributions`].
pub fn gradient(net: &Net, past: &NetState, inputs: &[f64], output: usize) -> Option<Vec<f64>> {
    let mut state = past.clone();
    let mut out = vec![0.0; net.outputs()];
    net.step(&mut state, inputs, &mut out)?;
    out.get(output)?;
    let first = if net.cell.is_some() { &state.hidden } else { &state.x };
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(net.layers.len());
    for layer in &net.layers {
        let mut sums = vec![0.0; layer.bias.len()];
        layer.forward(rows.last().unwrap_or(first), &mut sums);
        rows.push(sums);
    }
    let mut back = vec![0.0; out.len()];
    back[output] = 1.0;
    for ((layer, spec), row) in net.layers.iter().zip(&net.spec.layers).zip(&rows).rev() {
        let above = through(layer, row, &back);
        back = transposed(&spec.weights, &above, spec.weights.len() / spec.outputs.max(1));
    }
    Some(match &net.spec.cell {
        Some(cell) => back_through(cell, &state, &past.hidden, &back),
        None => back,
    })
}

/// From the slopes of a layer's outputs to those of its sums.
fn through(layer: &Layer, row: &[f64], back: &[f64]) -> Vec<f64> {
    let slope = |y: f64| match layer.activation {
        Activation::None => 1.0,
        Activation::Relu => f64::from(u8::from(y > 0.0)),
        Activation::Tanh => 1.0 - y * y,
        Activation::Sigmoid => y * (1.0 - y),
    };
    row.iter().zip(back).map(|(y, back)| back * slope(*y)).collect()
}

/// The slopes of the cell's inputs from those of its next hidden state; `state` shows the gates of that step.
fn back_through(cell: &GruSpec, state: &NetState, before: &[f64], back: &[f64]) -> Vec<f64> {
    let (n, gates) = (cell.hidden, state.gates());
    let candidate: Vec<f64> =
        (0..n).map(|i| back[i] * (1.0 - gates.update[i]) * (1.0 - gates.candidate[i] * gates.candidate[i])).collect();
    let reset: Vec<f64> = if cell.linear_before_reset {
        candidate.iter().zip(gates.recurrent).map(|(above, inner)| above * inner).collect()
    } else {
        let kept = transposed(&cell.recurrent_weights[2 * n * n..], &candidate, n);
        kept.iter().zip(before).map(|(above, h)| above * h).collect()
    };
    let gate = |above: f64, y: f64| above * y * (1.0 - y);
    let update = (0..n).map(|i| gate(back[i] * (before[i] - gates.candidate[i]), gates.update[i]));
    let reset = reset.iter().zip(gates.reset).map(|(above, y)| gate(*above, *y));
    let sums: Vec<f64> = update.chain(reset).chain(candidate.iter().copied()).collect();
    transposed(&cell.input_weights, &sums, cell.inputs)
}

/// The transpose of a matrix of rows, times a vector of as many.
fn transposed(rows: &[f64], above: &[f64], columns: usize) -> Vec<f64> {
    let mut out = vec![0.0; columns];
    for (row, above) in rows.chunks_exact(columns.max(1)).zip(above) {
        out.iter_mut().zip(row).for_each(|(sum, weight)| *sum += weight * above);
    }
    out
}
