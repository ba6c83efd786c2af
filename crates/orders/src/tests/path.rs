//! The seam of the exits: a spec and a path of prices as text in, what was wanted as text out.

use market::{Lots, Money, Points, Price, Reader, Side, Span, State, SymbolId, Tick, Time};
use proptest::prelude::*;
use risk::{ExitCause, Ticket};

use super::{entry, instrument, plain_exits, room, saved, spec, tick};
use crate::*;

/// `20` points, `1.5R` or `2v` (volatility).
fn distance(text: &str) -> Distance {
    if let Some(multiple) = text.strip_suffix('R') {
        return Distance::Risk(multiple.parse().unwrap());
    }
    if let Some(multiple) = text.strip_suffix('v') {
        return Distance::Volatility(multiple.parse().unwrap());
    }
    Distance::Points(Points(text.parse().unwrap()))
}

/// `rung=1R:500000 even=2 trail=AFTER:START:DISTANCE:STEP time=60 naked=9 spike=3:5 retry=1:4:3`, times in seconds.
fn exits(text: &str) -> ExitSpec {
    let mut spec = plain_exits();
    for item in text.split_whitespace() {
        let (name, value) = item.split_once('=').unwrap();
        let parts: Vec<&str> = value.split(':').collect();
        let secs = |at: usize| Span::from_secs(parts[at].parse().unwrap());
        match name {
            "rung" => {
                spec.rungs.push(Rung { distance: distance(parts[0]), fraction_millionths: parts[1].parse().unwrap() });
            }
            "even" => spec.break_even = BreakEven::AfterRung { commission_points: parts[0].parse().unwrap() },
            "trail" => {
                spec.trail = Some(Trail {
                    after_rungs: parts[0].parse().unwrap(),
                    start: distance(parts[1]),
                    distance: distance(parts[2]),
                    step: Points(parts[3].parse().unwrap()),
                });
            }
            "time" => spec.time_stop = Some(secs(0)),
            "naked" => spec.naked = Naked::ClosedAfter(secs(0)),
            "spike" => {
                spec.spike_multiple = parts[0].parse().unwrap();
                spec.spike_wait_max = secs(1);
            }
            "retry" => {
                let attempts_max = parts[2].parse().unwrap();
                spec.retry = Retry { first: secs(0), longest: secs(1), attempts_max };
            }
            _ => panic!("{item}"),
        }
    }
    spec
}

/// What becomes of what is wanted.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Sent, and done at once at the exit-side quote.
    Done,
    /// Sent, and answered later.
    Held,
    /// Never sent.
    Dropped,
    /// Sent, and refused at once.
    Refused(Reject),
}

/// A room with one strategy on one symbol, and a venue that does as it is told.
struct Stage {
    orders: Orders,
    now: Time,
    last: Tick,
    volatility: f64,
    mode: Mode,
    waiting: Vec<Request>,
    ticket: u64,
    said: Vec<String>,
}

impl Stage {
    fn new(exits: ExitSpec, instrument: market::Instrument) -> Self {
        Self {
            orders: room(&spec(Account::Hedging, exits), &[instrument]),
            now: Time(0),
            last: tick(0, Time(0), 0, 0),
            volatility: f64::NAN,
            mode: Mode::Done,
            waiting: Vec::new(),
            ticket: 0,
            said: Vec::new(),
        }
    }

    fn hear(&mut self, report: Report) {
        let outcome = self.orders.on_report(&report, None, self.now);
        match outcome {
            Outcome::Closed(trade) if trade.exit_order.is_none() => {
                let slipped = trade.exit_slippage.map_or("-".to_owned(), |points| points.0.to_string());
                self.said.push(format!("closed {} {:?} slip {slipped}", trade.lots.0, trade.cause));
            }
            Outcome::Failed(Failure { verdict: Verdict::Stuck { attempts, .. }, .. }) => {
                self.said.push(format!("stuck {attempts}"));
            }
            Outcome::Impossible(_) | Outcome::ImpossibleTurn(_) | Outcome::Surprise(_) => panic!("{outcome:?}"),
            _ => {}
        }
    }

