//! Isotonic calibration: the rising curve that is nearest to the labels (Ayer et al. 1955; Zadrozny & Elkan 2002).
//!
//! Fitted by pooling adjacent violators: points with equal scores are merged, then neighbours that fall are replaced by
//! their weighted mean until nothing falls. The knots are the ends of the blocks, as in scikit-learn.

use market::{Reader, State};
use std::fmt;

/// The most labels that one fit takes.
pub const LABELS_MAX: usize = 10_000_000;
/// The most knots of a curve.
pub const KNOTS_MAX: usize = 65_536;

/// A label of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Labelled {
    /// The score, for example log-odds; finite.
    pub score: f64,
    /// What came of it, 0 to 1.
    pub label: f64,
    /// How much it counts, above 0 and at most 1e9.
    pub weight: f64,
}

/// What a curve does between two knots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// A straight line.
    Line,
    /// The value of the lower knot.
    Step,
}

/// Why there is no curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum IsotonicError {
    /// No label, or more than [`LABELS_MAX`].
    Labels(usize),
    /// The label at this place has a number out of its range.
    Label(usize),
    /// No knot, or more than [`KNOTS_MAX`].
    Knots(usize),
    /// The knot at this place is not finite, does not lie above the one before, falls below it, or leaves 0 to 1.
    Knot(usize),
    /// The bytes are not those of a curve.
    Torn,
}

impl fmt::Display for IsotonicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Labels(n) => write!(f, "{n} labels; 1 to {LABELS_MAX} are possible"),
            Self::Label(at) => {
                write!(f, "label {at}: the score must be finite, the label 0 to 1, the weight above 0 and at most 1e9")
            }
            Self::Knots(n) => write!(f, "{n} knots; 1 to {KNOTS_MAX} are possible: round the scores before the fit"),
            Self::Knot(at) => write!(f, "knot {at}: scores must be finite and rise, values rise from 0 to 1"),
            Self::Torn => f.write_str("the bytes are not those of an isotonic curve"),
        }
    }
}

impl std::error::Error for IsotonicError {}

/// A rising curve from scores to probabilities, constant outside its knots.
#[derive(Debug, Clone, PartialEq)]
pub struct Isotonic {
    scores: Vec<f64>,
    values: Vec<f64>,
    between: Between,
}

/// Labels that share one value.
#[derive(Clone, Copy)]
struct Block {
    first: f64,
    last: f64,
    sum: f64,
    weight: f64,
}

impl Block {
    fn mean(&self) -> f64 {
        (self.sum / self.weight).clamp(0.0, 1.0)
    }
}

impl Isotonic {
    /// The rising curve with the least weighted squared distance from the labels, whatever their order.
    ///
    /// # Errors
    /// When there is no label or too many, a label is out of its range, or the curve has too many knots.
    pub fn fit(labels: &[Labelled], between: Between) -> Result<Self, IsotonicError> {
        if !(1..=LABELS_MAX).contains(&labels.len()) {
            return Err(IsotonicError::Labels(labels.len()));
        }
        let sound =
            |l: &Labelled| l.score.is_finite() && (0.0..=1.0).contains(&l.label) && l.weight > 0.0 && l.weight <= 1e9;
        if let Some(at) = labels.iter().position(|label| !sound(label)) {
            return Err(IsotonicError::Label(at));
        }
        let mut sorted = labels.to_vec();
        sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
        let mut blocks: Vec<Block> = Vec::new();
        for label in sorted {
            // Adding zero makes one zero of both.
            let (score, sum) = (label.score + 0.0, label.weight * label.label);
            match blocks.last_mut() {
                Some(last) if last.first == score => {
                    last.sum += sum;
                    last.weight += label.weight;
                }
                _ => blocks.push(Block { first: score, last: score, sum, weight: label.weight }),
            }
        }
        Self::from_blocks(&pooled(blocks), between)
    }

    fn from_blocks(blocks: &[Block], between: Between) -> Result<Self, IsotonicError> {
        let mut knots = Vec::with_capacity(2 * blocks.len());
        for block in blocks {
            knots.push((block.first, block.mean()));
            // A step stays until the next block; only a line needs to know where this one ends.
            if between == Between::Line && block.last > block.first {
                knots.push((block.last, block.mean()));
            }
        }
        Self::from_knots(&knots, between)
    }

