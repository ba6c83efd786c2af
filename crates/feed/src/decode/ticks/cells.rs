//! The cells of a batch of rows, by type.

use arrow_array::types::{ArrowTimestampType, TimestampMicrosecondType, TimestampMillisecondType};
use arrow_array::types::{TimestampNanosecondType, TimestampSecondType};
use arrow_array::{
    Array, ArrayRef, Float32Array, Float64Array, Int8Array, Int64Array, PrimitiveArray, RecordBatch, StringArray,
};
use market::Time;

use super::columns;
use crate::zone::Clock;

pub(super) enum Cells {
    Own(Box<Own>),
    Foreign(Foreign),
}

/// The unit of a time column in nanoseconds, and the clock where it has no zone of its own.
pub(super) struct Clocked {
    pub(super) scale: i64,
    pub(super) clock: Option<Clock>,
}

impl Clocked {
    pub(super) fn instant(&mut self, value: i64) -> Option<Time> {
        let time = Time(value.checked_mul(self.scale)?);
        match &mut self.clock {
            Some(clock) => clock.instant(time),
            None => Some(time),
        }
    }
}

pub(super) struct Own {
    whole: [Int64Array; 8],
    taker: Int8Array,
}

impl Own {
    pub(super) fn whole(&self, column: usize, at: usize) -> Option<i64> {
        let array = &self.whole[column];
        array.is_valid(at).then(|| array.value(at))
    }
    pub(super) fn taker(&self, at: usize) -> Option<i8> {
        self.taker.is_valid(at).then(|| self.taker.value(at))
    }
}

pub(super) struct Foreign {
    time: Int64Array,
    bid: ArrayRef,
    ask: ArrayRef,
    sizes: Option<(ArrayRef, ArrayRef)>,
}

impl Foreign {
    pub(super) fn time(&self, at: usize) -> Option<i64> {
        self.time.is_valid(at).then(|| self.time.value(at))
    }
    pub(super) fn bid(&self, at: usize) -> Option<String> {
        text(&self.bid, at)
    }
    pub(super) fn ask(&self, at: usize) -> Option<String> {
        text(&self.ask, at)
    }
    pub(super) fn bid_size(&self, at: usize) -> Option<String> {
        self.sizes.as_ref().and_then(|(bid, _)| text(bid, at))
    }
    pub(super) fn ask_size(&self, at: usize) -> Option<String> {
        self.sizes.as_ref().and_then(|(_, ask)| text(ask, at))
    }
}

fn cast<T: Array + Clone + 'static>(array: &ArrayRef) -> Option<T> {
    array.as_any().downcast_ref::<T>().cloned()
}

fn stamps<T: ArrowTimestampType>(array: &ArrayRef) -> Option<Int64Array> {
    let stamps = cast::<PrimitiveArray<T>>(array)?;
    Some(Int64Array::new(stamps.values().clone(), stamps.nulls().cloned()))
}

impl Cells {
    pub(super) fn own(batch: &RecordBatch) -> Option<Self> {
        let whole = |name| cast::<Int64Array>(batch.column_by_name(name)?);
        let whole = [
            whole(columns::TIME)?,
            whole(columns::SEEN)?,
            whole(columns::BID)?,
            whole(columns::ASK)?,
            whole(columns::BID_LOTS)?,
            whole(columns::ASK_LOTS)?,
            whole(columns::PRICE)?,
            whole(columns::LOTS)?,
        ];
        let taker = cast::<Int8Array>(batch.column_by_name(columns::TAKER)?)?;
        Some(Self::Own(Box::new(Own { whole, taker })))
    }

    pub(super) fn foreign(batch: &RecordBatch, names: [&str; 3], sizes: Option<(&str, &str)>) -> Option<Self> {
        let column = |name| batch.column_by_name(name).cloned();
        let time = column(names[0])?;
        let time = cast::<Int64Array>(&time)
            .or_else(|| stamps::<TimestampNanosecondType>(&time))
            .or_else(|| stamps::<TimestampMicrosecondType>(&time))
            .or_else(|| stamps::<TimestampMillisecondType>(&time))
            .or_else(|| stamps::<TimestampSecondType>(&time))?;
        let sizes = match sizes {
            Some((bid, ask)) => Some((column(bid)?, column(ask)?)),
            None => None,
        };
        Some(Self::Foreign(Foreign { time, bid: column(names[1])?, ask: column(names[2])?, sizes }))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Own(own) => own.taker.len(),
            Self::Foreign(foreign) => foreign.time.len(),
        }
    }

    pub(super) fn shown(&self, at: usize) -> String {
        let cell = |value: Option<String>| value.unwrap_or_else(|| "null".into());
        let all: Vec<String> = match self {
            Self::Own(own) => {
                let whole = (0..8).map(|column| cell(own.whole(column, at).map(|value| value.to_string())));
                whole.chain([cell(own.taker(at).map(|value| value.to_string()))]).collect()
            }
            Self::Foreign(foreign) => {
                let time = foreign.time(at).map(|value| value.to_string());
                [time, foreign.bid(at), foreign.ask(at), foreign.bid_size(at), foreign.ask_size(at)].map(cell).to_vec()
            }
        };
        all.join(",")
    }
}

/// A number as the shortest decimal text that stands for it, so that 1.38694 is not 1.38693999.
fn text(array: &ArrayRef, at: usize) -> Option<String> {
    if at >= array.len() || array.is_null(at) {
        return None;
    }
    let any = array.as_any();
    if let Some(array) = any.downcast_ref::<Float64Array>() {
        return Some(array.value(at).to_string());
    }
    if let Some(array) = any.downcast_ref::<Float32Array>() {
        return Some(array.value(at).to_string());
    }
    if let Some(array) = any.downcast_ref::<Int64Array>() {
        return Some(array.value(at).to_string());
    }
    any.downcast_ref::<StringArray>().map(|array| array.value(at).to_owned())
}
