//! Sending, signing and repeating, judged by what arrives.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use renewctl::cloud::{
    CallError, Credentials, Endpoint, EndpointError, Network, QuoteAsk, QuoteError, Receipt, RenewOrder, sign,
};

use renewctl::ports::Method;
use renewctl::retry::Class;
use renewctl::term::{AutoRenew, PurchaseTerm, Site, Term};
use serde_json::json;

use crate::cloud_script::*;
use crate::support::{run, time};

async fn charge(world: &Rc<World>) -> Result<Receipt, CallError> {
    let (region, id, token) = (beijing(), id("i-one"), token());
    let term = PurchaseTerm::new(Term::Months(1), Site::China).unwrap();
    let order = RenewOrder { region: &region, id: &id, term, token: &token };
    world.cloud().renew(&order, &Freely).await
}

async fn set(world: &Rc<World>) -> Result<(), CallError> {
    world.cloud().set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.map(|_| ())
}

async fn ask(world: &Rc<World>) -> Result<(), CallError> {
    match world.cloud().quote(&beijing(), &id("i-one"), Term::Months(1)).await {
        Ok(_) => Ok(()),
        Err(QuoteError::Call(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

/// How often a value occurs that must differ from attempt to attempt.
fn distinct(world: &World, name: &str) -> usize {
    world.sent.borrow().iter().map(|sent| sent.get(name).to_owned()).collect::<BTreeSet<_>>().len()
}

#[test]
fn each_attempt_is_signed_anew_under_the_same_token() {
    run(async {
        let world = World::script([throttled(1000), throttled(2000), throttled(1500), renewed()]);
        assert_eq!(charge(&world).await.unwrap().order_id, "201234567890123");
        assert_eq!(world.sent.borrow().len(), 4);
        for name in ["SignatureNonce", "Signature", "Timestamp"] {
            assert_eq!(distinct(&world, name), 4, "{name}");
        }
        assert_eq!(distinct(&world, "ClientToken"), 1);
    });
}

#[test]
fn every_request_is_a_well_signed_form() {
    run(async {
        let world = World::script([renewed()]);
        charge(&world).await.unwrap();
        let sent = world.sent.borrow()[0].clone();
        let mut parameters: Vec<(String, String)> = sent.parameters.clone().into_iter().collect();
        parameters.retain(|(name, _)| name != "Signature");
        let text = sign::v1::string_to_sign("POST", &sign::canonical_query(&parameters));
        assert_eq!(sent.get("Signature"), sign::v1::signature(&text, SECRET));
        assert_eq!((sent.get("Format"), sent.get("Version")), ("JSON", "2014-05-26"));
        assert_eq!(sent.get("Timestamp"), START);
        assert!(sent.http.timeout_ms >= 19_000);
        let form = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
        assert!(sent.http.headers.contains(&form));
    });
}

#[test]
fn a_session_token_is_signed_like_any_parameter() {
    run(async {
        let world = World::script([ok(json!({"RequestId": "R"}))]);
        let cloud = world.cloud_with(Credentials::new(KEY_ID, SECRET).with_security_token(TOKEN), 8);
        cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.unwrap();
        let sent = world.sent.borrow()[0].clone();
        assert_eq!(sent.get("SecurityToken"), TOKEN);
        let mut parameters: Vec<(String, String)> = sent.parameters.clone().into_iter().collect();
        parameters.retain(|(name, _)| name != "Signature");
        let text = sign::v1::string_to_sign("POST", &sign::canonical_query(&parameters));
        assert_eq!(sent.get("Signature"), sign::v1::signature(&text, SECRET));
    });
}

/// What the emulator, by its own code, and the SDKs, in tests/conformance, say of such requests.
#[test]
fn a_v3_request_has_its_parameters_in_the_query_and_its_signature_in_a_header() {
    run(async {
        for token in [None, Some(TOKEN)] {
            let world = World::new(|_| ok(json!({"RequestId": "R"})));
            let key = Credentials::new(KEY_ID, SECRET);
            let key = token.map_or(key.clone(), |token| key.with_security_token(token));
            let cloud = world.cloud_with(key, 8).signing_with(sign::Signature::V3);
            cloud
                .set_auto_renew(&beijing(), &[id("i-one"), id("i-two")], AutoRenew::Off, &Freely)
                .await
                .unwrap();
            let http = world.sent.borrow()[0].http.clone();
            let query = "InstanceId=i-one%2Ci-two&RegionId=cn-beijing&RenewalStatus=Normal";
            assert_eq!(http.url, format!("https://ecs.cn-beijing.aliyuncs.com/?{query}"));
            assert_eq!((http.method, http.body.as_str()), (Method::Post, ""));
            let header =
                |name: &str| http.headers.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
            assert_eq!(header("x-acs-action"), Some("ModifyInstanceAutoRenewAttribute"));
            assert_eq!(header("x-acs-version"), Some("2014-05-26"));
            assert_eq!(header("x-acs-date"), Some(START));
            assert_eq!(header("x-acs-security-token"), token);
            let mut signed: Vec<(String, String)> = http.headers.clone();
            signed.retain(|(name, _)| name.starts_with("x-acs-"));
            signed.push(("host".to_owned(), "ecs.cn-beijing.aliyuncs.com".to_owned()));
            signed.sort();
            let request = sign::v3::canonical_request("POST", query, &signed, &sign::v3::hash(b""));
            let signature = sign::v3::signature(&sign::v3::string_to_sign(&request), SECRET);
            let expected = sign::v3::authorization(KEY_ID, &signed, &signature);
            assert_eq!(header("authorization"), Some(expected.as_str()));
        }
    });
}

#[test]
fn the_servers_wish_is_honoured_in_milliseconds() {
    run(async {
        let world = World::script([throttled(1234), throttled(45_000), renewed()]);
        charge(&world).await.unwrap();
        let times: Vec<Duration> = world.sent.borrow().iter().map(|sent| sent.at).collect();
        assert_eq!(times, [0, 1234, 46_234].map(Duration::from_millis));
    });
}

/// How a call ends: attempts, class, doubt. `n` answers, then the last one for ever.
#[test]
fn how_often_each_kind_of_call_is_repeated() {
    const RETRY: Class = Class::Retry { throttled: false };
    const ALL: u32 = 8;
    let busy = || error(400, "LastOrderProcessing");
    let garbage = || ok("<html>");
    #[rustfmt::skip]
    let cases = [
        // answer, class, (charge: attempts, doubt), (setting), (read: attempts)
        (throttled(5), Class::Retry { throttled: true }, (ALL, false), (ALL, false), ALL),
        (error(500, "InternalError"), RETRY, (ALL, true), (ALL, true), ALL),
        (error(503, "ServiceUnavailable"), RETRY, (ALL, true), (ALL, true), ALL),
        (error(400, "UnknownError"), RETRY, (ALL, true), (ALL, true), ALL),
        (lost(), RETRY, (ALL, true), (ALL, true), ALL),
        (not_sent(), RETRY, (4, false), (4, false), 4),
        (busy(), Class::Busy { own: false }, (1, false), (ALL, false), 1),
        (error(403, "LastTokenProcessing"), Class::Busy { own: true }, (ALL, true), (ALL, true), 1),
        (error(409, "OperationConflict"), Class::Busy { own: false }, (1, false), (ALL, false), 1),
        (garbage(), RETRY, (3, true), (3, true), 3),
        (error(400, "IdempotenceParamNotMatch"), Class::Claimed, (1, false), (1, false), 1),
        (error(400, "SignatureDoesNotMatch"), Class::Credentials, (1, false), (1, false), 1),
        (error(403, "InsufficientBalance"), Class::Stop, (1, false), (1, false), 1),
        (error(403, "ChargeTypeViolation"), Class::Refused, (1, false), (1, false), 1),
        (error(400, "SignatureNonceUsed"), Class::Resign, (2, false), (2, false), 2),
        (reply(302, &[("location", "https://example.com/")], ""), Class::Refused, (1, true), (1, true), 1),
        (reply(403, &[], "<html>proxy</html>"), Class::Refused, (1, true), (1, true), 1),
    ];
    for (answer, class, on_charge, on_setting, on_read) in cases {
        run(async {
            let check = |error: CallError, (attempts, maybe_done): (u32, bool), what: &str| {
                assert_eq!(error.class, class, "{what}: {answer:?}");
                assert_eq!(error.attempts, attempts, "{what}: {answer:?}");
                assert_eq!(error.maybe_done, maybe_done, "{what}: {answer:?}");
            };
            let world = World::script([answer.clone()]);
            check(charge(&world).await.unwrap_err(), on_charge, "charge");
            assert_eq!(world.sent.borrow().len(), usize::try_from(on_charge.0).unwrap());
            assert_eq!(distinct(&world, "ClientToken"), 1);
            check(set(&World::script([answer.clone()])).await.unwrap_err(), on_setting, "setting");
            // A read has no effect that could be in doubt.
            check(ask(&World::script([answer.clone()])).await.unwrap_err(), (on_read, false), "read");
        });
    }
}

#[test]
fn a_lost_answer_is_asked_for_again_under_its_token_and_stays_in_doubt() {
    run(async {
        let world = World::script([lost(), renewed()]);
        charge(&world).await.unwrap();
        assert_eq!((world.sent.borrow().len(), distinct(&world, "ClientToken")), (2, 1));
        for last in [error(400, "LastOrderProcessing"), error(403, "IncorrectInstanceStatus"), not_sent()] {
            let error = charge(&World::script([lost(), last])).await.unwrap_err();
            assert!(error.maybe_done, "{error:?}");
        }
    });
}

#[test]
fn an_order_without_a_number_is_not_acknowledged() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"RequestId":"R"}"#,
        r#"{"OrderId":null,"RequestId":"R"}"#,
        r#"{"OrderId":"","RequestId":"R"}"#,
        r#"{"OrderId":{},"RequestId":"R"}"#,
        r#"{"OrderId":"1"#,
    ] {
        run(async {
            let world = World::script([ok(body)]);
            let error = charge(&world).await.unwrap_err();
            assert!(error.maybe_done && error.attempts == 3, "{body}: {error:?}");
            assert!(error.request_id.is_some(), "{body}");
            assert_eq!(distinct(&world, "ClientToken"), 1, "{body}");
        });
    }
}

fn expired(date: &str) -> Answer {
    let body = json!({"Code": "InvalidTimeStamp.Expired", "Message": "expired", "RequestId": "R"});
    reply(400, &[("date", date)], body)
}

#[test]
fn a_wrong_clock_is_corrected_once_and_the_correction_kept_if_it_was_taken() {
    run(async {
        let taken = json!({"RequestId": "R"});
        let world = World::script([expired("Mon, 23 Nov 2026 05:00:00 GMT"), ok(taken)]);
        let cloud = world.cloud();
        for _ in 0..2 {
            cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.unwrap();
        }
        let stamps: Vec<String> = world.sent.borrow().iter().map(|s| s.get("Timestamp").to_owned()).collect();
        assert_eq!(stamps, [START, "2026-11-23T05:00:00Z", "2026-11-23T05:00:00Z"]);
        assert_eq!(distinct(&world, "SignatureNonce"), 3);
    });
}

#[test]
fn a_correction_that_was_refused_is_forgotten() {
    run(async {
        let date = "Tue, 01 Dec 2026 00:00:00 GMT";
        let world = World::script([expired(date), expired(date), ok(json!({"RequestId": "R"}))]);
        let cloud = world.cloud();
        let set = async || cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await;
        assert_eq!(set().await.unwrap_err().class, Class::Resign);
        set().await.unwrap();
        let stamps: Vec<String> = world.sent.borrow().iter().map(|s| s.get("Timestamp").to_owned()).collect();
        assert_eq!(stamps, [START, "2026-12-01T00:00:00Z", START]);
    });
}

#[test]
fn a_used_nonce_says_nothing_of_the_clock() {
    run(async {
        let body = json!({"Code": "SignatureNonceUsed", "Message": "used", "RequestId": "R"});
        let used = reply(400, &[("date", "Tue, 01 Dec 2026 00:00:00 GMT")], body);
        let world = World::script([used, renewed()]);
        charge(&world).await.unwrap();
        assert_eq!(distinct(&world, "Timestamp"), 1);
        assert_eq!(distinct(&world, "SignatureNonce"), 2);
    });
}

#[test]
fn the_servers_time_is_taken_from_the_last_date() {
    run(async {
        let world = World::script([reply(
            200,
            &[("date", "Tue, 01 Dec 2026 02:05:00 GMT")],
            json!({"RequestId": "R"}),
        )]);
        let cloud = world.cloud();
        assert_eq!((cloud.server_offset(), cloud.server_now()), (None, time(START)));
        cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.unwrap();
        assert_eq!(cloud.server_now(), time("2026-12-01T02:05:00Z"));
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(cloud.server_now(), time("2026-12-01T02:05:30Z"));
    });
    run(async {
        let odd = reply(200, &[("date", "yesterday")], json!({"RequestId": "R"}));
        let world = World::script([odd]);
        let cloud = world.cloud();
        cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.unwrap();
        assert_eq!(cloud.server_offset(), None);
    });
}

/// An answer that took long tells the clock only so far: its Date lies somewhere between the question and its
/// arrival. What is known and not contradicted is kept, so that no late answer sets the time back.
#[test]
fn a_late_answer_does_not_set_the_time_back() {
    // The server's clock is a minute ahead of the machine's, which reads 04:00:00 at the start.
    let dated = |sent: &Sent, late: u64, stamped_early: bool| {
        let seconds = sent.at.as_secs() + if stamped_early { 0 } else { late };
        let date = time(START) + TimeDelta::seconds(60 + i64::try_from(seconds).unwrap());
        let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        (Duration::from_secs(late), reply(200, &[("date", &date)], json!({"RequestId": "R"})))
    };
    for stamped_early in [true, false] {
        run(async {
            let answers = Cell::new(0);
            let world = World::with_latency(move |sent| {
                answers.set(answers.get() + 1);
                dated(sent, if answers.get() == 2 { 25 } else { 0 }, stamped_early)
            });
            let cloud = world.cloud();
            let ask = async || {
                cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.unwrap()
            };
            ask().await;
            ask().await;
            let right = time(START) + TimeDelta::seconds(60 + 25);
            assert_eq!(cloud.server_now(), right, "stamped early: {stamped_early}");
        });
        // Of a first answer that is late, the later end is taken: a reading then seems old, never new.
        run(async {
            let world = World::with_latency(move |sent| dated(sent, 25, stamped_early));
            let cloud = world.cloud();
            cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.unwrap();
            let right = time(START) + TimeDelta::seconds(60 + 25);
            let ahead = cloud.server_now() - right;
            assert!((0..=25).contains(&ahead.num_seconds()), "{ahead}");
        });
    }
    // A known time that even a late answer contradicts is put right.
    run(async {
        let answers = Cell::new(0);
        let world = World::with_latency(move |sent| {
            answers.set(answers.get() + 1);
            dated(sent, if answers.get() == 2 { 25 } else { 0 }, true)
        });
        let cloud = world.cloud();
        let ask =
            async || cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.unwrap();
        ask().await;
        // The machine's clock was set back by an hour: the answer's date is an hour ahead of what is expected.
        world.clock.jump.set(-TimeDelta::hours(1));
        ask().await;
        let right = time(START) + TimeDelta::seconds(60 + 25);
        let off = cloud.server_now() - right;
        assert!((-1..=25).contains(&off.num_seconds()), "{off}");
    });
}

#[test]
fn quotes_come_in_order_and_end_when_the_key_is_refused() {
    run(async {
        let price = |sent: &Sent| {
            let number: u64 = sent.get("ResourceId").trim_start_matches("i-").parse().unwrap();
            let body = json!({"PriceInfo": {"Price": {"TradePrice": number, "Currency": "CNY"}}});
            // The later ones are answered first.
            (Duration::from_millis(1000 - number), ok(body))
        };
        let asks: Vec<QuoteAsk> = (1..=30)
            .map(|n| QuoteAsk { region: beijing(), id: id(&format!("i-{n}")), term: Term::Months(1) })
            .collect();
        let shown = RefCell::new(Vec::new());
        let world = World::with_latency(price);
        let quotes = world.cloud().quotes(&asks, &|done, total| shown.borrow_mut().push((done, total))).await;
        let amounts: Vec<String> =
            quotes.iter().map(|q| q.as_ref().unwrap().amount.amount.to_string()).collect();
        assert_eq!(amounts, (1..=30).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(world.busiest.get(), 8);
        assert_eq!(shown.borrow().last(), Some(&(30, 30)));

        let world = World::script([error(404, "InvalidAccessKeyId.NotFound")]);
        let quotes = world.cloud().quotes(&asks, &|_, _| ()).await;
        let refused = |q: &Result<_, QuoteError>| matches!(q, Err(QuoteError::Call(e)) if e.class == Class::Credentials);
        assert!(quotes.len() == 30 && quotes.iter().all(refused));
        assert!(world.sent.borrow().len() <= 8, "{}", world.sent.borrow().len());
    });
}

/// Collects the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_secret_appears_anywhere_even_if_the_server_repeats_it() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    // With a single subscriber, events that a thread without one meets first stay off for all threads.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
    let texts = tracing::subscriber::with_default(subscriber, || {
        run(async {
            let world = World::new(|sent| {
                // All that we sent, signed text included, as SignatureDoesNotMatch has it.
                let query = sign::percent_encode(&sent.http.body);
                let message = format!(
                    "no match for {SECRET} {TOKEN} server string to sign is:POST&%2F&{query} {}",
                    sent.get("SecurityToken")
                );
                reply(
                    400,
                    &[],
                    json!({"Code": "SignatureDoesNotMatch", "Message": message, "RequestId": "R"}),
                )
            });
            let credentials = Credentials::new(KEY_ID, SECRET).with_security_token(TOKEN);
            let debug = format!("{credentials:?}");
            let cloud = world.cloud_with(credentials, 8);
            let ids = [id("i-one")];
            let error = cloud.set_auto_renew(&beijing(), &ids, AutoRenew::Off, &Freely).await.unwrap_err();
            assert!(!error.text().contains("string to sign"), "{}", error.text());
            assert!(!world.sent.borrow()[0].http.url.contains('?'));
            format!("{debug} {error:?} {}", error.text())
        })
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("SignatureDoesNotMatch") && log.contains("server string to sign"), "{log}");
    for secret in [SECRET, TOKEN] {
        let once = sign::percent_encode(secret);
        let twice = sign::percent_encode(&once);
        for form in [secret, &once, &twice] {
            assert!(!texts.contains(form) && !log.contains(form), "{form}\n{texts}\n{log}");
        }
    }
}

#[test]
fn an_answer_cannot_paint_the_terminal() {
    run(async {
        let body = json!({"Code": "Bad\u{1b}[31mCode\n", "Message": "red\u{1b}[31m\u{202e}", "RequestId": "R\u{7}1"});
        let error = charge(&World::script([reply(400, &[], body)])).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("Bad[31mCode"));
        assert!(!error.text().chars().any(renewctl::text::is_hostile), "{}", error.text());
        let long = json!({"Code": "Long", "Message": "x".repeat(100_000)});
        let error = charge(&World::script([reply(400, &[], long)])).await.unwrap_err();
        assert!(error.text().len() < 1000);
    });
}

#[test]
fn endpoints_are_https_or_this_machine() {
    for (text, loopback) in [
        ("https://ecs.example.com", false),
        ("https://ecs.example.com:8443/", false),
        ("http://127.0.0.1:8080", true),
        ("http://127.8.9.10", true),
        ("http://localhost:1/", true),
        ("http://[::1]:8080", true),
        ("https://127.0.0.1", true),
    ] {
        assert_eq!(Endpoint::parse(text).unwrap().is_loopback(), loopback, "{text}");
    }
    for text in [
        "http://ecs.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://[::2]",
    ] {
        assert_eq!(Endpoint::parse(text), Err(EndpointError::PlainHttp), "{text}");
    }
    for text in [
        "",
        "ecs.example.com",
        "ftp://127.0.0.1",
        "https://user@example.com",
        "https://u:p@example.com",
        "https://example.com/?a=b",
        "https://example.com/#x",
        "http://127.0.0.1@example.com",
        "https://",
    ] {
        assert_eq!(Endpoint::parse(text), Err(EndpointError::Form), "{text}");
    }
}

/// Which hosts are asked, by what a user chose.
#[test]
fn hosts_follow_the_network_and_single_services_can_go_elsewhere() {
    let (public, vpc) = (Network::Public, Network::Vpc);
    let hosts = |ecs: &str, billing: &str, sts: &str| [ecs, billing, sts].map(str::to_owned);
    let own = |ecs: &str, sts: &str| {
        hosts(&format!("{ecs}.aliyuncs.com"), "business.aliyuncs.com", &format!("{sts}.aliyuncs.com"))
    };
    for (urls, network, sts_region, expected) in [
        (vec![], public, None, own("ecs.cn-beijing", "sts")),
        (vec![], public, Some("cn-beijing"), own("ecs.cn-beijing", "sts")),
        (vec![], vpc, None, own("ecs-vpc.cn-beijing", "sts")),
        (vec![], vpc, Some("cn-beijing"), own("ecs-vpc.cn-beijing", "sts-vpc.cn-beijing")),
        (
            vec!["sts=https://a.example"],
            vpc,
            None,
            hosts("ecs-vpc.cn-beijing.aliyuncs.com", "business.aliyuncs.com", "a.example"),
        ),
        (
            vec!["ecs=https://a.example:1", "billing=https://b.example"],
            public,
            None,
            hosts("a.example:1", "b.example", "sts.aliyuncs.com"),
        ),
        (vec!["https://all.example"], vpc, None, hosts("all.example", "all.example", "all.example")),
    ] {
        run(async {
            let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
            let endpoint = Endpoint::choose(&urls, network, sts_region.map(region)).unwrap();
            let world = World::new(|_| ok(json!({"RequestId": "R"})));
            let cloud = world.cloud_at(endpoint);
            cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.unwrap();
            let _ = cloud.balance(Site::China).await;
            let _ = cloud.caller().await;
            let asked: Vec<String> = world.sent.borrow().iter().map(|sent| sent.http.url.clone()).collect();
            let expected = expected.map(|host| format!("https://{host}/"));
            assert_eq!(asked[0], expected[0], "{urls:?}");
            assert!(asked[1..].iter().all(|url| expected[1..].contains(url)), "{urls:?}: {asked:?}");
            assert!(expected.iter().all(|url| asked.contains(url)), "{urls:?}: {asked:?}");
        });
    }
    for (urls, error) in [
        (vec!["oss=https://a.example"], EndpointError::Service("oss".to_owned())),
        (vec!["https://a.example", "sts=https://b.example"], EndpointError::Twice),
        (vec!["sts=https://a.example", "sts=https://b.example"], EndpointError::Twice),
        (vec!["sts=http://127.0.0.1:1"], EndpointError::Loopback),
        (vec!["sts=http://a.example"], EndpointError::PlainHttp),
        (vec!["sts="], EndpointError::Form),
    ] {
        let urls: Vec<String> = urls.into_iter().map(str::to_owned).collect();
        assert_eq!(Endpoint::choose(&urls, public, None), Err(error), "{urls:?}");
    }
    // Charges are made where ECS is asked: that is the world of the journal.
    let world = |url: &str| Endpoint::choose(&[url.to_owned()], public, None).unwrap().world();
    assert_eq!(world("sts=https://a.example"), "cloud");
    assert_eq!(world("ecs=https://ecs-cn-hangzhou.aliyuncs.com"), "cloud");
    assert_eq!(world("ecs=https://a.example"), "endpoint:https://a.example/");
}
