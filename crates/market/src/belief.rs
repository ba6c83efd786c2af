//! Which ticks we believe, and why we doubt the others. The one validator: files, live feeds and the desk all ask it.

use crate::price::Price;
use crate::state::{Reader, State, Torn};
use crate::tick::Tick;
use crate::time::{Span, Time};

/// Why a record or tick is doubted, in the order in which the checks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// A price or size is not a number (or the record cannot be parsed at all).
    NotANumber,
    /// A price is zero or negative.
    NotPositive,
    /// A price has more digits than the instrument's grid, or is not a multiple of its step.
    OffGrid,
    /// The bid is above the ask.
    Crossed,
    /// The bid equals the ask.
    Locked,
    /// The record is older than the one before it.
    Backwards,
    /// The record repeats the one before it: same time, prices and sizes.
    Duplicate,
    /// Nothing was heard for longer than the declared gap.
    Gap,
    /// The price jumped further than the declared limit, and has not been confirmed by following records.
    Outlier,
    /// We heard it too long after it happened.
    Stale,
}

crate::state_enum!(Doubt {
    NotANumber,
    NotPositive,
    OffGrid,
    Crossed,
    Locked,
    Backwards,
    Duplicate,
    Gap,
    Outlier,
    Stale
});

impl Doubt {
    /// The doubt in a few words, for reports and quarantine files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::NotPositive => "not_positive",
            Self::OffGrid => "off_grid",
            Self::Crossed => "crossed",
            Self::Locked => "locked",
            Self::Backwards => "backwards",
            Self::Duplicate => "duplicate",
            Self::Gap => "gap",
            Self::Outlier => "outlier",
            Self::Stale => "stale",
        }
    }
}

/// What follows from a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The record is counted and goes on.
    Flag,
    /// The record is counted, quarantined and goes no further.
    Reject,
}

/// The declared schema of a quote stream: what is checked, and how strictly. Unusable numbers are always rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeliefSpec {
    /// What follows when the bid is above the ask.
    pub crossed: Severity,
    /// What follows when the bid equals the ask.
    pub locked: Severity,
    /// What follows when time goes back.
    pub backwards: Severity,
    /// What follows when a record repeats the one before it.
    pub duplicate: Severity,
    /// Silence longer than this is a gap; gaps are only ever flagged.
    pub gap: Span,
    /// What follows when a price jumps.
    pub outlier: Severity,
    /// A jump of the mid beyond this many millionths of the price is an outlier ...
    pub outlier_ppm: i64,
    /// ... until this many records in a row agree on the new level.
    pub outlier_confirmations: u8,
    /// What follows when a record is heard too late.
    pub stale: Severity,
    /// Heard later than this after it happened: stale.
    pub stale_age: Span,
}

/// The answer on one tick: every doubt that applies, and whether it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judgement {
    /// A bit per doubt, by its code.
    bits: u16,
    rejected: Option<Doubt>,
}

impl Judgement {
    /// A judgement that rejects for a reason found before a tick could be made.
    pub const fn rejected_for(doubt: Doubt) -> Self {
        Self { bits: 1 << doubt as u16, rejected: Some(doubt) }
    }

    fn add(&mut self, doubt: Doubt, severity: Severity) {
        self.bits |= 1 << doubt as u16;
        if severity == Severity::Reject && self.rejected.is_none() {
            self.rejected = Some(doubt);
        }
    }

    /// Whether the tick goes on.
    pub const fn believed(&self) -> bool {
        self.rejected.is_none()
    }

    /// The first doubt that rejected the tick.
    pub const fn rejection(&self) -> Option<Doubt> {
        self.rejected
    }

    /// Every doubt that applies, flagged or rejecting.
    pub fn doubts(&self) -> impl Iterator<Item = Doubt> + '_ {
        Doubt::ALL.iter().copied().filter(|doubt| self.has(*doubt))
    }

    /// Whether a doubt applies.
    pub const fn has(&self, doubt: Doubt) -> bool {
        self.bits & (1 << doubt as u16) != 0
    }

    /// Whether no doubt applies.
    pub const fn is_clean(&self) -> bool {
        self.bits == 0
    }
}

