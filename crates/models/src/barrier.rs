//! The win rate of a bracket in closed form: which barrier does a price touch first?
//!
//! Source: signals.md 2.1. Long: buy at the ask, exit at the bid, so with target `a`, stop `S` (both from the fill) and
//! spread `c` the mid must rise `U = a + c` before it falls `D = S - c`. With drift `mu`, volatility `sigma` and
//! `theta = 2 mu / sigma^2`: `p = (1 - e^{theta D}) / (e^{-theta U} - e^{theta D})`, and `D / (U + D)` without drift.
//! Oracle: signals.md 7 #32. All distances in one unit (points), drift and volatility per the same time.

use crate::guard::{probability, within};
use market::math::{exp, exp_m1};

/// Probability, inside (0, 1), that a price with drift `mu` and volatility `sigma` rises `up` before it falls `down`.
/// `None` when a number is not finite, or `up`, `down` or `sigma` is not positive.
pub fn hit_probability(up: f64, down: f64, mu: f64, sigma: f64) -> Option<f64> {
    let positive = |x: f64| x.is_finite() && x > 0.0;
    if !(positive(up) && positive(down) && positive(sigma) && mu.is_finite()) {
        return None;
    }
    Some(probability(passages(up, down, theta(mu, sigma))[0]))
}

/// `2 mu / sigma^2`, divided twice because the square of sigma may vanish.
fn theta(mu: f64, sigma: f64) -> f64 {
    within(2.0 * mu / sigma / sigma, -1e300, 1e300)
}

/// The formula of 2.1 for theta and for minus theta, written with the sign of theta so that no exponential overflows.
fn passages(up: f64, down: f64, theta: f64) -> [f64; 2] {
    // Halves, so that the sum of two huge distances stays finite.
    let whole = 0.5 * up + 0.5 * down;
    let driftless = 0.5 * down / whole;
    let rate = theta.abs();
    let (reach, width) = (rate * down, 2.0 * rate * whole);
    if width < 1e-9 {
        // The first two terms of the series in theta; the next is smaller than 1e-18.
        return [theta, -theta].map(|theta| driftless * (1.0 + 0.5 * theta * up));
    }
    let with = exp_m1(-reach) / exp_m1(-width);
    let against = with * exp(-(rate * up));
    if theta > 0.0 { [with, against] } else { [against, with] }
}

/// Gauss-Hermite quadrature with five nodes (Abramowitz & Stegun 25.4.46), for a standard normal variable: node, weight.
const NODES: [(f64, f64); 5] = [
    (-2.856_970_013_872_806, 0.011_257_411_327_720_69),
    (-1.355_626_179_974_266, 0.222_075_922_005_612_65),
    (0.0, 0.533_333_333_333_333_3),
    (1.355_626_179_974_266, 0.222_075_922_005_612_65),
    (2.856_970_013_872_806, 0.011_257_411_327_720_69),
];

/// What is known of a drift: its mean and its standard deviation, in points per unit of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftBelief {
    /// Mean of the drift.
    pub mean: f64,
    /// Standard deviation of the drift, from 0.
    pub deviation: f64,
}

/// [`hit_probability`] averaged over a normal drift, by Gauss-Hermite quadrature with five nodes. `None` as there, or when
/// the deviation is negative or not finite.
pub fn hit_probability_averaged(up: f64, down: f64, drift: DriftBelief, sigma: f64) -> Option<f64> {
    if !(drift.deviation.is_finite() && drift.deviation >= 0.0) {
        return None;
    }
    let mut sum = 0.0;
    for (node, weight) in NODES {
        sum += weight * hit_probability(up, down, drift.mean + node * drift.deviation, sigma)?;
    }
    Some(probability(sum))
}

