//! Raw frames of Binance streams: `<receive time> {"stream":..,"data":..}`. The best bid and ask become quotes, trades
//! trades; depth is counted and left to whoever builds books.

use market::{Doubt, Instrument, Side, Tick, Time, Trade};
use serde::Deserialize;

use super::{Item, Row, Skip, epoch, price, volume};
use crate::symbols::plain;

#[derive(Deserialize)]
struct Frame<'a, T> {
    #[serde(rename = "stream")]
    _stream: &'a str,
    data: T,
}

#[derive(Deserialize)]
struct BookTicker<'a> {
    #[serde(rename = "s")]
    symbol: &'a str,
    #[serde(rename = "b")]
    bid: &'a str,
    #[serde(rename = "B")]
    bid_size: &'a str,
    #[serde(rename = "a")]
    ask: &'a str,
    #[serde(rename = "A")]
    ask_size: &'a str,
    /// Transaction time in ms; spot has none.
    #[serde(rename = "T")]
    time: Option<u64>,
}

#[derive(Deserialize)]
struct TradeFrame<'a> {
    #[serde(rename = "s")]
    symbol: &'a str,
    #[serde(rename = "t")]
    id: i64,
    #[serde(rename = "p")]
    price: &'a str,
    #[serde(rename = "q")]
    quantity: &'a str,
    #[serde(rename = "T")]
    time: u64,
    /// The buyer was waiting in the book, so the seller took.
    #[serde(rename = "m")]
    buyer_waited: bool,
    /// Only spot frames have this field.
    #[serde(rename = "M")]
    spot: Option<bool>,
}

pub(super) struct Binance {
    instrument: Instrument,
    wanted: String,
    other: Option<String>,
}

/// The name of a frame's stream, `btcusdt@trade`.
fn stream(json: &[u8]) -> Option<&[u8]> {
    let rest = json.strip_prefix(b"{\"stream\":\"")?;
    rest.iter().position(|byte| *byte == b'"').map(|end| &rest[..end])
}

/// The symbol of the first frame that names its stream.
pub(super) fn symbol(head: &[u8]) -> Option<String> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let space = line.iter().position(|byte| *byte == b' ')?;
        let name = stream(&line[space + 1..])?;
        let end = name.iter().position(|byte| *byte == b'@')?;
        std::str::from_utf8(&name[..end]).ok().map(str::to_ascii_uppercase)
    })
}

fn millis(time: u64) -> Result<Time, Item> {
    i64::try_from(time)
        .ok()
        .and_then(|ms| ms.checked_mul(1_000_000))
        .map(Time)
        .ok_or(Item::Bad(Doubt::NotANumber, "time"))
}

fn received(cell: &[u8]) -> Option<Time> {
    match cell.len() {
        13 => epoch(cell, 1_000_000),
        16 => epoch(cell, 1_000),
        19 => epoch(cell, 1),
        _ => None,
    }
}

impl Binance {
    pub(super) fn new(instrument: &Instrument) -> Self {
        Self { instrument: instrument.clone(), wanted: plain(&instrument.name), other: None }
    }

    fn is_other(&mut self, symbol: &str) -> bool {
        let other = symbol != self.instrument.name && plain(symbol) != self.wanted;
        if other {
            self.other = Some(symbol.to_owned());
        }
        other
    }

    fn frame(&mut self, line: &[u8]) -> Result<Item, Item> {
        let bad = |what| Item::Bad(Doubt::NotANumber, what);
        let space = line.iter().position(|byte| *byte == b' ').ok_or(bad("receive time"))?;
        let seen = received(&line[..space]).ok_or(bad("receive time"))?;
        let json = &line[space + 1..];
        if !json.ends_with(b"}") {
            return Err(bad("json"));
        }
        let Some(name) = stream(json) else {
            let snapshot = json.starts_with(b"{\"lastUpdateId\"");
            return if snapshot { Ok(Item::Skipped(Skip::Snapshot)) } else { Err(bad("json")) };
        };
        let at = name.iter().position(|byte| *byte == b'@').map_or(name.len(), |at| at + 1);
        match &name[at..] {
            b"bookTicker" => self.quote(json, seen),
            b"trade" => self.trade(json, seen),
            kind if kind.starts_with(b"depth") => Ok(Item::Skipped(Skip::Depth)),
            kind if kind.starts_with(b"markPrice") => Ok(Item::Skipped(Skip::MarkPrice)),
            _ => Ok(Item::Skipped(Skip::OtherStream)),
        }
    }

    fn quote(&mut self, json: &[u8], seen: Time) -> Result<Item, Item> {
        let frame: Frame<'_, BookTicker<'_>> =
            serde_json::from_slice(json).map_err(|_| Item::Bad(Doubt::NotANumber, "json"))?;
        let quote = frame.data;
        if self.is_other(quote.symbol) {
            return Ok(Item::Skipped(Skip::OtherSymbol));
        }
        let time = quote.time.map_or(Ok(seen), millis)?;
        Ok(Item::Quote(Tick {
            symbol: self.instrument.symbol,
            time,
            seen,
            bid: price(&self.instrument, quote.bid.as_bytes(), "bid")?,
            ask: price(&self.instrument, quote.ask.as_bytes(), "ask")?,
            bid_lots: volume(&self.instrument, quote.bid_size.as_bytes(), "bid volume")?,
            ask_lots: volume(&self.instrument, quote.ask_size.as_bytes(), "ask volume")?,
        }))
    }

    fn trade(&mut self, json: &[u8], seen: Time) -> Result<Item, Item> {
        let frame: Frame<'_, TradeFrame<'_>> =
            serde_json::from_slice(json).map_err(|_| Item::Bad(Doubt::NotANumber, "json"))?;
        let trade = frame.data;
        if self.is_other(trade.symbol) {
            return Ok(Item::Skipped(Skip::OtherSymbol));
        }
        // Spot quotes have no event time. Trades beside them are put on the same clock, the receiver's.
        let time = if trade.spot.is_some() { seen } else { millis(trade.time)? };
        let record = Trade {
            symbol: self.instrument.symbol,
            time,
            seen,
            price: price(&self.instrument, trade.price.as_bytes(), "price")?,
            lots: volume(&self.instrument, trade.quantity.as_bytes(), "amount")?,
            taker: if trade.buyer_waited { Side::Sell } else { Side::Buy },
        };
        Ok(Item::Trade(record, trade.id))
    }
}

impl Row for Binance {
    fn parse(&mut self, line: &[u8]) -> Item {
        self.frame(line).unwrap_or_else(|bad| bad)
    }
    fn other_symbol(&self) -> Option<&str> {
        self.other.as_deref()
    }
}