/// The validator of one symbol's quotes. O(1), no allocation.
#[derive(Debug, Clone)]
pub struct Belief {
    spec: BeliefSpec,
    started: bool,
    time: Time,
    bid: Price,
    ask: Price,
    bid_lots: i64,
    ask_lots: i64,
    /// Twice the mid of the last tick that was believed.
    level: i64,
    /// Twice the mid of the level that unconfirmed jumps agree on, and how many did.
    jump: i64,
    jumps: u8,
}

crate::state!(Belief { started, time, bid, ask, bid_lots, ask_lots, level, jump, jumps });

impl Belief {
    /// A validator that has seen nothing.
    pub const fn new(spec: BeliefSpec) -> Self {
        Self {
            spec,
            started: false,
            time: Time(0),
            bid: Price(0),
            ask: Price(0),
            bid_lots: 0,
            ask_lots: 0,
            level: 0,
            jump: 0,
            jumps: 0,
        }
    }

    /// The declared schema.
    pub const fn spec(&self) -> &BeliefSpec {
        &self.spec
    }

    /// Judges the next tick of the symbol and remembers it.
    #[inline]
    pub fn judge(&mut self, tick: &Tick) -> Judgement {
        let mut judgement = Judgement::default();
        if tick.bid.0 <= 0 || tick.ask.0 <= 0 {
            judgement.add(Doubt::NotPositive, Severity::Reject);
            return judgement;
        }
        if tick.bid >= tick.ask {
            if tick.bid > tick.ask {
                judgement.add(Doubt::Crossed, self.spec.crossed);
            } else {
                judgement.add(Doubt::Locked, self.spec.locked);
            }
        }
        if tick.seen.since(tick.time) > self.spec.stale_age {
            judgement.add(Doubt::Stale, self.spec.stale);
        }
        if self.started {
            self.compare(tick, &mut judgement);
        } else {
            self.level = tick.bid.0.saturating_add(tick.ask.0);
            self.started = true;
        }
        if !judgement.has(Doubt::Backwards) {
            self.time = tick.time;
        }
        (self.bid, self.ask) = (tick.bid, tick.ask);
        (self.bid_lots, self.ask_lots) = (tick.bid_lots.0, tick.ask_lots.0);
        judgement
    }

    #[inline]
    fn compare(&mut self, tick: &Tick, judgement: &mut Judgement) {
        if tick.time < self.time {
            judgement.add(Doubt::Backwards, self.spec.backwards);
        } else if tick.time == self.time && self.repeats(tick) {
            judgement.add(Doubt::Duplicate, self.spec.duplicate);
        }
        if tick.time.since(self.time) > self.spec.gap {
            judgement.add(Doubt::Gap, Severity::Flag);
        }
        let level = tick.bid.0.saturating_add(tick.ask.0);
        if !self.is_far(level, self.level) {
            self.jumps = 0;
        } else if !self.confirms(level) {
            judgement.add(Doubt::Outlier, self.spec.outlier);
        }
        if judgement.believed() {
            self.level = level;
        }
    }

    fn repeats(&self, tick: &Tick) -> bool {
        (tick.bid, tick.ask) == (self.bid, self.ask)
            && (tick.bid_lots.0, tick.ask_lots.0) == (self.bid_lots, self.ask_lots)
    }

    fn is_far(&self, level: i64, from: i64) -> bool {
        let jump = i128::from(level.abs_diff(from)) * 1_000_000;
        jump > i128::from(from) * i128::from(self.spec.outlier_ppm)
    }

    /// Counts a jump; true once enough records in a row agree on the new level.
    fn confirms(&mut self, level: i64) -> bool {
        let agrees = self.jumps > 0 && !self.is_far(level, self.jump);
        self.jumps = if agrees { self.jumps.saturating_add(1) } else { 1 };
        self.jump = level;
        if self.jumps <= self.spec.outlier_confirmations {
            return false;
        }
        self.jumps = 0;
        true
    }
}

