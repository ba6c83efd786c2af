//! An open position and what becomes of it: closed parts.

use market::money::rounded_division;
use market::{Lots, Money, Points, Price, Reader, Side, State, StrategyId, SymbolId, Time, Torn};
use risk::{Claim, ExitCause, Ticket};

use crate::order::Purpose;
use crate::stage::Stage;
use crate::words::OrderId;

/// Where a position comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// An order of ours opened it.
    #[default]
    Own,
    /// Found at the venue by reconciliation and adopted.
    External,
}

market::state_enum!(Origin { Own, External });

/// Who moved the stop to where it is: what a touched stop is called in the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StopBy {
    /// The order that opened the position, a person, or a repair.
    #[default]
    Order,
    /// Break-even after a rung.
    BreakEven,
    /// The trailing rule.
    Trail,
}

market::state_enum!(StopBy { Order, BreakEven, Trail });

/// Why a position shall be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave(pub ExitCause);

impl Default for Leave {
    /// A place for [`State`] to load into.
    fn default() -> Self {
        Self(ExitCause::Operator)
    }
}

impl State for Leave {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}

/// An open position, by its ticket at the venue. Distances are in points on the side that would be hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its number at the venue, now.
    pub ticket: Ticket,
    /// The number under which it was opened: the same for all parts of one position.
    pub first_ticket: Ticket,
    /// Ours or found.
    pub origin: Origin,
    /// Whose: on a netting account the strategy that opened it, whoever enlarged it.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// Which way.
    pub side: Side,
    /// How much is open.
    pub lots: Lots,
    /// How much was opened in all; the fractions of the ladder are of this.
    pub opened_lots: Lots,
    /// The average opening price, rounded to a point.
    pub entry: Price,
    /// Sum of price times lots of what is open, in points times volume units.
    pub entry_value: i64,
    /// Sum of slippage times lots of what is open: fill against reference, positive when worse for us.
    pub slippage_value: i64,
    /// Open profit as last marked, in the account's currency.
    pub open_profit: Money,
    /// What it claims of the limits.
    pub claim: Claim,
    /// The spread that we saw at the last opening fill.
    pub entry_spread: Points,
    /// The venue-side stop in force.
    pub stop: Option<Price>,
    /// The venue-side target in force.
    pub target: Option<Price>,
    /// The stop that it was opened with, put back if the venue lost it.
    pub planned_stop: Option<Price>,
    /// Who set the stop in force.
    pub stop_by: StopBy,
    /// R: the distance from the first fill to the first stop. `None` without a stop.
    pub risk: Option<Points>,
    /// When it was opened, by our clock.
    pub opened: Time,
    /// The best profit seen, zero or above (MFE).
    pub best: Points,
    /// The worst profit seen, zero or below (MAE).
    pub worst: Points,
    /// Opening commission not yet given to a closed part: zero or negative.
    pub commission: Money,
    /// The request that opened it.
    pub entry_order: OrderId,
    /// How far its exit has come.
    pub stage: Stage,
    /// The next rung of the ladder.
    pub rung: u8,
    /// How many rungs were filled (and not skipped).
    pub rungs_filled: u8,
    /// Why all of it shall be closed.
    pub leaving: Option<Leave>,
    /// The request of ours that is under way for it.
    pub flight: Option<OrderId>,
    /// The stop that was wanted last, and why: how a protection that comes back approved is recognised.
    pub asked: Option<(Price, Purpose)>,
    /// Refusals since the last success.
    pub attempts: u8,
    /// Nothing is wanted for it before this.
    pub not_before: Time,
    /// Since when the spread has been too wide for a desk-side exit.
    pub spike_since: Option<Time>,
}

market::state!(Position {
    ticket,
    first_ticket,
    origin,
    strategy,
    symbol,
    side,
    lots,
    opened_lots,
    entry,
    entry_value,
    slippage_value,
    open_profit,
    claim,
    entry_spread,
    stop,
    target,
    planned_stop,
    stop_by,
    risk,
    opened,
    best,
    worst,
    commission,
    entry_order,
    stage,
    rung,
    rungs_filled,
    leaving,
    flight,
    asked,
    attempts,
    not_before,
    spike_since
});

/// What a position opens with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) ticket: Ticket,
    pub(crate) origin: Origin,
    pub(crate) strategy: StrategyId,
    pub(crate) symbol: SymbolId,
    pub(crate) side: Side,
    pub(crate) stop: Option<Price>,
    pub(crate) target: Option<Price>,
    pub(crate) entry_order: OrderId,
    pub(crate) opened: Time,
}

