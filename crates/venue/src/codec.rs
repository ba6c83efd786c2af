//! How our words are written to a snapshot and read back. `Report`, `Instruction` and their parts belong to other crates
//! and have no default value, so `market::State` cannot be implemented for them here.

use market::{Lots, Money, Points, Price, Reader, Side, State, StrategyId, SymbolId, Time, Torn};
use orders::{Instruction, OrderId, Reject, Report};
use risk::{Entry, ExitCause, Kind, Protection, Reduction, Ticket};
use std::collections::VecDeque;

/// A value that can be written and read back whole.
pub(crate) trait Coded: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads a value.
    fn get(from: &mut Reader<'_>) -> Result<Self, Torn>;
}

macro_rules! leaves {
    ($($leaf:ty = $seed:expr),* $(,)?) => {$(
        impl Coded for $leaf {
            fn put(&self, out: &mut Vec<u8>) {
                State::save(self, out);
            }
            fn get(from: &mut Reader<'_>) -> Result<Self, Torn> {
                let mut value: $leaf = $seed;
                State::load(&mut value, from)?;
                Ok(value)
            }
        }
    )*};
}

leaves!(
    u32 = 0,
    u64 = 0,
    i64 = 0,
    i128 = 0,
    usize = 0,
    bool = false,
    Time = Time(0),
    Lots = Lots(0),
    Money = Money(0),
    Points = Points(0),
    Price = Price(0),
    SymbolId = SymbolId(0),
    StrategyId = StrategyId(0),
    OrderId = OrderId(0),
    Ticket = Ticket(0),
    Side = Side::Buy,
    Reject = Reject::Other,
    ExitCause = ExitCause::Stop,
);

impl<T: Coded> Coded for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn get(from: &mut Reader<'_>) -> Result<Self, Torn> {
        Ok(if bool::get(from)? { Some(T::get(from)?) } else { None })
    }
}

/// Writes a list.
pub(crate) fn put_all<'a, T: Coded + 'a>(list: impl ExactSizeIterator<Item = &'a T>, out: &mut Vec<u8>) {
    list.len().put(out);
    list.for_each(|value| value.put(out));
}

/// Reads a list into a vector, whose room it keeps.
pub(crate) fn get_vec<T: Coded>(list: &mut Vec<T>, from: &mut Reader<'_>) -> Result<(), Torn> {
    list.clear();
    for _ in 0..usize::get(from)? {
        list.push(T::get(from)?);
    }
    Ok(())
}

/// Reads a list into a queue, whose room it keeps.
pub(crate) fn get_queue<T: Coded>(list: &mut VecDeque<T>, from: &mut Reader<'_>) -> Result<(), Torn> {
    list.clear();
    for _ in 0..usize::get(from)? {
        list.push_back(T::get(from)?);
    }
    Ok(())
}

/// Codes a struct as its fields in order.
macro_rules! coded_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::codec::Coded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::codec::Coded::put(&self.$field, out);)*
            }
            fn get(from: &mut market::Reader<'_>) -> Result<Self, market::Torn> {
                Ok(Self { $($field: $crate::codec::Coded::get(from)?),* })
            }
        }
    };
}

/// Codes an enum as a number and the fields of the variant.
macro_rules! coded_enum {
    ($name:ident { $($code:literal => $variant:ident { $($field:ident),* $(,)? }),* $(,)? }) => {
        impl $crate::codec::Coded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $($name::$variant { $($field),* } => {
                        out.push($code);
                        $($crate::codec::Coded::put($field, out);)*
                    })*
                }
            }
            fn get(from: &mut market::Reader<'_>) -> Result<Self, market::Torn> {
                match from.u8()? {
                    $($code => Ok($name::$variant { $($field: $crate::codec::Coded::get(from)?),* }),)*
                    _ => Err(market::Torn),
                }
            }
        }
    };
}
pub(crate) use {coded_enum, coded_struct};

coded_enum!(Kind {
    0 => Market { deviation },
    1 => Limit { price, expires },
});
coded_struct!(Entry { strategy, symbol, side, lots, kind, reference, stop, target });
coded_struct!(Reduction { strategy, symbol, ticket, side, lots, cause });
coded_struct!(Protection { strategy, symbol, ticket, stop, target });

impl Coded for Instruction {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open(entry) => {
                out.push(0);
                entry.put(out);
            }
            Self::Close(reduction) => {
                out.push(1);
                reduction.put(out);
            }
            Self::Protect(protection) => {
                out.push(2);
                protection.put(out);
            }
            Self::Cancel { order, symbol } => {
                out.push(3);
                order.put(out);
                symbol.put(out);
            }
        }
    }
    fn get(from: &mut Reader<'_>) -> Result<Self, Torn> {
        match from.u8()? {
            0 => Ok(Self::Open(Entry::get(from)?)),
            1 => Ok(Self::Close(Reduction::get(from)?)),
            2 => Ok(Self::Protect(Protection::get(from)?)),
            3 => Ok(Self::Cancel { order: OrderId::get(from)?, symbol: SymbolId::get(from)? }),
            _ => Err(Torn),
        }
    }
}

coded_enum!(Report {
    0 => Accepted { id, time },
    1 => Rejected { id, time, reason },
    2 => Opened { id, time, ticket, lots, rest, price, commission },
    3 => Closed { id, time, ticket, successor, lots, price, profit, commission, swap, cause },
    4 => Protected { id, time, ticket, stop, target },
    5 => Cancelled { id, time },
    6 => Unknown { id, time },
    7 => NeverHeard { id, time },
    8 => Held { time, ticket, symbol, side, lots, price, stop, target },
    9 => Listed { time, positions, balance },
    10 => MarginCalled { time },
});

/// The request that a report speaks of.
pub(crate) const fn order_of(report: &Report) -> Option<OrderId> {
    match *report {
        Report::Accepted { id, .. }
        | Report::Rejected { id, .. }
        | Report::Opened { id, .. }
        | Report::Protected { id, .. }
        | Report::Cancelled { id, .. }
        | Report::Unknown { id, .. }
        | Report::NeverHeard { id, .. } => Some(id),
        Report::Closed { id, .. } => id,
        Report::Held { .. } | Report::Listed { .. } | Report::MarginCalled { .. } => None,
    }
}

/// The position that a report speaks of; of a listed position too.
pub(crate) const fn ticket_of(report: &Report) -> Option<Ticket> {
    match *report {
        Report::Opened { ticket, .. }
        | Report::Closed { ticket, .. }
        | Report::Protected { ticket, .. }
        | Report::Held { ticket, .. } => Some(ticket),
        Report::Accepted { .. }
        | Report::Rejected { .. }
        | Report::Cancelled { .. }
        | Report::Unknown { .. }
        | Report::NeverHeard { .. }
        | Report::Listed { .. }
        | Report::MarginCalled { .. } => None,
    }
}
