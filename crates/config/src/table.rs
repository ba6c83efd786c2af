//! Reads one TOML table key by key, in the units of the domain, and remembers every fault with its line.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use market::{Currency, Instrument, Lots, Money, Points, Span, Time};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The key, with its tables: `strategy[0].exits.time_stop`.
    pub key: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.key, self.what)
    }
}

/// The faults found so far, shared by the tables of one document.
#[derive(Clone)]
pub(crate) struct Faults<'a> {
    text: &'a str,
    found: Rc<RefCell<Vec<Fault>>>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, found: Rc::default() }
    }

    /// The line of a byte offset, from 1.
    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    pub(crate) fn add(&self, offset: usize, key: String, what: impl Into<String>) {
        self.found.borrow_mut().push(Fault { line: self.line(offset), key, what: what.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// Every fault, by line.
    pub(crate) fn sorted(&self) -> Vec<Fault> {
        let mut faults = self.found.borrow().clone();
        faults.sort();
        faults.dedup();
        faults
    }
}

/// One table of the document. A key that is missing or wrong is remembered as a fault and read as something harmless,
/// so that reading goes on and all faults are reported together. Dropping the table reports keys nobody asked for.
pub(crate) struct Table<'a> {
    faults: Faults<'a>,
    path: String,
    offset: usize,
    keys: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
    /// The keys are names that the file chooses.
    names_are_free: Cell<bool>,
}

/// A value with what is needed to complain about it.
struct Found<'a> {
    value: &'a DeValue<'a>,
    offset: usize,
}

