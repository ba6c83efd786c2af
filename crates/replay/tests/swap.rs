//! A hundred swaps of models while the desk decides: no decision is lost, and none hears models of two epochs.

#[path = "../benches/swap/parts.rs"]
#[allow(clippy::unwrap_used, clippy::missing_panics_doc, unreachable_pub, reason = "shared with a benchmark")]
mod parts;

use parts::{Swapped, config, pair, tick};

#[test]
fn a_hundred_swaps_lose_and_mix_nothing() {
    let config = config();
    let mut swapped = Swapped::new(&config);
    for nth in 0..40_000 {
        if nth >= 20_000 && nth % 200 == 0 {
            swapped.seat(tick(nth).seen, nth / 200, pair(nth / 200, &config));
        }
        swapped.tick(&tick(nth));
        swapped.judge();
    }
    assert_eq!((swapped.ticks, swapped.lost, swapped.mixed), (40_000, 0, 0));
    assert!(swapped.both > 15_000, "{} ticks on which both spoke", swapped.both);
}
