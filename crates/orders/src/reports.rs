//! What a report comes to: each kind in its own function, checked wholly before anything changes.
//!
//! Reports may be repeated, and may be missing until a query brings them; they do not lie.

use market::{Lots, Price, SymbolId, Time};
use risk::{Rate, Ticket};

use crate::closings::{Closing, landed};
use crate::exits::{next_due, stop_by};
use crate::exposure;
use crate::fills::Fill;
use crate::life::{Heard, Life};
use crate::order::{Order, Part, Purpose};
use crate::orders::{Orders, is_close};
use crate::position::Position;
use crate::reconcile::{HeldPosition, Listing};
use crate::spec::{Failure, Impossible, ImpossibleTurn, Outcome, Surprise, Verdict};
use crate::stage::Turn;
use crate::words::{OrderId, Reject, Report};

/// Why a report changes nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    /// It was heard before.
    Repeated,
    /// The request is not known.
    Unknown,
    /// It cannot be true of this request, which stands so.
    Impossible(OrderId, Life),
}

impl Told {
    pub(crate) const fn outcome(self, report: &Report) -> Outcome {
        match self {
            Self::Repeated => Outcome::Repeated,
            Self::Unknown => Outcome::Surprise(Surprise::UnknownOrder(*report)),
            Self::Impossible(id, state) => Outcome::Impossible(Impossible { id, state, report: *report }),
        }
    }
}

/// Where a request was found.
#[expect(clippy::large_enum_variant, reason = "handed on once per report, never stored")]
pub(crate) enum Found {
    Live(usize),
    Ended(Order),
}

impl Orders {
    /// Takes in what a venue says. `rate` leads from the quote currency of the report's symbol (see `symbol_of`) to the
    /// account's; without it a fill is valued in proportion to its order.
    pub fn on_report(&mut self, report: &Report, rate: Option<Rate>, now: Time) -> Outcome {
        let outcome = match *report {
            Report::Accepted { id, .. } => self.on_accepted(id, report, now),
            Report::Rejected { id, reason, .. } => self.on_failed(id, (Heard::Refused, Some(reason)), report, now),
            Report::Opened { id, time, ticket, lots, rest, price, commission } => {
                let part = Part { time, ticket, lots, price };
                self.on_opened(id, &Fill { part, rest, commission, rate, now }, report)
            }
            Report::Closed { id, time, ticket, successor, lots, price, profit, commission, swap, cause } => {
                let part = Part { time, ticket, lots, price };
                let closing = Closing { part, successor, profit, commission, swap, cause, now };
                self.on_closed(id, &closing, report)
            }
            Report::Protected { id, ticket, stop, target, .. } => {
                self.on_protected(id, (ticket, stop, target), report, now)
            }
            Report::Cancelled { id, .. } => self.on_failed(id, (Heard::Cancelled, None), report, now),
            Report::Unknown { id, .. } => self.on_unknown(id, report, now),
            Report::NeverHeard { id, .. } => self.on_failed(id, (Heard::NeverHeard, None), report, now),
            Report::Held { ticket, symbol, side, lots, price, stop, target, .. } => {
                self.reconciliation.line(HeldPosition { ticket, symbol, side, lots, price, stop, target });
                Outcome::Held
            }
            Report::Listed { time, positions, balance } => {
                let steady = !self.requests.live().iter().any(|order| order.life.is_in_flight());
                let balances = (self.ledger.balance(), balance);
                let listing = self.reconciliation.close((positions, time), steady, balances, self.book.iter());
                if listing == Listing::Agrees {
                    self.deeds.deferred.clear();
                }
                Outcome::Listed(listing)
            }
            Report::MarginCalled { .. } => Outcome::MarginCalled,
        };
        match outcome {
            Outcome::Impossible(_) | Outcome::ImpossibleTurn(_) | Outcome::Surprise(_) => self.reconciliation.doubt(),
            Outcome::Opened(_) | Outcome::Closed(_) | Outcome::Protected(_) => self.reconciliation.disturb(),
            Outcome::Moved(_)
            | Outcome::Failed(_)
            | Outcome::Repeated
            | Outcome::Deferred
            | Outcome::Held
            | Outcome::Listed(_)
            | Outcome::MarginCalled => {}
        }
        outcome
    }

