//! What the plan says of one action: done already, to be done, held, or blocked, and by which rule.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::show_beijing;
use crate::desired::WhyLeft;

/// What the plan says of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// Already so.
    NoOp,
    /// To be done.
    Change(T),
    /// Not now; a later run decides.
    Held(Hold),
    /// Cannot be done, and somebody should know why.
    Blocked(Block),
}

impl<T> Verdict<T> {
    /// The change, if there is one.
    pub fn change(&self) -> Option<&T> {
        if let Self::Change(change) = self { Some(change) } else { None }
    }

    /// What stops the action, if something does.
    pub fn stopped(&self) -> Option<Stopped<'_>> {
        match self {
            Self::NoOp | Self::Change(_) => None,
            Self::Held(hold) => Some(Stopped {
                kind: VerdictKind::Held,
                code: hold.code.as_str(),
                why: &hold.text,
                hint: None,
                until: Some(hold.until),
            }),
            Self::Blocked(block) => Some(Stopped {
                kind: VerdictKind::Blocked,
                code: block.code.as_str(),
                why: &block.text,
                hint: Some(&block.hint),
                until: None,
            }),
        }
    }

    /// Without its content.
    pub fn kind(&self) -> VerdictKind {
        match self {
            Self::NoOp => VerdictKind::NoOp,
            Self::Change(_) => VerdictKind::Change,
            Self::Held(_) => VerdictKind::Held,
            Self::Blocked(_) => VerdictKind::Blocked,
        }
    }
}

/// What stops an action, held or blocked alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped<'a> {
    /// Held or blocked.
    pub kind: VerdictKind,
    /// The word for the rule in the outputs.
    pub code: &'static str,
    /// Why, in one sentence without its end.
    pub why: &'a str,
    /// What a person can do about it; only if it is blocked.
    pub hint: Option<&'a str>,
    /// When a new reading decides; only if it is held.
    pub until: Option<DateTime<Utc>>,
}

impl Stopped<'_> {
    /// Why it stays out of a plan that is saved so.
    pub(super) fn why_left(self) -> WhyLeft {
        if self.code == BlockCode::OverCap.as_str() {
            return WhyLeft::OverCap(self.why.to_owned());
        }
        WhyLeft::Stopped(self.then())
    }

    /// What is said of it later, when a saved plan is carried out.
    pub(super) fn then(self) -> String {
        format!("it was {} when the plan was saved: {}", self.kind.as_str(), self.why)
    }

    /// What comes next: what a person can do, or when it ends by itself.
    pub fn next(&self) -> String {
        let held = self.until.map(|until| format!("until {}; a later run decides", show_beijing(until)));
        held.or_else(|| self.hint.map(str::to_owned)).unwrap_or_default()
    }
}

/// A verdict without its content, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerdictKind {
    /// Already so.
    NoOp,
    /// To be done.
    Change,
    /// Not now.
    Held,
    /// Cannot be done.
    Blocked,
}

impl VerdictKind {
    /// The word in the outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoOp => "no-op",
            Self::Change => "change",
            Self::Held => "held",
            Self::Blocked => "blocked",
        }
    }
}

/// Why a charge waits, and until when. Every hold ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Which rule holds it.
    pub code: HoldCode,
    /// From this instant a new reading decides.
    pub until: DateTime<Utc>,
    /// Why, in one sentence without its end.
    pub text: String,
}

/// The rules that hold a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldCode {
    /// A call was sent and its outcome is not known.
    OutcomeUnknown,
    /// A charge was acknowledged and its effect has not shown.
    NotMoved,
    /// The reading is older than what the journal has seen.
    OlderReading,
    /// The platform may be renewing it in these hours.
    PlatformWindow,
    /// A Beijing day has just begun, and with it new tokens.
    Midnight,
}

impl HoldCode {
    /// Whether a charge may have happened that does not show.
    pub fn is_doubt(self) -> bool {
        matches!(self, Self::OutcomeUnknown | Self::NotMoved | Self::OlderReading)
    }

    /// The word in the outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutcomeUnknown => "outcome-unknown",
            Self::NotMoved => "not-moved",
            Self::OlderReading => "older-reading",
            Self::PlatformWindow => "platform-window",
            Self::Midnight => "midnight",
        }
    }
}

/// Why something cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which rule blocks it.
    pub code: BlockCode,
    /// Why, in one sentence without its end.
    pub text: String,
    /// What a person can do about it.
    pub hint: String,
}

impl Block {
    /// That it is not in the saved plan that is carried out.
    pub(super) fn not_in_plan(text: String) -> Self {
        Self { code: BlockCode::NotInPlan, text, hint: "make a new plan for it".to_owned() }
    }
}

/// The rules that block an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockCode {
    /// No such instance for this key in this region.
    UnknownInstance,
    /// It could not be read.
    Unreadable,
    /// It is not a subscription.
    ChargeType,
    /// A lock forbids renewal.
    Locked,
    /// The renewal has no price.
    NoPrice,
    /// Auto-renewal cannot be set after expiry.
    Expired,
    /// No term can be bought that the file allows.
    NoTerm,
    /// It does not fit under a cap, and what expires sooner goes first.
    OverCap,
    /// It has become due since the saved plan was made, or was stopped then.
    NotInPlan,
}

impl BlockCode {
    /// The word in the outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownInstance => "unknown-instance",
            Self::Unreadable => "unreadable",
            Self::ChargeType => "charge-type",
            Self::Locked => "locked",
            Self::NoPrice => "no-price",
            Self::Expired => "expired",
            Self::NoTerm => "no-term",
            Self::OverCap => "over-cap",
            Self::NotInPlan => "not-in-plan",
        }
    }
}
