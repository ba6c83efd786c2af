use super::*;
use crate::dataset::checks::{lookahead_check, warmup_check};
use crate::dataset::meta::{Meta, features_hash};
use crate::dataset::read::{Columns, Dataset};
use crate::dataset::row::Came;
use crate::dataset::spec::{Primary, Sampling};
use crate::progress::Quiet;
use config::{Role, default_text};
use desk::Event;
use features::{Feature, Frame};
use feed::{InstrumentTable, Options};
use market::{Instrument, Lots, Points, Price, Side, Span, SymbolId, Tick, Time};
use proptest::prelude::*;
use replay::record::Unrecorded;
use replay::session::{Session, Watch};
use std::fmt::Write;

/// The default desk of EURUSD with a leader.
pub(crate) fn config() -> Config {
    let table = InstrumentTable::built_in();
    let traded = table.require("EURUSD", SymbolId(0)).unwrap();
    let leader = Instrument { symbol: SymbolId(1), name: "EURUSD.leader".into(), ..traded.clone() };
    let trade = Role::Trade { leader: Some(leader.name.clone()) };
    let text = default_text(&[(traded, trade), (leader, Role::Listen)]).unwrap();
    config::parse(&text, 1, 1).unwrap()
}

pub(crate) fn spec(config: &Config) -> DatasetSpec {
    let spec = DatasetSpec::of_class(config, "EURUSD", "scalp").unwrap();
    let barrier = ensemble::Barrier { target: Points(20), stop: Points(20), horizon: Span::MINUTE, ..spec.barrier };
    DatasetSpec { barrier, ..spec }
}

/// Numbers that look random and are the same everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides) as i64
    }
}

/// A walk of quotes of both feeds; the leader moves first.
pub(crate) fn ticks(count: usize, seed: u64) -> Vec<Record> {
    let mut dice = Dice(seed);
    let (mut now, mut mid, mut own) = (1_399_000_000_000_i64, 138_000_i64, 138_000_i64);
    let mut records = Vec::new();
    for _ in 0..count {
        now += 20 + dice.roll(400);
        let leads = dice.roll(3) > 0;
        if leads {
            mid += dice.roll(13) - 6;
        } else {
            own += (mid - own) / 4 + dice.roll(3) - 1;
        }
        let at = if leads { mid } else { own };
        let spread = if leads { dice.roll(4) - 1 } else { 3 + dice.roll(9) };
        let time = Time::from_millis(now);
        records.push(Record::Quote(Tick {
            symbol: SymbolId(u16::from(leads)),
            time,
            seen: time,
            bid: Price(at),
            ask: Price(at + spread),
            bid_lots: Lots(0),
            ask_lots: Lots(0),
        }));
    }
    records
}

/// What the trading desk saw at each believed tick of the symbol.
struct Saw(Vec<(Time, Frame)>);

impl Watch for Saw {
    fn on_action(&mut self, _: &Event, _: &desk::Action, _: &desk::Desk) {}
    fn on_event(&mut self, event: &Event, desk: &desk::Desk) {
        if let desk::Fact::Ticked(tick) = &event.fact
            && tick.symbol == SymbolId(0)
        {
            self.0.push((tick.time, *desk.frame(SymbolId(0)).unwrap()));
        }
    }
}

#[test]
fn a_row_is_what_the_trading_desk_saw() {
    let config = config();
    let records = ticks(6_000, 3);
    let desk = desk::Desk::new(&config.desk).unwrap();
    let venue = venue::paper::Paper::new(config.venue.clone()).unwrap();
    let mut session = Session::new(desk, venue, Unrecorded::default(), Saw(Vec::new()));
    for record in &records {
        if let Record::Quote(tick) = record {
            session.tick(tick).unwrap();
        }
    }
    let rows = rows(&config, &DatasetSpec { sampling: Sampling::Ticks(1), ..spec(&config) }, &records).unwrap();
    assert_eq!(rows.len(), session.watch.0.len());
    for (row, (time, frame)) in rows.iter().zip(&session.watch.0) {
        assert_eq!((row.time, &row.frame), (*time, frame));
    }
    assert!(rows.iter().any(|row| row.frame.is_ready(Feature::LeaderBasis)));
    assert!(session.desk.tick_counts(SymbolId(0)).unwrap().believed > 1_000);
}

