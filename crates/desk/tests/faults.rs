//! A specification that is no desk is refused with every fault.

mod stage;

use desk::spec::{Conversion, Decide, StakeSpec, StopRule};
use std::sync::Arc;

use desk::{Action, Actions, Command, Desk, Event, Fact, Fault, News, Reseat, Role, Spec, Unseated};
use ensemble::{Artefact, Barrier, Brain, Chair, DecideSpec, Input, Misfit, Parts, Rollback, Trained};
use features::Feature;
use market::{Money, Points, Reader, Span, State, StrategyId, SymbolId, Time};
use models::forest::{Forest, Leaf, Link, Tree};
use models::paired::PairedSpec;
use risk::{Blackout, BlackoutScope, Level, Operator, Scope};
use stage::specs::{changed, noon, plain, with_ensemble};

const BARRIER: Barrier =
    Barrier { target: Points(20), stop: Points(30), horizon: Span::MINUTE, commission_points: 0.0 };

const DEMANDS: DecideSpec = DecideSpec {
    prior: [1.0; ensemble::AGENTS],
    beta: 1.0,
    margin_points: 1.0,
    z: 1.0,
    awake_min: 1,
    gate_min: 0.1,
    meta_min: 0.5,
    meta_required: false,
};

fn faults(change: impl FnOnce(&mut Spec)) -> Vec<Fault> {
    Desk::new(&changed(plain(), change)).err().unwrap_or_default()
}

#[test]
fn a_name_that_is_nobodys_is_a_fault() {
    let by = |name: &str| vec![Fault::UnknownSymbol { by: name.into() }];
    assert_eq!(faults(|_| {}), []);
    assert_eq!(faults(|spec| spec.symbols[0].leader = Some(SymbolId(1))), by("EURUSD"));
    assert_eq!(faults(|spec| spec.symbols[0].conversion = Conversion::Over(SymbolId(1))), by("EURUSD"));
    assert_eq!(faults(|spec| spec.symbols[0].conversion = Conversion::Times(SymbolId(1))), by("EURUSD"));
    assert_eq!(faults(|spec| spec.strategies[0].symbols.push(SymbolId(1))), by("A"));
}

#[test]
fn a_strategy_needs_its_council_and_kelly_a_probability() {
    let ensemble = |class: &str| Decide::Ensemble { class: class.into(), spec: DEMANDS };
    assert_eq!(
        faults(|spec| spec.strategies[0].decide = ensemble("none")),
        [Fault::NoCouncil { strategy: "A".into() }]
    );
    assert_eq!(
        faults(|spec| spec.strategies[0].stake = StakeSpec::Kelly),
        [Fault::KellyWithoutProbability { strategy: "A".into() }]
    );
    let known = |spec: &mut Spec| with_ensemble(spec, BARRIER, DEMANDS);
    assert_eq!(faults(known), []);
    let elsewhere = |spec: &mut Spec| {
        known(spec);
        spec.classes[0].symbol = SymbolId(7);
    };
    assert_eq!(
        faults(elsewhere),
        [Fault::UnknownSymbol { by: "scalp".into() }, Fault::NoCouncil { strategy: "E".into() }]
    );
    let flat = faults(|spec| {
        known(spec);
        spec.classes[0].council.barrier.target = Points(0);
    });
    assert!(matches!(&flat[..], [Fault::Barrier { class, .. }] if class == "scalp"), "{flat:?}");
}

#[test]
fn limits_exits_rooms_and_blackouts_must_fit() {
    assert_eq!(faults(|spec| spec.orders.exits.clear()), [Fault::Strategies]);
    assert_eq!(faults(|spec| spec.limits.strategies.clear()), [Fault::Strategies]);
    let found = faults(|spec| spec.limits.currencies.clear());
    assert!(matches!(&found[..], [Fault::Limits(_)]), "{found:?}");
    let found = faults(|spec| spec.orders.orders_max = 1);
    assert!(matches!(&found[..], [Fault::Orders(_)]), "{found:?}");
    let never = Blackout { from: noon(), until: noon(), scope: BlackoutScope::All };
    assert_eq!(faults(|spec| spec.blackouts.push(never)), [Fault::Blackout]);
}

#[test]
fn a_stop_rule_of_a_barrier_has_its_distances() {
    assert_eq!(StopRule::of(&BARRIER), StopRule::Fixed { stop: Points(30), target: Some(Points(20)) });
}

#[test]
fn what_does_not_fit_is_counted_and_the_rest_stays_in_order() {
    let mut desk = Desk::new(&plain()).unwrap();
    let mut actions = Actions::with_capacity(1);
    let by = Operator::new("ann").unwrap();
    let fact = Fact::Commanded(Command::Halt { by, scope: Scope::All, level: Level::Flatten });
    desk.on_event(&Event { seq: 1, time: noon(), fact }, &mut actions);
    assert!(matches!(actions.as_slice(), [Action::Tell(_)]), "the list did not fit");
    assert_eq!(actions.lost(), 2, "nor did the wake");
    assert!(!actions.is_empty());
    actions.clear();
    assert!(actions.is_empty());
    assert_eq!((desk.position().seq, desk.position().time), (1, noon()));
}

