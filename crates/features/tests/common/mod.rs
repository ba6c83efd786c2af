//! Streams for the tests.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part; a failed unwrap is a failed test")]

use features::{Features, Frame, Groups, HawkesSpec, Spec};
use market::{Lots, Points, Price, Reader, Side, Span, State, SymbolId, Tick, Time, Trade};

/// What may reach a `Features`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Tick(Tick),
    Trade(Trade),
    Leader(Tick),
}

pub(crate) fn spec(groups: Groups) -> Spec {
    Spec {
        groups,
        pip: Points(10),
        widening: 1.5,
        leader_stale: Span::from_secs(60),
        hawkes: HawkesSpec { decay_per_second: 0.7, self_excitation: 0.4, cross_excitation: 0.2 },
    }
}

pub(crate) fn features(groups: Groups) -> Features {
    Features::new(&spec(groups))
}

pub(crate) fn tick(time: Time, bid: i64, ask: i64, bid_lots: i64, ask_lots: i64) -> Tick {
    let (bid, ask, bid_lots, ask_lots) = (Price(bid), Price(ask), Lots(bid_lots), Lots(ask_lots));
    Tick { symbol: SymbolId(0), time, seen: time, bid, ask, bid_lots, ask_lots }
}

pub(crate) fn trade(time: Time, price: i64, lots: i64, taker: Side) -> Trade {
    Trade { symbol: SymbolId(0), time, seen: time, price: Price(price), lots: Lots(lots), taker }
}

/// The generator of the oracles: LCG with 33 dropped bits.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % n
    }
}

/// A walk of ticks at most `gap_millis` apart, with trades and a leader among them.
pub(crate) fn walk(seed: u64, events: usize, gap_millis: i64) -> Vec<Event> {
    let mut draw = Draw(seed);
    let (mut time, mut bid) = (Time::from_date(2014, 5, 2).plus(Span::from_millis(437)), 138_000);
    let mut next = || {
        time = time.plus(Span::from_millis(draw.below(gap_millis)));
        bid += draw.below(7) - 3;
        match draw.below(10) {
            0 => {
                Event::Trade(trade(time, bid, draw.below(20), if draw.below(2) == 0 { Side::Buy } else { Side::Sell }))
            }
            1 | 2 => Event::Leader(tick(time, bid + 5, bid + 12 + draw.below(3), 0, 0)),
            _ => Event::Tick(tick(time, bid, bid + 6 + draw.below(8), 1 + draw.below(50), 1 + draw.below(50))),
        }
    };
    (0..events).map(|_| next()).collect()
}

pub(crate) fn feed(features: &mut Features, event: &Event) -> Frame {
    match event {
        Event::Tick(tick) => features.on_tick(tick),
        Event::Trade(trade) => features.on_trade(trade),
        Event::Leader(tick) => features.on_leader(tick),
    }
    *features.frame()
}

/// Every bit of a frame.
pub(crate) fn bits(frame: &Frame) -> (Time, u64, Vec<u64>) {
    (frame.time, frame.ready_bits(), frame.values().iter().map(|value| value.to_bits()).collect())
}

pub(crate) fn saved(features: &Features) -> Vec<u8> {
    let mut bytes = Vec::new();
    features.save(&mut bytes);
    bytes
}

pub(crate) fn loaded(bytes: &[u8]) -> Features {
    let mut features = features(Groups::ALL);
    let mut reader = Reader::new(bytes);
    features.load(&mut reader).unwrap();
    assert!(reader.rest().is_empty());
    features
}
