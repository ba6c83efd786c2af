//! What requests ask, and the broker's rules that they must meet.

use super::answers::Memory;
use super::fill::{Entering, Leaving};
use super::{Arrival, Ask, Paper, Position, Resting};
use crate::spec::{Execution, Marketable, PartialFills, Positions, Rejects};
use crate::why::{Liquidity, Trigger};
use market::{Instrument, Lots, Points, Price, Side, Time};
use orders::{Instruction, OrderId, Reject, Report};
use risk::order::fits_lot_grid;
use risk::{Entry, Kind, Protection, Reduction};

/// Whether a stop and a target for a position of `side` are on the price grid, on the right side of `from`, and at
/// least `level` away. A stop at the very price would be touched at once, so the least distance is one point.
fn stops_fit(instrument: &Instrument, side: Side, from: Price, stops: (Option<Price>, Option<Price>)) -> bool {
    let least = instrument.stop_level.0.max(1);
    let step = instrument.tick_size.0;
    let fits = |distance: Points, price: Price| distance.0 >= least && price.0 > 0 && price.0 % step == 0;
    let below = |price: Option<Price>| price.is_none_or(|price| fits(from.above(price), price));
    let above = |price: Option<Price>| price.is_none_or(|price| fits(price.above(from), price));
    match side {
        Side::Buy => below(stops.0) && above(stops.1),
        Side::Sell => above(stops.0) && below(stops.1),
    }
}

/// Whether `part` of a position of `held` lots may be closed: all of it, or a volume that leaves one.
fn closes_well(instrument: &Instrument, held: Lots, part: Lots) -> bool {
    let rest = held.0 - part.0;
    rest == 0 || fits_lot_grid(instrument, part) && rest >= instrument.lot_min.0
}

impl Paper {
    /// Deals with what has arrived.
    pub(super) fn arrive(&mut self, sent: Time, ask: Ask) {
        match ask {
            Ask::Order { id, instruction } => match self.answers.memory(id) {
                Memory::New => self.obey(Arrival { id, sent, time: self.clock }, &instruction),
                Memory::Answered | Memory::Forgotten => self.tell_again(id),
            },
            Ask::Query { id } => self.tell_again(id),
            Ask::List {} => self.tell_positions(),
        }
    }

    /// Repeats every answer about a request.
    fn tell_again(&mut self, id: OrderId) {
        let time = self.clock;
        match self.answers.memory(id) {
            Memory::New => self.announce(Report::NeverHeard { id, time }),
            Memory::Forgotten => self.announce(Report::Unknown { id, time }),
            Memory::Answered => self.answers.of(id).for_each(|report| self.reports.push(time, report)),
        }
    }

    fn tell_positions(&mut self) {
        let time = self.clock;
        for position in &self.positions {
            let Position { ticket, symbol, side, lots, stop, target, .. } = *position;
            let price = position.price();
            self.reports.push(time, Report::Held { time, ticket, symbol, side, lots, price, stop, target });
        }
        let positions = self.positions.len() as u32;
        self.announce(Report::Listed { time, positions, balance: self.balance });
    }

    fn obey(&mut self, arrival: Arrival, instruction: &Instruction) {
        let done = match instruction {
            Instruction::Open(entry) => self.open(arrival, entry),
            Instruction::Close(reduction) => self.close(arrival, reduction),
            Instruction::Protect(protection) => self.protect(arrival, protection),
            Instruction::Cancel { order, .. } => self.cancel(arrival, *order),
        };
        if let Err(reason) = done {
            self.answer(arrival.id, Report::Rejected { id: arrival.id, time: self.clock, reason });
        }
    }