    fn answer(&mut self, request: &Request) {
        let (id, time) = (request.id(), self.now);
        if let Mode::Refused(reason) = self.mode {
            return self.hear(Report::Rejected { id, time, reason });
        }
        match *request.instruction() {
            Instruction::Close(reduction) => {
                let Some(position) = self.orders.position(reduction.ticket).copied() else {
                    return self.hear(Report::Rejected { id, time, reason: Reject::UnknownTicket });
                };
                let rest = position.lots.0 - reduction.lots.0;
                self.ticket += 1;
                let price = self.last.exit(position.side);
                self.hear(closed(
                    Some(id),
                    &position,
                    (reduction.lots, price),
                    reduction.cause,
                    (rest > 0).then_some(self.ticket),
                ));
            }
            Instruction::Protect(protection) => {
                let (ticket, stop, target) = (protection.ticket, protection.stop, protection.target);
                self.hear(Report::Protected { id, time, ticket, stop, target });
            }
            Instruction::Open(_) | Instruction::Cancel { .. } => panic!("not an exit"),
        }
    }

    fn pursue(&mut self, wanted: Vec<Wanted>) {
        for wanted in wanted {
            let at = self.now;
            match wanted {
                Wanted::Reduce(reduction) => self.said.push(format!("{:?} {}", reduction.cause, reduction.lots.0)),
                Wanted::Protect(protection) => self.said.push(format!("stop {}", protection.stop.unwrap().0)),
            }
            if self.mode == Mode::Dropped {
                continue;
            }
            let request = match wanted {
                Wanted::Reduce(reduction) => self.orders.close(reduction, at),
                Wanted::Protect(protection) => self.orders.secure(protection, at),
            };
            let request = request.unwrap();
            if self.mode == Mode::Held { self.waiting.push(request) } else { self.answer(&request) }
        }
    }

    fn tick(&mut self, bid: i64, ask: i64, usual: f64) {
        self.last = tick(0, self.now, bid, ask);
        let mut wanted = Vec::with_capacity(8);
        self.orders.exits(&self.last, usual, self.volatility, &mut wanted);
        self.pursue(wanted);
    }

    fn wake(&mut self) {
        let mut woken = Woken::new(&self.orders.spec);
        self.orders.wake(self.now, &mut woken);
        woken.queries.iter().for_each(|id| self.said.push(format!("query {}", id.0 & 0xFFFF)));
        self.pursue(woken.wanted);
        let next = self.orders.next_deadline();
        assert!(next.is_none_or(|next| next > self.now), "a deadline that does not pass");
    }

    /// Opens `buy:10@1000/990`: ten lots at 1000 with the stop at 990 (`-` for none).
    fn open(&mut self, side: Side, text: &str) {
        let (lots, rest) = text.split_once('@').unwrap();
        let (price, stop) = rest.split_once('/').unwrap();
        let (lots, price): (i64, i64) = (lots.parse().unwrap(), price.parse().unwrap());
        let entry = risk::Entry { stop: stop.parse().ok().map(Price), ..entry(side, lots, price) };
        let request = self.orders.enter(entry, risk::Claim::default(), self.now).unwrap();
        self.ticket += 1;
        self.hear(Report::Opened {
            id: request.id(),
            time: self.now,
            ticket: Ticket(self.ticket),
            lots: Lots(lots),
            rest: Lots(0),
            price: Price(price),
            commission: Money(0),
        });
    }

    fn touched(&mut self, price: i64) {
        let position = *self.orders.positions().next().unwrap();
        self.hear(closed(None, &position, (position.lots, Price(price)), ExitCause::Stop, None));
    }

