//! What a signal does to a run that is spending money: nothing new is started, what is under way may
//! end, and all of it within seconds, because who sent the signal will not wait.
//!
//! GitHub's runners kill 10 s after the first signal, Kubernetes after 30 s. A call that does not end
//! in time is given up: a charge is then in doubt, and its intent is in the journal.

use std::time::Duration;

use tokio::time::sleep;

use super::Deeds;
use crate::cloud::Gate;
use crate::ports::LocalFuture;
use crate::retry::Class;

/// How long a call that is under way may still take after a signal.
const CALL_GRACE: Duration = Duration::from_secs(4);
/// How long the last reading of what was sent may take after that.
const READING_GRACE: Duration = Duration::from_secs(2);
/// Why nothing more is sent.
pub(super) const INTERRUPTED: &str = "it was interrupted";

impl Deeds<'_> {
    /// Whether a signal has come.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupts.count() > 0
    }

    /// Whether a signal has come, also one that came while the program could not listen, because it waited
    /// for the journal's disk.
    pub(super) async fn was_interrupted(&self) -> bool {
        // The first turn lets the runtime take the signal in, the second one who counts them.
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        self.is_interrupted()
    }

    /// Waits for a call that has an effect; `None`: a signal came, and the call did not end in time.
    pub(super) async fn finish<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        self.within(CALL_GRACE, call).await
    }

    /// Waits for the reading that tells how things stand; it is worth a moment even after a signal.
    pub(super) async fn last_reading<T>(&self, reading: impl Future<Output = T>) -> Option<T> {
        self.within(READING_GRACE, reading).await
    }

    /// Waits for something that has no effect; `None`: a signal came first.
    pub(super) async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.within(Duration::ZERO, work).await
    }

    async fn within<T>(&self, grace: Duration, work: impl Future<Output = T>) -> Option<T> {
        let late = async {
            self.interrupts.arrived(1).await;
            sleep(grace).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = late => None,
        }
    }
}

/// Keeps from being sent again, after a signal, what is safe to repeat otherwise.
pub(super) struct UntilInterrupted<'a>(pub(super) &'a Deeds<'a>);

impl Gate for UntilInterrupted<'_> {
    fn may_resend(&self, _: Class) -> LocalFuture<'_, bool> {
        Box::pin(async { !self.0.was_interrupted().await })
    }

    fn closes(&self) -> LocalFuture<'_, ()> {
        Box::pin(async {
            self.0.interrupts.arrived(1).await;
        })
    }
}
