//! Which format a file is in, by its content and never by its name.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::decode::Options;
use crate::error::{Fault, FeedError};
use crate::open::{self, Compression, Input};
use crate::stamp;

/// The formats we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `ts_ms,bid,ask[,bid_vol,ask_vol]` with a header; `ts_us` and `ts_ns` too.
    CsvEpoch,
    /// `timestamp,bid,ask` with a header, times as ISO 8601.
    CsvIso,
    /// Dukascopy's hourly LZMA files.
    Bi5,
    /// `YYYYMMDD HHMMSSmmm,bid,ask,volume`.
    HistData,
    /// `EUR/USD,YYYYMMDD HH:MM:SS.mmm,bid,ask`.
    TrueFx,
    /// LEAN quote ticks: milliseconds since midnight, bid, ask.
    Lean,
    /// A tick export of MT5.
    Mt5,
    /// A tick csv as MT4 scripts export it: `YYYY.MM.DD HH:MM:SS[.mmm],bid,ask[,volume]`.
    Mt4,
    /// An MT4 history file: bars.
    Hst,
    /// Raw frames of Binance streams with the receive time in front.
    Binance,
    /// Raw frames of Hyperliquid.
    Hyperliquid,
    /// Order book frames of Bybit.
    Bybit,
    /// Trades as tardis.dev prints them.
    Tardis,
    /// Parquet: ours, or any with a time, a bid and an ask column.
    Parquet,
}

impl Format {
    /// The format in a few words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CsvEpoch => "csv, epoch times",
            Self::CsvIso => "csv, ISO times",
            Self::Bi5 => "Dukascopy bi5",
            Self::HistData => "HistData ASCII ticks",
            Self::TrueFx => "TrueFX ASCII ticks",
            Self::Lean => "LEAN quote ticks",
            Self::Mt5 => "MT5 tick export",
            Self::Mt4 => "MT4 tick csv",
            Self::Hst => "MT4 history (bars)",
            Self::Binance => "Binance streams",
            Self::Hyperliquid => "Hyperliquid frames",
            Self::Bybit => "Bybit order book frames",
            Self::Tardis => "tardis.dev trades",
            Self::Parquet => "Parquet",
        }
    }
}

/// The first line, without its end.
pub(crate) fn first_line(head: &[u8]) -> &[u8] {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let end = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
    let line = &head[..end];
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Recognises a format by the first bytes of the unpacked content.
pub(crate) fn recognise(head: &[u8]) -> Result<Format, Fault> {
    match head {
        [] => return Err(Fault::Empty),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(Fault::Utf16),
        [0x90 | 0x91, 1, 0, 0, b'(', b'C', b')', ..] => return Ok(Format::Hst),
        _ if is_lzma_alone(head) => return Ok(Format::Bi5),
        _ => {}
    }
    let line = first_line(head);
    text(line).ok_or_else(|| {
        let shown: String = line.iter().take(32).map(|byte| std::ascii::escape_default(*byte).to_string()).collect();
        Fault::Unrecognised(format!("`{shown}`"))
    })
}

/// LZMA-alone with the usual properties and a plausible size of 20-byte records.
fn is_lzma_alone(head: &[u8]) -> bool {
    let [0x5d, d0, d1, d2, d3, sizes @ ..] = head else { return false };
    let Some((size, _)) = sizes.split_first_chunk::<8>() else { return false };
    let dictionary = u32::from_le_bytes([*d0, *d1, *d2, *d3]);
    let size = u64::from_le_bytes(*size);
    dictionary >= 4096 && (size == u64::MAX || size < 1 << 32)
}

fn text(line: &[u8]) -> Option<Format> {
    let lower = line.to_ascii_lowercase();
    let cells: Vec<&[u8]> = lower.split(|byte| *byte == b',').collect();
    match cells.as_slice() {
        [b"ts_ms" | b"ts_us" | b"ts_ns", b"bid", b"ask", ..] => return Some(Format::CsvEpoch),
        [b"timestamp", b"bid", b"ask", ..] => return Some(Format::CsvIso),
        [b"exchange", b"symbol", b"timestamp", b"local_timestamp", b"id", b"side", b"price", b"amount"] => {
            return Some(Format::Tardis);
        }
        _ => {}
    }
    if lower.starts_with(b"<date>\t<time>\t<bid>\t<ask>") {
        return Some(Format::Mt5);
    }
    frames(line).or_else(|| rows(line))
}

/// Exchange frames, with or without a receive time in front.
fn frames(line: &[u8]) -> Option<Format> {
    if line.starts_with(b"{\"topic\":\"orderbook") {
        return Some(Format::Bybit);
    }
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (time, json) = (&line[..space], &line[space + 1..]);
    if !matches!(time.len(), 13 | 16 | 19) || stamp::integer(time).is_none() {
        return None;
    }
    if json.starts_with(b"{\"stream\":\"") || json.starts_with(b"{\"lastUpdateId\"") {
        return Some(Format::Binance);
    }
    json.starts_with(b"{\"channel\":\"").then_some(Format::Hyperliquid)
}

/// Tables without a header, by their first row.
fn rows(line: &[u8]) -> Option<Format> {
    let mut cells = line.split(|byte| *byte == b',');
    let first = cells.next()?;
    let rest: Vec<&[u8]> = cells.collect();
    let priced = rest.len() >= 2 && is_decimal(rest[0]) && is_decimal(rest[1]);
    if is_pair(first) && rest.len() >= 3 && stamp::read(rest[0]).is_some() {
        return Some(Format::TrueFx);
    }
    if !priced || rest.len() > 12 {
        return None;
    }
    match first.get(4) {
        Some(b'.') if stamp::read(first).is_some() && rest.len() <= 3 => Some(Format::Mt4),
        Some(_) if first.len() == 18 && stamp::read(first).is_some() => Some(Format::HistData),
        _ => is_millis_of_day(first).then_some(Format::Lean),
    }
}

fn is_pair(cell: &[u8]) -> bool {
    cell.len() == 7 && cell[3] == b'/' && cell.iter().enumerate().all(|(i, byte)| i == 3 || byte.is_ascii_uppercase())
}

fn is_decimal(cell: &[u8]) -> bool {
    let mut parts = cell.splitn(2, |byte| *byte == b'.');
    let (whole, fraction) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    whole.len() + fraction.len() > 0 && whole.iter().chain(fraction).all(u8::is_ascii_digit)
}

fn is_millis_of_day(cell: &[u8]) -> bool {
    let whole = cell.split(|byte| *byte == b'.').next().unwrap_or(cell);
    is_decimal(cell) && stamp::integer(whole).is_some_and(|millis| millis < 86_400_000)
}

/// What can be said about a file before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The format.
    pub format: Format,
    /// The compression around it, outermost first.
    pub compression: Vec<Compression>,
    /// The zip entry, if it is one.
    pub entry: Option<String>,
    /// The symbol that the content names, without punctuation.
    pub symbol: Option<String>,
}

/// Looks at the beginning of a file.
///
/// # Errors
/// When it cannot be opened or no format is recognised.
pub fn probe(path: &Path, options: &Options) -> Result<Probe, FeedError> {
    let content = open::open(&Input::Path(path.to_owned()), &options.limits)?;
    let symbol = crate::decode::symbol_of(&content)?;
    Ok(Probe { format: content.format, compression: content.compression, entry: content.entry, symbol })
}
