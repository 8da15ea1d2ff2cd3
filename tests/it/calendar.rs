//! The client's calendar, the emulator's, and a third count, for every day of many years.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use renewctl::calendar::{add_term, show_left, show_span};
use renewctl::emulator::calendar as emulator;
use renewctl::term::Term;

use crate::support::time;

/// Counts month by month on plain dates, then clamps: no arithmetic of either side.
fn oracle(expiry: DateTime<Utc>, months: u8) -> DateTime<Utc> {
    let local = expiry + TimeDelta::hours(8);
    let (mut year, mut month) = (local.year(), local.month());
    for _ in 0..months {
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    let day = (1..=local.day()).rev().find_map(|day| NaiveDate::from_ymd_opt(year, month, day)).unwrap();
    day.and_time(local.time()).and_utc() - TimeDelta::hours(8)
}

#[test]
fn both_calendars_agree_with_a_third_for_every_day_and_term() {
    let first = time("2024-01-01T16:00:00Z");
    for day in 0..13_515 {
        let expiry = first + Days::new(day);
        for months in [1u8, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36, 48, 60] {
            let expected = oracle(expiry, months);
            assert_eq!(add_term(expiry, Term::Months(months)), Some(expected), "{expiry} + {months} months");
            assert_eq!(
                emulator::add_months(expiry, i64::from(months)),
                Some(expected),
                "{expiry} + {months} months"
            );
        }
        for weeks in 1u8..=4 {
            let expected = expiry + TimeDelta::days(7 * i64::from(weeks));
            assert_eq!(add_term(expiry, Term::Weeks(weeks)), Some(expected));
            assert_eq!(emulator::add_weeks(expiry, i64::from(weeks)), Some(expected));
        }
    }
}

#[test]
fn the_documented_examples() {
    for (expiry, months, expected) in [
        // bought 2019-08-09, one month; renewed
        ("2019-09-09T16:00:00Z", 1, "2019-10-09T16:00:00Z"),
        // 31 January in Beijing, although it is the 30th in UTC
        ("2026-01-30T16:00:00Z", 1, "2026-02-27T16:00:00Z"),
        ("2028-01-30T16:00:00Z", 1, "2028-02-28T16:00:00Z"),
        ("2026-01-31T16:00:00Z", 1, "2026-02-28T16:00:00Z"),
        ("2026-05-20T16:00:00Z", 1, "2026-06-20T16:00:00Z"),
        ("2026-05-31T16:00:00Z", 1, "2026-06-30T16:00:00Z"),
        ("2028-02-28T16:00:00Z", 12, "2029-02-27T16:00:00Z"),
    ] {
        assert_eq!(add_term(time(expiry), Term::Months(months)), Some(time(expected)), "{expiry} + {months}");
    }
}

#[test]
fn a_renewal_is_added_whole_because_months_are_not_associative() {
    let january = time("2026-01-30T16:00:00Z");
    let twice = add_term(add_term(january, Term::Months(1)).unwrap(), Term::Months(1)).unwrap();
    assert_ne!(add_term(january, Term::Months(2)), Some(twice));
}

#[test]
fn the_shortest_length_of_a_term_is_reached_and_never_undercut() {
    for months in [1u8, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36, 48, 60] {
        let term = Term::Months(months);
        let first = time("2023-12-31T16:00:00Z");
        let shortest = (0..8 * 366)
            .map(|day| first + Days::new(day))
            .map(|day| (add_term(day, term).unwrap() - day).num_days())
            .min();
        assert_eq!(shortest, Some(term.days_min()), "{term}");
    }
}

#[test]
fn spans_are_said_as_people_say_them() {
    let minutes = TimeDelta::minutes;
    let shown: Vec<String> =
        [0, 5, 60, 61, 1440, 1500, 14_640].into_iter().map(|m| show_span(minutes(m))).collect();
    assert_eq!(shown, ["0m", "5m", "1h 0m", "1h 1m", "1d", "1d 1h", "10d 4h"]);
    assert_eq!(show_left(minutes(14_640)), "10d 4h left");
    assert_eq!(show_left(minutes(-1440)), "expired 1d ago");
}
