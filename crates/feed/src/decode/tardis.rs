//! Trades as tardis.dev prints them: `exchange,symbol,timestamp,local_timestamp,id,side,price,amount`; times in µs.

use market::{Doubt, Instrument, Side, Trade};

use super::{Item, Row, Skip, epoch, price, volume};
use crate::stamp;
use crate::symbols::plain;

pub(super) struct Tardis {
    instrument: Instrument,
    wanted: String,
    other: Option<String>,
}

impl Tardis {
    pub(super) fn new(instrument: &Instrument) -> Self {
        Self { instrument: instrument.clone(), wanted: plain(&instrument.name), other: None }
    }

    fn trade(&mut self, line: &[u8]) -> Result<Item, Item> {
        let mut cells = line.split(|byte| *byte == b',');
        let mut cell = || cells.next().ok_or(Item::Bad(Doubt::NotANumber, "columns"));
        let (_exchange, symbol, time, seen) = (cell()?, cell()?, cell()?, cell()?);
        let (id, side, at, amount) = (cell()?, cell()?, cell()?, cell()?);
        if cells.next().is_some() {
            return Err(Item::Bad(Doubt::NotANumber, "columns"));
        }
        let symbol = String::from_utf8_lossy(symbol);
        if symbol != self.instrument.name.as_str() && plain(&symbol) != self.wanted {
            self.other = Some(symbol.into_owned());
            return Ok(Item::Skipped(Skip::OtherSymbol));
        }
        let micros = |cell| epoch(cell, 1_000).ok_or(Item::Bad(Doubt::NotANumber, "time"));
        let (time, seen) = (micros(time)?, micros(seen)?);
        let id = stamp::integer(id).ok_or(Item::Bad(Doubt::NotANumber, "id"))?;
        let taker = match side {
            b"buy" => Side::Buy,
            b"sell" => Side::Sell,
            b"unknown" => return Ok(Item::Skipped(Skip::NoSide)),
            _ => return Err(Item::Bad(Doubt::NotANumber, "side")),
        };
        let price = price(&self.instrument, at, "price")?;
        let lots = volume(&self.instrument, amount, "amount")?;
        Ok(Item::Trade(Trade { symbol: self.instrument.symbol, time, seen, price, lots, taker }, id))
    }
}

impl Row for Tardis {
    fn parse(&mut self, line: &[u8]) -> Item {
        self.trade(line).unwrap_or_else(|bad| bad)
    }
    fn other_symbol(&self) -> Option<&str> {
        self.other.as_deref()
    }
}