impl<'a> Table<'a> {
    pub(crate) fn root(faults: &Faults<'a>, table: &'a DeTable<'a>) -> Self {
        Self {
            faults: faults.clone(),
            path: String::new(),
            offset: 0,
            keys: table,
            asked: RefCell::default(),
            names_are_free: Cell::new(false),
        }
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn find(&self, key: &'static str) -> Option<Found<'a>> {
        self.asked.borrow_mut().push(key);
        let (_, value) = self.keys.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Found { value: value.get_ref(), offset: value.span().start })
    }

    fn demand(&self, key: &'static str, hint: &str) -> Option<Found<'a>> {
        let found = self.find(key);
        if found.is_none() {
            self.faults.add(self.offset, self.key(key), format!("is missing; it needs {hint}"));
        }
        found
    }

    /// Whether the key is there.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// Complains about a key of this table (or the table, when the key is not there).
    pub(crate) fn fault(&self, key: &'static str, what: impl Into<String>) {
        let offset = self.find(key).map_or(self.offset, |found| found.offset);
        self.faults.add(offset, self.key(key), what);
    }

    /// Reads `key` with `read`, which answers `None` when the value is not what `hint` says.
    fn value<T: Default>(&self, key: &'static str, hint: &str, read: impl Fn(&'a DeValue<'a>) -> Option<T>) -> T {
        let Some(found) = self.demand(key, hint) else { return T::default() };
        read(found.value).unwrap_or_else(|| {
            self.faults.add(found.offset, self.key(key), format!("{} is not {hint}", shown(found.value)));
            T::default()
        })
    }

    pub(crate) fn text(&self, key: &'static str) -> &'a str {
        self.value(key, "a text in quotes", |value| value.as_str())
    }

    /// Whether the key holds just this word; other values are left for somebody else to read.
    pub(crate) fn is(&self, key: &'static str, word: &str) -> bool {
        self.find(key).is_some_and(|found| found.value.as_str() == Some(word))
    }

    /// Whether the key holds a table.
    pub(crate) fn is_table(&self, key: &'static str) -> bool {
        self.find(key).is_some_and(|found| found.value.as_table().is_some())
    }

    /// Complains about a key that is only known by what the file says.
    pub(crate) fn complain(&self, key: &str, what: &str) {
        let offset =
            self.keys.iter().find(|(name, _)| name.get_ref() == key).map_or(self.offset, |(_, v)| v.span().start);
        self.faults.add(offset, self.key(key), what);
    }

    /// Every key of the table with its amount: for tables whose keys are names.
    pub(crate) fn every_money(&self, account: Currency) -> Vec<(&'a str, Money)> {
        self.names_are_free.set(true);
        let mut amounts = Vec::new();
        for (name, value) in self.keys {
            let (name, amount) =
                (name.get_ref().as_ref(), value.get_ref().as_str().and_then(|text| money(text, account)));
            if amount.is_none() {
                self.complain(
                    name,
                    &format!("{} is not an amount such as \"250.00 {account}\"", shown(value.get_ref())),
                );
            }
            amounts.push((name, amount.unwrap_or_default()));
        }
        amounts
    }

    /// Every key of the table with its number, zero or above: for tables whose keys are names.
    pub(crate) fn every_number(&self) -> Vec<(&'a str, f64)> {
        self.names_are_free.set(true);
        let mut numbers = Vec::new();
        for (name, value) in self.keys {
            let (name, amount) = (name.get_ref().as_ref(), number(value.get_ref()).filter(|n| *n >= 0.0));
            if amount.is_none() {
                self.complain(name, &format!("{} is not a number from 0 up", shown(value.get_ref())));
            }
            numbers.push((name, amount.unwrap_or_default()));
        }
        numbers
    }

    /// An instant such as `2014-05-02T12:30:00Z`, a TOML date-time with the offset `Z`.
    pub(crate) fn time(&self, key: &'static str) -> Time {
        self.value(key, "an instant such as 2014-05-02T12:30:00Z", |value| {
            let stamp = value.as_datetime()?;
            let (date, time) = (stamp.date?, stamp.time?);
            stamp.offset.filter(|offset| *offset == toml::value::Offset::Z)?;
            let day = (i64::from(date.year), date.month, date.day);
            let midnight = Time::from_date(day.0, day.1, day.2);
            if midnight.date() != day {
                return None;
            }
            let seconds =
                i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0));
            Some(midnight.plus(Span::from_secs(seconds)).plus(Span(i64::from(time.nanosecond.unwrap_or(0)))))
        })
    }

    /// Five whole numbers above zero.
    pub(crate) fn wholes(&self, key: &'static str) -> [i64; 5] {
        self.value(key, "a list of five whole numbers above zero", |value| {
            let items: Option<Vec<i64>> = value.as_array()?.iter().map(|item| whole(item.get_ref())).collect();
            let items: [i64; 5] = items?.try_into().ok()?;
            items.iter().all(|n| (1..=1_000).contains(n)).then_some(items)
        })
    }

    pub(crate) fn texts(&self, key: &'static str) -> Vec<&'a str> {
        self.value(key, "a list of texts", |value| {
            value.as_array()?.iter().map(|item| item.get_ref().as_str()).collect()
        })
    }

    /// A whole number within `min ..= max`.
    pub(crate) fn whole(&self, key: &'static str, min: i64, max: i64) -> i64 {
        let hint = format!("a whole number from {min} to {max}");
        let read = self.value(key, &hint, |value| whole(value).filter(|n| (min..=max).contains(n)).map(Some));
        read.unwrap_or(min)
    }

    /// A finite number within `min ..= max`.
    pub(crate) fn number(&self, key: &'static str, min: f64, max: f64) -> f64 {
        let hint = format!("a number from {min} to {max}");
        let read = self.value(key, &hint, |value| number(value).filter(|n| (min..=max).contains(n)).map(Some));
        read.unwrap_or(min)
    }

    /// A share such as `"2 %"`, as a number from 0 to 1.
    pub(crate) fn share(&self, key: &'static str) -> f64 {
        self.value(key, "a share such as \"2.0 %\", from 0 % to 100 %", |value| {
            let (amount, unit) = measure(value.as_str()?)?;
            let amount: f64 = amount.parse().ok()?;
            (unit == "%" && (0.0..=100.0).contains(&amount)).then_some(amount / 100.0)
        })
    }

    /// A length of time such as `"250 ms"`; never negative.
    pub(crate) fn span(&self, key: &'static str) -> Span {
        self.value(key, "a time such as \"250 ms\", \"10 s\", \"5 min\", \"2 h\" or \"1 d\"", |value| {
            span(value.as_str()?)
        })
    }

    /// An amount of the account's currency, such as `"250.00 USD"`.
    pub(crate) fn money(&self, key: &'static str, account: Currency) -> Money {
        let hint = format!("an amount such as \"250.00 {account}\"");
        self.value(key, &hint, |value| money(value.as_str()?, account))
    }

    /// A volume of an instrument, such as `"0.10 lot"`.
    pub(crate) fn lots(&self, key: &'static str, instrument: &Instrument) -> Lots {
        self.value(key, "a volume such as \"0.10 lot\", within the instrument's digits", |value| {
            let (amount, unit) = measure(value.as_str()?)?;
            (unit == "lot").then(|| instrument.volume(amount).ok())?
        })
    }

    /// A distance of an instrument, such as `"2.5 pip"` or `"25 point"`.
    pub(crate) fn points(&self, key: &'static str, instrument: &Instrument) -> Points {
        self.value(key, "a distance such as \"2.5 pip\" or \"25 point\", in whole points", |value| {
            let (amount, unit) = measure(value.as_str()?)?;
            let scale = match unit {
                "pip" => instrument.pip.0,
                "point" => 1,
                _ => return None,
            };
            let millionths = market::instrument::decimal(amount, 6).ok()?.checked_mul(scale)?;
            (millionths % 1_000_000 == 0).then_some(Points(millionths / 1_000_000))
        })
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> T {
        let names: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let hint = format!("one of {}", names.join(", "));
        let read = self.value(key, &hint, |value| {
            let text = value.as_str()?;
            words.iter().find(|(word, _)| *word == text).map(|(_, choice)| Some(*choice))
        });
        read.unwrap_or(words[0].1)
    }

    /// A currency code; `XXX`, the code for none, when it cannot be read.
    pub(crate) fn currency(&self, key: &'static str) -> Currency {
        let read = self.value(key, "a currency code such as \"USD\"", |value| Currency::new(value.as_str()?).map(Some));
        read.unwrap_or(Currency::NONE)
    }

    /// The table under a key.
    pub(crate) fn table(&self, key: &'static str) -> Option<Self> {
        let found = self.demand(key, "a table")?;
        let table = found.value.as_table();
        if table.is_none() {
            self.faults.add(found.offset, self.key(key), format!("{} is not a table", shown(found.value)));
        }
        Some(self.child(self.key(key), found.offset, table?))
    }

    /// The tables under a key that is an array of tables; none when the key is missing.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Self> {
        let Some(found) = self.find(key) else { return Vec::new() };
        let Some(array) = found.value.as_array() else {
            self.faults.add(found.offset, self.key(key), format!("{} is not a list of tables", shown(found.value)));
            return Vec::new();
        };
        array.iter().enumerate().filter_map(|(index, item)| self.item(key, index, item)).collect()
    }

    fn item(&self, key: &str, index: usize, item: &'a Spanned<DeValue<'a>>) -> Option<Self> {
        let path = format!("{}[{index}]", self.key(key));
        let Some(table) = item.get_ref().as_table() else {
            self.faults.add(item.span().start, path, "is not a table");
            return None;
        };
        Some(self.child(path, item.span().start, table))
    }

    fn child(&self, path: String, offset: usize, table: &'a DeTable<'a>) -> Self {
        Self {
            faults: self.faults.clone(),
            path,
            offset,
            keys: table,
            asked: RefCell::default(),
            names_are_free: Cell::new(false),
        }
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        if self.names_are_free.get() {
            return;
        }
        let asked = self.asked.borrow();
        for (name, _) in self.keys {
            let key = name.get_ref().as_ref();
            if asked.contains(&key) {
                continue;
            }
            let near = asked.iter().filter(|known| distance(known, key) <= 2).min_by_key(|known| distance(known, key));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
            self.faults.add(name.span().start, self.key(key), format!("is not a key of this table{hint}"));
        }
    }
}

fn money(text: &str, account: Currency) -> Option<Money> {
    let (amount, unit) = measure(text)?;
    let fits = unit == account.code() && !amount.starts_with('-');
    fits.then(|| market::instrument::decimal(amount, 6).ok().map(Money))?
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("\"{text}\""),
        DeValue::Integer(integer) => integer.as_str().to_owned(),
        DeValue::Float(float) => float.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => format!("this {}", value.type_str()),
    }
}

fn whole(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    let text = match value {
        DeValue::Float(float) => float.as_str(),
        DeValue::Integer(integer) => integer.as_str(),
        _ => return None,
    };
    text.replace('_', "").parse().ok().filter(|number: &f64| number.is_finite())
}

/// `"250 ms"` as `("250", "ms")`.
fn measure(text: &str) -> Option<(&str, &str)> {
    let (amount, unit) = text.split_once(' ')?;
    (!amount.is_empty() && !unit.contains(' ')).then_some((amount, unit))
}

/// The days of the week, Monday first, as they are written in a configuration.
pub(crate) const WEEKDAYS: [(&str, u8); 7] =
    [("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)];

pub(crate) fn span(text: &str) -> Option<Span> {
    let (amount, unit) = measure(text)?;
    let nanos = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => Span::SECOND.0,
        "min" => Span::MINUTE.0,
        "h" => Span::HOUR.0,
        "d" => Span::DAY.0,
        _ => return None,
    };
    let billionths = i128::from(market::instrument::decimal(amount, 9).ok()?) * i128::from(nanos);
    let whole = billionths % 1_000_000_000 == 0 && billionths >= 0;
    whole.then(|| i64::try_from(billionths / 1_000_000_000).ok().map(Span))?
}

/// Levenshtein distance, for hints.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let next = (corner + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}