impl State for Judgement {
    fn save(&self, out: &mut Vec<u8>) {
        self.bits.save(out);
        self.rejected.map_or(u8::MAX, Doubt::code).save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.bits.load(from)?;
        let code = from.u8()?;
        self.rejected = if code == u8::MAX { None } else { Some(*Doubt::ALL.get(usize::from(code)).ok_or(Torn)?) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::SymbolId;
    use crate::lots::Lots;

    fn spec() -> BeliefSpec {
        BeliefSpec {
            crossed: Severity::Reject,
            locked: Severity::Flag,
            backwards: Severity::Reject,
            duplicate: Severity::Reject,
            gap: Span::MINUTE,
            outlier: Severity::Reject,
            outlier_ppm: 5_000,
            outlier_confirmations: 3,
            stale: Severity::Reject,
            stale_age: Span::from_secs(2),
        }
    }

    /// Ticks as `seconds:bid/ask`, judgements as the doubts of each tick; `!` marks a rejection.
    fn check(ticks: &str, expected: &str) {
        let mut belief = Belief::new(spec());
        let judged: Vec<String> = ticks
            .split_whitespace()
            .map(|text| {
                let (time, prices) = text.split_once(':').unwrap();
                let (bid, ask) = prices.split_once('/').unwrap();
                let time = Time(time.parse::<i64>().unwrap() * 1_000_000_000);
                let judgement = belief.judge(&Tick {
                    symbol: SymbolId(0),
                    time,
                    seen: time,
                    bid: Price(bid.parse().unwrap()),
                    ask: Price(ask.parse().unwrap()),
                    bid_lots: Lots(0),
                    ask_lots: Lots(0),
                });
                let names: Vec<_> = judgement.doubts().map(Doubt::name).collect();
                let mark = if judgement.believed() { "" } else { "!" };
                if names.is_empty() { "ok".into() } else { format!("{mark}{}", names.join("+")) }
            })
            .collect();
        assert_eq!(judged.join(" "), expected, "{ticks}");
    }

    #[test]
    fn each_doubt_is_found() {
        check("0:100000/100010 1:100010/100000", "ok !crossed");
        check("0:100000/100010 1:100010/100010", "ok locked");
        check("5:100000/100010 4:100000/100011 5:100001/100011", "ok !backwards ok");
        check("5:100000/100010 5:100000/100010 5:100001/100010", "ok !duplicate ok");
        check("0:100000/100010 61:100000/100010", "ok gap");
        check("0:0/10 1:-5/10", "!not_positive !not_positive");
    }

    #[test]
    fn a_spike_is_rejected_and_a_new_level_is_believed_once_confirmed() {
        check("0:100000/100010 1:150000/150010 2:100000/100011", "ok !outlier ok");
        check(
            "0:100000/100010 1:150000/150010 2:150001/150010 3:150002/150010 4:150002/150012 5:150003/150012",
            "ok !outlier !outlier !outlier ok ok",
        );
    }

    #[test]
    fn late_ticks_are_stale() {
        let mut belief = Belief::new(spec());
        let tick = Tick {
            symbol: SymbolId(0),
            time: Time(0),
            seen: Time::from_millis(2_001),
            bid: Price(1),
            ask: Price(2),
            bid_lots: Lots(0),
            ask_lots: Lots(0),
        };
        assert_eq!(belief.judge(&tick).rejection(), Some(Doubt::Stale));
    }

    #[test]
    fn saved_and_loaded_it_judges_alike() {
        let mut belief = Belief::new(spec());
        let tick = |i: i64| Tick {
            symbol: SymbolId(0),
            time: Time(i * 1_000_000_000),
            seen: Time(i * 1_000_000_000),
            bid: Price(100_000 + (i * 7919) % 13),
            ask: Price(100_005 + (i * 104_729) % 11),
            bid_lots: Lots(0),
            ask_lots: Lots(0),
        };
        for i in 0..50 {
            let _ = belief.judge(&tick(i));
        }
        let mut bytes = Vec::new();
        belief.save(&mut bytes);
        let mut twin = Belief::new(spec());
        twin.load(&mut Reader::new(&bytes)).unwrap();
        assert!((50..100).all(|i| belief.judge(&tick(i)) == twin.judge(&tick(i))));
    }
}
