//! Whole Parquet files with any values in them: our own schema, and somebody else's table.
#![no_main]

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int8Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow_schema::{Field, Schema};
use feed::{FeedError, Judged, Record};
use libfuzzer_sys::fuzz_target;
use market::{Instrument, Lots, Points, Price, Side, Tick, Time, Trade};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use scalpel_fuzz::file::{guarded, read};
use scalpel_fuzz::input::Input;
use scalpel_fuzz::quotes::{instrument, is_large};

const ROWS_MAX: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let step = 1 + i64::from(input.byte() / 128) * 4;
    let instrument = Instrument { tick_size: Points(step), ..instrument("EURUSD") };
    guarded(|| {
        if input.byte().is_multiple_of(2) { ours(&mut input, &instrument) } else { theirs(&mut input, &instrument) }
    });
});

/// A number: near a price, near a time, or anything; absent now and then.
fn cell(input: &mut Input<'_>) -> Option<i64> {
    match input.byte() % 8 {
        0 => None,
        1 => Some(input.number() as i64 >> (input.byte() % 64)),
        2 => Some(i64::from(input.byte()) - 8),
        3 => Some(1_399_033_800_106_000_000 + i64::from(input.byte()) * 100_000_000),
        4..=6 => Some(138_600 + i64::from(input.byte() % 100)),
        _ => Some(100),
    }
}

fn column(input: &mut Input<'_>, rows: usize) -> Vec<Option<i64>> {
    (0..rows).map(|_| cell(input)).collect()
}

/// Our own file: what is read is what a slow, obvious reading of its columns gives.
fn ours(input: &mut Input<'_>, instrument: &Instrument) {
    let rows = 1 + input.below(ROWS_MAX);
    let columns: [Vec<Option<i64>>; 8] = std::array::from_fn(|_| column(input, rows));
    let taker: Vec<Option<i8>> =
        (0..rows).map(|_| [None, None, None, Some(1), Some(-1), Some(0)][usize::from(input.byte()) % 6]).collect();
    let names = ["time_ns", "seen_ns", "bid", "ask", "bid_lots", "ask_lots", "price", "lots"];
    let mut table: Vec<(&str, ArrayRef)> = names
        .into_iter()
        .zip(&columns)
        .map(|(name, cells)| (name, Arc::new(Int64Array::from(cells.clone())) as _))
        .collect();
    table.push(("taker", Arc::new(Int8Array::from(taker.clone()))));
    let meta = [("schema", feed::PARQUET_SCHEMA), ("symbol", "EURUSD"), ("digits", "5"), ("volume_digits", "2")];
    let (all, error) = read(&written(table, &meta), instrument);
    let twin: Vec<Record> = (0..rows).filter_map(|row| twin(instrument, &columns, taker[row], row)).collect();
    check(&all, error, &twin);
    assert!(all.iter().all(|judged| judged.judgement.believed()));
}

fn twin(instrument: &Instrument, columns: &[Vec<Option<i64>>; 8], taker: Option<i8>, row: usize) -> Option<Record> {
    let symbol = instrument.symbol;
    let (time, seen) = (Time(columns[0][row]?), Time(columns[1][row]?));
    let on_grid = |points: &i64| *points > 0 && points % instrument.tick_size.0 == 0;
    let price = |column: usize| columns[column][row].filter(on_grid).map(Price);
    let lots = |column: usize| columns[column][row].filter(|lots| *lots >= 0).map(Lots);
    Some(match taker {
        Some(taker) => {
            let taker = match taker {
                1 => Side::Buy,
                -1 => Side::Sell,
                _ => return None,
            };
            Record::Trade(Trade { symbol, time, seen, price: price(6)?, lots: lots(7)?, taker })
        }
        None => {
            let (bid, ask, bid_lots, ask_lots) = (price(2)?, price(3)?, lots(4)?, lots(5)?);
            Record::Quote(Tick { symbol, time, seen, bid, ask, bid_lots, ask_lots })
        }
    })
}

fn check(all: &[Judged], error: Option<FeedError>, twin: &[Record]) {
    assert_eq!(error, None);
    let records: Vec<Record> = all.iter().map(|judged| judged.record).filter(|record| !is_large(record)).collect();
    let twin: Vec<Record> = twin.iter().copied().filter(|record| !is_large(record)).collect();
    assert_eq!(records, twin);
}

/// Somebody else's table: prices as floats or texts, times in several units. Whatever is shown is a sound record.
fn theirs(input: &mut Input<'_>, instrument: &Instrument) {
    let rows = 1 + input.below(ROWS_MAX);
    let time = time(input, rows);
    let (bid, ask) = (amounts(input, rows), amounts(input, rows));
    let mut table = vec![time, ("bid", bid), ("Ask_Price", ask)];
    if input.byte().is_multiple_of(2) {
        table.extend([("bid_size", amounts(input, rows)), ("ask_vol", amounts(input, rows))]);
    }
    let _ = read(&written(table, &[]), instrument);
}

fn time(input: &mut Input<'_>, rows: usize) -> (&'static str, ArrayRef) {
    let kind = input.byte() % 5;
    let cells = column(input, rows);
    match kind {
        0 => ("ts_ms", Arc::new(Int64Array::from(cells))),
        1 => ("ts_ns", Arc::new(Int64Array::from(cells))),
        2 => ("timestamp", Arc::new(TimestampMillisecondArray::from(cells))),
        3 => ("TIME", Arc::new(TimestampNanosecondArray::from(cells).with_timezone("+02:00"))),
        _ => ("time", Arc::new(Int64Array::from(cells))),
    }
}

fn amounts(input: &mut Input<'_>, rows: usize) -> ArrayRef {
    let kind = input.byte() % 5;
    let floats = |input: &mut Input<'_>| -> Vec<Option<f64>> {
        let float = |cell: i64| if cell % 7 == 0 { f64::from_bits(cell as u64) } else { cell as f64 / 1e5 };
        (0..rows).map(|_| cell(input).map(float)).collect()
    };
    match kind {
        0 => Arc::new(Float64Array::from(floats(input))),
        1 => Arc::new(Float32Array::from_iter(floats(input).into_iter().map(|cell| cell.map(|cell| cell as f32)))),
        2 => {
            let text = |input: &mut Input<'_>| String::from_utf8_lossy(input.slice(7)).into_owned();
            Arc::new(StringArray::from_iter((0..rows).map(|_| Some(text(input)))))
        }
        3 => Arc::new(Int64Array::from(column(input, rows))),
        _ => Arc::new(BooleanArray::from(vec![true; rows])),
    }
}

/// The table as the bytes of a file.
fn written(table: Vec<(&str, ArrayRef)>, meta: &[(&str, &str)]) -> Vec<u8> {
    let fields: Vec<Field> =
        table.iter().map(|(name, cells)| Field::new(*name, cells.data_type().clone(), true)).collect();
    let batch =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), table.into_iter().map(|(_, cells)| cells).collect());
    let pairs = meta.iter().map(|(key, value)| KeyValue::new(format!("scalpel.{key}"), (*value).to_owned())).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(pairs)).build();
    let batch = batch.unwrap();
    let mut bytes = vec![];
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}
