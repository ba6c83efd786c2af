//! What leaves: requests, made only of what was approved.

use market::{SymbolId, Time};
use risk::{Approved, Claim, Entry, Protection, Rate, Reduction};

use crate::exposure;
use crate::life::{Heard, Life};
use crate::order::{Order, Purpose};
use crate::orders::{Orders, is_close};
use crate::spec::Unsent;
use crate::words::{Instruction, OrderId, Request};

impl Orders {
    /// Whether an entry of the symbol could be sent now.
    ///
    /// # Errors
    /// [`Unsent`] says why not.
    pub fn may_enter(&self, symbol: SymbolId) -> Result<(), Unsent> {
        if usize::from(symbol.0) >= self.instruments.len() {
            return Err(Unsent::UnknownSymbol);
        }
        if !self.reconciled() {
            return Err(Unsent::Unreconciled);
        }
        if !self.is_settled(symbol) {
            return Err(Unsent::Unsettled(symbol));
        }
        // Every entry in flight may become a position, and every position needs room for its exit.
        let entries = self.requests.live().iter().filter(|order| order.purpose == Purpose::Entry).count();
        let exits = self.book.len() + entries + 1;
        if self.book.room() <= entries || self.requests.room() <= exits { Err(Unsent::Full) } else { Ok(()) }
    }

    /// Makes a request of an approved entry and counts it as live: its exposure is reserved from now on.
    ///
    /// # Errors
    /// [`Unsent`]; nothing is reserved then.
    pub fn submit(&mut self, approved: Approved<Entry>, rate: Rate, now: Time) -> Result<Request, Unsent> {
        self.may_enter(approved.order().symbol)?;
        let claim = self.exposure.reserve(&approved, rate).map_err(Unsent::Ledger)?;
        self.enter(approved.into_order(), claim, now)
    }

    pub(crate) fn enter(&mut self, entry: Entry, claim: Claim, now: Time) -> Result<Request, Unsent> {
        let id = self.next_id();
        self.send(Order::entry(id, &entry, claim, now), Instruction::Open(entry), now)
    }

    /// Makes a request that closes a position, or a part of it.
    ///
    /// # Errors
    /// [`Unsent`] when there is no such position, it is already being closed, or less is open.
    pub fn reduce(&mut self, approved: Approved<Reduction>, now: Time) -> Result<Request, Unsent> {
        self.close(approved.into_order(), now)
    }

    pub(crate) fn close(&mut self, reduction: Reduction, now: Time) -> Result<Request, Unsent> {
        let place = self.book.find(reduction.ticket).ok_or(Unsent::UnknownTicket(reduction.ticket))?;
        let position = self.book.at(place).copied().ok_or(Unsent::UnknownTicket(reduction.ticket))?;
        if let Some(id) = self.requests.about(&position, is_close) {
            return Err(Unsent::InFlight(id));
        }
        let same = (position.symbol, position.side) == (reduction.symbol, reduction.side);
        if !same || reduction.lots.0 <= 0 || reduction.lots > position.lots {
            return Err(Unsent::Unfit);
        }
        let reference = self.quotes.get(usize::from(position.symbol.0)).and_then(|quote| quote.exit(position.side));
        let id = self.next_id();
        let order = Order { first_ticket: position.first_ticket, ..Order::close(id, &reduction, reference, now) };
        let request = self.send(order, Instruction::Close(reduction), now)?;
        if let Some(position) = self.book.at_mut(place) {
            position.flight = Some(id);
            exposure::closing(&mut self.exposure, position, reduction.lots);
        }
        Ok(request)
    }

    /// Makes a request that sets a position's venue-side stop and target.
    ///
    /// # Errors
    /// [`Unsent`] when there is no such position, or a request about it is under way.
    pub fn protect(&mut self, approved: Approved<Protection>, now: Time) -> Result<Request, Unsent> {
        self.secure(approved.into_order(), now)
    }

    pub(crate) fn secure(&mut self, protection: Protection, now: Time) -> Result<Request, Unsent> {
        let unknown = Unsent::UnknownTicket(protection.ticket);
        let place = self.book.find(protection.ticket).ok_or(unknown)?;
        let position = self.book.at(place).copied().ok_or(unknown)?;
        if let Some(id) = self.requests.about(&position, is_exit) {
            return Err(Unsent::InFlight(id));
        }
        let asked = position.asked.filter(|(stop, _)| protection.stop == Some(*stop));
        let purpose = asked.map_or(Purpose::Stop, |(_, purpose)| purpose);
        let id = self.next_id();
        let (side, first_ticket) = (position.side, position.first_ticket);
        let order = Order { side, first_ticket, ..Order::protect(id, &protection, purpose, now) };
        let request = self.send(order, Instruction::Protect(protection), now)?;
        if let Some(position) = self.book.at_mut(place) {
            position.flight = Some(id);
        }
        Ok(request)
    }

    /// Makes a request that cancels an order of ours; `None` when it is over, not at work, or already being cancelled.
    pub fn cancel(&mut self, target: OrderId, now: Time) -> Option<Request> {
        let at = self.requests.find(target)?;
        let order = self.requests.live()[at];
        let life = order.life.after(Heard::CancelAsked)?;
        // While an earlier cancellation is not known to have failed, another would be the same sent again.
        let failed = |earlier: &Order| matches!(earlier.life, Life::Rejected | Life::NeverHeard);
        let pending = order.counterpart != OrderId(0) && !self.order(order.counterpart).is_none_or(failed);
        if order.purpose != Purpose::Entry || pending {
            return None;
        }
        let id = self.next_id();
        let instruction = Instruction::Cancel { order: target, symbol: order.symbol };
        let request = self.send(Order::cancel(id, &order, now), instruction, now).ok()?;
        if let Some(order) = self.requests.live_mut().get_mut(at) {
            order.counterpart = id;
        }
        self.set_life(at, life, now);
        Some(request)
    }

    fn next_id(&self) -> OrderId {
        OrderId::new(self.spec.run, self.number + 1)
    }

    fn send(&mut self, order: Order, instruction: Instruction, now: Time) -> Result<Request, Unsent> {
        let due = now.plus(self.spec.answer_timeout);
        self.requests.insert(Order { due, ..order }).ok_or(Unsent::Full)?;
        self.number += 1;
        self.wake_by(due);
        Ok(Request::new(order.id, instruction))
    }
}

const fn is_exit(purpose: Purpose) -> bool {
    match purpose {
        Purpose::Rung | Purpose::Out | Purpose::Stop | Purpose::BreakEven | Purpose::Trail => true,
        Purpose::Entry | Purpose::Cancel => false,
    }
}
