//! Configurations: any text, and the default with some of its values changed. What is accepted makes a desk and a venue that
//! an hour of quotes does not break.
#![no_main]

use std::sync::LazyLock;

use ::config::{Config, Role, default_text, parse};
use desk::{Action, Actions, Desk, Event, Fact};
use feed::InstrumentTable;
use libfuzzer_sys::fuzz_target;
use market::{Instrument, Lots, Points, Price, SymbolId, Tick, Time};
use orders::Report;
use scalpel_fuzz::input::Input;
use venue::{Paper, Venue};

/// The default for several markets, and one whose strategy trades by a coin from the first quotes on.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let table = InstrumentTable::built_in();
    let instrument = |place, name| table.require(name, SymbolId(place)).unwrap();
    let leader = Instrument { name: "EURUSD.fxcm".into(), ..instrument(1, "EURUSD") };
    let led = Role::Trade { leader: Some(leader.name.clone()) };
    let trade = || Role::Trade { leader: None };
    let text = |instruments: &[_]| default_text(instruments).unwrap();
    let coin = text(&[(instrument(0, "EURUSD"), trade())]);
    let texts = vec![
        text(&[(instrument(0, "EURUSD"), led), (leader, Role::Listen)]),
        text(&[(instrument(0, "BTCUSDT"), trade())]),
        text(&[(instrument(0, "XAUUSD"), trade())]),
        text(&[(instrument(0, "USDJPY"), trade())]),
        with_coin(&coin),
    ];
    texts.iter().for_each(|text| drop(parse(text, 1, 1).unwrap()));
    texts
});

/// The text with a coin in the place of its first strategy's rule.
fn with_coin(text: &str) -> String {
    let between = |text: &str, from: &str, to: &str, new: &str| {
        let start = text.find(from).unwrap();
        let end = start + text[start..].find(to).unwrap();
        format!("{}{new}{}", &text[..start], &text[end..])
    };
    let coin = "[strategy.decide]\nby = \"random\"\nseed = 1\nevery = \"1 s\"\n\n";
    let text = between(text, "[strategy.decide]", "[strategy.entry]", coin);
    let text = between(
        &text,
        "[strategy.stake]",
        "[strategy.stop]",
        "[strategy.stake]\nby = \"fixed\"\nlots = \"0.10 lot\"\n\n",
    );
    let stop = "[strategy.stop]\nby = \"fixed\"\nstop = \"8 pip\"\ntarget = \"6 pip\"\n\n";
    let text = between(&text, "[strategy.stop]", "[strategy.exits]", stop);
    text.replacen("[strategy.exits]", "[strategy.exits]\ncommission = \"7 point\"", 1)
}

/// Values that tend to be thought of too late.
const NASTY: [&str; 24] = [
    "0",
    "1",
    "-1",
    "2",
    "1000000000",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854.775807",
    "0.000001",
    "100",
    "nan",
    "inf",
    "1e308",
    "0x7fffffffffffffff",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"never\"",
    "\"0 s\"",
    "\"0 %\"",
    "2014-05-02T12:25:00Z",
    "[1, 1, 1, 1, 1]",
    "\"9223372036 s\"",
];

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    if bytes.first().is_some_and(|first| *first < 16) {
        let text = mutant(&mut input);
        return check(&text);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text);
    }
});

/// One of the texts with some lines changed, or only numbers of it, which more often leaves a text that is accepted.
fn mutant(input: &mut Input<'_>) -> String {
    let first = input.byte();
    let text = &TEXTS[usize::from(first % 8) % TEXTS.len()];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..6 {
        if input.is_empty() {
            break;
        }
        let at = input.below(lines.len());
        let change = if first < 8 { change(input, &lines, at) } else { Some(with_number(input, &lines[at], "0")) };
        match change {
            Some(line) => lines[at] = line,
            None => drop(lines.remove(at)),
        }
    }
    lines.join("\n")
}

fn change(input: &mut Input<'_>, lines: &[String], at: usize) -> Option<String> {
    let line = &lines[at];
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    let nasty = NASTY[usize::from(input.byte()) % NASTY.len()];
    match input.byte() % 6 {
        // The number within a value, so that its unit stays.
        0 | 1 => Some(format!("{key}= {}", with_number(input, value, nasty))),
        2 => Some(format!("{key}= {nasty}")),
        3 => {
            let other = &lines[input.below(lines.len())];
            Some(format!("{key}={}", other.split_once('=').map_or("", |(_, value)| value)))
        }
        4 => {
            let length = usize::from(input.byte() % 40);
            Some(format!("{key}= {}", String::from_utf8_lossy(input.slice(length))))
        }
        _ => None,
    }
}

