//! What one whole decision costs: a believed tick and the frame after it in, every agent renewed, labels resolved, samples
//! taken, the pool, the trade rule and the meta model asked. Models of full size sit there: forests of 100 trees with 31 leaves
//! for each side on 32 features, a net 16->32 at its cadence, a meta model of 100 trees with 5 leaves. The strategy's bar
//! is so low that the meta model is asked about every quote that it may judge. Percentiles are those of single decisions, less the
//! median of an empty one, of the best of several rounds: the box is shared. One line a figure, as a table wants them.
//!
//!     cargo bench -p ensemble --bench decision
//!
//! For counts of instructions: `valgrind --tool=callgrind` on the program, with DECISIONS=20000 and one of the words
//! `whole`, `bare` (without trained models), `idle` or `idle_bare` (the same, but nothing is decided after the warm-up):
//! the difference to the idle one is what the decisions cost.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run has nothing to say")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../../models/benches/inference/grown.rs"]
#[allow(unreachable_pub, reason = "shared with another benchmark")]
mod grown;
#[path = "../src/testing.rs"]
mod testing;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use ensemble::artefact::{Line, Scale, Sequence};
use ensemble::cadence::Cadence;
use ensemble::{Artefact, Brain, Council, DecideSpec, Decision, Input, Parts, decide, meta};
use features::{Feature, Frame};
use grown::Noise;
use market::{Span, Tick, Time};
use testing::{BARRIER, COUNCIL, DECIDE, Market};

/// Quotes that are made before the clock starts, and how many go by before anything is measured.
const QUOTES: usize = 20_000;
const WARM: usize = 40_000;
const ROUNDS: usize = 7;
/// Decisions of a round that is timed as a whole: some 20 ms, so that one of them has the core for itself.
const ROUND: usize = 5_000;
/// What the trees read, and the net.
const TREES_READ: usize = 32;
const NET_READS: usize = 16;

/// Whatever the answer, the meta model is asked.
const EAGER: DecideSpec = DecideSpec { margin_points: -1e6, gate_min: 0.0, awake_min: 1, meta_min: 0.0, ..DECIDE };

/// Quotes that never end: the same ones again, at a steady rate. Features that the market does not make are noise from 0 to 1.
struct Tape {
    quotes: Vec<(Tick, Frame)>,
    at: usize,
    time: Time,
    apart: Span,
}

impl Tape {
    fn new(apart: Span) -> Self {
        let (mut market, mut noise) = (Market::new(3, 0.25), Noise(9));
        let quotes = (0..QUOTES).map(|_| {
            let (tick, frame) = market.next();
            let fill = |frame: Frame, feature: &Feature| match frame.get(*feature) {
                Some(_) => frame,
                None => frame.with(*feature, noise.uniform()),
            };
            (tick, Feature::ALL.iter().fold(frame, fill))
        });
        Self { quotes: quotes.collect(), at: 0, time: Time::from_millis(1_399_000_000_000), apart }
    }

    fn next(&mut self) -> (Tick, Frame) {
        let (mut tick, mut frame) = self.quotes[self.at];
        self.at = (self.at + 1) % self.quotes.len();
        self.time = self.time.plus(self.apart);
        (tick.time, tick.seen, frame.time) = (self.time, self.time, self.time);
        (tick, frame)
    }
}

fn artefact(name: &str, inputs: &[Feature], brain: Brain) -> Arc<Artefact> {
    let input = |feature: &Feature| Input { feature: *feature, low: -1e9, high: 1e9, deciles: [0.0; 9] };
    let parts = Parts {
        name: name.to_owned(),
        barrier: BARRIER,
        inputs: inputs.iter().map(input).collect(),
        outside_max: 0,
        missing_max: inputs.len() as u32,
        trained: (Time(0), Time(1)),
        brain,
    };
    let digest = [name.len() as u8; 32];
    Arc::new(Artefact::new(parts, digest).expect("a sound model"))
}

/// A council of all agents, with models of full size in their seats or without any. The net takes a step every `step`.
fn council(trained: bool, step: Span) -> Council {
    let mut council = Council::new(&COUNCIL);
    if !trained {
        return council;
    }
    let (mut noise, all) = (Noise(7), Feature::ALL);
    let mut side = || grown::forest(&mut noise, TREES_READ, (100, 31), 0.02);
    let trees = artefact("trees", &all[..TREES_READ], Brain::Trees([side(), side()]));
    let sequence = Sequence {
        net: grown::net(NET_READS, 32),
        scales: vec![Scale { mean: 0.5, deviation: 1.0 }; NET_READS],
        clip: 5.0,
        cadence: Cadence::Time(step),
        gap: Span::from_secs(60),
        warm: 64,
        lines: [Line { slope: 0.1, offset: 0.0 }, Line { slope: 0.1, offset: 0.0 }],
    };
    let net = artefact("sequence", &all[..NET_READS], Brain::Sequence(Box::new(sequence)));
    let width = meta::OPINION.len() + meta::CONTEXT.len() + meta::REGIME.len();
    let forest = grown::forest(&mut Noise(8), width, (100, 5), 0.02);
    let judge = artefact("meta", &meta::CONTEXT, Brain::Meta { forest, of: *trees.digest() });
    for model in [trees, net, judge] {
        council.install(model, None).expect("a model of this barrier");
    }
    council
}

