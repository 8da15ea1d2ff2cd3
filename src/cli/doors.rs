//! The doors that commands go through, and how a command ends early.

use std::rc::Rc;

use super::Exit;
use crate::plan::price::PriceError;
use crate::planning::PlanningError;
use crate::ports::{Clock, Entropy, Environment, Files, Interrupts, Signal, Terminal};

/// The doors that a command goes through.
pub struct Doors {
    /// The machine's clock.
    pub clock: Rc<dyn Clock>,
    /// Names of runs and worlds, nonces, jitter.
    pub entropy: Rc<dyn Entropy>,
    /// Credentials, and who runs this.
    pub environment: Rc<dyn Environment>,
    /// Desired-state files, and the emulator's state.
    pub files: Rc<dyn Files>,
    /// The person, or nobody.
    pub terminal: Rc<dyn Terminal>,
    /// Signals that ask the run to end.
    pub interrupts: Rc<dyn Interrupts>,
}

impl Doors {
    /// Does `work`, and gives it up when the signal number `count` comes: then what it was is lost, and
    /// the signal is the error.
    ///
    /// # Errors
    /// The signal.
    pub(super) async fn unless_interrupted<T>(
        &self,
        count: usize,
        work: impl Future<Output = T>,
    ) -> Result<T, Signal> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            signal = self.interrupts.arrived(count) => Err(signal),
        }
    }
}

/// A command that ends early: what to say on stderr, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// For people.
    pub message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A signal before anything was sent that changes anything.
    pub(super) fn interrupted(signal: Signal) -> Self {
        Self::new(Exit::of_signal(signal), "Interrupted. Nothing was changed.")
    }

    /// An error before anything was sent that changes anything.
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self::new(Exit::Error, message)
    }

    /// The same, and that nothing was sent that changes anything.
    pub(super) fn with_nothing_sent(self) -> Self {
        Self { message: format!("{}\nNothing was sent.", self.message), ..self }
    }
}

impl From<PlanningError> for Failure {
    fn from(error: PlanningError) -> Self {
        let hint = match &error {
            PlanningError::Read(call) => call.hint.map(|hint| format!("\n  hint: {hint}")),
            PlanningError::OtherAccount { asked, .. } => {
                let hint = format!(
                    "\n  hint: use a key of account {}, or correct `account` in the file",
                    asked.value
                );
                Some(hint)
            }
            PlanningError::Caller { why, .. } => {
                let hint = why.hint.unwrap_or("run again");
                Some(format!("\n  hint: {hint}; without `account` in the files it is not asked"))
            }
            PlanningError::Price(PriceError::Sum(_)) => None,
            PlanningError::Price(PriceError::OtherSite { .. }) => Some(
                "\n  hint: write the account's site into the file (site: china | international)".to_owned(),
            ),
            PlanningError::Past { .. } | PlanningError::Far { .. } => {
                return Self::new(Exit::Usage, format!("error: --as-of: {error}"));
            }
        };
        Self::error(format!(
            "error: no plan could be made: {error}{}\nNothing was changed.",
            hint.unwrap_or_default()
        ))
    }
}

/// A name for a world or a run: 16 hexadecimal digits.
pub(super) fn random_id(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}
