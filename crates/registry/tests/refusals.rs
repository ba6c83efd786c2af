//! Oracle 37: whatever was done to a model, it is refused, and the refusal names the file.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;

use common::{NOW, World, YEAR, ask, copy, draft, parse, world};
use registry::golden::Row;
use registry::{Checks, Loaded, Refusal, Version, Which, Why, verify_folder};
use vault::{Algorithm, Bundle, Digest, Resource, Role, SigningKey, TrustStore};

const ONE: Version = Version::new(1, 0, 0);
const TWO: Version = Version::new(2, 0, 0);

fn load(world: &World, version: Version) -> Result<Loaded, Refusal> {
    load_with(world, version, &world.checks())
}

fn load_with(world: &World, version: Version, checks: &Checks<'_>) -> Result<Loaded, Refusal> {
    world.registry().load("flow", Which::Version(version), checks, parse, ask).map(|(loaded, _)| loaded)
}

/// The refusal, after it was found to name the file.
fn refused(world: &World, file: &str) -> Why {
    named(load(world, ONE), file)
}

#[track_caller]
fn named<T>(found: Result<T, Refusal>, file: &str) -> Why {
    let Err(refusal) = found else { panic!("{file}: not refused") };
    assert!(refusal.file.contains(file), "{refusal} should name {file}");
    assert!(refusal.to_string().contains(file));
    refusal.why
}

fn ready() -> World {
    let world = world();
    world.register(ONE);
    world.register(TWO);
    world
}

fn blob(world: &World, file: &str) -> std::path::PathBuf {
    let found = load(world, ONE).unwrap();
    let entry = found.manifest.files.iter().find(|entry| entry.path == file).unwrap();
    world.path().join("blobs/sha256").join(entry.sha256.to_string())
}

#[test]
fn what_was_registered_loads() {
    let world = ready();
    let found = load(&world, ONE).unwrap();
    assert_eq!(found.files["weights.bin"], [64, 1]);
    assert_eq!(found.signer, world.key.public().id());
    assert_eq!(found.golden[0], Row { x: vec![Some(0.0), None], p: 0.25 });
    assert!(registry::card::missing(&found.card).is_empty());
    let blob = fs::read(blob(&world, "weights.bin")).unwrap();
    assert_eq!(&blob[..8], b"SCALSEAL");
}

#[test]
fn unsigned() {
    let world = ready();
    fs::remove_file(world.version("1.0.0/manifest.dsse")).unwrap();
    assert!(matches!(refused(&world, "models/flow/1.0.0/manifest.dsse"), Why::Unsigned));
    let mut bundle: serde_json::Value =
        serde_json::from_slice(&fs::read(world.version("2.0.0/manifest.dsse")).unwrap()).unwrap();
    bundle["dsseEnvelope"]["signatures"] = serde_json::json!([]);
    fs::write(world.version("2.0.0/manifest.dsse"), bundle.to_string()).unwrap();
    assert!(matches!(named(load(&world, TWO), "manifest.dsse"), Why::Unsigned));
}

#[test]
fn a_wrong_key_and_one_that_only_claims_to_be_ours() {
    let world = ready();
    let stranger = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let resources = |version: &str| -> Vec<Resource> {
        let bytes = fs::read(world.version(version).join("manifest.dsse")).unwrap();
        Bundle::from_json(&bytes).unwrap().verify(world.key.public()).unwrap()
    };
    let forged = Bundle::sign("flow", &resources("1.0.0"), &[], &stranger).unwrap().to_json().unwrap();
    let path = world.version("1.0.0/manifest.dsse");
    fs::write(&path, &forged).unwrap();
    assert!(matches!(refused(&world, "manifest.dsse"), Why::Vault(vault::Error::Untrusted { .. })));
    let (ours, theirs) = (world.key.public().id().to_string(), stranger.public().id().to_string());
    fs::write(&path, String::from_utf8(forged).unwrap().replace(&theirs, &ours)).unwrap();
    assert!(matches!(refused(&world, "manifest.dsse"), Why::Vault(vault::Error::BadSignature { .. })));
}

