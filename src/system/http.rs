//! The network: requests out, and a listener on loopback.

use std::cell::OnceCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ports::{HttpReply, HttpRequest, LocalFuture, Method, Transport, TransportError};

/// Whom a client talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// HTTPS to anybody, through the proxies that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    Web,
    /// This machine, without proxies.
    Loopback {
        /// Without TLS, and so without the machine's root certificates: to read them takes longer than all the
        /// rest of a run.
        plain: bool,
    },
    /// Plain HTTP to this machine and to private addresses, without proxies. Which ones is the caller's rule.
    Nearby,
    /// Plain HTTP to the metadata service, without proxies: it is next door, or not there at all.
    Metadata,
}

/// HTTP by the rules of a [`Reach`]. No redirect, no retry: every resend is the caller's.
pub struct HttpTransport {
    reach: Reach,
    /// A file with PEM text.
    roots: Option<PathBuf>,
    /// Made when it is first needed.
    client: OnceCell<Result<reqwest::Client, String>>,
}

/// The longest reply that is read: a page of a hundred instances is some hundred kilobytes.
const REPLY_BYTES_MAX: usize = 16 << 20;
/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait for a connection to a helper with keys (the official SDKs have the same number).
const CONNECT_TIMEOUT_NEARBY: Duration = Duration::from_secs(5);
/// The longest wait for a connection to the metadata service (the official SDKs have the same number).
const CONNECT_TIMEOUT_METADATA: Duration = Duration::from_secs(1);

impl HttpTransport {
    /// A client that trusts the machine's root certificates, or only those of the file `roots` (PEM).
    pub fn new(reach: Reach, roots: Option<PathBuf>) -> Self {
        Self { reach, roots, client: OnceCell::new() }
    }

    /// Sets it up now, to tell early that it cannot be.
    ///
    /// # Errors
    /// If TLS cannot be set up, for example without root certificates.
    pub fn set_up(&self) -> Result<(), String> {
        self.client().map(drop)
    }

    fn client(&self) -> Result<&reqwest::Client, String> {
        self.client.get_or_init(|| self.build()).as_ref().map_err(Clone::clone)
    }

    fn build(&self) -> Result<reqwest::Client, String> {
        // A second call fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let connect_timeout = match self.reach {
            Reach::Web | Reach::Loopback { .. } => CONNECT_TIMEOUT,
            Reach::Nearby => CONNECT_TIMEOUT_NEARBY,
            Reach::Metadata => CONNECT_TIMEOUT_METADATA,
        };
        let builder = reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("renewctl/", env!("CARGO_PKG_VERSION")));
        let web = self.reach == Reach::Web;
        let builder = if web { builder.https_only(true) } else { builder.no_proxy() };
        let tls = matches!(self.reach, Reach::Web | Reach::Loopback { plain: false });
        let builder = match (&self.roots, tls) {
            (_, false) => builder.tls_certs_only([]),
            (None, true) => builder,
            (Some(path), true) => builder.tls_certs_only(root_certificates(path)?),
        };
        builder.build().map_err(|error| chain(&error))
    }
}

fn root_certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let shown = crate::text::escape(&path.to_string_lossy());
    let pem = fs::read(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let roots = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|error| format!("{shown} holds no certificates: {}", chain(&error)))?;
    if roots.is_empty() { Err(format!("{shown} holds no certificates")) } else { Ok(roots) }
}

/// An error with its causes, without the URL.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

impl Transport for HttpTransport {
    fn send(&self, request: HttpRequest) -> LocalFuture<'_, Result<HttpReply, TransportError>> {
        Box::pin(async move {
            let method = match request.method {
                Method::Get => reqwest::Method::GET,
                Method::Post => reqwest::Method::POST,
                Method::Put => reqwest::Method::PUT,
            };
            let client = self.client().map_err(TransportError::NotSent)?;
            let mut builder =
                client.request(method, &request.url).timeout(Duration::from_millis(request.timeout_ms));
            for (name, value) in &request.headers {
                builder = builder.header(name, value);
            }
            let mut response = builder.body(request.body).send().await.map_err(|error| {
                let unsent = error.is_connect() || error.is_builder();
                let text = chain(&error.without_url());
                if unsent { TransportError::NotSent(text) } else { TransportError::NoAnswer(text) }
            })?;
            let status = response.status().as_u16();
            let headers = response
                .headers()
                .iter()
                .map(|(name, value)| {
                    (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect();
            let mut body = Vec::new();
            while let Some(part) = response
                .chunk()
                .await
                .map_err(|error| TransportError::NoAnswer(chain(&error.without_url())))?
            {
                if body.len() + part.len() > REPLY_BYTES_MAX {
                    return Err(TransportError::NoAnswer("the answer does not end".to_owned()));
                }
                body.extend_from_slice(&part);
            }
            Ok(HttpReply { status, headers, body })
        })
    }
}

/// Opens a listener on loopback; port 0 lets the system choose.
///
/// # Errors
/// Whatever the operating system says.
pub async fn listen(port: u16) -> io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(("127.0.0.1", port)).await
}
