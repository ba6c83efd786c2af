//! Models as files: forests and nets of other programs, and our own artefacts. What is read is sound, and answers.
#![no_main]

use ensemble::Artefact;
use libfuzzer_sys::fuzz_target;
use models::Net;
use registry::formats::{forest, onnx};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(found) = forest(bytes) {
        let width = found.forest.features();
        let mut parts = vec![0.0; width];
        for value in [0.5, f64::NAN] {
            let row = vec![value; width];
            assert!(found.forest.raw(&row).is_finite());
            let _ = found.forest.contributions(&row, &mut parts);
        }
    }
    if let Ok(found) = onnx::net(bytes) {
        let net = Net::new(found.spec).expect("a spec that was checked");
        let (mut state, mut said) = (net.rest(), vec![0.0; net.outputs()]);
        for value in [0.5, -1e100, 0.0] {
            net.step(&mut state, &vec![value; net.inputs()], &mut said).expect("a step of a sound net");
            assert!(said.iter().all(|said| said.is_finite()));
        }
    }
    if let Ok(artefact) = Artefact::decode(bytes, [7; 32]) {
        let mut again = Vec::new();
        Artefact::encode(artefact.parts(), &mut again);
        assert_eq!(Artefact::decode(&again, [7; 32]).as_ref(), Ok(&artefact));
        let _ = artefact.log_odds(&vec![0.5; artefact.parts().inputs.len()]);
    }
});
