//! Whose clock a file was written by. A zone is stated by the user or by the format's definition, never guessed.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use market::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::error::{Fault, FeedError};

/// A time zone. IANA rules come from the copy built into the program, so that every machine reads alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// Universal time.
    Utc,
    /// A fixed distance east of UTC, without daylight saving.
    Fixed(Span),
    /// An IANA zone, with hours added: many MT4 servers run on `America/New_York+7`.
    Named {
        /// The text it was given as.
        name: String,
        /// The rules.
        rules: TimeZone,
        /// What the server's clock is ahead of the zone.
        ahead: Span,
    },
}

/// Who says which zone a file is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneFrom {
    /// The user.
    Given,
    /// The definition of the format.
    Format,
    /// The known habit of the market that published the file.
    Market,
    /// Each record carries its own offset.
    Record,
    /// Nobody yet: times are shown as the file prints them.
    Unstated,
}

/// Which zone a file was read in, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneUse {
    /// The zone as text.
    pub zone: String,
    /// Who says so.
    pub from: ZoneFrom,
}

impl Zone {
    /// Reads `UTC`, `Z`, `EST` (UTC-5 without daylight saving), `UTC-5`, `UTC+05:30`, an IANA name, or an IANA name with
    /// whole hours added (`America/New_York+7`).
    ///
    /// # Errors
    /// [`Fault::UnknownZone`].
    pub fn parse(text: &str) -> Result<Self, FeedError> {
        let unknown = || FeedError::new("", Fault::UnknownZone(text.chars().take(80).collect()));
        match text {
            "UTC" | "Z" | "GMT" => return Ok(Self::Utc),
            "EST" => return Ok(Self::Fixed(Span(-5 * Span::HOUR.0))),
            _ => {}
        }
        if let Some(rest) = text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT")) {
            return fixed(rest).map(Self::Fixed).ok_or_else(unknown);
        }
        let database = TimeZoneDatabase::bundled();
        if let Ok(rules) = database.get(text) {
            return Ok(Self::Named { name: text.to_owned(), rules, ahead: Span(0) });
        }
        let split = text.rfind(['+', '-']).ok_or_else(unknown)?;
        let ahead = fixed(&text[split..]).ok_or_else(unknown)?;
        let rules = database.get(&text[..split]).map_err(|_| unknown())?;
        Ok(Self::Named { name: text.to_owned(), rules, ahead })
    }
}

/// `+5`, `-05:30`: at most 14 hours.
fn fixed(text: &str) -> Option<Span> {
    let (sign, body) = match text.as_bytes() {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let body = std::str::from_utf8(body).ok()?;
    let (hours, minutes) = body.split_once(':').unwrap_or((body, "0"));
    let (hours, minutes) = (digits_of(hours)?, digits_of(minutes)?);
    (hours <= 14 && minutes < 60).then_some(Span(sign * (hours * Span::HOUR.0 + minutes * Span::MINUTE.0)))
}

fn digits_of(part: &str) -> Option<i64> {
    let plain = !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
    if plain { part.parse().ok() } else { None }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Utc => f.write_str("UTC"),
            Self::Named { name, .. } => f.write_str(name),
            Self::Fixed(east) => {
                let minutes = east.0 / Span::MINUTE.0;
                let (sign, all) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
                write!(f, "UTC{sign}{:02}:{:02}", all / 60, all % 60)
            }
        }
    }
}

/// Turns wall-clock times of a zone into instants. Keeps the offset of the last minute, since ticks come in order.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    zone: Zone,
    minute: i64,
    east: Span,
    last: Time,
}

impl Clock {
    pub(crate) fn new(zone: Zone) -> Self {
        Self { zone, minute: i64::MIN, east: Span(0), last: Time::MIN }
    }

    /// The instant of a wall-clock time, itself given as nanoseconds since 1970-01-01 of that wall. `None` when the
    /// zone's clock never showed it. An hour shown twice is taken as the first one unless that lies before the record
    /// read last.
    pub(crate) fn instant(&mut self, wall: Time) -> Option<Time> {
        let time = match &self.zone {
            Zone::Utc => wall,
            Zone::Fixed(east) => wall.minus(*east),
            Zone::Named { .. } => self.named(wall)?,
        };
        self.last = time;
        Some(time)
    }

    fn named(&mut self, wall: Time) -> Option<Time> {
        let Zone::Named { rules, ahead, .. } = &self.zone else { return None };
        let wall = wall.minus(*ahead);
        let minute = wall.0.div_euclid(Span::MINUTE.0);
        if minute == self.minute {
            return Some(wall.minus(self.east));
        }
        let span = |offset: jiff::tz::Offset| Span::from_secs(i64::from(offset.seconds()));
        match rules.to_ambiguous_timestamp(civil(minute)?).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                (self.minute, self.east) = (minute, span(offset));
                Some(wall.minus(self.east))
            }
            AmbiguousOffset::Gap { .. } => None,
            AmbiguousOffset::Fold { before, after } => {
                let first = wall.minus(span(before));
                Some(if first < self.last { wall.minus(span(after)) } else { first })
            }
        }
    }
}

fn civil(minute: i64) -> Option<DateTime> {
    let time = Time(minute.checked_mul(Span::MINUTE.0)?);
    let (year, month, day) = time.date();
    let of_day = time.of_day().0 / Span::MINUTE.0;
    let (hour, minute) = ((of_day / 60) as i8, (of_day % 60) as i8);
    DateTime::new(i16::try_from(year).ok()?, month as i8, day as i8, hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, walls: &[&str], expected: &[&str]) {
        let mut clock = Clock::new(Zone::parse(zone).unwrap());
        let shown: Vec<String> = walls
            .iter()
            .map(|wall| {
                let wall = crate::stamp::read(wall.as_bytes()).unwrap().wall;
                clock.instant(wall).map_or_else(|| "never".into(), |time| time.to_string())
            })
            .collect();
        assert_eq!(shown, expected, "{zone}");
    }

    #[test]
    fn fixed_zones_have_no_daylight_saving() {
        check("EST", &["2020-07-01 17:00:00"], &["2020-07-01T22:00:00.000Z"]);
        check("UTC+05:30", &["2020-07-01 00:00:00"], &["2020-06-30T18:30:00.000Z"]);
        check("UTC", &["2020-07-01 00:00:00"], &["2020-07-01T00:00:00.000Z"]);
    }

    #[test]
    fn named_zones_do_and_their_odd_hours_are_handled() {
        check(
            "Europe/Athens",
            &["2021-01-15 12:00:00", "2021-07-15 12:00:00", "2021-03-28 03:30:00"],
            &["2021-01-15T10:00:00.000Z", "2021-07-15T09:00:00.000Z", "never"],
        );
        check(
            "Europe/Athens",
            &["2021-10-31 03:59:00", "2021-10-31 03:00:00", "2021-10-31 04:00:00"],
            &["2021-10-31T00:59:00.000Z", "2021-10-31T01:00:00.000Z", "2021-10-31T02:00:00.000Z"],
        );
        check(
            "America/New_York+7",
            &["2014-03-10 00:00:00", "2014-12-31 20:00:00"],
            &["2014-03-09T21:00:00.000Z", "2014-12-31T18:00:00.000Z"],
        );
    }

    #[test]
    fn zones_are_never_guessed() {
        for text in ["", "UTC5", "UTC+15", "Mars/Base", "+5", "UTC+5:99", "America/New_York+99", "UTC+é"] {
            assert!(Zone::parse(text).is_err(), "{text}");
        }
        assert_eq!(Zone::parse("UTC-5").unwrap().to_string(), "UTC-05:00");
    }
}
