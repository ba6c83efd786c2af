//! Currencies, commission and margin.

use super::{Paper, Position};
use crate::paper::fill::Leaving;
use crate::spec::{Commission, Conversion, HedgedMargin, Margin, Positions};
use crate::why::{Liquidity, Trigger};
use market::{Lots, Money, Price, Side};
use orders::{Reject, Report};
use risk::{Entry, ExitCause, Kind};

impl Paper {
    /// An amount of a symbol's quote currency in the account's; `None` while a price that it needs is unknown.
    fn conversion(&self, place: usize, amount: Money) -> Option<Money> {
        let by_mid = |place: usize, times: bool| {
            let (quote, instrument) = (&self.books[place].quote, &self.books[place].spec.instrument);
            let scale = 2 * 10_i64.pow(u32::from(instrument.digits));
            let twice_mid = quote.bid.0.checked_add(quote.ask.0).filter(|mid| *mid > 0)?;
            if times { amount.scaled(twice_mid, scale) } else { amount.scaled(scale, twice_mid) }
        };
        match self.books[place].spec.conversion {
            Conversion::Same => Some(amount),
            Conversion::ByOwnMid => by_mid(place, false),
            Conversion::Fixed { numerator, denominator } => amount.scaled(numerator, denominator),
            Conversion::TimesMid(symbol) => by_mid(self.place(symbol)?, true),
            Conversion::OverMid(symbol) => by_mid(self.place(symbol)?, false),
        }
    }

    /// An amount of a symbol's quote currency in the account's. A position is only opened once its conversion is known,
    /// and a known price stays known, so that nothing is lost here.
    pub(super) fn converted(&self, place: usize, amount: Money) -> Money {
        self.conversion(place, amount).unwrap_or_default()
    }

    /// Whether the order's value leaves room to reckon with: a thousandth of what fits.
    pub(super) fn fits(&self, place: usize, entry: &Entry) -> bool {
        let quote = &self.books[place].quote;
        let limit = match entry.kind {
            Kind::Market { .. } => entry.reference,
            Kind::Limit { price, .. } => price,
        };
        let value = self.books[place].spec.instrument.notional(quote.ask.max(quote.bid).max(limit), entry.lots);
        value.is_some_and(|value| value.0 < Money::MAX.0 / 1_024)
    }

    /// What a fill costs: zero or negative.
    pub(super) fn commission(&self, place: usize, lots: Lots, price: Price, liquidity: Liquidity) -> Money {
        let instrument = &self.books[place].spec.instrument;
        let cost = match (self.books[place].spec.commission, liquidity) {
            (Commission::None, _) => Money::ZERO,
            (Commission::PerLot { side }, _) => {
                side.scaled(lots.0, 10_i64.pow(u32::from(instrument.volume_digits))).unwrap_or(Money::MAX)
            }
            (Commission::Notional { maker_millionths: share, .. }, Liquidity::Maker)
            | (Commission::Notional { taker_millionths: share, .. }, Liquidity::Taker) => {
                let value = instrument.notional(price, lots).unwrap_or(Money::MAX);
                self.converted(place, value).scaled(i64::from(share), 1_000_000).unwrap_or(Money::MAX)
            }
        };
        Money(-cost.0)
    }

    /// Books an amount.
    pub(super) fn pay(&mut self, amount: Money) {
        self.balance = Money(self.balance.0.saturating_add(amount.0));
    }

    /// What a position needs, at its opening price.
    pub(super) fn margin_of(&self, place: usize, lots: Lots, price: Price) -> Money {
        let Margin::Leveraged { leverage, .. } = self.spec.margin else { return Money::ZERO };
        let instrument = &self.books[place].spec.instrument;
        let value = instrument.notional(price, lots).map_or(Money::MAX, |value| self.converted(place, value));
        value.scaled(1, i64::from(leverage.of(instrument.margin_class))).unwrap_or(Money::MAX)
    }

    /// What long and short margin on a symbol come to.
    pub(super) fn used_by(&self, long: i64, short: i64) -> Money {
        let Margin::Leveraged { hedged, .. } = self.spec.margin else { return Money::ZERO };
        Money(match hedged {
            HedgedMargin::Both => long.saturating_add(short),
            HedgedMargin::LargerSide => long.max(short),
            HedgedMargin::Difference => long.abs_diff(short) as i64,
        })
    }

