//! The room itself: what is sent, what is wanted, and what can be asked of it.

use market::{Instrument, Money, Points, Price, Reader, Side, State, StrategyId, SymbolId, Time, Torn};
use risk::{Exposure, Limits, Ticket};

use crate::book::Book;
use crate::closings::Deeds;
use crate::exits::ExitSpec;
use crate::exposure;
use crate::ledger::Ledger;
use crate::life::{Heard, Life};
use crate::order::{Order, Purpose, Requests};
use crate::position::Position;
use crate::reconcile::{Difference, Reconciliation};
use crate::spec::{Spec, SpecFault};
use crate::words::OrderId;

/// The last quote of a symbol as exits saw it. A bid of zero means none yet.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quote {
    pub(crate) bid: Price,
    pub(crate) ask: Price,
    pub(crate) usual_spread: f64,
    pub(crate) volatility: f64,
}

market::state!(Quote { bid, ask, usual_spread, volatility });

impl Quote {
    pub(crate) fn exit(&self, side: Side) -> Option<Price> {
        let price = match side {
            Side::Buy => self.bid,
            Side::Sell => self.ask,
        };
        (self.bid.0 > 0).then_some(price)
    }

    pub(crate) const fn spread(&self) -> Points {
        self.ask.above(self.bid)
    }
}

/// The lives of our orders and positions, their exits, and the cash that they move.
///
/// One tick touches only the positions of its symbol. Nothing is allocated after construction.
#[derive(Debug)]
pub struct Orders {
    pub(crate) spec: Spec,
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) number: u64,
    pub(crate) requests: Requests,
    pub(crate) book: Book,
    pub(crate) quotes: Vec<Quote>,
    /// What one point on one volume unit is worth, by symbol.
    pub(crate) units: Vec<Option<Money>>,
    /// Requests in doubt, by symbol.
    pub(crate) unsettled: Vec<u32>,
    /// Requests in doubt of all symbols: the sum of `unsettled`.
    pub(crate) unsettled_total: u32,
    /// Whether a symbol's positions are to be valued anew in the ledger of exposure.
    pub(crate) restate: Vec<bool>,
    pub(crate) ledger: Ledger,
    pub(crate) exposure: Exposure,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) deeds: Deeds,
    /// Nothing is due before this.
    pub(crate) deadline: Time,
}

impl Orders {
    /// An empty room: no orders, no positions, not reconciled.
    ///
    /// # Errors
    /// Every fault of the spec, the instruments or the limits.
    pub fn new(spec: &Spec, instruments: &[Instrument], limits: &Limits) -> Result<Self, Vec<SpecFault>> {
        let mut faults = spec.faults();
        let placed =
            instruments.iter().enumerate().all(|(place, instrument)| usize::from(instrument.symbol.0) == place);
        if !placed {
            faults.push(SpecFault::Instruments);
        }
        let exposure = match Exposure::new(limits, instruments) {
            Ok(exposure) if faults.is_empty() => exposure,
            Ok(_) => return Err(faults),
            Err(limits) => {
                faults.push(SpecFault::Limits(limits));
                return Err(faults);
            }
        };
        Ok(Self {
            spec: spec.clone(),
            instruments: instruments.to_vec(),
            number: 0,
            requests: Requests::new(usize::from(spec.orders_max), usize::from(spec.ended_kept)),
            book: Book::new(instruments.len(), spec.positions_max),
            quotes: vec![Quote::default(); instruments.len()],
            units: instruments.iter().map(Instrument::unit).collect(),
            unsettled: vec![0; instruments.len()],
            unsettled_total: 0,
            restate: vec![false; instruments.len()],
            ledger: Ledger::new(spec.balance, spec.exits.len(), instruments.len()),
            exposure,
            reconciliation: Reconciliation::new(usize::from(spec.positions_max)),
            deeds: Deeds::new(),
            deadline: Time::MAX,
        })
    }

    /// Whether no request of the symbol is in doubt.
    pub fn is_settled(&self, symbol: SymbolId) -> bool {
        self.unsettled.get(usize::from(symbol.0)).is_some_and(|unknown| *unknown == 0)
    }

    /// Whether the venue's positions and ours were found equal and nothing is in doubt.
    #[inline]
    pub fn reconciled(&self) -> bool {
        self.reconciliation.agreed && self.deeds.deferred.is_empty() && self.unsettled_total == 0
    }

    /// Whether any position of the symbol is open.
    #[inline]
    pub fn holds(&self, symbol: SymbolId) -> bool {
        !self.book.of(symbol).is_empty()
    }

    /// We no longer trust our picture: after a restart, or when the line was down. Entries wait for a list that agrees.
    pub fn doubt(&mut self) {
        self.reconciliation.doubt();
    }

    /// The line was down, and reports may have been lost: every request that is alive is in doubt, and queried at once.
    pub fn doubt_requests(&mut self, now: Time) {
        for at in 0..self.requests.live().len() {
            if let Some(life) = self.requests.live()[at].life.after(Heard::Lost) {
                self.set_life(at, life, now);
            }
        }
    }