/// [`hit_probability_averaged`] of a drift and of its mirror image, whose mean has the other sign: the same bits as two
/// calls, at little more than the cost of one, because a node of the one is a node of the other turned around.
pub fn hit_probabilities_averaged(up: f64, down: f64, drift: DriftBelief, sigma: f64) -> Option<[f64; 2]> {
    let positive = |x: f64| x.is_finite() && x > 0.0;
    let spread = drift.deviation.is_finite() && drift.deviation >= 0.0;
    if !(positive(up) && positive(down) && positive(sigma) && spread) {
        return None;
    }
    let mut each = [[0.0; 2]; NODES.len()];
    for (pair, (node, _)) in each.iter_mut().zip(NODES) {
        let mu = drift.mean + node * drift.deviation;
        if !mu.is_finite() {
            return None;
        }
        *pair = passages(up, down, theta(mu, sigma)).map(probability);
    }
    let (mut sum, mut mirrored) = (0.0, 0.0);
    for ((_, weight), (one, other)) in NODES.iter().zip(each.iter().zip(each.iter().rev())) {
        sum += weight * one[0];
        mirrored += weight * other[1];
    }
    Some([probability(sum), probability(mirrored)])
}

/// The win rate without any skill: `p0 = (S - c) / (S + a)`, inside (0, 1). `None` when a number is not finite, `target`
/// or `stop` is not positive, `spread` is negative, or the spread alone reaches the stop.
pub fn null_probability(target: f64, stop: f64, spread: f64) -> Option<f64> {
    let sound = target.is_finite() && target > 0.0 && stop.is_finite() && stop > spread && spread >= 0.0;
    sound.then(|| probability(0.5 * (stop - spread) / (0.5 * stop + 0.5 * target)))
}

/// The win rate that pays for the commission: `p_BE = (S + k) / (S + a)`. At one or above no win rate pays. `None`
/// when a number is not finite, `target` or `stop` is not positive, or the commission is negative.
pub fn break_even_probability(target: f64, stop: f64, commission: f64) -> Option<f64> {
    let sound = target.is_finite() && target > 0.0 && stop.is_finite() && stop > 0.0;
    let sound = sound && commission.is_finite() && commission >= 0.0;
    let p = (0.5 * stop + 0.5 * commission) / (0.5 * stop + 0.5 * target);
    (sound && p.is_finite()).then_some(p)
}

