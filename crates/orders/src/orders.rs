//! The room itself: what is sent, what is wanted, and what can be asked of it.

use market::{Instrument, Money, Points, Price, Reader, Side, State, StrategyId, SymbolId, Tick, Time, Torn};
use risk::{Approved, Entry, ExitCause, Exposure, Limits, Protection, Rate, Reduction, Ticket};

use crate::book::Book;
use crate::closings::Closings;
use crate::exits::{self, ExitSpec, View, Wanted};
use crate::exposure;
use crate::ledger::Ledger;
use crate::life::{Heard, Life};
use crate::order::{Order, Purpose, Requests};
use crate::position::{Leave, Position};
use crate::reconcile::{Difference, Reconciliation};
use crate::spec::{Spec, SpecFault, Unsent, push};
use crate::stage::Turn;
use crate::words::{Instruction, OrderId, Request};

/// The last quote of a symbol as exits saw it. A bid of zero means none yet.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quote {
    bid: Price,
    ask: Price,
    usual_spread: f64,
    volatility: f64,
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

/// Which positions are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One.
    Ticket(Ticket),
    /// A strategy's in one symbol on one side.
    Side(StrategyId, SymbolId, Side),
    /// All of a strategy.
    Strategy(StrategyId),
    /// All of a symbol.
    Symbol(SymbolId),
    /// All.
    All,
}

