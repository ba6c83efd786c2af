//! Ticks whose truth is known: without drift, or with an edge planted under a signal that can be seen.
//!
//! The mid is a walk of equal steps, so a barrier that lies on a step is touched exactly and never jumped, and the
//! probability of touching the upper one first has a closed form: `D/(U+D)` without drift, `(1 - r^D)/(1 - r^(U+D))` with `r = (1-q)/q` where `q`
//! is the probability of a step up (the gambler's ruin; signals.md 2.1 in the limit, with theta = -ln r).

use config::Config;
use desk::Desk;
use market::{Lots, Points, Price, SymbolId, Tick, Time, math};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use venue::paper::Paper;

use crate::backtest::{RunError, close_all};
use crate::collect::Collector;
use crate::record::Record;
use crate::session::Session;

/// What is planted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Plant {
    /// Nothing: every step is a fair coin.
    Nothing,
    /// Episodes of drift, announced by the sizes at the best quotes, each followed by a quiet stretch.
    Edge {
        /// Drift over variance per step: `r = e^-theta` for steps with the signal.
        theta: f64,
        /// An episode ends when the mid has moved this far from its start, in points.
        reach: i64,
        /// Ticks of fair coin between episodes.
        quiet: u32,
    },
}

/// How the ticks are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Walk {
    /// The seed.
    pub seed: u64,
    /// Which symbol.
    pub symbol: SymbolId,
    /// How many ticks.
    pub ticks: u64,
    /// The time of the first.
    pub start: Time,
    /// Nanoseconds between ticks.
    pub every: i64,
    /// The first mid, in points; the walk never goes below a tenth of it.
    pub mid: i64,
    /// How far the mid moves at each tick.
    pub step: Points,
    /// The spread, in points.
    pub spread: Points,
    /// What is planted.
    pub plant: Plant,
}

/// The ticks of a [`Walk`].
#[derive(Debug, Clone)]
pub struct Ticks {
    walk: Walk,
    random: ChaCha8Rng,
    made: u64,
    bid: i64,
    episode: Episode,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Episode {
    Quiet { left: u32 },
    Drift { sign: i64, start: i64 },
}

/// The volume at both sides without a signal, and at the heavy and light side with one.
const FAIR: i64 = 500;
const HEAVY: i64 = 900;
const LIGHT: i64 = 100;

impl Walk {
    /// The ticks, from the first.
    pub fn ticks(self) -> Ticks {
        let quiet = match self.plant {
            Plant::Nothing => 0,
            Plant::Edge { quiet, .. } => quiet,
        };
        Ticks {
            walk: self,
            random: ChaCha8Rng::seed_from_u64(self.seed),
            made: 0,
            bid: self.mid - self.spread.0 / 2,
            episode: Episode::Quiet { left: quiet },
        }
    }
}

impl Ticks {
    /// One step, and the sign of the signal that the tick after it shows.
    fn step(&mut self) -> i64 {
        let step = self.walk.step.0;
        let Plant::Edge { theta, reach, quiet } = self.walk.plant else {
            self.bid += if self.random.random::<bool>() { step } else { -step };
            return 0;
        };
        match self.episode {
            Episode::Quiet { left: 0 } => {
                let sign = if self.random.random::<bool>() { 1 } else { -1 };
                self.episode = Episode::Drift { sign, start: self.bid };
                sign
            }
            Episode::Quiet { left } => {
                self.episode = Episode::Quiet { left: left - 1 };
                self.bid += if self.random.random::<bool>() { step } else { -step };
                0
            }
            Episode::Drift { sign, start } => {
                let with = self.random.random::<f64>() < math::sigmoid(theta);
                self.bid += if with { sign * step } else { -sign * step };
                if (self.bid - start).abs() >= reach {
                    self.episode = Episode::Quiet { left: quiet };
                    return 0;
                }
                sign
            }
        }
    }
}

impl Iterator for Ticks {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        if self.made >= self.walk.ticks {
            return None;
        }
        let sign = if self.made == 0 { 0 } else { self.step() };
        self.bid = self.bid.max(self.walk.mid / 10);
        let time = Time(self.walk.start.0 + self.made as i64 * self.walk.every);
        self.made += 1;
        let (bid_lots, ask_lots) = match sign {
            0 => (FAIR, FAIR),
            1 => (HEAVY, LIGHT),
            _ => (LIGHT, HEAVY),
        };
        Some(Tick {
            symbol: self.walk.symbol,
            time,
            seen: time,
            bid: Price(self.bid),
            ask: Price(self.bid + self.walk.spread.0),
            bid_lots: Lots(bid_lots),
            ask_lots: Lots(ask_lots),
        })
    }
}

