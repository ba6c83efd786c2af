//! Is a Sharpe ratio more than luck, and more than the luck of the best of many trials?
//!
//! Probabilistic Sharpe ratio and minimum track record length (Bailey & López de Prado 2012), deflated Sharpe ratio (the
//! same, 2014). Every ratio is per period, never annualised; kurtosis is 3 for a normal distribution. Source: signals.md
//! 1.3; oracles: signals.md 7 #11, #12.

use market::math::{normal_cdf, normal_quantile, sqrt};

use crate::fault::{Fault, all_finite, within};

/// Euler's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// The figures of a list of returns that its Sharpe ratio is judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// How many periods.
    pub count: u64,
    /// Mean over standard deviation (n - 1), per period.
    pub sharpe: f64,
    /// Skewness, third central moment over the cube of the standard deviation (n); 0 for a normal distribution.
    pub skew: f64,
    /// Kurtosis, fourth central moment over the square of the variance (n); 3 for a normal distribution.
    pub kurtosis: f64,
}

impl Moments {
    /// The moments of returns per period.
    ///
    /// # Errors
    /// Fewer than three returns, one that is not finite, or returns without variation.
    pub fn of(returns: &[f64]) -> Result<Self, Fault> {
        if returns.len() < 3 {
            return Err(Fault::TooFew { what: "returns", found: returns.len(), needed: 3 });
        }
        all_finite("returns", returns)?;
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let [mut m2, mut m3, mut m4] = [0.0; 3];
        for r in returns {
            let d = r - mean;
            m2 += d * d;
            m3 += d * d * d;
            m4 += d * d * d * d;
        }
        let variance = m2 / n;
        // Below this the differences are rounding, not variation.
        within("standard deviation of the returns", sqrt(variance), 1e-12 * mean.abs() + f64::MIN_POSITIVE, f64::MAX)?;
        Ok(Self {
            count: returns.len() as u64,
            sharpe: mean / sqrt(m2 / (n - 1.0)),
            skew: m3 / n / (variance * sqrt(variance)),
            kurtosis: m4 / n / (variance * variance),
        })
    }

    /// The factor on the variance of the ratio's estimate, `1 - skew SR + (kurtosis - 1) / 4 SR^2`. Of the moments of any
    /// list it is above zero; moments that were put together by hand may contradict each other.
    fn spread(&self) -> Result<f64, Fault> {
        let spread = 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe * self.sharpe;
        within("variance factor of the Sharpe ratio", spread, f64::MIN_POSITIVE, f64::MAX)?;
        Ok(spread)
    }
}

/// The probability that the true ratio is above `benchmark` (per period):
/// `Phi((SR - SR*) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2))`.
///
/// # Errors
/// Fewer than two periods, a benchmark that is not finite, or moments that contradict each other.
pub fn probabilistic_sharpe(moments: &Moments, benchmark: f64) -> Result<f64, Fault> {
    if moments.count < 2 {
        return Err(Fault::TooFew { what: "periods", found: moments.count as usize, needed: 2 });
    }
    all_finite("benchmark", &[benchmark])?;
    let z = (moments.sharpe - benchmark) * sqrt(moments.count as f64 - 1.0) / sqrt(moments.spread()?);
    Ok(normal_cdf(z))
}

/// How many periods it takes until the ratio is above `benchmark` with probability `confidence` (0.5 to 0.999999), if
/// it stays as it is: `1 + (1 - g3 SR + (g4 - 1) / 4 SR^2) (z / (SR - SR*))^2`. `None` when the ratio is not above the
/// benchmark: no length is enough.
///
/// # Errors
/// A confidence out of its range, a benchmark that is not finite, or moments that contradict each other.
pub fn track_record_min(moments: &Moments, benchmark: f64, confidence: f64) -> Result<Option<f64>, Fault> {
    within("confidence", confidence, 0.5, 0.999_999)?;
    all_finite("benchmark", &[benchmark])?;
    let spread = moments.spread()?;
    let z = normal_quantile(confidence) / (moments.sharpe - benchmark);
    Ok((moments.sharpe > benchmark).then_some(1.0 + spread * z * z))
}

/// The ratio that the best of `trials` trials without skill is expected to show, when the ratios of the trials have
/// this variance: `sqrt(V) ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e)))`, `g` Euler's constant. Zero for one trial.
///
/// # Errors
/// No trial, or a variance that is negative or not finite.
pub fn sharpe_of_the_luckiest(trials: u64, variance: f64) -> Result<f64, Fault> {
    if trials == 0 {
        return Err(Fault::TooFew { what: "trials", found: 0, needed: 1 });
    }
    within("variance of the trials' Sharpe ratios", variance, 0.0, 1e12)?;
    if trials == 1 {
        return Ok(0.0);
    }
    let n = trials as f64;
    // The upper quantile as minus the lower one: 1 - 1/N would round for many trials.
    let upper = |share: f64| -normal_quantile(share);
    Ok(sqrt(variance) * ((1.0 - GAMMA) * upper(1.0 / n) + GAMMA * upper(1.0 / (n * std::f64::consts::E))))
}

