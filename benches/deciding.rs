//! Benches come with the next change.

fn main() {}
