//! check, test, bench: the verbs of the house.
fn main() {}
