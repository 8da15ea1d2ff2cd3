//! Comments for pull requests, judged by a GitHub-flavoured renderer: shown whole, below the limit,
//! and whatever names and messages try, nothing but text.

use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, Options, parse_document};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, proptest};
use renewctl::diagnostic::Place;
use renewctl::ids::InstanceId;
use renewctl::plan::outcome::{ChargeReport, ChargeResult, Outcome, SettingResult};
use renewctl::plan::{Plan, PriceDecision, Verdict};
use renewctl::render::markdown::{self, Context, PLAN_MARKER, REPORT_MARKER};
use renewctl::render::report::Report;
use renewctl::render::text;
use renewctl::term::AutoRenew;
use renewctl::text::{Untrusted, escape, is_hostile};

use crate::support::{Sim, run, time};

const QUICKSTART: &str = include_str!("../../examples/quickstart/renewals.yaml");
const TROUBLED: &str = include_str!("../../examples/troubled/renewals.yaml");
const WORKFLOWS: [&str; 2] = [
    include_str!("../../examples/ci/github-actions/plan.yml"),
    include_str!("../../examples/ci/github-actions/apply.yml"),
];
const CONTEXT: Context<'_> =
    Context { apply_command: "renewctl apply -f renewals/ --max-charge '2000 CNY'", is_emulator: false };
/// GitHub takes less.
const GITHUB_CHARS: usize = 65_536;

/// What a name may be that somebody else chose.
const HOSTILE: [&str; 44] = [
    "a|b",
    "\\|x\\",
    "`code`",
    "``",
    "*bold* _it_ ~~no~~",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "[ref]: https://evil.example",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</details></summary></td></table>",
    "<!-- renewctl:plan -->",
    "-->",
    "<!--",
    "https://evil.example/a?b=c",
    "http://evil.example",
    "www.evil.example",
    "www. x",
    "WWW.evil.example",
    "mailto:a@evil.example",
    "root@evil.example",
    "xmpp:a@evil.example",
    "@octocat @org/team",
    "#123 GH-123 org/repo#7",
    "deadbeef 5fa2206 1234567 5fa2206c0ffee5fa2206c0ffee5fa2206c0ffee1",
    "org/repo@5fa2206",
    ":smile: :+1:",
    "$x$ $$y$$ $`z`$",
    "# heading",
    "1. item",
    "- item",
    "- [ ] task",
    "> quote",
    "> [!NOTE]",
    "---",
    "===",
    "```mermaid\ngraph TD",
    "~~~",
    "    indented",
    "line\nbreak\r\n\n# x",
    "\u{202e}gnp.exe\u{200b}\u{7}\u{1b}[31m",
    "&lt;b&gt; &#64;octocat &amp;",
    " both ends ",
    "   ",
];

fn plan_of(files: &str) -> Plan {
    run(async { Sim::new(renewctl::emulator::DEMO_WORLD).plan(files).await })
}

fn github() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.strikethrough = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    options.render.r#unsafe = true;
    options
}

/// What a comment came to: its blocks, and the cells of each row of its tables.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    blocks: String,
    cells: Vec<Vec<String>>,
}

/// Parses a comment and refuses what may not be in it.
fn shape(comment: &str) -> Shape {
    let arena = Arena::new();
    let root = parse_document(&arena, comment, &github());
    let mut shape = Shape::default();
    walk(root, 0, &mut shape);
    let bad = comment.chars().find(|c| *c != '\n' && is_hostile(*c));
    assert_eq!(bad, None, "{comment}");
    shape
}

