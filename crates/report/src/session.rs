//! Everything a run hands over to be reported. Plain facts: what follows from them is computed in `assess`.

use market::{Money, Time};

use crate::null::NullTrade;
use crate::trades::Trade;

/// A name with how often it happened.
pub type Count = (String, u64);

/// What was run on what, so that somebody else can run it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The program's version and build.
    pub build: String,
    /// The command that makes this report again.
    pub command: String,
    /// SHA-256 of the configuration's text, in hexadecimal.
    pub config_digest: String,
    /// The configuration itself.
    pub config: String,
    /// The seed of everything drawn.
    pub seed: u64,
    /// The data files, each with its SHA-256 in hexadecimal.
    pub data: Vec<(String, String)>,
    /// First and last time of the ticks.
    pub period: (Time, Time),
    /// The account's currency.
    pub currency: String,
    /// The balance at the start.
    pub balance_start: Money,
    /// The balance at the end, after every position was closed.
    pub balance_end: Money,
    /// The venue and its models in words.
    pub venue: String,
    /// The hash at the head of the journal, in hexadecimal; empty when no journal was kept.
    pub journal_head: String,
}

/// What was read, and what was not believed, for one symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct SymbolData {
    /// The symbol's name.
    pub symbol: String,
    /// Records read.
    pub read: u64,
    /// Records believed.
    pub believed: u64,
    /// Rejected records by reason.
    pub rejected: Vec<Count>,
    /// Accepted records with a remark, by reason.
    pub flagged: Vec<Count>,
    /// The longest silence in seconds.
    pub gap_longest_s: f64,
    /// Spread in pips: 50 %, 95 % and 99 % quantile and maximum of the believed quotes.
    pub spread_pips: [f64; 4],
}

/// How a run went at other costs or latencies.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// The factor on all costs, or the latency in milliseconds.
    pub at: f64,
    /// Trades made.
    pub trades: u64,
    /// Win rate, when there were trades.
    pub win_rate: Option<f64>,
    /// Mean net pips per trade.
    pub expectancy_pips: f64,
    /// Sum of net results in the account's currency.
    pub net: f64,
}

/// One day's change of equity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayResult {
    /// Midnight at its start, UTC.
    pub day: Time,
    /// Equity at its start.
    pub equity: Money,
    /// Change of equity over the day.
    pub change: Money,
}

/// The facts of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// What was run.
    pub manifest: Manifest,
    /// What was read.
    pub data: Vec<SymbolData>,
    /// The strategies' names, in the order of the configuration.
    pub strategies: Vec<String>,
    /// Decisions asked for.
    pub decisions: u64,
    /// Signals: decisions that wanted to trade.
    pub signals: u64,
    /// Decisions not to trade, by reason.
    pub abstentions: Vec<Count>,
    /// Signals that the gate refused, by reason.
    pub refusals: Vec<Count>,
    /// Requests sent to the venue.
    pub orders: u64,
    /// Fills that opened or closed something.
    pub fills: u64,
    /// Requests that the venue rejected, by reason.
    pub rejects: Vec<Count>,
    /// Finished trades, by time of closing.
    pub trades: Vec<Trade>,
    /// Equity over time, thinned for drawing.
    pub equity: Vec<(Time, Money)>,
    /// Each day.
    pub days: Vec<DayResult>,
    /// Trades that random entries made under the same rules.
    pub null: Vec<NullTrade>,
    /// The run at other costs.
    pub costs: Vec<Sensitivity>,
    /// The run at other latencies.
    pub latencies: Vec<Sensitivity>,
    /// Whether a model was seated on ticks that it may have learned from: then no figure says what it is worth.
    pub in_sample: bool,
    /// What a reader must know besides.
    pub warnings: Vec<String>,
    /// Ticks per second of the main run.
    pub ticks_per_second: f64,
    /// Peak memory of the process in bytes.
    pub memory_peak: u64,
}
