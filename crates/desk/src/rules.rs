//! Strategies that decide by a rule: the cross of two averages, the sizes at the best quotes, a coin.
//!
//! They claim no probability. They exist to measure the machine (`Cross`), to prove that it finds what is there
//! (`Imbalance` on a planted edge) and to be what skill is compared with (`Random`).

use market::{Reader, Side, Span, State, Tick, Time, Torn};

use crate::spec::Decide;

/// The running state of one rule on one symbol.
#[derive(Debug, Clone)]
pub(crate) enum Rule {
    /// The ensemble decides; there is no rule.
    None,
    Cross(Cross),
    Imbalance(Imbalance),
    Random(Coin),
}

/// Two exponential averages of the mid, per tick.
#[derive(Debug, Clone)]
pub(crate) struct Cross {
    fast_share: f64,
    slow_share: f64,
    started: bool,
    fast: f64,
    slow: f64,
    /// The side of the fast average: above is a buy.
    side: Option<Side>,
}

market::state!(Cross { started, fast, slow, side });

#[derive(Debug, Clone)]
pub(crate) struct Imbalance {
    threshold: f64,
    side: Option<Side>,
}

market::state!(Imbalance { side });

/// A coin that is thrown at instants drawn from the seed.
#[derive(Debug, Clone)]
pub(crate) struct Coin {
    every: Span,
    state: u64,
    next: Option<Time>,
}

market::state!(Coin { state, next });

impl Rule {
    pub(crate) fn new(decide: &Decide, place: u64) -> Self {
        match decide {
            Decide::Ensemble { .. } => Self::None,
            Decide::Cross { fast, slow } => Self::Cross(Cross {
                fast_share: 2.0 / (f64::from(*fast) + 1.0),
                slow_share: 2.0 / (f64::from(*slow) + 1.0),
                started: false,
                fast: 0.0,
                slow: 0.0,
                side: None,
            }),
            Decide::Imbalance { threshold } => Self::Imbalance(Imbalance { threshold: *threshold, side: None }),
            Decide::Random { seed, every } => {
                let state = seed.wrapping_add(place.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                Self::Random(Coin { every: *every, state, next: None })
            }
        }
    }

    /// The side that the rule wants to enter now, if any.
    pub(crate) fn on_tick(&mut self, tick: &Tick) -> Option<Side> {
        match self {
            Self::None => None,
            Self::Cross(cross) => cross.on_tick(tick),
            Self::Imbalance(imbalance) => imbalance.on_tick(tick),
            Self::Random(coin) => coin.on_tick(tick),
        }
    }
}

impl Cross {
    /// The new side, at a cross only.
    fn on_tick(&mut self, tick: &Tick) -> Option<Side> {
        let mid = tick.mid();
        if !self.started {
            (self.started, self.fast, self.slow) = (true, mid, mid);
            return None;
        }
        self.fast += self.fast_share * (mid - self.fast);
        self.slow += self.slow_share * (mid - self.slow);
        let side = if self.fast > self.slow {
            Side::Buy
        } else if self.fast < self.slow {
            Side::Sell
        } else {
            return None;
        };
        let before = self.side.replace(side);
        (before != Some(side)).then_some(side)
    }
}

impl Imbalance {
    fn on_tick(&mut self, tick: &Tick) -> Option<Side> {
        let (bid, ask) = (tick.bid_lots.as_f64(), tick.ask_lots.as_f64());
        let imbalance = if bid + ask > 0.0 { (bid - ask) / (bid + ask) } else { 0.0 };
        let side = if imbalance >= self.threshold {
            Some(Side::Buy)
        } else if imbalance <= -self.threshold {
            Some(Side::Sell)
        } else {
            None
        };
        let before = std::mem::replace(&mut self.side, side);
        side.filter(|side| before != Some(*side))
    }
}

impl Coin {
    fn on_tick(&mut self, tick: &Tick) -> Option<Side> {
        let Some(next) = self.next else {
            self.next = Some(self.after(tick.time));
            return None;
        };
        if tick.time < next {
            return None;
        }
        self.next = Some(self.after(tick.time));
        Some(if self.draw() & 1 == 0 { Side::Buy } else { Side::Sell })
    }

    /// A uniform wait of 0 to twice the mean: memory of the past is not needed, only that it is drawn from the seed.
    fn after(&mut self, now: Time) -> Time {
        let share = (self.draw() >> 11) as f64 / 9_007_199_254_740_992.0;
        now.plus(Span((share * 2.0 * self.every.0 as f64) as i64))
    }

    /// `SplitMix64` (Steele, Lea and Flood 2014): a counter and a mixer, so the state is one number.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl State for Rule {
    fn save(&self, out: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Cross(cross) => cross.save(out),
            Self::Imbalance(imbalance) => imbalance.save(out),
            Self::Random(coin) => coin.save(out),
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        match self {
            Self::None => Ok(()),
            Self::Cross(cross) => cross.load(from),
            Self::Imbalance(imbalance) => imbalance.load(from),
            Self::Random(coin) => coin.load(from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Lots, Price, SymbolId};

    fn tick(second: i64, bid: i64, sizes: (i64, i64)) -> Tick {
        Tick {
            symbol: SymbolId(0),
            time: Time(second * 1_000_000_000),
            seen: Time(second * 1_000_000_000),
            bid: Price(bid),
            ask: Price(bid + 2),
            bid_lots: Lots(sizes.0),
            ask_lots: Lots(sizes.1),
        }
    }

    fn wants(rule: &mut Rule, ticks: impl Iterator<Item = Tick>) -> String {
        let word = |side: Option<Side>| match side {
            None => '.',
            Some(Side::Buy) => 'B',
            Some(Side::Sell) => 'S',
        };
        ticks.map(|tick| word(rule.on_tick(&tick))).collect()
    }

    #[test]
    fn a_cross_is_wanted_once() {
        let mut rule = Rule::new(&Decide::Cross { fast: 2, slow: 5 }, 0);
        let bids = [100, 100, 110, 120, 120, 90, 80, 80, 130];
        let ticks = bids.iter().enumerate().map(|(i, bid)| tick(i as i64, *bid, (0, 0)));
        assert_eq!(wants(&mut rule, ticks), "..B..S..B");
    }

    #[test]
    fn an_imbalance_is_wanted_when_it_appears() {
        let mut rule = Rule::new(&Decide::Imbalance { threshold: 0.5 }, 0);
        let sizes = [(5, 5), (9, 1), (9, 1), (5, 5), (9, 1), (1, 9), (0, 0)];
        let ticks = sizes.iter().enumerate().map(|(i, sizes)| tick(i as i64, 100, *sizes));
        assert_eq!(wants(&mut rule, ticks), ".B..BS.");
    }

    #[test]
    fn a_coin_is_fair_and_on_time_and_survives_a_snapshot() {
        let decide = Decide::Random { seed: 7, every: Span::from_secs(10) };
        let mut rule = Rule::new(&decide, 1);
        let ticks = |from: i64, to: i64| (from..to).map(|s| tick(s, 100, (0, 0)));
        let first = wants(&mut rule, ticks(0, 20_000));
        let buys = first.matches('B').count();
        let all = buys + first.matches('S').count();
        assert!((1_700..2_100).contains(&all), "{all}");
        assert!((buys * 2).abs_diff(all) < 200, "{buys} of {all}");
        let mut bytes = Vec::new();
        rule.save(&mut bytes);
        let mut twin = Rule::new(&decide, 1);
        twin.load(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(wants(&mut rule, ticks(20_000, 21_000)), wants(&mut twin, ticks(20_000, 21_000)));
    }
}
