//! Random sessions: what must hold whatever happens.

use super::*;
use crate::calendar::{Session, Zone};
use crate::conformance::broker;
use crate::spec::*;
use crate::why::{Policy, Trigger};
use market::{Points, Reader, Span, State, StrategyId};
use proptest::prelude::*;
use risk::{ExitCause, Kind, Protection, Reduction};

/// One move of a session, in distances from the quote, so that it means the same in the mirror.
#[derive(Debug, Clone, Copy)]
enum Move {
    Tick { symbol: u16, drift: i64, spread: i64, sizes: (i64, i64), after: i64 },
    Trade { symbol: u16, taker: Side, off: i64, lots: i64 },
    Open { symbol: u16, side: Side, lots: i64, stop: Option<i64>, target: Option<i64>, deviation: i64 },
    Limit { symbol: u16, side: Side, lots: i64, off: i64, seconds: i64 },
    Close { nth: usize, percent: i64 },
    Protect { nth: usize, stop: Option<i64>, target: Option<i64> },
    Cancel { nth: usize },
    Again { nth: usize },
    Query { nth: usize },
    List,
    Wait { millis: i64 },
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn level() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), (1_i64..60).prop_map(Some)]
}

fn drift() -> impl Strategy<Value = i64> {
    prop_oneof![6 => -3_i64..=3, 6 => -40_i64..=40, 1 => -6_000_i64..=6_000]
}

fn moves(most: usize) -> impl Strategy<Value = Vec<Move>> {
    let symbol = || 0_u16..2;
    let tick = (symbol(), drift(), -6_i64..25, (0_i64..200, 0_i64..200), 1_i64..900)
        .prop_map(|(symbol, drift, spread, sizes, after)| Move::Tick { symbol, drift, spread, sizes, after });
    let open = (symbol(), side(), 1_i64..150, level(), level(), 0_i64..30).prop_map(
        |(symbol, side, lots, stop, target, deviation)| Move::Open { symbol, side, lots, stop, target, deviation },
    );
    let limit = (symbol(), side(), 1_i64..150, -5_i64..25, 0_i64..400)
        .prop_map(|(symbol, side, lots, off, seconds)| Move::Limit { symbol, side, lots, off, seconds });
    let trade = (symbol(), side(), -4_i64..14, 0_i64..400).prop_map(|(symbol, taker, off, lots)| Move::Trade {
        symbol,
        taker,
        off,
        lots,
    });
    let nth = || 0_usize..30;
    let one = prop_oneof![
        8 => tick,
        4 => open,
        2 => limit,
        3 => trade,
        3 => (nth(), 1_i64..=140).prop_map(|(nth, percent)| Move::Close { nth, percent }),
        1 => (nth(), level(), level()).prop_map(|(nth, stop, target)| Move::Protect { nth, stop, target }),
        1 => nth().prop_map(|nth| Move::Cancel { nth }),
        1 => nth().prop_map(|nth| Move::Again { nth }),
        1 => nth().prop_map(|nth| Move::Query { nth }),
        1 => Just(Move::List),
        1 => prop_oneof![3 => 0_i64..3_000, 1 => 0_i64..40_000_000].prop_map(|millis| Move::Wait { millis }),
    ];
    prop::collection::vec(one, 1..most)
}

/// How a session's prices become the venue's.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lens {
    Plain,
    /// Every price p becomes 277,400 - p, and every side the other.
    Mirror,
    /// Every price is higher by a thousand points.
    Shift,
}

impl Lens {
    fn price(self, price: i64) -> Price {
        match self {
            Self::Plain => Price(price),
            Self::Mirror => Price(277_400 - price),
            Self::Shift => Price(price + 1_000),
        }
    }

    fn back(self, price: Price) -> Price {
        match self {
            Self::Plain => price,
            Self::Mirror => Price(277_400 - price.0),
            Self::Shift => Price(price.0 - 1_000),
        }
    }

    fn side(self, side: Side) -> Side {
        if self == Self::Mirror { side.opposite() } else { side }
    }

