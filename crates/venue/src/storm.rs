//! A venue behind a bad line: requests and reports are lost, late, repeated or out of order, and the venue is busy.
//!
//! The storm never lies about the venue. What it loses it reports as `Unknown` after a while; what the venue answers to
//! a query or a list is the truth, though the answer itself may be lost. Reports of one order or one position keep their
//! order, as on one connection; those of different orders may change places. A list stays whole and in its place.

use crate::chance::Chance;
use crate::port::{Simulator, Venue};
use market::coded::{Coded, get_vec, put_all};
use market::coded_struct;
use market::{Reader, Span, State, Tick, Time, Torn, Trade};
use orders::{Instruction, OrderId, Reject, Report, Request};
use risk::Ticket;

/// How bad the line is. Probabilities are in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StormSpec {
    /// The seed of the storm; the venue's own is another.
    pub seed: u64,
    /// A request is lost.
    pub request_lost: u32,
    /// A request reaches the venue twice.
    pub request_twice: u32,
    /// A request is held up.
    pub request_late: u32,
    /// A request is refused as busy before the venue looks at it.
    pub busy: u32,
    /// A query is lost.
    pub query_lost: u32,
    /// A report that answers a request is lost.
    pub report_lost: u32,
    /// A report that the venue made by itself (a stop, a stop-out, a margin call) is lost. Only a list can show what
    /// happened.
    pub unasked_lost: u32,
    /// A report comes twice.
    pub report_twice: u32,
    /// A report is held up.
    pub report_late: u32,
    /// The longest that something is held up.
    pub late_most: Span,
    /// After how long something lost is reported as unknown.
    pub unknown_after: Span,
}

/// What the storm has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Damage {
    /// Requests lost.
    pub requests_lost: u64,
    /// Requests sent twice.
    pub requests_twice: u64,
    /// Requests held up.
    pub requests_late: u64,
    /// Requests refused as busy.
    pub busy: u64,
    /// Queries lost.
    pub queries_lost: u64,
    /// Reports lost, asked for or not.
    pub reports_lost: u64,
    /// Reports repeated.
    pub reports_twice: u64,
    /// Reports held up.
    pub reports_late: u64,
}

market::state!(Damage {
    requests_lost,
    requests_twice,
    requests_late,
    busy,
    queries_lost,
    reports_lost,
    reports_twice,
    reports_late
});

/// A request that is held up.
#[derive(Debug, Clone, Copy)]
struct HeldUp {
    due: Time,
    id: OrderId,
    instruction: Instruction,
}

/// A report that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    due: Time,
    number: u64,
    report: Report,
}

coded_struct!(HeldUp { due, id, instruction });
coded_struct!(Waiting { due, number, report });

/// A venue behind a bad line.
#[derive(Debug)]
pub struct Storm<V> {
    inner: V,
    spec: StormSpec,
    chance: Chance,
    clock: Time,
    requests: Vec<HeldUp>,
    reports: Vec<Waiting>,
    number: u64,
    damage: Damage,
}

/// The order that an instruction is about, besides its own.
const fn order_named(instruction: &Instruction) -> Option<OrderId> {
    match *instruction {
        Instruction::Cancel { order, .. } => Some(order),
        Instruction::Open(_) | Instruction::Close(_) | Instruction::Protect(_) => None,
    }
}

/// The position that an instruction is about.
const fn ticket_named(instruction: &Instruction) -> Option<Ticket> {
    match instruction {
        Instruction::Close(reduction) => Some(reduction.ticket),
        Instruction::Protect(protection) => Some(protection.ticket),
        Instruction::Open(_) | Instruction::Cancel { .. } => None,
    }
}

/// The rest's position that a report names.
const fn successor_of(report: &Report) -> Option<Ticket> {
    if let Report::Closed { successor, .. } = *report { successor } else { None }
}

const fn is_list(report: &Report) -> bool {
    matches!(report, Report::Held { .. } | Report::Listed { .. })
}

/// Whether `later` must not come before `earlier`.
fn follows(earlier: &Report, later: &Report) -> bool {
    if matches!(earlier, Report::Unknown { .. }) {
        return false;
    }
    let shared = |a: Option<Ticket>, b: Option<Ticket>| a.is_some() && a == b;
    is_list(earlier)
        || is_list(later)
        || earlier.order().is_some() && earlier.order() == later.order()
        || shared(earlier.ticket(), later.ticket())
        || shared(successor_of(earlier), later.ticket())
}

