//! What a closing comes to: a closed part, and what is left.

use market::{Lots, Money, Points, Price, Reader, State, SymbolId, Time, Torn};
use risk::{ExitCause, Ticket};

use crate::exposure;
use crate::life::{Heard, Life};
use crate::order::{Order, Part, Purpose};
use crate::orders::{Orders, Quote, is_close};
use crate::position::{ClosedTrade, Position, StopBy};
use crate::reports::{Found, Told, impossible, impossible_turn};
use crate::spec::{Account, Outcome, Surprise};
use crate::stage::Turn;
use crate::words::{OrderId, Report};

/// How many fills and how many closings are remembered, so that repeats of their reports are recognised.
const BOOKED_KEPT: usize = 256;

/// How many closings of positions that we do not know yet are kept until we do.
const DEFERRED_MAX: usize = 64;

/// A closing as reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closing {
    pub(crate) part: Part,
    pub(crate) successor: Option<Ticket>,
    pub(crate) profit: Money,
    pub(crate) commission: Money,
    pub(crate) swap: Money,
    pub(crate) cause: ExitCause,
    pub(crate) now: Time,
}

/// What was heard and must not be heard twice: the last fills and closings that were booked, and the closings that wait for
/// a position to become known.
#[derive(Debug)]
pub(crate) struct Deeds {
    pub(crate) fills: Booked,
    pub(crate) closings: Booked,
    pub(crate) deferred: Vec<Report>,
}

/// The last parts that were booked, by request. Number 0 stands for the venue itself.
#[derive(Debug)]
pub(crate) struct Booked {
    parts: Vec<(OrderId, Part)>,
    next: usize,
    /// The highest number among them: above it nothing was booked. Derived, not saved.
    highest: OrderId,
}

impl State for Booked {
    fn save(&self, out: &mut Vec<u8>) {
        self.parts.save(out);
        self.next.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.parts.load(from)?;
        self.next.load(from)?;
        self.highest = self.parts.iter().map(|(id, _)| *id).max().unwrap_or_default();
        Ok(())
    }
}

impl Booked {
    fn new() -> Self {
        Self { parts: Vec::with_capacity(BOOKED_KEPT), next: 0, highest: OrderId(0) }
    }

    pub(crate) fn has(&self, id: OrderId, part: &Part) -> bool {
        id <= self.highest && self.parts.contains(&(id, *part))
    }

    pub(crate) fn add(&mut self, id: OrderId, part: Part) {
        self.highest = self.highest.max(id);
        if self.parts.len() < BOOKED_KEPT {
            self.parts.push((id, part));
        } else {
            let next = self.next % BOOKED_KEPT;
            self.parts[next] = (id, part);
            self.next = (next + 1) % BOOKED_KEPT;
        }
    }
}

impl Deeds {
    pub(crate) fn new() -> Self {
        Self { fills: Booked::new(), closings: Booked::new(), deferred: Vec::with_capacity(DEFERRED_MAX) }
    }
}