    fn step(&mut self, word: &str) {
        match word.split_once(':').unwrap_or((word, "")) {
            ("buy", text) => self.open(Side::Buy, text),
            ("sell", text) => self.open(Side::Sell, text),
            ("wait", secs) => self.now = self.now.plus(Span::from_secs(secs.parse().unwrap())),
            ("wake", _) => self.wake(),
            ("volatility", points) => self.volatility = points.parse().unwrap(),
            ("done", _) => self.mode = Mode::Done,
            ("hold", _) => self.mode = Mode::Held,
            ("drop", _) => self.mode = Mode::Dropped,
            ("refuse", "frozen") => self.mode = Mode::Refused(Reject::Frozen),
            ("refuse", _) => self.mode = Mode::Refused(Reject::Busy),
            ("answer", _) => {
                self.mode = Mode::Done;
                let waiting = std::mem::take(&mut self.waiting);
                for request in &waiting {
                    self.answer(request);
                }
            }
            ("leave", cause) => {
                let cause = if cause == "reversal" { ExitCause::Reversal } else { ExitCause::Flatten };
                self.orders.leave(Scope::All, cause);
            }
            ("touched", price) => self.touched(price.parse().unwrap()),
            ("lost", _) => {
                let position = *self.orders.positions().next().unwrap();
                let id = OrderId(position.entry_order.0);
                assert!(self.orders.order(id).is_some());
                let time = self.now;
                let Position { ticket, symbol, side, lots, entry: price, target, .. } = position;
                self.hear(Report::Held { time, ticket, symbol, side, lots, price, stop: None, target });
                let balance = self.orders.ledger().balance();
                self.hear(Report::Listed { time, positions: 1, balance });
                let rate = |_: SymbolId| Some(risk::Rate::ONE);
                assert_eq!(self.orders.adopt(position.strategy, rate, time), Ok(1));
            }
            (quote, usual) => {
                let (bid, ask) = quote.split_once('/').unwrap();
                let usual = if usual.is_empty() { 1.0 } else { usual.parse().unwrap() };
                self.now = self.now.plus(Span::SECOND);
                self.tick(bid.parse().unwrap(), ask.parse().unwrap(), usual);
            }
        }
    }
}

fn closed(
    id: Option<OrderId>,
    position: &Position,
    part: (Lots, Price),
    cause: ExitCause,
    rest: Option<u64>,
) -> Report {
    let (lots, price) = part;
    Report::Closed {
        id,
        time: Time(0),
        ticket: position.ticket,
        successor: rest.map(Ticket),
        lots,
        price,
        profit: Money(0),
        commission: Money(0),
        swap: Money(0),
        cause,
    }
}

fn check_on(instrument: market::Instrument, spec: &str, path: &str, expected: &str) {
    let mut stage = Stage::new(exits(spec), instrument);
    path.split_whitespace().for_each(|word| stage.step(word));
    assert_eq!(stage.said.join(", "), expected, "{spec} | {path}");
}

fn check(spec: &str, path: &str, expected: &str) {
    check_on(instrument(0), spec, path, expected);
}

#[test]
fn the_ladder_is_climbed_on_the_exit_side() {
    // A long is closed at the bid: an ask at the distance is not enough.
    check("rung=1R:500000", "buy:10@1000/990 1009/1010 1010/1011", "Rung 5");
    check("rung=1R:500000", "sell:10@1000/1010 989/991 989/990", "Rung 5");
    check("rung=10:500000 rung=20:250000", "buy:10@1000/990 1010/1011 1019/1020 1020/1021 1030/1031", "Rung 5, Rung 2");
    // Two rungs passed at once are taken one after the other, each when the one before is filled.
    check("rung=10:500000 rung=20:250000", "buy:10@1000/990 1025/1026 1025/1026", "Rung 5, Rung 2");
    check("rung=10:500000 rung=20:250000", "hold buy:10@1000/990 1025/1026 1025/1026 1025/1026", "Rung 5");
    // A ladder of all closes all.
    check("rung=10:500000 rung=20:500000", "buy:10@1000/990 1025/1026 1025/1026 1025/1026", "Rung 5, Rung 5");
    check("rung=2v:500000", "buy:10@1000/990 1010/1011 volatility:5 1009/1010 1010/1011", "Rung 5");
    check("rung=2v:500000", "volatility:inf buy:10@1000/990 1010/1011", "");
    check("rung=1R:500000", "buy:10@1000/- 1100/1101", "");
}

#[test]
fn rungs_floor_to_the_lot_step_and_are_skipped_below_the_smallest_volume() {
    let steps = |step, min| market::Instrument { lot_step: Lots(step), lot_min: Lots(min), ..instrument(0) };
    check_on(steps(2, 2), "rung=10:500000", "buy:10@1000/990 1010/1011", "Rung 4");
    check_on(steps(1, 4), "rung=10:300000 rung=20:500000", "buy:10@1000/990 1010/1011 1020/1021", "Rung 5");
    check_on(steps(1, 4), "rung=10:700000", "buy:10@1000/990 1010/1011", "");
    check("rung=10:500000", "buy:1@1000/990 1010/1011", "");
}

