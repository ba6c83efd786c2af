//! From an opinion to a request: ask the strategy, propose to the gate, submit what is approved.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ensemble::{Decision, decide};
use features::Feature;
use market::{Lots, Points, Side, Tick, Time};
use orders::OrderId;
use risk::{Approved, Bet, Entry, Kind, Latch, LossKind, MarketView, Proposal, Refusal, Stake, StopSpec, Volatility};

use crate::action::{Action, Actions, News};
use crate::counters::Idle;
use crate::desk::Desk;
use crate::explain::Explanation;
use crate::spec::{Decide, StakeSpec, StopRule};

/// What a strategy wants, before stop and size.
struct Wish {
    side: Side,
    /// The ensemble's arithmetic, when it was the ensemble that wished.
    decision: Option<Decision>,
}

/// Distances of stop and target from the entry price.
#[derive(Clone, Copy)]
struct Exits {
    stop: Option<Points>,
    target: Option<Points>,
}

impl Desk {
    /// What does the strategy think, may it, and how much?
    pub(crate) fn ask(&mut self, leg: usize, tick: &Tick, actions: &mut Actions) {
        if self.explaining {
            self.begin_explanation(leg);
        }
        if let Some(wish) = self.wish(leg, tick) {
            self.pursue(leg, tick, &wish, actions);
        }
    }

    /// Proposes what is wished. Few ticks come here, and the way of the many shall stay short.
    #[inline(never)]
    fn pursue(&mut self, leg: usize, tick: &Tick, wish: &Wish, actions: &mut Actions) {
        let Some(exits) = self.place_exits(leg, tick, wish) else { return };
        self.counts.signals += 1;
        let proposal = self.proposal(leg, wish, exits);
        let Some((council, decision)) = self.legs[leg].council.zip(wish.decision.as_ref()) else {
            self.submit(leg, &proposal, actions);
            return;
        };
        if !self.stake(council, decision, exits.stop) {
            self.idle(Idle::CanaryBudget);
            return self.listen_to_bench(council, actions);
        }
        let sent = self.submit(leg, &proposal, actions);
        self.staked(council, sent, actions);
    }

    #[inline(never)]
    fn begin_explanation(&mut self, leg: usize) {
        let (strategy, symbol) = (self.legs[leg].strategy, self.legs[leg].symbol);
        let frame = self.symbols[usize::from(symbol.0)].features.frame();
        self.explanations.push(Explanation::new(strategy, symbol, frame));
    }

    fn idle(&mut self, idle: Idle) {
        self.counts.idle(idle);
        if let Some(explanation) = self.explanations.last_mut() {
            explanation.idle = Some(idle);
        }
    }

    /// Asks a leg. The cheap reasons not to come first, but a rule hears every tick.
    fn wish(&mut self, leg: usize, tick: &Tick) -> Option<Wish> {
        let ruled = self.legs[leg].rule.on_tick(tick);
        let council = self.legs[leg].council;
        if council.is_none() && ruled.is_none() {
            self.idle(Idle::NothingWanted);
            return None;
        }
        if let Some(idle) = self.hindered(leg, tick, ruled) {
            self.idle(idle);
            return None;
        }
        self.counts.decisions += 1;
        let Some(council) = council else { return ruled.map(|side| Wish { side, decision: None }) };
        self.consult(leg, council, tick)
    }

    /// Asks a council for a decision.
    #[inline(never)]
    fn consult(&mut self, leg: usize, council: usize, tick: &Tick) -> Option<Wish> {
        let strategy = usize::from(self.legs[leg].strategy.0);
        let Decide::Ensemble { spec, .. } = &self.spec.strategies[strategy].decide else { return None };
        let decided = decide(&self.councils[council], spec, tick);
        if let Some(explanation) = self.explanations.last_mut() {
            explanation.decision = Some(decided);
        }
        match decided {
            Ok(decision) => Some(Wish { side: decision.best, decision: Some(decision) }),
            Err(no_trade) => {
                self.counts.passed(no_trade.reason);
                None
            }
        }
    }

