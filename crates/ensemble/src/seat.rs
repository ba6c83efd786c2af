//! A seat at the council: an agent's mind, what it has seen, what its word is worth.
//!
//! To add an agent: a variant of [`AgentKind`] (and of its `state_enum!` list), a variant of [`Mind`] with an arm in
//! each of its four functions, and a line in `Mind::new`. A mind answers with log-odds beyond the null's, of any scale;
//! calibration, domain, weights, confidence and the decision then treat it like the others. It must not allocate.

mod mind;

use std::sync::Arc;

use features::Frame;
use market::{Reader, Side, State, Tick, Time, Torn};
use models::FtrlSpec;

use crate::artefact::Artefact;
use crate::barrier::Barrier;
use crate::calibration::{Calibration, CalibrationSpec, Evidence, Lesson};
use crate::domain::{Centre, Domain, DomainSpec, Reach};
use crate::fair::FairValueSpec;
use crate::inputs::{Inputs, WIDTH};
use crate::news::{NewsSpec, Sentiment};
use crate::sequence::Runner;
use crate::vote::{AGENTS, Abstain, AgentKind, Opinion, Vote, place};
use crate::watch::{Rollback, Watch, WatchSpec};
use mind::Mind;
pub(crate) use mind::{load_model, save_model};

/// How the agents learn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgentSpec {
    /// The logistic regressions.
    pub logistic: FtrlSpec,
    /// The fair value filter.
    pub fair_value: FairValueSpec,
    /// Burst speaks only while the log of the 5 s over the 60 s tick rate is at least this.
    pub surge_min: f64,
    /// How the scale of inputs is learned, and what is out of domain.
    pub domain: DomainSpec,
    /// How opinions are calibrated.
    pub calibration: CalibrationSpec,
    /// What an item of news is worth.
    pub news: NewsSpec,
    /// How trained models are watched while they serve.
    pub watch: WatchSpec,
}

/// What all agents look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) tick: &'a Tick,
    pub(crate) barrier: &'a Barrier,
    /// The log-odds of the null at this spread.
    pub(crate) null: f64,
    /// Whether the quote is new, and not one that still stands while the leader moved.
    pub(crate) own: bool,
    /// Why nobody may speak now, if so.
    pub(crate) silenced: Option<Abstain>,
}

/// What an agent thought at one moment: kept with the sample until its labels come back.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Thought {
    /// Why it was not said, if so.
    pub(crate) kept: Option<Abstain>,
    /// The seat's epoch then: a model that takes the seat later learns nothing from it.
    epoch: u32,
    /// The inputs before and after standardisation.
    seen: Inputs,
    standardised: Inputs,
    pub(crate) opinions: [Opinion; 2],
}

market::state!(Thought { kept, epoch, seen, standardised, opinions });

impl Thought {
    fn kept(reason: Abstain) -> Self {
        Self { kept: Some(reason), ..Self::default() }
    }

    /// Whether the agent learns from what comes of it: it was said, or kept back only for want of calibration.
    const fn is_lesson(&self) -> bool {
        matches!(self.kept, None | Some(Abstain::Uncalibrated))
    }

    /// What was thought of both sides, whether its calibration lets it be said or not.
    pub(crate) fn opined(&self) -> Option<[Opinion; 2]> {
        self.is_lesson().then_some(self.opinions)
    }

    /// What was said about a side.
    pub(crate) fn said(&self, side: Side) -> Option<Opinion> {
        self.kept.is_none().then_some(self.opinions[place(side)])
    }
}

/// One agent with everything it has learned.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    kind: AgentKind,
    spec: AgentSpec,
    mind: Mind,
    domain: Domain<WIDTH>,
    calibration: Calibration,
    faulted: bool,
    /// Which of the models that took such a seat this is; 0 where none ever does.
    epoch: u32,
    /// A trained model's last moment.
    until: Option<Time>,
    /// What is watched of a trained model.
    watch: Option<Box<Watch>>,
}

