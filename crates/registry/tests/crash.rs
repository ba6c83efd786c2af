//! A kill at any moment leaves a valid registry, and the work can be done again.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{World, draft, good, world};
use registry::rollout::{Event, State};
use registry::{By, Folder, Registry, Version, Which};
use serde::{Deserialize, Serialize};

const BY: By<'_> = By { actor: "Ada", reason: "test", evidence: &[] };

/// A registry that dies before its step number `at`.
fn dying(world: &World, at: usize) -> Registry<Folder> {
    let count = Arc::new(AtomicUsize::new(0));
    Registry::new(Folder::open(world.path()).unwrap().with_probe(move |_| {
        if count.fetch_add(1, Ordering::Relaxed) >= at { Err(io::Error::other("killed")) } else { Ok(()) }
    }))
}

/// Everything that is visible verifies.
fn check(world: &World) -> usize {
    let registry = world.registry();
    let listed = registry.list(&world.checks()).unwrap();
    for one in &listed {
        assert_eq!(one.refused, None);
        registry.load(&one.name, Which::Version(one.version), &world.checks(), common::parse, common::ask).unwrap();
        registry.log(&one.name).unwrap().verify(None).unwrap();
    }
    registry.trials().verify(None).unwrap();
    listed.len()
}

#[test]
fn a_registration_killed_at_any_step_is_invisible_or_whole() {
    let world = world();
    world.register(Version::new(1, 0, 0));
    let mut steps = 0;
    for at in 0.. {
        let version = Version::new(2, at as u32, 0);
        let died = dying(&world, at).register(&draft(version), &world.key, &world.keks).is_err();
        let visible = world.version(&version.to_string()).exists();
        check(&world);
        if !died {
            assert!(visible);
            break;
        }
        steps = at + 1;
        if !visible {
            world.register(version);
        }
        check(&world);
        let left = Folder::open(world.path()).unwrap().sweep().unwrap();
        assert!(left <= 1, "one unfinished name at most");
    }
    assert!(steps >= 15, "{steps} steps were tried");
}

#[test]
fn a_move_killed_at_any_step_happened_or_not() {
    let world = world();
    let version = Version::new(1, 0, 0);
    world.register(version);
    for at in 0.. {
        let before = world.registry().show("flow", version, &world.checks()).unwrap().listed.state;
        let event = if before == State::Draft { Event::Quarantine } else { Event::Release };
        let died = dying(&world, at).advance("flow", version, &good(event), BY, &world.checks()).is_err();
        check(&world);
        if !died {
            return;
        }
        assert!(at < 10);
    }
}

/// A line that was cut short at any byte counts for nothing, and the next one takes its place.
#[test]
fn a_torn_line_is_replaced() {
    let world = world();
    let registry = world.registry();
    let trials = registry.trials();
    for n in 0..3 {
        trials.append(&Trial { n }).unwrap();
    }
    let path = world.path().join("trials.log");
    let whole = fs::read(&path).unwrap();
    let start = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for length in start..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(trials.verify(None).unwrap().head.seq, 2);
        assert_eq!(trials.append(&Trial { n: 2 }).unwrap().seq, 3);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Trial {
    n: u64,
}

/// Many writers, one chain: no line is lost, none is written twice.
#[test]
fn writers_take_turns() {
    let world = world();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let world = &world;
            scope.spawn(move || {
                let registry = world.registry();
                for n in 0..25 {
                    if n % 2 == 0 {
                        registry.trials().append(&Trial { n: writer * 100 + n }).unwrap();
                    } else {
                        let one = |_: &[Trial]| Ok(vec![Trial { n: writer * 100 + n }]);
                        registry.trials().append_with(one).unwrap();
                    }
                }
            });
        }
    });
    let (mut found, head) = world.registry().trials().entries::<Trial>().unwrap();
    found.sort_by_key(|trial| trial.n);
    assert_eq!(head.seq, 100);
    assert!(found.iter().map(|trial| trial.n).eq((0..4).flat_map(|w| (0..25).map(move |n| w * 100 + n))));
}

/// Two registrations of one version: one wins, the other is told.
#[test]
fn one_version_is_registered_once() {
    let world = world();
    let version = Version::new(1, 0, 0);
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| world.registry().register(&draft(version), &world.key, &world.keks).is_ok()))
            .collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
    });
    assert_eq!((won, check(&world)), (1, 1));
}

const CHILD: &str = "SCALPEL_TEST_REGISTRY";

/// Not a test by itself: the process that is killed.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut world = world();
    let path = std::path::PathBuf::from(path);
    world.key = vault::files::read_key(&path.join("../key")).unwrap();
    let reference = format!("file:{}", path.join("../kek").display());
    let kek = vault::Kek::read(&reference, || Err(vault::Error::WrongPassphrase)).unwrap();
    world.keks = vault::Keks::new(vec![kek]).unwrap();
    let registry = Registry::new(Folder::open(&path).unwrap());
    let first = registry.versions("flow").unwrap().len() as u32;
    for n in first.. {
        registry.register(&draft(Version::new(1, n, 0)), &world.key, &world.keks).unwrap();
        registry.trials().append(&Trial { n: u64::from(n) }).unwrap();
        eprintln!("acknowledged {n}");
    }
}

#[test]
fn a_killed_process_leaves_what_it_acknowledged() {
    let world = world();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("registry");
    fs::create_dir(&path).unwrap();
    vault::files::write_key(&home.path().join("key"), &world.key).unwrap();
    world.keks.current().write(&home.path().join("kek"), None).unwrap();
    let program = std::env::current_exe().unwrap();
    for round in 0..6 {
        let mut child = Command::new(&program)
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acknowledged = None;
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        for (at, line) in lines.enumerate() {
            acknowledged = line.unwrap().strip_prefix("acknowledged ").map(|n| n.parse::<usize>().unwrap());
            if at == round * 2 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let registry = Registry::new(Folder::open(&path).unwrap());
        let listed = registry.list(&world.checks()).unwrap();
        let Some(last) = acknowledged else { panic!("the child said nothing") };
        assert!(listed.len() > last && listed.iter().all(|one| one.refused.is_none()), "{last} {listed:?}");
        assert!(registry.trials().verify(None).unwrap().head.seq >= 1);
        for one in listed {
            registry.verify("flow", Which::Version(one.version), &world.checks()).unwrap();
        }
        registry.store().sweep().unwrap();
    }
}
