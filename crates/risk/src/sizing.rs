//! The sizing chain: from a bet to a volume, every step written down.

use crate::caps::trade_risk_max;
use crate::kelly::{DrawdownFactor, kelly, shrinkage};
use crate::proposal::{Bet, Rate};
use crate::refusal::{Input, Refusal};
use crate::review::{Sizing, Step};
use market::{Instrument, Lots, Money, Points, Price};

/// What the chain must know besides the bet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) rate: Rate,
    pub(crate) price: Price,
    pub(crate) stop: Points,
    pub(crate) equity: Money,
    pub(crate) risk_max_ppm: u32,
    pub(crate) volume_max: Lots,
    pub(crate) value_max: Money,
    pub(crate) currency_room: i128,
    pub(crate) loss_room: i128,
}

/// A float in millionths, for the figures of a refusal; zero when it is not a number.
fn ppm(value: f64) -> i64 {
    (value * 1e6) as i64
}

fn within(value: f64, from: f64, until: f64, input: Input) -> Result<f64, Refusal> {
    // Not a number is never within.
    if from <= value && value <= until { Ok(value) } else { Err(Refusal::Malformed { input, value: ppm(value) }) }
}

/// The fraction of equity that the bet may risk, before any cap.
pub(crate) fn fraction(bet: &Bet, drawdown: &DrawdownFactor, sizing: &mut Sizing) -> Result<f64, Refusal> {
    let tiny = f64::MIN_POSITIVE;
    let p = within(bet.p, tiny, 1.0 - f64::EPSILON, Input::Probability)?;
    let p_se = within(bet.p_se, 0.0, 1.0, Input::ProbabilityError)?;
    let win = within(bet.win, 1e-9, 1e12, Input::Win)?;
    let loss = within(bet.loss, 1e-9, 1e12, Input::Loss)?;
    let confidence = within(bet.confidence, 0.0, 1.0, Input::Factor)?;
    let meta = within(bet.meta, 0.0, 1.0, Input::Factor)?;
    let regime_gate = within(bet.regime_gate, 0.0, 1.0, Input::Factor)?;
    let b = win / loss;
    let full = sizing.note(Step::Kelly, kelly(p, win, loss));
    if full <= 0.0 {
        return Err(Refusal::NoEdge { p_ppm: ppm(p), break_even_ppm: ppm(1.0 / (1.0 + b)) });
    }
    let shrunk = sizing.note(Step::EstimationError, full * shrinkage(p, p_se, b));
    let constrained = sizing.note(Step::Drawdown, shrunk * drawdown.of(p, b));
    let confident = sizing.note(Step::Confidence, constrained * confidence);
    let agreed = sizing.note(Step::Meta, confident * meta);
    Ok(sizing.note(Step::Regime, agreed * regime_gate))
}

/// The volume of a Kelly stake: what the fraction may lose at the stop, cut down to every cap, floored to the lot step.
/// May be zero.
pub(crate) fn volume(fraction: f64, loss: f64, bounds: &Bounds<'_>, sizing: &mut Sizing) -> Result<Lots, Refusal> {
    let cap = trade_risk_max(bounds.equity, bounds.risk_max_ppm);
    // A float cast saturates and truncates; the integer cap holds whatever the float was.
    let budget = Money((fraction * bounds.equity.0 as f64) as i64).min(cap);
    sizing.note(Step::TradeRisk, budget.as_f64());
    // Costs make the loss larger than the stop's distance; whichever is larger is what a lost bet costs.
    let net = Points::ceiled(loss).ok_or(Refusal::Malformed { input: Input::Loss, value: ppm(loss) })?;
    let distance = bounds.stop.max(net);
    let risk = |lots: Lots| bounds.rate.convert(bounds.instrument.value(distance, lots)?);
    let value = |lots: Lots| bounds.rate.convert(bounds.instrument.notional(bounds.price, lots)?);

    let mut lots = most(bounds.instrument.lot_max, i128::from(budget.0), risk);
    sizing.note(Step::Volume, lots.as_f64());
    lots = most(lots.at_most(bounds.volume_max), i128::from(bounds.value_max.0), value);
    sizing.note(Step::OrderCap, lots.as_f64());
    lots = most(lots, bounds.currency_room, value);
    sizing.note(Step::CurrencyCap, lots.as_f64());
    lots = most(lots, bounds.loss_room, risk);
    sizing.note(Step::LossCap, lots.as_f64());
    Ok(floored(lots, bounds.instrument, sizing))
}