fn walk(node: Node<'_>, depth: usize, shape: &mut Shape) {
    let name = match &node.data().value {
        NodeValue::Document => "document",
        NodeValue::Paragraph => "paragraph",
        NodeValue::Heading(_) => "heading",
        NodeValue::List(_) => "list",
        NodeValue::Item(_) => "item",
        NodeValue::Alert(_) => "alert",
        NodeValue::Table(_) => "table",
        NodeValue::TableCell => "cell",
        NodeValue::CodeBlock(_) => "code block",
        NodeValue::TableRow(_) => {
            shape.cells.push(node.children().map(words).collect());
            "row"
        }
        NodeValue::HtmlBlock(html) => {
            html.literal.lines().for_each(own_html);
            "html"
        }
        NodeValue::HtmlInline(html) => {
            assert_eq!(html, "<br>");
            ""
        }
        NodeValue::Code(_) | NodeValue::Strong | NodeValue::SoftBreak | NodeValue::Text(_) => "",
        other => panic!("{other:?} may not be in a comment"),
    };
    if !name.is_empty() {
        shape.blocks += &" ".repeat(depth);
        shape.blocks += name;
        shape.blocks.push('\n');
    }
    for child in node.children() {
        if let NodeValue::Text(text) = &child.data().value {
            inert(text);
        }
        walk(child, depth + 1, shape);
    }
}

/// The text of a cell or paragraph, code or not.
fn words(node: Node<'_>) -> String {
    let mut text = String::new();
    for inner in node.descendants() {
        match &inner.data().value {
            NodeValue::Text(part) => text.push_str(part),
            NodeValue::Code(code) => text.push_str(&code.literal),
            _ => {}
        }
    }
    text
}

fn own_html(line: &str) {
    let summary = line.strip_prefix("<summary>").and_then(|rest| rest.strip_suffix("</summary>"));
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | ',' | '-'));
    let own = ["<details>", "</details>", PLAN_MARKER, REPORT_MARKER, ""].contains(&line);
    assert!(own || summary.is_some_and(plain), "{line:?} is no HTML of ours");
}

/// Outside code GitHub looks for these in the rendered text.
fn inert(text: &str) {
    for bad in ['@', '#', '$', '<', '>', '[', ']', '_', '*', '|', '`', '&'] {
        assert!(!text.contains(bad), "{bad} in {text:?}");
    }
    let lower = text.to_lowercase();
    for bad in ["://", "www."] {
        assert!(!lower.contains(bad), "{bad} in {text:?}");
    }
    let issue = lower.split("gh-").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    assert!(!issue, "an issue in {text:?}");
    let hex = |run: &str| run.len() >= 7 && run.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(!text.split(|c: char| !c.is_alphanumeric()).any(hex), "a commit in {text:?}");
    let between_colons = text.split(':').skip(1).collect::<Vec<_>>();
    let emoji = |word: &&str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-'))
    };
    let found = between_colons.iter().rev().skip(1).find(|word| emoji(word));
    assert_eq!(found, None, "an emoji in {text:?}");
}

/// The same plan with `text` wherever text is not ours.
fn with_text(plan: &Plan, text: &str) -> Plan {
    let mut plan = plan.clone();
    let place = Place { path: text.into(), line: 7, column: 1 };
    for item in &mut plan.items {
        item.name = Untrusted::new(text);
        item.place = place.clone();
        item.warnings = vec![format!("the file calls it \"{text}\"")];
        item.at_risk = Some(text.to_owned());
        match &mut item.renew {
            Some(Verdict::Change(renewal)) => {
                (renewal.reason, renewal.place) = (text.to_owned(), place.clone());
            }
            Some(Verdict::Held(hold)) => text.clone_into(&mut hold.text),
            Some(Verdict::Blocked(block)) => (block.text, block.hint) = (text.to_owned(), text.to_owned()),
            Some(Verdict::NoOp) | None => {}
        }
        match &mut item.set {
            Some(Verdict::Change(setting)) => {
                (setting.reason, setting.place) = (text.to_owned(), place.clone());
            }
            Some(Verdict::Blocked(block)) => (block.text, block.hint) = (text.to_owned(), text.to_owned()),
            _ => {}
        }
    }
    plan
}

