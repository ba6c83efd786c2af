//! Trades as files that other tools read: CSV and Parquet, the same columns.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow_schema::ArrowError;
use market::Side;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use report::Trade;

/// Why a file of trades was not written.
#[derive(Debug)]
pub enum FileError {
    /// The file system.
    Io(std::io::Error),
    /// The CSV writer.
    Csv(csv::Error),
    /// The Parquet writer.
    Parquet(ParquetError),
    /// The columns do not fit together.
    Arrow(ArrowError),
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Csv(error) => write!(f, "{error}"),
            Self::Parquet(error) => write!(f, "{error}"),
            Self::Arrow(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for FileError {}

const COLUMNS: [&str; 18] = [
    "decided_event",
    "strategy",
    "symbol",
    "side",
    "lots",
    "opened",
    "closed",
    "entry",
    "exit",
    "gross",
    "commission",
    "swap",
    "spread",
    "slippage",
    "net",
    "net_pips",
    "mae_pips",
    "mfe_pips",
];

const fn side(trade: &Trade) -> &'static str {
    match trade.side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// Writes `trades.csv`: a header, then one line a trade; money in the account's currency with six decimals.
///
/// # Errors
/// [`FileError`].
pub fn write_csv(path: &Path, trades: &[Trade]) -> Result<(), FileError> {
    let mut writer = csv::Writer::from_path(path).map_err(FileError::Csv)?;
    let header = COLUMNS.iter().copied().chain(["closed_by"]);
    writer.write_record(header).map_err(FileError::Csv)?;
    for trade in trades {
        let money = |amount: market::Money| format!("{:.6}", amount.as_f64());
        let row = [
            trade.decided.to_string(),
            trade.strategy.clone(),
            trade.symbol.clone(),
            side(trade).to_owned(),
            trade.lots.to_string(),
            trade.opened.to_string(),
            trade.closed.to_string(),
            format!("{:.8}", trade.entry),
            format!("{:.8}", trade.exit),
            money(trade.gross),
            money(trade.commission),
            money(trade.swap),
            money(trade.spread),
            money(trade.slippage),
            money(trade.net()),
            format!("{:.4}", trade.net_pips),
            format!("{:.2}", trade.mae_pips),
            format!("{:.2}", trade.mfe_pips),
            trade.cause.to_owned(),
        ];
        writer.write_record(&row).map_err(FileError::Csv)?;
    }
    writer.flush().map_err(FileError::Io)
}

/// Writes `trades.parquet`: the columns of the CSV, times as nanoseconds UTC.
///
/// # Errors
/// [`FileError`].
pub fn write_parquet(path: &Path, trades: &[Trade]) -> Result<(), FileError> {
    let batch = batch(trades).map_err(FileError::Arrow)?;
    let level = ZstdLevel::try_new(3).map_err(FileError::Parquet)?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let file = File::create(path).map_err(FileError::Io)?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(FileError::Parquet)?;
    writer.write(&batch).map_err(FileError::Parquet)?;
    writer.close().map_err(FileError::Parquet)?;
    Ok(())
}

fn batch(trades: &[Trade]) -> Result<RecordBatch, ArrowError> {
    let text = |read: fn(&Trade) -> &str| -> ArrayRef {
        Arc::new(trades.iter().map(|trade| Some(read(trade))).collect::<StringArray>())
    };
    let number = |read: fn(&Trade) -> f64| -> ArrayRef { Arc::new(trades.iter().map(read).collect::<Float64Array>()) };
    let micros = |read: fn(&Trade) -> i64| -> ArrayRef { Arc::new(trades.iter().map(read).collect::<Int64Array>()) };
    let time = |read: fn(&Trade) -> i64| -> ArrayRef {
        let times: TimestampNanosecondArray = trades.iter().map(read).collect::<Vec<i64>>().into();
        Arc::new(times.with_timezone("UTC"))
    };
    let decided: UInt64Array = trades.iter().map(|trade| trade.decided).collect();
    RecordBatch::try_from_iter([
        ("decided_event", Arc::new(decided) as ArrayRef),
        ("strategy", text(|trade| &trade.strategy)),
        ("symbol", text(|trade| &trade.symbol)),
        ("side", text(side)),
        ("lots", number(|trade| trade.lots)),
        ("opened", time(|trade| trade.opened.0)),
        ("closed", time(|trade| trade.closed.0)),
        ("entry", number(|trade| trade.entry)),
        ("exit", number(|trade| trade.exit)),
        ("gross_micros", micros(|trade| trade.gross.0)),
        ("commission_micros", micros(|trade| trade.commission.0)),
        ("swap_micros", micros(|trade| trade.swap.0)),
        ("spread_micros", micros(|trade| trade.spread.0)),
        ("slippage_micros", micros(|trade| trade.slippage.0)),
        ("net_micros", micros(|trade| trade.net().0)),
        ("net_pips", number(|trade| trade.net_pips)),
        ("mae_pips", number(|trade| trade.mae_pips)),
        ("mfe_pips", number(|trade| trade.mfe_pips)),
        ("closed_by", text(|trade| trade.cause)),
    ])
}
