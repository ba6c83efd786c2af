//! What ticks, trades and the passing of time set off: stops, targets, limit orders, expiry and nights.

use super::book::{Book, Hold, Watch};
use super::fill::{Entering, Leaving};
use super::{Paper, Resting};
use crate::calendar::next_time_of_day;
use crate::spec::{Queue, Swap};
use crate::why::{Liquidity, Trigger};
use market::{Lots, Money, Points, Price, Side, Tick, Time, Trade};
use orders::Report;
use risk::ExitCause;

impl Resting {
    /// Follows the volume before us at our price, as far as the top of the book shows it.
    pub(super) fn look_at_queue(&mut self, book: &Book) {
        let quote = &book.quote;
        let (best, shown, behind) = match self.entry.side {
            Side::Buy => (quote.bid, quote.bid_lots.0, quote.bid < self.price),
            Side::Sell => (quote.ask, quote.ask_lots.0, quote.ask > self.price),
        };
        if behind {
            // The best price is worse than ours: nobody is left before us.
            self.ahead = Some(0);
        } else if best == self.price && shown > 0 {
            self.ahead = Some(self.ahead.map_or(shown, |ahead| ahead.min(shown)));
        }
    }

    /// How far a price is through the limit.
    fn through(&self, price: Price) -> Points {
        Points(self.price.above(price).0 * self.entry.side.sign())
    }
}

impl Paper {
    #[inline]
    pub(super) fn take_tick(&mut self, tick: &Tick) {
        let Some(place) = self.place(tick.symbol) else { return };
        if tick.bid.0 <= 0 || tick.ask.0 <= 0 {
            return;
        }
        let now = self.clock;
        let book = &mut self.books[place];
        book.look_at_session(now);
        book.take(tick, self.spec.crossed, self.spec.typical_spread);
        if !book.tradable() {
            return;
        }
        if book.stirs() {
            self.stir(place);
        }
        self.watch_margin(place);
    }

    pub(super) fn take_trade(&mut self, trade: &Trade) {
        let Some(place) = self.place(trade.symbol) else { return };
        let now = self.clock;
        let book = &mut self.books[place];
        book.look_at_session(now);
        if trade.price.0 <= 0 || !book.tradable() {
            return;
        }
        book.push(trade);
        let mut index = 0;
        let mut changed = false;
        while index < self.resting.len() {
            let before = self.resting.len();
            changed |= self.meet_trade(place, index, trade);
            index += usize::from(self.resting.len() == before);
        }
        if changed {
            self.refresh(place);
        }
    }

    /// Lets happen the first thing that is due.
    pub(super) fn happen(&mut self) {
        let now = self.clock;
        if let Some(index) = self.resting.iter().position(|resting| resting.expires <= now) {
            let place = self.place(self.resting[index].entry.symbol);
            self.drop_resting(index);
            if let Some(place) = place {
                self.refresh(place);
            }
        } else if let Some(place) = self.books.iter().position(|book| book.rollover <= now) {
            self.book_night(place);
        } else if let Some(request) = self.requests.pop(now) {
            self.arrive(request.sent, request.message);
        }
    }

    /// Finds the next instant at which something happens by itself.
    pub(super) fn schedule(&mut self) {
        let expiry = self.resting.iter().map(|resting| resting.expires).min().unwrap_or(Time::MAX);
        let night = self.books.iter().map(|book| book.rollover).min().unwrap_or(Time::MAX);
        self.event_at = self.requests.due().min(expiry).min(night);
    }

    /// Fills whatever the symbol's prices have reached. Limit orders come first, so that a position which they open
    /// beyond its own stop is stopped at once.
    #[inline(never)]
    fn stir(&mut self, place: usize) {
        let symbol = self.books[place].symbol();
        let mut changed = false;
        let mut index = 0;
        while index < self.resting.len() {
            let before = self.resting.len();
            if self.resting[index].entry.symbol == symbol {
                changed |= self.meet_quote(place, index);
            }
            index += usize::from(self.resting.len() == before);
        }
        let mut index = 0;
        while index < self.positions.len() {
            if let Some(leaving) = self.exit_of(place, index) {
                self.leave(place, index, &leaving);
                changed = true;
            } else {
                index += 1;
            }
        }
        if changed {
            self.refresh(place);
        }
    }

