//! Gives the build a name: the commit where there is one, and the target. Snapshots are read by the same build only.
use std::process::Command;

fn main() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "no-commit".into());
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|status| !status.is_empty());
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=SCALPEL_BUILD={commit}{}-{target}", if changed { "+" } else { "" });
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    println!("cargo::rerun-if-changed=../../.git/index");
}
