//! How wide a probability must be taken: split conformal over blocks of out-of-fold labels (signals.md 1.5).
//!
//! One label says nothing about a probability's error; a block of them does. The score of a block is the distance between
//! what was said and what came, and the width is the score that all but `miscoverage` of the blocks stay within.

/// The `ceil((n + 1)(1 - miscoverage))`-th smallest score; `None` when that is beyond the last (too few scores) or there
/// are none.
pub fn quantile(scores: &[f64], miscoverage: f64) -> Option<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = ((sorted.len() as f64 + 1.0) * (1.0 - miscoverage.clamp(0.0, 1.0))).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().filter(|_| !sorted.is_empty())
}

/// The scores of consecutive blocks of rows, each of at least `block` weight: the distance between the mean probability
/// and the share that came true, both weighted. A last block that is not full is left out.
pub fn block_scores(probabilities: &[f64], came: &[bool], weights: &[f64], block: f64) -> Vec<f64> {
    let (mut scores, mut mass, mut error) = (Vec::new(), 0.0, 0.0);
    for ((p, came), weight) in probabilities.iter().zip(came).zip(weights) {
        mass += weight;
        error += weight * (p - f64::from(u8::from(*came)));
        if mass >= block && mass > 0.0 {
            scores.push(f64::abs(error / mass));
            (mass, error) = (0.0, 0.0);
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_too_few() {
        let scores: Vec<f64> = (1..=9).rev().map(f64::from).collect();
        assert_eq!(quantile(&scores, 0.2), Some(8.0));
        assert_eq!(quantile(&scores, 0.1), Some(9.0));
        assert_eq!(quantile(&scores, 0.05), None);
        assert_eq!(quantile(&[], 0.5), None);
    }

    /// The guarantee itself: a new score is beyond the width in at most the share that was asked for.
    #[test]
    fn covers() {
        let mut x = 12_345_u64;
        let mut draw = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut missed = 0;
        for _ in 0..2_000 {
            let scores: Vec<f64> = (0..50).map(|_| draw()).collect();
            missed += i32::from(draw() > quantile(&scores, 0.2).unwrap());
        }
        let share = f64::from(missed) / 2_000.0;
        assert!((0.16..0.22).contains(&share), "{share}");
    }

    #[test]
    fn blocks_weigh() {
        let scores = block_scores(&[0.5, 0.5, 0.7, 0.1], &[true, false, true, true], &[1.0, 3.0, 4.0, 1.0], 4.0);
        assert_eq!(scores.len(), 2);
        assert!((scores[0] - 0.25).abs() < 1e-12 && (scores[1] - 0.3).abs() < 1e-12);
    }
}
