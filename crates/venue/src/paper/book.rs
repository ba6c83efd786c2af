//! What the paper venue knows of one symbol: the prices at which it fills, and what to look out for.

use crate::spec::{Crossed, Slippage, SymbolSpec, TypicalSpread};
use crate::why::{Policy, Seen};
use market::coded::Coded;
use market::{Lots, Money, Points, Price, Reader, Side, State, SymbolId, Tick, Time, Torn, Trade};

/// Points of the typical spread have sixteen binary places.
const FRACTION: u32 = 16;

/// The prices at which something happens on the symbol. Between them a tick changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Selling at or below: the stop of a long position.
    pub(crate) sell_low: i64,
    /// Selling at or above: the target of a long position, a limit to sell.
    pub(crate) sell_high: i64,
    /// Buying at or below: the target of a short position, a limit to buy.
    pub(crate) buy_low: i64,
    /// Buying at or above: the stop of a short position.
    pub(crate) buy_high: i64,
    /// Resting orders, whose place in the queue may change with any tick.
    pub(crate) queued: usize,
}

impl Watch {
    pub(crate) const NOTHING: Self =
        Self { sell_low: i64::MIN, sell_high: i64::MAX, buy_low: i64::MIN, buy_high: i64::MAX, queued: 0 };
}

/// The positions on the symbol, added up. Costs are price times lots, in points times volume units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Hold {
    pub(crate) count: usize,
    pub(crate) long_lots: i64,
    pub(crate) long_cost: i128,
    pub(crate) long_margin: i64,
    pub(crate) short_lots: i64,
    pub(crate) short_cost: i128,
    pub(crate) short_margin: i64,
    pub(crate) swap: i64,
}

/// What the paper venue knows of one symbol.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) spec: SymbolSpec,
    /// What one point on one volume unit is worth, in millionths of the quote currency, where that is a whole number.
    unit: Option<Money>,
    pub(crate) quote: Tick,
    /// Whether there is a quote to trade on.
    pub(crate) quoted: bool,
    /// The price for buying, after the policy. Never below `sell`.
    pub(crate) buy: Price,
    /// The price for selling, after the policy.
    pub(crate) sell: Price,
    policy: Policy,
    /// Typical spread in points, with [`FRACTION`] binary places; negative before the first proper quote.
    typical: i64,
    /// What was taken of the quoted sizes since the tick.
    pub(crate) bought: i64,
    pub(crate) sold: i64,
    pub(crate) open: bool,
    /// Until when `open` holds.
    pub(crate) turn: Time,
    /// The next night; never when nothing is held.
    pub(crate) rollover: Time,
    // What follows is derived from positions and resting orders, and not saved.
    pub(crate) watch: Watch,
    pub(crate) hold: Hold,
    pub(crate) used: Money,
    pub(crate) profit: Money,
}

impl Book {
    pub(crate) fn new(spec: SymbolSpec) -> Self {
        let quote = Tick {
            symbol: spec.instrument.symbol,
            time: Time(0),
            seen: Time(0),
            bid: Price(0),
            ask: Price(0),
            bid_lots: Lots(0),
            ask_lots: Lots(0),
        };
        Self {
            unit: spec.instrument.unit(),
            spec,
            quote,
            quoted: false,
            buy: Price(0),
            sell: Price(0),
            policy: Policy::Quote,
            typical: -1,
            bought: 0,
            sold: 0,
            open: true,
            turn: Time::MIN,
            rollover: Time::MAX,
            watch: Watch::NOTHING,
            hold: Hold::default(),
            used: Money::ZERO,
            profit: Money::ZERO,
        }
    }

    pub(crate) const fn symbol(&self) -> SymbolId {
        self.spec.instrument.symbol
    }

    /// Whether an order could be filled now.
    pub(crate) const fn tradable(&self) -> bool {
        self.quoted && self.open
    }

    /// Whether the symbol ever had a quote.
    pub(crate) const fn known(&self) -> bool {
        self.quote.bid.0 > 0
    }

    /// Brings `open` up to date.
    pub(crate) fn look_at_session(&mut self, now: Time) {
        if now >= self.turn {
            (self.open, self.turn) = self.spec.session.at(now);
        }
    }

    /// Takes in a quote.
    pub(crate) fn take(&mut self, tick: &Tick, crossed: Crossed, typical: TypicalSpread) {
        self.quote = *tick;
        (self.bought, self.sold) = (0, 0);
        (self.buy, self.sell) = (tick.ask, tick.bid);
        self.policy = Policy::Quote;
        self.quoted = true;
        if tick.bid < tick.ask {
            self.follow(tick.spread(), typical);
        } else {
            match crossed {
                Crossed::Worsen => self.worsen(),
                Crossed::Refuse => self.quoted = false,
            }
        }
    }

    fn follow(&mut self, spread: Points, typical: TypicalSpread) {
        let spread = spread.0 << FRACTION;
        if self.typical < 0 {
            self.typical = spread;
            return;
        }
        match typical {
            TypicalSpread::Ewma { shift } => self.typical += (spread - self.typical) >> shift,
            TypicalSpread::Median { step_thousandths } => {
                let step = ((i64::from(step_thousandths) << FRACTION) / 1_000).max(1);
                self.typical += (spread - self.typical).clamp(-step, step);
            }
        }
    }

    /// The worse of the quote and mid plus or minus half the typical spread, on the price grid.
    fn worsen(&mut self) {
        let two = 1_i128 << (FRACTION + 1);
        let mid = (i128::from(self.quote.bid.0) + i128::from(self.quote.ask.0)) << FRACTION;
        let typical = i128::from(self.typical.max(0));
        let buy = -((-(mid + typical)).div_euclid(two)) as i64;
        let sell = (mid - typical).div_euclid(two) as i64;
        self.buy = self.on_grid(Side::Buy, self.quote.ask.max(Price(buy)));
        self.sell = self.on_grid(Side::Sell, self.quote.bid.min(Price(sell)));
        self.policy = Policy::Worsened;
    }

