//! Which of three regimes we are in: a Gaussian hidden Markov model with diagonal covariance, forward filter only.
//!
//! Filter: Hamilton 1989. Moments may adapt by stepwise expectation-maximisation (Cappe & Moulines 2009), anchored to the
//! spec by a prior and held within bands around it, so that a regime keeps the meaning it was given. Feed it at a steady cadence: one call, one step.

use crate::guard::{all_finite, sized_state, within};
use market::math::{exp, ln, sqrt};

/// How many regimes there are.
pub const STATES: usize = 3;

/// No transition or start is less likely than this, so that no observation is impossible.
const RAREST: f64 = 1e-9;
/// The moments of the spec count as much as this share of the remembered steps: a regime that is not visited comes home,
/// and one that is visited always is drawn back by a twentieth.
const ANCHOR: f64 = 0.05;
/// An observation teaches as if it lay at most this many standard deviations from the mean.
const FARTHEST: f64 = 8.0;

/// The numbers of an [`Hmm`] on `D` observed dimensions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HmmSpec<const D: usize> {
    /// Probability of each regime at the first observation; need not be normalised.
    pub initial: [f64; STATES],
    /// Probability of each regime (column) after each regime (row), per step; rows need not be normalised.
    pub transition: [[f64; STATES]; STATES],
    /// Mean of each dimension in each regime.
    pub mean: [[f64; D]; STATES],
    /// Variance of each dimension in each regime (1e-12 to 1e30).
    pub variance: [[f64; D]; STATES],
    /// How the moments follow the stream.
    pub adaptation: Adaptation,
}

/// How far and how fast the moments of a regime follow the stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Adaptation {
    /// The moments stay as the spec has them.
    Fixed,
    /// Stepwise expectation-maximisation.
    Stepwise {
        /// The weight of the newest step (0 to 0.5): 1 over the steps that are remembered.
        rate: f64,
        /// A mean stays within this many of the spec's standard deviations of the spec's mean (0 to 100).
        mean_band: f64,
        /// A variance stays within this factor of the spec's (1 to 1e4).
        variance_band: f64,
    },
}

/// The filter: `posterior' ~ (posterior x transition) * density`.
#[derive(Debug, Clone)]
pub struct Hmm<const D: usize> {
    spec: HmmSpec<D>,
    posterior: [f64; STATES],
    steps: u64,
    mean: [[f64; D]; STATES],
    variance: [[f64; D]; STATES],
    /// Decayed share of the steps spent in each regime.
    occupancy: [f64; STATES],
}

sized_state!(Hmm<D> { posterior, steps, mean, variance, occupancy });

impl<const D: usize> Hmm<D> {
    /// A filter that has seen nothing; its posterior is the initial distribution.
    pub fn new(spec: &HmmSpec<D>) -> Self {
        let mut spec = *spec;
        spec.initial = distribution(spec.initial);
        spec.transition = spec.transition.map(distribution);
        spec.mean = spec.mean.map(|row| row.map(|m| within(m, -1e30, 1e30)));
        spec.variance = spec.variance.map(|row| row.map(|v| within(v, 1e-12, 1e30)));
        if let Adaptation::Stepwise { rate, mean_band, variance_band } = &mut spec.adaptation {
            *rate = within(*rate, 0.0, 0.5);
            *mean_band = within(*mean_band, 0.0, 100.0);
            *variance_band = within(*variance_band, 1.0, 1e4);
        }
        Self {
            posterior: spec.initial,
            steps: 0,
            mean: spec.mean,
            variance: spec.variance,
            occupancy: [1.0 / STATES as f64; STATES],
            spec,
        }
    }

    /// Takes one step's observation and answers with the logarithm of its predictive density; `None` and no change
    /// when a dimension is not finite.
    pub fn observe(&mut self, x: &[f64; D]) -> Option<f64> {
        let x = all_finite(x)?;
        let prior = self.forecast();
        let joint: [f64; STATES] = std::array::from_fn(|k| ln(prior[k]) + self.log_density(k, &x));
        let largest = joint.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights = joint.map(|l| exp(l - largest));
        let total: f64 = weights.iter().sum();
        self.posterior = weights.map(|w| w / total);
        self.steps = self.steps.saturating_add(1);
        match self.spec.adaptation {
            Adaptation::Fixed => {}
            Adaptation::Stepwise { rate, mean_band, variance_band } => {
                (0..STATES).for_each(|k| self.adapt(k, &x, rate, (mean_band, variance_band)));
            }
        }
        Some(largest + ln(total))
    }

