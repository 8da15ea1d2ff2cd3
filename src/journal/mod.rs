//! The journal: one line before each call and one after it, durable before the call is sent.
//!
//! It is a memory, not the guard: correctness stands on tokens and on reading again, and holds with
//! an empty journal. With it, a run that was cut off is noticed and its instances are held. This
//! file has the format; `fold` turns lines into holds; where the bytes lie is behind
//! [`JournalStorage`].
//!
//! A line is `{"after":"…","crc":"…","line":{…}}`: the checksum of the line that its run saw last, and
//! the CRC-32 over that and the exact text of `line`. The lines are a chain: one that was altered, moved
//! or taken out of the middle is noticed. Where locks do not work two runs make a fork of it, which
//! loses nothing. Lines missing at the end look like an older copy, which is as good as a lost journal:
//! then tokens and reading again carry the safety.

pub mod fold;
pub mod history;

use std::cell::Cell;
use std::collections::HashSet;
use std::io;
use std::rc::Rc;

use chrono::{DateTime, Datelike as _, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::calendar::YEARS;
use crate::ids::{ClientToken, InstanceId, PlanId, RegionId};
use crate::ports::JournalStorage;
use crate::term::Term;

/// Version of the format. Readers refuse lines of a newer one.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// [`VERSION`].
    pub v: u32,
    /// When, by the cloud's clock.
    pub at: DateTime<Utc>,
    /// Which world the calls went to: `cloud`, or an emulator's. Lines of other worlds mean nothing.
    pub world: String,
    /// Which run wrote it.
    pub run: String,
    /// What happened.
    #[serde(flatten)]
    pub record: Record,
}

impl Line {
    /// Whether all its moments are of this age, so that computing with them cannot leave the calendar.
    fn is_sane(&self) -> bool {
        let told: &[DateTime<Utc>] = match &self.record {
            Record::ChargeIntent(intent) => &[intent.expires_before, intent.expires_after],
            Record::ChargeSettled { expires_at, .. } => &[*expires_at],
            _ => &[],
        };
        told.iter().chain([&self.at]).all(|at| YEARS.contains(&at.year()))
    }
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Record {
    /// A run begins to carry out a plan.
    Run {
        /// Which plan.
        plan_id: PlanId,
        /// Version of this program.
        tool_version: String,
        /// Who started it, as far as the environment tells.
        who: Option<String>,
        /// Which CI run, as far as the environment tells.
        ci_run: Option<String>,
    },
    /// A charge is about to be sent.
    ChargeIntent(ChargeIntent),
    /// What came of it.
    ChargeOutcome {
        /// Where.
        region: RegionId,
        /// Which instance.
        id: InstanceId,
        /// The token of the intent.
        token: ClientToken,
        /// What came.
        outcome: ChargeOutcome,
    },
    /// A reading showed the expiry that a charge led to.
    ChargeSettled {
        /// Where.
        region: RegionId,
        /// Which instance.
        id: InstanceId,
        /// The token of the intent.
        token: ClientToken,
        /// The expiry that was read.
        expires_at: DateTime<Utc>,
    },
    /// Settings are about to be sent.
    SettingIntent {
        /// Where.
        region: RegionId,
        /// For whom.
        ids: Vec<InstanceId>,
        /// The value, as the desired-state file writes it.
        setting: String,
    },
    /// What came of it.
    SettingOutcome {
        /// Where.
        region: RegionId,
        /// For whom.
        ids: Vec<InstanceId>,
        /// RequestId if it was accepted.
        request_id: Option<String>,
        /// Why not, otherwise.
        error: Option<String>,
        /// Whether it may be set all the same: no answer came, or none that says so.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        maybe_done: bool,
    },
    /// The run ended and has read again.
    End {
        /// Whether nothing was left to do.
        converged: bool,
    },
    /// The line before this one was torn (the machine stopped while it was written). It was never
    /// durable, so its call was never sent.
    Torn {
        /// Its length, in bytes.
        bytes: usize,
    },
}

/// A charge about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeIntent {
    /// Where.
    pub region: RegionId,
    /// Which instance.
    pub id: InstanceId,
    /// The expiry that was read.
    pub expires_before: DateTime<Utc>,
    /// The expiry that it leads to.
    pub expires_after: DateTime<Utc>,
    /// What is bought.
    pub term: Term,
    /// Its token.
    pub token: ClientToken,
    /// Its price as planned, for example `CNY 238.00`; `None` if it had none.
    pub price: Option<String>,
}

