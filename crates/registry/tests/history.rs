//! Aliases, states and logs: what may follow what, and that nobody goes back in secret.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::fs;

use common::{World, good, world};
use registry::chain::{Fault, What};
use registry::manifest::Validation;
use registry::rollout::{Event, Ground, Measure, Override, Refused, State};
use registry::{Alias, By, Checks, Entry, Refusal, Request, Version, Which, Why};

const ONE: Version = Version::new(1, 0, 0);
const TWO: Version = Version::new(2, 0, 0);
const BY: By<'_> = By { actor: "Ada", reason: "it is better", evidence: &[] };
const WAY: [Event; 6] =
    [Event::Validate, Event::ToShadow, Event::ToCanary, Event::Step, Event::Step, Event::ToChampion];

fn advance(world: &World, version: Version, events: &[Event]) {
    for event in events {
        world.registry().advance("flow", version, &good(*event), BY, &world.checks()).unwrap();
    }
}

fn champion(world: &World, version: Version) {
    world.register(version);
    advance(world, version, &WAY);
    world.registry().promote("flow", Alias::Champion, version, BY, &world.checks()).unwrap();
}

fn loaded(world: &World) -> Result<Version, Refusal> {
    let found =
        world.registry().load("flow", Which::Alias(Alias::Champion), &world.checks(), common::parse, common::ask);
    found.map(|(loaded, _)| loaded.manifest.version)
}

fn why<T>(found: Result<T, Refusal>) -> Why {
    match found {
        Err(refusal) => refusal.why,
        Ok(_) => panic!("not refused"),
    }
}

fn state(world: &World, version: Version) -> State {
    world.registry().show("flow", version, &world.checks()).unwrap().listed.state
}

#[test]
fn a_champion_is_replaced_and_comes_back() {
    let world = world();
    assert!(matches!(why(loaded(&world)), Why::NoAlias(Alias::Champion)));
    champion(&world, ONE);
    assert_eq!(loaded(&world).unwrap(), ONE);
    champion(&world, TWO);
    assert_eq!((loaded(&world).unwrap(), state(&world, ONE)), (TWO, State::Retired));
    let registry = world.registry();
    let again = registry.promote("flow", Alias::Champion, ONE, BY, &world.checks());
    assert!(matches!(why(again), Why::Older { asked: ONE, latest: TWO, .. }), "back only by a rollback");
    registry.roll_back("flow", Alias::Champion, ONE, BY, &world.checks()).unwrap();
    assert_eq!(loaded(&world).unwrap(), ONE);
    assert_eq!((state(&world, ONE), state(&world, TWO)), (State::Champion, State::RolledBack));
    assert!(matches!(why(registry.roll_back("flow", Alias::Champion, TWO, BY, &world.checks())), Why::State { .. }));
    let shown = registry.show("flow", ONE, &world.checks()).unwrap();
    assert_eq!(shown.listed.aliases, [Alias::Champion]);
    assert_eq!(shown.history.len(), 6 + 1 + 1 + 1 + 1 + 1);
    assert_eq!(registry.list(&world.checks()).unwrap().len(), 2);
    let differences = registry.diff(("flow", ONE), ("flow", TWO), &world.checks()).unwrap();
    let fields: Vec<_> = differences.iter().map(|difference| difference.field.as_str()).collect();
    assert_eq!(fields, ["files.1.sha256", "version"]);
}

#[test]
fn an_alias_needs_a_fit_state_a_person_and_a_reason() {
    let world = world();
    world.register(ONE);
    let registry = world.registry();
    let promote = |by| registry.promote("flow", Alias::Champion, ONE, by, &world.checks());
    assert!(matches!(why(promote(BY)), Why::State { state: State::Draft, .. }));
    assert!(matches!(why(promote(By { reason: " ", ..BY })), Why::NoReason));
    assert!(matches!(why(promote(By { actor: "", ..BY })), Why::NoReason));
    advance(&world, ONE, &WAY[..2]);
    registry.promote("flow", Alias::Shadow, ONE, BY, &world.checks()).unwrap();
    assert!(matches!(why(promote(BY)), Why::State { state: State::Shadow, .. }));
    let missing = registry.advance("flow", TWO, &good(Event::Validate), BY, &world.checks());
    assert!(matches!(why(missing), Why::Missing));
}

