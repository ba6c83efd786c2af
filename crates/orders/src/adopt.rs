//! Taking the venue's picture for ours, on an explicit order.

use market::{Lots, Money, Points, StrategyId, SymbolId, Time};
use risk::Rate;

use crate::orders::Orders;
use crate::position::{Birth, Growth, Origin, Position};
use crate::reconcile::{Difference, HeldPosition};
use crate::stage::Turn;
use crate::words::OrderId;

/// Why the venue's picture was not adopted. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unadopted {
    /// There are no differences of this moment: ask the venue for a list first.
    NoList,
    /// No such strategy.
    UnknownStrategy,
    /// A position of this symbol cannot be valued: no such symbol, no rate, or an unusable line.
    NotValued(SymbolId),
    /// No room for all positions.
    Full,
}

impl Orders {
    /// Adopts every difference of the last list: positions that nobody claims become the strategy's, tagged as external,
    /// those that the venue does not hold are dropped, the rest is made as the venue says. Entries may be sent
    /// afterwards. Returns how many differences there were.
    ///
    /// # Errors
    /// [`Unadopted`] says why not.
    pub fn adopt(
        &mut self,
        strategy: StrategyId,
        rates: impl Fn(SymbolId) -> Option<Rate>,
        now: Time,
    ) -> Result<usize, Unadopted> {
        if self.reconciliation.differences.is_empty() {
            return Err(Unadopted::NoList);
        }
        if usize::from(strategy.0) >= self.spec.exits.len() {
            return Err(Unadopted::UnknownStrategy);
        }
        let mut more = 0;
        for difference in &self.reconciliation.differences {
            if let Some(held) = line(difference) {
                let usable = held.lots.0 > 0 && held.price.0 > 0 && held.price.0.checked_mul(held.lots.0).is_some();
                let known = usize::from(held.symbol.0) < self.instruments.len() && rates(held.symbol).is_some();
                if !usable || !known {
                    return Err(Unadopted::NotValued(held.symbol));
                }
            }
            more += usize::from(matches!(difference, Difference::MissingHere(_)));
        }
        if self.book.room() < more {
            return Err(Unadopted::Full);
        }
        let adopted = self.reconciliation.differences.len();
        for nth in 0..adopted {
            if let Some(difference) = self.reconciliation.differences.get(nth).copied() {
                self.make_so(difference, strategy, now);
            }
        }
        self.reconciliation.settle();
        self.deeds.deferred.clear();
        self.recount(rates).map_err(Unadopted::NotValued)?;
        Ok(adopted)
    }

    fn make_so(&mut self, difference: Difference, strategy: StrategyId, now: Time) {
        match difference {
            Difference::MissingHere(held) => self.take_in(&held, strategy, now),
            Difference::MissingThere(ticket) => self.drop_position(ticket),
            Difference::SideDiffers(held) => {
                self.drop_position(held.ticket);
                self.take_in(&held, strategy, now);
            }
            Difference::LotsDiffer { held, .. } => self.resize(&held),
            Difference::StopMissing { held, .. } | Difference::LevelsDiffer(held) => self.relevel(&held),
            Difference::BalanceDiffers { theirs, .. } => {
                let _overflow = self.ledger.adjust(theirs);
            }
        }
    }

    fn take_in(&mut self, held: &HeldPosition, strategy: StrategyId, now: Time) {
        let mut position = Position::new(&Birth {
            ticket: held.ticket,
            origin: Origin::External,
            strategy,
            symbol: held.symbol,
            side: held.side,
            stop: held.stop,
            target: held.target,
            entry_order: OrderId(0),
            opened: now,
        });
        if position.grow(&growth(held, held.lots)).is_some() {
            self.settle_position(None, &position, now);
        }
    }

    fn drop_position(&mut self, ticket: risk::Ticket) {
        let Some(mut position) = self.book.find(ticket).and_then(|place| self.book.remove(place)) else { return };
        let lots = position.lots;
        self.unmark(&mut position, lots);
    }

    fn resize(&mut self, held: &HeldPosition) {
        let Some(place) = self.book.find(held.ticket) else { return };
        let Some(mut position) = self.book.at(place).copied() else { return };
        let more = held.lots.0 - position.lots.0;
        if more > 0 {
            let _overflow = position.grow(&growth(held, Lots(more)));
            position.stage = position.stage.after(Turn::Grew).unwrap_or(position.stage);
        } else {
            self.unmark(&mut position, Lots(-more));
            let _dropped = position.take(Lots(-more));
            position.stage = position.stage.after(Turn::Reduced).unwrap_or(position.stage);
        }
        if let Some(old) = self.book.at_mut(place) {
            *old = position;
        }
    }

    fn relevel(&mut self, held: &HeldPosition) {
        let Some(position) = self.book.find(held.ticket).and_then(|place| self.book.at_mut(place)) else { return };
        if position.stop != held.stop {
            let turn = if held.stop.is_some() { Turn::StopSet } else { Turn::StopLifted };
            position.stage = position.stage.after(turn).unwrap_or(position.stage);
            position.stop_by = crate::position::StopBy::Order;
        }
        position.stop = held.stop;
        position.target = held.target;
    }
}

/// The venue's line that a difference would bring in.
const fn line(difference: &Difference) -> Option<HeldPosition> {
    match *difference {
        Difference::MissingHere(held)
        | Difference::SideDiffers(held)
        | Difference::LevelsDiffer(held)
        | Difference::LotsDiffer { held, .. }
        | Difference::StopMissing { held, .. } => Some(held),
        Difference::MissingThere(_) | Difference::BalanceDiffers { .. } => None,
    }
}

const fn growth(held: &HeldPosition, lots: Lots) -> Growth {
    Growth { lots, price: held.price, reference: None, spread: Points(0), commission: Money::ZERO }
}
