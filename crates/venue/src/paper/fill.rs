//! Opening and closing positions: tickets, money, reports and reasons.

use super::{Arrival, Paper, Position};
use crate::spec::{PartialClose, Positions};
use crate::why::{Deed, Liquidity, Trigger, Why};
use market::{Lots, Money, Points, Price, Side, SymbolId};
use orders::Report;
use risk::{Entry, ExitCause, Ticket};

/// A fill of an order to open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entering {
    pub(super) place: usize,
    pub(super) arrival: Arrival,
    pub(super) entry: Entry,
    /// How much is filled now, and how much may still be.
    pub(super) lots: Lots,
    pub(super) rest: Lots,
    pub(super) price: Price,
    pub(super) trigger: Trigger,
    pub(super) liquidity: Liquidity,
    pub(super) slipped: Points,
    /// The position that earlier fills of the order made.
    pub(super) ticket: Option<Ticket>,
}

/// A fill that closes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving {
    /// The request that asked for it.
    pub(super) arrival: Option<Arrival>,
    pub(super) asked: Lots,
    pub(super) lots: Lots,
    pub(super) price: Price,
    pub(super) cause: ExitCause,
    pub(super) trigger: Trigger,
    pub(super) liquidity: Liquidity,
    pub(super) slipped: Points,
}

impl Paper {
    /// Books a fill of an order to open; says which position it made or let grow. The caller refreshes the book.
    pub(super) fn enter(&mut self, entering: &Entering) -> Option<Ticket> {
        let symbol = entering.entry.symbol;
        match self.spec.positions {
            Positions::Hedging | Positions::Fifo => {
                let grows = self.positions.iter().position(|p| Some(p.ticket) == entering.ticket);
                Some(self.add(entering, entering.lots, grows))
            }
            Positions::Netting => {
                let held = self.positions.iter().position(|position| position.symbol == symbol);
                match held.filter(|index| self.positions[*index].side != entering.entry.side) {
                    None => Some(self.add(entering, entering.lots, held)),
                    Some(index) => self.net(entering, index),
                }
            }
        }
    }

    /// An opposite fill on a netting account: it closes what it can, and opens with what is left.
    fn net(&mut self, entering: &Entering, index: usize) -> Option<Ticket> {
        let lots = entering.lots.at_most(self.positions[index].lots);
        let Entering { arrival, price, trigger, liquidity, slipped, .. } = *entering;
        let (asked, cause) = (entering.entry.lots, ExitCause::Netted);
        let leaving = Leaving { arrival: Some(arrival), asked, lots, price, cause, trigger, liquidity, slipped };
        self.leave(entering.place, index, &leaving);
        let surplus = Lots(entering.lots.0 - lots.0);
        if surplus > Lots::ZERO {
            return Some(self.add(entering, surplus, None));
        }
        if entering.rest == Lots::ZERO
            && matches!(entering.entry.kind, risk::Kind::Market { .. })
            && entering.lots < asked
        {
            // A market order that was cut short, and whose fill opened nothing: say that its rest is gone.
            self.answer(arrival.id, Report::Cancelled { id: arrival.id, time: self.clock });
        }
        None
    }

    /// Opens a position, or adds to the one at `grows`.
    fn add(&mut self, entering: &Entering, lots: Lots, grows: Option<usize>) -> Ticket {
        let Entering { place, arrival, ref entry, rest, price, .. } = *entering;
        let cost = i128::from(price.0) * i128::from(lots.0);
        let margin = self.margin_of(place, lots, price);
        let ticket = if let Some(index) = grows {
            let position = &mut self.positions[index];
            position.lots = Lots(position.lots.0 + lots.0);
            position.cost += cost;
            position.margin = position.margin.plus(margin).unwrap_or(Money::MAX);
            position.stop = entry.stop.or(position.stop);
            position.target = entry.target.or(position.target);
            position.ticket
        } else {
            let ticket = self.new_ticket();
            let (symbol, side, stop, target) = (entry.symbol, entry.side, entry.stop, entry.target);
            let swap = Money::ZERO;
            self.positions.push(Position { ticket, symbol, side, lots, cost, stop, target, swap, margin });
            ticket
        };
        let commission = self.commission(place, lots, price, entering.liquidity);
        self.pay(commission);
        let (id, time) = (arrival.id, self.clock);
        self.answer(id, Report::Opened { id, time, ticket, lots, rest, price, commission });
        self.explain(&Fill {
            place,
            arrival: Some(arrival),
            ticket,
            side: entry.side,
            deed: Deed::Opened,
            trigger: entering.trigger,
            liquidity: entering.liquidity,
            slipped: entering.slipped,
            asked: entry.lots,
            lots,
            price,
        });
        ticket
    }

