//! MT4 history files (`.hst`): bars of bids. They can be inspected; they are never turned into ticks.
//!
//! Header of 148 bytes: u32 version, 64 bytes copyright, 12 bytes symbol, u32 period in minutes, u32 digits, then unused.
//! v400, 44 bytes: u32 time, f64 open, low, high, close, volume. v401, 60 bytes: i64 time, f64 open, high, low, close,
//! i64 volume, i32 spread, i64 real volume. Little-endian; times are the server's wall clock in seconds.

use market::{Doubt, Instrument, Points, Price, Time};

use crate::decode::{FileInfo, Options, zone_of};
use crate::error::{Fault, FeedError, Place};
use crate::format::Format;
use crate::open::{self, Body, Content, Input, Stream, broken, fill};
use crate::quarantine::hex;
use crate::symbols::plain;
use crate::zone::Clock;

const HEADER: usize = 148;

/// A bar of bids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// When it opened; by the server's wall clock where no zone was stated.
    pub time: Time,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Number of ticks.
    pub volume: i64,
    /// Spread as the file has it, in points; zero in v400.
    pub spread: Points,
}

/// The header of a history file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarFile {
    /// 400 or 401.
    pub version: u32,
    /// The symbol, without punctuation.
    pub symbol: String,
    /// Minutes per bar.
    pub period: u32,
    /// Digits of its prices.
    pub digits: u32,
}

/// A history file being read.
pub struct Bars {
    name: String,
    stream: Stream,
    header: BarFile,
    instrument: Instrument,
    clock: Clock,
    offset: u64,
    record: Vec<u8>,
}

/// The symbol in the first bytes of a history file.
pub(crate) fn symbol(head: &[u8]) -> Option<String> {
    let field = head.get(68..80)?;
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).ok().map(plain)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |word| u32::from_le_bytes(*word))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()).map_or(0, |long| u64::from_le_bytes(*long))
}

impl Bars {
    /// Opens a history file as bars of an instrument.
    ///
    /// # Errors
    /// When it is no history file, is cut off, or holds another symbol.
    pub fn open(
        path: &std::path::Path,
        instrument: &Instrument,
        options: &Options,
    ) -> Result<(Self, FileInfo), FeedError> {
        Self::read(&Input::Path(path.to_owned()), instrument, options)
    }

    /// The same from memory, for tests and fuzzing.
    ///
    /// # Errors
    /// As [`Bars::open`].
    pub fn from_bytes(
        name: &str,
        bytes: &[u8],
        instrument: &Instrument,
        options: &Options,
    ) -> Result<(Self, FileInfo), FeedError> {
        Self::read(&Input::Bytes(name.to_owned(), bytes.into()), instrument, options)
    }

    fn read(input: &Input, instrument: &Instrument, options: &Options) -> Result<(Self, FileInfo), FeedError> {
        let content = open::open(input, &options.limits)?;
        let (clock, zone) = zone_of(&content, options)?;
        let Content { name, size, read, compression, entry, format, head, body } = content;
        let (Format::Hst, Body::Stream(mut stream)) = (format, body) else {
            return Err(FeedError::new(&name, Fault::NotSupported(format!("{}, which are not bars", format.name()))));
        };
        let mut header = [0; HEADER];
        let got = fill(&mut stream, &mut header).map_err(|error| broken(&name, &error))?;
        if got < HEADER {
            return Err(FeedError::new(&name, Fault::Truncated("the header of 148 bytes".into())));
        }
        let symbol = symbol(&head).unwrap_or_default();
        if symbol != plain(&instrument.name) {
            return Err(FeedError::new(&name, Fault::OtherSymbol(instrument.name.clone(), symbol)));
        }
        let version = word(&header, 0);
        let header = BarFile { version, symbol, period: word(&header, 80), digits: word(&header, 84) };
        let record = vec![0; if version == 400 { 44 } else { 60 }];
        let notes = vec!["bars of bids: not ticks, and never turned into ticks".to_owned()];
        let info = FileInfo {
            name: name.clone(),
            size,
            format,
            compression,
            entry,
            zone,
            notes,
            believed_before: false,
            read,
        };
        let instrument = instrument.clone();
        Ok((Self { name, stream, header, instrument, clock, offset: 0, record }, info))
    }

    /// The header.
    pub fn header(&self) -> &BarFile {
        &self.header
    }

    /// Where the last bar stands.
    pub fn place(&self) -> Place {
        Place::Offset(self.offset)
    }

    /// The last bar's bytes in hexadecimal.
    pub fn raw(&self) -> String {
        hex(&self.record)
    }

    /// The next bar, or why its record is none; `None` at the end.
    ///
    /// # Errors
    /// When the file is cut off or cannot be read.
    pub fn advance(&mut self) -> Result<Option<Result<Bar, Doubt>>, FeedError> {
        self.offset = if self.offset == 0 { HEADER as u64 } else { self.offset + self.record.len() as u64 };
        let got = fill(&mut self.stream, &mut self.record).map_err(|error| broken(&self.name, &error))?;
        if got == 0 {
            return Ok(None);
        }
        if got < self.record.len() {
            return Err(FeedError::at(&self.name, self.place(), Fault::Truncated("a bar".into())));
        }
        Ok(Some(self.bar()))
    }

    fn bar(&mut self) -> Result<Bar, Doubt> {
        let record = &self.record;
        let float = |at| f64::from_bits(long(record, at));
        let (seconds, prices, volume, spread) = if self.header.version == 400 {
            // Open, low, high, close.
            (i64::from(word(record, 0)), [4, 20, 12, 28], whole(float(36))?, 0)
        } else {
            (long(record, 0) as i64, [8, 16, 24, 32], long(record, 40) as i64, word(record, 48) as i32)
        };
        let mut points = [Price(0); 4];
        for (price, at) in points.iter_mut().zip(prices) {
            *price = on_grid(float(at), &self.instrument)?;
        }
        let [open, high, low, close] = points;
        if low > high || open > high || close > high || open < low || close < low {
            return Err(Doubt::Crossed);
        }
        let wall = seconds.checked_mul(1_000_000_000).ok_or(Doubt::NotANumber)?;
        let time = self.clock.instant(Time(wall)).ok_or(Doubt::NotANumber)?;
        Ok(Bar { time, open, high, low, close, volume, spread: Points(i64::from(spread)) })
    }
}

fn whole(value: f64) -> Result<i64, Doubt> {
    Points::rounded(value).map(|points| points.0).ok_or(Doubt::NotANumber)
}

/// A float on the price grid, within a thousandth of a point.
fn on_grid(value: f64, instrument: &Instrument) -> Result<Price, Doubt> {
    if !value.is_finite() {
        return Err(Doubt::NotANumber);
    }
    if value <= 0.0 {
        return Err(Doubt::NotPositive);
    }
    let points = value * 10_i64.saturating_pow(u32::from(instrument.digits)) as f64;
    let near = Points::rounded(points).ok_or(Doubt::OffGrid)?;
    let step = instrument.tick_size.0.max(1);
    if (points - near.as_f64()).abs() > 1e-3 || near.0 <= 0 || near.0 % step != 0 {
        Err(Doubt::OffGrid)
    } else {
        Ok(Price(near.0))
    }
}