/// An outcome with every kind of end, and `text` in it.
fn outcome_of(plan: &Plan, text: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let until = time("2026-12-01T04:00:00Z");
    let results = [
        ChargeResult::Done { expires_at: until, order_id: Some(text.to_owned()) },
        ChargeResult::InDoubt { why: text.to_owned(), until, ours: true },
        ChargeResult::Failed { why: text.to_owned() },
        ChargeResult::Satisfied { expires_at: until },
        ChargeResult::MovedFurther { expires_at: until, order_id: None },
        ChargeResult::NotTried { why: text.to_owned() },
    ];
    let renewal = plan.items.iter().find_map(|item| item.renewal()).unwrap();
    for (item, result) in plan.items.iter().cycle().zip(results).enumerate().map(|(i, (item, result))| {
        let id =
            if i < plan.items.len() { item.id.clone() } else { InstanceId::parse("i-unplanned").unwrap() };
        ((item.region.clone(), id), result)
    }) {
        let charge = ChargeReport { term: renewal.term, price: renewal.price.clone(), result };
        outcome.charges.insert(item, charge);
    }
    let (first, second) = (&plan.items[0], &plan.items[1]);
    outcome.set(&first.region, &first.id, AutoRenew::Off, SettingResult::Done);
    outcome.set(
        &second.region,
        &second.id,
        AutoRenew::Off,
        SettingResult::Failed { why: text.to_owned(), maybe_done: false },
    );
    outcome.stopped = Some(text.to_owned());
    outcome
}

fn report_with(plan: &Plan, text: &str) -> String {
    let outcome = outcome_of(plan, text);
    let left = Some(text.to_owned());
    markdown::report(&Report { plan, outcome: &outcome, converged: Some(false), left }, &CONTEXT)
}

#[test]
fn comments_shown_whole() {
    insta::assert_snapshot!("quickstart_markdown", markdown::plan(&plan_of(QUICKSTART), &CONTEXT));
    let context = Context { is_emulator: true, ..CONTEXT };
    insta::assert_snapshot!("troubled_markdown", markdown::plan(&plan_of(TROUBLED), &context));
    let plan = plan_of(QUICKSTART);
    insta::assert_snapshot!(
        "report_markdown",
        report_with(&plan, "the cloud says \"Busy\" (RequestId 5FA2-06)")
    );
}

