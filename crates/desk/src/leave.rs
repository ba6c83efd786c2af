//! Leaving: exits on a quote, halts, flattening and its verification, and what is due with time.

use market::{SymbolId, Tick};
use orders::{Scope as Which, Wanted};
use risk::{ExitCause, Halt, Level, Scope};

use crate::action::{Action, Actions, News};
use crate::desk::Desk;

impl Desk {
    /// What of what we hold is to be left or protected on this quote?
    pub(crate) fn exits(&mut self, tick: &Tick, actions: &mut Actions) {
        self.wanted.clear();
        if !self.orders.holds(tick.symbol) {
            // The room must see the quote all the same: it is what a later fill is measured against.
            self.orders.exits(tick, f64::NAN, f64::NAN, &mut self.wanted);
            return;
        }
        let symbol = &self.symbols[usize::from(tick.symbol.0)];
        let volatility = symbol.features.frame().get(features::Feature::SigmaS60).unwrap_or(f64::NAN);
        let usual = symbol.usual.spread();
        self.orders.exits(tick, usual, volatility, &mut self.wanted);
        if !self.wanted.is_empty() {
            self.send_wanted(actions);
        }
    }

    /// Passes what is wanted through the gate and makes requests of it.
    #[inline(never)]
    fn send_wanted(&mut self, actions: &mut Actions) {
        for nth in 0..self.wanted.len() {
            let wanted = self.wanted[nth];
            let now = self.position.time;
            let ticket = match &wanted {
                Wanted::Reduce(reduction) => reduction.ticket,
                Wanted::Protect(protection) => protection.ticket,
            };
            let Some(holding) = self.orders.holding(ticket) else { continue };
            let request = match wanted {
                Wanted::Reduce(reduction) => {
                    let approved = self.gate.release(reduction, &holding, self.orders.exposure(), now);
                    approved.ok().and_then(|approved| self.orders.reduce(approved, now).ok())
                }
                Wanted::Protect(protection) => {
                    let view = self.view(protection.symbol);
                    let approved = view.and_then(|view| self.gate.protect(protection, &holding, &view, now).ok());
                    approved.and_then(|approved| self.orders.protect(approved, now).ok())
                }
            };
            // What was refused is wanted again after the strategy's wait; the gate has counted why.
            if let Some(request) = request {
                self.counts.sent += 1;
                actions.push(Action::Send(request));
            }
        }
        self.wanted.clear();
    }

    /// Pulls the kill switch and does what its level says.
    pub(crate) fn halt(&mut self, scope: Scope, halt: Halt, actions: &mut Actions) {
        self.gate.halt(scope, halt);
        Self::tell(actions, News::Halted(halt));
        self.carry_out(scope, halt.level, actions);
    }

    pub(crate) fn carry_out(&mut self, scope: Scope, level: Level, actions: &mut Actions) {
        match level {
            Level::NoEntries => {}
            Level::Cancel => self.cancel_entries(scope, actions),
            Level::Flatten => {
                self.cancel_entries(scope, actions);
                let which = match scope {
                    Scope::All => Which::All,
                    Scope::Strategy(strategy) => Which::Strategy(strategy),
                    Scope::Symbol(symbol) => Which::Symbol(symbol),
                };
                self.orders.leave(which, ExitCause::Flatten);
                self.verifying = true;
            }
        }
    }

    fn cancel_entries(&mut self, scope: Scope, actions: &mut Actions) {
        let concerns = |order: &orders::Order| match scope {
            Scope::All => true,
            Scope::Strategy(strategy) => order.strategy == strategy,
            Scope::Symbol(symbol) => order.symbol == symbol,
        };
        let now = self.position.time;
        let mut at = 0;
        while let Some(order) = self.orders.live().get(at).copied() {
            at += 1;
            if order.purpose != orders::Purpose::Entry || !concerns(&order) {
                continue;
            }
            if let Some(request) = self.orders.cancel(order.id, now) {
                self.gate.count_cancel(now);
                self.counts.sent += 1;
                actions.push(Action::Send(request));
            }
        }
    }

    /// Does what is due by now: overdue answers are asked for, exits that need no quote are wanted.
    #[inline]
    pub(crate) fn wake_if_due(&mut self, actions: &mut Actions) {
        if self.orders.next_deadline().is_some_and(|deadline| deadline <= self.position.time) {
            self.wake(actions);
        }
    }

    #[inline(never)]
    fn wake(&mut self, actions: &mut Actions) {
        let now = self.position.time;
        self.woken.clear();
        self.orders.wake(now, &mut self.woken);
        for nth in 0..self.woken.queries.len() {
            actions.push(Action::Query(self.woken.queries[nth]));
        }
        for nth in 0..self.woken.alarms.len() {
            Self::tell(actions, News::Unanswered(self.woken.alarms[nth]));
        }
        std::mem::swap(&mut self.wanted, &mut self.woken.wanted);
        self.send_wanted(actions);
        std::mem::swap(&mut self.wanted, &mut self.woken.wanted);
    }

    /// While a flattening waits to be verified: asks the venue whether nothing is left, once we think so. What is not halted
    /// may stay open.
    #[inline(never)]
    pub(crate) fn verify_if_flat(&mut self) {
        let flattens = |strategy, symbol| {
            self.gate.kill_switch().standing(strategy, symbol).is_some_and(|halt| halt.level == Level::Flatten)
        };
        let open = self.orders.positions().any(|position| flattens(position.strategy, position.symbol));
        let entry = |order: &orders::Order| order.purpose == orders::Purpose::Entry;
        if open || self.orders.live().iter().any(|order| entry(order) && flattens(order.strategy, order.symbol)) {
            return;
        }
        self.verifying = false;
        self.orders.doubt();
        self.list_after = market::Time::MIN;
    }

    /// While the venue's list and ours were not found equal, asks for it, now and then.
    pub(crate) fn reconcile_if_doubted(&mut self, actions: &mut Actions) {
        if self.orders.reconciled() || self.position.time < self.list_after {
            return;
        }
        self.list_after = self.position.time.plus(self.spec.orders.query_every);
        actions.push(Action::List);
    }

    /// Closes what a strategy holds against a side, because it wants the other.
    pub(crate) fn reverse(&mut self, strategy: market::StrategyId, symbol: SymbolId, side: market::Side) {
        self.orders.leave(Which::Side(strategy, symbol, side.opposite()), ExitCause::Reversal);
    }
}
