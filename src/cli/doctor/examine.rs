//! Asks what there is to ask, in an order in which each answer explains the ones after it.

use chrono::Duration;
use tokio::time::Instant;

use super::super::session::Session;
use super::Subjects;
use super::check::{Check, Status};
use crate::calendar::show_span;
use crate::cloud::permission::{PERMISSIONS, Permission};
use crate::cloud::{CallError, Probe};
use crate::ids::{InstanceId, RegionId};
use crate::retry::Class;
use crate::term::Site;
use crate::text::escape;

/// A clock that is further off is worth a word; the cloud refuses from 15 minutes on.
const SKEW_S_MAX: i64 = 60;
/// From here on requests are refused (reference 1.2).
const SKEW_S_REFUSED: i64 = 15 * 60;

pub(super) async fn examine(session: &Session, subjects: &Subjects) -> Vec<Check> {
    let mut checks = credentials(session);
    let refused = match account(session, subjects).await {
        Ok(check) => {
            checks.push(check);
            false
        }
        Err(error) => {
            checks.push(Check::failed("account", "", Status::Failed, &error));
            error.class == Class::Credentials
        }
    };
    if refused {
        let text = "not asked with a key that is refused";
        for name in ["endpoint", "clock", "site", "permission"] {
            checks.push(Check::new(name, "", Status::Skipped, text));
        }
        return checks;
    }
    let mut reachable = Vec::new();
    for (region, id) in &subjects.regions {
        let check = endpoint(session, region).await;
        if check.status != Status::Failed {
            reachable.push((region, id.as_ref()));
        }
        checks.push(check);
    }
    checks.push(clock(session));
    let (site, found) = site(session, subjects).await;
    checks.extend(found);
    for (index, (region, id)) in reachable.into_iter().enumerate() {
        for right in PERMISSIONS.iter().filter(|right| right.by_instance || index == 0) {
            checks.push(permission(session, right, region, id, site).await);
        }
    }
    checks
}

/// Who gave the key, and why the earlier ones did not.
fn credentials(session: &Session) -> Vec<Check> {
    let check = |status, text: String| Check::new("credentials", "", status, text);
    let Some((provider, passed)) = session.cloud.provider() else {
        return vec![check(Status::Good, "the key of the emulator's world".to_owned())];
    };
    let mut checks = vec![check(Status::Good, format!("from {}", provider.as_str()))];
    for passed in passed {
        let text = format!("passed over: {passed}");
        checks.push(if passed.was_set_up() {
            let fix = "mend it or take it away: the key that is used now may be another account's";
            check(Status::Warning, text).with_fix(fix)
        } else {
            check(Status::Good, text)
        });
    }
    checks
}

async fn account(session: &Session, subjects: &Subjects) -> Result<Check, CallError> {
    let began = Instant::now();
    let account = session.cloud.caller().await?.account.to_string();
    let took = began.elapsed();
    let check = |status, text: String| Check::new("account", "", status, text).after(took);
    Ok(match &subjects.account {
        Some(asked) if *asked != account => {
            check(Status::Failed, format!("{account}, and the files are for {asked}"))
                .with_fix("use a key of that account, or correct `account` in the files")
        }
        Some(_) => check(Status::Good, format!("{account}, as the files say")),
        None => check(Status::Good, account),
    })
}

/// Whether a region's host answers, how fast, and whether the account has the region.
async fn endpoint(session: &Session, region: &RegionId) -> Check {
    let began = Instant::now();
    let answer = session.cloud.regions(region).await;
    let took = began.elapsed();
    let check = |status, text: &str| Check::new("endpoint", region.as_str(), status, text).after(took);
    match answer {
        Ok(regions) if regions.iter().any(|known| known == region.as_str()) => check(Status::Good, "answers"),
        Ok(regions) => {
            let near = crate::text::nearest(region.as_str(), regions.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("; did you mean {}?", escape(near)));
            let text = format!("the host answers, and the account has no such region{near}");
            check(Status::Failed, &text).with_fix("correct `region` in the files")
        }
        // It is not needed for anything else.
        Err(error) if error.class == Class::Refused => {
            check(Status::Good, "answers, and does not tell the regions")
        }
        Err(error) => Check::failed("endpoint", region.as_str(), Status::Failed, &error).after(took),
    }
}

