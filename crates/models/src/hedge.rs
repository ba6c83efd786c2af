//! Weights of experts by their losses: Hedge with fixed share and sleeping experts.
//!
//! `v_i ~ w_i exp(-eta loss_i)` (Freund & Schapire 1997), `w_i = (1 - alpha) v_i + alpha / N` (fixed share, Herbster &
//! Warmuth 1998). An expert that abstains keeps its weight: the awake ones share the mass they had (Freund et al. 1997),
//! and the fixed share goes round among them only. Then weights are brought between floor and cap, the mass kept.
//! Oracle: signals.md 7 #22; use in 6.2.

use crate::guard::{finite, sized_state, within};
use market::math::exp;

/// The numbers of a [`Hedge`]; 1, 1/500, 0.02 and 0.60 to start with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HedgeSpec {
    /// Learning rate (0 to 1e3); with log losses, 1 makes it a Bayes mixture.
    pub eta: f64,
    /// Share of the mass that is dealt out evenly at each update (0 to 1).
    pub share: f64,
    /// No weight falls below this (0 to 1/N) ...
    pub floor: f64,
    /// ... or rises above this (1/N to 1), as far as the awake mass allows.
    pub cap: f64,
}

/// The weights of `N` experts; they sum to one.
#[derive(Debug, Clone)]
pub struct Hedge<const N: usize> {
    spec: HedgeSpec,
    weights: [f64; N],
}

sized_state!(Hedge<N> { weights });

impl<const N: usize> Hedge<N> {
    /// Equal weights.
    pub fn new(spec: &HedgeSpec) -> Self {
        let even = 1.0 / N.max(1) as f64;
        let spec = HedgeSpec {
            eta: within(spec.eta, 0.0, 1e3),
            share: within(spec.share, 0.0, 1.0),
            floor: within(spec.floor, 0.0, even),
            cap: if spec.cap.is_nan() { 1.0 } else { spec.cap.clamp(even, 1.0) },
        };
        Self { spec, weights: [even; N] }
    }

    /// The weights, in the order of the experts.
    pub const fn weights(&self) -> &[f64; N] {
        &self.weights
    }

    /// Takes the losses of one label; `None` for an expert that abstained. A loss that is not finite counts as absent.
    pub fn update(&mut self, losses: &[Option<f64>; N]) {
        self.update_scaled(losses, 1.0);
    }

    /// The same with every loss times `scale` (0 to 1e6): the uniqueness of the label, the posterior of a regime.
    pub fn update_scaled(&mut self, losses: &[Option<f64>; N], scale: f64) {
        let losses = losses.map(|loss| loss.and_then(finite));
        let lowest = losses.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        let awake = losses.iter().flatten().count();
        if awake == 0 {
            return;
        }
        let eta = self.spec.eta * within(scale, 0.0, 1e6);
        let mut mass = 0.0;
        let mut raw = [0.0; N];
        for ((raw, weight), loss) in raw.iter_mut().zip(&self.weights).zip(&losses) {
            if let Some(loss) = loss {
                mass += weight;
                *raw = weight * exp(-eta * (loss - lowest));
            }
        }
        let total: f64 = raw.iter().sum();
        if total <= f64::MIN_POSITIVE {
            return;
        }
        if awake == N {
            // Rounding must not add up over millions of labels.
            mass = 1.0;
        }
        let dealt = self.spec.share * mass / awake as f64;
        let awake = losses.map(|loss| loss.is_some());
        for i in (0..N).filter(|i| awake[*i]) {
            self.weights[i] = (1.0 - self.spec.share) * mass * (raw[i] / total) + dealt;
        }
        self.bound(&awake, mass);
    }

    /// Scales the awake weights between floor and cap so that they still sum to `mass`. Each round fixes the weights
    /// that break the bound which breaks the sum more (the flexible-box rule), so N rounds suffice.
    fn bound(&mut self, awake: &[bool; N], mass: f64) {
        let even = mass / awake.iter().filter(|a| **a).count().max(1) as f64;
        let (low, high) = (self.spec.floor.min(even), self.spec.cap.max(even));
        let (mut free, mut left) = (*awake, mass);
        for _ in 0..N {
            let loose: f64 = self.free(&free).sum();
            let count = self.free(&free).count();
            let scale = if loose > f64::MIN_POSITIVE { left / loose } else { 0.0 };
            // With nothing to scale, what is left is dealt out evenly.
            let dealt = if scale > 0.0 { 0.0 } else { left / count.max(1) as f64 };
            let scaled = |w: f64| w * scale + dealt;
            let excess: f64 = self.free(&free).map(|w| scaled(w).clamp(low, high) - scaled(w)).sum();
            for (weight, free) in self.weights.iter_mut().zip(&mut free).filter(|(_, free)| **free) {
                let (wish, kept) = (scaled(*weight), scaled(*weight).clamp(low, high));
                if wish < kept && excess >= 0.0 || wish > kept && excess < 0.0 {
                    *weight = kept;
                    *free = false;
                    left = (left - kept).max(0.0);
                }
            }
            if self.free(&free).count() == count {
                self.weights.iter_mut().zip(free).filter(|(_, free)| *free).for_each(|(w, _)| *w = scaled(*w));
                break;
            }
        }
    }

