//! Is the best of many rules better than a benchmark, after all that were tried?
//!
//! White's reality check (2000) and Hansen's test for superior predictive ability (2005) with the stationary bootstrap of
//! Politis & Romano (1994). Source: signals.md 1.3; oracle: signals.md 7 #14 (arch 8.0.0, whose statistic is not
//! studentised: compare with [`Superiority::plain`]).

use market::math::{exp, ln, ln_1p, sqrt};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fault::{Fault, table, within};

/// The usual number of draws.
pub const DRAWS: usize = 2_000;

/// The most draws that are taken.
pub const DRAWS_MAX: usize = 1_000_000;

/// How the bootstrap draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draws {
    /// How many, 100 to [`DRAWS_MAX`].
    pub count: usize,
    /// Mean length of a block in rows, 1 to the number of rows.
    pub block: f64,
    /// The seed of what is drawn.
    pub seed: u64,
}

/// The p values of "no rule is better than the benchmark". With one added, so none is ever zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PValues {
    /// As if every rule that did worse were exactly as good as it did: a lower bound.
    pub lower: f64,
    /// Rules that did clearly worse are set aside: Hansen's p value, the one to read.
    pub consistent: f64,
    /// As if every rule were exactly as good as the benchmark: an upper bound.
    pub upper: f64,
}

/// What was found about the best of several rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Superiority {
    /// The column with the highest mean.
    pub best: usize,
    /// Its mean.
    pub mean: f64,
    /// Hansen's test: by the highest mean over its standard error.
    pub studentised: PValues,
    /// By the highest mean itself; its `upper` is White's reality check.
    pub plain: PValues,
}

/// Tests a table of gains over the benchmark (row by row, one column a rule; the benchmark's loss less the rule's, so
/// that more is better; against not trading, the rule's net results).
///
/// # Errors
/// Fewer than 8 rows, no column, a table that is not rectangular, a cell that is not finite, draws out of their ranges.
pub fn superior(gains: &[f64], columns: usize, draws: &Draws) -> Result<Superiority, Fault> {
    let rows = table(gains, columns, 8)?;
    within("number of draws", draws.count as f64, 100.0, DRAWS_MAX as f64)?;
    within("mean length of a block", draws.block, 1.0, rows as f64)?;
    let means = column_means(gains, columns);
    let errors = standard_errors(gains, &means, draws.block);
    let best = (1..columns).fold(0, |best, i| if means[i] > means[best] { i } else { best });
    let highest = |value: &dyn Fn(usize) -> f64| (0..columns).map(value).fold(f64::NEG_INFINITY, f64::max);
    let plain = highest(&|i| means[i]);
    let studentised = highest(&|i| means[i] / errors[i]);
    let centres = centres(&means, &errors, rows);
    let mut random = ChaCha8Rng::seed_from_u64(draws.seed);
    let mut drawn = vec![0.0; columns];
    let mut beyond = [[0_usize; 3]; 2];
    for _ in 0..draws.count {
        draw(gains, rows, 1.0 / draws.block, &mut random, &mut drawn);
        for (which, centre) in centres.iter().enumerate() {
            beyond[0][which] += usize::from(highest(&|i| (drawn[i] - centre[i]) / errors[i]) >= studentised);
            beyond[1][which] += usize::from(highest(&|i| drawn[i] - centre[i]) >= plain);
        }
    }
    let p = |count: usize| (count + 1) as f64 / (draws.count + 1) as f64;
    let values = |[lower, consistent, upper]: [usize; 3]| PValues {
        lower: p(lower),
        consistent: p(consistent),
        upper: p(upper),
    };
    Ok(Superiority { best, mean: means[best], studentised: values(beyond[0]), plain: values(beyond[1]) })
}

fn column_means(gains: &[f64], columns: usize) -> Vec<f64> {
    let mut means = vec![0.0; columns];
    for row in gains.chunks_exact(columns) {
        for (sum, x) in means.iter_mut().zip(row) {
            *sum += x;
        }
    }
    let rows = (gains.len() / columns) as f64;
    for sum in &mut means {
        *sum /= rows;
    }
    means
}

/// What a draw's means are compared with, for lower, consistent and upper: a rule's own mean where it counts as good as
/// the benchmark, else zero, which leaves it as bad as it was.
fn centres(means: &[f64], errors: &[f64], rows: usize) -> [Vec<f64>; 3] {
    let slack = sqrt(2.0 * ln(ln(rows as f64)));
    let consistent = means.iter().zip(errors).map(|(m, e)| if *m >= -slack * e { *m } else { 0.0 });
    [means.iter().map(|m| m.max(0.0)).collect(), consistent.collect(), means.to_vec()]
}

/// Standard errors of the means under the stationary bootstrap, in closed form (Politis & Romano 1994, lemma 1): lags up
/// to where their weight is below 1e-12. A column without variation has a tiny error, not zero.
fn standard_errors(gains: &[f64], means: &[f64], block: f64) -> Vec<f64> {
    let columns = means.len();
    let rows = gains.len() / columns;
    let centred: Vec<f64> = gains.iter().enumerate().map(|(i, x)| x - means[i % columns]).collect();
    let n = rows as f64;
    let stay = if block > 1.0 { ln_1p(-1.0 / block) } else { f64::NEG_INFINITY };
    let mut variances = vec![0.0; columns];
    for lag in 0..rows {
        let share = lag as f64 / n;
        let weight = match lag {
            0 => 1.0,
            _ => 2.0 * ((1.0 - share) * exp(lag as f64 * stay) + share * exp((n - lag as f64) * stay)),
        };
        if weight < 1e-12 {
            continue;
        }
        for (row, later) in centred.chunks_exact(columns).zip(centred[lag * columns..].chunks_exact(columns)) {
            for (variance, (a, b)) in variances.iter_mut().zip(row.iter().zip(later)) {
                *variance += weight * a * b;
            }
        }
    }
    let floor = |mean: f64| 1e-12 * mean.abs() + 1e-150;
    variances.iter().zip(means).map(|(sum, mean)| (sqrt(sum.max(0.0)) / n).max(floor(*mean))).collect()
}

