//! `renewctl recover`: reads again what the journal holds in doubt, and says how it stands. Sends
//! nothing that costs; notes in the journal what it saw.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::args::{Cli, JournalArgs, LedgerFormat};
use super::doors::{Doors, Failure, random_id};
use super::plan::{damage, note_empty, note_torn, read_journal};
use super::session::{Session, with_session};
use super::{Exit, note, result};
use crate::calendar::{show_beijing, show_minute};
use crate::cloud::ReadId;
use crate::journal::fold::{Fold, Pending, fold};
use crate::journal::{Contents, Journal, JournalError, Record};
use crate::live::{Answer, ChargeType, Live};
use crate::ports::Level;
use crate::system::JournalFile;
use crate::text::{count, escape};

/// How a charge in doubt stands after a new reading.
enum Stands {
    /// Its effect shows.
    Shows(DateTime<Utc>),
    /// It does not, and may still come until then.
    Held(DateTime<Utc>),
    /// It does not, and the time in which it could come is over.
    Over,
    /// It could not be read.
    Unread(String),
}

pub(super) async fn run(cli: &Cli, args: &JournalArgs, doors: &Doors) -> Result<Exit, Failure> {
    let name = args.journal.to_string_lossy().into_owned();
    let storage = Rc::new(JournalFile::new(args.journal.clone()));
    let contents = read_journal(storage.as_ref(), &name)?;
    note_torn(cli.common.quiet, doors, &contents, &name);
    if let Some(text) = damage(&contents, &name) {
        return Err(Failure::error(format!("error: {text}")));
    }
    note_empty(cli.common.quiet, doors, &contents, &name);
    with_session(&cli.common, doors, async |session: Session| {
        note_other_worlds(cli.common.quiet, doors, &contents, &session.world);
        let memory = fold(&contents.lines, &session.world);
        let pending = memory.pending();
        let live = read(&pending, &session).await?;
        let now = session.cloud.server_now();
        let found: Vec<(Pending, Stands)> = pending
            .into_iter()
            .map(|pending| {
                let stands = stands(&pending, &live, now);
                (pending, stands)
            })
            .collect();
        let text = match args.format {
            LedgerFormat::Text => as_text(&found),
            LedgerFormat::Json => as_json(&found),
        };
        let shown = result(doors, &text);
        let records = what_shows(&memory, &live);
        if !records.is_empty() {
            let run = random_id(doors.entropy.as_ref());
            let opened = Journal::open(storage, session.world.clone(), run, now);
            note_in(opened, &name, records, now, doors)?;
        }
        let doubtful = |(_, stands): &(_, Stands)| matches!(stands, Stands::Held(_) | Stands::Unread(_));
        if found.iter().any(doubtful) {
            // That a charge is in doubt weighs more than that nobody could read it here.
            if let Err(failure) = shown {
                doors.terminal.note(Level::Error, &failure.message);
            }
            return Ok(Exit::InDoubt);
        }
        shown.map(|()| Exit::Ok)
    })
    .await
}

/// Names what is in doubt in another world than the one that is asked: a forgotten switch must not look like
/// an all-clear.
fn note_other_worlds(quiet: bool, doors: &Doors, contents: &Contents, world: &str) {
    let others: BTreeSet<&str> =
        contents.lines.iter().map(|line| line.world.as_str()).filter(|other| *other != world).collect();
    for other in others {
        let number = fold(&contents.lines, other).pending().len();
        if number > 0 {
            let (charges, other, world) = (count(number, "charge"), escape(other), escape(world));
            let text = format!(
                "warning: {charges} in doubt of {other} in this journal: this looks at {world} only (--emulator and \
                 --endpoint-url choose)"
            );
            note(doors, quiet, &text);
        }
    }
}

async fn read(pending: &[Pending], session: &Session) -> Result<Live, Failure> {
    let ids: Vec<ReadId> = pending
        .iter()
        .map(|pending| ReadId {
            region: pending.intent.region.clone(),
            id: pending.intent.id.clone(),
            auto_renew: false,
        })
        .collect();
    let read = session.cloud.read(&ids, &|_, _| ()).await;
    read.map_err(|error| Failure::error(format!("error: the account cannot be read: {}", error.advice())))
}

