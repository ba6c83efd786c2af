//! A tiny obvious venue behind a bad line, and random sessions with it: nothing is sent twice, nothing is lost, and in
//! the end positions and cash are equal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use market::{Lots, Money, Price, Side, Span, StrategyId, SymbolId, Time};
use proptest::prelude::*;
use risk::{Claim, ExitCause, Kind, Protection, Reduction, Ticket};

use super::{entry, instrument, plain_exits, room, saved, spec};
use crate::*;

#[derive(Debug, Clone, Copy)]
struct Held {
    side: Side,
    lots: i64,
    cost: i64,
    stop: Option<Price>,
}

#[derive(Debug, Clone, Copy)]
struct Ask {
    id: OrderId,
    instruction: Instruction,
    filled: i64,
    resting: bool,
}

/// The venue. Everything it says about a request is kept under the request's number.
struct Model {
    account: Account,
    asks: Vec<Ask>,
    seen: BTreeSet<OrderId>,
    held: BTreeMap<u64, Held>,
    said: Vec<(OrderId, Report)>,
    line: VecDeque<Report>,
    tickets: u64,
    clock: i64,
    balance: i64,
}

impl Model {
    fn new(account: Account, balance: Money) -> Self {
        Self {
            account,
            asks: Vec::new(),
            seen: BTreeSet::new(),
            held: BTreeMap::new(),
            said: Vec::new(),
            line: VecDeque::new(),
            tickets: 0,
            clock: 0,
            balance: balance.0,
        }
    }

    fn time(&mut self) -> Time {
        self.clock += 1;
        Time(self.clock)
    }

    fn say(&mut self, id: OrderId, report: Report) {
        self.said.push((id, report));
        self.line.push_back(report);
    }

    fn receive(&mut self, request: &Request) {
        assert!(self.seen.insert(request.id()), "sent twice: {request:?}");
        self.asks.push(Ask { id: request.id(), instruction: *request.instruction(), filled: 0, resting: false });
    }

    fn query(&mut self, id: OrderId) {
        let time = self.time();
        let said: Vec<Report> = self.said.iter().filter(|(of, _)| *of == id).map(|(_, report)| *report).collect();
        if !self.seen.contains(&id) {
            self.line.push_back(Report::NeverHeard { id, time });
        }
        self.line.extend(said);
    }

    fn list(&mut self) {
        let time = self.time();
        for (ticket, held) in &self.held {
            self.line.push_back(Report::Held {
                time,
                ticket: Ticket(*ticket),
                symbol: SymbolId(0),
                side: held.side,
                lots: Lots(held.lots),
                price: Price(held.cost / held.lots),
                stop: held.stop,
                target: None,
            });
        }
        let positions = self.held.len() as u32;
        self.line.push_back(Report::Listed { time, positions, balance: Money(self.balance) });
    }

    fn close(&mut self, id: Option<OrderId>, ticket: u64, lots: i64, (price, cause): (i64, ExitCause)) {
        let mut held = self.held.remove(&ticket).unwrap();
        let cost = held.cost * lots / held.lots;
        let profit = (price * lots - cost) * held.side.sign();
        (held.lots, held.cost) = (held.lots - lots, held.cost - cost);
        let successor = (held.lots > 0).then(|| {
            let rest = if self.account == Account::Netting {
                ticket
            } else {
                self.tickets += 1;
                self.tickets
            };
            self.held.insert(rest, held);
            Ticket(rest)
        });
        self.balance += profit - 2 + 3;
        let report = Report::Closed {
            id,
            time: self.time(),
            ticket: Ticket(ticket),
            successor,
            lots: Lots(lots),
            price: Price(price),
            profit: Money(profit),
            commission: Money(-2),
            swap: Money(3),
            cause,
        };
        match id {
            Some(id) => self.say(id, report),
            None => self.line.push_back(report),
        }
    }