    fn report(self, report: Report) -> Report {
        match report {
            Report::Opened { id, time, ticket, lots, rest, price, commission } => {
                Report::Opened { id, time, ticket, lots, rest, price: self.back(price), commission }
            }
            Report::Closed { id, time, ticket, successor, lots, price, profit, commission, swap, cause } => {
                let price = self.back(price);
                Report::Closed { id, time, ticket, successor, lots, price, profit, commission, swap, cause }
            }
            Report::Protected { id, time, ticket, stop, target } => {
                let (stop, target) = (stop.map(|p| self.back(p)), target.map(|p| self.back(p)));
                Report::Protected { id, time, ticket, stop, target }
            }
            // The average price of a position that grew is rounded, which has no mirror.
            Report::Held { time, ticket, symbol, side, lots, stop, target, .. } => {
                let (stop, target) = (stop.map(|p| self.back(p)), target.map(|p| self.back(p)));
                let price = Price(0);
                Report::Held { time, ticket, symbol, side: self.side(side), lots, price, stop, target }
            }
            other => other,
        }
    }
}

/// A session under way.
struct Run<V> {
    venue: V,
    lens: Lens,
    now: Time,
    /// Bid and ask of the session, before the lens.
    quotes: [(i64, i64); 2],
    sent: Vec<(OrderId, Instruction)>,
    positions: Vec<(Ticket, SymbolId, Side, Lots)>,
    heard: Vec<Report>,
}

impl<V: Simulator> Run<V> {
    fn new(venue: V, lens: Lens) -> Self {
        let now = Time::from_date(2014, 5, 6).plus(Span(12 * Span::HOUR.0));
        let quotes = [(138_700, 138_708), (138_700, 138_704)];
        Self { venue, lens, now, quotes, sent: Vec::new(), positions: Vec::new(), heard: Vec::new() }
    }

    fn send(&mut self, instruction: Instruction) {
        let id = OrderId::new(1, self.sent.len() as u64 + 1);
        self.sent.push((id, instruction));
        self.venue.instruct(self.now, id, instruction);
    }

    /// A price `away` from the entry quote of `side`, to the side where waiting is cheaper.
    fn off(&self, symbol: u16, side: Side, away: i64) -> i64 {
        let (bid, ask) = self.quotes[usize::from(symbol)];
        if side == Side::Buy { ask - away } else { bid + away }
    }

    fn guards(
        &self,
        symbol: u16,
        side: Side,
        stop: Option<i64>,
        target: Option<i64>,
    ) -> (Option<Price>, Option<Price>) {
        let (bid, ask) = self.quotes[usize::from(symbol)];
        let (exit, sign) = if side == Side::Buy { (bid, 1) } else { (ask, -1) };
        let at = |away: i64| self.lens.price(exit + sign * away);
        (stop.map(|away| at(-away)), target.map(at))
    }

    fn quote(&mut self, symbol: u16, (drift, spread): (i64, i64), sizes: (i64, i64)) {
        let bid = self.quotes[usize::from(symbol)].0 + drift;
        let ask = bid + spread;
        self.quotes[usize::from(symbol)] = (bid, ask);
        let (mut low, mut high) = ((self.lens.price(bid), sizes.0), (self.lens.price(ask), sizes.1));
        if self.lens == Lens::Mirror {
            (low, high) = (high, low);
        }
        self.venue.on_tick(&Tick {
            symbol: SymbolId(symbol),
            time: self.now,
            seen: self.now,
            bid: low.0,
            ask: high.0,
            bid_lots: Lots(low.1),
            ask_lots: Lots(high.1),
        });
    }

