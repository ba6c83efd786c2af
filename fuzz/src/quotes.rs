//! Instruments, and what every record that a decoder shows must keep to.

use std::sync::LazyLock;

use feed::{InstrumentTable, Limits, Options, Parsed, Record, Zone, schema_for};
use market::{Belief, Instrument, SymbolId, Time};

/// A name that says a day and a symbol, as LEAN's do.
pub const NAME: &str = "20140501_eurusd_tick_quote.csv";

/// An instrument with a number that is not everybody's default.
pub fn instrument(name: &str) -> Instrument {
    static TABLE: LazyLock<InstrumentTable> = LazyLock::new(InstrumentTable::built_in);
    TABLE.require(name, SymbolId(7)).unwrap()
}

/// Everything said that a file may leave open, in universal time.
pub fn options(limits: Limits) -> Options {
    Options {
        zone: Some(Zone::Utc),
        market: None,
        hour: Options::hour_of("2019-02-04T13"),
        date: Options::date_of("2014-05-01"),
        limits,
    }
}

/// Small limits, so that small inputs reach them.
pub fn limits(line: usize, unpacked: u64) -> Limits {
    Limits { line, unpacked, ratio: 100 }
}

/// How many rows a text has.
pub fn rows(text: &[u8], has_header: bool) -> usize {
    text.split_inclusive(|byte| *byte == b'\n').count() - usize::from(has_header)
}

/// Records, unusable rows and skipped rows together.
pub fn total(parsed: &Parsed) -> usize {
    parsed.records.len() + parsed.bad.len() + parsed.skipped.values().sum::<u64>() as usize
}

/// About the largest whole number that a float holds without loss. A price beyond it may be refused as off the grid.
pub const LARGE: i64 = 9_000_000_000_000_000;

/// Whether a price is beyond [`LARGE`].
pub fn is_large(record: &Record) -> bool {
    let price = match record {
        Record::Quote(tick) => tick.bid.max(tick.ask),
        Record::Trade(trade) => trade.price,
    };
    price.0 > LARGE
}

/// A record is of the instrument, its prices are positive and on the grid, its volumes are not negative.
pub fn check_record(record: &Record, instrument: &Instrument) {
    let (symbol, prices, lots) = match record {
        Record::Quote(tick) => (tick.symbol, [tick.bid, tick.ask], [tick.bid_lots, tick.ask_lots]),
        Record::Trade(trade) => (trade.symbol, [trade.price; 2], [trade.lots; 2]),
    };
    assert_eq!(symbol, instrument.symbol);
    for price in prices {
        assert!(price.0 > 0, "{record:?}");
        assert_eq!(price.0 % instrument.tick_size.0.max(1), 0, "{record:?}");
        assert_eq!(instrument.price(&instrument.show(price)), Ok(price));
    }
    assert!(lots.iter().all(|lots| lots.0 >= 0), "{record:?}");
}

/// Keeps to account of what may follow what among believed quotes.
pub struct Believed {
    last: Time,
}

impl Default for Believed {
    fn default() -> Self {
        Self { last: Time::MIN }
    }
}

impl Believed {
    /// A believed record under the usual schema: it is not crossed, time goes on.
    pub fn check(&mut self, record: &Record) {
        let Record::Quote(tick) = record else { return };
        assert!(tick.bid <= tick.ask, "{record:?}");
        assert!(tick.time >= self.last, "{record:?} after {}", self.last);
        self.last = tick.time;
    }
}

/// Whatever is believed can be computed with: the mid lies between bid and ask, none of them beyond what a float holds.
pub fn check_mid(record: &Record) {
    if let Record::Quote(tick) = record {
        let (low, high) = (tick.bid.min(tick.ask), tick.bid.max(tick.ask));
        assert!((low.as_f64()..=high.as_f64()).contains(&tick.mid()), "{record:?}");
    }
}

/// Checks all that was parsed, and what is believed of it.
pub fn check(parsed: &Parsed, instrument: &Instrument) {
    let mut belief = Belief::new(schema_for(instrument));
    let mut believed = Believed::default();
    for record in &parsed.records {
        check_record(record, instrument);
        if let Record::Quote(tick) = record
            && belief.judge(tick).believed()
        {
            believed.check(record);
            check_mid(record);
        }
    }
}