#[test]
fn break_even_only_after_a_filled_rung() {
    let spec = "rung=10:500000 even=1.5";
    check(spec, "buy:10@1000/990 1010/1011 1012/1013", "Rung 5, stop 1003");
    check(spec, "sell:10@1000/1010 989/990 987/988", "Rung 5, stop 997");
    check(spec, "hold buy:10@1000/990 1010/1011 1012/1013 1013/1014 answer 1013/1014", "Rung 5, stop 1003");
    check(spec, "refuse:busy buy:10@1000/990 1010/1011 1012/1013 done 1013/1014", "Rung 5, Rung 5");
    // Skipped is not filled.
    check(spec, "buy:1@1000/990 1010/1011 1012/1013", "");
    // The price has come back: the stop would be on its wrong side.
    check(spec, "buy:10@1000/990 1010/1011 1003/1004 1004/1005", "Rung 5, stop 1003");
    check(
        spec,
        "buy:10@1000/990 1010/1011 1012/1013 1020/1021 touched:1002",
        "Rung 5, stop 1003, closed 5 Stop slip 1",
    );
}

#[test]
fn stop_and_freeze_level_are_respected() {
    let levels =
        |stop, freeze| market::Instrument { stop_level: Points(stop), freeze_level: Points(freeze), ..instrument(0) };
    let spec = "rung=10:500000 even=0";
    check_on(levels(5, 0), spec, "buy:10@1000/990 1010/1011 1005/1006 1006/1007", "Rung 5, stop 1001");
    // Inside the freeze zone of the stop at 990 nothing is wanted; a stop is not set into its own freeze zone.
    check_on(levels(0, 3), "time=3", "buy:10@1000/990 995/996 994/995 993/994 992/993 993/994 994/995", "Timeout 10");
    check_on(levels(0, 3), spec, "buy:10@1000/990 1010/1011 1004/1005 1005/1006", "Rung 5, stop 1001");
    check_on(levels(0, 3), spec, "buy:10@1000/990 1010/1011 1004/1005", "Rung 5");
    check_on(levels(9, 0), "trail=0:5:5:1", "buy:10@1000/990 1006/1007 1010/1011", "stop 997, stop 1001");
}

#[test]
fn the_trail_follows_the_best_price_by_steps() {
    let spec = "trail=0:10:8:3";
    check(
        spec,
        "buy:10@1000/990 1009/1010 1010/1011 1012/1013 1013/1014 1009/1010 1016/1017",
        "stop 1002, stop 1005, stop 1008",
    );
    check(
        spec,
        "sell:10@1000/1010 991/992 989/990 986/987 990/991 touched:996",
        "stop 998, stop 995, closed 10 Trail slip 1",
    );
    check("trail=1:1:8:3 rung=10:500000", "buy:10@1000/990 1009/1010 1010/1011 1010/1011", "Rung 5, stop 1002");
    // While break-even is to come, only a better trailing stop may take its place.
    check("trail=0:1:9:1 rung=10:500000 even=0", "buy:10@1000/995 1010/1011 1010/1011", "Rung 5, stop 1001");
    check("trail=0:1:9:1 rung=10:500000 even=2", "buy:10@1000/995 1010/1011 1013/1014", "Rung 5, stop 1003");
    check("trail=0:1:2v:1", "buy:10@1000/995 1010/1011 volatility:3 1010/1011", "stop 1004");
    let ticks = market::Instrument { tick_size: Points(5), ..instrument(0) };
    check_on(ticks.clone(), "trail=0:10:8:3", "buy:10@1000/990 1010/1015 1015/1020", "stop 1000, stop 1005");
    check_on(ticks, "trail=0:10:8:3", "sell:10@1000/1010 985/990 980/985", "stop 1000, stop 995");
}