    /// Which symbol a report is about, as far as we know its request or position.
    pub fn symbol_of(&self, report: &Report) -> Option<SymbolId> {
        let by_id = |id: OrderId| self.order(id).map(|order| order.symbol);
        match *report {
            Report::Accepted { id, .. }
            | Report::Rejected { id, .. }
            | Report::Opened { id, .. }
            | Report::Protected { id, .. }
            | Report::Cancelled { id, .. }
            | Report::Unknown { id, .. }
            | Report::NeverHeard { id, .. } => by_id(id),
            Report::Closed { ticket, .. } => self.position(ticket).map(|position| position.symbol),
            Report::Held { symbol, .. } => Some(symbol),
            Report::Listed { .. } | Report::MarginCalled { .. } => None,
        }
    }

    pub(crate) fn found(&self, id: OrderId) -> Result<Found, Told> {
        if let Some(at) = self.requests.find(id) {
            return Ok(Found::Live(at));
        }
        let ended = self.requests.ended(id).copied();
        ended.map(Found::Ended).ok_or(Told::Unknown)
    }

    /// The live request and its next life. What has ended can only hear repeats.
    fn step(&self, id: OrderId, heard: Heard) -> Result<(usize, Life), Told> {
        let (order, at) = match self.found(id)? {
            Found::Live(at) => (self.requests.live()[at], Some(at)),
            Found::Ended(order) => (order, None),
        };
        let heard = match heard {
            Heard::Refused | Heard::NeverHeard => order.unless_filled(heard),
            Heard::Accepted if order.filled > Lots::ZERO => Heard::Resumed,
            heard => heard,
        };
        let life = order.life.after(heard).ok_or(Told::Impossible(order.id, order.life))?;
        at.map(|at| (at, life)).ok_or(Told::Repeated)
    }

    fn on_accepted(&mut self, id: OrderId, report: &Report, now: Time) -> Outcome {
        self.moved(id, Heard::Accepted, report, now)
    }

    fn on_unknown(&mut self, id: OrderId, report: &Report, now: Time) -> Outcome {
        self.lost(id, report, now)
    }

    /// Something about a request was lost: it is in doubt until a query has been answered. So is one that seemed to have
    /// ended with a part unfilled, because the fill may be what was lost.
    pub(crate) fn lost(&mut self, id: OrderId, report: &Report, now: Time) -> Outcome {
        let incomplete = self.requests.ended(id).filter(|order| order.is_incomplete()).copied();
        match incomplete.map(|order| self.reopen(&order, now)) {
            None => self.moved(id, Heard::Lost, report, now),
            Some(None) => Outcome::Surprise(Surprise::UnknownOrder(*report)),
            Some(Some(at)) => Outcome::Moved(self.requests.live()[at]),
        }
    }

    /// A report that cannot be booked before an earlier one that is missing.
    pub(crate) fn missed(&mut self, id: OrderId, report: &Report, now: Time) -> Outcome {
        let outcome = self.lost(id, report, now);
        if let Some(at) = self.requests.find(id) {
            self.requests.live_mut()[at].missed = true;
        }
        outcome
    }

    /// Takes an entry that ended with a part unfilled back among the living, in doubt; `None` when it did not, or when
    /// there is no room.
    pub(crate) fn reopen(&mut self, order: &Order, now: Time) -> Option<usize> {
        let life = order.life.after(Heard::Reopened).filter(|_| order.is_incomplete())?;
        let at = self.requests.reopen(order.id, order.life)?;
        self.set_life(at, life, now);
        Some(at)
    }

