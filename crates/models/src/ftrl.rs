//! Online logistic regression by FTRL-Proximal (`McMahan` et al. 2013, Ad Click Prediction, algorithm 1).
//!
//! Oracle: signals.md 7 #26, river 0.26.1 `LogisticRegression(FTRLProximal)` without intercept. As in river, `learn`
//! first works the sums of the labels before into the weights, then adds the new gradient, taken at the weights that
//! the prediction saw: the weights run one label behind the sums. A bias is an input that is always one.

use crate::guard::{LARGEST, probability, sized_state, within};
use market::math::{sigmoid, sqrt};

/// How fast and how sparsely an [`Ftrl`] learns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FtrlSpec {
    /// Learning rate, 1e-6 to 100; the step of an input is `alpha / (beta + sqrt(sum of its squared gradients))`.
    pub alpha: f64,
    /// Smooths the first steps, 1e-6 to 1e6; 1 is usual.
    pub beta: f64,
    /// Lasso strength, 0 to 1e6: inputs with a weaker sum of gradients have weight zero.
    pub l1: f64,
    /// Ridge strength, 0 to 1e6.
    pub l2: f64,
}

/// A logistic regression on `N` inputs. An input that is not finite counts as zero, that is, as absent.
#[derive(Debug, Clone)]
pub struct Ftrl<const N: usize> {
    spec: FtrlSpec,
    /// Sums of gradients, less the part that the proximal steps account for.
    z: [f64; N],
    /// Sums of squared gradients.
    n: [f64; N],
    weights: [f64; N],
    learned: u64,
}

sized_state!(Ftrl<N> { z, n, weights, learned });

impl<const N: usize> Ftrl<N> {
    /// A model that says one half.
    pub fn new(spec: &FtrlSpec) -> Self {
        let spec = FtrlSpec {
            alpha: within(spec.alpha, 1e-6, 100.0),
            beta: within(spec.beta, 1e-6, 1e6),
            l1: within(spec.l1, 0.0, 1e6),
            l2: within(spec.l2, 0.0, 1e6),
        };
        Self { spec, z: [0.0; N], n: [0.0; N], weights: [0.0; N], learned: 0 }
    }

    /// Probability of the label `true`, inside (0, 1).
    pub fn predict(&self, inputs: &[f64; N]) -> f64 {
        probability(sigmoid(self.log_odds(inputs)))
    }

    /// Log-odds of the label `true`: exactly the sum of the contributions, in order.
    pub fn log_odds(&self, inputs: &[f64; N]) -> f64 {
        self.contributions(inputs).iter().sum()
    }

    /// What each input adds to the log-odds: `w_i x_i`.
    pub fn contributions(&self, inputs: &[f64; N]) -> [f64; N] {
        std::array::from_fn(|i| self.weights[i] * usable(inputs[i]))
    }

    /// Learns one label with a sample weight (0 to 1e6; one that is not finite or not positive teaches nothing).
    /// Answers with the probability that was predicted for these inputs before learning.
    pub fn learn(&mut self, inputs: &[f64; N], label: bool, sample_weight: f64) -> f64 {
        let predicted = self.predict(inputs);
        if !sample_weight.is_finite() || sample_weight <= 0.0 {
            return predicted;
        }
        let error = (predicted - f64::from(u8::from(label))) * sample_weight.min(1e6);
        for (i, input) in inputs.iter().enumerate() {
            self.weights[i] = self.proximal(i);
            let gradient = error * usable(*input);
            let squares = self.n[i] + gradient * gradient;
            let step = (sqrt(squares) - sqrt(self.n[i])) / self.spec.alpha;
            self.z[i] += gradient - step * self.weights[i];
            self.n[i] = squares;
        }
        self.learned = self.learned.saturating_add(1);
        predicted
    }

    fn proximal(&self, i: usize) -> f64 {
        let FtrlSpec { alpha, beta, l1, l2 } = self.spec;
        let z = self.z[i];
        if z.abs() <= l1 { 0.0 } else { -(z - z.signum() * l1) / ((beta + sqrt(self.n[i])) / alpha + l2) }
    }

    /// The weights that predictions use now.
    pub const fn weights(&self) -> &[f64; N] {
        &self.weights
    }

    /// How many labels were learned.
    pub const fn learned(&self) -> u64 {
        self.learned
    }
}

fn usable(x: f64) -> f64 {
    if x.is_finite() { x.clamp(-LARGEST, LARGEST) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, check_restore, close};
    use market::math::{cos, sin};
    use proptest::prelude::*;

    const SPEC: FtrlSpec = FtrlSpec { alpha: 0.1, beta: 1.0, l1: 0.0, l2: 1.0 };

    fn example(k: usize) -> ([f64; 3], bool) {
        let t = k as f64;
        let inputs = [sin(0.1 * t), cos(0.37 * t), ((7 * k % 5) as f64 - 2.0) / 2.0];
        (inputs, 1.5 * inputs[0] - inputs[1] > 0.0)
    }

    #[test]
    fn oracle_26() {
        let mut model = Ftrl::<3>::new(&SPEC);
        let mut last = 0.0;
        for k in 0..200 {
            let (inputs, label) = example(k);
            last = model.learn(&inputs, label, 1.0);
        }
        close(last, 0.744_654_374_726_757_1, 1e-9);
        close(model.weights()[0], 1.131_666_803_7, 1e-9);
        close(model.weights()[1], -0.515_521_843_1, 1e-9);
        close(model.weights()[2], -0.019_857_139_8, 1e-9);
        let (inputs, _) = example(17);
        assert_eq!(model.contributions(&inputs).iter().sum::<f64>(), model.log_odds(&inputs));
    }

    #[test]
    fn a_whole_sample_weight_scales_the_gradient() {
        let (mut weighted, mut scaled) = (Ftrl::<2>::new(&SPEC), Ftrl::<2>::new(&SPEC));
        weighted.learn(&[1.0, -2.0], true, 3.0);
        scaled.learn(&[3.0, -6.0], true, 1.0);
        assert_eq!(weighted.z, scaled.z);
        weighted.learn(&[1.0, 1.0], true, 0.0);
        weighted.learn(&[1.0, 1.0], true, f64::NAN);
        assert_eq!(weighted.learned(), 1);
    }

    #[test]
    fn lasso_silences_an_input_of_noise() {
        let mut model = Ftrl::<2>::new(&FtrlSpec { l1: 15.0, ..SPEC });
        let mut noise = Lcg::new(7);
        for _ in 0..400 {
            let inputs = [noise.normal(), noise.normal()];
            model.learn(&inputs, inputs[0] > 0.0, 1.0);
        }
        assert!(model.weights()[0] > 0.1, "{:?}", model.weights());
        assert_eq!(model.weights()[1], 0.0);
    }

    #[test]
    fn it_is_restored() {
        check_restore(
            || Ftrl::<3>::new(&SPEC),
            |model, i| {
                let (inputs, label) = example(i);
                model.learn(&inputs, label, 1.0);
            },
        );
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(
            stream in prop::collection::vec((anything(), anything(), any::<bool>(), anything()), 1..60),
            spec in (anything(), anything(), anything(), anything()),
        ) {
            let spec = FtrlSpec { alpha: spec.0, beta: spec.1, l1: spec.2, l2: spec.3 };
            let mut model = Ftrl::<3>::new(&spec);
            for (a, b, label, weight) in stream {
                let p = model.learn(&[a, b, 1.0], label, weight);
                prop_assert!(p > 0.0 && p < 1.0);
                prop_assert!(model.weights().iter().chain(&model.z).chain(&model.n).all(|w| w.is_finite()));
            }
        }
    }
}
