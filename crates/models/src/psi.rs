//! Population stability index: has the distribution of an input moved away from its reference?
//!
//! `PSI = sum (a - e) ln(a / e)` over bins (signals.md 1.6; above 0.2 is an alarm by custom). Oracle: signals.md 7 #30.

use crate::guard::{sized_state, within};
use market::math::ln;

/// A share smaller than this counts as this, so that an empty bin stays finite.
const SMALLEST_SHARE: f64 = 1e-6;

/// The index of two lists of shares (or counts: each list is divided by its sum). `None` when their lengths differ, a
/// number is negative or not finite, or a list is empty or sums to zero.
pub fn psi(expected: &[f64], actual: &[f64]) -> Option<f64> {
    let total = |shares: &[f64]| {
        let sound = shares.iter().all(|s| (0.0..=1e300).contains(s));
        let sum: f64 = shares.iter().sum();
        (sound && sum > 0.0 && sum.is_finite()).then_some(sum)
    };
    let (e_total, a_total) = (total(expected)?, total(actual)?);
    if expected.len() != actual.len() {
        return None;
    }
    let term = |(e, a): (&f64, &f64)| {
        let (e, a) = ((e / e_total).max(SMALLEST_SHARE), (a / a_total).max(SMALLEST_SHARE));
        (a - e) * ln(a / e)
    };
    Some(expected.iter().zip(actual).map(term).sum())
}

/// The index of a stream: decayed counts in `B` bins against the shares they had when the model was made.
#[derive(Debug, Clone)]
pub struct PsiMonitor<const B: usize> {
    /// Upper ends of the bins, ascending; the last bin has none, so its number is not read.
    ends: [f64; B],
    expected: [f64; B],
    keep: f64,
    counts: [f64; B],
    weight: f64,
}

sized_state!(PsiMonitor<B> { counts, weight });

impl<const B: usize> PsiMonitor<B> {
    /// A monitor of bins up to and including each of `ends` (ascending, the last one is not read), whose shares should
    /// be `expected`; `memory` is how many observations are remembered (1 to 1e9).
    pub fn new(ends: [f64; B], expected: [f64; B], memory: f64) -> Self {
        Self { ends, expected, keep: 1.0 - 1.0 / within(memory, 1.0, 1e9), counts: [0.0; B], weight: 0.0 }
    }

    /// Takes an observation; NaN changes nothing.
    pub fn observe(&mut self, x: f64) {
        if x.is_nan() || B == 0 {
            return;
        }
        let bin = self.ends[..B - 1].iter().position(|end| x <= *end).unwrap_or(B - 1);
        self.counts.iter_mut().for_each(|count| *count *= self.keep);
        self.counts[bin] += 1.0;
        self.weight = self.weight * self.keep + 1.0;
    }

    /// The index now; `None` before the first observation, or when the expected shares are no shares.
    pub fn value(&self) -> Option<f64> {
        psi(&self.expected, &self.counts)
    }

    /// How many observations the counts stand for.
    pub const fn weight(&self) -> f64 {
        self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, check_restore, close};
    use proptest::prelude::*;

    #[test]
    fn oracle_30() {
        let (expected, actual) = ([0.1, 0.2, 0.4, 0.2, 0.1], [0.15, 0.25, 0.3, 0.2, 0.1]);
        close(psi(&expected, &actual).unwrap(), 0.060_198_640_216_296_81, 1e-12);
        close(psi(&expected.map(|e| e * 70.0), &actual).unwrap(), 0.060_198_640_216_296_81, 1e-12);
    }

    #[test]
    fn what_is_no_list_of_shares_has_no_index() {
        assert_eq!(psi(&[], &[]), None);
        assert_eq!(psi(&[0.5, 0.5], &[1.0]), None);
        assert_eq!(psi(&[0.5, 0.5], &[0.0, 0.0]), None);
        assert_eq!(psi(&[0.5, -0.5], &[0.5, 0.5]), None);
        assert_eq!(psi(&[0.5, f64::NAN], &[0.5, 0.5]), None);
    }

    fn monitor() -> PsiMonitor<4> {
        PsiMonitor::new([0.25, 0.5, 0.75, 0.0], [0.25; 4], 500.0)
    }

    #[test]
    fn the_monitor_sees_a_move() {
        let (mut psi, mut noise) = (monitor(), Lcg::new(1));
        assert_eq!(psi.value(), None);
        (0..3_000).for_each(|_| psi.observe(noise.uniform()));
        assert!(psi.value().unwrap() < 0.02, "{:?}", psi.value());
        close(psi.weight(), 500.0, 2.0);
        (0..1_000).for_each(|_| psi.observe(0.3 + noise.uniform()));
        assert!(psi.value().unwrap() > 0.2, "{:?}", psi.value());
    }

    #[test]
    fn it_is_restored() {
        check_restore(monitor, |m, i| m.observe((i * 31 % 17) as f64 / 17.0));
    }

    proptest! {
        #[test]
        fn it_is_not_negative_and_zero_for_equals(shares in prop::collection::vec(0.0..1.0_f64, 1..12), x in anything()) {
            let reversed: Vec<f64> = shares.iter().rev().copied().collect();
            if let Some(value) = psi(&shares, &reversed) {
                prop_assert!(value.is_finite() && value >= 0.0);
            }
            prop_assert!(psi(&shares, &shares).is_none_or(|value| value == 0.0));
            let mut monitor = monitor();
            monitor.observe(x);
            prop_assert!(monitor.value().is_none_or(f64::is_finite));
        }
    }
}
