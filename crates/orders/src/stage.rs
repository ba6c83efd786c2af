//! How far a position's exit has come, as a total function of where it stands and what happened.

/// How far a position's exit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Stage {
    /// Open without a venue-side stop.
    #[default]
    Unprotected,
    /// The first stop is in force.
    Protected,
    /// A rung of the ladder has been filled since the stop last moved to break-even.
    Laddered,
    /// The stop is at break-even or better.
    BrokenEven,
    /// The stop follows the price.
    Trailing,
    /// We want all of it closed; that is never taken back.
    Closing,
    /// Gone.
    Closed,
}

market::state_enum!(Stage { Unprotected, Protected, Laddered, BrokenEven, Trailing, Closing, Closed });

/// What may happen to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// A stop was set that is neither break-even nor trailing.
    StopSet,
    /// The stop was taken away.
    StopLifted,
    /// A rung was filled and something is left.
    RungFilled,
    /// The break-even stop is in force.
    BreakEvenSet,
    /// A trailing stop is in force.
    TrailSet,
    /// We want all of it closed.
    OutWanted,
    /// A part was closed for another reason.
    Reduced,
    /// It grew, and its average entry price moved.
    Grew,
    /// All of it was closed.
    Emptied,
}

market::state_enum!(Turn {
    StopSet,
    StopLifted,
    RungFilled,
    BreakEvenSet,
    TrailSet,
    OutWanted,
    Reduced,
    Grew,
    Emptied
});

impl Stage {
    /// The stage after `turn`; `None` when that cannot happen to a position which stands here.
    pub const fn after(self, turn: Turn) -> Option<Self> {
        match self {
            Self::Unprotected => from_unprotected(turn),
            Self::Protected => from_protected(turn),
            Self::Laddered => Some(from_laddered(turn)),
            Self::BrokenEven => from_broken_even(turn),
            Self::Trailing => from_trailing(turn),
            Self::Closing => Some(from_closing(turn)),
            Self::Closed => from_closed(turn),
        }
    }
}

const fn from_unprotected(turn: Turn) -> Option<Stage> {
    match turn {
        Turn::StopSet => Some(Stage::Protected),
        Turn::StopLifted | Turn::Reduced | Turn::Grew => Some(Stage::Unprotected),
        Turn::RungFilled => Some(Stage::Laddered),
        // Break-even comes only after a rung.
        Turn::BreakEvenSet => None,
        Turn::TrailSet => Some(Stage::Trailing),
        Turn::OutWanted => Some(Stage::Closing),
        Turn::Emptied => Some(Stage::Closed),
    }
}

const fn from_protected(turn: Turn) -> Option<Stage> {
    match turn {
        Turn::StopSet | Turn::Reduced | Turn::Grew => Some(Stage::Protected),
        Turn::StopLifted => Some(Stage::Unprotected),
        Turn::RungFilled => Some(Stage::Laddered),
        Turn::BreakEvenSet => None,
        Turn::TrailSet => Some(Stage::Trailing),
        Turn::OutWanted => Some(Stage::Closing),
        Turn::Emptied => Some(Stage::Closed),
    }
}

const fn from_laddered(turn: Turn) -> Stage {
    match turn {
        Turn::StopSet | Turn::StopLifted | Turn::RungFilled | Turn::Reduced | Turn::Grew => Stage::Laddered,
        Turn::BreakEvenSet => Stage::BrokenEven,
        Turn::TrailSet => Stage::Trailing,
        Turn::OutWanted => Stage::Closing,
        Turn::Emptied => Stage::Closed,
    }
}

const fn from_broken_even(turn: Turn) -> Option<Stage> {
    match turn {
        Turn::StopSet | Turn::RungFilled | Turn::Reduced => Some(Stage::BrokenEven),
        // Without a stop, or with another entry price, break-even is to be found again.
        Turn::StopLifted | Turn::Grew => Some(Stage::Laddered),
        Turn::BreakEvenSet => None,
        Turn::TrailSet => Some(Stage::Trailing),
        Turn::OutWanted => Some(Stage::Closing),
        Turn::Emptied => Some(Stage::Closed),
    }
}

const fn from_trailing(turn: Turn) -> Option<Stage> {
    match turn {
        Turn::StopSet | Turn::StopLifted | Turn::TrailSet | Turn::Reduced | Turn::Grew => Some(Stage::Trailing),
        // The trailing stop may still be worse than break-even.
        Turn::RungFilled => Some(Stage::Laddered),
        Turn::BreakEvenSet => None,
        Turn::OutWanted => Some(Stage::Closing),
        Turn::Emptied => Some(Stage::Closed),
    }
}

const fn from_closing(turn: Turn) -> Stage {
    match turn {
        // What was under way when we wanted out may still arrive.
        Turn::StopSet
        | Turn::StopLifted
        | Turn::RungFilled
        | Turn::BreakEvenSet
        | Turn::TrailSet
        | Turn::OutWanted
        | Turn::Reduced
        | Turn::Grew => Stage::Closing,
        Turn::Emptied => Stage::Closed,
    }
}

const fn from_closed(turn: Turn) -> Option<Stage> {
    match turn {
        Turn::StopSet
        | Turn::StopLifted
        | Turn::RungFilled
        | Turn::BreakEvenSet
        | Turn::TrailSet
        | Turn::OutWanted
        | Turn::Reduced
        | Turn::Grew
        | Turn::Emptied => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: stages in their order. Columns: turns in their order. A dash is impossible.
    const TABLE: &str = "
        Unprotected Protected  Unprotected Laddered   -          Trailing Closing Unprotected Unprotected Closed
        Protected   Protected  Unprotected Laddered   -          Trailing Closing Protected   Protected   Closed
        Laddered    Laddered   Laddered    Laddered   BrokenEven Trailing Closing Laddered    Laddered    Closed
        BrokenEven  BrokenEven Laddered    BrokenEven -          Trailing Closing BrokenEven  Laddered    Closed
        Trailing    Trailing   Trailing    Laddered   -          Trailing Closing Trailing    Trailing    Closed
        Closing     Closing    Closing     Closing    Closing    Closing  Closing Closing     Closing     Closed
        Closed      -          -           -          -          -        -       -           -           -
    ";

    #[test]
    fn every_pair_is_as_the_table_says() {
        let rows: Vec<Vec<&str>> =
            TABLE.lines().map(|row| row.split_whitespace().collect()).filter(|row: &Vec<_>| !row.is_empty()).collect();
        assert_eq!(rows.len(), Stage::ALL.len());
        for (stage, row) in Stage::ALL.iter().zip(&rows) {
            assert_eq!(format!("{stage:?}"), row[0]);
            assert_eq!(row.len(), Turn::ALL.len() + 1, "{stage:?}");
            for (turn, expected) in Turn::ALL.iter().zip(&row[1..]) {
                let after = stage.after(*turn).map_or("-".to_owned(), |after| format!("{after:?}"));
                assert_eq!(&after, expected, "{stage:?} after {turn:?}");
            }
        }
    }

    #[test]
    fn break_even_needs_a_filled_rung() {
        let mut reachable = vec![Stage::Unprotected, Stage::Protected];
        for _ in Stage::ALL {
            for turn in Turn::ALL.iter().filter(|turn| **turn != Turn::RungFilled) {
                let next: Vec<Stage> = reachable.iter().filter_map(|stage| stage.after(*turn)).collect();
                reachable.extend(next);
                reachable.sort();
                reachable.dedup();
            }
        }
        assert!(!reachable.contains(&Stage::Laddered) && !reachable.contains(&Stage::BrokenEven), "{reachable:?}");
    }
}
