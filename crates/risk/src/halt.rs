//! The kill switch: three levels, three scopes, latched until a named person re-arms it.

use crate::refusal::Control;
use market::{Reader, State, StrategyId, SymbolId, Time, Torn};

/// How far the kill switch is pulled. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// No position is opened.
    #[default]
    NoEntries,
    /// Resting orders are cancelled.
    Cancel,
    /// Positions are closed, and the venue is asked whether all are.
    Flatten,
}

market::state_enum!(Level { NoEntries, Cancel, Flatten });

/// What the kill switch stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// One strategy.
    Strategy(StrategyId),
    /// One symbol.
    Symbol(SymbolId),
}

/// The name of a person, at most 24 bytes without control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Operator([u8; 24]);

impl Operator {
    /// A person by name; `None` when the name is empty, blank, too long or has control characters.
    pub fn new(name: &str) -> Option<Self> {
        if name.trim().is_empty() || name.len() > 24 || name.chars().any(char::is_control) {
            return None;
        }
        let mut bytes = [0; 24];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Some(Self(bytes))
    }

    /// The name.
    pub fn name(&self) -> &str {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(24);
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl State for Operator {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)?;
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(24);
        std::str::from_utf8(&self.0[..end]).map(|_| ()).map_err(|_| Torn)
    }
}

/// Who pulled the kill switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Author {
    /// The desk itself.
    #[default]
    Desk,
    /// A control of the gate.
    Control(Control),
    /// A person.
    Operator(Operator),
}

impl State for Author {
    fn save(&self, out: &mut Vec<u8>) {
        match self {
            Self::Desk => out.push(0),
            Self::Control(control) => {
                out.push(1);
                control.save(out);
            }
            Self::Operator(operator) => {
                out.push(2);
                operator.save(out);
            }
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        *self = match from.u8()? {
            0 => Self::Desk,
            1 => {
                let mut control = Control::Fault;
                control.load(from)?;
                Self::Control(control)
            }
            2 => Self::Operator(from.read()?),
            _ => return Err(Torn),
        };
        Ok(())
    }
}

/// Why the kill switch was pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum HaltReason {
    /// A person wanted it.
    #[default]
    Wanted,
    /// A loss limit was passed.
    Loss,
    /// Equity fell below the close-out part of the margin.
    CloseOut,
    /// The venue's truth and ours differ.
    Reconciliation,
    /// The line to the venue or the feed is gone.
    Disconnected,
    /// The journal cannot be written.
    Journal,
    /// Something broke inside.
    Fault,
    /// An exercise.
    Drill,
}

market::state_enum!(HaltReason { Wanted, Loss, CloseOut, Reconciliation, Disconnected, Journal, Fault, Drill });

/// A pull of the kill switch: how far, who, why and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Halt {
    /// How far.
    pub level: Level,
    /// Who.
    pub by: Author,
    /// Why.
    pub reason: HaltReason,
    /// When.
    pub time: Time,
}

market::state!(Halt { level, by, reason, time });

/// The kill switch of a desk.
#[derive(Debug, Clone)]
pub struct KillSwitch {
    all: Option<Halt>,
    strategies: Vec<Option<Halt>>,
    symbols: Vec<Option<Halt>>,
    /// How many of all those are pulled, so that the usual answer is one comparison.
    pulled: usize,
}

impl KillSwitch {
    /// A switch that nobody pulled.
    pub fn new(strategies: usize, symbols: usize) -> Self {
        Self { all: None, strategies: vec![None; strategies], symbols: vec![None; symbols], pulled: 0 }
    }

    fn slot(&mut self, scope: Scope) -> Option<&mut Option<Halt>> {
        match scope {
            Scope::All => Some(&mut self.all),
            Scope::Strategy(id) => self.strategies.get_mut(usize::from(id.0)),
            Scope::Symbol(id) => self.symbols.get_mut(usize::from(id.0)),
        }
    }

    /// Pulls the switch. A level already reached stays; a higher one replaces it. An unknown strategy or symbol stops
    /// everything, because somebody wanted something stopped.
    pub(crate) fn pull(&mut self, scope: Scope, halt: Halt) {
        let known = self.slot(scope).is_some();
        let Some(slot) = self.slot(if known { scope } else { Scope::All }) else { return };
        let first = slot.is_none();
        if slot.is_none_or(|standing| standing.level < halt.level) {
            *slot = Some(halt);
        }
        self.pulled += usize::from(first);
    }