impl State for Seat {
    fn save(&self, out: &mut Vec<u8>) {
        self.mind.save(out);
        self.domain.save(out);
        self.calibration.save(out);
        self.faulted.save(out);
        self.epoch.save(out);
        self.until.save(out);
        if let Some(watch) = &self.watch {
            watch.save(out);
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.mind.load(from)?;
        self.domain.load(from)?;
        self.calibration.load(from)?;
        self.faulted.load(from)?;
        self.epoch.load(from)?;
        self.until.load(from)?;
        // Whoever sits here is watched, so the model says whether there is a watch.
        self.watch = self.model().map(|model| Box::new(Watch::new(&self.spec.watch, model)));
        self.watch.as_mut().map_or(Ok(()), |watch| watch.load(from))
    }
}

impl Seat {
    pub(crate) fn new(kind: AgentKind, spec: &AgentSpec) -> Self {
        Self {
            kind,
            spec: *spec,
            mind: Mind::new(kind, spec),
            domain: Domain::new(spec.domain, Centre::Zero),
            calibration: Calibration::new(&spec.calibration),
            faulted: false,
            epoch: 0,
            until: None,
            watch: None,
        }
    }

    /// A seat that a trained model takes, with nothing known of it yet.
    pub(crate) fn of_model(
        spec: &AgentSpec,
        kind: AgentKind,
        model: Arc<Artefact>,
        (epoch, until): (u32, Option<Time>),
    ) -> Self {
        let watch = Some(Box::new(Watch::new(&spec.watch, &model)));
        Self { mind: Mind::of_model(model), epoch, until, watch, ..Self::new(kind, spec) }
    }

    pub(crate) const fn kind(&self) -> AgentKind {
        self.kind
    }

    /// A trained model's last moment, when it has one.
    pub(crate) const fn until(&self) -> Option<Time> {
        self.until
    }

    /// What is watched of a trained model.
    pub(crate) fn watch(&self) -> Option<&Watch> {
        self.watch.as_deref()
    }

    pub(crate) fn watch_mut(&mut self) -> Option<&mut Watch> {
        self.watch.as_deref_mut()
    }

    /// Why a trained model may not sit here now.
    pub(crate) fn unfit(&self, now: Time) -> Option<Rollback> {
        if self.faulted {
            return Some(Rollback::NotANumber);
        }
        if self.until.is_some_and(|until| now >= until) {
            return Some(Rollback::Age);
        }
        self.watch().and_then(Watch::verdict)
    }

    /// Tells the agent that listens to news of an item.
    pub(crate) fn notice(&mut self, sentiment: Sentiment, published: Time, now: Time) {
        if let Mind::News(news) = &mut self.mind {
            news.hear(sentiment, published, now);
        }
    }

    /// The trained model that sits here.
    pub(crate) fn model(&self) -> Option<&Arc<Artefact>> {
        self.mind.model()
    }

    /// The net that runs here.
    pub(crate) fn runner(&self) -> Option<&Runner> {
        match &self.mind {
            Mind::Sequence(runner) => runner.as_deref(),
            Mind::Trees(_) | Mind::Logistic(_) | Mind::FairValue(_) | Mind::News(_) => None,
        }
    }

    /// It comes back after a time in which it heard nothing.
    pub(crate) fn return_to_service(&mut self) {
        if let Mind::Sequence(Some(runner)) = &mut self.mind {
            runner.rest();
        }
    }

    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether a thought is this model's.
    pub(crate) const fn owns(&self, thought: &Thought) -> bool {
        thought.epoch == self.epoch
    }

    /// All seats, in the order of the agents' numbers.
    pub(crate) fn all(spec: &AgentSpec) -> [Self; AGENTS] {
        std::array::from_fn(|i| Self::new(AgentKind::ALL[i], spec))
    }