/// A fill that opens a position or makes it grow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) lots: Lots,
    pub(crate) price: Price,
    pub(crate) reference: Option<Price>,
    pub(crate) spread: Points,
    pub(crate) commission: Money,
}

impl Position {
    /// A position before its first fill.
    pub(crate) fn new(birth: &Birth) -> Self {
        Self {
            ticket: birth.ticket,
            first_ticket: birth.ticket,
            origin: birth.origin,
            strategy: birth.strategy,
            symbol: birth.symbol,
            side: birth.side,
            lots: Lots::ZERO,
            opened_lots: Lots::ZERO,
            entry: Price(0),
            entry_value: 0,
            slippage_value: 0,
            open_profit: Money::ZERO,
            claim: Claim::default(),
            entry_spread: Points(0),
            stop: birth.stop,
            target: birth.target,
            planned_stop: birth.stop,
            stop_by: StopBy::Order,
            risk: None,
            opened: birth.opened,
            best: Points(0),
            worst: Points(0),
            commission: Money::ZERO,
            entry_order: birth.entry_order,
            stage: if birth.stop.is_some() { Stage::Protected } else { Stage::Unprotected },
            rung: 0,
            rungs_filled: 0,
            leaving: None,
            flight: None,
            asked: None,
            attempts: 0,
            not_before: Time::MIN,
            spike_since: None,
        }
    }

    /// Adds a fill; `None` on overflow, the position is then as before.
    pub(crate) fn grow(&mut self, growth: &Growth) -> Option<()> {
        let slippage = growth.reference.map_or(0, |reference| growth.price.above(reference).0 * self.side.sign());
        let lots = self.lots.plus(growth.lots)?;
        let opened_lots = self.opened_lots.plus(growth.lots)?;
        let entry_value = growth.price.0.checked_mul(growth.lots.0)?.checked_add(self.entry_value)?;
        let entry = rounded_division(i128::from(entry_value), i128::from(lots.0))?;
        let slippage_value = slippage.checked_mul(growth.lots.0)?.checked_add(self.slippage_value)?;
        let commission = self.commission.plus(growth.commission)?;
        if self.lots == Lots::ZERO {
            self.risk = self.stop.map(|stop| growth.price.above(stop).abs());
        }
        self.lots = lots;
        self.opened_lots = opened_lots;
        self.entry = Price(entry);
        self.entry_value = entry_value;
        self.slippage_value = slippage_value;
        self.commission = commission;
        self.entry_spread = growth.spread;
        Some(())
    }

    /// The profit at `exit` in points, from the average opening price rounded to a point.
    pub fn profit(&self, exit: Price) -> Points {
        Points(exit.above(self.entry).0 * self.side.sign())
    }

    /// The profit at `exit` in points times volume units, exactly; `None` on overflow.
    pub fn profit_value(&self, exit: Price) -> Option<i64> {
        exit.0.checked_mul(self.lots.0)?.checked_sub(self.entry_value).map(|value| value * self.side.sign())
    }

    /// Whether a stop at `new` is tighter than the one in force; any stop is tighter than none.
    pub fn is_tighter(&self, new: Price) -> bool {
        self.stop.is_none_or(|stop| (new.0 - stop.0) * self.side.sign() > 0)
    }

    /// Widens the excursions by the profit at `exit`.
    pub(crate) fn see(&mut self, exit: Price) -> Points {
        let profit = self.profit(exit);
        self.best = self.best.max(profit);
        self.worst = self.worst.min(profit);
        profit
    }

    /// Takes `lots` out, with their share of what is kept as sums. The last part takes all that is left.
    pub(crate) fn take(&mut self, lots: Lots) -> Share {
        let share = |sum: i64| {
            let part = i128::from(sum) * i128::from(lots.0);
            rounded_division(part, i128::from(self.lots.0)).unwrap_or_default()
        };
        let taken = Share {
            entry_value: share(self.entry_value),
            slippage_value: share(self.slippage_value),
            commission: Money(share(self.commission.0)),
        };
        self.entry_value -= taken.entry_value;
        self.slippage_value -= taken.slippage_value;
        self.commission.0 -= taken.commission.0;
        self.lots.0 -= lots.0;
        taken
    }
}

/// What a closed part takes with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) entry_value: i64,
    pub(crate) slippage_value: i64,
    pub(crate) commission: Money,
}

