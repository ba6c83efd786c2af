//! A file of a chosen format, zone and compression: the fuzzer writes the rows, the target what stands around them.
#![no_main]

use std::io::{Cursor, Read, Write};
use std::mem::discriminant;

use feed::{Bars, Fault, FeedError, Format, Limits, Options, Parsed, Place, Record, Zone, parse_bytes};
use libfuzzer_sys::fuzz_target;
use market::{Instrument, Price, Time};
use scalpel_fuzz::input::Input;
use scalpel_fuzz::number;
use scalpel_fuzz::quotes::{NAME, check, instrument, is_large, options, rows, total};

/// What a file begins with, so that its format is recognised.
struct Shape {
    format: Format,
    symbol: &'static str,
    start: &'static [u8],
    has_header: bool,
}

const fn text(format: Format, symbol: &'static str, start: &'static [u8], has_header: bool) -> Shape {
    Shape { format, symbol, start, has_header }
}

const SHAPES: [Shape; 16] = [
    text(Format::CsvEpoch, "EURUSD", b"ts_ms,bid,ask\n", true),
    text(Format::CsvEpoch, "EURUSD", b"ts_us,bid,ask,bid_vol,ask_vol\n", true),
    text(Format::CsvEpoch, "USDJPY", b"\xef\xbb\xbfts_ns,bid,ask,ask_vol_millions,bid_vol_millions\r\n", true),
    text(Format::CsvIso, "EURUSD", b"timestamp,bid,ask\n", true),
    text(Format::HistData, "EURUSD", b"20200101 170000065,1.121200,1.121720,0\n", false),
    text(Format::TrueFx, "USDJPY", b"USD/JPY,20130101 22:00:00.295,86.655,86.728\n", false),
    text(Format::Lean, "EURUSD", b"18001787,1.38601,1.38671\n", false),
    text(Format::Mt5, "EURUSD", b"<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n", true),
    text(Format::Mt4, "EURUSD", b"2014.05.02 15:30:00.106,1.38601,1.38671,1\n", false),
    text(Format::Binance, "BTCUSDT", b"1680652873915727 {\"stream\":\"btcusdt@depth\",\"data\":{}}\n", false),
    text(Format::Tardis, "BTCUSDT", b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n", true),
    text(Format::Hyperliquid, "BTCUSD", b"1737918843893903000 {\"channel\":\"l2Book\",\"data\":{}}\n", false),
    text(Format::Bybit, "XRPUSDT", b"{\"topic\":\"orderbook.500.XRPUSDT\"}\n", false),
    text(Format::Bi5, "EURUSD", b"", false),
    text(Format::Hst, "EURUSD", &[0x90, 1, 0, 0], false),
    text(Format::Hst, "EURUSD", &[0x91, 1, 0, 0], false),
];

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let shape = &SHAPES[usize::from(input.byte()) % SHAPES.len()];
    let (packing, zone, limits) = (input.byte(), input.byte(), input.byte());
    let limits = Limits { line: 64 << (limits % 5), unpacked: 256 << (limits / 5 % 5), ratio: 100 };
    let options = Options { zone: self::zone(zone), ..options(limits) };
    let body = input.rest();
    let content = match shape.format {
        Format::Bi5 => lzma(body),
        Format::Hst => history(shape.start, body),
        _ => [shape.start, body].concat(),
    };
    let instrument = instrument(shape.symbol);
    if shape.format == Format::Hst {
        return bars(&content, &instrument, &options);
    }
    let plain = parse_bytes(NAME, &content, &instrument, &options);
    match &plain {
        Ok(parsed) => {
            assert_eq!(parsed.format, shape.format);
            check(parsed, &instrument);
            match shape.format {
                Format::Bi5 => check_hour(parsed, body, &options),
                _ => {
                    assert!(longest(&content) <= limits.line, "{} of {}", longest(&content), limits.line);
                    check_rows(parsed, &content, shape.has_header);
                }
            }
            if shape.start.starts_with(b"ts_ms") {
                let usual = |records: Vec<Record>| records.into_iter().filter(|r| !is_large(r)).collect::<Vec<_>>();
                assert_eq!(usual(parsed.records.clone()), usual(twin(body, &instrument)));
            }
        }
        Err(error) => check_error(error, shape, &content, &options),
    }
    if let Some(packed) = pack(packing, &content) {
        let packed = parse_bytes(NAME, &packed, &instrument, &options);
        // Layers between count too, and of a short content they are longer than it.
        let between = if packing % 8 < 6 { 0 } else { 256 };
        let over = |bytes: usize| bytes as u64 > limits.unpacked;
        check_packed(plain, packed, (over(content.len()), over(content.len() + between)));
    }
});

