//! The council of one symbol and barrier class: it learns from what came of its opinions, and tells them.

use features::Frame;
use market::{Span, Tick, Time, math};
use models::STATES;
use models::pool::clipped_logit;

use crate::artefact::{TRAINED, Trained, VOTERS};
use crate::barrier::Barrier;
use crate::bench::{Bench, Resolved};
use crate::calibration::Evidence;
use crate::canary::Assignment;
use crate::domain::Reach;
use crate::labels::{Label, LabelCounts, LabelSpec, Labels};
use crate::meta::MetaSeat;
use crate::regime::{Regime, RegimeSpec, RegimeView};
use crate::seat::{AgentSpec, Moment, Seat, Thought};
use crate::vote::{AGENTS, Abstain, AgentKind, Vote};
use crate::weights::{WeightSpec, Weights};

/// Everything that is a choice about a council.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CouncilSpec {
    /// What the probabilities are about.
    pub barrier: Barrier,
    /// When samples are taken, and how they are labelled.
    pub labels: LabelSpec,
    /// How agents learn and are calibrated.
    pub agents: AgentSpec,
    /// How agents are weighted.
    pub weights: WeightSpec,
    /// How the regime is found.
    pub regime: RegimeSpec,
    /// A frame older than its tick by more than this is stale, and so are opinions older than the quote decided on.
    pub age_max: Span,
    /// The council thinks again whenever the symbol's leader moves, while the symbol's own quote is not older than this;
    /// zero: at its own quotes only. What a leader tells is worth most before the own quote has followed.
    pub leader_moves: Span,
}

/// What is kept of a moment until its labels come back.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sample {
    /// The log-odds of the null at the spread of that moment.
    null: f64,
    posterior: [f64; STATES],
    thoughts: [Thought; AGENTS],
    /// What the challengers thought.
    shadows: [Thought; TRAINED],
}

market::state!(Sample { null, posterior, thoughts, shadows });

impl Sample {
    /// What the one who sits here now thought then, in this seat or as the challenger beside it; `None` when somebody else
    /// sat there.
    fn own(&self, seat: &Seat, place: usize) -> Option<&Thought> {
        let beside = self.shadows.iter().filter(|_| seat.epoch() > 0);
        std::iter::once(&self.thoughts[place]).chain(beside).find(|thought| seat.owns(thought))
    }
}

/// Why a model cannot serve a council.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Misfit {
    /// Its probabilities are about another barrier: (the model's, the council's).
    Barrier(Barrier, Barrier),
    /// A model of this seat does not vote: what it would have said cannot be compared label by label, so there is no trial.
    NoTrial(Trained),
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Barrier(model, council) => {
                write!(f, "the model was trained for {model:?}, the class trades {council:?}")
            }
            Self::NoTrial(seat) => {
                write!(f, "a {} model has no vote, so there is no trial of it: seat it as the champion", seat.name())
            }
        }
    }
}

/// What the council says now: all that a decision looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    pub(crate) opinions: [Vote; AGENTS],
    pub(crate) evidence: [Evidence; AGENTS],
    /// The learned weights, mixed by the regimes' probabilities.
    pub(crate) weights: [f64; AGENTS],
    pub(crate) regime: RegimeView,
    /// When the latest tick was.
    pub(crate) heard: Option<Time>,
    /// How often it has changed who may speak: no decision is made of two of these.
    pub(crate) epoch: u32,
    /// Whose word stands where a challenger is a canary.
    pub(crate) assigned: [Option<Assignment>; TRAINED],
}

market::state!(Standing { opinions, evidence, weights, regime, heard, epoch, assigned });

/// The agents of one symbol and barrier class, with everything they have learned. One tick in, opinions out; nothing is
/// allocated after construction.
#[derive(Debug, Clone)]
pub struct Council {
    spec: CouncilSpec,
    labels: Labels<Sample>,
    seats: [Seat; AGENTS],
    weights: Weights,
    regime: Regime,
    blackout: Option<Time>,
    bench: Bench,
    meta: MetaSeat,
    standing: Standing,
}

market::state!(Council { labels, seats, weights, regime, blackout, bench, meta, standing });

impl Council {
    /// A council that has learned nothing.
    pub fn new(spec: &CouncilSpec) -> Self {
        let weights = Weights::new(spec.weights);
        let regime = Regime::new(&spec.regime);
        let standing = Standing {
            opinions: [Vote::default(); AGENTS],
            evidence: [Evidence::default(); AGENTS],
            weights: weights.mixed(&regime.view().posterior),
            regime: *regime.view(),
            heard: None,
            epoch: 0,
            assigned: [None; TRAINED],
        };
        let labels = Labels::new(spec.barrier, spec.labels);
        let (seats, bench) = (Seat::all(&spec.agents), Bench::new(&spec.agents));
        Self { spec: *spec, labels, seats, weights, regime, blackout: None, bench, meta: MetaSeat::new(), standing }
    }

    /// Takes a believed tick and the frame after it: learns from the labels that the tick resolves, renews every
    /// opinion, and takes a sample when one is due.
    pub fn observe(&mut self, frame: &Frame, tick: &Tick) {
        self.hear(frame, tick, true);
    }

    /// Thinks again because the symbol's leader moved: `tick` is the own quote that still stands, at the leader's time.
    /// The regime, and what filters the own quotes, hear nothing new.
    pub fn reconsider(&mut self, frame: &Frame, tick: &Tick) {
        self.hear(frame, tick, false);
    }