    fn play(&mut self, step: Move) {
        let lens = self.lens;
        match step {
            Move::Tick { symbol, drift, spread, sizes, after } => {
                self.now = self.now.plus(Span::from_millis(after));
                self.quote(symbol, (drift, spread), sizes);
            }
            Move::Trade { symbol, taker, off, lots } => {
                let price = lens.price(self.quotes[usize::from(symbol)].0 + off);
                let (symbol, time, taker, lots) = (SymbolId(symbol), self.now, lens.side(taker), Lots(lots));
                self.venue.on_trade(&Trade { symbol, time, seen: time, price, lots, taker });
            }
            Move::Open { symbol, side, lots, stop, target, deviation } => {
                let (stop, target) = self.guards(symbol, side, stop, target);
                let kind = Kind::Market { deviation: Points(deviation) };
                self.enter(symbol, side, (lots, kind), (stop, target));
            }
            Move::Limit { symbol, side, lots, off, seconds } => {
                let price = lens.price(self.off(symbol, side, off));
                let kind = Kind::Limit { price, expires: self.now.plus(Span::from_secs(seconds)) };
                self.enter(symbol, side, (lots, kind), (None, None));
            }
            Move::Close { nth, percent } => {
                let Some((ticket, symbol, side, held)) = self.position(nth) else { return };
                let (strategy, cause) = (StrategyId(0), ExitCause::Operator);
                let lots = Lots(held.0 * percent.min(100) / 100);
                self.send(Instruction::Close(Reduction { strategy, symbol, ticket, side, lots, cause }));
            }
            Move::Protect { nth, stop, target } => {
                let Some((ticket, symbol, side, _)) = self.position(nth) else { return };
                let (stop, target) = self.guards(symbol.0, lens.side(side), stop, target);
                let strategy = StrategyId(0);
                self.send(Instruction::Protect(Protection { strategy, symbol, ticket, stop, target }));
            }
            Move::Cancel { nth } => {
                let order = OrderId::new(1, self.sent.len().saturating_sub(nth) as u64);
                self.send(Instruction::Cancel { order, symbol: SymbolId(0) });
            }
            Move::Again { nth } => {
                if let Some((id, instruction)) = self.sent.iter().rev().nth(nth).copied() {
                    self.venue.instruct(self.now, id, instruction);
                }
            }
            Move::Query { nth } => self.venue.query(self.now, OrderId::new(1, nth as u64)),
            Move::List => self.venue.list(self.now),
            Move::Wait { millis } => {
                self.now = self.now.plus(Span::from_millis(millis));
                self.venue.wake(self.now);
            }
        }
        self.listen();
    }

    fn enter(&mut self, symbol: u16, side: Side, order: (i64, Kind), guards: (Option<Price>, Option<Price>)) {
        let entry = Entry {
            strategy: StrategyId(0),
            symbol: SymbolId(symbol),
            side: self.lens.side(side),
            lots: Lots(order.0),
            kind: order.1,
            reference: self.lens.price(self.off(symbol, side, 0)),
            stop: guards.0,
            target: guards.1,
        };
        self.send(Instruction::Open(entry));
    }

    fn position(&self, nth: usize) -> Option<(Ticket, SymbolId, Side, Lots)> {
        self.positions.get(nth.checked_rem(self.positions.len())?).copied()
    }

    fn listen(&mut self) {
        while let Some(report) = self.venue.poll() {
            match report {
                Report::Opened { id, ticket, lots, .. } => {
                    let Some((_, Instruction::Open(entry))) = self.sent.iter().find(|sent| sent.0 == id) else {
                        continue;
                    };
                    match self.positions.iter_mut().find(|position| position.0 == ticket) {
                        Some(position) => position.3 = Lots(position.3.0 + lots.0),
                        None => self.positions.push((ticket, entry.symbol, entry.side, lots)),
                    }
                }
                Report::Closed { ticket, successor, lots, .. } => {
                    if let Some(at) = self.positions.iter().position(|position| position.0 == ticket) {
                        let (_, symbol, side, held) = self.positions.remove(at);
                        let rest = successor.map(|rest| (rest, symbol, side, Lots(held.0 - lots.0)));
                        self.positions.extend(rest);
                    }
                }
                _ => {}
            }
            self.heard.push(self.lens.report(report));
        }
    }
}

