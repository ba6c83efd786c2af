//! Controls on what is lost: the day's loss and the fall from the peak, each latched.

use crate::limits::LossLimit;
use crate::refusal::{Refusal, Verdict};
use market::{Money, Reader, Span, State, Time, Torn};

/// What is remembered of an equity: where the trading day began, the highest value, and which limits were passed.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    started: bool,
    day: i64,
    equity: i128,
    day_start: i128,
    peak: i128,
    /// When the daily loss was passed, until somebody re-arms it. A new day does not clear it.
    day_latch: Option<Time>,
    /// When the drawdown was passed, until somebody re-arms it.
    drawdown_latch: Option<Time>,
    /// Until then, and while the equity is neither below the one nor above the other, nothing is passed and no mark moves.
    /// Derived from the marks and the limits, and not saved.
    quiet_until: Time,
    quiet_from: i128,
    quiet_to: i128,
}

impl State for Marks {
    fn save(&self, out: &mut Vec<u8>) {
        (self.started, self.day).save(out);
        [self.equity, self.day_start, self.peak].save(out);
        (self.day_latch, self.drawdown_latch).save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        (self.started, self.day) = from.read()?;
        [self.equity, self.day_start, self.peak] = from.read()?;
        (self.day_latch, self.drawdown_latch) = from.read()?;
        self.quiet_until = Time::MIN;
        Ok(())
    }
}

/// Which loss limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossKind {
    /// The loss of the trading day.
    Day,
    /// The fall from the peak.
    Drawdown,
}

/// An amount as money; beyond the range it stays at its end.
pub(crate) fn money(amount: i128) -> Money {
    Money(i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX }))
}

impl Marks {
    /// Takes note of an equity (profit since the start, in millionths). When a new trading day has begun, its loss counts
    /// from the equity that stood before. Latches what is passed and answers what was passed just now. `day_start` and
    /// `limit` must be the same each time.
    #[inline]
    pub fn observe(&mut self, equity: i128, now: Time, day_start: Span, limit: &LossLimit) -> Option<LossKind> {
        if now < self.quiet_until && self.quiet_from <= equity && equity <= self.quiet_to {
            self.equity = equity;
            return None;
        }
        self.look(equity, now, day_start, limit)
    }

    /// Takes note of an equity that may move a mark, and finds anew between which values none will move.
    #[inline(never)]
    fn look(&mut self, equity: i128, now: Time, day_start: Span, limit: &LossLimit) -> Option<LossKind> {
        let into_day = now.0.saturating_sub(day_start.0).saturating_sub(self.day.saturating_mul(Span::DAY.0));
        if !self.started || into_day >= Span::DAY.0 {
            if self.started {
                self.day_start = self.equity;
            }
            (self.started, self.day) = (true, now.minus(day_start).day());
        }
        self.equity = equity;
        self.peak = self.peak.max(equity);
        let (lowest_of_day, lowest) =
            (self.day_start - i128::from(limit.day_max.0), self.peak - i128::from(limit.drawdown_max.0));
        let day_passed = self.day_latch.is_none() && equity < lowest_of_day;
        let drawdown_passed = self.drawdown_latch.is_none() && equity < lowest;
        if day_passed {
            self.day_latch = Some(now);
        }
        if drawdown_passed {
            self.drawdown_latch = Some(now);
        }
        let next_day = self.day.saturating_add(1).saturating_mul(Span::DAY.0);
        self.quiet_until = Time(next_day.saturating_add(day_start.0));
        // What is latched is not passed again: below both limits nothing moves any more.
        let unlatched = |latch: Option<Time>, lowest: i128| if latch.is_none() { lowest } else { i128::MIN };
        self.quiet_from = unlatched(self.day_latch, lowest_of_day).max(unlatched(self.drawdown_latch, lowest));
        self.quiet_to = self.peak;
        match (day_passed, drawdown_passed) {
            (true, _) => Some(LossKind::Day),
            (false, true) => Some(LossKind::Drawdown),
            (false, false) => None,
        }
    }