    /// The curve through these (score, value).
    ///
    /// # Errors
    /// When there is no knot or too many, or they are not finite, do not rise, or leave 0 to 1.
    pub fn from_knots(knots: &[(f64, f64)], between: Between) -> Result<Self, IsotonicError> {
        if !(1..=KNOTS_MAX).contains(&knots.len()) {
            return Err(IsotonicError::Knots(knots.len()));
        }
        let mut before = (f64::NEG_INFINITY, 0.0);
        for (at, knot) in knots.iter().enumerate() {
            if !(knot.0.is_finite() && knot.0 > before.0 && knot.1 >= before.1 && knot.1 <= 1.0) {
                return Err(IsotonicError::Knot(at));
            }
            before = *knot;
        }
        let (scores, values) = knots.iter().copied().unzip();
        Ok(Self { scores, values, between })
    }

    /// The probability of a score, from 0 to 1; allocates nothing. NaN has none.
    pub fn probability(&self, score: f64) -> Option<f64> {
        if score.is_nan() {
            return None;
        }
        let above = self.scores.partition_point(|knot| *knot <= score);
        let at = |place: usize| Some((*self.scores.get(place)?, *self.values.get(place)?));
        let Some(low) = above.checked_sub(1).and_then(at) else { return self.values.first().copied() };
        let Some(high) = at(above) else { return Some(low.1) };
        Some(match self.between {
            Between::Step => low.1,
            // Halved, so that the width of any two finite scores is finite.
            Between::Line => {
                let share = (score / 2.0 - low.0 / 2.0) / (high.0 / 2.0 - low.0 / 2.0);
                (low.1 + share.clamp(0.0, 1.0) * (high.1 - low.1)).clamp(low.1, high.1)
            }
        })
    }

    /// The knots: (score, value), rising.
    pub fn knots(&self) -> impl ExactSizeIterator<Item = (f64, f64)> + '_ {
        self.scores.iter().copied().zip(self.values.iter().copied())
    }

    /// What the curve does between two knots.
    pub const fn between(&self) -> Between {
        self.between
    }

    /// Appends the curve.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.between == Between::Step));
        (self.scores.len() as u32).save(out);
        for knot in self.knots() {
            knot.save(out);
        }
    }

    /// Reads a curve.
    ///
    /// # Errors
    /// [`IsotonicError::Torn`] when the bytes are not those of an `encode`, others as [`Isotonic::from_knots`].
    pub fn decode(from: &mut Reader<'_>) -> Result<Self, IsotonicError> {
        let torn = |_| IsotonicError::Torn;
        let between = if from.read::<bool>().map_err(torn)? { Between::Step } else { Between::Line };
        let len = from.read::<u32>().map_err(torn)? as usize;
        if len > KNOTS_MAX {
            return Err(IsotonicError::Knots(len));
        }
        let knots: Vec<(f64, f64)> = (0..len).map(|_| from.read()).collect::<Result<_, _>>().map_err(torn)?;
        Self::from_knots(&knots, between)
    }
}

