//! Decimal numbers by a slow, obvious way: the twin of `market::instrument::decimal`.

use market::instrument::OffGrid;

/// The digits that `market::instrument::decimal` is used with; beyond 18 the grid has no room for 1.
pub const DIGITS_MAX: u8 = 18;

/// What `text` means in units of 10^-`digits`, by moving the point in its text. The range is symmetric: `i64::MIN` is
/// beyond it.
pub fn decimal(text: &str, digits: u8) -> Result<i64, OffGrid> {
    let (sign, body) = match text.chars().next() {
        Some('-') => (-1, &text[1..]),
        Some('+') => (1, &text[1..]),
        Some(_) | None => (1, text),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let plain = |part: &str| part.chars().all(|character| character.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || whole.len() + fraction.len() == 0 {
        return Err(OffGrid::NotANumber);
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::from(digits).checked_sub(fraction.len()).ok_or(OffGrid::OffGrid)?;
    let moved = format!("{whole}{fraction}{}", "0".repeat(missing));
    match moved.trim_start_matches('0') {
        "" => Ok(0),
        // i128 has room for 38 digits.
        long if long.len() > 38 => Err(OffGrid::OffGrid),
        short => {
            let value: i128 = short.parse().unwrap();
            i64::try_from(value).map(|value| sign * value).map_err(|_| OffGrid::OffGrid)
        }
    }
}

/// Whether the two agree. A text that is no number may be called off the grid when its first digits already are.
pub fn agree(fast: Result<i64, OffGrid>, slow: Result<i64, OffGrid>) -> bool {
    fast == slow || (fast, slow) == (Err(OffGrid::OffGrid), Err(OffGrid::NotANumber))
}
