//! The life of one request, as a total function of what it is and what is heard.

/// Where a request of ours stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Life {
    /// Handed to the venue, nothing heard yet.
    #[default]
    Sent,
    /// Resting at the venue.
    Working,
    /// A part is filled, the rest may still be.
    PartlyFilled,
    /// We asked for its cancellation.
    CancelSent,
    /// We do not know what became of it: it is queried, never sent again.
    Unknown,
    /// Done. For a market order of which only a part was filled, too.
    Filled,
    /// It, or its rest, is no more.
    Cancelled,
    /// The venue refused it: nothing happened.
    Rejected,
    /// The venue never heard of it and never will.
    NeverHeard,
    /// A cancellation of an order that has ended meanwhile: whatever is heard of it no longer matters.
    Moot,
}

market::state_enum!(Life {
    Sent,
    Working,
    PartlyFilled,
    CancelSent,
    Unknown,
    Filled,
    Cancelled,
    Rejected,
    NeverHeard,
    Moot
});

/// What may be heard of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Heard {
    /// It rests at the venue, unfilled.
    Accepted,
    /// It rests at the venue, and we know of fills.
    Resumed,
    /// A part was filled, the rest may still be.
    PartFilled,
    /// It is done.
    Filled,
    /// The venue refused it.
    Refused,
    /// It, or its rest, is no more.
    Cancelled,
    /// The line broke or the answer did not come.
    Lost,
    /// The answer to a query: the venue never heard of it.
    NeverHeard,
    /// We asked for its cancellation.
    CancelAsked,
    /// The venue refused to cancel it; it was acknowledged before.
    CancelRefused,
    /// The venue refused to cancel it, and has not acknowledged it yet.
    CancelTooEarly,
    /// The order that this cancellation is about has ended.
    TargetEnded,
    /// Something of an order that ended unfilled in part was lost: it is to be queried again.
    Reopened,
    /// A report that cannot be true of it: filled more than asked, refused after a fill, answered as another kind.
    Contradicted,
}

market::state_enum!(Heard {
    Accepted,
    Resumed,
    PartFilled,
    Filled,
    Refused,
    Cancelled,
    Lost,
    NeverHeard,
    CancelAsked,
    CancelRefused,
    CancelTooEarly,
    TargetEnded,
    Reopened,
    Contradicted
});

impl Life {
    /// Whether nothing more is to come.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Sent | Self::Working | Self::PartlyFilled | Self::CancelSent | Self::Unknown => false,
            Self::Filled | Self::Cancelled | Self::Rejected | Self::NeverHeard | Self::Moot => true,
        }
    }

    /// Whether the venue owes an answer, so that its picture and ours may differ at this moment.
    pub const fn is_in_flight(self) -> bool {
        match self {
            Self::Sent | Self::CancelSent | Self::Unknown => true,
            Self::Working
            | Self::PartlyFilled
            | Self::Filled
            | Self::Cancelled
            | Self::Rejected
            | Self::NeverHeard
            | Self::Moot => false,
        }
    }

    /// The life after `heard`; `None` when that cannot be heard of a request which stands here.
    pub const fn after(self, heard: Heard) -> Option<Self> {
        match self {
            Self::Sent => from_sent(heard),
            Self::Working => from_working(heard),
            Self::PartlyFilled => from_partly_filled(heard),
            Self::CancelSent => from_cancel_sent(heard),
            Self::Unknown => from_unknown(heard),
            Self::Filled => from_filled(heard),
            Self::Cancelled => from_cancelled(heard),
            Self::Rejected => from_rejected(heard),
            Self::NeverHeard => from_never_heard(heard),
            Self::Moot => from_moot(heard),
        }
    }
}

const fn from_sent(heard: Heard) -> Option<Life> {
    match heard {
        Heard::Accepted => Some(Life::Working),
        Heard::Resumed | Heard::CancelRefused | Heard::Reopened | Heard::Contradicted => None,
        Heard::PartFilled => Some(Life::PartlyFilled),
        Heard::Filled => Some(Life::Filled),
        Heard::Refused => Some(Life::Rejected),
        Heard::Cancelled => Some(Life::Cancelled),
        Heard::Lost => Some(Life::Unknown),
        Heard::NeverHeard => Some(Life::NeverHeard),
        Heard::CancelTooEarly => Some(Life::Sent),
        Heard::CancelAsked => Some(Life::CancelSent),
        Heard::TargetEnded => Some(Life::Moot),
    }
}

