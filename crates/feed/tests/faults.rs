//! Bad input: clean errors that say what, where and what to do; no panic; nothing half written.

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::{Path, PathBuf};

    use feed::{
        Bars, Existing, Fault, FeedError, FeedSpec, ImportOptions, InstrumentTable, Limits, Options, Source, Zone,
        import, parse_bytes, schema_for,
    };
    use market::{Instrument, SymbolId};
    use proptest::prelude::*;

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
    }

    fn instrument(symbol: &str) -> Instrument {
        InstrumentTable::built_in().require(symbol, SymbolId(0)).unwrap()
    }

    /// Everything a file could need said, so that only its content can fail.
    fn told() -> Options {
        let zone = None;
        Options {
            zone,
            market: Some("fxcm".into()),
            hour: Options::hour_of("2019-02-04T22"),
            date: Options::date_of("2014-05-02"),
            ..Options::none()
        }
    }

    fn read(bytes: &[u8], symbol: &str) -> Result<usize, FeedError> {
        parse_bytes("x", bytes, &instrument(symbol), &told()).map(|parsed| parsed.records.len())
    }

    fn fault(bytes: &[u8]) -> Fault {
        read(bytes, "EURUSD").unwrap_err().fault
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zip(bytes: &[u8]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(vec![]));
        zip.start_file("a.csv", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_not_a_shorter_file() {
        let csv = fixture("fxcm_eurusd.csv");
        for (name, packed) in [
            ("zstd", zstd(&csv)),
            ("gzip", gzip(&csv)),
            ("zip", zip(&csv)),
            ("bi5", fixture("bi5/EURUSD/2019-02-04/22h_ticks.bi5")),
        ] {
            assert!(read(&packed, "EURUSD").is_ok(), "{name}");
            for cut in (0..packed.len()).step_by(37).chain([packed.len() - 1]) {
                let found = read(&packed[..cut], "EURUSD");
                assert!(found.is_err(), "{name} cut at {cut} of {}: {found:?}", packed.len());
            }
        }
        let hst = fixture("gbpusd1_v401.hst");
        let (mut bars, _) =
            Bars::from_bytes("x", &hst[..hst.len() - 1], &instrument("GBPUSD"), &Options::none()).unwrap();
        let last = std::iter::from_fn(|| Some(bars.advance())).find(|bar| !matches!(bar, Ok(Some(Ok(_))))).unwrap();
        assert!(matches!(last.unwrap_err().fault, Fault::Truncated(_)));
    }

    #[test]
    fn damaged_archives_fail_their_checksums() {
        let csv = fixture("fxcm_eurusd.csv");
        let stored = {
            let mut zip = zip::ZipWriter::new(std::io::Cursor::new(vec![]));
            let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            zip.start_file("a.csv", options).unwrap();
            zip.write_all(&csv).unwrap();
            zip.finish().unwrap().into_inner()
        };
        let at = stored.len() / 2;
        let mut flipped = stored.clone();
        flipped[at] ^= 1;
        assert!(read(&stored, "EURUSD").is_ok());
        assert!(matches!(fault(&flipped), Fault::Corrupt(_)));
    }

    #[test]
    fn what_is_not_ours_is_named() {
        assert_eq!(fault(b""), Fault::Empty);
        assert_eq!(fault(&zstd(b"")), Fault::Empty);
        assert_eq!(fault(b"\xff\xfet\0s\0"), Fault::Utf16);
        assert!(matches!(fault(b"\x7fELF\x02\x01\x01\0"), Fault::Unrecognised(_)));
        assert!(matches!(fault(b"time;open;high\n"), Fault::Unrecognised(_)));
        assert!(matches!(fault(&zstd(&zip(b"x"))), Fault::Nested(_)));
        assert!(matches!(fault(&zip(b"nothing of ours")), Fault::ZipEntries(_)));
        assert!(matches!(fault(&zstd(&zstd(&zstd(&zstd(b"x"))))), Fault::Nested(_)));
        let text =
            FeedError { file: "a.csv".into(), place: Some(feed::Place::Line(7)), fault: Fault::Truncated("x".into()) };
        assert_eq!(text.to_string(), "a.csv:7: cut off: x (copy or download it again; nothing was written)");
    }

    #[test]
    fn bombs_and_endless_lines_are_stopped() {
        let mut lines = b"ts_ms,bid,ask\n".to_vec();
        lines.resize(2 << 20, b'\n');
        let limits = Limits { unpacked: 1 << 20, ..Limits::usual() };
        let options = Options { limits, ..told() };
        for packed in [zstd(&lines), gzip(&lines), zip(&lines)] {
            let stopped = parse_bytes("x", &packed, &instrument("EURUSD"), &options).unwrap_err();
            assert!(matches!(stopped.fault, Fault::TooLarge(_)), "{stopped}");
        }
        lines.resize(70 << 20, b'\n');
        assert!(matches!(fault(&zstd(&lines)), Fault::TooLarge(_)), "a thousandfold");
        let mut long = b"ts_ms,bid,ask\n1,".to_vec();
        long.resize(5 << 20, b'1');
        let stopped = read(&zstd(&long), "EURUSD").unwrap_err();
        assert_eq!((stopped.place, stopped.fault), (Some(feed::Place::Line(2)), Fault::LineTooLong(4 << 20)));
    }

    #[test]
    fn a_failed_import_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let packed = zstd(&fixture("fxcm_eurusd.csv").repeat(40));
        let cut = write("cut", &packed[..packed.len() / 2]);
        let hopeless = write("hopeless", b"ts_ms,bid,ask\n1,x,y\n");
        let bars = write("bars", &fixture("eurusd60_v400.hst"));
        let whole = write("whole", &fixture("fxcm_eurusd.csv"));
        let before = std::fs::read_dir(folder.path()).unwrap().count();
        let out = folder.path().join("out.parquet");
        let run = |path: &PathBuf, existing| {
            let instrument = instrument("EURUSD");
            let beliefs = schema_for(&instrument);
            let spec = FeedSpec { paths: vec![path.clone()], instrument, beliefs, options: Options::none() };
            import(spec, &out, &ImportOptions { existing, quarantine: None }, &mut |_| {}).map(|report| report.written)
        };
        assert!(matches!(run(&cut, Existing::Refuse).unwrap_err().fault, Fault::Truncated(_)));
        assert_eq!(run(&hopeless, Existing::Refuse).unwrap_err().fault, Fault::NoRecords);
        assert_eq!(run(&bars, Existing::Refuse).unwrap_err().fault, Fault::BarsAreNotTicks);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
        assert_eq!(run(&whole, Existing::Refuse), Ok(385));
        let written = std::fs::read(&out).unwrap();
        assert_eq!(run(&whole, Existing::Refuse).unwrap_err().fault, Fault::Exists);
        assert!(run(&cut, Existing::Replace).is_err());
        assert_eq!(std::fs::read(&out).unwrap(), written, "a failed replacement keeps the old file");
        assert_eq!(run(&whole, Existing::Replace), Ok(385));
        assert_eq!(std::fs::read(&out).unwrap(), written, "the same input gives the same bytes");
    }

    #[test]
    fn one_hour_is_not_given_to_many_files() {
        let paths = vec![PathBuf::from("a"), PathBuf::from("b")];
        let instrument = instrument("EURUSD");
        let beliefs = schema_for(&instrument);
        let spec = FeedSpec { paths, instrument, beliefs, options: told() };
        // The files are looked for first.
        assert!(matches!(Source::open(vec![spec], None).err().unwrap().fault, Fault::Io(_)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, fixture("bi5/EURUSD/2019-02-04/22h_ticks.bi5")).unwrap();
        let instrument = super::tests::instrument("EURUSD");
        let spec = FeedSpec { paths: vec![path.clone(), path], instrument, beliefs, options: told() };
        assert_eq!(Source::open(vec![spec], None).err().unwrap().fault, Fault::OneFileOnly("hour"));
    }

    /// The beginnings of every format, to get arbitrary bytes past the recognition.
    const STARTS: [&[u8]; 16] = [
        b"",
        b"ts_ms,bid,ask\n",
        b"ts_ns,bid,ask,bid_vol,ask_vol_millions\n",
        b"timestamp,bid,ask\n2013-01-01 22:00:00.295000+00:00,86.655,86.728\n",
        b"20200101 170000065,1.121200,1.121720,0\n",
        b"EUR/USD,20130101 22:00:00.295,1.1,1.2\n",
        b"18001787.5,1.38727,1.38729\n",
        b"2014.05.02 15:30:00.106,1.38601,1.38671\n",
        b"<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n2014.05.02\t15:30:00\t",
        b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\nx,EURUSD,1,1,",
        b"1680652874408176 {\"stream\":\"eurusd@bookTicker\",\"data\":{\"s\":\"EURUSD\",",
        b"1680652874408176 {\"stream\":\"eurusd@trade\",\"data\":",
        b"\x28\xb5\x2f\xfd",
        b"\x1f\x8b\x08\0",
        b"PK\x03\x04",
        b"\x5d\0\0\x40\0\xff\xff\xff\xff\xff\xff\xff\xff",
    ];

    fn fixtures() -> Vec<(&'static str, &'static str)> {
        vec![
            ("fxcm_eurusd.csv", "EURUSD"),
            ("bi5/EURUSD/2019-02-04/22h_ticks.bi5", "EURUSD"),
            ("histdata_eurusd.csv", "EURUSD"),
            ("truefx_raw_usdjpy.csv", "USDJPY"),
            ("generated_truefx_usdjpy.csv", "USDJPY"),
            ("generated_mt4_eurusd.csv", "EURUSD"),
            ("generated_mt5_eurusd.csv", "EURUSD"),
            ("tardis_btcusdt.csv", "BTCUSDT"),
            ("binance_usdm_btcusdt.feed", "BTCUSDT"),
            ("binance_spot_btcusdt.feed", "BTCUSDT"),
        ]
    }

    /// Reads with and without a stated zone; only panics can fail.
    fn survive(bytes: &[u8], symbol: &str) {
        let instrument = instrument(symbol);
        let zoned = Options { zone: Some(Zone::parse("Europe/Athens").unwrap()), ..told() };
        for options in [told(), zoned] {
            let _ = parse_bytes("x", bytes, &instrument, &options);
            if let Ok((mut bars, _)) = Bars::from_bytes("x", bytes, &instrument, &options) {
                while let Ok(Some(_)) = bars.advance() {}
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn arbitrary_bytes_never_panic(start in 0..STARTS.len(), bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            survive(&[STARTS[start], &bytes].concat(), "EURUSD");
        }

        #[test]
        fn arbitrary_rows_never_panic(start in 0..STARTS.len(), text in "[-0-9.,:\t\n TZ+eE\"{}a-c]{0,300}") {
            survive(&[STARTS[start], text.as_bytes()].concat(), "EURUSD");
        }

        #[test]
        fn damaged_files_never_panic(
            which in 0_usize..10, packing in 0_u8..4, flips in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..6)
        ) {
            let (name, symbol) = fixtures()[which];
            let bytes = fixture(name);
            let mut bytes = match packing { 0 => bytes, 1 => zstd(&bytes), 2 => gzip(&bytes), _ => zip(&bytes) };
            for (at, mask) in flips {
                let at = at as usize % bytes.len();
                bytes[at] ^= mask;
            }
            survive(&bytes, symbol);
        }

        #[test]
        fn damaged_bars_never_panic(which in any::<bool>(), flips in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..40)) {
            let (name, symbol) = if which { ("eurusd60_v400.hst", "EURUSD") } else { ("gbpusd1_v401.hst", "GBPUSD") };
            let mut bytes = fixture(name);
            for (at, mask) in flips {
                let at = at as usize % bytes.len();
                bytes[at] ^= mask;
            }
            survive(&bytes, symbol);
        }

        #[test]
        fn damaged_parquet_never_panics(flips in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..4), cut in any::<u32>()) {
            use std::sync::OnceLock;
            static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x");
            let spec = |path: &Path| {
                let instrument = instrument("EURUSD");
                let beliefs = schema_for(&instrument);
                FeedSpec { paths: vec![path.to_owned()], instrument, beliefs, options: Options::none() }
            };
            let whole = WHOLE.get_or_init(|| {
                let csv = folder.path().join("csv");
                std::fs::write(&csv, fixture("fxcm_eurusd.csv")).unwrap();
                import(spec(&csv), &path, &ImportOptions { existing: Existing::Refuse, quarantine: None }, &mut |_| {}).unwrap();
                std::fs::read(&path).unwrap()
            });
            let mut bytes = whole.clone();
            for (at, mask) in flips {
                let at = at as usize % bytes.len();
                bytes[at] ^= mask;
            }
            if cut % 4 == 0 {
                bytes.truncate(cut as usize % whole.len());
            }
            std::fs::write(&path, &bytes).unwrap();
            if let Ok(source) = Source::open(vec![spec(&path)], None) {
                for judged in source {
                    if judged.is_err() { break }
                }
            }
        }
    }
}
