//! A whole file, whose format only its content says.
#![no_main]

use feed::{Compression, Format, Parsed, parse_bytes};
use libfuzzer_sys::fuzz_target;
use scalpel_fuzz::quotes::{NAME, check, instrument, limits, options, rows, total};

fuzz_target!(|bytes: &[u8]| {
    let options = options(limits(2_048, 1 << 20));
    let mut totals = vec![];
    for symbol in ["EURUSD", "BTCUSDT", "USDJPY"] {
        let instrument = instrument(symbol);
        match parse_bytes(NAME, bytes, &instrument, &options) {
            Ok(parsed) => {
                check(&parsed, &instrument);
                check_total(&parsed, bytes);
                totals.push(total(&parsed));
            }
            // What it says must be sayable.
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    // How many rows there are does not hang on who asks.
    assert!(totals.windows(2).all(|pair| pair[0] == pair[1]), "{totals:?}");
});

/// Every row of a plain text is a record, unusable or skipped.
fn check_total(parsed: &Parsed, bytes: &[u8]) {
    let has_header = match parsed.format {
        Format::CsvEpoch | Format::CsvIso | Format::Mt5 | Format::Tardis => true,
        Format::HistData | Format::TrueFx | Format::Lean | Format::Mt4 | Format::Binance => false,
        Format::Bi5 | Format::Hst | Format::Hyperliquid | Format::Bybit | Format::Parquet => return,
    };
    if compression(bytes).is_none() {
        assert_eq!(total(parsed), rows(bytes, has_header), "{:?}", parsed.format);
    }
}

fn compression(bytes: &[u8]) -> Option<Compression> {
    match bytes {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Compression::Zstd),
        [0x1f, 0x8b, 0x08, ..] => Some(Compression::Gzip),
        [b'P', b'K', 3, 4, ..] => Some(Compression::Zip),
        _ => None,
    }
}
