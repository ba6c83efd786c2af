//! Controls on how much: one order, one trade's risk, and the five levels of exposure.

use crate::books::{Book, CurrencyBook, SideBook};
use crate::limits::{ExposureLimit, Launch, PositionLimit};
use crate::loss::money;
use crate::refusal::{Refusal, Verdict};
use market::{Lots, Money, Side, Time};

/// An amount in the millionths of equity that a trade may risk, rounded down; nothing when equity is not positive.
pub fn trade_risk_max(equity: Money, max_ppm: u32) -> Money {
    money(i128::from(equity.0.max(0)) * i128::from(max_ppm) / 1_000_000)
}

/// The account must have equity.
#[inline]
pub fn no_equity(equity: Money) -> Verdict {
    Verdict::when(equity > Money::ZERO, Refusal::NoEquity { equity, above: Money::ZERO })
}

/// The volume must not be below the venue's smallest order.
#[inline]
pub fn too_small(lots: Lots, min: Lots) -> Verdict {
    Verdict::when(lots.0 > 0 && min <= lots, Refusal::TooSmall { lots, min })
}

/// The volume must not be above the largest allowed, ours or the venue's.
#[inline]
pub fn order_volume(lots: Lots, max: Lots) -> Verdict {
    Verdict::when(lots <= max, Refusal::OrderVolume { lots, max })
}

/// The value of one order must be within its limit.
#[inline]
pub fn order_value(value: Money, max: Money) -> Verdict {
    Verdict::when(value <= max, Refusal::OrderValue { value, max })
}

/// What one trade loses at its stop must be within its limit.
#[inline]
pub fn trade_risk(risk: Money, max: Money) -> Verdict {
    Verdict::when(risk <= max, Refusal::TradeRisk { risk, max })
}

/// What every stop together would lose, this one's included, must not be more than may still be lost.
#[inline]
pub fn loss_room(risk: i128, room: i128) -> Verdict {
    Verdict::when(risk <= room, Refusal::LossRoom { risk: money(risk), room: money(room) })
}

/// During its launch a strategy may open only so many positions.
#[inline]
pub fn launch_entries(opened: u32, launch: Option<&Launch>, now: Time) -> Verdict {
    let max = launch.filter(|launch| now < launch.until).map_or(u32::MAX, |launch| launch.entries_max);
    let entries = opened.saturating_add(1);
    Verdict::when(entries <= max, Refusal::LaunchEntries { entries, max })
}

/// During its launch a strategy's orders may be worth only so much.
#[inline]
pub fn launch_value(value: Money, launch: Option<&Launch>, now: Time) -> Verdict {
    let max = launch.filter(|launch| now < launch.until).map_or(Money::MAX, |launch| launch.order_value_max);
    Verdict::when(value <= max, Refusal::LaunchValue { value, max })
}

/// The symbol's position on the order's side must be within its limit.
#[inline]
pub fn symbol_position(held: &SideBook, lots: Lots, side: Side, limit: &PositionLimit) -> Verdict {
    let max = match side {
        Side::Buy => limit.long_max,
        Side::Sell => limit.short_max,
    };
    let total = held.total() + i128::from(lots.0);
    Verdict::when(total <= i128::from(max.0), Refusal::SymbolPosition { lots: Lots(money(total).0), max })
}

/// One position more must be within the limit.
#[inline]
pub fn position_count(held: u32, max: u32) -> Verdict {
    let positions = held.saturating_add(1);
    Verdict::when(held < max, Refusal::PositionCount { positions, max })
}

/// The value of the strategy's positions must be within its limit.
#[inline]
pub fn strategy_value(held: &Book, value: Money, limit: &ExposureLimit) -> Verdict {
    let (total, max) = (held.value + i128::from(value.0), limit.value_max);
    Verdict::when(total <= i128::from(max.0), Refusal::StrategyValue { value: money(total), max })
}

/// The risk of the strategy's positions must be within its limit.
#[inline]
pub fn strategy_risk(held: &Book, risk: Money, limit: &ExposureLimit) -> Verdict {
    let (total, max) = (held.risk + i128::from(risk.0), limit.risk_max);
    Verdict::when(total <= i128::from(max.0), Refusal::StrategyRisk { risk: money(total), max })
}

