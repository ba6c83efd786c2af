//! Promote, roll back, move through the states. Every change is one line or more in the model's log, with who and why.

use crate::alias::{Action, Alias, Entry, History, Moved, Pointed};
use crate::chain::Head;
use crate::error::{Refusal, Why};
use crate::load::{Checks, Which};
use crate::measured::{self, Request};
use crate::registry::Registry;
use crate::rollout::{self, Ask, Event, Evidence, Ground, State};
use crate::store::Store;
use crate::version::Version;

/// Who asks, and why.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// Who.
    pub actor: &'a str,
    /// Why.
    pub reason: &'a str,
    /// What supports it.
    pub evidence: &'a [String],
}

impl By<'_> {
    fn check(&self, name: &str) -> Result<(), Refusal> {
        if self.actor.trim().is_empty() || self.reason.trim().is_empty() {
            return Err(Refusal::new(name, Why::NoReason));
        }
        Ok(())
    }
}

impl<S: Store> Registry<S> {
    /// Moves a version to its next state, if the gates let it, and writes that down with the evidence. Whether it has an edge,
    /// and what its validation measured, is read in its signed manifest.
    ///
    /// # Errors
    /// `NoReason`, `Missing` when the version is not there, `Contradicts` for evidence that the manifest says differently,
    /// `Rollout` with the gates that are shut; `Log`, `Disk`.
    pub fn advance(
        &self,
        name: &str,
        version: Version,
        request: &Request,
        by: By<'_>,
        checks: &Checks<'_>,
    ) -> Result<(State, Head), Refusal> {
        by.check(name)?;
        let opened = self.opened(name, version, checks)?;
        let ask = measured::ask(&format!("models/{name}/{version}"), &opened, checks, request)?;
        let mut to = State::Draft;
        let head = self.log(name)?.append_with(|entries: &[Entry]| {
            let moved = moved(entries, name, version, &ask, (by, checks.now_s))?;
            to = moved.to;
            Ok(vec![Entry::Moved(moved)])
        })?;
        Ok((to, head))
    }

    /// Appends what moves an alias to a version, after that version passed every check; `lines` is told the log's file too.
    fn point(
        &self,
        name: &str,
        to: Version,
        by: By<'_>,
        checks: &Checks<'_>,
        mut lines: impl FnMut(&[Entry], &str) -> Result<Vec<Entry>, Refusal>,
    ) -> Result<Head, Refusal> {
        by.check(name)?;
        self.verify(name, Which::Version(to), checks)?;
        let file = format!("aliases/{name}.log");
        self.log(name)?.append_with(|entries: &[Entry]| lines(entries, &file))
    }

    /// Points an alias at a version that is newer than what it points at, after the version passed every check and is in a
    /// state that the alias allows. A champion that is replaced retires.
    ///
    /// # Errors
    /// `NoReason`, `Older`, `State`, and what `verify` refuses; `Log`, `Disk`.
    pub fn promote(
        &self,
        name: &str,
        alias: Alias,
        to: Version,
        by: By<'_>,
        checks: &Checks<'_>,
    ) -> Result<Head, Refusal> {
        self.point(name, to, by, checks, |entries, file| {
            let history = History(entries);
            let (from, state) = (history.current(alias).map(|pointed| pointed.to), history.state(to));
            if let Some(latest) = from.filter(|from| *from >= to) {
                return Err(Refusal::new(file, Why::Older { alias, asked: to, latest }));
            }
            if !alias.allows(state) {
                return Err(Refusal::new(file, Why::State { state, wanted: format!("made {alias}") }));
            }
            let mut lines = vec![pointed(alias, Action::Promote, (from, to), by, checks.now_s)];
            let before = from.filter(|before| history.state(*before) == State::Champion && alias == Alias::Champion);
            if let Some(before) = before {
                let ask = plain(Event::Retire, Evidence::new());
                lines.push(Entry::Moved(moved(entries, name, before, &ask, (by, checks.now_s))?));
            }
            Ok(lines)
        })
    }

    /// Points an alias back at a version that it pointed at before, at once and without statistics. The version must still
    /// pass every check. What traded until now is marked as rolled back; a former champion is reinstated as it was: with the
    /// edge, the ground and the consent that once made it champion.
    ///
    /// # Errors
    /// `NoReason`, `NoAlias`, `State` when the alias never pointed there or the version is not fit; what `verify` refuses;
    /// `Log`, `Disk`.
    pub fn roll_back(
        &self,
        name: &str,
        alias: Alias,
        to: Version,
        by: By<'_>,
        checks: &Checks<'_>,
    ) -> Result<Head, Refusal> {
        self.point(name, to, by, checks, |entries, file| {
            let history = History(entries);
            let current = history.current(alias).ok_or_else(|| Refusal::new(file, Why::NoAlias(alias)))?.to;
            let state = history.state(to);
            let comes_back = alias == Alias::Champion && state == State::Retired;
            let fit = comes_back || alias.serves(state);
            if !fit || to == current || !history.of(alias).any(|pointed| pointed.to == to) {
                return Err(Refusal::new(file, Why::State { state, wanted: format!("rolled back to as {alias}") }));
            }
            // The alias moves last: a write that is cut short leaves an alias that is refused, and can be done again.
            let mut lines = Vec::new();
            if history.state(current).trades() && matches!(alias, Alias::Champion | Alias::Canary) {
                let ask = plain(Event::RollBack, Evidence::new());
                lines.push(Entry::Moved(moved(entries, name, current, &ask, (by, checks.now_s))?));
            }
            if comes_back {
                let ask = reinstate(history, to);
                lines.push(Entry::Moved(moved(entries, name, to, &ask, (by, checks.now_s))?));
            }
            lines.push(pointed(alias, Action::Rollback, (Some(current), to), by, checks.now_s));
            Ok(lines)
        })
    }
}

/// An ask that needs no edge.
fn plain(event: Event, evidence: Evidence) -> Ask {
    Ask { event, evidence, edge: false, ground: Ground::Paper, consent: None }
}

fn reinstate(history: History<'_>, version: Version) -> Ask {
    let was = f64::from(u8::from(history.was_champion(version)));
    let evidence = Evidence::from([(rollout::Measure::WasChampion, was)]);
    let made = history.moves(version).rfind(|moved| moved.to == State::Champion);
    match made {
        Some(Moved { edge, ground, consent, .. }) => {
            Ask { event: Event::Reinstate, evidence, edge: *edge, ground: *ground, consent: consent.clone() }
        }
        None => plain(Event::Reinstate, evidence),
    }
}

fn moved(
    entries: &[Entry],
    name: &str,
    version: Version,
    ask: &Ask,
    (by, ts_s): (By<'_>, i64),
) -> Result<Moved, Refusal> {
    let from = History(entries).state(version);
    let refused = |refused| Refusal::new(format!("models/{name}/{version}"), Why::Rollout(refused));
    let to = rollout::next(from, ask).map_err(refused)?;
    Ok(Moved {
        ts_s,
        actor: by.actor.to_owned(),
        version,
        event: ask.event,
        from,
        to,
        reason: by.reason.to_owned(),
        evidence: ask.evidence.clone(),
        edge: ask.edge,
        ground: ask.ground,
        consent: ask.consent.clone(),
    })
}

fn pointed(alias: Alias, action: Action, (from, to): (Option<Version>, Version), by: By<'_>, ts_s: i64) -> Entry {
    Entry::Pointed(Pointed {
        ts_s,
        actor: by.actor.to_owned(),
        alias,
        action,
        from,
        to,
        reason: by.reason.to_owned(),
        evidence: by.evidence.to_vec(),
    })
}
