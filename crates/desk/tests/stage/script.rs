//! The events of a script.
//!
//! ```text
//! 0 start                                    1 EURUSD 130000/130002 900:100 from 0.5   2..9 EURUSD 130000/130002
//! 1 trade EURUSD 130001 5                    1 opened #1 T5 @130002 5 rest 5           1 closed #2 T5 @130060 -> T6
//! 1 closed T5 @129922 Stop                   1 protected #2 T5                         1 rejected #1 requote
//! 1 accepted|cancelled|unknown|never #1      1 margin call                             1 wake
//! 1 list +T9:EURUSD:buy:10:130000 -T5 99000  1 halt ann all|A|EURUSD flatten           1 rearm ann halt all
//! 1 rearm ann loss day  1 rearm ann loss A day  1 rearm ann repeats A                  1 adopt ann A
//! ```

use desk::{Command, Fact};
use market::{Lots, Money, Points, Price, Side, Span, Tick, Time, Trade};
use orders::{HeldPosition, Instruction, OrderId, Reject, Report};
use risk::loss::LossKind;
use risk::{ExitCause, Latch, Level, Operator, Scope, Ticket};

use super::Stage;
use super::specs::noon;

fn at(text: &str) -> Time {
    noon().plus(Span::from_millis((text.parse::<f64>().unwrap() * 1_000.0).round() as i64))
}

fn price(text: &str) -> Price {
    Price(text.trim_start_matches('@').parse().unwrap())
}

fn ticket(text: &str) -> Ticket {
    Ticket(text.trim_start_matches('T').parse().unwrap())
}

fn cause(text: &str) -> ExitCause {
    *ExitCause::ALL.iter().find(|cause| format!("{cause:?}") == text).unwrap()
}

/// The word after a word.
fn after<'a>(words: &[&'a str], word: &str) -> Option<&'a str> {
    words.iter().position(|here| *here == word).and_then(|place| words.get(place + 1).copied())
}

fn marked<'a>(words: &[&'a str], mark: char) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(mark))
}

