//! `scalpel data import`: believed records into one Parquet file, rejected ones into its quarantine. Both are written
//! beside their final names and renamed at the end, so that a failure leaves nothing behind.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Int8Builder, Int64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use market::{Doubt, Instrument, Side};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use crate::decode::{Record, tick_columns as columns, tick_meta as meta};
use crate::error::{Fault, FeedError};
use crate::judge::{Counts, DoubtCount};
use crate::quarantine::Quarantine;
use crate::source::{FeedSpec, Progress, Source};
use crate::zone::ZoneUse;

/// The name and version of the Parquet schema.
pub const SCHEMA: &str = meta::VERSION;

/// What to do when the output exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    Refuse,
    /// Replace it.
    Replace,
}

/// How to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// What to do when an output exists.
    pub existing: Existing,
    /// The quarantine file; the output's name with `.quarantine.jsonl` when not given.
    pub quarantine: Option<PathBuf>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// The Parquet file.
    pub out: PathBuf,
    /// The quarantine file, written also when it is empty.
    pub quarantine: PathBuf,
    /// [`SCHEMA`].
    pub schema: String,
    /// The symbol.
    pub symbol: String,
    /// The files it came from, in the order in which they were read.
    pub sources: Vec<SourceFile>,
    /// Rows read.
    pub rows: u64,
    /// Quotes and trades written.
    pub written: u64,
    /// Rows quarantined.
    pub rejected: u64,
    /// Rows skipped, by reason.
    pub skipped: std::collections::BTreeMap<String, u64>,
    /// Every doubt.
    pub doubts: std::collections::BTreeMap<String, DoubtCount>,
    /// The first time written, UTC.
    pub first: Option<String>,
    /// The last time written, UTC.
    pub last: Option<String>,
    /// Size of the Parquet file, in bytes.
    pub bytes: u64,
}

/// A file that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its name, as given.
    pub file: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// CRC-32 of its bytes, in hexadecimal.
    pub crc32: String,
    /// Its format.
    pub format: crate::format::Format,
    /// The zone its times were read in, and who says so.
    pub zone: ZoneUse,
    /// Its rows.
    pub rows: u64,
}

/// A file written under a temporary name, removed unless kept.
struct Partial {
    temporary: PathBuf,
    target: PathBuf,
    kept: bool,
}

impl Partial {
    fn create(target: &Path, existing: Existing) -> Result<(Self, File), FeedError> {
        if existing == Existing::Refuse && target.exists() {
            return Err(FeedError::new(&target.display().to_string(), Fault::Exists));
        }
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let temporary = PathBuf::from(name);
        let opened = OpenOptions::new().write(true).create_new(true).open(&temporary);
        let file = opened.map_err(|error| FeedError::io(&temporary, &error))?;
        Ok((Self { temporary, target: target.to_owned(), kept: false }, file))
    }

    fn keep(mut self) -> Result<(), FeedError> {
        let failed = |error| FeedError::io(&self.target, &error);
        let file = OpenOptions::new().append(true).open(&self.temporary).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&self.temporary, &self.target).map_err(failed)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing more can be done about a temporary file that cannot be removed.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

const BATCH: usize = 16_384;
const ROW_GROUP: usize = 262_144;

/// The rows of a batch being filled.
struct Batch {
    schema: Arc<Schema>,
    whole: [Int64Builder; 8],
    taker: Int8Builder,
    rows: usize,
}

impl Batch {
    fn new() -> Self {
        let field = |name: &&str| match *name {
            columns::TIME | columns::SEEN => Field::new(*name, DataType::Int64, false),
            columns::TAKER => Field::new(*name, DataType::Int8, true),
            _ => Field::new(*name, DataType::Int64, true),
        };
        let fields: Vec<Field> = columns::ALL.iter().map(field).collect();
        let whole = std::array::from_fn(|_| Int64Builder::with_capacity(BATCH));
        Self { schema: Arc::new(Schema::new(fields)), whole, taker: Int8Builder::with_capacity(BATCH), rows: 0 }
    }

    fn push(&mut self, record: &Record) {
        let [time, seen, bid, ask, bid_lots, ask_lots, price, lots] = &mut self.whole;
        match record {
            Record::Quote(tick) => {
                time.append_value(tick.time.0);
                seen.append_value(tick.seen.0);
                bid.append_value(tick.bid.0);
                ask.append_value(tick.ask.0);
                bid_lots.append_value(tick.bid_lots.0);
                ask_lots.append_value(tick.ask_lots.0);
                price.append_null();
                lots.append_null();
                self.taker.append_null();
            }
            Record::Trade(trade) => {
                time.append_value(trade.time.0);
                seen.append_value(trade.seen.0);
                [bid, ask, bid_lots, ask_lots].into_iter().for_each(Int64Builder::append_null);
                price.append_value(trade.price.0);
                lots.append_value(trade.lots.0);
                self.taker.append_value(if trade.taker == Side::Buy { 1 } else { -1 });
            }
        }
        self.rows += 1;
    }

