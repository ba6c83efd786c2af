//! Who waits beside the council: challengers on trial, and the champions of before, ready to come back.
//!
//! A challenger sees every quote that the champion sees, is calibrated by the same labels, and says nothing aloud. Its
//! trial is fed with labels whose lives do not overlap: a sample and a side are chosen before anything is known of them,
//! and the next only once that label is resolved.

use std::sync::Arc;

use features::Frame;
use market::{Reader, Side, State, Time, Torn};
use models::paired::{Decision as Ruling, Pair, Paired, PairedSpec};

use crate::artefact::{Artefact, TRAINED, Trained, VOTERS};
use crate::barrier::Barrier;
use crate::canary::{Canary, CanarySpec, Unstaged};
use crate::labels::Label;
use crate::seat::{AgentSpec, Moment, Seat, Thought};
use crate::vote::AgentKind;
use crate::watch::{Drifted, Rollback};

/// A trial of a challenger: its rules, how it stands, and the label that it waits for.
#[derive(Debug, Clone)]
pub struct Trial {
    spec: PairedSpec,
    paired: Paired,
    /// The sample and the side whose label comes next.
    waits: Option<(u64, bool)>,
    canary: Option<Canary>,
    /// When it began: the latest quote then.
    since: Option<Time>,
}

impl Trial {
    fn new(spec: PairedSpec, since: Option<Time>) -> Self {
        Self { spec, paired: Paired::new(&spec), waits: None, canary: None, since }
    }

    /// How it stands: labels, wealth, budget, ruling.
    pub const fn paired(&self) -> &Paired {
        &self.paired
    }

    /// Its rules.
    pub const fn spec(&self) -> &PairedSpec {
        &self.spec
    }

    /// Whether its ruling is that the challenger may take the champion's place.
    pub fn says_promote(&self) -> bool {
        self.paired.decision() == Ruling::Promote
    }

    /// What the challenger really trades, when it is a canary.
    pub const fn canary(&self) -> Option<&Canary> {
        self.canary.as_ref()
    }

    /// When it began: the latest quote then.
    pub const fn since(&self) -> Option<Time> {
        self.since
    }
}

/// What happened on the bench that somebody should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenchNews {
    /// A trial has come to its end.
    Ruled(Trained, Ruling),
    /// A model was taken off its chair.
    Withdrawn {
        /// Of which seat.
        seat: Trained,
        /// As what it sat there.
        chair: Chair,
        /// Why.
        why: Rollback,
        /// Whether the champion of before has the seat back; otherwise it is empty.
        back: bool,
    },
    /// A model's losses or inputs have moved.
    Drifted(Trained, Chair, Drifted),
}

/// As what a trained model sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Chair {
    /// Its word counts.
    #[default]
    Champion,
    /// On trial.
    Challenger,
}

market::state_enum!(Chair { Champion, Challenger });

/// The most that a bench tells in one tick.
const NEWS_MAX: usize = 16 * TRAINED;

/// The models that wait.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    agents: AgentSpec,
    challengers: [Option<Seat>; TRAINED],
    formers: [Option<Seat>; TRAINED],
    trials: [Option<Trial>; TRAINED],
    /// How many models ever took a seat: the epoch of the last.
    epoch: u32,
    /// How often it has changed who may speak.
    changes: u32,
    /// In order; read and emptied after every tick, so it is no part of the state.
    news: Vec<BenchNews>,
}

impl Bench {
    pub(crate) fn new(agents: &AgentSpec) -> Self {
        Self {
            agents: *agents,
            challengers: std::array::from_fn(|_| None),
            formers: std::array::from_fn(|_| None),
            trials: std::array::from_fn(|_| None),
            epoch: 0,
            changes: 0,
            news: Vec::with_capacity(NEWS_MAX),
        }
    }

    pub(crate) fn tell(&mut self, news: BenchNews) {
        if self.news.len() < NEWS_MAX {
            self.news.push(news);
        }
    }

    /// The oldest news that nobody has read.
    pub(crate) fn take_news(&mut self) -> Option<BenchNews> {
        (!self.news.is_empty()).then(|| self.news.remove(0))
    }

    /// How often it has changed who may speak.
    pub(crate) const fn changes(&self) -> u32 {
        self.changes
    }

    /// Somebody who has no place on the bench came or left.
    pub(crate) const fn changed(&mut self) {
        self.changes += 1;
    }

    fn enter(&mut self, kind: AgentKind, model: Arc<Artefact>, until: Option<Time>) -> Seat {
        self.epoch += 1;
        self.changes += 1;
        Seat::of_model(&self.agents, kind, model, (self.epoch, until))
    }

    /// A model takes the champion's seat at once; the one that sat there stays ready.
    pub(crate) fn install(&mut self, champion: &mut Seat, model: Arc<Artefact>, until: Option<Time>) {
        let which = model.seat() as usize;
        let before = std::mem::replace(champion, self.enter(champion.kind(), model, until));
        self.formers[which] = before.model().is_some().then_some(before);
    }

    /// A model sits down beside the champion, on trial. One that was there before leaves.
    pub(crate) fn challenge(
        &mut self,
        kind: AgentKind,
        (model, until): (Arc<Artefact>, Option<Time>),
        spec: PairedSpec,
        since: Option<Time>,
    ) {
        let which = model.seat() as usize;
        self.challengers[which] = Some(self.enter(kind, model, until));
        self.trials[which] = Some(Trial::new(spec, since));
    }

