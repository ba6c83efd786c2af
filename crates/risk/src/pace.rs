//! Controls on how fast: the message rate, repeated executions and duplicates.

use crate::limits::{DuplicateGuard, MessageRate, RepeatThrottle};
use crate::refusal::{Refusal, Verdict};
use market::{Lots, Price, Span, Time};

/// An exact token bucket. A message costs `per` nanoseconds; each nanosecond earns `messages` of them.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: MessageRate,
    /// What is in the bucket, in nanoseconds times messages. Below zero after messages that could not wait.
    credit: i128,
    last: Time,
    started: bool,
}

market::state!(TokenBucket { credit, last, started });

impl TokenBucket {
    /// A full bucket.
    pub fn new(rate: MessageRate) -> Self {
        let credit = i128::from(rate.burst) * i128::from(rate.per.0);
        Self { rate, credit, last: Time(0), started: false }
    }

    fn credit_at(&self, now: Time) -> i128 {
        let full = i128::from(self.rate.burst) * i128::from(self.rate.per.0);
        let elapsed = if self.started { (i128::from(now.0) - i128::from(self.last.0)).max(0) } else { 0 };
        full.min(self.credit + elapsed * i128::from(self.rate.messages))
    }

    /// How long until one message may leave while `kept` others stay in the bucket; zero when it may leave now.
    pub fn wait(&self, now: Time, kept: u32) -> Span {
        let needed = (i128::from(kept) + 1) * i128::from(self.rate.per.0);
        let missing = needed - self.credit_at(now);
        if missing <= 0 {
            return Span(0);
        }
        let rate = i128::from(self.rate.messages.max(1));
        Span(i64::try_from((missing + rate - 1) / rate).unwrap_or(i64::MAX))
    }

    /// Takes one message out, whether it is there or not.
    pub fn take(&mut self, now: Time) {
        self.credit = self.credit_at(now) - i128::from(self.rate.per.0);
        self.last = if self.started { self.last.max(now) } else { now };
        self.started = true;
    }

    /// The rate.
    pub const fn rate(&self) -> &MessageRate {
        &self.rate
    }
}

/// The account's bucket must hold a message beyond those kept.
#[inline]
pub fn message_rate(bucket: &TokenBucket, now: Time, kept: u32) -> Verdict {
    let wait = bucket.wait(now, kept);
    Verdict::when(wait.0 == 0, Refusal::MessageRate { wait, per: bucket.rate.per })
}

/// The strategy's bucket must hold a message.
#[inline]
pub fn strategy_message_rate(bucket: &TokenBucket, now: Time) -> Verdict {
    let wait = bucket.wait(now, 0);
    Verdict::when(wait.0 == 0, Refusal::StrategyMessageRate { wait, per: bucket.rate.per })
}

/// An entry that was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// When.
    pub time: Time,
    /// How much.
    pub lots: Lots,
    /// At which price: the limit, or the quote at which a market order was decided.
    pub price: Price,
}

market::state!(Sent { time, lots, price });

/// The last entries of one strategy on one symbol and side: as many as the repeat throttle allows.
#[derive(Debug, Clone)]
pub struct Recent {
    sent: Vec<Sent>,
    next: usize,
    room: usize,
}

market::state!(Recent { sent, next });

impl Recent {
    /// Room for `room` entries.
    pub fn new(room: u32) -> Self {
        Self { sent: Vec::with_capacity(room as usize), next: 0, room: room as usize }
    }

    /// Remembers an entry in place of the oldest one.
    pub fn remember(&mut self, sent: Sent) {
        if self.sent.len() < self.room {
            self.sent.push(sent);
        } else if let Some(oldest) = self.sent.get_mut(self.next) {
            *oldest = sent;
        }
        self.next = if self.next + 1 < self.room { self.next + 1 } else { 0 };
    }

    /// Forgets everything, after somebody re-armed the throttle.
    pub fn forget(&mut self) {
        self.sent.clear();
        self.next = 0;
    }

    fn within(&self, now: Time, window: Span) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| now.since(sent.time) < window)
    }
}

/// One more execution must not exceed the throttle's count within its window. Entries leave it when exactly as old.
#[inline]
pub fn repeated_execution(recent: &Recent, now: Time, limit: &RepeatThrottle) -> Verdict {
    let executions = recent.within(now, limit.window).count() as u32 + 1;
    let max = limit.executions_max;
    Verdict::when(executions <= max, Refusal::RepeatedExecution { executions, max })
}

