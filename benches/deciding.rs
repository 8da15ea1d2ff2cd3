//! How long deciding takes; nothing is measured yet.
fn main() {}
