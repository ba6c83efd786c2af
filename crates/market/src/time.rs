//! Instants and spans. Time arrives in events; nothing in here asks a clock.

use crate::state::{Reader, State, Torn};

/// An instant: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// A length of time, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub i64);

impl Span {
    /// One second.
    pub const SECOND: Self = Self(1_000_000_000);
    /// One minute.
    pub const MINUTE: Self = Self(60 * 1_000_000_000);
    /// One hour.
    pub const HOUR: Self = Self(3_600 * 1_000_000_000);
    /// One day of 24 hours.
    pub const DAY: Self = Self(86_400 * 1_000_000_000);

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis * 1_000_000)
    }

    /// A span of whole seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000_000)
    }

    /// The span in seconds.
    pub fn as_secs(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// The span in whole milliseconds, rounded towards zero.
    pub const fn as_millis(self) -> i64 {
        self.0 / 1_000_000
    }
}

impl Time {
    /// The earliest instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant.
    pub const MAX: Self = Self(i64::MAX);

    /// An instant from milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis * 1_000_000)
    }

    /// From `earlier` to this instant; negative when this one is earlier. Saturates.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// This instant moved by `span`. Saturates.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// This instant moved back by `span`. Saturates.
    #[must_use]
    pub const fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// Days since 1970-01-01, by UTC.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(Span::DAY.0)
    }

    /// Nanoseconds since the last UTC midnight.
    pub const fn of_day(self) -> Span {
        Span(self.0.rem_euclid(Span::DAY.0))
    }

    /// Hour of the UTC day, 0 to 23.
    pub const fn hour(self) -> u8 {
        (self.of_day().0 / Span::HOUR.0) as u8
    }

    /// Day of the week by UTC: 0 is Monday, 6 is Sunday.
    pub const fn weekday(self) -> u8 {
        (self.day() + 3).rem_euclid(7) as u8
    }

    /// Year, month and day of the UTC date (proleptic Gregorian; Howard Hinnant's `civil_from_days`).
    pub const fn date(self) -> (i64, u8, u8) {
        let z = self.day() + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = (doy - (153 * mp + 2) / 5 + 1) as u8;
        let month = if mp < 10 { mp + 3 } else { mp - 9 } as u8;
        (yoe + era * 400 + (month <= 2) as i64, month, day)
    }

    /// The instant of UTC midnight of a date. Saturates beyond the years 1678 to 2261; whoever reads dates from outside
    /// compares with [`Self::date`], which also finds months and days that do not exist.
    pub const fn from_date(year: i64, month: u8, day: u8) -> Self {
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let m = month as i64;
        let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + day as i64 - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        Self((era * 146_097 + doe - 719_468).saturating_mul(Span::DAY.0))
    }
}

impl std::fmt::Display for Time {
    /// ISO 8601 with milliseconds: `2014-05-02T12:30:01.700Z`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.date();
        let ms = self.of_day().as_millis();
        let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{:03}Z", ms % 1_000)
    }
}

impl State for Time {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}

impl State for Span {
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
    use proptest::prelude::*;

    #[test]
    fn payrolls_of_may_2014() {
        let time = Time::from_millis(1_399_033_801_700);
        assert_eq!(time.to_string(), "2014-05-02T12:30:01.700Z");
        assert_eq!(time.weekday(), 4);
        assert_eq!(time.hour(), 12);
    }

    proptest! {
        #[test]
        fn no_date_breaks_the_calendar(year in -9_999_i64..9_999, month: u8, day: u8) {
            let time = Time::from_date(year, month, day);
            let found = time.date() == (year, month, day);
            let exists = (1..=12).contains(&month) && (1..=31).contains(&day) && (1678..=2262).contains(&year);
            prop_assert!(!found || exists);
        }

        #[test]
        fn dates_round_trip(day in -800_000_i64..800_000) {
            let time = Time(day.saturating_mul(Span::DAY.0) / 8);
            let (y, m, d) = time.date();
            prop_assert_eq!(Time::from_date(y, m, d).day(), time.day());
        }
    }
}