/// A Sharpe ratio after the number of trials that it was chosen from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deflated {
    /// How many trials.
    pub trials: u64,
    /// Variance of their ratios.
    pub variance: f64,
    /// What the luckiest of them is expected to show.
    pub threshold: f64,
    /// The probability that the true ratio is above that; 0.95 passes.
    pub probability: f64,
}

/// The deflated Sharpe ratio: [`probabilistic_sharpe`] against [`sharpe_of_the_luckiest`].
///
/// # Errors
/// As those two.
pub fn deflated_sharpe(moments: &Moments, trials: u64, variance: f64) -> Result<Deflated, Fault> {
    let threshold = sharpe_of_the_luckiest(trials, variance)?;
    let probability = probabilistic_sharpe(moments, threshold)?;
    Ok(Deflated { trials, variance, threshold, probability })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, close};
    use proptest::prelude::*;

    fn paper(skew: f64, kurtosis: f64) -> Moments {
        Moments { count: 1_250, sharpe: 2.5 / sqrt(250.0), skew, kurtosis }
    }

    #[test]
    fn oracle_11() {
        let variance = 0.5 / 250.0;
        let found = deflated_sharpe(&paper(-3.0, 10.0), 100, variance).unwrap();
        close(found.threshold, 0.113_172_001_865_132_14, 1e-12);
        close(found.probability, 0.900_396_834_449_390_3, 1e-12);
        let fewer = deflated_sharpe(&paper(-3.0, 10.0), 46, variance).unwrap();
        close(fewer.probability, 0.950_501_706_875_578_7, 1e-12);
        let normal = deflated_sharpe(&paper(0.0, 3.0), 88, variance).unwrap();
        close(normal.probability, 0.950_490_816_676_013_9, 1e-12);
    }

    #[test]
    fn oracle_12() {
        let normal = Moments { count: 1_000, sharpe: 0.1, skew: 0.0, kurtosis: 3.0 };
        close(probabilistic_sharpe(&normal, 0.0).unwrap(), 0.999_191_503_375_651_8, 1e-12);
        let skewed = Moments { skew: -0.72, kurtosis: 5.78, ..normal };
        let length = track_record_min(&skewed, 0.0, 0.95).unwrap().unwrap();
        close(length, 294.267_382_706_672_3, 1e-9);
        // The length is where the probability reaches the confidence.
        let at = Moments { count: 295, ..skewed };
        let before = Moments { count: 294, ..skewed };
        assert!(probabilistic_sharpe(&at, 0.0).unwrap() >= 0.95);
        assert!(probabilistic_sharpe(&before, 0.0).unwrap() < 0.95);
        assert_eq!(track_record_min(&skewed, 0.2, 0.95), Ok(None));
    }

    #[test]
    fn the_luckiest_of_noise_is_about_as_lucky_as_it_says() {
        let mut noise = Lcg::new(4);
        for trials in [10, 100, 1_000_u32] {
            let mut normal = || normal_quantile(noise.uniform().max(1e-12));
            let mut best = || (0..trials).map(|_| normal()).fold(f64::MIN, f64::max);
            let mean = (0..300).map(|_| best()).sum::<f64>() / 300.0;
            close(mean, sharpe_of_the_luckiest(u64::from(trials), 1.0).unwrap(), 0.12);
        }
    }

    #[test]
    fn moments_are_those_of_the_list() {
        // scipy.stats.skew and kurtosis(fisher=False) of 1, 2, 4, 10.
        let found = Moments::of(&[1.0, 2.0, 4.0, 10.0]).unwrap();
        close(found.sharpe, 4.25 / sqrt(16.25), 1e-14);
        close(found.skew, 0.848_320_696_939_020_5, 1e-12);
        close(found.kurtosis, 2.070_769_230_769_230_7, 1e-12);
    }

    #[test]
    fn what_cannot_be_judged_is_said() {
        assert_eq!(Moments::of(&[1.0]), Err(Fault::TooFew { what: "returns", found: 1, needed: 3 }));
        assert_eq!(Moments::of(&[1.0, f64::NAN, 2.0]), Err(Fault::NotFinite { what: "returns", place: 1 }));
        assert!(Moments::of(&[0.1; 9]).is_err(), "nothing varies");
        assert!(sharpe_of_the_luckiest(0, 1.0).is_err() && sharpe_of_the_luckiest(9, -1.0).is_err());
        assert!(sharpe_of_the_luckiest(9, f64::NAN).is_err());
        let odd = Moments { count: 100, sharpe: 2.0, skew: 3.0, kurtosis: 1.0 };
        assert!(probabilistic_sharpe(&odd, 0.0).is_err(), "such a skew needs a higher kurtosis");
    }

    proptest! {
        #[test]
        fn more_trials_never_help(
            returns in prop::collection::vec(-1.0_f64..1.0, 3..60),
            trials in 1_u64..1_000_000,
            more in 1_u64..1_000_000,
            variance in 0.0_f64..4.0,
        ) {
            if let Ok(moments) = Moments::of(&returns) {
                let few = deflated_sharpe(&moments, trials, variance).unwrap();
                let many = deflated_sharpe(&moments, trials + more, variance).unwrap();
                prop_assert!((0.0..=1.0).contains(&few.probability));
                prop_assert!(many.probability <= few.probability + 1e-12);
                prop_assert!(many.threshold >= few.threshold - 1e-12);
            }
        }
    }
}