    /// Takes in a trade: beyond the quote, it moves the side that we would have to take until the next quote. Without
    /// this, a limit filled by the trade could be closed against the older quote at a profit, in one instant.
    pub(crate) fn push(&mut self, trade: &Trade) {
        match trade.taker {
            Side::Sell if trade.price < self.sell => {
                (self.sell, self.policy) = (trade.price, Policy::PushedByTrade);
            }
            Side::Buy if trade.price > self.buy => {
                (self.buy, self.policy) = (trade.price, Policy::PushedByTrade);
            }
            Side::Sell | Side::Buy => {}
        }
    }

    /// Whether the prices have reached anything that is watched.
    pub(crate) const fn stirs(&self) -> bool {
        self.sell.0 <= self.watch.sell_low
            || self.sell.0 >= self.watch.sell_high
            || self.buy.0 <= self.watch.buy_low
            || self.buy.0 >= self.watch.buy_high
            || self.watch.queued > 0
    }

    /// The price at which an order of `side` is filled.
    pub(crate) const fn price(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.buy,
            Side::Sell => self.sell,
        }
    }

    /// A price moved to the price grid, to the disadvantage of an order of `side`; at least one step.
    fn on_grid(&self, side: Side, price: Price) -> Price {
        let step = self.spec.instrument.tick_size.0;
        let above = price.0.rem_euclid(step);
        let moved = match side {
            _ if above == 0 => price.0,
            Side::Buy => price.0 - above + step,
            Side::Sell => price.0 - above,
        };
        Price(moved.max(step))
    }

    /// The price of an order of `side`, worse by `slipped`.
    pub(crate) fn slipped(&self, side: Side, slipped: Points) -> Price {
        let price = self.price(side);
        match side {
            Side::Buy => self.on_grid(side, price.plus(slipped)),
            Side::Sell => self.on_grid(side, price.minus(slipped)),
        }
    }

    /// How much worse than the quote this fill is.
    pub(crate) fn draw_slippage(&self, chance: &mut crate::chance::Chance) -> Points {
        match self.spec.slippage {
            Slippage::None => Points(0),
            Slippage::Fixed(points) => points,
            Slippage::Exponential { mean_thousandths, most } => {
                let drawn = f64::from(mean_thousandths) * 1e-3 * chance.exponential();
                Points::rounded(drawn).unwrap_or(most).min(most)
            }
        }
    }

    /// What a sum of price times lots is worth in millionths of the quote currency. Orders are small enough for it to
    /// fit (see `Paper::fits`); beyond, it saturates.
    pub(crate) fn worth(&self, point_lots: i128) -> Money {
        let limit = if point_lots < 0 { Money(i64::MIN) } else { Money::MAX };
        let Ok(sum) = i64::try_from(point_lots) else { return limit };
        if let Some(worth) = self.unit.and_then(|unit| sum.checked_mul(unit.0)) {
            return Money(worth);
        }
        self.spec.instrument.value(Points(sum), Lots(1)).unwrap_or(limit)
    }

    /// What all positions would bring if they were closed now, in the quote currency.
    pub(crate) fn open_profit(&self) -> Money {
        let hold = &self.hold;
        let long = i128::from(self.sell.0) * i128::from(hold.long_lots) - hold.long_cost;
        let short = hold.short_cost - i128::from(self.buy.0) * i128::from(hold.short_lots);
        self.worth(long + short)
    }

    /// What a fill was judged by.
    pub(crate) const fn seen(&self) -> Seen {
        Seen {
            time: self.quote.time,
            bid: self.quote.bid,
            ask: self.quote.ask,
            sell: self.sell,
            buy: self.buy,
            policy: self.policy,
            typical_thousandths: if self.typical < 0 { 0 } else { (self.typical * 1_000) >> FRACTION },
        }
    }
}

impl State for Book {
    fn save(&self, out: &mut Vec<u8>) {
        self.quote.save(out);
        self.quoted.save(out);
        self.buy.save(out);
        self.sell.save(out);
        out.push(match self.policy {
            Policy::Quote => 0,
            Policy::Worsened => 1,
            Policy::PushedByTrade => 2,
        });
        [self.typical, self.bought, self.sold].save(out);
        self.open.save(out);
        self.turn.save(out);
        self.rollover.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.quote.load(from)?;
        self.quoted.load(from)?;
        self.buy.load(from)?;
        self.sell.load(from)?;
        self.policy = match from.u8()? {
            0 => Policy::Quote,
            1 => Policy::Worsened,
            2 => Policy::PushedByTrade,
            _ => return Err(Torn),
        };
        let mut numbers = [0; 3];
        numbers.load(from)?;
        [self.typical, self.bought, self.sold] = numbers;
        self.open = Coded::get(from)?;
        self.turn.load(from)?;
        self.rollover.load(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_to_a_worth_is_the_long_way(sum in -10_000_000_000_i64..10_000_000_000, digits in 0_u8..7, size in 1_i64..200_000) {
            let mut spec = crate::conformance::broker().unwrap().symbols.remove(0);
            spec.instrument.digits = digits;
            spec.instrument.contract_size = size;
            let limit = if sum < 0 { Money(i64::MIN) } else { Money::MAX };
            let expected = spec.instrument.value(Points(sum), Lots(1)).unwrap_or(limit);
            prop_assert_eq!(Book::new(spec).worth(i128::from(sum)), expected);
        }
    }
}
