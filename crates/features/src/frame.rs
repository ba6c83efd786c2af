//! The numbers as of one moment.

use crate::feature::{COUNT, Feature};
use market::Time;

/// The value of every feature as of the last event, and which of them are ready. No value is ever NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// The latest event time so far; `Time::MIN` before the first event.
    pub time: Time,
    /// Zero where not ready.
    values: [f64; COUNT],
    /// A bit per feature, by its code.
    ready: u64,
}

market::state!(Frame { time, values, ready });

impl Frame {
    /// A frame in which nothing is ready.
    pub const fn empty(time: Time) -> Self {
        Self { time, values: [0.0; COUNT], ready: 0 }
    }

    /// This frame with one feature given by hand, for tests; a value that is not finite makes it not ready.
    #[must_use]
    pub fn with(mut self, feature: Feature, value: f64) -> Self {
        self.set(feature, value, true);
        self
    }

    /// The value, `None` until it is ready.
    pub fn get(&self, feature: Feature) -> Option<f64> {
        self.is_ready(feature).then(|| self.value(feature))
    }

    /// The value, zero when it is not ready.
    pub const fn value(&self, feature: Feature) -> f64 {
        self.values[feature as usize]
    }

    /// Whether the feature's window has been seen and its inputs are known.
    pub const fn is_ready(&self, feature: Feature) -> bool {
        self.ready & (1 << feature as u64) != 0
    }

    /// Every value, by the features' codes; zero where not ready.
    pub const fn values(&self) -> &[f64; COUNT] {
        &self.values
    }

    /// A bit per feature, by its code: set when ready.
    pub const fn ready_bits(&self) -> u64 {
        self.ready
    }

    /// Writes a value; not ready when it is not finite.
    #[inline]
    pub(crate) fn set(&mut self, feature: Feature, value: f64, ready: bool) {
        let ready = ready && value.is_finite();
        self.values[feature as usize] = if ready { value } else { 0.0 };
        let bit = 1 << feature as u64;
        self.ready = if ready { self.ready | bit } else { self.ready & !bit };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_not_ready() {
        let frame = Frame::empty(Time(7)).with(Feature::Spread, 3.0);
        assert_eq!((frame.get(Feature::Spread), frame.get(Feature::SigmaS10)), (Some(3.0), None));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let frame = frame.with(Feature::Spread, bad);
            assert_eq!((frame.get(Feature::Spread), frame.value(Feature::Spread)), (None, 0.0));
        }
    }
}
