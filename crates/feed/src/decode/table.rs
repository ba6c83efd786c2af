//! Tables of quotes: a time, a bid and an ask in columns.

use market::{Doubt, Instrument, Lots, Span, Tick, Time};

use super::{Item, Options, Row, Skip, epoch, price, units_to_lots, volume};
use crate::error::{Fault, FeedError};
use crate::format::{Format, first_line};
use crate::open::Content;
use crate::stamp;
use crate::symbols::plain;
use crate::zone::Clock;

const CELLS: usize = 12;

/// How a time is printed.
enum TimeCell {
    /// A count since the epoch, in units of so many nanoseconds.
    Epoch(i64),
    /// A date and time.
    Stamp { clock: Clock, needs_offset: bool },
    /// Milliseconds, perhaps with a fraction, since this wall-clock midnight.
    OfDay { midnight: Time, clock: Clock },
}

/// In what a volume is counted.
#[derive(Clone, Copy)]
enum Unit {
    Lots,
    Millions,
}

pub(super) struct Table {
    instrument: Instrument,
    time: TimeCell,
    time_cell: usize,
    bid_cell: usize,
    ask_cell: usize,
    sizes: Option<(usize, usize, Unit)>,
    pair: Option<String>,
    other: Option<String>,
    cells: std::ops::RangeInclusive<usize>,
}

impl Table {
    /// The table of a file, and whether its first line is a header.
    pub(super) fn new(
        content: &Content,
        instrument: &Instrument,
        options: &Options,
        clock: Clock,
        notes: &mut Vec<String>,
    ) -> Result<(Self, bool), FeedError> {
        let stamped = |clock| TimeCell::Stamp { clock, needs_offset: false };
        let base = |time, cells| Self {
            instrument: instrument.clone(),
            time,
            time_cell: 0,
            bid_cell: 1,
            ask_cell: 2,
            sizes: None,
            pair: None,
            other: None,
            cells,
        };
        Ok(match content.format {
            Format::HistData => (base(stamped(clock), 3..=4), false),
            Format::Mt4 => {
                notes.push("the volume column, if any, is not of the bid or ask and is not read".into());
                (base(stamped(clock), 3..=4), false)
            }
            Format::TrueFx => {
                let pair = Some(plain(&instrument.name));
                (Self { time_cell: 1, bid_cell: 2, ask_cell: 3, pair, ..base(stamped(clock), 4..=4) }, false)
            }
            Format::Lean => {
                notes.push("columns after bid and ask are not read".into());
                let midnight =
                    lean_date(content, options).ok_or_else(|| FeedError::new(&content.name, Fault::DateNeeded))?;
                (base(TimeCell::OfDay { midnight, clock }, 3..=CELLS), false)
            }
            Format::CsvIso => {
                let needs_offset = options.zone.is_none();
                (with_header(base(TimeCell::Stamp { clock, needs_offset }, 3..=CELLS), content, notes), true)
            }
            _ => {
                let scale = match first_line(&content.head).to_ascii_lowercase().get(..5) {
                    Some(b"ts_us") => 1_000,
                    Some(b"ts_ns") => 1,
                    _ => 1_000_000,
                };
                (with_header(base(TimeCell::Epoch(scale), 3..=CELLS), content, notes), true)
            }
        })
    }

    fn time(&mut self, cell: &[u8]) -> Result<Time, Item> {
        let bad = Item::Bad(Doubt::NotANumber, "time");
        match &mut self.time {
            TimeCell::Epoch(scale) => epoch(cell, *scale).ok_or(bad),
            TimeCell::Stamp { clock, needs_offset } => {
                let stamp = stamp::read(cell).ok_or(bad)?;
                match stamp.east {
                    Some(east) => Ok(stamp.wall.minus(east)),
                    None if *needs_offset => Err(Item::Bad(Doubt::NotANumber, "time without offset")),
                    None => {
                        clock.instant(stamp.wall).ok_or(Item::Bad(Doubt::NotANumber, "time that the zone never shows"))
                    }
                }
            }
            TimeCell::OfDay { midnight, clock } => {
                let wall = midnight.plus(millis(cell).ok_or(bad)?);
                clock.instant(wall).ok_or(Item::Bad(Doubt::NotANumber, "time that the zone never shows"))
            }
        }
    }

    fn sized(&self, cells: &[&[u8]]) -> Result<(Lots, Lots), Item> {
        let Some((bid, ask, unit)) = self.sizes else { return Ok((Lots(0), Lots(0))) };
        let read = |cell: &[u8], what| match unit {
            Unit::Lots => volume(&self.instrument, cell, what),
            Unit::Millions => millions(&self.instrument, cell, what),
        };
        Ok((read(cells[bid], "bid volume")?, read(cells[ask], "ask volume")?))
    }

