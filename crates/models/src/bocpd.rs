//! Bayesian online change point detection: the posterior of the run length, the time since the last change.
//!
//! Source: Adams & `MacKay` 2007 (arXiv 0710.3742), normal-inverse-gamma prior, Student-t predictive, constant hazard.
//! Oracle: signals.md 7 #6. Trap: with a constant hazard `P(run = 0)` is the hazard at every step, by construction.
//! Alarm on [`Bocpd::probability_at_most`] or on a drop of [`Bocpd::map_run_length`], never on `P(run = 0)`.
//!
//! Run lengths are truncated: the last cell holds every run of at least `capacity - 1`; its moments forget at the pace
//! of that length. Cells less likely than e^-60 are dropped. One observation costs O(capacity) at most.

use crate::guard::{finite, load_exactly, within};
use market::math::{exp, ln, ln_1p, ln_gamma};
use market::{Reader, State, Torn};

/// Logarithms of probability below this count as impossible.
const NEGLIGIBLE: f64 = -60.0;

/// The prior of a [`Bocpd`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BocpdSpec {
    /// Probability of a change at any step (1e-9 to 0.5): 1 over the expected run length.
    pub hazard: f64,
    /// Mean of a new run before it is seen.
    pub mean: f64,
    /// How many observations that mean is worth (1e-9 to 1e9).
    pub kappa: f64,
    /// Shape of the variance's prior (1e-3 to 1e6).
    pub alpha: f64,
    /// Scale of the variance's prior, in squares of the observations' unit (1e-12 to 1e30).
    pub beta: f64,
    /// How many run lengths are told apart (2 to 65536); 512 is usual.
    pub capacity: usize,
}

/// The run-length posterior.
#[derive(Debug, Clone)]
pub struct Bocpd {
    spec: BocpdSpec,
    /// The part of the predictive density that depends on the run length only.
    normalisers: Vec<f64>,
    /// Logarithm of the probability of each run length.
    log_p: Vec<f64>,
    /// Posterior mean of the level, by run length.
    mean: Vec<f64>,
    /// Posterior scale of the variance, by run length.
    beta: Vec<f64>,
    /// The logarithm of `beta`.
    log_beta: Vec<f64>,
    /// How many run lengths are possible so far.
    live: usize,
    steps: u64,
}

impl Bocpd {
    /// A detector that has seen nothing: the run length is zero. Allocates everything it will ever use.
    pub fn new(spec: &BocpdSpec) -> Self {
        let spec = BocpdSpec {
            hazard: within(spec.hazard, 1e-9, 0.5),
            mean: finite(spec.mean).unwrap_or(0.0),
            kappa: within(spec.kappa, 1e-9, 1e9),
            alpha: within(spec.alpha, 1e-3, 1e6),
            beta: within(spec.beta, 1e-12, 1e30),
            capacity: spec.capacity.clamp(2, 65_536),
        };
        let normaliser = |run: usize| {
            let alpha = spec.alpha + run as f64 * 0.5;
            let kappa = spec.kappa + run as f64;
            ln_gamma(alpha + 0.5) - ln_gamma(alpha) - 0.5 * ln(2.0 * std::f64::consts::PI * (kappa + 1.0) / kappa)
        };
        let mut log_p = vec![f64::NEG_INFINITY; spec.capacity];
        log_p[0] = 0.0;
        Self {
            normalisers: (0..spec.capacity).map(normaliser).collect(),
            log_p,
            mean: vec![spec.mean; spec.capacity],
            beta: vec![spec.beta; spec.capacity],
            log_beta: vec![ln(spec.beta); spec.capacity],
            live: 1,
            steps: 0,
            spec,
        }
    }

    /// Takes an observation and answers with the logarithm of its predictive density; `None` and no change when it is
    /// not finite.
    pub fn observe(&mut self, x: f64) -> Option<f64> {
        let x = finite(x)?;
        for run in 0..self.live {
            if self.log_p[run] > f64::NEG_INFINITY {
                self.log_p[run] += self.take(run, x);
            }
        }
        let largest = self.log_p[..self.live].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Normalised around the largest first, so that an unlikely observation costs no digits.
        self.log_p[..self.live].iter_mut().for_each(|l| *l -= largest);
        let rest = ln(self.log_p[..self.live].iter().map(|l| exp(*l)).sum());
        let survival = ln_1p(-self.spec.hazard) - rest;
        for log_p in &mut self.log_p[..self.live] {
            *log_p = if *log_p + survival > NEGLIGIBLE { *log_p + survival } else { f64::NEG_INFINITY };
        }
        self.grow_older();
        self.steps = self.steps.saturating_add(1);
        Some(largest + rest)
    }

