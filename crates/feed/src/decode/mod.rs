//! One decoder per format: bytes to records, each with its place and raw text. Judging is not done here.

mod bi5;
mod frames;
mod known;
mod mt5;
mod table;
mod tardis;
mod ticks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use market::instrument::OffGrid;
use market::{Doubt, Instrument, Lots, Points, Price, Tick, Time, Trade};

use crate::error::{Fault, FeedError, Place};
use crate::format::Format;
use crate::lines::Lines;
use crate::open::{self, Body, Compression, Content, Input, Limits};
use crate::stamp;
use crate::symbols::plain;
use crate::zone::{Clock, Zone, ZoneUse};

pub(crate) use known::{symbol_of, zone_of};
pub(crate) use ticks::{columns as tick_columns, meta as tick_meta};

/// What the user says about a file that its content does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The zone of its times.
    pub zone: Option<Zone>,
    /// The market that published it (`fxcm`, `oanda`), where the format leaves the zone to the market.
    pub market: Option<String>,
    /// The hour that a `.bi5` file covers.
    pub hour: Option<Time>,
    /// The local day of a file of milliseconds since midnight.
    pub date: Option<Time>,
    /// How much it may ask of the machine.
    pub limits: Limits,
}

impl Options {
    /// Nothing said, the usual limits.
    pub const fn none() -> Self {
        Self { zone: None, market: None, hour: None, date: None, limits: Limits::usual() }
    }

    /// Reads a day such as `2014-05-01`.
    pub fn date_of(text: &str) -> Option<Time> {
        let mut rest = text.as_bytes();
        stamp::date(&mut rest).filter(|_| rest.is_empty())
    }

    /// Reads an hour such as `2019-02-04T13`.
    pub fn hour_of(text: &str) -> Option<Time> {
        stamp::read(format!("{text}:00").as_bytes()).filter(|stamp| stamp.east.is_none()).map(|stamp| stamp.wall)
    }
}

/// A record on the instrument's grid, not yet believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// A quote.
    Quote(Tick),
    /// A trade.
    Trade(Trade),
}

impl Record {
    /// When the source says it happened.
    pub const fn time(&self) -> Time {
        match self {
            Self::Quote(tick) => tick.time,
            Self::Trade(trade) => trade.time,
        }
    }

    /// When it was heard.
    pub const fn seen(&self) -> Time {
        match self {
            Self::Quote(tick) => tick.seen,
            Self::Trade(trade) => trade.seen,
        }
    }
}

/// Why a row is neither a quote nor a trade of ours, and no fault either. Skipped rows are counted by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// An empty line.
    Blank,
    /// A change of the order book below the best prices.
    Depth,
    /// A snapshot of the order book.
    Snapshot,
    /// A mark price.
    MarkPrice,
    /// Another stream of the exchange.
    OtherStream,
    /// A row of another symbol.
    OtherSymbol,
    /// A deal without a quote.
    LastOnly,
    /// A trade whose taker's side is not said.
    NoSide,
}

impl Skip {
    /// The reason in a few words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Depth => "depth",
            Self::Snapshot => "depth_snapshot",
            Self::MarkPrice => "mark_price",
            Self::OtherStream => "other_stream",
            Self::OtherSymbol => "other_symbol",
            Self::LastOnly => "last_only",
            Self::NoSide => "no_side",
        }
    }
}

/// How many rows were skipped, by reason.
pub type SkipCount = BTreeMap<&'static str, u64>;

/// What one row turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Quote(Tick),
    /// A trade and its id, which rises with every trade.
    Trade(Trade, i64),
    /// Unusable: why, and which part of it.
    Bad(Doubt, &'static str),
    Skipped(Skip),
}

/// A file being read, one row after the other.
pub(crate) trait Decoder: Send {
    /// The next row; `None` at the end.
    fn next(&mut self) -> Result<Option<Item>, FeedError>;
    /// Where the last row stands.
    fn place(&self) -> Place;
    /// The last row as the file has it.
    fn raw(&self) -> Vec<u8>;
    /// A symbol that the file names and that is not ours.
    fn other_symbol(&self) -> Option<&str> {
        None
    }
}

