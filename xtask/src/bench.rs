//! Runs the benchmarks of a table and writes it into docs/benchmarks.md, with machine and commands.

use std::fmt::Write as _;

use crate::{Outcome, cargo, originals};

const DOCUMENT: &str = "docs/benchmarks.md";

/// A table of the document: its name stands in the lines around it, `<!-- name: begin -->` and `<!-- name: end -->`.
struct Table {
    name: &'static str,
    /// Crate and benchmark, in the order in which they run.
    benches: &'static [(&'static str, &'static str)],
    /// Whether the original libraries are asked beside us.
    peers: bool,
}

/// The longest one comes last.
const TABLES: [Table; 2] = [
    Table { name: "engine", benches: &[("replay", "engine")], peers: false },
    Table {
        name: "mind",
        benches: &[("models", "inference"), ("ensemble", "decision"), ("replay", "swap"), ("learn", "training")],
        peers: true,
    },
];

/// Measures the table of this name, or all of them.
pub(crate) fn run(which: Option<&str>) -> Outcome {
    let chosen: Vec<&Table> = TABLES.iter().filter(|table| which.is_none_or(|which| which == table.name)).collect();
    if chosen.is_empty() {
        let names = TABLES.map(|table| table.name).join(", ");
        return Err(format!("xtask: no table {:?}: bench takes {names}, or nothing for all", which.unwrap_or("")));
    }
    chosen.into_iter().try_for_each(measure)
}

fn measure(wanted: &Table) -> Outcome {
    let asked = wanted.peers && std::env::var_os(originals::PLACE).is_none();
    let peers = if asked { Some(originals::ready()?) } else { None };
    let (machine, mut printed, mut commands) = (machine(), String::new(), Vec::new());
    for (of, bench) in wanted.benches {
        let command = format!("cargo bench -p {of} --bench {bench}");
        eprintln!("==> {command}");
        let mut run = cargo(&["bench", "-p", of, "--bench", bench, "--locked"]);
        let output = run.envs(peers.iter().map(|(name, place)| (name, place))).output();
        let output = output.map_err(|error| format!("xtask: {command} could not be started: {error}"))?;
        if !output.status.success() {
            return Err(format!("xtask: {command} failed:\n{}", String::from_utf8_lossy(&output.stderr)));
        }
        let lines = String::from_utf8_lossy(&output.stdout);
        if rows(&lines).next().is_none() {
            return Err(format!("xtask: {command} printed no figures:\n{lines}"));
        }
        printed.push_str(&lines);
        commands.push(format!("`{command}`"));
    }
    let table = table(&printed);
    let told = if commands.len() == 1 { "Command" } else { "Commands" };
    let middle = format!("{machine} {told}: {}.\n\n{table}", commands.join(", "));
    let text = std::fs::read_to_string(DOCUMENT).map_err(|error| format!("xtask: {DOCUMENT}: {error}"))?;
    std::fs::write(DOCUMENT, put(&text, wanted.name, &middle)?)
        .map_err(|error| format!("xtask: {DOCUMENT}: {error}"))?;
    eprintln!("{table}");
    Ok(())
}

/// The document with something else between the lines of a table.
fn put(text: &str, name: &str, middle: &str) -> Result<String, String> {
    let [begin, end] = ["begin", "end"].map(|which| format!("<!-- {name}: {which} -->"));
    let (Some(from), Some(to)) = (text.find(&begin), text.find(&end)) else {
        return Err(format!("xtask: {DOCUMENT} lacks the lines {begin} and {end}"));
    };
    Ok(format!("{}{begin}\n{middle}{}", &text[..from], &text[to..]))
}

/// The lines that are figures: name, value, unit, note.
fn rows(printed: &str) -> impl Iterator<Item = [&str; 4]> {
    printed.lines().filter_map(|line| <[&str; 4]>::try_from(line.split('\t').collect::<Vec<_>>()).ok())
}

/// The lines of figures as a Markdown table.
fn table(printed: &str) -> String {
    let mut out = String::from("| what | figure | unit | note |\n|---|--:|---|---|\n");
    for [name, value, unit, note] in rows(printed) {
        let _ = writeln!(out, "| {name} | {} | {unit} | {note} |", grouped(value));
    }
    out
}

/// `5147000` as `5,147,000`; numbers with decimals stay as they are.
fn grouped(value: &str) -> String {
    if value.contains('.') {
        return value.to_owned();
    }
    let mut out = String::new();
    for (place, digit) in value.chars().enumerate() {
        if place > 0 && (value.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Processor, cores and load, as the kernel tells them.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("?");
    format!("Machine: {model}, {cores} cores (shared), load {load} when it began.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_become_a_table_and_take_the_place_of_the_old_one() {
        let printed = "noise\na\t5147000\tticks/s\tgoal\nb\t3.20\tus\t\n";
        let table = table(printed);
        assert!(table.contains("| a | 5,147,000 | ticks/s | goal |\n| b | 3.20 | us |  |\n"), "{table}");
        assert_eq!((rows(printed).count(), rows("noise\n").count()), (2, 0));
        let text = "head\n<!-- mind: begin -->\nold\n<!-- mind: end -->\ntail\n";
        let expected = "head\n<!-- mind: begin -->\nnew\n<!-- mind: end -->\ntail\n";
        assert_eq!(put(text, "mind", "new\n").unwrap(), expected);
        assert!(put(text, "engine", "new\n").is_err());
    }

    #[test]
    fn every_table_has_its_place_in_the_document() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.md")).unwrap();
        for table in TABLES {
            assert!(put(&text, table.name, "").is_ok(), "{}", table.name);
        }
        assert!(run(Some("nothing")).unwrap_err().contains("engine, mind"));
    }
}
