//! What the verbs need from the system. A missing part is installed; what cannot be installed ends the run.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outcome, cargo, run};

/// A Debian package and a file that shows that it is there.
const PACKAGES: [(&str, &str); 4] = [
    ("gcc-aarch64-linux-gnu", "/usr/bin/aarch64-linux-gnu-gcc"),
    ("libc6-dev-arm64-cross", "/usr/aarch64-linux-gnu/lib/libc.so.6"),
    ("qemu-user", "/usr/bin/qemu-aarch64"),
    ("g++", "/usr/bin/g++"),
];

/// Everything that `test` needs.
pub(crate) fn for_tests() -> Outcome {
    let missing: Vec<_> =
        PACKAGES.iter().filter(|(_, file)| !Path::new(file).exists()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        packages(&missing)?;
    }
    rustup("target", "aarch64-unknown-linux-gnu")?;
    rustup("component", "llvm-tools")?;
    cargo_tool("cargo-llvm-cov")?;
    cargo_tool("cargo-fuzz")
}

/// Packages of the system.
pub(crate) fn packages(names: &[&str]) -> Outcome {
    run("package lists", Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(names);
    run(&format!("system packages {}", names.join(" ")), install.stdout(Stdio::null()))
}

/// A part of the pinned toolchain.
fn rustup(kind: &str, name: &str) -> Outcome {
    let listed = Command::new("rustup").args([kind, "list", "--installed"]).output();
    let listed = listed.map_err(|error| format!("xtask: rustup could not be started: {error}"))?;
    if String::from_utf8_lossy(&listed.stdout).lines().any(|line| line.starts_with(name)) {
        return Ok(());
    }
    run(&format!("rustup {kind} {name}"), Command::new("rustup").args([kind, "add", name]))
}

/// A cargo subcommand from crates.io.
pub(crate) fn cargo_tool(name: &str) -> Outcome {
    let verb = name.trim_start_matches("cargo-");
    let there = cargo(&[verb, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    run(&format!("install {name}"), &mut cargo(&["install", "--locked", "--quiet", name]))
}
