//! Is the chosen side worth its costs? What a second model sees: the first one's opinion, made without having seen the
//! row, and where it was said. The columns are those of `ensemble::meta`, which asks it on the desk.

use ensemble::{Barrier, meta};
use market::Side;

use crate::dataset::read::Columns;
use crate::fault::Fault;

/// The rows as the second model sees them.
pub struct MetaColumns<'a> {
    columns: &'a dyn Columns,
    opinion: [Vec<f64>; 4],
    /// The chosen side of each row: 0 buys, 1 sells.
    pub side: Vec<u8>,
}

/// The names of all that the second model sees, in order.
pub fn names() -> Vec<String> {
    let context = meta::CONTEXT.iter().map(|feature| feature.name());
    meta::OPINION.into_iter().chain(context).chain(meta::REGIME).map(str::to_owned).collect()
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
            let p = [p[0][row], p[1][row]];
            let chosen = meta::favoured(p);
            for (column, value) in opinion.iter_mut().zip(meta::opinion(p, chosen, barrier, *spread)) {
                column.push(value);
            }
            side.push(u8::from(chosen == Side::Sell));
        }
        Ok(Self { columns, opinion, side })
    }
}

impl Columns for MetaColumns<'_> {
    fn rows(&self) -> usize {
        self.side.len()
    }

    fn column(&self, name: &str) -> Result<Vec<f64>, Fault> {
        match meta::OPINION.iter().position(|known| *known == name) {
            Some(place) => Ok(self.opinion[place].clone()),
            None => self.columns.column(name),
        }
    }
}
