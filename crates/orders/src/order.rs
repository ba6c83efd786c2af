//! A request that was sent, and the bounded table of those that are alive and those that have just ended.

use std::cmp::Ordering;

use market::{Lots, Price, Reader, Side, State, StrategyId, SymbolId, Time, Torn};
use risk::{Claim, Entry, ExitCause, Kind, Protection, Reduction, Ticket};

use crate::life::{Heard, Life};
use crate::position::Position;
use crate::spec::Account;
use crate::words::OrderId;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// To open a position.
    #[default]
    Entry,
    /// To take a rung of the ladder.
    Rung,
    /// To close a position, or a part of it, for any other reason.
    Out,
    /// To set a stop or target that is neither break-even nor trailing.
    Stop,
    /// To move the stop to break-even.
    BreakEven,
    /// To let the stop follow the price.
    Trail,
    /// To cancel another request.
    Cancel,
}

market::state_enum!(Purpose { Entry, Rung, Out, Stop, BreakEven, Trail, Cancel });

/// The last part of a request that was done: what a repeated report is recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// When, by the venue.
    pub time: Time,
    /// The position.
    pub ticket: Ticket,
    /// How much.
    pub lots: Lots,
    /// At which price.
    pub price: Price,
}

market::state!(Part { time, ticket, lots, price });

/// A request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// Where it stands.
    pub life: Life,
    /// What it is for.
    pub purpose: Purpose,
    /// Whose.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// The side of the position concerned.
    pub side: Side,
    /// The position to change or close; for an entry the one it opened last.
    pub ticket: Ticket,
    /// The number under which that position was opened; zero for entries and cancellations.
    pub first_ticket: Ticket,
    /// For a cancellation: what to cancel. For an entry: the last cancellation of it, if any.
    pub counterpart: OrderId,
    /// How much was asked.
    pub lots: Lots,
    /// How much of it was done.
    pub filled: Lots,
    /// The price we saw when we asked, where slippage is counted from.
    pub reference: Option<Price>,
    /// The stop asked for.
    pub stop: Option<Price>,
    /// The target asked for.
    pub target: Option<Price>,
    /// Why a position is closed.
    pub cause: ExitCause,
    /// When a resting order expires; the latest instant for all others.
    pub expires: Time,
    /// When it was sent, by our clock.
    pub sent: Time,
    /// When its answer is overdue.
    pub due: Time,
    /// Whether the venue has said that it rests or was filled.
    pub acknowledged: bool,
    /// Whether a report of it could not be booked because an earlier one is missing: it cannot end before a query has
    /// brought both.
    pub missed: bool,
    /// How often it had been queried when its end was first heard of in doubt: that is believed when it is heard again
    /// after another query.
    pub end_heard: Option<u8>,
    /// How often it was queried without an answer.
    pub queries: u8,
    /// The last part that was done.
    pub last: Part,
    /// What it claims of the limits: nothing unless it is an entry.
    pub claim: Claim,
}

market::state!(Order {
    id,
    life,
    purpose,
    strategy,
    symbol,
    side,
    ticket,
    first_ticket,
    counterpart,
    lots,
    filled,
    reference,
    stop,
    target,
    cause,
    expires,
    sent,
    due,
    acknowledged,
    missed,
    end_heard,
    queries,
    last,
    claim
});

impl Order {
    /// A request of a symbol before its particulars.
    fn new(id: OrderId, purpose: Purpose, symbol: SymbolId, sent: Time) -> Self {
        Self {
            id,
            life: Life::Sent,
            purpose,
            strategy: StrategyId(0),
            symbol,
            side: Side::Buy,
            ticket: Ticket(0),
            first_ticket: Ticket(0),
            counterpart: OrderId(0),
            lots: Lots::ZERO,
            filled: Lots::ZERO,
            reference: None,
            stop: None,
            target: None,
            cause: ExitCause::Operator,
            expires: Time::MAX,
            sent,
            due: Time::MAX,
            acknowledged: false,
            missed: false,
            end_heard: None,
            queries: 0,
            last: Part::default(),
            claim: Claim::default(),
        }
    }

    pub(crate) fn entry(id: OrderId, entry: &Entry, claim: Claim, sent: Time) -> Self {
        let expires = match entry.kind {
            Kind::Market { .. } => Time::MAX,
            Kind::Limit { expires, .. } => expires,
        };
        Self {
            strategy: entry.strategy,
            side: entry.side,
            lots: entry.lots,
            reference: Some(entry.reference),
            stop: entry.stop,
            target: entry.target,
            expires,
            claim,
            ..Self::new(id, Purpose::Entry, entry.symbol, sent)
        }
    }

