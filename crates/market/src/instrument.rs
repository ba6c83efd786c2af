//! What is traded, and by which grid.

use crate::lots::Lots;
use crate::money::{Money, rounded_division};
use crate::price::{Points, Price};
use crate::state::{Reader, State, Torn};

/// Which symbol: its place in the desk's table of instruments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SymbolId(pub u16);

/// Which strategy: its place in the desk's table of strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StrategyId(pub u16);

impl State for SymbolId {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}

impl State for StrategyId {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}

/// A currency or coin by its code of at most eight ASCII letters and digits: `USD`, `USDT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 8]);

impl Currency {
    /// `XXX`: the ISO 4217 code for no currency.
    pub const NONE: Self = Self(*b"XXX\0\0\0\0\0");

    /// A currency by its code; `None` when empty, longer than eight, or not upper-case ASCII letters and digits.
    pub fn new(code: &str) -> Option<Self> {
        let fits = !code.is_empty() && code.len() <= 8;
        if !fits || !code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            return None;
        }
        let mut bytes = [0; 8];
        bytes[..code.len()].copy_from_slice(code.as_bytes());
        Some(Self(bytes))
    }

    /// The code.
    pub fn code(&self) -> &str {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(8);
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// The leverage class of an instrument, in the words of ESMA's 2018 product intervention (30/20/10/5/2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarginClass {
    /// Major currency pairs.
    MajorPair,
    /// Other currency pairs, gold and major indices.
    MinorPairGoldIndex,
    /// Other commodities and minor indices.
    Commodity,
    /// Shares and other underlyings.
    Share,
    /// Crypto-assets.
    Crypto,
}

/// What is traded and by which grid: price = points x 10^-`digits`, volume = units x 10^-`volume_digits` lots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Its place in the desk's table.
    pub symbol: SymbolId,
    /// Its name at the venue, `EURUSD`.
    pub name: String,
    /// Decimal places of a price: one point is 10^-digits.
    pub digits: u8,
    /// The smallest price step, in points (1 almost everywhere).
    pub tick_size: Points,
    /// Points in one pip (10 for a five-digit EURUSD).
    pub pip: Points,
    /// Decimal places of a volume: one unit is 10^-`volume_digits` lots.
    pub volume_digits: u8,
    /// The volume step.
    pub lot_step: Lots,
    /// The smallest volume of an order.
    pub lot_min: Lots,
    /// The largest volume of an order.
    pub lot_max: Lots,
    /// Units of the base currency (or coins, or ounces) in one lot.
    pub contract_size: i64,
    /// The currency bought.
    pub base: Currency,
    /// The currency paid.
    pub quote: Currency,
    /// MT4's stop level: a stop or target must be at least this far from the closing price.
    pub stop_level: Points,
    /// MT4's freeze level: nearer to a stop or target than this, nothing may be changed or closed.
    pub freeze_level: Points,
    /// The leverage class.
    pub margin_class: MarginClass,
}

/// Why a printed number is not a price or volume of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OffGrid {
    /// Not a number at all.
    NotANumber,
    /// Zero or below.
    NotPositive,
    /// More decimals than the grid has, not a multiple of the step, or beyond its range.
    OffGrid,
}

impl Instrument {
    /// Reads a decimal number such as `1.38694` exactly, without going through a float.
    ///
    /// # Errors
    /// [`OffGrid`] says why the text is not a price of this instrument.
    pub fn price(&self, text: &str) -> Result<Price, OffGrid> {
        let points = decimal(text, self.digits)?;
        if points <= 0 {
            return Err(OffGrid::NotPositive);
        }
        if self.tick_size.0 > 1 && points % self.tick_size.0 != 0 {
            return Err(OffGrid::OffGrid);
        }
        Ok(Price(points))
    }

    /// Reads a volume such as `0.15` exactly; zero is allowed (unknown).
    ///
    /// # Errors
    /// [`OffGrid`] says why the text is not a volume of this instrument.
    pub fn volume(&self, text: &str) -> Result<Lots, OffGrid> {
        let units = decimal(text, self.volume_digits)?;
        if units < 0 { Err(OffGrid::NotPositive) } else { Ok(Lots(units)) }
    }