impl<V: Simulator> Storm<V> {
    /// A storm around a venue.
    pub fn new(inner: V, spec: StormSpec) -> Self {
        let chance = Chance::new(spec.seed, 0x5707);
        let (requests, reports) = (Vec::with_capacity(1_024), Vec::with_capacity(4_096));
        Self { inner, spec, chance, clock: Time::MIN, requests, reports, number: 0, damage: Damage::default() }
    }

    /// The venue itself: what is true.
    pub const fn inner(&self) -> &V {
        &self.inner
    }

    /// The venue itself.
    pub const fn inner_mut(&mut self) -> &mut V {
        &mut self.inner
    }

    /// What the storm has done so far.
    pub const fn damage(&self) -> Damage {
        self.damage
    }

    /// From now on everything arrives, once and in time; what is on its way still comes as it would have.
    pub const fn calm(&mut self) {
        let StormSpec { seed, late_most, unknown_after, .. } = self.spec;
        self.spec = StormSpec {
            seed,
            late_most,
            unknown_after,
            request_lost: 0,
            request_twice: 0,
            request_late: 0,
            busy: 0,
            query_lost: 0,
            report_lost: 0,
            unasked_lost: 0,
            report_twice: 0,
            report_late: 0,
        };
    }

    fn late(&mut self) -> Span {
        Span(self.chance.below(self.spec.late_most.0.max(0) as u64 + 1) as i64)
    }

    /// Moves the clock: hands over the requests that were held up until now.
    fn advance(&mut self, now: Time) {
        while let Some(next) = self.next_request().filter(|next| self.requests[*next].due <= now) {
            let HeldUp { due, id, instruction } = self.requests.remove(next);
            self.inner.instruct(due, id, instruction);
        }
        self.clock = self.clock.max(now);
    }

    fn next_request(&self) -> Option<usize> {
        (0..self.requests.len()).min_by_key(|index| self.requests[*index].due)
    }

    /// Takes in what the venue says.
    fn pump(&mut self) {
        while let Some(report) = self.inner.poll() {
            self.hear(report);
        }
    }

    fn hear(&mut self, report: Report) {
        if is_list(&report) {
            self.put(self.clock, report);
            return;
        }
        let lost = if report.order().is_some() { self.spec.report_lost } else { self.spec.unasked_lost };
        if self.chance.happens(lost) {
            self.damage.reports_lost += 1;
            if let Some(id) = report.order() {
                self.lose(id);
            }
            return;
        }
        let mut due = self.clock;
        if self.chance.happens(self.spec.report_late) {
            self.damage.reports_late += 1;
            due = due.plus(self.late());
        }
        self.put(due, report);
        if self.chance.happens(self.spec.report_twice) {
            self.damage.reports_twice += 1;
            let again = due.plus(self.late());
            self.put(again, report);
        }
    }

    /// Something about a request was lost: after a while we say that we do not know.
    fn lose(&mut self, id: OrderId) {
        let time = self.clock.plus(self.spec.unknown_after);
        let report = Report::Unknown { id, time };
        self.number += 1;
        self.reports.push(Waiting { due: time, number: self.number, report });
    }

    fn put(&mut self, due: Time, report: Report) {
        let before = self.reports.iter().filter(|waiting| follows(&waiting.report, &report));
        let due = before.map(|waiting| waiting.due).fold(due, Time::max);
        self.number += 1;
        self.reports.push(Waiting { due, number: self.number, report });
    }

    fn next_report(&self) -> Option<usize> {
        (0..self.reports.len()).min_by_key(|index| (self.reports[*index].due, self.reports[*index].number))
    }

    fn hold_up(&mut self, id: OrderId, instruction: Instruction, due: Time) {
        let shared = |a: Option<Ticket>, b: Option<Ticket>| a.is_some() && a == b;
        let (order, ticket) = (order_named(&instruction), ticket_named(&instruction));
        let related =
            |held: &&HeldUp| held.id == id || Some(held.id) == order || shared(ticket_named(&held.instruction), ticket);
        let due = self.requests.iter().filter(related).map(|held| held.due).fold(due, Time::max);
        if due <= self.clock {
            self.inner.instruct(self.clock, id, instruction);
        } else {
            self.requests.push(HeldUp { due, id, instruction });
        }
    }
}

impl<V: Simulator> Venue for Storm<V> {
    fn send(&mut self, now: Time, request: &Request) {
        self.instruct(now, request.id(), *request.instruction());
    }