    /// Refuses by chance. One draw decides, so that the reasons exclude each other.
    fn by_chance(&mut self, trades: bool) -> Result<(), Reject> {
        let Rejects::Drawn { requote_millionths, busy_millionths, off_quotes_millionths } = self.spec.rejects else {
            return Ok(());
        };
        let drawn = self.rejects.below(1_000_000) as u32;
        let requoted = busy_millionths + requote_millionths;
        if drawn < busy_millionths {
            Err(Reject::Busy)
        } else if trades && drawn < requoted {
            Err(Reject::Requote)
        } else if trades && drawn < requoted + off_quotes_millionths {
            Err(Reject::OffQuotes)
        } else {
            Ok(())
        }
    }

    /// The symbol's place, if it trades now.
    fn market_of(&mut self, symbol: market::SymbolId) -> Result<usize, Reject> {
        let place = self.place(symbol).ok_or(Reject::Other)?;
        let now = self.clock;
        self.books[place].look_at_session(now);
        if self.books[place].open { Ok(place) } else { Err(Reject::MarketClosed) }
    }

    fn open(&mut self, arrival: Arrival, entry: &Entry) -> Result<(), Reject> {
        let place = self.market_of(entry.symbol)?;
        self.by_chance(matches!(entry.kind, Kind::Market { .. }))?;
        if !fits_lot_grid(&self.books[place].spec.instrument, entry.lots) || !self.fits(place, entry) {
            return Err(Reject::InvalidVolume);
        }
        self.may_add(place, entry.side)?;
        match entry.kind {
            Kind::Market { deviation } => self.open_now(place, arrival, entry, deviation),
            Kind::Limit { price, expires } => self.open_later(place, arrival, entry, (price, expires)),
        }
    }

    /// Room, and the rules about positions of the other side.
    pub(super) fn may_add(&self, place: usize, side: Side) -> Result<(), Reject> {
        if self.positions.len() >= self.spec.capacity.positions {
            return Err(Reject::Other);
        }
        let hold = &self.books[place].hold;
        let opposite = match side {
            Side::Buy => hold.short_lots,
            Side::Sell => hold.long_lots,
        };
        match self.spec.positions {
            Positions::Fifo if opposite > 0 => Err(Reject::HedgeProhibited),
            Positions::Fifo | Positions::Hedging | Positions::Netting => Ok(()),
        }
    }

    fn open_now(&mut self, place: usize, arrival: Arrival, entry: &Entry, deviation: Points) -> Result<(), Reject> {
        let book = &self.books[place];
        if !book.tradable() {
            return Err(Reject::OffQuotes);
        }
        let closing = book.price(entry.side.opposite());
        if !stops_fit(&book.spec.instrument, entry.side, closing, (entry.stop, entry.target)) {
            return Err(Reject::InvalidStops);
        }
        let slipped = book.draw_slippage(&mut self.slippage);
        let price = book.slipped(entry.side, slipped);
        let far = price.above(entry.reference).abs() > deviation;
        if far && self.spec.execution == Execution::Instant {
            return Err(Reject::Requote);
        }
        let lots = self.cut(place, entry.side, entry.lots)?;
        self.can_afford(place, entry.side, lots, price)?;
        self.use_up(place, entry.side, lots);
        let trigger = Trigger::Arrived;
        let liquidity = Liquidity::Taker;
        self.enter(&Entering {
            place,
            arrival,
            entry: *entry,
            lots,
            rest: Lots::ZERO,
            price,
            trigger,
            liquidity,
            slipped,
            ticket: None,
        });
        self.refresh(place);
        Ok(())
    }

