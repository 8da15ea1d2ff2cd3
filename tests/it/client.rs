//! The client: batches, pages, retries, classes, secrets. Replies come from the emulator, or from a
//! script where the emulator would be too well-behaved.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use renewctl::cloud::Gate;
use renewctl::cloud::{self, Cloud, Credentials, Endpoint, QuoteError, ReadId, RenewOrder};
use renewctl::ids::{InstanceId, RegionId};
use renewctl::live::{Answer, ChargeType};
use renewctl::plan::token;
use renewctl::ports::{HttpReply, HttpRequest, LocalFuture, Transport, TransportError};
use renewctl::retry::Class;
use renewctl::term::{LiveAutoRenew, PurchaseTerm, Site, Term};

use crate::support::{CountingEntropy, Sim, SimClock, run, time};

fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

fn beijing() -> RegionId {
    RegionId::parse("cn-beijing").unwrap()
}

fn want(ids: impl IntoIterator<Item = String>) -> Vec<ReadId> {
    ids.into_iter().map(|text| ReadId { region: beijing(), id: id(&text), auto_renew: true }).collect()
}

fn many(count: u32) -> String {
    format!(
        "now: 2026-12-01T02:05:00Z\ngenerate: [{{ count: {count}, id_prefix: i-n, like: {{ region: cn-beijing, \
         expires_in: 100d, auto_renew: 1mo }} }}]"
    )
}

#[test]
fn two_hundred_and_fifty_instances_are_read_whole() {
    run(async {
        let sim = Sim::new(&many(250));
        let live =
            sim.cloud().read(&want((1..=250).map(|n| format!("i-n{n:04}"))), &|_, _| ()).await.unwrap();
        let on = live.answers.values().filter(|answer| match answer {
            Answer::Found(instance) => instance.auto_renew == Some(Ok(LiveAutoRenew::Every(Term::Months(1)))),
            _ => false,
        });
        assert_eq!(on.count(), 250);
        assert_eq!(live.read_at, time("2026-12-01T02:05:00Z"));
    });
}

#[test]
fn every_id_asked_for_has_an_answer() {
    run(async {
        let world = "
now: 2026-12-01T02:05:00Z
instances:
  - { id: i-here, region: cn-beijing, expires_in: 10d, auto_renew: 2w }
  - { id: i-payg, region: cn-beijing, charge_type: PostPaid }
  - { id: i-elsewhere, region: cn-shanghai, expires_in: 10d }
";
        let sim = Sim::new(world);
        let ids = ["i-here", "i-payg", "i-elsewhere", "i-nowhere"];
        let live = sim.cloud().read(&want(ids.map(str::to_owned)), &|_, _| ()).await.unwrap();
        let answer = |text: &str| live.answers.get(&(beijing(), id(text))).unwrap();
        let Answer::Found(here) = answer("i-here") else { panic!() };
        assert_eq!(here.auto_renew, Some(Ok(LiveAutoRenew::Every(Term::Weeks(2)))));
        let Answer::Found(payg) = answer("i-payg") else { panic!() };
        assert_eq!((&payg.charge_type, &payg.auto_renew), (&ChargeType::PayAsYouGo, &None));
        assert_eq!(answer("i-elsewhere"), &Answer::Absent);
        assert_eq!(answer("i-nowhere"), &Answer::Absent);
    });
}

#[test]
fn a_refused_batch_is_split_and_only_the_bad_id_is_unreadable() {
    run(async {
        let sim = Sim::new(&many(100));
        // Gone between the two reads: the second one then refuses the whole batch.
        let emulator = Rc::clone(&sim.emulator);
        // An id counts as done when its setting is there, too: the first call comes between the reads.
        let gone = move |done: usize, _| {
            if done == 0 {
                emulator.borrow_mut().remove("i-n0037");
            }
        };
        let live = sim.cloud().read(&want((1..=100).map(|n| format!("i-n{n:04}"))), &gone).await.unwrap();
        let unread: Vec<_> = live
            .answers
            .iter()
            .filter(|(_, answer)| matches!(answer, Answer::Found(i) if !matches!(i.auto_renew, Some(Ok(_)))))
            .map(|((_, id), _)| id.as_str().to_owned())
            .collect();
        assert_eq!(unread, ["i-n0037"]);
        assert!(!live.is_complete());
        assert!(sim.emulator.borrow().call_count("DescribeInstanceAutoRenewAttribute") <= 15);
    });
}

