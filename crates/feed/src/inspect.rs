//! What `scalpel data inspect` finds out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use market::{Doubt, SymbolId, Time};
use serde::{Deserialize, Serialize};

use crate::bars::Bars;
use crate::decode::{FileInfo, Options};
use crate::error::{Fault, FeedError};
use crate::format::{Format, probe};
use crate::judge::{Counts, DoubtCount, schema_for};
use crate::open::Compression;
use crate::quarantine::{Quarantine, Rejection};
use crate::source::{FeedSpec, Progress, Source};
use crate::symbols::InstrumentTable;
use crate::tally::{Quiet, SpreadPips, Tally};
use crate::zone::ZoneUse;

/// The name and version of the JSON that an [`Inspection`] becomes.
pub const SCHEMA: &str = "scalpel-inspection/1";

/// Who says which symbol the files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolFrom {
    /// The user.
    Given,
    /// The content of the first file.
    Content,
    /// A folder or the name of the first file.
    Path,
}

/// What was found in some files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// [`SCHEMA`].
    pub schema: String,
    /// The symbol.
    pub symbol: String,
    /// Who says so.
    pub symbol_from: SymbolFrom,
    /// Decimal places of its prices.
    pub digits: u8,
    /// Points in a pip.
    pub pip_points: i64,
    /// Each file, in the order in which they were read.
    pub files: Vec<FileInspection>,
    /// All ticks and trades together.
    pub total: Summary,
}

/// What was found in one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileInspection {
    /// Its name, as given.
    pub file: String,
    /// Its size on disk, in bytes.
    pub bytes: u64,
    /// Its format.
    pub format: Format,
    /// The compression around it, outermost first.
    pub compression: Vec<Compression>,
    /// The zip entry, if it is one.
    pub entry: Option<String>,
    /// The zone of its times, and who says so.
    pub zone: ZoneUse,
    /// What a reader should know about how it is read.
    pub notes: Vec<String>,
    /// Its ticks and trades.
    pub summary: Summary,
    /// Its bars, where it holds bars.
    pub bars: Option<BarInspection>,
}

/// Counts and statistics. rows = believed + rejected + the sum of skipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows read, headers aside.
    pub rows: u64,
    /// Quotes on the grid.
    pub quotes: u64,
    /// Trades on the grid.
    pub trades: u64,
    /// Records that the declared schema lets through.
    pub believed: u64,
    /// Rows that it does not.
    pub rejected: u64,
    /// Rows that are neither quotes nor trades, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Every doubt, also those that never arose.
    pub doubts: BTreeMap<String, DoubtCount>,
    /// The first and last time, UTC.
    pub first: Option<String>,
    /// The last time, UTC.
    pub last: Option<String>,
    /// Records with the time of the record before them.
    pub same_time: u64,
    /// The longest silence.
    pub longest_gap: Option<Quiet>,
    /// Spread quantiles in pips.
    pub spread_pips: Option<SpreadPips>,
    /// Records by hour of the UTC day.
    pub by_hour_utc: Vec<u64>,
    /// Records in each hour that has any, by its start.
    pub per_hour: BTreeMap<String, u64>,
}

/// What was found in an MT4 history file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BarInspection {
    /// 400 or 401.
    pub version: u32,
    /// Minutes per bar.
    pub period_minutes: u32,
    /// Digits that the header states.
    pub digits: u32,
    /// Records read.
    pub rows: u64,
    /// Sound bars.
    pub bars: u64,
    /// Records that are none, by reason; `crossed` means a high below a low.
    pub rejected: BTreeMap<String, u64>,
    /// The first bar's time, in the zone of the file.
    pub first: Option<String>,
    /// The last bar's time.
    pub last: Option<String>,
    /// Steps longer than the period.
    pub gaps: u64,
}

