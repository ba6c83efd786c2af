//! Averages that forget with time: `w = exp(-dt / tau)` between two observations, however far apart.
//!
//! Source: signals.md 1.1; oracle: signals.md 7 #2. An observation at the very instant of the one before has no
//! weight in an average (its `dt` is zero), and full weight in a decayed sum. Time that goes back counts as no time.

use crate::guard::{finite, within};
use market::math::exp;
use market::{Span, Time};

/// The share of the past that is left after `elapsed`, with time constant `tau`: within [0, 1].
pub fn decay(elapsed: Span, tau: Span) -> f64 {
    exp(-within(elapsed.as_secs() / tau.as_secs(), 0.0, 1e3))
}

/// An exponentially weighted average: `m = w m + (1 - w) x`; the first observation starts it.
#[derive(Debug, Clone)]
pub struct Ewma {
    tau: Span,
    mean: Option<f64>,
    time: Time,
}

market::state!(Ewma { mean, time });

impl Ewma {
    /// An average with time constant `tau` (at least one nanosecond).
    pub fn new(tau: Span) -> Self {
        Self { tau: tau.max(Span(1)), mean: None, time: Time(0) }
    }

    /// Takes an observation and answers with the average after it; `None` before the first finite one.
    pub fn observe(&mut self, time: Time, x: f64) -> Option<f64> {
        let Some(x) = finite(x) else { return self.mean };
        let mean = match self.mean {
            None => x,
            Some(mean) => {
                let w = decay(time.since(self.time), self.tau);
                w * mean + (1.0 - w) * x
            }
        };
        self.time = if self.mean.is_none() { time } else { self.time.max(time) };
        self.mean = Some(mean);
        self.mean
    }

    /// The average, in the observations' unit; `None` before the first.
    pub const fn value(&self) -> Option<f64> {
        self.mean
    }
}

/// An exponentially weighted mean and variance: `v = w (v + (1 - w) d^2)` with `d = x - m`
/// (Finch 2009, incremental calculation of weighted mean and variance, section 9).
#[derive(Debug, Clone)]
pub struct EwmaMoments {
    tau: Span,
    count: u64,
    mean: f64,
    variance: f64,
    time: Time,
}

market::state!(EwmaMoments { count, mean, variance, time });

impl EwmaMoments {
    /// Moments with time constant `tau` (at least one nanosecond).
    pub fn new(tau: Span) -> Self {
        Self { tau: tau.max(Span(1)), count: 0, mean: 0.0, variance: 0.0, time: Time(0) }
    }

    /// Takes an observation; one that is not finite changes nothing.
    pub fn observe(&mut self, time: Time, x: f64) {
        let Some(x) = finite(x) else { return };
        if self.count == 0 {
            (self.mean, self.time) = (x, time);
        } else {
            let w = decay(time.since(self.time), self.tau);
            let d = x - self.mean;
            self.mean += (1.0 - w) * d;
            self.variance = w * (self.variance + (1.0 - w) * d * d);
            self.time = self.time.max(time);
        }
        self.count = self.count.saturating_add(1);
    }

    /// How many observations were taken.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean; `None` before the first observation.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The variance; `None` before the second observation.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then_some(self.variance)
    }

    /// How many standard deviations `x` lies above the mean; `None` when that is not defined.
    pub fn standardised(&self, x: f64) -> Option<f64> {
        let sd = market::math::sqrt(self.variance()?);
        let x = finite(x)?;
        if sd > 0.0 { finite((x - self.mean) / sd) } else { None }
    }
}

/// A sum that forgets: `s = w s + x`.
#[derive(Debug, Clone)]
pub struct DecayedSum {
    tau: Span,
    sum: f64,
    time: Time,
}

market::state!(DecayedSum { sum, time });

impl DecayedSum {
    /// An empty sum with time constant `tau` (at least one nanosecond).
    pub fn new(tau: Span) -> Self {
        Self { tau: tau.max(Span(1)), sum: 0.0, time: Time::MIN }
    }

    /// Adds `x` at `time`; a number that is not finite adds nothing. Answers with the sum after it.
    pub fn add(&mut self, time: Time, x: f64) -> f64 {
        self.sum = within(self.at(time) + finite(x).unwrap_or(0.0), -1e120, 1e120);
        self.time = self.time.max(time);
        self.sum
    }

