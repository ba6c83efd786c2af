//! Hawkes processes: each event raises the rate of the next ones, for a while.
//!
//! Intensity `lambda_t = mu + alpha R_t` with `R_i = exp(-beta dt) (1 + R_{i-1})` (Hawkes 1971; the O(n) likelihood is
//! Ozaki 1979). Oracle: signals.md 7 #4. Rates are per second. Time that goes back counts as no time.

use crate::guard::within;
use market::math::{exp, ln};
use market::{Span, Time};

/// Bounds of the rates of a spec, per second.
const SLOWEST: f64 = 1e-9;
const FASTEST: f64 = 1e9;

/// The rates of a [`Hawkes`] (1e-9 to 1e9; `excitation` from 0). It does not explode while `excitation < decay`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HawkesSpec {
    /// `mu`: events per second without any excitement.
    pub base: f64,
    /// `alpha`: what one event adds to the intensity, per second.
    pub excitation: f64,
    /// `beta`: how fast that fades, per second.
    pub decay: f64,
}

/// A decaying count of events: the `R` of the recursion, with the event itself.
#[derive(Debug, Clone)]
struct Echo {
    level: f64,
    time: Time,
}

market::state!(Echo { level, time });

impl Echo {
    const fn new(start: Time) -> Self {
        Self { level: 0.0, time: start }
    }

    fn at(&self, time: Time, decay: f64) -> f64 {
        self.level * exp(-decay * time.since(self.time).max(Span(0)).as_secs())
    }

    fn strike(&mut self, time: Time, decay: f64) {
        self.level = self.at(time, decay) + 1.0;
        self.time = self.time.max(time);
    }
}

/// A self-exciting stream of events, with its log-likelihood.
#[derive(Debug, Clone)]
pub struct Hawkes {
    spec: HawkesSpec,
    start: Time,
    echo: Echo,
    events: u64,
    sum_of_logs: f64,
}

market::state!(Hawkes { start, echo, events, sum_of_logs });

impl Hawkes {
    /// A process observed from `start` on, without events so far.
    pub fn new(spec: &HawkesSpec, start: Time) -> Self {
        let spec = HawkesSpec {
            base: within(spec.base, SLOWEST, FASTEST),
            excitation: within(spec.excitation, 0.0, FASTEST),
            decay: within(spec.decay, SLOWEST, FASTEST),
        };
        Self { spec, start, echo: Echo::new(start), events: 0, sum_of_logs: 0.0 }
    }

    /// Takes an event and answers with the intensity just before it, per second.
    pub fn on_event(&mut self, time: Time) -> f64 {
        let intensity = self.intensity(time);
        self.sum_of_logs += ln(intensity);
        self.echo.strike(time, self.spec.decay);
        self.events = self.events.saturating_add(1);
        intensity
    }

    /// Expected events per second at `time`, given the events so far.
    pub fn intensity(&self, time: Time) -> f64 {
        self.spec.base + self.spec.excitation * self.echo.at(time, self.spec.decay)
    }

    /// Log-likelihood of the events from the start to `end`, which must not lie before the last of them.
    pub fn log_likelihood(&self, end: Time) -> f64 {
        let echoed = self.events as f64 - self.echo.at(end, self.spec.decay);
        self.sum_of_logs
            - self.spec.base * end.since(self.start).as_secs()
            - self.spec.excitation / self.spec.decay * echoed
    }
}

/// The rates of a [`HawkesPair`] (1e-9 to 1e9; excitations from 0). It does not explode while
/// `self_excitation + cross_excitation < decay`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HawkesPairSpec {
    /// Up events per second without any excitement.
    pub base_up: f64,
    /// Down events per second without any excitement.
    pub base_down: f64,
    /// What an event adds to the intensity of its own direction, per second.
    pub self_excitation: f64,
    /// What an event adds to the intensity of the other direction, per second.
    pub cross_excitation: f64,
    /// How fast both fade, per second.
    pub decay: f64,
}

/// Up and down events that excite themselves and each other.
#[derive(Debug, Clone)]
pub struct HawkesPair {
    spec: HawkesPairSpec,
    up: Echo,
    down: Echo,
}

market::state!(HawkesPair { up, down });

