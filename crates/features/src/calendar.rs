//! The hour of the trading day and the sessions, by the clocks of the cities; summer time by rule.

use crate::feature::Feature::{HourCos, HourSin, SessionLondon, SessionNewYork, SessionSydney, SessionTokyo};
use crate::frame::Frame;
use market::math::{cos, sin};
use market::{Span, Time};
use std::f64::consts::TAU;

/// A city with its clock and trading hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum City {
    Sydney,
    Tokyo,
    London,
    NewYork,
}

impl City {
    /// The wall clock there, as if it were UTC.
    fn local(self, now: Time) -> Time {
        let year = now.date().0;
        let hours = match self {
            // Summer from the first Sunday of October to the first Sunday of April, 16:00 UTC of the Saturday before.
            Self::Sydney => {
                let winter = sunday(year, 4, 1).minus(hours(8)) <= now && now < sunday(year, 10, 1).minus(hours(8));
                if winter { 10 } else { 11 }
            }
            Self::Tokyo => 9,
            // From the last Sunday of March to the last Sunday of October, 01:00 UTC.
            Self::London => {
                let summer = last_sunday(year, 3).plus(hours(1)) <= now && now < last_sunday(year, 10).plus(hours(1));
                i64::from(summer)
            }
            // From the second Sunday of March, 07:00 UTC, to the first Sunday of November, 06:00 UTC (since 2007).
            Self::NewYork => {
                let summer = sunday(year, 3, 2).plus(hours(7)) <= now && now < sunday(year, 11, 1).plus(hours(6));
                if summer { -4 } else { -5 }
            }
        };
        now.plus(Span(hours * Span::HOUR.0))
    }

    /// Whether the city trades: nine hours from its opening, Monday to Friday.
    fn is_open(self, now: Time) -> bool {
        let open = match self {
            Self::Sydney => 7,
            Self::Tokyo => 9,
            Self::London | Self::NewYork => 8,
        };
        let local = self.local(now);
        local.weekday() < 5 && (open..open + 9).contains(&local.hour())
    }
}

const fn hours(count: i64) -> Span {
    Span(count * Span::HOUR.0)
}

/// UTC midnight of the n-th Sunday of a month.
const fn sunday(year: i64, month: u8, n: i64) -> Time {
    let first = Time::from_date(year, month, 1);
    first.plus(Span((6 - first.weekday() as i64 + 7 * (n - 1)) * Span::DAY.0))
}

/// UTC midnight of the last Sunday of a month of 31 days.
const fn last_sunday(year: i64, month: u8) -> Time {
    let last = Time::from_date(year, month, 31);
    last.minus(Span((last.weekday() as i64 + 1) % 7 * Span::DAY.0))
}

/// The years in which every date has an instant; outside of them the calendar stands still.
const YEARS: (Time, Time) = (Time::from_date(1679, 1, 1), Time::from_date(2261, 1, 1));

/// The hours, taken afresh once per minute.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    minute: i64,
}

market::state!(Calendar { minute });

impl Calendar {
    pub(crate) const fn new() -> Self {
        Self { minute: i64::MIN }
    }

    #[inline]
    pub(crate) fn on_tick(&mut self, now: Time, frame: &mut Frame) {
        let minute = now.0.div_euclid(Span::MINUTE.0);
        if minute != self.minute {
            self.minute = minute;
            publish(now.clamp(YEARS.0, YEARS.1), frame);
        }
    }
}

fn publish(now: Time, frame: &mut Frame) {
    let minutes = City::NewYork.local(now).of_day().0 / Span::MINUTE.0;
    let angle = TAU * (minutes - 17 * 60).rem_euclid(1_440) as f64 / 1_440.0;
    frame.set(HourSin, sin(angle), true);
    frame.set(HourCos, cos(angle), true);
    let sessions = [
        (SessionSydney, City::Sydney),
        (SessionTokyo, City::Tokyo),
        (SessionLondon, City::London),
        (SessionNewYork, City::NewYork),
    ];
    for (feature, city) in sessions {
        frame.set(feature, f64::from(city.is_open(now)), true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The open cities at a minute of UTC, by their initials, and the minutes since the day began at 17:00 New York.
    fn check(date: (i64, u8, u8), hour_minute: (i64, i64), expected: &str) {
        let now = Time::from_date(date.0, date.1, date.2)
            .plus(Span(hour_minute.0 * Span::HOUR.0 + hour_minute.1 * Span::MINUTE.0));
        let mut frame = Frame::empty(now);
        Calendar::new().on_tick(now, &mut frame);
        let cities = [(SessionSydney, 'S'), (SessionTokyo, 'T'), (SessionLondon, 'L'), (SessionNewYork, 'N')];
        let open: String = cities.iter().filter(|(city, _)| frame.value(*city) == 1.0).map(|(_, c)| *c).collect();
        let ny = City::NewYork.local(now);
        assert_eq!(format!("{open} {:02}", ny.hour()), expected, "{now}");
        let angle = TAU * f64::from((i32::from(ny.hour()) - 17) * 60 + hour_minute.1 as i32) / 1_440.0;
        assert!((frame.value(HourSin) - sin(angle)).abs() < 1e-12 && (frame.value(HourCos) - cos(angle)).abs() < 1e-12);
    }

    #[test]
    fn sessions_follow_the_cities_clocks() {
        check((2014, 5, 2), (12, 30), "LN 08");
        check((2014, 1, 8), (12, 30), "L 07");
        check((2014, 1, 8), (13, 0), "LN 08");
        check((2014, 1, 8), (0, 0), "ST 19");
        check((2014, 7, 8), (21, 0), "S 17");
        check((2014, 7, 8), (20, 59), "N 16");
        check((2014, 1, 7), (20, 0), "SN 15");
        check((2014, 5, 3), (12, 30), " 08");
    }

    #[test]
    fn clocks_change_by_rule() {
        // New York 2014: 9 March 07:00 UTC and 2 November 06:00 UTC. London: 30 March and 26 October, 01:00 UTC.
        check((2014, 3, 9), (6, 59), " 01");
        check((2014, 3, 9), (7, 0), " 03");
        check((2014, 11, 2), (5, 59), " 01");
        check((2014, 11, 2), (6, 0), " 01");
        check((2014, 3, 28), (7, 0), "T 03");
        check((2014, 3, 31), (7, 0), "TL 03");
        check((2014, 10, 24), (7, 0), "TL 03");
        check((2014, 10, 27), (7, 0), "T 03");
        // Sydney 2014: 5 October and 6 April, 16:00 UTC of the Saturday.
        let sydney = |date: (i64, u8, u8), hour| {
            City::Sydney.local(Time::from_date(date.0, date.1, date.2).plus(hours(hour))).hour()
        };
        assert_eq!([sydney((2014, 10, 4), 15), sydney((2014, 10, 4), 16)], [1, 3]);
        assert_eq!([sydney((2014, 4, 5), 15), sydney((2014, 4, 5), 16)], [2, 2]);
    }
}