impl State for Deeds {
    fn save(&self, out: &mut Vec<u8>) {
        self.fills.save(out);
        self.closings.save(out);
        market::coded::put_all(self.deferred.iter(), out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.fills.load(from)?;
        self.closings.load(from)?;
        market::coded::get_vec(&mut self.deferred, from)?;
        let kept = self.fills.parts.len().max(self.closings.parts.len());
        if kept <= BOOKED_KEPT && self.deferred.len() <= DEFERRED_MAX { Ok(()) } else { Err(Torn) }
    }
}

/// The request that a closing answers, and its next life.
#[derive(Debug, Clone, Copy)]
struct Asked {
    order: Order,
    at: usize,
    life: Life,
}

impl Orders {
    pub(crate) fn on_closed(&mut self, id: Option<OrderId>, closing: &Closing, report: &Report) -> Outcome {
        // The first answer to a live request cannot be a repeat.
        let fresh = |at: usize| self.requests.live()[at].filled == Lots::ZERO;
        let fresh = id.and_then(|id| self.requests.find(id)).is_some_and(fresh);
        if !fresh && self.deeds.closings.has(id.unwrap_or_default(), &closing.part) {
            return id.map_or(Outcome::Repeated, |id| self.reassured(id, Heard::Resumed, report, closing.now));
        }
        let asked = match id.map(|id| self.asked(id, closing)).transpose() {
            Ok(asked) => asked,
            Err(told) => return told.outcome(report),
        };
        if let Some(asked) = asked.as_ref().filter(|asked| asked.order.purpose == Purpose::Entry)
            && self.reconciliation.told_before(closing.part.time)
        {
            return self.note_closing(asked, closing);
        }
        let Part { ticket, lots, .. } = closing.part;
        let place = self.book.find(ticket);
        let Some((place, position)) = place.and_then(|place| Some((place, *self.book.at(place)?))) else {
            return self.unexplained(asked.as_ref(), closing, report);
        };
        let taken = closing.successor.is_some_and(|ticket| self.book.find(ticket).is_some_and(|other| other != place));
        if taken || !self.is_explained(&position, (lots, closing.successor), id.unwrap_or_default()) {
            return self.unexplained(asked.as_ref(), closing, report);
        }
        let rung = asked.is_some_and(|asked| asked.order.purpose == Purpose::Rung);
        let turn = match (lots == position.lots, rung) {
            (true, _) => Turn::Emptied,
            (false, true) => Turn::RungFilled,
            (false, false) => Turn::Reduced,
        };
        let Some(stage) = position.stage.after(turn) else { return impossible_turn(&position, turn, report) };
        let amount = closing.profit.plus(closing.commission).and_then(|sum| sum.plus(closing.swap));
        let booked = amount.and_then(|amount| self.ledger.book(position.strategy, amount, closing.now));
        let (Some(amount), Some(())) = (amount, booked) else {
            return Outcome::Surprise(Surprise::Overflow(*report));
        };
        exposure::realise(&mut self.exposure, position.strategy, amount);
        let order = asked.map(|asked| asked.order);
        let trade = self.cut(place, Position { stage, ..position }, closing, order.as_ref());
        self.deeds.closings.add(id.unwrap_or_default(), closing.part);
        if let Some(Asked { at, life, .. }) = asked {
            let order = &mut self.requests.live_mut()[at];
            order.filled.0 += lots.0;
            (order.acknowledged, order.missed) = (true, false);
            if is_close(order.purpose) {
                order.last = closing.part;
            }
            self.set_life(at, life, closing.now);
        }
        Outcome::Closed(trade)
    }

    /// A closing that was kept until its position became known, to be heard again now. The caller asks after every
    /// report until there is none.
    pub fn deferred(&mut self) -> Option<Report> {
        let known = |report: &Report| match *report {
            Report::Closed { ticket, lots, successor, .. } => {
                let position = self.position(ticket);
                position.is_some_and(|held| self.is_explained(held, (lots, successor), OrderId(0)))
            }
            _ => false,
        };
        let at = self.deeds.deferred.iter().position(known)?;
        Some(self.deeds.deferred.remove(at))
    }

    /// The request that a closing answers.
    fn asked(&mut self, id: OrderId, closing: &Closing) -> Result<Asked, Told> {
        let (order, at) = match self.found(id)? {
            Found::Live(at) => (self.requests.live()[at], Some(at)),
            Found::Ended(order) if is_close(order.purpose) && order.last == closing.part => {
                return Err(Told::Repeated);
            }
            Found::Ended(order) if order.purpose == Purpose::Entry && self.reconciliation.told(closing.part.time) => {
                return Err(Told::Repeated);
            }
            Found::Ended(order) => match self.reopen(&order, closing.now) {
                Some(at) => (self.requests.live()[at], Some(at)),
                None => (order, None),
            },
        };
        let fits = match (order.purpose, self.spec.account) {
            (Purpose::Rung | Purpose::Out, Account::Hedging | Account::Netting) => {
                order.ticket == closing.part.ticket || self.is_in_flight(&order, closing.part.ticket)
            }
            (Purpose::Entry, Account::Netting) => {
                let position = self.position(closing.part.ticket);
                position.is_none_or(|held| held.symbol == order.symbol && held.side != order.side)
            }
            (Purpose::Entry | Purpose::Stop | Purpose::BreakEven | Purpose::Trail | Purpose::Cancel, _) => false,
        };
        let heard = if fits { order.hears_close(&closing.part) } else { Heard::Contradicted };
        match (order.life.after(heard), at) {
            (Some(life), Some(at)) => Ok(Asked { order, at, life }),
            (Some(_) | None, _) => Err(Told::Impossible(order.id, order.life)),
        }
    }

