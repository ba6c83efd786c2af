//! The totals that the ledger keeps: per side of a symbol, per strategy and account, per currency.

use crate::claim::{Claim, Stage};
use crate::exposure::LedgerFault;
use market::Lots;

/// One side of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SideBook {
    /// Open volume.
    pub open: Lots,
    /// Volume that may still be filled.
    pub in_flight: Lots,
    /// Open volume that is being closed.
    pub closing: Lots,
    /// Open positions.
    pub positions: u32,
    /// Orders in flight.
    pub orders: u32,
}

market::state!(SideBook { open, in_flight, closing, positions, orders });

/// What a strategy or the account holds, in flight included. Amounts in millionths of the account's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Book {
    /// Value of both sides added up.
    pub value: i128,
    /// What is lost when every stop is hit.
    pub risk: i128,
    /// Margin needed.
    pub margin: i128,
    /// Open positions and orders in flight.
    pub positions: u32,
    /// Profit of closed positions, costs included, since the start.
    pub realised: i128,
    /// Profit of open positions as last marked.
    pub unrealised: i128,
}

market::state!(Book { value, risk, margin, positions, realised, unrealised });

impl Book {
    /// Profit since the start, open positions included.
    pub const fn equity(&self) -> i128 {
        self.realised + self.unrealised
    }
}

/// The position in one currency, valued in the account's; long is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CurrencyBook {
    /// Net of open positions.
    pub open: i128,
    /// What orders in flight may add.
    pub long_in_flight: i128,
    /// What orders in flight may take away.
    pub short_in_flight: i128,
}

market::state!(CurrencyBook { open, long_in_flight, short_in_flight });

fn counted(count: u32, sign: i64) -> Result<u32, LedgerFault> {
    count.checked_add_signed(sign as i32).ok_or(LedgerFault::NotBooked)
}

fn moved(lots: Lots, by: Lots, sign: i64) -> Result<Lots, LedgerFault> {
    let sum = if sign > 0 { lots.plus(by) } else { lots.minus(by) };
    sum.filter(|sum| sum.0 >= 0).ok_or(LedgerFault::NotBooked)
}

impl SideBook {
    pub(crate) fn posted(mut self, claim: &Claim, sign: i64) -> Result<Self, LedgerFault> {
        if claim.lots.0 <= 0 {
            return Err(LedgerFault::Unusable);
        }
        match claim.stage {
            Stage::InFlight => {
                self.in_flight = moved(self.in_flight, claim.lots, sign)?;
                self.orders = counted(self.orders, sign)?;
            }
            Stage::Open => {
                self.open = moved(self.open, claim.lots, sign)?;
                self.closing = moved(self.closing, claim.closing, sign)?;
                self.positions = counted(self.positions, sign)?;
            }
        }
        Ok(self)
    }

    /// Open and in flight.
    pub fn total(&self) -> i128 {
        i128::from(self.open.0) + i128::from(self.in_flight.0)
    }

    /// Open and not being closed.
    pub const fn free(&self) -> Lots {
        Lots(self.open.0.saturating_sub(self.closing.0))
    }
}

impl Book {
    pub(crate) fn posted(mut self, claim: &Claim, sign: i64) -> Result<Self, LedgerFault> {
        let factor = i128::from(sign);
        self.value += i128::from(claim.value.0) * factor;
        self.risk += i128::from(claim.risk.0) * factor;
        self.margin += i128::from(claim.margin.0) * factor;
        self.positions = counted(self.positions, sign)?;
        let sound = self.value >= 0 && self.risk >= 0 && self.margin >= 0;
        if sound { Ok(self) } else { Err(LedgerFault::NotBooked) }
    }
}

impl CurrencyBook {
    pub(crate) fn post(&mut self, stage: Stage, amount: i128, sign: i128) {
        match stage {
            Stage::Open => self.open += amount * sign,
            Stage::InFlight if amount > 0 => self.long_in_flight += amount * sign,
            Stage::InFlight => self.short_in_flight -= amount * sign,
        }
    }

    /// The furthest that the net can get in a direction (1 long, -1 short), were all orders in flight that way filled.
    pub const fn furthest(&self, direction: i64) -> i128 {
        if direction > 0 { self.open + self.long_in_flight } else { self.short_in_flight - self.open }
    }
}
