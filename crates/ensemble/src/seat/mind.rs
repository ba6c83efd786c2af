//! How an agent comes to its raw opinion: online regressions, a filter, trained models, news.

use std::sync::Arc;

use features::Frame;
use market::{Reader, Side, State, Tick, Torn};
use models::Ftrl;

use super::{AgentSpec, Moment};
use crate::artefact::{Artefact, Brain, INPUTS_MAX};
use crate::fair::FairValue;
use crate::inputs::{self, Inputs, WIDTH};
use crate::news::News;
use crate::sequence::Runner;
use crate::vote::{Abstain, AgentKind};

/// How an agent comes to its raw opinion.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a council has one of each, side by side")]
pub(crate) enum Mind {
    Logistic(Logistic),
    FairValue(FairValue),
    Trees(Option<Arc<Artefact>>),
    Sequence(Option<Box<Runner>>),
    News(News),
}

/// An online logistic regression on mirrored inputs and a constant, which takes up the base rate.
#[derive(Debug, Clone)]
pub(crate) struct Logistic {
    look: Look,
    model: Ftrl<{ WIDTH + 1 }>,
}

/// Which features.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Look {
    Flow,
    Burst { surge_min: f64 },
    Momentum,
    Reversion,
}

impl Look {
    fn inputs(self, frame: &Frame) -> Result<Inputs, Abstain> {
        match self {
            Self::Flow => inputs::flow(frame),
            Self::Burst { surge_min } => inputs::burst(frame, surge_min),
            Self::Momentum => inputs::momentum(frame),
            Self::Reversion => inputs::reversion(frame),
        }
    }
}

impl Mind {
    pub(super) fn new(kind: AgentKind, spec: &AgentSpec) -> Self {
        let logistic = |look| Self::Logistic(Logistic { look, model: Ftrl::new(&spec.logistic) });
        match kind {
            AgentKind::Flow => logistic(Look::Flow),
            AgentKind::FairValue => Self::FairValue(FairValue::new(spec.fair_value)),
            AgentKind::Burst => logistic(Look::Burst { surge_min: spec.surge_min }),
            AgentKind::Momentum => logistic(Look::Momentum),
            AgentKind::Reversion => logistic(Look::Reversion),
            AgentKind::Trees => Self::Trees(None),
            AgentKind::Sequence => Self::Sequence(None),
            AgentKind::News => Self::News(News::new(spec.news)),
        }
    }

    pub(super) fn on_tick(&mut self, frame: &Frame, tick: &Tick) {
        match self {
            Self::Logistic(_) | Self::Trees(_) | Self::Sequence(None) | Self::News(_) => {}
            Self::FairValue(fair) => fair.on_tick(frame, tick),
            Self::Sequence(Some(runner)) => runner.on_tick(frame, tick),
        }
    }

    pub(super) fn inputs(&self, frame: &Frame, tick: &Tick) -> Result<Inputs, Abstain> {
        match self {
            Self::Logistic(logistic) => logistic.look.inputs(frame),
            Self::FairValue(fair) => fair.inputs(frame, tick),
            // What it reads, and whether that is within its training, the model knows itself.
            Self::Trees(_) | Self::Sequence(_) => self.model().map(|_| [0.0; WIDTH]).ok_or(Abstain::NoModel),
            Self::News(_) => Ok([0.0; WIDTH]),
        }
    }

    /// Log-odds beyond the null's, for buying and selling, from standardised inputs.
    pub(super) fn raw(&self, standardised: &Inputs, moment: &Moment<'_>) -> Result<[f64; 2], Abstain> {
        match self {
            Self::Logistic(logistic) => {
                // The constant is left out: the level comes from the null at this spread, and from the calibration.
                let inputs = logistic_inputs(standardised, Side::Buy);
                let parts = logistic.model.contributions(&inputs);
                let tilt: f64 = parts[..WIDTH].iter().sum();
                Ok([tilt, -tilt])
            }
            Self::FairValue(fair) => fair.raw(moment.frame, moment.tick, moment.barrier),
            Self::Trees(model) => {
                let mut room = [f64::NAN; INPUTS_MAX];
                let model = model.as_ref().ok_or(Abstain::NoModel)?;
                let row = model.row(moment.frame, &mut room)?;
                Ok(model.log_odds(row).map(|log_odds| log_odds - moment.null))
            }
            Self::Sequence(runner) => {
                let runner = runner.as_ref().ok_or(Abstain::NoModel)?;
                Ok(runner.log_odds(moment.tick.time)?.map(|log_odds| log_odds - moment.null))
            }
            Self::News(news) => news.raw(moment.tick.time),
        }
    }

