//! The declared schema of a stream, and the count of what it found.

use market::{
    Belief, BeliefSpec, Doubt, Instrument, Judgement, Lots, MarginClass, Points, Severity, Span, Tick, Trade,
};
use serde::{Deserialize, Serialize};

use crate::decode::Record;

/// The schema that an instrument's files are checked against unless the configuration says otherwise: crossed, backwards,
/// repeated, stale (over 5 s) and jumping records are rejected, locked ones and gaps over a minute are flagged. A jump
/// is 0.5 % for pairs, 1 % for metals and other commodities, 2 % for the rest, and is believed once four records in a row
/// agree on it.
pub const fn schema_for(instrument: &Instrument) -> BeliefSpec {
    let metal = instrument.contract_size < 100_000;
    let outlier_ppm = match instrument.margin_class {
        MarginClass::MajorPair => 5_000,
        MarginClass::MinorPairGoldIndex if !metal => 5_000,
        MarginClass::MinorPairGoldIndex | MarginClass::Commodity => 10_000,
        MarginClass::Share | MarginClass::Crypto => 20_000,
    };
    BeliefSpec {
        crossed: Severity::Reject,
        locked: Severity::Flag,
        backwards: Severity::Reject,
        duplicate: Severity::Reject,
        gap: Span::MINUTE,
        outlier: Severity::Reject,
        outlier_ppm,
        outlier_confirmations: 3,
        stale: Severity::Reject,
        stale_age: Span::from_secs(5),
    }
}

/// The same checks, none of which rejects: for records that were believed before. Unusable numbers are still rejected.
pub const fn trusted(spec: &BeliefSpec) -> BeliefSpec {
    BeliefSpec {
        crossed: Severity::Flag,
        locked: Severity::Flag,
        backwards: Severity::Flag,
        duplicate: Severity::Flag,
        outlier: Severity::Flag,
        stale: Severity::Flag,
        ..*spec
    }
}

/// Judges the quotes and the trades of one symbol and source, each against its own kind.
#[derive(Debug, Clone)]
pub(crate) struct Judge {
    quotes: Belief,
    trades: Belief,
}

impl Judge {
    pub(crate) const fn new(spec: BeliefSpec) -> Self {
        Self { quotes: Belief::new(spec), trades: Belief::new(spec) }
    }

    pub(crate) fn quote(&mut self, tick: &Tick) -> Judgement {
        self.quotes.judge(tick)
    }

    /// The one validator judges trades too: as a quote one point wide at the trade's price, whose volume is the trade's
    /// id, so that only a repeated id is a duplicate.
    pub(crate) fn trade(&mut self, trade: &Trade, id: i64) -> Judgement {
        self.trades.judge(&Tick {
            symbol: trade.symbol,
            time: trade.time,
            seen: trade.seen,
            bid: trade.price,
            ask: trade.price.plus(Points(1)),
            bid_lots: Lots(id),
            ask_lots: Lots(0),
        })
    }
}

/// How often a doubt arose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DoubtCount {
    /// Records that went on all the same, or were rejected for another reason.
    pub flagged: u64,
    /// Records rejected for this reason.
    pub rejected: u64,
}

/// What became of the rows of a stream: rows = believed + rejected + skipped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows read, headers aside.
    pub rows: u64,
    /// Quotes on the grid.
    pub quotes: u64,
    /// Trades on the grid.
    pub trades: u64,
    /// Records that went on.
    pub believed: u64,
    /// Rows that were rejected and quarantined.
    pub rejected: u64,
    /// Rows that are neither, by reason.
    pub skipped: crate::decode::SkipCount,
    doubts: [DoubtCount; Doubt::ALL.len()],
}

impl Counts {
    /// How often a doubt arose.
    pub fn doubt(&self, doubt: Doubt) -> DoubtCount {
        self.doubts[usize::from(doubt.code())]
    }

    pub(crate) fn judged(&mut self, record: &Record, judgement: Judgement) {
        match record {
            Record::Quote(_) => self.quotes += 1,
            Record::Trade(_) => self.trades += 1,
        }
        if judgement.believed() {
            self.believed += 1;
            if judgement.is_clean() {
                return;
            }
        } else {
            self.rejected += 1;
        }
        for doubt in judgement.doubts() {
            let count = &mut self.doubts[usize::from(doubt.code())];
            if judgement.rejection() == Some(doubt) {
                count.rejected += 1;
            } else {
                count.flagged += 1;
            }
        }
    }

    pub(crate) fn unusable(&mut self, doubt: Doubt) {
        self.rejected += 1;
        self.doubts[usize::from(doubt.code())].rejected += 1;
    }

    /// Adds the counts of another stream.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.quotes += other.quotes;
        self.trades += other.trades;
        self.believed += other.believed;
        self.rejected += other.rejected;
        for (reason, count) in &other.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
        for (mine, theirs) in self.doubts.iter_mut().zip(other.doubts) {
            mine.flagged += theirs.flagged;
            mine.rejected += theirs.rejected;
        }
    }

    /// Whether every row is accounted for.
    pub fn is_complete(&self) -> bool {
        self.rows == self.believed + self.rejected + self.skipped.values().sum::<u64>()
    }
}
