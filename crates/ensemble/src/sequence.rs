//! A net in its seat: what its sequence has left behind, and its last word.

use std::sync::Arc;

use features::Frame;
use market::{Reader, Side, State, Tick, Time, Torn};
use models::net::{Attributed, attributions};
use models::{Net, NetState};

use crate::artefact::{Artefact, Brain, INPUTS_MAX, Sequence};
use crate::cadence::Sampler;
use crate::vote::{Abstain, place};

/// A net that runs over the believed ticks of a symbol. It takes a step at the moments of its cadence and keeps its opinion
/// between them.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    model: Arc<Artefact>,
    sampler: Sampler,
    state: NetState,
    /// When the last step was, what the net put out, and why that is no opinion, if so.
    stepped: Option<Time>,
    outputs: [f64; 2],
    kept: Option<Abstain>,
    /// What the sequence had left behind before the last step, and the inputs of that: what an explanation begins from.
    before: NetState,
    x: Vec<f64>,
}

/// The last step of a net, for an explanation.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The net with its calibration.
    pub sequence: &'a Sequence,
    /// When it was.
    pub time: Time,
    /// Steps since it rested, this one included.
    pub steps: u64,
    /// The inputs on the net's scale: deviations from their means, clipped.
    pub inputs: &'a [f64],
    /// What it put out: the scores of a buy and of a sell, before their calibration.
    pub outputs: [f64; 2],
    /// What the sequence had left behind before.
    pub before: &'a NetState,
}

impl Step<'_> {
    /// What each input added to a side's score, against inputs that are all at their mean; `None` when the step came to
    /// nothing. Allocates.
    pub fn attributed(&self, side: Side) -> Option<Attributed> {
        let net: &Net = &self.sequence.net;
        attributions(net, self.before, self.inputs, place(side)).filter(|found| {
            // Another bit than was put out is another step.
            found.output.to_bits() == self.outputs[place(side)].to_bits()
        })
    }
}

impl Runner {
    /// A net at rest; `None` when the model is none.
    pub(crate) fn new(model: Arc<Artefact>) -> Option<Self> {
        let Brain::Sequence(sequence) = &model.parts().brain else { return None };
        let (state, x) = (sequence.net.rest(), vec![0.0; sequence.scales.len()]);
        let (sampler, before) = (Sampler::default(), state.clone());
        Some(Self { sampler, state, stepped: None, outputs: [0.0; 2], kept: None, before, x, model })
    }

    pub(crate) const fn model(&self) -> &Arc<Artefact> {
        &self.model
    }

    /// Begins anew: it has missed ticks.
    pub(crate) fn rest(&mut self) {
        self.state.rest();
        (self.sampler, self.stepped, self.kept) = (Sampler::default(), None, None);
    }

    /// Hears a tick and the frame after it; takes a step when one is due.
    pub(crate) fn on_tick(&mut self, frame: &Frame, tick: &Tick) {
        let Self { model, sampler, state, before, x, .. } = self;
        let Brain::Sequence(sequence) = &model.parts().brain else { return };
        if !sampler.hear(sequence.cadence, tick) {
            return;
        }
        if self.stepped.is_some_and(|then| tick.time.since(then) > sequence.gap) {
            state.rest();
        }
        self.stepped = Some(tick.time);
        let mut room = [f64::NAN; INPUTS_MAX];
        // What lies outside of the training is clipped and heard all the same, but what the net says of it is kept back.
        self.kept = model.row(frame, &mut room).err();
        for ((x, scale), value) in x.iter_mut().zip(&sequence.scales).zip(&room) {
            *x = scale.of(*value, sequence.clip);
        }
        before.copy_from(state);
        if sequence.net.step(state, x, &mut self.outputs).is_none() {
            self.outputs = [f64::NAN; 2];
        }
    }

    /// What it said at its last step: calibrated log-odds of both sides.
    pub(crate) fn log_odds(&self, now: Time) -> Result<[f64; 2], Abstain> {
        let Brain::Sequence(sequence) = &self.model.parts().brain else { return Err(Abstain::NoModel) };
        let Some(then) = self.stepped else { return Err(Abstain::WarmUp) };
        if now.since(then) > sequence.gap {
            return Err(Abstain::Stale);
        }
        if self.state.steps() < u64::from(sequence.warm) {
            return Err(Abstain::WarmUp);
        }
        self.kept.map_or(Ok(sequence.log_odds(self.outputs)), Err)
    }

    /// Its last step; `None` when it has taken none.
    pub(crate) fn last(&self) -> Option<Step<'_>> {
        let Brain::Sequence(sequence) = &self.model.parts().brain else { return None };
        let (steps, inputs, outputs, before) = (self.state.steps(), &*self.x, self.outputs, &self.before);
        self.stepped.map(|time| Step { sequence, time, steps, inputs, outputs, before })
    }
}

/// The model is saved by the seat.
impl State for Runner {
    fn save(&self, out: &mut Vec<u8>) {
        self.sampler.save(out);
        self.state.save(out);
        self.stepped.save(out);
        self.outputs.save(out);
        self.kept.save(out);
        self.before.save(out);
        self.x.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.sampler.load(from)?;
        self.state.load(from)?;
        self.stepped.load(from)?;
        self.outputs.load(from)?;
        self.kept.load(from)?;
        self.before.load(from)?;
        let inputs = self.x.len();
        self.x.load(from)?;
        if self.x.len() == inputs && self.x.iter().all(|x| x.is_finite()) { Ok(()) } else { Err(Torn) }
    }
}