#[test]
fn a_key_that_expired_was_revoked_or_has_another_role() {
    let world = ready();
    let at = |now_s| load_with(&world, ONE, &Checks { now_s, ..world.checks() });
    assert!(matches!(named(at(NOW + YEAR + 1), "manifest.dsse"), Why::Vault(vault::Error::Expired { .. })));
    assert!(matches!(named(at(NOW - YEAR - 1), "manifest.dsse"), Why::Vault(vault::Error::NotYetValid { .. })));
    let mut revoked = world.trust.clone();
    revoked.revoke(world.key.public().id(), NOW + 5, "laptop stolen").unwrap();
    let found = load_with(&world, ONE, &Checks { trust: &revoked, ..world.checks() });
    let why = named(found, "manifest.dsse");
    assert!(why.to_string().contains("laptop stolen"));
    let mut roleless = TrustStore::default();
    roleless.trust(world.key.public(), "Ada", &[], (0, NOW)).unwrap();
    let found = load_with(&world, ONE, &Checks { trust: &roleless, ..world.checks() });
    assert!(matches!(named(found, "manifest.dsse"), Why::Vault(vault::Error::NotAllowed { .. })));
}

/// Every third byte of every file of a version and every byte of its blobs, one at a time.
#[test]
fn one_changed_byte_anywhere() {
    let world = ready();
    let blobs = [blob(&world, "weights.bin"), blob(&world, "more/notes.bin")];
    for (path, name) in [
        (world.version("1.0.0/manifest.json"), "models/flow/1.0.0/manifest.json"),
        (world.version("1.0.0/golden.jsonl"), "models/flow/1.0.0/golden.jsonl"),
        (world.version("1.0.0/card.md"), "models/flow/1.0.0/card.md"),
        (blobs[0].clone(), "weights.bin (blobs/sha256/"),
        (blobs[1].clone(), "more/notes.bin (blobs/sha256/"),
    ] {
        let whole = fs::read(&path).unwrap();
        let step = if name.contains("blobs") { 1 } else { 3 };
        for at in (0..whole.len()).step_by(step) {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&path, changed).unwrap();
            refused(&world, name);
        }
        fs::write(&path, &whole).unwrap();
    }
    let path = world.version("1.0.0/manifest.dsse");
    let whole = fs::read(&path).unwrap();
    let good = load(&world, ONE).unwrap();
    for at in (0..whole.len()).step_by(3) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&path, changed).unwrap();
        // A byte that says nothing, as in "keyid", may change: then the model is still the same one.
        match load(&world, ONE) {
            Ok(found) => assert_eq!((found.digest, found.signer), (good.digest, good.signer), "byte {at}"),
            Err(refusal) => assert!(refusal.file.contains("manifest.dsse"), "{refusal}"),
        }
    }
}

#[test]
fn a_truncated_signature() {
    let world = ready();
    let path = world.version("1.0.0/manifest.dsse");
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(refused(&world, "manifest.dsse"), Why::Vault(vault::Error::Malformed { .. })), "{length}");
    }
}

#[test]
fn extra_missing_linked_and_odd_files() {
    let world = ready();
    let at = |name: &str| world.version("1.0.0").join(name);
    fs::write(at("payload.so"), b"x").unwrap();
    assert!(matches!(refused(&world, "models/flow/1.0.0/payload.so"), Why::Extra));
    fs::remove_file(at("payload.so")).unwrap();
    for name in ["card.md", "golden.jsonl", "manifest.json"] {
        fs::rename(at(name), world.path().join("aside")).unwrap();
        assert!(matches!(refused(&world, name), Why::Missing));
        symlink(world.path().join("aside"), at(name)).unwrap();
        assert!(matches!(refused(&world, name), Why::Symlink), "the same bytes behind a link");
        fs::remove_file(at(name)).unwrap();
        fs::create_dir(at(name)).unwrap();
        assert!(matches!(refused(&world, name), Why::NotAFile));
        fs::remove_dir(at(name)).unwrap();
        fs::rename(world.path().join("aside"), at(name)).unwrap();
    }
    let blob = blob(&world, "weights.bin");
    fs::rename(&blob, world.path().join("aside")).unwrap();
    assert!(matches!(refused(&world, "weights.bin"), Why::Missing));
    symlink(world.path().join("aside"), &blob).unwrap();
    assert!(matches!(refused(&world, "weights.bin"), Why::Symlink));
    let folder = world.version("2.0.0");
    fs::rename(&folder, world.path().join("two")).unwrap();
    symlink(world.path().join("two"), &folder).unwrap();
    assert!(matches!(named(load(&world, TWO), "models/flow/2.0.0"), Why::Symlink));
    assert!(matches!(named(load(&world, Version::new(9, 0, 0)), "models/flow/9.0.0"), Why::Missing));
}