#[test]
fn time_stops_and_naked_positions() {
    check("time=3", "buy:10@1000/990 1000/1001 1000/1001 1000/1001", "Timeout 10");
    check("time=3", "buy:10@1000/990 wait:2 wake wait:1 wake", "Timeout 10");
    check("naked=2", "buy:10@1000/- 1000/1001 1000/1001", "Timeout 10");
    check("naked=2", "buy:10@1000/990 1000/1001 1000/1001", "");
    check("naked=9", "buy:10@1000/990 lost 1000/1001", "stop 990");
    check("naked=9", "buy:10@1000/990 lost 990/991", "Stop 10");
}

#[test]
fn a_wide_spread_triggers_nothing_but_what_is_forced() {
    check("spike=3:5 rung=10:500000", "buy:10@1000/990 1010/1014 1010/1013", "Rung 5");
    check("spike=3:5 rung=10:500000", "buy:10@1000/990 1010/1014:NaN", "Rung 5");
    check("spike=3:3 time=2", "buy:10@1000/990 1000/1009 1000/1009 1000/1009 1000/1009", "Timeout 10");
    check("spike=3:3 time=2", "buy:10@1000/990 1000/1009 1000/1009 1000/1001", "Timeout 10");
    check("spike=3:60 time=2", "buy:10@1000/990 1000/1009 wait:5 wake wait:56 wake", "Timeout 10");
    check("spike=3:60", "buy:10@1000/990 1000/1009 leave:reversal wake leave:flatten wake", "Flatten 10");
}

#[test]
fn refusals_back_off_and_are_bounded() {
    let spec = "time=1 retry=1:4:3";
    // Waits of 1, 2, then 4 seconds; the alarm comes once; a close is wanted for as long as it takes.
    check(
        spec,
        "buy:10@1000/990 refuse:frozen wait:1 wake wait:1 wake wait:1 wake wait:1 wake wait:3 wake wait:1 wake wait:4 wake",
        "Timeout 10, Timeout 10, Timeout 10, stuck 3, Timeout 10, Timeout 10",
    );
    // After the alarm only the longest wait.
    check(
        "time=1 retry=1:8:2",
        "buy:10@1000/990 refuse:frozen wait:1 wake wait:1 wake wait:7 wake",
        "Timeout 10, Timeout 10, stuck 2",
    );
    // A rung is given up.
    check(
        "rung=10:500000 rung=20:500000 retry=1:4:2",
        "refuse:busy buy:10@1000/990 1010/1011 1010/1011 1010/1011 1010/1011 1010/1011 done 1020/1021 1020/1021 1020/1021",
        "Rung 5, Rung 5, stuck 2, Rung 5",
    );
    // What the gate held back is wanted again after the first wait.
    check("rung=10:500000 retry=2:4:3", "drop buy:10@1000/990 1010/1011 1010/1011 1010/1011", "Rung 5, Rung 5");
    check("retry=2:4:3", "drop buy:10@1000/990 leave:flatten wake wait:1 wake wait:1 wake", "Flatten 10, Flatten 10");
}

#[test]
fn nothing_is_wanted_while_something_is_under_way_or_in_doubt() {
    check(
        "trail=0:1:5:1 time=9",
        "hold buy:10@1000/990 1002/1003 leave:flatten 1003/1004 wake answer wake",
        "stop 997, Flatten 10",
    );
    // The answer is overdue: the request is queried, the position waits; then a forced exit may go.
    check(
        "trail=0:1:5:1",
        "hold buy:10@1000/990 1002/1003 wait:5 wake 1009/1010 wait:2 wake answer 1009/1010",
        "stop 997, query 2, query 2, stop 1004",
    );
    // Another position of a symbol with a request in doubt waits, unless it is forced.
    check(
        "trail=0:1:5:1",
        "hold buy:10@1000/990 1002/1003 buy:10@1000/980 done wait:5 wake 1009/1010 leave:flatten wake",
        "stop 997, query 2, Flatten 10",
    );
}

