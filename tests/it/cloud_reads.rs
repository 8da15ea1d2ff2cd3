//! Reading many instances: how many calls, which answers, and what one fault blocks.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use renewctl::cloud::ReadId;
use renewctl::live::{Answer, Live};
use renewctl::retry::Class;
use serde_json::{Value, json};

use crate::cloud_script::*;
use crate::support::{run, time};

fn many(region_id: &str, count: usize) -> Vec<ReadId> {
    (0..count).map(|n| read_id(region_id, &format!("i-{n:04}"))).collect()
}

fn without_settings(mut wanted: Vec<ReadId>) -> Vec<ReadId> {
    for want in &mut wanted {
        want.auto_renew = false;
    }
    wanted
}

fn answer<'a>(live: &'a Live, region_id: &str, instance: &str) -> &'a Answer {
    &live.answers[&(region(region_id), id(instance))]
}

/// What kind of answer, for comparing many.
fn kind(answer: &Answer) -> String {
    match answer {
        Answer::Found(instance) => match &instance.auto_renew {
            None => "found".to_owned(),
            Some(Ok(setting)) => format!("found, {setting}"),
            Some(Err(why)) => format!("found, setting unreadable: {}", why.reason),
        },
        Answer::Absent => "absent".to_owned(),
        Answer::Unreadable(why) => format!("unreadable: {}", why.reason),
    }
}

#[test]
fn two_thousand_named_instances_take_twenty_calls_and_twenty() {
    run(async {
        let world = World::with_latency(|sent| (Duration::from_millis(50), all_there(sent)));
        let shown = RefCell::new(Vec::new());
        let wanted = many("cn-beijing", 2000);
        let progress = |done, total| shown.borrow_mut().push((done, total));
        let live = world.cloud().read(&wanted, &progress).await.unwrap();
        assert_eq!(world.calls("DescribeInstances"), 20);
        assert_eq!(world.calls("DescribeInstanceAutoRenewAttribute"), 20);
        assert_eq!(world.busiest.get(), 8);
        assert_eq!(live.answers.len(), 2000);
        assert!(live.is_complete() && live.answers.values().all(|a| kind(a) == "found, 1mo"));
        let shown = shown.borrow();
        assert!(shown.is_sorted() && shown.iter().filter(|s| **s == (2000, 2000)).count() == 1, "{shown:?}");
        for sent in world.sent.borrow().iter() {
            assert_eq!(sent.ids().len(), 100);
            match sent.action() {
                "DescribeInstances" => {
                    assert_eq!((sent.get("MaxResults"), sent.get("NextToken")), ("100", ""));
                }
                _ => {
                    assert_eq!((sent.get("PageSize"), sent.get("PageNumber")), ("100", "1"));
                }
            }
        }
    });
}

#[test]
fn settings_are_asked_only_of_existing_subscriptions_that_want_it_and_in_full_hundreds() {
    run(async {
        // Of ten ids one is absent, two are pay-as-you-go, two do not want the setting.
        let world = World::new(|sent| {
            if sent.action() != "DescribeInstances" {
                return all_there(sent);
            }
            let mut found = Vec::new();
            for id in sent.ids() {
                let mut one = instance(&id, "cn-beijing");
                match id.as_bytes().last().unwrap() {
                    b'0' => continue,
                    b'1' | b'2' => one["InstanceChargeType"] = json!("PostPaid"),
                    _ => {}
                }
                found.push(one);
            }
            page(&found, "")
        });
        let mut wanted = many("cn-beijing", 1000);
        for want in &mut wanted {
            want.auto_renew = !want.id.as_str().ends_with(['3', '4']);
        }
        let live = world.cloud().read(&wanted, &|_, _| ()).await.unwrap();
        assert_eq!(world.calls("DescribeInstances"), 10);
        assert_eq!(world.calls("DescribeInstanceAutoRenewAttribute"), 5);
        for ((_, id), answer) in &live.answers {
            let expected = match id.as_str().as_bytes().last().unwrap() {
                b'0' => "absent",
                b'1'..=b'4' => "found",
                _ => "found, 1mo",
            };
            assert_eq!(kind(answer), expected, "{id}");
        }
    });
}

