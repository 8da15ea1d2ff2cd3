//! The thin binary: real doors, then the command line, then the exit code.

fn main() {}
