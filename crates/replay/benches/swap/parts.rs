//! A desk whose models are swapped while it decides: what the benchmark measures and the test counts.

use std::sync::Arc;

use config::{Config, Role as Traded, default_text};
use desk::{Actions, Command, Desk, Event, Fact, Role};
use ensemble::{Artefact, Brain, Input, Parts, Trained, meta};
use features::Feature;
use market::{Lots, Price, Side, SymbolId, Tick, Time};
use models::forest::{Child, Forest, Leaf, Link, Missing, Split, Test, Tree};
use risk::Operator;

/// The built-in configuration of EURUSD.
pub fn config() -> Config {
    let traded = feed::InstrumentTable::built_in().require("EURUSD", SymbolId(0)).unwrap();
    let text = default_text(&[(traded, Traded::Trade { leader: None })]).unwrap();
    config::parse(&text, 1, 1).unwrap()
}

/// The `nth` quote of a walk, ten a second.
pub fn tick(nth: u64) -> Tick {
    let x = nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (nth << 7);
    let bid = 138_000 + (nth as i64 / 50) % 400 + (x >> 60) as i64 - 8;
    let time = Time(1_399_200_000_000_000_000 + nth as i64 * 100_000_000);
    let (bid, ask, lots) = (Price(bid), Price(bid + 3 + (x >> 62) as i64), Lots(0));
    Tick { symbol: SymbolId(0), time, seen: time, bid, ask, bid_lots: lots, ask_lots: lots }
}

/// A hundred trees whose answer is about `odds` on every row, so that who has spoken is seen from what was said.
fn forest(features: usize, odds: f64) -> Forest {
    let mut builder = Forest::builder(features).link(Link::Logistic { slope: 1.0 });
    for nth in 0..100_u32 {
        let leaf = Leaf { value: odds / 100.0, cover: 50.0 };
        let test = Test::AtMost { threshold: f64::from(nth), missing: Missing::Nan, default_left: true };
        let split = Split { feature: 0, test, left: Child::Leaf(0), right: Child::Leaf(1), cover: 100.0 };
        builder.tree(Tree { splits: vec![split], leaves: vec![leaf, leaf] }).unwrap();
    }
    builder.build().unwrap()
}

/// The log-odds of a buy of the `nth` trees.
pub fn odds(nth: u64) -> f64 {
    0.2 + nth as f64 / 1_000.0
}

/// The `nth` trees, and the meta model that judges them and no others.
pub fn pair(nth: u64, config: &Config) -> [Arc<Artefact>; 2] {
    let input = |feature| Input { feature, low: -1e9, high: 1e9, deciles: [0.0; 9] };
    let parts = |name: &str, inputs: Vec<Input>, brain: Brain| Parts {
        name: format!("{name} {nth}"),
        barrier: config.desk.classes[0].council.barrier,
        outside_max: 0,
        missing_max: inputs.len() as u32,
        inputs,
        trained: (Time(0), Time(1)),
        brain,
    };
    let brain = Brain::Trees([forest(1, odds(nth)), forest(1, -odds(nth))]);
    let trees = replay::beside::made(parts("trees", vec![input(Feature::Spread)], brain)).unwrap();
    let inputs: Vec<Input> = meta::CONTEXT.map(input).to_vec();
    let width = meta::OPINION.len() + inputs.len() + meta::REGIME.len();
    let brain = Brain::Meta { forest: forest(width, 0.4), of: *trees.digest() };
    [Arc::new(trees), Arc::new(replay::beside::made(parts("meta", inputs, brain)).unwrap())]
}

/// A desk, what it has heard, and whose word each tick should be.
pub struct Swapped {
    pub desk: Desk,
    actions: Actions,
    seq: u64,
    /// Ticks, and those after which neither a decision nor a reason not to ask was counted.
    pub ticks: u64,
    pub lost: u64,
    /// Ticks after which models of different epochs had spoken, and those where both had.
    pub mixed: u64,
    pub both: u64,
    /// The number of the pair that sits there.
    sits: Option<u64>,
    asked: u64,
}

impl Swapped {
    pub fn new(config: &Config) -> Self {
        let desk = Desk::new(&config.desk).unwrap();
        let actions = Actions::with_capacity(desk.actions_max());
        Self { desk, actions, seq: 0, ticks: 0, lost: 0, mixed: 0, both: 0, sits: None, asked: 0 }
    }

    fn hear(&mut self, time: Time, fact: Fact) {
        self.seq += 1;
        self.desk.on_event(&Event { seq: self.seq, time, fact }, &mut self.actions);
    }

    /// Two commands, one after the other: the pair on the shelf sits down.
    pub fn seat(&mut self, time: Time, nth: u64, pair: [Arc<Artefact>; 2]) {
        for model in pair {
            let (by, digest) = (Operator::new("bench").unwrap(), *model.digest());
            self.desk.shelve(model);
            self.hear(time, Fact::Commanded(Command::Seat { by, digest, class: 0, role: Role::Champion, until: None }));
        }
        self.sits = Some(nth);
    }

    pub fn tick(&mut self, tick: &Tick) {
        self.hear(tick.seen, Fact::Ticked(*tick));
    }

    /// Counts what the last tick came to.
    pub fn judge(&mut self) {
        let counts = self.desk.counts();
        let answered = counts.decisions + counts.idle.iter().sum::<u64>();
        self.ticks += 1;
        self.lost += u64::from(answered == self.asked);
        self.asked = answered;
        let council = &self.desk.councils()[0];
        let (Some(nth), Some(question)) = (self.sits, council.meta_question(Side::Buy)) else { return };
        self.both += 1;
        let named = |seat: Trained| council.champion(seat).map_or("", |model| model.parts().name.as_str());
        let ours = named(Trained::Trees) == format!("trees {nth}") && named(Trained::Meta) == format!("meta {nth}");
        self.mixed += u64::from(!ours || (question[0] - odds(nth)).abs() > 1e-9);
    }
}
