//! What a quote does to positions: their exits, and what they are worth.

use market::{Instrument, Lots, Money, Points, Side, StrategyId, SymbolId, Tick, Time};
use risk::{ExitCause, Rate, Ticket};

use crate::exits::{self, ExitSpec, View, Wanted};
use crate::exposure;
use crate::orders::{Orders, Quote};
use crate::position::{Leave, Position};
use crate::spec::push;
use crate::stage::Turn;

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

impl Orders {
    /// Decides the exits of the symbol's positions on a believed quote. What is wanted is added to `out` within its room;
    /// each is to pass the gate and come back through `reduce` or `protect`. What does not come back is wanted again
    /// after the strategy's first wait.
    ///
    /// `usual_spread` and `volatility` are in points; what is not a number counts as not known.
    #[inline]
    pub fn exits(&mut self, tick: &Tick, usual_spread: f64, volatility: f64, out: &mut Vec<Wanted>) {
        let symbol = usize::from(tick.symbol.0);
        let Self { quotes, book, spec, instruments, unsettled, deadline, .. } = self;
        let (Some(quote), Some(instrument), Some(unsettled)) =
            (quotes.get_mut(symbol), instruments.get(symbol), unsettled.get(symbol))
        else {
            return;
        };
        *quote = Quote { bid: tick.bid, ask: tick.ask, usual_spread, volatility };
        let market = Market { instrument, quote, settled: *unsettled == 0 };
        let _all = book.each(tick.symbol, |position| {
            position.see(tick.exit(position.side));
            let exits = spec.exits.get(usize::from(position.strategy.0));
            if let Some(due) = exits.and_then(|exits| market.decide(position, exits, tick.seen, out)) {
                *deadline = (*deadline).min(due);
            }
            Some(())
        });
    }

    /// Decides one position's exit on the last quote of its symbol.
    pub(crate) fn decide(&mut self, place: u16, now: Time, out: &mut Vec<Wanted>) {
        let Some(position) = self.book.at_mut(place) else { return };
        let symbol = usize::from(position.symbol.0);
        let Some(exits) = self.spec.exits.get(usize::from(position.strategy.0)) else { return };
        let settled = self.unsettled[symbol] == 0;
        let market = Market { instrument: &self.instruments[symbol], quote: &self.quotes[symbol], settled };
        if let Some(due) = market.decide(position, exits, now, out) {
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

    #[inline]
    fn revalue(&mut self, tick: &Tick, rate: Rate) -> Option<()> {
        let symbol = usize::from(tick.symbol.0);
        let anew = std::mem::take(self.restate.get_mut(symbol)?);
        let (instrument, unit) = (self.instruments.get(symbol)?, *self.units.get(symbol)?);
        let Self { book, ledger, exposure, .. } = self;
        book.each(tick.symbol, |position| {
            let value = position.profit_value(tick.exit(position.side))?;
            let quick = unit.and_then(|unit| value.checked_mul(unit.0)).map(Money);
            let worth = if quick.is_some() { quick } else { instrument.value(Points(value), Lots(1)) };
            let profit = rate.convert(worth?)?;
            let change = profit.minus(position.open_profit)?;
            if change != Money::ZERO {
                ledger.mark(tick.symbol, change)?;
                position.open_profit = profit;
                exposure::mark(exposure, position.strategy, change);
            }
            if anew {
                exposure::restate(exposure, position, rate);
            }
            Some(())
        })
    }
}

/// A symbol's market as exits see it.
struct Market<'a> {
    instrument: &'a Instrument,
    quote: &'a Quote,
    /// No order of the symbol is in doubt.
    settled: bool,
}

impl Market<'_> {
    /// Decides one position's exit, and answers when to look again, if that has changed.
    #[inline]
    fn decide(&self, position: &mut Position, spec: &ExitSpec, now: Time, out: &mut Vec<Wanted>) -> Option<Time> {
        if position.flight.is_some() || out.len() == out.capacity() {
            return None;
        }
        let quote = self.quote;
        let view = View {
            instrument: self.instrument,
            now,
            exit: quote.exit(position.side),
            spread: quote.spread(),
            usual_spread: quote.usual_spread,
            volatility: quote.volatility,
            settled: self.settled,
        };
        let spiked = position.spike_since;
        let wanted = exits::decide(position, spec, &view);
        if position.spike_since == spiked && wanted.is_none() {
            return None;
        }
        if let Some((wanted, purpose)) = wanted {
            position.asked = match wanted {
                Wanted::Protect(protection) => protection.stop.map(|stop| (stop, purpose)),
                Wanted::Reduce(_) => None,
            };
            position.not_before = now.plus(spec.retry.first);
            push(out, wanted);
        }
        Some(exits::next_due(position, spec)).filter(|due| *due > now)
    }
}
