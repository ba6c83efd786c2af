//! An explanation as text.

use desk::{Desk, Event};

/// The arithmetic of one event's decisions.
pub fn explanation(event: &Event, desk: &Desk) -> String {
    format!("{event:?}\n{:#?}", desk.explanations())
}
