//! Values that are written and read back whole: what stands in journals and inside snapshots. Little-endian, fields in
//! order, an enum as its number and the fields of its variant.
//!
//! [`State`] puts a running value back in place; [`Coded`] makes a new one, so it also fits words that have no default.

use std::collections::VecDeque;

use crate::state::{Reader, Torn};
use crate::{Lots, Money, Points, Price, Side, Span, StrategyId, SymbolId, Tick, Time, Trade};

/// Codes a struct as its fields in order.
#[macro_export]
macro_rules! coded_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::coded::Coded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::coded::Coded::put(&self.$field, out);)*
            }
            fn get(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::Torn> {
                Ok(Self { $($field: $crate::coded::Coded::get(from)?),* })
            }
        }
    };
}

/// Codes an enum as a number and the fields of the variant.
#[macro_export]
macro_rules! coded_enum {
    ($name:ident { $($code:literal => $variant:ident { $($field:ident),* $(,)? }),* $(,)? }) => {
        impl $crate::coded::Coded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $($name::$variant { $($field),* } => {
                        out.push($code);
                        $($crate::coded::Coded::put($field, out);)*
                    })*
                }
            }
            fn get(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::Torn> {
                match from.u8()? {
                    $($code => Ok($name::$variant { $($field: $crate::coded::Coded::get(from)?),* }),)*
                    _ => Err($crate::Torn),
                }
            }
        }
    };
}

/// A value that can be written and read back whole.
pub trait Coded: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads a value.
    ///
    /// # Errors
    /// [`Torn`] when the bytes end early or hold what no `put` writes.
    fn get(from: &mut Reader<'_>) -> Result<Self, Torn>;
}

/// Codes types that are [`State`], from a value to load into.
#[macro_export]
macro_rules! coded_leaves {
    ($($leaf:ty = $seed:expr),* $(,)?) => {$(
        impl $crate::coded::Coded for $leaf {
            fn put(&self, out: &mut Vec<u8>) {
                $crate::state::State::save(self, out);
            }
            fn get(from: &mut $crate::state::Reader<'_>) -> Result<Self, $crate::state::Torn> {
                let mut value: $leaf = $seed;
                $crate::state::State::load(&mut value, from)?;
                Ok(value)
            }
        }
    )*};
}

coded_leaves!(
    u8 = 0,
    u16 = 0,
    u32 = 0,
    u64 = 0,
    i64 = 0,
    i128 = 0,
    usize = 0,
    bool = false,
    Time = Time(0),
    Span = Span(0),
    Lots = Lots(0),
    Money = Money(0),
    Points = Points(0),
    Price = Price(0),
    SymbolId = SymbolId(0),
    StrategyId = StrategyId(0),
    Side = Side::Buy,
    Tick = Tick::default(),
);
coded_struct!(Trade { symbol, time, seen, price, lots, taker });

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
pub fn put_all<'a, T: Coded + 'a>(list: impl ExactSizeIterator<Item = &'a T>, out: &mut Vec<u8>) {
    list.len().put(out);
    for value in list {
        value.put(out);
    }
}

/// Reads a list into a vector, whose room it keeps.
///
/// # Errors
/// [`Torn`] when the bytes end early.
pub fn get_vec<T: Coded>(list: &mut Vec<T>, from: &mut Reader<'_>) -> Result<(), Torn> {
    list.clear();
    for _ in 0..usize::get(from)? {
        list.push(T::get(from)?);
    }
    Ok(())
}

/// Reads a list into a queue, whose room it keeps.
///
/// # Errors
/// [`Torn`] when the bytes end early.
pub fn get_queue<T: Coded>(list: &mut VecDeque<T>, from: &mut Reader<'_>) -> Result<(), Torn> {
    list.clear();
    for _ in 0..usize::get(from)? {
        list.push_back(T::get(from)?);
    }
    Ok(())
}
