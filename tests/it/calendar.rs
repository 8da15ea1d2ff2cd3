//! The client's calendar, the emulator's, and a third that is counted out day by day, for every day of
//! many years and every term of both sites.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, TimeDelta, Utc};
use renewctl::calendar::{add_term, show_left, show_span};
use renewctl::emulator::calendar as emulator;
use renewctl::term::{AutoRenewTerm, PurchaseTerm, Site, Term};

use crate::support::time;

/// Year, month, day.
type Date = (i64, u32, u32);

/// A wall calendar: every day written down one after the other, as one counts on fingers. It takes
/// nothing from a date library and nothing from either side.
pub struct WallCalendar {
    days: Vec<Date>,
    numbers: BTreeMap<Date, i64>,
}

/// 1 January 2024, counted from 1 January 1970: 54 years, 13 of them leap years.
const FIRST: i64 = 54 * 365 + 13;
const DAY_S: i64 = 86_400;

impl WallCalendar {
    /// The days from 2024 to `last_year`.
    pub fn new(last_year: i64) -> Self {
        let mut days = Vec::new();
        for year in 2024..=last_year {
            let leap = year % 4 == 0; // no full century in between
            for (month, length) in
                (1..).zip([31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
            {
                days.extend((1..=length).map(|day| (year, month, day)));
            }
        }
        let numbers = (FIRST..).zip(&days).map(|(number, date)| (*date, number)).collect();
        Self { days, numbers }
    }

    /// Turns the leaves on, month by month, and takes the last day there is.
    fn months_on(&self, number: i64, months: u8) -> i64 {
        let (mut year, mut month, mut day) = self.days[usize::try_from(number - FIRST).unwrap()];
        for _ in 0..months {
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        while !self.numbers.contains_key(&(year, month, day)) {
            day -= 1;
        }
        self.numbers[&(year, month, day)]
    }

    /// The end of a term, counted on the Beijing date; in seconds since 1970.
    pub fn end(&self, anchor_s: i64, term: Term) -> i64 {
        let months = match term {
            Term::Weeks(weeks) => return anchor_s + i64::from(weeks) * 7 * DAY_S,
            Term::Months(months) => months,
        };
        let local = anchor_s + 8 * 3600;
        let (day, second) = (local / DAY_S, local % DAY_S);
        self.months_on(day, months) * DAY_S + second - 8 * 3600
    }
}

/// Every term that can be bought, or that auto-renewal can be set to, at either site.
fn terms() -> Vec<Term> {
    let of = |site: Site| {
        let bought = PurchaseTerm::on_sale(site).into_iter().map(PurchaseTerm::term);
        bought.chain(AutoRenewTerm::all(site).into_iter().map(AutoRenewTerm::term)).collect::<Vec<_>>()
    };
    let mut all = [of(Site::China), of(Site::International)].concat();
    all.sort();
    all.dedup();
    all
}

#[test]
fn both_calendars_agree_with_a_third_for_every_day_of_2024_to_2060_and_every_term() {
    let wall = WallCalendar::new(2066);
    let terms = terms();
    assert_eq!(terms.len(), 18, "1 to 9, 12, 24, 36, 48 and 60 months; 1 to 4 weeks");
    // The first minute of a Beijing day and its last: in UTC they have different dates.
    for first in ["2023-12-31T16:00:00Z", "2024-01-01T15:59:00Z"] {
        let first = time(first);
        for day in 0..13_515 {
            let anchor = first + TimeDelta::days(day);
            for &term in &terms {
                let expected = DateTime::from_timestamp(wall.end(anchor.timestamp(), term), 0);
                assert_eq!(add_term(anchor, term), expected, "{anchor} + {term}");
                let emulated = match term {
                    Term::Months(months) => emulator::add_months(anchor, i64::from(months)),
                    Term::Weeks(weeks) => emulator::add_weeks(anchor, i64::from(weeks)),
                };
                assert_eq!(emulated, expected, "{anchor} + {term}");
            }
        }
    }
}

#[test]
fn the_wall_calendar_knows_its_days() {
    let wall = WallCalendar::new(2061);
    for (number, date) in [(19_723, (2024, 1, 1)), (19_782, (2024, 2, 29)), (33_237, (2060, 12, 31))] {
        assert_eq!(wall.numbers[&date], number);
        let by_library: DateTime<Utc> = DateTime::from_timestamp(number * DAY_S, 0).unwrap();
        assert_eq!(by_library.format("%Y-%-m-%-d").to_string(), format!("{}-{}-{}", date.0, date.1, date.2));
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
    assert_eq!(show_left(minutes(0)), "expired 0m ago");
    assert_eq!(show_left(minutes(-1440)), "expired 1d ago");
}
