//! Against the originals: what `LightGBM`, `XGBoost` and ONNX answer, and what `model_signing` says of our exports.
//! `cargo xtask originals` makes the Python environment that this needs.

mod common;
#[path = "common/foreign.rs"]
mod foreign;
#[path = "common/originals.rs"]
mod originals;

use std::fs;

use common::world;
use registry::Version;
use vault::{Algorithm, SigningKey, files};

/// Trained now, by the libraries themselves: 10,000 rows with NaN, zeros, and values that equal a threshold.
#[test]
fn oracle_27_and_28_forests_answer_and_explain_as_their_libraries() {
    let folder = tempfile::tempdir().unwrap();
    originals::script("forests.py", folder.path());
    for (name, sums) in
        [("binary.txt", 1e-9), ("zero.txt", 1e-9), ("never.txt", 1e-9), ("logistic.json", 1e-6), ("squares.json", 1e-6)]
    {
        let (score, part, whole) = foreign::differences(folder.path(), name, 10_000, 200);
        println!("{name}: raw {score:e}, contributions {part:e}, additivity {whole:e}");
        // The sum of XGBoost's 32-bit floats is a little away from that of the contributions.
        assert!(score <= 1e-9 && part <= 1e-6 && whole <= sums, "{name}: {score:e} {part:e} {whole:e}");
    }
}

#[test]
fn model_signing_verifies_what_we_export_with_a_p256_key() {
    let mut world = world();
    let p256 = SigningKey::generate(Algorithm::P256).unwrap();
    let version = Version::new(1, 0, 0);
    world.register(version);
    let out = tempfile::tempdir().unwrap();
    let done = world.registry().export(("flow", version), out.path(), &world.checks(), Some(&p256)).unwrap();
    let public = out.path().join("p256.pub");
    files::write_public(&public, p256.public()).unwrap();
    let verify = |signature: &std::path::Path, public: &std::path::Path| {
        let mut command = originals::program("model_signing");
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
    let mut command = originals::program("model_signing");
    command.args(["verify", "key"]).arg(&done.folder).arg("--signature").arg(done.folder.join("manifest.dsse"));
    assert!(command.arg("--public_key").arg(&public).status().unwrap().success());
}
