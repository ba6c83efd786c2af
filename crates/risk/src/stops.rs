//! Volatility stops: how far a stop and a target are from the entry price.

use crate::price::nearest_stop;
use crate::refusal::{Input, Refusal};
use market::{Instrument, Points};

/// How stops and targets follow the volatility. A factor of zero leaves its part out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StopSpec {
    /// Multiples of the standard deviation of the mid over the horizon.
    pub sigma_multiple: f64,
    /// Multiples of the average true range.
    pub range_multiple: f64,
    /// Multiples of the spread.
    pub spread_multiple: f64,
    /// Where the target is.
    pub target: TargetSpec,
}

/// Where a target is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TargetSpec {
    /// There is none.
    Absent,
    /// At this multiple of the stop's distance.
    Ratio(f64),
    /// At this distance.
    Fixed(Points),
}

/// The volatility that a stop follows, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Volatility {
    /// The standard deviation of the mid over the horizon.
    pub sigma: f64,
    /// The average true range.
    pub range: f64,
    /// The spread now.
    pub spread: Points,
}

/// A stop and a target, as distances from the entry price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stops {
    /// The stop's.
    pub stop: Points,
    /// The target's.
    pub target: Option<Points>,
}

/// The stop is at the furthest of the multiples of sigma, range and spread, and of what the broker allows (stop level,
/// spread and one point), rounded up to the price grid.
///
/// # Errors
/// [`Refusal::Malformed`] when a number that is needed is not one, negative or too large.
pub fn stops(spec: &StopSpec, volatility: &Volatility, instrument: &Instrument) -> Result<Stops, Refusal> {
    let spread = volatility.spread.0.max(0);
    let parts = [
        (spec.sigma_multiple, volatility.sigma),
        (spec.range_multiple, volatility.range),
        (spec.spread_multiple, spread as f64),
    ];
    let mut stop = nearest_stop(instrument.stop_level, Points(spread));
    for (multiple, amount) in parts {
        stop = stop.max(product(multiple, amount, Input::Volatility)?);
    }
    let stop = on_grid(stop, instrument.tick_size).ok_or(Refusal::Malformed { input: Input::Stop, value: stop.0 })?;
    let target = match spec.target {
        TargetSpec::Absent => None,
        TargetSpec::Ratio(ratio) => Some(product(ratio, stop.as_f64(), Input::Target)?),
        TargetSpec::Fixed(distance) => Some(distance),
    };
    let target = match target {
        None => None,
        Some(distance) if distance.0 > 0 => on_grid(distance, instrument.tick_size),
        Some(distance) => return Err(Refusal::Malformed { input: Input::Target, value: distance.0 }),
    };
    Ok(Stops { stop, target })
}

fn product(multiple: f64, amount: f64, input: Input) -> Result<Points, Refusal> {
    if multiple == 0.0 {
        return Ok(Points(0));
    }
    let usable = multiple > 0.0 && amount >= 0.0;
    let distance = if usable { Points::ceiled(multiple * amount) } else { None };
    distance.ok_or(Refusal::Malformed { input, value: 0 })
}

/// The smallest multiple of the tick size that is not below a positive distance.
pub(crate) fn on_grid(distance: Points, tick_size: Points) -> Option<Points> {
    let step = tick_size.0.max(1);
    let rest = distance.0.rem_euclid(step);
    if rest == 0 { Some(distance) } else { distance.0.checked_add(step - rest).map(Points) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::eurusd;

    const SPEC: StopSpec =
        StopSpec { sigma_multiple: 2.0, range_multiple: 1.5, spread_multiple: 3.0, target: TargetSpec::Ratio(0.5) };

    fn check(spec: &StopSpec, sigma: f64, range: f64, spread: i64, expected: Option<(i64, i64)>) {
        let instrument = Instrument { stop_level: Points(20), tick_size: Points(5), ..eurusd() };
        let got = stops(spec, &Volatility { sigma, range, spread: Points(spread) }, &instrument).ok();
        let got = got.map(|stops| (stops.stop.0, stops.target.map_or(0, |target| target.0)));
        assert_eq!(got, expected, "{sigma} {range} {spread}");
    }

    #[test]
    fn the_furthest_part_decides() {
        check(&SPEC, 30.1, 10.0, 4, Some((65, 35)));
        check(&SPEC, 10.0, 30.0, 4, Some((45, 25)));
        check(&SPEC, 1.0, 1.0, 20, Some((60, 30)));
        check(&SPEC, 1.0, 1.0, 4, Some((25, 15)));
        check(&SPEC, 0.0, 0.0, 0, Some((25, 15)));
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            check(&SPEC, bad, 1.0, 1, None);
            check(&SPEC, 1.0, bad, 1, None);
            check(&StopSpec { sigma_multiple: bad, ..SPEC }, 1.0, 1.0, 1, None);
            check(&StopSpec { target: TargetSpec::Ratio(bad), ..SPEC }, 1.0, 1.0, 1, None);
        }
        check(&StopSpec { target: TargetSpec::Fixed(Points(0)), ..SPEC }, 1.0, 1.0, 1, None);
        check(&StopSpec { range_multiple: 0.0, ..SPEC }, 30.0, f64::NAN, 1, Some((60, 30)));
        check(&StopSpec { target: TargetSpec::Fixed(Points(11)), ..SPEC }, 30.0, 1.0, 1, Some((60, 15)));
        check(&StopSpec { target: TargetSpec::Absent, ..SPEC }, 30.0, 1.0, 1, Some((60, 0)));
    }
}