    /// How a position is closed by its stop or target at the symbol's prices.
    fn exit_of(&mut self, place: usize, index: usize) -> Option<Leaving> {
        let position = &self.positions[index];
        let book = &self.books[place];
        if position.symbol != book.symbol() {
            return None;
        }
        let side = position.side.opposite();
        let gain = |from: Price| book.price(side).above(from).0 * position.side.sign();
        let (lots, arrival, liquidity) = (position.lots, None, Liquidity::Taker);
        if let Some(level) = position.stop.filter(|stop| gain(*stop) <= 0) {
            let slipped = book.draw_slippage(&mut self.slippage);
            let (price, trigger) = (book.slipped(side, slipped), Trigger::Touched { level });
            let cause = ExitCause::Stop;
            return Some(Leaving { arrival, asked: lots, lots, price, cause, trigger, liquidity, slipped });
        }
        let price = position.target.filter(|target| gain(*target) >= self.spec.through.0)?;
        let trigger = Trigger::TradedThrough { level: price, by: Points(gain(price)) };
        let (cause, slipped) = (ExitCause::Target, Points(0));
        Some(Leaving { arrival, asked: lots, lots, price, cause, trigger, liquidity, slipped })
    }

    /// Fills a limit order if the quote has gone through it; says whether anything changed.
    fn meet_quote(&mut self, place: usize, index: usize) -> bool {
        let book = &self.books[place];
        let resting = &mut self.resting[index];
        if self.spec.queue == Queue::RiskAverse {
            resting.look_at_queue(book);
        }
        let (side, rest, level) = (resting.entry.side, resting.rest, resting.price);
        let by = resting.through(book.price(side));
        if by < self.spec.through {
            return false;
        }
        let available = self.available(place, side).unwrap_or(i64::MAX);
        let lots = rest.at_most(Lots(available).floored(book.spec.instrument.lot_step));
        self.use_up(place, side, lots);
        self.fill_resting(place, index, lots, Trigger::TradedThrough { level, by })
    }

    /// Fills a limit order if a trade has gone through it, or used up the queue before it.
    fn meet_trade(&mut self, place: usize, index: usize, trade: &Trade) -> bool {
        let step = self.books[place].spec.instrument.lot_step;
        let resting = &mut self.resting[index];
        if resting.entry.symbol != trade.symbol || resting.entry.side == trade.taker {
            return false;
        }
        let (level, rest, by) = (resting.price, resting.rest, resting.through(trade.price));
        if by >= self.spec.through {
            return self.fill_resting(place, index, rest, Trigger::TradedThrough { level, by });
        }
        match (self.spec.queue, resting.ahead) {
            (Queue::RiskAverse, Some(ahead)) if by.0 >= 0 => {
                let left = ahead.saturating_sub(trade.lots.0);
                resting.ahead = Some(left.max(0));
                let lots = rest.at_most(Lots((-left).max(0)).floored(step));
                self.fill_resting(place, index, lots, Trigger::QueueReached { level })
            }
            (Queue::RiskAverse | Queue::TradeThroughOnly, _) => false,
        }
    }

    /// Fills a part of a limit order at its own price, or drops it when the account cannot carry it.
    fn fill_resting(&mut self, place: usize, index: usize, lots: Lots, trigger: Trigger) -> bool {
        if lots <= Lots::ZERO {
            return false;
        }
        let Resting { arrival, entry, price, rest, ticket, .. } = self.resting[index];
        if self.can_add(place, &entry, lots, price).is_err() {
            self.drop_resting(index);
            return true;
        }
        let rest = Lots(rest.0 - lots.0);
        let (liquidity, slipped) = (Liquidity::Maker, Points(0));
        let made =
            self.enter(&Entering { place, arrival, entry, lots, rest, price, trigger, liquidity, slipped, ticket });
        if rest == Lots::ZERO {
            self.resting.remove(index);
        } else {
            self.resting[index].rest = rest;
            self.resting[index].ticket = made;
        }
        // The next order's margin is judged with this one in the book.
        self.refresh(place);
        true
    }

    fn drop_resting(&mut self, index: usize) {
        let id = self.resting.remove(index).arrival.id;
        self.answer(id, Report::Cancelled { id, time: self.clock });
    }

