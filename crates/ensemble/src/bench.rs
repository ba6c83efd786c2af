//! Who waits beside the council: challengers on trial, and the champions of before, ready to come back.
//!
//! A challenger sees every quote that the champion sees, is calibrated by the same labels, and says nothing aloud. Its
//! trial is fed with labels whose lives do not overlap: a sample and a side are chosen before anything is known of them,
//! and the next only once that label is resolved.

use std::sync::Arc;

use market::{Reader, Side, State, Torn};
use models::paired::{Decision as Ruling, Pair, Paired, PairedSpec};

use crate::artefact::{Artefact, TRAINED, Trained, VOTERS};
use crate::barrier::Barrier;
use crate::labels::Label;
use crate::seat::{AgentSpec, Moment, Seat, Thought};
use crate::vote::AgentKind;

/// A trial of a challenger: its rules, how it stands, and the label that it waits for.
#[derive(Debug, Clone)]
pub struct Trial {
    spec: PairedSpec,
    paired: Paired,
    /// The sample and the side whose label comes next.
    waits: Option<(u64, bool)>,
}

impl Trial {
    fn new(spec: PairedSpec) -> Self {
        Self { spec, paired: Paired::new(&spec), waits: None }
    }

    /// How it stands: labels, wealth, budget, ruling.
    pub const fn paired(&self) -> &Paired {
        &self.paired
    }

    /// Its rules.
    pub const fn spec(&self) -> &PairedSpec {
        &self.spec
    }
}

/// What happened on the bench that somebody should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenchNews {
    /// A trial has come to its end.
    Ruled(Trained, Ruling),
    /// The champion produced something that is not a number: the model of before has its seat back.
    RolledBack(Trained),
}

/// The models that wait.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    agents: AgentSpec,
    challengers: [Option<Seat>; TRAINED],
    formers: [Option<Seat>; TRAINED],
    trials: [Option<Trial>; TRAINED],
    /// How many models ever took a seat: the epoch of the last.
    epoch: u32,
    pub(crate) news: Option<BenchNews>,
}

impl Bench {
    pub(crate) fn new(agents: &AgentSpec) -> Self {
        Self {
            agents: *agents,
            challengers: std::array::from_fn(|_| None),
            formers: std::array::from_fn(|_| None),
            trials: std::array::from_fn(|_| None),
            epoch: 0,
            news: None,
        }
    }

    fn enter(&mut self, kind: AgentKind, model: Arc<Artefact>) -> Seat {
        self.epoch += 1;
        Seat::of_model(&self.agents, kind, model, self.epoch)
    }

    /// A model takes the champion's seat at once; the one that sat there stays ready.
    pub(crate) fn install(&mut self, champion: &mut Seat, model: Arc<Artefact>) {
        let which = model.seat() as usize;
        let before = std::mem::replace(champion, self.enter(champion.kind(), model));
        self.formers[which] = before.model().is_some().then_some(before);
    }

    /// A model sits down beside the champion, on trial. One that was there before leaves.
    pub(crate) fn challenge(&mut self, kind: AgentKind, model: Arc<Artefact>, spec: PairedSpec) {
        let which = model.seat() as usize;
        self.challengers[which] = Some(self.enter(kind, model));
        self.trials[which] = Some(Trial::new(spec));
    }

    /// The challenger takes the champion's seat with all that was learned about it; `false` when there is none.
    pub(crate) fn promote(&mut self, which: Trained, champion: &mut Seat) -> bool {
        let Some(challenger) = self.challengers.get_mut(which as usize).and_then(Option::take) else { return false };
        let before = std::mem::replace(champion, challenger);
        self.formers[which as usize] = before.model().is_some().then_some(before);
        self.trials[which as usize] = None;
        true
    }

    /// The champion of before takes its seat back; `false` when there is none.
    pub(crate) fn roll_back(&mut self, which: Trained, champion: &mut Seat) -> bool {
        let Some(mut former) = self.formers.get_mut(which as usize).and_then(Option::take) else { return false };
        former.return_to_service();
        *champion = former;
        true
    }

    /// The challenger leaves; `false` when there is none.
    pub(crate) fn dismiss(&mut self, which: Trained) -> bool {
        let place = which as usize;
        if place >= TRAINED {
            return false;
        }
        self.trials[place] = None;
        self.challengers[place].take().is_some()
    }

    pub(crate) fn challenger(&self, which: Trained) -> Option<&Seat> {
        self.challengers.get(which as usize)?.as_ref()
    }

    pub(crate) fn former(&self, which: Trained) -> Option<&Seat> {
        self.formers.get(which as usize)?.as_ref()
    }

