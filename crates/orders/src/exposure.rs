//! Every call to the ledger of exposure in `risk`, and what the gate must know of a position.
//!
//! The ledger counts its own faults, and the gate refuses entries while there are any: nothing is done about them here.

use market::{Lots, Money, Price, StrategyId, SymbolId};
use risk::{Claim, Exposure, Holding, Rate, Stage, Terms, Ticket};

use crate::order::Order;
use crate::orders::{Orders, is_close};
use crate::position::Position;

fn terms(position: &Position) -> Terms {
    Terms {
        strategy: position.strategy,
        symbol: position.symbol,
        side: position.side,
        lots: position.lots,
        price: position.entry,
        stop: position.stop,
    }
}

/// What was filled of an entry becomes open. A position that grew has one claim for all of it; without a rate it cannot be
/// valued, which the ledger counts as a fault until a recount.
pub(crate) fn fill(
    exposure: &mut Exposure,
    order: &mut Order,
    position: &mut Position,
    (lots, price, rest): (Lots, Price, Lots),
    rate: Option<Rate>,
) {
    // On a netting account the position that grows may be another strategy's.
    let filled = Terms { strategy: order.strategy, lots, price, ..terms(position) };
    // A fill that was found after the order had ended: nothing is reserved any more.
    if let (true, Some(rate)) = (order.claim.is_spent(), rate)
        && let Ok(late) = exposure.adopt(&filled, rate)
    {
        return join(exposure, position, late, Some(rate));
    }
    let Ok(part) = exposure.fill(&mut order.claim, &filled, rest, rate) else { return };
    join(exposure, position, part, rate);
}

/// Gives a position one claim for what it had and for a part that was booked beside it.
fn join(exposure: &mut Exposure, position: &mut Position, mut part: Claim, rate: Option<Rate>) {
    let lots = part.lots();
    if position.claim.is_spent() {
        position.claim = part;
        return;
    }
    let (closing, before) = (position.claim.closing(), position.claim.lots());
    let _counted = exposure.reduce(&mut part, lots);
    let Some(rate) = rate else {
        let _fault = exposure.reduce(&mut part, lots);
        return;
    };
    let _counted = exposure.reduce(&mut position.claim, before);
    let Ok(whole) = exposure.adopt(&terms(position), rate) else { return };
    position.claim = whole;
    if closing > Lots::ZERO {
        let _counted = exposure.closing(&mut position.claim, closing);
    }
}

/// What is left of an entry is given back.
pub(crate) fn release(exposure: &mut Exposure, order: &mut Order) {
    if !order.claim.is_spent() {
        let _counted = exposure.release(&mut order.claim);
    }
}

/// A part of a position is being closed.
pub(crate) fn closing(exposure: &mut Exposure, position: &mut Position, lots: Lots) {
    let _counted = exposure.closing(&mut position.claim, lots);
}

/// A part of a position is no longer being closed.
pub(crate) fn keep(exposure: &mut Exposure, position: &mut Position, lots: Lots) {
    let lots = lots.at_most(position.claim.closing());
    if lots > Lots::ZERO {
        let _counted = exposure.keep(&mut position.claim, lots);
    }
}

/// A part of a position was closed.
pub(crate) fn reduce(exposure: &mut Exposure, position: &mut Position, lots: Lots) {
    let _counted = exposure.reduce(&mut position.claim, lots);
}

/// Its stop moved, or it grew: it is valued anew.
pub(crate) fn restate(exposure: &mut Exposure, position: &mut Position, rate: Rate) {
    let terms = terms(position);
    let _counted = exposure.restate(&mut position.claim, &terms, rate);
}

/// Something was earned or paid.
pub(crate) fn realise(exposure: &mut Exposure, strategy: StrategyId, amount: Money) {
    let _counted = exposure.realise(strategy, amount);
}

/// Open profit changed.
pub(crate) fn mark(exposure: &mut Exposure, strategy: StrategyId, change: Money) {
    let _counted = exposure.mark(strategy, change);
}

impl Orders {
    /// A position as the gate must know it to judge its exit.
    pub fn holding(&self, ticket: Ticket) -> Option<Holding> {
        let position = self.position(ticket)?;
        let older = |other: &&Position| other.ticket != ticket && other.claim.closing() < other.lots;
        let before = || self.positions_of(position.symbol).take_while(|other| other.ticket != ticket).filter(older);
        Some(Holding {
            strategy: position.strategy,
            symbol: position.symbol,
            ticket,
            side: position.side,
            lots: position.lots,
            closing: position.claim.closing(),
            stop: position.stop,
            target: position.target,
            older: before().count() as u32,
            older_of_size: before().filter(|other| other.lots == position.lots).count() as u32,
        })
    }

    /// Values all positions anew and counts the ledger of exposure from the start, which clears its faults. `rates` leads
    /// from a symbol's quote currency to the account's.
    ///
    /// # Errors
    /// The symbol whose positions cannot be valued; nothing has changed then.
    pub fn recount(&mut self, rates: impl Fn(SymbolId) -> Option<Rate>) -> Result<(), SymbolId> {
        let valued = |position: &Position| {
            rates(position.symbol).and_then(|rate| self.exposure.appraise(&terms(position), Stage::Open, rate))
        };
        if let Some(position) = self.book.iter().find(|position| valued(position).is_none()) {
            return Err(position.symbol);
        }
        for nth in 0..self.book.len() {
            let Some(position) = self.book.place(nth).and_then(|place| self.book.at_mut(place)) else { continue };
            let Some(rate) = rates(position.symbol) else { continue };
            let Some(claim) = self.exposure.appraise(&terms(position), Stage::Open, rate) else { continue };
            position.claim = claim;
        }
        let claims = self.requests.live().iter().map(|order| &order.claim);
        let _counted = self.exposure.recount(claims.chain(self.book.iter().map(|position| &position.claim)));
        // What is on its way to be closed is noted again.
        for order in self.requests.live().iter().filter(|order| is_close(order.purpose)) {
            let place = self.book.find(order.ticket);
            if let Some(position) = place.and_then(|place| self.book.at_mut(place)) {
                closing(&mut self.exposure, position, order.lots);
            }
        }
        Ok(())
    }
}
