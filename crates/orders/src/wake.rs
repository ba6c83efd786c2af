//! Time: overdue answers, queries, and exits that are due without a quote.

use market::Time;

use crate::exits;
use crate::life::{Heard, Life};
use crate::order::Purpose;
use crate::orders::Orders;
use crate::spec::{Unanswered, Woken, push};
use crate::words::OrderId;

impl Orders {
    /// When to wake next. It may be early, never late.
    #[inline]
    pub fn next_deadline(&self) -> Option<Time> {
        (self.deadline < Time::MAX).then_some(self.deadline)
    }

    /// Does what is due: requests without an answer become unknown and are to be queried, exits that are due are decided
    /// on the last quotes. Adds to `woken`.
    pub fn wake(&mut self, now: Time, woken: &mut Woken) {
        self.wake_requests(now, woken);
        for nth in 0..self.book.len() {
            if let Some(place) = self.book.place(nth) {
                self.decide(place, now, &mut woken.wanted);
            }
        }
        self.deadline = self.next_after(now);
    }

    fn wake_requests(&mut self, now: Time, woken: &mut Woken) {
        for at in 0..self.requests.live().len() {
            let order = self.requests.live()[at];
            if order.due > now {
                continue;
            }
            if let Some(life) = order.life.after(Heard::Lost) {
                self.set_life(at, life, now);
            }
            push(&mut woken.queries, order.id);
            if order.purpose == Purpose::Entry && order.counterpart != OrderId(0) {
                // A venue may keep the end of an order under the number of the request that ended it.
                push(&mut woken.queries, order.counterpart);
            }
            let due = now.plus(self.spec.query_every);
            let alarm_at = self.spec.queries_max;
            let order = &mut self.requests.live_mut()[at];
            order.due = due;
            order.queries = order.queries.saturating_add(1);
            // Counted on to 255, so the alarm is raised once.
            if order.queries == alarm_at && order.life == Life::Unknown {
                let alarm =
                    Unanswered { id: order.id, purpose: order.purpose, symbol: order.symbol, queries: order.queries };
                push(&mut woken.alarms, alarm);
            }
        }
    }

    /// The next thing that becomes due after `now`. What is due already waits for a quote or a report, not for time.
    fn next_after(&self, now: Time) -> Time {
        let requests = self.requests.live().iter().map(|order| order.due);
        let positions = self.book.iter().filter_map(|position| {
            let spec = self.spec.exits.get(usize::from(position.strategy.0))?;
            Some(exits::next_due(position, spec))
        });
        requests.chain(positions).filter(|due| *due > now).min().unwrap_or(Time::MAX)
    }
}
