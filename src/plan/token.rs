//! The token of a charge: derived from what was seen, never from chance or from local state.
//!
//! Two runs that saw the same expiry on the same day send the same token, so the cloud either
//! repeats its first answer or refuses the second as a mismatch: one charge either way. That is why
//! the term is left out. The date lets a refusal that sticks to a token heal by the next day.

use chrono::{DateTime, NaiveDate, Utc};
use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use crate::calendar::{beijing_date, show_minute};
use crate::ids::{ClientToken, InstanceId, RegionId};

/// First line under the digest: another rule would need another version.
const VERSION: &str = "renewctl-charge-1";

/// The token for a charge whose first send happens at `server_now`.
pub fn derive(
    region: &RegionId,
    id: &InstanceId,
    expires_before: DateTime<Utc>,
    server_now: DateTime<Utc>,
) -> ClientToken {
    let day: NaiveDate = beijing_date(server_now);
    let lines =
        format!("{VERSION}\n{region}\n{id}\n{}\n{}\n", show_minute(expires_before), day.format("%Y-%m-%d"));
    let digest = Sha256::digest(lines.as_bytes());
    ClientToken(BASE32_NOPAD.encode(&digest).to_ascii_lowercase())
}
