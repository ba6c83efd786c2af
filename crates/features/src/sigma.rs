//! How much the mid moves: variance per second on three scales, sampled so that the bounce of single ticks does not count.
//!
//! The scale of h seconds samples the mid every h/10 seconds (the last mid of the slot) and averages `change^2 / dt` with
//! `tau = 6 h`, that is over 60 samples, made up for the missing past, so unbiased from the start. Then `sigma_h = sqrt(rate h)`.
//! After a silence longer than tau the change is dropped: a weekend says nothing about the variance of an hour of trading.

use crate::feature::Feature::{NoiseRatio, SigmaRatio, SigmaS10, SigmaS60, SigmaS300};
use crate::frame::Frame;
use crate::second::{Second, slot_ended};
use market::Points;
use market::math::exp;

/// Changes before a scale is ready: then the standard error of sigma is about 13 %.
const SAMPLES: u32 = 30;
/// The averaging time of a scale, in slots.
const MEMORY: i64 = 60;
/// exp(-1/60), the decay over one slot.
const ONE_SLOT: f64 = 0.983_471_453_821_617_5;

/// The variance per second on one scale.
#[derive(Debug, Clone)]
struct Scale {
    /// Seconds per slot.
    step: i64,
    /// The last sample: slot and mid.
    last: Option<(i64, f64)>,
    weighted: f64,
    weighted_ticks: f64,
    weight: f64,
    samples: u32,
    /// Squares of the tick changes since the last sample.
    squares: f64,
}

market::state!(Scale { last, weighted, weighted_ticks, weight, samples, squares });

impl Scale {
    const fn new(step: i64) -> Self {
        Self { step, last: None, weighted: 0.0, weighted_ticks: 0.0, weight: 0.0, samples: 0, squares: 0.0 }
    }

    /// Takes the second that ended, when it ends a slot. True when there is a new sample.
    fn on_second(&mut self, second: &Second, next: i64) -> bool {
        let Some(slot) = slot_ended(second, next, self.step) else { return false };
        let before = self.last.replace((slot, second.close));
        let squares = std::mem::take(&mut self.squares);
        let Some((last_slot, last_mid)) = before else { return false };
        let slots = slot - last_slot;
        if slots <= 0 || MEMORY < slots {
            return false;
        }
        let w = if slots == 1 { ONE_SLOT } else { exp(-(slots as f64) / MEMORY as f64) };
        let seconds = (slots * self.step) as f64;
        let change = second.close - last_mid;
        self.weighted = w * self.weighted + (1.0 - w) * change * change / seconds;
        self.weighted_ticks = w * self.weighted_ticks + (1.0 - w) * squares / seconds;
        self.weight = w * self.weight + (1.0 - w);
        self.samples = self.samples.saturating_add(1);
        true
    }

    const fn is_ready(&self) -> bool {
        self.samples >= SAMPLES
    }

    /// Points squared per second; zero before the first sample.
    fn rate(&self) -> f64 {
        if self.weight > 0.0 { self.weighted / self.weight } else { 0.0 }
    }

    /// The standard deviation of mid changes over `seconds`, in points.
    fn sigma(&self, seconds: f64) -> f64 {
        (self.rate() * seconds).sqrt()
    }
}

/// The three scales, and the sigmas that others divide by.
#[derive(Debug, Clone)]
pub(crate) struct Sigmas {
    floor: f64,
    scales: [Scale; 3],
    /// Sigma of 1, 5, 30, 60 and 300 s, in points, not below a tenth of a pip.
    divisors: [f64; 5],
}

market::state!(Sigmas { scales, divisors });

impl Sigmas {
    pub(crate) fn new(pip: Points) -> Self {
        let floor = floor(pip);
        Self { floor, scales: [1, 6, 30].map(Scale::new), divisors: [floor; 5] }
    }

    /// Takes the change of the mid since the last tick.
    #[inline]
    pub(crate) fn on_change(&mut self, change: f64) {
        self.scales[0].squares += change * change;
    }

    /// Takes a second that ended; true when anything changed.
    pub(crate) fn on_second(&mut self, second: &Second, next: i64) -> bool {
        let mut changed = false;
        for scale in &mut self.scales {
            changed |= scale.on_second(second, next);
        }
        if changed {
            let [short, middle, long] = &self.scales;
            let sigmas =
                [short.sigma(1.0), short.sigma(5.0), middle.sigma(30.0), middle.sigma(60.0), long.sigma(300.0)];
            self.divisors = sigmas.map(|sigma| sigma.max(self.floor));
        }
        changed
    }

    /// Sigma of 1, 5, 30, 60 and 300 s to divide by, in points, and whether each is ready.
    #[inline]
    pub(crate) fn divisors(&self) -> (&[f64; 5], [bool; 5]) {
        let [short, middle, long] = &self.scales;
        let (short, middle, long) = (short.is_ready(), middle.is_ready(), long.is_ready());
        (&self.divisors, [short, short, middle, middle, long])
    }

    pub(crate) fn publish(&self, frame: &mut Frame) {
        let [short, middle, long] = &self.scales;
        frame.set(SigmaS10, short.sigma(10.0), short.is_ready());
        frame.set(SigmaS60, middle.sigma(60.0), middle.is_ready());
        frame.set(SigmaS300, long.sigma(300.0), long.is_ready());
        let per_root_second = self.floor / 300.0_f64.sqrt();
        let ratio = short.sigma(1.0) / long.sigma(1.0).max(per_root_second);
        frame.set(SigmaRatio, ratio, short.is_ready() && long.is_ready());
        let noise = if short.weighted > 0.0 { short.weighted_ticks / short.weighted } else { 1.0 };
        frame.set(NoiseRatio, noise, short.is_ready());
    }
}

/// The smallest standard deviation that anything is divided by: a tenth of a pip, in points.
pub(crate) fn floor(pip: Points) -> f64 {
    pip.0.max(1) as f64 * 0.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds one-second closes; returns the sigma of 10 s.
    fn sigma_of(closes: impl Iterator<Item = (i64, f64)>) -> Scale {
        let mut scale = Scale::new(1);
        let closes: Vec<_> = closes.collect();
        for pair in closes.windows(2) {
            let (index, close) = pair[0];
            scale.on_second(&Second { index, high: close, low: close, close }, pair[1].0);
        }
        scale
    }

    #[test]
    fn one_slot_is_the_decay_of_one_slot() {
        assert_eq!(ONE_SLOT, exp(-1.0 / 60.0));
    }

    #[test]
    fn a_walk_of_two_points_a_second_has_sigma_two_root_h() {
        let scale = sigma_of((0..40).map(|i| (i, if i % 2 == 0 { 0.0 } else { 2.0 })));
        assert!(scale.is_ready());
        assert!((scale.sigma(10.0) - 2.0 * 10.0_f64.sqrt()).abs() < 1e-9, "{}", scale.sigma(10.0));
    }

    #[test]
    fn silences_within_tau_are_spread_out_and_longer_ones_dropped() {
        let walk = |gap: i64| sigma_of((0..100).map(move |i| (i * gap, (i % 2 * 3) as f64)));
        assert!((walk(9).rate() - 1.0).abs() < 1e-9, "9 points squared every 9 s");
        assert_eq!(walk(61).samples, 0);
    }
}
