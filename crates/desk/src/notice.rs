//! What the world outside the market says: windows around events, freezes, sentiments. Each is a journalled fact.

use ensemble::Sentiment;
use market::{Reader, Span, State, SymbolId, Time, Torn};
use risk::{Blackout, BlackoutRefused, BlackoutScope, HaltReason};

use crate::action::{Actions, News};
use crate::desk::Desk;

/// An item, as its reader understood it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Notice {
    /// What tells it from others: a digest of the item, given by its reader. The same one is heard once.
    pub id: u64,
    /// Where it is from: a number that its reader gave the source.
    pub source: u16,
    /// When it was published: not after it was heard.
    pub published: Time,
    /// One symbol, or all of them.
    pub symbol: Option<SymbolId>,
    /// What it says.
    pub kind: NoticeKind,
}

market::state!(Notice { id, source, published, symbol, kind });

/// What a notice says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoticeKind {
    /// Something happens in this time; one moment when both are equal.
    Window {
        /// Its beginning.
        from: Time,
        /// Its end.
        until: Time,
        /// How much it moves markets.
        impact: Impact,
    },
    /// A sentiment.
    Sentiment(Sentiment),
    /// Nothing may be opened from now until this time.
    Freeze {
        /// Until before this instant.
        until: Time,
    },
}

/// How much an event moves markets, as calendars say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Impact {
    /// Much: entries are shut around it, as configured.
    #[default]
    High,
    /// Some: entries are shut around it, as configured.
    Medium,
    /// Little: nothing follows.
    Low,
    /// A holiday: nothing follows.
    Holiday,
}

market::state_enum!(Impact { High, Medium, Low, Holiday });

/// A place for `State` to load into.
impl Default for NoticeKind {
    fn default() -> Self {
        Self::Freeze { until: Time(0) }
    }
}

impl State for NoticeKind {
    fn save(&self, out: &mut Vec<u8>) {
        match self {
            Self::Window { from, until, impact } => {
                out.push(0);
                from.save(out);
                until.save(out);
                impact.save(out);
            }
            Self::Sentiment(sentiment) => {
                out.push(1);
                sentiment.save(out);
            }
            Self::Freeze { until } => {
                out.push(2);
                until.save(out);
            }
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        *self = match from.u8()? {
            0 => Self::Window { from: from.read()?, until: from.read()?, impact: from.read()? },
            1 => Self::Sentiment(from.read()?),
            2 => Self::Freeze { until: from.read()? },
            _ => return Err(Torn),
        };
        Ok(())
    }
}

/// Why a notice is not followed; nothing of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeFault {
    /// It was heard before.
    Repeated,
    /// It is about a symbol that the configuration does not have.
    UnknownSymbol,
    /// It was published after it was heard.
    NotYet,
    /// A window ends before it begins.
    Backwards,
    /// What it shuts is over.
    Over,
    /// A score is not a number from -1 to 1.
    Score,
    /// A confidence is not a number from 0 to 1.
    Confidence,
    /// A half-life is not above zero.
    HalfLife,
    /// There is no room to remember another blackout: all entries are stopped instead.
    Full,
}

market::state_enum!(NoticeFault {
    Repeated,
    UnknownSymbol,
    NotYet,
    Backwards,
    Over,
    Score,
    Confidence,
    HalfLife,
    Full
});

impl NoticeFault {
    /// The fault in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repeated => "it was heard before",
            Self::UnknownSymbol => "the configuration does not have its symbol",
            Self::NotYet => "it was published after it was heard",
            Self::Backwards => "it ends before it begins",
            Self::Over => "it is over",
            Self::Score => "its score is not from -1 to 1",
            Self::Confidence => "its confidence is not from 0 to 1",
            Self::HalfLife => "its half-life is not above zero",
            Self::Full => "there is no room for another blackout, so all entries are stopped",
        }
    }
}

/// How long entries are shut around a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// Before it.
    pub before: Span,
    /// After it.
    pub after: Span,
}

/// What follows from windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewsRules {
    /// Around what moves markets much.
    pub high: Around,
    /// Around what moves them somewhat.
    pub medium: Around,
}

/// How many items are known again.
const KNOWN: usize = 256;

/// The items that were heard last.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    ids: [u64; KNOWN],
    count: u64,
}