/// One decision from a quote: its arithmetic.
fn decision(council: &mut Council, (tick, frame): &(Tick, Frame)) -> Decision {
    council.observe(black_box(frame), black_box(tick));
    match black_box(decide(council, &EAGER, tick)) {
        Ok(decision) => decision,
        Err(refused) => refused.decision,
    }
}

fn warmed(trained: bool, step: Span, apart: Span) -> (Council, Tape) {
    let (mut council, mut tape) = (council(trained, step), Tape::new(apart));
    for _ in 0..WARM {
        let (tick, frame) = tape.next();
        council.observe(&frame, &tick);
    }
    (council, tape)
}

/// Three lines: percentiles of single decisions, and how many of them there are in a second when nobody looks at a clock.
fn tell(name: &str, trained: bool, (step, apart): (Span, Span)) {
    let (mut council, mut tape) = warmed(trained, step, apart);
    let (mut awake, mut asked, mut each) = (0, 0, [u128::MAX; 2]);
    for _ in 0..ROUNDS {
        let mut nanos = Vec::with_capacity(QUOTES);
        let mut empty = Vec::with_capacity(QUOTES);
        for _ in 0..QUOTES {
            let quote = tape.next();
            let start = Instant::now();
            empty.push(start.elapsed().as_nanos());
            let start = Instant::now();
            let decision = decision(&mut council, &quote);
            nanos.push(start.elapsed().as_nanos());
            awake += decision.awake;
            asked += usize::from(decision.meta.is_some());
        }
        nanos.sort_unstable();
        empty.sort_unstable();
        let nothing = empty[QUOTES / 2];
        each = each.min([nanos[QUOTES / 2], nanos[QUOTES / 100 * 99]].map(|nanos| nanos.saturating_sub(nothing)));
    }
    let mut most = 0.0_f64;
    for _ in 0..ROUNDS * QUOTES / ROUND {
        let start = Instant::now();
        for _ in 0..ROUND {
            black_box(decision(&mut council, &tape.next()));
        }
        most = most.max(ROUND as f64 / start.elapsed().as_secs_f64());
    }
    let all = (ROUNDS * QUOTES) as f64;
    let who = format!("{:.1} agents awake, meta asked in {:.0} %", awake as f64 / all, 100.0 * asked as f64 / all);
    let [goals, goal] =
        if trained { ["; goal 50", "best of rounds of 5,000; goal 250,000"] } else { ["", "best of rounds of 5,000"] };
    println!("{name}, p50\t{:.2}\tus\t{who}", each[0] as f64 / 1e3);
    println!("{name}, p99\t{:.2}\tus\t{who}{goals}", each[1] as f64 / 1e3);
    println!("{name}, on one core\t{most:.0}\tdecisions/s\t{goal}");
}

/// So many decisions and nothing else, for a tool that counts instructions.
fn count(word: &str, decisions: usize) {
    let (mut council, mut tape) = warmed(!word.contains("bare"), Span::from_secs(1), Span::from_millis(50));
    for _ in 0..if word.starts_with("idle") { 0 } else { decisions } {
        black_box(decision(&mut council, &tape.next()));
    }
}

fn main() {
    if let Some(decisions) = std::env::var("DECISIONS").ok().and_then(|text| text.parse().ok()) {
        let word = std::env::args().find(|word| ["whole", "bare", "idle", "idle_bare"].contains(&word.as_str()));
        return count(&word.unwrap_or_default(), decisions);
    }
    let (second, tick) = (Span::from_secs(1), Span::from_millis(1));
    let (busy, calm) = (Span::from_millis(50), Span::from_millis(500));
    tell("whole decision, 20 quotes/s, net each second", true, (second, busy));
    tell("whole decision, 20 quotes/s, net at each quote", true, (tick, busy));
    tell("whole decision, 2 quotes/s, net each second", true, (second, calm));
    tell("without trained models, 20 quotes/s", false, (second, busy));
    tell("without trained models, 2 quotes/s", false, (second, calm));
}