    fn kappa(&self, run: usize) -> f64 {
        self.spec.kappa + run as f64
    }

    fn alpha(&self, run: usize) -> f64 {
        self.spec.alpha + run as f64 * 0.5
    }

    /// Works `x` into the moments of a run and answers with the logarithm of its predictive density before that. With
    /// `beta' = beta + kappa d^2 / (2 (kappa + 1))` the Student-t density is `c beta^alpha / beta'^(alpha + 1/2)`.
    fn take(&mut self, run: usize, x: f64) -> f64 {
        let (kappa, alpha) = (self.kappa(run), self.alpha(run));
        let d = x - self.mean[run];
        self.mean[run] += d / (kappa + 1.0);
        self.beta[run] += kappa * d * d / (2.0 * (kappa + 1.0));
        let before = std::mem::replace(&mut self.log_beta[run], ln(self.beta[run]));
        self.normalisers[run] + alpha * before - (alpha + 0.5) * self.log_beta[run]
    }

    /// Every run is one observation longer, and a new one starts.
    fn grow_older(&mut self) {
        let last = self.spec.capacity - 1;
        let mut moved = self.live;
        if moved > last {
            self.merge_into_last();
            moved = last - 1;
        }
        for cells in [&mut self.log_p, &mut self.mean, &mut self.beta, &mut self.log_beta] {
            cells.copy_within(..moved, 1);
        }
        self.log_p[0] = ln(self.spec.hazard);
        (self.mean[0], self.beta[0], self.log_beta[0]) = (self.spec.mean, self.spec.beta, ln(self.spec.beta));
        self.live = (self.live + 1).min(self.spec.capacity);
    }

    /// The last cell takes in the one before it. Each counts by its probability; the last cell's own moments keep the
    /// weight of their run length, so the variance they stand for is kept while the shape stays where it is.
    fn merge_into_last(&mut self) {
        let last = self.spec.capacity - 1;
        let kept = self.beta[last] * self.alpha(last) / (self.alpha(last) + 0.5);
        let (stayed, grown) = (self.log_p[last], self.log_p[last - 1]);
        let largest = stayed.max(grown);
        let share = if largest > f64::NEG_INFINITY {
            let (a, b) = (exp(stayed - largest), exp(grown - largest));
            self.log_p[last] = largest + ln(a + b);
            a / (a + b)
        } else {
            0.0
        };
        self.mean[last] = share * self.mean[last] + (1.0 - share) * self.mean[last - 1];
        self.beta[last] = share * kept + (1.0 - share) * self.beta[last - 1];
        self.log_beta[last] = ln(self.beta[last]);
    }

    /// Probability of a run length; zero past the capacity.
    pub fn probability(&self, run: usize) -> f64 {
        self.log_p.get(run).map_or(0.0, |l| exp(*l))
    }

    /// Probability that the last change lies at most `run` observations back.
    pub fn probability_at_most(&self, run: usize) -> f64 {
        if run + 1 >= self.live {
            return 1.0;
        }
        within(self.log_p[..=run].iter().map(|l| exp(*l)).sum(), 0.0, 1.0)
    }

    /// The most likely run length, the shortest of equals; at most `capacity - 1`.
    pub fn map_run_length(&self) -> usize {
        (1..self.live).fold(0, |best, run| if self.log_p[run] > self.log_p[best] { run } else { best })
    }

    /// The mean of the level in the most likely run.
    pub fn map_mean(&self) -> f64 {
        self.mean[self.map_run_length()]
    }

    /// How many observations were taken.
    pub const fn steps(&self) -> u64 {
        self.steps
    }
}