impl Stage {
    pub(super) fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some((from, until)) = words[0].split_once("..") {
            let (from, until): (u32, u32) = (from.parse().unwrap(), until.parse().unwrap());
            for second in from..=until {
                self.event(&second.to_string(), words[1], &words[2..]);
            }
        } else {
            self.event(words[0], words[1], &words[2..]);
        }
    }

    fn event(&mut self, time: &str, verb: &str, words: &[&str]) {
        let now = at(time);
        self.pass_until(now);
        match verb {
            "start" => self.hear(now, Fact::Started),
            "wake" => self.hear(now, Fact::Woke),
            "trade" => {
                let symbol = self.symbol(words[0]);
                let lots = Lots(words[2].parse().unwrap());
                let trade = Trade { symbol, time: now, seen: now, price: price(words[1]), lots, taker: Side::Buy };
                self.hear(now, Fact::Traded(trade));
            }
            "halt" | "rearm" | "adopt" => {
                let command = self.command(verb, words);
                self.hear(now, Fact::Commanded(command));
            }
            "list" => self.list(now, words),
            "opened" | "closed" | "protected" | "rejected" | "accepted" | "cancelled" | "unknown" | "never"
            | "margin" => {
                let report = self.report(now, verb, words);
                self.hear(now, Fact::Reported(report));
            }
            symbol => self.quote(now, symbol, words),
        }
    }

    fn quote(&mut self, now: Time, symbol: &str, words: &[&str]) {
        let (bid, ask) = words[0].split_once('/').unwrap();
        let sizes = words.get(1).and_then(|word| word.split_once(':')).unwrap_or(("500", "500"));
        let lots = |text: &str| Lots(text.parse().unwrap());
        let tick = Tick {
            symbol: self.symbol(symbol),
            time: after(words, "from").map_or(now, at),
            seen: after(words, "seen").map_or(now, at),
            bid: price(bid),
            ask: price(ask),
            bid_lots: lots(sizes.0),
            ask_lots: lots(sizes.1),
        };
        if let Some(last) = self.last.get_mut(usize::from(tick.symbol.0)) {
            *last = Some(tick);
        }
        self.hear(now, Fact::Ticked(tick));
    }

    fn command(&self, verb: &str, words: &[&str]) -> Command {
        let by = Operator::new(words[0]).unwrap();
        let level = |text: &str| match text {
            "no_entries" => Level::NoEntries,
            "cancel" => Level::Cancel,
            _ => Level::Flatten,
        };
        match verb {
            "halt" => Command::Halt { by, scope: self.scope(words[1]), level: level(words[2]) },
            "adopt" => Command::Adopt { by, strategy: self.strategy(words[1]) },
            _ => Command::Rearm { by, latch: self.latch(&words[1..]) },
        }
    }

    fn scope(&self, text: &str) -> Scope {
        if text == "all" {
            return Scope::All;
        }
        let strategy = self.strategy(text);
        if usize::from(strategy.0) < self.spec.strategies.len() {
            Scope::Strategy(strategy)
        } else {
            Scope::Symbol(self.symbol(text))
        }
    }

    fn latch(&self, words: &[&str]) -> Latch {
        let kind = |text: &str| if text == "day" { LossKind::Day } else { LossKind::Drawdown };
        match words {
            ["halt", scope] => Latch::Halt(self.scope(scope)),
            ["repeats", strategy] => Latch::Repeats(self.strategy(strategy)),
            ["loss", strategy, of] => Latch::StrategyLoss(self.strategy(strategy), kind(of)),
            ["loss", of] => Latch::AccountLoss(kind(of)),
            other => panic!("{other:?} is no latch"),
        }
    }

    fn id(&self, words: &[&str]) -> OrderId {
        OrderId::new(self.spec.orders.run, marked(words, '#').unwrap().parse().unwrap())
    }

    fn instruction(&self, words: &[&str]) -> Option<Instruction> {
        let number: u64 = marked(words, '#')?.parse().unwrap();
        self.sent.iter().find(|(sent, _)| *sent == number).map(|(_, instruction)| *instruction)
    }

    fn report(&self, time: Time, verb: &str, words: &[&str]) -> Report {
        match verb {
            "opened" => self.opened(time, words),
            "closed" => self.closed(time, words),
            "protected" => {
                let Some(Instruction::Protect(asked)) = self.instruction(words) else { panic!("{words:?}") };
                Report::Protected {
                    id: self.id(words),
                    time,
                    ticket: asked.ticket,
                    stop: asked.stop,
                    target: asked.target,
                }
            }
            "rejected" => {
                let named = |reject: &&Reject| format!("{reject:?}").to_lowercase() == words[1];
                let reason = *Reject::ALL.iter().find(named).unwrap();
                Report::Rejected { id: self.id(words), time, reason }
            }
            "accepted" => Report::Accepted { id: self.id(words), time },
            "cancelled" => Report::Cancelled { id: self.id(words), time },
            "unknown" => Report::Unknown { id: self.id(words), time },
            "never" => Report::NeverHeard { id: self.id(words), time },
            _ => Report::MarginCalled { time },
        }
    }

    /// A fill at the price asked for, of all that was asked for, unless said otherwise.
    fn opened(&self, time: Time, words: &[&str]) -> Report {
        let asked = match self.instruction(words) {
            Some(Instruction::Open(entry)) => Some(entry),
            _ => None,
        };
        let plain = words.iter().find_map(|word| word.parse::<i64>().ok());
        let lots = plain.map(Lots).or(asked.map(|entry| entry.lots)).unwrap();
        Report::Opened {
            id: self.id(words),
            time,
            ticket: ticket(words.iter().find(|word| word.starts_with('T')).unwrap()),
            lots,
            rest: after(words, "rest").map_or(Lots::ZERO, |rest| Lots(rest.parse().unwrap())),
            price: marked(words, '@').map(price).or(asked.map(|entry| entry.reference)).unwrap(),
            commission: Money::ZERO,
        }
    }

    /// A closing of all that was asked for, or of the whole position, at the last quote, unless said otherwise.
    fn closed(&self, time: Time, words: &[&str]) -> Report {
        let asked = match self.instruction(words) {
            Some(Instruction::Close(reduction)) => Some(reduction),
            _ => None,
        };
        let ticket = ticket(words.iter().find(|word| word.starts_with('T')).unwrap());
        let held = self.desk.orders().position(ticket);
        let plain = words.iter().find_map(|word| word.parse::<i64>().ok());
        let lots = plain.map(Lots).or(asked.map(|asked| asked.lots)).or(held.map(|held| held.lots)).unwrap();
        let last = held.and_then(|held| self.last[usize::from(held.symbol.0)].map(|tick| tick.exit(held.side)));
        let price = marked(words, '@').map(price).or(last).unwrap();
        let profit = held.map_or(Money::ZERO, |held| {
            let instrument = &self.spec.symbols[usize::from(held.symbol.0)].instrument;
            let points = Points(price.above(held.entry).0 * held.side.sign());
            let rate = self.desk.rate(held.symbol).unwrap();
            instrument.value(points, lots).and_then(|profit| rate.convert(profit)).unwrap()
        });
        let named = words.iter().find(|word| ExitCause::ALL.iter().any(|cause| format!("{cause:?}") == **word));
        Report::Closed {
            id: marked(words, '#').map(|_| self.id(words)),
            time,
            ticket,
            successor: after(words, "->").map(self::ticket),
            lots,
            price,
            profit,
            commission: Money::ZERO,
            swap: Money::ZERO,
            cause: named.map(|name| cause(name)).or(asked.map(|asked| asked.cause)).unwrap(),
        }
    }

    /// The venue's list: what we hold, with `+` and without `-` something, and our balance unless another is given.
    fn list(&mut self, time: Time, words: &[&str]) {
        let mut held: Vec<HeldPosition> = self
            .desk
            .orders()
            .positions()
            .map(|ours| HeldPosition {
                ticket: ours.ticket,
                symbol: ours.symbol,
                side: ours.side,
                lots: ours.lots,
                price: ours.entry,
                stop: ours.stop,
                target: ours.target,
            })
            .collect();
        let mut balance = self.desk.orders().ledger().balance();
        for word in words {
            if let Some(gone) = word.strip_prefix('-') {
                held.retain(|held| held.ticket != ticket(gone));
            } else if let Some(new) = word.strip_prefix('+') {
                held.push(self.held(new));
            } else if let Ok(cash) = word.parse() {
                balance = Money::units(cash);
            }
        }
        let missing = u32::from(words.contains(&"incomplete"));
        let positions = held.len() as u32 + missing;
        for held in held {
            let HeldPosition { ticket, symbol, side, lots, price, stop, target } = held;
            self.hear(time, Fact::Reported(Report::Held { time, ticket, symbol, side, lots, price, stop, target }));
        }
        self.hear(time, Fact::Reported(Report::Listed { time, positions, balance }));
    }

    /// `T9:EURUSD:buy:10:130000`
    fn held(&self, text: &str) -> HeldPosition {
        let parts: Vec<&str> = text.split(':').collect();
        HeldPosition {
            ticket: ticket(parts[0]),
            symbol: self.symbol(parts[1]),
            side: if parts[2] == "buy" { Side::Buy } else { Side::Sell },
            lots: Lots(parts[3].parse().unwrap()),
            price: price(parts[4]),
            stop: parts.get(5).map(|stop| price(stop)),
            target: None,
        }
    }
}
