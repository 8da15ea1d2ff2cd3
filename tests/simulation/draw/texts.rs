//! A case as files: the world's, and those that ask.

use std::fmt::Write as _;

use super::Scenario;
use super::files::{Part, Version};
use super::terms::Site;

pub fn amount(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Scenario {
    /// The world file.
    pub fn world(&self) -> String {
        let mut out = format!(
            "now: {}\nsite: {}\neffect_delay: {}s\n",
            self.now.format("%Y-%m-%dT%H:%M:%SZ"),
            if self.site == Site::China { "china" } else { "international" },
            self.lag_s
        );
        if let Some(cents) = self.balance {
            writeln!(out, "balance: \"{}\"", amount(cents)).unwrap();
        }
        write!(
            out,
            "assumptions: {{ token_retention_s: {}, refusals_stick: {}, batches_are_partial: {}, \
             off_keeps_duration: {} }}\ninstances:\n",
            self.retention_s, self.refusals_stick, self.batches_are_partial, self.off_keeps_duration
        )
        .unwrap();
        for instance in self.instances.iter().filter(|instance| !instance.missing) {
            write!(
                out,
                "- {{id: {}, region: {}, expires_at: {}, auto_renew: {}",
                instance.id,
                instance.region,
                instance.expires_at.format("%Y-%m-%dT%H:%M:%SZ"),
                instance.auto.text()
            )
            .unwrap();
            if let Some(cents) = instance.price {
                write!(out, ", price_per_month: \"{}\"", amount(cents)).unwrap();
            }
            if instance.post_paid {
                out.push_str(", charge_type: PostPaid");
            }
            if let Some(lock) = instance.lock {
                write!(out, ", lock: {lock}").unwrap();
            }
            out.push_str("}\n");
        }
        out
    }
}

/// The files of a version, one for each part.
pub(super) fn texts(scenario: &Scenario, version: &Version) -> Vec<String> {
    let currency = scenario.currency();
    let of_part = |(index, part): (usize, &Part)| {
        let mut out = String::from("version: 1\nregion: cn-beijing\n");
        if scenario.site == Site::International {
            out.push_str("site: international\n");
        }
        write!(
            out,
            "limits: {{max_term: {}, max_auto_renew_off: {}",
            version.max_term.text(),
            part.max_auto_renew_off
        )
        .unwrap();
        if let Some(cents) = part.max_charge {
            write!(out, ", max_charge: {} {currency}", amount(cents)).unwrap();
        }
        if let Some(most) = part.max_renewals {
            write!(out, ", max_renewals: {most}").unwrap();
        }
        if part.allow_unpriced {
            out.push_str(", allow_unpriced: true");
        }
        if part.soonest_first {
            out.push_str(", when_exceeded: soonest-first");
        }
        out.push_str("}\ninstances:\n");
        for (instance, want) in scenario.instances.iter().zip(&version.wants) {
            let Some(want) = want.as_ref().filter(|want| want.part == index) else { continue };
            write!(out, "- {{id: {}, region: {}", instance.id, instance.region).unwrap();
            if let Some(auto) = want.auto {
                write!(out, ", auto_renew: {}", auto.text()).unwrap();
            }
            match want.min_remaining_h {
                Some(hours) if hours % 24 == 0 => write!(out, ", min_remaining: {}d", hours / 24).unwrap(),
                Some(hours) => write!(out, ", min_remaining: {hours}h").unwrap(),
                None if want.none => out.push_str(", min_remaining: none"),
                None => {}
            }
            if want.min_remaining_h.is_some() {
                write!(out, ", renew_period: {}", want.renew.text()).unwrap();
            }
            out.push_str("}\n");
        }
        out
    };
    version.parts.iter().enumerate().map(of_part).collect()
}
