//! A desk with a paper venue at the other end of the line, and a market that walks.

use desk::{Action, Actions, Desk, Event, Fact, Spec};
use market::{Lots, Price, Side, Span, SymbolId, Tick, Time, Trade};
use venue::Venue;
use venue::calendar::Session;
use venue::paper::Paper;
use venue::spec::{
    Capacity, Commission, Conversion, Crossed, Execution, HedgedMargin, Latency, Leverage, Margin, Marketable,
    PaperSpec, PartialClose, PartialFills, Positions, Queue, Rejects, Slippage, Swap, SymbolSpec, TypicalSpread,
};

use super::specs::noon;

/// A venue that trades every symbol of the desk, with requotes, slippage and commission.
pub fn paper(spec: &Spec) -> PaperSpec {
    let symbol = |instrument: &market::Instrument| SymbolSpec {
        instrument: instrument.clone(),
        conversion: Conversion::Same,
        slippage: Slippage::Exponential { mean_thousandths: 500, most: market::Points(5) },
        commission: Commission::PerLot { side: market::Money::units(3) },
        swap: Swap::None,
        session: Session::Always,
    };
    PaperSpec {
        seed: 5,
        currency: spec.currency,
        balance: spec.orders.balance,
        positions: match spec.orders.account {
            orders::Account::Hedging => Positions::Hedging,
            orders::Account::Netting => Positions::Netting,
        },
        partial_close: PartialClose::NewTicket,
        execution: Execution::Instant,
        marketable: Marketable::Refuse,
        latency_to_venue: Latency::Fixed(Span::from_millis(60)),
        latency_to_us: Latency::Fixed(Span::from_millis(40)),
        rejects: Rejects::Drawn { requote_millionths: 30_000, busy_millionths: 20_000, off_quotes_millionths: 10_000 },
        partial_fills: PartialFills::Drawn { millionths: 50_000 },
        crossed: Crossed::Worsen,
        typical_spread: TypicalSpread::Ewma { shift: 6 },
        queue: Queue::TradeThroughOnly,
        through: market::Points(1),
        margin: Margin::Leveraged {
            leverage: Leverage { major_pair: 30, minor_pair_gold_index: 20, commodity: 10, share: 5, crypto: 2 },
            call_percent: 100,
            stop_out_percent: 50,
            hedged: HedgedMargin::LargerSide,
        },
        capacity: Capacity { in_flight: 512, positions: 512, resting: 64, answers: 4_096, whys: 64 },
        symbols: spec.symbols.iter().map(|symbol| symbol.instrument.clone()).map(|own| symbol(&own)).collect(),
    }
}

/// A market that walks in single points, four quotes a second, with stretches of drift that the sizes announce. Every
/// third quote is one of symbol 1, the leader, if there is one; now and then somebody trades, and a quote is odd.
#[derive(Clone)]
pub struct Walk {
    state: u64,
    made: u64,
    bid: i64,
    drift: i64,
    led: bool,
}

impl Walk {
    pub fn new(seed: u64, spec: &Spec) -> Self {
        Self { state: seed, made: 0, bid: 130_000, drift: 0, led: spec.symbols.len() > 1 }
    }

    /// `SplitMix64`.
    fn draw(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }

    pub fn next(&mut self) -> Fact {
        self.made += 1;
        let time = noon().plus(Span::from_millis(self.made as i64 * 250));
        if self.draw(40) == 0 {
            self.drift = self.draw(3) as i64 - 1;
        }
        let with = self.draw(100) < 60;
        let fair = if self.draw(2) == 0 { 1 } else { -1 };
        self.bid += match self.drift {
            0 => fair,
            drift if with => drift,
            drift => -drift,
        };
        self.bid = self.bid.clamp(100_000, 160_000);
        if self.draw(50) == 0 {
            let (taker, lots) = (if self.drift < 0 { Side::Sell } else { Side::Buy }, Lots(5));
            let price = Price(self.bid);
            return Fact::Traded(Trade { symbol: SymbolId(0), time, seen: time, price, lots, taker });
        }
        let odd = self.draw(200) == 0;
        let leads = self.led && self.made.is_multiple_of(3);
        let lots = match self.drift {
            0 => (500, 500),
            1 => (900, 100),
            _ => (100, 900),
        };
        Fact::Ticked(Tick {
            symbol: SymbolId(u16::from(leads)),
            time,
            seen: time,
            bid: Price(self.bid + 2 * self.drift * i64::from(leads)),
            ask: Price(self.bid + 2 * self.drift * i64::from(leads) + if odd { -1 } else { 2 }),
            bid_lots: Lots(lots.0),
            ask_lots: Lots(lots.1),
        })
    }
}

