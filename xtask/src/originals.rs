//! The Python environment of the libraries whose models we read: tests train with them and ask them.

use std::path::PathBuf;
use std::process::Command;

use crate::{Outcome, parts, run};

/// Where tests look for it.
pub(crate) const PLACE: &str = "SCALPEL_ORIGINALS";
/// What is installed, to the version.
const PINS: &str = "crates/registry/tests/originals/requirements.txt";
/// The pins that an environment was made with, written when it is whole.
const WHOLE: &str = "installed.txt";

/// Makes the environment below the target folder, or finds it there with the same pins, and tells the tests that follow.
pub(crate) fn ready() -> Result<(&'static str, PathBuf), String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let place = std::path::absolute(target.join("originals")).map_err(|error| format!("xtask: target: {error}"))?;
    let pins = std::fs::read(PINS).map_err(|error| format!("xtask: {PINS}: {error}"))?;
    if std::fs::read(place.join(WHOLE)).is_ok_and(|found| found == pins) {
        return Ok((PLACE, place));
    }
    make(&place, &pins)?;
    Ok((PLACE, place))
}

fn make(place: &std::path::Path, pins: &[u8]) -> Outcome {
    let can = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        parts::packages(&["python3-venv"])?;
    }
    let mut venv = Command::new("python3");
    run("a Python environment of the original libraries", venv.args(["-m", "venv", "--clear"]).arg(place))?;
    let mut install = Command::new(place.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    run("the original libraries, pinned", install.args(["-r", PINS]))?;
    std::fs::write(place.join(WHOLE), pins).map_err(|error| format!("xtask: {}: {error}", place.display()))
}
