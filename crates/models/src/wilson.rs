//! Wilson's interval of a share: honest for small counts and for shares near zero or one.
//!
//! Source: Wilson 1927, Probable inference, the law of succession, and statistical inference. Oracle: signals.md 7 #18.

use market::math::sqrt;

/// The 0.975 quantile of the normal distribution, for an interval of 95 %.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// The interval of the true share after `successes` of `trials`, `z` normal standard deviations wide on each side.
/// `None` without trials, with more successes than trials, or when `z` is negative or not finite.
pub fn wilson(successes: u64, trials: u64, z: f64) -> Option<(f64, f64)> {
    if trials == 0 || successes > trials || !(0.0..=1e6).contains(&z) {
        return None;
    }
    let (n, p) = (trials as f64, successes as f64 / trials as f64);
    let z2 = z * z;
    let scale = 1.0 + z2 / n;
    let centre = (p + z2 / (2.0 * n)) / scale;
    let half = z * sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n)) / scale;
    // At the ends the bound is exact; rounding would leave it a hair away.
    let low = if successes == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if successes == trials { 1.0 } else { (centre + half).min(1.0) };
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{anything, close};
    use proptest::prelude::*;

    #[test]
    fn oracle_18() {
        let cases = [
            (75, 100, 0.656_955_364_519_384, 0.824_547_886_377_123_2),
            (750, 1_000, 0.722_239_719_740_913_8, 0.775_846_901_016_308_7),
            (0, 10, 0.0, 0.277_532_799_862_889_26),
        ];
        for (successes, trials, low, high) in cases {
            let interval = wilson(successes, trials, Z_95).unwrap();
            close(interval.0, low, 1e-12);
            close(interval.1, high, 1e-12);
        }
        assert_eq!((wilson(1, 0, Z_95), wilson(3, 2, Z_95), wilson(1, 2, f64::NAN)), (None, None, None));
    }

    proptest! {
        #[test]
        fn it_holds_the_share(successes in any::<u64>(), trials in any::<u64>(), z in anything()) {
            if let Some((low, high)) = wilson(successes, trials, z) {
                let share = successes as f64 / trials as f64;
                prop_assert!(0.0 <= low && low <= share + 1e-9 && share <= high + 1e-9 && high <= 1.0);
            }
            if let Some((low, high)) = wilson(successes % 100, 100, Z_95) {
                let share = (successes % 100) as f64 / 100.0;
                prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
            }
        }
    }
}