    pub(crate) fn trial(&self, which: Trained) -> Option<&Trial> {
        self.trials.get(which as usize)?.as_ref()
    }

    /// Lets the challengers think.
    pub(crate) fn think(&mut self, moment: &Moment<'_>, thoughts: &mut [Thought; TRAINED]) {
        for (seat, thought) in self.challengers.iter_mut().zip(thoughts) {
            if let Some(seat) = seat {
                *thought = seat.think(moment);
            }
        }
    }

    /// A sample was taken: trials that wait for none take one side of it, in turn.
    pub(crate) fn sampled(&mut self, sample: u64, oldest: u64) {
        for trial in self.trials.iter_mut().flatten() {
            // A sample that the labels have let go without resolving it is waited for no longer.
            if trial.waits.is_none_or(|(waited, _)| waited < oldest) {
                trial.waits = Some((sample, sample.is_multiple_of(2)));
            }
        }
    }

    /// A label came back: the challengers learn from it, and the trial that waited for it goes on.
    pub(crate) fn learn(&mut self, champions: [(&Seat, Option<&Thought>); TRAINED], moment: &Resolved<'_>) {
        for (which, (champion, thought)) in VOTERS.iter().zip(champions) {
            let place = *which as usize;
            let Some(challenger) = &mut self.challengers[place] else { continue };
            let Some(own) = moment.shadows.iter().find(|thought| challenger.owns(thought)) else { continue };
            let Label { side, won, uniqueness, sample, .. } = *moment.label;
            challenger.learn(own, moment.null, (side, won, uniqueness));
            let Some(trial) = &mut self.trials[place] else { continue };
            if trial.waits != Some((sample, side == Side::Buy)) {
                continue;
            }
            trial.waits = None;
            let said = |thought: &Thought| thought.said(side).map(|opinion| opinion.p);
            let spoken = (thought.filter(|_| !champion.is_faulted()).and_then(said), said(own));
            let (Some(theirs), Some(ours)) = spoken else { continue };
            let before = trial.paired.decision();
            let ruling = trial.paired.observe(&pair(moment, theirs, ours));
            if before == Ruling::Continue && ruling != Ruling::Continue {
                self.news = Some(BenchNews::Ruled(*which, ruling));
            }
        }
    }
}

/// A label with what was thought of its sample.
pub(crate) struct Resolved<'a> {
    pub(crate) barrier: &'a Barrier,
    pub(crate) null: f64,
    pub(crate) shadows: &'a [Thought; TRAINED],
    pub(crate) label: &'a Label,
}

/// Who would have traded this side earns what it came to.
fn pair(moment: &Resolved<'_>, champion: f64, challenger: f64) -> Pair {
    let Label { side, entry, exit, won, .. } = *moment.label;
    let net = moment.barrier.net(side, entry, exit);
    let result = |p: f64| if moment.barrier.value(p) > 0.0 { net } else { 0.0 };
    let (champion_result, challenger_result) = (result(champion), result(challenger));
    Pair { champion, challenger, came_true: won, champion_result, challenger_result }
}

fn save_seat(seat: Option<&Seat>, out: &mut Vec<u8>) {
    seat.is_some().save(out);
    if let Some(seat) = seat {
        seat.save(out);
    }
}

fn load_seat(which: Trained, agents: &AgentSpec, from: &mut Reader<'_>) -> Result<Option<Seat>, Torn> {
    if !from.read::<bool>()? {
        return Ok(None);
    }
    let mut seat = Seat::new(which.agent().ok_or(Torn)?, agents);
    seat.load(from)?;
    Ok(Some(seat))
}

impl State for Bench {
    fn save(&self, out: &mut Vec<u8>) {
        self.epoch.save(out);
        for which in VOTERS {
            let place = which as usize;
            save_seat(self.challengers[place].as_ref(), out);
            save_seat(self.formers[place].as_ref(), out);
            self.trials[place].is_some().save(out);
            if let Some(trial) = &self.trials[place] {
                trial.spec.save(out);
                trial.paired.save(out);
                trial.waits.save(out);
            }
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.epoch.load(from)?;
        for which in VOTERS {
            let place = which as usize;
            self.challengers[place] = load_seat(which, &self.agents, from)?;
            self.formers[place] = load_seat(which, &self.agents, from)?;
            self.trials[place] = None;
            if from.read::<bool>()? {
                let mut trial = Trial::new(from.read::<PairedSpec>()?);
                trial.paired.load(from)?;
                trial.waits.load(from)?;
                self.trials[place] = Some(trial);
            }
        }
        Ok(())
    }
}