    /// A repeated report of a request in doubt says where it stands; of any other it says nothing.
    pub(crate) fn reassured(&mut self, id: OrderId, stands: Heard, report: &Report, now: Time) -> Outcome {
        let doubted = self.requests.find(id).is_some_and(|at| self.requests.live()[at].life == Life::Unknown);
        if doubted { self.moved(id, stands, report, now) } else { Outcome::Repeated }
    }

    pub(crate) fn moved(&mut self, id: OrderId, heard: Heard, report: &Report, now: Time) -> Outcome {
        match self.step(id, heard) {
            Ok((at, life)) => {
                if let (Heard::Accepted | Heard::Resumed, Some(order)) = (heard, self.requests.live_mut().get_mut(at)) {
                    order.acknowledged = true;
                }
                self.set_life(at, life, now);
                self.order(id).map_or(Outcome::Repeated, |order| Outcome::Moved(*order))
            }
            Err(told) => told.outcome(report),
        }
    }

    /// Refused, cancelled or never heard of.
    fn on_failed(&mut self, id: OrderId, said: (Heard, Option<Reject>), report: &Report, now: Time) -> Outcome {
        let (heard, reason) = said;
        if heard == Heard::Cancelled && !self.is_end_believed(id) {
            return self.lost(id, report, now);
        }
        let (at, life) = match self.step(id, heard) {
            Ok(step) => step,
            Err(told) => return told.outcome(report),
        };
        let order = Order { life, ..self.requests.live()[at] };
        self.set_life(at, life, now);
        if reason == Some(Reject::UnknownTicket) && order.purpose != Purpose::Cancel {
            self.reconciliation.doubt();
        }
        let verdict = match order.purpose {
            Purpose::Entry => Verdict::Over,
            Purpose::Cancel => {
                self.uncancel(order.counterpart, now);
                Verdict::Over
            }
            Purpose::Rung | Purpose::Out | Purpose::Stop | Purpose::BreakEven | Purpose::Trail => {
                self.back_off(&order, now)
            }
        };
        Outcome::Failed(Failure { order, reason, verdict })
    }

    /// Whether an order may end by what is heard now. While it is in doubt a fill may be missing: then only an answer to a
    /// query is believed, which tells its whole story anew, or tells its end a second time.
    fn is_end_believed(&mut self, id: OrderId) -> bool {
        let Some(at) = self.requests.find(id) else { return true };
        let order = &mut self.requests.live_mut()[at];
        if order.missed {
            return false;
        }
        if order.life != Life::Unknown || order.purpose != Purpose::Entry {
            return true;
        }
        order.queries > *order.end_heard.get_or_insert(order.queries)
    }

    /// An order's cancellation came to nothing.
    fn uncancel(&mut self, target: OrderId, now: Time) {
        let Some(at) = self.requests.find(target) else { return };
        let order = &self.requests.live()[at];
        let heard = if order.acknowledged { Heard::CancelRefused } else { Heard::CancelTooEarly };
        if let Some(life) = order.life.after(heard) {
            self.set_life(at, life, now);
        }
    }

    /// A position's request came to nothing: it is decided anew after a wait.
    fn back_off(&mut self, order: &Order, now: Time) -> Verdict {
        let place = (0..self.book.len())
            .filter_map(|nth| self.book.place(nth))
            .find(|place| self.book.at(*place).is_some_and(|position| position.flight == Some(order.id)));
        let Some(position) = place.and_then(|place| self.book.at_mut(place)) else { return Verdict::Over };
        let Some(retry) = self.spec.exits.get(usize::from(position.strategy.0)).map(|spec| spec.retry) else {
            return Verdict::Over;
        };
        position.flight = None;
        position.attempts = position.attempts.saturating_add(1);
        if is_close(order.purpose) {
            exposure::keep(&mut self.exposure, position, order.lots);
        }
        let attempts = position.attempts;
        let stuck = attempts == retry.attempts_max;
        let wait = if attempts < retry.attempts_max { retry.wait(attempts) } else { retry.longest };
        let not_before = now.plus(wait);
        position.not_before = not_before;
        if stuck && order.purpose == Purpose::Rung {
            position.rung = position.rung.saturating_add(1);
            position.attempts = 0;
        }
        self.wake_by(not_before);
        if stuck { Verdict::Stuck { attempts, not_before } } else { Verdict::Retried { attempts, not_before } }
    }

