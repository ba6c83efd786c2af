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

/// The same for one of `family` intervals that are read together: each holds the middle `1 - 0.05 / family` of the draws,
/// so that all of them hold their truth at once in 95 % of cases at least (Bonferroni). With a family of one it is
/// [`expectancy_interval`], bit for bit. It takes [`DRAWS`] draws for each of the family, at most [`DRAWS_MAX`].
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
    Some(Interval { low: quantile(&means, tail)?, high: quantile(&means, 1.0 - tail)? })
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
    fn a_family_is_wider_and_one_alone_is_not() {
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
        assert!(together <= 4 && alone >= 6, "{together} {alone}");
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
