//! All integration tests, in one binary: they judge behaviour at the boundary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first surprise, and touch the world"
)]

mod support;

mod calendar;
mod client;
mod command_line;
mod config;
mod deciding;
mod emulator;
mod journal;
mod layers;
mod money_safety;
mod rendering;
mod signing;
mod words;