    /// Closes the position at `index`, or a part of it. The caller refreshes the book.
    pub(super) fn leave(&mut self, place: usize, index: usize, leaving: &Leaving) {
        let Leaving { arrival, lots, price, cause, liquidity, .. } = *leaving;
        let mut position = self.positions[index];
        let whole = lots >= position.lots;
        let share = |amount: Money| if whole { Some(amount) } else { amount.scaled(lots.0, position.lots.0) };
        let cost = if whole { position.cost } else { position.cost_of(lots) };
        let gained = (i128::from(price.0) * i128::from(lots.0) - cost) * i128::from(position.side.sign());
        let profit = self.converted(place, self.books[place].worth(gained));
        let (swap, margin) = (share(position.swap).unwrap_or_default(), share(position.margin).unwrap_or_default());
        let commission = self.commission(place, lots, price, liquidity);
        for amount in [profit, commission, swap] {
            self.pay(amount);
        }
        let (ticket, side) = (position.ticket, position.side.opposite());
        let successor = if whole {
            self.positions.remove(index);
            None
        } else {
            position.lots = Lots(position.lots.0 - lots.0);
            position.cost -= cost;
            position.swap = Money(position.swap.0 - swap.0);
            position.margin = Money(position.margin.0 - margin.0);
            position.ticket = self.successor(ticket);
            self.positions[index] = position;
            Some(position.ticket)
        };
        let (id, time) = (arrival.map(|arrival| arrival.id), self.clock);
        let closed = Report::Closed { id, time, ticket, successor, lots, price, profit, commission, swap, cause };
        match id {
            Some(id) => self.answer(id, closed),
            None => self.announce(closed),
        }
        let Leaving { asked, trigger, slipped, .. } = *leaving;
        let deed = Deed::Closed(cause);
        self.explain(&Fill { place, arrival, ticket, side, deed, trigger, liquidity, slipped, asked, lots, price });
    }

    fn new_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// The number under which the rest of a position lives on.
    fn successor(&mut self, ticket: Ticket) -> Ticket {
        match (self.spec.positions, self.spec.partial_close) {
            (Positions::Hedging | Positions::Fifo, PartialClose::NewTicket) => {
                let rest = self.new_ticket();
                for resting in self.resting.iter_mut().filter(|resting| resting.ticket == Some(ticket)) {
                    resting.ticket = Some(rest);
                }
                rest
            }
            (Positions::Hedging | Positions::Fifo, PartialClose::SameTicket) | (Positions::Netting, _) => ticket,
        }
    }

    /// Keeps the reasons of a fill.
    fn explain(&mut self, fill: &Fill) {
        let book = &self.books[fill.place];
        let instrument = &book.spec.instrument;
        let symbol: SymbolId = instrument.symbol;
        let why = Why {
            time: self.clock,
            id: fill.arrival.map(|arrival| arrival.id),
            sent: fill.arrival.map(|arrival| arrival.sent),
            arrived: fill.arrival.map(|arrival| arrival.time),
            ticket: fill.ticket,
            symbol,
            digits: instrument.digits,
            volume_digits: instrument.volume_digits,
            side: fill.side,
            deed: fill.deed,
            trigger: fill.trigger,
            liquidity: fill.liquidity,
            seen: book.seen(),
            slipped: fill.slipped,
            asked: fill.asked,
            lots: fill.lots,
            price: fill.price,
        };
        if let Some(sink) = &mut self.sink {
            sink(&why);
        }
        if self.whys.len() == self.spec.capacity.whys {
            self.whys.pop_front();
        }
        self.whys.push_back(why);
    }
}

/// What is explained.
struct Fill {
    place: usize,
    arrival: Option<Arrival>,
    ticket: Ticket,
    side: Side,
    deed: Deed,
    trigger: Trigger,
    liquidity: Liquidity,
    slipped: Points,
    asked: Lots,
    lots: Lots,
    price: Price,
}
