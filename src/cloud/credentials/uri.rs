//! An address that tells a key: a helper on this machine, or a service of the user's own (reference 7.2). The
//! official CLI and the Python SDK insist on a Code of Success.

use std::net::IpAddr;

use super::{Around, Found, Issued, Reason, Source, sts};
use crate::ports::{HttpRequest, Method};

const URI: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";
/// The official CLI's switch against other people's programs; it covers addresses, too.
const DISABLED: &str = "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS";
/// Longest wait for the answer (reference 7.2).
const TIMEOUT_MS: u64 = 10_000;

/// Where a key is told.
pub(super) struct Address {
    url: String,
    way: Way,
}

/// How an address is reached.
#[derive(Clone, Copy)]
enum Way {
    /// HTTPS to somebody else.
    Web,
    /// HTTPS to this machine.
    Loopback,
    /// Without TLS.
    Plain,
}

/// The address that the environment names.
pub(super) fn find(around: &Around) -> Found {
    let url = around.var(URI).ok_or_else(|| Reason::absent(format!("{URI} is not set (or empty)")))?;
    of_profile(around, Some(url)).map_err(|reason| reason.at(URI))
}

/// Whether programs and addresses of other people are switched off.
pub(super) fn refuse_if_disabled(around: &Around) -> Result<(), Reason> {
    let disabled = around.says_true(DISABLED) || around.var(DISABLED).as_deref() == Some("1");
    if disabled { Err(Reason::broken(format!("{DISABLED} forbids it"))) } else { Ok(()) }
}

/// The address that a profile names, or the environment.
pub(super) fn of_profile(around: &Around, url: Option<String>) -> Found {
    let text = url.or_else(|| around.var(URI)).ok_or_else(|| Reason::broken("it has no credentials_uri"))?;
    refuse_if_disabled(around)?;
    let form = || Reason::broken("it is no address; one looks like http://127.0.0.1:8080/credentials");
    let url = reqwest::Url::parse(&text).map_err(|_| form())?;
    let host = url.host_str().ok_or_else(form)?;
    let way = match url.scheme() {
        "https" if is_loopback(host) => Way::Loopback,
        "https" => Way::Web,
        "http" if is_near(host) => Way::Plain,
        "http" => {
            let text = "plain HTTP would tell the key to the network: it is allowed to this machine and to private \
                        addresses (numbers); write https://";
            return Err(Reason::broken(text));
        }
        _ => return Err(form()),
    };
    Ok(Source::Uri(Address { url: url.to_string(), way }))
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// This machine.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || address(host).is_some_and(|address| address.is_loopback())
}

/// This machine, or an address that no public network carries.
fn is_near(host: &str) -> bool {
    match address(host) {
        _ if is_loopback(host) => true,
        Some(IpAddr::V4(address)) => {
            // 100.64.0.0/10: where the cloud's own services are within a VPC.
            let [first, second, ..] = address.octets();
            let shared = first == 100 && (64..128).contains(&second);
            address.is_private() || address.is_link_local() || shared
        }
        Some(IpAddr::V6(address)) => address.is_unique_local(),
        None => false,
    }
}

impl Address {
    pub(super) async fn issue(&self, around: &Around) -> Result<Issued, Reason> {
        let transport = match self.way {
            Way::Web => &around.doors.web,
            Way::Loopback => &around.doors.loopback,
            Way::Plain => &around.doors.nearby,
        };
        let asked_at = around.now();
        let request = HttpRequest {
            method: Method::Get,
            url: self.url.clone(),
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: String::new(),
            timeout_ms: TIMEOUT_MS,
        };
        let reply = transport.send(request).await;
        let reply = reply.map_err(|error| Reason::broken(error.to_string()))?;
        sts::Told::read(reply, asked_at)
    }
}
