//! What went wrong, where, and what to do.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where in a file: lines and rows count from 1, offsets are bytes of the decompressed content from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A line of a text file.
    Line(u64),
    /// A byte of a binary file.
    Offset(u64),
    /// A row of a table.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "{line}"),
            Self::Offset(offset) => write!(f, "byte {offset}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// A failure with its file and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedError {
    /// The file, as it was named; empty when no file is concerned.
    pub file: String,
    /// Where in the file, when that is known.
    pub place: Option<Place>,
    /// What went wrong.
    pub fault: Fault,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The operating system refused.
    Io(String),
    /// The file has no bytes.
    Empty,
    /// The file ends in the middle of a record or of its compression.
    Truncated(String),
    /// The bytes contradict their own format.
    Corrupt(String),
    /// No known format begins like this.
    Unrecognised(String),
    /// The text is UTF-16.
    Utf16,
    /// A compression inside a compression that cannot be streamed.
    Nested(String),
    /// The zip archive has no single recognisable entry.
    ZipEntries(String),
    /// A line is longer than this many bytes.
    LineTooLong(usize),
    /// The decompressed content is larger than the limit, in bytes.
    TooLarge(u64),
    /// The format does not say which zone its times are in.
    ZoneNeeded(String),
    /// The format's times are UTC by definition; another zone was given.
    ZoneNotApplicable(String),
    /// No such time zone.
    UnknownZone(String),
    /// A `.bi5` file holds milliseconds of an hour, and the hour is not known.
    HourNeeded,
    /// A file of milliseconds since midnight, and the day is not known.
    DateNeeded,
    /// One hour or date was given for several files.
    OneFileOnly(&'static str),
    /// No such symbol in the table; the second field lists those with near names.
    UnknownSymbol(String, Vec<String>),
    /// The symbol is neither given nor found in the content or the path.
    SymbolNeeded,
    /// The file holds another symbol: (asked, found).
    OtherSymbol(String, String),
    /// The format is recognised, but its records are neither quotes nor trades that we read.
    NotSupported(String),
    /// The file holds bars, which are not ticks.
    BarsAreNotTicks,
    /// No file was given.
    NoFiles,
    /// No record could be used.
    NoRecords,
    /// The output exists.
    Exists,
    /// The clocks of two sources differ by this many minutes, with this correlation in thousandths.
    ClocksDiffer(i32, i32),
    /// Whether the clocks of two sources agree could not be found out.
    ClocksUnknown(String),
}

impl FeedError {
    pub(crate) fn new(file: &str, fault: Fault) -> Self {
        Self { file: file.to_owned(), place: None, fault }
    }

    pub(crate) fn at(file: &str, place: Place, fault: Fault) -> Self {
        Self { file: file.to_owned(), place: Some(place), fault }
    }

    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::new(&path.display().to_string(), Fault::Io(error.to_string()))
    }
}