/// A text row to an item.
pub(crate) trait Row: Send {
    fn parse(&mut self, line: &[u8]) -> Item;
    fn other_symbol(&self) -> Option<&str> {
        None
    }
}

/// A text file of rows.
struct Text<R> {
    lines: Lines,
    row: R,
    /// Lines to skip at the beginning.
    header: bool,
}

impl<R: Row> Decoder for Text<R> {
    fn next(&mut self) -> Result<Option<Item>, FeedError> {
        if std::mem::take(&mut self.header) {
            self.lines.advance()?;
        }
        if !self.lines.advance()? {
            return Ok(None);
        }
        let line = self.lines.line();
        Ok(Some(if line.is_empty() { Item::Skipped(Skip::Blank) } else { self.row.parse(line) }))
    }
    fn place(&self) -> Place {
        Place::Line(self.lines.number())
    }
    fn raw(&self) -> Vec<u8> {
        self.lines.line().to_vec()
    }
    fn other_symbol(&self) -> Option<&str> {
        self.row.other_symbol()
    }
}

/// What is known about an opened file.
#[derive(Debug, Clone)]
pub struct FileInfo {
    /// Its name, as given.
    pub name: String,
    /// Its size on disk, in bytes.
    pub size: u64,
    /// Its format.
    pub format: Format,
    /// The compression around it, outermost first.
    pub compression: Vec<Compression>,
    /// The zip entry, if it is one.
    pub entry: Option<String>,
    /// Which zone its times are read in, and who says so.
    pub zone: ZoneUse,
    /// What a reader should know about how it is read.
    pub notes: Vec<String>,
    /// Whether its records were believed when it was written (our own Parquet), so that doubts are only flagged.
    pub believed_before: bool,
    pub(crate) read: Arc<AtomicU64>,
}

/// Opens a file for reading as records of an instrument.
pub(crate) fn open(
    input: &Input,
    instrument: &Instrument,
    options: &Options,
) -> Result<(Box<dyn Decoder>, FileInfo), FeedError> {
    let content = open::open(input, &options.limits)?;
    let (clock, zone) = zone_of(&content, options)?;
    let mut info = FileInfo {
        name: content.name.clone(),
        size: content.size,
        format: content.format,
        compression: content.compression.clone(),
        entry: content.entry.clone(),
        zone,
        notes: vec![],
        believed_before: false,
        read: Arc::clone(&content.read),
    };
    if let Some(found) = symbol_of(&content)?
        && plain(&found) != plain(&instrument.name)
        && !matches!(content.format, Format::Binance | Format::Tardis | Format::TrueFx)
    {
        return Err(FeedError::new(&content.name, Fault::OtherSymbol(instrument.name.clone(), found)));
    }
    let decoder = decoder(content, instrument, options, clock, &mut info)?;
    Ok((decoder, info))
}

fn decoder(
    content: Content,
    instrument: &Instrument,
    options: &Options,
    clock: Clock,
    info: &mut FileInfo,
) -> Result<Box<dyn Decoder>, FeedError> {
    let name = content.name.clone();
    let unsupported = |what: &str| Err(FeedError::new(&name, Fault::NotSupported(what.to_owned())));
    let limit = options.limits.line;
    let text = |content: Content| match content.body {
        Body::Stream(stream) => Ok(Lines::new(&content.name, stream, limit)),
        Body::Parquet(_) => Err(FeedError::new(&content.name, Fault::Corrupt("not a text".into()))),
    };
    match content.format {
        Format::CsvEpoch | Format::CsvIso | Format::HistData | Format::TrueFx | Format::Mt4 | Format::Lean => {
            let (row, header) = table::Table::new(&content, instrument, options, clock, &mut info.notes)?;
            Ok(Box::new(Text { lines: text(content)?, row, header }))
        }
        Format::Mt5 => {
            let row = mt5::Mt5::new(instrument, clock);
            Ok(Box::new(Text { lines: text(content)?, row, header: true }))
        }
        Format::Tardis => {
            let row = tardis::Tardis::new(instrument);
            Ok(Box::new(Text { lines: text(content)?, row, header: true }))
        }
        Format::Binance => {
            info.notes.push("depth and mark price frames are counted and not read".into());
            info.notes.push(
                "spot frames carry no event time for quotes: the receive time is taken for quotes and trades".into(),
            );
            let row = frames::Binance::new(instrument);
            Ok(Box::new(Text { lines: text(content)?, row, header: false }))
        }
        Format::Bi5 => {
            info.notes.push(format!(
                "prices are read with {} digits, volumes as millions of the base currency",
                instrument.digits
            ));
            bi5::open(content, instrument, options)
        }
        Format::Parquet => ticks::open(content, instrument, clock, info),
        Format::Hst => Err(FeedError::new(&name, Fault::BarsAreNotTicks)),
        Format::Hyperliquid => unsupported("Hyperliquid order book and trade frames"),
        Format::Bybit => unsupported("Bybit order book frames, which need a book to be built"),
    }
}

