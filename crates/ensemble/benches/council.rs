//! What a council costs per tick: all agents awake, labels resolving, one strategy deciding.
//!
//! `cargo bench -p ensemble`. The quotes are synthetic (`src/testing.rs`), made before the clock starts.

#[path = "../src/testing.rs"]
mod testing;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ensemble::{Council, decide};
use features::Frame;
use market::{Span, Tick};
use testing::{COUNCIL, DECIDE, Market};

/// Quotes that never end: the same ones again, later.
struct Tape {
    quotes: Vec<(Tick, Frame)>,
    at: usize,
    later: Span,
}

impl Tape {
    fn new(quotes: usize) -> Self {
        let mut market = Market::new(3, 0.25);
        Self { quotes: (0..quotes).map(|_| market.next()).collect(), at: 0, later: Span(0) }
    }

    fn next(&mut self) -> (Tick, Frame) {
        if self.at == self.quotes.len() {
            self.at = 0;
            self.later.0 += self.quotes.len() as i64 * 500_000_000;
        }
        let (mut tick, mut frame) = self.quotes[self.at];
        self.at += 1;
        tick.time = tick.time.plus(self.later);
        frame.time = frame.time.plus(self.later);
        (tick, frame)
    }
}

/// Whether one strategy trades.
fn told(council: &Council, tick: &Tick) -> bool {
    black_box(decide(council, &DECIDE, tick)).is_ok()
}

fn council(criterion: &mut Criterion) {
    let mut tape = Tape::new(20_000);
    let mut council = Council::new(&COUNCIL);
    for _ in 0..60_000 {
        let (tick, frame) = tape.next();
        council.observe(&frame, &tick);
    }
    criterion.bench_function("tape", |bencher| bencher.iter(|| black_box(tape.next())));
    criterion.bench_function("observe", |bencher| {
        bencher.iter(|| {
            let (tick, frame) = tape.next();
            council.observe(black_box(&frame), black_box(&tick));
        });
    });
    let (tick, _) = tape.next();
    criterion.bench_function("decide", |bencher| bencher.iter(|| told(&council, &tick)));
    criterion.bench_function("observe_and_decide", |bencher| {
        bencher.iter(|| {
            let (tick, frame) = tape.next();
            council.observe(black_box(&frame), black_box(&tick));
            told(&council, &tick)
        });
    });
}

criterion_group!(benches, council);
criterion_main!(benches);
