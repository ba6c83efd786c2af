//! Parquet: our own schema, or any table with a time, a bid and an ask column.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, TimeUnit};
use market::{Doubt, Instrument, Lots, Price, Side, Tick, Time, Trade};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::KeyValue;

use self::cells::{Cells, Clocked};
use super::{Decoder, FileInfo, Item, doubt};
use crate::error::{Fault, FeedError, Place};
use crate::open::{Body, Content};
use crate::symbols::plain;
use crate::zone::{Clock, ZoneFrom};

mod cells;

/// The names of our columns, in their order. A row is a quote (bid, ask and their volumes) or a trade (price, volume
/// and the taker's side, 1 for a buy and -1 for a sale); the columns of the other are null.
pub(crate) mod columns {
    pub(crate) const TIME: &str = "time_ns";
    pub(crate) const SEEN: &str = "seen_ns";
    pub(crate) const BID: &str = "bid";
    pub(crate) const ASK: &str = "ask";
    pub(crate) const BID_LOTS: &str = "bid_lots";
    pub(crate) const ASK_LOTS: &str = "ask_lots";
    pub(crate) const PRICE: &str = "price";
    pub(crate) const LOTS: &str = "lots";
    pub(crate) const TAKER: &str = "taker";
    pub(crate) const ALL: [&str; 9] = [TIME, SEEN, BID, ASK, BID_LOTS, ASK_LOTS, PRICE, LOTS, TAKER];
}

/// The keys of our metadata.
pub(crate) mod meta {
    pub(crate) const SCHEMA: &str = "scalpel.schema";
    pub(crate) const VERSION: &str = "scalpel-ticks/1";
    pub(crate) const SYMBOL: &str = "scalpel.symbol";
    pub(crate) const DIGITS: &str = "scalpel.digits";
    pub(crate) const VOLUME_DIGITS: &str = "scalpel.volume_digits";
    pub(crate) const SOURCES: &str = "scalpel.sources";
    pub(crate) const COUNTS: &str = "scalpel.counts";
}

const BATCH: usize = 16_384;

fn corrupt(name: &str, what: impl std::fmt::Display) -> FeedError {
    FeedError::new(name, Fault::Corrupt(format!("Parquet: {what}")))
}

/// Runs a step of the Parquet library, which panics on some damaged files, and turns a panic into an error.
fn guarded<T, E: std::fmt::Display>(name: &str, step: impl FnOnce() -> Result<T, E>) -> Result<T, FeedError> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(corrupt(name, error)),
        Err(_) => Err(corrupt(name, "the reader gave up on damaged content")),
    }
}

type Builder = ParquetRecordBatchReaderBuilder<File>;

fn builder(name: &str, file: &File) -> Result<Builder, FeedError> {
    let file = file.try_clone().map_err(|error| FeedError::new(name, Fault::Io(error.to_string())))?;
    guarded(name, || ParquetRecordBatchReaderBuilder::try_new(file))
}

fn value<'a>(pairs: Option<&'a Vec<KeyValue>>, key: &str) -> Option<&'a str> {
    pairs?.iter().find(|pair| pair.key == key)?.value.as_deref()
}

/// The symbol in our metadata.
pub(super) fn symbol(name: &str, file: &File) -> Result<Option<String>, FeedError> {
    let builder = builder(name, file)?;
    Ok(value(builder.metadata().file_metadata().key_value_metadata(), meta::SYMBOL).map(str::to_owned))
}

pub(super) fn open(
    content: Content,
    instrument: &Instrument,
    clock: Clock,
    info: &mut FileInfo,
) -> Result<Box<dyn Decoder>, FeedError> {
    let name = content.name.clone();
    let Body::Parquet(file) = content.body else { return Err(corrupt(&name, "not a file")) };
    let builder = builder(&name, &file)?;
    let metadata = Arc::clone(builder.metadata());
    let pairs = metadata.file_metadata().key_value_metadata();
    let own = match value(pairs, meta::SCHEMA) {
        Some(meta::VERSION) => {
            checked(&name, pairs, instrument)?;
            true
        }
        Some(other) => return Err(FeedError::new(&name, Fault::NotSupported(format!("schema {other}")))),
        None => false,
    };
    if own && info.zone.from == ZoneFrom::Given && info.zone.zone != "UTC" {
        return Err(FeedError::new(&name, Fault::ZoneNotApplicable("our Parquet".into())));
    }
    let layout = if own { Layout::Own } else { Layout::Foreign(foreign(&name, builder.schema(), clock, info)?) };
    if own {
        own_types(&name, builder.schema())?;
        info.believed_before = true;
        info.notes.push("its records were believed when it was imported: doubts are flagged, none is rejected".into());
    }
    let mask = ProjectionMask::roots(builder.parquet_schema(), layout.roots(builder.schema()));
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    let reader = guarded(&name, || builder.with_batch_size(BATCH).with_projection(mask).build())?;
    let scale = Scale { rows, size: content.size, read: Arc::clone(&content.read) };
    Ok(Box::new(Ticks { name, instrument: instrument.clone(), reader, layout, cells: None, at: 0, row: 0, scale }))
}