#[test]
fn an_unreadable_batch_blocks_its_own_members_only() {
    run(async {
        let sim = Sim::new(&many(250));
        // The first batch is read in halves; the second is refused until splitting gives up.
        sim.fault("{ action: DescribeInstances, nth: 1, kind: code, http: 403, code: Forbidden.RAM }");
        sim.fault(
            "{ action: DescribeInstances, nth: 4, times: 100, kind: code, http: 403, code: Forbidden.RAM }",
        );
        let wanted = want((1..=250).map(|n| format!("i-n{n:04}")));
        let live = sim.cloud_with(1).read(&wanted, &|_, _| ()).await.unwrap();
        let found = |from: u32, to: u32| {
            let ids = (from..=to).map(|n| (beijing(), id(&format!("i-n{n:04}"))));
            ids.filter(|key| matches!(live.answers.get(key), Some(Answer::Found(_)))).count()
        };
        assert_eq!((found(1, 100), found(101, 200), live.answers.len()), (100, 0, 250));
        let calls = sim.emulator.borrow().call_count("DescribeInstances");
        assert!(calls <= 3 + 64 + 10 + 64, "splitting is bounded: {calls}");
    });
}

#[test]
fn wrong_credentials_stop_everything_at_once() {
    run(async {
        let sim = Sim::new(&many(250));
        sim.fault("{ action: DescribeInstances, nth: 1, times: 9, kind: code, http: 400, code: InvalidSecurityToken.Expired }");
        let error = sim.cloud().read(&want(["i-n0001".to_owned()]), &|_, _| ()).await.unwrap_err();
        assert_eq!((error.class, error.attempts), (Class::Credentials, 1));
        assert!(error.hint.unwrap().contains("session"), "{error:?}");
    });
}

#[test]
fn prices_are_asked_in_the_form_that_has_one() {
    run(async {
        let world = "
now: 2026-12-01T02:05:00Z
instances: [{ id: i-one, region: cn-beijing, expires_in: 10d, price_per_month: '33.10', list_price_per_month: '40' }]
";
        let sim = Sim::new(world);
        let cloud = sim.cloud();
        for (term, amount) in [("1mo", "33.10"), ("9mo", "297.90"), ("12mo", "397.20"), ("36mo", "1191.60")] {
            let quote = cloud.quote(&beijing(), &id("i-one"), Term::parse(term).unwrap()).await.unwrap();
            assert_eq!(
                quote.amount.to_string(),
                format!("CNY {}", renewctl::text::group_digits(amount)),
                "{term}"
            );
        }
        for term in ["1w", "4w", "48mo", "60mo"] {
            let term = Term::parse(term).unwrap();
            let error = cloud.quote(&beijing(), &id("i-one"), term).await.unwrap_err();
            assert_eq!(error, QuoteError::Unquotable(term));
        }
    });
}

/// Answers by a script, and keeps what it was asked.
#[derive(Default)]
struct Script {
    answers: RefCell<VecDeque<Result<HttpReply, TransportError>>>,
    asked: RefCell<Vec<(HttpRequest, tokio::time::Duration)>>,
    start: Option<tokio::time::Instant>,
}

impl Transport for Script {
    fn send(&self, request: HttpRequest) -> LocalFuture<'_, Result<HttpReply, TransportError>> {
        self.asked.borrow_mut().push((request, self.start.unwrap().elapsed()));
        let answer =
            self.answers.borrow_mut().pop_front().unwrap_or(Err(TransportError::NotSent("over".into())));
        Box::pin(async move { answer })
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the form that a transport has")]
fn reply(status: u16, body: &str, headers: &[(&str, &str)]) -> Result<HttpReply, TransportError> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok(HttpReply { status, headers, body: body.as_bytes().to_vec() })
}

/// A script that the test keeps a hold of.
struct Shared(Rc<Script>);

impl Transport for Shared {
    fn send(&self, request: HttpRequest) -> LocalFuture<'_, Result<HttpReply, TransportError>> {
        self.0.send(request)
    }
}

fn scripted(answers: Vec<Result<HttpReply, TransportError>>) -> (Cloud, Rc<Script>) {
    let script = Rc::new(Script {
        answers: RefCell::new(answers.into()),
        start: Some(tokio::time::Instant::now()),
        ..Script::default()
    });
    let doors = cloud::Doors {
        transport: Rc::new(Shared(Rc::clone(&script))),
        clock: Rc::new(SimClock::new()),
        entropy: Rc::new(CountingEntropy::default()),
    };
    let credentials = Credentials::new("key-id", "topsecret").with_security_token("session+token");
    (Cloud::new(doors, credentials, Endpoint::Regional, 4), script)
}

/// Lets so many resends through.
struct Resends(Cell<usize>);

impl Gate for Resends {
    fn may_resend(&self, _: Class) -> LocalFuture<'_, bool> {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        Box::pin(async move { left > 0 })
    }
}

async fn renew(cloud: &Cloud, resends: usize) -> Result<cloud::Receipt, cloud::CallError> {
    let (region, id) = (beijing(), id("i-one"));
    let token = token::derive(&region, &id, time("2026-12-10T16:00:00Z"), time("2026-12-01T02:05:00Z"));
    let term = PurchaseTerm::new(Term::Months(1), Site::China).unwrap();
    cloud
        .renew(&RenewOrder { region: &region, id: &id, term, token: &token }, &Resends(Cell::new(resends)))
        .await
}

