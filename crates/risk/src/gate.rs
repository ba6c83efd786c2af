//! The gate: the only maker of an approved order.

use crate::calendar::{Blackout, BlackoutRefused, Blackouts};
use crate::exposure::Exposure;
use crate::ground::{self, Ground};
use crate::halt::{Author, Halt, HaltReason, KillSwitch, Operator, Scope};
use crate::kelly::DrawdownFactor;
use crate::limits::{Limits, SpecFault, StrategyLimits, SymbolLimits};
use crate::loss::{LossKind, Marks};
use crate::order::{Approved, Entry};
use crate::pace::{Recent, Sent, TokenBucket};
use crate::price::PriceWindow;
use crate::proposal::{MarketView, Proposal};
use crate::refusal::{Control, Refusal};
use crate::review::{CONTROLS_COUNT, Review};
use market::{Instrument, Money, Price, Reader, Side, State, StrategyId, SymbolId, Time, Torn};

/// Something that stays shut until a named person opens it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latch {
    /// The kill switch of a scope.
    Halt(Scope),
    /// The repeated-execution throttle of a strategy.
    Repeats(StrategyId),
    /// A loss limit of a strategy.
    StrategyLoss(StrategyId, LossKind),
    /// A loss limit of the account.
    AccountLoss(LossKind),
}

/// The record of a re-arming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rearmed {
    /// What was opened again.
    pub latch: Latch,
    /// By whom.
    pub by: Operator,
    /// When.
    pub time: Time,
    /// Since when it had been shut.
    pub since: Time,
}

/// There was nothing to re-arm: the latch was open, or names a strategy or symbol that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotLatched;

/// What the gate has answered so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Entries approved.
    pub entries: u64,
    /// Reductions approved.
    pub reductions: u64,
    /// Protections approved.
    pub protections: u64,
    /// Cancels counted.
    pub cancels: u64,
    /// Latches re-armed.
    pub rearmed: u64,
    refused: [u64; CONTROLS_COUNT],
}

market::state!(Counters { entries, reductions, protections, cancels, rearmed, refused });

impl Counters {
    /// How often a control refused.
    pub fn refused(&self, control: Control) -> u64 {
        self.refused[usize::from(control.code())]
    }

    pub(crate) fn count(&mut self, refusal: &Refusal) {
        self.refused[usize::from(refusal.control().code())] += 1;
    }
}

/// What the gate remembers of one strategy.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    pub(crate) messages: TokenBucket,
    pub(crate) marks: Marks,
    pub(crate) repeat_latch: Option<Time>,
    /// Entries approved since the start, for the launch limits.
    pub(crate) entries: u32,
    /// Last entries per permitted symbol (in the order of the profile) and side.
    pub(crate) recent: Vec<[Recent; 2]>,
    pub(crate) drawdown: DrawdownFactor,
}

impl Runner {
    fn new(limits: &StrategyLimits) -> Self {
        let recent = || Recent::new(limits.repeats.executions_max);
        Self {
            messages: TokenBucket::new(limits.messages),
            marks: Marks::default(),
            repeat_latch: None,
            entries: 0,
            recent: limits.symbols.iter().map(|_| [recent(), recent()]).collect(),
            drawdown: DrawdownFactor::new(limits.drawdown),
        }
    }
}

impl State for Runner {
    fn save(&self, out: &mut Vec<u8>) {
        self.messages.save(out);
        self.marks.save(out);
        self.repeat_latch.save(out);
        self.entries.save(out);
        self.recent.iter().for_each(|sides| sides.save(out));
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.messages.load(from)?;
        self.marks.load(from)?;
        self.repeat_latch.load(from)?;
        self.entries.load(from)?;
        self.recent.iter_mut().try_for_each(|sides| sides.load(from))
    }
}

/// The gate of one desk. It approves or refuses; nothing else can make an [`Approved`].
#[derive(Debug)]
pub struct Gate {
    pub(crate) limits: Limits,
    pub(crate) grounds: Vec<Ground>,
    /// For strategy x symbol: the symbol's place in the strategy's profile, or `u16::MAX`.
    pub(crate) permits: Vec<u16>,
    pub(crate) kill: KillSwitch,
    pub(crate) messages: TokenBucket,
    pub(crate) account: Marks,
    pub(crate) runners: Vec<Runner>,
    pub(crate) windows: Vec<PriceWindow>,
    pub(crate) blackouts: Blackouts,
    pub(crate) counters: Counters,
}

/// What one review is about.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) proposal: &'a Proposal,
    pub(crate) exposure: &'a Exposure,
    pub(crate) view: &'a MarketView,
    pub(crate) now: Time,
}

