//! Tests that may be read after every observation without lying.
//!
//! SPRT (Wald 1945), the mixture SPRT of a normal mean (Robbins 1970; Johari et al. 2017), and the betting e-process
//! (Ville 1939; Waudby-Smith & Ramdas 2024). Source: signals.md 1.7; oracles: signals.md 7 #19, #20, #21.

use crate::guard::{finite, within};
use market::math::{exp, ln};

/// What an [`Sprt`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SprtVerdict {
    /// Go on.
    Open,
    /// The rate is the null's.
    AcceptNull,
    /// The rate is the alternative's.
    AcceptAlternative,
}

market::state_enum!(SprtVerdict { Open, AcceptNull, AcceptAlternative });

/// Wald's test of one success rate against another. A verdict is final.
#[derive(Debug, Clone)]
pub struct Sprt {
    bounds: (f64, f64),
    success: f64,
    failure: f64,
    log_ratio: f64,
    count: u64,
    verdict: SprtVerdict,
}

market::state!(Sprt { log_ratio, count, verdict });

impl Sprt {
    /// A test of rate `null` against `alternative` (both 1e-12 to 1 - 1e-12) with error rates `alpha` (a null that is
    /// rejected) and `beta` (an alternative that is), both 1e-12 to 0.5.
    pub fn new(null: f64, alternative: f64, alpha: f64, beta: f64) -> Self {
        let [p, q] = [null, alternative].map(crate::guard::probability);
        Self {
            bounds: sprt_bounds(alpha, beta),
            success: ln(q / p),
            failure: ln((1.0 - q) / (1.0 - p)),
            log_ratio: 0.0,
            count: 0,
            verdict: SprtVerdict::Open,
        }
    }

    /// Takes a success or a failure; after a verdict nothing changes.
    pub fn observe(&mut self, success: bool) -> SprtVerdict {
        if self.verdict == SprtVerdict::Open {
            self.count = self.count.saturating_add(1);
            self.log_ratio += if success { self.success } else { self.failure };
            if self.log_ratio <= self.bounds.0 {
                self.verdict = SprtVerdict::AcceptNull;
            } else if self.log_ratio >= self.bounds.1 {
                self.verdict = SprtVerdict::AcceptAlternative;
            }
        }
        self.verdict
    }

    /// How many observations went in.
    pub const fn count(&self) -> u64 {
        self.count
    }
}

/// The bounds of the log-likelihood ratio: at or below the first accept the null, `ln(b / (1 - a))`; at or above the
/// second the alternative, `ln((1 - b) / a)`. Error rates are taken from 1e-12 to 0.5.
pub fn sprt_bounds(alpha: f64, beta: f64) -> (f64, f64) {
    let [a, b] = [alpha, beta].map(|rate| within(rate, 1e-12, 0.5));
    (ln(b / (1.0 - a)), ln((1.0 - b) / a))
}

/// The mixture SPRT of a normal mean against zero: an always valid p value.
#[derive(Debug, Clone)]
pub struct MixtureSprt {
    variance: f64,
    mixing: f64,
    count: u64,
    sum: f64,
    p: f64,
}

market::state!(MixtureSprt { count, sum, p });

impl MixtureSprt {
    /// A test of observations with variance `s2` whose effect, if any, has variance `mixing` (both 1e-12 to 1e30).
    pub fn new(variance: f64, mixing: f64) -> Self {
        Self {
            variance: within(variance, 1e-12, 1e30),
            mixing: within(mixing, 1e-12, 1e30),
            count: 0,
            sum: 0.0,
            p: 1.0,
        }
    }

    /// Takes an observation and answers with the p value after it; one that is not finite changes nothing.
    pub fn observe(&mut self, x: f64) -> f64 {
        if let Some(x) = finite(x) {
            self.count = self.count.saturating_add(1);
            self.sum += x;
            let log_ratio = mixture_log_ratio(self.count as f64, self.sum, self.variance, self.mixing);
            self.p = self.p.min(exp(-log_ratio));
        }
        self.p
    }

    /// The p value: valid whenever it is read, and never rising.
    pub const fn p_value(&self) -> f64 {
        self.p
    }
}

/// `ln sqrt(s2 / (s2 + n t2)) + n^2 t2 xbar^2 / (2 s2 (s2 + n t2))`.
fn mixture_log_ratio(n: f64, sum: f64, s2: f64, t2: f64) -> f64 {
    let spread = s2 + n * t2;
    0.5 * ln(s2 / spread) + t2 * sum * (sum / (2.0 * s2) / spread)
}

/// Wealth of a gambler who bets that the mean of `d` is above zero: `K = prod (1 + lambda d)`, `d` clipped to [-1, 1].
/// If it is not, the wealth reaches `1 / alpha` with probability `alpha` at most.
#[derive(Debug, Clone)]
pub struct EProcess {
    log_wealth: f64,
    highest: f64,
    count: u64,
}

market::state!(EProcess { log_wealth, highest, count });

impl Default for EProcess {
    fn default() -> Self {
        Self::new()
    }
}

