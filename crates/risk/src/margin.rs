//! Leverage, margin and the rules that come with them.

use crate::refusal::{Refusal, Verdict};
use market::{Lots, MarginClass, Money, StrategyId, SymbolId};

/// Whose rules on leverage, hedging and closing hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// ESMA's 2018 measures for retail clients: 30, 20, 10, 5 and 2 by class; closed out at 50 % of the margin.
    Esma,
    /// United States: 50 for majors, 20 for other pairs and gold (CFTC Part 5), nothing else; oldest position first and
    /// no hedging (NFA rule 2-43(b)).
    Us,
    /// Somebody else's.
    Custom(CustomPreset),
}

/// Rules of a venue that neither ESMA nor the United States bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomPreset {
    /// The leverage by class, in the order of [`MarginClass`]; 1 is none.
    pub leverage: [u32; 5],
    /// Positions are closed out when equity falls below this many percent of the margin in use.
    pub close_out_percent: u32,
    /// Whether both sides may be held at once.
    pub hedging: Hedging,
    /// Which position must be closed first.
    pub closing: ClosingOrder,
}

/// Whether both sides of a symbol may be held at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hedging {
    /// They may.
    Allowed,
    /// They may not.
    Forbidden,
}

/// Which position of a symbol must be closed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosingOrder {
    /// Any.
    Any,
    /// The oldest, or the oldest of the same volume as a whole.
    Fifo,
}

impl Preset {
    /// The leverage of a class; `None` when the class may not be traded.
    pub const fn leverage(&self, class: MarginClass) -> Option<u32> {
        let place = match class {
            MarginClass::MajorPair => 0,
            MarginClass::MinorPairGoldIndex => 1,
            MarginClass::Commodity => 2,
            MarginClass::Share => 3,
            MarginClass::Crypto => 4,
        };
        match self {
            Self::Esma => Some([30, 20, 10, 5, 2][place]),
            Self::Us => [Some(50), Some(20), None, None, None][place],
            Self::Custom(custom) => Some(custom.leverage[place]),
        }
    }

    /// Below this many percent of the margin in use, positions are closed out. The US rules leave it to the broker.
    pub const fn close_out_percent(&self) -> u32 {
        match self {
            Self::Esma => 50,
            Self::Us => 100,
            Self::Custom(custom) => custom.close_out_percent,
        }
    }

    /// Whether both sides may be held at once.
    pub const fn hedging(&self) -> Hedging {
        match self {
            Self::Esma => Hedging::Allowed,
            Self::Us => Hedging::Forbidden,
            Self::Custom(custom) => custom.hedging,
        }
    }

    /// Which position must be closed first.
    pub const fn closing(&self) -> ClosingOrder {
        match self {
            Self::Esma => ClosingOrder::Any,
            Self::Us => ClosingOrder::Fifo,
            Self::Custom(custom) => custom.closing,
        }
    }

    /// The margin that a value needs, rounded up.
    pub const fn margin(value: Money, leverage: u32) -> Money {
        let leverage = if leverage == 0 { 1 } else { leverage as i64 };
        let rest = if value.0 % leverage > 0 { 1 } else { 0 };
        Money(value.0 / leverage + rest)
    }

    /// Whether the account must be closed out: equity is below the preset's part of the margin in use.
    pub const fn closes_out(&self, equity: Money, margin_used: Money) -> bool {
        (equity.0 as i128) * 100 < (margin_used.0 as i128) * (self.close_out_percent() as i128)
    }
}

/// The preset must know a leverage for the symbol's class.
#[inline]
pub fn permitted(leverage: Option<u32>, symbol: SymbolId, strategy: StrategyId) -> Verdict {
    Verdict::when(leverage.is_some(), Refusal::NotPermitted { symbol, strategy })
}

/// The opposite side must not be held where hedging is forbidden.
#[inline]
pub fn hedged(opposite: Lots, hedging: Hedging) -> Verdict {
    let allowed = match hedging {
        Hedging::Allowed => Lots(i64::MAX),
        Hedging::Forbidden => Lots::ZERO,
    };
    Verdict::when(opposite <= allowed, Refusal::Hedged { opposite, allowed })
}

/// The margin needed must be free.
#[inline]
pub fn margin(required: Money, free: Money) -> Verdict {
    Verdict::when(required <= free, Refusal::Margin { required, free })
}

/// Equity must be at least so many percent of all margin, the new order's included.
#[inline]
pub fn margin_level(equity: Money, margin_used: Money, min_percent: u32) -> Verdict {
    let percent =
        if margin_used.0 <= 0 { i128::from(i64::MAX) } else { i128::from(equity.0) * 100 / i128::from(margin_used.0) };
    let least = i64::from(min_percent);
    let percent = i64::try_from(percent).unwrap_or(i64::MAX);
    Verdict::when(percent >= least, Refusal::MarginLevel { percent, least })
}

/// Where the oldest position must be closed first, it must be this one, or this as a whole the oldest of its size.
#[inline]
pub fn oldest(order: ClosingOrder, older: u32) -> Verdict {
    let allowed = match order {
        ClosingOrder::Any => u32::MAX,
        ClosingOrder::Fifo => 0,
    };
    Verdict::when(older <= allowed, Refusal::NotOldest { older, allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn esma_and_us_leverage() {
        let classes = [
            (MarginClass::MajorPair, Some(30), Some(50)),
            (MarginClass::MinorPairGoldIndex, Some(20), Some(20)),
            (MarginClass::Commodity, Some(10), None),
            (MarginClass::Share, Some(5), None),
            (MarginClass::Crypto, Some(2), None),
        ];
        for (class, esma, us) in classes {
            assert_eq!((Preset::Esma.leverage(class), Preset::Us.leverage(class)), (esma, us), "{class:?}");
        }
        // Initial margins of compliance tables: 3.33 %, 5 %, 10 %, 20 %, 50 % of the value.
        for (leverage, percent_hundredths) in [(30, 333), (20, 500), (10, 1_000), (5, 2_000), (2, 5_000)] {
            let margin = Preset::margin(Money::units(10_000), leverage);
            assert_eq!(margin.0 / 1_000_000, percent_hundredths, "{leverage}");
        }
        assert_eq!(Preset::margin(Money(31), 30), Money(2), "margin is rounded up");
    }

    #[test]
    fn close_out_is_below_half_the_margin() {
        assert!(!Preset::Esma.closes_out(Money::units(50), Money::units(100)));
        assert!(Preset::Esma.closes_out(Money(49_999_999), Money::units(100)));
        assert!(!Preset::Esma.closes_out(Money::ZERO, Money::ZERO));
        assert!(Preset::Esma.closes_out(Money(i64::MIN), Money(i64::MAX)));
    }

    #[test]
    fn boundaries() {
        assert!(margin(Money(5), Money(5)).passed && !margin(Money(6), Money(5)).passed);
        assert!(margin_level(Money(100), Money(100), 100).passed && !margin_level(Money(99), Money(100), 100).passed);
        assert!(margin_level(Money(0), Money(0), 100).passed);
        assert!(hedged(Lots(0), Hedging::Forbidden).passed && !hedged(Lots(1), Hedging::Forbidden).passed);
        assert!(hedged(Lots(1), Hedging::Allowed).passed);
        assert!(oldest(ClosingOrder::Fifo, 0).passed && !oldest(ClosingOrder::Fifo, 1).passed);
        assert!(oldest(ClosingOrder::Any, 7).passed);
        let permitted = |leverage| permitted(leverage, SymbolId(0), StrategyId(0)).passed;
        assert!(permitted(Some(1)) && !permitted(None));
    }
}
