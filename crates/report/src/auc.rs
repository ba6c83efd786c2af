//! How good probabilities were: order (AUC with its interval), skill over a base rate, and calibration.
//!
//! AUC with the variance of `DeLong`, `DeLong` & Clarke-Pearson (1988), by midranks (Sun & Xu 2014); or with an interval from
//! a stationary block bootstrap where labels depend on each other. Scores: `models::scores`. Source: signals.md 1.5, 2.8.

use market::math::{normal_quantile, sqrt};
use models::scores::{CalibrationBin, calibration, expected_calibration_error, log_loss, mean_brier, mean_log_loss};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bootstrap::{Interval, quantile};
use crate::fault::{Fault, within};
use crate::superior::{DRAWS_MAX, Draws};

/// How many bins of equal mass calibration is read from.
pub const BINS: usize = 15;

/// Area under the curve with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Auc {
    /// The probability that a forecast of what came true is above one of what did not; equal ones count one half.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// Its interval, within 0 and 1.
    pub interval: Interval,
}

/// Forecasts by rising probability, with what is needed to weigh them.
struct Sorted {
    /// Place in the list as given, and what became of it.
    order: Vec<(usize, bool)>,
    /// Where each run of equal forecasts ends in `order`.
    runs: Vec<usize>,
}

fn sorted(forecasts: &[(f64, bool)]) -> Result<Sorted, Fault> {
    for (place, (p, _)) in forecasts.iter().enumerate() {
        if !p.is_finite() {
            return Err(Fault::NotFinite { what: "forecasts", place });
        }
    }
    let came = forecasts.iter().filter(|(_, label)| *label).count();
    if came.min(forecasts.len() - came) < 2 {
        let (what, found) = ("forecasts of the rarer outcome", came.min(forecasts.len() - came));
        return Err(Fault::TooFew { what, found, needed: 2 });
    }
    let mut order: Vec<usize> = (0..forecasts.len()).collect();
    order.sort_by(|a, b| forecasts[*a].0.total_cmp(&forecasts[*b].0));
    // Zero and minus zero are one probability.
    let ends = (1..=order.len()).filter(|i| *i == order.len() || forecasts[order[*i]].0 != forecasts[order[*i - 1]].0);
    let runs = ends.collect();
    Ok(Sorted { order: order.into_iter().map(|i| (i, forecasts[i].1)).collect(), runs })
}

impl Sorted {
    /// The runs of equal forecasts.
    fn runs(&self) -> impl Iterator<Item = &[(usize, bool)]> {
        let starts = std::iter::once(0).chain(self.runs.iter().copied());
        starts.zip(&self.runs).map(|(start, end)| &self.order[start..*end])
    }

    /// The area when each forecast counts `weight` times; `None` when one outcome is missing.
    fn area(&self, weight: impl Fn(usize) -> u64) -> Option<f64> {
        // Twice the number of pairs in the right order, so that halves are whole.
        let (mut pairs, mut came_all, mut not_below) = (0_u128, 0_u128, 0_u128);
        for run in self.runs() {
            let (mut came, mut not) = (0_u128, 0_u128);
            for (place, label) in run {
                *(if *label { &mut came } else { &mut not }) += u128::from(weight(*place));
            }
            pairs += came * (2 * not_below + not);
            came_all += came;
            not_below += not;
        }
        let all = 2 * came_all * not_below;
        (all > 0).then(|| pairs as f64 / all as f64)
    }
}

