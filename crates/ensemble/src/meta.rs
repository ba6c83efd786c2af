//! The second model: is the chosen side worth its costs? What it sees, and how it is asked (signals.md 6.1, M).
//!
//! It has no vote. After the pool it is asked about the better side, and only about what it has learned to judge: the
//! opinion of the very trees that it was trained beside, about the side that they favour, within its domain.
//!
//! Its columns are made here and nowhere else: a training asks the same functions.

use std::sync::Arc;

use features::{Feature, Frame};
use market::math::{logit, sigmoid};
use market::{Reader, Side, State, Time, Torn};

use crate::artefact::{Artefact, Brain, INPUTS_MAX};
use crate::barrier::Barrier;
use crate::regime::RegimeView;
use crate::vote::{Opinion, place};

/// What is made of the trees' opinion: the log-odds of the chosen side, how far they are above the null's, those of the
/// other side, and the side: 1 buys, -1 sells.
pub const OPINION: [&str; 4] = ["meta_odds", "meta_over_null", "meta_other_odds", "meta_side"];

/// Features beside the opinion that a training takes.
pub const CONTEXT: [Feature; 6] = [
    Feature::Spread,
    Feature::SpreadPerSigma,
    Feature::SigmaS60,
    Feature::NoiseRatio,
    Feature::HourSin,
    Feature::HourCos,
];

/// The regime: three probabilities, how open the gate is, and how likely a recent change is.
pub const REGIME: [&str; 5] = ["regime_0", "regime_1", "regime_2", "regime_gate", "regime_change"];

/// The most columns.
const WIDTH_MAX: usize = OPINION.len() + INPUTS_MAX + REGIME.len();

/// The probability of calibrated log-odds, kept off 0 and 1 as in training.
pub fn probability(log_odds: f64) -> f64 {
    sigmoid(log_odds).clamp(1e-6, 1.0 - 1e-6)
}

/// The side that probabilities of a buy and of a sell favour; a buy when they are equal.
pub fn favoured(p: [f64; 2]) -> Side {
    if p[1] > p[0] { Side::Sell } else { Side::Buy }
}

/// The columns of [`OPINION`]: probabilities of a buy and of a sell, the side that is asked about, and the spread (points,
/// NaN when there is none) at which the null is taken.
pub fn opinion(p: [f64; 2], side: Side, barrier: &Barrier, spread: f64) -> [f64; 4] {
    let (chosen, other) = (p[place(side)], p[place(side.opposite())]);
    let null = barrier.null(if spread.is_nan() { 0.0 } else { spread });
    if chosen.is_nan() {
        return [f64::NAN; 4];
    }
    [logit(chosen), logit(chosen) - logit(null), logit(other), side.sign() as f64]
}

/// The columns of [`REGIME`]; NaN until the regime is known.
pub fn regime(view: &RegimeView) -> [f64; 5] {
    let [quiet, usual, wild] = view.posterior;
    if view.is_warm() { [quiet, usual, wild, view.gate, view.change_probability] } else { [f64::NAN; 5] }
}

/// Why the meta model has nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum MetaSilence {
    /// None has its seat.
    #[default]
    NoModel,
    /// The trees that have the seat are not those that it has learned to judge.
    OtherTrees,
    /// The trees say nothing at this quote.
    NoOpinion,
    /// The trees favour the other side: it has never seen such a question.
    OtherSide,
    /// Its own inputs are not ready.
    WarmUp,
    /// Its own inputs are outside of its training.
    OutOfDomain,
    /// Its answer is not a number.
    Fault,
}

market::state_enum!(MetaSilence { NoModel, OtherTrees, NoOpinion, OtherSide, WarmUp, OutOfDomain, Fault });

impl MetaSilence {
    /// The reason in a word, for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoModel => "no_model",
            Self::OtherTrees => "other_trees",
            Self::NoOpinion => "no_opinion",
            Self::OtherSide => "other_side",
            Self::WarmUp => "warm_up",
            Self::OutOfDomain => "out_of_domain",
            Self::Fault => "fault",
        }
    }
}

/// What the trees think now: their digest, and their opinions when they have any, with the null's log-odds that the raw
/// ones are beyond.
pub(crate) struct Judged<'a> {
    pub(crate) trees: Option<&'a Arc<Artefact>>,
    pub(crate) said: Option<[Opinion; 2]>,
    pub(crate) null: f64,
}

/// The seat of the meta model, the one before it, and what it saw at the last tick.
#[derive(Debug, Clone)]
pub(crate) struct MetaSeat {
    champion: Option<Arc<Artefact>>,
    former: Option<Arc<Artefact>>,
    /// The last moments of both, when they have one.
    until: [Option<Time>; 2],
    silent: Option<MetaSilence>,
    p: [f64; 2],
    spread: f64,
    /// The inputs, then the regime.
    context: [f64; INPUTS_MAX + REGIME.len()],
}

impl State for MetaSeat {
    fn save(&self, out: &mut Vec<u8>) {
        crate::seat::save_model(self.champion.as_deref(), out);
        crate::seat::save_model(self.former.as_deref(), out);
        self.until.save(out);
        self.silent.save(out);
        self.p.save(out);
        self.spread.save(out);
        self.context.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        crate::seat::load_model(&mut self.champion, from)?;
        crate::seat::load_model(&mut self.former, from)?;
        let is_meta = |model: &Arc<Artefact>| matches!(model.parts().brain, Brain::Meta { .. });
        if !self.champion.iter().chain(&self.former).all(is_meta) {
            return Err(Torn);
        }
        self.until.load(from)?;
        self.silent.load(from)?;
        self.p.load(from)?;
        self.spread.load(from)?;
        self.context.load(from)
    }
}

