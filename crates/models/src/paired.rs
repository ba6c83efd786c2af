//! A challenger beside the champion: a trial that may be looked at after every label, and that cannot lose more than it
//! was given.
//!
//! Two gamblers bet that the challenger forecasts better (paired log loss) and earns more (paired results); both must
//! reach `1 / alpha` before it is promoted, so by Ville's inequality an equal one is promoted with probability `alpha` at
//! most, whenever and however often one looks (Ville 1939; Waudby-Smith & Ramdas 2024). Two more bet that it is worse and
//! end a hopeless trial. The bets follow what was seen before, never the label at hand. Losses are bounded by what is
//! known before the label comes, so no variance must be declared, as the mixture SPRT would need. Beside the statistics
//! stands a risk budget in blocks: a gain never pays for a later loss, and the trial ends while one more of the largest
//! losses still fits in. Source: signals.md 1.7; oracle: signals.md 7 #39. Labels that overlap depend on each other:
//! feed labels whose lives do not.

use crate::guard::{finite, within};
use crate::scores::log_loss;
use crate::sequential::EProcess;

/// Probabilities are kept this far from zero and one before their loss is taken.
const CLIP: f64 = 0.01;

/// The largest bet: part of the wealth at stake on the largest possible difference.
const BET_MAX: f64 = 0.9;

/// What a trial may cost, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PairedSpec {
    /// The probability of promoting a challenger that is no better, 1e-6 to 0.5; 0.05 is usual.
    pub alpha: f64,
    /// The largest size of a result of one label at full volume, win or loss, slippage included: above zero, in the unit
    /// of the results. A loss of the challenger beyond it ends the trial, for nothing could be promised any more.
    pub bound: f64,
    /// How much less than the champion the challenger may earn a label and still be promoted for its forecasts, 0 to
    /// `bound`. At 0 it must earn more.
    pub margin: f64,
    /// The part of the full volume that the challenger really trades, 0 (in the shadow) to 1.
    pub share: f64,
    /// What the challenger may lose over the whole trial, in the unit of the results. In the shadow it loses nothing.
    pub budget: f64,
    /// How many blocks the budget is divided into, 1 to 1,000: no block may lose more than its part.
    pub blocks: u32,
    /// How many labels make a block, at least 1; the last block lasts to the end.
    pub block_labels: u64,
    /// Fewer labels than this promote nobody.
    pub labels_min: u64,
    /// After so many labels the trial ends undecided.
    pub labels_max: u64,
}

market::state!(PairedSpec { alpha, bound, margin, share, budget, blocks, block_labels, labels_min, labels_max });

/// One label: what both said beforehand, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The probability that the champion gave.
    pub champion: f64,
    /// The probability that the challenger gave.
    pub challenger: f64,
    /// Whether it came true.
    pub came_true: bool,
    /// The champion's result at full volume, net; 0 when it did not trade.
    pub champion_result: f64,
    /// The challenger's result at full volume, net; 0 when it did not trade.
    pub challenger_result: f64,
}

/// Why a challenger was sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Stop {
    /// Another loss might not have fitted into the budget of the trial.
    #[default]
    Budget,
    /// Another loss might not have fitted into the budget of the block.
    BlockBudget,
    /// It forecasts worse than the champion.
    WorseForecasts,
    /// It earns less than the champion, by more than the margin.
    WorseResults,
    /// It lost more on one label than was declared possible, or a result was not a number.
    BeyondBound,
    /// The labels ran out before anything was shown.
    Undecided,
}

market::state_enum!(Stop { Budget, BlockBudget, WorseForecasts, WorseResults, BeyondBound, Undecided });

/// What a trial says after a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Go on.
    Continue,
    /// The challenger is better: it may take the champion's place. Final.
    Promote,
    /// The challenger goes. Final.
    Stop(Stop),
}