/// A volume floored to the instrument's lot step.
pub(crate) fn floored(lots: Lots, instrument: &Instrument, sizing: &mut Sizing) -> Lots {
    let lots = lots.floored(instrument.lot_step);
    sizing.note(Step::LotStep, lots.as_f64());
    lots
}

/// The largest volume, at most `ceiling`, whose amount is within `room`; `amount` is proportional to the volume but for its
/// rounding, and `None` on overflow. Never a volume whose amount was not looked at.
fn most(ceiling: Lots, room: i128, amount: impl Fn(Lots) -> Option<Money>) -> Lots {
    let mut lots = ceiling;
    let mut found = amount(lots);
    while found.is_none() && lots.0 > 0 {
        lots = Lots(lots.0 / 2);
        found = amount(lots);
    }
    let Some(found) = found.map(|found| i128::from(found.0)) else { return Lots::ZERO };
    if found <= room {
        return Lots(lots.0.max(0));
    }
    if room <= 0 || found <= 0 || lots.0 <= 0 {
        return Lots::ZERO;
    }
    let mut lots = Lots((i128::from(lots.0) * room / found) as i64);
    for _ in 0..4 {
        match amount(lots) {
            Some(found) if i128::from(found.0) <= room => return lots,
            Some(_) | None => lots = Lots((lots.0 - 1).max(0)),
        }
    }
    Lots::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::DrawdownRule;
    use crate::tests::eurusd;
    use proptest::prelude::*;

    const RULE: DrawdownRule = DrawdownRule::Diffusion { alpha: 0.7, beta: 0.1 };

    fn bounds(instrument: &Instrument) -> Bounds<'_> {
        Bounds {
            instrument,
            rate: Rate::ONE,
            price: Price(125_000),
            stop: Points(100),
            equity: Money::units(10_000),
            risk_max_ppm: 5_000,
            volume_max: Lots(1_000),
            value_max: Money::units(10_000_000),
            currency_room: i128::MAX,
            loss_room: i128::MAX,
        }
    }

    const BET: Bet = Bet { p: 0.55, p_se: 0.05, win: 100.0, loss: 100.0, confidence: 0.8, meta: 0.5, regime_gate: 0.9 };

    #[test]
    fn every_step_is_written_down() {
        let (instrument, mut sizing) = (eurusd(), Sizing::default());
        let f = fraction(&BET, &DrawdownFactor::new(RULE), &mut sizing).unwrap();
        let lots = volume(f, 100.0, &bounds(&instrument), &mut sizing).unwrap();
        let expected = [
            (Step::Kelly, 0.1),
            (Step::EstimationError, 0.05),
            (Step::Drawdown, 0.05 * 0.268_251_272_147_214),
            (Step::Confidence, 0.04 * 0.268_251_272_147_214),
            (Step::Meta, 0.02 * 0.268_251_272_147_214),
            (Step::Regime, 0.018 * 0.268_251_272_147_214),
            (Step::TradeRisk, 48.285_228),
            (Step::Volume, 48.0),
            (Step::OrderCap, 48.0),
            (Step::CurrencyCap, 48.0),
            (Step::LossCap, 48.0),
            (Step::LotStep, 48.0),
        ];
        for (step, value) in expected {
            let after = sizing.after(step).unwrap();
            assert!((after - value).abs() < 1e-6, "{step:?}: {after} is not {value}");
        }
        assert_eq!(lots, Lots(48), "100 points on 0.48 lot are 48 of 48.28 dollars");
    }

    #[test]
    fn each_cap_cuts() {
        let instrument = Instrument { lot_step: Lots(5), ..eurusd() };
        let all = bounds(&instrument);
        let check = |bounds: Bounds<'_>, expected: i64| {
            assert_eq!(volume(1.0, 50.0, &bounds, &mut Sizing::default()), Ok(Lots(expected)));
        };
        check(all, 50);
        check(Bounds { risk_max_ppm: 4_999, ..all }, 45);
        check(Bounds { volume_max: Lots(24), ..all }, 20);
        check(Bounds { value_max: Money::units(12_499), ..all }, 5);
        check(Bounds { currency_room: 12_500_000_000, ..all }, 10);
        check(Bounds { loss_room: 29_999_999, ..all }, 25);
        check(Bounds { loss_room: 0, ..all }, 0);
        check(Bounds { loss_room: -1, ..all }, 0);
        check(Bounds { equity: Money(-5), ..all }, 0);
        check(Bounds { stop: Points(200), ..all }, 25);
        assert_eq!(volume(1.0, 200.0, &all, &mut Sizing::default()), Ok(Lots(25)), "the net loss is what is lost");
        assert!(volume(1.0, f64::NAN, &all, &mut Sizing::default()).is_err());
        check(Bounds { rate: Rate::new(1, 2).unwrap(), ..all }, 100);
    }

    #[test]
    fn a_bet_without_an_edge_or_a_number_is_refused() {
        let factor = DrawdownFactor::new(RULE);
        let refused = |bet: Bet| fraction(&bet, &factor, &mut Sizing::default()).unwrap_err();
        let even = Refusal::NoEdge { p_ppm: 500_000, break_even_ppm: 500_000 };
        assert_eq!(refused(Bet { p: 0.5, ..BET }), even);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1] {
            for bet in [
                Bet { p: bad, ..BET },
                Bet { p_se: bad, ..BET },
                Bet { win: bad, ..BET },
                Bet { loss: bad, ..BET },
                Bet { confidence: bad, ..BET },
                Bet { meta: bad, ..BET },
                Bet { regime_gate: bad, ..BET },
            ] {
                assert!(matches!(refused(bet), Refusal::Malformed { .. }), "{bet:?}");
            }
        }
        assert!(matches!(refused(Bet { p: 1.0, ..BET }), Refusal::Malformed { .. }));
        assert!(matches!(refused(Bet { meta: 1.1, ..BET }), Refusal::Malformed { .. }));
    }

    proptest! {
        #[test]
        fn no_volume_is_ever_above_a_cap(
            (fraction, loss, stop) in (any::<f64>(), -10.0_f64..1e4, 1_i64..5_000),
            (equity, price) in (any::<i64>(), 1_i64..10_000_000),
            (currency_room, loss_room) in (-1_i128..1 << 62, -1_i128..1 << 62),
            (lot_max, step, numerator) in (1_i64..1 << 40, 1_i64..50, 1_i64..400),
        ) {
            let instrument = Instrument { lot_max: Lots(lot_max), lot_step: Lots(step), ..eurusd() };
            let rate = Rate::new(numerator, 100).unwrap();
            let all = Bounds {
                rate, price: Price(price), stop: Points(stop), equity: Money(equity), currency_room, loss_room,
                ..bounds(&instrument)
            };
            if let Ok(lots) = volume(fraction, loss, &all, &mut Sizing::default()) && lots.0 != 0 {
                let risk = rate.convert(instrument.value(Points(stop), lots).unwrap()).unwrap();
                let value = rate.convert(instrument.notional(Price(price), lots).unwrap()).unwrap();
                prop_assert!(lots.0 > 0 && lots.0 % step == 0 && lots.0 <= 1_000 && lots.0 <= lot_max);
                prop_assert!(i128::from(risk.0) * 1_000_000 <= i128::from(equity) * 5_000);
                prop_assert!(i128::from(value.0) <= currency_room && value <= Money::units(10_000_000));
                prop_assert!(i128::from(risk.0) <= loss_room);
            }
        }

        #[test]
        fn most_is_within_one_of_the_largest(room in 0_i128..1_000_000_000, ceiling in 0_i64..100_000, stop in 1_i64..2_000) {
            let instrument = eurusd();
            let amount = |lots: Lots| instrument.value(Points(stop), lots);
            let lots = most(Lots(ceiling), room, amount);
            let fits = |lots: i64| lots <= ceiling && amount(Lots(lots)).is_some_and(|found| i128::from(found.0) <= room);
            prop_assert!(fits(lots.0));
            prop_assert!(!fits(lots.0 + 1), "{lots:?}");
        }
    }
}
