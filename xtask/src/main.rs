//! The verbs of the house: `cargo xtask check | test | bench`. CI calls `test` and nothing else.
//!
//! `parts`  what a verb needs from the system, and how it is installed     `laws`  the structure of the house, as tests
//! `originals` the libraries whose models we read
//! `bench`  the tables in docs/benchmarks.md

mod bench;
#[cfg(test)]
mod laws;
mod originals;
mod parts;

use std::process::{Command, ExitCode};

/// What went wrong, in words for the terminal.
type Outcome = Result<(), String>;

const USAGE: &str = "cargo xtask <verb>

  check    formatting, lints, and licences and sources of dependencies
  test     everything CI runs: check (without dependencies' licences), all tests with coverage, the golden
           journals on aarch64 under qemu, a short run of every fuzz target; installs what it needs (as root)
  originals
           makes the Python environment, below the target folder, of the libraries that tests of models ask (LightGBM,
           XGBoost, ONNX, model_signing); `test` makes it too
  bench [engine | mind]
           measures the tables of docs/benchmarks.md, or the one that is named, and writes them there; `mind` asks the
           original libraries beside us

The first step that fails ends the run with its exit code 1.";

/// The inside crates: at least this share of their lines must be run by tests.
const COVERED_MIN: f64 = 90.0;
const INSIDE: [&str; 7] = ["market", "models", "features", "ensemble", "risk", "orders", "desk"];

/// Seconds that each fuzz target runs.
const FUZZ_SECONDS: u32 = 15;

fn main() -> ExitCode {
    let verb = std::env::args().nth(1).unwrap_or_default();
    let outcome = match verb.as_str() {
        "check" => check().and_then(|()| dependencies()),
        "test" => test(),
        "originals" => originals::ready().map(|(_, place)| eprintln!("{}", place.display())),
        "bench" => bench::run(std::env::args().nth(2).as_deref()),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command of the toolchain and says which one when it fails.
fn run(what: &str, command: &mut Command) -> Outcome {
    eprintln!("==> {what}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("xtask: {what} failed ({status}): {command:?}")),
        Err(error) => Err(format!("xtask: {what} could not be started: {error}: {command:?}")),
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments);
    command
}

fn check() -> Outcome {
    run("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
    run("lints", &mut clippy)
}

fn dependencies() -> Outcome {
    parts::cargo_tool("cargo-deny")?;
    run("licences and sources of dependencies", &mut cargo(&["deny", "check", "bans", "licenses", "sources"]))
}

fn test() -> Outcome {
    parts::for_tests()?;
    check()?;
    coverage()?;
    golden_on_arm()?;
    fuzz()
}

/// All tests, instrumented, then the share of lines that they ran in the inside crates.
fn coverage() -> Outcome {
    let mut tests = cargo(&["llvm-cov", "--workspace", "--locked", "--no-report"]);
    let (name, place) = originals::ready()?;
    run("all tests, with coverage", tests.env(name, place))?;
    // Tests kill processes at any instant, also between the first and the last byte of a profile's header: such a
    // profile is left out, and it is an error only when no profile can be read.
    let output = cargo(&["llvm-cov", "report", "--failure-mode", "all", "--json", "--summary-only"]).output();
    let output = output.map_err(|error| format!("xtask: coverage could not be read: {error}"))?;
    if !output.status.success() {
        return Err(format!("xtask: coverage could not be read:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("xtask: coverage is not JSON: {error}"))?;
    let files = report["data"][0]["files"].as_array().ok_or("xtask: coverage names no files")?;
    let mut low = Vec::new();
    for name in INSIDE {
        let share = covered(files, name).ok_or_else(|| format!("xtask: no coverage of {name}"))?;
        eprintln!("    {name:<10} {share:5.1} % of lines");
        if share < COVERED_MIN {
            low.push(format!("{name} {share:.1} %"));
        }
    }
    if low.is_empty() { Ok(()) } else { Err(format!("xtask: coverage below {COVERED_MIN} %: {}", low.join(", "))) }
}

/// The share of a crate's lines that ran, in percent.
fn covered(files: &[serde_json::Value], name: &str) -> Option<f64> {
    let room = format!("/crates/{name}/src/");
    let (mut lines, mut ran) = (0.0, 0.0);
    for file in files.iter().filter(|file| file["filename"].as_str().is_some_and(|path| path.contains(&room))) {
        lines += file["summary"]["lines"]["count"].as_f64()?;
        ran += file["summary"]["lines"]["covered"].as_f64()?;
    }
    (lines > 0.0).then(|| 100.0 * ran / lines)
}

fn golden_on_arm() -> Outcome {
    let target = ["test", "--locked", "-p", "replay", "--test", "golden", "--target", "aarch64-unknown-linux-gnu"];
    run("golden journals on aarch64", &mut cargo(&target))
}

fn fuzz() -> Outcome {
    let targets =
        std::fs::read_dir("fuzz/fuzz_targets").map_err(|error| format!("xtask: fuzz/fuzz_targets: {error}"))?;
    let mut names: Vec<String> =
        targets.filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    for name in names {
        let seconds = format!("-max_total_time={FUZZ_SECONDS}");
        let mut fuzz = cargo(&["fuzz", "run", "--sanitizer", "none", &name, "--", &seconds, "-rss_limit_mb=2048"]);
        // libFuzzer's instrumentation is behind unstable flags; the pinned toolchain is a stable one.
        run(&format!("fuzz {name}"), fuzz.env("RUSTC_BOOTSTRAP", "1"))?;
    }
    Ok(())
}
