//! What is a choice. Horizons and decay constants are not: they are in the names of the features.

use crate::feature::Groups;
use market::{Points, Span};

/// The choices behind one symbol's features.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spec {
    /// The groups that anybody wants.
    pub groups: Groups,
    /// One pip, in points: the unit of the micro-price's spread states, and ten times the smallest sigma that anything is
    /// divided by. At least one point.
    pub pip: Points,
    /// The spread counts as widened when it is above this multiple of its EWMA of 60 s (`1.5`: half as much again).
    pub widening: f64,
    /// Lead features are not ready while the leader, or our own symbol, was not heard for longer than this.
    pub leader_stale: Span,
    /// How moves of the mid excite further moves.
    pub hawkes: HawkesSpec,
}

/// The shape of the two-sided Hawkes process of mid moves; its base rate is measured. Values outside of the stated ranges
/// (or NaN) are moved to the nearest (or the lower) end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HawkesSpec {
    /// Beta: how fast excitement fades, per second; 0.001 to 1,000.
    pub decay_per_second: f64,
    /// How many moves in the same direction one move causes on average; 0 to 0.95.
    pub self_excitation: f64,
    /// How many moves in the other direction one move causes on average; 0 to 0.95 less the one above.
    pub cross_excitation: f64,
}

impl HawkesSpec {
    /// The same shape with every value within its range, so that the process cannot explode.
    pub(crate) fn bounded(&self) -> Self {
        let self_excitation = within(self.self_excitation, 0.0, 0.95);
        Self {
            decay_per_second: within(self.decay_per_second, 0.001, 1_000.0),
            self_excitation,
            cross_excitation: within(self.cross_excitation, 0.0, 0.95 - self_excitation),
        }
    }
}

/// `f64::clamp` with NaN at the lower end.
fn within(x: f64, low: f64, high: f64) -> f64 {
    if low <= x { if x <= high { x } else { high } } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_cannot_explode() {
        let wild = HawkesSpec { decay_per_second: f64::NAN, self_excitation: 7.0, cross_excitation: f64::INFINITY };
        let bounded = HawkesSpec { decay_per_second: 0.001, self_excitation: 0.95, cross_excitation: 0.0 };
        assert_eq!(wild.bounded(), bounded);
        assert_eq!(bounded.bounded(), bounded);
    }
}