    /// Whether the account can carry one more fill.
    ///
    /// # Errors
    /// [`Reject::OffQuotes`] while a conversion is unknown, [`Reject::NoMoney`].
    pub(super) fn can_afford(&self, place: usize, side: Side, lots: Lots, price: Price) -> Result<(), Reject> {
        if self.conversion(place, Money(1)).is_none() {
            return Err(Reject::OffQuotes);
        }
        if self.spec.margin == Margin::Unlimited {
            return Ok(());
        }
        let hold = &self.books[place].hold;
        let (mut long, mut short) = (hold.long_margin, hold.short_margin);
        let opposite = if side == Side::Buy { hold.short_lots } else { hold.long_lots };
        let mut added = lots;
        if self.spec.positions == Positions::Netting && opposite > 0 {
            if lots.0 <= opposite {
                return Ok(());
            }
            added = Lots(lots.0 - opposite);
            (long, short) = (0, 0);
        }
        let margin = self.margin_of(place, added, price).0;
        match side {
            Side::Buy => long = long.saturating_add(margin),
            Side::Sell => short = short.saturating_add(margin),
        }
        let others = self.used - i128::from(self.books[place].used.0);
        let needed = others + i128::from(self.used_by(long, short).0);
        let commission = self.commission(place, lots, price, Liquidity::Taker).0;
        if i128::from(self.equity_now().0) + i128::from(commission) < needed { Err(Reject::NoMoney) } else { Ok(()) }
    }

    /// Whether a limit order's fill may become a position now.
    pub(super) fn can_add(&self, place: usize, entry: &Entry, lots: Lots, price: Price) -> Result<(), Reject> {
        self.may_add(place, entry.side)?;
        self.can_afford(place, entry.side, lots, price)
    }

    /// Values the symbol's positions at its prices.
    pub(super) fn mark(&mut self, place: usize) {
        if self.spec.margin != Margin::Unlimited {
            let profit = self.open_profit_of(place);
            let before = std::mem::replace(&mut self.books[place].profit, profit);
            self.profits += i128::from(profit.0) - i128::from(before.0);
        }
    }

    fn open_profit_of(&self, place: usize) -> Money {
        let book = &self.books[place];
        if book.hold.count == 0 {
            return Money::ZERO;
        }
        Money(self.converted(place, book.open_profit()).0.saturating_add(book.hold.swap))
    }

    pub(super) fn equity_now(&self) -> Money {
        let profits = (0..self.books.len()).map(|place| self.open_profit_of(place).0);
        Money(profits.fold(self.balance.0, i64::saturating_add))
    }

    /// Whether the margin level, equity over used margin, is below a number of percent.
    fn is_below(&self, percent: u32) -> bool {
        self.used > 0 && (i128::from(self.balance.0) + self.profits) * 100 < self.used * i128::from(percent)
    }

    /// After a tick: warns, and closes what the account can no longer carry. Each symbol's profit is that of its own
    /// last tick.
    pub(super) fn watch_margin(&mut self, place: usize) {
        let Margin::Leveraged { call_percent, stop_out_percent, .. } = self.spec.margin else { return };
        if self.positions.is_empty() {
            return;
        }
        self.mark(place);
        let short = self.is_below(call_percent);
        if short && !self.called {
            self.announce(Report::MarginCalled { time: self.clock });
        }
        self.called = short;
        while self.is_below(stop_out_percent) && self.stop_out() {}
    }

    /// Closes the largest loser, as MT4 does; false when nothing can be closed now.
    fn stop_out(&mut self) -> bool {
        let percent = ((i128::from(self.balance.0) + self.profits) * 100).div_euclid(self.used) as i64;
        let worst = |(index, position): (usize, &Position)| {
            let place = self.place(position.symbol)?;
            let book = &self.books[place];
            let exit = i128::from(book.price(position.side.opposite()).0) * i128::from(position.lots.0);
            let gained = book.worth((exit - position.cost) * i128::from(position.side.sign()));
            let profit = self.converted(place, gained).0.saturating_add(position.swap.0);
            book.tradable().then_some((profit, position.ticket, index, place))
        };
        let Some((.., index, place)) = self.positions.iter().enumerate().filter_map(worst).min() else { return false };
        let side = self.positions[index].side.opposite();
        let slipped = self.books[place].draw_slippage(&mut self.slippage);
        let lots = self.positions[index].lots;
        let leaving = Leaving {
            arrival: None,
            asked: lots,
            lots,
            price: self.books[place].slipped(side, slipped),
            cause: ExitCause::StopOut,
            trigger: Trigger::MarginLevel { percent },
            liquidity: Liquidity::Taker,
            slipped,
        };
        self.leave(place, index, &leaving);
        self.refresh(place);
        true
    }
}
