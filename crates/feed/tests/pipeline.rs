//! The pipeline: every doubt found and counted, every rejected row kept, files and feeds in order, import and back.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use feed::{
        Existing, FeedSpec, ImportOptions, Imported, InstrumentTable, Judged, Options, Place, Quarantine, Record,
        Rejection, Source, SymbolFrom, import, inspect, inspect_all, schema_for,
    };
    use market::{BeliefSpec, Doubt, Severity, SymbolId};
    use proptest::prelude::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
    }

    fn spec(paths: &[PathBuf], symbol: &str, id: u16) -> FeedSpec {
        let instrument = InstrumentTable::built_in().require(symbol, SymbolId(id)).unwrap();
        FeedSpec { paths: paths.to_vec(), beliefs: schema_for(&instrument), instrument, options: Options::none() }
    }

    fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn quarantine(folder: &Path) -> (PathBuf, Quarantine) {
        let path = folder.join("quarantine.jsonl");
        let file = std::fs::File::create(&path).unwrap();
        (path, Quarantine::new(Box::new(file)))
    }

    fn rejections(path: &Path) -> Vec<Rejection> {
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn all(feeds: Vec<FeedSpec>) -> Vec<Judged> {
        Source::open(feeds, None).unwrap().map(Result::unwrap).collect()
    }

    /// Rows as `seconds bid ask`, expected as the rejections `line reason`, and the flags.
    fn check(rows: &str, expected: &[&str], flags: &[(Doubt, u64)]) {
        let folder = tempfile::tempdir().unwrap();
        let table: Vec<String> = rows
            .split(';')
            .map(|row| {
                let mut cells = row.split_whitespace();
                let seconds = cells.next().unwrap();
                let millis = seconds.parse::<i64>().map_or(seconds.to_owned(), |seconds| (seconds * 1_000).to_string());
                format!("{millis},{}\n", cells.collect::<Vec<_>>().join(","))
            })
            .collect();
        let path = write(folder.path(), "x", &format!("ts_ms,bid,ask\n{}", table.concat()));
        let (kept, keeper) = quarantine(folder.path());
        let mut source = Source::open(vec![spec(&[path], "EURUSD", 0)], Some(keeper)).unwrap();
        source.by_ref().for_each(|judged| assert!(judged.is_ok()));
        let counts = source.counts();
        source.finish().unwrap();
        let shown: Vec<String> = rejections(&kept)
            .iter()
            .map(|rejection| {
                let Place::Line(line) = rejection.at else { panic!() };
                format!("{line} {}", rejection.reason)
            })
            .collect();
        assert_eq!(shown, expected, "{rows}");
        assert!(counts.is_complete());
        for (doubt, count) in flags {
            assert_eq!(counts.doubt(*doubt).flagged, *count, "{rows}: {}", doubt.name());
        }
    }

    #[test]
    fn every_doubt_is_found_counted_and_kept() {
        check("1 1.1 1.2x;x 1.1 1.2;3 1.1;4 1.1 1.10001", &["2 not_a_number", "3 not_a_number", "4 not_a_number"], &[]);
        check("1 0 1.2;2 -1.1 1.2;3 1.1 1.10001", &["2 not_positive", "3 not_positive"], &[]);
        check("1 1.100001 1.2;2 1.1 1.10001", &["2 off_grid"], &[]);
        check("1 1.10002 1.10001;2 1.1 1.1", &["2 crossed"], &[(Doubt::Locked, 1)]);
        check("5 1.1 1.10001;4 1.1 1.10002;6 1.1 1.10001", &["3 backwards"], &[]);
        check("5 1.1 1.10001;5 1.1 1.10001;5 1.1 1.10002", &["3 duplicate"], &[]);
        check("5 1.1 1.10001;66 1.1 1.10001", &[], &[(Doubt::Gap, 1)]);
        check("1 1.1 1.10001;2 1.2 1.20001;3 1.1 1.10001", &["3 outlier"], &[]);
    }

    #[test]
    fn trades_are_judged_by_id_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let row = |time: i64, seen: i64, id: i64, price: &str| {
            format!("x,BTCUSDT,{time}000000,{seen}000000,{id},buy,{price},0.1\n")
        };
        let rows = [
            row(10, 10, 1, "9000"),
            row(10, 10, 2, "9000"),
            row(10, 10, 2, "9000"),
            row(11, 17, 3, "9000"),
            row(12, 12, 4, "9900"),
        ];
        let text = format!("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n{}", rows.concat());
        let path = write(folder.path(), "x", &text);
        let judged = all(vec![spec(&[path], "BTCUSDT", 0)]);
        let found: Vec<Option<Doubt>> = judged.iter().map(|judged| judged.judgement.rejection()).collect();
        assert_eq!(found, [None, None, Some(Doubt::Duplicate), Some(Doubt::Stale), Some(Doubt::Outlier)]);
        assert!(judged.iter().all(|judged| !judged.judgement.has(Doubt::Locked)));
    }

    #[test]
    fn severities_come_from_the_declared_schema() {
        let spec = spec(&[fixture("fxcm_eurusd.csv")], "EURUSD", 0);
        let beliefs = BeliefSpec { crossed: Severity::Flag, locked: Severity::Reject, ..spec.beliefs };
        let mut source = Source::open(vec![FeedSpec { beliefs, ..spec }], None).unwrap();
        source.by_ref().for_each(drop);
        let counts = source.counts();
        assert_eq!((counts.doubt(Doubt::Crossed).flagged, counts.doubt(Doubt::Locked).rejected), (15, 1));
        assert_eq!((counts.believed, counts.rejected), (399, 1));
    }

    fn row() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => (0_i64..50, 0_i64..30, -3_i64..10).prop_map(|(t, bid, spread)| {
                format!("{},1.1{:04},1.1{:04}", 1_000 * t, 100 + bid, 100 + bid + spread)
            }),
            1 => "[ -~]{0,20}",
            1 => Just(String::new()),
            1 => Just("\u{fffd}é,1,2".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_is_dropped_in_silence(rows in proptest::collection::vec(row(), 1..60)) {
            let folder = tempfile::tempdir().unwrap();
            let path = write(folder.path(), "x", &format!("ts_ms,bid,ask\n{}\n1000,1.1,1.1001\n", rows.join("\n")));
            let (kept, keeper) = quarantine(folder.path());
            let mut source = Source::open(vec![spec(&[path], "EURUSD", 0)], Some(keeper)).unwrap();
            let believed = source.by_ref().filter(|judged| judged.as_ref().unwrap().judgement.believed()).count() as u64;
            let counts = source.counts();
            source.finish().unwrap();
            prop_assert!(counts.is_complete());
            prop_assert_eq!(counts.rows, rows.len() as u64 + 1);
            prop_assert_eq!(counts.believed, believed);
            let kept = rejections(&kept);
            prop_assert_eq!(kept.len() as u64, counts.rejected);
            prop_assert_eq!(Doubt::ALL.iter().map(|doubt| counts.doubt(*doubt).rejected).sum::<u64>(), counts.rejected);
            for rejection in kept {
                let Place::Line(line) = rejection.at else { panic!() };
                prop_assert_eq!(&rejection.raw, rows.get(line as usize - 2).map_or("1000,1.1,1.1001", |row| row));
            }
        }

        #[test]
        fn feeds_are_merged_as_a_sort_would(
            feeds in proptest::collection::vec(proptest::collection::vec(0_i64..40, 1..30), 1..5)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut specs = vec![];
            let mut twin: Vec<(i64, u16, usize)> = vec![];
            for (index, times) in feeds.iter().enumerate() {
                let mut times = times.clone();
                times.sort_unstable();
                let id = (feeds.len() - index) as u16 / 2;
                twin.extend(times.iter().map(|time| (*time, id, index)));
                // Two files per feed, given in the wrong order.
                let cut = times.partition_point(|time| *time < 20);
                let file = |name: String, times: &[i64]| {
                    let rows: Vec<String> = times.iter().map(|time| format!("{time},1.1,1.10001\n")).collect();
                    let rows = rows.concat();
                    write(folder.path(), &name, &format!("ts_ms,bid,ask\n{rows}"))
                };
                let paths = [file(format!("{index}b"), &times[cut..]), file(format!("{index}a"), &times[..cut])];
                specs.push(spec(&paths, "EURUSD", id));
            }
            twin.sort_unstable();
            let merged = all(specs);
            let merged: Vec<(i64, u16, usize)> = merged
                .iter()
                .map(|judged| {
                    let Record::Quote(tick) = judged.record else { panic!() };
                    (tick.time.0 / 1_000_000, tick.symbol.0, usize::from(judged.feed))
                })
                .collect();
            prop_assert_eq!(merged, twin);
        }
    }

    fn imported(paths: &[PathBuf], symbol: &str, out: &Path) -> Imported {
        let options = ImportOptions { existing: Existing::Refuse, quarantine: None };
        import(spec(paths, symbol, 0), out, &options, &mut |_| {}).unwrap()
    }

    /// Imports, reads back, imports that, and reads that back: the believed records, each time.
    fn round_trip(name: &str, symbol: &str) {
        let folder = tempfile::tempdir().unwrap();
        let read = all(vec![spec(&[fixture(name)], symbol, 0)]);
        let believed: Vec<Record> =
            read.iter().filter(|judged| judged.judgement.believed()).map(|j| j.record).collect();
        let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
        let first = imported(&[fixture(name)], symbol, &once);
        assert_eq!((first.written as usize, first.rejected), (believed.len(), (read.len() - believed.len()) as u64));
        assert_eq!(rejections(&first.quarantine).len() as u64, first.rejected);
        let second = imported(std::slice::from_ref(&once), symbol, &twice);
        assert_eq!((second.written, second.rejected), (first.written, 0));
        for path in [once, twice] {
            let back = all(vec![spec(&[path], symbol, 0)]);
            assert!(back.iter().all(|judged| judged.judgement.believed()));
            assert_eq!(back.iter().map(|judged| judged.record).collect::<Vec<_>>(), believed, "{name}");
        }
    }

    #[test]
    fn imports_come_back_exactly() {
        round_trip("fxcm_eurusd.csv", "EURUSD");
        round_trip("dukascopy_eurusd.csv", "EURUSD");
        round_trip("binance_usdm_btcusdt.feed", "BTCUSDT");
        round_trip("tardis_btcusdt.csv", "BTCUSDT");
    }

    #[test]
    fn a_new_level_is_not_doubted_again_when_an_import_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<String> = (0..20)
            .map(|i| format!("{i},{},{}\n", if i < 8 { 1.1 } else { 1.2 }, if i < 8 { 1.1001 } else { 1.2001 }))
            .collect();
        let path = write(folder.path(), "x", &format!("ts_ms,bid,ask\n{}", rows.concat()));
        let out = folder.path().join("out");
        let report = imported(&[path], "EURUSD", &out);
        assert_eq!((report.written, report.rejected), (17, 3));
        let back = all(vec![spec(&[out], "EURUSD", 0)]);
        assert_eq!(back.iter().filter(|judged| judged.judgement.believed()).count(), 17);
        assert!(back.iter().any(|judged| judged.judgement.has(Doubt::Outlier)));
    }

    #[test]
    fn imports_say_what_they_did() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("eurusd.parquet");
        let mut seen = vec![];
        let options = ImportOptions { existing: Existing::Refuse, quarantine: None };
        let report =
            import(spec(&[fixture("fxcm_eurusd.csv")], "EURUSD", 0), &out, &options, &mut |p| seen.push(p)).unwrap();
        assert_eq!(seen.last().map(|progress| (progress.read, progress.total)), Some((12_014, 12_014)));
        assert_eq!((report.rows, report.written, report.rejected), (400, 385, 15));
        assert_eq!(report.doubts["crossed"].rejected, 15);
        assert_eq!(report.sources[0].crc32.len(), 8);
        assert!(report.render().contains("written 385"), "{}", report.render());
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Imported>(&json).unwrap(), report);
        let found =
            inspect_all(&[out], None, &InstrumentTable::built_in(), &Options::none(), None, &mut |_| {}).unwrap();
        assert_eq!(
            (found.symbol.as_str(), found.symbol_from, found.total.believed),
            ("EURUSD", SymbolFrom::Content, 385)
        );
    }

    #[test]
    fn inspections_are_told_and_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, keeper) = quarantine(folder.path());
        let paths = [fixture("fxcm_eurusd.csv"), fixture("eurusd60_v400.hst")];
        let found = inspect(spec(&paths, "EURUSD", 0), SymbolFrom::Given, Some(keeper), &mut |_| {}).unwrap();
        assert_eq!((found.total.rows, found.total.rejected, found.total.doubts["crossed"].rejected), (400, 15, 15));
        assert_eq!(rejections(&kept).len(), 15);
        let bars = found.files[0].bars.as_ref().unwrap();
        assert_eq!((bars.bars, bars.version), (200, 400));
        assert_eq!(found.total.by_hour_utc[12], 400);
        assert_eq!(found.total.per_hour["2014-05-02T12:00Z"], 400);
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<feed::Inspection>(&json).unwrap(), found);
        let text = found.render();
        for part in ["EURUSD (as given)", "crossed", "spread in pips", "200 bars", "zone not stated", "rows 400"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn symbols_are_found_in_content_then_path() {
        let table = InstrumentTable::built_in();
        let found = |name: &str| {
            let paths = [fixture(name)];
            let (instrument, from) = feed::resolve_symbol(&paths, None, &table, &Options::none()).unwrap();
            (instrument.name, from)
        };
        assert_eq!(found("binance_usdm_btcusdt.feed"), ("BTCUSDT".into(), SymbolFrom::Content));
        assert_eq!(found("binance_coinm_btcusd.feed"), ("BTCUSD_PERP".into(), SymbolFrom::Content));
        assert_eq!(found("generated_truefx_usdjpy.csv"), ("USDJPY".into(), SymbolFrom::Content));
        assert_eq!(found("gbpusd1_v401.hst"), ("GBPUSD".into(), SymbolFrom::Content));
        assert_eq!(found("fxcm_eurusd.csv"), ("EURUSD".into(), SymbolFrom::Path));
    }
}