/// Two symbols, and everything that draws or costs. Open credit; costs that do not depend on the price level.
fn rich(seed: u64, positions: Positions) -> PaperSpec {
    let mut spec = broker().unwrap();
    let mut other = spec.symbols[0].clone();
    other.instrument.symbol = SymbolId(1);
    other.instrument.stop_level = Points(7);
    other.instrument.freeze_level = Points(3);
    other.session = Session::foreign_exchange();
    spec.symbols.push(other);
    spec.seed = seed;
    spec.positions = positions;
    let ms = Span::from_millis;
    spec.latency_to_venue = Latency::ShiftedExponential { min: ms(20), mean: ms(100), most: ms(900) };
    spec.latency_to_us = Latency::LogNormal { median: ms(30), sigma_thousandths: 700, most: ms(500) };
    if seed % 7 == 1 {
        spec.latency_to_venue = Latency::Recorded([30, 200, 10, 90, 700].map(ms).to_vec());
    }
    spec.execution = if seed.is_multiple_of(2) { Execution::Instant } else { Execution::Market };
    spec.marketable = if seed.is_multiple_of(3) { Marketable::Refuse } else { Marketable::Take };
    spec.crossed = if seed.is_multiple_of(5) { Crossed::Refuse } else { Crossed::Worsen };
    spec.queue = if seed % 4 < 2 { Queue::RiskAverse } else { Queue::TradeThroughOnly };
    spec.rejects =
        Rejects::Drawn { requote_millionths: 20_000, busy_millionths: 20_000, off_quotes_millionths: 20_000 };
    spec.partial_fills = match seed % 3 {
        0 => PartialFills::Never,
        1 => PartialFills::Drawn { millionths: 200_000 },
        _ => PartialFills::QuotedSize { share_millionths: 900_000 },
    };
    for symbol in &mut spec.symbols {
        symbol.slippage = Slippage::Exponential { mean_thousandths: 800, most: Points(9) };
        symbol.commission = Commission::PerLot { side: Money(3_500_001) };
        let (zone, at) = (Zone::NewYork, Span(17 * Span::HOUR.0));
        symbol.swap = Swap::Nightly { long_thousandths: -6_850, short_thousandths: 2_310, zone, at, triple: 2 };
    }
    spec
}

/// The same with margin, and costs that do depend on the price.
fn leveraged(seed: u64, positions: Positions) -> PaperSpec {
    let mut spec = rich(seed, positions);
    spec.balance = Money::units(12_000);
    let leverage = Leverage { major_pair: 30, minor_pair_gold_index: 20, commodity: 10, share: 5, crypto: 2 };
    let hedged = [HedgedMargin::Both, HedgedMargin::LargerSide, HedgedMargin::Difference][(seed % 3) as usize];
    spec.margin = Margin::Leveraged { leverage, call_percent: 100, stop_out_percent: 50, hedged };
    spec.symbols[0].commission = Commission::Notional { maker_millionths: 20, taker_millionths: 50 };
    let every = Span(8 * Span::HOUR.0);
    spec.symbols[1].swap = Swap::Funding { long_millionths: -100, short_millionths: 90, every };
    // As if both were quoted in a currency of which the account gets 97 for 100.
    spec.symbols[1].conversion = Conversion::Fixed { numerator: 97, denominator: 100 };
    spec
}

fn played(spec: PaperSpec, lens: Lens, session: &[Move]) -> Run<Paper> {
    let mut run = Run::new(Paper::new(spec).unwrap(), lens);
    for step in session {
        run.play(*step);
    }
    // Let everything on its way arrive.
    run.play(Move::Wait { millis: 5_000 });
    run
}

