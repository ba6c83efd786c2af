//! What an agent's log-odds are worth: online recalibration around the null, and how far to trust the result.
//!
//! Platt's line on what the agent says beyond the null: `logit p = logit p0 + a raw + b`. The null passes unchanged,
//! so a spread that widens moves every calibrated opinion with it (`models::Platt` would shrink the null along with
//! the opinion). Newton steps on the log loss with a decaying memory, as there.
//!
//! A single label is 0 or 1, so an interval around one label says nothing about p. What p claims is a frequency; so
//! labels are gathered into blocks of a declared weight (each label counts by its uniqueness), and the conformal
//! interval (ACI) is on the difference between the block's win rate and its mean p. Only the side that the agent
//! favours enters, since only that may be traded, and since the two sides of one sample cancel.

use market::math;
use models::pool::{CLIP, clipped_logit};
use models::{Aci, AciSpec, PlattSpec};

use crate::vote::Opinion;

/// How calibration learns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationSpec {
    /// The line: memory in labels, the prior's information, the range of `a` (begins at 1), the most that `b` may be.
    pub platt: PlattSpec,
    /// The conformal interval on blocks.
    pub aci: AciSpec,
    /// An agent abstains until it has this many labels, each counted by its uniqueness.
    pub labels_min: f64,
    /// How many labels make a block, each counted by its uniqueness.
    pub block: f64,
    /// The interval width at which confidence is zero.
    pub width_reference: f64,
}

/// What an agent's calibration rests on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// Labels that calibration remembers, each counted by its uniqueness; at most the memory.
    pub labels: f64,
    /// The standard deviation of the error of p beyond what sampling explains.
    pub miscalibration: f64,
}

market::state!(Evidence { labels, miscalibration });

/// A resolved label, as calibration sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lesson {
    /// The log-odds of the null when the sample was taken.
    pub(crate) null: f64,
    /// What the agent thought about this side then.
    pub(crate) opinion: Opinion,
    /// Whether the agent thought at least as much of this side as of the other.
    pub(crate) favoured: bool,
    /// Whether the side was worth it.
    pub(crate) won: bool,
    /// The uniqueness of the label.
    pub(crate) weight: f64,
}

/// A block of labels in the making.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    weight: f64,
    error: f64,
    variance: f64,
}

market::state!(Block { weight, error, variance });

/// The calibration of one agent.
#[derive(Debug, Clone)]
pub(crate) struct Calibration {
    spec: CalibrationSpec,
    line: Line,
    aci: Aci,
    labels: f64,
    block: Block,
    /// The variance of a block's error that sampling explains, averaged over the blocks.
    sampling: f64,
    /// The half width of the interval in standard deviations of a normal error.
    deviations: f64,
    /// The largest log-odds.
    edge: f64,
}

market::state!(Calibration { line, aci, labels, block, sampling });

impl Calibration {
    pub(crate) fn new(spec: &CalibrationSpec) -> Self {
        let (line, aci) = (Line::new(spec.platt), Aci::new(&spec.aci));
        let deviations = math::normal_quantile(1.0 - 0.5 * spec.aci.miscoverage.clamp(1e-4, 0.9999));
        let edge = clipped_logit(1.0 - CLIP);
        Self { spec: *spec, line, aci, labels: 0.0, block: Block::default(), sampling: 0.0, deviations, edge }
    }

    /// What log-odds beyond the null come to.
    pub(crate) fn opinion(&self, null: f64, raw: f64) -> Opinion {
        let logit = (null + self.line.beyond(raw)).clamp(-self.edge, self.edge);
        Opinion { raw, logit, p: math::sigmoid(logit) }
    }

    /// Breaks the calibration, for tests.
    #[cfg(test)]
    pub(crate) fn spoil(&mut self) {
        self.line.b = f64::NAN;
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.labels >= self.spec.labels_min
    }

    /// `clamp(1 - width/width_ref, 0, 1)` and the width; no confidence before there is a width.
    pub(crate) fn confidence(&self) -> (f64, f64) {
        let Some(half) = self.aci.width() else { return (0.0, 1.0) };
        let width = (2.0 * half).min(1.0);
        ((1.0 - width / self.spec.width_reference).clamp(0.0, 1.0), width)
    }

    pub(crate) fn evidence(&self) -> Evidence {
        let half = self.aci.width().unwrap_or(0.5).min(0.5);
        let measured = half / self.deviations;
        let beyond = (measured * measured - self.sampling).max(0.0);
        Evidence { labels: self.labels, miscalibration: math::sqrt(beyond) }
    }

