//! Tick exports of `MetaTrader` 5: tab-separated, a missing bid or ask means that it did not change.

use market::{Doubt, Instrument, Lots, Price, Tick, Time};

use super::{Item, Row, Skip, price};
use crate::stamp;
use crate::zone::Clock;

pub(super) struct Mt5 {
    instrument: Instrument,
    clock: Clock,
    bid: Option<Price>,
    ask: Option<Price>,
}

impl Mt5 {
    pub(super) fn new(instrument: &Instrument, clock: Clock) -> Self {
        Self { instrument: instrument.clone(), clock, bid: None, ask: None }
    }

    fn time(&mut self, date: &[u8], of_day: &[u8]) -> Option<Time> {
        let (mut date, mut of_day) = (date, of_day);
        let wall = stamp::date(&mut date)?.plus(stamp::time_of_day(&mut of_day)?);
        if !date.is_empty() || !of_day.is_empty() {
            return None;
        }
        self.clock.instant(wall)
    }

    fn carried(&self, cell: &[u8], before: Option<Price>, what: &'static str) -> Result<Price, Item> {
        if cell.is_empty() {
            return before.ok_or(Item::Bad(Doubt::NotANumber, "nothing to carry forward"));
        }
        price(&self.instrument, cell, what)
    }

    fn quote(&mut self, line: &[u8]) -> Result<Item, Item> {
        let mut cells = line.split(|byte| *byte == b'\t');
        let mut cell = || cells.next().ok_or(Item::Bad(Doubt::NotANumber, "columns"));
        let (date, of_day, bid, ask) = (cell()?, cell()?, cell()?, cell()?);
        let last = cell().unwrap_or_default();
        let time = self.time(date, of_day).ok_or(Item::Bad(Doubt::NotANumber, "time"))?;
        if bid.is_empty() && ask.is_empty() {
            let nothing = Item::Bad(Doubt::NotANumber, "columns");
            return if last.is_empty() { Err(nothing) } else { Ok(Item::Skipped(Skip::LastOnly)) };
        }
        let bid = self.carried(bid, self.bid, "bid")?;
        let ask = self.carried(ask, self.ask, "ask")?;
        let (bid_lots, ask_lots) = (Lots(0), Lots(0));
        Ok(Item::Quote(Tick { symbol: self.instrument.symbol, time, seen: time, bid, ask, bid_lots, ask_lots }))
    }
}

impl Row for Mt5 {
    fn parse(&mut self, line: &[u8]) -> Item {
        let item = self.quote(line).unwrap_or_else(|bad| bad);
        // A row that names one side alone still says what that side is, even where the other is not known yet.
        let mut cells = line.split(|byte| *byte == b'\t').skip(2);
        let mut side = || cells.next().and_then(|cell| price(&self.instrument, cell, "").ok());
        let (bid, ask) = (side(), side());
        self.bid = bid.or(self.bid);
        self.ask = ask.or(self.ask);
        item
    }
}