fn stands(pending: &Pending, live: &Live, now: DateTime<Utc>) -> Stands {
    let intent = &pending.intent;
    match live.answers.get(&(intent.region.clone(), intent.id.clone())) {
        Some(Answer::Found(instance)) if instance.charge_type != ChargeType::Subscription => {
            if now >= pending.hold.until {
                return Stands::Over;
            }
            Stands::Unread("it is no subscription any more, and its date means nothing".to_owned())
        }
        Some(Answer::Found(instance)) => {
            let seen = instance.expires_at;
            if intent.shows_in(seen) {
                Stands::Shows(seen)
            } else if now < pending.hold.until {
                Stands::Held(pending.hold.until)
            } else {
                Stands::Over
            }
        }
        Some(Answer::Absent) if now >= pending.hold.until => Stands::Over,
        Some(Answer::Unreadable(why)) => Stands::Unread(why.reason.clone()),
        Some(Answer::Absent) | None => {
            Stands::Unread("it is not there: released, or another account".to_owned())
        }
    }
}

/// What the journal is to keep of a reading.
fn what_shows(memory: &Fold, live: &Live) -> Vec<Record> {
    memory.settled_by(|region, id| match live.answers.get(&(region.clone(), id.clone())) {
        Some(Answer::Found(instance)) if instance.charge_type == ChargeType::Subscription => {
            Some(instance.expires_at)
        }
        _ => None,
    })
}

fn note_in(
    opened: Result<(Journal, Contents), JournalError>,
    name: &str,
    records: Vec<Record>,
    now: DateTime<Utc>,
    doors: &Doors,
) -> Result<(), Failure> {
    let name = escape(name);
    let (journal, _) = match opened {
        Ok(opened) => opened,
        Err(JournalError::Locked) => {
            let text = format!(
                "error: another run is using the journal {name}, so that nothing was noted in it; run again when it \
                 has ended."
            );
            return Err(Failure::new(Exit::Locked, text));
        }
        Err(error) => {
            let text = format!("error: the journal {name} cannot be used: {error}. Nothing was noted in it.");
            return Err(Failure::error(text));
        }
    };
    for record in records {
        if let Err(error) = journal.write(now, record) {
            let text = format!("warning: the journal {name} cannot be written: {error}");
            doors.terminal.note(Level::Error, &text);
        }
    }
    Ok(())
}

fn as_text(found: &[(Pending, Stands)]) -> String {
    if found.is_empty() {
        return "Nothing is in doubt.\n".to_owned();
    }
    let mut text = String::new();
    let (mut shown, mut held) = (0, 0);
    for (Pending { intent, hold, .. }, stands) in found {
        let (word, why) = match stands {
            Stands::Shows(expires_at) => {
                shown += 1;
                ("renewed", format!("it expires {} now", show_beijing(*expires_at)))
            }
            Stands::Held(until) => {
                held += 1;
                (
                    "IN DOUBT",
                    format!(
                        "{}. It may show any minute: look again. Until it shows, or {}, nothing is sent for it",
                        hold.text,
                        show_beijing(*until)
                    ),
                )
            }
            Stands::Over => (
                "not seen",
                format!(
                    "{}, and the time in which it could show is over: the next apply decides by a new reading",
                    hold.text
                ),
            ),
            Stands::Unread(why) => {
                held += 1;
                ("IN DOUBT", format!("{}, and it cannot be read: {}", hold.text, escape(why)))
            }
        };
        let _ = writeln!(text, "  {word:<9}  {}  {}  {why}", intent.id, intent.region);
    }
    let _ =
        writeln!(text, "Recover: {shown} renewed, {held} in doubt, {} not seen.", found.len() - shown - held);
    text
}

fn as_json(found: &[(Pending, Stands)]) -> String {
    let charges: Vec<Value> = found
        .iter()
        .map(|(Pending { intent, hold, .. }, stands)| {
            let (word, expires_at, until) = match stands {
                Stands::Shows(at) => ("renewed", Some(show_minute(*at)), None),
                Stands::Held(until) => ("in-doubt", None, Some(show_minute(*until))),
                Stands::Over => ("not-seen", None, None),
                Stands::Unread(_) => ("unreadable", None, None),
            };
            json!({
                "instance_id": intent.id, "region": intent.region, "result": word,
                "expires_at": expires_at, "held_until": until, "reason": hold.text,
                "term": intent.term.to_string(), "price": intent.price, "token": intent.token,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "format_version": "1.0", "charges": charges }))
}
