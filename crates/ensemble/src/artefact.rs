//! A trained model as the council takes it in: what it reads, what its probabilities are about, where it was trained.
//!
//! `bytes` as it is stored   `error` why it cannot be used
//!
//! Whoever verified its signature hands it over with its digest. It is immutable and shared; everything that is learned
//! about it while it serves (its calibration, its trial), and what a sequence has left behind, stays with the seat.

mod bytes;
mod error;
#[cfg(test)]
mod tests;

use features::{Feature, Frame};
use market::{Span, Time};
use models::Net;
use models::forest::{Forest, Link};

pub use error::ArtefactError;

use crate::barrier::Barrier;
use crate::cadence::Cadence;
use crate::meta;
use crate::vote::{Abstain, AgentKind};

/// The most inputs of a trained model.
pub const INPUTS_MAX: usize = Feature::COUNT;

/// A seat that a trained model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Trained {
    /// Boosted trees, one forest per side.
    #[default]
    Trees,
    /// A recurrent net.
    Sequence,
    /// A second model: it has no vote, and judges what the trees and the pool want.
    Meta,
}

market::state_enum!(Trained { Trees, Sequence, Meta });

/// The seats whose models vote, each in the place of its number.
pub const VOTERS: [Trained; 2] = [Trained::Trees, Trained::Sequence];

/// How many seats of those that vote take trained models.
pub const TRAINED: usize = VOTERS.len();

impl Trained {
    /// The agent that speaks from this seat; `None` for one that does not vote.
    pub const fn agent(self) -> Option<AgentKind> {
        match self {
            Self::Trees => Some(AgentKind::Trees),
            Self::Sequence => Some(AgentKind::Sequence),
            Self::Meta => None,
        }
    }

    /// The seat in a word, for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trees => "trees",
            Self::Sequence => "sequence",
            Self::Meta => "meta",
        }
    }
}

/// The digest (SHA-256) of an artefact's encoding: its identity.
pub type Digest = [u8; 32];

/// A feature that a model reads, and the range in which nearly all of its training lay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input {
    /// Which feature; one that is not ready is read as NaN, which trees know as missing.
    pub feature: Feature,
    /// Values below this are outside.
    pub low: f64,
    /// Values above this are outside.
    pub high: f64,
    /// The deciles of its training, from the first to the ninth: what the stability index compares with.
    pub deciles: [f64; 9],
}

/// What turns an input into deviations from its mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Taken off.
    pub mean: f64,
    /// Then divided by; above zero.
    pub deviation: f64,
}

impl Scale {
    /// The input on the scale of the net, at most `clip` either way; what is missing is as the mean.
    pub fn of(&self, x: f64, clip: f64) -> f64 {
        if x.is_finite() { ((x - self.mean) / self.deviation).clamp(-clip, clip) } else { 0.0 }
    }
}

/// `log-odds = slope * score + offset`, fitted out of fold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Times the score; above zero.
    pub slope: f64,
    /// Plus this.
    pub offset: f64,
}

/// A net with all that it needs to run over a stream as it ran over the rows that it was taught on.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// Its outputs are the scores of a buy and of a sell.
    pub net: Net,
    /// The scale of each input.
    pub scales: Vec<Scale>,
    /// Inputs count at most so many deviations.
    pub clip: f64,
    /// Which ticks it takes a step at: the rule of the dataset's rows.
    pub cadence: Cadence,
    /// After a silence longer than this it begins anew; an opinion older than this is stale.
    pub gap: Span,
    /// Steps after a rest before it has anything to say.
    pub warm: u32,
    /// What the scores of both sides are worth.
    pub lines: [Line; 2],
}

impl Sequence {
    /// Calibrated log-odds of both sides from the net's outputs.
    pub fn log_odds(&self, outputs: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|side| self.lines[side].slope * outputs[side] + self.lines[side].offset)
    }

    fn check(&self, inputs: usize) -> Result<(), ArtefactError> {
        if self.net.inputs() != inputs || self.scales.len() != inputs {
            return Err(ArtefactError::Width { reads: self.net.inputs(), inputs });
        }
        if self.net.outputs() != 2 {
            return Err(ArtefactError::Outputs { found: self.net.outputs() });
        }
        let sized = |x: f64, most: f64| x.abs() <= most;
        let scales = |scale: &Scale| sized(scale.mean, 1e100) && (1e-100..=1e100).contains(&scale.deviation);
        let line = |line: &Line| line.slope > 0.0 && sized(line.slope, 1e6) && sized(line.offset, 1e6);
        let parts = [
            ("scale", self.scales.iter().all(scales)),
            ("clip", self.clip > 0.0 && self.clip <= 1e6),
            ("cadence", self.cadence.is_sound()),
            ("gap", self.gap.0 > 0),
            ("warm-up", self.warm <= 1_000_000),
            ("calibration", self.lines.iter().all(line)),
        ];
        parts.iter().find(|(_, sound)| !sound).map_or(Ok(()), |(which, _)| Err(ArtefactError::Sequence(which)))
    }
}

/// What thinks.
#[derive(Debug, Clone, PartialEq)]
pub enum Brain {
    /// The forests of the buy and of the sell side: log-odds that the side's upper barrier is touched first.
    Trees([Forest; 2]),
    /// A recurrent net.
    Sequence(Box<Sequence>),
    /// Log-odds that the trade on the chosen side earns more than its costs, from the columns of [`meta`].
    Meta {
        /// It reads [`meta::OPINION`], the inputs, and [`meta::REGIME`].
        forest: Forest,
        /// The trees whose opinion it has learned to judge.
        of: Digest,
    },
}

