//! How often does what was best in one half of the time do no better than the median in the other?
//!
//! The probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado
//! & Zhu 2015). Source: signals.md 1.3; oracle: signals.md 7 #13.

use market::math::{logit, sqrt};

use crate::fault::{Fault, table};

/// The most blocks that are taken: 20 blocks give 184,756 splits.
pub const BLOCKS_MAX: usize = 20;

/// The usual number of blocks.
pub const BLOCKS: usize = 16;

/// What the splits say together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overfit {
    /// How many splits into two halves.
    pub splits: u64,
    /// The share of splits in which the best of one half was at or below the median of the other; about one half when
    /// nothing has skill, at most 0.2 passes.
    pub probability: f64,
    /// The share of splits in which the best of one half had a Sharpe ratio below zero in the other.
    pub loss: f64,
    /// Mean Sharpe ratio of the best in the half where it was chosen, per period.
    pub chosen: f64,
    /// Its mean Sharpe ratio in the other half: the difference is what choosing had added.
    pub outside: f64,
}

/// Count, mean and sum of squared deviations of one column in one block.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Part {
    fn with(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        let count = self.count + other.count;
        let d = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + d * other.count / count,
            squares: self.squares + other.squares + d * d * self.count * other.count / count,
        }
    }

    fn sharpe(self) -> f64 {
        let sd = sqrt(self.squares / (self.count - 1.0));
        // Without variation a gain is as good as can be, and nothing is nothing.
        if sd > 1e-12 * self.mean.abs() { self.mean / sd } else { self.mean * 1e12 }
    }
}

/// Splits the rows of a table of returns (row by row, one column a trial) into `blocks` blocks of consecutive rows and
/// judges every choice of half of them. The rank of the chosen column in the other half, over columns + 1, is at or
/// below one half when it was no better than the median; equal ratios share their mean rank. Memory is small, time grows
/// with splits x columns x blocks.
///
/// # Errors
/// Fewer than two columns, fewer than two rows a block, blocks that are odd or not from 2 to [`BLOCKS_MAX`], a table that
/// is not rectangular, or a cell that is not finite.
pub fn overfit(returns: &[f64], columns: usize, blocks: usize) -> Result<Overfit, Fault> {
    if columns < 2 {
        return Err(Fault::TooFew { what: "trials (columns)", found: columns, needed: 2 });
    }
    if !(2..=BLOCKS_MAX).contains(&blocks) || !blocks.is_multiple_of(2) {
        let (low, high) = (2.0, BLOCKS_MAX as f64);
        return Err(Fault::Outside { what: "number of blocks (even)", found: blocks as f64, low, high });
    }
    let rows = table(returns, columns, 2 * blocks)?;
    let parts = parts(returns, columns, rows, blocks);
    let mut sums = Overfit { splits: 0, probability: 0.0, loss: 0.0, chosen: 0.0, outside: 0.0 };
    let (mut inside, mut outside) = (vec![0.0; columns], vec![0.0; columns]);
    for choice in (0_u32..1 << blocks).filter(|choice| choice.count_ones() as usize * 2 == blocks) {
        sharpes(&parts, columns, choice, &mut inside);
        sharpes(&parts, columns, !choice, &mut outside);
        let best = (1..columns).fold(0, |best, i| if inside[i] > inside[best] { i } else { best });
        let share = rank(&outside, best) / (columns as f64 + 1.0);
        sums.splits += 1;
        sums.probability += f64::from(u8::from(logit(share) <= 0.0));
        sums.loss += f64::from(u8::from(outside[best] < 0.0));
        sums.chosen += inside[best];
        sums.outside += outside[best];
    }
    let n = sums.splits as f64;
    let Overfit { splits, probability, loss, chosen, outside } = sums;
    Ok(Overfit { splits, probability: probability / n, loss: loss / n, chosen: chosen / n, outside: outside / n })
}

/// The parts, block by block, column by column.
fn parts(returns: &[f64], columns: usize, rows: usize, blocks: usize) -> Vec<Part> {
    let edge = |block: usize| block * rows / blocks;
    let mut parts = vec![Part::default(); blocks * columns];
    for block in 0..blocks {
        let n = (edge(block + 1) - edge(block)) as f64;
        let cells = &returns[edge(block) * columns..edge(block + 1) * columns];
        for column in 0..columns {
            let values = || cells.iter().skip(column).step_by(columns);
            let mean = values().sum::<f64>() / n;
            let squares = values().map(|x| (x - mean) * (x - mean)).sum();
            parts[block * columns + column] = Part { count: n, mean, squares };
        }
    }
    parts
}

