//! What others can do with what we export. Needs the `model_signing` program of pip:
//! `MODEL_SIGNING=/path/to/model_signing cargo test -p registry --test interop -- --ignored`

mod common;

use std::fs;
use std::process::Command;

use common::world;
use registry::Version;
use vault::{Algorithm, SigningKey, files};

#[test]
#[ignore = "needs model_signing of PyPI"]
fn model_signing_verifies_what_we_export_with_a_p256_key() {
    let program = std::env::var("MODEL_SIGNING").unwrap_or_else(|_| "model_signing".into());
    let mut world = world();
    let p256 = SigningKey::generate(Algorithm::P256).unwrap();
    let version = Version::new(1, 0, 0);
    world.register(version);
    let out = tempfile::tempdir().unwrap();
    let done = world.registry().export(("flow", version), out.path(), &world.checks(), Some(&p256)).unwrap();
    let public = out.path().join("p256.pub");
    files::write_public(&public, p256.public()).unwrap();
    let verify = |signature: &std::path::Path, public: &std::path::Path| {
        let mut command = Command::new(&program);
        command.args(["verify", "key"]).arg(&done.folder).arg("--signature").arg(signature);
        let output = command.arg("--public_key").arg(public).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let also = done.also.clone().unwrap();
    let (good, said) = verify(&also, &public);
    assert!(good, "{said}");
    let ed25519 = out.path().join("ed25519.pub");
    files::write_public(&ed25519, world.key.public()).unwrap();
    let (good, said) = verify(&done.folder.join("manifest.dsse"), &ed25519);
    assert!(!good, "it knows Ed25519 now: say so in docs/formats/registry.md: {said}");
    fs::write(done.folder.join("weights.bin"), b"changed").unwrap();
    let (good, said) = verify(&also, &public);
    assert!(!good && said.contains("weights.bin"), "{said}");
    // A version that is signed with P-256 in the first place verifies with its own manifest.dsse.
    world.trust.trust(p256.public(), "Ada", &[vault::Role::SignModels], (0, i64::MAX)).unwrap();
    world.key = p256;
    world.register(Version::new(2, 0, 0));
    let out = tempfile::tempdir().unwrap();
    let done = world.registry().export(("flow", Version::new(2, 0, 0)), out.path(), &world.checks(), None).unwrap();
    let mut command = Command::new(&program);
    command.args(["verify", "key"]).arg(&done.folder).arg("--signature").arg(done.folder.join("manifest.dsse"));
    assert!(command.arg("--public_key").arg(&public).status().unwrap().success());
}