impl Brain {
    /// Which seat it takes.
    pub const fn seat(&self) -> Trained {
        match self {
            Self::Trees(_) => Trained::Trees,
            Self::Sequence(_) => Trained::Sequence,
            Self::Meta { .. } => Trained::Meta,
        }
    }
}

/// Everything of a trained model but its digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// Name and version, for people.
    pub name: String,
    /// What its probabilities are about.
    pub barrier: Barrier,
    /// The features that it reads, in the order of its rows.
    pub inputs: Vec<Input>,
    /// With more inputs than this outside their range it abstains.
    pub outside_max: u32,
    /// With more inputs than this not ready it abstains.
    pub missing_max: u32,
    /// The first and the last moment that it has learned from; the last labels ended up to a horizon later.
    pub trained: (Time, Time),
    /// What thinks.
    pub brain: Brain,
}

impl Parts {
    /// From when on nothing that it meets was part of its training: the last row, and the life of its labels.
    pub fn honest_from(&self) -> Time {
        self.trained.1.plus(self.barrier.horizon)
    }

    /// How many columns its rows have.
    pub const fn width(&self) -> usize {
        match self.brain {
            Brain::Trees(_) | Brain::Sequence(_) => self.inputs.len(),
            Brain::Meta { .. } => meta::OPINION.len() + self.inputs.len() + meta::REGIME.len(),
        }
    }

    fn check(&self) -> Result<(), ArtefactError> {
        self.barrier.check().map_err(ArtefactError::Barrier)?;
        if self.name.trim().is_empty() || self.name.len() > 96 || self.name.chars().any(char::is_control) {
            return Err(ArtefactError::Name);
        }
        let inputs = self.inputs.len();
        if inputs == 0 || inputs > INPUTS_MAX {
            return Err(ArtefactError::Inputs { found: inputs });
        }
        let sound = |input: &Input| {
            let finite = input.deciles.iter().chain([&input.low, &input.high]).all(|x| x.is_finite());
            finite && input.low <= input.high && input.deciles.is_sorted()
        };
        if let Some(input) = self.inputs.iter().position(|input| !sound(input)) {
            return Err(ArtefactError::Range { input });
        }
        if self.trained.1 < self.trained.0 {
            return Err(ArtefactError::Period);
        }
        let forest = |forest: &Forest| {
            if forest.features() != self.width() {
                return Err(ArtefactError::Width { reads: forest.features(), inputs: self.width() });
            }
            let says = matches!(forest.link(), Link::Logistic { .. });
            if says { Ok(()) } else { Err(ArtefactError::NotLogOdds) }
        };
        match &self.brain {
            Brain::Trees(forests) => forests.iter().try_for_each(forest),
            Brain::Sequence(sequence) => sequence.check(inputs),
            Brain::Meta { forest: one, .. } => forest(one),
        }
    }
}

/// A trained model. Made only whole and sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Artefact {
    digest: Digest,
    parts: Parts,
}

impl Artefact {
    /// A model of these parts under a digest.
    ///
    /// # Errors
    /// [`ArtefactError`] says what does not fit together.
    pub fn new(parts: Parts, digest: Digest) -> Result<Self, ArtefactError> {
        parts.check()?;
        Ok(Self { digest, parts })
    }

    /// Its identity.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it consists of.
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Which seat it takes.
    pub const fn seat(&self) -> Trained {
        self.parts.brain.seat()
    }

    /// Writes the features that the model reads at a frame, all of them, and returns them, as many as the inputs.
    ///
    /// # Errors
    /// [`Abstain::WarmUp`] with too many features not ready, [`Abstain::OutOfDomain`] with too many outside.
    pub fn row<'a>(&self, frame: &Frame, room: &'a mut [f64; INPUTS_MAX]) -> Result<&'a [f64], Abstain> {
        let (mut outside, mut missing) = (0, 0);
        for (place, input) in room.iter_mut().zip(&self.parts.inputs) {
            *place = frame.get(input.feature).unwrap_or(f64::NAN);
            missing += u32::from(place.is_nan());
            outside += u32::from(*place < input.low || *place > input.high);
        }
        if missing > self.parts.missing_max {
            return Err(Abstain::WarmUp);
        }
        if outside > self.parts.outside_max {
            return Err(Abstain::OutOfDomain);
        }
        Ok(&room[..self.parts.inputs.len()])
    }

    /// Log-odds for buying and for selling from one row, as long as [`Parts::width`]; NaN from another. A net is asked as
    /// if it had rested before; a meta model says the same of both sides, because the row names the side.
    pub fn log_odds(&self, row: &[f64]) -> [f64; 2] {
        match &self.parts.brain {
            Brain::Trees(forests) => forests.each_ref().map(|forest| forest.log_odds(row).unwrap_or(f64::NAN)),
            Brain::Meta { forest, .. } => [forest.log_odds(row).unwrap_or(f64::NAN); 2],
            Brain::Sequence(sequence) => {
                let x: Vec<f64> = sequence.scales.iter().zip(row).map(|(s, x)| s.of(*x, sequence.clip)).collect();
                let mut out = [f64::NAN; 2];
                let stepped = sequence.net.step(&mut sequence.net.rest(), &x, &mut out);
                if stepped.is_some() && row.len() == x.len() { sequence.log_odds(out) } else { [f64::NAN; 2] }
            }
        }
    }
}
