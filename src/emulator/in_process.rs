//! The emulator behind the transport door, in the same process: no socket, and on tokio's clock, so
//! that a test can pause it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::{Answer, Call, Emulator, Reply, Save};
use crate::ports::{Clock, HttpReply, HttpRequest, LocalFuture, Transport, TransportError};

/// Takes requests straight to an emulator.
pub struct InProcess {
    emulator: Rc<RefCell<Emulator>>,
    clock: Rc<dyn Clock>,
    save: Save,
}

impl InProcess {
    /// A transport to `emulator`; `save` gets its state after every call that changed it.
    pub fn new(emulator: Rc<RefCell<Emulator>>, clock: Rc<dyn Clock>, save: Save) -> Self {
        Self { emulator, clock, save }
    }

    fn answer(&self, request: &HttpRequest) -> Result<Answer, TransportError> {
        let without_scheme = request.url.split_once("://").map_or(request.url.as_str(), |(_, rest)| rest);
        let (host, path) = without_scheme.split_once('/').unwrap_or((without_scheme, ""));
        let call = Call {
            method: request.method.as_str().to_owned(),
            host: host.to_owned(),
            path_and_query: format!("/{path}"),
            headers: request.headers.clone(),
            body: request.body.clone().into_bytes(),
        };
        let mut emulator = self.emulator.borrow_mut();
        let answer = emulator.answer(&call, self.clock.now());
        if answer.changed {
            (self.save)(&emulator).map_err(|error| TransportError::NoAnswer(error.to_string()))?;
        }
        Ok(answer)
    }
}

impl Transport for InProcess {
    fn send(&self, request: HttpRequest) -> LocalFuture<'_, Result<HttpReply, TransportError>> {
        Box::pin(async move {
            let answer = self.answer(&request)?;
            if answer.delay_ms >= request.timeout_ms {
                tokio::time::sleep(Duration::from_millis(request.timeout_ms)).await;
                return Err(TransportError::NoAnswer("timed out".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(answer.delay_ms)).await;
            match answer.reply {
                Reply::Http(reply) => Ok(reply),
                Reply::Hangup => Err(TransportError::NoAnswer("connection closed".to_owned())),
            }
        })
    }
}
