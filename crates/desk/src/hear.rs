//! What the venue says, and what follows from it.

use orders::{Listing, Opening, Outcome, Report, Scope as Which};
use risk::{Author, ExitCause, Halt, HaltReason, Level, Scope};

use crate::action::{Actions, News};
use crate::desk::Desk;

impl Desk {
    #[inline(never)]
    pub(crate) fn on_report(&mut self, report: &Report, actions: &mut Actions) {
        let now = self.position.time;
        let symbol = self.orders.symbol_of(report);
        let rate = symbol.and_then(|symbol| self.rate(symbol));
        if let Report::Rejected { reason, .. } = report {
            self.counts.rejected[usize::from(reason.code())] += 1;
        }
        let outcome = self.orders.on_report(report, rate, now);
        self.follow(outcome, actions);
        // What was kept back until a lost report explained it is heard now, each at most once: it may be kept back again.
        for _ in 0..self.spec.orders.orders_max {
            let Some(report) = self.orders.deferred() else { return };
            let rate = self.orders.symbol_of(&report).and_then(|symbol| self.rate(symbol));
            let outcome = self.orders.on_report(&report, rate, now);
            self.follow(outcome, actions);
        }
    }

    fn follow(&mut self, outcome: Outcome, actions: &mut Actions) {
        let now = self.position.time;
        match outcome {
            Outcome::Opened(opening) => {
                self.counts.fills += 1;
                Self::tell(actions, News::Opened(opening));
                self.stake_opened(&opening);
                self.settle(opening.order.strategy, actions);
                self.flatten_if_halted(&opening);
            }
            Outcome::Closed(trade) => {
                self.counts.fills += 1;
                Self::tell(actions, News::Closed(trade));
                self.stake_closed(&trade, actions);
                self.settle(trade.strategy, actions);
            }
            Outcome::Failed(failure) => {
                if failure.reason == Some(orders::Reject::UnknownTicket) {
                    // The venue closed it first; its list says how we stand.
                    self.list_after = now;
                }
                Self::tell(actions, News::Failed(failure));
                self.stake_failed(&failure);
            }
            Outcome::Listed(listing) => self.on_listing(listing, actions),
            Outcome::MarginCalled => Self::tell(actions, News::MarginCalled),
            Outcome::Impossible(impossible) => {
                Self::tell(actions, News::Contradicted(impossible));
                self.stop_entries(HaltReason::Reconciliation, actions);
            }
            Outcome::ImpossibleTurn(impossible) => {
                Self::tell(actions, News::Confused(impossible));
                self.stop_entries(HaltReason::Reconciliation, actions);
            }
            Outcome::Surprise(surprise) => {
                Self::tell(actions, News::Surprised(surprise));
                self.list_after = now;
            }
            Outcome::Moved(_) | Outcome::Protected(_) | Outcome::Repeated | Outcome::Held | Outcome::Deferred => {}
        }
    }

    /// After money moved: a loss limit may have been passed.
    pub(crate) fn settle(&mut self, strategy: market::StrategyId, actions: &mut Actions) {
        if let Some(latch) = self.gate.watch(strategy, self.orders.exposure(), self.position.time) {
            self.latched(latch, actions);
        }
    }

    /// An entry may be filled although its cancellation was asked for: what opens under a flattening is closed at once.
    fn flatten_if_halted(&mut self, opening: &Opening) {
        let standing = self.gate.kill_switch().standing(opening.order.strategy, opening.order.symbol);
        if standing.is_some_and(|halt| halt.level == Level::Flatten) {
            self.orders.leave(Which::Ticket(opening.ticket), ExitCause::Flatten);
            self.verifying = true;
        }
    }

    fn on_listing(&mut self, listing: Listing, actions: &mut Actions) {
        match listing {
            Listing::Agrees => {
                self.stakes_agree();
                Self::tell(actions, News::Agrees);
            }
            Listing::Differs(differences) => {
                Self::tell(actions, News::Differs { differences: differences as u32 });
            }
            // It says nothing; what was under way needs a moment, then it is asked for again.
            Listing::Incomplete | Listing::Unsteady => {
                self.list_after = self.position.time.plus(market::Span(self.spec.orders.query_every.0 / 10));
            }
        }
    }

    /// The venue contradicts itself or us: nothing new until a person has looked. Positions keep their stops.
    pub(crate) fn stop_entries(&mut self, reason: HaltReason, actions: &mut Actions) {
        let halt = Halt { level: Level::NoEntries, by: Author::Desk, reason, time: self.position.time };
        self.halt(Scope::All, halt, actions);
    }
}
