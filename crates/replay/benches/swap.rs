//! Hot swaps: 10,000 decisions a second, first in quiet, then with a hundred swaps of models that another thread prepares
//! and hands over without blocking. Latency is measured from the moment at which a quote was due, so waiting counts
//! (coordinated omission). One line a figure, as in `engine`.
//!
//! `cargo bench -p replay --bench swap`

#[path = "swap/parts.rs"]
#[allow(clippy::unwrap_used, unreachable_pub, reason = "shared with a test")]
mod parts;

use std::io::Write;
use std::sync::mpsc::{TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parts::{Swapped, config, pair, tick};

/// Between two quotes.
const PERIOD: Duration = Duration::from_micros(100);
/// Quotes of a phase: ten seconds.
const QUOTES: u64 = 100_000;
const SWAPS: u64 = 100;
/// Quotes before anything is measured: the features and the regime warm up.
const WARM: u64 = 50_000;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock() -> Instant {
    Instant::now()
}

fn line(name: &str, value: f64, unit: &str, note: &str) {
    let places = if unit == "us" || unit == "times" { 2 } else { 0 };
    let _ = writeln!(std::io::stdout().lock(), "{name}\t{value:.places$}\t{unit}\t{note}");
}

#[expect(clippy::too_many_lines, reason = "one measurement after the other")]
fn main() {
    let config = config();
    let mut swapped = Swapped::new(&config);
    swapped.seat(tick(0).seen, 0, pair(0, &config));
    for nth in 0..WARM {
        swapped.tick(&tick(nth));
        swapped.judge();
    }
    let (send, ready) = sync_channel(1);
    let made = config.clone();
    let maker = std::thread::spawn(move || {
        for nth in 1..=SWAPS {
            if send.send((nth, pair(nth, &made))).is_err() {
                return;
            }
        }
    });
    let mut p99 = [0.0; 2];
    let mut seated = 0;
    for (phase, name) in ["in quiet", "with 100 swaps"].into_iter().enumerate() {
        let Ok(mut taken) = Histogram::<u64>::new(3) else { return };
        let start = clock();
        for nth in 0..QUOTES {
            let due = start + PERIOD * nth as u32;
            while clock() < due {
                std::hint::spin_loop();
            }
            let quote = tick(WARM + phase as u64 * QUOTES + nth);
            if phase == 1 && nth % (QUOTES / SWAPS) == 0 {
                match ready.try_recv() {
                    Ok((number, pair)) => {
                        swapped.seat(quote.seen, number, pair);
                        seated += 1;
                    }
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
                }
            }
            swapped.tick(&quote);
            taken.saturating_record(clock().duration_since(due).as_nanos() as u64);
            swapped.judge();
        }
        p99[phase] = taken.value_at_quantile(0.99) as f64 / 1e3;
        line(
            &format!("decision {name}, p50"),
            taken.value_at_quantile(0.5) as f64 / 1e3,
            "us",
            "10,000 decisions a second, from when due",
        );
        line(&format!("decision {name}, p99"), p99[phase], "us", "10,000 decisions a second, from when due");
        line(
            &format!("decision {name}, p99.9"),
            taken.value_at_quantile(0.999) as f64 / 1e3,
            "us",
            "10,000 decisions a second, from when due",
        );
    }
    line("p99 with swaps over quiet", p99[1] / p99[0].max(1e-9), "times", "1 is no difference; goal 1.5");
    line("swaps", f64::from(seated), "pairs", "trees and the meta model that judges them");
    line("lost decisions", swapped.lost as f64, "decisions", &format!("of {}; goal 0", swapped.ticks));
    line(
        "decisions of models of two epochs",
        swapped.mixed as f64,
        "decisions",
        &format!("of {}; goal 0", swapped.both),
    );
    drop(ready);
    let _ = maker.join();
}
