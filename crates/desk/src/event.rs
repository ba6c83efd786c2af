//! What the desk hears: numbered facts, and nothing else.

use ensemble::{CanarySpec, Digest, Rollback, Trained};
use market::{Reader, State, StrategyId, Tick, Time, Torn, Trade};
use models::paired::PairedSpec;
use orders::Report;
use risk::{Latch, Level, Operator, Scope};

use crate::notice::Notice;

/// A fact with its number and the time at which we heard it. Times never go back within a journal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Its number in the journal, from 1.
    pub seq: u64,
    /// When it was heard: the only clock the desk knows.
    pub time: Time,
    /// What was heard.
    pub fact: Fact,
}

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fact {
    /// A quote arrived.
    Ticked(Tick),
    /// Somebody traded.
    Traded(Trade),
    /// A venue answered.
    Reported(Report),
    /// A time that we asked to be woken at has come.
    Woke,
    /// A person gave an order.
    Commanded(Command),
    /// The session begins, or goes on after a restart: the venue must list its positions before anything is sent.
    Started,
    /// Something was said outside the market.
    Noticed(Notice),
}

/// What a person may order, each a journalled fact with its author.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    /// Pull the kill switch.
    Halt {
        /// Who.
        by: Operator,
        /// What is stopped.
        scope: Scope,
        /// How far.
        level: Level,
    },
    /// Release a latch.
    Rearm {
        /// Who.
        by: Operator,
        /// Which.
        latch: Latch,
    },
    /// Take over positions that reconciliation found and nobody claims, under a strategy's exits.
    Adopt {
        /// Who.
        by: Operator,
        /// The strategy that shall manage them.
        strategy: StrategyId,
    },
    /// Let a trained model, which lies on the desk's shelf, sit down at a council.
    Seat {
        /// Who.
        by: Operator,
        /// Which model, by the digest of its encoding.
        digest: Digest,
        /// The council: the place of its class in the configuration.
        class: u16,
        /// As what.
        role: Role,
        /// The model's last moment: from then on the desk itself takes it off its seat.
        until: Option<Time>,
    },
    /// Move the trained models of one seat.
    Reseat {
        /// Who.
        by: Operator,
        /// The council: the place of its class in the configuration.
        class: u16,
        /// Which seat.
        seat: Trained,
        /// How.
        how: Reseat,
        /// Why: latency and signatures are measured outside, for the desk has no clock.
        why: Rollback,
    },
    /// Let the challenger of a seat trade as a canary, or change how much; its trial goes on, and what it has cost stays.
    Stage {
        /// Who.
        by: Operator,
        /// The council: the place of its class in the configuration.
        class: u16,
        /// Which seat.
        seat: Trained,
        /// In which blocks, and within which budget.
        canary: CanarySpec,
    },
}

/// As what a trained model sits down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Role {
    /// It speaks; the one before it stays ready to come back.
    Champion,
    /// It is silent, on trial by these rules.
    Challenger(PairedSpec),
}

/// How the trained models of a seat move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Reseat {
    /// The challenger becomes the champion, and the champion is kept.
    #[default]
    Promote,
    /// The champion of before comes back.
    RollBack,
    /// The challenger leaves.
    Dismiss,
}

market::state_enum!(Reseat { Promote, RollBack, Dismiss });

/// A place for `State` to load into.
impl Default for Fact {
    fn default() -> Self {
        Self::Woke
    }
}

/// The number of the last event and its time: what a driver needs to number the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The number of the last event, 0 before the first.
    pub seq: u64,
    /// Its time.
    pub time: Time,
}

impl State for Position {
    fn save(&self, out: &mut Vec<u8>) {
        self.seq.save(out);
        self.time.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.seq.load(from)?;
        self.time.load(from)
    }
}
