//! The results as text for a terminal.

use std::fmt::Write as _;

use crate::import::Imported;
use crate::inspect::{BarInspection, FileInspection, Inspection, Summary, SymbolFrom};
use crate::judge::DoubtCount;
use crate::offset::{ClockOffset, OffsetVerdict};
use crate::open::Compression;
use crate::zone::ZoneFrom;

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

const fn who(from: ZoneFrom) -> &'static str {
    match from {
        ZoneFrom::Given => "as given",
        ZoneFrom::Format => "by the format's definition",
        ZoneFrom::Market => "known of the market",
        ZoneFrom::Record => "each record says so",
        ZoneFrom::Unstated => "times as printed",
    }
}

const fn compression(layer: Compression) -> &'static str {
    match layer {
        Compression::Zstd => "zstd",
        Compression::Gzip => "gzip",
        Compression::Zip => "zip",
    }
}

/// Writing to a `String` cannot fail; the result is ignored in one place.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        let _ = writeln!($out, $($text)*);
    }};
}

fn file(out: &mut String, file: &FileInspection) {
    let layers: Vec<&str> = file.compression.iter().map(|layer| compression(*layer)).collect();
    let packed = if layers.is_empty() { "not compressed".to_owned() } else { layers.join(" in ") };
    let entry = file.entry.as_ref().map_or(String::new(), |entry| format!(", entry {entry}"));
    line!(out, "{}", file.file);
    line!(out, "  {}, {packed}{entry}, {} bytes", file.format.name(), grouped(file.bytes));
    line!(out, "  zone {}, {}", file.zone.zone, who(file.zone.from));
    if let Some(found) = &file.bars {
        bars(out, found);
    } else {
        let summary = &file.summary;
        let (first, last) = (summary.first.as_deref().unwrap_or("-"), summary.last.as_deref().unwrap_or("-"));
        line!(out, "  {} rows, {first} .. {last}, {} rejected", grouped(summary.rows), grouped(summary.rejected));
    }
    for note in &file.notes {
        line!(out, "  note: {note}");
    }
}

fn bars(out: &mut String, bars: &BarInspection) {
    let (first, last) = (bars.first.as_deref().unwrap_or("-"), bars.last.as_deref().unwrap_or("-"));
    line!(out, "  version {}, {} minutes per bar, {} digits", bars.version, bars.period_minutes, bars.digits);
    line!(
        out,
        "  {} bars of {} records, {first} .. {last}, {} gaps",
        grouped(bars.bars),
        grouped(bars.rows),
        bars.gaps
    );
    for (reason, count) in &bars.rejected {
        line!(out, "  rejected {reason}: {}", grouped(*count));
    }
}

fn doubts<'a>(out: &mut String, all: impl Iterator<Item = (&'a String, &'a DoubtCount)>, rows: u64) {
    line!(out, "  {:<14}{:>12}{:>12}{:>10}", "doubt", "flagged", "rejected", "of rows");
    for (name, count) in all {
        let sum = count.flagged + count.rejected;
        line!(out, "  {name:<14}{:>12}{:>12}{:>10}", grouped(count.flagged), grouped(count.rejected), share(sum, rows));
    }
}

fn summary(out: &mut String, summary: &Summary) {
    let (rows, believed, rejected) = (grouped(summary.rows), grouped(summary.believed), grouped(summary.rejected));
    line!(out, "rows {rows}: believed {believed}, rejected {rejected} ({})", share(summary.rejected, summary.rows));
    line!(out, "  quotes {}, trades {}", grouped(summary.quotes), grouped(summary.trades));
    for (reason, count) in &summary.skipped {
        line!(out, "  skipped {reason}: {}", grouped(*count));
    }
    line!(out, "first {}", summary.first.as_deref().unwrap_or("-"));
    line!(out, "last  {}", summary.last.as_deref().unwrap_or("-"));
    if let Some(s) = &summary.spread_pips {
        line!(out, "spread in pips: p50 {} p95 {} p99 {} max {} min {}", s.p50, s.p95, s.p99, s.max, s.min);
    }
    line!(out, "same time as the record before: {}", grouped(summary.same_time));
    if let Some(quiet) = &summary.longest_gap {
        line!(out, "longest silence {:.1} s from {}", quiet.seconds, quiet.from);
    }
    doubts(out, summary.doubts.iter(), summary.rows);
    let most = summary.by_hour_utc.iter().copied().max().unwrap_or(0).max(1);
    line!(out, "records by hour of the day, UTC, over {} hours with records", summary.per_hour.len());
    for (hour, count) in summary.by_hour_utc.iter().enumerate() {
        let bar = "#".repeat((40 * count / most) as usize);
        line!(out, "{}", format!("  {hour:02} {:>11} {bar}", grouped(*count)).trim_end());
    }
}

impl Inspection {
    /// The inspection as text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let from = match self.symbol_from {
            SymbolFrom::Given => "as given",
            SymbolFrom::Content => "named in the content",
            SymbolFrom::Path => "named in the path",
        };
        line!(out, "{} ({from}), {} digits, pip {} points", self.symbol, self.digits, self.pip_points);
        for of in &self.files {
            file(&mut out, of);
        }
        if self.total.rows > 0 {
            line!(out, "");
            summary(&mut out, &self.total);
        }
        out
    }
}

impl Imported {
    /// The import as text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        line!(
            out,
            "{} {}: {} rows read from {} files",
            self.symbol,
            self.schema,
            grouped(self.rows),
            self.sources.len()
        );
        for source in &self.sources {
            let zone = format!("zone {} ({})", source.zone.zone, who(source.zone.from));
            line!(out, "  {}: {} rows, {}, {zone}", source.file, grouped(source.rows), source.format.name());
        }
        line!(out, "written {} to {} ({} bytes)", grouped(self.written), self.out.display(), grouped(self.bytes));
        let (first, last) = (self.first.as_deref().unwrap_or("-"), self.last.as_deref().unwrap_or("-"));
        line!(out, "  {first} .. {last}");
        line!(out, "rejected {} to {}", grouped(self.rejected), self.quarantine.display());
        for (reason, count) in &self.skipped {
            line!(out, "skipped {reason}: {}", grouped(*count));
        }
        doubts(&mut out, self.doubts.iter(), self.rows);
        out
    }
}

impl ClockOffset {
    /// The comparison as text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let shown = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.3}"));
        let lag = self.lag_minutes.map_or_else(|| "unknown".to_owned(), |lag| format!("{lag} min"));
        line!(out, "best lag {lag}, correlation {} over {} minutes", shown(self.correlation), grouped(self.pairs));
        let zero = shown(self.correlation_at_zero);
        line!(out, "at 0 min, correlation {zero} over {} minutes", grouped(self.pairs_at_zero));
        match &self.verdict {
            OffsetVerdict::Aligned => line!(out, "the clocks agree to the minute"),
            OffsetVerdict::Shifted { minutes } => {
                line!(out, "the first source's clock is {minutes} minutes off the second's: they are not merged");
            }
            OffsetVerdict::Unknown { why } => {
                line!(out, "unknown: {why}. Unknown is not taken for equal: they are not merged");
            }
        }
        out
    }
}
