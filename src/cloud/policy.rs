//! How a call may be repeated, by what it does (reference 5), and when it is given up.

use tokio::time::Instant;

use super::answer::Failure;
use crate::ports::LocalFuture;
use crate::retry::Class;

/// Most time for a call that is not worth waiting for, repetitions included.
const BRIEF_MS: u64 = 5_000;
/// Attempts while the answer is a 2xx that is not understood, which is as good as lost: a torn body is
/// worth another try (a charge: under its token), a changed API is not.
const UNREADABLE_ATTEMPTS_MAX: u32 = 3;

/// Says whether what has an effect may be sent once more, after the wait and just before the sending.
pub trait Gate {
    /// Whether to send again after an answer of this class.
    fn may_resend(&self, class: Class) -> LocalFuture<'_, bool>;
    /// Ready when nothing may be sent again, whatever the class: then no wait makes sense.
    fn closes(&self) -> LocalFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// What a call does, which decides how it may be repeated (reference 5).
#[derive(Clone, Copy)]
pub(super) enum Policy<'a> {
    /// It changes nothing.
    Read,
    /// It changes nothing, and its answer can be done without: it ends within [`BRIEF_MS`].
    BriefRead,
    /// It sets a state: safe to repeat, also after waiting for something in progress, as long as the gate
    /// allows it.
    Setting(&'a dyn Gate),
    /// It costs money: repeated only if the gate allows it each time.
    Charge(&'a dyn Gate),
}

impl<'a> Policy<'a> {
    /// Whether another attempt makes sense after a failure of this kind.
    pub(super) fn repeats(self, failure: &Failure, attempts: u32) -> bool {
        match failure.class {
            Class::Retry { .. } if failure.is_unreadable => attempts < UNREADABLE_ATTEMPTS_MAX,
            Class::Retry { .. } => true,
            Class::Busy { own } => match self {
                Self::Read | Self::BriefRead => false,
                Self::Setting(_) => true,
                Self::Charge(_) => own,
            },
            _ => false,
        }
    }

    pub(super) fn reads(self) -> bool {
        self.gate().is_none()
    }

    /// Who is asked before each repetition of what has an effect.
    pub(super) fn gate(self) -> Option<&'a dyn Gate> {
        match self {
            Self::Read | Self::BriefRead => None,
            Self::Setting(gate) | Self::Charge(gate) => Some(gate),
        }
    }

    /// When it must have ended, if it begins now.
    pub(super) fn end(self, reads_until: Option<Instant>) -> Option<End> {
        let whole = reads_until
            .filter(|_| self.reads())
            .map(|at| End { at, why: "the time for reading is over (--read-timeout)" });
        let brief = || Instant::now() + std::time::Duration::from_millis(BRIEF_MS);
        let brief = matches!(self, Self::BriefRead).then(|| End { at: brief(), why: "not within 5 seconds" });
        whole.into_iter().chain(brief).min_by_key(|end| end.at)
    }
}

/// When a read is given up, and what is said then.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) at: Instant,
    pub(super) why: &'static str,
}
