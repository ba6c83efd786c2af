//! Cash, in millionths of one unit of a currency.

use crate::state::{Reader, State, Torn};

/// An amount of one currency (the account's, unless said otherwise), in millionths. Checked: overflow is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount of whole currency units; saturates.
    pub const fn units(units: i64) -> Self {
        Self(units.saturating_mul(1_000_000))
    }

    /// The sum, or `None` on overflow.
    pub const fn plus(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` on overflow.
    pub const fn minus(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// This amount times `numerator / denominator`, rounded half away from zero; `None` on overflow or division by 0.
    pub const fn scaled(self, numerator: i64, denominator: i64) -> Option<Self> {
        match rounded_division(self.0 as i128 * numerator as i128, denominator as i128) {
            Some(amount) => Some(Self(amount)),
            None => None,
        }
    }

    /// The amount as a float, in whole currency units: for statistics and display, never for booking.
    pub const fn as_f64(self) -> f64 {
        self.0 as f64 * 1e-6
    }

    /// The nearest amount to a float in whole currency units; `None` when not a number or out of range.
    pub fn from_f64(units: f64) -> Option<Self> {
        let micros = libm::round(units * 1e6);
        (micros.abs() < 9.2e18).then_some(Self(micros as i64))
    }
}

/// `dividend / divisor`, rounded half away from zero; `None` when it does not fit or the divisor is zero.
pub const fn rounded_division(dividend: i128, divisor: i128) -> Option<i64> {
    if divisor == 0 {
        return None;
    }
    let (n, d) = if divisor < 0 { (-dividend, -divisor) } else { (dividend, divisor) };
    let quotient = if n >= 0 { n / d + (n % d >= d - n % d) as i128 } else { n / d - (-(n % d) >= d + n % d) as i128 };
    if quotient > i64::MAX as i128 || quotient < i64::MIN as i128 { None } else { Some(quotient as i64) }
}

impl std::fmt::Display for Money {
    /// Two decimals, rounded half away from zero: `-120.05`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cents = rounded_division(i128::from(self.0), 10_000).unwrap_or_default();
        let sign = if cents < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
    }
}

impl State for Money {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_cents() {
        assert_eq!(Money(-120_049_999).to_string(), "-120.05");
        assert_eq!(Money(4_999).to_string(), "0.00");
        assert_eq!(Money(5_000).to_string(), "0.01");
    }

    #[test]
    fn divisions_round_half_away_from_zero() {
        assert_eq!(rounded_division(5, 2), Some(3));
        assert_eq!(rounded_division(-5, 2), Some(-3));
        assert_eq!(rounded_division(5, -2), Some(-3));
        assert_eq!(rounded_division(1, 0), None);
        assert_eq!(Money(i64::MAX).scaled(2, 1), None);
    }
}