/// Whether our file is of this instrument and grid.
fn checked(name: &str, pairs: Option<&Vec<KeyValue>>, instrument: &Instrument) -> Result<(), FeedError> {
    let symbol = value(pairs, meta::SYMBOL).unwrap_or_default();
    if plain(symbol) != plain(&instrument.name) {
        return Err(FeedError::new(name, Fault::OtherSymbol(instrument.name.clone(), symbol.to_owned())));
    }
    for (key, expected) in [(meta::DIGITS, instrument.digits), (meta::VOLUME_DIGITS, instrument.volume_digits)] {
        if value(pairs, key).and_then(|text| text.parse::<u8>().ok()) != Some(expected) {
            let found = value(pairs, key).unwrap_or("nothing");
            return Err(corrupt(name, format!("{key} is {found}, the instrument has {expected}")));
        }
    }
    Ok(())
}

fn own_types(name: &str, schema: &Schema) -> Result<(), FeedError> {
    for column in columns::ALL {
        let expected = if column == columns::TAKER { DataType::Int8 } else { DataType::Int64 };
        if schema.field_with_name(column).ok().map(arrow_schema::Field::data_type) != Some(&expected) {
            return Err(corrupt(name, format!("column {column} is missing or of another type")));
        }
    }
    Ok(())
}

/// The columns of somebody else's table.
struct Foreign {
    time: String,
    clocked: Clocked,
    bid: String,
    ask: String,
    sizes: Option<(String, String)>,
}

enum Layout {
    Own,
    Foreign(Foreign),
}

impl Layout {
    fn roots(&self, schema: &Schema) -> Vec<usize> {
        let wanted: Vec<&str> = match self {
            Self::Own => columns::ALL.to_vec(),
            Self::Foreign(foreign) => {
                let mut all = vec![foreign.time.as_str(), &foreign.bid, &foreign.ask];
                all.extend(foreign.sizes.iter().flat_map(|(bid, ask)| [bid.as_str(), ask]));
                all
            }
        };
        wanted.iter().filter_map(|name| schema.index_of(name).ok()).collect()
    }
}

/// Finds the columns by the names in use.
fn foreign(name: &str, schema: &Schema, clock: Clock, info: &FileInfo) -> Result<Foreign, FeedError> {
    let find = |names: &[&str]| {
        names.iter().find_map(|wanted| schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(wanted)))
    };
    let unsupported = |what: &str| FeedError::new(name, Fault::NotSupported(format!("Parquet {what}")));
    let missing =
        || unsupported("without the columns time (ts_ns, ts_us, ts_ms, ts_event, timestamp or time), bid and ask");
    let time = find(&[
        "ts_ns",
        "time_ns",
        "ts_event",
        "ts_us",
        "time_us",
        "ts_ms",
        "time_ms",
        "timestamp",
        "time",
        "datetime",
    ])
    .ok_or_else(missing)?;
    let bid = find(&["bid", "bid_price"]).ok_or_else(missing)?;
    let ask = find(&["ask", "ask_price"]).ok_or_else(missing)?;
    for column in [bid, ask] {
        if !matches!(column.data_type(), DataType::Float64 | DataType::Float32 | DataType::Utf8) {
            return Err(unsupported(&format!("column {} of type {}", column.name(), column.data_type())));
        }
    }
    let given = info.zone.from == ZoneFrom::Given;
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    let lower = time.name().to_ascii_lowercase();
    let scale = match (time.data_type(), lower.as_str()) {
        (DataType::Timestamp(_, None), _) if !given => {
            return Err(FeedError::new(name, Fault::ZoneNeeded(format!("column {lower}"))));
        }
        (DataType::Timestamp(of, _), _) => unit(of),
        (DataType::Int64, "ts_ns" | "time_ns" | "ts_event") => 1,
        (DataType::Int64, "ts_us" | "time_us") => 1_000,
        (DataType::Int64, "ts_ms" | "time_ms") => 1_000_000,
        (other, _) => return Err(unsupported(&format!("column {lower} of type {other}, whose unit is not said"))),
    };
    let naive = matches!(time.data_type(), DataType::Timestamp(_, None));
    if !naive && given && info.zone.zone != "UTC" {
        return Err(FeedError::new(name, Fault::ZoneNotApplicable(format!("column {lower}"))));
    }
    let sizes = match (find(&["bid_size", "bid_vol", "bid_volume"]), find(&["ask_size", "ask_vol", "ask_volume"])) {
        (Some(bid), Some(ask)) => Some((bid.name().clone(), ask.name().clone())),
        _ => None,
    };
    let clocked = Clocked { scale, clock: naive.then_some(clock) };
    Ok(Foreign { time: time.name().clone(), clocked, bid: bid.name().clone(), ask: ask.name().clone(), sizes })
}

/// Turns rows read into bytes read, for the progress.
struct Scale {
    rows: u64,
    size: u64,
    read: Arc<AtomicU64>,
}

struct Ticks {
    name: String,
    instrument: Instrument,
    reader: ParquetRecordBatchReader,
    layout: Layout,
    cells: Option<Cells>,
    at: usize,
    row: u64,
    scale: Scale,
}

