//! The cloud that a command talks to: the real one, an endpoint, or an emulator that serves meanwhile.

use std::cell::RefCell;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::Exit;
use super::args::{Common, EndpointNetwork, SignatureVersion};
use super::doors::{Doors, Failure};
use super::emulator_state::{hold, open_emulator, saver};
use crate::cloud::sign::Signature;
use crate::cloud::{Cloud, Credentials, Doors as CloudDoors, Endpoint, KeyDoors, KeyWishes, Keys, Network};
use crate::emulator;
use crate::ids::RegionId;
use crate::ports::{Level, Transport};
use crate::system::{self, HttpTransport, Reach, SystemProcesses};
use crate::text::escape;

/// The file with the root certificates to trust instead of the machine's; OpenSSL's name for it, which Go and
/// curl know, too.
const ROOTS: &str = "SSL_CERT_FILE";

/// Whether a world is an emulator's. What is reached by an address of one's own may be the real cloud.
pub(super) fn is_emulated(world: &str) -> bool {
    world.starts_with("emulator:")
}

/// The cloud of one command, and the name of its world in the journal.
pub struct Session {
    /// The client.
    pub cloud: Cloud,
    /// `cloud`, `emulator:<id>` or `endpoint:<url>`.
    pub world: String,
    /// Nothing of it is real.
    pub is_emulator: bool,
    /// Its clock is its own, as that of an emulator is, and says nothing of the machine's.
    pub own_clock: bool,
}

/// Opens the session and runs `work` in it; an embedded emulator serves meanwhile.
pub(super) async fn with_session<F, T>(common: &Common, doors: &Doors, work: F) -> Result<T, Failure>
where
    F: AsyncFnOnce(Session) -> Result<T, Failure>,
{
    if let Some(state) = &common.emulator {
        return with_emulator(common, doors, state, work).await;
    }
    let endpoint = endpoint(common, doors)?;
    let world = endpoint.world();
    let own_clock = endpoint.is_loopback();
    let roots = doors.environment.var(ROOTS).map(PathBuf::from);
    let transport = transport(&endpoint, roots.clone())?;
    let keys = keys(common, doors, &endpoint, Rc::clone(&transport), roots).await?;
    let cloud = cloud(common, doors, keys, endpoint, transport);
    work(Session { cloud, world, is_emulator: false, own_clock }).await
}

/// Where calls go. From within a VPC if that is asked for, or if the variable of the official SDKs says so.
fn endpoint(common: &Common, doors: &Doors) -> Result<Endpoint, Failure> {
    let var = |name| doors.environment.var(name);
    let says_vpc =
        || var("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let network = match common.endpoint_network {
        Some(EndpointNetwork::Vpc) => Network::Vpc,
        None if says_vpc() => Network::Vpc,
        Some(EndpointNetwork::Public) | None => Network::Public,
    };
    let region = var("ALIBABA_CLOUD_STS_REGION").map(|text| RegionId::parse(&text)).transpose();
    let region = region
        .map_err(|error| Failure::new(Exit::Usage, format!("error: ALIBABA_CLOUD_STS_REGION: {error}")))?;
    Endpoint::choose(&common.endpoint_url, network, region)
        .map_err(|error| Failure::new(Exit::Usage, format!("error: --endpoint-url: {error}")))
}

fn transport(endpoint: &Endpoint, roots: Option<PathBuf>) -> Result<Rc<dyn Transport>, Failure> {
    let reach = match (endpoint.is_loopback(), endpoint.is_plain()) {
        (true, plain) => Reach::Loopback { plain },
        (false, _) => Reach::Web,
    };
    let is_private = roots.is_some();
    let transport = HttpTransport::new(reach, roots);
    transport.set_up().map_err(|error| {
        let whose = if is_private { format!(" with {ROOTS}") } else { String::new() };
        Failure::error(format!("error: HTTPS cannot be set up{whose}: {error}"))
    })?;
    Ok(Rc::new(transport))
}

