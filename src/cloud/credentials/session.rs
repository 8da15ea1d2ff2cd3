//! The key of a run: asked before each attempt, renewed before it ends.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use chrono::{DateTime, Duration, Utc};
use tokio::sync::Mutex;

use super::chain::{self, NoKey, PassedOver, Provider};
use super::{Around, Credentials, Issued, KeyDoors, KeyWishes, Reason, Source, sts};

/// A session with at most so much left is renewed. The official Go SDK has the same number.
const LEFT_S_MIN: i64 = 180;
/// After a renewal that brought nothing, no other one for so long: many calls want one at the same time.
const PAUSE_S: i64 = 15;

/// Where the key of a run comes from, and the key.
pub struct Keys {
    current: RefCell<Issued>,
    /// Missing for a key that was handed in.
    origin: Option<Origin>,
    /// One renewal at a time; the others wait for it.
    turn: Mutex<()>,
    /// When a renewal was last tried.
    tried_at: Cell<Option<DateTime<Utc>>>,
    /// Why it brought nothing, if so.
    failure: RefCell<Option<Reason>>,
}

struct Origin {
    provider: Provider,
    passed: Vec<PassedOver>,
    source: Source,
    around: Around,
    /// Whose the key is, where another one could be somebody else's.
    account: RefCell<Option<String>>,
}

impl From<Credentials> for Keys {
    fn from(key: Credentials) -> Self {
        Self::new(Issued::lasting(key), None)
    }
}

impl Keys {
    fn new(issued: Issued, origin: Option<Origin>) -> Self {
        Self {
            current: RefCell::new(issued),
            origin,
            turn: Mutex::new(()),
            tried_at: Cell::new(None),
            failure: RefCell::new(None),
        }
    }

    /// Finds the key of a run.
    ///
    /// # Errors
    /// [`NoKey`], with the reason of each provider.
    pub async fn find(doors: KeyDoors, wishes: KeyWishes) -> Result<Self, NoKey> {
        let around = Around { doors, wishes };
        let chosen = chain::choose(&around).await?;
        tracing::debug!(provider = chosen.provider.as_str(), key = chosen.issued.key.key_id(), "key");
        let (provider, source) = (chosen.provider, chosen.source);
        let origin = Origin { provider, passed: chosen.passed, source, around, account: RefCell::new(None) };
        // A session whose end is not known is renewed only when it is refused, and then nobody can ask any more
        // whose it was.
        let endless_session = chosen.issued.ends_at.is_none() && chosen.issued.key.security_token().is_some();
        if endless_session && origin.source.may_change_account() {
            origin.learn_account(&chosen.issued.key).await;
        }
        Ok(Self::new(chosen.issued, Some(origin)))
    }

    /// Which provider serves, and which ones were passed over; `None` for a key that was handed in.
    pub fn origin(&self) -> Option<(Provider, &[PassedOver])> {
        self.origin.as_ref().map(|origin| (origin.provider, origin.passed.as_slice()))
    }

    /// The key as it is now.
    pub(in crate::cloud) fn current(&self) -> Rc<Credentials> {
        Rc::clone(&self.current.borrow().key)
    }

    /// Sees to it that the key can be used: renews a session that ends soon. A renewal that fails while the
    /// session still serves leaves it. Tells whether somebody was asked, which takes time.
    ///
    /// # Errors
    /// Why there is no key any more.
    pub(in crate::cloud) async fn ready(&self) -> Result<bool, Reason> {
        let Some(origin) = &self.origin else { return Ok(false) };
        if self.left(origin).is_none_or(|left| left > Duration::seconds(LEFT_S_MIN)) {
            return Ok(false);
        }
        let (_turn, waited) = match self.turn.try_lock() {
            Ok(turn) => (turn, false),
            Err(_) => (self.turn.lock().await, true),
        };
        let Some(left) = self.left(origin).filter(|left| *left <= Duration::seconds(LEFT_S_MIN)) else {
            return Ok(waited);
        };
        let serves = left > Duration::zero();
        if serves && (!origin.source.renews() || self.has_just_tried(origin)) {
            return Ok(waited);
        }
        match self.renew(origin, false).await {
            Err(reason) if self.left(origin).is_none_or(|left| left > Duration::zero()) => {
                tracing::warn!("the session ends soon and could not be renewed yet: {reason}");
                Ok(true)
            }
            renewed => renewed.map(|()| true),
        }
    }

