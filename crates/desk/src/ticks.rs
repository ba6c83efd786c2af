//! A quote's way through the rooms: is it true, what do we see, what became of what we hold, what do we think.

use ensemble::Council;
use market::{SymbolId, Tick};
use risk::{Author, Control, Halt, HaltReason, Level};

use crate::action::{Actions, News};
use crate::desk::Desk;

impl Desk {
    pub(crate) fn on_tick(&mut self, tick: &Tick, actions: &mut Actions) {
        let place = usize::from(tick.symbol.0);
        if !self.believe(place, tick) {
            return;
        }
        self.see(place, tick, actions);
        self.mark(tick, actions);
        self.exits(tick, actions);
        for nth in 0..self.symbols[place].legs.len() {
            let leg = self.symbols[place].legs[nth];
            self.ask(leg, tick, actions);
        }
        for nth in 0..self.symbols[place].followers.len() {
            self.lead(self.symbols[place].followers[nth], tick, actions);
        }
    }

    /// The leader of a symbol moved: councils that listen to leaders think again at the own quote that still stands, and
    /// the strategies that they advise are asked.
    fn lead(&mut self, follower: usize, leader: &Tick, actions: &mut Actions) {
        let symbol = &self.symbols[follower];
        let Some(last) = symbol.last else { return };
        let standing = Tick { time: last.time.max(leader.time), seen: last.seen.max(leader.seen), ..last };
        let age = standing.time.since(last.time);
        let listens = |council: &Council| council.listens_to_leader(age);
        for nth in 0..symbol.councils.len() {
            let council = self.symbols[follower].councils[nth];
            if listens(&self.councils[council]) {
                self.councils[council].reconsider(self.symbols[follower].features.frame(), &standing);
                self.listen_to_bench(council, actions);
            }
        }
        for nth in 0..self.symbols[follower].legs.len() {
            let leg = self.symbols[follower].legs[nth];
            if self.legs[leg].council.is_some_and(|council| listens(&self.councils[council])) {
                self.ask(leg, &standing, actions);
            }
        }
    }

    /// Is it true?
    fn believe(&mut self, place: usize, tick: &Tick) -> bool {
        let Some(symbol) = self.symbols.get_mut(place) else {
            self.counts.strangers += 1;
            return false;
        };
        let judgement = symbol.belief.judge(tick);
        symbol.counts.count(judgement);
        judgement.believed()
    }

    /// What do we see? Features and agents once, for every strategy of the symbol and of those that it leads.
    fn see(&mut self, place: usize, tick: &Tick, actions: &mut Actions) {
        let symbol = &mut self.symbols[place];
        symbol.last = Some(*tick);
        symbol.usual.on_tick(tick, symbol.belief.spec().gap);
        symbol.features.on_tick(tick);
        let followers = symbol.followers.len();
        self.gate.observe(tick.symbol, tick.bid, tick.ask, tick.seen);
        for nth in 0..followers {
            let follower = self.symbols[place].followers[nth];
            self.symbols[follower].features.on_leader(tick);
        }
        self.silence(place, self.position.time);
        let symbol = &self.symbols[place];
        for council in &symbol.councils {
            self.councils[*council].observe(symbol.features.frame(), tick);
        }
        for nth in 0..self.symbols[place].councils.len() {
            self.listen_to_bench(self.symbols[place].councils[nth], actions);
        }
    }

    /// What is what we hold worth, and did a loss limit latch?
    fn mark(&mut self, tick: &Tick, actions: &mut Actions) {
        if !self.orders.holds(tick.symbol) {
            return;
        }
        let rate = self.rate(tick.symbol);
        self.orders.mark(tick, rate);
        self.watch(tick.symbol, actions);
        self.close_out_if_due(actions);
    }

    /// Closes the account out when equity falls below the preset's part of the margin in use, before the broker does.
    fn close_out_if_due(&mut self, actions: &mut Actions) {
        let equity = self.orders.ledger().equity();
        if !self.gate.closes_out(equity, self.orders.exposure()) {
            return;
        }
        let standing = self.gate.kill_switch().halt(risk::Scope::All);
        if standing.is_some_and(|halt| halt.level == Level::Flatten) {
            return;
        }
        let by = Author::Control(Control::MarginLevel);
        let halt = Halt { level: Level::Flatten, by, reason: HaltReason::CloseOut, time: self.position.time };
        self.halt(risk::Scope::All, halt, actions);
    }

    /// Lets the gate look at the profit of every strategy that holds the symbol, and does what a latch demands.
    pub(crate) fn watch(&mut self, symbol: SymbolId, actions: &mut Actions) {
        let mut latched = false;
        for position in self.orders.positions_of(symbol) {
            if let Some(latch) = self.gate.watch(position.strategy, self.orders.exposure(), self.position.time) {
                Self::tell(actions, News::Latched(latch));
                latched = true;
            }
        }
        if latched {
            self.obey_halt(actions);
        }
    }

    /// A limit latched: says so, and does what it demands.
    pub(crate) fn latched(&mut self, latch: risk::Latch, actions: &mut Actions) {
        Self::tell(actions, News::Latched(latch));
        self.obey_halt(actions);
    }

    /// Reads the kill switch after a loss limit latched, and does what its level says.
    #[inline(never)]
    fn obey_halt(&mut self, actions: &mut Actions) {
        let halt = self.gate.kill_switch().halt(risk::Scope::All).copied();
        // A strategy's own limit pulls nothing, and what a person pulled before has been done.
        let now = |halt: &risk::Halt| halt.reason == risk::HaltReason::Loss && halt.time == self.position.time;
        let Some(halt) = halt.filter(now) else { return };
        Self::tell(actions, News::Halted(halt));
        self.carry_out(risk::Scope::All, halt.level, actions);
    }
}
