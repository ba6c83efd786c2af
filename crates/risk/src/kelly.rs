//! How much of the wealth a bet is worth. Fractions are parts of the equity risked at the stop.

use crate::limits::DrawdownRule;
use market::math::{ln, pow};

/// The Kelly fraction of a bet that wins `win` with probability `p` and loses `loss` otherwise: `p - (1 - p) / b` with
/// `b = win / loss`. Negative when the bet does not pay.
pub fn kelly(p: f64, win: f64, loss: f64) -> f64 {
    p - (1.0 - p) * loss / win
}

/// The Kelly fraction as a multiple of equity for relative outcomes `+win` and `-loss`: `p / loss - (1 - p) / win`.
pub fn kelly_multiple(p: f64, win: f64, loss: f64) -> f64 {
    p / loss - (1.0 - p) / win
}

/// The factor by which Baker and `McHale` (2013) shrink a Kelly fraction for the standard error of `p`:
/// `g^2 / (g^2 + (b + 1)^2 s^2)` with `g = (b + 1) p - 1`.
pub fn shrinkage(p: f64, p_se: f64, b: f64) -> f64 {
    let g = (b + 1.0) * p - 1.0;
    let noise = (b + 1.0) * p_se;
    let whole = g * g + noise * noise;
    if whole > 0.0 { g * g / whole } else { 0.0 }
}

/// The risk aversion that keeps the probability of ever falling to `alpha` of the wealth below `beta`:
/// `ln beta / ln alpha` (Busseti, Ryu and Boyd 2016).
pub fn risk_aversion(alpha: f64, beta: f64) -> f64 {
    ln(beta) / ln(alpha)
}

/// The part of the Kelly fraction that a drawdown constraint leaves when bets are small and many: `2 / (1 + lambda)`, at
/// most 1.
pub fn diffusion_fraction(lambda: f64) -> f64 {
    (2.0 / (1.0 + lambda)).min(1.0)
}

/// The largest fraction not above Kelly's with `p (1 + b f)^-lambda + (1 - p) (1 - f)^-lambda <= 1`, the risk-constrained
/// Kelly bet with two outcomes. Zero when the bet does not pay.
pub fn constrained_fraction(p: f64, b: f64, lambda: f64) -> f64 {
    let full = kelly(p, b, 1.0);
    // A bet that hardly loses stakes nearly everything; the constraint has a pole at 1.
    let mut high = full.min(1.0 - 1e-9);
    if high.is_nan() || high <= 0.0 || !lambda.is_finite() {
        return 0.0;
    }
    let at = |f: f64| {
        let (up, down) = (pow(1.0 + b * f, -lambda), pow(1.0 - f, -lambda));
        let slope = lambda * ((1.0 - p) * down / (1.0 - f) - p * b * up / (1.0 + b * f));
        (p * up + (1.0 - p) * down - 1.0, slope)
    };
    if at(high).0 <= 0.0 {
        return high;
    }
    // The constraint is convex and zero at f = 0. Newton's steps start where many small bets would end; the bracket is
    // halved instead where they would leave it, or crawl down from the pole.
    let mut low = 0.0;
    let mut f = high * diffusion_fraction(lambda);
    for _ in 0..200 {
        let (excess, slope) = at(f);
        if excess <= 0.0 {
            low = f;
        } else {
            high = f;
        }
        let newton = f - excess / slope;
        let steps = excess.abs() < 1.0 && slope > 0.0 && low < newton && newton < high;
        let next = if steps { newton } else { 0.5 * (low + high) };
        if (next - f).abs() <= f * 1e-14 {
            return next;
        }
        f = next;
    }
    low
}

/// The factor that a drawdown rule leaves of the Kelly fraction, with its lambda worked out once.
#[derive(Debug, Clone, Copy)]
pub struct DrawdownFactor {
    rule: DrawdownRule,
    lambda: f64,
}

