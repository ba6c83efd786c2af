//! One direction of the connection: messages take their time and do not overtake each other.

use crate::chance::Chance;
use crate::spec::Latency;
use market::coded::{Coded, get_queue, put_all};
use market::{Reader, Span, State, Time, Torn, math};
use std::collections::VecDeque;

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) struct OnTheWay<T> {
    pub(crate) sent: Time,
    pub(crate) due: Time,
    pub(crate) message: T,
}

/// One direction of the connection.
#[derive(Debug, Clone)]
pub(crate) struct Line<T> {
    latency: Latency,
    chance: Chance,
    /// The next of the recorded latencies.
    cursor: usize,
    /// When the last message arrives: none sent later is earlier.
    last: Time,
    queue: VecDeque<OnTheWay<T>>,
}

impl<T> Line<T> {
    pub(crate) fn new(latency: Latency, chance: Chance, room: usize) -> Self {
        Self { latency, chance, cursor: 0, last: Time::MIN, queue: VecDeque::with_capacity(room) }
    }

    /// Sends a message.
    pub(crate) fn push(&mut self, now: Time, message: T) {
        let due = now.plus(self.draw()).max(self.last);
        self.last = due;
        self.queue.push_back(OnTheWay { sent: now, due, message });
    }

    /// How many messages are on their way.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// When the next message arrives; never when there is none.
    #[inline]
    pub(crate) fn due(&self) -> Time {
        self.queue.front().map_or(Time::MAX, |message| message.due)
    }

    /// The next message, if it has arrived.
    #[inline]
    pub(crate) fn pop(&mut self, now: Time) -> Option<OnTheWay<T>> {
        if self.queue.front()?.due <= now { self.queue.pop_front() } else { None }
    }

    fn draw(&mut self) -> Span {
        match &self.latency {
            Latency::Fixed(span) => *span,
            Latency::ShiftedExponential { min, mean, most } => {
                let beyond = (mean.0 - min.0) as f64 * self.chance.exponential();
                Span(min.0.saturating_add(beyond as i64).min(most.0))
            }
            Latency::LogNormal { median, sigma_thousandths, most } => {
                let sigma = f64::from(*sigma_thousandths) * 1e-3;
                let drawn = median.0 as f64 * math::exp(sigma * self.chance.normal());
                Span((drawn as i64).min(most.0))
            }
            Latency::Recorded(spans) => {
                let span = spans.get(self.cursor).copied().unwrap_or_default();
                self.cursor = (self.cursor + 1) % spans.len().max(1);
                span
            }
        }
    }
}

impl<T: Coded> Coded for OnTheWay<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.sent.put(out);
        self.due.put(out);
        self.message.put(out);
    }
    fn get(from: &mut Reader<'_>) -> Result<Self, Torn> {
        Ok(Self { sent: Time::get(from)?, due: Time::get(from)?, message: T::get(from)? })
    }
}

impl<T: Coded> State for Line<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.chance.save(out);
        self.cursor.save(out);
        self.last.save(out);
        put_all(self.queue.iter(), out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.chance.load(from)?;
        self.cursor.load(from)?;
        self.last.load(from)?;
        get_queue(&mut self.queue, from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(latency: Latency, count: usize) -> Vec<i64> {
        let mut line: Line<()> = Line::new(latency, Chance::new(1, 0), count);
        (0..count).map(|_| line.draw().as_millis()).collect()
    }

    #[test]
    fn latencies_are_as_described() {
        let ms = Span::from_millis;
        assert_eq!(spans(Latency::Fixed(ms(5)), 3), [5, 5, 5]);
        assert_eq!(spans(Latency::Recorded(vec![ms(1), ms(2)]), 5), [1, 2, 1, 2, 1]);
        let drawn = spans(Latency::ShiftedExponential { min: ms(50), mean: ms(150), most: ms(1_000) }, 20_000);
        assert!(drawn.iter().all(|span| (50..=1_000).contains(span)));
        let mean = drawn.iter().sum::<i64>() as f64 / 20_000.0;
        assert!((mean - 150.0).abs() < 3.0, "{mean}");
        let mut drawn = spans(Latency::LogNormal { median: ms(100), sigma_thousandths: 500, most: ms(900) }, 20_001);
        drawn.sort_unstable();
        assert!((drawn[10_000] - 100).abs() < 3 && drawn[20_000] <= 900, "{}", drawn[10_000]);
    }

    #[test]
    fn nothing_overtakes() {
        let recorded = Latency::Recorded(vec![Span(10), Span(1)]);
        let mut line = Line::new(recorded, Chance::new(1, 0), 4);
        line.push(Time(0), 'a');
        line.push(Time(1), 'b');
        assert!(line.pop(Time(9)).is_none());
        assert_eq!(line.pop(Time(10)).map(|m| m.message), Some('a'));
        assert_eq!(line.pop(Time(10)).map(|m| m.message), Some('b'));
        assert_eq!(line.due(), Time::MAX);
    }
}
