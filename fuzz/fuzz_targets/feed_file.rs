//! Any file on the disk through the whole way of the feed; Parquet is read only so.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scalpel_fuzz::file::{guarded, read};
use scalpel_fuzz::quotes::instrument;

fuzz_target!(|bytes: &[u8]| {
    guarded(|| {
        for symbol in ["EURUSD", "BTCUSDT"] {
            let (_, error) = read(bytes, &instrument(symbol));
            // What it says must be sayable.
            assert!(error.is_none_or(|error| !error.to_string().is_empty()));
        }
    });
});
