//! Where requests go: the regional host, or one address for all of them.
//!
//! `RenewInstance` has no RegionId: the host decides the region (reference 1.1).

use std::net::IpAddr;

use crate::ids::RegionId;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `https://ecs.<region>.aliyuncs.com/` (Endpoint page, 2026-01-12).
    Regional,
    /// One address for every region; from `--endpoint-url`.
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

    /// The address for a region.
    pub(super) fn url(&self, region: &RegionId) -> String {
        match self {
            Self::Regional => format!("https://ecs.{region}.aliyuncs.com/"),
            Self::Fixed { url, .. } => url.clone(),
        }
    }
}
