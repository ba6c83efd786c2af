//! Controls on when: session windows and blackouts.

use crate::limits::SessionWindow;
use crate::refusal::{Refusal, Verdict};
use market::{Currency, Instrument, Reader, State, SymbolId, Time, Torn};

/// How many blackouts a gate remembers.
pub const BLACKOUTS_MAX: usize = 256;

/// What a blackout concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlackoutScope {
    /// Every symbol.
    All,
    /// One symbol.
    Symbol(SymbolId),
    /// Every symbol that has this currency on either side.
    Currency(Currency),
}

/// A stretch of time in which nothing is opened, for example around a news release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blackout {
    /// From this instant.
    pub from: Time,
    /// Until before this one.
    pub until: Time,
    /// For what.
    pub scope: BlackoutScope,
}

impl Blackout {
    /// Whether it is about an instrument.
    pub fn concerns(&self, instrument: &Instrument) -> bool {
        match self.scope {
            BlackoutScope::All => true,
            BlackoutScope::Symbol(symbol) => symbol == instrument.symbol,
            BlackoutScope::Currency(currency) => currency == instrument.base || currency == instrument.quote,
        }
    }
}

/// Why a blackout was not remembered. The caller must then stop entries in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlackoutRefused {
    /// There are [`BLACKOUTS_MAX`] of them that have not ended yet.
    Full,
    /// It ends before it begins.
    Empty,
}

/// The blackouts that have not ended yet.
#[derive(Debug, Clone)]
pub struct Blackouts {
    held: Vec<Blackout>,
}

impl Blackouts {
    /// None yet, with room for [`BLACKOUTS_MAX`].
    pub fn new() -> Self {
        Self { held: Vec::with_capacity(BLACKOUTS_MAX) }
    }

    /// Remembers a blackout and forgets those that are over.
    ///
    /// # Errors
    /// [`BlackoutRefused`] says why it was not remembered.
    pub fn add(&mut self, blackout: Blackout, now: Time) -> Result<(), BlackoutRefused> {
        if blackout.until <= blackout.from {
            return Err(BlackoutRefused::Empty);
        }
        self.held.retain(|held| now < held.until);
        if self.held.contains(&blackout) {
            return Ok(());
        }
        if self.held.len() >= BLACKOUTS_MAX {
            return Err(BlackoutRefused::Full);
        }
        self.held.push(blackout);
        Ok(())
    }

    /// The blackouts that are remembered.
    pub fn held(&self) -> &[Blackout] {
        &self.held
    }
}

impl Default for Blackouts {
    fn default() -> Self {
        Self::new()
    }
}

/// No blackout of the instrument may be open.
#[inline]
pub fn blackout(blackouts: &Blackouts, instrument: &Instrument, now: Time) -> Verdict {
    let open = |held: &&Blackout| held.from <= now && now < held.until && held.concerns(instrument);
    match blackouts.held.iter().find(open) {
        Some(held) => Verdict::when(false, Refusal::Blackout { from: held.from, until: held.until }),
        None => Verdict::when(true, Refusal::Blackout { from: Time::MAX, until: now }),
    }
}

/// One of the windows must be open; none at all means never.
#[inline]
pub fn session(windows: &[SessionWindow], now: Time) -> Verdict {
    let (since_midnight, weekday) = (now.of_day(), now.weekday());
    let open = |window: &SessionWindow| {
        window.weekdays & (1 << weekday) != 0 && window.from <= since_midnight && since_midnight < window.until
    };
    let measure = Refusal::OutsideSession { since_midnight, weekday: u32::from(weekday) };
    Verdict::when(windows.iter().any(open), measure)
}

impl State for Blackout {
    fn save(&self, out: &mut Vec<u8>) {
        self.from.save(out);
        self.until.save(out);
        match self.scope {
            BlackoutScope::All => out.push(0),
            BlackoutScope::Symbol(symbol) => {
                out.push(1);
                symbol.save(out);
            }
            BlackoutScope::Currency(currency) => {
                let mut code = [0_u8; 8];
                code[..currency.code().len()].copy_from_slice(currency.code().as_bytes());
                out.push(2);
                code.save(out);
            }
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.from.load(from)?;
        self.until.load(from)?;
        self.scope = match from.u8()? {
            0 => BlackoutScope::All,
            1 => BlackoutScope::Symbol(from.read()?),
            2 => {
                let code = from.take::<8>()?;
                let text = std::str::from_utf8(&code).map_err(|_| Torn)?.trim_end_matches('\0');
                BlackoutScope::Currency(Currency::new(text).ok_or(Torn)?)
            }
            _ => return Err(Torn),
        };
        Ok(())
    }
}

impl State for Blackouts {
    fn save(&self, out: &mut Vec<u8>) {
        self.held.len().save(out);
        self.held.iter().for_each(|held| held.save(out));
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let len: usize = from.read()?;
        if len > BLACKOUTS_MAX {
            return Err(Torn);
        }
        self.held.clear();
        for _ in 0..len {
            let mut held = Blackout { from: Time(0), until: Time(0), scope: BlackoutScope::All };
            held.load(from)?;
            self.held.push(held);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::eurusd;
    use market::Span;

    #[test]
    fn sessions_open_and_close_to_the_nanosecond() {
        let window = SessionWindow { weekdays: 0b1_0000, from: Span::HOUR, until: Span(2 * Span::HOUR.0) };
        let friday = Time::from_date(2014, 5, 2);
        let open = |time: Time| session(&[window], time).passed;
        assert!(!open(friday.plus(Span(Span::HOUR.0 - 1))) && open(friday.plus(Span::HOUR)));
        assert!(open(friday.plus(Span(2 * Span::HOUR.0 - 1))) && !open(friday.plus(Span(2 * Span::HOUR.0))));
        assert!(!open(friday.plus(Span(25 * Span::HOUR.0))), "Saturday");
        assert!(!session(&[], friday).passed);
    }

    #[test]
    fn blackouts_concern_symbols_and_currencies() {
        let mut blackouts = Blackouts::new();
        let euro = BlackoutScope::Currency(Currency::new("EUR").unwrap());
        let held = Blackout { from: Time(10), until: Time(20), scope: euro };
        assert_eq!(blackouts.add(held, Time(0)), Ok(()));
        assert_eq!(blackouts.add(Blackout { until: Time(10), ..held }, Time(0)), Err(BlackoutRefused::Empty));
        let open = |blackouts: &Blackouts, at| !blackout(blackouts, &eurusd(), Time(at)).passed;
        assert!(!open(&blackouts, 9) && open(&blackouts, 10) && open(&blackouts, 19) && !open(&blackouts, 20));
        let mut bytes = Vec::new();
        blackouts.save(&mut bytes);
        let mut restored = Blackouts::new();
        assert_eq!(restored.load(&mut Reader::new(&bytes)), Ok(()));
        assert_eq!(restored.held(), blackouts.held());
        let yen = BlackoutScope::Currency(Currency::new("JPY").unwrap());
        assert_eq!(blackouts.add(Blackout { scope: yen, ..held }, Time(20)), Ok(()));
        assert_eq!(blackouts.held().len(), 1, "what is over is forgotten");
        for n in 1..BLACKOUTS_MAX as u16 {
            let scope = BlackoutScope::Symbol(SymbolId(n));
            assert_eq!(blackouts.add(Blackout { until: Time(30), scope, ..held }, Time(15)), Ok(()));
        }
        assert_eq!(blackouts.add(Blackout { until: Time(31), ..held }, Time(15)), Err(BlackoutRefused::Full));
    }
}
