//! Parquet made by others: columns found by their names, floats read as what they print, zones stated.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use feed::{Fault, FeedError, FeedSpec, InstrumentTable, Options, Record, Source, Zone, schema_for};
    use market::{SymbolId, Time};
    use parquet::arrow::ArrowWriter;

    fn written(folder: &Path, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
        let path = folder.join("x");
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    }

    /// Time, bid, ask and bid volume of a quote.
    type Row = (Time, i64, i64, i64);

    fn read(path: &Path, zone: Option<&str>) -> Result<(Vec<Row>, u64), FeedError> {
        let instrument = InstrumentTable::built_in().require("EURUSD", SymbolId(0)).unwrap();
        let options = Options { zone: zone.map(|zone| Zone::parse(zone).unwrap()), ..Options::none() };
        let spec = FeedSpec { paths: vec![path.to_owned()], beliefs: schema_for(&instrument), instrument, options };
        let mut source = Source::open(vec![spec], None)?;
        let mut all = vec![];
        for judged in source.by_ref() {
            let Record::Quote(tick) = judged?.record else { panic!() };
            all.push((tick.time, tick.bid.0, tick.ask.0, tick.bid_lots.0));
        }
        Ok((all, source.counts().rejected))
    }

    fn floats(values: &[f64]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    fn whole(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn floats_are_what_they_print() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(
            folder.path(),
            vec![
                ("Bid", floats(&[1.38694, 1.386_945, f64::NAN, 1.1])),
                ("Ask", floats(&[1.38696, 1.4, 1.4, 1e300])),
                ("ts_ms", whole(&[1_000, 2_000, 3_000, 4_000])),
                ("bid_size", floats(&[1.5, 1.0, 1.0, 1.0])),
                ("ask_size", floats(&[2.0, 1.0, 1.0, 1.0])),
            ],
        );
        let (all, rejected) = read(&path, None).unwrap();
        assert_eq!((all, rejected), (vec![(Time::from_millis(1_000), 138_694, 138_696, 150)], 3));
        assert!(matches!(read(&path, Some("EST")).unwrap_err().fault, Fault::ZoneNotApplicable(_)));
    }

    #[test]
    fn times_without_a_zone_need_one() {
        let folder = tempfile::tempdir().unwrap();
        let stamps: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![3_600_000_000]));
        let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
        let columns = vec![("timestamp", stamps), ("bid_price", text("1.1")), ("ask_price", text("1.10001"))];
        let path = written(folder.path(), columns);
        assert!(matches!(read(&path, None).unwrap_err().fault, Fault::ZoneNeeded(_)));
        assert_eq!(read(&path, Some("UTC+1")).unwrap().0, [(Time(0), 110_000, 110_001, 0)]);
    }

    #[test]
    fn other_tables_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |columns| match read(&written(folder.path(), columns), None).unwrap_err().fault {
            Fault::NotSupported(what) => what,
            other => panic!("{other:?}"),
        };
        assert!(refused(vec![("time", whole(&[1])), ("close", floats(&[1.0]))]).contains("without the columns"));
        let points = vec![("ts_ns", whole(&[1])), ("bid", whole(&[1])), ("ask", whole(&[2]))];
        assert!(refused(points).contains("column bid of type Int64"));
        let vague = vec![("time", whole(&[1])), ("bid", floats(&[1.0])), ("ask", floats(&[2.0]))];
        assert!(refused(vague).contains("unit is not said"));
    }
}
