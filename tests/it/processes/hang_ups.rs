//! Answers that are lost on the way to a process that lives: any one of them, before or after its call
//! has happened. It asks again, or it says what is in doubt.

use super::crowd::{SEATS, each, say};
use super::fleet::{assert_converged, assert_no_charge_too_many};
use super::judge::{Blow, Judge};
use super::kills::{moments, requests};
use super::site::Base;

#[test]
fn a_run_gets_over_any_lost_answer() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let requests = requests(&base, &judge);
    let cases = moments(&requests);
    let count = cases.len();
    each(cases, |key, (nth, moment)| {
        let case = format!("answer {nth} lost ({moment:?})");
        let site = base.site(&judge, key);
        let run = site.run_struck(Blow::hang_up(nth, moment));
        assert_eq!(run.code, Some(0), "{case}: {run:?}");
        assert_converged(&site.seat.world.court(), &case);
    });
    say(&format!("{count} lost answers"));
}

#[test]
fn a_lost_answer_that_cannot_be_asked_again_is_in_doubt_and_held() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    each(vec!["lost_before", "lost_after"], |key, kind| {
        let site = base.site(&judge, key);
        {
            let mut court = site.seat.world.court();
            court.shows = false;
            // The earlier run has made the first charge of this world.
            court.emulator.add_fault(&format!("{{ action: RenewInstance, nth: 2, kind: {kind} }}")).unwrap();
            let refused = "kind: code, http: 400, code: IdempotenceParamNotMatch";
            court.emulator.add_fault(&format!("{{ action: RenewInstance, nth: 3, {refused} }}")).unwrap();
        }
        let run = site.run();
        assert_eq!(run.code, Some(7), "{kind}: {run:?}");
        assert!(run.out.contains("IN DOUBT   i-bare"), "{kind}: {run:?}");
        {
            let mut court = site.seat.world.court();
            assert_no_charge_too_many(&court, kind);
            court.expect_hold("i-bare");
            court.shows = true;
            court.emulator.clear_faults();
        }
        site.converge(kind);
    });
}
