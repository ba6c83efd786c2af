//! What the venue says, and what follows from it.

use orders::{Listing, Outcome, Report};
use risk::{Author, Halt, HaltReason, Level, Scope};

use crate::action::{Action, Actions, News};
use crate::desk::Desk;

impl Desk {
    pub(crate) fn on_report(&mut self, report: &Report, actions: &mut Actions) {
        let now = self.position.time;
        let symbol = self.orders.symbol_of(report);
        let rate = symbol.and_then(|symbol| self.rate(symbol));
        if let Report::Rejected { reason, .. } = report {
            self.counts.rejected[usize::from(reason.code())] += 1;
        }
        match self.orders.on_report(report, rate, now) {
            Outcome::Opened(opening) => {
                self.counts.fills += 1;
                Self::tell(actions, News::Opened(opening));
                self.settle(opening.position.strategy, actions);
            }
            Outcome::Closed(trade) => {
                self.counts.fills += 1;
                Self::tell(actions, News::Closed(trade));
                self.settle(trade.strategy, actions);
            }
            Outcome::Failed(failure) => Self::tell(actions, News::Failed(failure)),
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
                actions.push(Action::List);
            }
            Outcome::Moved(_) | Outcome::Protected(_) | Outcome::Repeated | Outcome::Held | Outcome::Deferred => {}
        }
    }

    /// After money moved: a loss limit may have been passed.
    fn settle(&mut self, strategy: market::StrategyId, actions: &mut Actions) {
        if self.gate.watch(strategy, self.orders.exposure(), self.position.time).is_some() {
            self.obey_halt(actions);
        }
    }

    fn on_listing(&mut self, listing: Listing, actions: &mut Actions) {
        match listing {
            Listing::Agrees => Self::tell(actions, News::Agrees),
            Listing::Differs(differences) => {
                Self::tell(actions, News::Differs { differences: differences as u32 });
            }
            // It says nothing; ask again.
            Listing::Incomplete | Listing::Unsteady => actions.push(Action::List),
        }
    }

    /// The venue contradicts itself or us: nothing new until a person has looked. Positions keep their stops.
    fn stop_entries(&mut self, reason: HaltReason, actions: &mut Actions) {
        let halt = Halt { level: Level::NoEntries, by: Author::Desk, reason, time: self.position.time };
        self.halt(Scope::All, halt, actions);
    }
}