impl ChargeIntent {
    /// Whether it is for the same instance and the same observed expiry.
    pub fn is_for_the_need_of(&self, other: &Self) -> bool {
        (&self.region, &self.id, self.expires_before) == (&other.region, &other.id, other.expires_before)
    }
}

/// What came of a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum ChargeOutcome {
    /// The cloud took the order.
    Acknowledged {
        /// Its order.
        order_id: String,
        /// Its request.
        request_id: String,
    },
    /// It was certainly not made.
    NotMade {
        /// Why.
        error: String,
    },
    /// Nobody knows.
    Unknown {
        /// What came back, if anything.
        error: String,
        /// Ours was certainly not made, but another order for the instance may exist.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        foreign: bool,
    },
}

/// The end of a chain of lines: the checksum of the last one, which the next one names. The default is
/// that of an empty journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Link(u32);

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    after: String,
    crc: String,
    line: &'a RawValue,
}

#[derive(Deserialize)]
struct ReadEnvelope<'a> {
    after: &'a str,
    crc: &'a str,
    #[serde(borrow)]
    line: &'a RawValue,
}

impl Link {
    /// The link of a line with this text after this one.
    fn next(self, text: &str) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.0.to_be_bytes());
        hasher.update(text.as_bytes());
        Self(hasher.finalize())
    }

    fn parse(text: &str) -> Option<Self> {
        let link = u32::from_str_radix(text, 16).ok().map(Self)?;
        (link.to_string() == text).then_some(link)
    }
}

/// One line's bytes in a chain that ends with `after`, its end included, and the link for the line
/// after it.
///
/// # Errors
/// If the line cannot be written as JSON.
pub fn encode(line: &Line, after: Link) -> io::Result<(Vec<u8>, Link)> {
    let raw = serde_json::value::to_raw_value(line)?;
    let next = after.next(raw.get());
    let mut bytes =
        serde_json::to_vec(&Envelope { after: after.to_string(), crc: next.to_string(), line: &raw })?;
    bytes.push(b'\n');
    Ok((bytes, next))
}

/// A line that was read: what it tells, the line that it follows, and its own link.
struct Decoded {
    line: Line,
    after: Link,
    link: Link,
}

fn decode(text: &[u8]) -> Result<Decoded, &'static str> {
    let envelope: ReadEnvelope<'_> = serde_json::from_slice(text).map_err(|_| "it is not a journal line")?;
    let after = Link::parse(envelope.after).ok_or("it is not a journal line")?;
    let own = after.next(envelope.line.get());
    if Link::parse(envelope.crc) != Some(own) {
        return Err("its checksum does not fit: it was altered");
    }
    let line: Line =
        serde_json::from_str(envelope.line.get()).map_err(|_| "this version does not know its form")?;
    if line.v != VERSION {
        return Err("it was written by a newer version");
    }
    if !line.is_sane() {
        return Err("it tells of a time that cannot be");
    }
    Ok(Decoded { line, after, link: own })
}

/// All that a journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The good lines, in order.
    pub lines: Vec<Line>,
    /// The length of a torn last line, in bytes; 0 if there is none.
    pub torn: usize,
    /// The first bad line that is not the torn last one: its number from 1, and what is wrong. Then
    /// nothing may be charged, because an intent may be missing.
    pub damaged: Option<(usize, &'static str)>,
    /// Whether only the end of the last line is missing: the line itself is whole, and counts.
    pub is_unended: bool,
    /// Where the chain ends.
    pub link: Link,
}

/// How every line begins.
const LINE_BEGINS: &[u8] = b"{\"after\":\"";

/// Reads a journal's bytes. Never fails: what is wrong is part of the answer.
pub fn parse(bytes: &[u8]) -> Contents {
    let mut texts: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let last = texts.pop().unwrap_or_default();
    let mut contents = Contents::default();
    let mut chain = Chain { links: HashSet::from([Link::default()]), places: HashSet::new() };
    for (index, text) in texts.iter().enumerate() {
        let bad = match decode(text) {
            Ok(decoded) => contents.take(decoded, &mut chain),
            Err(_) if texts.get(index + 1).is_some_and(|next| marks_torn(next, text)) => None,
            Err(why) => Some(why),
        };
        if let (Some(why), None) = (bad, contents.damaged) {
            contents.damaged = Some((index + 1, why));
        }
    }
    let bad = match decode(last) {
        Ok(decoded) => {
            contents.is_unended = true;
            contents.take(decoded, &mut chain)
        }
        // Only what begins as a line does can be a torn one: anything else is no journal.
        Err(_) if last.starts_with(LINE_BEGINS) || LINE_BEGINS.starts_with(last) => {
            contents.torn = last.len();
            None
        }
        Err(why) => Some(why),
    };
    if let (Some(why), None) = (bad, contents.damaged) {
        contents.damaged = Some((texts.len() + 1, why));
    }
    contents
}