/// The obvious way to label: look at every later tick.
fn obvious(records: &[Record], spec: &DatasetSpec, row: &Row, side: Side) -> Option<(Time, Time, bool, f64)> {
    let quotes = records.iter().filter_map(|record| match record {
        Record::Quote(tick) if tick.symbol == spec.symbol && tick.time >= row.time.plus(spec.latency) => Some(tick),
        _ => None,
    });
    let mut quotes = quotes.skip_while(|tick| tick.spread().0 < 0);
    let first = quotes.next()?;
    if first.spread() >= spec.barrier.stop {
        return None;
    }
    for tick in quotes.filter(|tick| tick.spread().0 >= 0) {
        let (net, late) = (
            spec.barrier.net(side, first.entry(side), tick.exit(side)),
            tick.time.since(first.time).0 - spec.barrier.horizon.0,
        );
        let gross = net + spec.barrier.commission_points;
        let (target, stop) = (spec.barrier.target.as_f64(), spec.barrier.stop.as_f64());
        if late <= 0 && gross >= target {
            return Some((first.time, tick.time, true, net));
        }
        if late <= 0 && gross <= -stop {
            return Some((first.time, tick.time, false, net));
        }
        if late >= 0 {
            return Some((first.time, tick.time, net > 0.0, net));
        }
    }
    None
}

