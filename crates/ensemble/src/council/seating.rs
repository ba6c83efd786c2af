//! Who sits at a council: trained models come, are tried, become canaries, are watched, and leave.

use std::sync::Arc;

use features::Frame;
use market::{Points, Side, Tick, Time};
use models::paired::PairedSpec;

use super::{Council, Misfit, Sample};
use crate::artefact::{Artefact, TRAINED, Trained, VOTERS};
use crate::bench::{Bench, BenchNews, Chair, Trial};
use crate::canary::{Arm, Canary, CanarySpec, Unstaged};
use crate::labels::Label;
use crate::meta::Judged;
use crate::news::Sentiment;
use crate::seat::{Seat, Thought};
use crate::sequence::Step;
use crate::vote::{AGENTS, AgentKind, Vote};
use crate::watch::{Rollback, Watch};

impl Council {
    /// Lets the trained models be watched on a sample.
    pub(super) fn watch(
        &mut self,
        sample: u64,
        at: (&Frame, Time),
        (thoughts, shadows): (&[Thought; AGENTS], &[Thought; TRAINED]),
    ) {
        let numbers = (sample, self.labels.oldest());
        for which in VOTERS {
            let Some(place) = chair(which) else { continue };
            let Some(watch) = self.seats[place].watch_mut() else { continue };
            if let Some(drifted) = watch.on_sample(numbers, at.0, (thoughts[place].kept, at.1)) {
                self.bench.tell(BenchNews::Drifted(which, Chair::Champion, drifted));
            }
        }
        self.bench.sampled(numbers, at, shadows);
    }

    /// Trained models that may not sit here any longer leave: broken, too old, drifted, out of their domain, or with their
    /// budget spent.
    pub(super) fn withdraw(&mut self, now: Time) {
        for which in VOTERS {
            let Some(place) = chair(which) else { continue };
            let seat = &mut self.seats[place];
            if seat.model().is_none() {
                continue;
            }
            if let Some(why) = seat.unfit(now) {
                self.bench.withdraw_champion(which, seat, (why, now));
                self.reseat(which);
            }
        }
        if let Some(back) = self.meta.expire(now) {
            let seat = Trained::Meta;
            self.bench.tell(BenchNews::Withdrawn { seat, chair: Chair::Champion, why: Rollback::Age, back });
            self.bench.changed();
        }
        self.bench.withdraw_unfit(now);
    }

    /// In the blocks of a canary its word stands in the champion's place.
    pub(super) fn assign(&mut self, tick: &Tick, shadows: &[Thought; TRAINED]) {
        self.standing.epoch = self.bench.changes();
        for which in VOTERS {
            let nth = which as usize;
            let Some(place) = chair(which) else { continue };
            let challenger = self.bench.challenger(which);
            let canary = self.bench.trial(which).and_then(Trial::canary);
            let Some((challenger, canary)) = challenger.zip(canary) else {
                if self.standing.assigned[nth].take().is_some() {
                    self.standing.evidence[place] = self.seats[place].evidence();
                }
                continue;
            };
            let assigned = canary.assign(challenger.epoch(), tick.symbol, tick.time);
            self.standing.assigned[nth] = Some(assigned);
            let speaker = match assigned.arm {
                Arm::Champion => &self.seats[place],
                Arm::Canary => challenger,
            };
            if assigned.arm == Arm::Canary {
                self.standing.opinions[place] = speaker.vote(&shadows[nth]);
            }
            self.standing.evidence[place] = speaker.evidence();
        }
    }

    /// Shows the meta model what the trees whose word stands think.
    pub(super) fn ask_meta(
        &mut self,
        frame: &Frame,
        null: f64,
        (thoughts, shadows): (&[Thought; AGENTS], &[Thought; TRAINED]),
    ) {
        let nth = Trained::Trees as usize;
        let canary = self.standing.assigned[nth].filter(|assigned| assigned.arm == Arm::Canary);
        let (trees, thought) = match canary.and_then(|_| self.bench.challenger(Trained::Trees)) {
            Some(challenger) => (challenger.model(), &shadows[nth]),
            None => (self.seats[AgentKind::Trees as usize].model(), &thoughts[AgentKind::Trees as usize]),
        };
        self.meta.look(frame, &self.standing.regime, &Judged { trees, said: thought.opined(), null });
    }

    /// Somebody else sits here: what was said before is not its word.
    pub(super) fn reseat(&mut self, which: Trained) {
        if let Some(place) = chair(which) {
            self.standing.opinions[place] = Vote::default();
            self.standing.evidence[place] = self.seats[place].evidence();
            self.standing.assigned[which as usize] = None;
        }
        if which == Trained::Trees {
            self.meta.forget();
        }
        self.standing.epoch = self.bench.changes();
    }