    fn quote(&mut self, line: &[u8]) -> Result<Item, Item> {
        let mut cells: [&[u8]; CELLS] = [b""; CELLS];
        let mut count = 0;
        for cell in line.split(|byte| *byte == b',') {
            if count < CELLS {
                cells[count] = cell;
            }
            count += 1;
        }
        if !self.cells.contains(&count) {
            return Err(Item::Bad(Doubt::NotANumber, "columns"));
        }
        if let Some(pair) = &self.pair {
            let found = cells[0];
            if !same(found, pair) {
                self.other = Some(String::from_utf8_lossy(found).into_owned());
                return Ok(Item::Skipped(Skip::OtherSymbol));
            }
        }
        let time = self.time(cells[self.time_cell])?;
        let bid = price(&self.instrument, cells[self.bid_cell], "bid")?;
        let ask = price(&self.instrument, cells[self.ask_cell], "ask")?;
        let (bid_lots, ask_lots) = self.sized(&cells)?;
        Ok(Item::Quote(Tick { symbol: self.instrument.symbol, time, seen: time, bid, ask, bid_lots, ask_lots }))
    }
}

impl Row for Table {
    fn parse(&mut self, line: &[u8]) -> Item {
        self.quote(line).unwrap_or_else(|bad| bad)
    }
    fn other_symbol(&self) -> Option<&str> {
        self.other.as_deref()
    }
}

/// Takes the volume columns from the header.
fn with_header(table: Table, content: &Content, notes: &mut Vec<String>) -> Table {
    let header = String::from_utf8_lossy(first_line(&content.head)).to_ascii_lowercase();
    let names: Vec<&str> = header.split(',').collect();
    let find = |side: &str| {
        names.iter().position(|name| {
            let rest = name.strip_prefix(side).and_then(|rest| rest.strip_prefix('_')).unwrap_or_default();
            matches!(rest, "vol" | "size" | "lots" | "volume" | "vol_millions" | "volume_millions")
        })
    };
    let sizes = match (find("bid"), find("ask")) {
        (Some(bid), Some(ask)) if bid < CELLS && ask < CELLS => {
            let millions = names[bid].ends_with("_millions");
            let unit = if millions { "millions of the base currency" } else { "lots" };
            notes.push(format!("volumes are read as {unit}"));
            Some((bid, ask, if millions { Unit::Millions } else { Unit::Lots }))
        }
        _ => None,
    };
    let columns = names.len();
    Table { sizes, cells: columns..=columns, ..table }
}

/// Whether a cell names a plain symbol, punctuation aside.
fn same(cell: &[u8], symbol: &str) -> bool {
    cell.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).eq(symbol.bytes())
}

fn millions(instrument: &Instrument, cell: &[u8], what: &'static str) -> Result<Lots, Item> {
    let text = std::str::from_utf8(cell).map_err(|_| Item::Bad(Doubt::NotANumber, what))?;
    let units = market::instrument::decimal(text, 6).map_err(|off| Item::Bad(super::doubt(off), what))?;
    units_to_lots(instrument, units as f64, what)
}

/// `18001787` or `18001787.25`: milliseconds of a day.
fn millis(cell: &[u8]) -> Option<Span> {
    let text = std::str::from_utf8(cell).ok()?;
    let nanos = market::instrument::decimal(text, 6).ok()?;
    (0..Span::DAY.0).contains(&nanos).then_some(Span(nanos))
}

fn file_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// The day of a LEAN file: given, or the first eight digits of the entry's or the file's name.
fn lean_date(content: &Content, options: &Options) -> Option<Time> {
    let of_name = |name: &str| stamp::date(&mut file_name(name).as_bytes());
    options.date.or_else(|| content.entry.as_deref().and_then(of_name)).or_else(|| of_name(&content.name))
}

/// The symbol of a LEAN entry, `20140501_eurusd_tick_quote.csv`.
pub(super) fn lean_symbol(entry: &str) -> Option<String> {
    let mut parts = file_name(entry).split('_');
    let dated = parts.next().is_some_and(|date| date.len() == 8);
    parts.next().filter(|_| dated && parts.next() == Some("tick")).map(plain)
}

/// Whether the first data row of a `timestamp,bid,ask` table prints its offset.
pub(super) fn prints_offset(head: &[u8]) -> bool {
    let row = head.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
    let cell = row.split(|byte| *byte == b',').next().unwrap_or_default();
    stamp::read(cell).is_some_and(|stamp| stamp.east.is_some())
}