#[test]
fn without_an_edge_the_override_is_journalled_and_reaches_paper_only() {
    let world = world();
    world.register_with(ONE, says(Some("NO EDGE")));
    advance(&world, ONE, &WAY[..2]);
    let consent = Some(Override { person: "Grace".into(), reason: "to measure execution".into() });
    let ask = |ground, consent| Request { ground, consent, ..good(Event::ToCanary) };
    let registry = world.registry();
    let advance = |ask: &Request| registry.advance("flow", ONE, ask, BY, &world.checks());
    assert!(matches!(why(advance(&ask(Ground::Paper, None))), Why::Rollout(Refused::NoEdge)));
    assert!(matches!(why(advance(&ask(Ground::Live, consent.clone()))), Why::Rollout(Refused::NoEdgeLive)));
    assert_eq!(advance(&ask(Ground::Paper, consent.clone())).unwrap().0, State::Canary1);
    let (entries, _) = registry.history("flow").unwrap();
    let Some(Entry::Moved(last)) = entries.last() else { panic!("{entries:?}") };
    assert_eq!((&last.consent, last.edge, last.ground), (&consent, false, Ground::Paper));
    registry.promote("flow", Alias::Canary, ONE, BY, &world.checks()).unwrap();
    let canary = |ground| registry.verify("flow", Which::Alias(Alias::Canary), &Checks { ground, ..world.checks() });
    assert!(matches!(why(canary(Ground::Live)), Why::State { state: State::Canary1, .. }), "paper stays paper");
    // Whoever can write to the folder can write a line that says otherwise; the signed verdict stands.
    let mut forged = last.clone();
    (forged.edge, forged.ground) = (true, Ground::Live);
    registry.log("flow").unwrap().append(&Entry::Moved(forged)).unwrap();
    assert!(matches!(why(canary(Ground::Live)), Why::Rollout(Refused::NoEdgeLive)), "the manifest knows");
    assert!(canary(Ground::Paper).is_ok());
    let text = fs::read_to_string(world.path().join("aliases/flow.log")).unwrap();
    assert!(text.lines().rev().nth(2).unwrap().contains("to measure execution"));
}

fn says(verdict: Option<&str>) -> Validation {
    Validation { verdict: verdict.map(str::to_owned), ..common::draft(ONE).manifest.validation }
}

/// The edge, and what validation measured, are what was signed: nobody brings them, nobody contradicts them.
#[test]
fn the_gates_read_the_signed_manifest() {
    let world = world();
    let registry = world.registry();
    let bare = Request { evidence: registry::rollout::Evidence::new(), ..good(Event::Validate) };
    let validate = |version, request: &Request| registry.advance("flow", version, request, BY, &world.checks());
    let evidence = |pairs: &[(Measure, f64)]| Request { evidence: pairs.iter().copied().collect(), ..bare.clone() };
    let golden = evidence(&[(Measure::GoldenPassed, 1.0)]);
    world.register_with(ONE, Validation { method: "folds".into(), ..Validation::default() });
    let shut = Refused::Shut(vec!["walk_forward", "dsr", "pbo"]);
    assert!(matches!(why(validate(ONE, &golden)), Why::Rollout(refused) if refused == shut));
    for measure in [Measure::WalkForward, Measure::DsrComputed, Measure::PboComputed] {
        let found = why(validate(ONE, &evidence(&[(measure, 1.0)])));
        assert!(matches!(found, Why::Contradicts { measure: about, given: 1.0, signed: 0.0 } if about == measure));
    }
    assert!(matches!(why(validate(ONE, &evidence(&[(Measure::SchemaEqual, 0.0)]))), Why::Contradicts { .. }));
    for (minor, verdict) in [(0, Some("NOT ENOUGH DATA")), (1, Some("NO EDGE")), (2, Some("EDGE"))] {
        let version = Version::new(3, minor, 0);
        world.register_with(version, Validation { ece: Some(0.015), ..says(verdict) });
        assert_eq!(validate(version, &golden).unwrap().0, State::Validated);
        validate(version, &good(Event::ToShadow)).unwrap();
        let mut canary = good(Event::ToCanary);
        canary.evidence.insert(Measure::CalibrationError, 0.03);
        let refused = match (verdict, why(validate(version, &canary))) {
            (Some("EDGE"), Why::Rollout(Refused::Shut(gates))) => gates,
            (_, Why::Rollout(Refused::NoEdgeLive)) => continue,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused, ["calibration"], "shadow was worse than validation");
        canary.evidence.insert(Measure::CalibrationError, 0.001);
        canary.consent = Some(Override { person: "Grace".into(), reason: "needless".into() });
        assert_eq!(validate(version, &canary).unwrap().0, State::Canary1);
        let (entries, _) = registry.history("flow").unwrap();
        let Some(Entry::Moved(last)) = entries.last() else { panic!("{entries:?}") };
        assert_eq!((last.edge, &last.consent), (true, &None), "no override where there is an edge");
        assert_eq!(last.evidence[&Measure::CalibrationError], 0.015, "validation was worse than shadow");
    }
    let mut draft = common::draft(TWO);
    draft.manifest.validation.verdict = Some("EDGE!".into());
    assert!(matches!(why(registry.register(&draft, &world.key, &world.keks)), Why::Malformed(_)));
}

