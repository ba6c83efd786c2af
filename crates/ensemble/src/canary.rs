//! A canary: in blocks of time the challenger's word stands in the champion's place, and what it really loses is counted
//! against a budget.
//!
//! Which blocks are its own follows from a hash of symbol, class, number of the block and a salt, so that nobody can
//! choose them after the fact, and a larger share keeps the blocks of a smaller one. The budget is a drawdown: a loss
//! adds to what is spent, a gain takes back at most what was spent, and never buys room for more. What is open counts
//! with the most that it may lose before it is closed. While every position loses at most what was reserved for it, the
//! sum of all results is never below minus the budget (signals.md 6.3; arXiv 2305.09626).

use market::{Points, Span, SymbolId, Time};

use crate::barrier::Barrier;

/// How much of the trading a challenger really does, and what it may lose by that.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CanarySpec {
    /// The part of the blocks that are its own, above 0 to 1; .01, .05 and .25 are usual steps.
    pub share: f64,
    /// How long a block is; 15 minutes are usual.
    pub block: Span,
    /// Draws other blocks.
    pub salt: u64,
    /// What it may lose over the whole trial, in points per unit of volume, as the results of its trial are.
    pub budget: f64,
}

market::state!(CanarySpec { share, block, salt, budget });

/// Why a challenger cannot become a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Unstaged {
    /// Nobody challenges, or its trial has said that it must go.
    #[default]
    NoChallenger,
    /// The share is not above 0 and at most 1.
    Share,
    /// A block is shorter than a second.
    Block,
    /// Not even one of the largest losses fits into what is left of the budget, or it is not a number.
    Budget,
    /// The configuration has no class at this place.
    UnknownClass,
}

market::state_enum!(Unstaged { NoChallenger, Share, Block, Budget, UnknownClass });

/// Whose word stands in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Arm {
    /// The champion's.
    #[default]
    Champion,
    /// The challenger's.
    Canary,
}

market::state_enum!(Arm { Champion, Canary });

/// Under which arm of which experiment a decision was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assignment {
    /// The experiment: the epoch of the challenger.
    pub experiment: u32,
    /// The arm.
    pub arm: Arm,
    /// The number of the block since 1970.
    pub block: i64,
}

market::state!(Assignment { experiment, arm, block });

/// A canary and what it has cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Canary {
    spec: CanarySpec,
    /// The place of the class: part of the hash.
    place: u64,
    /// The most that one position may lose, slippage included, with a stop as far as the barrier's.
    bound: f64,
    /// The barrier's stop.
    stop: Points,
    spent: f64,
    reserved: f64,
    result: f64,
    closed: u64,
    days: u32,
    day: Option<i64>,
}

market::state!(Canary { spec, place, bound, stop, spent, reserved, result, closed, days, day });

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

impl Canary {
    pub(crate) fn new(spec: &CanarySpec, place: u64, (bound, barrier): (f64, &Barrier)) -> Result<Self, Unstaged> {
        let canary = Self { place, bound, stop: barrier.stop, ..Self::default() };
        canary.stepped(spec)
    }

    /// The same canary with another share, block, salt or budget: what it has cost stays.
    pub(crate) fn stepped(self, spec: &CanarySpec) -> Result<Self, Unstaged> {
        if !(spec.share > 0.0 && spec.share <= 1.0) {
            return Err(Unstaged::Share);
        }
        if spec.block < Span::SECOND {
            return Err(Unstaged::Block);
        }
        let next = Self { spec: *spec, ..self };
        let sound = spec.budget.is_finite() && self.bound.is_finite() && self.bound > 0.0;
        if sound && next.has_room(next.bound) { Ok(next) } else { Err(Unstaged::Budget) }
    }

    /// The block of a time, and whose it is.
    pub fn assign(&self, experiment: u32, symbol: SymbolId, time: Time) -> Assignment {
        let block = time.0.div_euclid(self.spec.block.0.max(1));
        let own = is_own(&self.spec, hash([u64::from(symbol.0), self.place, block as u64, self.spec.salt]));
        Assignment { experiment, arm: if own { Arm::Canary } else { Arm::Champion }, block }
    }

    /// The most that a position with a stop this far may lose, slippage included: what is reserved for it.
    pub fn at_stake(&self, stop: Points) -> f64 {
        self.bound + (stop.as_f64() - self.stop.as_f64()).max(0.0)
    }

