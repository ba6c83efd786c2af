//! Hedge whose learning rate needs no tuning.
//!
//! `eta_t = ln N / Delta_{t-1}`, `Delta += h_t - m_t` with the loss `h` of the weighted experts and the mix loss
//! `m = -1/eta ln sum w exp(-eta l)` (de Rooij et al. 2014, JMLR 15). Oracle: signals.md 7 #23. An expert that abstains
//! is charged the loss of the awake ones, so it neither gains nor loses against them (Chernov & Vovk 2009).

use crate::guard::{finite, sized_state};
use market::math::{exp, ln};

/// The weights of `N` experts.
#[derive(Debug, Clone)]
pub struct AdaHedge<const N: usize> {
    /// Cumulative losses, less those of the best expert.
    losses: [f64; N],
    /// Cumulative mixability gap.
    gap: f64,
}

sized_state!(AdaHedge<N> { losses, gap });

impl<const N: usize> Default for AdaHedge<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> AdaHedge<N> {
    /// Equal weights.
    pub const fn new() -> Self {
        Self { losses: [0.0; N], gap: 0.0 }
    }

    /// The learning rate of the next update; infinite until losses first differ.
    fn eta(&self) -> f64 {
        if self.gap > 0.0 { (ln(N as f64) / self.gap).min(f64::MAX) } else { f64::INFINITY }
    }

    /// The weights, in the order of the experts; they sum to one.
    pub fn weights(&self) -> [f64; N] {
        let eta = self.eta();
        let raw = self.losses.map(|loss| if loss > 0.0 { exp(-eta * loss) } else { 1.0 });
        let total: f64 = raw.iter().sum();
        raw.map(|w| w / total)
    }

    /// The cumulative mixability gap `Delta`.
    pub const fn gap(&self) -> f64 {
        self.gap
    }

    /// Takes the losses of one label; `None` for an expert that abstained. A loss that is not finite counts as absent.
    pub fn update(&mut self, losses: &[Option<f64>; N]) {
        let losses = losses.map(|loss| loss.and_then(finite));
        let weights = self.weights();
        let awake = || losses.iter().zip(&weights).filter_map(|(loss, w)| loss.map(|loss| (loss, *w)));
        let (mass, lowest) = awake().fold((0.0, f64::INFINITY), |(m, low), (loss, w)| (m + w, loss.min(low)));
        if mass <= f64::MIN_POSITIVE {
            // Nobody is awake, or only experts that were ruled out: nothing can be learned about the others.
            return;
        }
        // Relative to the lowest loss, so that huge losses do not swallow the differences.
        let hedge: f64 = awake().map(|(loss, w)| w / mass * (loss - lowest)).sum();
        let charged = losses.map(|loss| loss.map_or(hedge, |loss| loss - lowest));
        let mix = self.mix_loss(charged.iter().copied().zip(weights));
        self.gap = finite(self.gap + (hedge - mix).max(0.0)).unwrap_or(self.gap);
        for (sum, loss) in self.losses.iter_mut().zip(charged) {
            *sum += loss;
        }
        let best = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        self.losses.iter_mut().for_each(|sum| *sum = (*sum - best).min(1e120));
    }

    fn mix_loss(&self, parts: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
        let eta = self.eta();
        let alive = parts.filter(|(_, w)| *w > 0.0);
        let lowest = alive.clone().map(|(loss, _)| loss).fold(f64::INFINITY, f64::min);
        if eta.is_infinite() {
            return lowest;
        }
        let sum: f64 = alive.map(|(loss, w)| w * exp(-eta * (loss - lowest))).sum();
        lowest - ln(sum) / eta
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{anything, check_restore, close};
    use proptest::prelude::*;

    const LOSSES: [[f64; 2]; 6] = [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]];

    #[test]
    fn oracle_23() {
        let weights = [0.5, 0.8, 0.5, 0.711_361_09, 0.836_696_21, 0.680_853_2];
        let gaps = [0.5, 0.639_035_952_6, 0.768_452_713_9, 0.848_483_850_4, 0.914_809_634_9, 0.988_758_475_4];
        let mut hedge = AdaHedge::<2>::new();
        for (losses, (weight, gap)) in LOSSES.iter().zip(weights.into_iter().zip(gaps)) {
            close(hedge.weights()[0], weight, 5e-9);
            hedge.update(&losses.map(Some));
            close(hedge.gap(), gap, 1e-10);
        }
    }

    #[test]
    fn it_does_not_care_for_scale_and_shift() {
        let (mut plain, mut moved) = (AdaHedge::<2>::new(), AdaHedge::<2>::new());
        for losses in LOSSES {
            plain.update(&losses.map(Some));
            moved.update(&losses.map(|l| Some(40.0 * l + 7.0)));
            close(plain.weights()[0], moved.weights()[0], 1e-9);
        }
    }

    #[test]
    fn a_sleeper_neither_gains_nor_loses_much_and_an_empty_round_changes_nothing() {
        let mut hedge = AdaHedge::<3>::new();
        hedge.update(&[Some(0.2), Some(0.8), Some(0.5)]);
        let saved = crate::testing::bytes(&hedge);
        hedge.update(&[None; 3]);
        hedge.update(&[Some(f64::NAN), None, None]);
        assert_eq!(crate::testing::bytes(&hedge), saved);
        let before = hedge.weights();
        hedge.update(&[Some(0.4), None, Some(0.4)]);
        close(hedge.weights()[1], before[1], 1e-12);
    }

    #[test]
    fn it_is_restored() {
        check_restore(AdaHedge::<2>::new, |m, i| m.update(&LOSSES[i * 7 % 6].map(Some)));
    }

    proptest! {
        #[test]
        fn weights_sum_to_one(stream in prop::collection::vec(prop::array::uniform4(prop::option::of(anything())), 1..60)) {
            let mut hedge = AdaHedge::<4>::new();
            for losses in stream {
                hedge.update(&losses);
                prop_assert!((hedge.weights().iter().sum::<f64>() - 1.0).abs() < 1e-9, "{hedge:?}");
                prop_assert!(hedge.weights().iter().all(|w| (0.0..=1.0).contains(w)));
                prop_assert!(hedge.gap().is_finite() && hedge.losses.iter().all(|l| l.is_finite()));
            }
        }
    }
}