    /// How the last list differed, until it is adopted or something changes.
    pub fn differences(&self) -> &[Difference] {
        &self.reconciliation.differences
    }

    /// The requests that are alive, oldest first.
    pub fn live(&self) -> &[Order] {
        self.requests.live()
    }

    /// A request that is alive or has ended not long ago.
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.requests.find(id).and_then(|at| self.requests.live().get(at)).or_else(|| self.requests.ended(id))
    }

    /// All positions, by symbol and then by age.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.book.iter()
    }

    /// A symbol's positions, oldest first.
    pub fn positions_of(&self, symbol: SymbolId) -> impl Iterator<Item = &Position> {
        self.book.of(symbol).iter().filter_map(|place| self.book.at(*place))
    }

    /// A position by its ticket.
    pub fn position(&self, ticket: Ticket) -> Option<&Position> {
        self.book.find(ticket).and_then(|place| self.book.at(place))
    }

    /// The account's cash and open profit.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is open and in flight, for the gate.
    pub const fn exposure(&self) -> &Exposure {
        &self.exposure
    }

    /// The exits of a strategy.
    pub fn exit_spec(&self, strategy: StrategyId) -> Option<&ExitSpec> {
        self.spec.exits.get(usize::from(strategy.0))
    }

    /// Gives a live request its next life, with all that hangs on it.
    pub(crate) fn set_life(&mut self, at: usize, life: Life, now: Time) {
        let timeout = self.spec.answer_timeout;
        let Some(order) = self.requests.live_mut().get_mut(at) else { return };
        let before = std::mem::replace(&mut order.life, life);
        match life {
            Life::Working | Life::PartlyFilled if before != Life::CancelSent => {
                order.due = if order.expires == Time::MAX { now.plus(timeout) } else { order.expires.plus(timeout) };
            }
            Life::Unknown if before != Life::Unknown => {
                order.due = now;
                order.queries = 0;
            }
            // A cancellation on its way does not change when the order itself is overdue.
            Life::Sent
            | Life::Working
            | Life::PartlyFilled
            | Life::CancelSent
            | Life::Unknown
            | Life::Filled
            | Life::Cancelled
            | Life::Rejected
            | Life::NeverHeard
            | Life::Moot => {}
        }
        if life.is_over() {
            exposure::release(&mut self.exposure, order);
        }
        let (id, symbol, purpose, due) = (order.id, order.symbol, order.purpose, order.due);
        if let Some(unknown) = self.unsettled.get_mut(usize::from(symbol.0)) {
            let (was, is) = (before == Life::Unknown, life == Life::Unknown);
            for count in [&mut *unknown, &mut self.unsettled_total] {
                *count = count.saturating_add(u32::from(is && !was)).saturating_sub(u32::from(was && !is));
            }
            if was && *unknown == 0 {
                // What waited for certainty is decided at once.
                self.wake_by(now);
            }
        }
        if life.is_over() {
            self.requests.end(at);
            if purpose == Purpose::Entry {
                self.make_moot(id, now);
            }
        } else {
            self.wake_by(due);
        }
    }

    /// Ends the cancellations of an order that has ended.
    fn make_moot(&mut self, target: OrderId, now: Time) {
        let cancels = |order: &Order| order.purpose == Purpose::Cancel && order.counterpart == target;
        while let Some(at) = self.requests.live().iter().position(cancels)
            && let Some(life) = self.requests.live()[at].life.after(Heard::TargetEnded)
        {
            self.set_life(at, life, now);
        }
    }

    pub(crate) fn wake_by(&mut self, time: Time) {
        self.deadline = self.deadline.min(time);
    }
}

pub(crate) const fn is_close(purpose: Purpose) -> bool {
    match purpose {
        Purpose::Rung | Purpose::Out => true,
        Purpose::Entry | Purpose::Stop | Purpose::BreakEven | Purpose::Trail | Purpose::Cancel => false,
    }
}

impl State for Orders {
    fn save(&self, out: &mut Vec<u8>) {
        self.number.save(out);
        self.requests.save(out);
        self.book.save(out);
        self.quotes.save(out);
        self.unsettled.save(out);
        self.restate.save(out);
        self.ledger.save(out);
        self.exposure.save(out);
        self.reconciliation.save(out);
        self.deeds.save(out);
        self.deadline.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.number.load(from)?;
        self.requests.load(from)?;
        self.book.load(from)?;
        self.quotes.load(from)?;
        self.unsettled.load(from)?;
        self.restate.load(from)?;
        self.ledger.load(from)?;
        self.exposure.load(from)?;
        self.reconciliation.load(from)?;
        self.deeds.load(from)?;
        self.deadline.load(from)?;
        let symbols = self.instruments.len();
        self.unsettled_total = self.unsettled.iter().fold(0, |total, unknown| total.saturating_add(*unknown));
        let sized = [self.quotes.len(), self.unsettled.len(), self.restate.len()] == [symbols; 3];
        if sized && self.ledger.fits(self.spec.exits.len(), symbols) { Ok(()) } else { Err(Torn) }
    }
}
