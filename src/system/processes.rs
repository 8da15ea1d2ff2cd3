//! Programs that this one starts.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretSlice};
use tokio::io::AsyncReadExt as _;

use crate::ports::{LocalFuture, ProcessError, ProcessRequest, Processes};

/// Programs of this machine.
#[derive(Debug, Default)]
pub struct SystemProcesses;

/// The longest output that is read: a key with its token is some kilobytes.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

impl Processes for SystemProcesses {
    fn run(&self, request: ProcessRequest) -> LocalFuture<'_, Result<SecretSlice<u8>, ProcessError>> {
        Box::pin(async move {
            let not_started = |error: io::Error| ProcessError::NotStarted(error.to_string());
            let mut child = tokio::process::Command::new(&request.program)
                .args(&request.arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .map_err(not_started)?;
            let stdout = child.stdout.take();
            let work = async {
                // Of its whole size from the start, so that no copy is left behind while it grows.
                let mut output = Vec::with_capacity(OUTPUT_BYTES_MAX + 1);
                if let Some(stdout) = stdout {
                    let limit = u64::try_from(OUTPUT_BYTES_MAX + 1).unwrap_or(u64::MAX);
                    stdout.take(limit).read_to_end(&mut output).await.map_err(not_started)?;
                }
                let output = SecretSlice::from(output);
                if output.expose_secret().len() > OUTPUT_BYTES_MAX {
                    return Err(ProcessError::Endless(OUTPUT_BYTES_MAX));
                }
                let status = child.wait().await.map_err(not_started)?;
                if status.success() { Ok(output) } else { Err(ProcessError::Failed(status.to_string())) }
            };
            let limit = Duration::from_millis(request.timeout_ms);
            let ended = tokio::time::timeout(limit, work).await;
            ended.unwrap_or(Err(ProcessError::TimedOut(limit.as_secs())))
        })
    }
}
