//! The client of the API: six actions of ECS, the balance and the caller, typed, signed, retried.
//!
//! [`Cloud`] is the whole face. It knows nothing of plans, and leaves every decision about money to
//! its caller: which token, and whether a failed charge may be sent again by another call.

mod answer;
mod call;
mod credentials;
mod endpoint;
mod limiter;
mod server_clock;
mod side_by_side;
pub mod error;
pub mod permission;
mod policy;
mod probe;
mod read;
mod replies;
pub mod sign;
mod wire;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use futures_util::StreamExt as _;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::ids::{AccountId, ClientToken, InstanceId, RegionId};
use crate::live::{Answer, Live, Quote, Unreadable};
use crate::money::Money;
use crate::retry::Class;
use crate::term::{AutoRenew, PurchaseTerm, Site, Term};

pub use call::Doors;
pub use credentials::{Credentials, KeyDoors, KeyWishes, Keys, NoKey, PassedOver, Provider};
pub use endpoint::{Endpoint, EndpointError, Network};
pub use error::CallError;
pub use policy::Gate;
pub use probe::Probe;
pub use read::ReadId;

use call::Sender;
use policy::Policy;
use side_by_side::side_by_side;

use replies::{BalanceReply, CallerReply, PlainReply, PriceReply, RenewReply};

/// A price to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteAsk {
    /// Where.
    pub region: RegionId,
    /// For which instance.
    pub id: InstanceId,
    /// For which term.
    pub term: Term,
}

/// Why there is no price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuoteError {
    /// DescribeRenewalPrice has no form for weeks, 48 and 60 months.
    Unquotable(Term),
    /// The call failed.
    Call(CallError),
}

impl std::fmt::Display for QuoteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unquotable(term) => write!(f, "the cloud quotes no prices for {term}"),
            Self::Call(error) => f.write_str(&error.text()),
        }
    }
}

/// A charge to send.
#[derive(Clone, Copy, Debug)]
pub struct RenewOrder<'a> {
    /// Where: it decides the host.
    pub region: &'a RegionId,
    /// Which instance.
    pub id: &'a InstanceId,
    /// What to buy.
    pub term: PurchaseTerm,
    /// The token that makes a repetition harmless.
    pub token: &'a ClientToken,
}

/// The cloud's word that an order was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its order.
    pub order_id: String,
    /// Its request.
    pub request_id: String,
}

/// The cloud's word that a setting was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its request.
    pub request_id: String,
}

/// What the account can pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What can be spent: cash and credit together (QueryAccountBalance, AvailableAmount), in whichever
    /// currency the account has. Of an account that owes it is zero.
    pub available: Money,
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account (UID) that the key belongs to, as a user of it or as a role.
    pub account: AccountId,
}

/// The client.
pub struct Cloud {
    sender: Sender,
    parallelism: usize,
    /// The key stays the same, or another of the same account, so that it is asked about once.
    caller: OnceCell<Caller>,
}

impl Cloud {
    /// A client that has at most `parallelism` reads under way.
    pub fn new(doors: Doors, keys: impl Into<Keys>, endpoint: Endpoint, parallelism: usize) -> Self {
        Self {
            sender: Sender::new(doors, keys.into(), endpoint, parallelism.max(1)),
            parallelism: parallelism.max(1),
            caller: OnceCell::new(),
        }
    }

    /// Signs in another style than the default one.
    #[must_use]
    pub fn signing_with(mut self, signature: sign::Signature) -> Self {
        self.sender.sign_with(signature);
        self
    }

    /// Which provider gave the key, and which ones were passed over; `None` for a key that was handed in.
    pub fn provider(&self) -> Option<(Provider, &[PassedOver])> {
        self.sender.keys().origin()
    }

    /// Gives up all reading at `end`, waits included; `None`: each call has its own patience only.
    pub fn read_until(&self, end: Option<Instant>) {
        self.sender.read_until(end);
    }

    /// The cloud's time, by the Date header of the last reply of ECS; the machine's if there was none.
    pub fn server_now(&self) -> DateTime<Utc> {
        self.sender.server_now()
    }

    /// The cloud's clock minus the machine's, if a reply has told it.
    pub fn server_offset(&self) -> Option<Duration> {
        self.sender.server_offset()
    }

    /// Reads instances by id, with their settings where wanted. Every id gets an answer.
    ///
    /// # Errors
    /// [`CallError`] of class credentials: then nothing else would work either.
    pub async fn read(&self, wanted: &[ReadId], progress: &dyn Fn(usize, usize)) -> Result<Live, CallError> {
        read::read(&self.sender, wanted, self.parallelism, progress).await
    }

    /// Tells a missing right from missing instances, in regions in which nothing was found: a RAM user
    /// without the right gets an empty list and no refusal, and only a dry run tells (reference 2.1).
    /// What the key may not see is not absent, but unreadable.
    pub async fn tell_absent_from_hidden(&self, live: &mut Live) {
        let seen: BTreeSet<RegionId> = live.regions(|answer| !matches!(answer, Answer::Absent)).collect();
        let empty: BTreeSet<RegionId> = live
            .regions(|answer| matches!(answer, Answer::Absent))
            .filter(|region| !seen.contains(region))
            .collect();
        let regions = empty.into_iter().map(|region| (region.clone(), region));
        let ask = async |region: RegionId| {
            let refusal = self.may_list(&region).await.err().filter(error::is_permission);
            (region, refusal)
        };
        let mut answers = side_by_side(regions, ask, self.parallelism);
        while let Some((region, refusal)) = answers.next().await {
            let Some(error) = refusal else { continue };
            let why = Unreadable { reason: error.text(), hint: error.hint.map(Cow::Borrowed) };
            for ((_, _), answer) in live.answers.iter_mut().filter(|((of, _), _)| *of == region) {
                *answer = Answer::Unreadable(why.clone());
            }
        }
    }

