//! The bundled real days: what the checks must find in them, and the offset between their clocks.

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::{Path, PathBuf};

    use feed::{
        FeedSpec, Inspection, InstrumentTable, OffsetVerdict, Options, Source, SymbolFrom, inspect, offset, schema_for,
    };
    use market::SymbolId;

    fn days(feed: &str, days: &[&str]) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/ticks").join(feed);
        days.iter().map(|day| folder.join(format!("201405{day}.csv.zst"))).collect()
    }

    fn spec(paths: Vec<PathBuf>) -> FeedSpec {
        let instrument = InstrumentTable::built_in().require("EURUSD", SymbolId(0)).unwrap();
        FeedSpec { paths, beliefs: schema_for(&instrument), instrument, options: Options::none() }
    }

    fn inspected(paths: Vec<PathBuf>) -> Inspection {
        inspect(spec(paths), SymbolFrom::Given, None, &mut |_| {}).unwrap()
    }

    const ALL: [&str; 8] = ["01", "02", "04", "05", "06", "07", "08", "09"];

    #[test]
    fn fxcm_quotes_cross_as_documented() {
        // Days given backwards; rows, crossed and locked of each as its provenance states.
        let mut backwards = days("fxcm-EURUSD", &ALL);
        backwards.reverse();
        let found = inspected(backwards);
        let of = |doubt: &str| -> Vec<u64> {
            let counts = found.files.iter().map(|file| file.summary.doubts[doubt]);
            counts.map(|count| count.flagged + count.rejected).collect()
        };
        let rows: Vec<u64> = found.files.iter().map(|file| file.summary.rows).collect();
        assert_eq!(rows, [51_053, 96_406, 8_025, 58_143, 102_682, 89_504, 167_466, 102_122]);
        assert_eq!(of("crossed"), [3_991, 12_061, 174, 4_987, 9_999, 9_847, 18_285, 10_010]);
        assert_eq!(of("locked"), [5_409, 13_004, 259, 7_109, 12_154, 12_823, 19_051, 12_309]);
        assert_eq!(found.total.rejected, 69_354, "the crossed ones and no others");
        assert_eq!(found.total.same_time, 0);
        let friday = &found.files[1].summary;
        let spread = friday.spread_pips.unwrap();
        assert_eq!((spread.min, spread.p50, spread.p95, spread.p99, spread.max), (-2.1, 0.2, 0.5, 1.4, 16.7));
        let quiet = friday.longest_gap.as_ref().unwrap();
        assert_eq!((quiet.seconds, quiet.from.as_str()), (115.203, "2014-05-02T05:15:47.644Z"));
    }

    #[test]
    fn oanda_quotes_never_cross() {
        let found = inspected(days("oanda-EURUSD", &ALL));
        let same: Vec<u64> = found.files.iter().map(|file| file.summary.same_time).collect();
        assert_eq!(same, [70, 277, 13, 92, 304, 236, 1_562, 294]);
        assert_eq!((found.total.doubts["crossed"].rejected, found.total.doubts["locked"].flagged), (0, 0));
        assert_eq!((found.total.rejected, found.total.doubts["duplicate"].rejected), (1, 1));
        assert!(found.total.by_hour_utc[12] > found.total.by_hour_utc[22]);
    }

    /// The first two FXCM days with their stamps moved by some minutes.
    fn shifted(folder: &Path, minutes: i64) -> Vec<PathBuf> {
        let mut rows = "ts_ms,bid,ask\n".to_owned();
        for judged in Source::open(vec![spec(days("fxcm-EURUSD", &["01", "02"]))], None).unwrap() {
            let feed::Record::Quote(tick) = judged.unwrap().record else { panic!() };
            let millis = tick.time.0 / 1_000_000 + minutes * 60_000;
            writeln!(rows, "{millis},{},{}", tick.bid.0, tick.ask.0).unwrap();
        }
        let path = folder.join(format!("{minutes}.csv"));
        std::fs::write(&path, rows).unwrap();
        vec![path]
    }

    #[test]
    fn clocks_that_differ_are_found_and_not_merged() {
        let oanda = || spec(days("oanda-EURUSD", &["01", "02"]));
        let equal = offset(spec(days("fxcm-EURUSD", &["01", "02"])), oanda()).unwrap();
        assert_eq!((equal.verdict.clone(), equal.merge_allowed().is_ok()), (OffsetVerdict::Aligned, true));
        assert!(equal.correlation.unwrap() > 0.95, "{equal:?}");
        let folder = tempfile::tempdir().unwrap();
        // As published: FXCM's stamps five hours behind.
        for minutes in [-300, 120] {
            let found = offset(points(shifted(folder.path(), minutes)), oanda()).unwrap();
            assert_eq!(found.verdict, OffsetVerdict::Shifted { minutes: minutes as i32 });
            assert!(found.correlation.unwrap() > 0.95 && found.correlation_at_zero.unwrap().abs() < 0.15, "{found:?}");
            let refused = found.merge_allowed().unwrap_err().to_string();
            assert!(refused.contains(&format!("differ by {minutes} minutes")), "{refused}");
            assert!(found.render().contains("not merged"));
        }
    }

    /// Files whose prices are written in points: returns do not care.
    fn points(paths: Vec<PathBuf>) -> FeedSpec {
        let spec = spec(paths);
        let instrument = market::Instrument { digits: 0, ..spec.instrument };
        FeedSpec { instrument, ..spec }
    }

    #[test]
    fn too_little_in_common_is_unknown_and_not_merged() {
        let found = offset(spec(days("fxcm-EURUSD", &["01"])), spec(days("oanda-EURUSD", &["09"]))).unwrap();
        assert!(matches!(found.verdict, OffsetVerdict::Unknown { .. }), "{found:?}");
        assert!(found.merge_allowed().is_err());
    }
}