impl EProcess {
    /// A gambler with wealth one.
    pub const fn new() -> Self {
        Self { log_wealth: 0.0, highest: 0.0, count: 0 }
    }

    /// Takes a difference, with the bet `lambda` (0 to 0.99) that was fixed before it was seen; answers with the
    /// wealth. A difference that is not finite changes nothing.
    pub fn observe(&mut self, d: f64, lambda: f64) -> f64 {
        if d.is_finite() {
            self.count = self.count.saturating_add(1);
            self.log_wealth += market::math::ln_1p(within(lambda, 0.0, 0.99) * d.clamp(-1.0, 1.0));
            self.highest = self.highest.max(self.log_wealth);
        }
        self.wealth()
    }

    /// The wealth, at most e^700.
    pub fn wealth(&self) -> f64 {
        exp(self.log_wealth.min(700.0))
    }

    /// Whether the wealth ever reached `1 / alpha`.
    pub fn rejects(&self, alpha: f64) -> bool {
        self.highest >= -ln(within(alpha, 1e-300, 1.0))
    }

    /// How many differences went in.
    pub const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, check_restore, close};
    use proptest::prelude::*;

    #[test]
    fn oracle_19() {
        let (lower, upper) = sprt_bounds(0.05, 0.2);
        close(upper, 2.772_588_722_239_781, 1e-12);
        close(lower, -1.558_144_618_046_549_7, 1e-12);
        // Wald's mean sample numbers, under the null and under the alternative, within 15 %.
        for (rate, expected, right) in
            [(0.75, 181.74, SprtVerdict::AcceptNull), (0.80, 272.27, SprtVerdict::AcceptAlternative)]
        {
            let mut noise = Lcg::new(12);
            let (mut steps, mut correct) = (0, 0);
            for _ in 0..2_000 {
                let mut test = Sprt::new(0.75, 0.80, 0.05, 0.2);
                while test.observe(noise.uniform() < rate) == SprtVerdict::Open {}
                steps += test.count();
                correct += u64::from(test.verdict == right);
            }
            close(steps as f64 / 2_000.0 / expected, 1.0, 0.15);
            assert!(correct > 1_550, "{correct}");
        }
    }

    #[test]
    fn oracle_20() {
        close(exp(mixture_log_ratio(100.0, 20.0, 1.0, 0.04)), 2.215_063_439_141_613_5, 1e-12);
        close(exp(mixture_log_ratio(1_000.0, 100.0, 1.0, 0.01)), 28.403_344_691_362_95, 1e-10);
        close(exp(-mixture_log_ratio(1_000.0, 100.0, 1.0, 0.01)), 0.035_207_121_23, 1e-11);
        let mut noise = Lcg::new(2);
        let mut rejected = 0;
        for _ in 0..2_000 {
            let mut test = MixtureSprt::new(1.0, 0.01);
            for _ in 0..1_000 {
                test.observe(noise.normal());
            }
            rejected += u32::from(test.p_value() < 0.05);
        }
        assert!(rejected <= 100, "{rejected} of 2000 at 5 %, read after every step");
    }

    #[test]
    fn oracle_21() {
        let mut gambler = EProcess::new();
        for d in [0.5, -0.25, 0.1] {
            gambler.observe(d, 0.2);
        }
        close(gambler.wealth(), 1.0659, 1e-12);
        let mut noise = Lcg::new(31);
        let (mut wealth, mut rejected) = (0.0, 0);
        for _ in 0..4_000 {
            let mut gambler = EProcess::new();
            for _ in 0..200 {
                gambler.observe(2.0 * noise.uniform() - 1.0, 0.1);
            }
            wealth += gambler.wealth();
            rejected += u32::from(gambler.rejects(0.05));
        }
        assert!(wealth / 4_000.0 < 1.05, "fair games do not pay: {}", wealth / 4_000.0);
        assert!(rejected <= 200, "{rejected} of 4000 at 5 %");
    }

    #[test]
    fn they_are_restored() {
        check_restore(|| Sprt::new(0.75, 0.8, 0.05, 0.2), |m, i| m.observe(i % 4 > 0));
        check_restore(|| MixtureSprt::new(1.0, 0.04), |m, i| m.observe((i * 31 % 17) as f64 - 8.0));
        check_restore(EProcess::new, |m, i| m.observe((i * 31 % 17) as f64 / 8.0 - 1.0, 0.3));
    }

    proptest! {
        #[test]
        fn nothing_breaks_them(
            stream in prop::collection::vec((anything(), anything(), any::<bool>()), 1..60),
            spec in (anything(), anything(), anything(), anything()),
        ) {
            let mut sprt = Sprt::new(spec.0, spec.1, spec.2, spec.3);
            let mut mixture = MixtureSprt::new(spec.0, spec.1);
            let mut gambler = EProcess::new();
            for (x, lambda, success) in stream {
                sprt.observe(success);
                prop_assert!(sprt.log_ratio.is_finite());
                prop_assert!((0.0..=1.0).contains(&mixture.observe(x)));
                prop_assert!(gambler.observe(x, lambda).is_finite());
            }
        }
    }
}
