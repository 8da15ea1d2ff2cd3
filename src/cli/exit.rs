//! Exit codes: stable, documented, tested.

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
}

impl Exit {
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
        }
    }
}