market::state!(Known { ids, count });

impl Known {
    pub(crate) const fn new() -> Self {
        Self { ids: [0; KNOWN], count: 0 }
    }

    fn has(&self, id: u64) -> bool {
        let filled = usize::try_from(self.count).map_or(KNOWN, |count| count.min(KNOWN));
        self.ids[..filled].contains(&id)
    }

    fn push(&mut self, id: u64) {
        self.ids[(self.count % KNOWN as u64) as usize] = id;
        self.count += 1;
    }
}

impl Desk {
    #[inline(never)]
    pub(crate) fn on_notice(&mut self, notice: &Notice, actions: &mut Actions) {
        let news = match self.follow_notice(notice) {
            Ok(shut) => {
                self.counts.noticed += 1;
                self.known.push(notice.id);
                News::Noticed { id: notice.id, shut }
            }
            Err(why) => {
                self.counts.unnoticed += 1;
                News::Unnoticed { id: notice.id, why }
            }
        };
        Self::tell(actions, news);
        if matches!(news, News::Unnoticed { why: NoticeFault::Full, .. }) {
            self.stop_entries(HaltReason::Fault, actions);
        }
    }

    /// Does what a notice wants; the time for which entries are shut, if so.
    fn follow_notice(&mut self, notice: &Notice) -> Result<Option<(Time, Time)>, NoticeFault> {
        let now = self.position.time;
        if notice.symbol.is_some_and(|symbol| usize::from(symbol.0) >= self.symbols.len()) {
            return Err(NoticeFault::UnknownSymbol);
        }
        if notice.published > now {
            return Err(NoticeFault::NotYet);
        }
        if self.known.has(notice.id) {
            return Err(NoticeFault::Repeated);
        }
        match notice.kind {
            NoticeKind::Window { from, until, impact } => {
                if until < from {
                    return Err(NoticeFault::Backwards);
                }
                let around = match impact {
                    Impact::High => self.spec.news.high,
                    Impact::Medium => self.spec.news.medium,
                    Impact::Low | Impact::Holiday => return Ok(None),
                };
                self.shut(notice.symbol, (from.plus(Span(-around.before.0)), until.plus(around.after)), now).map(Some)
            }
            NoticeKind::Freeze { until } => self.shut(notice.symbol, (now, until), now).map(Some),
            NoticeKind::Sentiment(sentiment) => {
                check(&sentiment)?;
                for (class, council) in self.spec.classes.iter().zip(&mut self.councils) {
                    if notice.symbol.is_none_or(|symbol| symbol == class.symbol) {
                        council.notice(sentiment, notice.published, now);
                    }
                }
                Ok(None)
            }
        }
    }

    fn shut(
        &mut self,
        symbol: Option<SymbolId>,
        (from, until): (Time, Time),
        now: Time,
    ) -> Result<(Time, Time), NoticeFault> {
        if until <= now || until <= from {
            return Err(NoticeFault::Over);
        }
        let scope = symbol.map_or(BlackoutScope::All, BlackoutScope::Symbol);
        match self.gate.black_out(Blackout { from, until, scope }, now) {
            Ok(()) => Ok((from, until)),
            Err(BlackoutRefused::Empty) => Err(NoticeFault::Over),
            Err(BlackoutRefused::Full) => Err(NoticeFault::Full),
        }
    }

    /// While a blackout is open, the agents of a symbol are silent too.
    pub(crate) fn silence(&mut self, place: usize, now: Time) {
        let symbol = &self.symbols[place];
        let open = |held: &&Blackout| held.from <= now && now < held.until && held.concerns(&symbol.instrument);
        let Some(until) = self.gate.blackouts().iter().filter(open).map(|held| held.until).max() else { return };
        for council in &symbol.councils {
            self.councils[*council].black_out(until);
        }
    }
}

fn check(sentiment: &Sentiment) -> Result<(), NoticeFault> {
    if !(-1.0..=1.0).contains(&sentiment.score) {
        return Err(NoticeFault::Score);
    }
    if !(0.0..=1.0).contains(&sentiment.confidence) {
        return Err(NoticeFault::Confidence);
    }
    if sentiment.half_life.0 <= 0 { Err(NoticeFault::HalfLife) } else { Ok(()) }
}