/// The doubt that a number off the grid raises.
pub(crate) const fn doubt(off: OffGrid) -> Doubt {
    match off {
        OffGrid::NotANumber => Doubt::NotANumber,
        OffGrid::NotPositive => Doubt::NotPositive,
        OffGrid::OffGrid => Doubt::OffGrid,
    }
}

pub(crate) fn price(instrument: &Instrument, cell: &[u8], what: &'static str) -> Result<Price, Item> {
    let text = std::str::from_utf8(cell).map_err(|_| Item::Bad(Doubt::NotANumber, what))?;
    instrument.price(text).map_err(|off| Item::Bad(doubt(off), what))
}

pub(crate) fn volume(instrument: &Instrument, cell: &[u8], what: &'static str) -> Result<Lots, Item> {
    let text = std::str::from_utf8(cell).map_err(|_| Item::Bad(Doubt::NotANumber, what))?;
    instrument.volume(text).map_err(|off| Item::Bad(doubt(off), what))
}

/// A volume in units of the base currency, rounded to the instrument's volume unit.
pub(crate) fn units_to_lots(instrument: &Instrument, units: f64, what: &'static str) -> Result<Lots, Item> {
    if !units.is_finite() {
        return Err(Item::Bad(Doubt::NotANumber, what));
    }
    if units < 0.0 {
        return Err(Item::Bad(Doubt::NotPositive, what));
    }
    let per_lot = 10_i64.saturating_pow(u32::from(instrument.volume_digits)) as f64;
    let lots = units / instrument.contract_size.max(1) as f64 * per_lot;
    Points::rounded(lots).map(|lots| Lots(lots.0)).ok_or(Item::Bad(Doubt::OffGrid, what))
}

/// An instant from a count of units since the epoch, `scale` nanoseconds each, within what nanoseconds can hold.
pub(crate) fn epoch(cell: &[u8], scale: i64) -> Option<Time> {
    stamp::integer(cell)?.checked_mul(scale).map(Time)
}

/// What [`parse_bytes`] found.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The format.
    pub format: Format,
    /// The records on the grid.
    pub records: Vec<Record>,
    /// The unusable rows: where, why, and which part.
    pub bad: Vec<(Place, Doubt, &'static str)>,
    /// The skipped rows.
    pub skipped: SkipCount,
}

/// Reads a whole file from memory, unjudged; for tests and fuzzing. Parquet needs a file and is refused here.
/// The name serves formats that keep their day or hour in it.
///
/// # Errors
/// As for a file of that content.
pub fn parse_bytes(name: &str, bytes: &[u8], instrument: &Instrument, options: &Options) -> Result<Parsed, FeedError> {
    let input = Input::Bytes(name.to_owned(), bytes.into());
    let (mut decoder, info) = open(&input, instrument, options)?;
    let mut parsed = Parsed { format: info.format, records: vec![], bad: vec![], skipped: SkipCount::new() };
    while let Some(item) = decoder.next()? {
        match item {
            Item::Quote(tick) => parsed.records.push(Record::Quote(tick)),
            Item::Trade(trade, _) => parsed.records.push(Record::Trade(trade)),
            Item::Bad(doubt, what) => parsed.bad.push((decoder.place(), doubt, what)),
            Item::Skipped(skip) => *parsed.skipped.entry(skip.name()).or_default() += 1,
        }
    }
    Ok(parsed)
}