    /// Whether the key may list the instances of a region, by a dry run.
    ///
    /// # Errors
    /// [`CallError`]: it may not, or that could not be found out.
    pub async fn may_list(&self, region: &RegionId) -> Result<(), CallError> {
        let answer =
            self.sender.call::<PlainReply>(&wire::may_describe_instances(region), Policy::Read).await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.code.as_deref() == Some("DryRunOperation") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks what a renewal costs.
    ///
    /// # Errors
    /// [`QuoteError`].
    pub async fn quote(&self, region: &RegionId, id: &InstanceId, term: Term) -> Result<Quote, QuoteError> {
        let action = wire::renewal_price(region, id, term).ok_or(QuoteError::Unquotable(term))?;
        let reply = self.sender.call::<PriceReply>(&action, Policy::Read).await;
        let reply = reply.map_err(QuoteError::Call)?;
        let request_id = reply.body.request_id.clone().or(reply.request_id);
        reply.body.quote(reply.date.unwrap_or_else(|| self.server_now())).ok_or_else(|| {
            QuoteError::Call(self.sender.refused(action.name, None, "the answer holds no price", request_id))
        })
    }

    /// Asks several prices at once; the answers are in the order of `asks`. Once the credentials are
    /// refused, the rest is not asked and gets the same error.
    pub async fn quotes(
        &self,
        asks: &[QuoteAsk],
        progress: &dyn Fn(usize, usize),
    ) -> Vec<Result<Quote, QuoteError>> {
        let refused: RefCell<Option<QuoteError>> = RefCell::new(None);
        let ask = async |ask: &QuoteAsk| {
            let known = refused.borrow().clone();
            if let Some(error) = known {
                return Err(error);
            }
            let answer = self.quote(&ask.region, &ask.id, ask.term).await;
            if let Err(QuoteError::Call(error)) = &answer
                && error.class == Class::Credentials
            {
                refused.replace(Some(QuoteError::Call(error.clone())));
            }
            answer
        };
        let numbered = asks.iter().enumerate().map(|(index, ask)| (ask.region.clone(), (index, ask)));
        let work = async |(index, asked): (usize, &QuoteAsk)| (index, ask(asked).await);
        let mut quotes = side_by_side(numbered, work, self.parallelism);
        let mut answers = BTreeMap::new();
        while let Some((index, answer)) = quotes.next().await {
            answers.insert(index, answer);
            progress(answers.len(), asks.len());
        }
        answers.into_values().collect()
    }

    /// Sets auto-renewal of 1 to 100 instances of a region. Repeats what is transient or in progress, which
    /// is safe, only if `gate` allows it each time.
    ///
    /// # Errors
    /// [`CallError`]. What a refused batch did to its other members is not documented: split it.
    pub async fn set_auto_renew(
        &self,
        region: &RegionId,
        ids: &[InstanceId],
        setting: AutoRenew,
        gate: &dyn Gate,
    ) -> Result<Acknowledged, CallError> {
        let action = wire::modify_auto_renew(region, ids, setting);
        let reply = self.sender.call::<PlainReply>(&action, Policy::Setting(gate)).await?;
        Ok(Acknowledged { request_id: reply.body.request_id.or(reply.request_id).unwrap_or_default() })
    }

    /// Charges. Repeats what is transient or in progress, always with the same token, and only if
    /// `gate` allows it each time.
    ///
    /// # Errors
    /// [`CallError`]; its `maybe_done` tells whether the charge may have happened all the same.
    pub async fn renew(&self, order: &RenewOrder<'_>, gate: &dyn Gate) -> Result<Receipt, CallError> {
        let action = wire::renew(order.region, order.id, order.term, order.token);
        let reply = self.sender.call::<RenewReply>(&action, Policy::Charge(gate)).await?;
        let request_id = reply.body.request_id.or(reply.request_id).unwrap_or_default();
        Ok(Receipt { order_id: reply.body.order_id, request_id })
    }

    /// Asks what the account can pay, at the host of its site. It can be done without, so that it ends
    /// within seconds, repetitions included.
    ///
    /// # Errors
    /// [`CallError`]: many keys lack the right (`bss:DescribeAcccount`); an account of the other site is
    /// refused, too. An answer without an amount or a currency is one.
    pub async fn balance(&self, site: Site) -> Result<Balance, CallError> {
        let action = wire::account_balance(site);
        let reply = self.sender.call::<BalanceReply>(&action, Policy::BriefRead).await?;
        let request_id = reply.body.request_id.clone().or(reply.request_id);
        let refused = |code, message| self.sender.refused(action.name, code, message, request_id);
        if let Some((code, message)) = reply.body.refusal() {
            return Err(refused(code, message));
        }
        let available = reply.body.available();
        available
            .map(|available| Balance { available })
            .ok_or_else(|| refused(None, "the answer holds no balance"))
    }

    /// Asks whose key it is. No right is needed. A good answer is remembered.
    ///
    /// # Errors
    /// [`CallError`]; an answer without an account is one.
    pub async fn caller(&self) -> Result<Caller, CallError> {
        self.caller.get_or_try_init(|| self.ask_caller()).await.cloned()
    }

    async fn ask_caller(&self) -> Result<Caller, CallError> {
        let action = wire::caller_identity();
        let reply = self.sender.call::<CallerReply>(&action, Policy::Read).await?;
        let request_id = reply.body.request_id.or(reply.request_id);
        let account = AccountId::parse(&reply.body.account_id);
        account
            .map(|account| Caller { account })
            .map_err(|_| self.sender.refused(action.name, None, "the answer names no account", request_id))
    }
}
