//! What a story plays on: one symbol, EURUSD with five digits in an account of dollars, from Tuesday 6 May 2014, noon.

use super::{Broken, Play, Setup};
use crate::calendar::Session;
use crate::port::Simulator;
use crate::spec::{
    Capacity, Commission, Conversion, Crossed, Execution, Latency, Margin, Marketable, PaperSpec, PartialClose,
    PartialFills, Positions, Queue, Rejects, Slippage, Swap, SymbolSpec, TypicalSpread,
};
use market::{
    Currency, Instrument, Lots, MarginClass, Money, Points, Price, Side, Span, StrategyId, SymbolId, Tick, Time, Trade,
};
use orders::{Instruction, OrderId, Report};
use risk::{Entry, ExitCause, Kind, Protection, Reduction, Ticket};

fn currency(code: &str) -> Result<Currency, Broken> {
    Currency::new(code).ok_or_else(|| Broken::Wrong { expected: format!("{code} to be a currency"), heard: Vec::new() })
}

/// A broker without costs, latency or chance: MT4's hedging account with 10,000 dollars and unlimited credit, and one
/// symbol, EURUSD. Stories change what they are about.
///
/// # Errors
/// Never in practice: [`Broken::Wrong`] if a currency had an impossible code.
pub fn broker() -> Result<PaperSpec, Broken> {
    let instrument = Instrument {
        symbol: SymbolId(0),
        name: String::from("EURUSD"),
        digits: 5,
        tick_size: Points(1),
        pip: Points(10),
        volume_digits: 2,
        lot_step: Lots(1),
        lot_min: Lots(1),
        lot_max: Lots(10_000),
        contract_size: 100_000,
        base: currency("EUR")?,
        quote: currency("USD")?,
        stop_level: Points(0),
        freeze_level: Points(0),
        margin_class: MarginClass::MajorPair,
    };
    let symbol = SymbolSpec {
        instrument,
        conversion: Conversion::Same,
        slippage: Slippage::None,
        commission: Commission::None,
        swap: Swap::None,
        session: Session::Always,
    };
    Ok(PaperSpec {
        seed: 1,
        currency: currency("USD")?,
        balance: Money::units(10_000),
        positions: Positions::Hedging,
        partial_close: PartialClose::NewTicket,
        execution: Execution::Market,
        marketable: Marketable::Refuse,
        latency_to_venue: Latency::Fixed(Span(0)),
        latency_to_us: Latency::Fixed(Span(0)),
        rejects: Rejects::Never,
        partial_fills: PartialFills::Never,
        crossed: Crossed::Worsen,
        typical_spread: TypicalSpread::Ewma { shift: 6 },
        queue: Queue::TradeThroughOnly,
        through: Points(1),
        margin: Margin::Unlimited,
        capacity: Capacity { in_flight: 64, positions: 64, resting: 64, answers: 1_024, whys: 64 },
        symbols: vec![symbol],
    })
}

/// A venue, the time, and what was heard.
pub struct Stage {
    venue: Box<dyn Simulator>,
    now: Time,
    bid: i64,
    ask: i64,
    numbers: u64,
    recent: Vec<Report>,
    all: Vec<Report>,
}

impl Play<'_> {
    /// Sets the stage with the plain broker, changed.
    pub(super) fn stage(&self, change: impl FnOnce(&mut PaperSpec)) -> Result<Stage, Broken> {
        let mut spec = broker()?;
        change(&mut spec);
        let setup = Setup { story: self.story, spec };
        let venue = (self.make)(&setup).ok_or(Broken::Skipped)?.venue;
        let now = Time::from_date(2014, 5, 6).plus(Span(12 * Span::HOUR.0));
        Ok(Stage { venue, now, bid: 0, ask: 0, numbers: 0, recent: Vec::new(), all: Vec::new() })
    }
}

impl Stage {
    /// What was heard since the last step began.
    pub(super) fn recent(&self) -> &[Report] {
        &self.recent
    }

    /// Everything that was heard.
    pub(super) fn all(&self) -> &[Report] {
        &self.all
    }

    pub(super) const fn now(&self) -> Time {
        self.now
    }

    /// Ends the story.
    pub(super) fn wrong(&self, expected: &str) -> Broken {
        Broken::Wrong { expected: expected.into(), heard: self.recent.clone() }
    }

    /// Ends the story unless something holds.
    pub(super) fn ensure(&self, holds: bool, expected: &str) -> Result<(), Broken> {
        if holds { Ok(()) } else { Err(self.wrong(expected)) }
    }

    /// Ends the story unless nothing was heard in this step.
    pub(super) fn silence(&self) -> Result<(), Broken> {
        self.ensure(self.recent.is_empty(), "silence")
    }

    fn step(&mut self, act: impl FnOnce(&mut Box<dyn Simulator>, Time)) {
        self.recent.clear();
        act(&mut self.venue, self.now);
        self.listen();
    }

    fn listen(&mut self) {
        while let Some(report) = self.venue.poll() {
            self.recent.push(report);
            self.all.push(report);
        }
    }

    /// A second later the market quotes 1.38xxx: the last three digits of bid and ask.
    pub(super) fn tick(&mut self, bid: i64, ask: i64) {
        self.tick_with(SymbolId(0), (138_000 + bid, 0), (138_000 + ask, 0));
    }

    /// The same with volumes.
    pub(super) fn tick_of(&mut self, bid: (i64, i64), ask: (i64, i64)) {
        self.tick_with(SymbolId(0), (138_000 + bid.0, bid.1), (138_000 + ask.0, ask.1));
    }