/// The value with one of its numbers replaced: by another, or by as many digits as the fuzzer says.
fn with_number(input: &mut Input<'_>, value: &str, nasty: &str) -> String {
    let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let bytes = value.as_bytes();
    let starts: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit() && (*at == 0 || !is_number(&bytes[at - 1]))).collect();
    let Some(start) = starts.get(input.below(starts.len())).copied() else { return value.to_owned() };
    let length = bytes[start..].iter().take_while(|byte| is_number(byte)).count();
    let new = if input.byte().is_multiple_of(2) {
        nasty.to_owned()
    } else {
        (input.number() >> (input.byte() % 64)).to_string()
    };
    format!("{}{new}{}", &value[..start], &value[start + length..])
}

fn check(text: &str) {
    match parse(text, 1, 1) {
        Ok(config) => {
            assert_eq!(config.text, text);
            check_accepted(&config);
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(faults.is_sorted_by_key(|fault| fault.line));
            let lines = 1 + text.bytes().filter(|byte| *byte == b'\n').count();
            assert!(
                faults.iter().all(|fault| (1..=lines).contains(&fault.line) && !fault.what.is_empty()),
                "{faults:?}"
            );
        }
    }
}

/// What is accepted is usable: it trades through a few minutes of quotes, and asks for no more room than it said.
fn check_accepted(config: &Config) {
    assert!(config.balance.0 >= 0);
    let desk = Desk::new(&config.desk).unwrap();
    let venue = Paper::new(config.venue.clone()).unwrap();
    let actions = Actions::with_capacity(desk.actions_max());
    let mut session = Session { desk, venue, actions, seq: 0, wake: None };
    let start = Time(1_399_033_801_700_000_000);
    session.hear(start, Fact::Started);
    for second in 0..120_i64 {
        let time = Time(start.0 + second * 1_000_000_000);
        session.pass_until(time);
        for place in 0..config.desk.symbols.len() {
            let tick = quote(&config.desk.symbols[place].instrument, place, time, second);
            session.venue.on_tick(&tick);
            session.hear(time, Fact::Ticked(tick));
            session.listen(time);
        }
    }
    assert_eq!(session.actions.lost(), 0);
}

/// A quote about 14000 pips that wanders by a few.
fn quote(instrument: &Instrument, place: usize, time: Time, second: i64) -> Tick {
    let whole = 14_000 * instrument.pip.0;
    let step = instrument.tick_size.0;
    let bid = Price((whole + (second * 7_919 % 41 - 20) * instrument.pip.0) / step * step).0.max(step);
    let ask = Price(bid).plus(Points(step));
    let symbol = SymbolId(place as u16);
    Tick { symbol, time, seen: time, bid: Price(bid), ask, bid_lots: Lots(100), ask_lots: Lots(100) }
}

/// A desk and a venue, and what passes between them.
struct Session {
    desk: Desk,
    venue: Paper,
    actions: Actions,
    seq: u64,
    wake: Option<Time>,
}

impl Session {
    fn hear(&mut self, time: Time, fact: Fact) {
        self.seq += 1;
        let event = Event { seq: self.seq, time, fact };
        self.desk.on_event(&event, &mut self.actions);
        for action in self.actions.drain() {
            match action {
                Action::Send(request) => self.venue.send(time, &request),
                Action::Query(id) => self.venue.query(time, id),
                Action::List => self.venue.list(time),
                Action::WakeAt(due) => self.wake = Some(self.wake.map_or(due, |wake| wake.min(due))),
                Action::Tell(_) => {}
            }
        }
    }

    fn listen(&mut self, time: Time) {
        while let Some(report) = self.venue.poll() {
            let report: Report = report;
            self.hear(time, Fact::Reported(report));
        }
    }

    /// Does what falls due, at most so often: a configuration may ask to be woken every nanosecond.
    fn pass_until(&mut self, until: Time) {
        for _ in 0..200 {
            let venue = self.venue.next_wake();
            let Some(due) = venue.into_iter().chain(self.wake).min().filter(|due| *due <= until) else { return };
            if venue.is_some_and(|venue| venue <= due) {
                self.venue.wake(due);
                self.listen(due);
            }
            if self.wake.is_some_and(|wake| wake <= due) {
                self.wake = None;
                self.hear(due, Fact::Woke);
                self.listen(due);
            }
        }
    }
}