impl State for Bocpd {
    fn save(&self, out: &mut Vec<u8>) {
        self.log_p.save(out);
        self.mean.save(out);
        self.beta.save(out);
        self.live.save(out);
        self.steps.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        load_exactly(&mut self.log_p, from)?;
        load_exactly(&mut self.mean, from)?;
        load_exactly(&mut self.beta, from)?;
        for (log, beta) in self.log_beta.iter_mut().zip(&self.beta) {
            *log = ln(*beta);
        }
        self.live.load(from)?;
        self.steps.load(from)?;
        if (1..=self.spec.capacity).contains(&self.live) { Ok(()) } else { Err(Torn) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{anything, check_restore, close};
    use market::math::sin;
    use proptest::prelude::*;

    const SPEC: BocpdSpec = BocpdSpec { hazard: 0.01, mean: 0.0, kappa: 1.0, alpha: 1.0, beta: 1.0, capacity: 512 };

    fn oracle_stream(i: usize) -> f64 {
        if i < 40 { 0.5 * sin(1.7 * i as f64) } else { 3.0 + 0.5 * sin(1.7 * (i - 40) as f64) }
    }

    #[test]
    fn oracle_6() {
        let mut bocpd = Bocpd::new(&SPEC);
        let mut runs = Vec::new();
        for i in 0..60 {
            bocpd.observe(oracle_stream(i));
            runs.push(bocpd.map_run_length());
            close(bocpd.probability(0), 0.01, 1e-12);
            if i == 9 {
                close(bocpd.probability(10), 0.970_42, 5e-6);
            }
        }
        assert_eq!((runs[9], runs[39]), (10, 40));
        assert_eq!(runs[40..43], [1, 2, 3]);
        assert_eq!(runs[59], 20);
        close(bocpd.probability(20), 0.985_168, 5e-7);
        assert!(bocpd.probability_at_most(20) > 0.98 && bocpd.probability_at_most(19) < 0.03);
    }

    /// The recursion with probabilities instead of logarithms, every run from its own observations, nothing truncated.
    fn by_hand(xs: &[f64]) -> Vec<f64> {
        let predictive = |run: &[f64], x: f64| {
            let (mut mean, mut kappa, mut alpha, mut beta) = (0.0, 1.0, 1.0, 1.0);
            for y in run {
                beta += kappa * (y - mean) * (y - mean) / (2.0 * (kappa + 1.0));
                mean = (kappa * mean + y) / (kappa + 1.0);
                kappa += 1.0;
                alpha += 0.5;
            }
            let scale = beta * (kappa + 1.0) / (alpha * kappa);
            let t = (x - mean) * (x - mean) / scale;
            exp(ln_gamma(alpha + 0.5) - ln_gamma(alpha) - (alpha + 0.5) * ln(1.0 + t / (2.0 * alpha)))
                / (2.0 * alpha * std::f64::consts::PI * scale).sqrt()
        };
        let mut p = vec![1.0];
        for (t, x) in xs.iter().enumerate() {
            let joint: Vec<f64> = p.iter().enumerate().map(|(r, p)| p * predictive(&xs[t - r..t], *x)).collect();
            let total: f64 = joint.iter().sum();
            p = std::iter::once(0.01).chain(joint.iter().map(|j| j / total * 0.99)).collect();
        }
        p
    }

    #[test]
    fn it_agrees_with_the_recursion_by_hand() {
        let xs: Vec<f64> = (0..60).map(oracle_stream).collect();
        let mut bocpd = Bocpd::new(&SPEC);
        for x in &xs {
            bocpd.observe(*x);
        }
        for (run, p) in by_hand(&xs).into_iter().enumerate() {
            close(bocpd.probability(run), p, 1e-9);
        }
    }

    #[test]
    fn truncated_it_still_sees_the_change_and_keeps_its_mass() {
        let mut bocpd = Bocpd::new(&BocpdSpec { capacity: 16, ..SPEC });
        let mut wide = Bocpd::new(&SPEC);
        for i in 0..300 {
            let x = 2.0 + 0.5 * sin(1.7 * f64::from(i));
            bocpd.observe(x);
            wide.observe(x);
        }
        assert_eq!(bocpd.map_run_length(), 15);
        close(bocpd.map_mean(), wide.map_mean(), 0.1);
        close(bocpd.probability(15), wide.log_p[15..].iter().map(|l| exp(*l)).sum(), 0.02);
        bocpd.observe(9.0);
        bocpd.observe(9.1);
        assert_eq!(bocpd.map_run_length(), 2);
        assert!(bocpd.probability_at_most(2) > 0.9);
    }

    #[test]
    fn it_is_restored() {
        check_restore(|| Bocpd::new(&BocpdSpec { capacity: 32, ..SPEC }), |m, i| m.observe(oracle_stream(i % 90)));
        let mut other = Bocpd::new(&BocpdSpec { capacity: 33, ..SPEC });
        let saved = crate::testing::bytes(&Bocpd::new(&SPEC));
        assert_eq!(other.load(&mut Reader::new(&saved)), Err(Torn));
    }

    proptest! {
        #[test]
        fn the_mass_is_one(
            stream in prop::collection::vec(anything(), 1..80),
            spec in (anything(), anything(), anything(), anything(), anything()),
            capacity in 0..40_usize,
        ) {
            let mut bocpd = Bocpd::new(&BocpdSpec {
                hazard: spec.0, mean: spec.1, kappa: spec.2, alpha: spec.3, beta: spec.4, capacity,
            });
            for x in stream {
                prop_assert!(bocpd.observe(x).is_none_or(f64::is_finite));
                let total: f64 = (0..bocpd.live).map(|r| bocpd.probability(r)).sum();
                prop_assert!((total - 1.0).abs() < 1e-9, "{total}");
                prop_assert!(bocpd.map_mean().is_finite());
            }
        }
    }
}
