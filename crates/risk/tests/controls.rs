//! docs/controls.md is made from the table of controls: `UPDATE_DOCS=1 cargo test -p risk --test controls` writes it.

#![expect(clippy::panic, reason = "helpers of tests fail the test")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use risk::controls::Asked;
use risk::{CONTROLS, Control};

const BEGIN: &str = "<!-- The table is made by `UPDATE_DOCS=1 cargo test -p risk --test controls`. -->\n";
const END: &str = "<!-- End of the table. -->\n";

/// A table of the configuration and keys in it.
type Keys = (&'static str, &'static [&'static str]);

/// The keys of the configuration behind the names of this crate's limits.
const KEYS: &[(&str, &[Keys])] = &[
    ("strategies", &[("[[strategy]]", &["name"])]),
    ("symbols", &[("[[instrument]]", &["name"])]),
    ("strategies.symbols", &[("[[strategy]]", &["symbols"])]),
    ("account.loss_halt", &[("[limits]", &["loss_halt"])]),
    ("account.loss", &[("[limits]", &["day_loss_max", "drawdown_max"])]),
    ("account.loss.day_max", &[("[limits]", &["day_loss_max"])]),
    ("account.loss.drawdown_max", &[("[limits]", &["drawdown_max"])]),
    ("account.messages", &[("[limits]", &["messages"])]),
    ("account.messages_for_exits", &[("[limits]", &["messages_for_exits"])]),
    ("account.exposure", &[("[limits]", &["positions_max"])]),
    ("account.exposure.value_max", &[("[limits]", &["value_max"])]),
    ("account.exposure.risk_max", &[("[limits]", &["risk_max"])]),
    ("account.preset", &[("[limits]", &["preset"])]),
    ("account.margin_level_min_percent", &[("[limits]", &["margin_level_min"])]),
    ("currencies.net_max", &[("[limits]", &["currency_net_max"])]),
    ("strategies.loss", &[("[strategy.limits]", &["day_loss_max", "drawdown_max"])]),
    ("strategies.loss.day_max", &[("[strategy.limits]", &["day_loss_max"])]),
    ("strategies.loss.drawdown_max", &[("[strategy.limits]", &["drawdown_max"])]),
    ("strategies.session", &[("[strategy.limits]", &["sessions"])]),
    ("strategies.messages", &[("[strategy.limits]", &["messages"])]),
    ("strategies.stop", &[("[strategy.limits]", &["stop"])]),
    ("strategies.stop_change", &[("[strategy.limits]", &["stop_change"])]),
    ("strategies.trade_risk.max_ppm", &[("[strategy.limits]", &["trade_risk_max"])]),
    ("strategies.launch.entries_max", &[("[strategy.limits.launch]", &["entries_max"])]),
    ("strategies.launch.order_value_max", &[("[strategy.limits.launch]", &["order_value_max"])]),
    ("strategies.exposure", &[("[strategy.limits]", &["positions_max"])]),
    ("strategies.exposure.value_max", &[("[strategy.limits]", &["value_max"])]),
    ("strategies.exposure.risk_max", &[("[strategy.limits]", &["risk_max"])]),
    ("strategies.duplicates.window", &[("[strategy.limits]", &["duplicate_window"])]),
    ("strategies.repeats", &[("[strategy.limits]", &["repeats"])]),
    ("symbols.stale.age_max", &[("[instrument.limits]", &["quote_age_max"])]),
    ("symbols.spread.max", &[("[instrument.limits]", &["spread_max"])]),
    ("symbols.spread.multiple_max", &[("[instrument.limits]", &["spread_multiple_max"])]),
    ("symbols.price_collar.distance_max", &[("[instrument.limits]", &["price_collar"])]),
    ("symbols.price_move", &[("[instrument.limits]", &["price_move"])]),
    ("symbols.order_volume.max", &[("[instrument.limits]", &["order_volume_max"])]),
    ("symbols.order_value.max", &[("[instrument.limits]", &["order_value_max"])]),
    ("symbols.position", &[("[instrument.limits]", &["positions_max"])]),
];

/// Controls whose figures are not among the limits of this crate (the broker's levels and grid, the blackouts), or are
/// only a part of what the limit's name covers.
const ELSEWHERE: &[(Control, &str, &[&str])] = &[
    (Control::SymbolPosition, "[instrument.limits]", &["long_max", "short_max"]),
    (Control::Blackout, "[limits]", &["blackouts"]),
    (Control::StopTooNear, "[[instrument]]", &["stop_level"]),
    (Control::TargetTooNear, "[[instrument]]", &["stop_level"]),
    (Control::Frozen, "[[instrument]]", &["freeze_level"]),
    (Control::TooSmall, "[[instrument]]", &["lot_min", "lot_step"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn keys(table: &str, keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("`{table}` {}", keys.join(", "))
}

/// The keys of a control as the configuration writes them.
fn configured(control: Control, key: &str) -> String {
    if let Some((_, table, names)) = ELSEWHERE.iter().find(|(listed, ..)| *listed == control) {
        return keys(table, names);
    }
    if key == "-" {
        return "-".to_owned();
    }
    let shown = key.split(", ").flat_map(|part| {
        let found = KEYS.iter().find(|(name, _)| *name == part);
        let (_, places) = found.unwrap_or_else(|| panic!("{control:?}: no key of the configuration for {part}"));
        places.iter().map(|(table, names)| keys(table, names))
    });
    shown.collect::<Vec<_>>().join("; ")
}

const fn asked(asked: Asked) -> &'static str {
    match asked {
        Asked::Entries => "entries",
        Asked::Exits => "exits",
        Asked::All => "all",
        Asked::Desk => "desk",
    }
}

fn table() -> String {
    let mut out =
        String::from("| refusal | what it is for | rule | asked about | configuration |\n|---|---|---|---|---|\n");
    for row in CONTROLS {
        let article = row.article;
        let name = row.control.name();
        let key = configured(row.control, row.key);
        let _ = writeln!(out, "| `{name}` | {} | {article} | {} | {key} |", row.purpose, asked(row.asked));
    }
    out
}

#[test]
fn the_document_shows_the_table() {
    let path = root().join("docs/controls.md");
    let text = read(&path);
    let (before, rest) = text.split_once(BEGIN).expect("docs/controls.md has the line before the table");
    let (_, after) = rest.split_once(END).expect("docs/controls.md has the line after the table");
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
    } else {
        assert_eq!(text, expected, "run UPDATE_DOCS=1 cargo test -p risk --test controls");
    }
}

/// The sources of `config` ask for each key by this name: a renamed key is found here.
#[test]
fn the_configuration_knows_the_keys() {
    let folder = root().join("crates/config/src");
    let sources: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| read(&path))
        .collect();
    let listed = KEYS.iter().flat_map(|(_, places)| places.iter()).flat_map(|(_, keys)| keys.iter());
    let others = ELSEWHERE.iter().flat_map(|(_, _, keys)| keys.iter());
    for key in listed.chain(others) {
        assert!(sources.contains(&format!("\"{key}\"")), "crates/config does not read {key}");
    }
}