    fn has_room(&self, loss: f64) -> bool {
        self.spent + self.reserved + loss <= self.spec.budget
    }

    /// Reserves what a position may lose; `false` when it does not fit.
    pub(crate) fn reserve(&mut self, loss: f64, now: Time) -> bool {
        if !(loss.is_finite() && self.has_room(loss)) {
            return false;
        }
        self.reserved += loss;
        let today = now.0.div_euclid(DAY);
        if self.day != Some(today) {
            self.day = Some(today);
            self.days = self.days.saturating_add(1);
        }
        true
    }

    /// A position, or the last part of it, is gone: its reservation is free again.
    pub(crate) fn release(&mut self, loss: f64) {
        self.reserved = (self.reserved - loss).max(0.0);
    }

    /// Books a result, in points per unit of volume.
    pub(crate) fn book(&mut self, result: f64) {
        // What is not a number may have been anything.
        let result = if result.is_finite() { result } else { -self.spec.budget };
        self.spent = (self.spent - result).max(0.0);
        self.result += result;
        self.closed = self.closed.saturating_add(1);
    }

    /// Whether another of the largest losses might not fit.
    pub fn is_spent(&self) -> bool {
        !self.has_room(self.bound)
    }

    /// Its rules.
    pub const fn spec(&self) -> &CanarySpec {
        &self.spec
    }

    /// What it has lost since its best moment, in points per unit of volume: at most the budget.
    pub const fn spent(&self) -> f64 {
        self.spent
    }

    /// What its open positions and orders may still lose, in points per unit of volume.
    pub const fn reserved(&self) -> f64 {
        self.reserved
    }

    /// What its closed positions came to, in points per unit of volume.
    pub const fn result(&self) -> f64 {
        self.result
    }

    /// How many results were booked; a position closed in parts counts once for each.
    pub const fn closed(&self) -> u64 {
        self.closed
    }

    /// On how many days it entered.
    pub const fn days(&self) -> u32 {
        self.days
    }

    /// The most that one position may lose, slippage included, with a stop as far as the barrier's.
    pub const fn bound(&self) -> f64 {
        self.bound
    }
}

/// Whether a hash lies within the share. The hash's upper 53 bits are a number in [0, 1).
fn is_own(spec: &CanarySpec, hash: u64) -> bool {
    (hash >> 11) as f64 / (1_u64 << 53) as f64 <= spec.share && spec.share > 0.0
}