fn kinds() -> impl Strategy<Value = Positions> {
    prop_oneof![Just(Positions::Hedging), Just(Positions::Fifo), Just(Positions::Netting)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_mirrored_market_pays_the_mirrored_positions_alike(session in moves(120), seed in 0_u64..1_000, kind in kinds()) {
        let plain = played(rich(seed, kind), Lens::Plain, &session);
        let mut spec = rich(seed, kind);
        for symbol in &mut spec.symbols {
            if let Swap::Nightly { long_thousandths, short_thousandths, .. } = &mut symbol.swap {
                std::mem::swap(long_thousandths, short_thousandths);
            }
        }
        let mirrored = played(spec, Lens::Mirror, &session);
        prop_assert_eq!(plain.heard, mirrored.heard);
    }

    #[test]
    fn the_level_of_prices_does_not_matter(session in moves(120), seed in 0_u64..1_000, kind in kinds()) {
        let plain = played(rich(seed, kind), Lens::Plain, &session);
        let shifted = played(rich(seed, kind), Lens::Shift, &session);
        prop_assert_eq!(plain.heard, shifted.heard);
    }

    #[test]
    fn the_order_of_symbols_does_not_matter(session in moves(120), seed in 0_u64..1_000, kind in kinds()) {
        let plain = played(leveraged(seed, kind), Lens::Plain, &session);
        let mut spec = leveraged(seed, kind);
        spec.symbols.reverse();
        prop_assert_eq!(plain.heard, played(spec, Lens::Plain, &session).heard);
    }

    #[test]
    fn the_balance_is_the_sum_of_what_was_reported(session in moves(200), seed in 0_u64..1_000, kind in kinds()) {
        let mut spec = leveraged(seed, kind);
        // Repeated answers would be counted twice here.
        spec.capacity.answers = 4_096;
        let session: Vec<Move> =
            session.into_iter().filter(|step| !matches!(step, Move::Again { .. } | Move::Query { .. })).collect();
        let start = spec.balance;
        let run = played(spec, Lens::Plain, &session);
        let sum: i64 = run.heard.iter().map(|report| match *report {
            Report::Opened { commission, .. } => commission.0,
            Report::Closed { profit, commission, swap, .. } => profit.0 + commission.0 + swap.0,
            _ => 0,
        }).sum();
        prop_assert_eq!(run.venue.account().balance.0, start.0 + sum);
        // And lots: what was opened and not closed is what is held.
        let mut held: Vec<_> = run.venue.positions.iter().map(|p| (p.ticket, p.symbol, p.side, p.lots)).collect();
        let mut ours = run.positions;
        held.sort_by_key(|position| position.0);
        ours.sort_by_key(|position| position.0);
        prop_assert_eq!(held, ours);
    }

    #[test]
    fn nobody_is_filled_better_than_the_quote(session in moves(200), seed in 0_u64..1_000, kind in kinds()) {
        let mut spec = leveraged(seed, kind);
        spec.through = Points(2);
        spec.capacity.whys = 10_000;
        let run = played(spec, Lens::Plain, &session);
        for why in run.venue.whys() {
            let seen = why.seen;
            prop_assert!(seen.buy >= seen.sell, "{}", why);
            prop_assert!(seen.buy >= seen.ask && seen.sell <= seen.bid, "{}", why);
            prop_assert!(seen.ask > seen.bid || seen.policy != Policy::Quote, "{}", why);
            // Takers pay the quote or worse; so do resting orders that the quote has gone through. A resting order met by
            // a trade fills at its own price, which is no better than the other side of the quote.
            let by_trade = matches!(why.trigger, Trigger::QueueReached { .. }) || seen.policy == Policy::PushedByTrade
                || matches!(why.trigger, Trigger::TradedThrough { level, .. } if why.liquidity == crate::why::Liquidity::Maker && match why.side {
                    Side::Buy => level < seen.buy,
                    Side::Sell => level > seen.sell,
                });
            match (why.side, by_trade) {
                (Side::Buy, false) => prop_assert!(why.price >= seen.buy, "{}", why),
                (Side::Sell, false) => prop_assert!(why.price <= seen.sell, "{}", why),
                (Side::Buy, true) => prop_assert!(why.price >= seen.sell, "{}", why),
                (Side::Sell, true) => prop_assert!(why.price <= seen.buy, "{}", why),
            }
            match why.trigger {
                Trigger::TradedThrough { level, by } => {
                    prop_assert_eq!(why.price, level);
                    prop_assert!(by.0 >= 2, "{}", why);
                }
                Trigger::QueueReached { level } => prop_assert_eq!(why.price, level),
                Trigger::Touched { level } if why.side == Side::Sell => prop_assert!(why.price <= level),
                Trigger::Touched { level } => prop_assert!(why.price >= level),
                Trigger::Arrived | Trigger::MarginLevel { .. } => {}
            }
        }
        // Every fill that was reported can be explained.
        for report in &run.heard {
            if matches!(report, Report::Opened { .. } | Report::Closed { .. }) {
                prop_assert!(run.venue.why(report).is_some(), "{:?}", report);
            }
        }
    }

    #[test]
    fn a_round_trip_in_one_instant_never_pays(
        quotes in prop::collection::vec((138_000_i64..139_000, -300_i64..300), 1..60),
        seed in 0_u64..1_000,
        median in any::<bool>(),
    ) {
        let mut spec = broker().unwrap();
        spec.seed = seed;
        spec.typical_spread =
            if median { TypicalSpread::Median { step_thousandths: 300 } } else { TypicalSpread::Ewma { shift: 3 } };
        let mut run = Run::new(Paper::new(spec).unwrap(), Lens::Plain);
        for (bid, spread) in quotes {
            let drift = bid - run.quotes[0].0;
            run.play(Move::Tick { symbol: 0, drift, spread, sizes: (0, 0), after: 10 });
            for (first, second) in [(Side::Buy, Side::Sell), (Side::Sell, Side::Buy)] {
                // Hedged: the locked-in difference. Closed: the booked profit.
                for side in [first, second] {
                    run.play(Move::Open { symbol: 0, side, lots: 10, stop: None, target: None, deviation: 0 });
                }
                while !run.positions.is_empty() {
                    run.play(Move::Close { nth: 0, percent: 100 });
                }
            }
            let paid = run.heard.drain(..).any(|report| matches!(report, Report::Closed { profit, .. } if profit > Money::ZERO));
            prop_assert!(!paid);
            prop_assert!(run.venue.account().balance <= Money::units(10_000));
        }
    }

    #[test]
    fn waking_the_venue_in_between_changes_nothing(session in moves(120), seed in 0_u64..1_000, kind in kinds()) {
        let lazy = played(leveraged(seed, kind), Lens::Plain, &session);
        let mut eager = Run::new(Paper::new(leveraged(seed, kind)).unwrap(), Lens::Plain);
        // As heard, but positions are learnt with the next move, as by a driver that does not wake the venue.
        for step in session.iter().chain(&[Move::Wait { millis: 5_000 }]) {
            let after = match step {
                Move::Tick { after, .. } => *after,
                Move::Wait { millis } => *millis,
                _ => 0,
            };
            let until = eager.now.plus(Span::from_millis(after));
            while let Some(next) = eager.venue.next_wake().filter(|next| *next <= until) {
                eager.venue.wake(next);
                let due = eager.venue.reports.due();
                if due <= next {
                    // Leave what it says for later, like the lazy driver.
                    let later = eager.venue.event_at;
                    if later > until {
                        break;
                    }
                    eager.venue.wake(later);
                }
            }
            eager.play(*step);
        }
        prop_assert_eq!(lazy.heard, eager.heard);
    }

    #[test]
    fn a_recovered_venue_goes_on_bit_for_bit(session in moves(160), cut in 0_usize..160, seed in 0_u64..1_000, kind in kinds()) {
        let spec = leveraged(seed, kind);
        let mut run = Run::new(Paper::new(spec.clone()).unwrap(), Lens::Plain);
        let cut = cut.min(session.len());
        for step in &session[..cut] {
        run.play(*step);
    }
        let mut bytes = Vec::new();
        run.venue.save(&mut bytes);
        let mut twin = Paper::new(spec).unwrap();
        twin.load(&mut Reader::new(&bytes)).unwrap();
        let mut twin = Run {
            venue: twin,
            lens: run.lens,
            now: run.now,
            quotes: run.quotes,
            sent: run.sent.clone(),
            positions: run.positions.clone(),
            heard: run.heard.clone(),
        };
        for step in session[cut..].iter().chain(&[Move::Wait { millis: 5_000 }]) {
            run.play(*step);
            twin.play(*step);
        }
        prop_assert_eq!(&run.heard, &twin.heard);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        run.venue.save(&mut ours);
        twin.venue.save(&mut theirs);
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn the_watched_prices_are_those_of_a_search(session in moves(160), seed in 0_u64..1_000, kind in kinds()) {
        // The slow twin of `Watch` and `Hold`: look at every position and order.
        let mut run = Run::new(Paper::new(leveraged(seed, kind)).unwrap(), Lens::Plain);
        for step in session {
            run.play(step);
            let paper = &run.venue;
            for book in paper.books.iter().filter(|book| book.tradable()) {
                for position in paper.positions.iter().filter(|position| position.symbol == book.symbol()) {
                    let exit = book.price(position.side.opposite());
                    let gain = |from: Price| exit.above(from).0 * position.side.sign();
                    if book.seen().policy != Policy::PushedByTrade {
                        prop_assert!(position.stop.is_none_or(|stop| gain(stop) > 0), "a stop was missed");
                    }
                    prop_assert!(position.target.is_none_or(|target| gain(target) < 1), "a target was missed");
                }
                let sum = |side: Side| paper.positions.iter().filter(|p| p.symbol == book.symbol() && p.side == side)
                    .map(|p| p.lots.0).sum::<i64>();
                prop_assert_eq!((book.hold.long_lots, book.hold.short_lots), (sum(Side::Buy), sum(Side::Sell)));
            }
            let due = paper.resting.iter().map(|resting| resting.expires).min().unwrap_or(Time::MAX);
            prop_assert!(paper.event_at <= due && paper.event_at > paper.clock);
        }
    }

    #[test]
    fn no_bytes_break_the_reader(session in moves(40), cut in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let run = played(leveraged(1, Positions::Hedging), Lens::Plain, &session);
        let mut bytes = Vec::new();
        run.venue.save(&mut bytes);
        let at = cut.index(bytes.len());
        let mut twin = Paper::new(leveraged(1, Positions::Hedging)).unwrap();
        prop_assert!(twin.load(&mut Reader::new(&bytes[..at])).is_err());
        bytes[at] ^= flip;
        let _ = twin.load(&mut Reader::new(&bytes));
    }
}

#[test]
fn random_sessions_see_everything() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let session = moves(200).new_tree(&mut runner).unwrap().current();
        let kind = [Positions::Hedging, Positions::Fifo, Positions::Netting][seed as usize % 3];
        let mut spec = leveraged(seed, kind);
        spec.capacity.whys = 10_000;
        let run = played(spec, Lens::Plain, &session);
        for report in &run.heard {
            let name = match report {
                Report::Rejected { reason, .. } => format!("{reason:?}"),
                Report::Closed { cause, successor, swap, .. } => {
                    seen.insert(format!("{cause:?} part {}", successor.is_some()));
                    format!("swap {}", *swap != Money::ZERO)
                }
                other => format!("{other:?}").split(' ').next().unwrap_or_default().to_owned(),
            };
            seen.insert(name);
        }
        for why in run.venue.whys() {
            seen.insert(format!("{:?}", why.seen.policy));
            seen.insert(format!("{:?}", why.trigger).split(' ').next().unwrap_or_default().to_owned());
        }
    }
    let expected = "Accepted Opened Protected Cancelled NeverHeard Held Listed MarginCalled Requote OffQuotes InvalidStops \
        Frozen InvalidVolume NoMoney UnknownTicket HedgeProhibited FifoRule Busy Other Arrived Touched TradedThrough \
        QueueReached MarginLevel Quote Worsened PushedByTrade";
    let missing: Vec<&str> = expected.split_whitespace().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} of {seen:?}");
    for name in ["Operator part true", "Stop part false", "Target part false", "StopOut part false", "Netted part true"]
    {
        assert!(seen.contains(name), "{name} of {seen:?}");
    }
    assert!(seen.contains("swap true"));
}