    pub(super) fn learn(&mut self, standardised: &Inputs, side: Side, won: bool, weight: f64) {
        match self {
            Self::Logistic(logistic) => {
                logistic.model.learn(&logistic_inputs(standardised, side), won, weight);
            }
            // The filter learns from quotes, a trained model has learned, news are told: none learns from labels.
            Self::FairValue(_) | Self::Trees(_) | Self::Sequence(_) | Self::News(_) => {}
        }
    }

    /// The trained model that thinks here.
    pub(super) fn model(&self) -> Option<&Arc<Artefact>> {
        match self {
            Self::Trees(model) => model.as_ref(),
            Self::Sequence(runner) => runner.as_ref().map(|runner| runner.model()),
            Self::Logistic(_) | Self::FairValue(_) | Self::News(_) => None,
        }
    }

    /// The mind of a trained model that votes.
    pub(super) fn of_model(model: Arc<Artefact>) -> Self {
        match model.parts().brain {
            Brain::Sequence(_) => Self::Sequence(Runner::new(model).map(Box::new)),
            Brain::Trees(_) | Brain::Meta { .. } => Self::Trees(Some(model)),
        }
    }
}

impl State for Mind {
    fn save(&self, out: &mut Vec<u8>) {
        match self {
            Self::Logistic(logistic) => logistic.model.save(out),
            Self::FairValue(fair) => fair.save(out),
            Self::Trees(model) => save_model(model.as_deref(), out),
            Self::Sequence(runner) => {
                save_model(runner.as_ref().map(|runner| &**runner.model()), out);
                if let Some(runner) = runner {
                    runner.save(out);
                }
            }
            Self::News(news) => news.save(out),
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        match self {
            Self::Logistic(logistic) => logistic.model.load(from),
            Self::FairValue(fair) => fair.load(from),
            Self::Trees(model) => {
                load_model(model, from)?;
                let fits = |model: &Arc<Artefact>| matches!(model.parts().brain, Brain::Trees(_));
                if model.iter().all(fits) { Ok(()) } else { Err(Torn) }
            }
            Self::Sequence(runner) => {
                let mut model = runner.take().map(|runner| Arc::clone(runner.model()));
                load_model(&mut model, from)?;
                let Some(model) = model else { return Ok(()) };
                let mut loaded = Runner::new(model).ok_or(Torn)?;
                loaded.load(from)?;
                *runner = Some(Box::new(loaded));
                Ok(())
            }
            Self::News(news) => news.load(from),
        }
    }
}

/// A snapshot holds the whole model, so that it needs nothing beside it.
pub(crate) fn save_model(model: Option<&Artefact>, out: &mut Vec<u8>) {
    let Some(model) = model else { return out.push(0) };
    out.push(1);
    model.digest().iter().for_each(|byte| out.push(*byte));
    let mut bytes = Vec::new();
    Artefact::encode(model.parts(), &mut bytes);
    (bytes.len() as u64).save(out);
    out.extend_from_slice(&bytes);
}

pub(crate) fn load_model(model: &mut Option<Arc<Artefact>>, from: &mut Reader<'_>) -> Result<(), Torn> {
    *model = match from.u8()? {
        0 => None,
        1 => {
            let digest = from.take::<32>()?;
            let length = usize::try_from(from.read::<u64>()?).map_err(|_| Torn)?;
            let bytes = from.slice(length)?;
            let same = model.as_ref().filter(|model| *model.digest() == digest);
            match same {
                Some(same) => Some(Arc::clone(same)),
                None => Some(Arc::new(Artefact::decode(bytes, digest).map_err(|_| Torn)?)),
            }
        }
        _ => return Err(Torn),
    };
    Ok(())
}

/// The inputs of a side and the constant one. Inputs saturate at four standard deviations.
fn logistic_inputs(standardised: &Inputs, side: Side) -> [f64; WIDTH + 1] {
    let sign = side.sign() as f64;
    std::array::from_fn(|i| if i < WIDTH { sign * standardised[i].clamp(-4.0, 4.0) } else { 1.0 })
}