const fn from_working(heard: Heard) -> Option<Life> {
    match heard {
        // A cancellation may be refused late, after a query has shown the order at work.
        Heard::Accepted | Heard::CancelRefused => Some(Life::Working),
        Heard::Refused | Heard::NeverHeard | Heard::CancelTooEarly | Heard::Reopened | Heard::Contradicted => None,
        Heard::Resumed | Heard::PartFilled => Some(Life::PartlyFilled),
        Heard::Filled => Some(Life::Filled),
        Heard::Cancelled => Some(Life::Cancelled),
        Heard::Lost => Some(Life::Unknown),
        Heard::CancelAsked => Some(Life::CancelSent),
        Heard::TargetEnded => Some(Life::Moot),
    }
}

const fn from_partly_filled(heard: Heard) -> Option<Life> {
    match heard {
        Heard::Resumed | Heard::PartFilled | Heard::CancelRefused => Some(Life::PartlyFilled),
        Heard::Accepted
        | Heard::Refused
        | Heard::NeverHeard
        | Heard::TargetEnded
        | Heard::CancelTooEarly
        | Heard::Reopened
        | Heard::Contradicted => None,
        Heard::Filled => Some(Life::Filled),
        Heard::Cancelled => Some(Life::Cancelled),
        Heard::Lost => Some(Life::Unknown),
        Heard::CancelAsked => Some(Life::CancelSent),
    }
}

const fn from_cancel_sent(heard: Heard) -> Option<Life> {
    match heard {
        // The cancellation is still under way.
        Heard::Accepted | Heard::Resumed | Heard::PartFilled => Some(Life::CancelSent),
        Heard::Filled => Some(Life::Filled),
        Heard::Refused => Some(Life::Rejected),
        Heard::Cancelled => Some(Life::Cancelled),
        Heard::Lost => Some(Life::Unknown),
        Heard::NeverHeard => Some(Life::NeverHeard),
        Heard::CancelRefused => Some(Life::Working),
        Heard::CancelTooEarly => Some(Life::Sent),
        Heard::CancelAsked | Heard::TargetEnded | Heard::Reopened | Heard::Contradicted => None,
    }
}

const fn from_unknown(heard: Heard) -> Option<Life> {
    match heard {
        Heard::Accepted => Some(Life::Working),
        Heard::Resumed | Heard::PartFilled => Some(Life::PartlyFilled),
        Heard::Filled => Some(Life::Filled),
        Heard::Refused => Some(Life::Rejected),
        Heard::Cancelled => Some(Life::Cancelled),
        Heard::Lost | Heard::CancelRefused | Heard::CancelTooEarly => Some(Life::Unknown),
        Heard::NeverHeard => Some(Life::NeverHeard),
        Heard::TargetEnded => Some(Life::Moot),
        Heard::CancelAsked | Heard::Reopened | Heard::Contradicted => None,
    }
}

const fn from_filled(heard: Heard) -> Option<Life> {
    match heard {
        Heard::Accepted | Heard::Resumed | Heard::Lost | Heard::CancelRefused | Heard::CancelTooEarly => {
            Some(Life::Filled)
        }
        Heard::Reopened => Some(Life::Unknown),
        Heard::PartFilled
        | Heard::Filled
        | Heard::Refused
        | Heard::Cancelled
        | Heard::NeverHeard
        | Heard::CancelAsked
        | Heard::TargetEnded
        | Heard::Contradicted => None,
    }
}

const fn from_cancelled(heard: Heard) -> Option<Life> {
    match heard {
        Heard::Accepted
        | Heard::Resumed
        | Heard::Cancelled
        | Heard::Lost
        | Heard::CancelRefused
        | Heard::CancelTooEarly => Some(Life::Cancelled),
        Heard::Reopened => Some(Life::Unknown),
        Heard::PartFilled
        | Heard::Filled
        | Heard::Refused
        | Heard::NeverHeard
        | Heard::CancelAsked
        | Heard::TargetEnded
        | Heard::Contradicted => None,
    }
}