/// One symbol at 30:1, both sides counting in full.
fn margined(positions: Positions) -> Run<Paper> {
    let mut spec = broker().unwrap();
    spec.positions = positions;
    let leverage = Leverage { major_pair: 30, minor_pair_gold_index: 20, commodity: 10, share: 5, crypto: 2 };
    let hedged = HedgedMargin::Both;
    spec.margin = Margin::Leveraged { leverage, call_percent: 100, stop_out_percent: 50, hedged };
    let mut run = Run::new(Paper::new(spec).unwrap(), Lens::Plain);
    run.play(Move::Tick { symbol: 0, drift: 0, spread: 8, sizes: (0, 0), after: 1 });
    run
}

#[test]
fn a_partial_close_frees_its_share_of_the_margin() {
    let mut run = margined(Positions::Hedging);
    run.play(Move::Open { symbol: 0, side: Side::Buy, lots: 100, stop: None, target: None, deviation: 9 });
    assert_eq!(run.venue.account().used, Money(4_623_600_000));
    run.play(Move::Close { nth: 0, percent: 25 });
    assert_eq!(run.venue.account().used, Money(3_467_700_000));
}

#[test]
fn turning_a_netted_position_needs_margin_for_what_is_left_only() {
    let mut run = margined(Positions::Netting);
    run.play(Move::Open { symbol: 0, side: Side::Buy, lots: 200, stop: None, target: None, deviation: 9 });
    run.play(Move::Open { symbol: 0, side: Side::Sell, lots: 400, stop: None, target: None, deviation: 9 });
    assert!(matches!(run.heard.last(), Some(Report::Opened { lots: Lots(200), .. })), "{:?}", run.heard);
    run.play(Move::Open { symbol: 0, side: Side::Buy, lots: 430, stop: None, target: None, deviation: 9 });
    assert!(matches!(run.heard.last(), Some(Report::Rejected { reason: Reject::NoMoney, .. })), "{:?}", run.heard);
}

