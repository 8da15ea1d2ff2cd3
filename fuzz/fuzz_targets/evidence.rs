//! Any bytes as what a plan is decided from; see `checks::evidence`.
#![no_main]
#![allow(dead_code, reason = "each target uses one of the checks")]

#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::evidence(bytes));