    fn take(&mut self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        let mut arrays: Vec<ArrayRef> = vec![];
        for builder in &mut self.whole {
            arrays.push(Arc::new(builder.finish()));
        }
        arrays.push(Arc::new(self.taker.finish()));
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }
}

fn properties(instrument: &Instrument) -> Result<WriterProperties, parquet::errors::ParquetError> {
    let pairs = [
        (meta::SCHEMA, meta::VERSION.to_owned()),
        (meta::SYMBOL, instrument.name.clone()),
        (meta::DIGITS, instrument.digits.to_string()),
        (meta::VOLUME_DIGITS, instrument.volume_digits.to_string()),
    ];
    let pairs = pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_created_by(format!("scalpel {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(pairs));
    for column in [columns::TIME, columns::SEEN, columns::BID, columns::ASK, columns::PRICE] {
        let path = ColumnPath::from(column);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    Ok(builder.build())
}

fn default_quarantine(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".quarantine.jsonl");
    PathBuf::from(name)
}

/// Imports the files of a feed into one Parquet file.
///
/// # Errors
/// When a file cannot be read to its end, not one record is believed, or an output exists or cannot be written. Then
/// nothing is left behind.
pub fn import(
    spec: FeedSpec,
    out: &Path,
    options: &ImportOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Imported, FeedError> {
    let quarantine_path = options.quarantine.clone().unwrap_or_else(|| default_quarantine(out));
    let instrument = spec.instrument.clone();
    let (partial, file) = Partial::create(out, options.existing)?;
    let (kept, rejected) = Partial::create(&quarantine_path, options.existing)?;
    let mut source = Source::open(vec![spec], Some(Quarantine::new(Box::new(rejected))))?;
    let mut writer = Writer::new(out, file, &instrument)?;
    writer.copy(&mut source, progress)?;
    let counts = source.counts();
    let sources = described(&source)?;
    source.finish()?;
    if counts.believed == 0 {
        return Err(FeedError::new(
            &sources.first().map_or(String::new(), |first| first.file.clone()),
            Fault::NoRecords,
        ));
    }
    let (first, last) = (writer.first.map(|time| time.to_string()), writer.last.map(|time| time.to_string()));
    writer.close(&sources, &counts)?;
    let bytes = std::fs::metadata(&partial.temporary).map_err(|error| FeedError::io(out, &error))?.len();
    kept.keep()?;
    partial.keep()?;
    Ok(Imported {
        out: out.to_owned(),
        quarantine: quarantine_path,
        schema: SCHEMA.to_owned(),
        symbol: instrument.name,
        sources,
        rows: counts.rows,
        written: counts.believed,
        rejected: counts.rejected,
        skipped: counts.skipped.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
        doubts: doubts(&counts),
        first,
        last,
        bytes,
    })
}

fn doubts(counts: &Counts) -> std::collections::BTreeMap<String, DoubtCount> {
    Doubt::ALL.iter().map(|doubt| (doubt.name().to_owned(), counts.doubt(*doubt))).collect()
}

fn described(source: &Source) -> Result<Vec<SourceFile>, FeedError> {
    let files = source.files(0).iter().zip(source.counts_by_file(0));
    files
        .map(|(info, counts)| {
            Ok(SourceFile {
                file: info.name.clone(),
                bytes: info.size,
                crc32: crc32(Path::new(&info.name))?,
                format: info.format,
                zone: info.zone.clone(),
                rows: counts.rows,
            })
        })
        .collect()
}

fn crc32(path: &Path) -> Result<String, FeedError> {
    let failed = |error| FeedError::io(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let mut crc = flate2::Crc::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let got = file.read(&mut buffer).map_err(failed)?;
        if got == 0 {
            return Ok(format!("{:08x}", crc.sum()));
        }
        crc.update(&buffer[..got]);
    }
}

struct Writer {
    out: PathBuf,
    parquet: ArrowWriter<File>,
    batch: Batch,
    first: Option<market::Time>,
    last: Option<market::Time>,
}

impl Writer {
    fn new(out: &Path, file: File, instrument: &Instrument) -> Result<Self, FeedError> {
        let batch = Batch::new();
        let parquet = properties(instrument)
            .and_then(|properties| ArrowWriter::try_new(file, Arc::clone(&batch.schema), Some(properties)))
            .map_err(|error| failed(out, &error))?;
        Ok(Self { out: out.to_owned(), parquet, batch, first: None, last: None })
    }

    fn copy(&mut self, source: &mut Source, progress: &mut dyn FnMut(Progress)) -> Result<(), FeedError> {
        while let Some(judged) = source.next() {
            let judged = judged?;
            if !judged.judgement.believed() {
                continue;
            }
            let time = judged.record.time();
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
            self.batch.push(&judged.record);
            if self.batch.rows == BATCH {
                self.flush()?;
                progress(source.progress());
            }
        }
        progress(source.progress());
        self.flush()
    }

    fn flush(&mut self) -> Result<(), FeedError> {
        let batch = self.batch.take().map_err(|error| failed(&self.out, &error))?;
        self.parquet.write(&batch).map_err(|error| failed(&self.out, &error))
    }

    fn close(mut self, sources: &[SourceFile], counts: &Counts) -> Result<(), FeedError> {
        let json = |text: Result<String, serde_json::Error>| text.map_err(|error| failed(&self.out, &error));
        let totals = serde_json::json!({
            "rows": counts.rows, "believed": counts.believed, "rejected": counts.rejected,
            "quotes": counts.quotes, "trades": counts.trades, "doubts": doubts(counts),
        });
        let (sources, totals) = (json(serde_json::to_string(sources))?, json(serde_json::to_string(&totals))?);
        self.parquet.append_key_value_metadata(KeyValue::new(meta::SOURCES.to_owned(), sources));
        self.parquet.append_key_value_metadata(KeyValue::new(meta::COUNTS.to_owned(), totals));
        self.parquet.close().map_err(|error| failed(&self.out, &error))?;
        Ok(())
    }
}

fn failed(out: &Path, error: &dyn std::fmt::Display) -> FeedError {
    FeedError::new(&out.display().to_string(), Fault::Io(error.to_string()))
}
