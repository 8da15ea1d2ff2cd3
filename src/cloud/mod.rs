//! The client of the ECS API: five actions, typed, signed, retried.
//!
//! [`Cloud`] is the whole face. It knows nothing of plans, and leaves every decision about money to
//! its caller: which token, and whether a failed charge may be sent again by another call.

mod call;
mod credentials;
mod endpoint;
pub mod error;
mod read;
mod replies;
pub mod sign;
mod wire;

use std::cell::RefCell;

use chrono::{DateTime, Duration, Utc};
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::ids::{ClientToken, InstanceId, RegionId};
use crate::live::{Live, Quote};
use crate::retry::Class;
use crate::term::{AutoRenew, PurchaseTerm, Term};
use crate::text::Untrusted;

pub use call::{Doors, Gate};
pub use credentials::{Credentials, CredentialsError};
pub use endpoint::{Endpoint, EndpointError};
pub use error::CallError;
pub use read::ReadId;

use call::{Caller, Policy};
use replies::{PlainReply, PriceReply, RenewReply};

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

/// The client.
pub struct Cloud {
    caller: Caller,
    parallelism: usize,
}

impl Cloud {
    /// A client that has at most `parallelism` reads under way.
    pub fn new(doors: Doors, credentials: Credentials, endpoint: Endpoint, parallelism: usize) -> Self {
        Self { caller: Caller::new(doors, credentials, endpoint), parallelism: parallelism.max(1) }
    }

    /// The cloud's time, by the Date header of the last reply; the machine's if there was none.
    pub fn server_now(&self) -> DateTime<Utc> {
        self.caller.server_now()
    }

    /// The cloud's clock minus the machine's, if a reply has told it.
    pub fn server_offset(&self) -> Option<Duration> {
        self.caller.server_offset()
    }

    /// Reads instances by id, with their settings where wanted. Every id gets an answer.
    ///
    /// # Errors
    /// [`CallError`] of class credentials: then nothing else would work either.
    pub async fn read(&self, wanted: &[ReadId], progress: &dyn Fn(usize, usize)) -> Result<Live, CallError> {
        read::read(&self.caller, wanted, self.parallelism, progress).await
    }

    /// Asks what a renewal costs.
    ///
    /// # Errors
    /// [`QuoteError`].
    pub async fn quote(&self, region: &RegionId, id: &InstanceId, term: Term) -> Result<Quote, QuoteError> {
        let action = wire::renewal_price(region, id, term).ok_or(QuoteError::Unquotable(term))?;
        let reply = self.caller.call::<PriceReply>(region, &action, Policy::Read).await;
        let reply = reply.map_err(QuoteError::Call)?;
        let request_id = reply.body.request_id.clone().or(reply.request_id);
        reply.body.quote(reply.date.unwrap_or_else(|| self.server_now())).ok_or_else(|| {
            QuoteError::Call(CallError {
                action: "DescribeRenewalPrice",
                class: Class::Refused,
                code: None,
                message: Untrusted::new("the answer holds no price"),
                request_id,
                http_status: Some(200),
                attempts: 1,
                maybe_done: false,
                hint: None,
            })
        })
    }

    /// Asks several prices at once; the answers are in the order of `asks`. Once the credentials are
    /// refused, the rest is not asked and gets the same error.
    pub async fn quotes(
        &self,
        asks: &[QuoteAsk],
        progress: &dyn Fn(usize, usize),
    ) -> Vec<Result<Quote, QuoteError>> {
        let mut answers = Vec::with_capacity(asks.len());
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
        let mut quotes = stream::iter(asks).map(ask).buffered(self.parallelism);
        while let Some(answer) = quotes.next().await {
            answers.push(answer);
            progress(answers.len(), asks.len());
        }
        answers
    }

    /// Sets auto-renewal of 1 to 100 instances of a region. Safe to repeat.
    ///
    /// # Errors
    /// [`CallError`]. What a refused batch did to its other members is not documented: split it.
    pub async fn set_auto_renew(
        &self,
        region: &RegionId,
        ids: &[InstanceId],
        setting: AutoRenew,
    ) -> Result<Acknowledged, CallError> {
        let action = wire::modify_auto_renew(region, ids, setting);
        let reply = self.caller.call::<PlainReply>(region, &action, Policy::Setting).await?;
        Ok(Acknowledged { request_id: reply.body.request_id.or(reply.request_id).unwrap_or_default() })
    }

    /// Charges. Repeats what is transient or in progress, always with the same token, and only if
    /// `gate` allows it each time.
    ///
    /// # Errors
    /// [`CallError`]; its `maybe_done` tells whether the charge may have happened all the same.
    pub async fn renew(&self, order: &RenewOrder<'_>, gate: &dyn Gate) -> Result<Receipt, CallError> {
        let action = wire::renew(order.id, order.term, order.token);
        let reply = self.caller.call::<RenewReply>(order.region, &action, Policy::Charge(gate)).await?;
        let request_id = reply.body.request_id.or(reply.request_id).unwrap_or_default();
        Ok(Receipt { order_id: reply.body.order_id, request_id })
    }
}