    /// Fills `lots` of an entry with `rest` to come.
    fn fill(&mut self, ask: &Ask, lots: i64, rest: i64, price: i64) {
        let Instruction::Open(entry) = ask.instruction else { panic!() };
        let mut lots = lots;
        let mut grows = None;
        if self.account == Account::Netting
            && let Some((ticket, held)) = self.held.iter().next().map(|(ticket, held)| (*ticket, *held))
        {
            if held.side == entry.side {
                grows = Some(ticket);
            } else {
                let part = lots.min(held.lots);
                self.close(Some(ask.id), ticket, part, (price, ExitCause::Netted));
                lots -= part;
                if lots == 0 {
                    let market = matches!(entry.kind, Kind::Market { .. });
                    if rest == 0 && market && part + ask.filled < entry.lots.0 {
                        let time = self.time();
                        self.say(ask.id, Report::Cancelled { id: ask.id, time });
                    }
                    return;
                }
            }
        }
        let ticket = grows.unwrap_or(self.tickets + 1);
        self.tickets = self.tickets.max(ticket);
        let held = self.held.entry(ticket).or_insert(Held { side: entry.side, lots: 0, cost: 0, stop: None });
        (held.lots, held.cost) = (held.lots + lots, held.cost + lots * price);
        held.stop = entry.stop.or(held.stop);
        self.balance -= 7;
        let time = self.time();
        self.say(
            ask.id,
            Report::Opened {
                id: ask.id,
                time,
                ticket: Ticket(ticket),
                lots: Lots(lots),
                rest: Lots(rest),
                price: Price(price),
                commission: Money(-7),
            },
        );
    }

    /// Does something with one of the requests it has.
    fn act(&mut self, which: usize, how: u8, part: i64) {
        if self.asks.is_empty() {
            return;
        }
        let at = which % self.asks.len();
        let mut ask = self.asks[at];
        let over = match ask.instruction {
            Instruction::Open(entry) => self.open(&mut ask, &entry, how, part),
            Instruction::Close(reduction) => self.reduce(ask.id, &reduction, how, part),
            Instruction::Protect(protection) => self.protect(ask.id, &protection, how),
            Instruction::Cancel { order, .. } => self.cancel(ask.id, order, how),
        };
        self.asks.iter_mut().filter(|other| other.id == ask.id).for_each(|other| *other = ask);
        self.asks.retain(|other| !over || other.id != ask.id);
    }

    fn refuse(&mut self, id: OrderId, reason: Reject) -> bool {
        let time = self.time();
        self.say(id, Report::Rejected { id, time, reason });
        true
    }

    fn open(&mut self, ask: &mut Ask, entry: &risk::Entry, how: u8, part: i64) -> bool {
        let rest = entry.lots.0 - ask.filled;
        let (id, time) = (ask.id, self.time());
        match (entry.kind, how % 5) {
            (Kind::Limit { .. }, 0) if ask.resting => self.say(id, Report::Cancelled { id, time }),
            (Kind::Limit { .. }, 1 | 2) if ask.resting => {
                let lots = part.min(rest);
                self.fill(ask, lots, rest - lots, 1_000 + part);
                ask.filled += lots;
                return lots == rest;
            }
            (_, 0) => return self.refuse(id, Reject::OffQuotes),
            (Kind::Market { .. }, 1) => self.fill(ask, part.min(rest), 0, 1_000 + part),
            (Kind::Limit { .. }, _) if !ask.resting => {
                self.say(id, Report::Accepted { id, time });
                ask.resting = true;
                return false;
            }
            (Kind::Market { .. } | Kind::Limit { .. }, _) => self.fill(ask, rest, 0, 1_000 - part),
        }
        true
    }

    fn reduce(&mut self, id: OrderId, reduction: &Reduction, how: u8, part: i64) -> bool {
        let open = self.held.get(&reduction.ticket.0).map_or(0, |held| held.lots);
        if open == 0 {
            return self.refuse(id, Reject::UnknownTicket);
        }
        if how.is_multiple_of(5) {
            return self.refuse(id, Reject::Requote);
        }
        let lots = if how % 5 == 1 { part } else { reduction.lots.0 };
        let lots = lots.min(reduction.lots.0).min(open);
        self.close(Some(id), reduction.ticket.0, lots, (1_000 + part, reduction.cause));
        true
    }

    fn protect(&mut self, id: OrderId, protection: &Protection, how: u8) -> bool {
        match self.held.get_mut(&protection.ticket.0) {
            Some(held) if !how.is_multiple_of(5) => {
                held.stop = protection.stop;
                let (ticket, stop, time) = (protection.ticket, protection.stop, self.time());
                self.say(id, Report::Protected { id, time, ticket, stop, target: None });
                true
            }
            Some(_) => self.refuse(id, Reject::InvalidStops),
            None => self.refuse(id, Reject::UnknownTicket),
        }
    }