fn summary(counts: &Counts, tally: &Tally, pip: market::Points) -> Summary {
    let period = tally.period();
    Summary {
        rows: counts.rows,
        quotes: counts.quotes,
        trades: counts.trades,
        believed: counts.believed,
        rejected: counts.rejected,
        skipped: counts.skipped.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
        doubts: Doubt::ALL.iter().map(|doubt| (doubt.name().to_owned(), counts.doubt(*doubt))).collect(),
        first: period.map(|(first, _)| first.to_string()),
        last: period.map(|(_, last)| last.to_string()),
        same_time: tally.same_time(),
        longest_gap: tally.longest_quiet(),
        spread_pips: tally.spread_pips(pip),
        by_hour_utc: tally.by_hour.to_vec(),
        per_hour: tally.calendar.iter().map(|(hour, count)| (hour_name(*hour), *count)).collect(),
    }
}

fn hour_name(hour: i64) -> String {
    let shown = Time(hour.saturating_mul(market::Span::HOUR.0)).to_string();
    format!("{}Z", shown.get(..16).unwrap_or(&shown))
}

fn file_inspection(info: &FileInfo, summary: Summary, bars: Option<BarInspection>) -> FileInspection {
    FileInspection {
        file: info.name.clone(),
        bytes: info.size,
        format: info.format,
        compression: info.compression.clone(),
        entry: info.entry.clone(),
        zone: info.zone.clone(),
        notes: info.notes.clone(),
        summary,
        bars,
    }
}

/// Finds the symbol of some files: given, else named by the content of the first, else by a folder or its name.
///
/// # Errors
/// [`Fault::UnknownSymbol`] or [`Fault::SymbolNeeded`].
pub fn resolve_symbol(
    paths: &[PathBuf],
    given: Option<&str>,
    table: &InstrumentTable,
    options: &Options,
) -> Result<(market::Instrument, SymbolFrom), FeedError> {
    if let Some(name) = given {
        return Ok((table.require(name, SymbolId(0))?, SymbolFrom::Given));
    }
    let path = paths.first().ok_or_else(|| FeedError::new("", Fault::NoFiles))?;
    let probe = probe(path, options)?;
    if matches!(probe.format, Format::Hyperliquid | Format::Bybit) {
        return Err(FeedError::new(&path.display().to_string(), Fault::NotSupported(probe.format.name().to_owned())));
    }
    if let Some(symbol) = probe.symbol {
        return Ok((table.require(&symbol, SymbolId(0))?, SymbolFrom::Content));
    }
    let part_of = |part: &str| part.split(['.', '_', '-']).find_map(|word| table.get(word)).cloned();
    let found = path.iter().rev().filter_map(|part| part.to_str()).find_map(part_of);
    match found {
        Some(instrument) => Ok((instrument, SymbolFrom::Path)),
        None => Err(FeedError::new(&path.display().to_string(), Fault::SymbolNeeded)),
    }
}