    /// A second later a symbol is quoted, in full prices and volumes.
    pub(super) fn tick_with(&mut self, symbol: SymbolId, bid: (i64, i64), ask: (i64, i64)) {
        self.now = self.now.plus(Span::SECOND);
        if symbol == SymbolId(0) {
            (self.bid, self.ask) = (bid.0, ask.0);
        }
        let tick = Tick {
            symbol,
            time: self.now,
            seen: self.now,
            bid: Price(bid.0),
            ask: Price(ask.0),
            bid_lots: Lots(bid.1),
            ask_lots: Lots(ask.1),
        };
        self.step(|venue, _| venue.on_tick(&tick));
    }

    /// A second later somebody trades at 1.38xxx.
    pub(super) fn trade(&mut self, taker: Side, price: i64, lots: i64) {
        self.now = self.now.plus(Span::SECOND);
        let (time, price, lots) = (self.now, Price(138_000 + price), Lots(lots));
        let trade = Trade { symbol: SymbolId(0), time, seen: time, price, lots, taker };
        self.step(|venue, _| venue.on_trade(&trade));
    }

    /// Time passes; the venue is woken whenever it wants to be.
    pub(super) fn wait(&mut self, span: Span) {
        self.recent.clear();
        self.now = self.now.plus(span);
        while let Some(next) = self.venue.next_wake().filter(|next| *next < self.now) {
            self.venue.wake(next);
            self.listen();
        }
        self.venue.wake(self.now);
        self.listen();
    }

    /// Sends an instruction.
    pub(super) fn send(&mut self, instruction: Instruction) -> OrderId {
        self.numbers += 1;
        let id = OrderId::new(1, self.numbers);
        self.send_as(id, instruction);
        id
    }

    /// Sends an instruction under a number.
    pub(super) fn send_as(&mut self, id: OrderId, instruction: Instruction) {
        self.step(|venue, now| venue.instruct(now, id, instruction));
    }

    /// A market order as a story sees fit.
    pub(super) fn entry(&self, side: Side, lots: i64) -> Entry {
        Entry {
            strategy: StrategyId(0),
            symbol: SymbolId(0),
            side,
            lots: Lots(lots),
            kind: Kind::Market { deviation: Points(10) },
            reference: Price(if side == Side::Buy { self.ask } else { self.bid }),
            stop: None,
            target: None,
        }
    }

    /// Sends a market order.
    pub(super) fn open(&mut self, side: Side, lots: i64) -> OrderId {
        self.send(Instruction::Open(self.entry(side, lots)))
    }

    /// Sends a market order with a stop and a target at 1.38xxx.
    pub(super) fn guarded(&mut self, side: Side, lots: i64, stop: Option<i64>, target: Option<i64>) -> OrderId {
        let at = |price: Option<i64>| price.map(|price| Price(138_000 + price));
        self.send(Instruction::Open(Entry { stop: at(stop), target: at(target), ..self.entry(side, lots) }))
    }

    /// Sends a limit order at 1.38xxx that is good for an hour.
    pub(super) fn limit(&mut self, side: Side, lots: i64, price: i64) -> OrderId {
        let kind = Kind::Limit { price: Price(138_000 + price), expires: self.now.plus(Span::HOUR) };
        self.send(Instruction::Open(Entry { kind, ..self.entry(side, lots) }))
    }

    /// Opens a position and says its number.
    pub(super) fn opened(&mut self, side: Side, lots: i64) -> Result<Ticket, Broken> {
        let order = self.open(side, lots);
        Ok(super::heard!(self, Report::Opened { id, ticket, .. } if id == order => ticket))
    }

    /// Sends a request to close.
    pub(super) fn close(&mut self, ticket: Ticket, side: Side, lots: i64) -> OrderId {
        let (strategy, symbol, cause) = (StrategyId(0), SymbolId(0), ExitCause::Operator);
        self.send(Instruction::Close(Reduction { strategy, symbol, ticket, side, lots: Lots(lots), cause }))
    }

    /// Sends a request to change stop and target.
    pub(super) fn protect(&mut self, ticket: Ticket, stop: Option<i64>, target: Option<i64>) -> OrderId {
        let at = |price: Option<i64>| price.map(|price| Price(138_000 + price));
        let (strategy, symbol) = (StrategyId(0), SymbolId(0));
        self.send(Instruction::Protect(Protection { strategy, symbol, ticket, stop: at(stop), target: at(target) }))
    }

    /// Sends a cancellation.
    pub(super) fn cancel(&mut self, order: OrderId) -> OrderId {
        self.send(Instruction::Cancel { order, symbol: SymbolId(0) })
    }

    /// Asks what became of a request.
    pub(super) fn query(&mut self, id: OrderId) {
        self.step(|venue, now| venue.query(now, id));
    }

    /// Asks for the list, and says what is held and the balance.
    pub(super) fn list(&mut self) -> Result<(Vec<Report>, Money), Broken> {
        self.step(|venue, now| venue.list(now));
        let held: Vec<Report> =
            self.recent.iter().filter(|report| matches!(report, Report::Held { .. })).copied().collect();
        let (said, balance) =
            super::heard!(self, Report::Listed { positions, balance, .. } => (positions as usize, balance));
        self.ensure(said == held.len(), "as many lines as the list says")?;
        Ok((held, balance))
    }
}