/// The ratio of every column over the blocks whose bit is set.
fn sharpes(parts: &[Part], columns: usize, choice: u32, out: &mut [f64]) {
    for (column, out) in out.iter_mut().enumerate() {
        let blocks = parts.iter().skip(column).step_by(columns).enumerate();
        let chosen = blocks.filter(|(block, _)| (choice >> block) & 1 == 1);
        *out = chosen.fold(Part::default(), |sum, (_, part)| sum.with(*part)).sharpe();
    }
}

/// Place of one value among all from the lowest, from 1; equal values share their mean place.
fn rank(values: &[f64], which: usize) -> f64 {
    let below = values.iter().filter(|x| **x < values[which]).count() as f64;
    let equal = values.iter().filter(|x| **x == values[which]).count() as f64;
    below + f64::midpoint(equal, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, close};
    use proptest::prelude::*;

    #[test]
    fn oracle_13() {
        let mut returns = Lcg::new(12_345).normals(1_000 * 20);
        let noise = overfit(&returns, 20, 10).unwrap();
        assert_eq!(noise.splits, 252);
        close(noise.probability, 0.492_063_492_06, 1e-9);
        for x in returns.iter_mut().skip(3).step_by(20) {
            *x += 0.15;
        }
        let edge = overfit(&returns, 20, 10).unwrap();
        close(edge.probability, 0.003_968_253_97, 1e-9);
        assert!(edge.loss < 0.01 && edge.chosen > 0.12 && edge.outside > 0.12, "{edge:?}");
        assert!(noise.chosen > noise.outside + 0.05, "choosing adds what is not there: {noise:?}");
    }

    /// The definition, row by row, without parts.
    fn slow(returns: &[f64], columns: usize, blocks: usize) -> f64 {
        let rows = returns.len() / columns;
        let block_of = |row: usize| (0..blocks).find(|b| row < (b + 1) * rows / blocks).unwrap();
        let sharpe = |column: usize, choice: u32| {
            let x: Vec<f64> = (0..rows)
                .filter(|r| (choice >> block_of(*r)) & 1 == 1)
                .map(|r| returns[r * columns + column])
                .collect();
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            mean / sqrt(x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0))
        };
        let (mut splits, mut bad) = (0.0, 0.0);
        for choice in 0_u32..1 << blocks {
            if choice.count_ones() as usize != blocks / 2 {
                continue;
            }
            let inside: Vec<f64> = (0..columns).map(|c| sharpe(c, choice)).collect();
            let outside: Vec<f64> = (0..columns).map(|c| sharpe(c, !choice)).collect();
            let best = (0..columns).rev().max_by(|a, b| inside[*a].total_cmp(&inside[*b])).unwrap();
            let rank = outside.iter().filter(|x| **x <= outside[best]).count() as f64;
            splits += 1.0;
            bad += f64::from(u8::from(rank / (columns as f64 + 1.0) <= 0.5));
        }
        bad / splits
    }

    #[test]
    fn it_equals_its_slow_twin() {
        for (seed, rows, columns, blocks) in [(1, 47, 5, 4), (2, 60, 8, 6), (3, 33, 2, 8), (4, 101, 3, 2)] {
            let returns = Lcg::new(seed).normals(rows * columns);
            close(overfit(&returns, columns, blocks).unwrap().probability, slow(&returns, columns, blocks), 1e-12);
        }
    }

    #[test]
    fn sixteen_blocks_are_quick_enough() {
        let returns = Lcg::new(9).normals(512 * 10);
        let found = overfit(&returns, 10, BLOCKS).unwrap();
        assert_eq!(found.splits, 12_870);
        assert!((0.2..0.8).contains(&found.probability), "{found:?}");
    }

    #[test]
    fn what_cannot_be_judged_is_said() {
        let cells = vec![0.5; 40];
        assert!(overfit(&cells, 1, 2).is_err() && overfit(&cells, 2, 3).is_err() && overfit(&cells, 2, 22).is_err());
        assert!(overfit(&cells, 3, 2).is_err(), "40 cells are no three columns");
        assert!(overfit(&cells, 2, 16).is_err(), "20 rows are not two a block");
        assert_eq!(overfit(&cells, 2, 4).unwrap().probability, 1.0, "equal trials are at the median");
        let holes = [1.0, f64::NAN, 2.0, 1.0, 0.0, 1.0, 1.0, 1.0];
        assert_eq!(overfit(&holes, 2, 2), Err(Fault::NotFinite { what: "the table", place: 1 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn shares_are_shares(cells in prop::collection::vec(-3.0_f64..3.0, 24..80), columns in 2_usize..5) {
            let cells = &cells[..cells.len() / columns * columns];
            if let Ok(found) = overfit(cells, columns, 4) {
                prop_assert_eq!(found.splits, 6);
                prop_assert!((0.0..=1.0).contains(&found.probability) && (0.0..=1.0).contains(&found.loss));
                prop_assert!(found.chosen >= found.outside - 1e-9, "both halves are chosen once each");
            }
        }
    }
}
