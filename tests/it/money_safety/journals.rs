//! Journals that are locked, damaged, torn or full.

use renewctl::cli::Exit;

use super::{THREE, WANT_THREE, nothing_charged, sent_tokens};
use crate::support::{ONE, Sim, WANT_ONE, assert_exit, run};

#[test]
fn a_journal_that_cannot_be_written_sends_nothing_more() {
    // Lines of a run with three charges: 0 run; intent, outcome and settlement of the first, which goes
    // alone; intent and outcome of each other one.
    for (appends, charges) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)] {
        run(async {
            let sim = Sim::new(THREE);
            sim.journal.appends_left.set(Some(appends));
            let applied = sim.apply(WANT_THREE).await;
            assert_eq!(sim.ledger().len(), charges, "{appends} appends: {}", applied.out);
            assert_eq!(sent_tokens(&sim).len(), charges, "{appends} appends");
            let exit = if charges == 0 { Exit::Error } else { Exit::NotConverged };
            assert_exit(&applied, exit);
        });
    }
}

#[test]
fn a_locked_or_damaged_journal_sends_nothing() {
    run(async {
        let sim = Sim::new(ONE);
        sim.journal.locked_by_other.set(true);
        nothing_charged("locked", &sim, &sim.apply(WANT_ONE).await, Exit::Locked, "another run");

        let sim = Sim::new(ONE);
        sim.journal.bytes.borrow_mut().extend_from_slice(b"garbage\n");
        let applied = sim.apply(WANT_ONE).await;
        assert_exit(&applied, Exit::Error);
        assert!(applied.err.contains("line 1 of the journal"), "{}", applied.err);
        assert_eq!(sim.ledger().len(), 0);
    });
}

#[test]
fn a_torn_last_line_is_tolerated_and_marked() {
    run(async {
        let sim = Sim::new(ONE);
        sim.journal.bytes.borrow_mut().extend_from_slice(b"{\"after\":\"0123");
        assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
        let contents = renewctl::journal::parse(&sim.journal.bytes.borrow());
        assert_eq!(contents.damaged, None);
        assert_eq!(contents.torn, 0);
        assert_eq!(sim.ledger().len(), 1);
    });
}

#[test]
fn a_failed_append_leaves_a_journal_that_the_next_run_can_use() {
    run(async {
        let sim = Sim::new(THREE);
        sim.journal.tears.set(true);
        sim.journal.appends_left.set(Some(2));
        sim.apply(WANT_THREE).await;
        sim.journal.appends_left.set(None);
        let next = sim.apply(WANT_THREE).await;
        assert!(next.err.contains("is torn"), "{}", next.err);
        assert_ne!(next.exit, Exit::Error.code(), "{}", next.err);
        assert_eq!(renewctl::journal::parse(&sim.journal.bytes.borrow()).damaged, None);
    });
}

#[test]
fn a_damaged_journal_is_said_before_the_night_on_which_it_matters() {
    run(async {
        let sim = Sim::new(ONE);
        sim.journal.bytes.borrow_mut().extend_from_slice(b"garbage\n");
        let applied = sim.apply(&WANT_ONE.replace("15d", "24h")).await;
        assert_exit(&applied, Exit::Ok);
        assert!(applied.err.contains("line 1 of the journal"), "{}", applied.err);
    });
}
