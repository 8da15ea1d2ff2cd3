//! A plan on screens of different sizes: one by one, in tables, by region, as a diff.

use std::fmt::Write as _;

use chrono::TimeDelta;
use renewctl::plan::Plan;
use renewctl::plan::guard::{Consent, Refusal, approve};
use renewctl::planning::Moment;
use renewctl::render::{Style, View, text};

use crate::support::{Options, Sim, run, time};

const NAMES: [&str; 5] = ["web", "数据库-主", "cache", "queue-worker", "接口"];
const REGIONS: [&str; 3] = ["cn-beijing", "cn-shanghai", "ap-southeast-1"];

/// A world and the file for it: expiries over two months, some of it pay-as-you-go, locked, or left to
/// the platform.
fn fleet(count: usize) -> (String, String) {
    let mut world = "now: 2026-12-01T12:17:00Z\ninstances:\n".to_owned();
    let mut file = "version: 1\nregion: cn-beijing\nlimits: { max_charge: 9000000 CNY }\ndefaults: { min_remaining: 15d }\ninstances:\n".to_owned();
    for number in 0..count {
        let (id, region) = (format!("i-bp1{number:013}x"), REGIONS[number % 3]);
        let name = format!("{}-{number}", NAMES[number % 5]);
        let expires =
            time("2026-12-01T16:00:00Z") + TimeDelta::days(i64::try_from(number * 7 % 60).unwrap() + 2);
        let kind = match number % 11 {
            3 => "charge_type: PostPaid".to_owned(),
            5 => format!("lock: security, expires_at: {}", expires.to_rfc3339()),
            _ => format!("expires_at: {}", expires.to_rfc3339()),
        };
        let auto_renew = if number % 4 == 1 { ", auto_renew: 1mo" } else { "" };
        let price = 100 + number % 400;
        writeln!(world, "  - {{ id: {id}, name: {name}, region: {region}, price_per_month: '{price}.00', {kind}{auto_renew} }}").unwrap();
        let wanted = if number % 6 == 0 { ", auto_renew: 3mo" } else { "" };
        let wanted = if number % 13 == 12 { ", name: the-name-that-somebody-once-gave-it" } else { wanted };
        writeln!(file, "  - {{ id: {id}, region: {region}{wanted} }}").unwrap();
    }
    (world, file)
}

fn plan(count: usize) -> Plan {
    let (world, file) = fleet(count);
    run(async { Sim::new(&world).plan(&file).await })
}

fn columns(text: &str) -> usize {
    text.lines().map(textwrap::core::display_width).max().unwrap_or(0)
}

/// What is shown of instances, without the one line that scripts look for.
fn body(text: &str) -> &str {
    text.rsplit_once("Plan: ").unwrap().0
}

#[test]
fn thirty_instances_are_shown_in_tables_that_fit() {
    let plan = plan(30);
    for width in [80, 160] {
        let shown = text::plan(&plan, Style { width: Some(width), all: true, ..Style::default() });
        assert!(columns(body(&shown)) <= width, "{width}: {}\n{shown}", columns(body(&shown)));
        insta::assert_snapshot!(format!("thirty_{width}"), shown);
    }
    // Without a terminal nothing is left out.
    let shown = text::plan(&plan, Style { all: true, ..Style::default() });
    for item in &plan.items {
        let renewal = item.renewal().map(|renewal| renewal.place.to_string()).unwrap_or_default();
        let line = shown.lines().find(|line| line.contains(item.id.as_str())).unwrap_or_default();
        assert!(!line.is_empty() && line.contains(&renewal), "{}: {line}", item.id);
    }
}

#[test]
fn one_by_one_on_a_narrow_terminal_text_is_wrapped_under_itself() {
    let troubled = include_str!("../../examples/troubled/renewals.yaml");
    let plan = run(async { Sim::new(renewctl::emulator::DEMO_WORLD).plan(troubled).await });
    let shown = text::plan(&plan, Style { width: Some(80), ..Style::default() });
    assert!(columns(body(&shown)) <= 80, "{shown}");
    insta::assert_snapshot!("troubled_80", shown);
    // In colour it is as wide.
    let colored = text::plan(&plan, Style { width: Some(80), color: true, ..Style::default() });
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), shown);
}

