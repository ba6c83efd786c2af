//! What each symbol's grid is.

use std::collections::BTreeMap;

use market::{Currency, Instrument, Lots, MarginClass, Points, SymbolId};

use crate::error::{Fault, FeedError};

/// What kind of thing a symbol is, as far as reading its data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A currency pair: one lot is 100,000 of the base currency.
    Pair,
    /// A metal: one lot is a number of ounces.
    Metal,
    /// A coin: one lot is one coin.
    Coin,
    /// An inverse contract, worth a number of the quote currency. Its quotes can be studied; money computed on it by
    /// [`Instrument::value`] would be wrong, so it must not be traded.
    QuotesOnly,
}

/// (name, digits, pip in points, volume digits, contract size, base, quote, class, kind)
type Row = (&'static str, u8, i64, u8, i64, &'static str, &'static str, MarginClass, Kind);

use Kind::{Coin, Metal, Pair, QuotesOnly};
use MarginClass::{Crypto, MajorPair as Major, MinorPairGoldIndex as Minor};

/// The built-in symbols. Digits are those that the finest feed prints (five-digit FX, three for JPY; gold as OANDA and
/// Dukascopy print it, 1291.677; BTCUSD as Dukascopy prints it, price x 10; coins as Binance prints them).
/// A pip is 0.0001 (0.01 for JPY, 0.1 for gold, 0.01 for silver, 1 for coins quoted in USD). FX volume is in
/// hundredths of a lot. A broker's own digits, lot limits and stop levels come from the configuration.
const ROWS: &[Row] = &[
    ("EURUSD", 5, 10, 2, 100_000, "EUR", "USD", Major, Pair),
    ("GBPUSD", 5, 10, 2, 100_000, "GBP", "USD", Major, Pair),
    ("USDJPY", 3, 10, 2, 100_000, "USD", "JPY", Major, Pair),
    ("USDCHF", 5, 10, 2, 100_000, "USD", "CHF", Major, Pair),
    ("USDCAD", 5, 10, 2, 100_000, "USD", "CAD", Major, Pair),
    ("EURGBP", 5, 10, 2, 100_000, "EUR", "GBP", Major, Pair),
    ("EURJPY", 3, 10, 2, 100_000, "EUR", "JPY", Major, Pair),
    ("GBPJPY", 3, 10, 2, 100_000, "GBP", "JPY", Major, Pair),
    ("EURCHF", 5, 10, 2, 100_000, "EUR", "CHF", Major, Pair),
    ("EURCAD", 5, 10, 2, 100_000, "EUR", "CAD", Major, Pair),
    ("GBPCHF", 5, 10, 2, 100_000, "GBP", "CHF", Major, Pair),
    ("GBPCAD", 5, 10, 2, 100_000, "GBP", "CAD", Major, Pair),
    ("CADJPY", 3, 10, 2, 100_000, "CAD", "JPY", Major, Pair),
    ("CADCHF", 5, 10, 2, 100_000, "CAD", "CHF", Major, Pair),
    ("CHFJPY", 3, 10, 2, 100_000, "CHF", "JPY", Major, Pair),
    ("AUDUSD", 5, 10, 2, 100_000, "AUD", "USD", Minor, Pair),
    ("NZDUSD", 5, 10, 2, 100_000, "NZD", "USD", Minor, Pair),
    ("EURAUD", 5, 10, 2, 100_000, "EUR", "AUD", Minor, Pair),
    ("EURNZD", 5, 10, 2, 100_000, "EUR", "NZD", Minor, Pair),
    ("GBPAUD", 5, 10, 2, 100_000, "GBP", "AUD", Minor, Pair),
    ("GBPNZD", 5, 10, 2, 100_000, "GBP", "NZD", Minor, Pair),
    ("AUDJPY", 3, 10, 2, 100_000, "AUD", "JPY", Minor, Pair),
    ("NZDJPY", 3, 10, 2, 100_000, "NZD", "JPY", Minor, Pair),
    ("AUDNZD", 5, 10, 2, 100_000, "AUD", "NZD", Minor, Pair),
    ("AUDCAD", 5, 10, 2, 100_000, "AUD", "CAD", Minor, Pair),
    ("AUDCHF", 5, 10, 2, 100_000, "AUD", "CHF", Minor, Pair),
    ("NZDCAD", 5, 10, 2, 100_000, "NZD", "CAD", Minor, Pair),
    ("NZDCHF", 5, 10, 2, 100_000, "NZD", "CHF", Minor, Pair),
    ("USDSEK", 5, 10, 2, 100_000, "USD", "SEK", Minor, Pair),
    ("USDNOK", 5, 10, 2, 100_000, "USD", "NOK", Minor, Pair),
    ("USDMXN", 5, 10, 2, 100_000, "USD", "MXN", Minor, Pair),
    ("USDSGD", 5, 10, 2, 100_000, "USD", "SGD", Minor, Pair),
    ("USDCNH", 5, 10, 2, 100_000, "USD", "CNH", Minor, Pair),
    ("USDZAR", 5, 10, 2, 100_000, "USD", "ZAR", Minor, Pair),
    ("USDTRY", 5, 10, 2, 100_000, "USD", "TRY", Minor, Pair),
    ("XAUUSD", 3, 100, 2, 100, "XAU", "USD", Minor, Metal),
    ("XAGUSD", 5, 1_000, 2, 5_000, "XAG", "USD", MarginClass::Commodity, Metal),
    ("BTCUSD", 1, 10, 5, 1, "BTC", "USD", Crypto, Coin),
    ("ETHUSD", 1, 10, 5, 1, "ETH", "USD", Crypto, Coin),
    ("BTCUSDT", 2, 100, 5, 1, "BTC", "USDT", Crypto, Coin),
    ("ETHUSDT", 2, 100, 4, 1, "ETH", "USDT", Crypto, Coin),
    ("XRPUSDT", 4, 1, 1, 1, "XRP", "USDT", Crypto, Coin),
    ("SOLUSDT", 4, 100, 3, 1, "SOL", "USDT", Crypto, Coin),
    ("BTCUSD_PERP", 1, 10, 0, 1, "BTC", "USD", Crypto, QuotesOnly),
    ("ETHUSD_PERP", 2, 100, 0, 1, "ETH", "USD", Crypto, QuotesOnly),
];

/// The symbols we know, by name.
#[derive(Debug, Clone)]
pub struct InstrumentTable {
    known: BTreeMap<String, (Instrument, Kind)>,
}

fn built(row: &Row) -> Option<(Instrument, Kind)> {
    let (name, digits, pip, volume_digits, contract_size, base, quote, margin_class, kind) = *row;
    let lot_max = 1_000 * 10_i64.pow(u32::from(volume_digits));
    let instrument = Instrument {
        symbol: SymbolId(0),
        name: name.to_owned(),
        digits,
        tick_size: Points(1),
        pip: Points(pip),
        volume_digits,
        lot_step: Lots(1),
        lot_min: Lots(1),
        lot_max: Lots(lot_max),
        contract_size,
        base: Currency::new(base)?,
        quote: Currency::new(quote)?,
        stop_level: Points(0),
        freeze_level: Points(0),
        margin_class,
    };
    Some((instrument, kind))
}

/// A symbol without the punctuation that sources put into it: `EUR/USD`, `eur_usd` and `EURUSD` are one.
pub(crate) fn plain(symbol: &str) -> String {
    symbol.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

impl InstrumentTable {
    /// The built-in table.
    pub fn built_in() -> Self {
        let known = ROWS.iter().filter_map(built).map(|entry| (entry.0.name.clone(), entry)).collect();
        Self { known }
    }

    /// Adds or replaces an instrument, for example one from the configuration.
    pub fn insert(&mut self, instrument: Instrument, kind: Kind) {
        self.known.insert(instrument.name.clone(), (instrument, kind));
    }

    /// The names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// The instrument of a name; punctuation and case do not matter.
    pub fn get(&self, name: &str) -> Option<&Instrument> {
        self.entry(name).map(|(instrument, _)| instrument)
    }

    /// What kind of thing a symbol is.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.entry(name).map(|(_, kind)| *kind)
    }

    fn entry(&self, name: &str) -> Option<&(Instrument, Kind)> {
        let wanted = plain(name);
        self.known.get(name).or_else(|| self.known.iter().find(|(known, _)| plain(known) == wanted).map(|(_, e)| e))
    }

    /// The instrument of a name, with its place in the desk's table.
    ///
    /// # Errors
    /// [`Fault::UnknownSymbol`] with the near names.
    pub fn require(&self, name: &str, symbol: SymbolId) -> Result<Instrument, FeedError> {
        match self.get(name) {
            Some(instrument) => Ok(Instrument { symbol, ..instrument.clone() }),
            None => Err(FeedError::new("", Fault::UnknownSymbol(name.to_owned(), self.near(name)))),
        }
    }

    /// At most five known names that differ in two letters or less, or begin alike.
    fn near(&self, name: &str) -> Vec<String> {
        let wanted = plain(name);
        let mut near: Vec<(usize, &String)> = self
            .known
            .keys()
            .map(|known| {
                let other = plain(known);
                let begins = wanted.len() >= 3 && (other.starts_with(&wanted) || wanted.starts_with(&other));
                (if begins { 1 } else { edits(&wanted, &other) }, known)
            })
            .filter(|(edits, _)| *edits <= 2)
            .collect();
        near.sort();
        near.into_iter().take(5).map(|(_, known)| known.clone()).collect()
    }
}

/// Levenshtein's distance; long names are never near.
fn edits(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 || a.len() > 32 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_built_and_sound() {
        let table = InstrumentTable::built_in();
        assert_eq!(table.names().count(), ROWS.len());
        for name in table.names() {
            let instrument = table.get(name).unwrap();
            assert!(instrument.contract_size > 0 && instrument.pip.0 > 0 && instrument.lot_min <= instrument.lot_max);
        }
    }

    #[test]
    fn names_are_found_in_any_spelling_and_near_ones_are_offered() {
        let table = InstrumentTable::built_in();
        assert_eq!(table.get("eur/usd").unwrap().digits, 5);
        assert_eq!(table.require("XAUUSD", SymbolId(7)).unwrap().symbol, SymbolId(7));
        assert_eq!(table.kind("BTCUSD_PERP"), Some(Kind::QuotesOnly));
        let error = table.require("EURUSB", SymbolId(0)).unwrap_err();
        assert!(error.to_string().starts_with("unknown symbol EURUSB; did you mean EURUSD"), "{error}");
        let Fault::UnknownSymbol(_, near) = table.require("QQQQQQQQQ", SymbolId(0)).unwrap_err().fault else {
            panic!()
        };
        assert!(near.is_empty());
    }
}