    /// Whether another key could be had in place of a refused one.
    pub(in crate::cloud) fn renews(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.source.renews())
    }

    /// Gets another key in place of `refused`, unless that was done meanwhile.
    ///
    /// # Errors
    /// Why there is none.
    pub(in crate::cloud) async fn replace(&self, refused: &Rc<Credentials>) -> Result<(), Reason> {
        let Some(origin) = &self.origin else { return Err(Reason::broken("the key cannot be renewed")) };
        let _turn = self.turn.lock().await;
        if !Rc::ptr_eq(&self.current(), refused) {
            return Ok(());
        }
        self.renew(origin, true).await
    }

    /// How long the session lasts, if it is one with a known end.
    fn left(&self, origin: &Origin) -> Option<Duration> {
        self.current.borrow().ends_at.map(|end| end - origin.around.now())
    }

    fn has_just_tried(&self, origin: &Origin) -> bool {
        let since = self.tried_at.get().map(|tried| origin.around.now() - tried);
        since.is_some_and(|since| (0..PAUSE_S).contains(&since.num_seconds()))
    }

    /// Renews, or repeats why that has just failed: each of many waiting calls would ask anew otherwise, one
    /// after the other.
    async fn renew(&self, origin: &Origin, refused: bool) -> Result<(), Reason> {
        if let Some(reason) = self.failure.borrow().clone().filter(|_| self.has_just_tried(origin)) {
            return Err(reason);
        }
        self.failure.take();
        self.tried_at.set(Some(origin.around.now()));
        let renewed = self.try_to_renew(origin, refused).await;
        // To fail may take long.
        self.tried_at.set(Some(origin.around.now()));
        self.failure.replace(renewed.as_ref().err().cloned());
        renewed
    }

    /// `refused`: the cloud does not take the key that is there.
    async fn try_to_renew(&self, origin: &Origin, refused: bool) -> Result<(), Reason> {
        let provider = origin.provider.as_str();
        let issued = origin.source.issue(&origin.around).await;
        let issued = issued.map_err(|reason| reason.at(provider))?;
        let before = self.current();
        let same = issued.key.is(&before);
        if origin.source.may_change_account() && (refused || !same) {
            let checked = if same {
                Err(Reason::broken("the same key came again"))
            } else {
                origin.same_account(&before, &issued.key).await
            };
            checked.map_err(|reason| reason.at(provider))?;
        }
        tracing::debug!(provider, key = issued.key.key_id(), "key renewed");
        self.current.replace(issued);
        Ok(())
    }
}

impl Origin {
    /// Notes whose key it is. If that cannot be told now, it may be told later.
    async fn learn_account(&self, key: &Credentials) {
        match sts::account(&self.around, key).await {
            Ok(account) => drop(self.account.replace(Some(account))),
            Err(reason) => tracing::debug!(why = %reason, "whose key it is cannot be told"),
        }
    }

    /// Refuses a key of another account than before: a run must not charge two.
    async fn same_account(&self, before: &Credentials, after: &Credentials) -> Result<(), Reason> {
        if self.account.borrow().is_none() {
            self.learn_account(before).await;
        }
        let known = self.account.borrow().clone();
        let known = known.ok_or_else(|| {
            Reason::broken("a new key is there, but whose the old one was cannot be told any more; run again")
        })?;
        if sts::account(&self.around, after).await? == known {
            return Ok(());
        }
        Err(Reason::broken("the new key is one of another account than the run began with"))
    }
}