    fn fits(&self, model: &Artefact) -> Result<(), Misfit> {
        let (theirs, ours) = (model.parts().barrier, self.spec.barrier);
        if theirs == ours { Ok(()) } else { Err(Misfit::Barrier(theirs, ours)) }
    }

    /// A trained model takes its seat at once, until a time when one is given. It says nothing before its calibration has
    /// enough labels; the model that sat there stays ready to come back.
    ///
    /// # Errors
    /// [`Misfit`]; nothing has changed then.
    pub fn install(&mut self, model: Arc<Artefact>, until: Option<Time>) -> Result<(), Misfit> {
        self.fits(&model)?;
        let which = model.seat();
        if let Some(place) = chair(which) {
            self.bench.install(&mut self.seats[place], model, until);
        } else {
            self.meta.install(model, until);
            self.bench.changed();
        }
        self.reseat(which);
        Ok(())
    }

    /// A trained model sits down beside the champion of its seat, on trial by these rules. A challenger that was there
    /// before leaves.
    ///
    /// # Errors
    /// [`Misfit`]; nothing has changed then.
    pub fn challenge(&mut self, model: Arc<Artefact>, until: Option<Time>, trial: PairedSpec) -> Result<(), Misfit> {
        self.fits(&model)?;
        let which = model.seat();
        let agent = which.agent().ok_or(Misfit::NoTrial(which))?;
        self.bench.challenge(agent, (model, until), trial, self.standing.heard);
        self.quieten(which);
        Ok(())
    }

    /// A canary left, or another challenger came: from the next quote on it is known again whose word stands here.
    fn quieten(&mut self, which: Trained) {
        let assigned = self.standing.assigned.get_mut(which as usize).and_then(Option::take);
        if assigned.is_some_and(|assigned| assigned.arm == Arm::Canary) {
            self.reseat(which);
        }
        self.standing.epoch = self.bench.changes();
    }

    /// The challenger becomes a canary, or takes its next step; `place` is that of the class.
    ///
    /// # Errors
    /// [`Unstaged`]; nothing has changed then.
    pub fn stage(&mut self, which: Trained, canary: &CanarySpec, place: u64) -> Result<(), Unstaged> {
        self.bench.stage(which, canary, (place, &self.spec.barrier))?;
        self.standing.epoch = self.bench.changes();
        Ok(())
    }

