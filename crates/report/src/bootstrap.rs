//! Intervals for money figures: the stationary block bootstrap over days (Politis and Romano 1994).

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How often days are drawn anew.
pub const DRAWS: usize = 2_000;

/// Fewer days than this give no interval.
pub const DAYS_MIN: usize = 5;

/// The most draws that are taken, for intervals of a level close to one.
pub const DRAWS_MAX: usize = 100_000;

/// The chance that a single interval misses.
pub const ALPHA: f64 = 0.05;

/// An interval that holds the middle of the draws, 95 % of them unless something else is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end; the 2.5 % quantile of 95 %.
    pub low: f64,
    /// The upper end; the 97.5 % quantile of 95 %.
    pub high: f64,
}

/// The results of one day: their sum and how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Day {
    /// Sum of the day's results.
    pub sum: f64,
    /// How many.
    pub count: u64,
}

/// A 95 % interval for the mean result, drawing days in blocks of geometric length with mean `n^(1/3)`, wrapped around
/// the end. `None` below [`DAYS_MIN`] days: unknown is not an interval.
pub fn expectancy_interval(days: &[Day], seed: u64) -> Option<Interval> {
    family_interval(days, 1, seed)
}

/// The same for one of `family` intervals that are read together: each holds the middle `1 - 0.05 / family`, so that all of
/// them hold their truth at once in 95 % of cases at least (Bonferroni). With a family of one it is [`expectancy_interval`].
/// It takes [`DRAWS`] draws for each of the family, at most [`DRAWS_MAX`].
///
/// The draws of a few days are too narrow: one strategy without a gain shows one in 4.9 of 100 runs over 30 days, not 2.5, and
/// of 5 such strategies 9 in 100 families would. An interval is therefore stretched about its mean, for the variance that
/// drawing blocks loses, `1 - (2 L - 1) / n`, and from the normal to Student's quantile with `n / L - 1` degrees of freedom,
/// `L` the mean length of a block: 1.2 of 100 over 30 days, 3 over 120.
pub fn family_interval(days: &[Day], family: usize, seed: u64) -> Option<Interval> {
    if days.len() < DAYS_MIN {
        return None;
    }
    let family = family.max(1);
    let draws = DRAWS.saturating_mul(family).min(DRAWS_MAX);
    let tail = ALPHA / family as f64 / 2.0;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let length = market::math::pow(days.len() as f64, 1.0 / 3.0).max(1.0);
    let mut means: Vec<f64> = (0..draws).filter_map(|_| draw(days, 1.0 / length, &mut random)).collect();
    means.sort_by(f64::total_cmp);
    let drawn = Interval { low: quantile(&means, tail)?, high: quantile(&means, 1.0 - tail)? };
    let count = days.iter().map(|day| day.count).sum::<u64>();
    if count == 0 {
        return Some(drawn);
    }
    let mean = days.iter().map(|day| day.sum).sum::<f64>() / count as f64;
    let n = days.len() as f64;
    let student = student_quantile(tail, n / length - 1.0) / market::math::normal_quantile(tail).abs();
    let stretch = student / market::math::sqrt(1.0 - (2.0 * length - 1.0) / n);
    Some(Interval { low: mean - stretch * (mean - drawn.low), high: mean + stretch * (drawn.high - mean) })
}