    /// Why a leg is not asked now.
    #[inline(never)]
    fn hindered(&self, leg: usize, tick: &Tick, ruled: Option<Side>) -> Option<Idle> {
        let leg = &self.legs[leg];
        if tick.seen < leg.rests_until {
            return Some(Idle::Resting);
        }
        if self.gate.kill_switch().standing(leg.strategy, leg.symbol).is_some() {
            return Some(Idle::Halted);
        }
        let strategy = &self.spec.strategies[usize::from(leg.strategy.0)];
        let (lots, count) = self.held(leg.strategy, leg.symbol);
        let turns = match strategy.decide {
            Decide::Cross { .. } => ruled.is_some_and(|side| lots.0 * side.sign() < 0),
            Decide::Ensemble { .. } | Decide::Imbalance { .. } | Decide::Random { .. } => false,
        };
        if count >= strategy.positions_max && !turns {
            return Some(Idle::Invested);
        }
        self.orders.may_enter(leg.symbol).is_err().then_some(Idle::Unsettled)
    }

    /// Where stop and target would be. A wider stop must still be worth its cost.
    fn place_exits(&mut self, leg: usize, tick: &Tick, wish: &Wish) -> Option<Exits> {
        let (strategy, symbol) = (usize::from(self.legs[leg].strategy.0), usize::from(self.legs[leg].symbol.0));
        let (stop, target, widen) = match &self.spec.strategies[strategy].stop {
            StopRule::Absent => return Some(Exits { stop: None, target: None }),
            StopRule::Fixed { stop, target } => return Some(Exits { stop: Some(*stop), target: *target }),
            StopRule::Volatility { stop, target, widen } => (*stop, *target, *widen),
        };
        let Some(wide) = self.volatility_stop(symbol, &widen, tick) else {
            self.idle(Idle::NoVolatility);
            return None;
        };
        let stop = stop.max(wide);
        if let Some(decision) = &wish.decision {
            let view = decision.view();
            let reward = decision.barrier.target.as_f64();
            let value = view.p_lo * reward - (1.0 - view.p_lo) * stop.as_f64() - decision.barrier.commission_points;
            let worth = value > decision.spec.margin_points;
            if !worth {
                self.idle(Idle::StopTooWide);
                return None;
            }
        }
        Some(Exits { stop: Some(stop), target })
    }

    fn volatility_stop(&self, symbol: usize, widen: &StopSpec, tick: &Tick) -> Option<Points> {
        let symbol = &self.symbols[symbol];
        let frame = symbol.features.frame();
        let known = |multiple: f64, feature: Feature| if multiple > 0.0 { frame.get(feature) } else { Some(0.0) };
        let volatility = Volatility {
            sigma: known(widen.sigma_multiple, Feature::SigmaS60)?,
            range: known(widen.range_multiple, Feature::AtrM5)?,
            spread: tick.spread(),
        };
        risk::stops(widen, &volatility, &symbol.instrument).ok().map(|stops| stops.stop)
    }

    fn proposal(&self, leg: usize, wish: &Wish, exits: Exits) -> Proposal {
        let leg = &self.legs[leg];
        let strategy = &self.spec.strategies[usize::from(leg.strategy.0)];
        let stake = match (strategy.stake, &wish.decision) {
            (StakeSpec::Fixed(lots), _) => Stake::Fixed(self.turning(leg.strategy, leg.symbol, wish.side, lots)),
            (StakeSpec::Kelly, Some(decision)) => Stake::Kelly(bet(decision, exits.stop)),
            // Refused by the sizing: a bet without a probability is none.
            (StakeSpec::Kelly, None) => Stake::Fixed(Lots::ZERO),
        };
        Proposal {
            strategy: leg.strategy,
            symbol: leg.symbol,
            side: wish.side,
            kind: Kind::Market { deviation: strategy.deviation },
            stop: exits.stop,
            target: exits.target,
            stake,
        }
    }

    /// On a netting account, turning a position takes its volume besides.
    fn turning(&self, strategy: market::StrategyId, symbol: market::SymbolId, side: Side, lots: Lots) -> Lots {
        match self.spec.orders.account {
            orders::Account::Hedging => lots,
            orders::Account::Netting => {
                let against = (-self.held(strategy, symbol).0.0 * side.sign()).max(0);
                Lots(lots.0.saturating_add(against))
            }
        }
    }

