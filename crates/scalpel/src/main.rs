//! The one binary: commands, clock, wiring.
fn main() {}
