//! The manifest has one text, and the text says exactly what was meant.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{draft, schema};
use proptest::prelude::*;
use registry::manifest::{FeatureSchema, Norm};
use registry::{Manifest, Version};

fn manifest() -> Manifest {
    draft(Version::new(1, 0, 0)).manifest().unwrap()
}

fn text(manifest: &Manifest) -> String {
    String::from_utf8(manifest.to_json("manifest.json").unwrap()).unwrap()
}

fn refused(text: &str) -> bool {
    Manifest::from_json("manifest.json", text.as_bytes()).is_err()
}

#[test]
fn unknown_doubled_and_missing_fields_are_refused() {
    let good = text(&manifest());
    assert!(!refused(&good));
    assert!(refused(&good.replacen("\"kind\":", "\"extra\":1,\"kind\":", 1)));
    assert!(refused(&good.replacen("\"auc\":", "\"extra\":1,\"auc\":", 1)), "in the inner ones too");
    assert!(refused(&good.replacen("\"kind\":\"gbdt\"", "\"kind\":\"gbdt\",\"kind\":\"gbdt\"", 1)));
    assert!(refused(&good.replacen("\"license\":\"Apache-2.0\"", "\"licence\":\"Apache-2.0\"", 1)));
    assert!(refused(&good.replacen("\"schema_version\":1", "\"schema_version\":2", 1)));
    assert!(refused(&format!("{good} x")));
    assert!(refused(&good.replacen("\"ofi\"", "\"ofj\"", 1)), "the schema's hash is that of its features");
    assert!(refused(&good.replacen("more/notes.bin", "../notes.bin", 1)));
    assert!(refused(&good.replacen("more/notes.bin", "zz/notes.bin", 1)), "not sorted");
    assert!(refused(&good.replacen("\"size\":2", "\"size\":999999999999", 1)));
}

#[test]
fn numbers_that_are_not_finite_are_not_written() {
    for bad in [f64::NAN, f64::INFINITY] {
        let mut one = manifest();
        one.validation.purge_s = bad;
        assert!(one.to_json("manifest.json").is_err());
        let mut one = manifest();
        let FeatureSchema { names, units, .. } = schema();
        one.feature_schema = FeatureSchema::new(names, units, vec![Norm { centre: bad, scale: 1.0 }; 2]);
        assert!(one.to_json("manifest.json").is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Every number comes back bit for bit: the hash of the features depends on it.
    #[test]
    fn numbers_come_back_bit_for_bit(bits in prop::collection::vec(any::<u64>(), 4)) {
        let x: Vec<_> = bits.into_iter().map(f64::from_bits).map(|x| if x.is_finite() { x } else { 0.1 }).collect();
        let mut one = manifest();
        let FeatureSchema { names, units, .. } = schema();
        let norm = vec![Norm { centre: x[0], scale: x[1] }, Norm { centre: x[2], scale: x[3] }];
        one.feature_schema = FeatureSchema::new(names, units, norm);
        let text = text(&one);
        let again = Manifest::from_json("manifest.json", text.as_bytes()).unwrap();
        prop_assert_eq!(again.to_json("manifest.json").unwrap(), text.into_bytes());
    }

    #[test]
    fn no_bytes_make_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Manifest::from_json("manifest.json", &bytes).is_err());
    }
}