/// A finished run over ticks that come from no file.
pub struct Ran<R> {
    /// The desk at the end.
    pub desk: Desk,
    /// The venue at the end.
    pub venue: Paper,
    /// The record, still open.
    pub record: R,
    /// What was gathered.
    pub collected: Collector,
    /// Positions that were open at the end, and could not be closed.
    pub left_open: usize,
}

/// Runs a configuration over ticks, as [`crate::backtest::run`] runs it over files.
///
/// # Errors
/// [`RunError`].
pub fn run<R: Record>(config: &Config, ticks: impl Iterator<Item = Tick>, record: R) -> Result<Ran<R>, RunError> {
    let desk = Desk::new(&config.desk).map_err(RunError::Desk)?;
    let venue = Paper::new(config.venue.clone()).map_err(RunError::Venue)?;
    let names = config.desk.strategies.iter().map(|strategy| strategy.name.clone()).collect();
    let mut session = Session::new(desk, venue, record, Collector::new(names));
    for (nth, tick) in ticks.enumerate() {
        if nth == 0 {
            session.start(tick.seen)?;
        }
        session.tick(&tick)?;
    }
    close_all(&mut session)?;
    let left_open = session.watch.finish(&session.desk);
    let Session { desk, venue, record, watch: collected, .. } = session;
    Ok(Ran { desk, venue, record, collected, left_open })
}

/// The probability that a walk touches `up` steps above before `down` steps below.
pub fn hit_probability(up: i64, down: i64, theta: f64) -> f64 {
    if theta.abs() < 1e-12 {
        return down as f64 / (up + down) as f64;
    }
    math::exp_m1(-theta * down as f64) / math::exp_m1(-theta * (up + down) as f64)
}

/// The drift under which that probability is `p`, by bisection.
pub fn theta_for(p: f64, up: i64, down: i64) -> f64 {
    let (mut low, mut high) = (-1.0, 1.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if hit_probability(up, down, middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(plant: Plant, ticks: u64) -> Walk {
        Walk {
            seed: 3,
            symbol: SymbolId(0),
            ticks,
            start: Time(0),
            every: 1_000_000_000,
            mid: 130_000,
            step: Points(1),
            spread: Points(3),
            plant,
        }
    }

    #[test]
    fn the_closed_form_is_the_gamblers_ruin() {
        assert!((hit_probability(2, 2, 0.2) - 0.598_687_660_112_452).abs() < 1e-12);
        assert!((hit_probability(23, 57, 0.0) - 57.0 / 80.0).abs() < 1e-12);
        let theta = theta_for(0.85, 23, 57);
        assert!((hit_probability(23, 57, theta) - 0.85).abs() < 1e-9 && theta > 0.0);
    }

    #[test]
    fn the_signal_says_where_the_drift_goes() {
        let plant = Plant::Edge { theta: 0.2, reach: 100, quiet: 50 };
        let ticks: Vec<_> = walk(plant, 20_000).ticks().collect();
        let (mut with, mut against) = (0, 0);
        for pair in ticks.windows(2).filter(|pair| pair[0].bid_lots != pair[0].ask_lots) {
            let sign = (pair[0].bid_lots.0 - pair[0].ask_lots.0).signum();
            let step = pair[1].bid.0 - pair[0].bid.0;
            if step * sign > 0 { with += 1 } else { against += 1 }
        }
        let share = f64::from(with) / f64::from(with + against);
        assert!((share - math::sigmoid(0.2)).abs() < 0.02, "{share}");
    }

    #[test]
    fn the_same_seed_makes_the_same_ticks() {
        let make = || walk(Plant::Nothing, 100).ticks().collect::<Vec<_>>();
        assert_eq!(make(), make());
    }
}