    /// What `distance` is worth on `lots`, in millionths of the quote currency, rounded half away from zero; `None` on
    /// overflow.
    pub const fn value(&self, distance: Points, lots: Lots) -> Option<Money> {
        let scale = pow10(self.digits as u32 + self.volume_digits as u32);
        let Some(per_lot) = self.contract_size.checked_mul(1_000_000) else { return None };
        if let Some(units) = distance.0.checked_mul(lots.0)
            && let Some(micros) = units.checked_mul(per_lot)
            && scale <= 1_000_000_000_000_000_000
        {
            let (scale, half) = (scale as i64, scale as i64 / 2);
            let (whole, rest) = (micros / scale, micros % scale);
            let up = if rest.abs() > half || (rest.abs() == half && rest != 0) { rest.signum() } else { 0 };
            return Some(Money(whole + up));
        }
        let Some(units) = (distance.0 as i128).checked_mul(lots.0 as i128) else { return None };
        let Some(micros) = units.checked_mul(per_lot as i128) else { return None };
        match rounded_division(micros, scale) {
            Some(amount) => Some(Money(amount)),
            None => None,
        }
    }

    /// What one point on one volume unit is worth, in millionths of the quote currency, where that is a whole number:
    /// the quick way to [`Self::value`], without its division.
    pub const fn unit(&self) -> Option<Money> {
        let scale = pow10(self.digits as u32 + self.volume_digits as u32);
        let per_lot = self.contract_size as i128 * 1_000_000;
        if per_lot % scale != 0 || per_lot / scale > i64::MAX as i128 {
            return None;
        }
        Some(Money((per_lot / scale) as i64))
    }

    /// What `lots` cost at `price`, in millionths of the quote currency; `None` on overflow.
    pub const fn notional(&self, price: Price, lots: Lots) -> Option<Money> {
        self.value(Points(price.0), lots)
    }

    /// A price as text with all its digits.
    pub fn show(&self, price: Price) -> String {
        shown(price.0, self.digits)
    }

    /// A volume as text, in lots.
    pub fn show_lots(&self, lots: Lots) -> String {
        shown(lots.0, self.volume_digits)
    }

    /// A distance in pips.
    pub fn pips(&self, distance: f64) -> f64 {
        distance / self.pip.as_f64()
    }
}

/// 10^0 to 10^36.
const POWERS: [i128; 37] = {
    let mut powers = [1; 37];
    let mut place = 1;
    while place < powers.len() {
        powers[place] = powers[place - 1] * 10;
        place += 1;
    }
    powers
};

const fn pow10(digits: u32) -> i128 {
    POWERS[if digits > 36 { 36 } else { digits as usize }]
}

fn shown(value: i64, digits: u8) -> String {
    let scale = pow10(u32::from(digits)).unsigned_abs();
    let (sign, whole) = (if value < 0 { "-" } else { "" }, u128::from(value.unsigned_abs()));
    if digits == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{}.{:0width$}", whole / scale, whole % scale, width = usize::from(digits))
}

