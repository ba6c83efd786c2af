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
use registry::formats::onnx::{ImportedNet, net};
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

/// Nets of `onnx.helper`, run by onnxruntime over sequences; and what we do not read, refused with its node.
#[test]
fn oracle_27_nets_answer_as_onnxruntime() {
    let folder = tempfile::tempdir().unwrap();
    originals::script("nets.py", folder.path());
    let (mut read, mut refused) = (0, 0);
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "txt") {
            let says = fs::read_to_string(&path).unwrap();
            let error = net(&fs::read(path.with_extension("onnx")).unwrap()).expect_err(&says).to_string();
            assert!(error.contains(&says), "{}: '{error}' does not say '{says}'", path.display());
            refused += 1;
        } else if path.extension().is_some_and(|end| end == "f64") {
            let imported = net(&fs::read(path.with_extension("onnx")).unwrap()).unwrap();
            let worst = difference(&imported, &foreign::numbers(&path));
            println!("{}: {worst:e}", path.display());
            assert!(worst <= 1e-6, "{}: {worst:e}", path.display());
            read += 1;
        }
    }
    assert_eq!((read, refused), (5, 31));
}

/// Asks a net every step of a sequence (of rows, if it has no memory); answers the largest difference.
#[expect(clippy::unwrap_used, reason = "a test may fail")]
fn difference(imported: &ImportedNet, numbers: &[f64]) -> f64 {
    let [steps, features, outputs] = [0, 1, 2].map(|at| numbers[at] as usize);
    let (inputs, answers) = numbers[3..].split_at(steps * features);
    assert_eq!((answers.len(), imported.spec.inputs), (steps * outputs, features));
    let net = models::Net::new(imported.spec.clone()).unwrap();
    let (mut state, mut said, mut worst) = (net.rest(), vec![0.0; outputs], 0.0_f64);
    for (row, due) in inputs.chunks(features).zip(answers.chunks(outputs)) {
        net.step(&mut state, row, &mut said).unwrap();
        said.iter().zip(due).for_each(|(said, due)| worst = worst.max((said - due).abs()));
    }
    worst
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
