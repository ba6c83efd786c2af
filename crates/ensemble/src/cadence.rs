//! Which ticks are moments: the same rule takes a dataset's rows and steps a net that was taught on them.

use market::{Points, Reader, Span, State, Tick, Time, Torn};

/// Which moments are taken. A crossed tick never is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// The first tick at least this long after the moment before: the rule of the councils' own samples.
    Time(Span),
    /// Every so many believed ticks of the symbol.
    Ticks(u32),
    /// The first tick whose mid is at least this far from the mid of the moment before.
    Move(Points),
}

impl Cadence {
    /// The rule in a word and a number, as it stands in a file.
    pub fn text(&self) -> String {
        match self {
            Self::Time(span) => format!("time {} ms", span.as_millis()),
            Self::Ticks(n) => format!("ticks {n}"),
            Self::Move(points) => format!("move {} points", points.0),
        }
    }

    /// The rule of such a text; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (rule, number) = (words.next()?, words.next()?.parse::<i64>().ok()?);
        let cadence = match (rule, words.next(), words.next()) {
            ("time", Some("ms"), None) => Self::Time(Span(number.checked_mul(1_000_000)?)),
            ("ticks", None, None) => Self::Ticks(u32::try_from(number).ok()?),
            ("move", Some("points"), None) => Self::Move(Points(number)),
            _ => return None,
        };
        cadence.is_sound().then_some(cadence)
    }

    /// Whether there is ever a moment, and not everything is one at once: its number is positive.
    pub const fn is_sound(&self) -> bool {
        match self {
            Self::Time(span) => span.0 > 0,
            Self::Ticks(n) => *n > 0,
            Self::Move(points) => points.0 > 0,
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let (code, number) = match self {
            Self::Time(span) => (0, span.0),
            Self::Ticks(n) => (1, i64::from(*n)),
            Self::Move(points) => (2, points.0),
        };
        out.push(code);
        number.save(out);
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<Self, Torn> {
        let (code, number) = (from.u8()?, from.read::<i64>()?);
        let cadence = match code {
            0 => Self::Time(Span(number)),
            1 => Self::Ticks(u32::try_from(number).map_err(|_| Torn)?),
            2 => Self::Move(Points(number)),
            _ => return Err(Torn),
        };
        if cadence.is_sound() { Ok(cadence) } else { Err(Torn) }
    }
}

/// Finds the moments of a cadence in a stream of believed ticks of one symbol. Time that goes back counts as standing still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sampler {
    heard: Option<Time>,
    /// When the last moment was, and its bid plus ask.
    sampled: Option<(Time, i64)>,
    /// Uncrossed ticks since.
    ticks: u32,
}

market::state!(Sampler { heard, sampled, ticks });

impl Sampler {
    /// Hears the next tick; whether it is a moment.
    pub fn hear(&mut self, cadence: Cadence, tick: &Tick) -> bool {
        let now = self.heard.map_or(tick.time, |heard| heard.max(tick.time));
        self.heard = Some(now);
        if tick.spread().0 < 0 {
            return false;
        }
        self.ticks = self.ticks.saturating_add(1);
        let mids = tick.bid.0.saturating_add(tick.ask.0);
        let due = self.sampled.is_none_or(|(then, before)| match cadence {
            Cadence::Time(span) => tick.time.since(then) >= span,
            Cadence::Ticks(n) => self.ticks >= n,
            Cadence::Move(points) => mids.saturating_sub(before).saturating_abs() >= points.0.saturating_mul(2),
        });
        if due {
            (self.ticks, self.sampled) = (0, Some((now, mids)));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_its_rule() {
        for cadence in [Cadence::Time(Span::SECOND), Cadence::Ticks(50), Cadence::Move(Points(4))] {
            assert_eq!(Cadence::parse(&cadence.text()), Some(cadence));
            let mut bytes = Vec::new();
            cadence.encode(&mut bytes);
            assert_eq!(Cadence::decode(&mut Reader::new(&bytes)), Ok(cadence));
            assert!(Cadence::decode(&mut Reader::new(&bytes[..8])).is_err());
        }
        for text in
            ["", "time 5", "time 5 s", "ticks 0", "ticks -1", "ticks 5000000000", "move 3 points more", "hour 1 ms"]
        {
            assert_eq!(Cadence::parse(text), None, "{text}");
        }
    }
}
