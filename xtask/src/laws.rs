//! The structure of the house, as tests that only tighten.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which room may know which. A new arrow is a one-line change that a reviewer sees.
const ARROWS: &[(&str, &str)] = &[
    ("market", ""),
    ("models", "market"),
    ("features", "market"),
    ("ensemble", "market features models"),
    ("risk", "market"),
    ("orders", "market risk"),
    ("desk", "market models features ensemble risk orders"),
    ("journal", "market risk orders desk"),
    ("feed", "market"),
    ("venue", "market risk orders"),
    ("report", "market models"),
    ("config", "market models features ensemble risk orders desk venue feed"),
    ("replay", "market models features ensemble risk orders desk journal feed venue report config"),
    ("vault", ""),
    ("registry", "market models features ensemble vault"),
    (
        "learn",
        "market models features ensemble risk orders desk journal feed venue report config replay vault registry",
    ),
    ("scalpel", "market models ensemble orders risk desk journal feed venue report config replay vault registry learn"),
];

/// Crates that think: no serialisation framework, no runtime, no logging.
const PURE: &[&str] = &["market", "models", "features", "ensemble", "risk", "orders", "desk"];

/// Files longer than the cap, tests not counted. The list may only shrink.
const LONG_FILES: &[&str] = &[];
const LINES_MAX: usize = 450;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn crates() -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn dependencies(name: &str) -> Vec<String> {
    let manifest: toml::Table = read(&root().join("crates").join(name).join("Cargo.toml")).parse().unwrap();
    manifest.get("dependencies").and_then(|d| d.as_table()).map(|d| d.keys().cloned().collect()).unwrap_or_default()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn arrows_point_where_the_law_says() {
    let rooms: BTreeSet<String> = crates().into_iter().collect();
    let lawful: BTreeSet<String> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(rooms, lawful, "every crate has its line in ARROWS, and every line its crate");
    for (name, allowed) in ARROWS {
        let allowed: BTreeSet<_> = allowed.split_whitespace().collect();
        for dependency in dependencies(name).iter().filter(|d| rooms.contains(*d)) {
            assert!(allowed.contains(dependency.as_str()), "{name} may not know {dependency}");
        }
    }
}

#[test]
fn the_inside_only_thinks() {
    for name in PURE {
        for dependency in dependencies(name) {
            let ours = ARROWS.iter().any(|(room, _)| *room == dependency);
            assert!(ours || dependency == "libm", "{name} is pure and may not use {dependency}");
        }
        let mut files = Vec::new();
        sources(&root().join("crates").join(name).join("src"), &mut files);
        for file in files {
            let text = read(&file);
            for banned in ["std::fs", "std::net", "std::thread", "std::env", "std::time", "println!", "unsafe {"] {
                assert!(!text.contains(banned), "{} uses {banned}", file.display());
            }
        }
    }
}

#[test]
fn nothing_but_a_simulator_takes_an_instruction_without_the_gate() {
    for name in crates().iter().filter(|name| *name != "venue") {
        let mut files = Vec::new();
        sources(&root().join("crates").join(name).join("src"), &mut files);
        for file in files {
            assert!(!read(&file).contains(".instruct("), "{} goes round the gate", file.display());
        }
    }
}

#[test]
fn files_are_rooms_not_halls() {
    let mut files = Vec::new();
    for name in crates() {
        sources(&root().join("crates").join(name).join("src"), &mut files);
    }
    for file in files {
        let text = read(&file);
        let lines = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().lines().count();
        let short = file.strip_prefix(root()).unwrap().display().to_string();
        let listed = LONG_FILES.contains(&short.as_str());
        let tests = short.ends_with("tests.rs") || short.contains("/tests/");
        assert!(lines <= LINES_MAX || listed || tests, "{short} has {lines} lines; {LINES_MAX} are allowed");
        assert!(lines > LINES_MAX || !listed, "{short} is short enough now: take it off LONG_FILES");
    }
}

#[test]
fn every_crate_opens_with_its_map_and_stands_in_architecture_md() {
    let architecture = read(&root().join("ARCHITECTURE.md"));
    for name in crates() {
        let src = root().join("crates").join(&name).join("src");
        let entry = if src.join("lib.rs").exists() { src.join("lib.rs") } else { src.join("main.rs") };
        assert!(read(&entry).starts_with("//! "), "{name} opens without a map");
        assert!(architecture.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name {name}");
    }
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    let mut files = Vec::new();
    for name in crates() {
        sources(&root().join("crates").join(name).join("src"), &mut files);
    }
    for file in files {
        let text = read(&file);
        assert!(!text.contains("#[allow(") && !text.contains("#![allow("), "{} allows a lint", file.display());
    }
}