const fn from_rejected(heard: Heard) -> Option<Life> {
    match heard {
        // Both say that nothing happened.
        Heard::Refused | Heard::NeverHeard | Heard::Lost | Heard::CancelRefused | Heard::CancelTooEarly => {
            Some(Life::Rejected)
        }
        Heard::Accepted
        | Heard::Resumed
        | Heard::PartFilled
        | Heard::Filled
        | Heard::Cancelled
        | Heard::CancelAsked
        | Heard::TargetEnded
        | Heard::Reopened
        | Heard::Contradicted => None,
    }
}

const fn from_never_heard(heard: Heard) -> Option<Life> {
    match heard {
        Heard::Refused | Heard::NeverHeard | Heard::Lost | Heard::CancelRefused | Heard::CancelTooEarly => {
            Some(Life::NeverHeard)
        }
        Heard::Accepted
        | Heard::Resumed
        | Heard::PartFilled
        | Heard::Filled
        | Heard::Cancelled
        | Heard::CancelAsked
        | Heard::TargetEnded
        | Heard::Reopened
        | Heard::Contradicted => None,
    }
}

const fn from_moot(heard: Heard) -> Option<Life> {
    match heard {
        Heard::Accepted | Heard::Filled | Heard::Refused | Heard::Cancelled | Heard::Lost | Heard::NeverHeard => {
            Some(Life::Moot)
        }
        Heard::Resumed
        | Heard::PartFilled
        | Heard::CancelAsked
        | Heard::CancelRefused
        | Heard::CancelTooEarly
        | Heard::TargetEnded
        | Heard::Reopened
        | Heard::Contradicted => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: lives in their order. Columns: what is heard, in its order. A dash is impossible.
    const TABLE: &str = "
        Sent         Working      -            PartlyFilled Filled       Rejected     Cancelled    Unknown      NeverHeard   CancelSent   -            Sent         Moot         -            -
        Working      Working      PartlyFilled PartlyFilled Filled       -            Cancelled    Unknown      -            CancelSent   Working      -            Moot         -            -
        PartlyFilled -            PartlyFilled PartlyFilled Filled       -            Cancelled    Unknown      -            CancelSent   PartlyFilled -            -            -            -
        CancelSent   CancelSent   CancelSent   CancelSent   Filled       Rejected     Cancelled    Unknown      NeverHeard   -            Working      Sent         -            -            -
        Unknown      Working      PartlyFilled PartlyFilled Filled       Rejected     Cancelled    Unknown      NeverHeard   -            Unknown      Unknown      Moot         -            -
        Filled       Filled       Filled       -            -            -            -            Filled       -            -            Filled       Filled       -            Unknown      -
        Cancelled    Cancelled    Cancelled    -            -            -            Cancelled    Cancelled    -            -            Cancelled    Cancelled    -            Unknown      -
        Rejected     -            -            -            -            Rejected     -            Rejected     Rejected     -            Rejected     Rejected     -            -            -
        NeverHeard   -            -            -            -            NeverHeard   -            NeverHeard   NeverHeard   -            NeverHeard   NeverHeard   -            -            -
        Moot         Moot         -            -            Moot         Moot         Moot         Moot         Moot         -            -            -            -            -            -
    ";

    #[test]
    fn every_pair_is_as_the_table_says() {
        let rows: Vec<Vec<&str>> =
            TABLE.lines().map(|row| row.split_whitespace().collect()).filter(|row: &Vec<_>| !row.is_empty()).collect();
        assert_eq!(rows.len(), Life::ALL.len());
        for (life, row) in Life::ALL.iter().zip(&rows) {
            assert_eq!(format!("{life:?}"), row[0]);
            assert_eq!(row.len(), Heard::ALL.len() + 1, "{life:?}");
            for (heard, expected) in Heard::ALL.iter().zip(&row[1..]) {
                let after = life.after(*heard).map_or("-".to_owned(), |after| format!("{after:?}"));
                assert_eq!(&after, expected, "{life:?} hears {heard:?}");
            }
        }
    }

    #[test]
    fn what_is_over_stays_over_unless_reopened() {
        for life in Life::ALL.iter().filter(|life| life.is_over()) {
            for heard in Heard::ALL.iter().filter(|heard| **heard != Heard::Reopened) {
                assert!(life.after(*heard).is_none_or(|after| after == *life), "{life:?} hears {heard:?}");
            }
        }
    }
}
