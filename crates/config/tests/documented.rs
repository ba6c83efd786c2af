//! docs/configuration.md has a row for every key of the built-in configuration, with the value that the file gives it:
//! `UPDATE_DOCS=1 cargo test -p config --test documented` writes the values.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::path::{Path, PathBuf};

use config::{Role, default_text};
use market::{Instrument, SymbolId};

/// One `key = value` of a TOML text, with the header that it stands under; the header of the top is empty.
struct Line {
    header: String,
    key: String,
    value: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn built_in() -> String {
    let table = feed::InstrumentTable::built_in();
    let traded = table.require("EURUSD", SymbolId(0)).unwrap();
    let leader = Instrument { name: "EURUSD.leader".into(), symbol: SymbolId(1), ..traded.clone() };
    let role = Role::Trade { leader: Some(leader.name.clone()) };
    default_text(&[(traded, role), (leader, Role::Listen)]).unwrap()
}

/// The text before a comment.
fn uncommented(line: &str) -> &str {
    let mut quoted = false;
    let comment = line.find(|letter| {
        quoted ^= letter == '"';
        letter == '#' && !quoted
    });
    line[..comment.unwrap_or(line.len())].trim()
}

fn lines(text: &str) -> Vec<Line> {
    let mut header = String::new();
    let mut lines = Vec::new();
    for line in text.lines().map(uncommented).filter(|line| !line.is_empty()) {
        if line.starts_with('[') {
            line.clone_into(&mut header);
        } else {
            let (key, value) = line.split_once(" = ").unwrap_or_else(|| panic!("not a key and a value: {line}"));
            lines.push(Line { header: header.clone(), key: key.to_owned(), value: value.to_owned() });
        }
    }
    lines
}

/// The keys of inline tables in a value: words in small letters before an equals sign.
fn inner(value: &str) -> Vec<&str> {
    let words = value.split(" = ").filter_map(|part| part.rsplit([' ', '{', ',']).next());
    let is_key =
        |word: &&str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    let count = value.matches(" = ").count();
    words.take(count).filter(is_key).collect()
}

/// The part of the document about a table.
fn section<'a>(document: &'a str, header: &str) -> &'a str {
    let title = if header.is_empty() { "\n## The file\n".to_owned() } else { format!("\n### `{header}`\n") };
    let (_, rest) = document.split_once(&title).unwrap_or_else(|| panic!("no section {title:?}"));
    rest.split("\n##").next().unwrap_or(rest)
}

fn row<'a>(section: &'a str, key: &str) -> Option<&'a str> {
    section.lines().find(|line| line.starts_with(&format!("| `{key}` |")))
}

/// The document with the value of every first line of the text in its row.
fn filled(document: &str, found: &[Line]) -> String {
    let mut out = document.to_owned();
    for (place, line) in found.iter().enumerate() {
        let first = found[..place].iter().all(|before| (&before.header, &before.key) != (&line.header, &line.key));
        let section = section(&out, &line.header);
        let shown = row(section, &line.key);
        let old = shown.unwrap_or_else(|| panic!("{} {} has no row", line.header, line.key)).to_owned();
        if first {
            let meaning = old.splitn(3, " | ").nth(2).unwrap_or_else(|| panic!("three columns: {old}"));
            let start = section.as_ptr() as usize - out.as_ptr() as usize + section.find(&old).unwrap();
            let new = format!("| `{}` | `{}` | {meaning}", line.key, line.value);
            out.replace_range(start..start + old.len(), &new);
        }
    }
    out
}

#[test]
fn every_key_has_its_row_and_its_value() {
    let path = root().join("docs/configuration.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let expected = filled(&document, &lines(&built_in()));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        // By renaming, because the other tests read it meanwhile.
        let beside = path.with_extension("md.new");
        std::fs::write(&beside, expected).unwrap();
        std::fs::rename(&beside, &path).unwrap();
        return;
    }
    for (shown, right) in document.lines().zip(expected.lines()) {
        assert_eq!(shown, right, "run UPDATE_DOCS=1 cargo test -p config --test documented");
    }
}

#[test]
fn every_key_of_an_inline_table_is_named_beside_it() {
    let document = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    for line in lines(&built_in()) {
        let row = row(section(&document, &line.header), &line.key).unwrap_or_default();
        let meaning = row.splitn(3, " | ").nth(2).unwrap_or_default();
        for key in inner(&line.value) {
            let named = [format!("`{key}`"), format!("{key} = ")].iter().any(|text| meaning.contains(text));
            assert!(named, "{} {}: nothing says what {key} is", line.header, line.key);
        }
    }
}

/// The reader asks for each documented key by its name: a renamed or removed key is found here.
#[test]
fn every_row_is_a_key_of_the_reader() {
    let document = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let sources: String = std::fs::read_dir(root().join("crates/config/src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let keys: Vec<&str> = document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(keys.len() > 100, "{} rows", keys.len());
    for key in keys {
        assert!(sources.contains(&format!("\"{key}\"")), "crates/config does not read {key}");
    }
}