    fn on_protected(
        &mut self,
        id: OrderId,
        (ticket, stop, target): (Ticket, Option<Price>, Option<Price>),
        report: &Report,
        now: Time,
    ) -> Outcome {
        let (order, at) = match self.found(id) {
            Ok(Found::Live(at)) => (self.requests.live()[at], at),
            Ok(Found::Ended(order)) if order.life == Life::Filled && is_stop(order.purpose) => {
                return Outcome::Repeated;
            }
            Ok(Found::Ended(order)) => return impossible(&order, report),
            Err(told) => return told.outcome(report),
        };
        let heard = if is_stop(order.purpose) { Heard::Filled } else { Heard::Contradicted };
        let Some(life) = order.life.after(heard) else { return impossible(&order, report) };
        // Its ticket may have changed since.
        let place = self.book.find(ticket).or_else(|| self.book.find_first(order.first_ticket));
        if let Some(place) = place
            && let Some(position) = self.book.at(place).copied()
        {
            let turn = match (stop, order.purpose) {
                (None, _) => Turn::StopLifted,
                (Some(_), Purpose::BreakEven) => Turn::BreakEvenSet,
                (Some(_), Purpose::Trail) => Turn::TrailSet,
                (Some(_), Purpose::Entry | Purpose::Rung | Purpose::Out | Purpose::Stop | Purpose::Cancel) => {
                    Turn::StopSet
                }
            };
            let Some(stage) = position.stage.after(turn) else { return impossible_turn(&position, turn, report) };
            // A stop that a person takes away is not put back.
            let planned_stop = if order.purpose == Purpose::Stop { stop } else { position.planned_stop };
            let mut position =
                Position { stage, stop, target, planned_stop, stop_by: stop_by(order.purpose), ..position };
            if position.flight == Some(id) {
                landed(&mut position);
            }
            position.risk = position.risk.or(stop.map(|stop| position.entry.above(stop).abs()));
            if let Some(restate) = self.restate.get_mut(usize::from(position.symbol.0)) {
                *restate = true;
            }
            self.settle_position(Some(place), &position, now);
        }
        self.set_life(at, life, now);
        Outcome::Protected(Order { life, ..order })
    }

    /// Puts a position in its place, or in a new one, and asks to be woken for its exits.
    pub(crate) fn settle_position(&mut self, place: Option<u16>, position: &Position, now: Time) {
        match place.and_then(|place| self.book.at_mut(place)) {
            Some(old) => *old = *position,
            None => drop(self.book.insert(position)),
        }
        if let Some(spec) = self.spec.exits.get(usize::from(position.strategy.0)) {
            self.wake_by(next_due(position, spec).max(now));
        }
    }
}

pub(crate) const fn impossible(order: &Order, report: &Report) -> Outcome {
    Told::Impossible(order.id, order.life).outcome(report)
}

pub(crate) fn impossible_turn(position: &Position, turn: Turn, report: &Report) -> Outcome {
    let (ticket, stage) = (position.ticket, position.stage);
    Outcome::ImpossibleTurn(ImpossibleTurn { ticket, stage, turn, report: *report })
}

const fn is_stop(purpose: Purpose) -> bool {
    match purpose {
        Purpose::Stop | Purpose::BreakEven | Purpose::Trail => true,
        Purpose::Entry | Purpose::Rung | Purpose::Out | Purpose::Cancel => false,
    }
}