impl Scope {
    fn holds(self, position: &Position) -> bool {
        match self {
            Self::Ticket(ticket) => position.ticket == ticket,
            Self::Side(strategy, symbol, side) => {
                (position.strategy, position.symbol, position.side) == (strategy, symbol, side)
            }
            Self::Strategy(strategy) => position.strategy == strategy,
            Self::Symbol(symbol) => position.symbol == symbol,
            Self::All => true,
        }
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
    /// Requests in doubt, by symbol.
    pub(crate) unsettled: Vec<u32>,
    /// Whether a symbol's positions are to be valued anew in the ledger of exposure.
    pub(crate) restate: Vec<bool>,
    pub(crate) ledger: Ledger,
    pub(crate) exposure: Exposure,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) closings: Closings,
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
            unsettled: vec![0; instruments.len()],
            restate: vec![false; instruments.len()],
            ledger: Ledger::new(spec.balance, spec.exits.len(), instruments.len()),
            exposure,
            reconciliation: Reconciliation::new(usize::from(spec.positions_max)),
            closings: Closings::new(),
            deadline: Time::MAX,
        })
    }

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

    pub(crate) fn enter(&mut self, entry: Entry, claim: risk::Claim, now: Time) -> Result<Request, Unsent> {
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
        if let Some(id) = position.flight
            && self.requests.find(id).is_some_and(|at| is_close(self.requests.live()[at].purpose))
        {
            return Err(Unsent::Closing(id));
        }
        let same = (position.symbol, position.side) == (reduction.symbol, reduction.side);
        if !same || reduction.lots.0 <= 0 || reduction.lots > position.lots {
            return Err(Unsent::Unfit);
        }
        let reference = self.quotes.get(usize::from(position.symbol.0)).and_then(|quote| quote.exit(position.side));
        let id = self.next_id();
        let request = self.send(Order::close(id, &reduction, reference, now), Instruction::Close(reduction), now)?;
        if let Some(position) = self.book.at_mut(place) {
            position.flight = Some(id);
            exposure::closing(&mut self.exposure, position, reduction.lots);
        }
        Ok(request)
    }

    /// Makes a request that sets a position's venue-side stop and target.
    ///
    /// # Errors
    /// [`Unsent`] when there is no such position or it is being closed.
    pub fn protect(&mut self, approved: Approved<Protection>, now: Time) -> Result<Request, Unsent> {
        self.secure(approved.into_order(), now)
    }

    pub(crate) fn secure(&mut self, protection: Protection, now: Time) -> Result<Request, Unsent> {
        let unknown = Unsent::UnknownTicket(protection.ticket);
        let place = self.book.find(protection.ticket).ok_or(unknown)?;
        let position = self.book.at(place).copied().ok_or(unknown)?;
        if let Some(id) = position.flight {
            return Err(Unsent::Closing(id));
        }
        let asked = position.asked.filter(|(stop, _)| protection.stop == Some(*stop));
        let purpose = asked.map_or(Purpose::Stop, |(_, purpose)| purpose);
        let id = self.next_id();
        let order = Order { side: position.side, ..Order::protect(id, &protection, purpose, now) };
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
        if order.purpose != Purpose::Entry {
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

    /// Decides the exits of the symbol's positions on a believed quote. What is wanted is added to `out` within its room;
    /// each is to pass the gate and come back through `reduce` or `protect`. What does not come back is wanted again
    /// after the strategy's first wait.
    ///
    /// `usual_spread` and `volatility` are in points; what is not a number counts as not known.
    #[inline]
    pub fn exits(&mut self, tick: &Tick, usual_spread: f64, volatility: f64, out: &mut Vec<Wanted>) {
        let Some(quote) = self.quotes.get_mut(usize::from(tick.symbol.0)) else { return };
        *quote = Quote { bid: tick.bid, ask: tick.ask, usual_spread, volatility };
        if self.book.of(tick.symbol).is_empty() {
            return;
        }
        for nth in 0..self.book.of(tick.symbol).len() {
            let place = self.book.of(tick.symbol)[nth];
            if let Some(position) = self.book.at_mut(place) {
                let exit = tick.exit(position.side);
                position.see(exit);
            }
            self.decide(place, tick.seen, out);
        }
    }

    /// Decides one position's exit on the last quote of its symbol.
    pub(crate) fn decide(&mut self, place: u16, now: Time, out: &mut Vec<Wanted>) {
        let Some(position) = self.book.at_mut(place) else { return };
        let symbol = usize::from(position.symbol.0);
        let Some(spec) = self.spec.exits.get(usize::from(position.strategy.0)) else { return };
        if out.len() == out.capacity() || position.flight.is_some() {
            return;
        }
        let quote = &self.quotes[symbol];
        let view = View {
            instrument: &self.instruments[symbol],
            now,
            exit: quote.exit(position.side),
            spread: quote.spread(),
            usual_spread: quote.usual_spread,
            volatility: quote.volatility,
            settled: self.unsettled[symbol] == 0,
        };
        let spiked = position.spike_since;
        let wanted = exits::decide(position, spec, &view);
        if position.spike_since == spiked && wanted.is_none() {
            return;
        }
        if let Some((wanted, purpose)) = wanted {
            position.asked = match wanted {
                Wanted::Protect(protection) => protection.stop.map(|stop| (stop, purpose)),
                Wanted::Reduce(_) => None,
            };
            position.not_before = now.plus(spec.retry.first);
            push(out, wanted);
        }
        let due = exits::next_due(position, spec);
        if due > now {
            self.wake_by(due);
        }
    }

    /// Takes note that all of these positions shall be closed, and wakes at once to say so. A forced cause (flatten,
    /// operator, session end) replaces another one. Returns how many it concerns.
    pub fn leave(&mut self, scope: Scope, cause: ExitCause) -> usize {
        let mut concerned = 0;
        for nth in 0..self.book.len() {
            let Some(position) = self.book.place(nth).and_then(|place| self.book.at_mut(place)) else { continue };
            let Some(stage) = position.stage.after(Turn::OutWanted).filter(|_| scope.holds(position)) else { continue };
            concerned += 1;
            position.stage = stage;
            if position.leaving.is_none() || exits::is_forced(cause) {
                position.leaving = Some(Leave(cause));
                position.not_before = Time::MIN;
            }
        }
        if concerned > 0 {
            self.wake_by(Time::MIN);
        }
        concerned
    }

    /// Marks the symbol's positions at a quote: open profit by strategy and in all. `rate` leads from the symbol's quote
    /// currency to the account's. `None` when there is no rate or an amount does not fit; the last marks then stand.
    #[inline]
    pub fn mark(&mut self, tick: &Tick, rate: Option<Rate>) -> Option<Money> {
        if !self.book.of(tick.symbol).is_empty() {
            self.revalue(tick, rate?)?;
        }
        Some(self.ledger.equity())
    }

    fn revalue(&mut self, tick: &Tick, rate: Rate) -> Option<()> {
        let symbol = usize::from(tick.symbol.0);
        let anew = std::mem::take(self.restate.get_mut(symbol)?);
        let instrument = self.instruments.get(symbol)?;
        for nth in 0..self.book.of(tick.symbol).len() {
            let place = self.book.of(tick.symbol)[nth];
            let position = self.book.at_mut(place)?;
            let value = position.profit_value(tick.exit(position.side))?;
            let profit = rate.convert(instrument.value(Points(value), market::Lots(1))?)?;
            let change = profit.minus(position.open_profit)?;
            if change != Money::ZERO {
                self.ledger.mark(tick.symbol, change)?;
                position.open_profit = profit;
                exposure::mark(&mut self.exposure, position.strategy, change);
            }
            if anew {
                exposure::restate(&mut self.exposure, position, rate);
            }
        }
        Some(())
    }

    /// Whether no request of the symbol is in doubt.
    pub fn is_settled(&self, symbol: SymbolId) -> bool {
        self.unsettled.get(usize::from(symbol.0)).is_some_and(|unknown| *unknown == 0)
    }

    /// Whether the venue's positions and ours were found equal and nothing is in doubt.
    pub fn reconciled(&self) -> bool {
        let explained = self.closings.deferred.is_empty();
        self.reconciliation.agreed && explained && self.unsettled.iter().all(|unknown| *unknown == 0)
    }

    /// We no longer trust our picture: after a restart, or when the line was down. Entries wait for a list that agrees.
    pub fn doubt(&mut self) {
        self.reconciliation.doubt();
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
            Life::Sent | Life::Working | Life::PartlyFilled | Life::CancelSent | Life::Unknown => {}
            Life::Filled | Life::Cancelled | Life::Rejected | Life::NeverHeard | Life::Moot => {}
        }
        if life.is_over() {
            exposure::release(&mut self.exposure, order);
        }
        let (order, due) = (*order, order.due);
        if let Some(unknown) = self.unsettled.get_mut(usize::from(order.symbol.0)) {
            let (was, is) = (before == Life::Unknown, life == Life::Unknown);
            *unknown = unknown.saturating_add(u32::from(is && !was)).saturating_sub(u32::from(was && !is));
            if was && *unknown == 0 {
                // What waited for certainty is decided at once.
                self.wake_by(now);
            }
        }
        if life.is_over() {
            self.requests.end(at);
            if order.purpose == Purpose::Entry {
                self.make_moot(order.id, now);
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
        self.closings.save(out);
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
        self.closings.load(from)?;
        self.deadline.load(from)?;
        let symbols = self.instruments.len();
        let sized = [self.quotes.len(), self.unsettled.len(), self.restate.len()] == [symbols; 3];
        if sized && self.ledger.fits(self.spec.exits.len(), symbols) { Ok(()) } else { Err(Torn) }
    }
}
