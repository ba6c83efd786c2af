//! One TOML text, parsed once into domain types. Unknown keys are refused, nothing that trades has a default (an absent list is empty), and all faults are told
//! together, each with its line.
//!
//! `table`        keys in the units of the domain, and their faults     `instruments`  what is quoted and traded
//! `classes`      barrier classes and councils                          `strategies`   strategies and their exits
//! `limits`       what may never be exceeded                            `venue`        the paper venue
//! `default`      the desk that runs when no file is given

mod classes;
mod default;
mod instruments;
mod limits;
mod news;
mod strategies;
mod table;
mod venue;

use ::venue::spec::{PaperSpec, Positions};
use desk::Spec;
use market::Money;
use orders::Spec as OrdersSpec;
use risk::{Blackout, BlackoutScope, Limits};
use toml::de::DeTable;

pub use default::{Role, default_text};
pub use table::Fault;

use table::{Faults, Table};

/// A configuration as domain types, with the text it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The text, as it is written into the journal.
    pub text: String,
    /// The desk.
    pub desk: Spec,
    /// The paper venue.
    pub venue: PaperSpec,
    /// Cash at the start.
    pub balance: Money,
}

/// Reads a configuration. `run` is the run's number, the upper part of every order's id; `seed` is what the venue draws
/// from.
///
/// # Errors
/// Every fault of the text, by line.
pub fn parse(text: &str, run: u16, seed: u64) -> Result<Config, Vec<Fault>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let faults = Faults::new(text);
    for error in errors {
        let offset = error.span().map_or(0, |span| span.start);
        faults.add(offset, "TOML".into(), error.message());
    }
    if !faults.is_empty() {
        return Err(faults.sorted());
    }
    let config = read(&Table::root(&faults, document.get_ref()), text, (run, seed));
    let found = faults.sorted();
    match config {
        Some(config) if found.is_empty() => check(config),
        Some(_) | None => Err(found),
    }
}

fn read(root: &Table<'_>, text: &str, (run, seed): (u16, u64)) -> Option<Config> {
    root.whole("version", 1, 1);
    let account = root.table("account")?;
    let currency = account.currency("currency");
    let positions = [("hedging", Positions::Hedging), ("fifo", Positions::Fifo), ("netting", Positions::Netting)];
    let account = venue::Account {
        currency,
        balance: account.money("balance", currency),
        positions: account.choice("positions", &positions),
        day_start: account.span("day_start"),
    };
    let read = instruments::instruments(root, currency);
    let instruments: Vec<_> = read.iter().map(|read| read.symbol.instrument.clone()).collect();
    let (rules, news) = news::news(root);
    let (classes, councils) = classes::classes(root, &instruments, news);
    let strategies = strategies::strategies(root, &instruments, &classes, currency);
    let limits_table = root.table("limits");
    let traded: Vec<_> = read.iter().filter_map(|read| read.venue.clone()).collect();
    let venue = root.table("venue").map(|table| venue::paper(&table, &account, seed, traded));
    let limits_table = limits_table?;
    let limits = Limits {
        account: limits::account(&limits_table, currency, account.day_start),
        symbols: read.iter().map(|read| read.limits.clone()).collect(),
        strategies: strategies.iter().map(|read| read.limits.clone()).collect(),
        currencies: limits::currencies(&limits_table, currency),
    };
    let orders = orders(root, &account, run, strategies.iter().map(|read| read.exits.clone()).collect())?;
    let desk = Spec {
        currency,
        symbols: read.into_iter().map(|read| read.symbol).collect(),
        classes: councils,
        strategies: strategies.into_iter().map(|read| read.strategy).collect(),
        limits,
        blackouts: blackouts(&limits_table),
        news: rules,
        orders,
    };
    Some(Config { text: text.to_owned(), desk, venue: venue?, balance: account.balance })
}

fn orders(root: &Table<'_>, account: &venue::Account, run: u16, exits: Vec<orders::ExitSpec>) -> Option<OrdersSpec> {
    let table = root.table("orders")?;
    let positions_max = table.whole("positions_room", 1, 4_096) as u16;
    Some(OrdersSpec {
        account: match account.positions {
            Positions::Hedging | Positions::Fifo => orders::Account::Hedging,
            Positions::Netting => orders::Account::Netting,
        },
        run,
        orders_max: positions_max * 2 + 16,
        positions_max,
        ended_kept: 256,
        answer_timeout: table.span("answer_timeout"),
        query_every: table.span("query_every"),
        queries_max: table.whole("queries_max", 1, 255) as u8,
        balance: account.balance,
        exits,
    })
}

