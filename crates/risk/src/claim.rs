//! What one order or position claims of the limits.

use crate::order::{Entry, Kind};
use market::{Lots, Money, Price, Reader, Side, State, StrategyId, SymbolId, Torn};

/// Whether a claim is an order in flight or an open position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Sent, resting or unknown: it may still be filled.
    InFlight,
    /// Filled.
    Open,
}

market::state_enum!(Stage { InFlight, Open });

/// What a claim is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Whose.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// Which way.
    pub side: Side,
    /// How much.
    pub lots: Lots,
    /// At which price it was, or would be, opened.
    pub price: Price,
    /// Where its stop is.
    pub stop: Option<Price>,
}

impl Terms {
    /// The terms of an entry: at its limit, or at the quote at which it was decided.
    pub const fn of(entry: &Entry) -> Self {
        let price = match entry.kind {
            Kind::Market { .. } => entry.reference,
            Kind::Limit { price, .. } => price,
        };
        let Entry { strategy, symbol, side, lots, stop, .. } = *entry;
        Self { strategy, symbol, side, lots, price, stop }
    }
}

/// What one order in flight or one open position claims of the limits. The ledger's totals are at all times the sums over
/// the claims that it has booked; whoever holds an order or position holds its claim. Only the ledger changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub(crate) strategy: StrategyId,
    pub(crate) symbol: SymbolId,
    pub(crate) side: Side,
    pub(crate) stage: Stage,
    pub(crate) lots: Lots,
    pub(crate) closing: Lots,
    pub(crate) value: Money,
    pub(crate) risk: Money,
    pub(crate) margin: Money,
}

impl Default for Claim {
    /// A claim on nothing, which no ledger books: the start for reading one back.
    fn default() -> Self {
        Self {
            strategy: StrategyId(0),
            symbol: SymbolId(0),
            side: Side::Buy,
            stage: Stage::InFlight,
            lots: Lots::ZERO,
            closing: Lots::ZERO,
            value: Money::ZERO,
            risk: Money::ZERO,
            margin: Money::ZERO,
        }
    }
}

impl Claim {
    /// How much.
    pub const fn lots(&self) -> Lots {
        self.lots
    }

    /// How much of it is being closed.
    pub const fn closing(&self) -> Lots {
        self.closing
    }

    /// In flight or open.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Its value when booked, in the account's currency.
    pub const fn value(&self) -> Money {
        self.value
    }

    /// What is lost when its stop is hit, in the account's currency.
    pub const fn risk(&self) -> Money {
        self.risk
    }

    /// The margin it needs, in the account's currency.
    pub const fn margin(&self) -> Money {
        self.margin
    }

    /// Whether nothing is left of it.
    pub const fn is_spent(&self) -> bool {
        self.lots.0 == 0
    }

    /// The same claim on `lots` of it; amounts in proportion, rounded up.
    #[must_use]
    pub(crate) fn resized(&self, lots: Lots) -> Self {
        let whole = i128::from(self.lots.0.max(1));
        let part = |amount: Money| {
            let product = i128::from(amount.0) * i128::from(lots.0);
            crate::loss::money(product.div_euclid(whole) + i128::from(product.rem_euclid(whole) > 0))
        };
        Self { lots, value: part(self.value), risk: part(self.risk), margin: part(self.margin), ..*self }
    }
}

impl State for Claim {
    fn save(&self, out: &mut Vec<u8>) {
        (self.strategy, self.symbol).save(out);
        self.side.save(out);
        self.stage.save(out);
        (self.lots, self.closing).save(out);
        (self.value, (self.risk, self.margin)).save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        (self.strategy, self.symbol) = from.read()?;
        self.side.load(from)?;
        self.stage.load(from)?;
        (self.lots, self.closing) = from.read()?;
        (self.value, (self.risk, self.margin)) = from.read()?;
        Ok(())
    }
}