/// Inspects files of one symbol, ticks and bars alike, with the usual schema.
///
/// # Errors
/// When the symbol is not known or a file cannot be read to its end.
pub fn inspect_all(
    paths: &[PathBuf],
    symbol: Option<&str>,
    table: &InstrumentTable,
    options: &Options,
    quarantine: Option<Quarantine>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Inspection, FeedError> {
    let (instrument, from) = resolve_symbol(paths, symbol, table, options)?;
    let beliefs = schema_for(&instrument);
    let spec = FeedSpec { paths: paths.to_vec(), instrument, beliefs, options: options.clone() };
    inspect(spec, from, quarantine, progress)
}

/// Inspects the files of a feed.
///
/// # Errors
/// When a file cannot be read to its end.
pub fn inspect(
    spec: FeedSpec,
    symbol_from: SymbolFrom,
    mut quarantine: Option<Quarantine>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Inspection, FeedError> {
    let instrument = spec.instrument.clone();
    let mut ticks = vec![];
    let mut files = vec![];
    for path in &spec.paths {
        if probe(path, &spec.options)?.format == Format::Hst {
            files.push(bars(path, &spec, &mut quarantine)?);
        } else {
            ticks.push(path.clone());
        }
    }
    let mut total = Tally::new();
    let mut counts = Counts::default();
    if ticks.is_empty() && files.is_empty() {
        return Err(FeedError::new("", Fault::NoFiles));
    }
    if ticks.is_empty() {
        finish(quarantine)?;
    } else {
        let pip = instrument.pip;
        let mut source = Source::open(vec![FeedSpec { paths: ticks, ..spec }], quarantine)?;
        let tallies = tallied(&mut source, progress)?;
        for ((info, of_file), tally) in source.files(0).iter().zip(source.counts_by_file(0)).zip(&tallies) {
            total.followed_by(tally);
            files.push(file_inspection(info, summary(of_file, tally, pip), None));
        }
        counts = source.counts();
        finish(source.finish()?)?;
    }
    Ok(Inspection {
        schema: SCHEMA.to_owned(),
        symbol: instrument.name.clone(),
        symbol_from,
        digits: instrument.digits,
        pip_points: instrument.pip.0,
        files,
        total: summary(&counts, &total, instrument.pip),
    })
}

fn finish(quarantine: Option<Quarantine>) -> Result<(), FeedError> {
    let Some(mut quarantine) = quarantine else { return Ok(()) };
    quarantine.flush().map_err(|error| FeedError::new("quarantine", Fault::Io(error.to_string())))
}

/// Counts a feed file by file.
fn tallied(source: &mut Source, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Tally>, FeedError> {
    let mut tallies: Vec<Tally> = vec![];
    let mut read = 0_u64;
    while let Some(judged) = source.next() {
        let judged = judged?;
        while tallies.len() <= judged.file as usize {
            tallies.push(Tally::new());
        }
        tallies[judged.file as usize].count(&judged.record);
        read += 1;
        if read.is_multiple_of(65_536) {
            progress(source.progress());
        }
    }
    progress(source.progress());
    tallies.resize_with(source.files(0).len(), Tally::new);
    tallies.iter_mut().for_each(Tally::close);
    Ok(tallies)
}

fn bars(path: &Path, spec: &FeedSpec, quarantine: &mut Option<Quarantine>) -> Result<FileInspection, FeedError> {
    let (mut file, info) = Bars::open(path, &spec.instrument, &spec.options)?;
    let header = file.header().clone();
    let mut found = BarInspection {
        version: header.version,
        period_minutes: header.period,
        digits: header.digits,
        rows: 0,
        bars: 0,
        rejected: BTreeMap::new(),
        first: None,
        last: None,
        gaps: 0,
    };
    let period = market::Span(i64::from(header.period) * market::Span::MINUTE.0);
    let (mut first, mut before): (Option<Time>, Option<Time>) = (None, None);
    while let Some(bar) = file.advance()? {
        found.rows += 1;
        let doubt = match bar {
            Err(doubt) => doubt,
            Ok(bar) if before.is_some_and(|before| bar.time < before) => Doubt::Backwards,
            Ok(bar) if before == Some(bar.time) => Doubt::Duplicate,
            Ok(bar) => {
                found.bars += 1;
                found.gaps += u64::from(before.is_some_and(|before| bar.time.since(before) > period));
                first = first.or(Some(bar.time));
                before = Some(bar.time);
                continue;
            }
        };
        *found.rejected.entry(doubt.name().to_owned()).or_default() += 1;
        if let Some(quarantine) = quarantine {
            let (at, reason) = (file.place(), doubt.name().to_owned());
            let rejection =
                Rejection { file: info.name.clone(), at, reason, part: None, raw: file.raw(), lossy: false };
            quarantine.keep(&rejection).map_err(|error| FeedError::new("quarantine", Fault::Io(error.to_string())))?;
        }
    }
    found.first = first.map(|time| time.to_string());
    found.last = before.map(|time| time.to_string());
    let nothing = summary(&Counts::default(), &Tally::new(), spec.instrument.pip);
    Ok(file_inspection(&info, nothing, Some(found)))
}
