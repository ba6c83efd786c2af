//! Printed numbers against a slow, obvious reading of them; prices and volumes printed and read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use market::instrument::{OffGrid, decimal};
use market::{Instrument, Lots, Money, Points, Price};
use scalpel_fuzz::input::Input;
use scalpel_fuzz::number;
use scalpel_fuzz::quotes::{LARGE, instrument};

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let digits = input.byte();
    if digits & 0x80 == 0 {
        let Ok(text) = std::str::from_utf8(input.rest()) else { return };
        return read(text, digits % 24);
    }
    let sized = Instrument {
        digits: digits % 11,
        volume_digits: input.byte() % 9,
        contract_size: 1 + input.below(100_001) as i64,
        ..instrument("EURUSD")
    };
    print(&sized, input.number() as i64 >> (input.byte() % 64), input.number() as i64 >> (input.byte() % 64));
});

fn read(text: &str, digits: u8) {
    let (fast, slow) = (decimal(text, digits), number::decimal(text, digits));
    if digits <= number::DIGITS_MAX {
        assert!(number::agree(fast, slow), "{text:?} with {digits} digits: {fast:?}, the twin says {slow:?}");
    } else if let Ok(value) = fast {
        assert_eq!(slow, Ok(value), "{text:?} with {digits} digits");
    }
    let sized = Instrument { digits, volume_digits: digits, tick_size: Points(5), ..instrument("EURUSD") };
    match sized.price(text) {
        Ok(price) => assert!(price.0 > 0 && price.0 % 5 == 0 && fast == Ok(price.0)),
        Err(OffGrid::NotPositive) => assert!(fast.is_ok_and(|points| points <= 0)),
        Err(OffGrid::OffGrid) => {
            assert!(fast.is_ok_and(|points| points % 5 != 0 || points > LARGE) || fast == Err(OffGrid::OffGrid));
        }
        Err(OffGrid::NotANumber) => assert_eq!(fast, Err(OffGrid::NotANumber)),
    }
    match sized.volume(text) {
        Ok(lots) => assert!(lots.0 >= 0 && fast == Ok(lots.0)),
        Err(OffGrid::NotPositive) => assert!(fast.is_ok_and(|units| units < 0)),
        Err(off) => assert_eq!(fast, Err(off)),
    }
}

/// Shown numbers read back; what a distance is worth is right to half a millionth.
fn print(sized: &Instrument, points: i64, lots: i64) {
    if (1..=LARGE).contains(&points) {
        assert_eq!(sized.price(&sized.show(Price(points))), Ok(Price(points)));
    }
    if lots >= 0 {
        assert_eq!(sized.volume(&sized.show_lots(Lots(lots))), Ok(Lots(lots)));
    }
    let scale = 10_i128.pow(u32::from(sized.digits) + u32::from(sized.volume_digits));
    let worth = sized.value(Points(points), Lots(lots));
    let micros = i128::from(sized.contract_size) * 1_000_000;
    let exact = (i128::from(points) * i128::from(lots)).checked_mul(micros);
    // Beyond 128 bits the amount is beyond 64 too, as long as the scale is below 10^19.
    let Some(exact) = exact else { return assert_eq!(worth, None) };
    match worth {
        Some(Money(worth)) => {
            let miss = exact - i128::from(worth) * scale;
            let away = miss.abs() * 2 == scale && miss.signum() == exact.signum();
            assert!(miss.abs() * 2 <= scale && !away, "{points} x {lots} is {worth}, off by {miss} of {scale}");
        }
        None => assert!(exact.abs() / scale >= i128::from(i64::MAX), "{points} x {lots} has no worth"),
    }
}
