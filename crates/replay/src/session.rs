//! The one loop around the desk: time passes, the venue and the market speak, the desk answers.
//!
//! Whoever drives a session hands it market records in the order in which they were heard. Between two of them everything
//! that falls due is done in time order: the venue's own moments, its reports, the desk's wakes.

use std::sync::Arc;

use desk::{Action, Actions, Desk, Event, Fact};
use ensemble::Artefact;
use market::{Tick, Time, Trade};
use venue::Venue;

use crate::record::{Record, RecordError};

/// Hears everything that passes between the desk and the world. Every method may do nothing.
pub trait Watch {
    /// An action of an event, before it leaves.
    fn on_action(&mut self, event: &Event, action: &Action, desk: &Desk);
    /// An event, after its actions.
    fn on_event(&mut self, event: &Event, desk: &Desk);
}

/// Looks away.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Watch for Nobody {
    fn on_action(&mut self, _: &Event, _: &Action, _: &Desk) {}
    fn on_event(&mut self, _: &Event, _: &Desk) {}
}

/// A desk, its venue, the record of what passes, and somebody who watches.
pub struct Session<V, R, W> {
    /// The desk.
    pub desk: Desk,
    /// The venue.
    pub venue: V,
    /// What is written down.
    pub record: R,
    /// Who watches.
    pub watch: W,
    actions: Actions,
    wake: Option<Time>,
    now: Time,
}

impl<V: Venue, R: Record, W: Watch> Session<V, R, W> {
    /// A session that goes on from the last event of the desk, or has heard nothing.
    pub fn new(desk: Desk, venue: V, record: R, watch: W) -> Self {
        let actions = Actions::with_capacity(desk.actions_max());
        let last = desk.position();
        let now = if last.seq == 0 { Time::MIN } else { last.time };
        Self { desk, venue, record, watch, actions, wake: None, now }
    }

    /// The time of the last thing heard.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Begins, or goes on after a restart: the venue lists its positions before anything is sent.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be written down.
    pub fn start(&mut self, now: Time) -> Result<(), RecordError> {
        self.hear(now, Fact::Started)?;
        self.listen(now)
    }

    /// A quote was heard.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be written down.
    pub fn tick(&mut self, tick: &Tick) -> Result<(), RecordError> {
        self.pass_until(tick.seen)?;
        self.venue.on_tick(tick);
        self.hear(tick.seen, Fact::Ticked(*tick))?;
        self.listen(tick.seen)
    }

    /// A trade was heard.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be written down.
    pub fn trade(&mut self, trade: &Trade) -> Result<(), RecordError> {
        self.pass_until(trade.seen)?;
        self.venue.on_trade(trade);
        self.hear(trade.seen, Fact::Traded(*trade))?;
        self.listen(trade.seen)
    }

    /// A person gave an order.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be written down.
    pub fn command(&mut self, now: Time, command: desk::Command) -> Result<(), RecordError> {
        self.pass_until(now)?;
        self.hear(now, Fact::Commanded(command))?;
        self.listen(now)
    }

    /// A person lets a trained model sit down at the council of a class. Its bytes must lie beside the journal already.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be written down.
    pub fn seat(
        &mut self,
        now: Time,
        (by, class, role, until): (risk::Operator, u16, desk::Role, Option<Time>),
        model: Arc<Artefact>,
    ) -> Result<(), RecordError> {
        let digest = *model.digest();
        self.desk.shelve(model);
        self.command(now, desk::Command::Seat { by, digest, class, role, until })
    }

    /// Something was said outside the market.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be written down.
    pub fn notice(&mut self, now: Time, notice: desk::Notice) -> Result<(), RecordError> {
        self.pass_until(now)?;
        self.hear(now, Fact::Noticed(notice))?;
        self.listen(now)
    }

    /// Lets time pass: does everything that falls due until `until`, in order.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be written down.
    #[inline]
    pub fn pass_until(&mut self, until: Time) -> Result<(), RecordError> {
        while let Some(due) = self.due().filter(|due| *due <= until) {
            self.do_what_is_due(due)?;
        }
        Ok(())
    }

    /// When something falls due next: with the venue, or a wake of the desk.
    #[inline]
    fn due(&self) -> Option<Time> {
        let wake = self.wake.unwrap_or(Time::MAX);
        self.venue.next_wake().map_or(self.wake, |venue| Some(venue.min(wake)))
    }

    fn do_what_is_due(&mut self, due: Time) -> Result<(), RecordError> {
        let now = due.max(self.now);
        if self.venue.next_wake().is_some_and(|venue| venue <= due) {
            self.venue.wake(now);
            self.listen(now)?;
        }
        if self.wake.is_some_and(|wake| wake <= due) {
            self.wake = None;
            self.hear(now, Fact::Woke)?;
            self.listen(now)?;
        }
        Ok(())
    }

    /// Hears what the venue has to say by now.
    #[inline]
    fn listen(&mut self, now: Time) -> Result<(), RecordError> {
        while let Some(report) = self.venue.poll() {
            self.hear(now, Fact::Reported(report))?;
        }
        Ok(())
    }

    /// One event through the desk: written down first, then heard; what follows is written down, then leaves.
    #[inline]
    fn hear(&mut self, now: Time, fact: Fact) -> Result<(), RecordError> {
        self.now = now.max(self.now);
        // Its number comes last: a fact is large, and so it is not moved again.
        let mut event = Event { seq: 0, time: self.now, fact };
        event.seq = self.record.event(event.time, &event.fact)?;
        self.desk.on_event(&event, &mut self.actions);
        if !self.actions.is_empty() {
            self.carry_out(&event)?;
        }
        self.watch.on_event(&event, &self.desk);
        Ok(())
    }

    fn carry_out(&mut self, event: &Event) -> Result<(), RecordError> {
        let mut leaves = false;
        for action in self.actions.as_slice() {
            self.record.action(event.time, action)?;
            self.watch.on_action(event, action, &self.desk);
            leaves |= matches!(action, Action::Send(_) | Action::Query(_) | Action::List);
        }
        if leaves {
            self.record.before_leaving()?;
        }
        let Self { actions, venue, wake, .. } = self;
        for action in actions.drain() {
            match action {
                Action::Send(request) => venue.send(event.time, &request),
                Action::Query(id) => venue.query(event.time, id),
                Action::List => venue.list(event.time),
                Action::WakeAt(time) => *wake = Some(wake.map_or(time, |wake| wake.min(time))),
                Action::Tell(_) => {}
            }
        }
        Ok(())
    }
}