#[test]
fn two_files_swapped() {
    let world = ready();
    let (one, two) = (blob(&world, "weights.bin"), blob(&world, "more/notes.bin"));
    let (a, b) = (fs::read(&one).unwrap(), fs::read(&two).unwrap());
    fs::write(&one, &b).unwrap();
    fs::write(&two, &a).unwrap();
    assert!(matches!(refused(&world, "more/notes.bin"), Why::Vault(vault::Error::Unopened { .. })));
    fs::write(&one, a).unwrap();
    fs::write(&two, b).unwrap();
    let out = tempfile::tempdir().unwrap();
    world.registry().export(("flow", TWO), out.path(), &world.checks(), None).unwrap();
    let at = |name: &str| out.path().join("flow-2.0.0").join(name);
    fs::rename(at("weights.bin"), at("x")).unwrap();
    fs::rename(at("more/notes.bin"), at("weights.bin")).unwrap();
    fs::rename(at("x"), at("more/notes.bin")).unwrap();
    let why = named(verify_folder(&out.path().join("flow-2.0.0"), &world.trust, NOW), "more/notes.bin");
    assert!(matches!(why, Why::Swapped { with } if with == "weights.bin"));
    let (card, golden) = (world.version("2.0.0/card.md"), world.version("2.0.0/golden.jsonl"));
    let (a, b) = (fs::read(&card).unwrap(), fs::read(&golden).unwrap());
    fs::write(&card, b).unwrap();
    fs::write(&golden, a).unwrap();
    assert!(matches!(named(load(&world, TWO), "golden.jsonl"), Why::Swapped { .. }));
}

#[test]
fn an_older_version_in_the_place_of_a_newer() {
    let world = ready();
    fs::remove_dir_all(world.version("2.0.0")).unwrap();
    copy(&world.version("1.0.0"), &world.version("2.0.0"));
    let why = named(load(&world, TWO), "models/flow/2.0.0/manifest.json");
    assert!(matches!(why, Why::Replayed { says } if says == "flow 1.0.0"));
}

#[test]
fn an_expired_model_another_schema_and_wrong_answers() {
    let world = ready();
    let late = load_with(&world, ONE, &Checks { now_s: NOW + 101, ..world.checks() });
    assert!(matches!(named(late, "models/flow/1.0.0"), Why::Expired { .. }));
    assert!(load_with(&world, ONE, &Checks { now_s: NOW + 100, ..world.checks() }).is_ok());
    let other = Checks { schema: Some(Digest::of(b"other features")), ..world.checks() };
    assert!(matches!(named(load_with(&world, ONE, &other), "models/flow/1.0.0"), Why::Schema { .. }));
    let wrong = |model: &mut f64, x: &[f64]| ask(model, x).map(|p| if x[0] == 1.0 { p + 2e-6 } else { p });
    let found = world.registry().load("flow", Which::Version(ONE), &world.checks(), parse, wrong);
    assert!(matches!(named(found, "models/flow/1.0.0/golden.jsonl"), Why::Golden { line: 2, .. }));
}

/// Paths that climb cannot be registered; and where a trusted key signs one all the same, the bundle is refused.
#[test]
fn paths_that_climb() {
    let world = ready();
    for bad in ["../../trust/keys.json", "/etc/passwd", "a/../../b", "a\\b", "", "manifest.json"] {
        let mut draft = draft(Version::new(3, 0, 0));
        draft.files[0].0 = bad.into();
        assert!(world.registry().register(&draft, &world.key, &world.keks).is_err(), "{bad:?}");
    }
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "flow", "digest": {"sha256": Digest::of(&Digest::of(b"x").0).to_string()}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": false},
            "resources": [{"name": "../x", "algorithm": "sha256", "digest": Digest::of(b"x").to_string()}],
        },
    });
    let envelope =
        vault::Envelope::sign("application/vnd.in-toto+json", statement.to_string().as_bytes(), &world.key).unwrap();
    let path = world.version("1.0.0/manifest.dsse");
    let mut bundle: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    bundle["dsseEnvelope"] = serde_json::to_value(envelope).unwrap();
    fs::write(&path, bundle.to_string()).unwrap();
    let why = refused(&world, "manifest.dsse");
    assert!(why.to_string().contains("../x"), "{why}");
    for bad in ["../flow", "Flow", "", ".flow", "a/b"] {
        let found = world.registry().verify(bad, Which::Version(ONE), &world.checks());
        assert!(matches!(named(found, bad), Why::Name), "{bad:?}");
    }
}

