//! The signals that ask the process to end.

use std::cell::OnceCell;
use std::io;

use crate::ports::{Interrupts, LocalFuture, Signal};

/// SIGXFSZ, by its number on Linux (but for MIPS) and macOS.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const FILE_SIZE_EXCEEDED: i32 = 25;

/// The process's signals. From the first question about them on SIGINT and SIGTERM no longer end the
/// process: who waits for them does. Before that, while files are read, they still do.
#[derive(Default)]
pub struct SystemInterrupts(OnceCell<tokio::sync::watch::Receiver<(usize, Signal)>>);

impl SystemInterrupts {
    fn heard(&self) -> &tokio::sync::watch::Receiver<(usize, Signal)> {
        self.0.get_or_init(|| {
            let (told, heard) = tokio::sync::watch::channel((0, Signal::Interrupt));
            if let Err(error) = listen_for_signals(told) {
                // Then the system's own way remains, which is to end the process.
                tracing::warn!("signals cannot be heeded: {error}");
            }
            heard
        })
    }
}

/// Counts signals, inside the runtime, for as long as it lives.
fn listen_for_signals(told: tokio::sync::watch::Sender<(usize, Signal)>) -> io::Result<()> {
    let tell = move |signal| told.send_modify(|(count, last)| (*count, *last) = (*count + 1, signal));
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // A limit on the length of files is a full disk: the write fails, and does not end the process in the
        // middle of a run. Where that cannot be had, the other signals are heeded all the same.
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        let _ = signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED));
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = interrupt.recv() => tell(Signal::Interrupt),
                    Some(()) = terminate.recv() => tell(Signal::Terminate),
                    else => break,
                }
            }
        });
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            tell(Signal::Interrupt);
        }
    });
    Ok(())
}

impl Interrupts for SystemInterrupts {
    fn count(&self) -> usize {
        self.heard().borrow().0
    }

    fn arrived(&self, count: usize) -> LocalFuture<'_, Signal> {
        let mut heard = self.heard().clone();
        Box::pin(async move {
            let signal = heard.wait_for(|(so_far, _)| *so_far >= count).await.map(|seen| seen.1);
            match signal {
                Ok(signal) => signal,
                // Nobody listens any more: no signal will come.
                Err(_) => std::future::pending().await,
            }
        })
    }
}
