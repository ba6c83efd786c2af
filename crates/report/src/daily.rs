//! Figures of daily returns: Sharpe, Sortino, drawdown and their kin.

use market::math::{pow, sqrt};

/// Trading days in a year, the field's usual constant for annualising.
pub const DAYS_PER_YEAR: f64 = 252.0;

/// Figures of a series of period returns (0.01 is one percent), without a risk-free rate.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Daily {
    /// How many periods.
    pub count: u64,
    /// Mean over standard deviation (n - 1), per period; `None` below two periods or without variation.
    pub sharpe: Option<f64>,
    /// Mean over the root mean square of the returns below zero, per period; `None` without any.
    pub sortino: Option<f64>,
    /// The deepest fall of compounded wealth below its earlier peak, as a negative share; 0 without a fall.
    pub drawdown_max: f64,
    /// Compounded growth per year of 252 periods.
    pub growth: f64,
    /// Growth over the size of the drawdown; `None` without a drawdown.
    pub calmar: Option<f64>,
}

impl Daily {
    /// Sharpe ratio per year of 252 periods.
    pub fn sharpe_annual(&self) -> Option<f64> {
        self.sharpe.map(|ratio| ratio * sqrt(DAYS_PER_YEAR))
    }

    /// Sortino ratio per year of 252 periods.
    pub fn sortino_annual(&self) -> Option<f64> {
        self.sortino.map(|ratio| ratio * sqrt(DAYS_PER_YEAR))
    }
}

/// The figures of `returns`, in order.
pub fn daily(returns: &[f64]) -> Daily {
    let n = returns.len() as f64;
    if returns.is_empty() {
        return Daily::default();
    }
    let mean = returns.iter().sum::<f64>() / n;
    let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0);
    let downside = sqrt(returns.iter().map(|r| r.min(0.0) * r.min(0.0)).sum::<f64>() / n);
    let (mut wealth, mut peak, mut drawdown_max) = (1.0_f64, 1.0_f64, 0.0_f64);
    for r in returns {
        wealth *= 1.0 + r;
        peak = peak.max(wealth);
        drawdown_max = drawdown_max.min(wealth / peak - 1.0);
    }
    let growth = pow(wealth, DAYS_PER_YEAR / n) - 1.0;
    Daily {
        count: returns.len() as u64,
        sharpe: (returns.len() > 1 && variance > 0.0).then(|| mean / sqrt(variance)),
        sortino: (downside > 0.0).then(|| mean / downside),
        drawdown_max,
        growth,
        calmar: (drawdown_max < 0.0).then(|| growth / -drawdown_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trades::figures;

    /// "LCG-12": deterministic noise for vectors that other languages can reproduce.
    fn noise(seed: u64, n: usize) -> Vec<f64> {
        let mut x = seed;
        let mut uniform = move || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 11) as f64 / 9_007_199_254_740_992.0
        };
        (0..n).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
    }

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn the_noise_is_the_published_one() {
        let first = noise(12_345, 5);
        let published = [1.144_191_04, -1.539_728_37, 0.010_332_92, -1.708_580_59, -0.118_849_90];
        assert!(first.iter().zip(published).all(|(a, b)| (a - b).abs() < 1e-8), "{first:?}");
    }

    #[test]
    fn metrics_agree_with_empyrical() {
        let returns: Vec<f64> = noise(777, 500).into_iter().map(|z| 0.01 * z + 0.000_5).collect();
        let found = daily(&returns);
        near(found.sharpe_annual(), 0.590_796_897_513_872_8);
        near(found.sortino_annual(), 0.869_486_410_699_540_6);
        near(Some(found.drawdown_max), -0.149_261_639_961_430_44);
        near(found.calmar, 0.564_726_789_245_028_5);
        near(Some(found.growth), 0.084_292_046_692_866_05);
        let figures = figures(returns);
        near(figures.profit_factor, 1.099_049_634_570_620_7);
        near(figures.win_rate(), 0.504);
        near(figures.payoff, 1.081_604_402_275_848_9);
    }

    #[test]
    fn nothing_is_no_reason_to_divide() {
        assert_eq!(daily(&[]), Daily::default());
        assert_eq!(daily(&[0.0]).sharpe, None);
    }
}