    /// What the trading day lost so far; negative when it gained.
    pub fn day_loss(&self) -> Money {
        money(self.day_start - self.equity)
    }

    /// How far the equity is below its peak.
    pub fn drawdown(&self) -> Money {
        money(self.peak - self.equity)
    }

    /// What may still be lost before either limit is passed; below zero when one is.
    pub fn room(&self, limit: &LossLimit) -> i128 {
        let day = i128::from(limit.day_max.0) - (self.day_start - self.equity);
        day.min(i128::from(limit.drawdown_max.0) - (self.peak - self.equity))
    }

    /// Since when a limit is latched.
    pub const fn latched(&self, kind: LossKind) -> Option<Time> {
        match kind {
            LossKind::Day => self.day_latch,
            LossKind::Drawdown => self.drawdown_latch,
        }
    }

    /// Opens a latch; what it limits counts anew from here.
    pub(crate) fn rearm(&mut self, kind: LossKind) {
        match kind {
            LossKind::Day => (self.day_latch, self.day_start) = (None, self.equity),
            LossKind::Drawdown => (self.drawdown_latch, self.peak) = (None, self.equity),
        }
        self.quiet_until = Time::MIN;
    }
}

/// The strategy's loss of the day must be within its limit and not latched.
#[inline]
pub fn strategy_day_loss(marks: &Marks, limit: &LossLimit) -> Verdict {
    let (loss, max) = (marks.day_loss(), limit.day_max);
    Verdict::when(marks.day_latch.is_none() && loss <= max, Refusal::StrategyDayLoss { loss, max })
}

/// The strategy's fall from its peak must be within its limit and not latched.
#[inline]
pub fn strategy_drawdown(marks: &Marks, limit: &LossLimit) -> Verdict {
    let (drawdown, max) = (marks.drawdown(), limit.drawdown_max);
    let passed = marks.drawdown_latch.is_none() && drawdown <= max;
    Verdict::when(passed, Refusal::StrategyDrawdown { drawdown, max })
}

/// The account's loss of the day must be within its limit and not latched.
#[inline]
pub fn account_day_loss(marks: &Marks, limit: &LossLimit) -> Verdict {
    let (loss, max) = (marks.day_loss(), limit.day_max);
    Verdict::when(marks.day_latch.is_none() && loss <= max, Refusal::AccountDayLoss { loss, max })
}