#[test]
fn bombs() {
    let world = ready();
    let path = world.version("1.0.0/manifest.dsse");
    fs::write(&path, "[".repeat(500_000)).unwrap();
    assert!(matches!(refused(&world, "manifest.dsse"), Why::Vault(vault::Error::TooDeep { .. })));
    let huge = fs::File::create(&path).unwrap();
    huge.set_len(1 << 40).unwrap();
    assert!(matches!(refused(&world, "manifest.dsse"), Why::TooLarge { .. }), "a terabyte is not read");
    let huge = fs::File::create(world.version("2.0.0/golden.jsonl")).unwrap();
    huge.set_len(1 << 40).unwrap();
    assert!(matches!(named(load(&world, TWO), "golden.jsonl"), Why::TooLarge { .. }));
    let mut many = draft(Version::new(3, 0, 0));
    many.files = (0..65).map(|n| (format!("f{n}"), vec![])).collect();
    let found = world.registry().register(&many, &world.key, &world.keks);
    assert!(matches!(named(found, "manifest.json"), Why::TooMany { max: 64 }));
}

#[test]
fn a_registry_whose_keys_were_replaced() {
    let world = ready();
    let pin = world.registry().set_trust(&world.trust).unwrap();
    assert!(world.registry().trust(Some(pin)).unwrap().keys().eq(world.trust.keys()));
    let stranger = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let mut theirs = world.trust.clone();
    theirs.trust(stranger.public(), "Mallory", &[Role::SignModels], (0, i64::MAX)).unwrap();
    fs::write(world.path().join("trust/keys.json"), theirs.to_json().unwrap()).unwrap();
    let found = world.registry().trust(Some(pin));
    assert!(matches!(named(found, "trust/keys.json"), Why::Changed { .. }));
}

#[test]
fn an_exported_folder_verifies_and_every_change_of_it_is_refused() {
    let world = ready();
    let out = tempfile::tempdir().unwrap();
    let p256 = SigningKey::generate(Algorithm::P256).unwrap();
    let done = world.registry().export(("flow", ONE), out.path(), &world.checks(), Some(&p256)).unwrap();
    let check = || verify_folder(&done.folder, &world.trust, NOW);
    let (found, signer) = check().unwrap();
    assert_eq!((found.files.len(), signer), (2, world.key.public().id()));
    let other = common::world();
    let imported = other.registry().import(&done.folder, &world.trust, NOW, (&other.key, &other.keks)).unwrap();
    assert_eq!(imported, load(&world, ONE).unwrap().manifest);
    assert_eq!(load(&other, ONE).unwrap().digest, done.digest);
    let extra = done.folder.join("more/extra.py");
    fs::write(&extra, b"x").unwrap();
    assert!(matches!(named(check(), "more/extra.py"), Why::Extra));
    fs::remove_file(&extra).unwrap();
    symlink("/etc/hostname", &extra).unwrap();
    assert!(matches!(named(check(), "more/extra.py"), Why::Symlink));
    fs::remove_file(&extra).unwrap();
    fs::write(done.folder.join("weights.bin"), [64, 2]).unwrap();
    assert!(matches!(named(check(), "weights.bin"), Why::Changed { .. }));
    fs::remove_file(done.folder.join("weights.bin")).unwrap();
    assert!(matches!(named(check(), "weights.bin"), Why::Missing));
}

#[test]
fn rotation_keeps_everything_loadable_with_the_new_key_alone() {
    let mut world = ready();
    let old = std::mem::replace(&mut world.keks, vault::Keks::new(vec![vault::Kek::generate("k2").unwrap()]).unwrap());
    assert!(matches!(refused(&world, "more/notes.bin"), Why::Vault(vault::Error::NoKek { .. })));
    // The ring needs both keys for the rotation; a key is read twice rather than cloned.
    let folder = tempfile::tempdir().unwrap();
    let path = |id: &str| folder.path().join(id);
    old.current().write(&path("k1"), None).unwrap();
    world.keks.current().write(&path("k2"), None).unwrap();
    let read = |id: &str| {
        let reference = format!("file:{}", path(id).display());
        vault::Kek::read(&reference, || Err(vault::Error::WrongPassphrase)).unwrap()
    };
    let both = vault::Keks::new(vec![read("k2"), read("k1")]).unwrap();
    assert_eq!(world.registry().rotate(&both).unwrap(), 3, "two versions share more/notes.bin");
    assert_eq!(world.registry().rotate(&both).unwrap(), 0);
    load(&world, ONE).unwrap();
    load(&world, TWO).unwrap();
}
