//! What is said in the news: scores of items, each worth half as much after its half-life (agent A7 of signals.md 6.1).
//!
//! ```text
//! raw = weight * sum score * confidence * 2^(-age / half-life)     of buying; of selling the same, negated
//! ```
//!
//! What that is worth is left to the calibration, as with every agent. Nothing is allocated.

use market::{Span, Time, math};

use crate::vote::Abstain;

/// How many items are remembered.
const ITEMS: usize = 16;

/// After so many half-lives an item is forgotten.
const HALF_LIVES_MAX: f64 = 40.0;

/// What an item of news is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewsSpec {
    /// Log-odds beyond the null's of a fresh item with score and confidence one.
    pub weight: f64,
    /// With less than this, in size, of the sum of score times confidence left there is no opinion.
    pub floor: f64,
}

/// The sentiment of an item about the symbol: positive means up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sentiment {
    /// From -1 to 1.
    pub score: f64,
    /// From 0 to 1.
    pub confidence: f64,
    /// After this long it is worth half: above zero.
    pub half_life: Span,
}

market::state!(Sentiment { score, confidence, half_life });

/// A remembered item.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Item {
    published: Time,
    sentiment: Sentiment,
}

market::state!(Item { published, sentiment });

impl Item {
    fn worth(&self, now: Time) -> f64 {
        let Sentiment { score, confidence, half_life } = self.sentiment;
        if half_life.0 <= 0 {
            return 0.0;
        }
        let lives = now.since(self.published).0.max(0) as f64 / half_life.0 as f64;
        if lives >= HALF_LIVES_MAX { 0.0 } else { score * confidence * math::exp(-lives * std::f64::consts::LN_2) }
    }
}

/// The items that are still worth something.
#[derive(Debug, Clone)]
pub(crate) struct News {
    spec: NewsSpec,
    items: [Item; ITEMS],
}

market::state!(News { items });

impl News {
    pub(crate) fn new(spec: NewsSpec) -> Self {
        Self { spec, items: [Item::default(); ITEMS] }
    }

    /// Takes an item; when there is no room, in the place of that which is worth least.
    pub(crate) fn hear(&mut self, sentiment: Sentiment, published: Time, now: Time) {
        let mut least = (0, f64::INFINITY);
        for (place, item) in self.items.iter().enumerate() {
            let worth = item.worth(now).abs();
            if worth < least.1 {
                least = (place, worth);
            }
        }
        self.items[least.0] = Item { published, sentiment };
    }

    /// Log-odds beyond the null's, for buying and selling.
    ///
    /// # Errors
    /// [`Abstain::NoOpinion`] when what is left is below the floor.
    pub(crate) fn raw(&self, now: Time) -> Result<[f64; 2], Abstain> {
        let sum: f64 = self.items.iter().map(|item| item.worth(now)).sum();
        if sum == 0.0 || sum.abs() < self.spec.floor {
            return Err(Abstain::NoOpinion);
        }
        let raw = self.spec.weight * sum;
        Ok([raw, -raw])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SPEC: NewsSpec = NewsSpec { weight: 0.5, floor: 0.05 };

    fn said(score: f64, confidence: f64, minutes: i64) -> Sentiment {
        Sentiment { score, confidence, half_life: Span::from_secs(60 * minutes) }
    }

    fn at(minute: i64) -> Time {
        Time(minute * 60_000_000_000)
    }

    #[test]
    fn an_item_fades_by_half_and_then_says_nothing() {
        let mut news = News::new(SPEC);
        assert_eq!(news.raw(at(0)), Err(Abstain::NoOpinion));
        news.hear(said(0.8, 0.5, 10), at(0), at(0));
        let buy = |news: &News, minute| news.raw(at(minute)).map(|raw| (raw[0] * 1e6).round() / 1e6);
        assert_eq!(buy(&news, 0), Ok(0.2));
        assert_eq!(buy(&news, 10), Ok(0.1));
        assert_eq!(buy(&news, 30), Ok(0.025));
        assert_eq!(buy(&news, 31), Err(Abstain::NoOpinion), "0.4/2^3.1 is below the floor");
        assert_eq!(buy(&news, 100_000), Err(Abstain::NoOpinion));
        // An item from before it was heard is as old as it says; opposite ones cancel.
        news.hear(said(-0.8, 0.5, 10), at(0), at(5));
        assert_eq!(buy(&news, 5), Err(Abstain::NoOpinion));
    }

    proptest! {
        #[test]
        fn sides_are_mirrored_and_the_sum_is_that_of_the_newest_and_strongest(
            items in prop::collection::vec((-1.0_f64..1.0, 0.0_f64..1.0, 1_i64..30), 0..40),
        ) {
            let (mut news, mut twin) = (News::new(SPEC), News::new(SPEC));
            let mut all: Vec<(f64, f64)> = Vec::new();
            for (minute, (score, confidence, half_life)) in items.iter().enumerate() {
                let now = at(minute as i64);
                news.hear(said(*score, *confidence, *half_life), now, now);
                twin.hear(said(-*score, *confidence, *half_life), now, now);
                all.push((minute as f64, *half_life as f64));
                match (news.raw(now), twin.raw(now)) {
                    (Ok(raw), Ok(mirrored)) => {
                        prop_assert_eq!(raw[0], -raw[1]);
                        prop_assert!((raw[0] - mirrored[1]).abs() < 1e-12);
                    }
                    (one, other) => prop_assert_eq!(one, other),
                }
                if all.len() <= ITEMS {
                    let worth = |(item, (start, life)): (&(f64, f64, i64), &(f64, f64))| {
                        item.0 * item.1 * ((start - minute as f64) / life).exp2()
                    };
                    let sum: f64 = items.iter().zip(&all).map(worth).sum();
                    let said = news.raw(now).map_or(0.0, |raw| raw[0] / SPEC.weight);
                    prop_assert!((said - sum).abs() < 1e-9 || sum.abs() < SPEC.floor + 1e-9);
                }
            }
        }
    }
}