    fn is_in_flight(&self, order: &Order, ticket: Ticket) -> bool {
        self.position(ticket).is_some_and(|position| position.flight == Some(order.id))
    }

    /// A closing of what we do not hold, or of more than we hold. While some request still owes us an answer, or one
    /// ended with a part unfilled and the fill may have been lost, that may explain it; otherwise it is a surprise.
    fn unexplained(&mut self, asked: Option<&Asked>, closing: &Closing, report: &Report) -> Outcome {
        let owed = |symbol: Option<SymbolId>, but: OrderId| match symbol {
            Some(symbol) => self.is_owed(symbol, but),
            None => self.requests.live().iter().any(changes_positions) || self.requests.has_incomplete(),
        };
        match asked {
            Some(asked) if asked.order.purpose == Purpose::Entry && self.reconciliation.told(closing.part.time) => {
                self.note_closing(asked, closing)
            }
            Some(asked) if owed(Some(asked.order.symbol), asked.order.id) => {
                self.missed(asked.order.id, report, closing.now)
            }
            Some(asked) => impossible(&asked.order, report),
            None if self.deeds.deferred.contains(report) => Outcome::Repeated,
            None if closing.part.lots.0 > 0 && owed(None, OrderId(0)) && self.deeds.deferred.len() < DEFERRED_MAX => {
                self.deeds.deferred.push(*report);
                Outcome::Deferred
            }
            None if self.book.find(closing.part.ticket).is_some() => Outcome::Surprise(Surprise::Overclosed(*report)),
            None => Outcome::Surprise(Surprise::UnknownTicket(*report)),
        }
    }

    /// A closing that a list showed before we heard of it: it is in our books already, and only its request learns of it.
    fn note_closing(&mut self, asked: &Asked, closing: &Closing) -> Outcome {
        self.deeds.closings.add(asked.order.id, closing.part);
        self.take_note(asked.at, asked.life, closing.part.lots, closing.now)
    }

    /// So much of a live request was done, and is in our books already.
    pub(crate) fn take_note(&mut self, at: usize, life: Life, lots: Lots, now: Time) -> Outcome {
        let order = &mut self.requests.live_mut()[at];
        order.filled.0 += lots.0;
        (order.acknowledged, order.missed) = (true, false);
        let order = Order { life, ..*order };
        self.set_life(at, life, now);
        Outcome::Moved(order)
    }

    /// Whether a closing can be of a position as we have it: of a part when a rest lives on, of all when none does.
    /// Otherwise a report about it is missing. On a netting account, whose one position all orders share, missing reports
    /// may come in any order: once nothing is owed any more, the volume alone must fit.
    fn is_explained(&self, position: &Position, (lots, rest): (Lots, Option<Ticket>), id: OrderId) -> bool {
        let part = Lots::ZERO < lots && lots < position.lots;
        let exact = if rest.is_some() { part } else { lots == position.lots };
        let loose = match self.spec.account {
            Account::Hedging => false,
            Account::Netting => lots <= position.lots && !self.is_owed(position.symbol, id),
        };
        lots > Lots::ZERO && (exact || loose)
    }

    /// Whether another live request of the symbol may have changed its positions without our having heard of it.
    pub(crate) fn is_owed(&self, symbol: SymbolId, but: OrderId) -> bool {
        let other = |order: &&Order| order.symbol == symbol && order.id != but;
        self.requests.live().iter().filter(other).any(changes_positions)
    }