/// A bet on the sign of a mean, sized by what was seen before.
#[derive(Debug, Clone, Default)]
struct Gambler {
    process: EProcess,
    sum: f64,
    squares: f64,
}

market::state!(Gambler { process, sum, squares });

impl Gambler {
    /// Takes a difference of at most one in size. The bet is that of a gambler who knew the mean and the mean square.
    fn observe(&mut self, d: f64) {
        let bet = self.sum / (0.05 + self.squares);
        self.process.observe(d, within(bet, 0.0, BET_MAX));
        self.sum += d;
        self.squares += d * d;
    }
}

/// Two gamblers, for and against.
#[derive(Debug, Clone, Default)]
struct Sides {
    better: Gambler,
    worse: Gambler,
}

market::state!(Sides { better, worse });

impl Sides {
    fn observe(&mut self, d: f64) {
        self.better.observe(d);
        self.worse.observe(-d);
    }
}

/// A paired trial of a challenger.
#[derive(Debug, Clone)]
pub struct Paired {
    spec: PairedSpec,
    labels: u64,
    /// The largest difference of losses that was possible so far: the unit of the forecasts' differences.
    largest: f64,
    forecasts: Sides,
    results: Sides,
    /// Losses of the blocks before this one, each at least zero.
    spent_before: f64,
    /// What the running block has brought so far.
    block_result: f64,
    promoted: bool,
    stopped: Option<Stop>,
}

market::state!(Paired { labels, largest, forecasts, results, spent_before, block_result, promoted, stopped });

impl Paired {
    /// A trial at its start. One whose budget does not hold even one of the largest losses is stopped before it begins.
    pub fn new(spec: &PairedSpec) -> Self {
        let bound = within(spec.bound, 1e-9, 1e30);
        let spec = PairedSpec {
            alpha: within(spec.alpha, 1e-6, 0.5),
            bound,
            margin: within(spec.margin, 0.0, bound),
            share: within(spec.share, 0.0, 1.0),
            budget: within(spec.budget, 0.0, 1e30),
            blocks: spec.blocks.clamp(1, 1_000),
            block_labels: spec.block_labels.max(1),
            ..*spec
        };
        let mut trial = Self {
            spec,
            labels: 0,
            largest: 0.0,
            forecasts: Sides::default(),
            results: Sides::default(),
            spent_before: 0.0,
            block_result: 0.0,
            promoted: false,
            stopped: None,
        };
        trial.stopped = trial.reason_to_stop();
        trial
    }

    /// Takes a label. A forecast that is not finite is left out of the comparison of forecasts. After `Promote` or `Stop`
    /// nothing changes.
    pub fn observe(&mut self, pair: &Pair) -> Decision {
        if self.decision() != Decision::Continue {
            return self.decision();
        }
        if self.labels > 0 && self.labels.is_multiple_of(self.spec.block_labels) && self.block() < self.spec.blocks {
            self.spent_before = self.spent();
            self.block_result = 0.0;
        }
        self.labels = self.labels.saturating_add(1);
        self.compare_forecasts(pair);
        if !self.compare_results(pair) {
            self.stopped = Some(Stop::BeyondBound);
            return self.decision();
        }
        self.stopped = self.reason_to_stop();
        self.promoted = self.stopped.is_none() && self.labels >= self.spec.labels_min && self.shown();
        if !self.promoted && self.stopped.is_none() && self.labels >= self.spec.labels_max {
            self.stopped = Some(Stop::Undecided);
        }
        self.decision()
    }

    /// The block that the next label falls into, from 0, were there no last one.
    fn block(&self) -> u32 {
        u32::try_from(self.labels / self.spec.block_labels).unwrap_or(u32::MAX)
    }

