//! The terminal: progress on stderr, results on stdout.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{Failure, Outcome};

/// How often a plain line is written when stderr is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The wall clock of the program: for progress and figures of speed, never for decisions.
#[expect(clippy::disallowed_methods, reason = "this is the one clock: it times the program and is never an event")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since 1970 by the system's clock: the name of a run's folder, never an event.
#[expect(clippy::disallowed_methods, reason = "this is the one clock: it names folders and is never an event")]
pub(crate) fn epoch_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// One stage of work with its progress.
pub(crate) struct Stage {
    bar: ProgressBar,
    name: String,
    plain: bool,
    started: Instant,
    line_at: Instant,
}

impl Stage {
    /// Begins a stage; shows nothing for a moment.
    pub(crate) fn new(name: &str) -> Self {
        let plain = !std::io::stderr().is_terminal();
        let colours = std::env::var_os("NO_COLOR").is_none();
        let bar = ProgressBar::new(0);
        if plain {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = if colours {
            "{prefix:18} {bar:32.cyan/blue} {percent:>3}% {msg} {eta} left"
        } else {
            "{prefix:18} {bar:32} {percent:>3}% {msg} {eta} left"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(name.to_owned());
        Self { bar, name: name.to_owned(), plain, started: now(), line_at: now() }
    }

    /// Shows how far the work is: records done, and bytes read of all bytes.
    pub(crate) fn show(&mut self, records: u64, progress: feed::Progress) {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-6);
        let rate = records as f64 / seconds;
        let message = format!("{} ticks/s", report::text::grouped(rate as u64));
        if !self.plain {
            self.bar.set_length(progress.total.max(1));
            self.bar.set_position(progress.read);
            self.bar.set_message(message);
            return;
        }
        if self.line_at.elapsed() < LINE_EVERY {
            return;
        }
        self.line_at = now();
        let share = progress.read as f64 / progress.total.max(1) as f64;
        let left = if share > 0.0 { seconds * (1.0 - share) / share } else { 0.0 };
        line(&format!("{}: {:.0}% {message} {left:.0} s left", self.name, share * 100.0));
    }

    /// Shows how far the work is: so many of so many, in a stage of this name.
    pub(crate) fn count(&mut self, name: &str, done: u64, total: u64) {
        if !self.plain {
            self.bar.set_prefix(name.to_owned());
            self.bar.set_length(total.max(1));
            self.bar.set_position(done);
            return;
        }
        if self.line_at.elapsed() >= LINE_EVERY {
            self.line_at = now();
            let left = self.started.elapsed().as_secs_f64() * (total.max(done) - done) as f64 / done.max(1) as f64;
            let left = if done > 0 { format!(", {left:.0} s left") } else { String::new() };
            line(&format!("{name}: {done} of {total}{left}"));
        }
    }

    /// Ends the stage; how long it took.
    pub(crate) fn finish(self, records: u64) -> Duration {
        let took = self.started.elapsed();
        self.bar.finish_and_clear();
        let rate = records as f64 / took.as_secs_f64().max(1e-6);
        if records > 0 {
            let (records, rate) = (report::text::grouped(records), report::text::grouped(rate as u64));
            line(&format!("{}: {records} ticks in {:.1} s, {rate} ticks/s", self.name, took.as_secs_f64()));
        }
        took
    }
}

/// A line on stderr.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Why the program ends without having done what was asked.
pub(crate) fn complain(why: &str) {
    line(&format!("scalpel: {why}"));
}

/// A result on stdout. A reader that went away is no failure of ours; a full disk behind a redirection is.
pub(crate) fn say(text: &str) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Output(format!("standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Peak memory of the process in bytes, from the kernel; 0 where it does not say.
pub(crate) fn memory_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}
