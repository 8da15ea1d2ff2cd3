//! Finding out what a key may do, without doing it.

use super::error::is_permission;
use super::permission::Permission;
use super::policy::Policy;
use super::replies::{PlainReply, RegionsReply};
use super::wire::{self, Action};
use super::{CallError, Cloud};
use crate::ids::{InstanceId, RegionId};
use crate::retry::Class;
use crate::term::{Site, Term};

/// What was found out of a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The key has it.
    Allowed,
    /// The key lacks it.
    Denied(CallError),
    /// The key lacks it for an instance that does not exist. A policy that names single instances answers
    /// so, too.
    DeniedForNobody(CallError),
    /// The question was not answered.
    Unknown(CallError),
}

impl Cloud {
    /// Asks for a right in a region. `id`: an instance to read of; otherwise one that nobody has. What
    /// changes something is asked of nobody's instance only, without a term and without a token, so that
    /// nothing could come of it even if the cloud took it. That rights are looked at before parameters is
    /// assumed; the other way round a missing right would seem to be there.
    pub async fn probe(
        &self,
        right: &Permission,
        region: &RegionId,
        id: Option<&InstanceId>,
        site: Site,
    ) -> Probe {
        let refused = match right.action {
            "DescribeInstances" => self.may_list(region).await.err(),
            "DescribeInstanceAutoRenewAttribute" => {
                self.ask(id.map_or_else(
                    || wire::auto_renew_of_nobody(region),
                    |id| wire::describe_auto_renew(region, std::slice::from_ref(id), 1),
                ))
                .await
            }
            "DescribeRenewalPrice" => {
                let of_id = id.and_then(|id| wire::renewal_price(region, id, Term::Months(1)));
                self.ask(of_id.unwrap_or_else(|| wire::price_of_nobody(region))).await
            }
            "RenewInstance" => self.ask(wire::renew_nobody(region)).await,
            "ModifyInstanceAutoRenewAttribute" => self.ask(wire::set_nobody(region)).await,
            _ => self.balance(site).await.err(),
        };
        let of_nobody =
            right.by_instance && (right.changes || id.is_none()) && right.action != "DescribeInstances";
        match refused {
            None => Probe::Allowed,
            Some(error) if is_denied(&error) && of_nobody => Probe::DeniedForNobody(error),
            Some(error) if is_denied(&error) => Probe::Denied(error),
            // The action looked at the parameters: the right was there.
            Some(error) if error.class == Class::Refused && error.code.is_some() && right.by_instance => {
                Probe::Allowed
            }
            Some(error) => Probe::Unknown(error),
        }
    }

    async fn ask(&self, action: Action) -> Option<CallError> {
        self.sender.call::<PlainReply>(&action, Policy::Read).await.err()
    }

    /// The regions that the account may use, as a region's own host tells them.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn regions(&self, region: &RegionId) -> Result<Vec<String>, CallError> {
        let reply = self.sender.call::<RegionsReply>(&wire::describe_regions(region), Policy::Read).await?;
        Ok(reply.body.into_ids())
    }
}

fn is_denied(error: &CallError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    is_permission(error) || code == "InvalidAction.Unauthorized" || code == "NotAuthorized"
}