#[test]
fn an_id_asked_twice_is_read_once_and_nothing_asked_is_nothing_sent() {
    run(async {
        let world = World::new(all_there);
        let mut wanted = vec![read_id("cn-beijing", "i-a"), read_id("cn-beijing", "i-a")];
        wanted[0].auto_renew = false;
        let live = world.cloud().read(&wanted, &|_, _| ()).await.unwrap();
        assert_eq!(kind(answer(&live, "cn-beijing", "i-a")), "found, 1mo");
        assert_eq!(world.sent.borrow()[0].ids(), ["i-a"]);
        let world = World::new(all_there);
        let live = world.cloud().read(&[], &|_, _| ()).await.unwrap();
        assert!(live.answers.is_empty() && world.sent.borrow().is_empty());
        assert_eq!(live.read_at, time(START));
    });
}

#[test]
fn one_bad_id_is_found_and_the_others_go_through() {
    for (action, code) in [
        ("DescribeInstances", "InvalidParameter"),
        // A policy can name single instances.
        ("DescribeInstanceAutoRenewAttribute", "Forbidden.RAM"),
        ("DescribeInstanceAutoRenewAttribute", "InvalidParameter.InvalidInstanceId"),
        ("DescribeInstanceAutoRenewAttribute", "ChargeTypeViolation"),
    ] {
        run(async {
            let world = World::new(move |sent| {
                let bad = sent.action() == action && sent.ids().iter().any(|id| id == "i-0042");
                if bad { error(403, code) } else { all_there(sent) }
            });
            let live = world.cloud().read(&many("cn-beijing", 100), &|_, _| ()).await.unwrap();
            let not_read: Vec<_> = live.answers.iter().filter(|(_, a)| kind(a) != "found, 1mo").collect();
            assert_eq!(not_read.len(), 1, "{code}");
            let ((_, bad), why) = not_read[0];
            assert_eq!(bad.as_str(), "i-0042");
            assert!(kind(why).contains(code) && kind(why).contains("REQ-ERR"), "{}", kind(why));
            assert!(!live.is_complete());
            assert!(world.calls(action) <= 15, "{}", world.calls(action));
        });
    }
}

#[test]
fn splitting_is_bounded_and_a_refusal_of_everything_is_not_split() {
    run(async {
        let world = World::new(|_| error(403, "InvalidParameter"));
        let live = world.cloud().read(&many("cn-beijing", 100), &|_, _| ()).await.unwrap();
        assert_eq!(live.answers.len(), 100);
        assert!(live.answers.values().all(|a| kind(a).starts_with("unreadable")));
        assert!(world.sent.borrow().len() <= 128, "{}", world.sent.borrow().len());
        for (code, calls_max) in [("Forbidden.RAM", 23), ("InvalidOperation.NotSupportedEndpoint", 1)] {
            let world = World::new(move |_| error(403, code));
            let live = world.cloud().read(&many("cn-beijing", 100), &|_, _| ()).await.unwrap();
            assert!(live.answers.values().all(|a| kind(a).contains(code)));
            assert!(world.sent.borrow().len() <= calls_max, "{code}: {}", world.sent.borrow().len());
        }
    });
}

#[test]
fn a_region_that_is_down_blocks_its_own_members_only() {
    run(async {
        let world = World::new(|sent| match sent.get("RegionId") {
            "cn-shanghai" => error(503, "ServiceUnavailable"),
            _ => all_there(sent),
        });
        let mut wanted = many("cn-beijing", 150);
        wanted.extend(many("cn-shanghai", 150));
        let live = world.cloud().read(&wanted, &|_, _| ()).await.unwrap();
        assert_eq!(live.answers.len(), 300);
        for ((region, _), answer) in &live.answers {
            let expected = if region.as_str() == "cn-beijing" { "found, 1mo" } else { "unreadable: " };
            assert!(kind(answer).starts_with(expected), "{region}: {}", kind(answer));
        }
        let hosts: BTreeSet<String> = world.sent.borrow().iter().map(|s| s.http.url.clone()).collect();
        assert_eq!(hosts.len(), 2);
    });
}