    pub(crate) fn close(id: OrderId, reduction: &Reduction, reference: Option<Price>, sent: Time) -> Self {
        let purpose = if reduction.cause == ExitCause::Rung { Purpose::Rung } else { Purpose::Out };
        Self {
            strategy: reduction.strategy,
            side: reduction.side,
            ticket: reduction.ticket,
            lots: reduction.lots,
            reference,
            cause: reduction.cause,
            ..Self::new(id, purpose, reduction.symbol, sent)
        }
    }

    pub(crate) fn protect(id: OrderId, protection: &Protection, purpose: Purpose, sent: Time) -> Self {
        Self {
            strategy: protection.strategy,
            ticket: protection.ticket,
            stop: protection.stop,
            target: protection.target,
            ..Self::new(id, purpose, protection.symbol, sent)
        }
    }

    pub(crate) fn cancel(id: OrderId, target: &Self, sent: Time) -> Self {
        Self {
            strategy: target.strategy,
            side: target.side,
            counterpart: target.id,
            ..Self::new(id, Purpose::Cancel, target.symbol, sent)
        }
    }

    /// How much of it may still be done.
    pub const fn rest(&self) -> Lots {
        if self.life.is_over() { Lots::ZERO } else { Lots(self.lots.0 - self.filled.0) }
    }

    /// What a fill with `rest` still to come says of an entry; `None` when it was heard before.
    ///
    /// A fill with a rest says how much is filled in all, so repeats are seen exactly, and so are fills whose report was
    /// lost. On a netting account, where closings of the other side are part of a fill and may be heard first, repeats are
    /// recognised by the caller. A fill without a rest ends the order; a market order may end so before all of it was
    /// filled.
    pub(crate) fn hears_fill(&self, part: &Part, rest: Lots, account: Account) -> Option<Heard> {
        let filled = self.filled.0.saturating_add(part.lots.0);
        let said = self.lots.0.saturating_sub(rest.0);
        let repeats = match account {
            Account::Hedging => rest > Lots::ZERO && 0 < said && said <= self.filled.0,
            Account::Netting => false,
        };
        if repeats || rest == Lots::ZERO && self.filled > Lots::ZERO && self.last == *part {
            return None;
        }
        if self.purpose != Purpose::Entry || part.lots.0 <= 0 || rest.0 < 0 || filled > self.lots.0 {
            return Some(Heard::Contradicted);
        }
        if rest == Lots::ZERO {
            let whole = filled == said || self.expires == Time::MAX && !self.missed;
            return Some(if whole { Heard::Filled } else { Heard::Lost });
        }
        Some(match (said.cmp(&filled), account) {
            (Ordering::Greater, _) => Heard::Lost,
            (Ordering::Less, Account::Hedging) => Heard::Contradicted,
            (Ordering::Less, Account::Netting) if filled == self.lots.0 => Heard::Filled,
            (Ordering::Equal | Ordering::Less, _) => Heard::PartFilled,
        })
    }

    /// Whether it ended with a part unfilled, so that a fill may have been missed.
    pub(crate) const fn is_incomplete(&self) -> bool {
        let ended = match self.life {
            Life::Filled | Life::Cancelled => true,
            Life::Sent
            | Life::Working
            | Life::PartlyFilled
            | Life::CancelSent
            | Life::Unknown
            | Life::Rejected
            | Life::NeverHeard
            | Life::Moot => false,
        };
        let entry = match self.purpose {
            Purpose::Entry => true,
            Purpose::Rung | Purpose::Out | Purpose::Stop | Purpose::BreakEven | Purpose::Trail | Purpose::Cancel => {
                false
            }
        };
        ended && entry && self.filled.0 < self.lots.0
    }

    /// What a closed part says of the request that asked for it.
    ///
    /// A close is over with its first part: if less was closed than asked, the exit asks again. An entry on a netting
    /// account goes on, the closed part being the first of its fill.
    pub(crate) fn hears_close(&self, part: &Part) -> Heard {
        let filled = self.filled.0.saturating_add(part.lots.0);
        if part.lots.0 <= 0 || filled > self.lots.0 {
            return Heard::Contradicted;
        }
        match self.purpose {
            Purpose::Rung | Purpose::Out => Heard::Filled,
            Purpose::Entry if filled == self.lots.0 => Heard::Filled,
            Purpose::Entry => Heard::PartFilled,
            Purpose::Stop | Purpose::BreakEven | Purpose::Trail | Purpose::Cancel => Heard::Contradicted,
        }
    }