/// The account's fall from its peak must be within its limit and not latched.
#[inline]
pub fn account_drawdown(marks: &Marks, limit: &LossLimit) -> Verdict {
    let (drawdown, max) = (marks.drawdown(), limit.drawdown_max);
    let passed = marks.drawdown_latch.is_none() && drawdown <= max;
    Verdict::when(passed, Refusal::AccountDrawdown { drawdown, max })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: LossLimit = LossLimit { day_max: Money(100), drawdown_max: Money(150) };

    fn after(equities: &[(i64, i128)]) -> Marks {
        let mut marks = Marks::default();
        for (hour, equity) in equities {
            marks.observe(*equity, Time(hour * Span::HOUR.0), Span(22 * Span::HOUR.0), &LIMIT);
        }
        marks
    }

    #[test]
    fn a_loss_at_the_limit_passes_and_one_beyond_latches_for_days() {
        let at = after(&[(0, 0), (1, -100)]);
        assert!(strategy_day_loss(&at, &LIMIT).passed && account_day_loss(&at, &LIMIT).passed);
        let mut beyond = after(&[(0, 0), (1, -101), (2, 50), (30, 50), (300, 50)]);
        assert!(!strategy_day_loss(&beyond, &LIMIT).passed && !account_day_loss(&beyond, &LIMIT).passed);
        assert_eq!(beyond.day_loss(), Money(0), "a new day counts anew, latched or not");
        assert_eq!(beyond.latched(LossKind::Day), Some(Time(Span::HOUR.0)));
        beyond.rearm(LossKind::Day);
        assert!(strategy_day_loss(&beyond, &LIMIT).passed);
    }

    #[test]
    fn the_day_begins_where_the_profile_says() {
        let marks = after(&[(20, -60), (21, -60), (22, -110)]);
        assert_eq!(marks.day_loss(), Money(50), "counted from what stood at the end of the old day");
        assert!(strategy_day_loss(&marks, &LIMIT).passed);
    }

    #[test]
    fn a_drawdown_counts_from_the_peak_over_days() {
        let at = after(&[(0, 100), (24, 20), (48, -50)]);
        assert!(strategy_drawdown(&at, &LIMIT).passed && account_drawdown(&at, &LIMIT).passed);
        assert_eq!(at.room(&LIMIT), 0);
        let mut beyond = after(&[(0, 100), (24, 20), (48, -51), (49, 100)]);
        assert!(!strategy_drawdown(&beyond, &LIMIT).passed && !account_drawdown(&beyond, &LIMIT).passed);
        beyond.rearm(LossKind::Drawdown);
        assert!(strategy_drawdown(&beyond, &LIMIT).passed);
        assert_eq!(beyond.drawdown(), Money(0));
    }

    #[test]
    fn a_new_day_is_found_after_a_snapshot_too() {
        let mut marks = after(&[(0, 0), (1, -60)]);
        let mut bytes = Vec::new();
        marks.save(&mut bytes);
        let mut twin = Marks { quiet_until: Time::MAX, ..Marks::default() };
        twin.load(&mut Reader::new(&bytes)).unwrap();
        for marks in [&mut marks, &mut twin] {
            marks.observe(-70, Time(22 * Span::HOUR.0), Span(22 * Span::HOUR.0), &LIMIT);
            assert_eq!(marks.day_loss(), Money(10));
        }
    }

    proptest! {
        /// The twin looks at everything that was seen, and knows no quiet.
        #[test]
        fn marks_equal_their_twin(path in prop::collection::vec((0_i64..20, -90_i128..90, 0_u8..12), 1..150)) {
            let (mut marks, mut all, mut hour): (_, Vec<(i64, i128)>, _) = (Marks::default(), Vec::new(), 0);
            let (mut day_from, mut peak_from) = (None, None);
            let mut latches = [false; 2];
            for (hours, step, deed) in path {
                hour += hours;
                let equity = step + all.last().map_or(0, |seen: &(i64, i128)| seen.1 / 2);
                let passed = marks.observe(equity, Time(hour * Span::HOUR.0), Span(0), &LIMIT);
                let before = all.iter().rev().find(|seen| seen.0 < hour / 24).map_or(0, |seen| seen.1);
                all.push((hour / 24, equity));
                let start = day_from.filter(|from: &(i64, i128)| from.0 == hour / 24).map_or(before, |from| from.1);
                let highest = all[peak_from.unwrap_or(0)..].iter().map(|seen| seen.1).max().unwrap_or(0);
                let peak = if peak_from.is_none() { highest.max(0) } else { highest };
                prop_assert_eq!(marks.day_loss(), money(start - equity));
                prop_assert_eq!(marks.drawdown(), money(peak - equity));
                let now = [start - equity > 100 && !latches[0], peak - equity > 150 && !latches[1]];
                let expected = if now[0] { Some(LossKind::Day) } else { now[1].then_some(LossKind::Drawdown) };
                prop_assert_eq!(passed, expected);
                latches = [latches[0] | now[0], latches[1] | now[1]];
                prop_assert_eq!(latches[0], marks.latched(LossKind::Day).is_some());
                prop_assert_eq!(latches[1], marks.latched(LossKind::Drawdown).is_some());
                if deed == 0 {
                    marks.rearm(LossKind::Day);
                    (day_from, latches[0]) = (Some((hour / 24, equity)), false);
                }
                if deed == 1 {
                    marks.rearm(LossKind::Drawdown);
                    (peak_from, latches[1]) = (Some(all.len() - 1), false);
                }
            }
        }
    }
}