#[test]
fn a_torn_snapshot_is_refused_wherever_it_is_torn() {
    let spec = changed(plain(), |spec| with_ensemble(spec, BARRIER, DEMANDS));
    let bytes = stage::saved(&Desk::new(&spec).unwrap());
    let step = bytes.len() / 100 + 1;
    for end in (0..bytes.len()).step_by(step) {
        let mut desk = Desk::new(&spec).unwrap();
        assert!(desk.load(&mut Reader::new(&bytes[..end])).is_err(), "{end} of {}", bytes.len());
    }
    assert_eq!(bytes, stage::saved(&Desk::new(&spec).unwrap()), "a new desk is always the same");
}

#[test]
fn a_desk_says_what_it_is_made_of() {
    let spec = changed(plain(), |spec| with_ensemble(spec, BARRIER, DEMANDS));
    let desk = Desk::new(&spec).unwrap();
    assert_eq!(desk.spec(), &spec);
    assert_eq!(desk.councils().len(), 1);
    assert_eq!(desk.councils()[0].barrier(), &BARRIER);
    assert!(desk.actions_max() > usize::from(spec.orders.orders_max));
    assert_eq!(desk.orders().ledger().balance(), Money::units(100_000));
    assert!(desk.orders().exit_spec(StrategyId(1)).is_some());
    assert_eq!(desk::Idle::ALL.iter().map(|idle| idle.name().len()).min(), Some(6), "every reason has a name");
}

#[test]
fn a_model_sits_down_only_where_it_lies_ready_and_fits() {
    let mut spec = plain();
    with_ensemble(&mut spec, BARRIER, DEMANDS);
    let mut desk = Desk::new(&spec).unwrap();
    let mut actions = Actions::with_capacity(desk.actions_max());
    let by = Operator::new("Ann").unwrap();
    let mut seq = 0;
    let mut told = |desk: &mut Desk, command: Command| {
        seq += 1;
        desk.on_event(&Event { seq, time: noon(), fact: Fact::Commanded(command) }, &mut actions);
        let news = actions.drain().find_map(|action| match action {
            Action::Tell(news) => Some(news),
            _ => None,
        });
        news.unwrap()
    };
    let seat =
        |byte: u8, class: u16| Command::Seat { by, digest: [byte; 32], class, role: Role::Champion, until: None };
    let reseat = |how: Reseat| Command::Reseat { by, class: 0, seat: Trained::Trees, how, why: Rollback::Person };
    let seated = |byte: u8, chair: Chair| News::Seated { class: 0, digest: [byte; 32], seat: Trained::Trees, chair };
    let unseated = |byte: u8, class: u16, why: Unseated| News::Unseated { class, digest: [byte; 32], why };
    assert_eq!(told(&mut desk, seat(1, 0)), unseated(1, 0, Unseated::NotOnShelf));
    let other = Barrier { target: Points(21), ..BARRIER };
    for (byte, barrier) in [(1, BARRIER), (2, BARRIER), (3, other)] {
        desk.shelve(model(byte, barrier));
    }
    assert_eq!(told(&mut desk, seat(1, 9)), unseated(1, 9, Unseated::UnknownClass));
    assert_eq!(told(&mut desk, seat(3, 0)), unseated(3, 0, Unseated::Misfit(Misfit::Barrier(other, BARRIER))));
    let moved =
        |how: Reseat, moved: bool| News::Reseated { class: 0, seat: Trained::Trees, how, why: Rollback::Person, moved };
    for how in Reseat::ALL {
        assert_eq!(told(&mut desk, reseat(*how)), moved(*how, false), "there is nobody to move");
    }
    assert_eq!(told(&mut desk, seat(1, 0)), seated(1, Chair::Champion));
    let role = Role::Challenger(PairedSpec { alpha: 0.05, bound: 90.0, labels_max: 9, ..PairedSpec::default() });
    let challenge = Command::Seat { by, digest: [2; 32], class: 0, role, until: None };
    assert_eq!(told(&mut desk, challenge), seated(2, Chair::Challenger));
    let champion = |desk: &Desk| desk.councils()[0].champion(Trained::Trees).unwrap().digest()[0];
    assert_eq!(champion(&desk), 1, "a challenger is silent");
    assert_eq!(told(&mut desk, reseat(Reseat::Promote)), moved(Reseat::Promote, true));
    assert_eq!(champion(&desk), 2);
    assert_eq!(told(&mut desk, reseat(Reseat::RollBack)), moved(Reseat::RollBack, true));
    assert_eq!(champion(&desk), 1);
    told(&mut desk, challenge);
    assert_eq!(told(&mut desk, reseat(Reseat::Dismiss)), moved(Reseat::Dismiss, true));
    assert!(desk.councils()[0].challenger(Trained::Trees).is_none());
}

#[expect(clippy::unwrap_used, reason = "a test may fail")]
fn model(byte: u8, barrier: Barrier) -> Arc<Artefact> {
    let leaf = Leaf { value: 0.1, cover: 1.0 };
    let forest = || {
        let mut builder = Forest::builder(1).link(Link::Logistic { slope: 1.0 });
        builder.tree(Tree { splits: vec![], leaves: vec![leaf] }).unwrap();
        builder.build().unwrap()
    };
    let inputs = vec![Input { feature: Feature::Spread, low: 0.0, high: 9.0, deciles: [0.0; 9] }];
    let (brain, trained) = (Brain::Trees([forest(), forest()]), (Time(0), Time(1)));
    let parts = Parts { name: "leaf".into(), barrier, inputs, outside_max: 0, missing_max: 0, trained, brain };
    Arc::new(Artefact::new(parts, [byte; 32]).unwrap())
}