    /// Charges or pays for a night, and finds the next.
    fn book_night(&mut self, place: usize) {
        let book = &self.books[place];
        let (at, symbol) = (book.rollover, book.symbol());
        for index in 0..self.positions.len() {
            let position = &self.positions[index];
            if position.symbol == symbol {
                let amount = self.night(place, at, position.side, position.lots);
                let position = &mut self.positions[index];
                position.swap = Money(position.swap.0.saturating_add(amount.0));
            }
        }
        self.books[place].rollover = next_night(&self.books[place].spec.swap, at);
        self.refresh(place);
    }

    /// What one night costs or brings, in the account's currency.
    fn night(&self, place: usize, at: Time, side: Side, lots: Lots) -> Money {
        let book = &self.books[place];
        let (amount, scale) = match book.spec.swap {
            Swap::None => return Money::ZERO,
            Swap::Nightly { long_thousandths, short_thousandths, zone, triple, .. } => {
                let nights = match zone.local(at).weekday() {
                    day if day == triple => 3,
                    5 | 6 => 0,
                    _ => 1,
                };
                let rate = if side == Side::Buy { long_thousandths } else { short_thousandths };
                (book.worth(i128::from(rate) * i128::from(lots.0) * nights), 1_000)
            }
            Swap::Funding { long_millionths, short_millionths, .. } => {
                let rate = if side == Side::Buy { long_millionths } else { short_millionths };
                let value = book.worth(i128::from(book.price(side).0) * i128::from(lots.0));
                (value.scaled(rate, 1_000).unwrap_or_default(), 1_000)
            }
        };
        self.converted(place, amount.scaled(1, scale).unwrap_or_default())
    }

    /// Adds up the symbol's positions again, after any change of positions or resting orders.
    pub(super) fn refresh(&mut self, place: usize) {
        let symbol = self.books[place].symbol();
        let through = self.spec.through.0;
        let (mut hold, mut watch) = (Hold::default(), Watch::NOTHING);
        for position in self.positions.iter().filter(|position| position.symbol == symbol) {
            let stop = position.stop.map(|price| price.0);
            let target = position.target.map(|price| price.0);
            hold.count += 1;
            hold.swap = hold.swap.saturating_add(position.swap.0);
            match position.side {
                Side::Buy => {
                    hold.long_lots += position.lots.0;
                    hold.long_cost += position.cost;
                    hold.long_margin = hold.long_margin.saturating_add(position.margin.0);
                    watch.sell_low = watch.sell_low.max(stop.unwrap_or(i64::MIN));
                    watch.sell_high =
                        watch.sell_high.min(target.map_or(i64::MAX, |price| price.saturating_add(through)));
                }
                Side::Sell => {
                    hold.short_lots += position.lots.0;
                    hold.short_cost += position.cost;
                    hold.short_margin = hold.short_margin.saturating_add(position.margin.0);
                    watch.buy_high = watch.buy_high.min(stop.unwrap_or(i64::MAX));
                    watch.buy_low = watch.buy_low.max(target.map_or(i64::MIN, |price| price.saturating_sub(through)));
                }
            }
        }
        for resting in self.resting.iter().filter(|resting| resting.entry.symbol == symbol) {
            watch.queued += usize::from(self.spec.queue == Queue::RiskAverse);
            match resting.entry.side {
                Side::Buy => watch.buy_low = watch.buy_low.max(resting.price.0.saturating_sub(through)),
                Side::Sell => watch.sell_high = watch.sell_high.min(resting.price.0.saturating_add(through)),
            }
        }
        let used = self.used_by(hold.long_margin, hold.short_margin);
        let now = self.clock;
        let book = &mut self.books[place];
        self.used += i128::from(used.0) - i128::from(book.used.0);
        (book.hold, book.watch, book.used) = (hold, watch, used);
        if hold.count == 0 {
            book.rollover = Time::MAX;
        } else if book.rollover == Time::MAX {
            book.rollover = next_night(&book.spec.swap, now);
        }
        self.mark(place);
        self.schedule();
    }
}

/// The first night after an instant.
fn next_night(swap: &Swap, after: Time) -> Time {
    match *swap {
        Swap::None => Time::MAX,
        Swap::Nightly { zone, at, .. } => next_time_of_day(zone, at, after),
        Swap::Funding { every, .. } => Time((after.0.div_euclid(every.0) + 1).saturating_mul(every.0)),
    }
}
