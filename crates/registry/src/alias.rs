//! Who is champion, and how it came to be: `aliases/<model>.log`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::rollout::{Event, Evidence, Ground, Override, State};
use crate::version::Version;

/// A name that points at one version of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alias {
    /// Trades.
    Champion,
    /// Is compared with the champion.
    Challenger,
    /// Trades a share of the budget.
    Canary,
    /// Sees every tick, trades nothing.
    Shadow,
}

impl Alias {
    /// Every alias.
    pub const ALL: [Self; 4] = [Self::Champion, Self::Challenger, Self::Canary, Self::Shadow];

    /// The alias's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Challenger => "challenger",
            Self::Canary => "canary",
            Self::Shadow => "shadow",
        }
    }

    /// The alias of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alias| alias.name() == text)
    }

    /// Whether a version in that state may be used under this alias: the state may have moved on since it was pointed at.
    pub fn serves(self, state: State) -> bool {
        match self {
            Self::Champion => state == State::Champion,
            Self::Canary => state.trades(),
            Self::Challenger | Self::Shadow => state == State::Shadow || state.trades(),
        }
    }

    /// Whether a version in that state may be pointed at.
    pub fn allows(self, state: State) -> bool {
        match self {
            Self::Champion => state == State::Champion,
            Self::Canary => matches!(state, State::Canary1 | State::Canary5 | State::Canary25),
            Self::Challenger => state == State::Shadow || (state.trades() && state != State::Champion),
            Self::Shadow => state == State::Shadow,
        }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How an alias came to point where it points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Forward, to a newer version.
    Promote,
    /// Back, to a version that it pointed at before.
    Rollback,
}

/// An alias was pointed at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointed {
    /// When, in seconds since 1970 UTC.
    pub ts_s: i64,
    /// Who did it.
    pub actor: String,
    /// Which alias.
    pub alias: Alias,
    /// Forward or back.
    pub action: Action,
    /// Where it pointed.
    pub from: Option<Version>,
    /// Where it points.
    pub to: Version,
    /// Why.
    pub reason: String,
    /// What supports it: reports, digests, tickets.
    pub evidence: Vec<String>,
}

/// A version went to another state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// When, in seconds since 1970 UTC.
    pub ts_s: i64,
    /// Who did it.
    pub actor: String,
    /// Which version.
    pub version: Version,
    /// What was asked.
    pub event: Event,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub reason: String,
    /// What was measured.
    pub evidence: Evidence,
    /// Whether its report said EDGE.
    pub edge: bool,
    /// Whose money it may trade.
    pub ground: Ground,
    /// Who took a missing edge on themselves, and why.
    pub consent: Option<Override>,
}

/// One line of an alias log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Entry {
    /// An alias was pointed at a version.
    Pointed(Pointed),
    /// A version went to another state.
    Moved(Moved),
}

/// The history of one model, read from its log.
#[derive(Debug, Clone, Copy)]
pub struct History<'a>(pub &'a [Entry]);

impl<'a> History<'a> {
    /// Every move of an alias, oldest first.
    pub fn of(self, alias: Alias) -> impl DoubleEndedIterator<Item = &'a Pointed> {
        self.0.iter().filter_map(move |entry| match entry {
            Entry::Pointed(pointed) if pointed.alias == alias => Some(pointed),
            _ => None,
        })
    }

    /// Every move of a version between states, oldest first.
    pub fn moves(self, version: Version) -> impl DoubleEndedIterator<Item = &'a Moved> {
        self.0.iter().filter_map(move |entry| match entry {
            Entry::Moved(moved) if moved.version == version => Some(moved),
            _ => None,
        })
    }

    /// Where an alias points.
    pub fn current(self, alias: Alias) -> Option<&'a Pointed> {
        self.of(alias).next_back()
    }

    /// The newest version that an alias ever pointed at.
    pub fn latest(self, alias: Alias) -> Option<Version> {
        self.of(alias).map(|pointed| pointed.to).max()
    }

    /// The state of a version: that of its last move, at first a draft.
    pub fn state(self, version: Version) -> State {
        self.moves(version).next_back().map_or(State::Draft, |moved| moved.to)
    }

    /// Whose money a version may trade: as it was asked when it went to its trading state; nothing when it trades nothing.
    pub fn ground(self, version: Version) -> Option<Ground> {
        self.moves(version).next_back().filter(|moved| moved.to.trades()).map(|moved| moved.ground)
    }

    /// Whether a version was ever champion.
    pub fn was_champion(self, version: Version) -> bool {
        self.of(Alias::Champion).any(|pointed| pointed.to == version)
    }
}