    fn on_tick(&mut self, tick: &Tick) {
        self.advance(tick.seen);
        self.inner.on_tick(tick);
        self.pump();
    }

    fn on_trade(&mut self, trade: &Trade) {
        self.advance(trade.seen);
        self.inner.on_trade(trade);
        self.pump();
    }

    fn wake(&mut self, now: Time) {
        self.advance(now);
        self.inner.wake(now);
        self.pump();
    }

    /// A query never overtakes the request that it asks about: `NeverHeard` must stay true.
    fn query(&mut self, now: Time, id: OrderId) {
        self.advance(now);
        while let Some(index) = self.requests.iter().position(|held| held.id == id) {
            let HeldUp { id, instruction, .. } = self.requests.remove(index);
            self.inner.instruct(self.clock, id, instruction);
        }
        if self.chance.happens(self.spec.query_lost) {
            self.damage.queries_lost += 1;
            self.lose(id);
        } else {
            self.inner.query(now, id);
        }
        self.pump();
    }

    fn list(&mut self, now: Time) {
        self.advance(now);
        self.inner.list(now);
        self.pump();
    }

    fn next_wake(&self) -> Option<Time> {
        let request = self.next_request().map(|index| self.requests[index].due);
        let report = self.next_report().map(|index| self.reports[index].due);
        [self.inner.next_wake(), request, report].into_iter().flatten().min()
    }

    fn poll(&mut self) -> Option<Report> {
        let next = self.next_report().filter(|next| self.reports[*next].due <= self.clock)?;
        Some(self.reports.remove(next).report)
    }
}

impl<V: Simulator> Simulator for Storm<V> {
    fn instruct(&mut self, now: Time, id: OrderId, instruction: Instruction) {
        self.advance(now);
        if self.chance.happens(self.spec.request_lost) {
            self.damage.requests_lost += 1;
            self.lose(id);
            return;
        }
        if self.chance.happens(self.spec.busy) {
            self.damage.busy += 1;
            self.put(self.clock, Report::Rejected { id, time: self.clock, reason: Reject::Busy });
            return;
        }
        let mut due = self.clock;
        if self.chance.happens(self.spec.request_late) {
            self.damage.requests_late += 1;
            due = due.plus(self.late());
        }
        self.hold_up(id, instruction, due);
        if self.chance.happens(self.spec.request_twice) {
            self.damage.requests_twice += 1;
            self.hold_up(id, instruction, due);
        }
        self.pump();
    }
}

