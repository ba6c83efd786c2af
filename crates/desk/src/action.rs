//! What the desk wants, and what it has to tell.

use ensemble::{Chair, Digest, Drifted, Misfit, Rollback, Trained, Unstaged};
use market::{StrategyId, SymbolId, Time};
use models::paired::Decision as Ruling;
use orders::{
    ClosedTrade, Failure, Impossible, ImpossibleTurn, Opening, OrderId, Request, Surprise, Unadopted, Unanswered,
    Unsent,
};
use risk::{Halt, Latch, Operator, Rearmed, Refusal};

use crate::event::Reseat;
use crate::notice::NoticeFault;

/// One thing that follows from an event. The order within one event matters.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Send this to the venue.
    Send(Request),
    /// Ask the venue what became of a request.
    Query(OrderId),
    /// Ask the venue for its list of positions.
    List,
    /// Come back no later than this, whatever happens in between.
    WakeAt(Time),
    /// Nothing to do; something that somebody will want to read.
    Tell(News),
}

/// What happened inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum News {
    /// A signal was refused by the gate, or could not be sent.
    Refused {
        /// Whose.
        strategy: StrategyId,
        /// Of what.
        symbol: SymbolId,
        /// Why.
        refusal: Refusal,
    },
    /// What the gate approved could not be made a request: an alarm, because entries are asked about before they are
    /// proposed.
    Unsent {
        /// Whose.
        strategy: StrategyId,
        /// Of what.
        symbol: SymbolId,
        /// Why.
        why: Unsent,
    },
    /// A limit was passed and stays shut until a named person re-arms it.
    Latched(Latch),
    /// A named person re-armed a latch.
    Rearmed(Rearmed),
    /// A named person wanted a latch re-armed that was not shut, or does not exist.
    NotLatched {
        /// Who.
        by: Operator,
        /// What.
        latch: Latch,
    },
    /// A named person had so many differences to the venue's list adopted.
    Adopted {
        /// Who.
        by: Operator,
        /// How many.
        differences: u32,
    },
    /// The differences could not be adopted: entries stay shut.
    NotAdopted {
        /// Who wanted it.
        by: Operator,
        /// Why not.
        why: Unadopted,
    },
    /// A trained model sat down at the council of a class.
    Seated {
        /// The class's place.
        class: u16,
        /// Which model.
        digest: Digest,
        /// Which seat.
        seat: Trained,
        /// As what.
        chair: Chair,
    },
    /// A trained model could not sit down; nothing has changed.
    Unseated {
        /// The class's place.
        class: u16,
        /// Which model.
        digest: Digest,
        /// Why not.
        why: Unseated,
    },
    /// The trained models of a seat moved; `moved` is false when there was nobody to move.
    Reseated {
        /// The class's place.
        class: u16,
        /// Which seat.
        seat: Trained,
        /// How.
        how: Reseat,
        /// Why.
        why: Rollback,
        /// Whether anything changed.
        moved: bool,
    },
    /// A challenger's trial has come to its end.
    Ruled {
        /// The class's place.
        class: u16,
        /// Which seat.
        seat: Trained,
        /// What it says.
        ruling: Ruling,
    },
    /// The desk took a trained model off its seat, or sent a challenger away.
    Withdrawn {
        /// The class's place.
        class: u16,
        /// Which seat.
        seat: Trained,
        /// As what it sat there.
        chair: Chair,
        /// Why.
        why: Rollback,
        /// Whether the champion of before has the seat back; an emptied seat says nothing.
        back: bool,
    },
    /// The losses, the calibration or an input of a trained model have moved. Moved inputs alone change nothing.
    Drifted {
        /// The class's place.
        class: u16,
        /// Which seat.
        seat: Trained,
        /// As what it sits there.
        chair: Chair,
        /// What moved.
        what: Drifted,
    },
    /// A challenger trades in its blocks from now on.
    Staged {
        /// The class's place.
        class: u16,
        /// Which seat.
        seat: Trained,
    },
    /// A challenger cannot trade so; nothing has changed.
    Unstaged {
        /// The class's place.
        class: u16,
        /// Which seat.
        seat: Trained,
        /// Why not.
        why: Unstaged,
    },
    /// A notice is followed.
    Noticed {
        /// Which.
        id: u64,
        /// From and until when entries are shut, if so.
        shut: Option<(Time, Time)>,
    },
    /// A notice is not followed; nothing of it is.
    Unnoticed {
        /// Which.
        id: u64,
        /// Why not.
        why: NoticeFault,
    },
    /// A position was opened, or grew.
    Opened(Opening),
    /// A position, or a part of it, was closed.
    Closed(ClosedTrade),
    /// A request came to nothing.
    Failed(Failure),
    /// The kill switch was pulled.
    Halted(Halt),
    /// A request stays unanswered.
    Unanswered(Unanswered),
    /// The venue reported what we did not know of.
    Surprised(Surprise),
    /// The venue reported what cannot be true of a request.
    Contradicted(Impossible),
    /// The venue reported what cannot be true of a position.
    Confused(ImpossibleTurn),
    /// The venue's list and ours differ in so many places.
    Differs {
        /// How many.
        differences: u32,
    },
    /// The venue's list and ours agree.
    Agrees,
    /// The venue warns that margin runs out.
    MarginCalled,
}

/// Why a trained model could not sit down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unseated {
    /// It does not lie on the shelf: whoever drives the desk must put it there first.
    NotOnShelf,
    /// The configuration has no class at this place.
    UnknownClass,
    /// It was trained for something else.
    Misfit(Misfit),
}

/// The actions of one event, in order, within a room that is made once.
#[derive(Debug)]
pub struct Actions {
    list: Vec<Action>,
    lost: u64,
}

impl Actions {
    /// No actions, and room for `capacity`.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { list: Vec::with_capacity(capacity), lost: 0 }
    }

    /// Forgets what is there, keeps the room.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    pub(crate) fn push(&mut self, action: Action) {
        if self.list.len() < self.list.capacity() {
            self.list.push(action);
        } else {
            self.lost += 1;
        }
    }

    /// Takes the actions out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> + '_ {
        self.list.drain(..)
    }

    /// The actions, in order.
    pub fn as_slice(&self) -> &[Action] {
        &self.list
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many did not fit, ever: must stay zero, or the room is too small for this desk.
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}