    fn compare_forecasts(&mut self, pair: &Pair) {
        if !(pair.champion.is_finite() && pair.challenger.is_finite()) {
            return;
        }
        let [champion, challenger] = [pair.champion, pair.challenger].map(|p| p.clamp(CLIP, 1.0 - CLIP));
        let gain = |came_true: bool| log_loss(champion, came_true) - log_loss(challenger, came_true);
        // Known before the label, as a bet's unit must be.
        self.largest = self.largest.max(gain(true).abs()).max(gain(false).abs());
        if self.largest > 0.0 {
            self.forecasts.observe(gain(pair.came_true) / self.largest);
        }
    }

    /// Whether the results were within what was declared.
    fn compare_results(&mut self, pair: &Pair) -> bool {
        let PairedSpec { bound, margin, share, .. } = self.spec;
        let (Some(champion), Some(challenger)) = (finite(pair.champion_result), finite(pair.challenger_result)) else {
            return false;
        };
        self.block_result += share * challenger;
        // The unit holds the largest adverse difference; a larger gain of the challenger is cut, which only harms it.
        let difference = (challenger - champion + margin) / (2.0 * bound + margin);
        self.results.observe(difference.clamp(-1.0, 1.0));
        challenger >= -bound * (1.0 + 1e-9) && champion <= bound * (1.0 + 1e-9)
    }

    fn reason_to_stop(&self) -> Option<Stop> {
        let PairedSpec { alpha, bound, share, budget, blocks, .. } = self.spec;
        let next = share * bound;
        if next > 0.0 && self.spent() + next > budget {
            return Some(Stop::Budget);
        }
        if next > 0.0 && -self.block_result + next > budget / f64::from(blocks) {
            return Some(Stop::BlockBudget);
        }
        if self.forecasts.worse.process.rejects(alpha) {
            return Some(Stop::WorseForecasts);
        }
        self.results.worse.process.rejects(alpha).then_some(Stop::WorseResults)
    }

    fn shown(&self) -> bool {
        self.forecasts.better.process.rejects(self.spec.alpha) && self.results.better.process.rejects(self.spec.alpha)
    }

    /// What the trial says now.
    pub const fn decision(&self) -> Decision {
        match (self.promoted, self.stopped) {
            (true, _) => Decision::Promote,
            (false, Some(stop)) => Decision::Stop(stop),
            (false, None) => Decision::Continue,
        }
    }

    /// What was used of the budget: the sum of what each block lost. At least what the trial has really lost.
    pub fn spent(&self) -> f64 {
        self.spent_before + (-self.block_result).max(0.0)
    }

    /// How many labels went in.
    pub const fn labels(&self) -> u64 {
        self.labels
    }