/// The finaliser of `SplitMix64` over each word in turn (Steele, Lea & Flood 2014).
fn hash(words: [u64; 4]) -> u64 {
    words.into_iter().fold(0, |state: u64, word| {
        let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BARRIER;
    use proptest::prelude::*;

    const SPEC: CanarySpec = CanarySpec { share: 0.05, block: Span::from_secs(900), salt: 7, budget: 100.0 };

    fn canary(spec: &CanarySpec) -> Canary {
        Canary::new(spec, 0, (18.0, &BARRIER)).unwrap()
    }

    fn own(canary: &Canary, block: i64) -> bool {
        canary.assign(1, SymbolId(0), Time(block * SPEC.block.0)).arm == Arm::Canary
    }

    #[test]
    fn blocks_are_its_own_as_often_as_the_share_says_and_a_step_up_keeps_them() {
        let n = 200_000;
        let mut before = vec![false; n];
        for share in [0.01, 0.05, 0.25, 1.0] {
            let canary = canary(&CanarySpec { share, ..SPEC });
            let blocks: Vec<bool> = (0..n as i64).map(|block| own(&canary, block)).collect();
            let found = blocks.iter().filter(|own| **own).count() as f64 / n as f64;
            let deviation = (share * (1.0 - share) / n as f64).sqrt();
            assert!((found - share).abs() <= 4.0 * deviation, "{found} of {share}");
            assert!(before.iter().zip(&blocks).all(|(before, now)| !before || *now), "a larger share keeps its blocks");
            // Neighbours tell nothing of each other.
            let pairs = blocks.windows(2).filter(|pair| pair[0] && pair[1]).count() as f64 / n as f64;
            assert!((pairs - share * share).abs() < 5.0 * share / (n as f64).sqrt(), "{pairs}");
            before = blocks;
        }
    }

    #[test]
    fn symbol_class_and_salt_draw_other_blocks_and_within_a_block_nothing_changes() {
        let base = canary(&CanarySpec { share: 0.5, ..SPEC });
        let other_salt = canary(&CanarySpec { share: 0.5, salt: 8, ..SPEC });
        let other_class = Canary { place: 1, ..base };
        let same = |other: &Canary, symbol: u16| {
            let arm = |canary: &Canary, symbol, block: i64| {
                canary.assign(1, SymbolId(symbol), Time(block * SPEC.block.0)).arm
            };
            (0..10_000).filter(|block| arm(&base, 0, *block) == arm(other, symbol, *block)).count()
        };
        for same in [same(&other_salt, 0), same(&other_class, 0), same(&base, 1)] {
            assert!((4_700..5_300).contains(&same), "{same}");
        }
        let first = base.assign(3, SymbolId(0), Time(0));
        assert_eq!(base.assign(3, SymbolId(0), Time(SPEC.block.0 - 1)), first);
        assert_eq!((first.experiment, first.block), (3, 0));
        assert_eq!(base.assign(3, SymbolId(0), Time(-1)).block, -1);
    }

    #[test]
    fn what_makes_no_canary_is_refused() {
        let refused = |spec: CanarySpec| Canary::new(&spec, 0, (18.0, &BARRIER)).unwrap_err();
        for share in [0.0, -0.1, 1.1, f64::NAN] {
            assert_eq!(refused(CanarySpec { share, ..SPEC }), Unstaged::Share);
        }
        assert_eq!(refused(CanarySpec { block: Span(0), ..SPEC }), Unstaged::Block);
        for budget in [17.9, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(CanarySpec { budget, ..SPEC }), Unstaged::Budget);
        }
        let mut spent = canary(&SPEC);
        spent.book(-90.0);
        assert_eq!(spent.stepped(&CanarySpec { share: 0.25, ..SPEC }), Err(Unstaged::Budget), "what was spent stays");
        assert_eq!(spent.stepped(&CanarySpec { budget: 120.0, ..SPEC }).unwrap().spent(), 90.0);
    }

    #[test]
    fn a_losing_canary_is_sent_away_within_its_budget_in_every_one_of_500_runs() {
        let mut noise = crate::testing::Noise(3);
        let mut entries = Vec::new();
        for _ in 0..500 {
            let mut canary = canary(&CanarySpec { budget: 180.0, ..SPEC });
            let (mut sum, mut made) = (0.0, 0_u32);
            while !canary.is_spent() && made < 100_000 {
                let loss = canary.at_stake(BARRIER.stop);
                assert!(canary.reserve(loss, Time(0)));
                canary.release(loss);
                // Two points below zero on average, seven either way, never beyond the bound.
                let result = (-2.0 + 7.0 * noise.normal()).max(-18.0);
                canary.book(result);
                sum += result;
                made += 1;
            }
            assert!(canary.is_spent() && sum >= -180.0, "{sum} after {made}");
            entries.push(made);
        }
        entries.sort_unstable();
        assert!((40..160).contains(&entries[250]), "{}", entries[250]);
    }

    proptest! {
        #[test]
        fn no_order_of_openings_and_closings_loses_more_than_the_budget(
            steps in prop::collection::vec((any::<bool>(), 0_usize..8, -1.0_f64..1.5, 0_i64..40), 1..200),
            budget in 18.0_f64..200.0,
        ) {
            let mut canary = canary(&CanarySpec { budget, ..SPEC });
            let mut open: Vec<f64> = Vec::new();
            let mut sum = 0.0;
            for (opens, which, outcome, stop) in steps {
                if opens {
                    let loss = canary.at_stake(Points(stop));
                    prop_assert!(loss >= canary.bound());
                    if canary.reserve(loss, Time(0)) {
                        open.push(loss);
                    }
                } else if !open.is_empty() {
                    let loss = open.swap_remove(which % open.len());
                    canary.release(loss);
                    // At worst it loses what was reserved.
                    canary.book(loss * outcome);
                    sum += loss * outcome;
                }
                prop_assert!(canary.spent() + canary.reserved() <= budget + 1e-9);
                prop_assert!(sum >= -budget - 1e-9, "{sum} of {budget}");
                prop_assert!((canary.result() - sum).abs() < 1e-6);
            }
        }
    }
}
