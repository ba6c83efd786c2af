//! Every format: recognised by its content under any name and compression, and read exactly.

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::{Path, PathBuf};

    use feed::{
        Bars, Fault, FeedError, FeedSpec, Format, InstrumentTable, Judged, Options, Record, Source, Zone, ZoneFrom,
        probe, schema_for,
    };
    use market::{Instrument, Side, SymbolId};

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
    }

    fn instrument(symbol: &str) -> Instrument {
        InstrumentTable::built_in().require(symbol, SymbolId(3)).unwrap()
    }

    fn zoned(zone: &str) -> Options {
        Options { zone: Some(Zone::parse(zone).unwrap()), ..Options::none() }
    }

    fn open(path: &Path, symbol: &str, options: &Options) -> Result<(Vec<Judged>, Source), FeedError> {
        let instrument = instrument(symbol);
        let beliefs = schema_for(&instrument);
        let spec = FeedSpec { paths: vec![path.to_owned()], instrument, beliefs, options: options.clone() };
        let mut source = Source::open(vec![spec], None)?;
        let mut all = vec![];
        for judged in source.by_ref() {
            all.push(judged?);
        }
        assert!(source.counts().is_complete());
        Ok((all, source))
    }

    fn records(path: &Path, symbol: &str, options: &Options) -> Vec<Record> {
        open(path, symbol, options).unwrap().0.iter().map(|judged| judged.record).collect()
    }

    fn fault(path: &Path, symbol: &str, options: &Options) -> Fault {
        open(path, symbol, options).err().unwrap().fault
    }

    /// `format zone quotes/trades rejected skipped, first record`.
    fn check(name: &str, symbol: &str, options: &Options, expected: &str) {
        let (all, source) = open(&fixture(name), symbol, options).unwrap();
        let (info, counts) = (&source.files(0)[0], source.counts());
        let instrument = instrument(symbol);
        let first = match all[0].record {
            Record::Quote(tick) => format!(
                "{} {}/{} x {}/{}",
                tick.time,
                instrument.show(tick.bid),
                instrument.show(tick.ask),
                instrument.show_lots(tick.bid_lots),
                instrument.show_lots(tick.ask_lots)
            ),
            Record::Trade(trade) => {
                let side = if trade.taker == Side::Buy { "buy" } else { "sell" };
                format!("{} {side} {} x {}", trade.time, instrument.show(trade.price), instrument.show_lots(trade.lots))
            }
        };
        let skipped: u64 = counts.skipped.values().sum();
        let shown = format!(
            "{:?} {} {:?} {}/{} rejected {} skipped {skipped}, {first}",
            info.format, info.zone.zone, info.zone.from, counts.quotes, counts.trades, counts.rejected
        );
        assert_eq!(shown, expected, "{name}");
    }

    /// file, symbol, zone given, and what [`check`] must find.
    const CASES: &str = "
        fxcm_eurusd.csv EURUSD - CsvEpoch UTC Format 400/0 rejected 15 skipped 0, 2014-05-02T12:30:00.106Z 1.38601/1.38671 x 0.00/0.00
        dukascopy_eurusd.csv EURUSD - CsvEpoch UTC Format 2354/0 rejected 0 skipped 0, 2019-02-04T22:00:00.066Z 1.14353/1.14394 x 11.20/30.00
        bi5/EURUSD/2019-02-04/22h_ticks.bi5 EURUSD - Bi5 UTC Format 2354/0 rejected 0 skipped 0, 2019-02-04T22:00:00.066Z 1.14353/1.14394 x 11.20/30.00
        bi5/BTCUSD/2023-02-20/12h_ticks.bi5 BTCUSD - Bi5 UTC Format 8523/0 rejected 0 skipped 0, 2023-02-20T12:00:00.084Z 24849.4/24921.5 x 13.00000/1.00000
        histdata_eurusd.csv EURUSD - HistData UTC-05:00 Format 200/0 rejected 0 skipped 0, 2020-01-01T22:00:00.065Z 1.12120/1.12172 x 0.00/0.00
        truefx_raw_usdjpy.csv USDJPY - CsvIso UTC Record 200/0 rejected 0 skipped 0, 2013-01-01T22:00:00.295Z 86.655/86.728 x 0.00/0.00
        generated_truefx_usdjpy.csv USDJPY - TrueFx UTC Format 100/0 rejected 0 skipped 0, 2013-01-01T22:00:00.295Z 86.655/86.728 x 0.00/0.00
        generated_mt4_eurusd.csv EURUSD UTC+3 Mt4 UTC+03:00 Given 100/0 rejected 1 skipped 0, 2014-05-02T12:30:00.106Z 1.38601/1.38671 x 0.00/0.00
        generated_mt5_eurusd.csv EURUSD Europe/Athens Mt5 Europe/Athens Given 100/0 rejected 1 skipped 1, 2014-05-02T12:30:00.106Z 1.38601/1.38671 x 0.00/0.00
        tardis_btcusdt.csv BTCUSDT - Tardis UTC Format 0/200 rejected 0 skipped 0, 2020-02-22T00:00:02.111Z buy 9682.00 x 0.13200
    ";

    #[test]
    fn every_format_is_read() {
        for line in CASES.lines().filter(|line| !line.trim().is_empty()) {
            let mut cells = line.trim().splitn(4, ' ');
            let mut cell = || cells.next().unwrap();
            let (name, symbol, zone, expected) = (cell(), cell(), cell(), cell());
            let options = if zone == "-" { Options::none() } else { zoned(zone) };
            check(name, symbol, &options, expected);
        }
    }

    #[test]
    fn binance_frames_become_quotes_and_trades() {
        let none = Options::none();
        let (all, source) = open(&fixture("binance_usdm_btcusdt.feed"), "BTCUSDT", &none).unwrap();
        let counts = source.counts();
        assert_eq!((counts.rows, counts.quotes, counts.trades), (80, 45, 12));
        assert_eq!(counts.skipped.get("depth"), Some(&22));
        // The insurance fund's trade, far from the market, is the one that is rejected.
        let rejected: Vec<&Judged> = all.iter().filter(|judged| !judged.judgement.believed()).collect();
        assert_eq!(rejected.len(), 1);
        let Record::Trade(trade) = rejected[0].record else { panic!() };
        assert_eq!((trade.price.0, trade.taker), (2_872_250, Side::Sell));
        assert_eq!(rejected[0].judgement.rejection(), Some(market::Doubt::Outlier));

        // Spot quotes have no event time, so quotes and trades are on the receiver's clock.
        let spot = records(&fixture("binance_spot_btcusdt.feed"), "BTCUSDT", &none);
        assert!(spot.iter().all(|record| record.time() == record.seen()));
        assert!(spot.iter().any(|record| matches!(record, Record::Trade(_))));
        // The recorder's clock was 1.27 s behind: heard before it happened, and not stale.
        let (inverse, source) = open(&fixture("binance_coinm_btcusd.feed"), "BTCUSD_PERP", &none).unwrap();
        assert!(inverse.iter().all(|judged| judged.record.seen().since(judged.record.time()).as_secs() < -1.0));
        assert_eq!(source.counts().rejected, 0);
    }

    #[test]
    fn mt4_mt5_lean_and_csv_of_the_same_quotes_are_equal() {
        let csv = records(&fixture("fxcm_eurusd.csv"), "EURUSD", &Options::none());
        assert_eq!(records(&fixture("generated_mt4_eurusd.csv"), "EURUSD", &zoned("UTC+3")), csv[..100]);
        assert_eq!(records(&fixture("generated_mt5_eurusd.csv"), "EURUSD", &zoned("UTC+3")), csv[..100]);
        let folder = tempfile::tempdir().unwrap();
        let zip = lean(folder.path(), "20140502_eurusd_tick_quote.csv");
        let market = Options { market: Some("FXCM".into()), ..Options::none() };
        assert_eq!(records(&zip, "EURUSD", &market), csv);
        assert_eq!(records(&zip, "EURUSD", &zoned("EST")), csv);
        assert_eq!(fault(&zip, "EURUSD", &Options::none()), Fault::ZoneNeeded("LEAN quote ticks".into()));
        assert_eq!(fault(&zip, "GBPUSD", &market), Fault::OtherSymbol("GBPUSD".into(), "EURUSD".into()));
        assert_eq!(probe(&zip, &Options::none()).unwrap().symbol.as_deref(), Some("EURUSD"));
        let nameless = lean(folder.path(), "ticks.csv");
        assert_eq!(fault(&nameless, "EURUSD", &market), Fault::DateNeeded);
        let dated = Options { date: Options::date_of("2014-05-02"), ..market };
        assert_eq!(records(&nameless, "EURUSD", &dated), csv);
    }

    /// A LEAN zip, as FXCM's are: milliseconds since midnight at UTC-5.
    fn lean(folder: &Path, entry: &str) -> PathBuf {
        let csv = std::fs::read_to_string(fixture("fxcm_eurusd.csv")).unwrap();
        let midnight = Options::date_of("2014-05-02").unwrap().0 / 1_000_000 + 5 * 3_600_000;
        let rows = csv.lines().skip(1).map(|row| {
            let (millis, prices) = row.split_once(',').unwrap();
            format!("{}.0,{prices}\n", millis.parse::<i64>().unwrap() - midnight)
        });
        zipped(folder, &[(entry, rows.collect::<String>().as_bytes())])
    }

    fn zipped(folder: &Path, entries: &[(&str, &[u8])]) -> PathBuf {
        let path = folder.join("x.dat");
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (name, bytes) in entries {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    #[test]
    fn bi5_equals_its_decode_by_another_program() {
        let bi5 = records(&fixture("bi5/EURUSD/2019-02-04/22h_ticks.bi5"), "EURUSD", &Options::none());
        assert_eq!(bi5, records(&fixture("dukascopy_eurusd.csv"), "EURUSD", &Options::none()));
    }

    #[test]
    fn truefx_in_both_layouts_is_equal() {
        let raw = records(&fixture("truefx_raw_usdjpy.csv"), "USDJPY", &Options::none());
        assert_eq!(records(&fixture("generated_truefx_usdjpy.csv"), "USDJPY", &Options::none()), raw[..100]);
        let other = fault(&fixture("generated_truefx_usdjpy.csv"), "EURUSD", &Options::none());
        assert_eq!(other, Fault::OtherSymbol("EURUSD".into(), "USD/JPY".into()));
    }

    #[test]
    fn content_is_recognised_under_any_name_and_compression() {
        let cases: [(&str, &str, Format, Options); 8] = [
            ("fxcm_eurusd.csv", "EURUSD", Format::CsvEpoch, Options::none()),
            ("histdata_eurusd.csv", "EURUSD", Format::HistData, Options::none()),
            ("truefx_raw_usdjpy.csv", "USDJPY", Format::CsvIso, Options::none()),
            ("generated_truefx_usdjpy.csv", "USDJPY", Format::TrueFx, Options::none()),
            ("generated_mt4_eurusd.csv", "EURUSD", Format::Mt4, zoned("UTC+3")),
            ("generated_mt5_eurusd.csv", "EURUSD", Format::Mt5, zoned("UTC+3")),
            ("tardis_btcusdt.csv", "BTCUSDT", Format::Tardis, Options::none()),
            ("binance_usdm_btcusdt.feed", "BTCUSDT", Format::Binance, Options::none()),
        ];
        let folder = tempfile::tempdir().unwrap();
        let misnamed = folder.path().join("picture.hst.png");
        for (name, symbol, format, options) in cases {
            let bytes = std::fs::read(fixture(name)).unwrap();
            let plain = records(&fixture(name), symbol, &options);
            let zstd = zstd::encode_all(&bytes[..], 3).unwrap();
            for packed in [bytes.clone(), zstd.clone(), gzipped(&bytes), gzipped(&zstd)] {
                std::fs::write(&misnamed, packed).unwrap();
                assert_eq!(probe(&misnamed, &options).unwrap().format, format, "{name}");
                assert_eq!(records(&misnamed, symbol, &options), plain, "{name}");
            }
            let zip = zipped(folder.path(), &[("a.jpg", &bytes), ("report.txt", b"nothing of ours")]);
            assert_eq!(records(&zip, symbol, &options), plain, "{name}");
        }
        let bi5 = std::fs::read(fixture("bi5/EURUSD/2019-02-04/22h_ticks.bi5")).unwrap();
        std::fs::write(&misnamed, zstd::encode_all(&bi5[..], 3).unwrap()).unwrap();
        assert_eq!(fault(&misnamed, "EURUSD", &Options::none()), Fault::HourNeeded);
        let hour = Options { hour: Options::hour_of("2019-02-04T22"), ..Options::none() };
        assert_eq!(records(&misnamed, "EURUSD", &hour), records(&fixture("dukascopy_eurusd.csv"), "EURUSD", &hour));
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn zones_are_stated_or_the_file_is_refused() {
        let needed = |name: &str| Fault::ZoneNeeded(name.into());
        assert_eq!(fault(&fixture("generated_mt4_eurusd.csv"), "EURUSD", &Options::none()), needed("MT4 tick csv"));
        assert_eq!(fault(&fixture("generated_mt5_eurusd.csv"), "EURUSD", &Options::none()), needed("MT5 tick export"));
        let refused = fault(&fixture("fxcm_eurusd.csv"), "EURUSD", &zoned("UTC-5"));
        assert_eq!(refused, Fault::ZoneNotApplicable("csv, epoch times".into()));
        let (_, source) = open(&fixture("histdata_eurusd.csv"), "EURUSD", &zoned("UTC")).unwrap();
        assert_eq!(source.files(0)[0].zone.from, ZoneFrom::Given);
    }

    #[test]
    fn frames_without_a_book_are_recognised_and_refused() {
        for (name, symbol, format) in
            [("hyperliquid_btc.feed", "BTCUSD", Format::Hyperliquid), ("bybit_xrpusdt.jsonl", "XRPUSDT", Format::Bybit)]
        {
            assert_eq!(probe(&fixture(name), &Options::none()).unwrap().format, format);
            assert!(matches!(fault(&fixture(name), symbol, &Options::none()), Fault::NotSupported(_)), "{name}");
        }
    }

    #[test]
    fn bars_are_bars() {
        assert_eq!(fault(&fixture("eurusd60_v400.hst"), "EURUSD", &Options::none()), Fault::BarsAreNotTicks);
        for (name, symbol, version, first, last) in [
            (
                "eurusd60_v400.hst",
                "EURUSD",
                400,
                "2014-03-13T07:00:00.000Z 139393 139555 139355 139552",
                "2014-03-25T14:00",
            ),
            (
                "gbpusd1_v401.hst",
                "GBPUSD",
                401,
                "2012-01-02T03:09:00.000Z 155454 155454 155089 155089",
                "2012-01-02T08:07",
            ),
        ] {
            let (mut bars, info) =
                Bars::open(&fixture(name), &instrument(symbol), &zoned("America/New_York+7")).unwrap();
            assert_eq!((bars.header().version, info.zone.from), (version, ZoneFrom::Given));
            let mut all = vec![];
            while let Some(bar) = bars.advance().unwrap() {
                all.push(bar.unwrap());
            }
            assert_eq!(all.len(), 200);
            let bar = all[0];
            assert_eq!(format!("{} {} {} {} {}", bar.time, bar.open.0, bar.high.0, bar.low.0, bar.close.0), first);
            assert!(all[199].time.to_string().starts_with(last), "{}", all[199].time);
        }
    }
}