impl MetaSeat {
    pub(crate) const fn new() -> Self {
        Self {
            champion: None,
            former: None,
            until: [None; 2],
            silent: Some(MetaSilence::NoModel),
            p: [f64::NAN; 2],
            spread: f64::NAN,
            context: [f64::NAN; INPUTS_MAX + REGIME.len()],
        }
    }

    pub(crate) fn install(&mut self, model: Arc<Artefact>, until: Option<Time>) {
        self.former = self.champion.replace(model);
        self.until = [until, self.until[0]];
        self.silent = Some(MetaSilence::NoOpinion);
    }

    /// The model of before comes back, if there is one that still may.
    pub(crate) fn roll_back(&mut self, now: Time) -> bool {
        let [_, until] = self.until;
        let Some(former) = self.former.take().filter(|_| until.is_none_or(|until| now < until)) else { return false };
        self.champion = Some(former);
        self.until = [until, None];
        self.silent = Some(MetaSilence::NoOpinion);
        true
    }

    /// A model past its last moment leaves. Answers whether one did, and whether the one before it is back.
    pub(crate) fn expire(&mut self, now: Time) -> Option<bool> {
        self.champion.as_ref().filter(|_| self.until[0].is_some_and(|until| now >= until))?;
        let back = self.roll_back(now);
        if !back {
            (self.champion, self.until) = (None, [None; 2]);
            self.silent = Some(MetaSilence::NoModel);
        }
        Some(back)
    }

    /// The last moment of the model that sits here.
    pub(crate) const fn until(&self) -> Option<Time> {
        self.until[0]
    }

    pub(crate) const fn champion(&self) -> Option<&Arc<Artefact>> {
        self.champion.as_ref()
    }

    pub(crate) const fn former(&self) -> Option<&Arc<Artefact>> {
        self.former.as_ref()
    }

    /// The trees changed: what they said before is not the word of those who sit there now.
    pub(crate) const fn forget(&mut self) {
        if self.champion.is_some() {
            self.silent = Some(MetaSilence::NoOpinion);
        }
    }

    /// Looks at a quote: keeps what a question about it will need. Asks nothing yet.
    pub(crate) fn look(&mut self, frame: &Frame, view: &RegimeView, judged: &Judged<'_>) {
        let Some(model) = &self.champion else { return };
        let Brain::Meta { of, .. } = &model.parts().brain else { return };
        let mut room = [f64::NAN; INPUTS_MAX];
        self.silent = match (judged.trees, judged.said) {
            (None, _) => Some(MetaSilence::OtherTrees),
            (Some(trees), _) if trees.digest() != of => Some(MetaSilence::OtherTrees),
            (_, None) => Some(MetaSilence::NoOpinion),
            (_, Some(said)) => {
                self.p = said.map(|opinion| probability(opinion.raw + judged.null));
                match model.row(frame, &mut room) {
                    Ok(_) => None,
                    Err(crate::Abstain::OutOfDomain) => Some(MetaSilence::OutOfDomain),
                    Err(_) => Some(MetaSilence::WarmUp),
                }
            }
        };
        let inputs = model.parts().inputs.len();
        self.spread = frame.get(Feature::Spread).unwrap_or(f64::NAN);
        self.context[..inputs].copy_from_slice(&room[..inputs]);
        self.context[inputs..inputs + REGIME.len()].copy_from_slice(&regime(view));
    }

    /// The probability that a trade on this side earns more than its costs, at the last quote looked at.
    pub(crate) fn word(&self, side: Side, barrier: &Barrier) -> Result<f64, MetaSilence> {
        let model = self.champion.as_ref().ok_or(MetaSilence::NoModel)?;
        if let Some(silence) = self.silent {
            return Err(silence);
        }
        if favoured(self.p) != side {
            return Err(MetaSilence::OtherSide);
        }
        let mut room = [0.0; WIDTH_MAX];
        let row = self.row(model, side, barrier, &mut room);
        let p = model.log_odds(row).map(sigmoid)[0];
        if p.is_finite() { Ok(p) } else { Err(MetaSilence::Fault) }
    }

    /// The columns of a question about a side at the last quote looked at.
    fn row<'a>(&self, model: &Artefact, side: Side, barrier: &Barrier, room: &'a mut [f64; WIDTH_MAX]) -> &'a [f64] {
        let rest = model.parts().inputs.len() + REGIME.len();
        room[..OPINION.len()].copy_from_slice(&opinion(self.p, side, barrier, self.spread));
        room[OPINION.len()..OPINION.len() + rest].copy_from_slice(&self.context[..rest]);
        &room[..OPINION.len() + rest]
    }

    /// The same, for an explanation; `None` when it is silent.
    pub(crate) fn question(&self, side: Side, barrier: &Barrier) -> Option<Vec<f64>> {
        let model = self.champion.as_ref().filter(|_| self.silent.is_none())?;
        Some(self.row(model, side, barrier, &mut [0.0; WIDTH_MAX]).to_vec())
    }
}
