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
    /// Its public host (reference, `data/endpoints.json`).
    fn host(&self) -> String {
        match self {
            Self::Ecs(region) => format!("ecs.{region}.aliyuncs.com"),
            Self::Billing(Site::China) => "business.aliyuncs.com".to_owned(),
            Self::Billing(Site::International) => "business.ap-southeast-1.aliyuncs.com".to_owned(),
            Self::Sts => "sts.aliyuncs.com".to_owned(),
        }
    }

    /// Its host within a VPC. Billing has none (`data/endpoints.json`), and STS has one for each region.
    fn vpc_host(&self, sts_region: Option<&RegionId>) -> String {
        match (self, sts_region) {
            (Self::Ecs(region), _) => format!("ecs-vpc.{region}.aliyuncs.com"),
            (Self::Sts, Some(region)) => format!("sts-vpc.{region}.aliyuncs.com"),
            (Self::Billing(_) | Self::Sts, _) => self.host(),
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
    /// The same, some of them chosen by the user.
    Chosen(Choice),
    /// One address for everything; from `--endpoint-url`.
    Fixed {
        /// Ends with a slash.
        url: String,
        /// Whether it is this machine.
        loopback: bool,
    },
}

/// Which hosts a user chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    network: Network,
    /// The region whose STS is asked within a VPC.
    sts_region: Option<RegionId>,
    /// Addresses of single services, each with a slash at its end.
    ecs: Option<String>,
    billing: Option<String>,
    sts: Option<String>,
}

/// From where the cloud is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Over the internet.
    #[default]
    Public,
    /// From within a VPC of the region, without the internet.
    Vpc,
}

/// Why an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an address.
    #[error("an endpoint looks like https://host or http://127.0.0.1:8080")]
    Form,
    /// An address for a service that there is not.
    #[error("{0:?} is no service: write ecs=URL, billing=URL or sts=URL, or one URL for all of them")]
    Service(String),
    /// An address for everything beside another one, or two for one service.
    #[error("one address for everything, or one for each service: ecs=URL, billing=URL, sts=URL")]
    Twice,
    /// A single service on this machine.
    #[error("this machine can only stand in for all services at once: give its URL without a service")]
    Loopback,
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

    /// What a user chose: `URL` for all services, or `ecs=URL`, `billing=URL`, `sts=URL` for single ones;
    /// the others keep the cloud's own hosts, as they are on `network`.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn choose(
        urls: &[String],
        network: Network,
        sts_region: Option<RegionId>,
    ) -> Result<Self, EndpointError> {
        let mut choice = Choice { network, sts_region, ecs: None, billing: None, sts: None };
        for text in urls {
            // A scheme comes before any other sign, so that what stands before `=` is no part of a URL.
            let Some((service, url)) = text.split_once('=').filter(|(name, _)| !name.contains(':')) else {
                return if urls.len() == 1 { Self::parse(text) } else { Err(EndpointError::Twice) };
            };
            let place = match service {
                "ecs" => &mut choice.ecs,
                "billing" => &mut choice.billing,
                "sts" => &mut choice.sts,
                _ => return Err(EndpointError::Service(service.to_owned())),
            };
            match Self::parse(url)? {
                Self::Fixed { url, loopback: false } if place.is_none() => *place = Some(url),
                Self::Fixed { loopback: true, .. } => return Err(EndpointError::Loopback),
                _ => return Err(EndpointError::Twice),
            }
        }
        Ok(if urls.is_empty() && network == Network::Public { Self::Regional } else { Self::Chosen(choice) })
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
            // Charges are made where ECS is asked.
            Self::Regional | Self::Chosen(Choice { ecs: None, .. }) => "cloud".to_owned(),
            Self::Chosen(Choice { ecs: Some(url), .. }) | Self::Fixed { url, .. } => {
                let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
                let own = host.is_some_and(|host| host == "aliyuncs.com" || host.ends_with(".aliyuncs.com"));
                if own { "cloud".to_owned() } else { format!("endpoint:{url}") }
            }
        }
    }

    /// The address of a service.
    pub(super) fn url(&self, service: &Service) -> String {
        let Self::Chosen(choice) = self else { return self.url_of_sts(&service.host()) };
        let given = match service {
            Service::Ecs(_) => &choice.ecs,
            Service::Billing(_) => &choice.billing,
            Service::Sts => &choice.sts,
        };
        let host = match choice.network {
            Network::Public => service.host(),
            Network::Vpc => service.vpc_host(choice.sts_region.as_ref()),
        };
        given.clone().unwrap_or_else(|| format!("https://{host}/"))
    }

    /// The address of a host of STS, from which sessions come.
    pub(super) fn url_of_sts(&self, host: &str) -> String {
        match self {
            Self::Regional => format!("https://{host}/"),
            Self::Chosen(choice) => choice.sts.clone().unwrap_or_else(|| format!("https://{host}/")),
            Self::Fixed { url, .. } => url.clone(),
        }
    }
}
