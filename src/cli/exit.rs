//! Exit codes: stable, documented, tested.

use crate::ports::Signal;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Success.
    Ok,
    /// Error; no call of this run had an effect.
    Error,
    /// `plan --detailed-exitcode`: something is to do, blocked, held or at risk.
    Changes,
    /// Not converged.
    NotConverged,
    /// Refused by a limit or a missing cap.
    Refused,
    /// The plan is stale.
    Stale,
    /// Not confirmed, or nobody there to ask.
    NotConfirmed,
    /// A charge may have happened.
    InDoubt,
    /// Another run holds the journal.
    Locked,
    /// Wrong usage or invalid desired state.
    Usage,
    /// Ended by SIGINT, after a clean stop.
    Interrupted,
    /// Ended by SIGTERM, after a clean stop.
    Terminated,
}

impl Exit {
    /// The exit after a signal: 128 and its number, as shells have it.
    pub fn of_signal(signal: Signal) -> Self {
        match signal {
            Signal::Interrupt => Self::Interrupted,
            Signal::Terminate => Self::Terminated,
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::NotConverged => 3,
            Self::Refused => 4,
            Self::Stale => 5,
            Self::NotConfirmed => 6,
            Self::InDoubt => 7,
            Self::Locked => 8,
            Self::Usage => 64,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}
