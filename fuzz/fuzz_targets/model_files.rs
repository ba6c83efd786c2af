//! Trained models from files: trees of other makers, and our own. What reads as ours is exactly what one writes, and what is asked
//! answers a number.
#![no_main]

use ensemble::Artefact;
use libfuzzer_sys::fuzz_target;
use registry::formats;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(imported) = formats::forest(bytes) {
        assert!(imported.forest.raw(&[0.5, f64::NAN, -1e300]).is_finite());
    }
    if let Ok(model) = Artefact::decode(bytes, [0; 32]) {
        let mut again = Vec::new();
        Artefact::encode(model.parts(), &mut again);
        assert_eq!(again, bytes);
        assert!(model.log_odds(&[]).iter().all(|log_odds| log_odds.is_finite()));
    }
});
