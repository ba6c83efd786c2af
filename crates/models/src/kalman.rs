//! Kalman filters of a price seen through noise: a local level, and a local level with a slope.
//!
//! Source: Harvey 1989, Forecasting, Structural Time Series Models and the Kalman Filter, 2.3 (level) and 4.1 (trend,
//! continuous time). Oracle of the level: signals.md 7 #5. Variances grow with the seconds between observations.

use crate::guard::{finite, within};
use market::Span;

/// The smallest variance a filter keeps, so that gains stay defined.
const SMALLEST: f64 = 1e-18;
/// The largest variance a filter keeps.
const LARGEST: f64 = 1e30;

/// What an observation told that was not foreseen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Innovation {
    /// The observation less its forecast.
    pub residual: f64,
    /// The variance of that forecast, noise of the observation included.
    pub variance: f64,
}

impl Innovation {
    /// The residual in standard deviations of the forecast.
    pub fn standardised(&self) -> f64 {
        self.residual / market::math::sqrt(self.variance)
    }
}

/// The numbers of a [`LocalLevel`], in squares of the observations' unit (1e-18 to 1e30).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalLevelSpec {
    /// Variance that the level gains per second (0 to 1e30).
    pub process_variance_per_second: f64,
    /// Variance of the noise of one observation.
    pub observation_variance: f64,
    /// The level before the first observation.
    pub initial_mean: f64,
    /// How unsure that is; large when nothing is known.
    pub initial_variance: f64,
}

/// A random walk seen through noise.
#[derive(Debug, Clone)]
pub struct LocalLevel {
    process: f64,
    noise: f64,
    mean: f64,
    variance: f64,
}

market::state!(LocalLevel { mean, variance });

impl LocalLevel {
    /// A filter that has seen nothing.
    pub fn new(spec: &LocalLevelSpec) -> Self {
        Self {
            process: within(spec.process_variance_per_second, 0.0, LARGEST),
            noise: within(spec.observation_variance, SMALLEST, LARGEST),
            mean: finite(spec.initial_mean).unwrap_or(0.0),
            variance: within(spec.initial_variance, SMALLEST, LARGEST),
        }
    }

    /// Takes an observation, `elapsed` after the last; `None` and no change when it is not finite.
    pub fn observe(&mut self, elapsed: Span, x: f64) -> Option<Innovation> {
        self.observe_with(elapsed, x, self.noise)
    }

    /// The same with a noise variance for this observation only, for noise that follows the spread.
    pub fn observe_with(&mut self, elapsed: Span, x: f64, observation_variance: f64) -> Option<Innovation> {
        let x = finite(x)?;
        let noise = within(observation_variance, SMALLEST, LARGEST);
        let prior = within(self.variance + self.process * elapsed.as_secs().max(0.0), SMALLEST, LARGEST);
        let innovation = Innovation { residual: x - self.mean, variance: prior + noise };
        let gain = prior / innovation.variance;
        self.mean += gain * innovation.residual;
        self.variance = within(prior * (noise / innovation.variance), SMALLEST, LARGEST);
        Some(innovation)
    }

    /// The level.
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance of the level.
    pub const fn variance(&self) -> f64 {
        self.variance
    }
}

/// The numbers of a [`LocalTrend`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalTrendSpec {
    /// The level's part.
    pub level: LocalLevelSpec,
    /// Variance that the slope (unit per second) gains per second (0 to 1e30).
    pub slope_process_variance_per_second: f64,
    /// Variance of the slope before the first observation; the slope itself starts at zero.
    pub initial_slope_variance: f64,
}

/// A random walk with a slope that is itself a random walk, seen through noise.
#[derive(Debug, Clone)]
pub struct LocalTrend {
    process: f64,
    slope_process: f64,
    noise: f64,
    mean: f64,
    slope: f64,
    variance: f64,
    covariance: f64,
    slope_variance: f64,
}

market::state!(LocalTrend { mean, slope, variance, covariance, slope_variance });