#[test]
fn a_plan_without_changes_says_so_and_offers_nothing() {
    let files = "
version: 1
region: cn-beijing
instances:
  - { id: i-bp1quickcache1, name: cache-1, auto_renew: 1mo }
";
    insta::assert_snapshot!(markdown::plan(&plan_of(files), &CONTEXT), @"
    <!-- renewctl:plan -->
    ### renewctl plan: no changes

    Plan: 0 to renew, 0 to set auto-renew, 0 to switch off, 1 unchanged, 0 blocked, 0 held, 0 at risk. Charge: nothing.

    Times without an offset are Beijing time (UTC+8): 00:00 there is 16:00 UTC of the day before.

    Plan `f2673d67c8290e9158d150df6ba8d7e56b1e632ab930ba0024f369463fe82148`
    decided for 2026-12-01 10:05 +08:00 (2026-12-01T02:05Z), read at 2026-12-01T02:05Z.

    There is nothing to apply.
    ");
}

#[test]
fn a_smooth_report_asks_for_nothing() {
    let plan = plan_of(QUICKSTART);
    let mut outcome = outcome_of(&plan, "x");
    outcome.stopped = None;
    outcome.settings.retain(|_, sent| sent.iter().all(|(_, result)| *result == SettingResult::Done));
    outcome.charges.retain(|_, charge| matches!(charge.result, ChargeResult::Done { .. }));
    let report = Report { plan: &plan, outcome: &outcome, converged: Some(true), left: None };
    let comment = markdown::report(&report, &CONTEXT);
    let heading = comment.lines().nth(1).unwrap();
    assert_eq!(heading, "### renewctl apply: verified, CNY 238.00 charged");
    assert!(!comment.contains("CAUTION") && !comment.contains("```"), "{comment}");
}

#[test]
fn the_heading_says_the_numbers_of_the_plan() {
    for files in [QUICKSTART, TROUBLED] {
        let plan = plan_of(files);
        let comment = markdown::plan(&plan, &CONTEXT);
        assert_eq!(comment.lines().next(), Some(PLAN_MARKER));
        let heading = comment.lines().nth(1).unwrap();
        let sum = plan.summary();
        for (number, words) in [
            (sum.renew, format!("to renew, {}", plan.charge)),
            (sum.set_auto_renew, "to set auto-renew".to_owned()),
            (sum.switch_off, "to switch off".to_owned()),
            (sum.blocked, "blocked".to_owned()),
            (sum.held, "held".to_owned()),
            (sum.at_risk, "at risk".to_owned()),
        ] {
            assert_eq!(heading.contains(&format!("{number} {words}")), number > 0, "{heading}: {words}");
        }
        assert!(comment.contains(text::summary(&plan).trim_end()), "{comment}");
        assert!(comment.contains(plan.id.as_str()));
    }
}

#[test]
fn what_could_not_be_read_is_said_at_once() {
    let mut plan = plan_of(QUICKSTART);
    plan.complete = false;
    let comment = markdown::plan(&plan, &CONTEXT);
    assert!(comment.lines().nth(1).unwrap().ends_with("needs attention: not complete"), "{comment}");
    let (before, _) = comment.split_once("#### Charges").unwrap();
    assert!(before.contains("This plan is not complete"), "{comment}");
}

#[test]
fn the_emulator_is_never_taken_for_the_cloud() {
    let plan = plan_of(QUICKSTART);
    let context = Context { is_emulator: true, ..CONTEXT };
    assert!(markdown::plan(&plan, &context).contains("> EMULATOR: nothing here is real"));
    assert!(!markdown::plan(&plan, &CONTEXT).contains("EMULATOR"));
}

/// As a name stands in a cell: escaped as for a terminal, and without what ends spans and cells.
fn in_cell(name: &str) -> String {
    escape(name).replace('`', "\\u{60}").replace('|', "\\u{7c}")
}

/// Plans, and how their comments look with a tame name.
struct Judge {
    plans: Vec<(Plan, Shape)>,
    report: Shape,
}

impl Judge {
    fn new() -> Self {
        let plans = [QUICKSTART, TROUBLED].map(plan_of);
        let report = shape(&report_with(&with_text(&plans[0], "tame"), "tame"));
        let tame = |plan: &Plan| shape(&markdown::plan(&with_text(plan, "tame"), &CONTEXT));
        Self { plans: plans.into_iter().map(|plan| (plan.clone(), tame(&plan))).collect(), report }
    }

    /// With `text` in all places the comments have the same blocks, rows and cells.
    fn judge(&self, text: &str) {
        for (plan, tame) in &self.plans {
            let wild = shape(&markdown::plan(&with_text(plan, text), &CONTEXT));
            assert_eq!(tame.blocks, wild.blocks, "{text:?}");
            for (tame, wild) in tame.cells.iter().zip(&wild.cells) {
                assert_eq!(tame.len(), wild.len(), "{text:?}");
                if tame[1] == "tame" {
                    assert_eq!(wild[1], in_cell(text));
                }
            }
        }
        let wild = shape(&report_with(&with_text(&self.plans[0].0, text), text));
        assert_eq!(self.report.blocks, wild.blocks, "{text:?}");
    }
}

#[test]
fn the_judge_sees_what_is_hostile() {
    for hostile in ["a@b.example", "see #1", ":smile:", "deadbeef", "<b>x</b>", "[x](y)", "# x\n\n*x*"] {
        assert!(std::panic::catch_unwind(|| shape(hostile)).is_err(), "{hostile}");
    }
}

#[test]
fn hostile_text_is_only_text() {
    let judge = Judge::new();
    for text in HOSTILE {
        judge.judge(text);
        judge.judge(&format!("x {text} (\"{text}\"), y"));
    }
}

#[test]
fn generated_hostile_text_is_only_text() {
    let judge = Judge::new();
    let part = prop::strategy::Union::new([
        prop::sample::select(&HOSTILE[..]).prop_map(str::to_owned).boxed(),
        "[a-f0-9@#:. `|\\\\<>&$*_~()\\[\\]!-]{0,12}".boxed(),
        any::<char>().prop_map(String::from).boxed(),
    ]);
    let text = prop::collection::vec(part, 1..5).prop_map(|parts| {
        let text: String = parts.concat().chars().take(150).collect();
        if text.is_empty() { "-".to_owned() } else { text }
    });
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(text in text)| judge.judge(&text));
}

#[test]
fn a_command_cannot_leave_its_block() {
    let plan = plan_of(QUICKSTART);
    for command in ["renewctl apply -f '```\n# x'", "````", "a\u{202e}b", &"x".repeat(100_000)] {
        let comment = markdown::plan(&plan, &Context { apply_command: command, ..CONTEXT });
        let blocks = shape(&comment).blocks;
        assert!(blocks.ends_with("paragraph\n code block\n") || command.len() > 4096, "{comment}");
        assert!(comment.len() < GITHUB_CHARS);
    }
}

