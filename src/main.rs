//! The thin binary: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

#[allow(clippy::disallowed_methods, reason = "arguments enter the program here")]
fn main() -> ExitCode {
    ExitCode::from(renewctl::cli::run(std::env::args_os()).code())
}
