//! The account's cash as reports change it, per strategy and in all, and the open profit of every symbol.

use market::{Money, StrategyId, SymbolId, Time};

/// What a strategy has earned: profits and costs as they were booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Realised {
    /// The UTC day of the last booking.
    day: i64,
    /// Booked on that day.
    today: Money,
    /// Booked in all.
    total: Money,
}

market::state!(Realised { day, today, total });

/// The account's cash. Invariant: balance = opening balance + sum of all strategies' totals + what was adjusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    balance: Money,
    /// What reconciliation changed the balance by: deposits, withdrawals, what happened while we were away.
    adjusted: Money,
    /// By strategy.
    realised: Vec<Realised>,
    /// Open profit by symbol.
    open: Vec<Money>,
    open_total: Money,
}

market::state!(Ledger { balance, adjusted, realised, open, open_total });

impl Ledger {
    pub(crate) fn new(balance: Money, strategies: usize, symbols: usize) -> Self {
        Self {
            balance,
            adjusted: Money::ZERO,
            realised: vec![Realised::default(); strategies],
            open: vec![Money::ZERO; symbols],
            open_total: Money::ZERO,
        }
    }

    /// Cash, without open profit.
    pub const fn balance(&self) -> Money {
        self.balance
    }

    /// What reconciliation changed the balance by.
    pub const fn adjusted(&self) -> Money {
        self.adjusted
    }

    /// Open profit of all positions at the last quotes.
    pub const fn open(&self) -> Money {
        self.open_total
    }

    /// Open profit of a symbol's positions at its last quote.
    pub fn open_of(&self, symbol: SymbolId) -> Money {
        self.open.get(usize::from(symbol.0)).copied().unwrap_or_default()
    }

    /// Balance and open profit. Saturates.
    pub const fn equity(&self) -> Money {
        Money(self.balance.0.saturating_add(self.open_total.0))
    }

    /// What a strategy booked in all: profits, commissions (those of open positions included) and swaps.
    pub fn realised(&self, strategy: StrategyId) -> Money {
        self.of(strategy).total
    }

    /// What a strategy booked on the UTC day of `now`.
    pub fn realised_today(&self, strategy: StrategyId, now: Time) -> Money {
        let realised = self.of(strategy);
        if realised.day == now.day() { realised.today } else { Money::ZERO }
    }

    fn of(&self, strategy: StrategyId) -> Realised {
        self.realised.get(usize::from(strategy.0)).copied().unwrap_or_default()
    }

    /// Books an amount for a strategy; `None` on overflow or for an unknown strategy, nothing is booked then.
    pub(crate) fn book(&mut self, strategy: StrategyId, amount: Money, now: Time) -> Option<()> {
        let realised = self.realised.get_mut(usize::from(strategy.0))?;
        let before = if realised.day == now.day() { realised.today } else { Money::ZERO };
        let (balance, today) = (self.balance.plus(amount)?, before.plus(amount)?);
        let total = realised.total.plus(amount)?;
        *realised = Realised { day: now.day(), today, total };
        self.balance = balance;
        Some(())
    }

    /// Takes the venue's balance for true; `None` on overflow.
    pub(crate) fn adjust(&mut self, balance: Money) -> Option<()> {
        self.adjusted = self.adjusted.plus(balance.minus(self.balance)?)?;
        self.balance = balance;
        Some(())
    }

    /// Changes a symbol's open profit; `None` on overflow, the last one then stands.
    pub(crate) fn mark(&mut self, symbol: SymbolId, change: Money) -> Option<()> {
        let place = self.open.get_mut(usize::from(symbol.0))?;
        let (open, total) = (place.plus(change)?, self.open_total.plus(change)?);
        *place = open;
        self.open_total = total;
        Some(())
    }

    /// Whether a loaded state has the places that this ledger was built with.
    pub(crate) fn fits(&self, strategies: usize, symbols: usize) -> bool {
        self.realised.len() == strategies && self.open.len() == symbols
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Span;

    #[test]
    fn a_new_day_starts_at_nothing_and_the_total_goes_on() {
        let mut ledger = Ledger::new(Money::units(100), 1, 1);
        let (day, other) = (Time(0), StrategyId(9));
        assert_eq!(ledger.book(StrategyId(0), Money(5), day), Some(()));
        assert_eq!(ledger.book(StrategyId(0), Money(-8), day.plus(Span::HOUR)), Some(()));
        assert_eq!(ledger.realised_today(StrategyId(0), day), Money(-3));
        let tomorrow = day.plus(Span::DAY);
        assert_eq!(ledger.realised_today(StrategyId(0), tomorrow), Money(0));
        assert_eq!(ledger.book(StrategyId(0), Money(2), tomorrow), Some(()));
        assert_eq!(ledger.book(other, Money(1), tomorrow), None);
        assert_eq!(ledger.realised(StrategyId(0)), Money(-1));
        assert_eq!((ledger.realised(other), ledger.balance()), (Money(0), Money(99_999_999)));
        assert_eq!(ledger.book(StrategyId(0), Money::MAX, tomorrow), None);
        assert_eq!(ledger.balance(), Money(99_999_999));
        assert_eq!((ledger.mark(SymbolId(0), Money(7)), ledger.mark(SymbolId(0), Money(-9))), (Some(()), Some(())));
        assert_eq!(ledger.equity(), Money(99_999_997));
        assert_eq!((ledger.adjust(Money(5)), ledger.adjusted()), (Some(()), Money(-99_999_994)));
    }
}