/// Merges neighbours that fall, until the means rise.
fn pooled(blocks: Vec<Block>) -> Vec<Block> {
    let mut rising: Vec<Block> = Vec::with_capacity(blocks.len());
    for mut block in blocks {
        while let Some(before) = rising.pop_if(|before| before.mean() >= block.mean()) {
            block.first = before.first;
            block.sum += before.sum;
            block.weight += before.weight;
        }
        rising.push(block);
    }
    rising
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{anything, close};
    use proptest::prelude::*;

    fn labelled(points: &[(f64, f64, f64)]) -> Vec<Labelled> {
        points.iter().map(|&(score, label, weight)| Labelled { score, label, weight }).collect()
    }

    /// The twin: at each score, the largest over all starts of the smallest mean over all ends (the min-max formula).
    fn min_max(labels: &[Labelled], score: f64) -> f64 {
        let mean = |from: f64, to: f64| {
            let inside = || labels.iter().filter(|l| (from..=to).contains(&l.score));
            inside().map(|l| l.weight * l.label).sum::<f64>() / inside().map(|l| l.weight).sum::<f64>()
        };
        let starts = labels.iter().map(|l| l.score).filter(|s| *s <= score);
        let ends: Vec<f64> = labels.iter().map(|l| l.score).filter(|s| *s >= score).collect();
        starts
            .map(|from| ends.iter().map(|to| mean(from, *to)).fold(f64::INFINITY, f64::min))
            .fold(f64::NEG_INFINITY, f64::max)
    }

    /// `sklearn.isotonic.IsotonicRegression(out_of_bounds="clip")` on the same labels.
    #[test]
    fn it_is_the_curve_of_scikit_learn() {
        let labels = labelled(&[
            (0.1, 0.0, 1.0),
            (0.2, 1.0, 1.0),
            (0.3, 0.0, 2.0),
            (0.5, 0.0, 1.0),
            (0.6, 1.0, 1.0),
            (0.6, 0.0, 1.0),
            (0.9, 1.0, 3.0),
        ]);
        let line = Isotonic::fit(&labels, Between::Line).unwrap();
        let expected = [(0.1, 0.0), (0.2, 0.25), (0.5, 0.25), (0.6, 0.5), (0.9, 1.0)];
        assert_eq!(line.knots().collect::<Vec<_>>(), expected);
        for (score, p) in [(-1.0, 0.0), (0.15, 0.125), (0.4, 0.25), (0.55, 0.375), (0.75, 0.75), (2.0, 1.0)] {
            close(line.probability(score).unwrap(), p, 1e-12);
        }
        let step = Isotonic::fit(&labels, Between::Step).unwrap();
        for (score, p) in [(-1.0, 0.0), (0.15, 0.0), (0.2, 0.25), (0.55, 0.25), (0.6, 0.5), (0.75, 0.5), (2.0, 1.0)] {
            close(step.probability(score).unwrap(), p, 1e-15);
        }
        assert_eq!(line.probability(f64::NAN), None);
    }

    #[test]
    fn it_names_what_it_refuses() {
        let fit = |points: &[(f64, f64, f64)]| Isotonic::fit(&labelled(points), Between::Line).unwrap_err();
        assert_eq!(fit(&[]), IsotonicError::Labels(0));
        assert_eq!(fit(&[(0.0, 0.0, 1.0), (f64::NAN, 0.0, 1.0)]), IsotonicError::Label(1));
        assert_eq!(fit(&[(0.0, 1.1, 1.0)]), IsotonicError::Label(0));
        assert_eq!(fit(&[(0.0, 1.0, 0.0)]), IsotonicError::Label(0));
        let knots = |knots: &[(f64, f64)]| Isotonic::from_knots(knots, Between::Step).unwrap_err();
        assert_eq!(knots(&[]), IsotonicError::Knots(0));
        assert_eq!(knots(&[(0.0, 0.5), (0.0, 0.6)]), IsotonicError::Knot(1));
        assert_eq!(knots(&[(0.0, 0.5), (1.0, 0.4)]), IsotonicError::Knot(1));
        assert_eq!(knots(&[(0.0, -0.1)]), IsotonicError::Knot(0));
        assert_eq!(knots(&[(0.0, 1.1)]), IsotonicError::Knot(0));
        assert_eq!(knots(&vec![(0.0, 0.0); KNOTS_MAX + 1]), IsotonicError::Knots(KNOTS_MAX + 1));
    }

    fn labels() -> impl Strategy<Value = Vec<Labelled>> {
        let one = (-8..8_i32, 0.0..=1.0_f64, 0.1..5.0_f64);
        prop::collection::vec(one, 1..20).prop_map(|points| {
            let label = |(score, label, weight)| Labelled { score: f64::from(score) / 2.0, label, weight };
            points.into_iter().map(label).collect()
        })
    }

    proptest! {
        #[test]
        fn pooling_gives_the_min_max_curve(labels in labels()) {
            let step = Isotonic::fit(&labels, Between::Step).unwrap();
            let line = Isotonic::fit(&labels, Between::Line).unwrap();
            for label in &labels {
                let twin = min_max(&labels, label.score);
                prop_assert!((step.probability(label.score).unwrap() - twin).abs() < 1e-12);
                prop_assert!((line.probability(label.score).unwrap() - twin).abs() < 1e-12);
            }
        }

        #[test]
        fn it_rises_and_stays_a_probability(
            labels in labels(), mut scores in prop::collection::vec(anything(), 2..30), step in any::<bool>(),
        ) {
            let curve = Isotonic::fit(&labels, if step { Between::Step } else { Between::Line }).unwrap();
            scores.retain(|score| !score.is_nan());
            scores.sort_by(f64::total_cmp);
            let values: Vec<f64> = scores.iter().map(|score| curve.probability(*score).unwrap()).collect();
            prop_assert!(values.is_sorted() && values.iter().all(|p| (0.0..=1.0).contains(p)));
        }

        #[test]
        fn it_comes_back_from_its_bytes(labels in labels(), step in any::<bool>(), at in 0_usize..500, flip in 1_u8..) {
            let curve = Isotonic::fit(&labels, if step { Between::Step } else { Between::Line }).unwrap();
            let mut bytes = Vec::new();
            curve.encode(&mut bytes);
            prop_assert_eq!(Isotonic::decode(&mut Reader::new(&bytes)).unwrap(), curve);
            let at = at % bytes.len();
            prop_assert!(Isotonic::decode(&mut Reader::new(&bytes[..at])).is_err());
            bytes[at] ^= flip;
            if let Ok(other) = Isotonic::decode(&mut Reader::new(&bytes)) {
                prop_assert!(other.probability(0.3).is_some_and(|p| (0.0..=1.0).contains(&p)));
            }
        }
    }
}