/// The area under the curve with the interval of `DeLong` of this `level` (0.5 to 0.9999), for forecasts `(probability, came
/// true)` that do not depend on each other. Any finite score will do.
///
/// # Errors
/// Fewer than two of either outcome, a forecast that is not finite, a level out of its range.
pub fn auc_delong(forecasts: &[(f64, bool)], level: f64) -> Result<Auc, Fault> {
    within("level", level, 0.5, 0.9999)?;
    let sorted = sorted(forecasts)?;
    let came_all = sorted.order.iter().filter(|(_, label)| *label).count() as f64;
    let not_all = sorted.order.len() as f64 - came_all;
    // For each forecast, the share of the other outcome that it is on the right side of; and the mean over each outcome.
    let (mut came_below, mut not_below) = (0.0, 0.0);
    let (mut sums, mut squares) = ([0.0; 2], [0.0; 2]);
    for run in sorted.runs() {
        let came = run.iter().filter(|(_, label)| *label).count() as f64;
        let not = run.len() as f64 - came;
        let shares = [(not_below + not / 2.0) / not_all, (came_all - came_below - came / 2.0) / came_all];
        for (i, (share, count)) in shares.into_iter().zip([came, not]).enumerate() {
            sums[i] += share * count;
            squares[i] += share * share * count;
        }
        came_below += came;
        not_below += not;
    }
    let value = sums[0] / came_all;
    let variance = |i: usize, n: f64| ((squares[i] - sums[i] * sums[i] / n) / (n - 1.0)).max(0.0) / n;
    let error = sqrt(variance(0, came_all) + variance(1, not_all));
    let half = normal_quantile(f64::midpoint(1.0, level)) * error;
    let interval = Interval { low: (value - half).max(0.0), high: (value + half).min(1.0) };
    Ok(Auc { value, error, interval })
}

/// The same with an interval from a stationary block bootstrap, for forecasts in order of time whose labels overlap or
/// depend on each other: blocks must be longer than a label lives.
///
/// # Errors
/// As [`auc_delong`]; draws out of their ranges; draws that lack one of the outcomes more often than not.
pub fn auc_bootstrap(forecasts: &[(f64, bool)], level: f64, draws: &Draws) -> Result<Auc, Fault> {
    within("level", level, 0.5, 0.9999)?;
    within("number of draws", draws.count as f64, 100.0, DRAWS_MAX as f64)?;
    within("mean length of a block", draws.block, 1.0, forecasts.len().max(1) as f64)?;
    let sorted = sorted(forecasts)?;
    let value = sorted.area(|_| 1).unwrap_or(0.5);
    let mut random = ChaCha8Rng::seed_from_u64(draws.seed);
    let n = forecasts.len();
    let mut times = vec![0_u64; n];
    let mut areas = Vec::with_capacity(draws.count);
    for _ in 0..draws.count {
        times.fill(0);
        let mut at = random.random_range(0..n);
        for _ in 0..n {
            times[at] += 1;
            at = if random.random::<f64>() < 1.0 / draws.block { random.random_range(0..n) } else { (at + 1) % n };
        }
        areas.extend(sorted.area(|place| times[place]));
    }
    if areas.len() * 2 < draws.count {
        return Err(Fault::TooFew { what: "draws with both outcomes", found: areas.len(), needed: draws.count / 2 });
    }
    areas.sort_by(f64::total_cmp);
    let mean = areas.iter().sum::<f64>() / areas.len() as f64;
    let error = sqrt(areas.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / areas.len() as f64);
    let tail = (1.0 - level) / 2.0;
    let end = |p: f64| quantile(&areas, p).unwrap_or(value);
    Ok(Auc { value, error, interval: Interval { low: end(tail), high: end(1.0 - tail) } })
}

/// What probabilities were worth beside one constant probability, and whether they can be taken at their word.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// How many forecasts.
    pub count: usize,
    /// The share that came true.
    pub came_true: f64,
    /// Mean log loss in nats.
    pub log_loss: f64,
    /// `1 - log loss / log loss of the base rate`; above zero is skill.
    pub log_loss_skill: f64,
    /// Mean Brier score.
    pub brier: f64,
    /// `1 - Brier / Brier of the base rate`; above zero is skill.
    pub brier_skill: f64,
    /// Expected calibration error over [`BINS`] bins of equal mass.
    pub ece: f64,
    /// Forecast and observed share, bin by bin.
    pub reliability: Vec<CalibrationBin>,
}