impl Fault {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Io(_) => "check the path, its permissions and the free space",
            Self::Empty => "download or export it again",
            Self::Truncated(_) => "copy or download it again; nothing was written",
            Self::Corrupt(_) => "check the file against its source; nothing was written",
            Self::Unrecognised(_) => "see `scalpel data inspect --help` for the formats and their headers",
            Self::Utf16 => "save it as UTF-8",
            Self::Nested(_) => "unpack the outer layer first",
            Self::ZipEntries(_) => "unpack it and name the file you mean",
            Self::LineTooLong(_) => "this is not the text it seems to be; check the file",
            Self::TooLarge(_) => "if it really is that large, unpack it first or raise the limit",
            Self::ZoneNeeded(_) => "say it with --zone, for example --zone UTC-5 or --zone Europe/Athens",
            Self::ZoneNotApplicable(_) => "leave --zone out",
            Self::UnknownZone(_) => "use UTC, UTC-5, EST, an IANA name such as Europe/Athens, or America/New_York+7",
            Self::HourNeeded => {
                "keep the layout YYYY-MM-DD/HHh_ticks.bi5 with the real month, or give the hour with --hour 2019-02-04T13"
            }
            Self::DateNeeded => "keep the name YYYYMMDD_..., or give the day with --date 2014-05-01",
            Self::OneFileOnly(_) => "give one file, or keep the layout that names each",
            Self::UnknownSymbol(..) => "check the spelling, or declare the symbol in the configuration",
            Self::SymbolNeeded => "say it with --symbol",
            Self::OtherSymbol(..) => "give the symbol that the file holds",
            Self::NotSupported(_) => "use a stream with best bid and ask, or with trades",
            Self::BarsAreNotTicks => {
                "inspect it as bars; get ticks from the source, since ticks made from bars are invented"
            }
            Self::NoFiles => "name at least one file",
            Self::NoRecords => "run `scalpel data inspect` on it and read the reasons",
            Self::Exists => "choose another name, or say that it may be replaced",
            Self::ClocksDiffer(..) => {
                "find the zone of each source and give it with --zone; they are not merged like this"
            }
            Self::ClocksUnknown(_) => "give both sources a longer common period; unknown is not taken for equal",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(text) => f.write_str(text),
            Self::Empty => f.write_str("the file is empty"),
            Self::Truncated(what) => write!(f, "cut off: {what}"),
            Self::Corrupt(what) => write!(f, "corrupt: {what}"),
            Self::Unrecognised(start) => write!(f, "no known format begins like {start}"),
            Self::Utf16 => f.write_str("the text is UTF-16"),
            Self::Nested(what) => write!(f, "{what} cannot be read as a stream"),
            Self::ZipEntries(what) => write!(f, "not one readable entry in the archive: {what}"),
            Self::LineTooLong(limit) => write!(f, "a line is longer than {limit} bytes"),
            Self::TooLarge(limit) => {
                write!(f, "unpacks to more than is plausible or allowed (stopped at {limit} bytes)")
            }
            Self::ZoneNeeded(format) => write!(f, "{format} does not say which time zone it is in"),
            Self::ZoneNotApplicable(format) => {
                write!(f, "times of {format} are UTC by definition, another zone was given")
            }
            Self::UnknownZone(text) => write!(f, "no such time zone: {text}"),
            Self::HourNeeded => f.write_str("the hour of this .bi5 file is not known"),
            Self::DateNeeded => f.write_str("the day of this file is not known"),
            Self::OneFileOnly(what) => write!(f, "one {what} was given for several files"),
            Self::UnknownSymbol(name, near) if near.is_empty() => write!(f, "unknown symbol {name}"),
            Self::UnknownSymbol(name, near) => {
                write!(f, "unknown symbol {name}; did you mean {}?", near.join(", "))
            }
            Self::SymbolNeeded => f.write_str("neither the content nor the path says which symbol this is"),
            Self::OtherSymbol(asked, found) => write!(f, "asked for {asked}, the file holds {found}"),
            Self::NotSupported(what) => write!(f, "recognised, not supported: {what}"),
            Self::BarsAreNotTicks => f.write_str("the file holds bars, not ticks"),
            Self::NoFiles => f.write_str("no file given"),
            Self::NoRecords => f.write_str("not one record could be used"),
            Self::Exists => f.write_str("exists already"),
            Self::ClocksDiffer(minutes, milli) => {
                write!(f, "the clocks differ by {minutes} minutes (correlation {:.3})", f64::from(*milli) / 1000.0)
            }
            Self::ClocksUnknown(why) => write!(f, "whether the clocks agree is unknown: {why}"),
        }
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.place) {
            (true, _) => {}
            (false, None) => write!(f, "{}: ", self.file)?,
            (false, Some(Place::Line(line))) => write!(f, "{}:{line}: ", self.file)?,
            (false, Some(place)) => write!(f, "{} at {place}: ", self.file)?,
        }
        write!(f, "{} ({})", self.fault, self.fault.advice())
    }
}

impl std::error::Error for FeedError {}