impl DrawdownFactor {
    /// The factor of a rule.
    pub fn new(rule: DrawdownRule) -> Self {
        let (DrawdownRule::Diffusion { alpha, beta } | DrawdownRule::Binary { alpha, beta }) = rule;
        Self { rule, lambda: risk_aversion(alpha, beta) }
    }

    /// The factor for a bet, 0 to 1.
    pub fn of(&self, p: f64, b: f64) -> f64 {
        match self.rule {
            DrawdownRule::Diffusion { .. } => diffusion_fraction(self.lambda),
            DrawdownRule::Binary { .. } => constrained_fraction(p, b, self.lambda) / kelly(p, b, 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: f64, expected: f64, tolerance: f64) {
        assert!((got - expected).abs() <= tolerance, "{got} is not {expected}");
    }

    #[test]
    fn oracle_16_kelly() {
        close(kelly_multiple(0.6, 0.02, 0.01), 40.0, 1e-9);
        close(kelly(0.78, 1.0, 3.0), 0.12, 1e-12);
        close(kelly(0.55, 1.0, 1.0), 0.10, 1e-12);
    }

    #[test]
    fn oracle_17_shrinkage_and_drawdown() {
        close(shrinkage(0.55, 0.05, 1.0), 0.5, 1e-12);
        close(risk_aversion(0.7, 0.1), 6.455_696_235_812_881, 1e-12);
        close(diffusion_fraction(risk_aversion(0.7, 0.1)), 0.268_251_272_147_214, 1e-12);
        close(constrained_fraction(0.55, 1.0, risk_aversion(0.7, 0.1)), 0.026_899_743_49, 1e-9);
        assert_eq!(shrinkage(0.5, 0.0, 1.0), 0.0);
        assert_eq!(diffusion_fraction(0.5), 1.0);
    }

    #[test]
    fn oracle_17_few_paths_fall_to_alpha() {
        let f = constrained_fraction(0.55, 1.0, risk_aversion(0.7, 0.1));
        let mut x = 12_345_u64;
        let mut uniform = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 11) as f64 / 9_007_199_254_740_992.0
        };
        let paths = 4_000;
        let fallen = (0..paths).filter(|_| {
            let mut wealth = 1.0;
            (0..2_000).any(|_| {
                wealth *= if uniform() < 0.55 { 1.0 + f } else { 1.0 - f };
                wealth < 0.7
            })
        });
        let share = fallen.count() as f64 / f64::from(paths);
        assert!(0.05 < share && share <= 0.1, "{share}");
    }

    #[test]
    fn a_steep_constraint_is_met() {
        // Newton's steps alone need 300 rounds to come down from the pole here.
        let (p, b, lambda) = (0.997_450_019_648_439_6, 18.240_544_889_654_764, 57.490_965_384_388_61);
        let f = constrained_fraction(p, b, lambda);
        close(p * pow(1.0 + b * f, -lambda) + (1.0 - p) * pow(1.0 - f, -lambda), 1.0, 1e-10);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn the_constrained_fraction_meets_its_constraint(p in 0.01_f64..0.999, b in 0.05_f64..20.0, lambda in 0.01_f64..60.0) {
            let f = constrained_fraction(p, b, lambda);
            let full = kelly(p, b, 1.0);
            prop_assert!(f >= 0.0 && f <= full.max(0.0));
            if f > 0.0 {
                let at = |f: f64| p * pow(1.0 + b * f, -lambda) + (1.0 - p) * pow(1.0 - f, -lambda);
                prop_assert!(at(f) <= 1.0 + 1e-10, "{}", at(f));
                // The twin: bisection.
                let (mut low, mut high) = (0.0, full.min(1.0 - 1e-9));
                for _ in 0..200 {
                    let middle = 0.5 * (low + high);
                    if at(middle) <= 1.0 { low = middle } else { high = middle }
                }
                let twin = if at(full.min(1.0 - 1e-9)) <= 1.0 { full } else { low };
                prop_assert!((f - twin).abs() < 1e-9, "{f} {twin}");
            }
        }
    }
}
