//! Desired state: every instance that the files ask for, with the limits it stands under.
//!
//! Defaults are already merged in by `config`. Plain data, no I/O.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::config::{Asked, Config, Entry, Limits};
use crate::ids::{AccountId, InstanceId, RegionId};
use crate::money::Money;
use crate::term::Site;

/// One instance as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// What its file says of it.
    pub entry: Entry,
    /// Which of [`DesiredState::files`] says it.
    pub file: usize,
}

/// A file as the plan needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredFile {
    /// The path as the user wrote it.
    pub path: Rc<str>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// At which site its account is.
    pub site: Site,
    /// The only account that it may be used on, if it says so. All files that do say the same.
    pub account: Option<Asked<AccountId>>,
    /// Bounds on the changes that it asks for.
    pub limits: Limits,
}

/// All that is asked for, sorted by region and id, so that the order of files and entries plays no
/// part in any decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredState {
    /// Instances by region and id.
    pub instances: Vec<Desired>,
    /// The files, in the order given.
    pub files: Vec<DesiredFile>,
    /// How many instances of the files are not here, because somebody left them out.
    pub left_out: usize,
    /// Most that the whole run may charge (`--max-charge`), besides the caps of the files.
    pub run_cap: Option<Money>,
    /// What was stopped when a saved plan was made, and stays out of it; otherwise empty.
    pub left_over: BTreeMap<(RegionId, InstanceId), LeftOver>,
}

/// What a saved plan wanted for an instance and left out, and was reviewed so: the rest of what it plans for
/// the instance was decided beside that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// The expiry that it was decided for: with another one it is another need.
    pub expires_at: DateTime<Utc>,
    /// Why the renewal was left out, if it was.
    pub renewal: Option<WhyLeft>,
    /// Why the setting was left out, if it was.
    pub setting: Option<WhyLeft>,
}

/// Why something was left out of a saved plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyLeft {
    /// It did not fit under a cap.
    OverCap(String),
    /// Anything else: it could not be decided, or had to wait.
    Stopped(String),
}

/// Which instances of the files are worked on: the targets if there are any, otherwise all but the
/// excluded ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// These ids only.
    pub target: Vec<String>,
    /// All but these ids.
    pub exclude: Vec<String>,
}

impl DesiredState {
    /// Keeps the selected instances only.
    ///
    /// # Errors
    /// The first id that the files do not name; then nothing is changed. A typing error must not make a
    /// plan look empty.
    pub fn select(&mut self, selection: &Selection) -> Result<(), String> {
        let known = |id: &String| self.instances.iter().any(|wanted| wanted.entry.id.as_str() == id);
        if let Some(unknown) = selection.target.iter().chain(&selection.exclude).find(|id| !known(id)) {
            return Err(unknown.clone());
        }
        let all = self.instances.len();
        self.instances.retain(|wanted| {
            let id = wanted.entry.id.as_str();
            let named = |ids: &[String]| ids.iter().any(|named| named == id);
            if selection.target.is_empty() { !named(&selection.exclude) } else { named(&selection.target) }
        });
        self.left_out = all - self.instances.len();
        Ok(())
    }
}

impl From<Config> for DesiredState {
    fn from(config: Config) -> Self {
        let mut instances = Vec::new();
        let mut files = Vec::new();
        for (file, content) in config.files.into_iter().enumerate() {
            instances.extend(content.entries.into_iter().map(|entry| Desired { entry, file }));
            files.push(DesiredFile {
                path: content.path,
                sha256: content.sha256,
                site: content.site,
                account: content.account,
                limits: content.limits,
            });
        }
        instances.sort_by(|a, b| (&a.entry.region, &a.entry.id).cmp(&(&b.entry.region, &b.entry.id)));
        Self { instances, files, left_out: 0, run_cap: None, left_over: BTreeMap::new() }
    }
}
