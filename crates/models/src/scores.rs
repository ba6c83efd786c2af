//! How good probabilities were: Brier score, log loss, expected calibration error.
//!
//! Oracle: signals.md 7 #29. The functions on whole lists are for reports; the one with bins allocates.

use market::math::ln;

/// A probability is clipped to this and its complement before its logarithm is taken, so a loss is at most 34.5.
const CLIP: f64 = 1e-15;

/// The squared error of one probability (Brier 1950).
pub fn brier(p: f64, label: bool) -> f64 {
    let error = p - f64::from(u8::from(label));
    error * error
}

/// Minus the logarithm of the probability that was given to what happened, in nats; NaN is charged the most.
pub fn log_loss(p: f64, label: bool) -> f64 {
    let given = if label { p } else { 1.0 - p };
    -ln(crate::guard::within(given, CLIP, 1.0))
}

/// The mean Brier score of a list; `None` when it is empty.
pub fn mean_brier(forecasts: &[(f64, bool)]) -> Option<f64> {
    mean(forecasts, brier)
}

/// The mean log loss of a list, in nats; `None` when it is empty.
pub fn mean_log_loss(forecasts: &[(f64, bool)]) -> Option<f64> {
    mean(forecasts, log_loss)
}

fn mean(forecasts: &[(f64, bool)], score: impl Fn(f64, bool) -> f64) -> Option<f64> {
    let sum: f64 = forecasts.iter().map(|(p, label)| score(*p, *label)).sum();
    (!forecasts.is_empty()).then(|| sum / forecasts.len() as f64)
}

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// How many forecasts are in it.
    pub count: usize,
    /// Their mean probability.
    pub forecast: f64,
    /// The share of them that came true.
    pub observed: f64,
}

/// Forecasts by rising probability in `bins` bins of equal mass (15 is usual); empty bins are left out. Equal
/// probabilities keep their order. Allocates: for reports and tests only.
pub fn calibration(forecasts: &[(f64, bool)], bins: usize) -> Vec<CalibrationBin> {
    let mut sorted = forecasts.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bins = bins.clamp(1, sorted.len().max(1));
    let edge = |bin: usize| bin * sorted.len() / bins;
    (0..bins)
        .map(|bin| &sorted[edge(bin)..edge(bin + 1)])
        .filter(|part| !part.is_empty())
        .map(|part| {
            let count = part.len() as f64;
            CalibrationBin {
                count: part.len(),
                forecast: part.iter().map(|(p, _)| p).sum::<f64>() / count,
                observed: part.iter().filter(|(_, label)| *label).count() as f64 / count,
            }
        })
        .collect()
}

/// Expected calibration error over bins of equal mass: the mean distance of forecast and observed share, weighted by
/// count (Naeini et al. 2015). `None` when the list is empty. Allocates: for reports and tests only.
pub fn expected_calibration_error(forecasts: &[(f64, bool)], bins: usize) -> Option<f64> {
    let bins = calibration(forecasts, bins);
    let sum: f64 = bins.iter().map(|bin| bin.count as f64 * (bin.forecast - bin.observed).abs()).sum();
    (!forecasts.is_empty()).then(|| sum / forecasts.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, close};
    use proptest::prelude::*;

    #[test]
    fn oracle_29() {
        let forecasts = [(0.9, true), (0.8, false), (0.3, false), (0.6, true)];
        close(mean_brier(&forecasts).unwrap(), 0.225, 1e-12);
        close(mean_log_loss(&forecasts).unwrap(), 0.645_574_748_9, 1e-10);
        assert_eq!((mean_brier(&[]), mean_log_loss(&[]), expected_calibration_error(&[], 15)), (None, None, None));
    }

    #[test]
    fn calibration_error_by_hand() {
        let forecasts = [(0.1, false), (0.9, true), (0.2, true), (0.8, true)];
        // Two bins: (0.1, 0.2) with one of two true, (0.8, 0.9) with two of two.
        close(expected_calibration_error(&forecasts, 2).unwrap(), 0.5 * 0.35 + 0.5 * 0.15, 1e-12);
        close(expected_calibration_error(&forecasts, 1).unwrap(), 0.25, 1e-12);
    }

    #[test]
    fn honest_forecasts_are_calibrated_and_boasts_are_not() {
        let mut noise = Lcg::new(4);
        let honest: Vec<(f64, bool)> = (0..20_000)
            .map(|_| {
                let p = noise.uniform();
                (p, noise.uniform() < p)
            })
            .collect();
        let boasts: Vec<(f64, bool)> = honest.iter().map(|(p, label)| (0.5 + 1.6 * (p - 0.5), *label)).collect();
        assert!(expected_calibration_error(&honest, 15).unwrap() < 0.02);
        assert!(expected_calibration_error(&boasts, 15).unwrap() > 0.1);
        assert!(calibration(&honest, 15).iter().all(|bin| (1_333..=1_334).contains(&bin.count)));
    }

    proptest! {
        #[test]
        fn losses_are_finite(p in anything(), label in any::<bool>()) {
            let loss = log_loss(p, label);
            prop_assert!((0.0..=34.6).contains(&loss));
        }
    }
}