/// The upper quantile of Student's distribution: what it exceeds with probability `tail` (1e-9 to 0.4), with `n` degrees of
/// freedom, at least 1 and not whole (Hill 1970, algorithm 396; within 0.1 % from 1.9 degrees on).
fn student_quantile(tail: f64, n: f64) -> f64 {
    let n = n.max(1.0);
    let p = 2.0 * tail.clamp(1e-9, 0.4);
    let a = 1.0 / (n - 0.5);
    let b = 48.0 / (a * a);
    let mut c = ((20_700.0 * a / b - 98.0) * a - 16.0) * a + 96.36;
    let d = ((94.5 / (b + c) - 3.0) / b + 1.0) * market::math::sqrt(a * std::f64::consts::FRAC_PI_2) * n;
    let mut y = market::math::pow(d * p, 2.0 / n);
    if y > 0.05 + a {
        let x = market::math::normal_quantile(p / 2.0);
        y = x * x;
        if n < 5.0 {
            c += 0.3 * (n - 4.5) * (x + 0.6);
        }
        c += (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b;
        y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x;
        y = market::math::exp_m1(a * y * y);
    } else {
        let near = ((n + 6.0) / (n * y) - 0.089 * d - 0.822) * (n + 2.0) * 3.0;
        y = ((1.0 / near + 0.5 / (n + 4.0)) * y - 1.0) * (n + 1.0) / (n + 2.0) + 1.0 / y;
    }
    market::math::sqrt(n * y)
}

fn draw(days: &[Day], restart: f64, random: &mut impl Rng) -> Option<f64> {
    let mut at = random.random_range(0..days.len());
    let (mut sum, mut count) = (0.0, 0_u64);
    for _ in 0..days.len() {
        sum += days[at].sum;
        count += days[at].count;
        at = if random.random::<f64>() < restart { random.random_range(0..days.len()) } else { (at + 1) % days.len() };
    }
    (count > 0).then(|| sum / count as f64)
}

/// The `p` quantile of sorted values, by linear interpolation (Hyndman and Fan's type 7); `None` of nothing.
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = p.clamp(0.0, 1.0) * last as f64;
    let below = (place as usize).min(last);
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_days_give_no_interval() {
        assert_eq!(expectancy_interval(&[Day { sum: 1.0, count: 1 }; 4], 1), None);
    }

    #[test]
    fn the_interval_covers_the_mean_of_noise_about_as_often_as_it_says() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut covered = 0;
        for seed in 0..200 {
            let mut noise = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
            let days: Vec<Day> = (0..60).map(|_| Day { sum: noise(), count: 1 }).collect();
            let interval = expectancy_interval(&days, seed).unwrap();
            covered += i32::from(interval.low <= 0.0 && 0.0 <= interval.high);
        }
        assert!((175..=199).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn a_family_is_wider_than_one_alone() {
        let days: Vec<Day> = (0..40).map(|i| Day { sum: f64::from(i * 7 % 13) - 6.0, count: 2 }).collect();
        let alone = family_interval(&days, 1, 3).unwrap();
        assert_eq!(Some(alone), expectancy_interval(&days, 3));
        let mut before = alone;
        for family in [2, 5, 20, 400] {
            let wider = family_interval(&days, family, 3).unwrap();
            assert!(wider.low < before.low && wider.high > before.high, "{family}: {wider:?}");
            before = wider;
        }
    }

    #[test]
    fn student_quantiles_are_those_of_scipy() {
        for (tail, n, expected) in [
            (0.0125, 1.923_9, 6.524_351),
            (0.000_25, 1.923_9, 50.660_428),
            (0.0125, 8.65, 2.706_237),
            (0.003_125, 8.65, 3.587_790),
            (0.000_25, 8.65, 5.393_323),
            (0.005, 23.3, 2.804_116),
            (0.0125, 100.5, 2.275_480),
            (0.000_25, 2.5, 24.147_654),
            (0.3, 4.2, 0.566_438),
        ] {
            let found = student_quantile(tail, n);
            assert!((found / expected - 1.0).abs() < 1e-3, "{tail} {n}: {found} is not {expected}");
        }
    }

    #[test]
    fn of_a_family_without_a_gain_none_shows_one_about_as_often_as_it_says() {
        let mut random = ChaCha8Rng::seed_from_u64(6);
        let (mut together, mut alone) = (0, 0);
        for seed in 0..60 {
            let mut noise = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
            let family: Vec<Vec<Day>> =
                (0..5).map(|_| (0..120).map(|_| Day { sum: noise(), count: 1 }).collect()).collect();
            let any = |k: usize| family.iter().any(|days| family_interval(days, k, seed).unwrap().low > 0.0);
            together += i32::from(any(5));
            alone += i32::from(any(1));
        }
        eprintln!("of 60 families of 5 without a gain over 120 days: {together} show one, uncorrected {alone}");
        assert!(together <= 3 && alone >= 6, "{together} {alone}");
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