    /// Tells the end of the order under the number of its cancellation only, as a venue may.
    fn cancel(&mut self, id: OrderId, target: OrderId, how: u8) -> bool {
        if !self.asks.iter().any(|ask| ask.id == target && ask.resting) {
            return self.refuse(id, Reject::UnknownTicket);
        }
        if how.is_multiple_of(5) {
            return self.refuse(id, Reject::Frozen);
        }
        let time = self.time();
        self.say(id, Report::Cancelled { id: target, time });
        self.asks.retain(|ask| ask.id != target);
        true
    }
}

const fn id_of(report: &Report) -> Option<OrderId> {
    match *report {
        Report::Accepted { id, .. }
        | Report::Rejected { id, .. }
        | Report::Opened { id, .. }
        | Report::Protected { id, .. }
        | Report::Cancelled { id, .. } => Some(id),
        Report::Closed { id, .. } => id,
        Report::Unknown { .. }
        | Report::NeverHeard { .. }
        | Report::Held { .. }
        | Report::Listed { .. }
        | Report::MarginCalled { .. } => None,
    }
}

struct Session {
    orders: Orders,
    model: Model,
    now: Time,
    trades: Vec<ClosedTrade>,
    opened: i64,
    listing: Option<Listing>,
}

impl Session {
    fn hear(&mut self, report: Report) {
        let mut next = Some(report);
        while let Some(report) = next {
            match self.orders.on_report(&report, Some(risk::Rate::ONE), self.now) {
                Outcome::Closed(trade) => self.trades.push(trade),
                Outcome::Opened(opening) => self.opened += opening.lots.0,
                Outcome::Listed(listing) => self.listing = Some(listing),
                outcome @ (Outcome::Impossible(_) | Outcome::ImpossibleTurn(_) | Outcome::Surprise(_)) => {
                    panic!("{outcome:?}\n{:#?}", self.orders.live());
                }
                _ => {}
            }
            next = self.orders.deferred();
        }
    }

    /// The next report arrives, or is lost and reported as unknown, or comes twice.
    fn deliver(&mut self, luck: u8) {
        let Some(report) = self.model.line.pop_front() else { return };
        match (luck, id_of(&report)) {
            (0, Some(id)) => self.model.line.push_back(Report::Unknown { id, time: report_time() }),
            (1, _) => {
                self.hear(report);
                self.hear(report);
            }
            _ => self.hear(report),
        }
    }

    fn send(&mut self, request: &Request, luck: u8) {
        if luck > 0 {
            self.model.receive(request);
        }
    }

    fn wake(&mut self, luck: u8) {
        self.now = self.now.plus(Span::SECOND);
        let mut woken = Woken::new(&self.orders.spec);
        self.orders.wake(self.now, &mut woken);
        for id in woken.queries {
            if luck > 0 {
                self.model.query(id);
            }
        }
    }

    fn position(&self, which: usize) -> Option<Position> {
        let count = self.orders.positions().count();
        if count == 0 { None } else { self.orders.positions().nth(which % count).copied() }
    }

    fn step(&mut self, (what, which, part, luck): (u8, usize, i64, u8)) {
        match what {
            0 | 1 if self.orders.may_enter(SymbolId(0)).is_ok() => {
                let side = if which % 2 == 0 { Side::Buy } else { Side::Sell };
                let expires = self.now.plus(Span::from_secs(20));
                let kind =
                    if what == 0 { Kind::Limit { price: Price(1_000), expires } } else { entry(side, 1, 1).kind };
                let entry = risk::Entry { kind, ..entry(side, part, 1_000) };
                let request = self.orders.enter(entry, Claim::default(), self.now).unwrap();
                self.send(&request, luck);
            }
            2 | 3 => {
                let Some(position) = self.position(which) else { return };
                let lots = if what == 2 { position.lots } else { position.lots.at_most(Lots(part)) };
                let Position { ticket, symbol, side, .. } = position;
                let (strategy, cause) = (StrategyId(0), if what == 2 { ExitCause::Timeout } else { ExitCause::Rung });
                let reduction = Reduction { strategy, symbol, ticket, side, lots, cause };
                if let Ok(request) = self.orders.close(reduction, self.now) {
                    self.send(&request, luck);
                }
            }
            4 => {
                let Some(Position { ticket, symbol, .. }) = self.position(which) else { return };
                let stop = Some(Price(900 + part));
                let protection = Protection { strategy: StrategyId(0), symbol, ticket, stop, target: None };
                if let Ok(request) = self.orders.secure(protection, self.now) {
                    self.send(&request, luck);
                }
            }
            5 => {
                let live = self.orders.live();
                let Some(id) = live.get(which % live.len().max(1)).map(|order| order.id) else { return };
                if let Some(request) = self.orders.cancel(id, self.now) {
                    self.send(&request, luck);
                }
            }
            6 | 7 => self.model.act(which, luck, part),
            8 if !self.model.held.is_empty() => {
                let ticket = *self.model.held.keys().nth(which % self.model.held.len()).unwrap();
                let lots = self.model.held[&ticket].lots.min(part + 3);
                self.model.close(None, ticket, lots, (950, ExitCause::StopOut));
            }
            9 => self.wake(luck),
            10 => self.model.list(),
            _ => (0..part).for_each(|nth| self.deliver(if nth == 0 { luck } else { 9 })),
        }
    }

