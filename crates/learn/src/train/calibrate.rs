//! What a score is worth, out of fold: a line through log-odds (Platt 1999), fitted to scores of rows that the model did
//! not learn from.

use market::math::{ln, sigmoid};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// Turns a raw score into a probability. Whatever is fitted out of fold can stand here: a line, or steps.
pub trait Calibrator {
    /// The probability for a raw score (log-odds), in (0, 1) and rising with it.
    fn probability(&self, score: f64) -> f64;
}

/// `p = sigmoid(slope * score + offset)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Times the score; zero when the scores were worth nothing, never negative.
    pub slope: f64,
    /// Plus this.
    pub offset: f64,
}

impl Calibrator for Line {
    fn probability(&self, score: f64) -> f64 {
        sigmoid(self.slope * score + self.offset).clamp(1e-6, 1.0 - 1e-6)
    }
}

impl Line {
    /// Fits by Newton's method on the weighted log loss, with a ridge of `prior` towards slope 1 and offset 0 that stops
    /// a few labels from saying much. A negative slope is not believed: it becomes zero, with the best offset.
    ///
    /// # Errors
    /// [`Fault::TooLittle`] when there are not both kinds of labels.
    pub fn fit(scores: &[f64], came: &[bool], weights: &[f64], prior: f64) -> Result<Self, Fault> {
        let has = |kind: bool| came.iter().zip(weights).any(|(came, weight)| *came == kind && *weight > 0.0);
        if !has(true) || !has(false) {
            return Err(Fault::TooLittle("kinds of labels", 1, 2));
        }
        let free = Self::newton(scores, came, weights, (prior, true));
        if free.slope >= 0.0 {
            return Ok(free);
        }
        Ok(Self::newton(scores, came, weights, (prior, false)))
    }

    fn newton(scores: &[f64], came: &[bool], weights: &[f64], (prior, sloped): (f64, bool)) -> Self {
        let prior = prior.max(1e-9);
        let mut line = Self { slope: if sloped { 1.0 } else { 0.0 }, offset: 0.0 };
        let mut loss = line.loss(scores, came, weights, prior);
        for _ in 0..100 {
            let (mut ga, mut gb) = (if sloped { prior * (line.slope - 1.0) } else { 0.0 }, prior * line.offset);
            let (mut haa, mut hab, mut hbb) = (prior, 0.0, prior);
            for ((score, came), weight) in scores.iter().zip(came).zip(weights) {
                let p = sigmoid(line.slope * score + line.offset);
                let (error, curve) = (weight * (p - f64::from(u8::from(*came))), weight * p * (1.0 - p));
                gb += error;
                hbb += curve;
                if sloped {
                    ga += error * score;
                    haa += curve * score * score;
                    hab += curve * score;
                }
            }
            let det = haa * hbb - hab * hab;
            let (da, db) = ((hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det);
            let (mut step, mut next) = (1.0, line);
            let mut lower = loss;
            while step > 1e-6 {
                next = Self { slope: line.slope - step * da, offset: line.offset - step * db };
                lower = next.loss(scores, came, weights, prior);
                if lower <= loss {
                    break;
                }
                step /= 2.0;
            }
            // Not a number is no progress either.
            if lower < loss {
                line = next;
            }
            let gained = loss - lower;
            if gained.is_nan() || gained <= 1e-12 * loss.abs() {
                break;
            }
            loss = lower;
        }
        line
    }

    fn loss(&self, scores: &[f64], came: &[bool], weights: &[f64], prior: f64) -> f64 {
        let mut sum = prior * ((self.slope - 1.0) * (self.slope - 1.0) + self.offset * self.offset) / 2.0;
        for ((score, came), weight) in scores.iter().zip(came).zip(weights) {
            let odds = self.slope * score + self.offset;
            sum -= weight * ln(sigmoid(if *came { odds } else { -odds }).max(1e-300));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores on a grid, and labels in exactly the proportions that a true line gives.
    fn sample(slope: f64, offset: f64) -> (Vec<f64>, Vec<bool>, Vec<f64>) {
        let (mut scores, mut came, mut weights) = (vec![], vec![], vec![]);
        for step in -40..=40 {
            let score = f64::from(step) / 20.0;
            let p = sigmoid(slope * score + offset);
            for (kind, weight) in [(true, p), (false, 1.0 - p)] {
                scores.push(score);
                came.push(kind);
                weights.push(weight * 100.0);
            }
        }
        (scores, came, weights)
    }

    #[test]
    fn a_true_line_is_found() {
        let (scores, came, weights) = sample(0.4, -0.3);
        let line = Line::fit(&scores, &came, &weights, 1e-9).unwrap();
        assert!((line.slope - 0.4).abs() < 1e-6 && (line.offset + 0.3).abs() < 1e-6, "{line:?}");
        assert!((line.probability(0.5) - sigmoid(-0.1)).abs() < 1e-6);
    }

    #[test]
    fn a_line_that_falls_is_not_believed_and_one_kind_is_too_little() {
        let (scores, came, weights) = sample(-0.8, 0.2);
        let line = Line::fit(&scores, &came, &weights, 1e-9).unwrap();
        assert_eq!(line.slope, 0.0);
        let mean = came.iter().zip(&weights).filter(|(came, _)| **came).map(|(_, w)| w).sum::<f64>()
            / weights.iter().sum::<f64>();
        assert!((line.probability(3.0) - mean).abs() < 1e-6);
        assert!(Line::fit(&[1.0, 2.0], &[true, true], &[1.0, 1.0], 1.0).is_err());
    }

    #[test]
    fn few_labels_say_little() {
        let line = Line::fit(&[2.0, -2.0], &[true, false], &[1.0, 1.0], 1_000.0).unwrap();
        assert!((line.slope - 1.0).abs() < 0.01 && line.offset.abs() < 0.01);
    }
}
