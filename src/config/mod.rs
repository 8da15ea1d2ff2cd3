//! The desired-state files, version 1: from text to checked values with their places.
//!
//! [`load()`] is pure. It reports *all* errors of all files in one run; it never asks the network and
//! never reads a file. `syntax` turns text into a tree that remembers where everything stood, `check`
//! turns the tree into the types below.

mod broken;
mod check;
mod entry;
mod fields;
mod load;
mod syntax;
mod tree;
mod values;
mod words;

use std::rc::Rc;

pub use load::{Loaded, load};
pub use syntax::FILE_BYTES_MAX;

use crate::diagnostic::Place;
use crate::ids::{AccountId, InstanceId, RegionId};
use crate::money::Money;
use crate::term::{AutoRenew, Lifetime, PurchaseTerm, Site, Term};

/// A value and where it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<T> {
    /// What.
    pub value: T,
    /// Where.
    pub place: Place,
}

/// The least lifetime that must be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinRemaining {
    /// Never renew by hand.
    None,
    /// Renew when less than this is left.
    AtLeast(Lifetime),
}

/// What becomes of a plan that is beyond `max_charge` or `max_renewals`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenExceeded {
    /// Nothing is done.
    #[default]
    Refuse,
    /// What fits is bought, soonest expiry first.
    SoonestFirst,
}

impl WhenExceeded {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Refuse, Self::SoonestFirst];

    /// The word in the files and outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::SoonestFirst => "soonest-first",
        }
    }
}

/// Bounds on what the changes of one file may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most money per run.
    pub max_charge: Option<Asked<Money>>,
    /// Most renewals per run.
    pub max_renewals: Option<Asked<u32>>,
    /// Longest term to buy, and longest auto-renew term to set.
    pub max_term: Term,
    /// Most instances whose auto-renewal one run may switch off.
    pub max_auto_renew_off: u32,
    /// What becomes of a plan that is beyond the first two.
    pub when_exceeded: WhenExceeded,
    /// Whether a renewal without a known price may be bought.
    pub allow_unpriced: bool,
}

/// [`Limits::max_term`] where a file says nothing: a year.
pub const MAX_TERM_DEFAULT: Term = Term::Months(12);
/// [`Limits::max_auto_renew_off`] where a file says nothing.
pub const MAX_AUTO_RENEW_OFF_DEFAULT: u32 = 10;
/// Life left beyond `min_remaining` after a renewal, in hours, so that tomorrow's run does not buy
/// again (design: deciding, rule 1).
pub const MARGIN_HOURS: u32 = 24;

/// One instance as its file asks for it, defaults merged in. At least one of `auto_renew` and
/// `min_remaining` is present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which instance.
    pub id: InstanceId,
    /// In which region.
    pub region: RegionId,
    /// At which site its file's account is.
    pub site: Site,
    /// Where the entry stands.
    pub place: Place,
    /// The name that the file gives it.
    pub name: Option<Asked<String>>,
    /// Wanted auto-renewal; absent: not asked for, never touched.
    pub auto_renew: Option<Asked<AutoRenew>>,
    /// Wanted lifetime; absent: not asked for.
    pub min_remaining: Option<Asked<MinRemaining>>,
    /// Least term to buy. In weeks only if weeks may be bought.
    pub renew_period: PurchaseTerm,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConfig {
    /// The path as the user wrote it.
    pub path: Rc<str>,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub sha256: String,
    /// At which site its account is.
    pub site: Site,
    /// The only account that it may be used on, if it says so.
    pub account: Option<Asked<AccountId>>,
    /// Its limits.
    pub limits: Limits,
    /// Its instances, in the order of the file.
    pub entries: Vec<Entry>,
}

/// All files, checked. No instance is asked for twice, and no two files name different accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// In the order given.
    pub files: Vec<FileConfig>,
}
