//! A backtest: the desk, the paper venue and recorded ticks; then the same with a coin, at other costs and latencies.

use std::path::{Path, PathBuf};

use config::Config;
use desk::spec::{Decide, StakeSpec};
use desk::{Command, Desk};
use feed::{FeedSpec, Progress, Quarantine, Record as MarketRecord, Source};
use market::{Lots, Money, Span, State, Time};
use report::null::NullTrade;
use report::{Sensitivity, Trade};
use risk::{Level, Operator, Scope};
use venue::Venue;
use venue::paper::Paper;
use venue::spec::{Commission, Latency, PaperSpec, Slippage};

use crate::collect::Collector;
use crate::record::{Record, RecordError, Unrecorded};
use crate::script::Script;
use crate::session::Session;

/// Why a run ended early. Nothing it would have reported is worth anything.
#[derive(Debug)]
pub enum RunError {
    /// The desk cannot be made of this configuration.
    Desk(Vec<desk::Fault>),
    /// The venue cannot.
    Venue(Vec<venue::spec::SpecFault>),
    /// The ticks.
    Feed(feed::FeedError),
    /// The record of the session.
    Record(RecordError),
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Desk(faults) => write!(f, "this configuration makes no desk: {faults:?}"),
            Self::Venue(faults) => {
                let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
                write!(f, "this configuration makes no venue: {}", texts.join("; "))
            }
            Self::Feed(error) => write!(f, "{error}"),
            Self::Record(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for RunError {}

impl From<RecordError> for RunError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<feed::FeedError> for RunError {
    fn from(error: feed::FeedError) -> Self {
        Self::Feed(error)
    }
}

/// What is replayed: one list of files per symbol of the configuration, in the order of its instruments.
#[derive(Debug, Clone)]
pub struct Input {
    /// The files of each symbol and what the user says of them.
    pub feeds: Vec<(Vec<PathBuf>, feed::Options)>,
}

impl Input {
    /// The symbols that have files, by their places in the configuration: one feed each, in this order.
    pub fn places(&self) -> Vec<usize> {
        (0..self.feeds.len()).filter(|place| !self.feeds[*place].0.is_empty()).collect()
    }

    /// Opens the files as one stream of judged records.
    ///
    /// # Errors
    /// When a file cannot be opened or is not recognised.
    pub fn open(&self, config: &Config, quarantine: Option<Quarantine>) -> Result<Source, feed::FeedError> {
        let feeds = self.feeds.iter().zip(&config.desk.symbols).filter(|((paths, _), _)| !paths.is_empty());
        let feeds = feeds.map(|((paths, options), symbol)| FeedSpec {
            paths: paths.clone(),
            instrument: symbol.instrument.clone(),
            beliefs: symbol.belief,
            options: options.clone(),
        });
        Source::open(feeds.collect(), quarantine)
    }
}

/// A finished run.
pub struct Finished<R> {
    /// The desk at the end.
    pub desk: Desk,
    /// The record, still open.
    pub record: R,
    /// What was gathered.
    pub collected: Collector,
    /// Positions that were open at the end, and could not be closed.
    pub left_open: usize,
    /// Models whose time never came.
    pub unseated: Vec<crate::script::Seating>,
    /// The stream, read to its end.
    pub source: Source,
    /// The symbol of each feed, by its place in the configuration.
    pub feeds: Vec<usize>,
}

impl<R> Finished<R> {
    /// The results, and the record apart.
    pub fn split(self) -> (Finished<()>, R) {
        let Self { desk, record, collected, left_open, unseated, source, feeds } = self;
        (Finished { desk, record: (), collected, left_open, unseated, source, feeds }, record)
    }
}

impl Finished<()> {
    /// The feed that quoted a symbol, by its place in the configuration; `None` when there was none.
    pub fn feed_of(&self, symbol: usize) -> Option<u16> {
        let place = self.feeds.iter().position(|place| *place == symbol)?;
        u16::try_from(place).ok()
    }

    /// Records of a feed that never became a tick.
    pub fn unusable(&self, feed: u16) -> u64 {
        self.unusable_by_reason(feed).iter().map(|(_, n)| n).sum()
    }

    /// The same by reason.
    pub fn unusable_by_reason(&self, feed: u16) -> Vec<(String, u64)> {
        let reasons = [market::Doubt::NotANumber, market::Doubt::NotPositive, market::Doubt::OffGrid];
        let files = self.source.counts_by_file(feed);
        let count = |doubt| files.iter().map(|counts| counts.doubt(doubt).rejected).sum();
        reasons.into_iter().map(|doubt| (doubt.name().to_owned(), count(doubt))).collect()
    }
}

/// Where a run's snapshots are kept, and how often one is taken.
#[derive(Debug, Clone)]
pub struct Snapshots {
    journal: PathBuf,
    build: String,
    every: u64,
}

/// Market records between two snapshots, unless somebody says otherwise.
pub const SNAPSHOT_EVERY: u64 = 200_000;

/// How many random entries a null should have, about.
pub const COIN_TRADES: u64 = 3_000;

impl Snapshots {
    /// Beside a journal, readable by the same build only.
    pub fn beside(journal: &Path, build: &str) -> Self {
        Self { journal: journal.to_owned(), build: build.to_owned(), every: SNAPSHOT_EVERY }
    }

    /// One after so many market records, at least one.
    #[must_use]
    pub fn every(self, records: u64) -> Self {
        Self { every: records.max(1), ..self }
    }

    /// Takes one now; nothing where there is no journal, or one that is only being agreed with.
    ///
    /// # Errors
    /// [`RecordError`] when the journal or the snapshot cannot be written.
    pub fn take<R: Record>(&self, desk: &Desk, record: &mut R, text: &str) -> Result<(), RecordError> {
        record.before_leaving()?;
        let Some(place) = record.place() else { return Ok(()) };
        let header = journal::Reader::open(&self.journal).map_err(RecordError::Damaged)?.header().clone();
        debug_assert_eq!((header.build.as_str(), header.config.as_str()), (self.build.as_str(), text));
        let mut state = Vec::new();
        desk.save(&mut state);
        journal::Snapshot::new(&header, place, state).write(&self.journal)?;
        Ok(())
    }
}

/// Runs a configuration over records, with what a script lets happen beside them. `on_progress` is told how far it is, every
/// few thousand records.
///
/// # Errors
/// [`RunError`].
pub fn run<R: Record>(
    config: &Config,
    (mut source, feeds): (Source, &[usize]),
    script: &Script,
    record: R,
    snapshots: Option<&Snapshots>,
    on_progress: &mut dyn FnMut(u64, Progress),
) -> Result<Finished<R>, RunError> {
    let desk = Desk::new(&config.desk).map_err(RunError::Desk)?;
    let venue = Paper::new(config.venue.clone()).map_err(RunError::Venue)?;
    let names = config.desk.strategies.iter().map(|strategy| strategy.name.clone()).collect();
    let mut session = Session::new(desk, venue, record, Collector::new(names));
    let (mut heard, mut told, mut seated) = (0_u64, 0, 0);
    while let Some(judged) = source.next() {
        let judged = judged?;
        heard += 1;
        if heard == 1 {
            session.start(judged.record.seen())?;
        }
        script.seat(&mut session, judged.record.seen(), &mut seated)?;
        script.tell(&mut session, judged.record.seen(), &mut told)?;
        match judged.record {
            MarketRecord::Quote(tick) => session.tick(&tick)?,
            MarketRecord::Trade(trade) => session.trade(&trade)?,
        }
        script.promote(&mut session)?;
        if heard.is_multiple_of(8_192) {
            on_progress(heard, source.progress());
        }
        if let Some(snapshots) = snapshots
            && heard.is_multiple_of(snapshots.every)
        {
            snapshots.take(&session.desk, &mut session.record, &config.text)?;
        }
    }
    on_progress(heard, source.progress());
    close_all(&mut session)?;
    let left_open = session.watch.finish(&session.desk);
    let Session { desk, record, watch: collected, .. } = session;
    let feeds = feeds.to_vec();
    let unseated = script.models.get(seated..).unwrap_or_default().to_vec();
    Ok(Finished { desk, record, collected, left_open, unseated, source, feeds })
}

/// How long the end of a run waits for its last positions to be closed at the last quotes.
const CLOSING_TIME: Span = Span::from_secs(30);

/// The ticks are at an end: flatten, and let the venue answer.
///
/// # Errors
/// [`RecordError`] when it cannot be written down.
pub fn close_all<V: Venue, R: Record>(session: &mut Session<V, R, Collector>) -> Result<(), RecordError> {
    let Some(by) = Operator::new("end of the ticks") else { return Ok(()) };
    let now = session.now();
    session.command(now, Command::Halt { by, scope: Scope::All, level: Level::Flatten })?;
    session.pass_until(now.plus(CLOSING_TIME))
}

/// The configuration with a coin for a strategy: same symbols, stops, exits, costs; fixed smallest sizes, limits out of the
/// way, so that trades may overlap.
pub fn with_a_coin(config: &Config, seed: u64, every: Span) -> Config {
    let mut config = config.clone();
    let room = config.desk.orders.positions_max;
    for (place, strategy) in config.desk.strategies.iter_mut().enumerate() {
        let symbol = strategy.symbols.first().map_or(0, |symbol| usize::from(symbol.0));
        let lots = config.desk.symbols.get(symbol).map_or(Lots(1), |symbol| symbol.instrument.lot_min);
        strategy.decide = Decide::Random { seed: seed.wrapping_add(place as u64), every };
        strategy.stake = StakeSpec::Fixed(lots);
        strategy.cooldown = Span(0);
        strategy.positions_max = u32::from(room);
    }
    config.desk.classes.clear();
    widen(&mut config);
    config
}

/// Limits that never bind: the null asks what the exits do, not what the gate allows. Sessions, spread, stale and price
/// guards stay, because they choose the moments at which the desk may trade at all.
fn widen(config: &mut Config) {
    let (much, many) = (Money(i64::MAX / 8), u32::from(config.desk.orders.positions_max));
    let limits = &mut config.desk.limits;
    let exposure = risk::limits::ExposureLimit { value_max: much, risk_max: much, positions_max: many };
    let loss = risk::limits::LossLimit { day_max: much, drawdown_max: much };
    let rate = risk::limits::MessageRate { messages: 1_000_000, per: Span::SECOND, burst: 1_000_000 };
    limits.account.exposure = exposure;
    limits.account.loss = loss;
    limits.account.messages = rate;
    limits.account.margin_level_min_percent = 0;
    for profile in &mut limits.strategies {
        profile.exposure = exposure;
        profile.loss = loss;
        profile.messages = rate;
        profile.trade_risk.max_ppm = 1_000_000;
        profile.repeats = risk::limits::RepeatThrottle { executions_max: 1_024, window: Span(1) };
        profile.duplicates = risk::limits::DuplicateGuard { window: Span(0) };
        profile.launch = None;
    }
    for symbol in &mut limits.symbols {
        symbol.position.positions_max = many;
    }
    for currency in &mut limits.currencies {
        currency.net_max = much;
    }
    config.venue.margin = venue::spec::Margin::Unlimited;
}

/// The trades of a coin under the same exits and the same news, as pips by hour.
///
/// # Errors
/// [`RunError`].
pub fn null_trades(
    config: &Config,
    input: &Input,
    script: &Script,
    (seed, every): (u64, Span),
) -> Result<Vec<NullTrade>, RunError> {
    let coin = with_a_coin(config, seed, every);
    let finished = run(
        &coin,
        (input.open(&coin, None)?, &input.places()),
        &script.without_models(),
        Unrecorded::default(),
        None,
        &mut |_, _| {},
    )?;
    let trades = finished.collected.trades.iter();
    Ok(trades
        .filter(|trade| trade.cause != "still_open")
        .map(|trade| NullTrade {
            strategy: trade.strategy.clone(),
            hour: trade.opened.hour(),
            net_pips: trade.net_pips,
        })
        .collect())
}

/// A venue whose slippage and commission cost `factor` times as much. Spreads come from the ticks and are not changed;
/// half of the added spread cost is charged as slippage at each end instead.
pub fn at_costs(venue: &PaperSpec, factor: f64, spread_points: &[f64]) -> PaperSpec {
    let mut venue = venue.clone();
    for (place, symbol) in venue.symbols.iter_mut().enumerate() {
        let extra = (factor - 1.0).max(0.0) * spread_points.get(place).copied().unwrap_or_default() / 2.0;
        symbol.slippage = match symbol.slippage {
            Slippage::None => fixed(extra),
            Slippage::Fixed(points) => fixed(points.as_f64() * factor + extra),
            Slippage::Exponential { mean_thousandths, most } => Slippage::Exponential {
                mean_thousandths: (f64::from(mean_thousandths) * factor + extra * 1_000.0) as u32,
                most: market::Points(((most.as_f64() + extra) * factor).max(0.0) as i64),
            },
        };
        symbol.commission = match symbol.commission {
            Commission::None => Commission::None,
            Commission::PerLot { side } => Commission::PerLot { side: Money((side.0 as f64 * factor) as i64) },
            Commission::Notional { maker_millionths, taker_millionths } => Commission::Notional {
                maker_millionths: (f64::from(maker_millionths) * factor) as u32,
                taker_millionths: (f64::from(taker_millionths) * factor) as u32,
            },
        };
    }
    venue
}

fn fixed(points: f64) -> Slippage {
    let whole = (points + 0.5) as i64;
    if whole > 0 { Slippage::Fixed(market::Points(whole)) } else { Slippage::None }
}

/// The run at another point of the cost or latency grid.
///
/// # Errors
/// [`RunError`].
pub fn at(
    config: &Config,
    input: &Input,
    script: &Script,
    (venue, at): (PaperSpec, f64),
) -> Result<Sensitivity, RunError> {
    let config = Config { venue, ..config.clone() };
    let finished = run(
        &config,
        (input.open(&config, None)?, &input.places()),
        script,
        Unrecorded::default(),
        None,
        &mut |_, _| {},
    )?;
    Ok(sensitivity(at, &finished.collected.trades))
}

/// A venue that takes requests `millis` after they were sent, always.
pub fn at_latency(venue: &PaperSpec, millis: i64) -> PaperSpec {
    PaperSpec { latency_to_venue: Latency::Fixed(Span::from_millis(millis)), ..venue.clone() }
}

fn sensitivity(at: f64, trades: &[Trade]) -> Sensitivity {
    let figures = report::trades::figures(trades.iter().map(|trade| trade.net_pips));
    Sensitivity {
        at,
        trades: figures.count,
        win_rate: figures.win_rate(),
        expectancy_pips: figures.expectancy,
        net: trades.iter().map(|trade| trade.net().as_f64()).sum(),
    }
}

/// The mean time between a coin's entries that gives about `trades` of them within a period.
pub fn coin_pace(period: (Time, Time), trades: u64) -> Span {
    Span((period.1.since(period.0).0 / trades.max(1) as i64).max(Span::SECOND.0))
}
