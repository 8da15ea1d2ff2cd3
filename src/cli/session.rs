//! The cloud that a command talks to: the real one, an endpoint, or an emulator that serves meanwhile.

use std::cell::RefCell;
use std::future::Future;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::Exit;
use super::args::{Common, SignatureVersion};
use super::doors::{Doors, Failure};
use super::emulator_state::{hold, open_emulator, saver};
use crate::cloud::sign::Signature;
use crate::cloud::{Cloud, Credentials, Doors as CloudDoors, Endpoint};
use crate::emulator;
use crate::ports::Level;
use crate::system;
use crate::text::escape;

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
    let endpoint = match &common.endpoint_url {
        None => Endpoint::Regional,
        Some(url) => Endpoint::parse(url)
            .map_err(|error| Failure::new(Exit::Usage, format!("error: --endpoint-url: {error}")))?,
    };
    let credentials = Credentials::from_environment(doors.environment.as_ref())
        .map_err(|error| Failure::error(format!("error: {error}")))?;
    let world = endpoint.world();
    let own_clock = endpoint.is_loopback();
    let cloud = cloud(common, doors, credentials, endpoint)?;
    work(Session { cloud, world, is_emulator: false, own_clock }).await
}

fn cloud(
    common: &Common,
    doors: &Doors,
    credentials: Credentials,
    endpoint: Endpoint,
) -> Result<Cloud, Failure> {
    let transport = system::HttpTransport::new(endpoint.is_loopback(), endpoint.is_plain())
        .map_err(|error| Failure::error(format!("error: HTTPS cannot be set up: {error}")))?;
    let doors = CloudDoors {
        transport: Rc::new(transport),
        clock: Rc::clone(&doors.clock),
        entropy: Rc::clone(&doors.entropy),
    };
    let signature = match common.signature {
        SignatureVersion::V1 => Signature::V1,
        SignatureVersion::V3 => Signature::V3,
    };
    let cloud = Cloud::new(doors, credentials, endpoint, usize::from(common.parallelism));
    cloud.read_until(Some(Instant::now() + Duration::from_secs(common.read_timeout)));
    Ok(cloud.signing_with(signature))
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
    let cloud = cloud(common, doors, credentials, endpoint)?;
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