#[test]
fn a_limit_order_that_the_account_cannot_carry_is_dropped() {
    let mut run = margined(Positions::Hedging);
    for _ in 0..2 {
        run.play(Move::Limit { symbol: 0, side: Side::Buy, lots: 150, off: 10, seconds: 60 });
    }
    run.play(Move::Tick { symbol: 0, drift: -40, spread: 8, sizes: (0, 0), after: 1 });
    let said = &run.heard[run.heard.len() - 2..];
    assert!(matches!(said, [Report::Opened { .. }, Report::Cancelled { .. }]), "{said:?}");
}

#[test]
fn reasons_can_be_read() {
    let mut run = Run::new(Paper::new(broker().unwrap()).unwrap(), Lens::Plain);
    for spread in [8, 8, -10] {
        run.play(Move::Tick { symbol: 0, drift: 0, spread, sizes: (0, 0), after: 1_000 });
    }
    run.play(Move::Open { symbol: 0, side: Side::Buy, lots: 10, stop: Some(50), target: None, deviation: 9 });
    run.play(Move::Tick { symbol: 0, drift: -80, spread: 8, sizes: (0, 0), after: 1_000 });
    let told: Vec<String> = run.venue.whys().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "bought 0.10 at 1.38699 on 2014-05-06T12:00:03.000Z: the request arrived, 0 us after it was sent; \
             quote 1.38700/1.38690 of 2014-05-06T12:00:03.000Z, crossed, so 1.38691/1.38699 by the typical spread of \
             8.000 points",
            "sold 0.10 at 1.38620 on 2014-05-06T12:00:04.000Z: the stop 1.38650 was touched; \
             quote 1.38620/1.38628 of 2014-05-06T12:00:04.000Z",
        ]
    );
}

