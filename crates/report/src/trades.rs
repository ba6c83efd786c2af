//! What the report is about: finished trades, and the few numbers that judge a list of them.

use market::{Money, Points, Side, Time};

/// One finished trade: a position from its opening to the closing of its last part.
#[derive(Debug, Clone, PartialEq)]
pub struct Trade {
    /// The journal's number of the event that decided it.
    pub decided: u64,
    /// The strategy's name.
    pub strategy: String,
    /// The symbol's name.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// Lots, as a number.
    pub lots: f64,
    /// When it was opened.
    pub opened: Time,
    /// When its last part was closed.
    pub closed: Time,
    /// The price of the opening, in the instrument's own unit.
    pub entry: f64,
    /// The average price of the closing.
    pub exit: f64,
    /// What the price alone brought, in the account's currency.
    pub gross: Money,
    /// Commission, zero or negative.
    pub commission: Money,
    /// Swap, either sign.
    pub swap: Money,
    /// What the spread cost: half of it at each end, zero or negative; part of `gross`.
    pub spread: Money,
    /// What slippage cost against the prices we saw, zero or negative when adverse; part of `gross`.
    pub slippage: Money,
    /// The furthest it went against us, on the side that would be hit, in pips (zero or negative).
    pub mae_pips: f64,
    /// The furthest it went for us, in pips (zero or positive).
    pub mfe_pips: f64,
    /// Net result in pips of the traded volume.
    pub net_pips: f64,
    /// Why its last part was closed.
    pub cause: &'static str,
}

impl Trade {
    /// What the trade changed the balance by. Saturates.
    pub const fn net(&self) -> Money {
        Money(self.gross.0.saturating_add(self.commission.0).saturating_add(self.swap.0))
    }
}

/// A distance in points as pips of an instrument.
pub fn pips(distance: Points, pip: Points) -> f64 {
    distance.as_f64() / pip.as_f64()
}

/// The figures of a list of results. Every field is defined for an empty list; ratios that do not exist are `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// How many results.
    pub count: u64,
    /// How many were above zero.
    pub wins: u64,
    /// How many were below zero.
    pub losses: u64,
    /// Mean result.
    pub expectancy: f64,
    /// Mean of the results above zero; 0 without any.
    pub win_mean: f64,
    /// Mean size of the results not above zero, as a number that is not negative; 0 without any.
    pub loss_mean: f64,
    /// Sum of the results above zero over the size of the sum of those below; `None` without losses.
    pub profit_factor: Option<f64>,
    /// `win_mean / loss_mean`; `None` without losses.
    pub payoff: Option<f64>,
    /// The win rate at which expectancy would be zero with these means: `loss_mean / (win_mean + loss_mean)`.
    pub break_even: Option<f64>,
    /// The sum.
    pub total: f64,
}

/// The figures of results in any unit.
pub fn figures(results: impl IntoIterator<Item = f64>) -> Figures {
    let (mut count, mut wins, mut losses) = (0_u64, 0_u64, 0_u64);
    let (mut gained, mut lost) = (0.0, 0.0);
    for result in results {
        count += 1;
        if result > 0.0 {
            wins += 1;
            gained += result;
        } else {
            losses += u64::from(result < 0.0);
            lost -= result;
        }
    }
    let mean = |sum: f64, n: u64| if n == 0 { 0.0 } else { sum / n as f64 };
    let (win_mean, loss_mean) = (mean(gained, wins), mean(lost, count - wins));
    Figures {
        count,
        wins,
        losses,
        expectancy: mean(gained - lost, count),
        win_mean,
        loss_mean,
        profit_factor: (lost > 0.0).then(|| gained / lost),
        payoff: (loss_mean > 0.0).then(|| win_mean / loss_mean),
        break_even: (win_mean + loss_mean > 0.0).then(|| loss_mean / (win_mean + loss_mean)),
        total: gained - lost,
    }
}

impl Figures {
    /// Wins over count; `None` without results.
    pub fn win_rate(&self) -> Option<f64> {
        (self.count > 0).then(|| self.wins as f64 / self.count as f64)
    }

    /// Checks the identities that every honest report keeps: `expectancy == p W - (1 - p) L`, and the sign of expectancy
    /// is the sign of profit factor less one.
    ///
    /// # Errors
    /// The identity that is broken, with its numbers.
    pub fn check(&self) -> Result<(), String> {
        let Some(p) = self.win_rate() else { return Ok(()) };
        let twin = p * self.win_mean - (1.0 - p) * self.loss_mean;
        let scale = 1e-9 * (1.0 + self.win_mean.abs() + self.loss_mean.abs());
        if (twin - self.expectancy).abs() > scale {
            return Err(format!("expectancy {} is not p W - (1 - p) L = {twin}", self.expectancy));
        }
        let sign = |x: f64| if x.abs() <= scale { 0.0 } else { x.signum() };
        match self.profit_factor {
            Some(factor) if sign(self.expectancy) != 0.0 && sign(self.expectancy) != (factor - 1.0).signum() => {
                Err(format!("expectancy {} and profit factor {factor} disagree", self.expectancy))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn identities_hold_for_any_list(results in prop::collection::vec(-1e4_f64..1e4, 0..40)) {
            let figures = figures(results.iter().copied());
            prop_assert_eq!(figures.check(), Ok(()));
            prop_assert!((figures.total - results.iter().sum::<f64>()).abs() < 1e-6);
        }
    }

    #[test]
    fn a_broken_identity_is_found() {
        let mut figures = figures([1.0, -2.0, 3.0]);
        figures.expectancy += 0.1;
        assert!(figures.check().is_err());
    }
}
