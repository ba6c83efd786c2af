//! A desk on a stage: a script of events in, what the desk did out, both as text.
//!
//! Each line of a script is a time in seconds and an event; `3..8` repeats a quote every second. The stage wakes the desk
//! when it asked to be woken. Every event is also heard by a second desk that is made anew from a snapshot each time and
//! explains itself: it must do the same.
//!
//! `script` the events   `shown` what was done   `specs` desks to start from   `line` a venue and a market instead of a script
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

pub mod line;
mod script;
mod shown;
pub mod specs;

pub use ::desk;
use desk::{Action, Actions, Desk, Event, Fact, Spec};
use market::{Reader, State, SymbolId, Tick, Time};
use orders::Instruction;

/// A desk, what it sent, and what it did so far as text.
pub struct Stage {
    pub spec: Spec,
    pub desk: Desk,
    actions: Actions,
    twin_actions: Actions,
    seq: u64,
    now: Time,
    wake: Option<Time>,
    last: Vec<Option<Tick>>,
    sent: Vec<(u64, Instruction)>,
    pub lines: Vec<String>,
    /// Whether the times that the desk wants to be woken at are shown.
    pub wakes: bool,
    /// Whether the twin is made from a snapshot before every event.
    pub twins: bool,
}

/// Plays a script and compares what the desk did, line by line.
pub fn check(spec: &Spec, script: &str, expected: &str) -> Stage {
    let mut stage = Stage::new(spec);
    stage.play(script);
    stage.expect(expected);
    stage
}

impl Stage {
    pub fn new(spec: &Spec) -> Self {
        let desk = Desk::new(spec).map_err(|faults| format!("{faults:?}")).unwrap();
        let actions = || Actions::with_capacity(desk.actions_max());
        Self {
            spec: spec.clone(),
            actions: actions(),
            twin_actions: actions(),
            seq: 0,
            now: specs::noon(),
            wake: None,
            last: vec![None; spec.symbols.len()],
            sent: Vec::new(),
            lines: Vec::new(),
            wakes: false,
            twins: true,
            desk,
        }
    }

    pub fn play(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line(line);
        }
    }

    /// Compares everything since the last comparison.
    pub fn expect(&mut self, expected: &str) {
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let happened = std::mem::take(&mut self.lines);
        assert!(happened == expected, "what happened:\n{}\nexpected:\n{}\n", happened.join("\n"), expected.join("\n"));
        assert_eq!(self.actions.lost(), 0);
    }

    /// Lets time pass, waking the desk when it wants to be woken.
    fn pass_until(&mut self, time: Time) {
        while let Some(wake) = self.wake.filter(|wake| *wake <= time) {
            self.wake = None;
            self.hear(wake.max(self.now), Fact::Woke);
        }
    }

    fn hear(&mut self, time: Time, fact: Fact) {
        assert!(time >= self.now, "time goes on");
        (self.seq, self.now) = (self.seq + 1, time);
        let event = Event { seq: self.seq, time, fact };
        let twin = self.twins.then(|| self.twin());
        let before = shown::Before::of(&self.desk);
        self.desk.on_event(&event, &mut self.actions);
        if let Some(mut twin) = twin {
            twin.on_event(&event, &mut self.twin_actions);
            assert_eq!(self.twin_actions.as_slice(), self.actions.as_slice(), "a desk from a snapshot at {event:?}");
            assert!(saved(&twin) == saved(&self.desk), "the state of a desk from a snapshot at {event:?}");
        }
        let mut effects = before.changes(&self.desk);
        let actions: Vec<Action> = self.actions.drain().collect();
        for action in actions {
            match &action {
                Action::Send(request) => self.sent.push((shown::number(request.id()), *request.instruction())),
                Action::WakeAt(time) => {
                    self.wake = Some(self.wake.map_or(*time, |wake| wake.min(*time)));
                    if !self.wakes {
                        continue;
                    }
                }
                Action::Query(_) | Action::List | Action::Tell(_) => {}
            }
            effects.push(shown::action(&self.desk, &action));
        }
        if !effects.is_empty() {
            self.lines.push(format!("{} {}", shown::time(time), effects.join(", ")));
        }
    }

    /// Another desk with the same past, which explains itself.
    fn twin(&self) -> Desk {
        let mut twin = Desk::new(&self.spec).map_err(|faults| format!("{faults:?}")).unwrap();
        let bytes = saved(&self.desk);
        let mut reader = Reader::new(&bytes);
        twin.load(&mut reader).unwrap();
        assert!(reader.rest().is_empty(), "everything that is saved is loaded");
        twin.explain();
        twin
    }

    fn symbol(&self, name: &str) -> SymbolId {
        let place = self.spec.symbols.iter().position(|symbol| symbol.instrument.name == name);
        // A symbol that nobody configured.
        SymbolId(place.unwrap_or(self.spec.symbols.len()) as u16)
    }

    fn strategy(&self, name: &str) -> market::StrategyId {
        let place = self.spec.strategies.iter().position(|strategy| strategy.name == name);
        market::StrategyId(place.unwrap_or(self.spec.strategies.len()) as u16)
    }
}

/// The bytes of a desk's state.
pub fn saved(desk: &Desk) -> Vec<u8> {
    let mut bytes = Vec::new();
    desk.save(&mut bytes);
    bytes
}
