//! What each logistic agent looks at: directional features, seen from the buyer's side.
//!
//! Every input changes its sign when the market is mirrored, so one model serves both sides: the seller's inputs are
//! the buyer's, negated. That halves the number of weights to learn from the same labels and keeps a drifting sample
//! from teaching a preference for one side. A feature that the feed cannot give (sizes, trades, a leader) counts as
//! zero; a feature that merely has not warmed up makes the agent wait.

use features::{Feature, Frame};

use crate::vote::Abstain;

/// How many inputs an agent may have.
pub(crate) const WIDTH: usize = 8;

/// The inputs of one agent; unused places are zero.
pub(crate) type Inputs = [f64; WIDTH];

/// Order flow imbalance on three scales, tick rule, imbalance and micro-price, trades.
///
/// # Errors
/// [`Abstain::WarmUp`] until the order flow is ready.
pub(crate) fn flow(frame: &Frame) -> Result<Inputs, Abstain> {
    Ok([
        need(frame, Feature::OfiShareS1)?,
        need(frame, Feature::OfiShareS5)?,
        need(frame, Feature::OfiShareS30)?,
        need(frame, Feature::TickImbalanceS5)?,
        frame.value(Feature::Imbalance),
        frame.value(Feature::MicroPriceEstimate),
        frame.value(Feature::TradeShareS5),
        frame.value(Feature::TradeShareS30),
    ])
}

/// The Hawkes log ratio, alone and times the surge of activity.
///
/// # Errors
/// [`Abstain::WarmUp`] until ready; [`Abstain::NoOpinion`] while activity is less than `surge_min` (log ratio of the
/// 5 s rate over the 60 s rate): there is no burst to speak about.
pub(crate) fn burst(frame: &Frame, surge_min: f64) -> Result<Inputs, Abstain> {
    let ratio = need(frame, Feature::HawkesLogRatio)?;
    let surge = need(frame, Feature::IntensitySurge)?;
    if surge < surge_min {
        return Err(Abstain::NoOpinion);
    }
    Ok([ratio, ratio * surge, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
}

/// Distances to moving means on five time frames, and the leader's head start.
///
/// # Errors
/// [`Abstain::WarmUp`] until the four shorter time frames are ready.
pub(crate) fn momentum(frame: &Frame) -> Result<Inputs, Abstain> {
    Ok([
        need(frame, Feature::MomentumS1)?,
        need(frame, Feature::MomentumS5)?,
        need(frame, Feature::MomentumS30)?,
        need(frame, Feature::MomentumS60)?,
        frame.value(Feature::MomentumS300),
        frame.value(Feature::LeaderReturnS1),
        frame.value(Feature::LeaderReturnS5),
        frame.value(Feature::LeaderReturnS30),
    ])
}

/// Scores and places in the range, and how far scores are stretched beyond one standard deviation.
///
/// # Errors
/// [`Abstain::WarmUp`] until the minute's score and range are ready.
pub(crate) fn reversion(frame: &Frame) -> Result<Inputs, Abstain> {
    let minute = need(frame, Feature::ZScoreS60)?;
    let five = frame.value(Feature::ZScoreS300);
    Ok([
        minute,
        five,
        stretch(minute),
        stretch(five),
        2.0 * need(frame, Feature::RangeS60)? - 1.0,
        frame.get(Feature::RangeS300).map_or(0.0, |place| 2.0 * place - 1.0),
        0.0,
        0.0,
    ])
}

/// What is beyond one, with its sign.
fn stretch(z: f64) -> f64 {
    z - z.clamp(-1.0, 1.0)
}

fn need(frame: &Frame, feature: Feature) -> Result<f64, Abstain> {
    frame.get(feature).ok_or(Abstain::WarmUp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Time;
    use proptest::prelude::*;

    /// The market seen in a mirror: up is down.
    fn mirrored(frame: &Frame) -> Frame {
        let mut mirror = *frame;
        for feature in Feature::ALL {
            let Some(value) = frame.get(*feature) else { continue };
            let value = match feature {
                Feature::RangeS60 | Feature::RangeS300 => 1.0 - value,
                Feature::IntensitySurge => value,
                _ => -value,
            };
            mirror = mirror.with(*feature, value);
        }
        mirror
    }

    proptest! {
        #[test]
        fn the_mirror_negates_every_input(values in prop::collection::vec(-1.0..1.0_f64, Feature::ALL.len())) {
            let mut frame = Frame::empty(Time(0));
            for (feature, value) in Feature::ALL.iter().zip(values) {
                frame = frame.with(*feature, if *feature == Feature::RangeS60 { value.abs() } else { value });
            }
            let mirror = mirrored(&frame);
            let agents = |frame: &Frame| [flow(frame), burst(frame, -9.0), momentum(frame), reversion(frame)];
            for (seen, mirrored) in agents(&frame).into_iter().zip(agents(&mirror)) {
                for (x, y) in seen.unwrap().into_iter().zip(mirrored.unwrap()) {
                    prop_assert!((x + y).abs() < 1e-12, "{x} {y}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_warm_waits_and_what_the_feed_lacks_counts_as_zero() {
        let frame = Frame::empty(Time(0));
        assert_eq!(flow(&frame), Err(Abstain::WarmUp));
        let frame = frame
            .with(Feature::OfiShareS1, 0.5)
            .with(Feature::OfiShareS5, 0.2)
            .with(Feature::OfiShareS30, 0.1)
            .with(Feature::TickImbalanceS5, -0.1);
        assert_eq!(flow(&frame), Ok([0.5, 0.2, 0.1, -0.1, 0.0, 0.0, 0.0, 0.0]));
        let frame = frame.with(Feature::HawkesLogRatio, 2.0).with(Feature::IntensitySurge, 0.4);
        assert_eq!(burst(&frame, 0.5), Err(Abstain::NoOpinion));
        assert_eq!(burst(&frame, 0.3).map(|inputs| inputs[1]), Ok(0.8));
    }
}