#[test]
fn a_refused_key_ends_the_reading() {
    run(async {
        let world = World::new(|_| error(404, "InvalidAccessKeyId.NotFound"));
        let failed = world.cloud().read(&many("cn-beijing", 2000), &|_, _| ()).await.unwrap_err();
        assert_eq!(failed.class, Class::Credentials);
        assert!(failed.hint.is_some());
        assert!(world.sent.borrow().len() <= 8);
    });
}

#[test]
fn pages_are_followed_to_the_end_and_never_in_circles() {
    let two_pages = |sent: &Sent| {
        let ids = sent.ids();
        let (first, second) = ids.split_at(2);
        let of = |ids: &[String]| ids.iter().map(|id| instance(id, "cn-beijing")).collect::<Vec<_>>();
        match sent.get("NextToken") {
            "" => page(&of(first), "more"),
            _ => page(&of(second), ""),
        }
    };
    let read = |answers: fn(&Sent) -> crate::cloud_script::Answer| {
        run(async move {
            let world = World::new(answers);
            let wanted = without_settings(many("cn-beijing", 5));
            let live = world.cloud().read(&wanted, &|_, _| ()).await.unwrap();
            (live.answers.values().map(kind).collect::<Vec<_>>(), world.sent.borrow().len())
        })
    };
    assert_eq!(read(two_pages), (vec!["found".to_owned(); 5], 2));
    let (kinds, calls) = read(|_| page(&[], "again"));
    assert!(kinds.iter().all(|k| k.contains("do not end")) && calls == 2, "{kinds:?} {calls}");
    let (kinds, calls) = read(|sent| page(&[], &format!("{}x", sent.get("NextToken"))));
    assert!(kinds.iter().all(|k| k.contains("do not end")) && calls <= 20, "{kinds:?} {calls}");
    let (kinds, _) = read(|_| ok(json!({"Instances": {"Instance": []}, "RequestId": "R"})));
    assert_eq!(kinds, vec!["absent"; 5], "a reply without NextToken is the last");
}

#[test]
fn pages_that_contradict_each_other_are_unreadable() {
    run(async {
        let world = World::new(|sent| {
            let mut one = instance("i-0000", "cn-beijing");
            let last = !sent.get("NextToken").is_empty();
            if last {
                one["ExpiredTime"] = json!("2027-01-02T16:00Z");
            }
            page(&[one, instance("i-0001", "cn-beijing")], if last { "" } else { "more" })
        });
        let wanted = without_settings(many("cn-beijing", 2));
        let live = world.cloud().read(&wanted, &|_, _| ()).await.unwrap();
        assert!(kind(answer(&live, "cn-beijing", "i-0000")).contains("twice"));
        assert_eq!(kind(answer(&live, "cn-beijing", "i-0001")), "found");
    });
}

#[test]
fn settings_are_paged_until_all_are_there() {
    run(async {
        // A server that gives ten a page, whatever is asked.
        let world = World::new(|sent| {
            if sent.action() == "DescribeInstances" {
                return all_there(sent);
            }
            let number: usize = sent.get("PageNumber").parse().unwrap();
            let ids = sent.ids();
            let items: Vec<Value> =
                ids.iter().skip((number - 1) * 10).take(10).map(|id| setting(id)).collect();
            settings(&items, ids.len())
        });
        let live = world.cloud().read(&many("cn-beijing", 95), &|_, _| ()).await.unwrap();
        assert!(live.answers.values().all(|a| kind(a) == "found, 1mo"));
        assert_eq!(world.calls("DescribeInstanceAutoRenewAttribute"), 10);
        // One that repeats its first page for ever.
        let world = World::new(|sent| match sent.action() {
            "DescribeInstances" => all_there(sent),
            _ => settings(&[setting("i-0000")], 1_000_000),
        });
        let live = world.cloud().read(&many("cn-beijing", 2), &|_, _| ()).await.unwrap();
        assert!(!live.is_complete());
        assert!(world.sent.borrow().len() <= 21);
    });
}