/// Everything known about the strategy and symbol of a case.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) runner: &'a Runner,
    pub(crate) profile: &'a StrategyLimits,
    pub(crate) symbol: &'a SymbolLimits,
    pub(crate) ground: &'a Ground,
    pub(crate) window: &'a PriceWindow,
    pub(crate) recent: &'a Recent,
}

pub(crate) const fn side_place(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

impl Gate {
    /// A gate with these limits. All that it will ever need is allocated here.
    ///
    /// # Errors
    /// Every fault of the limits.
    pub fn new(limits: &Limits, instruments: &[Instrument]) -> Result<Self, Vec<SpecFault>> {
        let grounds = ground::lay(limits, instruments)?;
        let mut permits = vec![u16::MAX; limits.strategies.len() * instruments.len()];
        for (strategy, profile) in limits.strategies.iter().enumerate() {
            for (place, symbol) in profile.symbols.iter().enumerate() {
                permits[strategy * instruments.len() + usize::from(symbol.0)] = place as u16;
            }
        }
        let counters = Counters {
            entries: 0,
            reductions: 0,
            protections: 0,
            cancels: 0,
            rearmed: 0,
            refused: [0; CONTROLS_COUNT],
        };
        Ok(Self {
            grounds,
            permits,
            kill: KillSwitch::new(limits.strategies.len(), instruments.len()),
            messages: TokenBucket::new(limits.account.messages),
            account: Marks::default(),
            runners: limits.strategies.iter().map(Runner::new).collect(),
            windows: limits.symbols.iter().map(|symbol| PriceWindow::new(symbol.price_move.window)).collect(),
            blackouts: Blackouts::new(),
            counters,
            limits: limits.clone(),
        })
    }

    /// Judges a proposal, as [`Self::review_into`], and hands the record back.
    pub fn review(
        &mut self,
        proposal: &Proposal,
        exposure: &Exposure,
        view: &MarketView,
        now: Time,
    ) -> (Result<Approved<Entry>, Refusal>, Review) {
        let mut review = Review::empty();
        let answer = self.review_into(proposal, exposure, view, now, &mut review);
        (answer, review)
    }

    /// Judges a proposal. The record says what every control found and how the size came about, whatever the answer; it is
    /// large, so the caller keeps one and lends it. An approval counts at once towards every limit on pace; the caller
    /// reserves it in the ledger before sending it.
    ///
    /// # Errors
    /// The refusal.
    pub fn review_into(
        &mut self,
        proposal: &Proposal,
        exposure: &Exposure,
        view: &MarketView,
        now: Time,
        review: &mut Review,
    ) -> Result<Approved<Entry>, Refusal> {
        review.begin(proposal, now);
        self.watch(proposal.strategy, exposure, now);
        match self.judge(&Case { proposal, exposure, view, now }, review) {
            Ok((entry, sent)) => {
                self.record(&entry, sent);
                Ok(Approved::new(entry))
            }
            Err(refusal) => {
                review.refuse(refusal);
                self.counters.count(&refusal);
                if let (Refusal::RepeatedExecution { .. }, Some(runner)) = (refusal, self.runner(proposal.strategy)) {
                    runner.repeat_latch.get_or_insert(now);
                }
                Err(refusal)
            }
        }
    }

    fn runner(&mut self, strategy: StrategyId) -> Option<&mut Runner> {
        self.runners.get_mut(usize::from(strategy.0))
    }

    pub(crate) fn permit(&self, strategy: StrategyId, symbol: SymbolId) -> Option<usize> {
        let place = usize::from(strategy.0) * self.grounds.len() + usize::from(symbol.0);
        self.permits.get(place).map(|place| usize::from(*place)).filter(|place| *place != usize::from(u16::MAX))
    }

    fn record(&mut self, entry: &Entry, sent: Sent) {
        let permit = self.permit(entry.strategy, entry.symbol);
        self.messages.take(sent.time);
        self.counters.entries += 1;
        let Some(runner) = self.runner(entry.strategy) else { return };
        runner.messages.take(sent.time);
        runner.entries = runner.entries.saturating_add(1);
        if let Some(sides) = permit.and_then(|place| runner.recent.get_mut(place)) {
            sides[side_place(entry.side)].remember(sent);
        }
    }

    /// Remembers a believed quote for the collar over a period. The desk calls this on every believed tick.
    #[inline]
    pub fn observe(&mut self, symbol: SymbolId, bid: Price, ask: Price, now: Time) {
        if let Some(window) = self.windows.get_mut(usize::from(symbol.0)) {
            window.observe(now, bid.0.saturating_add(ask.0));
        }
    }

    /// Takes note of the profit of a strategy and of the account, and latches what is passed. The desk calls this after
    /// every change of profit, when all marks of the tick are in. Answers what was latched just now, the account first.
    #[inline]
    pub fn watch(&mut self, strategy: StrategyId, exposure: &Exposure, now: Time) -> Option<Latch> {
        let limits = &self.limits.account;
        let account = self.account.observe(exposure.account().equity(), now, limits.day_start, &limits.loss);
        if let (Some(kind), Some(level)) = (account, limits.loss_halt) {
            let control = match kind {
                LossKind::Day => Control::AccountDayLoss,
                LossKind::Drawdown => Control::AccountDrawdown,
            };
            let by = Author::Control(control);
            self.kill.pull(Scope::All, Halt { level, by, reason: HaltReason::Loss, time: now });
        }
        let place = usize::from(strategy.0);
        let of_strategy =
            match (self.runners.get_mut(place), self.limits.strategies.get(place), exposure.strategy(strategy)) {
                (Some(runner), Some(profile), Some(book)) => {
                    runner.marks.observe(book.equity(), now, self.limits.account.day_start, &profile.loss)
                }
                _ => None,
            };
        account.map(Latch::AccountLoss).or_else(|| of_strategy.map(|kind| Latch::StrategyLoss(strategy, kind)))
    }

    /// Pulls the kill switch. A level already reached stays; a higher one replaces it.
    pub fn halt(&mut self, scope: Scope, halt: Halt) {
        self.kill.pull(scope, halt);
    }

    /// The kill switch.
    pub const fn kill_switch(&self) -> &KillSwitch {
        &self.kill
    }

    /// Since when a latch is shut.
    pub fn latched(&self, latch: Latch) -> Option<Time> {
        let runner = |strategy: StrategyId| self.runners.get(usize::from(strategy.0));
        match latch {
            Latch::Halt(scope) => self.kill.halt(scope).map(|halt| halt.time),
            Latch::Repeats(strategy) => runner(strategy)?.repeat_latch,
            Latch::StrategyLoss(strategy, kind) => runner(strategy)?.marks.latched(kind),
            Latch::AccountLoss(kind) => self.account.latched(kind),
        }
    }

    /// Opens a latch again, on the word of a named person. A loss then counts anew from the equity of this moment.
    ///
    /// # Errors
    /// [`NotLatched`] when there is nothing to open.
    pub fn rearm(&mut self, latch: Latch, by: Operator, now: Time) -> Result<Rearmed, NotLatched> {
        let since = self.latched(latch).ok_or(NotLatched)?;
        match latch {
            Latch::Halt(scope) => {
                self.kill.rearm(scope);
            }
            Latch::Repeats(strategy) => {
                let runner = self.runner(strategy).ok_or(NotLatched)?;
                runner.repeat_latch = None;
                runner.recent.iter_mut().flatten().for_each(Recent::forget);
            }
            Latch::StrategyLoss(strategy, kind) => self.runner(strategy).ok_or(NotLatched)?.marks.rearm(kind),
            Latch::AccountLoss(kind) => self.account.rearm(kind),
        }
        self.counters.rearmed += 1;
        Ok(Rearmed { latch, by, time: now, since })
    }

    /// Forbids entries for a stretch of time.
    ///
    /// # Errors
    /// [`BlackoutRefused`] says why it was not remembered.
    pub fn black_out(&mut self, blackout: Blackout, now: Time) -> Result<(), BlackoutRefused> {
        self.blackouts.add(blackout, now)
    }

    /// The blackouts that are remembered.
    pub fn blackouts(&self) -> &[Blackout] {
        self.blackouts.held()
    }

    /// Counts a refusal that was made outside this crate: the desk's [`Refusal::Fault`].
    pub fn count(&mut self, refusal: &Refusal) {
        self.counters.count(refusal);
    }

    /// What was answered so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The limits.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The account's day, peak and latches.
    pub const fn account_marks(&self) -> &Marks {
        &self.account
    }

    /// A strategy's day, peak and latches.
    pub fn strategy_marks(&self, strategy: StrategyId) -> Option<&Marks> {
        self.runners.get(usize::from(strategy.0)).map(|runner| &runner.marks)
    }

    /// Whether the account must be closed out: equity is below the preset's part of the margin in use.
    #[inline]
    pub fn closes_out(&self, equity: Money, exposure: &Exposure) -> bool {
        self.limits.account.preset.closes_out(equity, exposure.margin_used())
    }
}

impl State for Gate {
    fn save(&self, out: &mut Vec<u8>) {
        self.kill.save(out);
        self.messages.save(out);
        self.account.save(out);
        self.runners.iter().for_each(|runner| runner.save(out));
        self.windows.iter().for_each(|window| window.save(out));
        self.blackouts.save(out);
        self.counters.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.kill.load(from)?;
        self.messages.load(from)?;
        self.account.load(from)?;
        self.runners.iter_mut().try_for_each(|runner| runner.load(from))?;
        self.windows.iter_mut().try_for_each(|window| window.load(from))?;
        self.blackouts.load(from)?;
        self.counters.load(from)
    }
}