/// The desk, the venue and what passes between them. Makes nothing anew while it runs.
pub struct Line {
    pub desk: Desk,
    venue: Paper,
    actions: Actions,
    event: Event,
    wake: Option<Time>,
    /// Actions so far.
    pub done: u64,
}

impl Line {
    pub fn new(spec: &Spec) -> Self {
        let desk = Desk::new(spec).map_err(|faults| format!("{faults:?}")).unwrap();
        let venue = Paper::new(paper(spec)).map_err(|faults| format!("{faults:?}")).unwrap();
        let actions = Actions::with_capacity(desk.actions_max());
        let event = Event { seq: 0, time: noon(), fact: Fact::Started };
        Self { desk, venue, actions, event, wake: None, done: 0 }
    }

    /// Something comes from the market: first all that falls due before it, then this, then what the venue says.
    pub fn hear(&mut self, fact: Fact, watch: &mut impl FnMut(&Event, &[Action])) {
        let now = match &fact {
            Fact::Ticked(tick) => tick.seen,
            Fact::Traded(trade) => trade.seen,
            Fact::Reported(_) | Fact::Woke | Fact::Commanded(_) | Fact::Started | Fact::Noticed(_) => self.event.time,
        };
        self.pass_until(now, watch);
        match &fact {
            Fact::Ticked(tick) => self.venue.on_tick(tick),
            Fact::Traded(trade) => self.venue.on_trade(trade),
            Fact::Reported(_) | Fact::Woke | Fact::Commanded(_) | Fact::Started | Fact::Noticed(_) => {}
        }
        self.one(now, fact, watch);
        self.listen(now, watch);
    }

    fn pass_until(&mut self, until: Time, watch: &mut impl FnMut(&Event, &[Action])) {
        loop {
            let (venue, wake) = (self.venue.next_wake().unwrap_or(Time::MAX), self.wake.unwrap_or(Time::MAX));
            let due = venue.min(wake);
            if due > until {
                return;
            }
            let now = due.max(self.event.time);
            if venue <= due {
                self.venue.wake(now);
                self.listen(now, watch);
            }
            if self.wake.is_some_and(|wake| wake <= due) {
                self.wake = None;
                self.one(now, Fact::Woke, watch);
                self.listen(now, watch);
            }
        }
    }

    fn listen(&mut self, now: Time, watch: &mut impl FnMut(&Event, &[Action])) {
        while let Some(report) = self.venue.poll() {
            self.one(now, Fact::Reported(report), watch);
        }
    }

    fn one(&mut self, now: Time, fact: Fact, watch: &mut impl FnMut(&Event, &[Action])) {
        self.event = Event { seq: self.event.seq + 1, time: now.max(self.event.time), fact };
        self.desk.on_event(&self.event, &mut self.actions);
        self.done += self.actions.as_slice().len() as u64;
        watch(&self.event, self.actions.as_slice());
        let Self { actions, venue, wake, .. } = self;
        for action in actions.drain() {
            match action {
                Action::Send(request) => venue.send(now, &request),
                Action::Query(id) => venue.query(now, id),
                Action::List => venue.list(now),
                Action::WakeAt(time) => *wake = Some(wake.map_or(time, |wake| wake.min(time))),
                Action::Tell(_) => {}
            }
        }
    }

    /// Actions that did not fit.
    pub const fn lost(&self) -> u64 {
        self.actions.lost()
    }
}