    fn open_later(
        &mut self,
        place: usize,
        arrival: Arrival,
        entry: &Entry,
        (price, expires): (Price, Time),
    ) -> Result<(), Reject> {
        let book = &self.books[place];
        let instrument = &book.spec.instrument;
        if self.resting.len() >= self.spec.capacity.resting || expires <= self.clock {
            return Err(Reject::Other);
        }
        if !book.known() {
            return Err(Reject::OffQuotes);
        }
        if price.0 <= 0
            || price.0 % instrument.tick_size.0 != 0
            || !stops_fit(instrument, entry.side, price, (entry.stop, entry.target))
        {
            return Err(Reject::InvalidStops);
        }
        let away = Points(book.price(entry.side).above(price).0 * entry.side.sign());
        match self.spec.marketable {
            Marketable::Refuse if away.0 < instrument.stop_level.0.max(1) => return Err(Reject::InvalidStops),
            Marketable::Refuse | Marketable::Take => {}
        }
        self.can_afford(place, entry.side, entry.lots, price)?;
        let id = arrival.id;
        self.answer(id, Report::Accepted { id, time: self.clock });
        let resting = Resting { arrival, entry: *entry, price, expires, rest: entry.lots, ahead: None, ticket: None };
        self.resting.push(resting);
        if away.0 <= 0 && self.books[place].tradable() {
            self.take_at_once(place);
        }
        if let Some(resting) = self.resting.last_mut().filter(|resting| resting.arrival.id == id) {
            resting.look_at_queue(&self.books[place]);
        }
        self.refresh(place);
        Ok(())
    }

    /// Fills the limit order that has just come in, at the quote, as far as that goes.
    fn take_at_once(&mut self, place: usize) {
        let Some(last) = self.resting.len().checked_sub(1) else { return };
        let Resting { arrival, entry, rest, .. } = self.resting[last];
        let Ok(lots) = self.cut(place, entry.side, rest) else { return };
        self.use_up(place, entry.side, lots);
        let price = self.books[place].price(entry.side);
        let (trigger, liquidity) = (Trigger::Arrived, Liquidity::Taker);
        let rest = Lots(rest.0 - lots.0);
        let slipped = Points(0);
        let ticket = self.enter(&Entering {
            place,
            arrival,
            entry,
            lots,
            rest,
            price,
            trigger,
            liquidity,
            slipped,
            ticket: None,
        });
        self.resting[last].rest = rest;
        self.resting[last].ticket = ticket;
        if rest == Lots::ZERO {
            self.resting.remove(last);
        }
    }

    fn close(&mut self, arrival: Arrival, reduction: &Reduction) -> Result<(), Reject> {
        let place = self.market_of(reduction.symbol)?;
        self.by_chance(true)?;
        let index = self.find(reduction.ticket, reduction.symbol)?;
        let position = self.positions[index];
        if position.side != reduction.side {
            return Err(Reject::UnknownTicket);
        }
        let book = &self.books[place];
        let instrument = &book.spec.instrument;
        if !book.tradable() {
            return Err(Reject::OffQuotes);
        }
        if !closes_well(instrument, position.lots, reduction.lots) {
            return Err(Reject::InvalidVolume);
        }
        if self.is_frozen(place, &position) {
            return Err(Reject::Frozen);
        }
        let first = self.positions.iter().position(|other| other.symbol == position.symbol);
        if self.spec.positions == Positions::Fifo && first != Some(index) {
            return Err(Reject::FifoRule);
        }
        let side = position.side.opposite();
        let lots = self.cut(place, side, reduction.lots)?;
        self.use_up(place, side, lots);
        let slipped = self.books[place].draw_slippage(&mut self.slippage);
        let leaving = Leaving {
            arrival: Some(arrival),
            asked: reduction.lots,
            lots,
            price: self.books[place].slipped(side, slipped),
            cause: reduction.cause,
            trigger: Trigger::Arrived,
            liquidity: Liquidity::Taker,
            slipped,
        };
        self.leave(place, index, &leaving);
        self.refresh(place);
        Ok(())
    }

    fn find(&self, ticket: risk::Ticket, symbol: market::SymbolId) -> Result<usize, Reject> {
        let found = self.positions.iter().position(|position| position.ticket == ticket && position.symbol == symbol);
        found.ok_or(Reject::UnknownTicket)
    }

    /// Whether the closing price is too near to the stop or target of a position.
    fn is_frozen(&self, place: usize, position: &Position) -> bool {
        let book = &self.books[place];
        let level = book.spec.instrument.freeze_level;
        let closing = book.price(position.side.opposite());
        let near = |price: Option<Price>| price.is_some_and(|price| closing.above(price).abs() <= level);
        level.0 > 0 && (near(position.stop) || near(position.target))
    }

