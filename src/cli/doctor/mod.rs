//! `renewctl doctor`: looks at everything that a run stands on, and changes nothing.
//!
//! `check` is what one line says, `examine` asks.

mod check;
mod examine;

use std::cell::Cell;
use std::collections::BTreeSet;

use super::args::{Cli, DoctorArgs, LedgerFormat};
use super::doors::{Doors, Failure};
use super::files::{ReadFiles, desired_state};
use super::screen::Screen;
use super::session::{Session, with_session};
use super::{Exit, note, result};
use crate::ids::{InstanceId, RegionId};
use crate::render::Style;
use crate::term::Site;
use check::{Check, Status, as_json, as_text};
use examine::examine;

/// Where to ask without a file: accounts of both sites have this region.
const REGION: &str = "cn-hangzhou";

/// What to ask about.
struct Subjects {
    /// Regions, each with one instance of the files in it.
    regions: Vec<(RegionId, Option<InstanceId>)>,
    /// The sites that the files name; empty without a file.
    sites: Vec<Site>,
    /// The account that the files name.
    account: Option<String>,
}

pub(super) async fn run(
    cli: &Cli,
    args: &DoctorArgs,
    doors: &Doors,
    screen: Screen,
) -> Result<Exit, Failure> {
    let subjects = subjects(cli, args, doors, screen)?;
    let opened = Cell::new(false);
    let examined = with_session(&cli.common, doors, async |session: Session| {
        opened.set(true);
        Ok(examine(&session, &subjects).await)
    });
    let checks = match examined.await {
        Ok(checks) => checks,
        // Without a key there is nothing to ask with; that is what was to be found out.
        Err(failure) if !opened.get() && failure.exit == Exit::Error => vec![Check::no_key(&failure.message)],
        Err(failure) => return Err(failure),
    };
    let text = match args.format {
        LedgerFormat::Text => as_text(&checks, Style { color: screen.out_color, ..Style::default() }),
        LedgerFormat::Json => as_json(&checks),
    };
    result(doors, &text)?;
    let failed = checks.iter().any(|check| check.status == Status::Failed);
    Ok(if failed { Exit::Error } else { Exit::Ok })
}

fn subjects(cli: &Cli, args: &DoctorArgs, doors: &Doors, screen: Screen) -> Result<Subjects, Failure> {
    if args.files.files.is_empty() {
        let region = RegionId::parse(REGION).map_err(|error| Failure::error(format!("error: {error}")))?;
        return Ok(Subjects { regions: vec![(region, None)], sites: Vec::new(), account: None });
    }
    let ReadFiles { desired, warnings, .. } = desired_state(&args.files, doors, screen)?;
    note(doors, cli.common.quiet, &warnings);
    let mut seen = BTreeSet::new();
    let first = desired.instances.iter().filter(|wanted| seen.insert(wanted.entry.region.clone()));
    let regions = first.map(|wanted| (wanted.entry.region.clone(), Some(wanted.entry.id.clone()))).collect();
    let mut sites: Vec<Site> = Vec::new();
    for file in &desired.files {
        if !sites.contains(&file.site) {
            sites.push(file.site);
        }
    }
    let account = desired.files.iter().find_map(|file| file.account.as_ref());
    Ok(Subjects { regions, sites, account: account.map(|account| account.value.to_string()) })
}