fn blackouts(table: &Table<'_>) -> Vec<Blackout> {
    let tables = table.tables("blackouts");
    let read = |table: &Table<'_>| {
        let (from, until) = (table.time("from"), table.time("until"));
        if until <= from {
            table.fault("until", "is not after \"from\"");
        }
        let currency = table.has("currency").then(|| table.currency("currency"));
        let scope = currency.map_or(BlackoutScope::All, BlackoutScope::Currency);
        Blackout { from, until, scope }
    };
    tables.iter().map(read).collect()
}

/// What only shows when the parts are put together.
fn check(config: Config) -> Result<Config, Vec<Fault>> {
    let whole = |what: String| Fault { line: 1, key: "the whole file".into(), what };
    let mut faults: Vec<Fault> = config.venue.faults().iter().map(|fault| whole(fault.to_string())).collect();
    if let Err(found) = desk::Desk::new(&config.desk) {
        faults.extend(found.iter().map(|fault| whole(format!("{fault:?}"))));
    }
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Currency, Instrument, Lots, MarginClass, Points, SymbolId};

    fn eurusd() -> Instrument {
        Instrument {
            symbol: SymbolId(0),
            name: "EURUSD".into(),
            digits: 5,
            tick_size: Points(1),
            pip: Points(10),
            volume_digits: 2,
            lot_step: Lots(1),
            lot_min: Lots(1),
            lot_max: Lots(5_000),
            contract_size: 100_000,
            base: Currency::new("EUR").unwrap(),
            quote: Currency::new("USD").unwrap(),
            stop_level: Points(0),
            freeze_level: Points(0),
            margin_class: MarginClass::MajorPair,
        }
    }

    fn text() -> String {
        let leader = Instrument { name: "EURUSD.fxcm".into(), symbol: SymbolId(1), ..eurusd() };
        let trade = Role::Trade { leader: Some(leader.name.clone()) };
        default_text(&[(eurusd(), trade), (leader, Role::Listen)]).unwrap()
    }

    /// Replaces one text by another in the default and expects the faults, as `key: what` beginnings.
    fn check(old: &str, new: &str, expected: &[&str]) {
        let text = text();
        assert!(text.contains(old), "{old} is not in the default");
        let changed = text.replacen(old, new, 1);
        let faults = parse(&changed, 1, 1).err().unwrap_or_default();
        let shown: Vec<String> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(faults.len(), expected.len(), "{shown:#?}");
        for (fault, expected) in shown.iter().zip(expected) {
            assert!(fault.contains(expected), "{fault} should say {expected}");
        }
    }

    #[test]
    fn the_default_is_a_desk() {
        let config = parse(&text(), 7, 1).map_err(|faults| format!("{faults:#?}")).unwrap();
        assert_eq!(config.desk.symbols.len(), 2);
        assert_eq!(config.venue.symbols.len(), 1);
        assert_eq!(config.desk.strategies[0].name, "scalp");
        assert_eq!(config.desk.orders.run, 7);
    }

    #[test]
    fn faults_name_the_line_the_key_and_the_mend() {
        check(
            "loss_halt = \"flatten\"",
            "loss_halt = \"maybe\"",
            &["limits.loss_halt: \"maybe\" is not one of \"never\""],
        );
        check(
            "retries = 6",
            "retrys = 6",
            &["strategy[0].exits.retries: is missing", "retrys: is not a key of this table; did you mean \"retries\""],
        );
        check(
            "\"5 s\"                 # after an entry",
            "\"5 sec\"                 # after an entry",
            &["entry.cooldown: \"5 sec\" is not a time"],
        );
        check("class = \"scalp\"", "class = \"other\"", &["decide.class: \"other\" is not a class"]);
        check("value_max = \"2000000.00 USD\"", "value_max = \"-5.00 USD\"", &["limits.value_max"]);
        check(
            "leader = \"EURUSD.fxcm\"",
            "leader = \"GBPUSD\"",
            &["instrument[0].leader: \"GBPUSD\" is not an instrument"],
        );
        check("[limits]", "[limits", &["TOML"]);
        check("flow = 1.0", "flaw = 1.0", &["flaw: is not an agent"]);
        check("z = 1.0", "z = nan", &["strategy[0].decide.z: nan is not a number"]);
    }

    #[test]
    fn all_faults_are_told_together_by_line() {
        let text = text()
            .replace("beta = 1.0", "beta = 9")
            .replace("horizon = \"30 min\"", "")
            .replace("version = 1", "version = 2");
        let faults = parse(&text, 1, 1).unwrap_err();
        let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(keys, ["version", "class[0].horizon", "class[0].target", "strategy[0].decide.beta"]);
        assert!(faults.windows(2).all(|pair| pair[0].line <= pair[1].line));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(at in 0_usize..9_000, with in ".{0,8}") {
            let mut text = text();
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            text.insert_str(at, &with);
            let _ = parse(&text, 1, 1);
        }
    }
}