#[test]
fn a_champion_that_is_quarantined_rolled_back_or_retired_is_not_loaded() {
    let world = world();
    champion(&world, ONE);
    let path = world.path().join("aliases/flow.log");
    let before = fs::read(&path).unwrap();
    for (event, state) in
        [(Event::Quarantine, State::Quarantined), (Event::RollBack, State::RolledBack), (Event::Retire, State::Retired)]
    {
        advance(&world, ONE, &[event]);
        assert!(matches!(why(loaded(&world)), Why::State { state: found, .. } if found == state));
        fs::write(&path, &before).unwrap();
    }
}

/// The rollback attack in its three forms: an entry that points back, a log that was cut, a log of another model.
#[test]
fn nobody_goes_back_in_secret() {
    let world = world();
    champion(&world, ONE);
    let path = world.path().join("aliases/flow.log");
    let early = fs::read(&path).unwrap();
    champion(&world, TWO);
    let head = world.registry().log("flow").unwrap().verify(None).unwrap().head;
    let (entries, _) = world.registry().history("flow").unwrap();
    let back = entries.iter().find(|entry| matches!(entry, Entry::Pointed(pointed) if pointed.to == ONE)).unwrap();
    let whole = fs::read(&path).unwrap();
    world.registry().log("flow").unwrap().append(back).unwrap();
    assert!(matches!(why(loaded(&world)), Why::Older { asked: ONE, latest: TWO, .. }));
    fs::write(&path, &early).unwrap();
    assert_eq!(loaded(&world).unwrap(), ONE, "a cut log looks whole to who never saw more");
    let seen = Checks { seen: Some(head), ..world.checks() };
    let found = world.registry().verify("flow", Which::Alias(Alias::Champion), &seen);
    assert!(matches!(why(found), Why::Forgotten { seq } if seq == head.seq), "and to who did, it does not");
    fs::write(&path, &whole).unwrap();
    assert!(world.registry().verify("flow", Which::Alias(Alias::Champion), &seen).is_ok());
    fs::copy(&path, world.path().join("aliases/burst.log")).unwrap();
    let found = world.registry().history("burst");
    assert!(matches!(why(found), Why::Log(Fault { line: 1, what: What::Previous })));
}

#[test]
fn a_damaged_log_names_its_first_bad_line_and_nothing_is_added_to_it() {
    let world = world();
    champion(&world, ONE);
    let path = world.path().join("aliases/flow.log");
    let text = fs::read_to_string(&path).unwrap();
    let changed: Vec<_> = text
        .split_inclusive('\n')
        .enumerate()
        .map(|(at, line)| if at == 3 { line.replace("\"Ada\"", "\"Eve\"") } else { line.to_owned() })
        .collect();
    fs::write(&path, changed.concat()).unwrap();
    let bad = Fault { line: 4, what: What::Hash };
    let is_bad = |why| matches!(why, Why::Log(fault) if fault == bad);
    assert!(is_bad(why(world.registry().log("flow").unwrap().verify(None))));
    assert!(is_bad(why(loaded(&world))));
    world.register(TWO);
    assert!(is_bad(why(world.registry().advance("flow", TWO, &good(Event::Validate), BY, &world.checks()))));
    assert_eq!(fs::read_to_string(&path).unwrap(), changed.concat());
}

/// A rollback whose lines were cut short leaves nothing that trades, and can be done again.
#[test]
fn a_rollback_cut_short_is_done_again() {
    let world = world();
    champion(&world, ONE);
    champion(&world, TWO);
    let path = world.path().join("aliases/flow.log");
    let before = fs::read(&path).unwrap().len();
    let roll_back = || world.registry().roll_back("flow", Alias::Champion, ONE, BY, &world.checks());
    roll_back().unwrap();
    let whole = fs::read(&path).unwrap();
    for length in (before..whole.len()).step_by(7) {
        fs::write(&path, &whole[..length]).unwrap();
        match loaded(&world) {
            Ok(version) => assert_eq!((version, state(&world, TWO)), (TWO, State::Champion)),
            Err(refusal) => assert!(matches!(refusal.why, Why::State { state: State::RolledBack, .. })),
        }
        roll_back().unwrap();
        assert_eq!(loaded(&world).unwrap(), ONE);
        assert_eq!((state(&world, ONE), state(&world, TWO)), (State::Champion, State::RolledBack));
    }
}
