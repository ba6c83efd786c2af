//! The payloads of a journal's records: what reads as a fact, a request or a wake is exactly what one writes.
#![no_main]

use desk::{Action, Command, Fact};
use journal::codec::{action, get_fact, get_request, get_wake, put_action, put_fact};
use libfuzzer_sys::fuzz_target;
use market::Coded;
use risk::Operator;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, payload)) = bytes.split_first() else { return };
    let mut again = vec![];
    if let Ok(fact) = get_fact(*kind, payload) {
        assert_eq!(put_fact(&fact, &mut again), *kind, "{fact:?}");
        assert_eq!(again, payload, "{fact:?}");
        assert!(*kind < action::FIRST);
        if let Fact::Commanded(command) = fact {
            check_author(&command);
        }
        return;
    }
    if *kind == action::SEND
        && let Ok((id, instruction)) = get_request(payload)
    {
        id.put(&mut again);
        instruction.put(&mut again);
        assert_eq!(again, payload, "{id:?} {instruction:?}");
    }
    if *kind == action::WAKE_AT
        && let Ok(time) = get_wake(payload)
    {
        assert_eq!(put_action(&Action::WakeAt(time), &mut again), Some(action::WAKE_AT));
        assert_eq!(again, payload);
    }
});

/// Whoever is said to have given an order has a name that a person could have given.
fn check_author(command: &Command) {
    let (Command::Halt { by, .. }
    | Command::Rearm { by, .. }
    | Command::Adopt { by, .. }
    | Command::Seat { by, .. }
    | Command::Reseat { by, .. }
    | Command::Stage { by, .. }) = command;
    assert_eq!(Operator::new(by.name()), Some(*by), "{command:?}");
}
