//! A saved plan, taken up: compared with what is so now.

use std::path::PathBuf;

use super::super::doors::Failure;
use super::super::{Exit, note};
use super::Apply;
use crate::calendar::show_beijing;
use crate::config::WhenExceeded;
use crate::desired::DesiredState;
use crate::ids::{InstanceId, RegionId};
use crate::plan::Plan;
use crate::plan::resume::{Resumed, resume};
use crate::text::escape;

/// A saved plan that is taken up.
pub struct Saved {
    /// The plan, decided again from what was saved.
    pub plan: Plan,
    /// The world that it was made in.
    pub world: String,
    /// The file that it lies in.
    pub path: PathBuf,
}

impl Apply<'_> {
    /// The files as a saved plan is compared with them: what did not fit under a cap then is left out, and
    /// what has become due since must not take the room from what was planned. The caps themselves hold all the
    /// same.
    pub(super) fn as_reviewed(&self) -> DesiredState {
        let mut desired = self.desired.clone();
        let Some(saved) = self.saved else { return desired };
        for file in &mut desired.files {
            file.limits.when_exceeded = WhenExceeded::Refuse;
        }
        desired.left_over = saved.plan.left_over();
        desired
    }

    /// What is left of a saved plan, or why it is stale.
    pub(super) fn take_up(&self, saved: &Saved, fresh: Plan) -> Result<Resumed, String> {
        if saved.world != self.session.world {
            let (made, here) = (escape(&saved.world), escape(&self.session.world));
            return Err(format!("The plan was made for {made}, and this is {here}. Nothing was sent."));
        }
        let now = fresh.read_at;
        // Its limits are those of the files again, for what is judged by them from here on.
        let fresh = Plan { files: self.desired.files.clone(), ..fresh };
        resume(&saved.plan, fresh).map_err(|stale| {
            let over = saved.plan.valid_until.filter(|until| now >= *until);
            let over =
                over.map_or_else(String::new, |until| format!(" (it held until {})", show_beijing(until)));
            let changed: Vec<String> = stale.iter().map(|why| format!("stale: {}", escape(why))).collect();
            format!("The plan is stale{over}. Nothing was sent; make a new one.\n{}", changed.join("\n"))
        })
    }

    /// Why a plan is not the reviewed one, if an id was given and it has another.
    pub(super) fn other_than_reviewed(&self, plan: Option<&Plan>) -> Option<Failure> {
        let (plan, reviewed) = (plan?, self.checksum.as_deref()?);
        (plan.id.to_string() != reviewed).then(|| {
            let (id, reviewed) = (&plan.id, escape(reviewed));
            let text = format!(
                "error: this is not the reviewed plan.\n  reviewed  {reviewed}\n  this one  {id}\nNothing was sent; have the new plan \
                 reviewed, and give its id to --checksum."
            );
            Failure::new(Exit::Stale, text)
        })
    }

    pub(super) fn note_left_out(&self, left_out: &[(RegionId, InstanceId)]) {
        if left_out.is_empty() {
            return;
        }
        let ids: Vec<String> = left_out.iter().map(|(_, id)| id.to_string()).collect();
        let need = if ids.len() == 1 { "1 instance needs" } else { &format!("{} instances need", ids.len()) };
        let text = format!(
            "warning: {need} more by now than the saved plan holds: {}. That is left out; make a new plan for it",
            ids.join(", ")
        );
        note(self.doors, self.quiet, &text);
    }
}
