//! How often what happened: every pass has a reason, and every reason a count.

use ensemble::Reason;
use market::{Doubt, Judgement};
use orders::Reject;

/// Why a strategy was not even asked, or its answer not followed, before the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Idle {
    /// It holds as many positions as it wants.
    Invested,
    /// It rests after an entry or a refusal.
    Resting,
    /// Its rule wants nothing now.
    NothingWanted,
    /// A stop needs a volatility that is not known yet.
    NoVolatility,
    /// With the wider stop the trade is no longer worth its cost.
    StopTooWide,
    /// The venue's positions and ours were not found equal, or a request is in doubt.
    Unsettled,
    /// The desk is halted.
    Halted,
    /// It would trade on the word of a canary, whose budget has no room for the loss, or without a stop.
    CanaryBudget,
}

market::state_enum!(Idle {
    Invested,
    Resting,
    NothingWanted,
    NoVolatility,
    StopTooWide,
    Unsettled,
    Halted,
    CanaryBudget
});

impl Idle {
    /// The reason in a word, for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invested => "invested",
            Self::Resting => "resting",
            Self::NothingWanted => "nothing_wanted",
            Self::NoVolatility => "no_volatility",
            Self::StopTooWide => "stop_too_wide",
            Self::Unsettled => "unsettled",
            Self::Halted => "halted",
            Self::CanaryBudget => "canary_budget",
        }
    }
}

/// The counts of one symbol's ticks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TickCounts {
    /// Ticks heard.
    pub heard: u64,
    /// Ticks believed.
    pub believed: u64,
    /// Rejected ticks by the doubt that rejected them.
    pub rejected: [u64; Doubt::ALL.len()],
    /// Believed ticks by each doubt that applied all the same.
    pub flagged: [u64; Doubt::ALL.len()],
}

market::state!(TickCounts { heard, believed, rejected, flagged });

impl TickCounts {
    pub(crate) fn count(&mut self, judgement: Judgement) {
        self.heard += 1;
        if let Some(doubt) = judgement.rejection() {
            self.rejected[usize::from(doubt.code())] += 1;
            return;
        }
        self.believed += 1;
        if !judgement.is_clean() {
            for doubt in judgement.doubts() {
                self.flagged[usize::from(doubt.code())] += 1;
            }
        }
    }
}

/// The counts of everything after the ticks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Times a strategy was asked.
    pub decisions: u64,
    /// Answers that wanted to trade.
    pub signals: u64,
    /// Answers that did not, by the ensemble's reason.
    pub passed: [u64; Reason::ALL.len()],
    /// Times a strategy was not asked, or its answer not followed.
    pub idle: [u64; Idle::ALL.len()],
    /// Signals that could not be sent for want of room or reconciliation.
    pub unsent: u64,
    /// Requests sent.
    pub sent: u64,
    /// Fills heard.
    pub fills: u64,
    /// Requests rejected by the venue, by its reason.
    pub rejected: [u64; Reject::ALL.len()],
    /// Events for a symbol that nobody configured.
    pub strangers: u64,
    /// Notices that were followed.
    pub noticed: u64,
    /// Notices that were not.
    pub unnoticed: u64,
}

market::state!(Counts {
    decisions,
    signals,
    passed,
    idle,
    unsent,
    sent,
    fills,
    rejected,
    strangers,
    noticed,
    unnoticed
});

impl Counts {
    pub(crate) fn passed(&mut self, reason: Reason) {
        self.passed[usize::from(reason.code())] += 1;
    }

    pub(crate) fn idle(&mut self, idle: Idle) {
        self.idle[usize::from(idle.code())] += 1;
    }
}