/// The slow obvious twin of the ladder and the trail for a long with everything done at once.
fn twin(rungs: &[(i64, u32)], trail: (i64, i64, i64), lots: i64, bids: &[i64]) -> Vec<String> {
    let (start, distance, step) = trail;
    let (mut open, mut next, mut best, mut stop) = (lots, 0, 0, 900);
    let mut said = Vec::new();
    for bid in bids {
        let profit = bid - 1_000;
        best = best.max(profit);
        let mut part = 0;
        while next < rungs.len() && profit >= rungs[next].0 {
            part = (lots * i64::from(rungs[next].1) / 1_000_000).min(open);
            next += 1;
            if part > 0 {
                break;
            }
        }
        if part > 0 {
            open -= part;
            said.push(format!("Rung {part}"));
        } else if best >= start {
            let new = (1_000 + best - distance).min(bid - 1);
            if new - stop >= step {
                stop = new;
                said.push(format!("stop {new}"));
            }
        }
        if open == 0 {
            break;
        }
    }
    said
}

proptest! {
    #[test]
    fn the_ladder_and_the_trail_do_as_their_twin(
        rungs in proptest::collection::vec((1_i64..60, 1_u32..400_000), 0..3),
        trail in (1_i64..40, 1_i64..40, 1_i64..5),
        lots in 1_i64..20,
        moves in proptest::collection::vec(-12_i64..14, 1..60),
    ) {
        let mut rungs = rungs;
        rungs.sort_unstable();
        let bids: Vec<i64> = moves.iter().scan(1_000, |bid, step| { *bid += step; Some(*bid) }).collect();
        let ladder: Vec<String> = rungs.iter().map(|(points, part)| format!("rung={points}:{part}")).collect();
        let text = format!("{} trail=0:{}:{}:{}", ladder.join(" "), trail.0, trail.1, trail.2);
        let mut stage = Stage::new(exits(&text), instrument(0));
        stage.open(Side::Buy, &format!("{lots}@1000/900"));
        for bid in &bids {
            stage.now = stage.now.plus(Span::SECOND);
            stage.tick(*bid, bid + 1, 1.0);
        }
        prop_assert_eq!(stage.said, twin(&rungs, trail, lots, &bids));
    }

    /// Whatever happens, the venue-side stop only tightens, nothing is wanted twice at once, and a snapshot goes on alike.
    #[test]
    fn stops_never_loosen(
        side in prop_oneof![Just("buy"), Just("sell")],
        words in proptest::collection::vec(prop_oneof![
            12 => (-15_i64..15, 1_i64..9).prop_map(|(step, spread)| (step, spread, "tick")),
            1 => Just((0, 0, "hold")), 2 => Just((0, 0, "answer")), 1 => Just((0, 0, "refuse:busy")),
            1 => Just((0, 0, "drop")), 1 => Just((0, 0, "wait:2")), 1 => Just((0, 0, "wake")), 2 => Just((0, 0, "done")),
        ], 1..80),
        at in 0_usize..80,
    ) {
        let levels = market::Instrument { stop_level: Points(4), freeze_level: Points(2), tick_size: Points(2), ..instrument(0) };
        let spec = "rung=10:300000 rung=1.5R:300000 even=1 trail=1:8:1.2v:2 spike=4:5 retry=1:4:3";
        let mut stage = Stage::new(exits(spec), levels.clone());
        stage.volatility = 9.0;
        let stop = if side == "buy" { 980 } else { 1_020 };
        stage.step(&format!("{side}:20@1000/{stop}"));
        let (mut bid, mut last, sign) = (1_000, Some(Price(stop)), if side == "buy" { 1 } else { -1 });
        for (nth, (step, spread, word)) in words.into_iter().enumerate() {
            if word == "tick" {
                bid += step * 2;
                stage.step(&format!("{bid}/{}:2", bid + spread * 2));
            } else {
                stage.step(word);
            }
            let Some(position) = stage.orders.positions().next().copied() else { break };
            let (old, new) = (last.unwrap().0, position.stop.unwrap().0);
            prop_assert!((new - old) * sign >= 0, "{} -> {}", old, new);
            prop_assert!(position.stage != crate::Stage::BrokenEven || position.rungs_filled > 0);
            last = position.stop;
            if nth == at {
                let bytes = saved(&stage.orders);
                let mut fresh = Orders::new(&stage.orders.spec, std::slice::from_ref(&levels), &super::limits(1, 2)).unwrap();
                prop_assert!(fresh.load(&mut Reader::new(&bytes)).is_ok());
                prop_assert_eq!(saved(&fresh), bytes);
                stage.orders = fresh;
            }
        }
    }
}