const FREELY: usize = usize::MAX;
const OK_NUMBER: &str = r#"{"OrderId":234500000001,"RequestId":"R-1"}"#;
const OK_TEXT: &str = r#"{"OrderId":"234500000001","RequestId":"R-1"}"#;

fn form(request: &HttpRequest, name: &str) -> String {
    let prefix = format!("{name}=");
    request.body.split('&').find_map(|pair| pair.strip_prefix(&prefix)).unwrap_or_default().to_owned()
}

#[test]
fn both_forms_of_an_order_number_are_read() {
    for body in [OK_NUMBER, OK_TEXT] {
        run(async {
            let (cloud, _) = scripted(vec![reply(200, body, &[])]);
            assert_eq!(renew(&cloud, FREELY).await.unwrap().order_id, "234500000001");
        });
    }
}

#[test]
fn patience_ends() {
    run(async {
        let lost = || Err(TransportError::NoAnswer("reset".into()));
        let (cloud, script) = scripted((0..50).map(|_| lost()).collect());
        let error = renew(&cloud, FREELY).await.unwrap_err();
        assert_eq!((error.attempts, script.asked.borrow().len(), error.maybe_done), (8, 8, true));
        let (cloud, script) = scripted((0..50).map(|_| lost()).collect());
        renew(&cloud, 2).await.unwrap_err();
        assert_eq!(script.asked.borrow().len(), 3, "no resend that the gate does not allow");
        let unsent = || Err(TransportError::NotSent("no route".into()));
        let (cloud, script) = scripted((0..50).map(|_| unsent()).collect());
        assert!(!renew(&cloud, FREELY).await.unwrap_err().maybe_done);
        assert_eq!(script.asked.borrow().len(), 4, "a network that is not there stays away");
    });
}

#[test]
fn a_request_asks_for_json_at_the_regional_host_and_hides_nothing_in_its_address() {
    run(async {
        let (cloud, script) = scripted(vec![reply(200, OK_NUMBER, &[])]);
        renew(&cloud, FREELY).await.unwrap();
        let (request, _) = &script.asked.borrow()[0];
        assert_eq!(request.url, "https://ecs.cn-beijing.aliyuncs.com/");
        assert_eq!((form(request, "Format"), form(request, "Version")), ("JSON".into(), "2014-05-26".into()));
        assert_eq!((form(request, "Period"), form(request, "PeriodUnit")), ("1".into(), "Month".into()));
        assert_eq!(form(request, "SecurityToken"), "session%2Btoken", "signed like any parameter");
        assert!(!request.body.contains("topsecret"));
    });
}

#[test]
fn one_odd_record_makes_nobody_else_unreadable() {
    let instances = r#"{"Instances":{"Instance":[
        {"InstanceId":"i-one","InstanceName":null,"RegionId":"cn-beijing","InstanceChargeType":"PrePaid","Status":null,
         "ExpiredTime":"2026-12-10T16:00Z","OperationLocks":null},
        {"InstanceId":"i-two","RegionId":"cn-beijing","InstanceChargeType":7,"ExpiredTime":"2026-12-10T16:00Z"},
        {"InstanceId":"i-three","RegionId":"cn-beijing","InstanceChargeType":"PrePaid"}]},"NextToken":""}"#;
    let settings = r#"{"TotalCount":1,"InstanceRenewAttributes":{"InstanceRenewAttribute":[
        {"InstanceId":"i-one","AutoRenewEnabled":"perhaps"}]}}"#;
    run(async {
        let (cloud, _) = scripted(vec![reply(200, instances, &[]), reply(200, settings, &[])]);
        let live =
            cloud.read(&want(["i-one", "i-two", "i-three"].map(str::to_owned)), &|_, _| ()).await.unwrap();
        let answer = |text: &str| live.answers.get(&(beijing(), id(text))).unwrap();
        let Answer::Found(one) = answer("i-one") else { panic!() };
        assert!(matches!(&one.auto_renew, Some(Err(why)) if why.reason.contains("not understood")));
        assert!(matches!(answer("i-two"), Answer::Unreadable(why) if why.reason.contains("not understood")));
        assert!(matches!(answer("i-three"), Answer::Unreadable(why) if why.reason.contains("no time")));
    });
}

#[test]
fn the_servers_time_is_taken_from_the_cloud_only_and_never_runs_back() {
    run(async {
        let at = |date| [("date", date)];
        let answers = vec![
            reply(502, "<html>", &at("Mon, 23 Nov 2026 09:00:00 GMT")),
            reply(200, OK_TEXT, &at("Mon, 23 Nov 2026 01:00:00 GMT")),
            reply(200, OK_TEXT, &at("Mon, 23 Nov 2026 00:59:59 GMT")),
        ];
        let (cloud, _) = scripted(answers);
        renew(&cloud, FREELY).await.unwrap();
        let first = cloud.server_now();
        assert_eq!(first, time("2026-11-23T01:00:00Z"));
        renew(&cloud, FREELY).await.unwrap();
        assert!(cloud.server_now() >= first);
    });
}
