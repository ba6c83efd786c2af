//! What happens in a backtest beside the market: models sit down, challengers become canaries, news are heard.

use std::sync::Arc;

use desk::{Command, Notice, Reseat, Role};
use ensemble::{Artefact, CanarySpec, Rollback, Trained};
use market::Time;
use risk::Operator;
use venue::Venue;

use crate::record::{Record, RecordError};
use crate::session::{Session, Watch};

/// A trained model that sits down once a run's clock is there.
#[derive(Debug, Clone)]
pub struct Seating {
    /// Who wants it.
    pub by: Operator,
    /// The council: the place of its class in the configuration.
    pub class: u16,
    /// As what.
    pub role: Role,
    /// Its last moment.
    pub until: Option<Time>,
    /// A challenger that trades from the first, and how much.
    pub canary: Option<CanarySpec>,
    /// The model.
    pub model: Arc<Artefact>,
    /// Not before this: `Parts::honest_from`, so that it meets nothing that it has learned from; or `Time::MIN`.
    pub from: Time,
}

/// A notice and when it was first seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// When it was first seen: the desk hears it then.
    pub seen: Time,
    /// What it says.
    pub notice: Notice,
}

/// What happens beside the market.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// The models by the time from which they may sit down: several for one seat are a schedule of swaps.
    pub models: Vec<Seating>,
    /// The notices, by the time at which they were seen.
    pub notices: Vec<Heard>,
    /// Promotes a challenger whose trial says so, in this name.
    pub promotes: Option<Operator>,
}

impl Script {
    /// The same without models: what a coin is given.
    #[must_use]
    pub fn without_models(&self) -> Self {
        Self { models: Vec::new(), notices: self.notices.clone(), promotes: None }
    }

    /// Lets every model sit down whose time has come; `next` is how many sit already.
    pub(crate) fn seat<V: Venue, R: Record, W: Watch>(
        &self,
        session: &mut Session<V, R, W>,
        now: Time,
        next: &mut usize,
    ) -> Result<(), RecordError> {
        while let Some(due) = self.models.get(*next).filter(|due| due.from <= now) {
            *next += 1;
            let Seating { by, class, role, until, canary, model, .. } = due.clone();
            let seat = model.seat();
            session.seat(now, (by, class, role, until), model)?;
            if let Some(canary) = canary {
                session.command(now, Command::Stage { by, class, seat, canary })?;
            }
        }
        Ok(())
    }

    /// Lets everything be heard that was seen by now; `next` is how many notices were heard already.
    pub(crate) fn tell<V: Venue, R: Record, W: Watch>(
        &self,
        session: &mut Session<V, R, W>,
        now: Time,
        next: &mut usize,
    ) -> Result<(), RecordError> {
        while let Some(heard) = self.notices.get(*next).filter(|heard| heard.seen <= now) {
            *next += 1;
            session.notice(heard.seen.max(session.now()), heard.notice)?;
        }
        Ok(())
    }

    /// Promotes challengers whose trials say so.
    pub(crate) fn promote<V: Venue, R: Record, W: Watch>(
        &self,
        session: &mut Session<V, R, W>,
    ) -> Result<(), RecordError> {
        let Some(by) = self.promotes else { return Ok(()) };
        for class in 0..session.desk.councils().len() {
            for seat in Trained::ALL {
                let trial = session.desk.councils()[class].trial(*seat);
                if trial.is_some_and(ensemble::Trial::says_promote) {
                    let (how, why, class) = (Reseat::Promote, Rollback::Ruling, class as u16);
                    session.command(session.now(), Command::Reseat { by, class, seat: *seat, how, why })?;
                }
            }
        }
        Ok(())
    }
}