    fn protect(&mut self, arrival: Arrival, protection: &Protection) -> Result<(), Reject> {
        let place = self.market_of(protection.symbol)?;
        self.by_chance(false)?;
        let index = self.find(protection.ticket, protection.symbol)?;
        let position = self.positions[index];
        if !self.books[place].tradable() {
            return Err(Reject::OffQuotes);
        }
        if self.is_frozen(place, &position) {
            return Err(Reject::Frozen);
        }
        let book = &self.books[place];
        let (stop, target) = (protection.stop, protection.target);
        let closing = book.price(position.side.opposite());
        // What stays as it was may stay, however near.
        let changed = (stop.filter(|_| stop != position.stop), target.filter(|_| target != position.target));
        if !stops_fit(&book.spec.instrument, position.side, closing, changed) {
            return Err(Reject::InvalidStops);
        }
        self.positions[index].stop = stop;
        self.positions[index].target = target;
        let (id, time, ticket) = (arrival.id, self.clock, protection.ticket);
        self.answer(id, Report::Protected { id, time, ticket, stop, target });
        self.refresh(place);
        Ok(())
    }

    fn cancel(&mut self, arrival: Arrival, order: OrderId) -> Result<(), Reject> {
        let found = self.resting.iter().position(|resting| resting.arrival.id == order);
        let index = found.ok_or(Reject::UnknownTicket)?;
        let Resting { entry, price, .. } = self.resting[index];
        let place = self.market_of(entry.symbol)?;
        self.by_chance(false)?;
        let book = &self.books[place];
        let away = book.price(entry.side).above(price).abs();
        let level = book.spec.instrument.freeze_level;
        if level.0 > 0 && away <= level {
            return Err(Reject::Frozen);
        }
        self.resting.remove(index);
        self.answer(arrival.id, Report::Cancelled { id: order, time: self.clock });
        self.refresh(place);
        Ok(())
    }

    /// How much of an order is filled.
    ///
    /// # Errors
    /// [`Reject::OffQuotes`] when less than the least volume can be had.
    fn cut(&mut self, place: usize, side: Side, lots: Lots) -> Result<Lots, Reject> {
        let instrument = &self.books[place].spec.instrument;
        let (step, least) = (instrument.lot_step.0, instrument.lot_min.0);
        let got = match self.spec.partial_fills {
            PartialFills::Never => lots.0,
            PartialFills::Drawn { millionths } => {
                let (from, to) = (least.div_euclid(step) + i64::from(least % step > 0), lots.0 / step);
                if self.partial.happens(millionths) && to > from {
                    (from + self.partial.below((to - from) as u64) as i64) * step
                } else {
                    lots.0
                }
            }
            PartialFills::QuotedSize { .. } => self.available(place, side).unwrap_or(lots.0).min(lots.0) / step * step,
        };
        if got < least.min(lots.0) { Err(Reject::OffQuotes) } else { Ok(Lots(got)) }
    }

    /// What is left of the quoted size that an order of `side` takes from; `None` when there is no cap.
    pub(super) fn available(&self, place: usize, side: Side) -> Option<i64> {
        let PartialFills::QuotedSize { share_millionths } = self.spec.partial_fills else { return None };
        let book = &self.books[place];
        let (size, taken) = match side {
            Side::Buy => (book.quote.ask_lots.0, book.bought),
            Side::Sell => (book.quote.bid_lots.0, book.sold),
        };
        let share = i128::from(size) * i128::from(share_millionths) / 1_000_000;
        (size > 0).then(|| (share as i64 - taken).max(0))
    }

    /// Takes from the quoted size.
    pub(super) fn use_up(&mut self, place: usize, side: Side, lots: Lots) {
        let book = &mut self.books[place];
        match side {
            Side::Buy => book.bought = book.bought.saturating_add(lots.0),
            Side::Sell => book.sold = book.sold.saturating_add(lots.0),
        }
    }
}
