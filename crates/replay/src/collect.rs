//! Gathers the facts of a run while it runs: trades whole, equity thinned, days.

use std::collections::BTreeMap;

use desk::{Action, Desk, Event, Fact, News};
use market::{Lots, Money, Points, Span, StrategyId, SymbolId, Tick, Time};
use orders::{ClosedTrade, Instruction, OrderId, Position};
use report::{DayResult, Trade};
use risk::ExitCause;

use crate::session::Watch;

/// Points of the equity curve are halved when there are this many.
const EQUITY_POINTS_MAX: usize = 4_000;

/// The parts of one position that were closed so far.
#[derive(Debug, Clone, Copy, Default)]
struct Parts {
    lots: i64,
    exit_value: i128,
    entry_value: i128,
    gross: i64,
    commission: i64,
    swap: i64,
    spread: i64,
    slippage: i64,
    worst: i64,
    best: i64,
}

/// Watches a session and gathers what the report needs.
#[derive(Debug)]
pub struct Collector {
    names: Vec<String>,
    /// The event that decided each entry in flight or open.
    decided: BTreeMap<OrderId, u64>,
    parts: BTreeMap<u64, Parts>,
    /// Finished trades, by time of closing.
    pub trades: Vec<Trade>,
    /// Equity over time.
    pub equity: Vec<(Time, Money)>,
    every: i64,
    next: Time,
    /// Days that ended.
    pub days: Vec<DayResult>,
    day: Option<DayResult>,
    /// The times of the first and last tick.
    pub period: Option<(Time, Time)>,
    quotes: Vec<Quotes>,
}

/// Statistics of one symbol's believed quotes.
#[derive(Debug, Clone, Default)]
struct Quotes {
    /// How often each spread was seen, by points; wider ones share the last place.
    spreads: Vec<u64>,
    last: Option<Time>,
    gap_longest: Span,
    believed: u64,
}

/// Spreads up to this many points are counted apart.
const SPREADS: usize = 8_192;

impl Collector {
    /// A collector for strategies of these names.
    pub fn new(names: Vec<String>) -> Self {
        Self {
            names,
            decided: BTreeMap::new(),
            parts: BTreeMap::new(),
            trades: Vec::new(),
            equity: Vec::new(),
            every: market::Span::MINUTE.0,
            next: Time::MIN,
            days: Vec::new(),
            day: None,
            period: None,
            quotes: Vec::new(),
        }
    }

    /// Spread quantiles of a symbol's believed quotes in points: 50, 95 and 99 %, and the widest (at most 8,191).
    pub fn spreads(&self, symbol: usize) -> [f64; 4] {
        let Some(quotes) = self.quotes.get(symbol) else { return [0.0; 4] };
        let total: u64 = quotes.spreads.iter().sum();
        let at = |share: f64| {
            let mut left = (share * total as f64) as u64;
            let place = quotes.spreads.iter().position(|count| {
                let found = *count > left;
                left = left.saturating_sub(*count);
                found
            });
            place.unwrap_or_else(|| quotes.spreads.iter().rposition(|count| *count > 0).unwrap_or(0)) as f64
        };
        [at(0.5), at(0.95), at(0.99), at(1.0)]
    }

    /// The longest silence between two believed quotes of a symbol.
    pub fn gap_longest(&self, symbol: usize) -> Span {
        self.quotes.get(symbol).map_or(Span(0), |quotes| quotes.gap_longest)
    }

    fn on_quote(&mut self, tick: &Tick, desk: &Desk) {
        let place = usize::from(tick.symbol.0);
        if self.quotes.len() <= place {
            self.quotes.resize_with(place + 1, || Quotes { spreads: vec![0; SPREADS], ..Quotes::default() });
        }
        let believed = desk.tick_counts(tick.symbol).map_or(0, |counts| counts.believed);
        let quotes = &mut self.quotes[place];
        if believed == quotes.believed {
            return;
        }
        quotes.believed = believed;
        quotes.spreads[(tick.spread().0.max(0) as usize).min(SPREADS - 1)] += 1;
        if let Some(last) = quotes.last {
            quotes.gap_longest = quotes.gap_longest.max(tick.time.since(last));
        }
        quotes.last = Some(tick.time);
    }

    fn on_closed(&mut self, closed: &ClosedTrade, desk: &Desk) {
        let parts = self.parts.entry(closed.first_ticket.0).or_default();
        add(parts, closed, desk);
        if closed.rest > Lots::ZERO {
            return;
        }
        let parts = self.parts.remove(&closed.first_ticket.0).unwrap_or_default();
        let decided = self.decided.remove(&closed.entry_order).unwrap_or_default();
        let head = Head {
            decided,
            strategy: closed.strategy,
            symbol: closed.symbol,
            side: closed.side,
            opened: closed.opened,
            closed: closed.closed,
            cause: cause(closed.cause),
        };
        self.push(&parts, &head, desk);
    }

    fn push(&mut self, parts: &Parts, head: &Head, desk: &Desk) {
        let Some(spec) = desk.spec().symbols.get(usize::from(head.symbol.0)) else { return };
        let instrument = &spec.instrument;
        let scale = market::math::pow(10.0, -f64::from(instrument.digits));
        let average = |value: i128| value as f64 / parts.lots.max(1) as f64 * scale;
        let lots = parts.lots as f64 * market::math::pow(10.0, -f64::from(instrument.volume_digits));
        let net = Money(parts.gross.saturating_add(parts.commission).saturating_add(parts.swap));
        let pip =
            instrument.value(instrument.pip, Lots(parts.lots)).and_then(|value| desk.rate(head.symbol)?.convert(value));
        self.trades.push(Trade {
            decided: head.decided,
            strategy: self.names.get(usize::from(head.strategy.0)).cloned().unwrap_or_default(),
            symbol: instrument.name.clone(),
            side: head.side,
            lots,
            opened: head.opened,
            closed: head.closed,
            entry: average(parts.entry_value),
            exit: average(parts.exit_value),
            gross: Money(parts.gross),
            commission: Money(parts.commission),
            swap: Money(parts.swap),
            spread: Money(parts.spread),
            slippage: Money(parts.slippage),
            mae_pips: instrument.pips(parts.worst as f64),
            mfe_pips: instrument.pips(parts.best as f64),
            net_pips: pip.filter(|pip| pip.0 > 0).map_or(0.0, |pip| net.as_f64() / pip.as_f64()),
            cause: head.cause,
        });
    }