#[test]
fn a_body_that_says_nothing_is_no_absence() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "<html>",
        r#"{"Instances":{}}"#,
        r#"{"Instances":[]}"#,
        r#"{"Instances":{"Instance":[{}]}}"#,
        r#"{"Instances":{"Instance":null}}"#,
    ] {
        run(async {
            let world = World::script([ok(body)]);
            let live = world.cloud().read(&many("cn-beijing", 1), &|_, _| ()).await.unwrap();
            let shown = kind(answer(&live, "cn-beijing", "i-0000"));
            assert!(
                shown.starts_with("unreadable: DescribeInstances") && shown.contains("REQ-HEADER"),
                "{body}: {shown}"
            );
        });
    }
}

#[test]
fn answers_do_not_depend_on_the_order_of_replies_or_of_the_question() {
    let read = |seed: u64| {
        run(async move {
            let world = World::with_latency(move |sent| {
                let mixed = sent
                    .http
                    .body
                    .bytes()
                    .fold(seed, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
                let bad = sent.ids().iter().any(|id| id == "i-0150") && sent.action() == "DescribeInstances";
                let answer = if bad { error(400, "InvalidParameter") } else { all_there(sent) };
                (Duration::from_millis(mixed % 500), answer)
            });
            let mut wanted = many("cn-beijing", 450);
            wanted.extend(many("cn-shanghai", 250));
            if seed.is_multiple_of(2) {
                wanted.reverse();
            }
            let live = world.cloud().read(&wanted, &|_, _| ()).await.unwrap();
            live.answers.iter().map(|(key, a)| (key.clone(), kind(a))).collect::<BTreeMap<_, _>>()
        })
    };
    let first = read(1);
    assert_eq!(first.values().filter(|k| k.starts_with("unreadable")).count(), 2);
    for seed in 2..6 {
        assert_eq!(read(seed), first);
    }
}

#[test]
fn the_time_of_reading_is_that_of_its_oldest_page() {
    run(async {
        let world = World::with_latency(|sent| {
            let shanghai = sent.get("RegionId") == "cn-shanghai";
            let (wait, date) = if shanghai {
                (1, "Tue, 01 Dec 2026 02:05:00 GMT")
            } else {
                (40_000, "Tue, 01 Dec 2026 02:05:40 GMT")
            };
            let mut answer = all_there(sent).unwrap();
            answer.headers.push(("date".to_owned(), date.to_owned()));
            (Duration::from_millis(wait), Ok(answer))
        });
        let wanted = [read_id("cn-beijing", "i-a"), read_id("cn-shanghai", "i-b")];
        let live = world.cloud().read(&wanted, &|_, _| ()).await.unwrap();
        assert_eq!(live.read_at, time("2026-12-01T02:05:00Z"));
    });
}

/// An empty list is what a RAM user without the right gets, too: one dry run for each region in which
/// nothing was found tells the cases apart.
#[test]
fn a_missing_right_is_told_apart_from_missing_instances() {
    for (dry_run, expected) in [
        (error(400, "DryRunOperation"), "absent"),
        (
            error(403, "Forbidden.RAM"),
            "unreadable: DescribeInstances: Forbidden.RAM: about Forbidden.RAM, RequestId REQ-ERR",
        ),
        // What cannot be found out is left as it is.
        (error(400, "InvalidParameter"), "absent"),
    ] {
        run(async {
            let answer_to_dry_run = dry_run.clone();
            let world = World::new(move |sent| match (sent.get("RegionId"), sent.get("DryRun")) {
                ("cn-beijing", "true") => answer_to_dry_run.clone(),
                ("cn-beijing", _) => page(&[], ""),
                (_, "") => page(&[instance("i-b", "cn-shanghai")], ""),
                (region, _) => panic!("{region} has shown that it may be read"),
            });
            let mut wanted = many("cn-beijing", 250);
            wanted.extend([read_id("cn-shanghai", "i-b"), read_id("cn-shanghai", "i-c")]);
            let cloud = world.cloud();
            let mut live = cloud.read(&without_settings(wanted), &|_, _| ()).await.unwrap();
            let calls = world.sent.borrow().len();
            cloud.tell_absent_from_hidden(&mut live).await;
            assert_eq!(world.sent.borrow().len(), calls + 1);
            assert_eq!(kind(answer(&live, "cn-beijing", "i-0007")), expected);
            assert_eq!(kind(answer(&live, "cn-shanghai", "i-b")), "found");
            assert_eq!(kind(answer(&live, "cn-shanghai", "i-c")), "absent");
        });
    }
}
