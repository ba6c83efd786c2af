//! Dukascopy `.bi5`: LZMA-alone of big-endian records: u32 ms in the hour, u32 ask, u32 bid (price x 10^digits), f32
//! ask volume, f32 bid volume (millions of the base currency). Times are UTC; the hour is in the path.

use std::path::Path;

use liblzma::read::XzDecoder;
use liblzma::stream::Stream as Lzma;
use market::{Doubt, Instrument, Price, Span, Tick, Time};

use super::{Decoder, Item, Options, units_to_lots};
use crate::error::{Fault, FeedError, Place};
use crate::open::{Body, Content, Stream, broken, fill};
use crate::quarantine::hex;
use crate::stamp;

const RECORD: usize = 20;
const MEMORY: u64 = 128 << 20;
/// More than an hour of ticks can be: 13 million.
const HOUR_BYTES: u64 = 256 << 20;

struct Bi5 {
    name: String,
    instrument: Instrument,
    hour: Time,
    stream: XzDecoder<Stream>,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// Bytes of the content before the buffer.
    before: u64,
    left: u64,
}

pub(super) fn open(
    content: Content,
    instrument: &Instrument,
    options: &Options,
) -> Result<Box<dyn Decoder>, FeedError> {
    let name = content.name.clone();
    let hour = options.hour.or_else(|| hour_of(&name)).ok_or_else(|| FeedError::new(&name, Fault::HourNeeded))?;
    let Body::Stream(stream) = content.body else {
        return Err(FeedError::new(&name, Fault::Corrupt("not a stream".into())));
    };
    let lzma =
        Lzma::new_lzma_decoder(MEMORY).map_err(|error| FeedError::new(&name, Fault::Corrupt(error.to_string())))?;
    Ok(Box::new(Bi5 {
        name,
        instrument: instrument.clone(),
        hour,
        stream: XzDecoder::new_stream(stream, lzma),
        buffer: vec![0; RECORD * 3_276],
        at: 0,
        end: 0,
        before: 0,
        left: options.limits.unpacked.min(HOUR_BYTES),
    }))
}

/// The hour of `.../YYYY-MM-DD/HHh_ticks.bi5`, whatever ending a further compression adds.
fn hour_of(name: &str) -> Option<Time> {
    let path = Path::new(name);
    let file = path.file_name()?.to_str()?;
    let day = path.parent()?.file_name()?.to_str()?;
    let midnight = Options::date_of(day).filter(|_| day.len() == 10)?;
    let hour = stamp::integer(file.get(..2)?.as_bytes())?;
    (file.get(2..)?.starts_with("h_ticks") && hour < 24).then(|| midnight.plus(Span(hour * Span::HOUR.0)))
}

impl Bi5 {
    fn more(&mut self) -> Result<bool, FeedError> {
        self.before += self.end as u64;
        let got = fill(&mut self.stream, &mut self.buffer).map_err(|error| broken(&self.name, &error))?;
        (self.at, self.end) = (0, got);
        self.left = match self.left.checked_sub(got as u64) {
            Some(left) => left,
            None => return Err(FeedError::new(&self.name, Fault::TooLarge(self.before))),
        };
        if got % RECORD != 0 {
            let place = Place::Offset(self.before + (got - got % RECORD) as u64);
            return Err(FeedError::at(&self.name, place, Fault::Truncated("a record of 20 bytes".into())));
        }
        Ok(got > 0)
    }

    fn tick(&self, record: &[u8]) -> Result<Item, Item> {
        let word = |at: usize| record[at..].first_chunk::<4>().copied().unwrap_or_default();
        let number = |at| i64::from(u32::from_be_bytes(word(at)));
        let millis = number(0);
        if millis >= 3_600_000 {
            return Err(Item::Bad(Doubt::NotANumber, "time beyond the hour"));
        }
        let price = |points: i64, what| {
            if points <= 0 {
                Err(Item::Bad(Doubt::NotPositive, what))
            } else if points % self.instrument.tick_size.0.max(1) != 0 {
                Err(Item::Bad(Doubt::OffGrid, what))
            } else {
                Ok(Price(points))
            }
        };
        let volume = |at, what| units_to_lots(&self.instrument, f64::from(f32::from_be_bytes(word(at))) * 1e6, what);
        let time = self.hour.plus(Span::from_millis(millis));
        Ok(Item::Quote(Tick {
            symbol: self.instrument.symbol,
            time,
            seen: time,
            ask: price(number(4), "ask")?,
            bid: price(number(8), "bid")?,
            ask_lots: volume(12, "ask volume")?,
            bid_lots: volume(16, "bid volume")?,
        }))
    }
}

impl Decoder for Bi5 {
    fn next(&mut self) -> Result<Option<Item>, FeedError> {
        if self.at == self.end && !self.more()? {
            return Ok(None);
        }
        let record = &self.buffer[self.at..self.at + RECORD];
        let item = self.tick(record).unwrap_or_else(|bad| bad);
        self.at += RECORD;
        Ok(Some(item))
    }
    fn place(&self) -> Place {
        Place::Offset(self.before + self.at.saturating_sub(RECORD) as u64)
    }
    /// The record's bytes in hexadecimal.
    fn raw(&self) -> Vec<u8> {
        let record = &self.buffer[self.at.saturating_sub(RECORD)..self.at];
        hex(record).into_bytes()
    }
}
