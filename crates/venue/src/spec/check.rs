//! What a spec must be to make a venue: every fault is found, and all at once.

use super::{
    Capacity, Commission, Conversion, Latency, Margin, PaperSpec, PartialFills, Rejects, Slippage, Swap, SymbolSpec,
    TypicalSpread,
};
use crate::calendar::Session;
use market::{Instrument, Span, SymbolId};

/// Why a spec cannot be a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecFault {
    /// No symbol is traded.
    NoSymbol,
    /// A symbol is listed twice.
    SymbolTwice(SymbolId),
    /// A limit that fills when touched: the trade-through is below one point.
    TouchFills,
    /// A latency that is negative, recorded as nothing, or whose bounds are out of order.
    Latency,
    /// A slippage that is better than the quote.
    Slippage(SymbolId),
    /// A commission that pays us, or above the whole value.
    Commission(SymbolId),
    /// A swap with an impossible weekday, time of day or span.
    Swap(SymbolId),
    /// A session window that ends before it begins or leaves the week.
    Session(SymbolId),
    /// A conversion that does not lead to the account's currency.
    Conversion(SymbolId),
    /// A grid with a step, contract or level that is not positive (levels may be zero).
    Grid(SymbolId),
    /// Probabilities or shares above one million millionths.
    Share,
    /// A leverage of zero.
    Leverage,
    /// A memory of the spread of nothing or of more than 2^20 ticks.
    TypicalSpread,
    /// A room without place.
    Capacity,
}

impl std::fmt::Display for SpecFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSymbol => f.write_str("the venue trades no symbol"),
            Self::SymbolTwice(symbol) => write!(f, "symbol {} is listed twice", symbol.0),
            Self::TouchFills => f.write_str("the trade-through of limits must be at least one point"),
            Self::Latency => f.write_str("a latency is negative, empty or has its bounds out of order"),
            Self::Slippage(symbol) => write!(f, "the slippage of symbol {} is better than the quote", symbol.0),
            Self::Commission(symbol) => {
                write!(f, "the commission of symbol {} pays us or is above all value", symbol.0)
            }
            Self::Swap(symbol) => write!(f, "the swap of symbol {} has an impossible time", symbol.0),
            Self::Session(symbol) => write!(f, "a session window of symbol {} is not within the week", symbol.0),
            Self::Conversion(symbol) => write!(f, "symbol {} does not convert to the account's currency", symbol.0),
            Self::Grid(symbol) => write!(f, "the grid of symbol {} is not positive", symbol.0),
            Self::Share => f.write_str("a probability or share is above one million millionths"),
            Self::Leverage => f.write_str("a leverage is zero"),
            Self::TypicalSpread => {
                f.write_str("the memory of the typical spread must be 1 to 20 halvings, or a step above zero")
            }
            Self::Capacity => f.write_str("a room has no place"),
        }
    }
}

impl std::error::Error for SpecFault {}

impl PaperSpec {
    /// Every fault of the spec, all at once.
    pub fn faults(&self) -> Vec<SpecFault> {
        let mut faults = Vec::new();
        let mut fault = |wrong: bool, fault: SpecFault| {
            if wrong {
                faults.push(fault);
            }
        };
        fault(self.symbols.is_empty(), SpecFault::NoSymbol);
        fault(self.through.0 < 1, SpecFault::TouchFills);
        fault(!self.latency_to_venue.is_sound() || !self.latency_to_us.is_sound(), SpecFault::Latency);
        fault(!self.shares_are_sound(), SpecFault::Share);
        fault(!self.margin.is_sound(), SpecFault::Leverage);
        fault(!self.typical_spread.is_sound(), SpecFault::TypicalSpread);
        let Capacity { in_flight, positions, resting, answers, whys } = self.capacity;
        fault([in_flight, positions, resting, answers, whys].contains(&0), SpecFault::Capacity);
        for (place, symbol) in self.symbols.iter().enumerate() {
            let id = symbol.instrument.symbol;
            let twice = self.symbols[..place].iter().any(|other| other.instrument.symbol == id);
            fault(twice, SpecFault::SymbolTwice(id));
            fault(!symbol.slippage.is_sound(), SpecFault::Slippage(id));
            fault(!symbol.commission.is_sound(), SpecFault::Commission(id));
            fault(!symbol.swap.is_sound(), SpecFault::Swap(id));
            fault(!session_is_sound(&symbol.session), SpecFault::Session(id));
            fault(!grid_is_sound(&symbol.instrument), SpecFault::Grid(id));
            fault(!self.converts(symbol), SpecFault::Conversion(id));
        }
        faults
    }

