//! The same exits with random entries: what no skill looks like at the same hours, costs and exit rules.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bootstrap::{Interval, quantile};

/// How many paths of random entries are drawn.
pub const PATHS: usize = 1_000;

/// Fewer random trades than this say nothing.
pub const POOL_MIN: usize = 100;

/// One trade that a random entry made, through the same desk, gate, venue and exits.
#[derive(Debug, Clone, PartialEq)]
pub struct NullTrade {
    /// The strategy whose exits it used.
    pub strategy: String,
    /// Hour of the UTC day of its opening, 0 to 23.
    pub hour: u8,
    /// Net result in pips.
    pub net_pips: f64,
}

/// What random entries reach with as many trades at the same hours, over [`PATHS`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Null {
    /// How many random trades the paths were drawn from.
    pub pool: usize,
    /// Win rate of each path, sorted.
    pub win_rates: Vec<f64>,
    /// Mean net pips of each path, sorted.
    pub expectancies: Vec<f64>,
}

/// Draws the paths; `None` when the pool is too small or there is nothing to compare with.
pub fn paths(pool: &[&NullTrade], hours: &[u8], seed: u64) -> Option<Null> {
    if pool.len() < POOL_MIN || hours.is_empty() {
        return None;
    }
    let mut by_hour: Vec<Vec<f64>> = vec![Vec::new(); 24];
    for trade in pool {
        by_hour[usize::from(trade.hour.min(23))].push(trade.net_pips);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut win_rates, mut expectancies) = (Vec::with_capacity(PATHS), Vec::with_capacity(PATHS));
    for _ in 0..PATHS {
        let (mut wins, mut sum) = (0_u64, 0.0);
        for hour in hours {
            let at_hour = &by_hour[usize::from((*hour).min(23))];
            let net = if at_hour.is_empty() {
                pool[random.random_range(0..pool.len())].net_pips
            } else {
                at_hour[random.random_range(0..at_hour.len())]
            };
            wins += u64::from(net > 0.0);
            sum += net;
        }
        win_rates.push(wins as f64 / hours.len() as f64);
        expectancies.push(sum / hours.len() as f64);
    }
    win_rates.sort_by(f64::total_cmp);
    expectancies.sort_by(f64::total_cmp);
    Some(Null { pool: pool.len(), win_rates, expectancies })
}

impl Null {
    /// Mean win rate of the paths.
    pub fn win_rate(&self) -> f64 {
        self.win_rates.iter().sum::<f64>() / self.win_rates.len() as f64
    }

    /// Mean net pips of the paths.
    pub fn expectancy(&self) -> f64 {
        self.expectancies.iter().sum::<f64>() / self.expectancies.len() as f64
    }

    /// The middle 95 % of the paths' win rates.
    pub fn win_rate_interval(&self) -> Option<Interval> {
        Some(Interval { low: quantile(&self.win_rates, 0.025)?, high: quantile(&self.win_rates, 0.975)? })
    }

    /// The share of paths that win at least as often (with one added, so that it is never zero).
    pub fn p_of_win_rate(&self, win_rate: f64) -> f64 {
        share_at_least(&self.win_rates, win_rate)
    }

    /// The share of paths that earn at least as much per trade (with one added, so that it is never zero).
    pub fn p_of_expectancy(&self, expectancy: f64) -> f64 {
        share_at_least(&self.expectancies, expectancy)
    }
}

fn share_at_least(sorted: &[f64], value: f64) -> f64 {
    let below = sorted.partition_point(|x| *x < value);
    (1 + sorted.len() - below) as f64 / (1 + sorted.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Vec<NullTrade> {
        (0..1_000)
            .map(|i| NullTrade {
                strategy: String::new(),
                hour: (i % 24) as u8,
                net_pips: if i % 5 == 0 { -10.3 } else { 1.7 },
            })
            .collect()
    }

    #[test]
    fn paths_centre_on_the_pool() {
        let null = paths(&pool().iter().collect::<Vec<_>>(), &[9; 200], 1).unwrap();
        assert!((null.win_rate() - 0.8).abs() < 0.02, "{}", null.win_rate());
        assert!(null.p_of_win_rate(0.8) > 0.3 && null.p_of_win_rate(0.99) < 0.01);
        assert!(null.p_of_expectancy(-9.0) > 0.99);
    }

    #[test]
    fn a_small_pool_says_nothing() {
        let pool = pool();
        let pool: Vec<_> = pool.iter().collect();
        assert_eq!(paths(&pool[..99], &[9], 1), None);
        assert_eq!(paths(&pool, &[], 1), None);
    }
}
