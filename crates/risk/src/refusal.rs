//! Why the gate says no, with the numbers.

use crate::halt::Level;
use market::{Lots, Money, Points, Price, Reader, Span, State, StrategyId, SymbolId, Time, Torn};

/// A number that a refusal carries, as journals write it.
pub(crate) trait Figure: Sized {
    fn figure(self) -> i64;
    fn from_figure(figure: i64) -> Option<Self>;
}

macro_rules! figures {
    ($($type:ident($inner:ty)),* $(,)?) => {$(
        impl Figure for $type {
            fn figure(self) -> i64 {
                i64::from(self.0)
            }
            fn from_figure(figure: i64) -> Option<Self> {
                <$inner>::try_from(figure).ok().map($type)
            }
        }
    )*};
}

figures!(Price(i64), Points(i64), Lots(i64), Money(i64), Span(i64), Time(i64), StrategyId(u16), SymbolId(u16));

impl Figure for i64 {
    fn figure(self) -> i64 {
        self
    }
    fn from_figure(figure: i64) -> Option<Self> {
        Some(figure)
    }
}

impl Figure for u32 {
    fn figure(self) -> i64 {
        i64::from(self)
    }
    fn from_figure(figure: i64) -> Option<Self> {
        Self::try_from(figure).ok()
    }
}

impl Figure for Level {
    fn figure(self) -> i64 {
        i64::from(self.code())
    }
    fn from_figure(figure: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(figure).ok()?).copied()
    }
}

impl Figure for Input {
    fn figure(self) -> i64 {
        i64::from(self.code())
    }
    fn from_figure(figure: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(figure).ok()?).copied()
    }
}

/// Which input of a review cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// The bid or the ask.
    Quote,
    /// The usual spread.
    SpreadUsual,
    /// The reference price.
    Reference,
    /// A limit price.
    LimitPrice,
    /// A limit order's expiry.
    Expiry,
    /// A market order's deviation.
    Deviation,
    /// The stop, as a distance or a price.
    Stop,
    /// The target, as a distance or a price.
    Target,
    /// The volume.
    Lots,
    /// The account's equity or free margin.
    Account,
    /// The probability of winning.
    Probability,
    /// The standard error of the probability.
    ProbabilityError,
    /// The net win of a bet.
    Win,
    /// The net loss of a bet.
    Loss,
    /// The confidence, meta or regime factor.
    Factor,
    /// A volatility or range used for a stop.
    Volatility,
    /// The order's value in the account's currency.
    Value,
}

market::state_enum!(Input {
    Quote,
    SpreadUsual,
    Reference,
    LimitPrice,
    Expiry,
    Deviation,
    Stop,
    Target,
    Lots,
    Account,
    Probability,
    ProbabilityError,
    Win,
    Loss,
    Factor,
    Volatility,
    Value
});

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $value:ident: $Value:ty, $limit:ident: $Limit:ty })*) => {
        /// A correct no. Each control has exactly one variant: what was found first, then what is allowed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Refusal {
            $($(#[$doc])* $name {
                /// What was found.
                $value: $Value,
                /// What is allowed, or what it was measured against.
                $limit: $Limit,
            }),*
        }

        /// A control of the gate, in the order of the table in [`crate::CONTROLS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Control {
            $($(#[$doc])* $name),*
        }

        market::state_enum!(Control { $($name),* });

        impl Control {
            /// The name of the control and of its [`Refusal`].
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }

        impl Refusal {
            /// The control that refused.
            #[inline]
            pub const fn control(&self) -> Control {
                match self { $(Self::$name { .. } => Control::$name),* }
            }

            /// What was found and what is allowed, each in the unit of its type.
            #[inline]
            pub fn figures(&self) -> (i64, i64) {
                match *self { $(Self::$name { $value, $limit } => ($value.figure(), $limit.figure())),* }
            }

            /// The refusal of a control with these figures; `None` when a figure is not of its type.
            pub fn from_figures(control: Control, found: i64, allowed: i64) -> Option<Self> {
                Some(match control {
                    $(Control::$name => Self::$name {
                        $value: Figure::from_figure(found)?,
                        $limit: Figure::from_figure(allowed)?,
                    }),*
                })
            }
        }
    };
}