    /// The wealth of the gamblers for the challenger, by forecasts and by results, out of `1 / alpha` each.
    pub fn wealth(&self) -> [f64; 2] {
        [self.forecasts.better.process.wealth(), self.results.better.process.wealth()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, bytes, check_restore};
    use market::math::sigmoid;
    use proptest::prelude::*;

    const SPEC: PairedSpec = PairedSpec {
        alpha: 0.05,
        bound: 1.2,
        margin: 0.0,
        share: 0.1,
        budget: 3.0,
        blocks: 4,
        block_labels: 500,
        labels_min: 100,
        labels_max: 4_000,
    };

    /// A label whose log-odds have a part that both see, and noise on what each sees of it.
    fn label(noise: &mut Lcg, champion: f64, challenger: f64, edge: f64) -> Pair {
        let truth = 0.8 * noise.normal();
        let came_true = noise.uniform() < sigmoid(truth);
        let mut said = |blur: f64| sigmoid(0.8 * (truth + blur * noise.normal()));
        let [champion, challenger] = [said(champion), said(challenger)];
        // Both trade what they think likely, at a cost; the results are those of a bracket of one up or down.
        let result = |p: f64| if (p > 0.5) == came_true { 1.0 - 0.1 } else { -1.0 - 0.1 };
        let [champion_result, challenger_result] = [result(champion), result(challenger)];
        Pair { champion, challenger, came_true, champion_result, challenger_result: challenger_result + edge }
    }

    struct Runs {
        promoted: usize,
        stopped: [usize; 6],
        over: usize,
        labels: Vec<u64>,
    }

    fn runs(spec: &PairedSpec, seed: u64, pair: impl Fn(&mut Lcg) -> Pair) -> Runs {
        let mut noise = Lcg::new(seed);
        let mut runs = Runs { promoted: 0, stopped: [0; 6], over: 0, labels: Vec::new() };
        for _ in 0..500 {
            let mut trial = Paired::new(spec);
            let (mut lost, mut deepest) = (0.0_f64, 0.0_f64);
            let end = loop {
                let pair = pair(&mut noise);
                let decision = trial.observe(&pair);
                lost -= spec.share * pair.challenger_result;
                deepest = deepest.max(lost);
                if decision != Decision::Continue {
                    break decision;
                }
            };
            runs.over += usize::from(deepest > spec.budget + 1e-9 || trial.spent() > spec.budget + 1e-9);
            runs.labels.push(trial.labels());
            match end {
                Decision::Stop(stop) => runs.stopped[usize::from(stop.code())] += 1,
                _ => runs.promoted += 1,
            }
        }
        runs.labels.sort_unstable();
        runs
    }

    #[test]
    fn oracle_39_an_equal_challenger_is_promoted_in_at_most_5_percent() {
        // In the shadow, so that no budget ends the looking early; and with a margin, so that only forecasts decide.
        for (margin, seed) in [(0.0, 1), (0.2, 2)] {
            let spec = PairedSpec { share: 0.0, margin, ..SPEC };
            let found = runs(&spec, seed, |noise| label(noise, 0.5, 0.5, 0.0));
            assert!(found.promoted <= 25, "{} of 500", found.promoted);
        }
    }

    #[test]
    fn peeking_keeps_the_error_of_each_gambler() {
        let mut noise = Lcg::new(3);
        let mut rejected = [0; 4];
        for _ in 0..500 {
            let (mut forecasts, mut results) = (Sides::default(), Sides::default());
            for _ in 0..1_000 {
                forecasts.observe(if noise.uniform() < 0.5 { 0.08 } else { -0.08 });
                results.observe((noise.normal() / 3.0).clamp(-1.0, 1.0));
            }
            for (count, gambler) in
                rejected.iter_mut().zip([forecasts.better, forecasts.worse, results.better, results.worse])
            {
                *count += u32::from(gambler.process.rejects(0.05));
            }
        }
        assert!(rejected.iter().all(|count| *count <= 25), "{rejected:?}");
    }

    #[test]
    fn oracle_39_a_losing_challenger_is_stopped_within_its_budget() {
        for (edge, seed) in [(-0.1, 4), (-0.02, 5)] {
            let found = runs(&SPEC, seed, |noise| label(noise, 0.5, 0.5, edge));
            assert_eq!(found.over, 0, "the budget holds always, as long as the bound does");
            assert!(found.promoted <= 25, "{} of 500", found.promoted);
        }
        let always = runs(&SPEC, 6, |noise| Pair { challenger_result: -1.0, ..label(noise, 0.5, 0.5, 0.0) });
        let stopped: usize = always.stopped[..5].iter().sum();
        assert!(stopped >= 475 && always.over == 0, "{stopped} of 500 stopped");
    }

    #[test]
    fn a_better_challenger_is_promoted() {
        for (blur, seed) in [(1.0, 7), (2.0, 8)] {
            let spec = PairedSpec { share: 0.0, labels_max: 20_000, ..SPEC };
            let found = runs(&spec, seed, |noise| label(noise, blur, 0.2, 0.0));
            assert!(found.promoted >= 450, "{} of 500", found.promoted);
        }
    }

    #[test]
    fn a_gain_does_not_pay_for_a_later_loss() {
        let spec = PairedSpec { bound: 1.0, share: 1.0, budget: 10.0, blocks: 2, block_labels: 10, ..SPEC };
        let mut trial = Paired::new(&spec);
        let same =
            Pair { champion: 0.5, challenger: 0.5, came_true: true, champion_result: 0.0, challenger_result: 0.0 };
        let mut ended = None;
        for i in 0..30 {
            let result = if i < 10 { 1.0 } else { -1.0 };
            // The champion does the same, so that only the budget can end it.
            let pair = Pair { champion_result: result, challenger_result: result, ..same };
            if let Decision::Stop(stop) = trial.observe(&pair) {
                ended = ended.or(Some((i, stop)));
            }
        }
        assert_eq!(ended, Some((14, Stop::BlockBudget)), "five lost of five, though ten had been won before");
        assert_eq!(trial.spent(), 5.0);
        let mut broke = Paired::new(&PairedSpec { budget: 0.5, ..spec });
        assert_eq!(broke.decision(), Decision::Stop(Stop::Budget), "not even one loss fits");
        broke.observe(&same);
        assert_eq!(broke.labels(), 0);
    }

    #[test]
    fn what_was_promised_impossible_ends_it() {
        let fair =
            Pair { champion: 0.5, challenger: 0.6, came_true: true, champion_result: 0.0, challenger_result: 0.0 };
        let lost = |result: f64| Paired::new(&SPEC).observe(&Pair { challenger_result: result, ..fair });
        assert_eq!(lost(-1.2), Decision::Continue);
        assert_eq!(lost(-1.3), Decision::Stop(Stop::BeyondBound));
        assert_eq!(lost(f64::NAN), Decision::Stop(Stop::BeyondBound));
        let mut trial = Paired::new(&PairedSpec { labels_max: 3, ..SPEC });
        let said: Vec<_> = (0..4).map(|_| trial.observe(&fair)).collect();
        assert_eq!(said[1..], [Decision::Continue, Decision::Stop(Stop::Undecided), Decision::Stop(Stop::Undecided)]);
        assert_eq!(trial.labels(), 3, "nothing changes after the end");
    }

    #[test]
    fn it_is_restored() {
        let mut noise = Lcg::new(9);
        let pairs: Vec<Pair> = (0..200).map(|_| label(&mut noise, 0.9, 0.2, 0.05)).collect();
        let spec = PairedSpec { block_labels: 30, budget: 100.0, ..SPEC };
        check_restore(|| Paired::new(&spec), |trial, i| trial.observe(&pairs[i]));
        let mut ended = Paired::new(&PairedSpec { labels_max: 1, ..SPEC });
        ended.observe(&pairs[0]);
        let mut twin = Paired::new(&SPEC);
        market::State::load(&mut twin, &mut market::Reader::new(&bytes(&ended))).unwrap();
        assert_eq!(twin.decision(), Decision::Stop(Stop::Undecided));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn nothing_breaks_it_and_the_budget_holds(
            stream in prop::collection::vec((anything(), anything(), any::<bool>(), anything(), -1.0_f64..1.0), 1..80),
            budget in 0.0_f64..20.0,
            share in 0.0_f64..1.0,
            blocks in 1_u32..5,
            block_labels in 0_u64..20,
        ) {
            let spec = PairedSpec { bound: 1.0, budget, share, blocks, block_labels, ..SPEC };
            let mut trial = Paired::new(&spec);
            let mut lost = 0.0;
            for (champion, challenger, came_true, champion_result, challenger_result) in stream {
                if trial.decision() != Decision::Continue {
                    break;
                }
                trial.observe(&Pair { champion, challenger, came_true, champion_result, challenger_result });
                lost -= share * challenger_result;
                prop_assert!(lost <= budget + 1e-9, "{lost} lost of {budget}");
                prop_assert!(trial.wealth().iter().all(|wealth| wealth.is_finite()));
            }
        }
    }
}
