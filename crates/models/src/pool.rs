//! Several opinions into one probability: the logarithmic opinion pool.
//!
//! `logit p = sum w_i logit p_i` (Genest & Zidek 1986); extremised by a factor on the sum (Satopaa et al. 2014). Centred
//! on the null: `logit p = logit p0 + beta sum w_i c_i (logit p_i - logit p0)`, signals.md 6.2. Oracle: signals.md 7 #24.

use crate::guard::{probability, within};
use market::math::{logit, sigmoid};

/// Opinions are clipped to this and its complement before they are pooled.
pub const CLIP: f64 = 0.02;

/// The log pool of probabilities with weights, times `beta` (1 for the plain pool; above 1 extremises). Weights are
/// taken as they are. `None` when the lists differ in length or a number is not finite.
pub fn log_pool(probabilities: &[f64], weights: &[f64], beta: f64) -> Option<f64> {
    if probabilities.len() != weights.len() {
        return None;
    }
    let sum: f64 = probabilities.iter().zip(weights).map(|(p, w)| w * clipped_logit(*p)).sum();
    let log_odds = beta * sum;
    log_odds.is_finite().then(|| probability(sigmoid(log_odds)))
}

/// What an awake agent says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opinion {
    /// Its probability.
    pub probability: f64,
    /// Its weight, before it is renormalised over the awake; from 0.
    pub weight: f64,
    /// How sure it is, 0 to 1: what its distance from the null counts.
    pub confidence: f64,
}

/// What a pool of `N` agents says, with everything that went into it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pooled<const N: usize> {
    /// The pooled probability, inside (0, 1).
    pub probability: f64,
    /// Its log-odds: those of the null plus the contributions, in order.
    pub log_odds: f64,
    /// The log-odds of the null.
    pub null_log_odds: f64,
    /// `L`: the weighted distance from the null in log-odds, before `beta`.
    pub shift: f64,
    /// What each agent adds to the log-odds, `beta w c (logit p - logit p0)`; zero for those who abstain.
    pub contributions: [f64; N],
    /// The weights after renormalisation over the awake; they sum to one, or to zero when nobody is awake.
    pub weights: [f64; N],
}

/// The centred pool of 6.2. The null is `p0`, not one half: without opinions the answer is the null. `None` is an
/// abstention, and so is an opinion with a number that is not finite. `beta` is clipped to 0.5 and 2.
pub fn centred_pool<const N: usize>(p0: f64, opinions: &[Option<Opinion>; N], beta: f64) -> Pooled<N> {
    let beta = if beta.is_nan() { 1.0 } else { beta.clamp(0.5, 2.0) };
    let sound = |o: &Opinion| o.probability.is_finite() && o.weight.is_finite() && o.confidence.is_finite();
    let awake = opinions.map(|opinion| opinion.filter(sound));
    let weight = |opinion: &Option<Opinion>| opinion.map_or(0.0, |o| o.weight.clamp(0.0, 1e30));
    let total: f64 = awake.iter().map(weight).sum();
    let weights = std::array::from_fn(|i| if total > 0.0 { weight(&awake[i]) / total } else { 0.0 });
    let null_log_odds = logit(probability(p0));
    // Clipped like the opinions, so that an agent that repeats the null adds nothing.
    let centre = clipped_logit(p0);
    let distances: [f64; N] = std::array::from_fn(|i| {
        awake[i].map_or(0.0, |o| weights[i] * o.confidence.clamp(0.0, 1.0) * (clipped_logit(o.probability) - centre))
    });
    let contributions = distances.map(|distance| beta * distance);
    let log_odds = contributions.iter().fold(null_log_odds, |sum, c| sum + c);
    Pooled {
        probability: probability(sigmoid(log_odds)),
        log_odds,
        null_log_odds,
        shift: distances.iter().sum(),
        contributions,
        weights,
    }
}

/// The log-odds of a probability that was clipped to [0.02, 0.98]; NaN counts as 0.02.
pub fn clipped_logit(p: f64) -> f64 {
    logit(within(p, CLIP, 1.0 - CLIP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{anything, close};
    use proptest::prelude::*;

    const P: [f64; 3] = [0.6, 0.55, 0.48];
    const W: [f64; 3] = [0.5, 0.3, 0.2];

    fn opinions() -> [Option<Opinion>; 3] {
        std::array::from_fn(|i| Some(Opinion { probability: P[i], weight: W[i], confidence: 1.0 }))
    }

    #[test]
    fn oracle_24() {
        close(log_pool(&P, &W, 1.0).unwrap(), 0.561_419_548_9, 1e-10);
        close(log_pool(&P, &W, 1.3).unwrap(), 0.579_568_619_7, 1e-10);
        close(centred_pool(0.5, &opinions(), 1.0).probability, 0.561_419_548_9, 1e-10);
        close(centred_pool(0.5, &opinions(), 1.3).probability, 0.579_568_619_7, 1e-10);
    }

    #[test]
    fn without_opinions_the_answer_is_the_null() {
        let none = centred_pool(0.78, &[None::<Opinion>; 3], 1.0);
        close(none.probability, 0.78, 1e-15);
        assert_eq!((none.shift, none.weights), (0.0, [0.0; 3]));
        let unsure = opinions().map(|o| o.map(|o| Opinion { confidence: 0.0, ..o }));
        close(centred_pool(0.78, &unsure, 1.0).probability, 0.78, 1e-15);
        let repeats = opinions().map(|o| o.map(|o| Opinion { probability: 0.99, ..o }));
        close(centred_pool(0.99, &repeats, 1.0).probability, 0.99, 1e-15);
    }

    #[test]
    fn weights_are_renormalised_over_the_awake() {
        let mut some = opinions();
        some[1] = None;
        let pooled = centred_pool(0.5, &some, 1.0);
        close(pooled.weights[0], 0.5 / 0.7, 1e-15);
        close(pooled.log_odds, (0.5 * logit(0.6) + 0.2 * logit(0.48)) / 0.7, 1e-15);
        assert_eq!(pooled.contributions[1], 0.0);
    }

    #[test]
    fn lists_of_different_lengths_have_no_pool() {
        assert_eq!(log_pool(&P, &W[..2], 1.0), None);
        assert_eq!(log_pool(&P, &[0.5, f64::NAN, 0.5], 1.0), None);
    }

    proptest! {
        #[test]
        fn it_is_a_probability_and_its_contributions_add_up(
            p0 in anything(),
            beta in anything(),
            parts in prop::array::uniform4(prop::option::of((anything(), anything(), anything()))),
        ) {
            let opinions = parts.map(|part| {
                part.map(|(probability, weight, confidence)| Opinion { probability, weight, confidence })
            });
            let pooled = centred_pool(p0, &opinions, beta);
            prop_assert!(pooled.probability > 0.0 && pooled.probability < 1.0);
            let total: f64 = pooled.weights.iter().sum();
            prop_assert!(total == 0.0 || (total - 1.0).abs() < 1e-12);
            let sum: f64 = pooled.contributions.iter().sum();
            prop_assert!((pooled.null_log_odds + sum - pooled.log_odds).abs() < 1e-9);
        }

        #[test]
        fn equal_opinions_pool_to_themselves(p in 0.02..0.98_f64, w in prop::array::uniform3(0.01..1.0_f64)) {
            let opinions = w.map(|weight| Some(Opinion { probability: p, weight, confidence: 1.0 }));
            prop_assert!((centred_pool(0.5, &opinions, 1.0).probability - p).abs() < 1e-12);
        }
    }
}