impl LocalTrend {
    /// A filter that has seen nothing.
    pub fn new(spec: &LocalTrendSpec) -> Self {
        let level = LocalLevel::new(&spec.level);
        Self {
            process: level.process,
            slope_process: within(spec.slope_process_variance_per_second, 0.0, LARGEST),
            noise: level.noise,
            mean: level.mean,
            slope: 0.0,
            variance: level.variance,
            covariance: 0.0,
            slope_variance: within(spec.initial_slope_variance, 0.0, LARGEST),
        }
    }

    /// Takes an observation, `elapsed` after the last (a day at most counts); `None` and no change when it is not
    /// finite.
    pub fn observe(&mut self, elapsed: Span, x: f64) -> Option<Innovation> {
        let x = finite(x)?;
        self.predict(within(elapsed.as_secs(), 0.0, 86_400.0));
        let innovation = Innovation { residual: x - self.mean, variance: self.variance + self.noise };
        let (gain, slope_gain) = (self.variance / innovation.variance, self.covariance / innovation.variance);
        self.mean += gain * innovation.residual;
        self.slope = within(self.slope + slope_gain * innovation.residual, -1e120, 1e120);
        let left = self.noise / innovation.variance;
        self.slope_variance -= slope_gain * self.covariance;
        self.variance *= left;
        self.covariance *= left;
        self.keep_sound();
        Some(innovation)
    }

    fn predict(&mut self, dt: f64) {
        self.mean = within(self.mean + self.slope * dt, -1e130, 1e130);
        self.variance += dt * (2.0 * self.covariance + dt * self.slope_variance)
            + self.process * dt
            + self.slope_process * dt * dt * dt / 3.0;
        self.covariance += dt * self.slope_variance + self.slope_process * dt * dt / 2.0;
        self.slope_variance += self.slope_process * dt;
        self.keep_sound();
    }

    /// Keeps the covariance matrix positive semidefinite against rounding and overflow.
    fn keep_sound(&mut self) {
        self.variance = within(self.variance, SMALLEST, LARGEST);
        self.slope_variance = within(self.slope_variance, 0.0, LARGEST);
        let most = market::math::sqrt(self.variance) * market::math::sqrt(self.slope_variance);
        self.covariance = within(self.covariance, -most, most);
    }

    /// The level.
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The slope, in units per second.
    pub const fn slope(&self) -> f64 {
        self.slope
    }

    /// The variance of the level.
    pub const fn variance(&self) -> f64 {
        self.variance
    }

    /// The variance of the slope.
    pub const fn slope_variance(&self) -> f64 {
        self.slope_variance
    }

    /// The covariance of level and slope.
    pub const fn covariance(&self) -> f64 {
        self.covariance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, check_restore, close};
    use proptest::prelude::*;

    const LEVEL: LocalLevelSpec = LocalLevelSpec {
        process_variance_per_second: 0.1,
        observation_variance: 1.0,
        initial_mean: 0.0,
        initial_variance: 1.0,
    };
    const TREND: LocalTrendSpec =
        LocalTrendSpec { level: LEVEL, slope_process_variance_per_second: 0.01, initial_slope_variance: 0.2 };

    #[test]
    fn oracle_5() {
        let mut level = LocalLevel::new(&LEVEL);
        for x in [1.0, 0.5, 1.5] {
            level.observe(Span::SECOND, x);
        }
        close(level.mean(), 0.836_099_585_062_240_6, 1e-12);
        close(level.variance(), 0.326_220_114_601_857_35, 1e-12);
    }

    /// The textbook recursion with whole matrices.
    struct Matrices {
        mean: [f64; 2],
        p: [[f64; 2]; 2],
    }

