//! Runs that are killed, and disks that are full: the next start goes on to the same head, or says why not.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::{DAYS, Ran, backtest, command, head, scalpel, ticks};

/// The head of the whole run, never interrupted.
fn uninterrupted(files: &[String]) -> String {
    let folder = tempfile::tempdir().unwrap();
    scalpel(folder.path(), &backtest(files, &[])).expect(0, &[]);
    head(folder.path())
}

#[expect(clippy::disallowed_methods, reason = "waits for another process, which nothing announces")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

/// Starts a run and kills it once its journal has grown to `bytes`.
fn killed(folder: &Path, arguments: &[&str], bytes: u64) {
    let mut child = command(folder, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let journal = folder.join("run/session.journal");
    while std::fs::metadata(&journal).map_or(0, |found| found.len()) < bytes {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {bytes} bytes were written");
        pause();
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was killed, and did not end by itself");
}

#[test]
fn a_killed_run_goes_on_to_the_same_head() {
    let files = ticks("oanda", &DAYS);
    let expected = uninterrupted(&files);
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path(), &backtest(&files, &[]), 1_500_000);
    scalpel(folder.path(), &["journal", "verify", "run/session.journal"]).expect(5, &["not closed"]);
    scalpel(folder.path(), &backtest(&files, &[])).expect(4, &["holds a run already"]);
    killed(folder.path(), &backtest(&files, &["--resume"]), 9_000_000);
    let ran = scalpel(folder.path(), &backtest(&files, &["--resume"])).expect(0, &["VERDICT", &expected]);
    assert!(ran.err.contains("records were there already and agree"), "{ran:?}");
    assert_eq!(head(folder.path()), expected);
    scalpel(folder.path(), &["replay", "run/session.journal"]).expect(0, &["bit for bit"]);
    scalpel(folder.path(), &backtest(&files, &["--resume"])).expect(2, &["there is nothing to go on with"]);
}

#[test]
fn a_killed_run_does_not_go_on_with_another_input() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path(), &backtest(&ticks("oanda", &DAYS), &[]), 3_000_000);
    let other = ticks("oanda", &["02", "05"]);
    scalpel(folder.path(), &backtest(&other, &["--resume"])).expect(5, &["another build, configuration or input"]);
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_the_run_goes_on_with_room() {
    let files = ticks("oanda", &["01", "02"]);
    let expected = uninterrupted(&files);
    let folder = tempfile::tempdir().unwrap();
    // The shell's limit in blocks of 512 bytes; without the signal a write beyond it fails as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\"";
    let mut limited = Command::new("sh");
    limited.current_dir(folder.path()).args(["-c", script, env!("CARGO_BIN_EXE_scalpel")]).args(backtest(&files, &[]));
    let ran = Ran::of(limited.output().unwrap()).expect(4, &["no room", "bytes are written"]);
    assert!(ran.out.is_empty(), "{ran:?}");
    scalpel(folder.path(), &backtest(&files, &["--resume"])).expect(0, &["VERDICT", &expected]);
    assert_eq!(head(folder.path()), expected);
}