#[test]
fn labels_are_what_the_obvious_way_finds() {
    let config = config();
    let records = ticks(4_000, 5);
    let barrier = ensemble::Barrier { commission_points: 7.0, ..spec(&config).barrier };
    for sampling in [Sampling::Time(Span::from_secs(1)), Sampling::Ticks(3), Sampling::Move(Points(4))] {
        let spec = DatasetSpec { sampling, barrier, primary: Primary::Sign(Feature::LeaderBasis), ..spec(&config) };
        let rows = rows(&config, &spec, &records).unwrap();
        assert!(rows.len() > 100);
        assert!(rows.windows(2).all(|pair| pair[0].number + 1 == pair[1].number && pair[0].time <= pair[1].time));
        let mut known = 0;
        for row in &rows {
            for side in [Side::Buy, Side::Sell] {
                let came = row.came[row::place(side)].map(|c: Came| (c.entered, c.ended, c.won, c.net));
                assert_eq!(came, obvious(&records, &spec, row, side), "row {} {side:?}", row.number);
                known += usize::from(came.is_some());
            }
            let sign = row.frame.value(Feature::LeaderBasis);
            assert_eq!(row.primary.map(|side| side == Side::Buy), (sign != 0.0).then_some(sign > 0.0));
        }
        assert!(known > rows.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Oracle 7: whatever is cut off, what was there stays bit for bit.
    #[test]
    fn nothing_looks_ahead(seed in any::<u64>(), cuts in prop::collection::vec(0_usize..1_500, 1..8)) {
        let config = config();
        let spec = spec(&config);
        let found = lookahead_check(&ticks(1_500, seed), &cuts, |part| rows(&config, &spec, part)).unwrap();
        prop_assert!(found.is_clean(), "{:?}", found.leaks);
    }
}

/// Oracle 8: a feature that knows the future is found, and only that one.
#[test]
fn a_planted_leak_is_found() {
    let config = config();
    let spec = DatasetSpec { sampling: Sampling::Ticks(5), ..spec(&config) };
    let records = ticks(2_000, 11);
    let leaking = |part: &[Record]| {
        let mut rows = rows(&config, &spec, part)?;
        // The move of the mid until the next row but one, hidden in a feature.
        let mids: Vec<f64> = rows.iter().map(|row| (row.bid.0 + row.ask.0) as f64).collect();
        for (place, row) in rows.iter_mut().enumerate() {
            let later = mids[(place + 2).min(mids.len() - 1)];
            row.frame = row.frame.with(Feature::MomentumS1, later - mids[place]);
        }
        Ok(rows)
    };
    let found = lookahead_check(&records, &[900, 1_333, 1_777], leaking).unwrap();
    let names: Vec<&str> = found.leaks.iter().map(|leak| leak.column).collect();
    assert_eq!((names, found.is_clean()), (vec![Feature::MomentumS1.name()], false));
}

#[test]
fn a_short_warm_up_is_told() {
    let config = config();
    let spec = spec(&config);
    let records = ticks(4_000, 13);
    let unsettled =
        warmup_check((&config, &spec), &records, (&[3_000, 3_500, 3_999], &[50, 2_500, 3_000]), 0.05).unwrap();
    let of = |warmup: usize| unsettled.iter().filter(move |found| found.warmup == warmup).map(|found| found.feature);
    assert!(of(50).any(|feature| feature == Feature::RealisedS60), "50 ticks are no minute");
    assert!(of(2_500).count() < of(50).count());
    assert_eq!(of(3_000).count(), 0, "the longest is the measure");
    assert!(!of(2_500).any(|feature| feature == Feature::Spread || feature == Feature::MomentumS5));
}

fn csv(records: &[Record], symbol: u16) -> String {
    let mut text = String::from("ts_ms,bid,ask\n");
    for record in records {
        if let Record::Quote(tick) = record
            && tick.symbol.0 == symbol
        {
            let price = |price: Price| format!("{}.{:05}", price.0 / 100_000, price.0 % 100_000);
            let (bid, ask) = (price(tick.bid), price(tick.ask));
            writeln!(text, "{},{bid},{ask}", tick.time.0 / 1_000_000).unwrap();
        }
    }
    text
}

#[test]
fn a_file_holds_the_rows_and_says_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let config = config();
    let spec = spec(&config);
    let records = ticks(5_000, 17);
    let mut feeds = Vec::new();
    for (symbol, name) in [(0, "own.csv"), (1, "leader.csv")] {
        let path = folder.path().join(name);
        std::fs::write(&path, csv(&records, symbol)).unwrap();
        feeds.push((vec![path], Options::none()));
    }
    let input = Input { feeds };
    let out = folder.path().join("rows.parquet");
    let built = build((&config, &input, "a test"), &spec, &out, &Quiet).unwrap();
    let expected = rows(&config, &spec, &records).unwrap();
    let data = Dataset::open(&out).unwrap();
    assert_eq!((data.rows(), built.rows, built.records), (expected.len(), expected.len() as u64, 5_000));
    for feature in Feature::ALL {
        let bits: Vec<u64> = data.column(feature.name()).unwrap().into_iter().map(f64::to_bits).collect();
        let known = |row: &Row| row.frame.get(*feature).unwrap_or(f64::NAN).to_bits();
        assert_eq!(bits, expected.iter().map(known).collect::<Vec<_>>(), "{}", feature.name());
    }
    let buys = data.labels(0).unwrap();
    for (place, row) in expected.iter().enumerate() {
        assert_eq!(buys.weight[place], row.came[0].map_or(0.0, |came| came.uniqueness));
        assert_eq!(buys.ended[place], row.came[0].map_or(row.time, |came| came.ended).0);
        assert_eq!(buys.won[place], row.came[0].is_some_and(|came| came.won));
    }
    let Meta { features_hash: hash, symbol, leader, data: digests, source, .. } = data.meta().clone();
    assert_eq!((hash, symbol.as_str(), leader.as_deref()), (features_hash(), "EURUSD", Some("EURUSD.leader")));
    assert_eq!((digests.len(), source.as_str(), digests[0].sha256.len()), (2, "a test", 64));

    // The same ticks give the same bytes, and nothing but the file is left.
    let again = folder.path().join("again.parquet");
    build((&config, &input, "a test"), &spec, &again, &Quiet).unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(&again).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn what_cannot_be_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = config();
    assert!(DatasetSpec::of_class(&config, "EURUSD", "other").unwrap_err().to_string().contains("no class"));
    assert!(DatasetSpec::of_class(&config, "XAUUSD", "scalp").unwrap_err().to_string().contains("XAUUSD"));
    let bad = DatasetSpec { sampling: Sampling::Ticks(0), ..spec(&config) };
    assert!(rows(&config, &bad, &[]).unwrap_err().to_string().starts_with("sampling"));
    let path = folder.path().join("x.parquet");
    std::fs::write(&path, b"PAR1 is not enough PAR1").unwrap();
    assert!(Dataset::open(&path).unwrap_err().to_string().contains("x.parquet"));
}

/// The leader's moves are moments too, and the rows are those of the desk that listens.
#[test]
fn rows_are_taken_when_the_leader_moves() {
    let config = config();
    let records = ticks(6_000, 3);
    let led = DatasetSpec { leader_moves: Span::from_secs(2), ..spec(&config) };
    let (alone, both) = (rows(&config, &spec(&config), &records).unwrap(), rows(&config, &led, &records).unwrap());
    assert!(both.len() > alone.len(), "{} {}", both.len(), alone.len());
    let own = |row: &Row| {
        let of = |record: &Record| matches!(record, Record::Quote(t) if t.symbol == SymbolId(0) && t.time == row.time);
        records.iter().any(of)
    };
    assert!(both.iter().any(|row| !own(row)), "some of them lie between the own quotes");
    let known = both.iter().filter(|row| row.moved.is_some()).count();
    assert!(known * 10 > both.len() * 9, "{known} of {}", both.len());
}