    /// Begins anew, with nothing learned.
    pub(crate) fn restart(&mut self) {
        *self = match self.model() {
            Some(model) => Self::of_model(&self.spec, self.kind, Arc::clone(model), (self.epoch, self.until)),
            None => Self::new(self.kind, &self.spec),
        };
    }

    pub(crate) const fn is_faulted(&self) -> bool {
        self.faulted
    }

    pub(crate) fn evidence(&self) -> Evidence {
        self.calibration.evidence()
    }

    /// Breaks the agent, for tests.
    #[cfg(test)]
    pub(crate) fn spoil(&mut self) {
        self.calibration.spoil();
    }

    /// Takes the next quote, and thinks.
    pub(crate) fn think(&mut self, moment: &Moment<'_>) -> Thought {
        if moment.own {
            self.mind.on_tick(moment.frame, moment.tick);
        }
        let thought = Thought { epoch: self.epoch, ..self.consider(moment).unwrap_or_else(Thought::kept) };
        self.faulted |= thought.kept == Some(Abstain::Fault);
        thought
    }

    fn consider(&self, moment: &Moment<'_>) -> Result<Thought, Abstain> {
        if self.faulted {
            return Err(Abstain::Fault);
        }
        if let Some(reason) = moment.silenced {
            return Err(reason);
        }
        let seen = self.mind.inputs(moment.frame, moment.tick)?;
        let standardised = self.domain.standardise(&seen);
        let mut thought = Thought { seen, standardised, ..Thought::default() };
        thought.kept = None;
        let reach = self.domain.reach(&standardised);
        if self.has_domain() && reach != Reach::Inside {
            thought.kept = Some(if reach == Reach::Unknown { Abstain::WarmUp } else { Abstain::OutOfDomain });
            return Ok(thought);
        }
        let raw = self.mind.raw(&standardised, moment)?;
        thought.opinions = raw.map(|raw| self.calibration.opinion(moment.null, raw));
        if !thought.opinions.iter().all(|opinion| opinion.raw.is_finite() && opinion.p.is_finite()) {
            return Err(Abstain::Fault);
        }
        thought.kept = (!self.calibration.is_ready()).then_some(Abstain::Uncalibrated);
        Ok(thought)
    }

    /// Whether what it has seen says how far its inputs reach. A trained model knows its own, and news have none.
    const fn has_domain(&self) -> bool {
        !matches!(self.mind, Mind::Trees(_) | Mind::Sequence(_) | Mind::News(_))
    }

    /// What the agent says of its thought.
    pub(crate) fn vote(&self, thought: &Thought) -> Vote {
        let (confidence, width) = self.calibration.confidence();
        match thought.kept {
            Some(reason) => Vote { sides: Err(reason), confidence, width },
            None => Vote { sides: Ok(thought.opinions), confidence, width },
        }
    }

    /// Takes a sample into the domain, whether it lay inside or not, so that a market that has moved for good is one
    /// that was seen before after a while.
    pub(crate) fn remember(&mut self, thought: &Thought) {
        let has_seen = match thought.kept {
            None | Some(Abstain::Uncalibrated | Abstain::OutOfDomain) => true,
            Some(Abstain::WarmUp) => thought.seen != [0.0; WIDTH],
            Some(Abstain::Stale | Abstain::Blackout | Abstain::Fault | Abstain::NoOpinion | Abstain::NoModel) => false,
        };
        if has_seen && self.has_domain() && !self.faulted {
            self.domain.learn(&thought.seen);
        }
    }

    /// Learns what came of a thought.
    pub(crate) fn learn(&mut self, thought: &Thought, null: f64, resolved: (Side, bool, f64)) {
        let (side, won, weight) = resolved;
        if self.faulted || !thought.is_lesson() || !self.owns(thought) {
            return;
        }
        let [mine, other] = [side, side.opposite()].map(|side| thought.opinions[place(side)]);
        self.calibration.learn(&Lesson { null, opinion: mine, favoured: mine.raw >= other.raw, won, weight });
        self.mind.learn(&thought.standardised, side, won, weight);
    }
}