    /// Takes a closed part out of a position, and the position out of the book when nothing is left.
    fn cut(&mut self, place: u16, mut position: Position, closing: &Closing, order: Option<&Order>) -> ClosedTrade {
        let Part { ticket, lots, price, .. } = closing.part;
        position.see(price);
        let before = position;
        self.unmark(&mut position, lots);
        let share = position.take(lots);
        exposure::reduce(&mut self.exposure, &mut position, lots);
        if let Some(order) = order.filter(|order| position.flight == Some(order.id)) {
            exposure::keep(&mut self.exposure, &mut position, Lots(order.lots.0 - lots.0));
            landed(&mut position);
        }
        if order.is_some_and(|order| order.purpose == Purpose::Rung) {
            position.rung = position.rung.saturating_add(1);
            position.rungs_filled = position.rungs_filled.saturating_add(1);
        }
        let successor = (position.lots > Lots::ZERO).then_some(closing.successor.unwrap_or(ticket));
        match successor {
            Some(successor) => {
                position.ticket = successor;
                self.settle_position(Some(place), &position, closing.now);
            }
            None => self.book.vacate(place),
        }
        let quoted = self.quotes.get(usize::from(position.symbol.0)).map_or(Points(0), Quote::spread);
        let slipped = i128::from(share.slippage_value);
        let slippage = market::money::rounded_division(slipped, i128::from(lots.0)).unwrap_or_default();
        ClosedTrade {
            ticket,
            first_ticket: position.first_ticket,
            successor,
            origin: position.origin,
            strategy: position.strategy,
            symbol: position.symbol,
            side: position.side,
            lots,
            rest: position.lots,
            entry: position.entry,
            exit: price,
            opened: position.opened,
            closed: closing.now,
            profit: closing.profit,
            commission: Money(closing.commission.0.saturating_add(share.commission.0)),
            swap: closing.swap,
            worst: position.worst,
            best: position.best,
            risk: position.risk,
            cause: cause(&before, closing.cause, order),
            entry_slippage: Points(slippage),
            exit_slippage: expected(&before, closing.cause, order)
                .map(|expected| Points(expected.above(price).0 * position.side.sign())),
            entry_spread: position.entry_spread,
            exit_spread: quoted,
            entry_order: position.entry_order,
            exit_order: order.map(|order| order.id),
        }
    }

    /// Takes the share of `lots` out of the open profit: from now on it is realised.
    pub(crate) fn unmark(&mut self, position: &mut Position, lots: Lots) {
        let share = position.open_profit.scaled(lots.0, position.lots.0).unwrap_or(position.open_profit);
        let change = Money(share.0.saturating_neg());
        if change != Money::ZERO && self.ledger.mark(position.symbol, change).is_some() {
            position.open_profit.0 -= share.0;
            exposure::mark(&mut self.exposure, position.strategy, change);
        }
    }
}

/// A position's request has done what it was for.
pub(crate) fn landed(position: &mut Position) {
    position.flight = None;
    position.attempts = 0;
    position.not_before = Time::MIN;
}

/// Whether a request opens or closes positions.
fn changes_positions(order: &Order) -> bool {
    match order.purpose {
        Purpose::Entry | Purpose::Rung | Purpose::Out => true,
        Purpose::Stop | Purpose::BreakEven | Purpose::Trail | Purpose::Cancel => false,
    }
}

/// Why a part was closed: as we asked, otherwise as the venue says. A touched stop is named after who set it.
fn cause(position: &Position, said: ExitCause, order: Option<&Order>) -> ExitCause {
    match order {
        Some(order) if is_close(order.purpose) => order.cause,
        Some(_) => ExitCause::Netted,
        None if said == ExitCause::Stop && position.stop_by == StopBy::Trail => ExitCause::Trail,
        None => said,
    }
}

/// The price that a closing is compared with.
fn expected(position: &Position, said: ExitCause, order: Option<&Order>) -> Option<Price> {
    match (order, said) {
        (Some(order), _) => order.reference,
        (None, ExitCause::Stop | ExitCause::Trail) => position.stop,
        (None, ExitCause::Target) => position.target,
        (
            None,
            ExitCause::Rung
            | ExitCause::Timeout
            | ExitCause::Reversal
            | ExitCause::Flatten
            | ExitCause::StopOut
            | ExitCause::Operator
            | ExitCause::SessionEnd
            | ExitCause::Netted,
        ) => None,
    }
}
