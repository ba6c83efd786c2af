//! Prices and distances between prices, in points: the instrument's smallest price step.

use crate::state::{Reader, State, Torn};

/// A price, in points. Invariant of prices made by [`crate::Instrument::price`]: positive and on the price grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(pub i64);

/// A signed distance between two prices, in points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Points(pub i64);

impl Price {
    /// How far this price is above `other`. Saturates.
    pub const fn above(self, other: Self) -> Points {
        Points(self.0.saturating_sub(other.0))
    }

    /// This price moved up by `distance`. Saturates.
    #[must_use]
    pub const fn plus(self, distance: Points) -> Self {
        Self(self.0.saturating_add(distance.0))
    }

    /// This price moved down by `distance`. Saturates.
    #[must_use]
    pub const fn minus(self, distance: Points) -> Self {
        Self(self.0.saturating_sub(distance.0))
    }

    /// The price in points, as a float for features and statistics.
    pub const fn as_f64(self) -> f64 {
        self.0 as f64
    }
}

impl Points {
    /// The distance as a float, in points.
    pub const fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// The distance without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// The nearest whole number of points, ties away from zero; `None` when not a number or out of range.
    pub fn rounded(points: f64) -> Option<Self> {
        let whole = if points < 0.0 { libm::ceil(points - 0.5) } else { libm::floor(points + 0.5) };
        (whole.abs() < 9e15).then_some(Self(whole as i64))
    }

    /// The smallest whole number of points not below `points`; `None` when not a number or out of range.
    pub fn ceiled(points: f64) -> Option<Self> {
        let whole = libm::ceil(points);
        (whole.abs() < 9e15).then_some(Self(whole as i64))
    }
}

impl State for Price {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}

impl State for Points {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}
