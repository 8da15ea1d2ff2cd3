//! The emulator as an HTTP/1.1 server on a listener that somebody else opened.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use super::{Answer, Call, Emulator, Reply, Save};
use crate::ports::{Clock, HttpReply};

/// A request body longer than this is cut off: a hundred ids need a few kilobytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Serves until `stop` is ready. Runs on a `LocalSet`. The state of a call that changed something is
/// saved before its answer leaves; if it cannot be saved, the connection closes without an answer.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    emulator: Rc<RefCell<Emulator>>,
    clock: Rc<dyn Clock>,
    save: Save,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = &mut stop => return Ok(()),
        };
        let (emulator, clock, save) = (Rc::clone(&emulator), Rc::clone(&clock), Rc::clone(&save));
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| {
                let (emulator, clock, save) = (Rc::clone(&emulator), Rc::clone(&clock), Rc::clone(&save));
                async move { respond(request, &emulator, clock.as_ref(), &save).await }
            });
            // An error here is a client that went away, or a hang-up that was asked for.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct ClosedOnPurpose;

async fn respond(
    request: Request<Incoming>,
    emulator: &RefCell<Emulator>,
    clock: &dyn Clock,
    save: &Save,
) -> Result<Response<Full<Bytes>>, ClosedOnPurpose> {
    let call = read(request).await.ok_or(ClosedOnPurpose)?;
    let answer = answer(&call, emulator, clock, save)?;
    tokio::time::sleep(Duration::from_millis(answer.delay_ms)).await;
    match answer.reply {
        Reply::Hangup => Err(ClosedOnPurpose),
        Reply::Http(reply) => response(reply).ok_or(ClosedOnPurpose),
    }
}

/// No await in here: the state changes and is saved in one go.
fn answer(
    call: &Call,
    emulator: &RefCell<Emulator>,
    clock: &dyn Clock,
    save: &Save,
) -> Result<Answer, ClosedOnPurpose> {
    let mut emulator = emulator.borrow_mut();
    let answer = emulator.answer(call, clock.now());
    if answer.changed && save(&emulator).is_err() {
        return Err(ClosedOnPurpose);
    }
    Ok(answer)
}

async fn read(request: Request<Incoming>) -> Option<Call> {
    let (parts, body) = request.into_parts();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let host =
        headers.iter().find(|(name, _)| name == "host").map(|(_, host)| host.clone()).unwrap_or_default();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.ok()?.to_bytes().to_vec();
    let path_and_query = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Some(Call { method: parts.method.as_str().to_owned(), host, path_and_query, headers, body })
}

fn response(reply: HttpReply) -> Option<Response<Full<Bytes>>> {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(Bytes::from(reply.body))).ok()
}