/// The lines so far, by their links and by their places in the chain.
struct Chain {
    links: HashSet<Link>,
    places: HashSet<(Link, Link)>,
}

impl Contents {
    /// Takes a line in; returns what is wrong with its place. It counts all the same, so that its hold
    /// remains.
    fn take(&mut self, decoded: Decoded, chain: &mut Chain) -> Option<&'static str> {
        let follows = chain.links.contains(&decoded.after);
        let is_new = chain.places.insert((decoded.after, decoded.link));
        chain.links.insert(decoded.link);
        self.link = decoded.link;
        self.lines.push(decoded.line);
        match (follows, is_new) {
            (true, true) => None,
            (false, _) => Some("the line before it is missing"),
            // An old outcome that stands there again would end a new doubt.
            (true, false) => Some("it stands there twice"),
        }
    }
}

/// Whether a line says that the text before it, which broke off, is known to be torn.
fn marks_torn(line: &[u8], torn: &[u8]) -> bool {
    let Ok(Decoded { line: Line { record: Record::Torn { bytes }, .. }, .. }) = decode(line) else {
        return false;
    };
    bytes == torn.len()
}

/// Writes a run's lines. The one place that does.
pub struct Journal {
    storage: Rc<dyn JournalStorage>,
    world: String,
    run: String,
    /// After a failed append the tail is unknown: another line could be glued to a torn one and make
    /// the journal unreadable. The next run closes and marks the torn line.
    failed: Cell<bool>,
    link: Cell<Link>,
}

/// Why a journal cannot be used; which one, the caller says.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another run holds it.
    #[error("another run is using it")]
    Locked,
    /// A line before the last is bad.
    #[error("its line {0} is bad: {1}")]
    Damaged(usize, &'static str),
    /// The storage failed.
    #[error("{0}")]
    Storage(#[from] io::Error),
}

impl Journal {
    /// Locks the journal for `run` in `world` and reads it. A torn last line is closed and marked.
    ///
    /// # Errors
    /// [`JournalError`]; then nothing may be charged.
    pub fn open(
        storage: Rc<dyn JournalStorage>,
        world: String,
        run: String,
        now: DateTime<Utc>,
    ) -> Result<(Self, Contents), JournalError> {
        if !storage.lock()? {
            return Err(JournalError::Locked);
        }
        let contents = parse(&storage.read()?);
        if let Some((number, why)) = contents.damaged {
            return Err(JournalError::Damaged(number, why));
        }
        let link = Cell::new(contents.link);
        let journal = Self { storage, world, run, failed: Cell::new(false), link };
        if contents.is_unended {
            journal.storage.append(b"\n")?;
        }
        if contents.torn > 0 {
            journal.append(b"\n", now, Record::Torn { bytes: contents.torn })?;
        }
        Ok((journal, contents))
    }

    fn line(&self, at: DateTime<Utc>, record: Record) -> Line {
        Line { v: VERSION, at, world: self.world.clone(), run: self.run.clone(), record }
    }

    /// Appends a record and returns when it is durable.
    ///
    /// # Errors
    /// Whatever the storage says; then the call that it announces must not be sent.
    pub fn write(&self, at: DateTime<Utc>, record: Record) -> io::Result<()> {
        if self.failed.get() {
            return Err(io::Error::other("an earlier line could not be written"));
        }
        self.append(&[], at, record)
    }

    fn append(&self, before: &[u8], at: DateTime<Utc>, record: Record) -> io::Result<()> {
        let (line, next) = encode(&self.line(at, record), self.link.get())?;
        let written = self.storage.append(&[before, &line].concat());
        self.failed.set(written.is_err());
        if written.is_ok() {
            self.link.set(next);
        }
        written
    }
}
