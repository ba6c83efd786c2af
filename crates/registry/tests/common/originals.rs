//! The original libraries, in the Python environment that `cargo xtask originals` makes.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part; a test may fail")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of the environment. These tests ask the originals themselves: without them they fail.
pub fn program(name: &str) -> Command {
    let usual = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("originals");
    let place = std::env::var_os("SCALPEL_ORIGINALS").map_or_else(usual, PathBuf::from);
    let pins = std::fs::read(tests().join("originals/requirements.txt")).unwrap();
    let whole = std::fs::read(place.join("installed.txt")).is_ok_and(|found| found == pins);
    assert!(
        whole,
        "{} is not the Python environment of the original libraries with today's pins: run `cargo xtask originals`, which makes \
         it in half a minute, or `cargo xtask test`, which makes it too; SCALPEL_ORIGINALS names another place",
        place.display()
    );
    Command::new(place.join("bin").join(name))
}

/// Runs a script of `tests/originals` on a folder.
pub fn script(name: &str, folder: &Path) {
    let output = program("python").arg(tests().join("originals").join(name)).arg(folder).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}