/// The value of the account's positions must be within its limit.
#[inline]
pub fn account_value(held: &Book, value: Money, limit: &ExposureLimit) -> Verdict {
    let (total, max) = (held.value + i128::from(value.0), limit.value_max);
    Verdict::when(total <= i128::from(max.0), Refusal::AccountValue { value: money(total), max })
}

/// The risk of the account's positions must be within its limit.
#[inline]
pub fn account_risk(held: &Book, risk: Money, limit: &ExposureLimit) -> Verdict {
    let (total, max) = (held.risk + i128::from(risk.0), limit.risk_max);
    Verdict::when(total <= i128::from(max.0), Refusal::AccountRisk { risk: money(total), max })
}

/// The net position in a currency, were every order in flight in this direction (1 long, -1 short) filled, must be within
/// its limit.
#[inline]
pub fn currency_net(held: &CurrencyBook, direction: i64, value: Money, max: Money) -> Verdict {
    let net = held.furthest(direction) + i128::from(value.0);
    Verdict::when(net <= i128::from(max.0), Refusal::CurrencyNet { net: money(net), max })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: ExposureLimit = ExposureLimit { value_max: Money(100), risk_max: Money(10), positions_max: 2 };

    #[test]
    fn order_boundaries() {
        assert_eq!(trade_risk_max(Money::units(10_000), 5_000), Money::units(50));
        assert_eq!(trade_risk_max(Money(i64::MAX), u32::MAX), Money(i64::MAX));
        assert_eq!(trade_risk_max(Money(-1), 5_000), Money::ZERO);
        assert!(no_equity(Money(1)).passed && !no_equity(Money(0)).passed);
        assert!(too_small(Lots(5), Lots(5)).passed && !too_small(Lots(4), Lots(5)).passed);
        assert!(!too_small(Lots(0), Lots(0)).passed);
        assert!(order_volume(Lots(5), Lots(5)).passed && !order_volume(Lots(6), Lots(5)).passed);
        assert!(order_value(Money(5), Money(5)).passed && !order_value(Money(6), Money(5)).passed);
        assert!(trade_risk(Money(5), Money(5)).passed && !trade_risk(Money(6), Money(5)).passed);
        assert!(loss_room(5, 5).passed && !loss_room(6, 5).passed);
        let launch = Launch { until: Time(10), entries_max: 2, order_value_max: Money(7) };
        assert!(launch_entries(1, Some(&launch), Time(9)).passed && !launch_entries(2, Some(&launch), Time(9)).passed);
        assert!(launch_entries(2, Some(&launch), Time(10)).passed && launch_entries(9, None, Time(0)).passed);
        assert!(launch_value(Money(7), Some(&launch), Time(9)).passed);
        assert!(!launch_value(Money(8), Some(&launch), Time(9)).passed && launch_value(Money(8), None, Time(9)).passed);
    }

    #[test]
    fn exposure_boundaries() {
        let side = SideBook { open: Lots(3), in_flight: Lots(4), ..SideBook::default() };
        let limit = PositionLimit { long_max: Lots(9), short_max: Lots(8), positions_max: 1 };
        let position = |lots, side_of| symbol_position(&side, Lots(lots), side_of, &limit).passed;
        assert!(position(2, Side::Buy) && !position(3, Side::Buy));
        assert!(position(1, Side::Sell) && !position(2, Side::Sell));
        assert!(!position(i64::MAX, Side::Buy));
        assert!(position_count(1, 2).passed && !position_count(2, 2).passed && !position_count(u32::MAX, 2).passed);
        let book = Book { value: 60, risk: 6, ..Book::default() };
        for value in [strategy_value, account_value] {
            assert!(value(&book, Money(40), &LIMIT).passed && !value(&book, Money(41), &LIMIT).passed);
        }
        for risk in [strategy_risk, account_risk] {
            assert!(risk(&book, Money(4), &LIMIT).passed && !risk(&book, Money(5), &LIMIT).passed);
        }
        let held = CurrencyBook { open: 10, long_in_flight: 5, short_in_flight: 20 };
        let net = |direction, value| currency_net(&held, direction, Money(value), Money(30)).passed;
        assert!(net(1, 15) && !net(1, 16), "10 open, 5 coming, 15 more");
        assert!(net(-1, 20) && !net(-1, 21), "10 open, 20 going, 20 more the same way");
    }
}