fn zone(byte: u8) -> Option<Zone> {
    let names = ["UTC", "EST", "Europe/Athens", "America/New_York+7", "UTC+05:30", "UTC"];
    names.get(usize::from(byte) % 7).map(|name| Zone::parse(name).unwrap())
}

/// Every line is a record, unusable or skipped; the unusable ones are named in order.
fn check_rows(parsed: &Parsed, content: &[u8], has_header: bool) {
    let rows = rows(content, has_header);
    assert_eq!(total(parsed), rows);
    let lines: Vec<u64> = parsed.bad.iter().map(|(place, ..)| line(*place)).collect();
    let first = 1 + u64::from(has_header);
    assert!(lines.is_sorted_by(|a, b| a < b), "{lines:?}");
    assert!(lines.iter().all(|line| (first..first + rows as u64).contains(line)), "{lines:?}");
}

fn line(place: Place) -> u64 {
    match place {
        Place::Line(line) => line,
        Place::Offset(_) | Place::Row(_) => panic!("{place:?} in a text"),
    }
}

fn check_hour(parsed: &Parsed, body: &[u8], options: &Options) {
    assert_eq!(body.len() % 20, 0);
    assert_eq!(total(parsed), body.len() / 20);
    let hour = options.hour.unwrap();
    let within = |record: &Record| (0..3_600_000).contains(&record.time().since(hour).as_millis());
    assert!(parsed.records.iter().all(within));
}

/// The length of the longest line.
fn longest(content: &[u8]) -> usize {
    content.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or(0)
}

/// Only what can go wrong with such a file does.
fn check_error(error: &FeedError, shape: &Shape, content: &[u8], options: &Options) {
    let stated = matches!(
        shape.format,
        Format::CsvEpoch | Format::Binance | Format::Tardis | Format::Bi5 | Format::Hyperliquid | Format::Bybit
    );
    let right = match &error.fault {
        Fault::LineTooLong(limit) => longest(content) > *limit,
        Fault::ZoneNeeded(_) => !stated && options.zone.is_none(),
        Fault::ZoneNotApplicable(_) => stated && options.zone != Some(Zone::Utc),
        Fault::NotSupported(_) => matches!(shape.format, Format::Hyperliquid | Format::Bybit),
        Fault::Truncated(_) => shape.format == Format::Bi5,
        Fault::TooLarge(_) => shape.format == Format::Bi5,
        _ => false,
    };
    assert!(right, "{error}");
}

/// Compression changes nothing, unless it unpacks to too much.
fn check_packed(plain: Result<Parsed, FeedError>, packed: Result<Parsed, FeedError>, (is, may_be): (bool, bool)) {
    match (plain, packed) {
        (Ok(plain), Ok(packed)) => {
            assert!(!is);
            assert_eq!(plain.records, packed.records);
            assert_eq!(plain.bad, packed.bad);
            assert_eq!(plain.skipped, packed.skipped);
        }
        (Err(plain), Err(packed)) if discriminant(&plain.fault) == discriminant(&packed.fault) => {}
        (_, Err(FeedError { fault: Fault::Nested(_), .. })) => {}
        (_, Err(FeedError { fault: Fault::TooLarge(_), .. })) => assert!(may_be),
        (plain, packed) => panic!("{plain:?} became {packed:?}"),
    }
}