impl<V: State> State for Storm<V> {
    fn save(&self, out: &mut Vec<u8>) {
        self.inner.save(out);
        self.chance.save(out);
        self.clock.save(out);
        put_all(self.requests.iter(), out);
        put_all(self.reports.iter(), out);
        self.number.put(out);
        self.damage.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.inner.load(from)?;
        self.chance.load(from)?;
        self.clock.load(from)?;
        get_vec(&mut self.requests, from)?;
        get_vec(&mut self.reports, from)?;
        self.number = u64::get(from)?;
        self.damage.load(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::broker;
    use crate::paper::Paper;
    use crate::spec::Latency;
    use market::{Lots, Points, Price, Side, StrategyId, SymbolId};
    use proptest::prelude::*;
    use risk::{Entry, ExitCause, Kind, Protection, Reduction};

    fn bad(seed: u64) -> StormSpec {
        StormSpec {
            seed,
            request_lost: 80_000,
            request_twice: 80_000,
            request_late: 200_000,
            busy: 50_000,
            query_lost: 100_000,
            report_lost: 100_000,
            unasked_lost: 50_000,
            report_twice: 100_000,
            report_late: 300_000,
            late_most: Span::from_secs(3),
            unknown_after: Span::from_secs(5),
        }
    }

    fn paper() -> Paper {
        let mut spec = broker().unwrap();
        spec.latency_to_venue = Latency::Fixed(Span::from_millis(50));
        spec.latency_to_us = Latency::Fixed(Span::from_millis(50));
        spec.capacity.whys = 10_000;
        Paper::new(spec).unwrap()
    }

    /// A client that trades, and asks again about whatever it was told is unknown.
    struct Client {
        storm: Storm<Paper>,
        now: Time,
        sent: Vec<(OrderId, Instruction)>,
        heard: Vec<Report>,
        price: i64,
    }

    impl Client {
        fn new(seed: u64) -> Self {
            let storm = Storm::new(paper(), bad(seed));
            Self { storm, now: Time::from_date(2014, 5, 6), sent: Vec::new(), heard: Vec::new(), price: 138_700 }
        }

        fn run(&mut self, steps: u64, mut chance: Chance) -> Chance {
            for _ in 0..steps {
                self.now = self.now.plus(Span::from_millis(100 + chance.below(900) as i64));
                self.price += chance.below(41) as i64 - 20;
                let tick = Tick {
                    symbol: SymbolId(0),
                    time: self.now,
                    seen: self.now,
                    bid: Price(self.price),
                    ask: Price(self.price + 8),
                    bid_lots: Lots(0),
                    ask_lots: Lots(0),
                };
                self.storm.on_tick(&tick);
                let instruction = self.next(&mut chance);
                let id = OrderId::new(1, self.sent.len() as u64 + 1);
                self.sent.push((id, instruction));
                self.storm.instruct(self.now, id, instruction);
                self.listen();
            }
            chance
        }

        fn next(&self, chance: &mut Chance) -> Instruction {
            let (strategy, symbol, lots) = (StrategyId(0), SymbolId(0), Lots(10));
            let side = if chance.happens(500_000) { Side::Buy } else { Side::Sell };
            let opened: Vec<Ticket> = self.heard.iter().filter_map(Report::ticket).collect();
            let ticket = opened.get(chance.below(opened.len() as u64) as usize).copied().unwrap_or_default();
            match chance.below(6) {
                0 => Instruction::Close(Reduction { strategy, symbol, ticket, side, lots, cause: ExitCause::Operator }),
                1 => Instruction::Protect(Protection { strategy, symbol, ticket, stop: None, target: None }),
                2 => Instruction::Cancel { order: OrderId::new(1, self.sent.len() as u64), symbol },
                other => {
                    let price = Price(if side == Side::Buy { self.price - 15 } else { self.price + 23 });
                    let kind = if other == 3 {
                        Kind::Limit { price, expires: self.now.plus(Span::MINUTE) }
                    } else {
                        Kind::Market { deviation: Points(50) }
                    };
                    let (reference, stop, target) = (Price(self.price), None, None);
                    Instruction::Open(Entry { strategy, symbol, side, lots, kind, reference, stop, target })
                }
            }
        }

        fn listen(&mut self) {
            while let Some(report) = self.storm.poll() {
                self.heard.push(report);
                if let Report::Unknown { id, .. } = report {
                    self.storm.query(self.now, id);
                }
            }
        }

        fn settle(&mut self) {
            self.storm.calm();
            for _ in 0..1_000 {
                let Some(next) = self.storm.next_wake() else { return };
                self.now = self.now.max(next);
                self.storm.wake(self.now);
                self.listen();
            }
        }
    }

    /// Nothing is lost, everything is late.
    fn late(seed: u64) -> Client {
        let mut client = Client::new(seed);
        client.storm.calm();
        client.storm.spec.request_late = 1_000_000;
        client.storm.spec.report_late = 1_000_000;
        client
    }

    #[test]
    fn a_query_does_not_overtake_what_it_asks_about() {
        for seed in 0..20 {
            let mut client = late(seed);
            client.run(1, Chance::new(seed, 99));
            let id = client.sent[0].0;
            client.storm.query(client.now, id);
            client.settle();
            let never = client.heard.iter().any(|report| matches!(report, Report::NeverHeard { .. }));
            assert!(!never && client.heard.iter().any(|report| report.order() == Some(id)), "{:?}", client.heard);
        }
    }

    #[test]
    fn what_happened_to_a_position_is_told_in_its_order() {
        for seed in 0..50 {
            let mut client = late(seed);
            client.storm.spec.request_late = 0;
            client.run(1, Chance::new(seed, 99));
            let entry = Entry {
                strategy: StrategyId(0),
                symbol: SymbolId(0),
                side: Side::Buy,
                lots: Lots(10),
                kind: Kind::Market { deviation: Points(50) },
                reference: Price(client.price + 8),
                stop: Some(Price(client.price - 5)),
                target: None,
            };
            let id = OrderId::new(1, 1_000);
            client.sent.push((id, Instruction::Open(entry)));
            client.storm.instruct(client.now, id, Instruction::Open(entry));
            client.storm.wake(client.now.plus(Span::from_millis(60)));
            client.price -= 200;
            client.run(1, Chance::new(seed, 99));
            client.storm.list(client.now);
            client.settle();
            let place = |wanted: fn(&Report) -> bool| client.heard.iter().position(wanted);
            let opened =
                client.heard.iter().position(|report| matches!(report, Report::Opened { id: of, .. } if *of == id));
            let stopped = place(|report| matches!(report, Report::Closed { id: None, .. }));
            let listed = place(|report| matches!(report, Report::Listed { .. }));
            assert!(opened.is_some() && opened < stopped && stopped < listed, "{:?}", client.heard);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn after_the_storm_everybody_knows_everything(seed in any::<u64>()) {
            let mut client = Client::new(seed);
            client.run(150, Chance::new(seed, 99));
            client.settle();
            let damage = client.storm.damage();
            prop_assert!(damage.requests_lost > 0 && damage.reports_lost > 0 && damage.reports_twice > 0);
            prop_assert!(damage.requests_twice > 0 && damage.requests_late > 0 && damage.reports_late > 0);
            // No request was carried out twice ...
            let mut opened: Vec<OrderId> = client.storm.inner().whys()
                .filter(|why| why.deed == crate::why::Deed::Opened).filter_map(|why| why.id).collect();
            let fills = opened.len();
            opened.sort_unstable();
            opened.dedup();
            prop_assert_eq!(fills, opened.len());
            // ... every fill that answers a request was heard, and every request was answered for good.
            for id in opened {
                let told = client.heard.iter().any(|report| matches!(report, Report::Opened { id: of, .. } if *of == id));
                prop_assert!(told, "{:?} was filled and nobody was told", id);
            }
            for (id, instruction) in &client.sent {
                let named = if let Instruction::Cancel { order, .. } = instruction { *order } else { *id };
                let answered = client.heard.iter().any(|report| {
                    let of = report.order();
                    of == Some(*id) && !matches!(report, Report::Unknown { .. })
                        || of == Some(named) && matches!(report, Report::Cancelled { .. })
                });
                prop_assert!(answered, "{:?} {:?}", id, instruction);
                // Whoever was told that it was never heard of was told the truth.
                let never = client.heard.iter().any(|report| matches!(report, Report::NeverHeard { id: of, .. } if of == id));
                let done = client.storm.inner().whys().any(|why| why.id == Some(*id));
                prop_assert!(!(never && done), "{:?} was never heard of, and filled", id);
            }
            // The list is the venue's own.
            client.heard.clear();
            client.storm.list(client.now);
            client.settle();
            let held = client.heard.iter().filter(|report| matches!(report, Report::Held { .. })).count();
            let account = client.storm.inner().account();
            prop_assert_eq!(held, account.positions);
            let listed = client.heard.iter().any(|report| {
                matches!(report, Report::Listed { positions, balance, .. }
                    if *positions as usize == held && *balance == account.balance)
            });
            prop_assert!(listed);
        }

        #[test]
        fn reports_of_one_position_keep_their_order(seed in any::<u64>()) {
            let mut client = Client::new(seed);
            client.run(120, Chance::new(seed, 99));
            client.settle();
            for why in client.storm.inner().whys().filter(|why| why.deed == crate::why::Deed::Opened) {
                let opened = client.heard.iter().position(|r| matches!(r, Report::Opened { ticket, .. } if *ticket == why.ticket));
                let closed = client.heard.iter().position(|r| matches!(r, Report::Closed { ticket, .. } if *ticket == why.ticket));
                // A lost opening may be learnt later, by a query.
                let lost = client.heard.iter().any(|r| matches!(r, Report::Unknown { id, .. } if Some(*id) == why.id));
                if let (Some(opened), Some(closed)) = (opened, closed) {
                    prop_assert!(opened < closed || lost);
                }
            }
        }

        #[test]
        fn a_storm_can_be_repeated_and_recovered(seed in any::<u64>(), cut in 1_u64..100) {
            let (mut one, mut other) = (Client::new(seed), Client::new(seed));
            let chance = one.run(cut, Chance::new(seed, 99));
            other.run(cut, Chance::new(seed, 99));
            let mut bytes = Vec::new();
            other.storm.save(&mut bytes);
            other.storm = Storm::new(paper(), bad(seed));
            other.storm.load(&mut Reader::new(&bytes)).unwrap();
            one.run(60, chance.clone());
            other.run(60, chance);
            prop_assert_eq!(one.heard, other.heard);
        }
    }
}