/// Expected profit of a bracket in points: `p a - (1 - p) S - k`.
pub fn expectancy(p: f64, target: f64, stop: f64, commission: f64) -> f64 {
    p * target - (1.0 - p) * stop - commission
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{anything, close};
    use proptest::prelude::*;

    #[test]
    fn oracle_32() {
        close(hit_probability(2.0, 2.0, 0.1, 1.0).unwrap(), 0.598_687_660_112_452, 1e-12);
        close(hit_probability(1.0, 3.0, 0.05, 1.0).unwrap(), 0.786_161_779_634_015_5, 1e-12);
    }

    #[test]
    fn the_table_of_2_1() {
        let table = [
            (1.0, 1.0, 0.40, 0.65),
            (2.0, 2.0, 0.45, 0.575),
            (5.0, 5.0, 0.48, 0.53),
            (1.0, 4.0, 0.76, 0.86),
            (2.0, 6.0, 0.725, 0.7875),
            (5.0, 15.0, 0.74, 0.765),
            (3.0, 1.0, 0.20, 0.325),
        ];
        for (target, stop, null, break_even) in table {
            let p = null_probability(target, stop, 0.2).unwrap();
            close(p, null, 1e-12);
            close(expectancy(p, target, stop, 0.3), -0.5, 1e-12);
            let p = break_even_probability(target, stop, 0.3).unwrap();
            close(p, break_even, 1e-12);
            close(expectancy(p, target, stop, 0.3), 0.0, 1e-12);
            close(hit_probability(target + 0.2, stop - 0.2, 0.0, 1.0).unwrap(), null, 1e-12);
        }
    }

    #[test]
    fn what_is_no_bracket_has_no_probability() {
        assert_eq!(null_probability(2.0, 0.3, 0.3), None);
        assert_eq!(null_probability(2.0, f64::NAN, 0.3), None);
        assert_eq!(null_probability(2.0, 2.0, -0.1), None);
        assert_eq!(hit_probability(0.0, 1.0, 0.0, 1.0), None);
        assert_eq!(hit_probability(1.0, 1.0, 0.0, 0.0), None);
        assert_eq!(break_even_probability(1.0, 1.0, f64::INFINITY), None);
        assert_eq!(hit_probability_averaged(1.0, 1.0, DriftBelief { mean: 0.0, deviation: f64::NAN }, 1.0), None);
    }

    #[test]
    fn the_average_agrees_with_a_fine_grid() {
        let belief = DriftBelief { mean: 0.05, deviation: 0.1 };
        let (mut sum, mut weights) = (0.0, 0.0);
        for i in -6_000..=6_000 {
            let z = f64::from(i) / 1_000.0;
            let weight = exp(-0.5 * z * z);
            sum += weight * hit_probability(2.0, 3.0, belief.mean + z * belief.deviation, 1.0).unwrap();
            weights += weight;
        }
        close(hit_probability_averaged(2.0, 3.0, belief, 1.0).unwrap(), sum / weights, 1e-4);
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_printed_formula(up in 0.1..5.0_f64, down in 0.1..5.0_f64, mu in -1.0..1.0_f64) {
            prop_assume!(mu.abs() > 1e-3);
            let theta = 2.0 * mu;
            let printed = (1.0 - exp(theta * down)) / (exp(-theta * up) - exp(theta * down));
            prop_assert!((hit_probability(up, down, mu, 1.0).unwrap() - printed).abs() < 1e-12);
        }

        #[test]
        fn it_is_smooth_and_rising_in_the_drift(up in 0.1..5.0_f64, down in 0.1..5.0_f64, power in -16..0_i32) {
            let step = market::math::pow(10.0, f64::from(power));
            let p = |mu: f64| hit_probability(up, down, mu, 1.0).unwrap();
            let slope = up * down / (up + down);
            // To first order p = D/(U+D) (1 + theta U / 2), theta = 2 mu; the second-order term is below theta^2 U D.
            let line = |mu: f64| down / (up + down) + slope * mu;
            for mu in [-step, step] {
                prop_assert!((p(mu) - line(mu)).abs() <= 4.0 * mu * mu * (up + down) * (up + down) + 1e-15);
            }
            prop_assert!(p(-step) <= p(0.0) && p(0.0) <= p(step));
        }

        #[test]
        fn both_averages_have_the_bits_of_two_calls(
            (up, down) in (0.0..20.0_f64, 0.0..20.0_f64),
            mean in prop_oneof![Just(0.0), -2.0..2.0_f64, -1e-9..1e-9_f64, anything()],
            deviation in prop_oneof![Just(0.0), 0.0..2.0_f64, anything()],
            sigma in prop_oneof![0.1..5.0_f64, anything()],
        ) {
            let one = |mean: f64| hit_probability_averaged(up, down, DriftBelief { mean, deviation }, sigma);
            let both = hit_probabilities_averaged(up, down, DriftBelief { mean, deviation }, sigma);
            let two = one(mean).zip(one(-mean));
            prop_assert_eq!(both.map(|both| both.map(f64::to_bits)), two.map(|(one, two)| [one, two].map(f64::to_bits)));
        }

        #[test]
        fn the_mirror_image_is_the_complement(up in 0.1..5.0_f64, down in 0.1..5.0_f64, mu in -2.0..2.0_f64) {
            let sum = hit_probability(up, down, mu, 1.0).unwrap() + hit_probability(down, up, -mu, 1.0).unwrap();
            prop_assert!((sum - 1.0).abs() < 1e-11);
        }

        #[test]
        fn nothing_breaks_it(up in anything(), down in anything(), mu in anything(), sigma in anything()) {
            let inside = |p: Option<f64>| p.is_none_or(|p| p > 0.0 && p < 1.0);
            prop_assert!(inside(hit_probability(up, down, mu, sigma)));
            prop_assert!(inside(hit_probability(up.abs(), down.abs(), mu, sigma.abs())));
            let belief = DriftBelief { mean: mu, deviation: 1.0 };
            prop_assert!(inside(hit_probability_averaged(up.abs(), down.abs(), belief, sigma.abs())));
            prop_assert!(inside(null_probability(up, down, mu)));
            prop_assert!(inside(null_probability(up.abs(), down.abs(), mu.abs())));
            prop_assert!(break_even_probability(up.abs(), down.abs(), mu.abs()).is_none_or(f64::is_finite));
        }
    }
}