impl Ticks {
    fn more(&mut self) -> Result<bool, FeedError> {
        let reader = &mut self.reader;
        let batch: Option<RecordBatch> = guarded(&self.name, || reader.next().transpose())?;
        let Some(batch) = batch else { return Ok(false) };
        self.cells = Some(
            match &self.layout {
                Layout::Own => Cells::own(&batch),
                Layout::Foreign(foreign) => {
                    let sizes = foreign.sizes.as_ref().map(|(bid, ask)| (bid.as_str(), ask.as_str()));
                    Cells::foreign(&batch, [&foreign.time, &foreign.bid, &foreign.ask], sizes)
                }
            }
            .ok_or_else(|| corrupt(&self.name, "a column changed its type"))?,
        );
        self.at = 0;
        let done = u128::from(self.row) * u128::from(self.scale.size) / u128::from(self.scale.rows.max(1));
        self.scale.read.store(done as u64, Ordering::Relaxed);
        Ok(batch.num_rows() > 0)
    }
}

fn own(instrument: &Instrument, cells: &Cells, at: usize, row: u64) -> Result<Item, Item> {
    let Cells::Own(cells) = cells else { return Err(Item::Bad(Doubt::NotANumber, "columns")) };
    let whole = |column: usize, what| cells.whole(column, at).ok_or(Item::Bad(Doubt::NotANumber, what));
    let time = Time(whole(0, columns::TIME)?);
    let seen = Time(whole(1, columns::SEEN)?);
    let symbol = instrument.symbol;
    let positive = |column, what| match whole(column, what)? {
        points if points <= 0 => Err(Item::Bad(Doubt::NotPositive, what)),
        points if points % instrument.tick_size.0.max(1) != 0 => Err(Item::Bad(Doubt::OffGrid, what)),
        points => Ok(Price(points)),
    };
    let volume = |column, what| match whole(column, what)? {
        units if units < 0 => Err(Item::Bad(Doubt::NotPositive, what)),
        units => Ok(Lots(units)),
    };
    if let Some(taker) = cells.taker(at) {
        let taker = match taker {
            1 => Side::Buy,
            -1 => Side::Sell,
            _ => return Err(Item::Bad(Doubt::NotANumber, columns::TAKER)),
        };
        let price = positive(6, columns::PRICE)?;
        let lots = volume(7, columns::LOTS)?;
        // The exchange's ids are not kept; the row number serves, since duplicates were judged at import.
        return Ok(Item::Trade(Trade { symbol, time, seen, price, lots, taker }, row as i64));
    }
    let (bid, ask) = (positive(2, columns::BID)?, positive(3, columns::ASK)?);
    let (bid_lots, ask_lots) = (volume(4, columns::BID_LOTS)?, volume(5, columns::ASK_LOTS)?);
    Ok(Item::Quote(Tick { symbol, time, seen, bid, ask, bid_lots, ask_lots }))
}

fn theirs(instrument: &Instrument, clocked: &mut Clocked, cells: &Cells, at: usize) -> Result<Item, Item> {
    let bad = |what| Item::Bad(Doubt::NotANumber, what);
    let Cells::Foreign(cells) = cells else { return Err(bad("columns")) };
    let time = cells.time(at).and_then(|value| clocked.instant(value)).ok_or(bad("time"))?;
    let price = |text: Option<String>, what| {
        let text = text.ok_or(bad(what))?;
        instrument.price(&text).map_err(|off| Item::Bad(doubt(off), what))
    };
    let volume = |text: Option<String>, what| match text {
        None => Ok(Lots(0)),
        Some(text) => instrument.volume(&text).map_err(|off| Item::Bad(doubt(off), what)),
    };
    Ok(Item::Quote(Tick {
        symbol: instrument.symbol,
        time,
        seen: time,
        bid: price(cells.bid(at), "bid")?,
        ask: price(cells.ask(at), "ask")?,
        bid_lots: volume(cells.bid_size(at), "bid volume")?,
        ask_lots: volume(cells.ask_size(at), "ask volume")?,
    }))
}

impl Decoder for Ticks {
    fn next(&mut self) -> Result<Option<Item>, FeedError> {
        while self.cells.as_ref().is_none_or(|cells| self.at >= cells.len()) {
            if !self.more()? {
                return Ok(None);
            }
        }
        let Some(cells) = &self.cells else { return Ok(None) };
        let item = match &mut self.layout {
            Layout::Own => own(&self.instrument, cells, self.at, self.row),
            Layout::Foreign(foreign) => theirs(&self.instrument, &mut foreign.clocked, cells, self.at),
        };
        self.at += 1;
        self.row += 1;
        Ok(Some(item.unwrap_or_else(|bad| bad)))
    }
    fn place(&self) -> Place {
        Place::Row(self.row)
    }
    /// The row's cells as text.
    fn raw(&self) -> Vec<u8> {
        let text = self.cells.as_ref().map(|cells| cells.shown(self.at.saturating_sub(1)));
        text.unwrap_or_default().into_bytes()
    }
}