    /// The sum as it stands at `time`.
    pub fn at(&self, time: Time) -> f64 {
        self.sum * decay(time.since(self.time), self.tau)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{anything, check_restore, close};
    use proptest::prelude::*;

    const STREAM: [(i64, f64); 3] = [(0, 1.0), (500, 2.0), (2_000, 4.0)];

    #[test]
    fn oracle_2() {
        let mut mean = Ewma::new(Span::SECOND);
        for (millis, x) in STREAM {
            mean.observe(Time::from_millis(millis), x);
        }
        close(mean.value().unwrap(), 3.418_404_396_466_528, 1e-12);
    }

    #[test]
    fn moments_agree_with_the_weighted_sums_they_stand_for() {
        let mut moments = EwmaMoments::new(Span::SECOND);
        let mut weights: Vec<(f64, f64)> = Vec::new();
        let mut last = 0;
        for (i, millis) in [0_i64, 300, 350, 900, 2_000, 2_100].into_iter().enumerate() {
            let x = ((i * 7) % 5) as f64;
            let w = if i == 0 { 0.0 } else { decay(Span::from_millis(millis - last), Span::SECOND) };
            for (weight, _) in &mut weights {
                *weight *= w;
            }
            weights.push((1.0 - w, x));
            last = millis;
            moments.observe(Time::from_millis(millis), x);
        }
        let mean: f64 = weights.iter().map(|(w, x)| w * x).sum();
        let variance: f64 = weights.iter().map(|(w, x)| w * (x - mean) * (x - mean)).sum();
        close(weights.iter().map(|(w, _)| w).sum(), 1.0, 1e-12);
        close(moments.mean().unwrap(), mean, 1e-12);
        close(moments.variance().unwrap(), variance, 1e-12);
        close(moments.standardised(mean + variance.sqrt()).unwrap(), 1.0, 1e-9);
    }

    #[test]
    fn a_sum_halves_after_tau_times_ln_2() {
        let mut sum = DecayedSum::new(Span(10_000_000_000));
        sum.add(Time(0), 3.0);
        sum.add(Time(0), 5.0);
        close(sum.at(Time(6_931_471_806)), 4.0, 1e-9);
        close(sum.at(Time(-5)), 8.0, 0.0);
    }

    #[test]
    fn they_are_restored() {
        let time = |i: usize| Time(i as i64 * 137_000_001);
        let x = |i: usize| ((i * 31) % 17) as f64;
        check_restore(|| Ewma::new(Span::SECOND), |m, i| m.observe(time(i), x(i)));
        check_restore(|| EwmaMoments::new(Span::SECOND), |m, i| m.observe(time(i), x(i)));
        check_restore(|| DecayedSum::new(Span::SECOND), |m, i| m.add(time(i), x(i)));
    }

    proptest! {
        #[test]
        fn nothing_breaks_them(stream in prop::collection::vec((any::<i64>(), anything()), 1..40), tau in any::<i64>()) {
            let (mut mean, mut moments, mut sum) =
                (Ewma::new(Span(tau)), EwmaMoments::new(Span(tau)), DecayedSum::new(Span(tau)));
            for (time, x) in stream {
                prop_assert!(mean.observe(Time(time), x).is_none_or(f64::is_finite));
                moments.observe(Time(time), x);
                prop_assert!(moments.mean().is_none_or(f64::is_finite));
                prop_assert!(moments.variance().is_none_or(|v| v.is_finite() && v >= 0.0));
                prop_assert!(moments.standardised(x).is_none_or(f64::is_finite));
                prop_assert!(sum.add(Time(time), x).is_finite());
            }
        }

        #[test]
        fn an_average_stays_between_its_observations(xs in prop::collection::vec((0..5_000_i64, -5.0..5.0_f64), 1..40)) {
            let mut mean = Ewma::new(Span::SECOND);
            let (mut time, mut low, mut high) = (0, f64::INFINITY, f64::NEG_INFINITY);
            for (millis, x) in xs {
                time += millis;
                (low, high) = (low.min(x), high.max(x));
                let value = mean.observe(Time::from_millis(time), x).unwrap();
                prop_assert!((low - 1e-12..=high + 1e-12).contains(&value));
            }
        }
    }
}