    /// The canaries whose word stands now, for seats that count in a decision.
    pub fn canaries(&self) -> impl Iterator<Item = (Trained, u32)> + '_ {
        let own = |which: &Trained| {
            let assigned = self.standing.assigned.get(*which as usize).copied().flatten()?;
            (assigned.arm == Arm::Canary).then_some((*which, assigned.experiment))
        };
        VOTERS.into_iter().filter_map(move |which| own(&which))
    }

    /// What a position of a canary with a stop this far may lose, in points per unit of volume.
    pub fn at_stake(&mut self, which: Trained, experiment: u32, stop: Points) -> Option<f64> {
        self.bench.canary_of(which, experiment).map(|canary| canary.at_stake(stop))
    }

    /// Reserves what a position may lose in the budget of the canary that opens it; `false` when it does not fit: then the
    /// canary leaves.
    pub fn reserve(&mut self, which: Trained, experiment: u32, loss: f64, now: Time) -> bool {
        let Some(canary) = self.bench.canary_of(which, experiment) else { return false };
        let fits = canary.reserve(loss, now);
        if !fits {
            self.send_away(which, Rollback::Budget);
        }
        fits
    }

    /// A canary's position was closed, at least in part: books its result, in points per unit of volume. A canary for which
    /// another loss might not fit leaves at once. One that has left already books nothing.
    pub fn settle(&mut self, which: Trained, experiment: u32, result: f64) {
        if let Some(canary) = self.bench.canary_of(which, experiment) {
            canary.book(result);
        }
    }

    /// A canary's position is gone, or was never opened: what was reserved for it is free.
    pub fn release(&mut self, which: Trained, experiment: u32, loss: f64) {
        if let Some(canary) = self.bench.canary_of(which, experiment) {
            canary.release(loss);
        }
    }

    /// Sends a canary away for which another loss might not fit.
    pub fn check_budget(&mut self, which: Trained) {
        let spent = self.bench.trial(which).and_then(Trial::canary).is_some_and(Canary::is_spent);
        if spent {
            self.send_away(which, Rollback::Budget);
        }
    }

    fn send_away(&mut self, which: Trained, why: Rollback) {
        self.bench.withdraw_challenger(which, why);
        self.quieten(which);
    }

    /// An item of news about the symbol.
    pub fn notice(&mut self, sentiment: Sentiment, published: Time, now: Time) {
        self.seats[AgentKind::News as usize].notice(sentiment, published, now);
    }

    /// The challenger takes the champion's seat, with its calibration; the champion stays ready to come back. `false` when
    /// nobody challenges.
    pub fn promote(&mut self, which: Trained) -> bool {
        let Some(place) = chair(which) else { return false };
        let promoted = self.bench.promote(which, &mut self.seats[place]);
        if promoted {
            self.reseat(which);
        }
        promoted
    }

    /// The champion of before takes its seat back. `false` when there is none that still may sit there.
    pub fn roll_back(&mut self, which: Trained) -> bool {
        let now = self.standing.heard.unwrap_or(Time::MIN);
        let back = match chair(which) {
            Some(place) => self.bench.roll_back(which, &mut self.seats[place], now),
            None => self.meta.roll_back(now),
        };
        if back {
            self.reseat(which);
        }
        back
    }

    /// The challenger leaves. `false` when nobody challenges.
    pub fn dismiss(&mut self, which: Trained) -> bool {
        let left = self.bench.dismiss(which);
        self.quieten(which);
        left
    }

    /// The model that has a seat.
    pub fn champion(&self, which: Trained) -> Option<&Arc<Artefact>> {
        match chair(which) {
            Some(place) => self.seats[place].model(),
            None => self.meta.champion(),
        }
    }

    /// The last step of the net that sits here as this.
    pub fn last_step(&self, of: Chair) -> Option<Step<'_>> {
        let seat = match of {
            Chair::Champion => &self.seats[AgentKind::Sequence as usize],
            Chair::Challenger => self.bench.challenger(Trained::Sequence)?,
        };
        seat.runner()?.last()
    }

    /// The model that sits here as this.
    pub fn seated(&self, which: Trained, of: Chair) -> Option<&Arc<Artefact>> {
        match of {
            Chair::Champion => self.champion(which),
            Chair::Challenger => self.challenger(which),
        }
    }

    /// What the meta model would be asked about a side at the last quote; `None` while it is silent.
    pub fn meta_question(&self, side: Side) -> Option<Vec<f64>> {
        self.meta.question(side, &self.spec.barrier)
    }

    /// The model that challenges it.
    pub fn challenger(&self, which: Trained) -> Option<&Arc<Artefact>> {
        self.bench.challenger(which)?.model()
    }

    /// The model that would come back.
    pub fn former(&self, which: Trained) -> Option<&Arc<Artefact>> {
        match chair(which) {
            Some(_) => self.bench.former(which)?.model(),
            None => self.meta.former(),
        }
    }

    /// The challenger's trial.
    pub fn trial(&self, which: Trained) -> Option<&Trial> {
        self.bench.trial(which)
    }

    /// What happened on the bench since this was last asked.
    pub fn take_news(&mut self) -> Option<BenchNews> {
        self.bench.take_news()
    }

    /// Until when a champion may sit, when a time was given.
    pub fn until(&self, which: Trained) -> Option<Time> {
        match chair(which) {
            Some(place) => self.seats[place].until(),
            None => self.meta.until(),
        }
    }

    /// What is watched of a champion or challenger.
    pub fn watched(&self, which: Trained, of: Chair) -> Option<&Watch> {
        match of {
            Chair::Champion => self.seats[chair(which)?].watch(),
            Chair::Challenger => self.bench.challenger(which)?.watch(),
        }
    }

    /// How often it has changed who may speak.
    pub const fn epoch(&self) -> u32 {
        self.standing.epoch
    }
}

/// The place of the agent that speaks from a seat; the meta model's has none.
fn chair(which: Trained) -> Option<usize> {
    which.agent().map(|agent| agent as usize)
}

/// One label: the watch over each champion sees what it had said aloud.
pub(super) fn watch_label(seats: &mut [Seat; AGENTS], bench: &mut Bench, sample: &Sample, label: &Label) {
    for which in VOTERS {
        let Some(place) = chair(which) else { continue };
        let said = sample.own(&seats[place], place).and_then(|thought| thought.said(label.side));
        let Some(watch) = seats[place].watch_mut() else { continue };
        let chosen = (label.sample, label.side == Side::Buy);
        let drifted = watch.on_label(chosen, said.map(|opinion| opinion.p), (label.won, label.ended));
        for drifted in drifted.into_iter().flatten() {
            bench.tell(BenchNews::Drifted(which, Chair::Champion, drifted));
        }
    }
}