/// `number` charges, each with `text` wherever text is not ours.
fn large(number: usize, text: &str) -> Plan {
    let mut plan = with_text(&plan_of(QUICKSTART), text);
    let item = plan.items.iter().find(|item| item.renewal().is_some()).unwrap().clone();
    let Some(PriceDecision::Quoted(quote)) = item.renewal().map(|renewal| renewal.price.clone()) else {
        panic!("the example is priced");
    };
    plan.items = (0..number)
        .map(|i| {
            let mut item = item.clone();
            item.id = InstanceId::parse(&format!("i-bp{i:018}")).unwrap();
            item
        })
        .collect();
    plan.charge = renewctl::money::Totals::default();
    (0..number).for_each(|_| plan.charge.add(&quote.amount).unwrap());
    plan
}

#[test]
fn a_comment_stays_below_the_limit_and_says_that_it_was_cut() {
    let wild = "\u{202e}".repeat(128);
    let huge = "x|`@".repeat(25_000);
    for (number, text) in [(3000, "web-1"), (1000, wild.as_str()), (40, huge.as_str())] {
        let plan = large(number, text);
        let comment = markdown::plan(&plan, &CONTEXT);
        assert!(comment.len() < GITHUB_CHARS && comment.len() > 40_000, "{} bytes", comment.len());
        assert!(comment.contains("**This comment is cut: do not approve from it.**"), "{comment}");
        let heading = comment.lines().nth(1).unwrap();
        let number = renewctl::text::grouped(number);
        assert!(
            heading.starts_with(&format!("### renewctl plan: {number} to renew, {}", plan.charge)),
            "{heading}"
        );
        assert!(comment.contains(plan.id.as_str()));
        assert!(!comment.contains(CONTEXT.apply_command), "a cut comment offers nothing to approve");
        let shape = shape(&comment);
        assert!(shape.cells.iter().all(|row| row.len() == 6 || row.len() == 5));
    }
}

#[test]
fn rows_left_out_are_counted() {
    let mut plan = large(3000, "web-1");
    for item in &mut plan.items {
        (item.at_risk, item.set) = (None, None);
        item.warnings.clear();
    }
    let troubled = plan_of(TROUBLED);
    plan.items.extend(troubled.items);
    let comment = markdown::plan(&plan, &CONTEXT);
    let shown = comment.lines().filter(|line| line.starts_with("| `i-bp0")).count();
    assert!(shown > 100, "{shown}");
    let left_out = renewctl::text::grouped(3000 - shown);
    assert!(comment.contains(&format!("**{left_out} more rows left out here.**")), "{comment}");
    let note = format!("{left_out} rows of 3,009 are left out. The JSON output of `renewctl plan`");
    assert!(comment.contains(&note), "{comment}");
    // The long table does not push out the short lists.
    for id in ["i-bp1troublesoon1", "i-bp1troublepay1", "i-bp1troublelock1", "i-bp1troubleauto1"] {
        assert!(comment.contains(id), "{id}");
    }
    let report = report_with(&large(3000, "web-1"), "x");
    assert!(report.len() < GITHUB_CHARS);
}

#[test]
fn the_example_workflows_find_the_comment_and_ask_for_little() {
    let [plan, _] = WORKFLOWS;
    assert!(plan.contains(&format!("startswith(\"{PLAN_MARKER}\")")), "found by the marker");
    assert!(plan.contains(&format!("echo '{PLAN_MARKER}'")), "also when there is no plan");
    for workflow in WORKFLOWS {
        let workflow: serde_json::Value = serde_yaml::from_str(workflow).unwrap();
        assert_eq!(workflow["permissions"], serde_json::json!({}));
        assert!(workflow["on"].get("pull_request_target").is_none());
        for job in workflow["jobs"].as_object().unwrap().values() {
            assert!(job["timeout-minutes"].as_u64().is_some_and(|minutes| minutes <= 60));
            assert_ne!(job["permissions"]["contents"], "write");
        }
    }
}
