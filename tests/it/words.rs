//! Words: ids, terms, lifetimes, money, escaping, tokens.

use renewctl::ids::{InstanceId, RegionId};
use renewctl::money::{Money, parse_amount, plain_amount, show_amount};
use renewctl::plan::token;
use renewctl::retry::PATIENCE;
use renewctl::term::{AutoRenewTerm, Lifetime, PurchaseTerm, Site, Term};
use renewctl::text::{escape, escape_json, group_digits, nearest};

use crate::support::time;

#[test]
fn ids_never_carry_what_a_list_or_a_host_name_would_misread() {
    for good in ["i-bp67acfmxazb4p0001", "i-1", "i-A-b"] {
        assert!(InstanceId::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "i-",
        "web-1",
        "i-a,i-b",
        "i-a b",
        "i-a\"",
        "i-ä",
        "i-a/b",
        "sg-1",
        &format!("i-{}", "a".repeat(63)),
    ] {
        assert!(InstanceId::parse(bad).is_err(), "{bad}");
    }
    for good in ["cn-beijing", "ap-southeast-1", "cn-north-2-gov-1", "us-east-1"] {
        assert!(RegionId::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "cn",
        "beijing",
        "CN-beijing",
        "cn-beijing.evil.com",
        "cn-beijing/",
        "cn--x",
        "-cn",
        "cn-",
        "c-x",
    ] {
        assert!(RegionId::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_token_is_the_documented_one_and_knows_nothing_of_the_term() {
    let region = RegionId::parse("cn-beijing").unwrap();
    let id = InstanceId::parse("i-bp1exampleweb1").unwrap();
    let derive = |expiry: &str, now: &str| token::derive(&region, &id, time(expiry), time(now)).to_string();
    let expected = "zassxyjeecr7y2ba35zqafrnho2awxuwkr2av5wbjqzdfzfbg2ta";
    assert_eq!(derive("2026-12-02T16:00:00Z", "2026-11-22T04:00:00Z"), expected);
    assert!(expected.len() <= 64);
    // The day is Beijing's, from midnight to midnight.
    assert_eq!(derive("2026-12-02T16:00:00Z", "2026-11-21T16:00:00Z"), expected);
    assert_eq!(derive("2026-12-02T16:00:00Z", "2026-11-22T15:59:59Z"), expected);
    assert_ne!(derive("2026-12-02T16:00:00Z", "2026-11-22T16:00:00Z"), expected);
    assert_ne!(derive("2026-12-02T16:01:00Z", "2026-11-22T04:00:00Z"), expected);
}

#[test]
fn terms_are_read_and_shown_in_one_way() {
    for (text, term) in [
        ("1w", Term::Weeks(1)),
        ("1mo", Term::Months(1)),
        ("12mo", Term::Months(12)),
        ("5y", Term::Months(60)),
    ] {
        assert_eq!(Term::parse(text), Ok(term), "{text}");
    }
    assert_eq!(Term::parse("12mo"), Term::parse("1y"));
    assert_eq!(Term::Months(12).to_string(), "1y");
    for bad in ["", "1", "mo", "0mo", "01mo", "1m", "1d", "1 mo", "-1mo", "999mo", "1MO", "300y"] {
        assert!(Term::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_can_be_bought_and_what_can_be_set_are_different_sets() {
    let months = |n| Term::Months(n);
    for n in [4, 5, 7, 8, 9] {
        assert!(PurchaseTerm::new(months(n), Site::China).is_ok());
        assert!(AutoRenewTerm::new(months(n), Site::China).is_err());
    }
    assert!(PurchaseTerm::new(months(24), Site::International).is_err());
    assert!(AutoRenewTerm::new(months(24), Site::International).is_ok());
    assert!(PurchaseTerm::new(Term::Weeks(1), Site::International).is_err());
    assert!(AutoRenewTerm::new(Term::Weeks(1), Site::International).is_err());
    assert_eq!(PurchaseTerm::on_sale(Site::China).len(), 18);
    assert_eq!(PurchaseTerm::on_sale(Site::International).len(), 10);
    assert_eq!(AutoRenewTerm::all(Site::China).len(), 13);
}

#[test]
fn lifetimes() {
    for (text, hours) in [("36h", 36), ("15d", 360), ("2w", 336)] {
        assert_eq!(Lifetime::parse(text).map(Lifetime::hours), Ok(hours), "{text}");
    }
    for bad in ["", "0d", "15", "d", "1mo", "15 d", "015d", "99999999999d"] {
        assert!(Lifetime::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn amounts_are_exact_and_commas_stand_where_they_belong() {
    for (text, plain) in
        [("5000", "5000.00"), ("5,000.5", "5000.50"), ("0.1", "0.10"), ("1234567.891", "1234567.891")]
    {
        assert_eq!(parse_amount(text).map(plain_amount), Ok(plain.to_owned()), "{text}");
    }
    for bad in ["", "-1", "1,00", "1e3", "+1", ".5", "1.", "1.2.3", "NaN", "１", "1 000"] {
        assert!(parse_amount(bad).is_err(), "{bad}");
    }
    assert_eq!(show_amount(parse_amount("1234567.5").unwrap()), "1,234,567.50");
    assert_eq!(group_digits("-1234"), "-1,234");
    for text in ["5000 CNY", "CNY 5,000.00"] {
        assert_eq!(text.parse::<Money>().unwrap().to_string(), "CNY 5,000.00");
    }
    for bad in ["5000", "CNY", "5000 cny", "5000 CNY USD", "5000CNY"] {
        assert!(bad.parse::<Money>().is_err(), "{bad}");
    }
}

#[test]
fn hostile_text_becomes_one_plain_line() {
    assert_eq!(escape("web-1 中文 é"), "web-1 中文 é");
    assert_eq!(escape("a\u{1b}[31m\n\u{202e}b\u{200b}\\"), "a\\u{1b}[31m\\u{a}\\u{202e}b\\u{200b}\\\\");
    let json = escape_json("{\n \"name\": \"a\u{202e}b\u{e0041}\"\n}");
    assert_eq!(json, "{\n \"name\": \"a\\u202eb\\udb40\\udc41\"\n}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["name"], "a\u{202e}b\u{e0041}");
}

#[test]
fn the_nearest_word_is_near() {
    let words = ["min_remaining", "auto_renew", "region"];
    assert_eq!(nearest("min_remainig", words), Some("min_remaining"));
    assert_eq!(nearest("autorenew", words), Some("auto_renew"));
    assert_eq!(nearest("zone", words), None);
}

#[test]
fn waiting_grows_with_half_of_it_certain_and_a_floor_when_throttled() {
    let ms = |attempt, throttled, wish, chance| PATIENCE.delay(attempt, throttled, wish, chance).as_millis();
    assert_eq!((ms(2, false, None, 0), ms(2, false, None, 255)), (200, 400));
    assert_eq!((ms(4, false, None, 0), ms(4, false, None, 255)), (800, 1600));
    assert_eq!(ms(2, true, None, 0), 1000);
    assert_eq!(ms(30, true, None, 255), 30_000);
    assert_eq!(ms(2, true, Some(1234), 200), 1234);
    assert_eq!(ms(2, true, Some(999_999), 0), 60_000);
}
