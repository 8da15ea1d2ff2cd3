//! Where requests go: each product's own host, or one address for all of them.
//!
//! `RenewInstance` has no RegionId: the host decides the region (reference 1.1).

use std::fmt;
use std::net::IpAddr;

use crate::ids::RegionId;
use crate::term::Site;

/// Who answers: a product, where it has several hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// ECS in a region.
    Ecs(RegionId),
    /// Billing (BssOpenApi) at a site.
    Billing(Site),
    /// Who the caller is. Its central host serves the keys of both sites.
    Sts,
}

impl Service {
    /// Its host (reference, `data/endpoints.json`).
    fn host(&self) -> String {
        match self {
            Self::Ecs(region) => format!("ecs.{region}.aliyuncs.com"),
            Self::Billing(Site::China) => "business.aliyuncs.com".to_owned(),
            Self::Billing(Site::International) => "business.ap-southeast-1.aliyuncs.com".to_owned(),
            Self::Sts => "sts.aliyuncs.com".to_owned(),
        }
    }

    /// The version of its API (reference, `data/api-actions.json`).
    pub(super) fn version(&self) -> &'static str {
        match self {
            Self::Ecs(_) => "2014-05-26",
            Self::Billing(_) => "2017-12-14",
            Self::Sts => "2015-04-01",
        }
    }
}

impl fmt::Display for Service {
    /// For the debug log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecs(region) => region.fmt(f),
            Self::Billing(site) => write!(f, "billing {}", site.as_str()),
            Self::Sts => f.write_str("sts"),
        }
    }
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The cloud's own hosts: `https://ecs.<region>.aliyuncs.com/` (Endpoint page, 2026-01-12), and one
    /// each for what is no matter of a region.
    Regional,
    /// One address for everything; from `--endpoint-url`.
    Fixed {
        /// Ends with a slash.
        url: String,
        /// Whether it is this machine.
        loopback: bool,
    },
}

/// Why an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an address.
    #[error("an endpoint looks like https://host or http://127.0.0.1:8080")]
    Form,
    /// Plain HTTP over a network.
    #[error("plain HTTP is allowed only to this machine (127.0.0.1, ::1, localhost): write https://")]
    PlainHttp,
}

impl Endpoint {
    /// Reads an address: scheme, host, port, and nothing else.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = reqwest::Url::parse(text).map_err(|_| EndpointError::Form)?;
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.path() == "/";
        let host = url.host_str().filter(|_| bare).ok_or(EndpointError::Form)?;
        let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
        let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(EndpointError::PlainHttp),
            _ => return Err(EndpointError::Form),
        }
        Ok(Self::Fixed { url: url.to_string(), loopback })
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        matches!(self, Self::Fixed { loopback: true, .. })
    }

    /// Whether it is spoken to without TLS, which only this machine may be.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Fixed { url, loopback: true } if url.starts_with("http:"))
    }

    /// Whose world this is, for the journal: the cloud's own hosts are one world, however they were
    /// named; any other address is its own.
    pub fn world(&self) -> String {
        match self {
            Self::Regional => "cloud".to_owned(),
            Self::Fixed { url, .. } => {
                let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
                let own = host.is_some_and(|host| host == "aliyuncs.com" || host.ends_with(".aliyuncs.com"));
                if own { "cloud".to_owned() } else { format!("endpoint:{url}") }
            }
        }
    }

    /// The address of a service.
    pub(super) fn url(&self, service: &Service) -> String {
        self.url_of_host(&service.host())
    }

    /// The address of one of the cloud's own hosts.
    pub(super) fn url_of_host(&self, host: &str) -> String {
        match self {
            Self::Regional => format!("https://{host}/"),
            Self::Fixed { url, .. } => url.clone(),
        }
    }
}
