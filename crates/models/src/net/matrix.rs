//! Products with a vector, summed in one order.

/// How many outputs are summed at once.
const BLOCK: usize = 8;

/// A matrix whose product with a vector is summed in the order of its columns. Weights lie with the outputs of one input
/// side by side, in blocks of eight, so that a sum keeps its order and still runs over whole registers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    /// For each block of outputs, for each column, its eight weights; the last block is filled with zeros.
    blocks: Vec<[f64; BLOCK]>,
    columns: usize,
}

impl Matrix {
    /// From rows, each as long as there are columns.
    pub(super) fn new(rows: &[f64], columns: usize) -> Self {
        let mut blocks = Vec::with_capacity(rows.len().div_ceil(BLOCK));
        for group in rows.chunks(BLOCK * columns) {
            let weight = |row: usize, column: usize| group.get(row * columns + column).copied().unwrap_or(0.0);
            blocks.extend((0..columns).map(|column| std::array::from_fn(|row| weight(row, column))));
        }
        Self { blocks, columns }
    }

    /// Adds the product with `x` to `sums`.
    pub(super) fn add_product(&self, x: &[f64], sums: &mut [f64]) {
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