    /// What a refusal or "never heard of it" says, when a part of it was done already: it cannot be true.
    pub(crate) fn unless_filled(&self, heard: Heard) -> Heard {
        if self.filled > Lots::ZERO && !self.life.is_over() { Heard::Contradicted } else { heard }
    }
}

impl Default for Order {
    /// A place for [`State`] to load into.
    fn default() -> Self {
        Self::new(OrderId(0), Purpose::Entry, SymbolId(0), Time(0))
    }
}

/// The requests that are alive, by number, and the last that have ended, so that late repeats are recognised.
#[derive(Debug)]
pub(crate) struct Requests {
    live: Vec<Order>,
    live_max: usize,
    ended: Vec<Order>,
    ended_max: usize,
    /// Where the next ended order goes once the ring is full.
    next: usize,
}

impl Requests {
    pub(crate) fn new(live_max: usize, ended_max: usize) -> Self {
        Self { live: Vec::with_capacity(live_max), live_max, ended: Vec::with_capacity(ended_max), ended_max, next: 0 }
    }

    pub(crate) fn live(&self) -> &[Order] {
        &self.live
    }

    pub(crate) fn live_mut(&mut self) -> &mut [Order] {
        &mut self.live
    }

    pub(crate) fn room(&self) -> usize {
        self.live_max.saturating_sub(self.live.len())
    }

    /// The live request of such a kind about a position.
    pub(crate) fn about(&self, position: &Position, kind: impl Fn(Purpose) -> bool) -> Option<OrderId> {
        let about = |order: &&Order| order.first_ticket == position.first_ticket && kind(order.purpose);
        self.live.iter().find(about).map(|order| order.id)
    }

    /// The place of a live request; numbers only grow, so the table is sorted by them.
    pub(crate) fn find(&self, id: OrderId) -> Option<usize> {
        self.live.binary_search_by_key(&id, |order| order.id).ok()
    }

    pub(crate) fn ended(&self, id: OrderId) -> Option<&Order> {
        self.ended.iter().find(|order| order.id == id)
    }

    /// Whether one of the ended ended with a part unfilled.
    pub(crate) fn has_incomplete(&self) -> bool {
        self.ended.iter().any(Order::is_incomplete)
    }

    /// Puts a new request in; `None` when the table is full or its number is not above all others.
    pub(crate) fn insert(&mut self, order: Order) -> Option<()> {
        let in_order = self.live.last().is_none_or(|last| last.id < order.id);
        if self.room() == 0 || !in_order {
            return None;
        }
        self.live.push(order);
        Some(())
    }

    /// Takes an ended request back among the living; `None` when it is forgotten or the table is full.
    pub(crate) fn reopen(&mut self, id: OrderId, life: Life) -> Option<usize> {
        let order = *self.ended(id)?;
        if self.room() == 0 {
            return None;
        }
        let at = self.live.partition_point(|live| live.id < id);
        self.live.insert(at, Order { life, ..order });
        // It ends again in a new place; what is left in its old one must not be found.
        self.ended.iter_mut().filter(|old| old.id == id).for_each(|old| *old = Order::default());
        Some(at)
    }

    /// Moves a request that is over from the living to the ended.
    pub(crate) fn end(&mut self, at: usize) {
        if at >= self.live.len() {
            return;
        }
        let order = self.live.remove(at);
        if self.ended_max == 0 {
            return;
        }
        if self.ended.len() < self.ended_max {
            self.ended.push(order);
        } else {
            let next = self.next % self.ended_max;
            self.ended[next] = order;
            self.next = (next + 1) % self.ended_max;
        }
    }
}

impl State for Requests {
    fn save(&self, out: &mut Vec<u8>) {
        self.live.save(out);
        self.ended.save(out);
        self.next.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.live.load(from)?;
        self.ended.load(from)?;
        self.next.load(from)?;
        let fits = self.live.len() <= self.live_max && self.ended.len() <= self.ended_max;
        let sorted = self.live.is_sorted_by(|a, b| a.id < b.id);
        if fits && sorted && self.next <= self.ended_max { Ok(()) } else { Err(Torn) }
    }
}