    /// The weather clears: everything is delivered, the venue answers everything and cancels what rests.
    fn settle(&mut self) {
        for round in 0..60 {
            while !self.model.line.is_empty() {
                self.deliver(9);
            }
            while !self.model.asks.is_empty() {
                self.model.act(0, if round % 2 == 0 { 3 } else { 0 }, 1);
            }
            self.wake(9);
        }
    }
}

const fn report_time() -> Time {
    Time(0)
}

fn session(account: Account, steps: Vec<(u8, usize, i64, u8)>, at: usize) {
    let spec = Spec { positions_max: 40, orders_max: 120, ended_kept: 400, ..spec(account, plain_exits()) };
    let mut session = Session {
        orders: room(&spec, &[instrument(0)]),
        model: Model::new(account, spec.balance),
        now: Time(0),
        trades: Vec::new(),
        opened: 0,
        listing: None,
    };
    for (nth, step) in steps.into_iter().enumerate() {
        session.step(step);
        if nth == at {
            let bytes = saved(&session.orders);
            let mut fresh = Orders::new(&spec, &[instrument(0)], &super::limits(1, 2)).unwrap();
            market::State::load(&mut fresh, &mut market::Reader::new(&bytes)).unwrap();
            assert_eq!(saved(&fresh), bytes);
            session.orders = fresh;
        }
    }
    session.settle();
    session.model.list();
    session.settle();
    let Session { orders, model, trades, opened, listing, .. } = session;
    assert!(orders.live().is_empty(), "{:#?}", orders.live());
    let ours: Vec<_> = orders.positions().map(|held| (held.ticket.0, held.side, held.lots.0, held.stop)).collect();
    let ours: BTreeSet<_> = ours.into_iter().collect();
    let theirs: BTreeSet<_> =
        model.held.iter().map(|(ticket, held)| (*ticket, held.side, held.lots, held.stop)).collect();
    assert_eq!(ours, theirs);
    assert_eq!((listing, orders.reconciled()), (Some(Listing::Agrees), true));
    assert_eq!(orders.ledger().balance().0, model.balance);
    // The sum of the trades is the change of balance, but for the opening commission of what is still open.
    let net: i64 = trades.iter().map(|trade| trade.net().0).sum();
    let kept: i64 = orders.positions().map(|position| position.commission.0).sum();
    assert_eq!(net + kept, model.balance - spec.balance.0);
    let closed: i64 = trades.iter().map(|trade| trade.lots.0).sum();
    assert_eq!(opened - closed, orders.positions().map(|position| position.lots.0).sum::<i64>());
}

fn steps() -> impl Strategy<Value = Vec<(u8, usize, i64, u8)>> {
    let luck = prop_oneof![1 => Just(0_u8), 1 => Just(1_u8), 6 => 2_u8..10];
    proptest::collection::vec((0_u8..16, 0_usize..8, 1_i64..7, luck), 1..160)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_hedging_session_loses_nothing(steps in steps(), at in 0_usize..160) {
        session(Account::Hedging, steps, at);
    }

    #[test]
    fn a_netting_session_loses_nothing(steps in steps(), at in 0_usize..160) {
        session(Account::Netting, steps, at);
    }
}