/// Judges probabilities beside the constant forecast `base` (inside 0 to 1), which must have been known beforehand: the
/// base rate of the training data, or a barrier's closed form.
///
/// # Errors
/// No forecast, one outside 0 to 1, or a base rate that is not inside.
pub fn quality(forecasts: &[(f64, bool)], base: f64) -> Result<Quality, Fault> {
    within("base rate", base, 1e-9, 1.0 - 1e-9)?;
    for (p, _) in forecasts {
        within("a forecast", *p, 0.0, 1.0)?;
    }
    let n = forecasts.len();
    let empty = Fault::TooFew { what: "forecasts", found: 0, needed: 1 };
    let (brier, log_loss_mean) = (mean_brier(forecasts).ok_or(empty)?, mean_log_loss(forecasts).ok_or(empty)?);
    let came_true = forecasts.iter().filter(|(_, label)| *label).count() as f64 / n as f64;
    let log_loss_base = came_true * log_loss(base, true) + (1.0 - came_true) * log_loss(base, false);
    let brier_base = came_true * (1.0 - base) * (1.0 - base) + (1.0 - came_true) * base * base;
    Ok(Quality {
        count: n,
        came_true,
        log_loss: log_loss_mean,
        log_loss_skill: 1.0 - log_loss_mean / log_loss_base,
        brier,
        brier_skill: 1.0 - brier / brier_base,
        ece: expected_calibration_error(forecasts, BINS).ok_or(empty)?,
        reliability: calibration(forecasts, BINS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, close};
    use market::math::{normal_cdf, sigmoid};
    use proptest::prelude::*;

    /// Pair by pair.
    fn slow(forecasts: &[(f64, bool)]) -> f64 {
        let (mut right, mut pairs) = (0.0, 0.0);
        for (p, _) in forecasts.iter().filter(|f| f.1) {
            for (q, _) in forecasts.iter().filter(|f| !f.1) {
                right += if p > q { 1.0 } else { f64::from(u8::from(p == q)) / 2.0 };
                pairs += 1.0;
            }
        }
        right / pairs
    }

    fn sample(noise: &mut Lcg, n: usize, shift: f64) -> Vec<(f64, bool)> {
        (0..n)
            .map(|_| {
                let label = noise.uniform() < 0.4;
                (noise.normal() + if label { shift } else { 0.0 }, label)
            })
            .collect()
    }

    #[test]
    fn delong_by_hand() {
        // Placements of 0.3, 0.7, 0.9 among 0.2, 0.5: 1/2, 1, 1; of 0.2, 0.5: 1, 2/3.
        let forecasts = [(0.3, true), (0.7, true), (0.9, true), (0.2, false), (0.5, false)];
        let found = auc_delong(&forecasts, 0.95).unwrap();
        close(found.value, 5.0 / 6.0, 1e-14);
        close(found.error * found.error, 1.0 / 12.0 / 3.0 + 1.0 / 18.0 / 2.0, 1e-14);
        assert_eq!(found.interval.high, 1.0);
    }

    #[test]
    fn both_intervals_hold_the_truth_about_as_often_as_they_say() {
        let truth = normal_cdf(0.5 / std::f64::consts::SQRT_2);
        let mut noise = Lcg::new(21);
        let (mut delong, mut bootstrap) = (0, 0);
        for seed in 0..150 {
            let forecasts = sample(&mut noise, 150, 0.5);
            let holds = |auc: &Auc| i32::from(auc.interval.low <= truth && truth <= auc.interval.high);
            delong += holds(&auc_delong(&forecasts, 0.95).unwrap());
            let draws = Draws { count: 200, block: 2.0, seed };
            bootstrap += holds(&auc_bootstrap(&forecasts, 0.95, &draws).unwrap());
        }
        assert!((133..=149).contains(&delong) && (130..=149).contains(&bootstrap), "{delong} {bootstrap} of 150");
    }

    #[test]
    fn a_bootstrap_of_single_rows_agrees_with_delong() {
        let forecasts = sample(&mut Lcg::new(2), 400, 1.0);
        let delong = auc_delong(&forecasts, 0.9).unwrap();
        let drawn = auc_bootstrap(&forecasts, 0.9, &Draws { count: 2_000, block: 1.0, seed: 1 }).unwrap();
        close(drawn.value, delong.value, 1e-14);
        close(drawn.error / delong.error, 1.0, 0.08);
        close(drawn.interval.low, delong.interval.low, 0.01);
    }

    #[test]
    fn skill_is_above_zero_for_those_who_know_and_below_for_those_who_boast() {
        let mut noise = Lcg::new(5);
        let known: Vec<(f64, bool)> = (0..6_000)
            .map(|_| {
                let p = sigmoid(0.4 * noise.normal());
                (p, noise.uniform() < p)
            })
            .collect();
        let honest = quality(&known, 0.5).unwrap();
        assert!(honest.brier_skill > 0.01 && honest.log_loss_skill > 0.01 && honest.ece < 0.03, "{honest:?}");
        assert_eq!(honest.reliability.len(), BINS);
        assert_eq!(honest.reliability.iter().map(|bin| bin.count).sum::<usize>(), honest.count);
        let boast: Vec<(f64, bool)> = known.iter().map(|(p, l)| (sigmoid(4.0 * market::math::logit(*p)), *l)).collect();
        let boast = quality(&boast, 0.5).unwrap();
        assert!(boast.brier_skill < 0.0 && boast.ece > 0.1, "{boast:?}");
        let constant: Vec<(f64, bool)> = known.iter().map(|(_, label)| (0.5, *label)).collect();
        let constant = quality(&constant, 0.5).unwrap();
        assert!(constant.brier_skill.abs() < 1e-12 && constant.log_loss_skill.abs() < 1e-12);
    }

    #[test]
    fn oracle_29() {
        let found = quality(&[(0.9, true), (0.8, false), (0.3, false), (0.6, true)], 0.5).unwrap();
        close(found.brier, 0.225, 1e-12);
        close(found.log_loss, 0.645_574_748_9, 1e-10);
        close(found.brier_skill, 0.1, 1e-12);
    }

    #[test]
    fn what_cannot_be_judged_is_said() {
        let few = [(0.1, true), (0.2, false), (0.3, false)];
        assert!(auc_delong(&few, 0.95).is_err() && auc_delong(&[], 0.95).is_err());
        assert_eq!(quality(&[], 0.5), Err(Fault::TooFew { what: "forecasts", found: 0, needed: 1 }));
        assert!(quality(&few, 1.0).is_err() && quality(&[(1.1, true)], 0.5).is_err());
        assert!(quality(&[(f64::NAN, true)], 0.5).is_err());
        let holes = [(0.1, true), (f64::NAN, false), (0.1, true), (0.2, false)];
        assert_eq!(auc_delong(&holes, 0.95), Err(Fault::NotFinite { what: "forecasts", place: 1 }));
    }

    proptest! {
        #[test]
        fn it_equals_its_slow_twin(raw in prop::collection::vec((0_u8..6, any::<bool>(), 0_u64..4), 2..60)) {
            let forecasts: Vec<(f64, bool)> = raw.iter().map(|(p, label, _)| (f64::from(*p) / 5.0, *label)).collect();
            if let Ok(found) = auc_delong(&forecasts, 0.95) {
                prop_assert!((found.value - slow(&forecasts)).abs() < 1e-12);
                prop_assert!(found.interval.low <= found.value && found.value <= found.interval.high);
                // Weights are repetitions.
                let repeated: Vec<(f64, bool)> = forecasts
                    .iter()
                    .zip(&raw)
                    .flat_map(|(f, (_, _, times))| std::iter::repeat_n(*f, *times as usize))
                    .collect();
                let weighed = sorted(&forecasts).unwrap().area(|i| raw[i].2);
                prop_assert_eq!(weighed.is_some(), slow(&repeated).is_finite());
                if let Some(weighed) = weighed {
                    prop_assert!((weighed - slow(&repeated)).abs() < 1e-12);
                }
            }
        }
    }
}