#[test]
fn a_watcher_hears_of_every_fill() {
    let mut run = Run::new(Paper::new(broker().unwrap()).unwrap(), Lens::Plain);
    let (tell, told) = std::sync::mpsc::channel();
    run.venue.watch(Some(Box::new(move |why: &Why| tell.send(*why).unwrap())));
    run.play(Move::Tick { symbol: 0, drift: 0, spread: 8, sizes: (0, 0), after: 1 });
    run.play(Move::Open { symbol: 0, side: Side::Buy, lots: 10, stop: None, target: None, deviation: 9 });
    run.venue.watch(None);
    assert_eq!(told.iter().collect::<Vec<_>>(), run.venue.whys().copied().collect::<Vec<_>>());
}

#[test]
fn every_fault_of_a_spec_is_named() {
    let mut spec = broker().unwrap();
    let id = SymbolId(0);
    spec.symbols.push(spec.symbols[0].clone());
    spec.symbols[0].slippage = Slippage::Fixed(Points(-1));
    spec.symbols[0].commission = Commission::PerLot { side: Money(-1) };
    spec.symbols[0].conversion = Conversion::ByOwnMid;
    spec.symbols[0].swap = Swap::Funding { long_millionths: 0, short_millionths: 0, every: Span(0) };
    spec.symbols[0].instrument.lot_step = Lots(0);
    spec.through = Points(0);
    spec.latency_to_us = Latency::Recorded(Vec::new());
    spec.partial_fills = PartialFills::Drawn { millionths: 1_000_001 };
    spec.typical_spread = TypicalSpread::Ewma { shift: 0 };
    spec.capacity.whys = 0;
    let faults = Paper::new(spec).map(|_| ()).unwrap_err();
    let expected = [
        SpecFault::TouchFills,
        SpecFault::Latency,
        SpecFault::Share,
        SpecFault::TypicalSpread,
        SpecFault::Capacity,
        SpecFault::Slippage(id),
        SpecFault::Commission(id),
        SpecFault::Swap(id),
        SpecFault::Grid(id),
        SpecFault::Conversion(id),
        SpecFault::SymbolTwice(id),
    ];
    assert_eq!(faults, expected);
    assert!(faults.iter().all(|fault| !fault.to_string().is_empty()));
}