/// A decimal number as an integer of 10^-digits. Trailing zeros beyond the grid are fine, other digits are not.
///
/// # Errors
/// [`OffGrid::NotANumber`] when it is not a plain decimal, [`OffGrid::OffGrid`] when it does not fit the grid.
pub fn decimal(text: &str, digits: u8) -> Result<i64, OffGrid> {
    let (negative, body) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let mut value: i64 = 0;
    let mut places: Option<u8> = None;
    let mut seen = false;
    for byte in body {
        match (byte, places) {
            (b'.', None) => places = Some(0),
            (b'0', Some(n)) if n >= digits => seen = true,
            (b'0'..=b'9', Some(n)) if n >= digits => return Err(OffGrid::OffGrid),
            (b'0'..=b'9', _) => {
                seen = true;
                places = places.map(|n| n + 1);
                let next = value.checked_mul(10).and_then(|v| v.checked_add(i64::from(byte - b'0')));
                value = next.ok_or(OffGrid::OffGrid)?;
            }
            _ => return Err(OffGrid::NotANumber),
        }
    }
    if !seen {
        return Err(OffGrid::NotANumber);
    }
    let missing = u32::from(digits - places.unwrap_or(0));
    let scaled = 10_i64.checked_pow(missing).and_then(|scale| value.checked_mul(scale)).ok_or(OffGrid::OffGrid)?;
    Ok(if negative { -scaled } else { scaled })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// EURUSD as most five-digit brokers quote it.
    pub(crate) fn eurusd() -> Instrument {
        Instrument {
            symbol: SymbolId(0),
            name: "EURUSD".into(),
            digits: 5,
            tick_size: Points(1),
            pip: Points(10),
            volume_digits: 2,
            lot_step: Lots(1),
            lot_min: Lots(1),
            lot_max: Lots(10_000),
            contract_size: 100_000,
            base: Currency::new("EUR").unwrap(),
            quote: Currency::new("USD").unwrap(),
            stop_level: Points(0),
            freeze_level: Points(0),
            margin_class: MarginClass::MajorPair,
        }
    }

    #[test]
    fn reads_prices_exactly() {
        let eurusd = eurusd();
        assert_eq!(eurusd.price("1.38694"), Ok(Price(138_694)));
        assert_eq!(eurusd.price("1.386940"), Ok(Price(138_694)));
        assert_eq!(eurusd.price("1.386941"), Err(OffGrid::OffGrid));
        assert_eq!(eurusd.price("1"), Ok(Price(100_000)));
        assert_eq!(eurusd.price("0"), Err(OffGrid::NotPositive));
        assert_eq!(eurusd.price("-1.3"), Err(OffGrid::NotPositive));
        for text in ["NaN", "", ".", "1e5", "1.2.3", "inf", "1,3", " 1.3"] {
            assert_eq!(eurusd.price(text), Err(OffGrid::NotANumber), "{text}");
        }
        assert_eq!(eurusd.price("99999999999999999999"), Err(OffGrid::OffGrid));
    }

    #[test]
    fn one_point_on_a_hundredth_lot_is_a_cent() {
        assert_eq!(eurusd().unit(), Some(Money(10_000)));
        assert_eq!(Instrument { contract_size: 15, ..eurusd() }.unit(), None, "1.5 millionths");
        assert_eq!(eurusd().value(Points(1), Lots(1)), Some(Money(10_000)));
        assert_eq!(eurusd().value(Points(i64::MAX), Lots(i64::MAX)), None);
        assert_eq!(eurusd().notional(Price(138_694), Lots(100)), Some(Money::units(138_694)));
    }

    proptest! {
        #[test]
        fn the_short_way_and_the_long_way_agree(distance in -3_000_000_i64..3_000_000, lots in 0_i64..100_000, digits in 0_u8..8) {
            let instrument = Instrument { digits, volume_digits: 5, contract_size: 7, ..eurusd() };
            let micros = i128::from(distance) * i128::from(lots) * 7_000_000;
            let expected = rounded_division(micros, pow10(u32::from(digits) + 5)).map(Money);
            prop_assert_eq!(instrument.value(Points(distance), Lots(lots)), expected);
        }

        #[test]
        fn a_unit_is_a_short_way_to_a_value(value in -3_000_000_i64..3_000_000, digits in 0_u8..9, size in 1_i64..200_000) {
            let instrument = Instrument { digits, contract_size: size, ..eurusd() };
            if let Some(unit) = instrument.unit() {
                prop_assert_eq!(instrument.value(Points(value), Lots(1)), Some(Money(value * unit.0)));
            }
        }

        #[test]
        fn shown_prices_read_back(points in 1_i64..10_000_000_000) {
            let eurusd = eurusd();
            prop_assert_eq!(eurusd.price(&eurusd.show(Price(points))), Ok(Price(points)));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,40}", digits in 0_u8..12) {
            let _ = decimal(&text, digits);
        }
    }
}
