//! Sums of gradients by bin. Gradients are rounded to integers, so sums do not depend on the order of adding and the
//! larger of two siblings is exactly the parent less the smaller.

use rayon::prelude::*;

use crate::train::bins::{Binned, WIDTH};

/// Gradients are kept in steps of one over this.
pub(crate) const SCALE: f64 = 1_048_576.0;
/// The largest size of a gradient or of a sample weight.
pub(crate) const LARGEST: f64 = 1_024.0;
/// Features that one task sums: what it writes to stays near the core.
const BLOCK: usize = 8;

/// First and second derivative of a row's loss, in steps of 1/[`SCALE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Gradient {
    pub(crate) first: i32,
    pub(crate) second: i32,
}

impl Gradient {
    /// Rounded; what is not a number counts as nothing.
    pub(crate) fn new(first: f64, second: f64) -> Self {
        let step = |x: f64| if x.is_nan() { 0 } else { (x.clamp(-LARGEST, LARGEST) * SCALE).round() as i32 };
        // A row counts for something however sure the model is of it.
        Self { first: step(first), second: step(second).max(i32::from(second > 0.0)) }
    }
}

/// The sums over some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) first: i64,
    pub(crate) second: i64,
    pub(crate) rows: u32,
}

impl Sum {
    #[inline]
    pub(crate) fn add(&mut self, gradient: Gradient) {
        self.first += i64::from(gradient.first);
        self.second += i64::from(gradient.second);
        self.rows += 1;
    }

    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { first: self.first + other.first, second: self.second + other.second, rows: self.rows + other.rows }
    }

    #[must_use]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self { first: self.first - other.first, second: self.second - other.second, rows: self.rows - other.rows }
    }

    pub(crate) fn gradient(&self) -> f64 {
        self.first as f64 / SCALE
    }

    pub(crate) fn hessian(&self) -> f64 {
        self.second as f64 / SCALE
    }
}

/// The sums of every bin of every feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Histogram {
    cells: Vec<Sum>,
}

impl Histogram {
    /// Sums the gradients of some rows.
    pub(crate) fn of(binned: &Binned, rows: &[u32], gradients: &[Gradient]) -> Self {
        let width = binned.names().len();
        let mut cells = vec![Sum::default(); width * WIDTH];
        let gathered: Vec<Gradient> = rows.iter().map(|row| gradients[*row as usize]).collect();
        let fill = |(block, cells): (usize, &mut [Sum])| {
            let first = block * BLOCK;
            let count = cells.len() / WIDTH;
            for (row, gradient) in rows.iter().zip(&gathered) {
                let bins = &binned.row(*row)[first..first + count];
                for (place, bin) in bins.iter().enumerate() {
                    cells[place * WIDTH + usize::from(*bin)].add(*gradient);
                }
            }
        };
        if rows.len() < 512 {
            cells.chunks_mut(BLOCK * WIDTH).enumerate().for_each(fill);
        } else {
            cells.par_chunks_mut(BLOCK * WIDTH).enumerate().for_each(fill);
        }
        Self { cells }
    }

    /// What is left when a part of the rows goes elsewhere.
    pub(crate) fn less(mut self, part: &Self) -> Self {
        for (all, part) in self.cells.iter_mut().zip(&part.cells) {
            *all = all.minus(*part);
        }
        self
    }

    /// The bins of a feature; the last is that of missing values.
    #[inline]
    pub(crate) fn feature(&self, feature: usize) -> &[Sum] {
        &self.cells[feature * WIDTH..(feature + 1) * WIDTH]
    }
}
