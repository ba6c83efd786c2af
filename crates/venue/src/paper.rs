//! The paper venue: a broker or exchange without money, with named models of latency, spread, slippage, costs, refusals
//! and margin.
//!
//! It lives on the clock of our hearing: a tick counts when it was `seen`, and what is due at that instant comes before
//! the tick. So it makes no difference whether the driver wakes the venue in between or not.
//!
//! Every fill goes by two prices per symbol, `buy` and `sell`, which never cross, whatever the quote does:
//! takers pay `buy` and get `sell`, or worse; resting orders and targets fill at their own price, and only once `buy` or
//! `sell` has gone through it. Hence nothing bought and sold in one instant leaves a profit.
//!
//! `arrive` what requests ask    `fill` opening and closing    `stir` what ticks, trades and time set off
//! `money`  currencies, costs and margin    `book` one symbol    `line` latency    `answers` queries and repeats

mod answers;
mod arrive;
mod book;
mod fill;
mod line;
mod money;
mod saved;
mod stir;
#[cfg(test)]
mod tests;

use crate::chance::Chance;
use crate::port::{Simulator, Venue};
use crate::spec::{PaperSpec, SpecFault};
use crate::why::Why;
use answers::Answers;
use book::Book;
use line::Line;
use market::{Lots, Money, Price, Side, SymbolId, Tick, Time, Trade};
use orders::{Instruction, OrderId, Reject, Report, Request};
use risk::{Entry, Ticket};
use std::collections::VecDeque;

/// What travels to the venue.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Order { id: OrderId, instruction: Instruction },
    Query { id: OrderId },
    List {},
}

/// A request that has arrived.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    id: OrderId,
    sent: Time,
    time: Time,
}

/// An open position.
#[derive(Debug, Clone, Copy)]
struct Position {
    ticket: Ticket,
    symbol: SymbolId,
    side: Side,
    lots: Lots,
    /// Sum of price times lots over its fills, exact: an average price would be rounded.
    cost: i128,
    stop: Option<Price>,
    target: Option<Price>,
    /// What was booked for its nights so far.
    swap: Money,
    /// What it needs, at its opening prices.
    margin: Money,
}

impl Position {
    /// The opening price, rounded to the nearest point.
    fn price(&self) -> Price {
        Price(market::money::rounded_division(self.cost, i128::from(self.lots.0)).unwrap_or_default())
    }

    /// The cost of a part of it, rounded to our disadvantage where fills at several prices leave a fraction.
    fn cost_of(&self, part: Lots) -> i128 {
        let (share, whole) = (self.cost * i128::from(part.0), i128::from(self.lots.0));
        match self.side {
            Side::Buy => -(-share).div_euclid(whole),
            Side::Sell => share.div_euclid(whole),
        }
    }
}

/// A limit order that waits.
#[derive(Debug, Clone, Copy)]
struct Resting {
    arrival: Arrival,
    entry: Entry,
    price: Price,
    expires: Time,
    rest: Lots,
    /// Volume before us at our price, once known.
    ahead: Option<i64>,
    /// The position that its fills made.
    ticket: Option<Ticket>,
}

/// What the account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountView {
    /// Cash, without open profit.
    pub balance: Money,
    /// Cash, open profit and swap not yet booked.
    pub equity: Money,
    /// Margin in use.
    pub used: Money,
    /// Open positions.
    pub positions: usize,
    /// Resting orders.
    pub resting: usize,
}

/// Who is told of every fill's reasons.
type Sink = Box<dyn FnMut(&Why) + Send>;

/// The paper venue.
pub struct Paper {
    spec: PaperSpec,
    /// The place of each symbol in `books`.
    places: Vec<Option<u16>>,
    books: Vec<Book>,
    clock: Time,
    /// The next instant at which something happens by itself.
    event_at: Time,
    requests: Line<Ask>,
    reports: Line<Report>,
    answers: Answers,
    slippage: Chance,
    rejects: Chance,
    partial: Chance,
    positions: Vec<Position>,
    resting: Vec<Resting>,
    tickets: u64,
    balance: Money,
    /// Sum of the open profits that the books were last marked with.
    profits: i128,
    /// Sum of the books' margin.
    used: i128,
    /// Whether the margin call of this episode was made.
    called: bool,
    whys: VecDeque<Why>,
    sink: Option<Sink>,
}

impl std::fmt::Debug for Paper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Paper").field("clock", &self.clock).field("account", &self.account()).finish_non_exhaustive()
    }
}

