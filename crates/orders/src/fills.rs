//! What a fill comes to: a position, or more of one.

use market::{Lots, Money, Points, Time};
use risk::Rate;

use crate::exposure;
use crate::life::{Heard, Life};
use crate::order::{Order, Part};
use crate::orders::{Orders, Quote};
use crate::position::{Birth, Growth, Origin, Position, StopBy};
use crate::reports::{Found, impossible};
use crate::spec::{Account, Opening, Outcome, Surprise};
use crate::stage::Turn;
use crate::words::{OrderId, Report};

/// A fill as reported, with what is needed to book it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill {
    pub(crate) part: Part,
    pub(crate) rest: Lots,
    pub(crate) commission: Money,
    pub(crate) rate: Option<Rate>,
    pub(crate) now: Time,
}

/// Where a fill goes.
#[expect(clippy::large_enum_variant, reason = "handed on once per report, never stored")]
enum Goal {
    /// Into this position, at its place or at a new one.
    Position(Option<u16>, Position),
    /// Nowhere yet: it makes sense only with a report that was lost.
    Lost,
    /// Nowhere: it cannot be.
    Nowhere,
    /// There is no room.
    Full,
}

impl Orders {
    pub(crate) fn on_opened(&mut self, id: OrderId, fill: &Fill, report: &Report) -> Outcome {
        let (order, at) = match self.found(id) {
            Ok(Found::Live(at)) => (self.requests.live()[at], Some(at)),
            Ok(Found::Ended(order)) => (order, None),
            Err(told) => return told.outcome(report),
        };
        let fresh = at.is_some() && order.filled == Lots::ZERO;
        let known = !fresh && self.deeds.fills.has(id, &fill.part);
        let heard = order.hears_fill(&fill.part, fill.rest, self.spec.account);
        let Some(heard) = heard.filter(|_| !known) else {
            // Heard before: of an order in doubt it still says where it stands.
            return match (at, fill.rest) {
                (Some(_), Lots::ZERO) if order.missed => self.lost(id, report, fill.now),
                (Some(_), Lots::ZERO) => self.moved(id, Heard::Filled, report, fill.now),
                (Some(_) | None, _) => self.reassured(id, Heard::Resumed, report, fill.now),
            };
        };
        let (order, at) = match at {
            Some(at) => (order, at),
            // It seemed to be over, and this is the fill that was missed.
            None => match self.reopen(&order, fill.now) {
                Some(at) => (self.requests.live()[at], at),
                None => return impossible(&order, report),
            },
        };
        if heard == Heard::Lost {
            return self.missed(id, report, fill.now);
        }
        // What seems to cut an order in doubt short may only be what is left after a fill that was lost.
        let short = fill.rest == Lots::ZERO && order.filled.0 + fill.part.lots.0 < order.lots.0;
        let doubted = order.life == Life::Unknown && heard == Heard::Filled && short;
        let next = if doubted { Some(Life::Unknown) } else { order.life.after(heard) };
        let Some(life) = next else { return impossible(&order, report) };
        if self.reconciliation.told_before(fill.part.time) {
            // A list showed it before we heard of it: the position is in our books already, or gone again.
            self.deeds.fills.add(id, fill.part);
            let order = &mut self.requests.live_mut()[at];
            (order.ticket, order.last) = (fill.part.ticket, fill.part);
            return self.take_note(at, life, fill.part.lots, fill.now);
        }
        let (place, position) = match self.goal(&order, fill) {
            Goal::Position(place, position) => (place, position),
            Goal::Lost => return self.missed(id, report, fill.now),
            Goal::Nowhere => return impossible(&order, report),
            Goal::Full => return Outcome::Surprise(Surprise::Full(*report)),
        };
        self.book_fill(at, life, (place, position), fill).unwrap_or(Outcome::Surprise(Surprise::Overflow(*report)))
    }

    /// Books a fill; `None` on overflow, nothing has changed then.
    fn book_fill(
        &mut self,
        at: usize,
        life: Life,
        (place, mut position): (Option<u16>, Position),
        fill: &Fill,
    ) -> Option<Outcome> {
        let order = self.requests.live()[at];
        let spread = self.quotes.get(usize::from(order.symbol.0)).map_or(Points(0), Quote::spread);
        let Fill { part, commission, .. } = *fill;
        let growth = Growth { lots: part.lots, price: part.price, reference: order.reference, spread, commission };
        if position.lots > Lots::ZERO {
            grown(&mut position, &order);
        }
        position.grow(&growth)?;
        self.ledger.book(order.strategy, commission, fill.now)?;
        exposure::realise(&mut self.exposure, order.strategy, commission);
        let order = &mut self.requests.live_mut()[at];
        order.filled.0 += part.lots.0;
        order.ticket = part.ticket;
        order.last = part;
        (order.acknowledged, order.missed) = (true, false);
        self.deeds.fills.add(order.id, part);
        exposure::fill(&mut self.exposure, order, &mut position, (part.lots, part.price, fill.rest), fill.rate);
        let order = Order { life, ..*order };
        self.set_life(at, life, fill.now);
        self.settle_position(place, &position, fill.now);
        if self.spec.account == Account::Netting && self.book.of(order.symbol).len() > 1 {
            // A closing was lost on the way. Its query brings it; until a list agrees we do not trust our picture.
            self.reconciliation.doubt();
        }
        let slippage = order.reference.map_or(0, |reference| part.price.above(reference).0 * order.side.sign());
        let Part { ticket, lots, price, .. } = part;
        Some(Outcome::Opened(Opening { order, ticket, lots, price, slippage: Points(slippage) }))
    }

    fn goal(&self, order: &Order, fill: &Fill) -> Goal {
        if fill.part.price.0 <= 0 {
            return Goal::Nowhere;
        }
        // What contradicts our positions may be explained by a report that another request of the symbol still owes.
        let unfit = if self.is_owed(order.symbol, order.id) { Goal::Lost } else { Goal::Nowhere };
        let place = self.book.find(fill.part.ticket);
        if let Some(position) = place.and_then(|place| self.book.at(place)) {
            let same = (position.symbol, position.side) == (order.symbol, order.side);
            let ours = match self.spec.account {
                Account::Hedging => position.entry_order == order.id,
                Account::Netting => true,
            };
            return if same && ours { Goal::Position(place, *position) } else { unfit };
        }
        if self.book.room() == 0 {
            return Goal::Full;
        }
        let birth = Birth {
            ticket: fill.part.ticket,
            origin: Origin::Own,
            strategy: order.strategy,
            symbol: order.symbol,
            side: order.side,
            stop: order.stop,
            target: order.target,
            entry_order: order.id,
            opened: fill.now,
        };
        Goal::Position(None, Position::new(&birth))
    }
}

/// A position that grows takes over the levels of the order that enlarges it, as venues do.
fn grown(position: &mut Position, order: &Order) {
    position.stage = position.stage.after(Turn::Grew).unwrap_or(position.stage);
    position.target = order.target.or(position.target);
    position.planned_stop = order.stop.or(position.planned_stop);
    if order.stop.is_some() {
        position.stop = order.stop;
        position.stop_by = StopBy::Order;
    }
}
