//! What a quote does to positions: their exits, and what they are worth.

use market::{Lots, Money, Points, Side, StrategyId, SymbolId, Tick, Time};
use risk::{ExitCause, Rate, Ticket};

use crate::exits::{self, View, Wanted};
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
            let profit = rate.convert(instrument.value(Points(value), Lots(1))?)?;
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
}
