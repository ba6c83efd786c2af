//! Market data from files: formats, validation, quarantine.
//!
//! `error`    what went wrong, where, and what to do       `symbols`    what each symbol's grid is
//! `zone`     whose clock a file was written by            `stamp`      dates and times as files print them
//! `open`     compression, by magic bytes, with caps       `format`     which format it is, by content
//! `lines`    a capped line reader                         `decode`     one decoder per format: bytes to records
//! `bars`     MT4 history files: bars, never ticks         `judge`      the declared schema and its counts
//! `quarantine`  where rejected records are kept           `source`     many files as one stream, judged
//! `tally`    statistics of a stream                       `inspect`    `scalpel data inspect`
//! `offset`   do two sources keep the same clock?          `import`     `scalpel data import`
//! `render`   the results as text

mod bars;
mod decode;
mod error;
mod format;
mod import;
mod inspect;
mod judge;
mod lines;
mod offset;
mod open;
mod quarantine;
mod render;
mod source;
mod stamp;
mod symbols;
mod tally;
mod zone;

pub use bars::{Bar, BarFile, Bars};
pub use decode::{FileInfo, Options, Parsed, Record, Skip, SkipCount, parse_bytes};
pub use error::{Fault, FeedError, Place};
pub use format::{Format, Probe, probe};

pub use import::{Existing, ImportOptions, Imported, SCHEMA as PARQUET_SCHEMA, SourceFile, import};
pub use inspect::{
    BarInspection, FileInspection, Inspection, SCHEMA as INSPECTION_SCHEMA, Summary, SymbolFrom, inspect, inspect_all,
    resolve_symbol,
};
pub use judge::{Counts, DoubtCount, schema_for, trusted};
pub use offset::{ClockOffset, OffsetVerdict, offset};
pub use open::{Compression, Limits};
pub use quarantine::{Quarantine, Rejection};
pub use source::{FeedSpec, Judged, Progress, Source};
pub use symbols::{InstrumentTable, Kind};
pub use tally::{Quiet, SpreadPips, Tally};
pub use zone::{Zone, ZoneFrom, ZoneUse};