/// Finds the key of this run. A provider that is set up and gives none is worth a warning: the key of the next
/// one may be another account's.
async fn keys(
    common: &Common,
    doors: &Doors,
    endpoint: &Endpoint,
    cloud: Rc<dyn Transport>,
    roots: Option<PathBuf>,
) -> Result<Keys, Failure> {
    let key_doors = KeyDoors {
        cloud,
        web: Rc::new(HttpTransport::new(Reach::Web, roots.clone())),
        loopback: Rc::new(HttpTransport::new(Reach::Loopback { plain: false }, roots)),
        nearby: Rc::new(HttpTransport::new(Reach::Nearby, None)),
        metadata: Rc::new(HttpTransport::new(Reach::Metadata, None)),
        files: Rc::clone(&doors.files),
        environment: Rc::clone(&doors.environment),
        processes: Rc::new(SystemProcesses),
        clock: Rc::clone(&doors.clock),
        entropy: Rc::clone(&doors.entropy),
    };
    let profile = common.profile.clone();
    let wishes = KeyWishes { profile, signature: signature(common), endpoint: endpoint.clone() };
    let found = doors.unless_interrupted(1, Keys::find(key_doors, wishes)).await;
    let keys = found
        .map_err(Failure::interrupted)?
        .map_err(|error| Failure::error(format!("error: {error}\nNothing was changed.")))?;
    if let (Some((provider, passed)), false) = (keys.origin(), common.quiet) {
        for passed in passed.iter().filter(|passed| passed.was_set_up()) {
            let text =
                format!("warning: {passed}\n  the key of another provider is used: {}", provider.as_str());
            doors.terminal.note(Level::Warning, &text);
        }
    }
    Ok(keys)
}

fn signature(common: &Common) -> Signature {
    match common.signature {
        SignatureVersion::V1 => Signature::V1,
        SignatureVersion::V3 => Signature::V3,
    }
}

fn cloud(
    common: &Common,
    doors: &Doors,
    keys: Keys,
    endpoint: Endpoint,
    transport: Rc<dyn Transport>,
) -> Cloud {
    let doors = CloudDoors { transport, clock: Rc::clone(&doors.clock), entropy: Rc::clone(&doors.entropy) };
    let cloud = Cloud::new(doors, keys, endpoint, usize::from(common.parallelism));
    cloud.read_until(Some(Instant::now() + Duration::from_secs(common.read_timeout)));
    cloud.signing_with(signature(common))
}

async fn with_emulator<F, T>(common: &Common, doors: &Doors, state: &Path, work: F) -> Result<T, Failure>
where
    F: AsyncFnOnce(Session) -> Result<T, Failure>,
{
    let _held = hold(doors, state).await?;
    let emulator = open_emulator(doors, state)?;
    let world = format!("emulator:{}", emulator.id());
    let asked = doors.environment.var("ALIBABA_CLOUD_ACCESS_KEY_ID");
    let credentials = match emulator.key(asked.as_deref()) {
        Some((id, secret, token)) => {
            let key = Credentials::new(id, secret);
            token.map_or(key.clone(), |token| key.with_security_token(token))
        }
        None => {
            return Err(Failure::new(Exit::Usage, "error: every key of the emulator's world is inactive"));
        }
    };
    let shown = escape(&state.to_string_lossy());
    let banner = format!("EMULATOR: nothing here is real and nothing is charged (state: {shown})");
    doors.terminal.note(Level::Info, &banner);
    let listener = system::listen(0)
        .await
        .map_err(|error| Failure::error(format!("error: the emulator cannot listen on loopback: {error}")))?;
    let address = listener.local_addr().map_err(|error| Failure::error(format!("error: {error}")))?;
    let save = saver(doors, state);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server =
        emulator::serve(listener, Rc::new(RefCell::new(emulator)), Rc::clone(&doors.clock), save, async {
            let _ = stopped.await;
        });
    let endpoint = Endpoint::parse(&format!("http://{address}"))
        .map_err(|error| Failure::error(format!("error: {error}")))?;
    let transport = transport(&endpoint, None)?;
    let cloud = cloud(common, doors, credentials.into(), endpoint, transport);
    let work = async {
        let result = work(Session { cloud, world, is_emulator: true, own_clock: true }).await;
        let _ = stop.send(());
        result
    };
    alongside(server, work).await
}

/// Runs the server for as long as the work needs it.
async fn alongside<T>(
    server: impl Future<Output = std::io::Result<()>>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let local = tokio::task::LocalSet::new();
    local.run_until(async { futures_util::future::join(server, work).await.1 }).await
}