/// The column means of one stationary bootstrap sample: blocks of geometric length, wrapped around the end.
fn draw(gains: &[f64], rows: usize, restart: f64, random: &mut impl Rng, means: &mut [f64]) {
    let columns = means.len();
    means.fill(0.0);
    let mut at = random.random_range(0..rows);
    for _ in 0..rows {
        let row = &gains[at * columns..(at + 1) * columns];
        for (sum, x) in means.iter_mut().zip(row) {
            *sum += x;
        }
        at = if random.random::<f64>() < restart { random.random_range(0..rows) } else { (at + 1) % rows };
    }
    for sum in means.iter_mut() {
        *sum /= rows as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, close};
    use proptest::prelude::*;

    const ORACLE: Draws = Draws { count: DRAWS, block: 10.0, seed: 5 };

    #[test]
    fn oracle_14() {
        let mut gains = Lcg::new(12_345).normals(1_000 * 20);
        let noise = superior(&gains, 20, &ORACLE).unwrap();
        close(noise.plain.lower, 0.236, 0.03);
        close(noise.plain.consistent, 0.372_5, 0.03);
        close(noise.plain.upper, 0.372_5, 0.03);
        assert!(noise.studentised.consistent > 0.1, "{noise:?}");
        for x in gains.iter_mut().skip(3).step_by(20) {
            *x += 0.15;
        }
        let edge = superior(&gains, 20, &ORACLE).unwrap();
        assert_eq!(edge.best, 3);
        for p in [edge.plain, edge.studentised] {
            assert!(p.lower < 0.005 && p.consistent < 0.005 && p.upper < 0.005, "{edge:?}");
        }
    }

    #[test]
    fn under_the_null_it_rejects_no_more_often_than_it_says() {
        let mut noise = Lcg::new(77);
        let mut rejected = [0; 2];
        for seed in 0..200 {
            let gains = noise.normals(100 * 4);
            let found = superior(&gains, 4, &Draws { count: 199, block: 2.0, seed }).unwrap();
            rejected[0] += u32::from(found.studentised.consistent < 0.05);
            rejected[1] += u32::from(found.plain.upper < 0.05);
        }
        assert!(rejected.iter().all(|n| *n <= 20), "{rejected:?} of 200 at 5 %");
    }

    /// Rules that are hopeless and wild must not hide a good one: this is what Hansen adds to White.
    #[test]
    fn a_hopeless_rule_does_not_hide_a_good_one() {
        let mut noise = Lcg::new(3);
        let gains: Vec<f64> = (0..400).flat_map(|_| [0.12 + noise.normal(), -4.0 + 20.0 * noise.normal()]).collect();
        let found = superior(&gains, 2, &ORACLE).unwrap();
        assert!(found.studentised.consistent < 0.05 && found.plain.upper > 0.2, "{found:?}");
    }

    #[test]
    fn the_standard_error_is_that_of_the_draws() {
        let mut noise = Lcg::new(8);
        let mut level = 0.0;
        let gains: Vec<f64> = (0..200)
            .map(|_| {
                level = 0.6 * level + noise.normal();
                level
            })
            .collect();
        let means = column_means(&gains, 1);
        let expected = standard_errors(&gains, &means, 8.0)[0];
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut sum = 0.0;
        for _ in 0..4_000 {
            let mut drawn = [0.0];
            draw(&gains, 200, 1.0 / 8.0, &mut random, &mut drawn);
            sum += (drawn[0] - means[0]) * (drawn[0] - means[0]);
        }
        close(sqrt(sum / 4_000.0) / expected, 1.0, 0.05);
        // Blocks of one row are the ordinary bootstrap: the standard error of independent rows.
        let variance = gains.iter().map(|x| (x - means[0]) * (x - means[0])).sum::<f64>() / 200.0;
        close(standard_errors(&gains, &means, 1.0)[0], sqrt(variance / 200.0), 1e-12);
    }

    #[test]
    fn what_cannot_be_judged_is_said() {
        let cells = vec![0.5; 40];
        assert!(superior(&cells, 0, &ORACLE).is_err() && superior(&cells, 3, &ORACLE).is_err());
        assert!(superior(&cells, 4, &Draws { block: 11.0, ..ORACLE }).is_err());
        assert!(superior(&cells, 4, &Draws { count: 99, ..ORACLE }).is_err());
        assert!(superior(&cells, 4, &Draws { block: f64::NAN, ..ORACLE }).is_err());
        let flat = superior(&[0.0; 40], 4, &ORACLE).unwrap();
        assert_eq!(flat.studentised.upper, 1.0, "nothing is not better than nothing");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn bounds_are_in_order(cells in prop::collection::vec(-3.0_f64..3.0, 24..90), columns in 1_usize..4) {
            let cells = &cells[..cells.len() / columns * columns];
            let found = superior(cells, columns, &Draws { count: 100, block: 2.0, seed: 1 }).unwrap();
            for p in [found.studentised, found.plain] {
                prop_assert!(0.0 < p.lower && p.lower <= p.consistent && p.consistent <= p.upper && p.upper <= 1.0);
            }
        }
    }
}