    pub(crate) fn learn(&mut self, lesson: &Lesson) {
        let Lesson { null, opinion, favoured, won, weight } = *lesson;
        let memory = self.spec.platt.memory.max(1.0);
        self.labels = (self.labels + weight).min(memory);
        self.line.learn(null, opinion.raw, won, weight);
        if favoured {
            self.block.weight += weight;
            self.block.error += weight * (f64::from(u8::from(won)) - opinion.p);
            // Both sides of a sample count as live, so what is known once has a weight of one on both sides together,
            // and of about one half on the favoured side alone.
            self.block.variance += 0.5 * weight * opinion.p * (1.0 - opinion.p);
        }
        if self.block.weight < self.spec.block || self.block.weight <= 0.0 {
            return;
        }
        let Block { weight, error, variance } = std::mem::take(&mut self.block);
        self.aci.resolve((error / weight).abs());
        let rate = (1.0 / self.aci.resolved().max(1) as f64).max(1.0 / self.spec.aci.capacity.max(1) as f64);
        self.sampling += rate * (variance / (weight * weight) - self.sampling);
    }
}

/// `a raw + b`, learned around a null that is given with each label.
#[derive(Debug, Clone)]
struct Line {
    spec: PlattSpec,
    a: f64,
    b: f64,
    /// Decayed information: of `a`, of both, of `b`, without the prior.
    information: [f64; 3],
}

market::state!(Line { a, b, information });

impl Line {
    fn new(spec: PlattSpec) -> Self {
        let a = 1.0_f64.max(spec.slope.0).min(spec.slope.1);
        Self { spec, a, b: 0.0, information: [0.0; 3] }
    }

    fn beyond(&self, raw: f64) -> f64 {
        self.a * raw.clamp(-8.0, 8.0) + self.b
    }

    fn learn(&mut self, null: f64, raw: f64, won: bool, weight: f64) {
        let p = math::sigmoid(null + self.beyond(raw));
        let raw = raw.clamp(-8.0, 8.0);
        // The memory is in labels of weight one.
        let keep = 1.0 - (weight / self.spec.memory.max(1.0)).clamp(0.0, 1.0);
        let curvature = weight * p * (1.0 - p);
        let [aa, ab, bb] = self.information;
        self.information = [keep * aa + curvature * raw * raw, keep * ab + curvature * raw, keep * bb + curvature];
        let pull = weight * (f64::from(u8::from(won)) - p);
        let [aa, ab, bb] = self.information;
        let (aa, bb) = (aa + self.spec.prior, bb + self.spec.prior);
        let determinant = aa * bb - ab * ab;
        if determinant > 0.0 && pull.is_finite() {
            let limit = self.spec.offset;
            self.a = (self.a + (bb * raw - ab) * pull / determinant).max(self.spec.slope.0).min(self.spec.slope.1);
            self.b = (self.b + (aa - ab * raw) * pull / determinant).max(-limit).min(limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{COUNCIL, Noise};

    fn lesson(calibration: &Calibration, null: f64, raw: f64, won: bool) -> Lesson {
        Lesson { null, opinion: calibration.opinion(null, raw), favoured: true, won, weight: 0.5 }
    }

    /// Labels drawn from `null + a raw + b`; what the line finds, and how sure it is.
    fn check(a: f64, b: f64) -> (Calibration, Noise) {
        let mut calibration = Calibration::new(&COUNCIL.agents.calibration);
        let mut noise = Noise(4);
        for i in 0..20_000 {
            let (null, raw) = (if i % 2 == 0 { -0.5 } else { 0.9 }, noise.normal());
            let p = math::sigmoid(null + a * raw + b);
            let won = math::normal_cdf(noise.normal()) < p;
            calibration.learn(&lesson(&calibration, null, raw, won));
        }
        assert!((calibration.line.a - a).abs() < 0.12, "{:?}", calibration.line);
        assert!((calibration.line.b - b).abs() < 0.12, "{:?}", calibration.line);
        assert!(calibration.is_ready() && calibration.evidence().labels == 1_000.0);
        (calibration, noise)
    }

    #[test]
    fn the_line_is_found_around_a_null_that_moves() {
        check(1.0, 0.0);
        check(0.4, -0.3);
        check(1.6, 0.2);
        check(0.0, 0.0);
    }

    #[test]
    fn the_interval_covers_sampling_and_widens_when_p_is_off() {
        let (mut calibration, mut noise) = check(1.0, 0.0);
        let calm = calibration.confidence();
        // A block is 20 labels of weight one half: a standard deviation of about .105, 1.28 of them to each side.
        assert!((0.2..0.33).contains(&calm.1), "{calm:?}");
        // The quantile of 64 scores is itself unsure by an eighth.
        assert!(calibration.evidence().miscalibration < 0.08);
        // Then p is worth nothing, faster than the line can follow: each label is drawn against what is said.
        for _ in 0..1_000 {
            let raw = noise.normal();
            let opinion = calibration.opinion(0.0, raw);
            let won = math::normal_cdf(noise.normal()) < opinion.p - 0.4;
            calibration.learn(&lesson(&calibration, 0.0, raw, won));
        }
        assert!(calibration.confidence().0 < calm.0 && calibration.evidence().miscalibration > 0.1);
    }

    #[test]
    fn without_blocks_there_is_no_confidence() {
        let calibration = Calibration::new(&COUNCIL.agents.calibration);
        assert_eq!((calibration.confidence(), calibration.is_ready()), ((0.0, 1.0), false));
    }
}