    /// The request's number and volume, when one was sent.
    fn submit(&mut self, leg: usize, proposal: &Proposal, actions: &mut Actions) -> Option<(OrderId, Lots)> {
        let now = self.position.time;
        let Proposal { strategy, symbol, side, .. } = *proposal;
        let strategy_spec = &self.spec.strategies[usize::from(strategy.0)];
        let (cooldown, turns) = (strategy_spec.cooldown, matches!(strategy_spec.decide, Decide::Cross { .. }));
        self.legs[leg].rests_until = now.plus(cooldown);
        let view = self.view(symbol)?;
        let Some(answer) = self.review(proposal, &view, now) else {
            let refusal = Refusal::Fault { place: i64::from(strategy.0), sequence: self.position.seq as i64 };
            self.gate.count(&refusal);
            Self::refused(proposal, refusal, actions);
            return None;
        };
        if let Some(explanation) = self.explanations.last_mut() {
            explanation.proposal = Some(*proposal);
            explanation.review = Some(self.review);
            explanation.refusal = self.review.refusal;
        }
        let approved = match answer {
            Ok(approved) => approved,
            Err(refusal) => {
                Self::refused(proposal, refusal, actions);
                self.tell_if_latched(&refusal, strategy, actions);
                return None;
            }
        };
        let rate = view.rate.unwrap_or(risk::Rate::ONE);
        match self.orders.submit(approved, rate, now) {
            Ok(request) => {
                if let Some(explanation) = self.explanations.last_mut() {
                    explanation.sent = Some(request.id());
                }
                self.counts.sent += 1;
                let id = request.id();
                actions.push(Action::Send(request));
                if turns && self.spec.orders.account == orders::Account::Hedging {
                    self.reverse(strategy, symbol, side);
                }
                Some((id, self.orders.order(id).map_or(Lots::ZERO, |order| order.lots)))
            }
            Err(why) => {
                self.counts.unsent += 1;
                Self::tell(actions, News::Unsent { strategy, symbol, why });
                None
            }
        }
    }

    /// The gate's answer; `None` when a check panicked, which is a refusal. The gate forbids itself to panic, but an
    /// overflow in a debug build or a bug may still do it, and then nothing may leave.
    fn review(
        &mut self,
        proposal: &Proposal,
        view: &MarketView,
        now: Time,
    ) -> Option<Result<Approved<Entry>, Refusal>> {
        let Self { gate, orders, review, .. } = self;
        #[cfg(test)]
        let breaks = self.gate_breaks;
        unless_it_panics(|| {
            #[cfg(test)]
            assert!(!breaks, "a check breaks, as the test wants");
            gate.review_into(proposal, orders.exposure(), view, now, review)
        })
    }

    /// A review latches what it finds passed: what was shut in this event is told, and its halt carried out.
    #[inline(never)]
    fn tell_if_latched(&mut self, refusal: &Refusal, strategy: market::StrategyId, actions: &mut Actions) {
        let latch = match refusal {
            Refusal::RepeatedExecution { .. } => Latch::Repeats(strategy),
            Refusal::StrategyDayLoss { .. } => Latch::StrategyLoss(strategy, LossKind::Day),
            Refusal::StrategyDrawdown { .. } => Latch::StrategyLoss(strategy, LossKind::Drawdown),
            Refusal::AccountDayLoss { .. } => Latch::AccountLoss(LossKind::Day),
            Refusal::AccountDrawdown { .. } => Latch::AccountLoss(LossKind::Drawdown),
            _ => return,
        };
        let already = |action: &Action| *action == Action::Tell(News::Latched(latch));
        if self.gate.latched(latch) == Some(self.position.time) && !actions.as_slice().iter().any(already) {
            self.latched(latch, actions);
        }
    }

    fn refused(proposal: &Proposal, refusal: Refusal, actions: &mut Actions) {
        Self::tell(actions, News::Refused { strategy: proposal.strategy, symbol: proposal.symbol, refusal });
    }
}

/// What a check answers; `None` when it panicked.
fn unless_it_panics<T>(check: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(check)).ok()
}

/// The ensemble's opinion as a bet: net payoffs, the pooled probability with its error, and the factors of the sizing.
fn bet(decision: &Decision, stop: Option<Points>) -> Bet {
    let view = decision.view();
    let commission = decision.barrier.commission_points;
    let confidence: f64 = decision.parts.iter().map(|part| part.weight * part.confidence).sum();
    Bet {
        p: view.p,
        p_se: view.se,
        win: decision.barrier.target.as_f64() - commission,
        loss: stop.unwrap_or(decision.barrier.stop).as_f64() + commission,
        confidence: confidence.clamp(0.0, 1.0),
        // Without its word it neither raises nor lowers the size.
        meta: decision.meta.unwrap_or(1.0),
        regime_gate: decision.regime.gate,
    }
}

#[cfg(test)]
mod tests;