    fn shares_are_sound(&self) -> bool {
        let rejects = match self.rejects {
            Rejects::Never => 0,
            Rejects::Drawn { requote_millionths, busy_millionths, off_quotes_millionths } => {
                u64::from(requote_millionths) + u64::from(busy_millionths) + u64::from(off_quotes_millionths)
            }
        };
        let partial = match self.partial_fills {
            PartialFills::Never => 0,
            PartialFills::Drawn { millionths } => millionths,
            PartialFills::QuotedSize { share_millionths } => share_millionths,
        };
        rejects <= 1_000_000 && partial <= 1_000_000
    }

    fn converts(&self, symbol: &SymbolSpec) -> bool {
        let other = |id: SymbolId| self.symbols.iter().map(|s| &s.instrument).find(|i| i.symbol == id);
        let (base, quote) = (symbol.instrument.base, symbol.instrument.quote);
        match symbol.conversion {
            Conversion::Same => quote == self.currency,
            Conversion::ByOwnMid => base == self.currency,
            Conversion::Fixed { numerator, denominator } => numerator > 0 && denominator > 0,
            Conversion::TimesMid(id) => other(id).is_some_and(|i| i.base == quote && i.quote == self.currency),
            Conversion::OverMid(id) => other(id).is_some_and(|i| i.base == self.currency && i.quote == quote),
        }
    }
}

impl Latency {
    fn is_sound(&self) -> bool {
        match self {
            Self::Fixed(span) => span.0 >= 0,
            Self::ShiftedExponential { min, mean, most } => 0 <= min.0 && min <= mean && mean <= most,
            Self::LogNormal { median, sigma_thousandths: _, most } => 0 <= median.0 && median <= most,
            Self::Recorded(spans) => !spans.is_empty() && spans.iter().all(|span| span.0 >= 0),
        }
    }
}

impl Slippage {
    const fn is_sound(self) -> bool {
        match self {
            Self::None => true,
            Self::Fixed(points) | Self::Exponential { most: points, .. } => points.0 >= 0,
        }
    }
}

impl Commission {
    const fn is_sound(self) -> bool {
        match self {
            Self::None => true,
            Self::PerLot { side } => side.0 >= 0,
            Self::Notional { maker_millionths, taker_millionths } => {
                maker_millionths <= 1_000_000 && taker_millionths <= 1_000_000
            }
        }
    }
}

impl Swap {
    const fn is_sound(self) -> bool {
        match self {
            Self::None => true,
            Self::Nightly { at, triple, .. } => 0 <= at.0 && at.0 < Span::DAY.0 && triple < 7,
            Self::Funding { every, .. } => every.0 >= Span::MINUTE.0,
        }
    }
}

impl Margin {
    fn is_sound(self) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Leveraged { leverage: l, .. } => {
                ![l.major_pair, l.minor_pair_gold_index, l.commodity, l.share, l.crypto].contains(&0)
            }
        }
    }
}

impl TypicalSpread {
    const fn is_sound(self) -> bool {
        match self {
            Self::Ewma { shift } => 0 < shift && shift <= 20,
            Self::Median { step_thousandths } => step_thousandths > 0,
        }
    }
}

fn session_is_sound(session: &Session) -> bool {
    match session {
        Session::Always => true,
        Session::Weekly { zone: _, closed } => {
            closed.iter().all(|window| 0 <= window.from.0 && window.from < window.to && window.to.0 <= 7 * Span::DAY.0)
        }
    }
}

const fn grid_is_sound(instrument: &Instrument) -> bool {
    instrument.tick_size.0 > 0
        && instrument.lot_step.0 > 0
        && instrument.lot_min.0 > 0
        && instrument.lot_max.0 >= instrument.lot_min.0
        && instrument.contract_size > 0
        && instrument.digits <= 12
        && instrument.volume_digits <= 12
        && instrument.stop_level.0 >= 0
        && instrument.freeze_level.0 >= 0
}