    /// The challenger becomes a canary, or takes its next step with what it has cost so far.
    pub(crate) fn stage(
        &mut self,
        which: Trained,
        spec: &CanarySpec,
        (place, barrier): (u64, &Barrier),
    ) -> Result<(), Unstaged> {
        let trial = self.trials.get_mut(which as usize).and_then(Option::as_mut).ok_or(Unstaged::NoChallenger)?;
        if matches!(trial.paired.decision(), Ruling::Stop(_)) {
            return Err(Unstaged::NoChallenger);
        }
        let canary = match trial.canary {
            Some(canary) => canary.stepped(spec)?,
            None => Canary::new(spec, place, (trial.spec.bound, barrier))?,
        };
        trial.canary = Some(canary);
        self.changes += 1;
        Ok(())
    }

    /// The canary of an experiment, while it still sits here.
    pub(crate) fn canary_of(&mut self, which: Trained, experiment: u32) -> Option<&mut Canary> {
        self.challengers.get(which as usize)?.as_ref().filter(|seat| seat.epoch() == experiment)?;
        self.trials[which as usize].as_mut()?.canary.as_mut()
    }

    /// Sends a challenger away, and says why.
    pub(crate) fn withdraw_challenger(&mut self, which: Trained, why: Rollback) {
        if self.dismiss(which) {
            self.tell(BenchNews::Withdrawn { seat: which, chair: Chair::Challenger, why, back: false });
        }
    }

    /// Takes a champion off its seat, and says why. The one before it comes back, if it may.
    pub(crate) fn withdraw_champion(&mut self, which: Trained, champion: &mut Seat, (why, now): (Rollback, Time)) {
        let back = self.roll_back(which, champion, now);
        if !back {
            *champion = Seat::new(champion.kind(), &self.agents);
            self.changes += 1;
        }
        self.tell(BenchNews::Withdrawn { seat: which, chair: Chair::Champion, why, back });
    }

    /// Challengers that may not sit there any longer leave.
    pub(crate) fn withdraw_unfit(&mut self, now: Time) {
        for which in VOTERS {
            let place = which as usize;
            let Some(challenger) = &self.challengers[place] else { continue };
            let spent = self.trials[place].as_ref().and_then(Trial::canary).is_some_and(Canary::is_spent);
            if let Some(why) = challenger.unfit(now).or(spent.then_some(Rollback::Budget)) {
                self.withdraw_challenger(which, why);
            }
        }
    }

    /// The challenger takes the champion's seat with all that was learned about it; `false` when there is none.
    pub(crate) fn promote(&mut self, which: Trained, champion: &mut Seat) -> bool {
        let Some(challenger) = self.challengers.get_mut(which as usize).and_then(Option::take) else { return false };
        let before = std::mem::replace(champion, challenger);
        self.formers[which as usize] = before.model().is_some().then_some(before);
        self.trials[which as usize] = None;
        self.changes += 1;
        true
    }

    /// The champion of before takes its seat back; `false` when there is none that may.
    pub(crate) fn roll_back(&mut self, which: Trained, champion: &mut Seat, now: Time) -> bool {
        let former = self.formers.get_mut(which as usize).and_then(Option::take);
        let Some(mut former) = former.filter(|former| former.unfit(now).is_none()) else { return false };
        former.return_to_service();
        *champion = former;
        self.changes += 1;
        true
    }

    /// The challenger leaves; `false` when there is none.
    pub(crate) fn dismiss(&mut self, which: Trained) -> bool {
        let place = which as usize;
        if place >= TRAINED {
            return false;
        }
        self.trials[place] = None;
        let left = self.challengers[place].take().is_some();
        self.changes += u32::from(left);
        left
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
    pub(crate) fn sampled(
        &mut self,
        (sample, oldest): (u64, u64),
        (frame, now): (&Frame, Time),
        shadows: &[Thought; TRAINED],
    ) {
        for which in VOTERS {
            let place = which as usize;
            let Some(watch) = self.challengers[place].as_mut().and_then(Seat::watch_mut) else { continue };
            if let Some(drifted) = watch.on_sample((sample, oldest), frame, (shadows[place].kept, now)) {
                self.tell(BenchNews::Drifted(which, Chair::Challenger, drifted));
            }
        }
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
            let heard = own.said(side).map(|opinion| opinion.p);
            if let Some(watch) = challenger.watch_mut() {
                let drifted = watch.on_label((sample, side == Side::Buy), heard, (won, moment.label.ended));
                let news = &mut self.news;
                let told = drifted.into_iter().flatten().take(NEWS_MAX.saturating_sub(news.len()));
                news.extend(told.map(|drifted| BenchNews::Drifted(*which, Chair::Challenger, drifted)));
            }
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
                let hopeless = matches!(ruling, Ruling::Stop(_)) && trial.canary.is_some();
                self.tell(BenchNews::Ruled(*which, ruling));
                if hopeless {
                    self.withdraw_challenger(*which, Rollback::Ruling);
                }
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
        self.changes.save(out);
        for which in VOTERS {
            let place = which as usize;
            save_seat(self.challengers[place].as_ref(), out);
            save_seat(self.formers[place].as_ref(), out);
            self.trials[place].is_some().save(out);
            if let Some(trial) = &self.trials[place] {
                trial.spec.save(out);
                trial.paired.save(out);
                trial.waits.save(out);
                trial.canary.save(out);
                trial.since.save(out);
            }
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.epoch.load(from)?;
        self.changes.load(from)?;
        for which in VOTERS {
            let place = which as usize;
            self.challengers[place] = load_seat(which, &self.agents, from)?;
            self.formers[place] = load_seat(which, &self.agents, from)?;
            self.trials[place] = None;
            if from.read::<bool>()? {
                let mut trial = Trial::new(from.read::<PairedSpec>()?, None);
                trial.paired.load(from)?;
                trial.waits.load(from)?;
                trial.canary.load(from)?;
                trial.since.load(from)?;
                self.trials[place] = Some(trial);
            }
        }
        Ok(())
    }
}
