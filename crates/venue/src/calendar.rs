//! When a market is open, and when a position is charged for the night.

use market::{Span, Time};

/// By which clock a rule of the week or the day is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// Coordinated universal time.
    Utc,
    /// New York, by the rule in force since 2007: summer time from the second Sunday of March to the first of November.
    NewYork,
}

impl Zone {
    /// How far local time is ahead of UTC at an instant.
    pub const fn offset(self, time: Time) -> Span {
        match self {
            Self::Utc => Span(0),
            Self::NewYork => {
                let (year, _, _) = time.date();
                let start = nth_sunday(year, 3, 2).plus(Span(7 * Span::HOUR.0));
                let end = nth_sunday(year, 11, 1).plus(Span(6 * Span::HOUR.0));
                let summer = time.0 >= start.0 && time.0 < end.0;
                Span(if summer { -4 } else { -5 } * Span::HOUR.0)
            }
        }
    }

    /// The local wall clock at an instant, as if it were UTC.
    pub const fn local(self, time: Time) -> Time {
        time.plus(self.offset(time))
    }

    /// The instant at which the local wall clock shows `local`.
    pub const fn instant(self, local: Time) -> Time {
        let guess = local.minus(self.offset(local));
        local.minus(self.offset(guess))
    }
}

/// UTC midnight of the `nth` Sunday of a month.
const fn nth_sunday(year: i64, month: u8, nth: i64) -> Time {
    let first = Time::from_date(year, month, 1);
    let wait = (6 - first.weekday() as i64).rem_euclid(7) + 7 * (nth - 1);
    first.plus(Span(wait * Span::DAY.0))
}

/// A stretch of the week, from and to counted from Monday 00:00 of the zone's clock. `from` is before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first instant of the stretch.
    pub from: Span,
    /// The first instant after it.
    pub to: Span,
}

/// When the market of a symbol is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Session {
    /// Day and night.
    Always,
    /// Every week alike, but for the closed windows.
    Weekly {
        /// By which clock.
        zone: Zone,
        /// When the market is closed.
        closed: Vec<Window>,
    },
}

impl Session {
    /// The week of the foreign exchange market: closed from Friday 17:00 to Sunday 17:00 in New York.
    pub fn foreign_exchange() -> Self {
        let hours = |hours: i64| Span(hours * Span::HOUR.0);
        Self::Weekly { zone: Zone::NewYork, closed: vec![Window { from: hours(4 * 24 + 17), to: hours(6 * 24 + 17) }] }
    }

    /// Whether the market is open, and until when this answer holds at least.
    pub fn at(&self, time: Time) -> (bool, Time) {
        let Self::Weekly { zone, closed } = self else { return (true, Time::MAX) };
        let local = zone.local(time);
        let monday = local.day() - i64::from(local.weekday());
        let into = local.since(Time(monday.saturating_mul(Span::DAY.0)));
        let is_open = !closed.iter().any(|window| window.from <= into && into < window.to);
        // Clocks change on the hour, so an answer never outlives the hour.
        let left_of_hour = Span::HOUR.0 - time.0.rem_euclid(Span::HOUR.0);
        let turns = closed.iter().flat_map(|window| [window.from, window.to]);
        let left = turns.filter(|turn| *turn > into).map(|turn| turn.0 - into.0).min().unwrap_or(i64::MAX);
        (is_open, time.plus(Span(left.min(left_of_hour))))
    }
}

/// The first instant after `after` at which the zone's clock shows `of_day`.
pub fn next_time_of_day(zone: Zone, of_day: Span, after: Time) -> Time {
    let day = zone.local(after).day();
    (-1..=2)
        .map(|ahead| zone.instant(Time((day + ahead).saturating_mul(Span::DAY.0).saturating_add(of_day.0))))
        .find(|candidate| *candidate > after)
        .unwrap_or(Time::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i64, month: u8, day: u8, hour: i64) -> Time {
        Time::from_date(year, month, day).plus(Span(hour * Span::HOUR.0))
    }

    #[test]
    fn new_york_keeps_summer_time() {
        assert_eq!(Zone::NewYork.offset(at(2014, 1, 15, 12)), Span(-5 * Span::HOUR.0));
        assert_eq!(Zone::NewYork.offset(at(2014, 5, 2, 12)), Span(-4 * Span::HOUR.0));
        // 2014: from 9 March 07:00 UTC to 2 November 06:00 UTC.
        assert_eq!(Zone::NewYork.offset(at(2014, 3, 9, 6)), Span(-5 * Span::HOUR.0));
        assert_eq!(Zone::NewYork.offset(at(2014, 3, 9, 7)), Span(-4 * Span::HOUR.0));
        assert_eq!(Zone::NewYork.offset(at(2014, 11, 2, 5)), Span(-4 * Span::HOUR.0));
        assert_eq!(Zone::NewYork.offset(at(2014, 11, 2, 6)), Span(-5 * Span::HOUR.0));
    }

    #[test]
    fn wall_clock_and_instant_are_inverse() {
        for hour in 0..365 * 24 {
            let time = at(2014, 1, 1, hour);
            // 01:00 comes twice when summer ends.
            if time != at(2014, 11, 2, 5) && time != at(2014, 11, 2, 6) {
                assert_eq!(Zone::NewYork.instant(Zone::NewYork.local(time)), time, "{time}");
            }
        }
    }

    #[test]
    fn the_weekend_is_closed_also_across_the_change_of_clocks() {
        let session = Session::foreign_exchange();
        let open = |time: Time| session.at(time).0;
        assert!(open(at(2014, 5, 2, 20)) && !open(at(2014, 5, 2, 21)));
        assert!(!open(at(2014, 5, 4, 20)) && open(at(2014, 5, 4, 21)));
        // Closed on Friday 7 March at 22:00 UTC (winter), open again on Sunday 9 March at 21:00 UTC (summer).
        assert!(open(at(2014, 3, 7, 21)) && !open(at(2014, 3, 7, 22)));
        assert!(!open(at(2014, 3, 9, 20)) && open(at(2014, 3, 9, 21)));
    }

    #[test]
    fn an_answer_holds_until_its_turn() {
        let session = Session::foreign_exchange();
        let mut time = at(2014, 3, 1, 0);
        while time < at(2014, 3, 16, 0) {
            let (open, turn) = session.at(time);
            assert!(turn > time);
            assert_eq!(session.at(Time(turn.0 - 1)).0, open, "{time}");
            time = turn;
        }
    }

    #[test]
    fn nights_follow_each_other() {
        let evening = Span(17 * Span::HOUR.0);
        let first = next_time_of_day(Zone::NewYork, evening, at(2014, 3, 7, 12));
        assert_eq!(first, at(2014, 3, 7, 22));
        let second = next_time_of_day(Zone::NewYork, evening, first);
        assert_eq!(second, at(2014, 3, 8, 22));
        assert_eq!(next_time_of_day(Zone::NewYork, evening, second), at(2014, 3, 9, 21));
    }
}
