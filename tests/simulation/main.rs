//! The simulation: the real planning and applying code over virtual time, against an emulated cloud
//! behind a wire that loses, delays and garbles, on machines that die, among people who meddle. Judged
//! by the emulator's ledger and world.
//!
//! ```text
//! cargo test --test simulation                                    some thousand seeds
//! cargo test --release --test simulation -- --seeds 1000000       a million; --from N begins elsewhere
//! cargo test --release --test simulation -- --seed 42             one seed, with its story
//! cargo test --release --test simulation -- --envelope            seeds outside of the envelope
//! cargo test --release --test simulation -- --token-policies      what a token is made of, and what it costs
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::inconsistent_digit_grouping,
    clippy::match_same_arms,
    clippy::struct_excessive_bools,
    clippy::unused_self,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first surprise, and touch the world"
)]

mod arguments;
mod clock;
mod coverage;
mod dice;
mod disk;
mod draw;
mod herd;
mod judge;
mod people;
mod policies;
mod prices;
mod process;
mod saved;
mod signals;
mod story;
mod trace;
mod transport;
mod world;

use std::process::ExitCode;

use arguments::{Arguments, Task};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let well = match arguments.task {
        Task::Nothing => true,
        Task::List => {
            println!("simulation: test\n\n1 test, 0 benchmarks");
            true
        }
        Task::One(seed) => herd::replay(seed, arguments.mix),
        Task::Inside => herd::inside(&arguments),
        Task::Envelope => herd::envelope(&arguments),
        Task::Policies => herd::policies(&arguments),
    };
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