#[test]
fn three_thousand_instances_are_streamed_and_all_there() {
    let plan = plan(3000);
    let shown = text::plan(&plan, Style { all: true, width: Some(120), ..Style::default() });
    for item in &plan.items {
        assert!(shown.contains(item.id.as_str()), "{}", item.id);
    }
    // The unchanged ones are more than a thousand rows: padded by hand, they look as the others do.
    let rows: Vec<&str> = shown.split("\nUnchanged: ").nth(1).unwrap().lines().skip(1).collect();
    assert!(rows.len() > 1_000, "{}", rows.len());
    let column =
        |line: &str, word: &str| line.find(word).map(|at| textwrap::core::display_width(&line[..at]));
    let expires = column(rows[0], "expires").unwrap();
    assert!(
        rows[1..rows.len() - 1].iter().all(|row| column(row, " 202").map(|at| at + 1) == Some(expires)),
        "{}",
        rows[1]
    );
    insta::assert_snapshot!(
        "three_thousand_summary",
        text::plan(&plan, Style { view: View::Summary, ..Style::default() })
    );
}

#[test]
fn a_change_as_a_diff_of_yaml() {
    let quickstart = include_str!("../../examples/quickstart/renewals.yaml");
    let plan = run(async { Sim::new(renewctl::emulator::DEMO_WORLD).plan(quickstart).await });
    insta::assert_snapshot!("diff", text::plan(&plan, Style { view: View::Diff, ..Style::default() }));
}

#[test]
fn a_plan_for_another_moment_says_so() {
    let quickstart = include_str!("../../examples/quickstart/renewals.yaml");
    run(async {
        let sim = Sim::new(renewctl::emulator::DEMO_WORLD);
        let moment = Moment::At(time("2027-03-01T12:17:00Z"));
        let plan = sim.plan_at(quickstart, moment).await;
        insta::assert_snapshot!(
            "as_of",
            text::plan(&plan, Style { view: View::Summary, ..Style::default() })
        );
        assert!(sim.ledger().is_empty());
        // It has no name that an applicable plan has, and nobody can approve it.
        let soon = sim.plan_at(quickstart, Moment::After(TimeDelta::minutes(1))).await;
        let now = sim.plan(quickstart).await;
        assert_eq!(soon.summary(), now.summary());
        assert_ne!(soon.id, now.id);
        assert_eq!(approve(soon, &Consent::AutoApprove), Err(Refusal::AsOf));
        assert!(approve(now, &Consent::AutoApprove).is_ok());
    });
}

#[test]
fn a_report_of_many_lists_what_did_not_go_as_planned() {
    let (world, file) = fleet(120);
    run(async {
        let sim = Sim::new(&world);
        sim.fault("{ action: RenewInstance, nth: 5, kind: code, http: 403, code: Instance.UnPaidOrder }");
        let options = Options { width: Some(100), ..Options::default() };
        let applied = sim.apply_with(&file, &options).await;
        let report = applied.out.split_once("\nPlan: ").unwrap().1.split_once('\n').unwrap().1;
        let marked = |word: &str| report.lines().filter(|line| line.starts_with(word)).count();
        assert_eq!((marked("  failed  "), marked("  done  ")), (1, 1), "{report}");
        assert!(report.contains("actions (--all lists them)"), "{report}");
        assert!(columns(report.split("\nApply: ").next().unwrap()) <= 100, "{report}");
        assert_eq!(applied.exit, 3);
        // A log is no terminal: it has every order.
        let sim = Sim::new(&world);
        let applied = sim.apply(&file).await;
        assert_eq!(applied.out.matches(", order ").count(), sim.ledger().len(), "{}", applied.out);
    });
}
