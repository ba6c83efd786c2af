//! When rows are taken, and what they are labelled with.

use config::Config;
use ensemble::{Barrier, LabelSpec};
use features::Feature;
use market::{Span, SymbolId};

use crate::fault::Fault;

/// Which moments become rows. A crossed tick never does.
pub use ensemble::Cadence as Sampling;

/// Who chooses the side that the meta-label is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Primary {
    /// Nobody: no meta-labels.
    Absent,
    /// The sign of a feature: a positive value buys, a negative one sells, zero or not ready abstains.
    Sign(Feature),
}

/// What a dataset is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatasetSpec {
    /// Which symbol of the configuration.
    pub symbol: SymbolId,
    /// What the labels are about.
    pub barrier: Barrier,
    /// From a decision to its fill.
    pub latency: Span,
    /// A silence longer than this voids pending labels.
    pub silence: Span,
    /// Which moments become rows.
    pub sampling: Sampling,
    /// How many rows may be unresolved at once, at most 4,194,304; what is beyond is not taken and counted.
    pub pending_max: usize,
    /// Who chooses the side of the meta-label.
    pub primary: Primary,
    /// Moves of the symbol's leader become rows too, while the symbol's own quote is not older than this; zero: its own
    /// quotes only. As the class's council listens.
    pub leader_moves: Span,
}

/// The most rows that may be unresolved at once.
pub const PENDING_MAX: usize = 1 << 22;

impl DatasetSpec {
    /// What the council of a class of the configuration learns from: its barrier, latency, silence and cadence.
    ///
    /// # Errors
    /// [`Fault::Asked`] when the configuration has no such symbol or no such class for it.
    pub fn of_class(config: &Config, symbol: &str, class: &str) -> Result<Self, Fault> {
        let symbols = &config.desk.symbols;
        let place = symbols.iter().position(|known| known.instrument.name.eq_ignore_ascii_case(symbol));
        let place = place.ok_or_else(|| Fault::Asked("symbol", format!("{symbol} is not in the configuration")))?;
        let symbol = SymbolId(place as u16);
        let found = config.desk.classes.iter().find(|known| known.name == class && known.symbol == symbol);
        let found =
            found.ok_or_else(|| Fault::Asked("class", format!("the configuration has no class \"{class}\" of it")))?;
        let labels: LabelSpec = found.council.labels;
        Ok(Self {
            symbol,
            barrier: found.council.barrier,
            latency: labels.latency,
            silence: labels.silence,
            sampling: Sampling::Time(labels.cadence),
            pending_max: 1 << 16,
            primary: Primary::Absent,
            leader_moves: found.council.leader_moves,
        })
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`Fault::Asked`] with the first part that does not.
    pub fn check(&self) -> Result<(), Fault> {
        let asked = |part, what: &str| Err(Fault::Asked(part, what.to_owned()));
        if let Err(fault) = self.barrier.check() {
            return Err(Fault::Asked("barrier", format!("{fault:?} is out of range")));
        }
        if self.latency.0 < 0 {
            return asked("latency", "cannot be negative");
        }
        if self.silence.0 <= 0 {
            return asked("silence", "must be positive");
        }
        if !(1..=PENDING_MAX).contains(&self.pending_max) {
            return asked("pending_max", "must be 1 to 4,194,304");
        }
        match self.sampling {
            Sampling::Time(span) if span.0 <= 0 => asked("sampling", "the time between rows must be positive"),
            Sampling::Ticks(0) => asked("sampling", "the ticks between rows must be at least 1"),
            Sampling::Move(points) if points.0 <= 0 => asked("sampling", "the move between rows must be positive"),
            Sampling::Time(_) | Sampling::Ticks(_) | Sampling::Move(_) => Ok(()),
        }
    }

    /// The labels' part; which moments become rows is the sampling's.
    pub(crate) const fn labels(&self) -> LabelSpec {
        LabelSpec { cadence: Span(0), latency: self.latency, capacity: self.pending_max, silence: self.silence }
    }
}