refusals! {
    /// Something broke inside a check. The desk makes this one; this crate cannot panic.
    Fault { place: i64, sequence: i64 }
    /// Nobody configured this strategy.
    UnknownStrategy { strategy: StrategyId, known: u32 }
    /// Nobody configured this symbol.
    UnknownSymbol { symbol: SymbolId, known: u32 }
    /// The strategy may not trade this symbol, or the margin preset knows no leverage for its class.
    NotPermitted { symbol: SymbolId, strategy: StrategyId }
    /// The ledger was asked to do something impossible, so its totals may not be the truth.
    LedgerUnsound { faults: i64, allowed: i64 }
    /// The kill switch is pulled.
    KillSwitch { level: Level, since: Time }
    /// The strategy lost more than it may in one day; latched.
    StrategyDayLoss { loss: Money, max: Money }
    /// The strategy fell further from its peak than it may; latched.
    StrategyDrawdown { drawdown: Money, max: Money }
    /// The account lost more than it may in one day; latched.
    AccountDayLoss { loss: Money, max: Money }
    /// The account fell further from its peak than it may; latched.
    AccountDrawdown { drawdown: Money, max: Money }
    /// No session window is open.
    OutsideSession { since_midnight: Span, weekday: u32 }
    /// A blackout window is open.
    Blackout { from: Time, until: Time }
    /// There is no account message left, apart from those kept for exits.
    MessageRate { wait: Span, per: Span }
    /// The strategy has no message left.
    StrategyMessageRate { wait: Span, per: Span }
    /// An input is not a usable number.
    Malformed { input: Input, value: i64 }
    /// The bid is above the ask.
    CrossedQuote { bid: Price, ask: Price }
    /// The quote is too old, or from the future (a negative age).
    StaleQuote { age: Span, age_max: Span }
    /// There is no reference price to compare with.
    NoReference { symbol: SymbolId, strategy: StrategyId }
    /// The spread is wider than it may ever be.
    WideSpread { spread: Points, max: Points }
    /// The spread is wider than the allowed multiple of the usual one.
    UnusualSpread { spread: Points, max: Points }
    /// The order's worst price is too far from the reference price.
    PriceCollar { distance: Points, max: Points }
    /// The price moved too far within the window.
    PriceMove { moved: Points, max: Points }
    /// The profile demands a stop, or the stake needs one to be sized.
    NoStop { symbol: SymbolId, strategy: StrategyId }
    /// The stop is inside the broker's stop level and the spread, or on the wrong side.
    StopTooNear { distance: Points, least: Points }
    /// The target is inside the broker's stop level, or on the wrong side.
    TargetTooNear { distance: Points, least: Points }
    /// No exchange rate into the account's currency is known.
    NoConversion { symbol: SymbolId, strategy: StrategyId }
    /// The account has nothing left to risk.
    NoEquity { equity: Money, above: Money }
    /// The bet does not pay: the probability, in millionths, is not above the break-even one.
    NoEdge { p_ppm: i64, break_even_ppm: i64 }
    /// What the sizing leaves is below the venue's smallest order. Never rounded up.
    TooSmall { lots: Lots, min: Lots }
    /// The order is larger than one order may be.
    OrderVolume { lots: Lots, max: Lots }
    /// The order is worth more than one order may be.
    OrderValue { value: Money, max: Money }
    /// The order risks more at its stop than one trade may.
    TradeRisk { risk: Money, max: Money }
    /// Were every stop hit, the strategy's or the account's loss limit would be passed.
    LossRoom { risk: Money, room: Money }
    /// A new strategy has opened as much as it may during its launch.
    LaunchEntries { entries: u32, max: u32 }
    /// A new strategy may not place an order worth this much during its launch.
    LaunchValue { value: Money, max: Money }
    /// The symbol's long or short position would be too large.
    SymbolPosition { lots: Lots, max: Lots }
    /// The symbol, the strategy or the account would hold too many positions.
    PositionCount { positions: u32, max: u32 }
    /// The strategy's positions would be worth too much.
    StrategyValue { value: Money, max: Money }
    /// The strategy would risk too much at its stops.
    StrategyRisk { risk: Money, max: Money }
    /// The account's positions would be worth too much.
    AccountValue { value: Money, max: Money }
    /// The account would risk too much at its stops.
    AccountRisk { risk: Money, max: Money }
    /// The account's net position in one currency would be too large.
    CurrencyNet { net: Money, max: Money }
    /// The opposite side is held, and the preset forbids hedging.
    Hedged { opposite: Lots, allowed: Lots }
    /// The margin needed is not free.
    Margin { required: Money, free: Money }
    /// Equity would be too small a part of the margin in use, in percent.
    MarginLevel { percent: i64, least: i64 }
    /// The same order was sent a moment ago.
    Duplicate { age: Span, window: Span }
    /// The strategy repeated itself too often; latched.
    RepeatedExecution { executions: u32, max: u32 }
    /// More would be closed than is open and not already being closed.
    ExceedsOpen { lots: Lots, open: Lots }
    /// The reduction or protection names a position that is not the strategy's own.
    NotOurs { strategy: StrategyId, owner: StrategyId }
    /// An older position must be closed first.
    NotOldest { older: u32, allowed: u32 }
    /// The stop would move away from the price, or vanish.
    StopLoosened { stop: Price, current: Price }
    /// The price is within the freeze level of the stop or target.
    Frozen { distance: Points, freeze_level: Points }
    /// The change would change nothing.
    Unchanged { stop: Price, target: Price }
}

impl State for Refusal {
    fn save(&self, out: &mut Vec<u8>) {
        let (found, allowed) = self.figures();
        self.control().save(out);
        found.save(out);
        allowed.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let mut control = Control::Fault;
        control.load(from)?;
        *self = Self::from_figures(control, from.read()?, from.read()?).ok_or(Torn)?;
        Ok(())
    }
}

impl std::fmt::Display for Refusal {
    /// The control and its two figures, in the units of their types: `PriceCollar: 31, allowed 30`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (found, allowed) = self.figures();
        write!(f, "{}: {found}, allowed {allowed}", self.control().name())
    }
}

/// What a control measured, and whether that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What the refusal is, or would be.
    pub measure: Refusal,
    /// Whether the control lets it pass.
    pub passed: bool,
}

impl Verdict {
    /// A verdict from its measure.
    pub const fn when(passed: bool, measure: Refusal) -> Self {
        Self { measure, passed }
    }

    /// # Errors
    /// The refusal, when the control does not let it pass.
    pub const fn check(self) -> Result<(), Refusal> {
        if self.passed { Ok(()) } else { Err(self.measure) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_reads_back_from_its_figures() {
        for control in Control::ALL {
            let refusal = Refusal::from_figures(*control, 3, 2).or(Refusal::from_figures(*control, 1, 1)).unwrap();
            assert_eq!(refusal.control(), *control);
            let mut bytes = Vec::new();
            refusal.save(&mut bytes);
            let mut back = Refusal::Fault { place: 0, sequence: 0 };
            assert_eq!(back.load(&mut Reader::new(&bytes)), Ok(()));
            assert_eq!(back, refusal);
        }
        assert_eq!(Refusal::from_figures(Control::PositionCount, -1, 0), None);
    }
}
