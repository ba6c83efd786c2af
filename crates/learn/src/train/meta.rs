//! Is the chosen side worth its costs? What a second model sees: the first one's opinion, made without having seen the
//! row, and where it was said.

use ensemble::Barrier;
use market::math::logit;

use crate::dataset::read::Columns;
use crate::fault::Fault;

/// What is taken from the dataset beside the opinions.
pub const CONTEXT: [&str; 11] = [
    "spread",
    "spread_per_sigma",
    "sigma_s60",
    "noise_ratio",
    "hour_sin",
    "hour_cos",
    "regime_0",
    "regime_1",
    "regime_2",
    "regime_gate",
    "regime_change",
];
/// What is made of the opinions.
pub const OPINION: [&str; 4] = ["meta_odds", "meta_over_null", "meta_other_odds", "meta_side"];

/// The rows as the second model sees them.
pub struct MetaColumns<'a> {
    columns: &'a dyn Columns,
    opinion: [Vec<f64>; 4],
    /// The chosen side of each row: 0 buys, 1 sells.
    pub side: Vec<u8>,
}

/// The names of all that the second model sees, in order.
pub fn names() -> Vec<String> {
    OPINION.iter().chain(&CONTEXT).map(|name| (*name).to_owned()).collect()
}

impl<'a> MetaColumns<'a> {
    /// Chooses the likelier side of each row by calibrated probabilities of a buy and of a sell (NaN where nobody said
    /// anything), and puts both beside what the null says at the row's spread.
    ///
    /// # Errors
    /// [`Fault`] when the spread cannot be read.
    pub fn of(columns: &'a dyn Columns, p: [&[f64]; 2], barrier: &Barrier) -> Result<Self, Fault> {
        let spread = columns.column("spread")?;
        let mut opinion: [Vec<f64>; 4] = std::array::from_fn(|_| Vec::with_capacity(spread.len()));
        let mut side = Vec::with_capacity(spread.len());
        for (row, spread) in spread.iter().enumerate() {
            let sells = p[1][row] > p[0][row];
            let (chosen, other) = if sells { (p[1][row], p[0][row]) } else { (p[0][row], p[1][row]) };
            let null = barrier.null(if spread.is_nan() { 0.0 } else { *spread });
            let values = [logit(chosen), logit(chosen) - logit(null), logit(other), if sells { -1.0 } else { 1.0 }];
            for (column, value) in opinion.iter_mut().zip(values) {
                column.push(if chosen.is_nan() { f64::NAN } else { value });
            }
            side.push(u8::from(sells));
        }
        Ok(Self { columns, opinion, side })
    }
}

impl Columns for MetaColumns<'_> {
    fn rows(&self) -> usize {
        self.side.len()
    }

    fn column(&self, name: &str) -> Result<Vec<f64>, Fault> {
        match OPINION.iter().position(|known| *known == name) {
            Some(place) => Ok(self.opinion[place].clone()),
            None => self.columns.column(name),
        }
    }
}
