//! Controls on prices: the quote, the spread, the collars and the distance of stops.

use crate::limits::{PriceCollar, PriceMove, SpreadGuard, StaleGuard};
use crate::refusal::{Input, Refusal, Verdict};
use market::{Points, Price, Span, StrategyId, SymbolId, Time};

/// Bid and ask must be positive prices.
#[inline]
pub fn usable_quote(bid: Price, ask: Price) -> Verdict {
    Verdict::when(0 < bid.0 && 0 < ask.0, Refusal::Malformed { input: Input::Quote, value: bid.0.min(ask.0) })
}

/// The bid must not be above the ask.
#[inline]
pub fn crossed_quote(bid: Price, ask: Price) -> Verdict {
    Verdict::when(bid <= ask, Refusal::CrossedQuote { bid, ask })
}

/// The quote must not be older than allowed, nor from the future.
#[inline]
pub fn stale_quote(quoted: Time, now: Time, limit: &StaleGuard) -> Verdict {
    let age = now.since(quoted);
    Verdict::when(0 <= age.0 && age <= limit.age_max, Refusal::StaleQuote { age, age_max: limit.age_max })
}

/// The spread must not be wider than its absolute limit.
#[inline]
pub fn wide_spread(spread: Points, limit: &SpreadGuard) -> Verdict {
    Verdict::when(spread <= limit.max, Refusal::WideSpread { spread, max: limit.max })
}

/// The spread must not be wider than the allowed multiple of the usual one; an unknown usual spread is refused.
///
/// # Errors
/// [`Refusal::Malformed`] when the usual spread is not a number, or negative.
#[inline]
pub fn unusual_spread(spread: Points, usual: f64, limit: &SpreadGuard) -> Result<Verdict, Refusal> {
    let unusable = Refusal::Malformed { input: Input::SpreadUsual, value: 0 };
    if !(usual.is_finite() && usual >= 0.0) {
        return Err(unusable);
    }
    // Truncation is the floor here: the product is not negative.
    let allowed = usual * limit.multiple_max;
    let max = if allowed < 9e15 { Points(allowed as i64) } else { return Err(unusable) };
    Ok(Verdict::when(spread <= max, Refusal::UnusualSpread { spread, max }))
}

/// A reference price must be known.
///
/// # Errors
/// [`Refusal::NoReference`] when it is not, [`Refusal::Malformed`] when it is not positive.
#[inline]
pub fn reference(reference: Option<Price>, symbol: SymbolId, strategy: StrategyId) -> Result<Price, Refusal> {
    match reference {
        Some(price) if price.0 > 0 => Ok(price),
        Some(price) => Err(Refusal::Malformed { input: Input::Reference, value: price.0 }),
        None => Err(Refusal::NoReference { symbol, strategy }),
    }
}

/// The worst price of the order (its price, and the deviation that a market order accepts) must be near the reference.
#[inline]
pub fn price_collar(price: Price, deviation: Points, reference: Price, limit: &PriceCollar) -> Verdict {
    let distance = Points(price.above(reference).abs().0.saturating_add(deviation.0));
    Verdict::when(distance <= limit.distance_max, Refusal::PriceCollar { distance, max: limit.distance_max })
}

/// The mid must not have ranged further than allowed within the window.
#[inline]
pub fn price_move(moved_half_points: i64, limit: &PriceMove) -> Verdict {
    let moved = Points(moved_half_points / 2 + moved_half_points % 2);
    let passed = moved_half_points <= limit.move_max.0.saturating_mul(2);
    Verdict::when(passed, Refusal::PriceMove { moved, max: limit.move_max })
}

/// The nearest stop of an entry, from its price: the stop level counts from the price at which the position closes, which
/// is the spread away, and one point more.
pub const fn nearest_stop(stop_level: Points, spread: Points) -> Points {
    Points(stop_level.0.saturating_add(spread.0).saturating_add(1))
}

/// The stop must be at least so far away, and on its side.
#[inline]
pub fn stop_too_near(distance: Points, least: Points) -> Verdict {
    Verdict::when(distance >= least, Refusal::StopTooNear { distance, least })
}

/// The target must be outside the broker's stop level and on its side; `distance` counts from the closing price.
#[inline]
pub fn target_too_near(distance: Points, stop_level: Points) -> Verdict {
    let least = Points(stop_level.0.max(1));
    Verdict::when(distance >= least, Refusal::TargetTooNear { distance, least })
}

/// Nothing may be changed while the closing price is within the freeze level of a stop or target; zero means none.
#[inline]
pub fn frozen(distance: Points, freeze_level: Points) -> Verdict {
    let free = freeze_level.0 <= 0 || distance > freeze_level;
    Verdict::when(free, Refusal::Frozen { distance, freeze_level })
}

/// How many slots of time a window is cut into.
const SLOTS: usize = 32;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    number: i64,
    low: i64,
    high: i64,
}

market::state!(Slot { number, low, high });

/// The lowest and highest level of the last window, with a granularity of a 32nd of it: between 1 and 33/32 windows are
/// remembered. O(1) per observation, O(32) per question.
#[derive(Debug, Clone)]
pub struct PriceWindow {
    width: i64,
    started: bool,
    newest: i64,
    /// Where the newest slot is.
    place: usize,
    slots: [Slot; SLOTS + 1],
}

market::state!(PriceWindow { started, newest, place, slots });

impl PriceWindow {
    /// An empty window of a length.
    pub fn new(window: Span) -> Self {
        let width = (window.0 / SLOTS as i64).max(1);
        Self { width, started: false, newest: 0, place: 0, slots: [Slot::default(); SLOTS + 1] }
    }