/// The machine's clock against the cloud's.
fn clock(session: &Session) -> Check {
    let check = |status, text: String| Check::new("clock", "", status, text);
    if session.own_clock {
        return check(Status::Good, "the emulator's world has a clock of its own".to_owned());
    }
    let Some(offset) = session.cloud.server_offset() else {
        return check(Status::Skipped, "no answer has told the cloud's time".to_owned());
    };
    let off = offset.num_seconds().abs();
    if off <= SKEW_S_MAX {
        return check(Status::Good, format!("within {} s of the cloud's", off.max(1)));
    }
    let direction = if offset > Duration::zero() { "behind" } else { "ahead of" };
    let status = if off < SKEW_S_REFUSED { Status::Warning } else { Status::Failed };
    let text =
        format!("{} {direction} the cloud's; requests are refused from 15 minutes on", show_span(offset));
    check(status, text).with_fix("set this machine's clock, best by NTP")
}

/// The site of the account, by where it has a balance. Returns the site to go on with.
async fn site(session: &Session, subjects: &Subjects) -> (Site, Vec<Check>) {
    let named = !subjects.sites.is_empty();
    let sites = if named { subjects.sites.clone() } else { vec![Site::China, Site::International] };
    let mut checks = Vec::new();
    for site in &sites {
        let began = Instant::now();
        let answer = session.cloud.balance(*site).await;
        let took = began.elapsed();
        let elsewhere = |error: &CallError| {
            error.code.as_deref().is_some_and(|code| ["NotApplicable", "AuthSiteFail"].contains(&code))
        };
        match answer {
            Ok(balance) => {
                let text = format!("{} can be spent", balance.available);
                checks.push(Check::new("site", site.as_str(), Status::Good, text).after(took));
                return (*site, checks);
            }
            Err(error) if elsewhere(&error) && !named => {}
            Err(error) if elsewhere(&error) => {
                checks.push(Check::failed("site", site.as_str(), Status::Failed, &error).after(took));
            }
            Err(error) => {
                // The right is looked at below; without it the site is not known.
                checks.push(Check::failed("site", site.as_str(), Status::Warning, &error).after(took));
                return (*site, checks);
            }
        }
    }
    if checks.is_empty() {
        let text = "the account is at neither site, as the balance tells it";
        checks.push(Check::new("site", "", Status::Warning, text));
    }
    (sites.first().copied().unwrap_or(Site::China), checks)
}

async fn permission(
    session: &Session,
    right: &Permission,
    region: &RegionId,
    id: Option<&InstanceId>,
    site: Site,
) -> Check {
    let needed = if right.changes { "apply needs it" } else { "every run needs it" };
    let subject = if right.by_instance { region.as_str() } else { site.as_str() };
    let check =
        |status, text: String| Check::new("permission", subject, status, format!("{}: {text}", right.name));
    let policy = "grant it; renewctl policy apply prints the whole policy";
    match session.cloud.probe(right, region, id, site).await {
        Probe::Allowed => check(Status::Good, "granted".to_owned()),
        Probe::Denied(_) => match right.optional {
            Some(without) => check(Status::Warning, format!("missing: {without}")).with_fix(policy),
            None => check(Status::Failed, format!("missing, and {needed}")).with_fix(policy),
        },
        Probe::DeniedForNobody(_) => {
            let text = "not granted for all instances; whether it is for single ones cannot be found out without \
                        changing something";
            check(Status::Warning, text.to_owned()).with_fix(policy)
        }
        Probe::Unknown(error) => check(Status::Warning, format!("not known: {}", error.text())),
    }
}