/// The same volume at the same price must not have been sent within the window.
#[inline]
pub fn duplicate(recent: &Recent, order: Sent, limit: &DuplicateGuard) -> Verdict {
    let same = |sent: &&Sent| (sent.lots, sent.price) == (order.lots, order.price);
    let age = recent.within(order.time, limit.window).filter(same).map(|sent| order.time.since(sent.time)).min();
    let measure = Refusal::Duplicate { age: age.unwrap_or(Span(i64::MAX)), window: limit.window };
    Verdict::when(age.is_none(), measure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let rate = MessageRate { messages: 2, per: Span(10), burst: 3 };
        let mut bucket = TokenBucket::new(rate);
        for _ in 0..3 {
            assert_eq!(bucket.wait(Time(100), 0), Span(0));
            bucket.take(Time(100));
        }
        assert_eq!(bucket.wait(Time(100), 0), Span(5));
        assert!(!message_rate(&bucket, Time(104), 0).passed && message_rate(&bucket, Time(105), 0).passed);
        assert!(!message_rate(&bucket, Time(109), 1).passed && message_rate(&bucket, Time(110), 1).passed);
        assert!(!strategy_message_rate(&bucket, Time(104)).passed && strategy_message_rate(&bucket, Time(105)).passed);
        bucket.take(Time(100));
        assert_eq!(bucket.wait(Time(100), 0), Span(10), "a message that could not wait leaves a debt");
        assert_eq!(bucket.wait(Time(i64::MAX), 2), Span(0));
        assert_eq!(bucket.wait(Time(i64::MAX), 3), Span(5), "no more than the burst, ever");
    }

    proptest! {
        /// The twin lives through every nanosecond.
        #[test]
        fn the_bucket_equals_its_twin(
            (messages, per, burst, kept) in (1_u32..7, 1_i64..20, 1_u32..5, 0_u32..3),
            gaps in prop::collection::vec(0_i64..30, 1..120),
        ) {
            let mut bucket = TokenBucket::new(MessageRate { messages, per: Span(per), burst });
            let (full, mut credit) = (i64::from(burst) * per, i64::from(burst) * per);
            let (mut now, mut given, mut first) = (1_000_i64, Vec::new(), true);
            for gap in gaps {
                for _ in 0..gap {
                    credit = if first { credit } else { full.min(credit + i64::from(messages)) };
                }
                now += gap;
                let may = credit >= per * (i64::from(kept) + 1);
                prop_assert_eq!(bucket.wait(Time(now), kept) == Span(0), may);
                let wait = bucket.wait(Time(now), kept);
                prop_assert!(kept + 1 > burst || bucket.wait(Time(now).plus(wait), kept) == Span(0));
                prop_assert!(wait.0 == 0 || bucket.wait(Time(now + wait.0 - 1), kept) > Span(0));
                if may {
                    bucket.take(Time(now));
                    credit -= per;
                    given.push(now);
                    first = false;
                }
            }
            // In no window of any length does more leave than burst + rate x length.
            for (i, from) in given.iter().enumerate() {
                for (j, until) in given.iter().enumerate().skip(i) {
                    let count = (j - i + 1) as i64;
                    prop_assert!(count * per <= full + (until - from) * i64::from(messages));
                }
            }
        }

        #[test]
        fn recent_entries_equal_their_twin(
            orders in prop::collection::vec((0_i64..20, 1_i64..3, 1_i64..3), 1..100),
            max in 1_u32..6,
        ) {
            let (throttle, guard) = (RepeatThrottle { executions_max: max, window: Span(50) }, DuplicateGuard { window: Span(30) });
            let (mut recent, mut all, mut now): (_, Vec<Sent>, _) = (Recent::new(max), Vec::new(), 0);
            for (gap, lots, price) in orders {
                now += gap;
                let order = Sent { time: Time(now), lots: Lots(lots), price: Price(price) };
                let repeats = all.iter().filter(|sent| now - sent.time.0 < 50).count() as u32 + 1;
                let verdict = repeated_execution(&recent, Time(now), &throttle);
                prop_assert_eq!(verdict.measure, Refusal::RepeatedExecution { executions: repeats, max });
                prop_assert_eq!(verdict.passed, repeats <= max);
                let twin = all.iter().any(|sent| {
                    now - sent.time.0 < 30 && (sent.lots, sent.price) == (order.lots, order.price)
                });
                let fresh = duplicate(&recent, order, &guard).passed;
                prop_assert_eq!(fresh, !twin);
                if fresh && verdict.passed {
                    recent.remember(order);
                    all.push(order);
                }
            }
        }
    }

    #[test]
    fn boundaries() {
        let guard = DuplicateGuard { window: Span(10) };
        let mut recent = Recent::new(2);
        let order = |time| Sent { time: Time(time), lots: Lots(1), price: Price(7) };
        recent.remember(order(0));
        assert!(!duplicate(&recent, order(9), &guard).passed && duplicate(&recent, order(10), &guard).passed);
        assert!(duplicate(&recent, Sent { lots: Lots(2), ..order(0) }, &guard).passed);
        recent.remember(order(10));
        let throttle = RepeatThrottle { executions_max: 2, window: Span(20) };
        assert!(!repeated_execution(&recent, Time(19), &throttle).passed);
        assert!(repeated_execution(&recent, Time(20), &throttle).passed);
        recent.forget();
        assert!(repeated_execution(&recent, Time(19), &throttle).passed);
    }
}