impl HawkesPair {
    /// A pair without events so far.
    pub fn new(spec: &HawkesPairSpec) -> Self {
        let spec = HawkesPairSpec {
            base_up: within(spec.base_up, SLOWEST, FASTEST),
            base_down: within(spec.base_down, SLOWEST, FASTEST),
            self_excitation: within(spec.self_excitation, 0.0, FASTEST),
            cross_excitation: within(spec.cross_excitation, 0.0, FASTEST),
            decay: within(spec.decay, SLOWEST, FASTEST),
        };
        Self { spec, up: Echo::new(Time::MIN), down: Echo::new(Time::MIN) }
    }

    /// Takes an up event.
    pub fn on_up(&mut self, time: Time) {
        self.up.strike(time, self.spec.decay);
    }

    /// Takes a down event.
    pub fn on_down(&mut self, time: Time) {
        self.down.strike(time, self.spec.decay);
    }

    /// Expected up and down events per second at `time`.
    pub fn intensities(&self, time: Time) -> (f64, f64) {
        let HawkesPairSpec { base_up, base_down, self_excitation, cross_excitation, decay } = self.spec;
        let (up, down) = (self.up.at(time, decay), self.down.at(time, decay));
        (
            base_up + self_excitation * up + cross_excitation * down,
            base_down + self_excitation * down + cross_excitation * up,
        )
    }

    /// The logarithm of the up intensity over the down intensity at `time`: the log-odds that the next event is up.
    pub fn log_ratio(&self, time: Time) -> f64 {
        let (up, down) = self.intensities(time);
        ln(up / down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_restore, close};
    use proptest::prelude::*;

    const SPEC: HawkesSpec = HawkesSpec { base: 0.8, excitation: 0.5, decay: 1.5 };
    const PAIR: HawkesPairSpec =
        HawkesPairSpec { base_up: 0.8, base_down: 0.6, self_excitation: 0.5, cross_excitation: 0.2, decay: 1.5 };

    #[test]
    fn oracle_4() {
        let mut hawkes = Hawkes::new(&SPEC, Time(0));
        let expected = [0.8, 1.170_409, 1.211_152, 1.074_434, 1.466_561];
        for (millis, expected) in [500, 700, 1_200, 2_000, 2_100].into_iter().zip(expected) {
            close(hawkes.on_event(Time::from_millis(millis)), expected, 5e-7);
        }
        close(hawkes.log_likelihood(Time::from_millis(3_000)), -3.284_557_463_187_436, 1e-9);
    }

    #[test]
    fn the_pair_agrees_with_the_sums_it_stands_for() {
        let events = [(100, true), (150, false), (400, true), (420, true), (900, false)];
        let mut pair = HawkesPair::new(&PAIR);
        for (millis, up) in events {
            let time = Time::from_millis(millis);
            if up { pair.on_up(time) } else { pair.on_down(time) }
        }
        let echo = |own: bool| -> f64 {
            events.iter().filter(|e| e.1 == own).map(|e| exp(-1.5 * (1_000 - e.0) as f64 / 1e3)).sum()
        };
        let (up, down) = pair.intensities(Time::from_millis(1_000));
        close(up, 0.8 + 0.5 * echo(true) + 0.2 * echo(false), 1e-12);
        close(down, 0.6 + 0.5 * echo(false) + 0.2 * echo(true), 1e-12);
        close(market::math::sigmoid(pair.log_ratio(Time::from_millis(1_000))), up / (up + down), 1e-12);
    }

    #[test]
    fn they_are_restored() {
        let time = |i: usize| Time(i as i64 * 137_000_001);
        check_restore(|| Hawkes::new(&SPEC, Time(0)), |m, i| m.on_event(time(i)));
        check_restore(|| HawkesPair::new(&PAIR), |m, i| if i % 3 == 0 { m.on_up(time(i)) } else { m.on_down(time(i)) });
    }

    proptest! {
        #[test]
        fn nothing_breaks_them(times in prop::collection::vec((any::<i64>(), any::<bool>()), 1..60)) {
            let (mut one, mut pair) = (Hawkes::new(&SPEC, Time(0)), HawkesPair::new(&PAIR));
            for (time, up) in times {
                let time = Time(time);
                prop_assert!(one.on_event(time) >= 0.8);
                if up { pair.on_up(time) } else { pair.on_down(time) }
                prop_assert!(one.intensity(time).is_finite() && one.log_likelihood(time).is_finite());
                prop_assert!(pair.log_ratio(time).is_finite());
            }
        }
    }
}