impl Default for Position {
    /// A place for [`State`] to load into.
    fn default() -> Self {
        Self::new(&Birth {
            ticket: Ticket(0),
            origin: Origin::Own,
            strategy: StrategyId(0),
            symbol: SymbolId(0),
            side: Side::Buy,
            stop: None,
            target: None,
            entry_order: OrderId(0),
            opened: Time(0),
        })
    }
}

/// A closed part of a position. The parts of one position share `first_ticket`; the last one has no `rest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedTrade {
    /// The position that was closed, in part or wholly.
    pub ticket: Ticket,
    /// The number under which the position was opened.
    pub first_ticket: Ticket,
    /// The number that the rest lives on under.
    pub successor: Option<Ticket>,
    /// Ours or found.
    pub origin: Origin,
    /// Whose.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// The side of the position.
    pub side: Side,
    /// How much was closed.
    pub lots: Lots,
    /// How much of the position is left.
    pub rest: Lots,
    /// The average opening price.
    pub entry: Price,
    /// The closing price.
    pub exit: Price,
    /// When it was opened, by our clock.
    pub opened: Time,
    /// When we heard of its closing, by our clock.
    pub closed: Time,
    /// Profit from the price alone, as the venue said.
    pub profit: Money,
    /// Commission of the closing, and the part's share of that of the opening: zero or negative.
    pub commission: Money,
    /// Swap of the part: either sign.
    pub swap: Money,
    /// MAE: the worst profit seen on the exit side, in points, zero or below.
    pub worst: Points,
    /// MFE: the best profit seen on the exit side, in points, zero or above.
    pub best: Points,
    /// R: the distance from the first fill to the first stop.
    pub risk: Option<Points>,
    /// Why.
    pub cause: ExitCause,
    /// Fill against reference at the opening, average in points, positive when worse for us.
    pub entry_slippage: Points,
    /// Price against what was expected, in points, positive when worse for us: the exit-side quote when we asked, or
    /// the stop or target. `None` when nothing was expected.
    pub exit_slippage: Option<Points>,
    /// The spread that we saw at the opening.
    pub entry_spread: Points,
    /// The spread that we last saw before the closing; zero before the first quote.
    pub exit_spread: Points,
    /// The request that opened it.
    pub entry_order: OrderId,
    /// The request that closed it; `None` when the venue did it by itself.
    pub exit_order: Option<OrderId>,
}

impl ClosedTrade {
    /// What the part changed the balance by, its share of the opening commission included. Saturates.
    pub const fn net(&self) -> Money {
        Money(self.profit.0.saturating_add(self.commission.0).saturating_add(self.swap.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_average_of_two_fills_moves_the_profit_exactly() {
        let mut position = Position { stop: Some(Price(90)), ..Position::default() };
        let fill = |lots, price| Growth {
            lots: Lots(lots),
            price: Price(price),
            reference: Some(Price(99)),
            spread: Points(1),
            commission: Money(-7),
        };
        assert_eq!(position.grow(&fill(1, 100)), Some(()));
        assert_eq!(position.grow(&fill(2, 101)), Some(()));
        assert_eq!((position.entry, position.risk), (Price(101), Some(Points(10))));
        assert_eq!(position.profit_value(Price(101)), Some(1));
        assert_eq!(position.slippage_value, 1 + 2 * 2);
        assert_eq!(position.grow(&fill(1, i64::MAX)), None, "overflow is refused");
        assert_eq!(position.lots, Lots(3));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            fills in proptest::collection::vec((1_i64..50, 1_i64..1_000, -100_i64..0), 1..6),
            cuts in proptest::collection::vec(1_i64..40, 0..20),
        ) {
            let mut position = Position::default();
            for (lots, price, commission) in &fills {
                let growth = Growth { lots: Lots(*lots), price: Price(*price), reference: None, spread: Points(0), commission: Money(*commission) };
                prop_assert_eq!(position.grow(&growth), Some(()));
            }
            let (value, commission) = (position.entry_value, position.commission.0);
            let (mut values, mut commissions) = (0, 0);
            for cut in cuts.into_iter().chain([i64::MAX]) {
                if position.lots == Lots::ZERO { break; }
                let share = position.take(Lots(cut).at_most(position.lots));
                values += share.entry_value;
                commissions += share.commission.0;
            }
            prop_assert_eq!((values, commissions, position.lots), (value, commission, Lots::ZERO));
        }
    }
}