    /// Remembers a level, which must be positive. Time that goes back counts as the newest.
    #[inline]
    pub fn observe(&mut self, now: Time, level: i64) {
        if level <= 0 {
            return;
        }
        let ahead = now.0.saturating_sub(self.newest.saturating_mul(self.width));
        if self.started
            && ahead < self.width
            && let Some(slot) = self.slots.get_mut(self.place)
        {
            // The usual case, without a division: still within the newest slot, or before it.
            slot.low = slot.low.min(level);
            slot.high = slot.high.max(level);
            return;
        }
        self.begin(now, level);
    }

    /// Remembers a level in another slot.
    #[inline(never)]
    fn begin(&mut self, now: Time, level: i64) {
        let number = now.0.div_euclid(self.width);
        self.place = number.rem_euclid(SLOTS as i64 + 1) as usize;
        let slot = &mut self.slots[self.place];
        if slot.number == number && slot.low > 0 {
            slot.low = slot.low.min(level);
            slot.high = slot.high.max(level);
        } else {
            *slot = Slot { number, low: level, high: level };
        }
        self.newest = number;
        self.started = true;
    }

    /// From the lowest to the highest level of the window that ends now, `level` included; `None` when nothing was
    /// observed within it. Levels are positive.
    pub fn range(&self, now: Time, level: i64) -> Option<i64> {
        let number = now.0.div_euclid(self.width).max(self.newest);
        let oldest = number.saturating_sub(SLOTS as i64);
        let remembered = |slot: &&Slot| slot.low > 0 && slot.number >= oldest;
        let mut seen = false;
        let (mut low, mut high) = (level, level);
        for slot in self.slots.iter().filter(remembered) {
            seen = true;
            low = low.min(slot.low);
            high = high.max(slot.high);
        }
        (self.started && seen).then(|| high.saturating_sub(low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn boundaries() {
        assert!(usable_quote(Price(1), Price(1)).passed && !usable_quote(Price(0), Price(1)).passed);
        assert!(!usable_quote(Price(1), Price(-1)).passed);
        assert!(crossed_quote(Price(5), Price(5)).passed && !crossed_quote(Price(6), Price(5)).passed);
        let stale = StaleGuard { age_max: Span(10) };
        let age = |quoted| stale_quote(Time(quoted), Time(100), &stale).passed;
        assert!(age(90) && !age(89) && age(100) && !age(101));
        let spread = SpreadGuard { max: Points(20), multiple_max: 1.5 };
        assert!(wide_spread(Points(20), &spread).passed && !wide_spread(Points(21), &spread).passed);
        let unusual = |points, usual| unusual_spread(Points(points), usual, &spread).map(|verdict| verdict.passed);
        assert_eq!((unusual(15, 10.0), unusual(16, 10.0), unusual(0, 0.0)), (Ok(true), Ok(false), Ok(true)));
        for usual in [f64::NAN, f64::INFINITY, -1.0, f64::MAX] {
            assert!(unusual(15, usual).is_err(), "{usual}");
        }
        let collar = PriceCollar { distance_max: Points(30) };
        let distance = |price, deviation| price_collar(Price(price), Points(deviation), Price(1_000), &collar).passed;
        assert!(distance(1_030, 0) && !distance(1_031, 0) && distance(970, 0) && !distance(969, 0));
        assert!(distance(1_020, 10) && !distance(1_020, 11) && !distance(i64::MIN, i64::MAX));
        let moved = PriceMove { window: Span(320), move_max: Points(30) };
        assert!(price_move(60, &moved).passed && !price_move(61, &moved).passed);
        let least = nearest_stop(Points(20), Points(10));
        assert!(stop_too_near(Points(31), least).passed && !stop_too_near(Points(30), least).passed);
        assert!(target_too_near(Points(20), Points(20)).passed && !target_too_near(Points(19), Points(20)).passed);
        assert!(target_too_near(Points(1), Points(0)).passed && !target_too_near(Points(0), Points(0)).passed);
        assert!(frozen(Points(6), Points(5)).passed && !frozen(Points(5), Points(5)).passed);
        assert!(frozen(Points(0), Points(0)).passed);
        let known = |price| reference(price, SymbolId(0), StrategyId(0)).is_ok();
        assert!(known(Some(Price(1))) && !known(Some(Price(0))) && !known(None));
    }

    #[test]
    fn a_window_forgets() {
        let mut window = PriceWindow::new(Span(3_200));
        assert_eq!(window.range(Time(0), 10), None);
        window.observe(Time(0), 10);
        window.observe(Time(50), 30);
        assert_eq!(window.range(Time(3_200), 20), Some(20));
        assert_eq!(window.range(Time(3_299), 20), Some(20));
        assert_eq!(window.range(Time(3_300), 20), None);
    }

    proptest! {
        /// The twin keeps everything and looks at each slot number.
        #[test]
        fn the_window_equals_its_twin(steps in prop::collection::vec((-50_i64..400, 1_i64..1_000), 1..200)) {
            let mut window = PriceWindow::new(Span(3_200));
            let mut all: Vec<(i64, i64)> = Vec::new();
            let mut now = 0_i64;
            for (step, level) in steps {
                now += step;
                let newest = all.last().map_or(i64::MIN, |seen| seen.0);
                let number = now.div_euclid(100).max(newest);
                let recent: Vec<i64> = all.iter().filter(|seen| number - seen.0 <= 32).map(|seen| seen.1).collect();
                let twin = recent.iter().min().zip(recent.iter().max());
                let twin = twin.map(|(low, high)| level.max(*high) - level.min(*low));
                prop_assert_eq!(window.range(Time(now), level), twin);
                window.observe(Time(now), level);
                all.push((number, level));
            }
        }
    }
}