/// The rows of `ts_ms,bid,ask`, by a slow, obvious way.
fn twin(body: &[u8], instrument: &Instrument) -> Vec<Record> {
    let lines = body.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let quote = |line: &[u8]| {
        let [time, bid, ask] = std::str::from_utf8(line).ok()?.split(',').collect::<Vec<_>>().try_into().ok()?;
        let digits = !time.is_empty() && time.len() <= 19 && time.bytes().all(|byte| byte.is_ascii_digit());
        let nanos = if digits { time.parse::<i128>().ok()? * 1_000_000 } else { return None };
        let time = Time(i64::try_from(nanos).ok()?);
        let price = |text| number::decimal(text, instrument.digits).ok().filter(|points| *points > 0).map(Price);
        let (bid, ask) = (price(bid)?, price(ask)?);
        Some(Record::Quote(market::Tick {
            symbol: instrument.symbol,
            time,
            seen: time,
            bid,
            ask,
            ..Default::default()
        }))
    };
    lines.filter_map(quote).collect()
}

fn lzma(body: &[u8]) -> Vec<u8> {
    let options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    let encoder = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
    let mut out = vec![];
    liblzma::read::XzEncoder::new_stream(body, encoder).read_to_end(&mut out).unwrap();
    out
}

fn history(version: &[u8], body: &[u8]) -> Vec<u8> {
    let mut header = [0; 148];
    header[..4].copy_from_slice(version);
    header[4..8].copy_from_slice(b"(C)o");
    header[68..74].copy_from_slice(b"EURUSD");
    header[80] = 60;
    header[84] = 5;
    [&header, body].concat()
}

/// Bars hold together, and there are as many as the length says.
fn bars(content: &[u8], instrument: &Instrument, options: &Options) {
    let (mut bars, _) = Bars::from_bytes(NAME, content, instrument, options).unwrap();
    assert_eq!(bars.header().symbol, "EURUSD");
    let record = if bars.header().version == 400 { 44 } else { 60 };
    let mut found = 0;
    let whole = loop {
        match bars.advance() {
            Ok(Some(Ok(bar))) => {
                let between = |price| bar.low <= price && price <= bar.high;
                assert!(bar.low.0 > 0 && between(bar.open) && between(bar.close), "{bar:?}");
            }
            Ok(Some(Err(_))) => {}
            Ok(None) => break true,
            Err(error) => {
                assert!(matches!(error.fault, Fault::Truncated(_)), "{error}");
                break false;
            }
        }
        found += 1;
    };
    let bytes = content.len() - 148;
    assert_eq!((found, whole), (bytes / record, bytes.is_multiple_of(record)));
    let refused = parse_bytes(NAME, content, instrument, options).map(|_| ()).map_err(|error| error.fault);
    assert_eq!(refused, Err(Fault::BarsAreNotTicks));
}

/// The content packed; `None` for a packing that is none.
fn pack(packing: u8, content: &[u8]) -> Option<Vec<u8>> {
    let stored = zip::CompressionMethod::Stored;
    match packing % 8 {
        0 | 1 => None,
        2 => Some(gzip(content)),
        3 => Some(zstd::encode_all(content, 1).unwrap()),
        4 => Some(archive(content, stored)),
        5 => Some(archive(content, zip::CompressionMethod::Deflated)),
        6 => Some(gzip(&zstd::encode_all(content, 1).unwrap())),
        _ => Some(gzip(&gzip(&gzip(&gzip(content))))),
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn archive(content: &[u8], method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(vec![]));
    archive.start_file(NAME, zip::write::SimpleFileOptions::default().compression_method(method)).unwrap();
    archive.write_all(content).unwrap();
    archive.finish().unwrap().into_inner()
}
