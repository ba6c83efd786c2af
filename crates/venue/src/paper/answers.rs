//! What the venue has answered, so that it can answer again: for queries, and for requests that are sent twice.

use market::coded::{Coded, get_queue, put_all};
use market::coded_struct;
use market::{Reader, State, Torn};
use orders::{OrderId, Report};
use std::collections::VecDeque;

/// An answer to a request.
#[derive(Debug, Clone, Copy)]
struct Answer {
    id: OrderId,
    report: Report,
}

coded_struct!(Answer { id, report });

/// What the venue knows of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// It never heard of it.
    New,
    /// It has answered it, and knows what.
    Answered,
    /// It is so old that it may have been answered and forgotten.
    Forgotten,
}

/// The last answers of the venue, in a bounded room.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    room: usize,
    ring: VecDeque<Answer>,
    /// The highest number ever answered: requests above it are new, without a search.
    highest: Option<OrderId>,
    /// The highest number of which an answer was forgotten.
    forgotten: Option<OrderId>,
}

impl Answers {
    pub(crate) fn new(room: usize) -> Self {
        Self { room, ring: VecDeque::with_capacity(room), highest: None, forgotten: None }
    }

    /// Remembers an answer: `id` is the request answered, which for a cancel is not the order that the report names.
    pub(crate) fn keep(&mut self, id: OrderId, report: Report) {
        if self.ring.len() == self.room
            && let Some(old) = self.ring.pop_front()
        {
            self.forgotten = self.forgotten.max(Some(old.id)).max(old.report.order());
        }
        self.ring.push_back(Answer { id, report });
        self.highest = self.highest.max(Some(id));
    }

    /// What is known of a request.
    pub(crate) fn memory(&self, id: OrderId) -> Memory {
        if self.highest < Some(id) {
            Memory::New
        } else if Some(id) <= self.forgotten {
            // Some answers may be left, but the first may be gone: half a story is no story.
            Memory::Forgotten
        } else if self.of(id).next().is_some() {
            Memory::Answered
        } else {
            Memory::New
        }
    }

    /// Every answer that concerns a request, in their order.
    pub(crate) fn of(&self, id: OrderId) -> impl Iterator<Item = Report> + '_ {
        let concerns = move |answer: &&Answer| answer.id == id || answer.report.order() == Some(id);
        self.ring.iter().filter(concerns).map(|answer| answer.report)
    }
}

impl State for Answers {
    fn save(&self, out: &mut Vec<u8>) {
        put_all(self.ring.iter(), out);
        self.highest.put(out);
        self.forgotten.put(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        get_queue(&mut self.ring, from)?;
        self.highest = Option::get(from)?;
        self.forgotten = Option::get(from)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Time;

    #[test]
    fn what_was_forgotten_is_not_called_new() {
        let mut answers = Answers::new(2);
        let busy = |id| Report::Accepted { id, time: Time(0) };
        let ids = [OrderId(3), OrderId(5), OrderId(7)];
        for id in ids {
            answers.keep(id, busy(id));
        }
        assert_eq!(answers.memory(OrderId(3)), Memory::Forgotten);
        assert_eq!(answers.memory(OrderId(5)), Memory::Answered);
        assert_eq!(answers.memory(OrderId(6)), Memory::New);
        assert_eq!(answers.memory(OrderId(8)), Memory::New);
    }
}
