//! Why there is no net.

use super::{LAYERS_MAX, WEIGHT_MAX, WIDTH_MAX};
use std::fmt;

/// A list of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Of the recurrent unit, by its name.
    Cell(&'static str),
    /// Of a layer, by its place and name.
    Layer(usize, &'static str),
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell(name) => write!(f, "cell.{name}"),
            Self::Layer(place, name) => write!(f, "layers[{place}].{name}"),
        }
    }
}

/// Why there is no net.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetError {
    /// It has neither a recurrent unit nor a layer.
    Empty,
    /// A width is zero or above [`WIDTH_MAX`]: (which, how many).
    Width(&'static str, usize),
    /// There are more than [`LAYERS_MAX`] layers.
    Layers(usize),
    /// The recurrent unit sees another number of inputs than the net has.
    CellInputs {
        /// How many it sees.
        cell: usize,
        /// How many there are.
        net: usize,
    },
    /// A list has another length: (which, its length, what it should be).
    Length(List, usize, usize),
    /// A weight is not finite or larger than [`WEIGHT_MAX`]: (list, place).
    Weight(List, usize),
    /// The bytes are not those of a net.
    Torn,
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a net needs a recurrent unit or a layer"),
            Self::Width(which, found) => write!(f, "{found} {which}; 1 to {WIDTH_MAX} are possible"),
            Self::Layers(found) => write!(f, "{found} layers; at most {LAYERS_MAX} are possible"),
            Self::CellInputs { cell, net } => {
                write!(f, "the recurrent unit sees {cell} inputs, but the net has {net}")
            }
            Self::Length(list, found, due) => write!(f, "{list} has {found} numbers; {due} are due"),
            Self::Weight(list, place) => write!(f, "{list}[{place}] is not finite or beyond {WEIGHT_MAX}"),
            Self::Torn => f.write_str("the bytes are not those of a net"),
        }
    }
}

impl std::error::Error for NetError {}

impl From<market::Torn> for NetError {
    fn from(_: market::Torn) -> Self {
        Self::Torn
    }
}

pub(super) fn check_width(which: &'static str, found: usize) -> Result<(), NetError> {
    if (1..=WIDTH_MAX).contains(&found) { Ok(()) } else { Err(NetError::Width(which, found)) }
}

pub(super) fn check_list(list: List, numbers: &[f64], due: usize) -> Result<(), NetError> {
    if numbers.len() != due {
        return Err(NetError::Length(list, numbers.len(), due));
    }
    let wrong = |weight: &f64| weight.is_nan() || weight.abs() > WEIGHT_MAX;
    numbers.iter().position(wrong).map_or(Ok(()), |place| Err(NetError::Weight(list, place)))
}