    /// Puts the switch of one scope back; the halt that stood there, if any.
    pub(crate) fn rearm(&mut self, scope: Scope) -> Option<Halt> {
        let halt = self.slot(scope)?.take();
        self.pulled -= usize::from(halt.is_some());
        halt
    }

    /// The halt of one scope.
    pub fn halt(&self, scope: Scope) -> Option<&Halt> {
        match scope {
            Scope::All => self.all.as_ref(),
            Scope::Strategy(id) => self.strategies.get(usize::from(id.0))?.as_ref(),
            Scope::Symbol(id) => self.symbols.get(usize::from(id.0))?.as_ref(),
        }
    }

    /// The furthest halt that concerns a strategy on a symbol.
    pub fn standing(&self, strategy: StrategyId, symbol: SymbolId) -> Option<&Halt> {
        if self.pulled == 0 {
            return None;
        }
        let scopes = [Scope::All, Scope::Strategy(strategy), Scope::Symbol(symbol)];
        scopes.into_iter().filter_map(|scope| self.halt(scope)).max_by_key(|halt| halt.level)
    }
}

impl State for KillSwitch {
    fn save(&self, out: &mut Vec<u8>) {
        self.all.save(out);
        self.strategies.save(out);
        self.symbols.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let sizes = (self.strategies.len(), self.symbols.len());
        self.all.load(from)?;
        self.strategies.load(from)?;
        self.symbols.load(from)?;
        if sizes != (self.strategies.len(), self.symbols.len()) {
            return Err(Torn);
        }
        let many = self.strategies.iter().chain(&self.symbols).flatten().count();
        self.pulled = many + usize::from(self.all.is_some());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halt(level: Level, at: i64) -> Halt {
        Halt { level, by: Author::Desk, reason: HaltReason::Drill, time: Time(at) }
    }

    #[test]
    fn the_switch_only_goes_up_until_somebody_rearms_it() {
        let mut switch = KillSwitch::new(2, 2);
        let standing = |switch: &KillSwitch| switch.standing(StrategyId(0), SymbolId(1)).map(|halt| halt.level);
        assert_eq!(standing(&switch), None);
        switch.pull(Scope::Strategy(StrategyId(1)), halt(Level::Flatten, 1));
        assert_eq!(standing(&switch), None);
        switch.pull(Scope::Symbol(SymbolId(1)), halt(Level::Cancel, 2));
        switch.pull(Scope::Symbol(SymbolId(1)), halt(Level::NoEntries, 3));
        assert_eq!(switch.halt(Scope::Symbol(SymbolId(1))), Some(&halt(Level::Cancel, 2)));
        switch.pull(Scope::All, halt(Level::Flatten, 4));
        assert_eq!(standing(&switch), Some(Level::Flatten));
        assert!(switch.rearm(Scope::All).is_some());
        assert_eq!(standing(&switch), Some(Level::Cancel));
        assert!(switch.rearm(Scope::All).is_none());
    }

    #[test]
    fn an_unknown_scope_stops_everything() {
        let mut switch = KillSwitch::new(1, 1);
        switch.pull(Scope::Symbol(SymbolId(9)), halt(Level::NoEntries, 1));
        assert!(switch.standing(StrategyId(0), SymbolId(0)).is_some());
    }

    #[test]
    fn a_person_has_a_name() {
        assert_eq!(Operator::new("Ada Lovelace").map(|who| who.name().to_owned()).as_deref(), Some("Ada Lovelace"));
        for name in ["", "  ", "a\nb", "abcdefghijklmnopqrstuvwxyz"] {
            assert_eq!(Operator::new(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_pulled_switch_survives_a_snapshot() {
        let mut switch = KillSwitch::new(2, 1);
        let by = Author::Operator(Operator::new("Grace").unwrap());
        switch.pull(Scope::Strategy(StrategyId(1)), Halt { by, ..halt(Level::Cancel, 7) });
        let by = Author::Control(Control::AccountDayLoss);
        switch.pull(Scope::All, Halt { by, ..halt(Level::NoEntries, 8) });
        let mut bytes = Vec::new();
        switch.save(&mut bytes);
        let mut restored = KillSwitch::new(2, 1);
        assert_eq!(restored.load(&mut Reader::new(&bytes)), Ok(()));
        assert_eq!(restored.standing(StrategyId(1), SymbolId(0)), switch.standing(StrategyId(1), SymbolId(0)));
        assert!(KillSwitch::new(3, 1).load(&mut Reader::new(&bytes)).is_err());
    }
}
