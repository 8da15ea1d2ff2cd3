//! The consent to a plan: bounds first, then the switch, or the person at the terminal.

use super::super::note;
use super::Apply;
use crate::calendar::show_beijing;
use crate::money::show_amount;
use crate::plan::Plan;
use crate::plan::guard::{
    BalanceCheck, Consent, Question, Refusal, check_balance, exceeded, missing_caps, questions,
};
use crate::ports::Level;
use crate::text::count;

/// An answer that takes longer is one to an account that may be another one by then.
const ANSWER_MINUTES_MAX: i64 = 60;

impl Apply<'_> {
    /// Why a person's answer comes too late, if so: the plan is no longer the one that was shown.
    pub(super) fn outlived(&self, plan: &Plan) -> Option<String> {
        let now = self.session.cloud.server_now();
        let read_at = show_beijing(plan.read_at);
        if let Some(until) = plan.valid_until.filter(|until| now >= *until) {
            let until = show_beijing(until);
            return Some(format!(
                "The plan held until {until}, and the answer came later: it is stale. Nothing was sent; run again."
            ));
        }
        ((now - plan.read_at).num_minutes() >= ANSWER_MINUTES_MAX).then(|| {
            format!(
                "The account was read at {read_at}, more than {ANSWER_MINUTES_MAX} minutes before the answer: the plan is \
                 stale. Nothing was sent; run again."
            )
        })
    }

    /// The consent of the switch, or of the person at the terminal. Bounds are checked first, so that
    /// nobody types a total in vain.
    pub(super) async fn consent(&self, plan: &Plan) -> Result<Consent, Refusal> {
        let mut refusals = exceeded(plan);
        let reviewed = self.checksum.is_some();
        if self.auto_approve && !reviewed {
            refusals.extend(missing_caps(plan));
        }
        refusals.extend(self.over_balance(plan).await);
        if !refusals.is_empty() {
            return Err(Refusal::Limit(refusals));
        }
        if self.auto_approve {
            return Ok(if reviewed { Consent::Reviewed } else { Consent::AutoApprove });
        }
        let terminal = self.doors.terminal.as_ref();
        if !terminal.is_interactive() {
            terminal.note(
                Level::Error,
                "Nobody is there to ask: stdin or stderr is no terminal. To apply without a question, give \
                 --auto-approve, and for what costs money a cap (--max-charge, or limits.max_charge in the file).",
            );
            return Err(Refusal::NotConfirmed);
        }
        let mut lines = Vec::new();
        for question in questions(plan) {
            let line = terminal.ask(&prompt(&question, plan)).await.ok().flatten().unwrap_or_default();
            let answered = question.is_answered_by(&line);
            lines.push(line);
            if !answered {
                break;
            }
        }
        Ok(Consent::Typed(lines))
    }

    /// What the account cannot pay. Reading the balance needs a right of its own, and is not worth losing a
    /// renewal for.
    async fn over_balance(&self, plan: &Plan) -> Option<String> {
        let charging = plan.items.iter().find(|item| item.renewal().is_some())?;
        let site = plan.files.get(charging.file)?.site;
        let check = match self.session.cloud.balance(site).await {
            Ok(balance) => check_balance(plan, &balance.available),
            Err(error) => BalanceCheck::Warning(format!("the balance could not be read: {}", error.advice())),
        };
        match check {
            BalanceCheck::Enough => None,
            BalanceCheck::Warning(text) => {
                note(self.doors, self.quiet, &format!("warning: {text}"));
                None
            }
            BalanceCheck::Short(text) => Some(text),
        }
    }
}

fn prompt(question: &Question, plan: &Plan) -> String {
    match question {
        Question::Total(money) => {
            let now = plan.charge.of(&money.currency);
            let soon = plan.committed.of(&money.currency);
            let (now_shown, soon_shown) = (show_amount(now), show_amount(soon));
            let what = match (now.is_zero(), soon.is_zero()) {
                (_, true) => format!("This charges {money}"),
                (true, _) => format!("Auto-renewal will deduct {money} within 10 days"),
                _ => format!(
                    "This charges {} {now_shown}, and auto-renewal will deduct {soon_shown} within 10 days: {money}",
                    money.currency
                ),
            };
            format!("{what}. To go on, type the amount ({}): ", show_amount(money.amount))
        }
        Question::Unpriced(number) => {
            format!(
                "{} without a known price. To go on, type their number ({number}): ",
                count(*number, "payment")
            )
        }
        Question::Settings => "Nothing is charged. To change the settings, type yes: ".to_owned(),
    }
}
