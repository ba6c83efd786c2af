//! Runs the engine's benchmarks and writes their table into docs/benchmarks.md, with machine and command.

use std::fmt::Write as _;

use crate::{Outcome, cargo};

/// Between these lines of the document stands the table that this verb writes.
const BEGIN: &str = "<!-- engine: begin -->";
const END: &str = "<!-- engine: end -->";
const DOCUMENT: &str = "docs/benchmarks.md";

pub(crate) fn run() -> Outcome {
    let command = "cargo bench -p replay --bench engine";
    eprintln!("==> {command}");
    let output = cargo(&["bench", "-p", "replay", "--bench", "engine", "--locked"]).output();
    let output = output.map_err(|error| format!("xtask: {command} could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("xtask: {command} failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let table = table(&printed)?;
    let text = std::fs::read_to_string(DOCUMENT).map_err(|error| format!("xtask: {DOCUMENT}: {error}"))?;
    let (Some(begin), Some(end)) = (text.find(BEGIN), text.find(END)) else {
        return Err(format!("xtask: {DOCUMENT} lacks the lines {BEGIN} and {END}"));
    };
    let machine = machine();
    let middle = format!("{BEGIN}\n{machine} Command: `{command}`.\n\n{table}");
    let text = format!("{}{middle}{}", &text[..begin], &text[end..]);
    std::fs::write(DOCUMENT, text).map_err(|error| format!("xtask: {DOCUMENT}: {error}"))?;
    eprintln!("{table}");
    Ok(())
}

/// The lines of figures as a Markdown table.
fn table(printed: &str) -> Result<String, String> {
    let mut out = String::from("| what | figure | unit | note |\n|---|--:|---|---|\n");
    let mut rows = 0;
    for line in printed.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        if let [name, value, unit, note] = cells.as_slice() {
            let _ = writeln!(out, "| {name} | {} | {unit} | {note} |", grouped(value));
            rows += 1;
        }
    }
    if rows == 0 { Err(format!("xtask: the benchmark printed no figures:\n{printed}")) } else { Ok(out) }
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
    fn figures_become_a_table_and_nothing_is_an_error() {
        let table = table("noise\na\t5147000\tticks/s\tgoal\nb\t3.20\tus\t\n").unwrap();
        assert!(table.contains("| a | 5,147,000 | ticks/s | goal |\n| b | 3.20 | us |  |\n"), "{table}");
        assert!(super::table("noise\n").is_err());
    }
}