    /// Probability of each regime at the next observation, before it is seen.
    pub fn forecast(&self) -> [f64; STATES] {
        if self.steps == 0 {
            return self.posterior;
        }
        std::array::from_fn(|to| (0..STATES).map(|from| self.posterior[from] * self.spec.transition[from][to]).sum())
    }

    fn log_density(&self, k: usize, x: &[f64; D]) -> f64 {
        let one =
            |(x, (m, v)): (&f64, (&f64, &f64))| -0.5 * (ln(2.0 * std::f64::consts::PI * v) + (x - m) * (x - m) / v);
        x.iter().zip(self.mean[k].iter().zip(&self.variance[k])).map(one).sum()
    }

    fn adapt(&mut self, k: usize, x: &[f64; D], rate: f64, (mean_band, variance_band): (f64, f64)) {
        let share = rate * self.posterior[k];
        self.occupancy[k] = (1.0 - rate) * self.occupancy[k] + share;
        let gain = share / (self.occupancy[k] + ANCHOR);
        let pull = rate * ANCHOR / (self.occupancy[k] + ANCHOR);
        for (d, x) in x.iter().enumerate() {
            let (home, spread) = (self.spec.mean[k][d], self.spec.variance[k][d]);
            let (mean, variance) = (self.mean[k][d], self.variance[k][d]);
            let far = FARTHEST * sqrt(variance);
            let residual = (x - mean).clamp(-far, far);
            let band = mean_band * sqrt(spread);
            let moved = mean + gain * residual + pull * (home - mean);
            let moved = moved.clamp(home - band, home + band);
            let square = residual * (mean + residual - moved);
            let variance = variance + gain * (square - variance) + pull * (spread - variance);
            self.mean[k][d] = moved;
            self.variance[k][d] = within(variance, spread / variance_band, spread * variance_band);
        }
    }

    /// Probability of each regime now; sums to one.
    pub const fn posterior(&self) -> &[f64; STATES] {
        &self.posterior
    }

    /// The regime that is most likely now, the first of equals.
    pub fn most_likely(&self) -> usize {
        (1..STATES).fold(0, |best, k| if self.posterior[k] > self.posterior[best] { k } else { best })
    }

    /// The means of a regime as they are now; `None` past the last regime.
    pub fn mean(&self, regime: usize) -> Option<&[f64; D]> {
        self.mean.get(regime)
    }

    /// The variances of a regime as they are now; `None` past the last regime.
    pub fn variance(&self, regime: usize) -> Option<&[f64; D]> {
        self.variance.get(regime)
    }

    /// How many observations were taken.
    pub const fn steps(&self) -> u64 {
        self.steps
    }
}

