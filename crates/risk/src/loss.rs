//! Controls on what is lost: the day's loss and the fall from the peak, each latched.

use crate::limits::LossLimit;
use crate::refusal::{Refusal, Verdict};
use market::{Money, Span, Time};

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
}

market::state!(Marks { started, day, equity, day_start, peak, day_latch, drawdown_latch });

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
    /// from the equity that stood before. Latches what is passed and answers what was passed just now.
    pub fn observe(&mut self, equity: i128, now: Time, day_start: Span, limit: &LossLimit) -> Option<LossKind> {
        let into_day = now.0.saturating_sub(day_start.0).saturating_sub(self.day.saturating_mul(Span::DAY.0));
        if !self.started || into_day >= Span::DAY.0 {
            let day = now.minus(day_start).day();
            if self.started {
                self.day_start = self.equity;
            }
            (self.started, self.day) = (true, day);
        }
        self.equity = equity;
        self.peak = self.peak.max(equity);
        let day_passed = self.day_latch.is_none() && self.day_start - equity > i128::from(limit.day_max.0);
        let drawdown_passed = self.drawdown_latch.is_none() && self.peak - equity > i128::from(limit.drawdown_max.0);
        if day_passed {
            self.day_latch = Some(now);
        }
        if drawdown_passed {
            self.drawdown_latch = Some(now);
        }
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

    proptest! {
        #[test]
        fn marks_equal_their_twin(path in prop::collection::vec((0_i64..20, -90_i128..90), 1..100)) {
            let (mut marks, mut all, mut hour): (_, Vec<(i64, i128)>, _) = (Marks::default(), Vec::new(), 0);
            for (hours, equity) in path {
                hour += hours;
                marks.observe(equity, Time(hour * Span::HOUR.0), Span(0), &LIMIT);
                all.push((hour / 24, equity));
                let before = all.iter().rev().find(|seen| seen.0 < hour / 24).map_or(0, |seen| seen.1);
                let peak = all.iter().map(|seen| seen.1).max().unwrap_or(0).max(0);
                prop_assert_eq!(marks.day_loss(), money(before - equity));
                prop_assert_eq!(marks.drawdown(), money(peak - equity));
            }
        }
    }
}
