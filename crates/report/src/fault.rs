//! What a statistic was given that it cannot judge.

use std::fmt;

/// Why a statistic refuses its input. Each says what, where, and what would do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Fewer values than the statistic needs.
    TooFew {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// More values than the statistic takes.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are allowed.
        allowed: usize,
    },
    /// A value that is not a finite number.
    NotFinite {
        /// Of what.
        what: &'static str,
        /// Its place, from zero.
        place: usize,
    },
    /// A value outside its range.
    Outside {
        /// Which.
        what: &'static str,
        /// The value.
        found: f64,
        /// The least that is allowed.
        low: f64,
        /// The most that is allowed.
        high: f64,
    },
    /// Two lists that belong together have different lengths, or a table is not rectangular.
    Shape {
        /// Which.
        what: &'static str,
        /// The length.
        found: usize,
        /// The length that it must have.
        expected: usize,
    },
    /// A list that must be in order is not.
    Order {
        /// Which.
        what: &'static str,
        /// The first place, from zero, that is out of order.
        place: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFew { what, found, needed } => write!(f, "{found} {what}; at least {needed} are needed"),
            Self::TooMany { what, found, allowed } => write!(f, "{found} {what}; at most {allowed} are taken"),
            Self::NotFinite { what, place } => write!(f, "{what}: number {place} (from 0) is not finite; leave it out"),
            Self::Outside { what, found, low, high } => write!(f, "{what} is {found}; it must be from {low} to {high}"),
            Self::Shape { what, found, expected } => write!(f, "{what}: {found} values where {expected} are expected"),
            Self::Order { what, place } => {
                write!(f, "{what}: number {place} (from 0) is out of order; sort them first")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// Refuses the first value that is not finite.
pub(crate) fn all_finite(what: &'static str, values: &[f64]) -> Result<(), Fault> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(place) => Err(Fault::NotFinite { what, place }),
        None => Ok(()),
    }
}

/// Refuses a value outside `[low, high]`; NaN is outside.
pub(crate) fn within(what: &'static str, found: f64, low: f64, high: f64) -> Result<(), Fault> {
    if (low..=high).contains(&found) { Ok(()) } else { Err(Fault::Outside { what, found, low, high }) }
}

/// A table of `columns` columns by rows, each cell finite, at least `rows_min` rows: how many rows it has.
pub(crate) fn table(values: &[f64], columns: usize, rows_min: usize) -> Result<usize, Fault> {
    if columns == 0 {
        return Err(Fault::TooFew { what: "columns", found: 0, needed: 1 });
    }
    let rows = values.len() / columns;
    if rows * columns != values.len() {
        return Err(Fault::Shape { what: "the table", found: values.len(), expected: rows * columns });
    }
    if rows < rows_min {
        return Err(Fault::TooFew { what: "rows", found: rows, needed: rows_min });
    }
    all_finite("the table", values)?;
    Ok(rows)
}