fn distribution(weights: [f64; STATES]) -> [f64; STATES] {
    let weights = weights.map(|w| within(w, 0.0, 1e30));
    let total = weights.iter().sum::<f64>().max(1e-300);
    let weights = weights.map(|w| (w / total).max(RAREST));
    let total: f64 = weights.iter().sum();
    weights.map(|w| w / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, check_restore, close};
    use proptest::prelude::*;

    fn spec(adaptation: Adaptation) -> HmmSpec<2> {
        HmmSpec {
            initial: [0.5, 0.3, 0.2],
            transition: [[0.95, 0.04, 0.01], [0.03, 0.95, 0.02], [0.01, 0.04, 0.95]],
            mean: [[-1.0, 0.0], [0.0, 1.0], [2.0, 2.0]],
            variance: [[0.5, 1.0], [0.5, 1.0], [1.0, 0.25]],
            adaptation,
        }
    }

    const STEPWISE: Adaptation = Adaptation::Stepwise { rate: 0.01, mean_band: 3.0, variance_band: 10.0 };

    fn density(spec: &HmmSpec<2>, k: usize, x: [f64; 2]) -> f64 {
        (0..2)
            .map(|d| {
                let (m, v) = (spec.mean[k][d], spec.variance[k][d]);
                exp(-0.5 * (x[d] - m) * (x[d] - m) / v) / (2.0 * std::f64::consts::PI * v).sqrt()
            })
            .product()
    }

    #[test]
    fn it_agrees_with_the_sum_over_all_paths() {
        let spec = spec(Adaptation::Fixed);
        let mut noise = Lcg::new(3);
        let xs: Vec<[f64; 2]> = (0..6).map(|_| [noise.normal(), noise.normal()]).collect();
        let mut by_last = [0.0; STATES];
        for path in 0..STATES.pow(6) {
            let state = |t: u32| path / STATES.pow(t) % STATES;
            let mut p = spec.initial[state(0)] * density(&spec, state(0), xs[0]);
            for t in 1..6 {
                p *= spec.transition[state(t - 1)][state(t)] * density(&spec, state(t), xs[t as usize]);
            }
            by_last[state(5)] += p;
        }
        let evidence: f64 = by_last.iter().sum();
        let mut hmm = Hmm::new(&spec);
        let log_evidence: f64 = xs.iter().map(|x| hmm.observe(x).unwrap()).sum();
        close(log_evidence, ln(evidence), 1e-9);
        for (k, p) in by_last.iter().enumerate() {
            close(hmm.posterior()[k], p / evidence, 1e-9);
        }
    }

    /// A hundred steps of each regime in turn; regime 2 has moved from 2.0 to 2.6.
    fn steps(noise: &mut Lcg, hmm: &mut Hmm<2>, steps: usize) -> usize {
        let spec = spec(STEPWISE);
        let step = |t: usize| {
            let k = t / 100 % STATES;
            let shift = if k == 2 { 0.6 } else { 0.0 };
            let x: [f64; 2] = std::array::from_fn(|d| spec.mean[k][d] + spec.variance[k][d].sqrt() * noise.normal());
            hmm.observe(&[x[0] + shift, x[1]]);
            usize::from(hmm.most_likely() == k)
        };
        (0..steps).map(step).sum()
    }

    #[test]
    fn stepwise_moments_follow_a_shifted_regime() {
        let (mut noise, mut hmm) = (Lcg::new(11), Hmm::new(&spec(STEPWISE)));
        steps(&mut noise, &mut hmm, 6_000);
        let right = steps(&mut noise, &mut hmm, 3_000);
        assert!(right > 2_700, "{right} of 3000 regimes named right");
        close(hmm.mean(2).unwrap()[0], 2.6, 0.25);
        close(hmm.mean(0).unwrap()[0], -1.0, 0.3);
        close(hmm.variance(2).unwrap()[1], 0.25, 0.1);
    }

    #[test]
    fn a_hostile_stream_cannot_carry_the_regimes_away() {
        let (mut noise, mut hmm) = (Lcg::new(12), Hmm::new(&spec(STEPWISE)));
        for i in 0..3_000 {
            hmm.observe(&[1e9, if i % 2 == 0 { -1e9 } else { 1e9 }]);
        }
        for k in 0..STATES {
            let (home, mean, variance) = (spec(STEPWISE), hmm.mean(k).unwrap(), hmm.variance(k).unwrap());
            let band = 3.0 * home.variance[k][0].sqrt() + 1e-12;
            assert!((mean[0] - home.mean[k][0]).abs() <= band);
            assert!(variance[1] <= 10.0 * home.variance[k][1]);
        }
        steps(&mut noise, &mut hmm, 3_000);
        let right = steps(&mut noise, &mut hmm, 3_000);
        assert!(right > 2_700, "{right} of 3000 regimes named right after the storm");
    }

    #[test]
    fn it_is_restored() {
        let step = |m: &mut Hmm<2>, i: usize| m.observe(&[((i * 31) % 17) as f64 / 5.0, ((i * 7) % 5) as f64]);
        check_restore(|| Hmm::new(&spec(STEPWISE)), step);
    }

    fn row() -> impl Strategy<Value = [f64; 3]> {
        [anything(), anything(), anything()]
    }

    proptest! {
        #[test]
        fn the_posterior_sums_to_one(
            stream in prop::collection::vec([anything(), anything()], 1..60),
            (initial, from, means, variances) in (row(), [row(), row(), row()], row(), row()),
            (rate, mean_band, variance_band) in (anything(), anything(), anything()),
        ) {
            let mut hmm = Hmm::new(&HmmSpec {
                initial,
                transition: from,
                mean: means.map(|m| [m, -m]),
                variance: variances.map(|v| [v, 1.0]),
                adaptation: Adaptation::Stepwise { rate, mean_band, variance_band },
            });
            for x in stream {
                prop_assert!(hmm.observe(&x).is_none_or(f64::is_finite));
                prop_assert!((hmm.posterior().iter().sum::<f64>() - 1.0).abs() < 1e-12);
                prop_assert!(hmm.posterior().iter().all(|p| (0.0..=1.0).contains(p)));
                prop_assert!((hmm.forecast().iter().sum::<f64>() - 1.0).abs() < 1e-12);
                let moments = hmm.mean.iter().chain(&hmm.variance).flatten();
                prop_assert!(moments.copied().all(f64::is_finite));
            }
        }
    }
}
