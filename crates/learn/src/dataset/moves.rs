//! Where the mid went: from the moment of the entry to the horizon, whatever the spread.
//!
//! Barrier labels ask whether a trade is worth its costs; most of what a model knows about them is how far prices move.
//! The move of the mid asks which way, and nothing else. Both ends are the quote that stood then.

use std::collections::VecDeque;

use market::{Span, Time};

/// A row whose move is not known yet.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    row: u64,
    from: Time,
    until: Time,
    /// Bid plus ask at `from`.
    start: Option<i64>,
}

/// The rows that wait for their moves, oldest first.
#[derive(Debug)]
pub(crate) struct Moves {
    latency: Span,
    horizon: Span,
    silence: Span,
    /// The quote that stands: its time and bid plus ask.
    standing: Option<(Time, i64)>,
    waiting: VecDeque<Waiting>,
}

impl Moves {
    pub(crate) fn new(latency: Span, horizon: Span, silence: Span) -> Self {
        Self { latency, horizon, silence, standing: None, waiting: VecDeque::new() }
    }

    /// Waits for the move of a row of this time; rows come in the order of their times.
    pub(crate) fn add(&mut self, row: u64, time: Time) {
        let from = time.plus(self.latency);
        self.waiting.push_back(Waiting { row, from, until: from.plus(self.horizon), start: None });
    }

    /// The first row that still waits.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.waiting.front().map(|waiting| waiting.row)
    }

    /// Takes the next quote. Rows whose move is known now are told with it, in points; a silence makes it unknown.
    pub(crate) fn on_quote(&mut self, time: Time, mids: i64, mut known: impl FnMut(u64, Option<f64>)) {
        let before = self.standing.replace((time, mids));
        let Some((then, stood)) = before else { return };
        if time.since(then) > self.silence {
            self.waiting.drain(..).for_each(|waiting| known(waiting.row, None));
            return;
        }
        let begun = self.waiting.partition_point(|waiting| waiting.start.is_some());
        for waiting in self.waiting.range_mut(begun..).take_while(|waiting| waiting.from < time) {
            waiting.start = Some(stood);
        }
        while let Some(waiting) = self.waiting.front().copied().filter(|waiting| waiting.until < time) {
            self.waiting.pop_front();
            known(waiting.row, waiting.start.map(|start| stood.saturating_sub(start) as f64 / 2.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_is_between_the_quotes_that_stood() {
        let at = Time::from_millis;
        let quotes = [(0, 100), (90, 102), (100, 104), (101, 110), (600, 120), (1_100, 130), (1_101, 140), (1_300, 90)];
        let mut moves = Moves::new(Span::from_millis(100), Span::from_secs(1), Span::from_secs(2));
        let mut told = Vec::new();
        for (nth, (ms, mids)) in quotes.into_iter().enumerate() {
            moves.on_quote(at(ms), mids, |row, moved| told.push((row, moved)));
            if [0, 3, 7].contains(&nth) {
                moves.add(nth as u64, at(ms));
            }
        }
        assert_eq!(told, [(0, Some(13.0)), (3, Some(15.0))], "104 to 130, and 110 to 140, halved");
        assert_eq!(moves.oldest(), Some(7));
        moves.on_quote(at(9_000), 91, |row, moved| told.push((row, moved)));
        assert_eq!((told.last(), moves.oldest()), (Some(&(7, None)), None), "a silence hides it");
    }
}
