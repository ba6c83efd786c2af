//! What a probability is about: which exits, how far, how long, at what cost.

use market::{Points, Price, Side, Span};
use models::barrier::{break_even_probability, expectancy, null_probability};
use models::pool::CLIP;

/// One class of exits. Distances are measured from the fill and touched by the exit-side quote (the bid for a buy).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Barrier {
    /// How far in our favour the target lies (`a` of signals.md 2.1).
    pub target: Points,
    /// How far against us the stop lies (`S`).
    pub stop: Points,
    /// How long the position may last (`T`); then the label is the sign of the net profit.
    pub horizon: Span,
    /// Commission of a round trip, in points (`k`).
    pub commission_points: f64,
}

/// Why a barrier cannot be traded or learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarrierFault {
    /// The target is not positive.
    Target,
    /// The stop is not positive.
    Stop,
    /// The horizon is not positive.
    Horizon,
    /// The commission is negative, not a number, or at least the target.
    Commission,
}

impl Barrier {
    /// Whether the barrier makes sense.
    ///
    /// # Errors
    /// The first field that does not.
    pub fn check(&self) -> Result<(), BarrierFault> {
        if self.target.0 <= 0 {
            return Err(BarrierFault::Target);
        }
        if self.stop.0 <= 0 {
            return Err(BarrierFault::Stop);
        }
        if self.horizon.0 <= 0 {
            return Err(BarrierFault::Horizon);
        }
        if !(0.0..self.target.as_f64()).contains(&self.commission_points) {
            return Err(BarrierFault::Commission);
        }
        Ok(())
    }

    /// The win rate without skill at a spread of `spread` points: `(S - c)/(S + a)`, clipped to [.02, .98].
    pub fn null(&self, spread: f64) -> f64 {
        null_probability(self.target.as_f64(), self.stop.as_f64(), spread.max(0.0))
            .map_or(CLIP, |p| p.clamp(CLIP, 1.0 - CLIP))
    }

    /// The win rate at which nothing is won or lost: `(S + k)/(S + a)`; `None` when the barrier makes no sense.
    pub fn break_even(&self) -> Option<f64> {
        break_even_probability(self.target.as_f64(), self.stop.as_f64(), self.commission_points)
    }

    /// The expected net profit of a trade that wins with probability `p`, in points: `p a - (1 - p) S - k`.
    pub fn value(&self, p: f64) -> f64 {
        expectancy(p, self.target.as_f64(), self.stop.as_f64(), self.commission_points)
    }

    /// What a position entered at `entry` and left at `exit` earns after commission, in points.
    pub fn net(&self, side: Side, entry: Price, exit: Price) -> f64 {
        (exit.above(entry).0 * side.sign()) as f64 - self.commission_points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a/S c k` in tenths of a pip against null, break-even and uplift in percent (the table of signals.md 2.1).
    fn check(target: i64, stop: i64, expected: &str) {
        let barrier =
            Barrier { target: Points(target), stop: Points(stop), horizon: Span::MINUTE, commission_points: 3.0 };
        let (null, even) = (barrier.null(2.0) * 100.0, barrier.break_even().unwrap() * 100.0);
        assert_eq!(format!("{null:.1} {even:.1} {:+.1}", even - null), expected);
        assert!((barrier.value(barrier.null(2.0)) + 5.0).abs() < 1e-9, "without skill the cost is lost");
        assert!(barrier.value(barrier.break_even().unwrap()).abs() < 1e-9);
    }

    #[test]
    fn the_table_of_null_and_break_even() {
        check(10, 10, "40.0 65.0 +25.0");
        check(20, 20, "45.0 57.5 +12.5");
        check(50, 50, "48.0 53.0 +5.0");
        check(10, 40, "76.0 86.0 +10.0");
        check(20, 60, "72.5 78.8 +6.2");
        check(50, 150, "74.0 76.5 +2.5");
        check(30, 10, "20.0 32.5 +12.5");
    }

    #[test]
    fn a_spread_beyond_the_stop_is_clipped_and_nonsense_is_named() {
        let barrier = Barrier { target: Points(20), stop: Points(20), horizon: Span::MINUTE, commission_points: 0.0 };
        assert_eq!(barrier.null(50.0), CLIP);
        assert_eq!(barrier.null(-5.0), 0.5);
        assert_eq!(barrier.check(), Ok(()));
        assert_eq!(Barrier { commission_points: f64::NAN, ..barrier }.check(), Err(BarrierFault::Commission));
        assert_eq!(Barrier { commission_points: 20.0, ..barrier }.check(), Err(BarrierFault::Commission));
        assert_eq!(Barrier { stop: Points(0), ..barrier }.check(), Err(BarrierFault::Stop));
    }
}
