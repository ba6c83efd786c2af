//! What a strategy proposes, and what the gate must know to judge it.

use crate::order::{Kind, Ticket};
use market::{Lots, Money, Points, Price, Side, StrategyId, SymbolId, Time};

/// A position that a strategy would like to open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Who wants it.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// Which way.
    pub side: Side,
    /// How it wants to be filled.
    pub kind: Kind,
    /// How far the stop is from the entry price.
    pub stop: Option<Points>,
    /// How far the target is from the entry price.
    pub target: Option<Points>,
    /// How much of it.
    pub stake: Stake,
}

/// How much of a position is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stake {
    /// This much, or nothing: floored to the lot step, otherwise refused when it is above any cap.
    Fixed(Lots),
    /// As much as the bet is worth, cut down to every cap of the sizing chain.
    Kelly(Bet),
}

/// A bet with two outcomes, and how far its probability may be trusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bet {
    /// The probability of winning, between 0 and 1.
    pub p: f64,
    /// The standard error of `p`.
    pub p_se: f64,
    /// The win after all costs, in points.
    pub win: f64,
    /// The loss with all costs, in points, positive.
    pub loss: f64,
    /// How far the agents agree, 0 to 1.
    pub confidence: f64,
    /// The meta model's factor, 0 to 1.
    pub meta: f64,
    /// The regime filter's factor, 0 to 1.
    pub regime_gate: f64,
}

/// How many units of the account's currency one unit of another is worth, as an exact fraction of positive integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    numerator: i64,
    denominator: i64,
}

impl Rate {
    /// The account's own currency.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator / denominator`; `None` unless both are positive.
    pub const fn new(numerator: i64, denominator: i64) -> Option<Self> {
        if numerator > 0 && denominator > 0 { Some(Self { numerator, denominator }) } else { None }
    }

    /// The worth of a base currency in its quote currency, from a price with `digits` decimals.
    pub const fn of_price(price: Price, digits: u8) -> Option<Self> {
        if digits > 18 { None } else { Self::new(price.0, 10_i64.pow(digits as u32)) }
    }

    /// The worth the other way round.
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self { numerator: self.denominator, denominator: self.numerator }
    }

    /// An amount in the account's currency, rounded half away from zero; `None` on overflow.
    #[inline]
    pub const fn convert(self, amount: Money) -> Option<Money> {
        if self.numerator == self.denominator { Some(amount) } else { amount.scaled(self.numerator, self.denominator) }
    }
}

/// What the account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Cash and open profit.
    pub equity: Money,
    /// What the venue says is free for new margin; where it does not say, equity less the ledger's margin.
    pub free_margin: Money,
}

/// The market of one symbol and the account, as they are believed now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MarketView {
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// When the quote was heard.
    pub quoted: Time,
    /// The usual spread (a median or a slow average), in points; not a number while unknown, which is refused.
    pub spread_usual: f64,
    /// The price that orders are compared with: a mid of another source, or a slow one of this; `None` is refused.
    pub reference: Option<Price>,
    /// From the symbol's quote currency to the account's; `None` is refused.
    pub rate: Option<Rate>,
    /// What the account has.
    pub account: Account,
}

impl MarketView {
    /// The price at which a position of `side` would be opened: the ask for a buy.
    pub const fn entry(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }

    /// The price at which a position of `side` would be closed: the bid for a buy.
    pub const fn exit(&self, side: Side) -> Price {
        self.entry(side.opposite())
    }

    /// Ask less bid; negative when crossed.
    pub const fn spread(&self) -> Points {
        self.ask.above(self.bid)
    }
}

/// An open position as `orders` holds it, for judging its exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Whose it is.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// Its number at the venue.
    pub ticket: Ticket,
    /// Which way.
    pub side: Side,
    /// How much is open.
    pub lots: Lots,
    /// How much of that is already being closed.
    pub closing: Lots,
    /// The stop in force.
    pub stop: Option<Price>,
    /// The target in force.
    pub target: Option<Price>,
    /// How many older positions of the symbol are open and not wholly being closed.
    pub older: u32,
    /// How many of those have the same volume.
    pub older_of_size: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_convert_exactly() {
        let dollar_in_euro = Rate::of_price(Price(125_000), 5).map(Rate::inverse);
        assert_eq!(dollar_in_euro.and_then(|rate| rate.convert(Money::units(125))), Some(Money::units(100)));
        assert_eq!(Rate::new(0, 1), None);
        assert_eq!(Rate::new(1, -1), None);
        assert_eq!(Rate::new(i64::MAX, 1).and_then(|rate| rate.convert(Money(2))), None);
    }
}
