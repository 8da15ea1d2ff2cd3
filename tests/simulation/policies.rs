//! What a token is made of, and what each way costs: the same runs, with the token rewritten on the
//! wire.

use renewctl::cloud::sign;

use crate::clock::beijing_day;
use crate::process::Process;
use crate::transport::{Parameters, get};
use crate::world::{Sent, World};

/// A way to make tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// As the tool sends it: instance, observed expiry, day.
    Ours,
    /// Chance, anew for each attempt.
    PerSend,
    /// Chance, once for each run and instance.
    PerRun,
    /// As ours, and the term.
    WithTerm,
    /// As ours, without the day.
    WithoutDay,
}

pub const ALL: [Policy; 5] =
    [Policy::PerSend, Policy::PerRun, Policy::WithTerm, Policy::WithoutDay, Policy::Ours];

impl Policy {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "derived: instance, observed expiry, day (ours)",
            Self::PerSend => "random for each attempt",
            Self::PerRun => "random for each run and instance",
            Self::WithTerm => "derived, with the term",
            Self::WithoutDay => "derived, without the day",
        }
    }

    pub fn why(self) -> &'static str {
        match self {
            Self::PerSend => "a lost answer is sent again, as another order",
            Self::PerRun => "resends are safe; two runs at once, or one after a crash, are not",
            Self::WithTerm => "two runs whose files ask for different terms make two orders",
            Self::WithoutDay => "safe, but a refusal that sticks to its token outlives the instance",
            Self::Ours => "one token for one need, whoever sends it; a refusal is over the next day",
        }
    }

    /// The token to put in place of the tool's own.
    pub fn token(
        self,
        world: &World,
        process: &Process,
        sent: &Sent,
        parameters: &Parameters,
    ) -> Option<String> {
        let day = beijing_day(sent.at);
        let (id, observed) = (&sent.id, sent.observed);
        let text = match self {
            Self::Ours => return None,
            Self::PerSend => format!("{}", world.dice.next()),
            Self::PerRun => format!("run {} {id}", process.number),
            Self::WithTerm => {
                format!(
                    "{id} {observed} {day} {} {}",
                    get(parameters, "Period"),
                    get(parameters, "PeriodUnit")
                )
            }
            Self::WithoutDay => format!("{id} {observed}"),
        };
        // Any digest will do.
        Some(sign::v1::signature(&text, "policy").replace(['+', '/', '='], "x"))
    }
}