    fn hear(&mut self, frame: &Frame, tick: &Tick, own: bool) {
        let standing = &mut self.standing;
        standing.heard = Some(standing.heard.map_or(tick.time, |heard| heard.max(tick.time)));
        let learned = self.learn(tick);
        if own {
            self.regime.on_tick(frame, tick);
        }
        self.standing.regime = *self.regime.view();
        self.standing.weights = self.weights.mixed(&self.standing.regime.posterior);
        let silenced = self.silenced(frame, tick);
        let null = clipped_logit(self.spec.barrier.null(tick.spread().as_f64()));
        let moment = Moment { frame, tick, barrier: &self.spec.barrier, null, own, silenced };
        let mut thoughts = [Thought::default(); AGENTS];
        for (i, seat) in self.seats.iter_mut().enumerate() {
            thoughts[i] = seat.think(&moment);
            self.standing.opinions[i] = seat.vote(&thoughts[i]);
            if learned {
                self.standing.evidence[i] = seat.evidence();
            }
        }
        let mut shadows = [Thought::default(); TRAINED];
        self.bench.think(&moment, &mut shadows);
        self.withdraw(tick.time);
        self.assign(tick, &shadows);
        self.ask_meta(frame, null, (&thoughts, &shadows));
        if silenced.is_none() && tick.spread().0 >= 0 && self.labels.is_due(tick.time) {
            for (seat, thought) in self.seats.iter_mut().zip(&thoughts) {
                seat.remember(thought);
            }
            let number = self.labels.counts().sampled;
            self.labels.push(tick, Sample { null, posterior: self.standing.regime.posterior, thoughts, shadows });
            if self.labels.counts().sampled > number {
                self.watch(number, (frame, tick.time), (&thoughts, &shadows));
            }
        }
    }

    /// Applies the labels that this tick resolves; whether there were any.
    fn learn(&mut self, tick: &Tick) -> bool {
        let Self { spec, labels, seats, weights, bench, .. } = self;
        let mut learned = false;
        labels.on_tick(tick, |sample, label| {
            learned = true;
            learn_label(seats, weights, sample, label);
            seating::watch_label(seats, bench, sample, label);
            let champions = std::array::from_fn(|which| {
                let place = VOTERS[which].agent().map_or(0, |agent| agent as usize);
                (&seats[place], sample.own(&seats[place], place))
            });
            let Sample { null, shadows, .. } = sample;
            bench.learn(champions, &Resolved { barrier: &spec.barrier, null: *null, shadows, label });
        });
        learned
    }

    /// Why nobody may speak now, if so. Until the regime is known samples are taken all the same: the agents' scales
    /// warm up beside it.
    fn silenced(&self, frame: &Frame, tick: &Tick) -> Option<Abstain> {
        if self.blackout.is_some_and(|until| tick.time < until) {
            return Some(Abstain::Blackout);
        }
        if tick.time.since(frame.time) > self.spec.age_max {
            return Some(Abstain::Stale);
        }
        (self.standing.regime.reach == Reach::Outside).then_some(Abstain::OutOfDomain)
    }

    /// Declares a blackout: until then every agent abstains, and no sample is taken.
    pub fn black_out(&mut self, until: Time) {
        self.blackout = Some(self.blackout.map_or(until, |before| before.max(until)));
    }

    /// Lets one agent begin anew, with nothing learned but its weight: the way back for a faulted one.
    pub fn restart(&mut self, kind: AgentKind) {
        let place = kind as usize;
        self.seats[place].restart();
        self.standing.opinions[place] = Vote::default();
        self.standing.evidence[place] = Evidence::default();
    }

    /// What each agent says now, by its number.
    pub const fn opinions(&self) -> &[Vote; AGENTS] {
        &self.standing.opinions
    }

    /// The regime now.
    pub const fn regime(&self) -> &RegimeView {
        &self.standing.regime
    }

    /// The learned weight of each agent, mixed by the regimes' probabilities.
    pub const fn weights(&self) -> &[f64; AGENTS] {
        &self.standing.weights
    }

    /// The learned weights of each regime.
    pub const fn regime_weights(&self) -> &[[f64; AGENTS]; STATES] {
        self.weights.regimes()
    }

    /// What each agent's calibration rests on.
    pub const fn evidence(&self) -> &[Evidence; AGENTS] {
        &self.standing.evidence
    }

    /// What the probabilities are about.
    pub const fn barrier(&self) -> &Barrier {
        &self.spec.barrier
    }

    /// What became of the samples.
    pub const fn label_counts(&self) -> &LabelCounts {
        self.labels.counts()
    }

    /// How many labels are unresolved.
    pub fn labels_pending(&self) -> usize {
        self.labels.pending()
    }

    /// Whether it thinks again when the leader moves and the own quote is this old.
    pub fn listens_to_leader(&self, age: Span) -> bool {
        self.spec.leader_moves > Span(0) && age <= self.spec.leader_moves
    }

    pub(crate) const fn spec(&self) -> &CouncilSpec {
        &self.spec
    }

    pub(crate) const fn meta(&self) -> &MetaSeat {
        &self.meta
    }

    pub(crate) const fn standing(&self) -> &Standing {
        &self.standing
    }
}

/// One label: calibrates and teaches every agent that had a thought, and weighs those that spoke.
fn learn_label(seats: &mut [Seat; AGENTS], weights: &mut Weights, sample: &Sample, label: &Label) {
    let Label { side, won, uniqueness, .. } = *label;
    let losses = std::array::from_fn(|i| {
        let thought = sample.own(&seats[i], i)?;
        let said = thought.said(side).filter(|_| !seats[i].is_faulted());
        seats[i].learn(thought, sample.null, (side, won, uniqueness));
        said.map(|opinion| -math::ln(if won { opinion.p } else { 1.0 - opinion.p }))
    });
    weights.learn(&losses, uniqueness, &sample.posterior);
}

#[cfg(test)]
mod bench_tests;
#[cfg(test)]
mod mind_tests;
mod seating;
#[cfg(test)]
mod tests;