    /// Books what the run leaves open: parts already closed and the commission of the opening. Answers how many positions
    /// that concerns.
    pub fn finish(&mut self, desk: &Desk) -> usize {
        let open: Vec<Position> = desk.orders().positions().copied().collect();
        for position in &open {
            let mut parts = self.parts.remove(&position.first_ticket.0).unwrap_or_default();
            parts.commission = parts.commission.saturating_add(position.commission.0);
            parts.worst = parts.worst.min(position.worst.0);
            parts.best = parts.best.max(position.best.0);
            let head = Head {
                decided: self.decided.get(&position.entry_order).copied().unwrap_or_default(),
                strategy: position.strategy,
                symbol: position.symbol,
                side: position.side,
                opened: position.opened,
                closed: desk.position().time,
                cause: "still_open",
            };
            self.push(&parts, &head, desk);
        }
        if let Some(day) = self.day.take() {
            self.close_day(day, desk.orders().ledger().equity());
        }
        self.equity.push((desk.position().time, desk.orders().ledger().equity()));
        open.len()
    }

    fn close_day(&mut self, day: DayResult, equity: Money) {
        self.days.push(DayResult { change: Money(equity.0.saturating_sub(day.equity.0)), ..day });
    }

    fn look(&mut self, now: Time, desk: &Desk) {
        let equity = desk.orders().ledger().equity();
        self.equity.push((now, equity));
        if self.equity.len() >= EQUITY_POINTS_MAX {
            let mut keep = false;
            self.equity.retain(|_| {
                keep = !keep;
                keep
            });
            self.every *= 2;
        }
        self.next = now.plus(market::Span(self.every));
        let midnight = Time(now.day() * market::Span::DAY.0);
        match self.day {
            Some(day) if day.day == midnight => {}
            Some(day) => {
                self.close_day(day, equity);
                self.day = Some(DayResult { day: midnight, equity, change: Money::ZERO });
            }
            None => self.day = Some(DayResult { day: midnight, equity, change: Money::ZERO }),
        }
    }
}

/// What a trade is beside its sums.
struct Head {
    decided: u64,
    strategy: StrategyId,
    symbol: SymbolId,
    side: market::Side,
    opened: Time,
    closed: Time,
    cause: &'static str,
}

fn add(parts: &mut Parts, closed: &ClosedTrade, desk: &Desk) {
    let rate = desk.rate(closed.symbol);
    let value = |points: i64| -> i64 {
        let instrument = desk.spec().symbols.get(usize::from(closed.symbol.0)).map(|symbol| &symbol.instrument);
        let amount = instrument.and_then(|instrument| instrument.value(Points(points), closed.lots));
        amount.and_then(|amount| rate?.convert(amount)).unwrap_or_default().0
    };
    parts.lots += closed.lots.0;
    parts.entry_value += i128::from(closed.entry.0) * i128::from(closed.lots.0);
    parts.exit_value += i128::from(closed.exit.0) * i128::from(closed.lots.0);
    parts.gross += closed.profit.0;
    parts.commission += closed.commission.0;
    parts.swap += closed.swap.0;
    // Half a spread at each end.
    parts.spread -= value(closed.entry_spread.0.max(0) + closed.exit_spread.0.max(0)) / 2;
    parts.slippage -= value(closed.entry_slippage.0 + closed.exit_slippage.map_or(0, |slippage| slippage.0));
    parts.worst = parts.worst.min(closed.worst.0);
    parts.best = parts.best.max(closed.best.0);
}

/// The cause of a closing in a word.
pub const fn cause(cause: ExitCause) -> &'static str {
    match cause {
        ExitCause::Stop => "stop",
        ExitCause::Target => "target",
        ExitCause::Rung => "rung",
        ExitCause::Trail => "trail",
        ExitCause::Timeout => "timeout",
        ExitCause::Reversal => "reversal",
        ExitCause::Flatten => "flatten",
        ExitCause::StopOut => "stop_out",
        ExitCause::Operator => "operator",
        ExitCause::SessionEnd => "session_end",
        ExitCause::Netted => "netted",
    }
}

impl Watch for Collector {
    fn on_action(&mut self, event: &Event, action: &Action, desk: &Desk) {
        match action {
            Action::Send(request) => {
                if let Instruction::Open(_) = request.instruction() {
                    self.decided.insert(request.id(), event.seq);
                }
            }
            Action::Tell(News::Closed(closed)) => self.on_closed(closed, desk),
            Action::Tell(News::Failed(failure)) if failure.order.filled == Lots::ZERO => {
                self.decided.remove(&failure.order.id);
            }
            Action::Tell(_) | Action::Query(_) | Action::List | Action::WakeAt(_) => {}
        }
    }

    fn on_event(&mut self, event: &Event, desk: &Desk) {
        if let Fact::Ticked(tick) = &event.fact {
            let first = self.period.map_or(tick.time, |period| period.0);
            self.period = Some((first, tick.time));
            self.on_quote(tick, desk);
            if event.time >= self.next {
                self.look(event.time, desk);
            }
        }
    }
}
