//! Dates and times as files print them.

use market::{Span, Time};

/// A printed time: the wall clock as nanoseconds since 1970-01-01 of that wall, and the offset where one is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub wall: Time,
    pub east: Option<Span>,
}

/// Exactly `n` digits as a number.
fn digits(text: &mut &[u8], n: usize) -> Option<i64> {
    let (head, rest) = text.split_at_checked(n)?;
    let mut value = 0;
    for byte in head {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    *text = rest;
    Some(value)
}

fn skip(text: &mut &[u8], byte: u8) -> bool {
    match text.split_first() {
        Some((first, rest)) if *first == byte => {
            *text = rest;
            true
        }
        _ => false,
    }
}

/// The midnight of `YYYYMMDD`, `YYYY-MM-DD`, `YYYY.MM.DD` or `YYYY/MM/DD` at the start of a text.
pub(crate) fn date(text: &mut &[u8]) -> Option<Time> {
    let year = digits(text, 4)?;
    let separator = text.first().copied().filter(|byte| matches!(byte, b'-' | b'.' | b'/'));
    if let Some(byte) = separator {
        skip(text, byte);
    }
    let month = digits(text, 2)?;
    if separator.is_some_and(|byte| !skip(text, byte)) {
        return None;
    }
    let day = digits(text, 2)?;
    // Years that fit nanoseconds in 64 bits.
    if !(1678..=2261).contains(&year) {
        return None;
    }
    let midnight = Time::from_date(year, month as u8, day as u8);
    (midnight.date() == (year, month as u8, day as u8)).then_some(midnight)
}

/// `HH:MM`, `HH:MM:SS`, `HHMMSS`, each with a fraction after a point or, in the last, three bare digits.
pub(crate) fn time_of_day(text: &mut &[u8]) -> Option<Span> {
    let hour = digits(text, 2)?;
    let colons = skip(text, b':');
    let minute = digits(text, 2)?;
    let second = if colons { if skip(text, b':') { digits(text, 2)? } else { 0 } } else { digits(text, 2)? };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let whole = Span::from_secs(hour * 3_600 + minute * 60 + second);
    if skip(text, b'.') {
        return Some(Span(whole.0 + fraction(text)?));
    }
    if !colons && text.first().is_some_and(u8::is_ascii_digit) {
        return Some(Span(whole.0 + digits(text, 3)? * 1_000_000));
    }
    Some(whole)
}

/// One to nine digits of a fraction of a second, in nanoseconds.
fn fraction(text: &mut &[u8]) -> Option<i64> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let value = digits(text, length)?;
    Some(value * 10_i64.pow(9 - length as u32))
}

/// `Z`, `+00:00`, `-0500`, `+05`.
fn offset(text: &mut &[u8]) -> Option<Span> {
    if skip(text, b'Z') {
        return Some(Span(0));
    }
    let sign = if skip(text, b'+') { 1 } else { -1 };
    if sign < 0 && !skip(text, b'-') {
        return None;
    }
    let hours = digits(text, 2)?;
    skip(text, b':');
    let minutes = if text.is_empty() { 0 } else { digits(text, 2)? };
    (hours <= 14 && minutes < 60).then_some(Span(sign * (hours * Span::HOUR.0 + minutes * Span::MINUTE.0)))
}

/// A whole stamp: date, a space or `T`, time of day, and perhaps an offset; nothing after it.
pub(crate) fn read(mut text: &[u8]) -> Option<Stamp> {
    let midnight = date(&mut text)?;
    if !skip(&mut text, b' ') && !skip(&mut text, b'T') {
        return None;
    }
    let of_day = time_of_day(&mut text)?;
    let east = if text.is_empty() { None } else { Some(offset(&mut text)?) };
    text.is_empty().then_some(Stamp { wall: midnight.plus(of_day), east })
}

/// A whole non-negative number of at most 19 digits.
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut value = 0_i64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        let shown = read(text.as_bytes()).map_or_else(
            || "no".to_owned(),
            |stamp| {
                format!("{}{}", stamp.wall, stamp.east.map_or(String::new(), |e| format!(" {}s", e.0 / 1_000_000_000)))
            },
        );
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn reads_what_the_sources_print() {
        check("20200101 170000065", "2020-01-01T17:00:00.065Z");
        check("20200101 17:00:00.065", "2020-01-01T17:00:00.065Z");
        check("2013-01-01 22:00:00.295000+00:00", "2013-01-01T22:00:00.295Z 0s");
        check("2014.05.01 09:30:15", "2014-05-01T09:30:15.000Z");
        check("2014.05.01 09:30", "2014-05-01T09:30:00.000Z");
        check("2014-05-01T09:30:15.1Z", "2014-05-01T09:30:15.100Z 0s");
        check("2014-05-01T09:30:15-0530", "2014-05-01T09:30:15.000Z -19800s");
    }

    #[test]
    fn refuses_what_no_calendar_has() {
        for text in [
            "20200230 000000",
            "2020-13-01 00:00",
            "2020-01.01 00:00",
            "20200101 240000",
            "20200101",
            "20200101 0000601",
            "9999-01-01 00:00",
            "2020-01-01 00:00x",
        ] {
            check(text, "no");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (read(&bytes), integer(&bytes));
        }

        #[test]
        fn shown_times_read_back(millis in 0_i64..4_000_000_000_000) {
            let time = Time::from_millis(millis);
            prop_assert_eq!(read(time.to_string().as_bytes()), Some(Stamp { wall: time, east: Some(Span(0)) }));
        }
    }
}