impl Paper {
    /// A venue that has seen nothing.
    ///
    /// # Errors
    /// Every [`SpecFault`] of the spec.
    pub fn new(spec: PaperSpec) -> Result<Self, Vec<SpecFault>> {
        let faults = spec.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let books: Vec<Book> = spec.symbols.iter().cloned().map(Book::new).collect();
        let span = books.iter().map(|book| usize::from(book.symbol().0) + 1).max().unwrap_or(0);
        let mut places = vec![None; span];
        for (place, book) in books.iter().enumerate() {
            places[usize::from(book.symbol().0)] = u16::try_from(place).ok();
        }
        let room = spec.capacity;
        let chance = |purpose| Chance::new(spec.seed, purpose);
        let reports_room = 2 * room.in_flight + room.positions + room.resting;
        Ok(Self {
            places,
            books,
            clock: Time::MIN,
            event_at: Time::MAX,
            requests: Line::new(spec.latency_to_venue.clone(), chance(0), room.in_flight),
            reports: Line::new(spec.latency_to_us.clone(), chance(1), reports_room),
            answers: Answers::new(room.answers),
            slippage: chance(2),
            rejects: chance(3),
            partial: chance(4),
            positions: Vec::with_capacity(room.positions),
            resting: Vec::with_capacity(room.resting),
            tickets: 0,
            balance: spec.balance,
            profits: 0,
            used: 0,
            called: false,
            whys: VecDeque::with_capacity(room.whys),
            sink: None,
            spec,
        })
    }

    /// What the account holds, at the latest quotes.
    pub fn account(&self) -> AccountView {
        AccountView {
            balance: self.balance,
            equity: self.equity_now(),
            used: Money(self.used.clamp(0, i128::from(i64::MAX)) as i64),
            positions: self.positions.len(),
            resting: self.resting.len(),
        }
    }

    /// Why a reported fill happened; `None` when it is no fill of this venue, or an older one than is kept.
    pub fn why(&self, fill: &Report) -> Option<&Why> {
        self.whys.iter().rev().find(|why| why.explains(fill))
    }

    /// The reasons of the last fills, oldest first.
    pub fn whys(&self) -> impl Iterator<Item = &Why> {
        self.whys.iter()
    }

    /// Passes the reasons of every coming fill to `sink`, until told otherwise.
    pub fn watch(&mut self, sink: Option<Sink>) {
        self.sink = sink;
    }

    fn place(&self, symbol: SymbolId) -> Option<usize> {
        self.places.get(usize::from(symbol.0)).copied().flatten().map(usize::from)
    }

    /// Lets happen what is due up to `now`, in its order, and moves the clock.
    #[inline]
    fn advance(&mut self, now: Time) {
        while self.event_at <= now {
            self.happen_next();
        }
        self.clock = self.clock.max(now);
    }

    fn happen_next(&mut self) {
        self.clock = self.clock.max(self.event_at);
        self.happen();
        self.schedule();
    }

    fn enqueue(&mut self, now: Time, ask: Ask) {
        self.advance(now);
        if let Ask::Order { id, .. } = ask
            && self.requests.len() >= self.spec.capacity.in_flight
        {
            let busy = Report::Rejected { id, time: self.clock, reason: Reject::Busy };
            self.reports.push(self.clock, busy);
            return;
        }
        self.requests.push(self.clock, ask);
        self.event_at = self.event_at.min(self.requests.due());
        self.advance(now);
    }

    /// Says something about the request `id`, and remembers it.
    fn answer(&mut self, id: OrderId, report: Report) {
        self.answers.keep(id, report);
        self.reports.push(self.clock, report);
    }

    /// Says something that answers no request.
    fn announce(&mut self, report: Report) {
        self.reports.push(self.clock, report);
    }
}

impl Venue for Paper {
    fn send(&mut self, now: Time, request: &Request) {
        self.instruct(now, request.id(), *request.instruction());
    }

    #[inline]
    fn on_tick(&mut self, tick: &Tick) {
        self.advance(tick.seen);
        self.take_tick(tick);
    }

    fn on_trade(&mut self, trade: &Trade) {
        self.advance(trade.seen);
        self.take_trade(trade);
    }

    fn wake(&mut self, now: Time) {
        self.advance(now);
    }

    fn query(&mut self, now: Time, id: OrderId) {
        self.enqueue(now, Ask::Query { id });
    }

    fn list(&mut self, now: Time) {
        self.enqueue(now, Ask::List {});
    }

    #[inline]
    fn next_wake(&self) -> Option<Time> {
        let next = self.event_at.min(self.reports.due());
        (next < Time::MAX).then_some(next)
    }

    #[inline]
    fn poll(&mut self) -> Option<Report> {
        self.reports.pop(self.clock).map(|report| report.message)
    }
}

impl Simulator for Paper {
    fn instruct(&mut self, now: Time, id: OrderId, instruction: Instruction) {
        self.enqueue(now, Ask::Order { id, instruction });
    }
}