    impl Matrices {
        fn observe(&mut self, dt: f64, x: f64) {
            let f = [[1.0, dt], [0.0, 1.0]];
            let q = [[0.1 * dt + 0.01 * dt * dt * dt / 3.0, 0.01 * dt * dt / 2.0], [0.01 * dt * dt / 2.0, 0.01 * dt]];
            let product = |a: [[f64; 2]; 2], b: [[f64; 2]; 2]| -> [[f64; 2]; 2] {
                std::array::from_fn(|i| std::array::from_fn(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j]))
            };
            let transposed = [[f[0][0], f[1][0]], [f[0][1], f[1][1]]];
            let spread = product(product(f, self.p), transposed);
            let p: [[f64; 2]; 2] = std::array::from_fn(|i| std::array::from_fn(|j| spread[i][j] + q[i][j]));
            let mean = [self.mean[0] + dt * self.mean[1], self.mean[1]];
            let s = p[0][0] + 1.0;
            let k = [p[0][0] / s, p[1][0] / s];
            self.mean = [mean[0] + k[0] * (x - mean[0]), mean[1] + k[1] * (x - mean[0])];
            self.p = product([[1.0 - k[0], 0.0], [-k[1], 1.0]], p);
        }
    }

    #[test]
    fn the_trend_agrees_with_the_matrices() {
        let mut twin = Matrices { mean: [0.0, 0.0], p: [[1.0, 0.0], [0.0, 0.2]] };
        let mut trend = LocalTrend::new(&TREND);
        let mut noise = Lcg::new(5);
        for i in 0..100 {
            let millis = 100 + (i * 37) % 900;
            let x = 0.3 * f64::from(i) + noise.normal();
            trend.observe(Span::from_millis(i64::from(millis)), x);
            twin.observe(f64::from(millis) * 1e-3, x);
            close(trend.mean(), twin.mean[0], 1e-8);
            close(trend.slope(), twin.mean[1], 1e-8);
            close(trend.variance(), twin.p[0][0], 1e-8);
            close(trend.covariance(), twin.p[0][1], 1e-8);
            close(trend.slope_variance(), twin.p[1][1], 1e-8);
        }
    }

    #[test]
    fn a_trend_without_slope_is_a_level() {
        let spec = LocalTrendSpec { slope_process_variance_per_second: 0.0, initial_slope_variance: 0.0, ..TREND };
        let (mut trend, mut level) = (LocalTrend::new(&spec), LocalLevel::new(&LEVEL));
        for x in [1.0, 0.5, 1.5, 7.0] {
            assert_eq!(trend.observe(Span::SECOND, x), level.observe(Span::SECOND, x));
        }
        close(trend.mean(), level.mean(), 0.0);
    }

    #[test]
    fn they_are_restored() {
        let x = |i: usize| ((i * 31) % 17) as f64;
        check_restore(|| LocalLevel::new(&LEVEL), |m, i| m.observe(Span(i as i64 * 1_000_003), x(i)));
        check_restore(|| LocalTrend::new(&TREND), |m, i| m.observe(Span(i as i64 * 1_000_003), x(i)));
    }

    proptest! {
        #[test]
        fn nothing_breaks_them(
            stream in prop::collection::vec((any::<i64>(), anything(), anything()), 1..60),
            spec in (anything(), anything(), anything(), anything(), anything()),
        ) {
            let level = LocalLevelSpec {
                process_variance_per_second: spec.0,
                observation_variance: spec.1,
                initial_mean: spec.2,
                initial_variance: spec.3,
            };
            let mut trend = LocalTrend::new(&LocalTrendSpec {
                level,
                slope_process_variance_per_second: spec.4,
                initial_slope_variance: spec.0,
            });
            let mut level = LocalLevel::new(&level);
            for (elapsed, x, noise) in stream {
                let innovation = level.observe_with(Span(elapsed), x, noise);
                prop_assert!(innovation.is_none_or(|i| i.standardised().is_finite()));
                prop_assert!(level.mean().is_finite() && level.variance() > 0.0 && level.variance().is_finite());
                let innovation = trend.observe(Span(elapsed), x);
                prop_assert!(innovation.is_none_or(|i| i.standardised().is_finite()));
                prop_assert!(trend.mean().is_finite() && trend.slope().is_finite());
                prop_assert!(trend.variance() > 0.0 && trend.slope_variance() >= 0.0 && trend.covariance().is_finite());
            }
        }
    }
}