    /// The weights that are still free.
    fn free(&self, free: &[bool; N]) -> impl Iterator<Item = f64> {
        self.weights.iter().zip(free).filter(|(_, free)| **free).map(|(w, _)| *w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{anything, check_restore, close};
    use proptest::prelude::*;

    const PLAIN: HedgeSpec = HedgeSpec { eta: 0.5, share: 0.0, floor: 0.0, cap: 1.0 };
    const BOUNDED: HedgeSpec = HedgeSpec { eta: 1.0, share: 0.002, floor: 0.02, cap: 0.60 };

    #[test]
    fn oracle_22() {
        let expected =
            [(0.0, [0.360_296_62, 0.398_189_34, 0.241_514_04]), (0.05, [0.351_754_58, 0.395_334_73, 0.252_910_69])];
        for (share, expected) in expected {
            let mut hedge = Hedge::<3>::new(&HedgeSpec { share, ..PLAIN });
            for losses in [[0.1, 0.5, 0.9], [0.2, 0.4, 0.6], [0.9, 0.1, 0.5]] {
                hedge.update(&losses.map(Some));
            }
            (0..3).for_each(|i| close(hedge.weights()[i], expected[i], 5e-9));
        }
    }

    #[test]
    fn with_log_losses_and_eta_one_it_is_the_bayes_mixture() {
        let mut hedge = Hedge::<2>::new(&HedgeSpec { eta: 1.0, ..PLAIN });
        let likelihoods = [(0.6, 0.3), (0.2, 0.7), (0.5, 0.45)];
        let (mut a, mut b) = (0.5, 0.5);
        for (p, q) in likelihoods {
            hedge.update(&[Some(-market::math::ln(p)), Some(-market::math::ln(q))]);
            (a, b) = (a * p, b * q);
        }
        close(hedge.weights()[0], a / (a + b), 1e-12);
    }

    #[test]
    fn floor_and_cap_hold_and_the_rest_keeps_its_proportions() {
        let mut hedge = Hedge::<4>::new(&BOUNDED);
        for _ in 0..50 {
            hedge.update(&[Some(0.0), Some(1.0), Some(1.1), Some(30.0)]);
        }
        let w = *hedge.weights();
        close(w[0], 0.60, 1e-12);
        close(w[3], 0.02, 1e-12);
        close(w.iter().sum(), 1.0, 1e-12);
        assert!(w[1] > w[2]);
    }

    #[test]
    fn a_sleeper_keeps_its_weight_to_the_bit() {
        let mut hedge = Hedge::<4>::new(&BOUNDED);
        hedge.update(&[Some(0.1), Some(0.7), Some(0.3), Some(0.2)]);
        let before = *hedge.weights();
        for _ in 0..200 {
            hedge.update(&[Some(0.0), None, Some(5.0), Some(f64::NAN)]);
        }
        assert_eq!(hedge.weights()[1].to_bits(), before[1].to_bits());
        assert_eq!(hedge.weights()[3].to_bits(), before[3].to_bits());
        close(hedge.weights()[0] + hedge.weights()[2], before[0] + before[2], 1e-12);
        assert!(hedge.weights()[0] > before[0]);
    }

    #[test]
    fn it_is_restored() {
        check_restore(
            || Hedge::<3>::new(&BOUNDED),
            |m, i| m.update(&[Some((i * 31 % 17) as f64 / 17.0), (i % 4 > 0).then_some(0.5), Some(0.4)]),
        );
    }

    proptest! {
        #[test]
        fn weights_sum_to_one_within_their_bounds(
            stream in prop::collection::vec((prop::array::uniform5(prop::option::of(anything())), anything()), 1..60),
            (eta, share) in (anything(), anything()),
        ) {
            let mut hedge = Hedge::<5>::new(&HedgeSpec { eta, share, ..BOUNDED });
            let mut any = Hedge::<5>::new(&HedgeSpec { eta, share, floor: eta, cap: share });
            for (losses, scale) in stream {
                let before = *hedge.weights();
                hedge.update_scaled(&losses, scale);
                any.update_scaled(&losses, scale);
                for weights in [hedge.weights(), any.weights()] {
                    prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{weights:?}");
                    prop_assert!(weights.iter().all(|w| w.is_finite() && *w >= 0.0));
                }
                for (i, loss) in losses.iter().enumerate() {
                    prop_assert!(loss.is_some_and(f64::is_finite) || hedge.weights()[i] == before[i]);
                    prop_assert!(hedge.weights()[i] >= 0.02 - 1e-9, "{:?}", hedge.weights());
                }
                if losses.iter().all(|loss| loss.is_some_and(f64::is_finite)) {
                    prop_assert!(hedge.weights().iter().all(|w| *w <= 0.60 + 1e-9), "{:?}", hedge.weights());
                }
            }
        }
    }
}
