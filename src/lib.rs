//! renewctl keeps the lifetime of Alibaba Cloud ECS subscription instances as a desired state.
//!
//! A file says what must hold; the program reads the account, plans, shows, asks, and makes only the
//! calls that are needed. Two promises come before every feature: **never charge twice for one need,
//! never lose an instance that the file says to keep.**
//!
//! # The way of a run
//!
//! ```text
//! files ──config──▶ Config ──▶ DesiredState ─┐
//!                                             ├─plan::draft──▶ Draft ──(quotes)──plan::price──▶ Plan
//! cloud ──cloud::read──▶ Live ────────────────┘                                                  │
//! journal ──journal::fold──▶ holds ──────────▶                         plan::guard::approve ◀────┘
//!                                                                                │
//!        verify ◀── settle ◀── journal ◀── call ◀── journal ◀── plan::step ◀── Approved
//! ```
//!
//! The core asks, the shell answers, the core goes on. A plan without changes, made from a new
//! reading, is the proof that an apply has converged.
//!
//! # The layers
//!
//! A module uses only modules above it; `tests/it/layers.rs` keeps it so.
//!
//! | layer | modules | what it may do |
//! |---|---|---|
//! | words | [`ids`] [`text`] [`term`] [`money`] [`calendar`] [`retry`] [`diagnostic`] | data and small rules, no I/O |
//! | states | [`config`] [`live`] [`desired`] | what is wanted, what was read |
//! | thought | [`plan`] [`render`] | decide and show: pure, total, deterministic |
//! | doors | [`ports`] [`journal`] | traits for the world; the journal's format |
//! | deeds | [`cloud`] [`planning`] [`apply`] [`verify`] | effects, only through the doors |
//! | worlds | [`emulator`] [`system`] | two things to stand behind the doors |
//! | face | [`cli`] | arguments in, exit code out |
//!
//! Nothing above the doors knows that a network, a disk or a clock exists: `now` is the cloud's, and
//! is handed in. API words live in `cloud` and the emulator, nowhere else. The emulator shares
//! no rule with the client, so that its ledger can judge it. One place sends, retries and signs what
//! the run is for (`cloud::call`); the key for it comes from `cloud::credentials`, which asks for
//! sessions by itself, and for nothing that has an effect. One place writes the journal
//! ([`journal::Journal`]), one touches the world ([`system`]).
//!
//! # Why a need is charged once
//!
//! A *need* is (instance, observed expiry). The argument has three parts, each enough on its own
//! where the others fail; every sentence names the code that makes it true, and the tests that would
//! see it broken are named below.
//!
//! **Two sends for one need cannot both be orders, while the cloud remembers the token.** Every send
//! for a need on one Beijing day carries the same `ClientToken`, whoever sends it, from whatever
//! machine, with or without a journal ([`plan::token`]). The cloud repeats its first answer, or refuses
//! other parameters; the term is left out of the token so that two runs with different files collide
//! and do not pass each other.
//!
//! **A send on another day, or after the token is forgotten, sees the effect of the first.** Nothing is
//! sent, for the first time or again, without a reading of the last minute that equals the plan: same
//! expiry, charge type and locks but for the one that comes with an expiry (`apply::charge`); after an answer
//! that leaves open whether the cloud has acted it is a new one. First sends wait from 00:00 to 00:45 Beijing time
//! and resends stop at midnight ([`plan::window`]), so that between the last send under one day's token
//! and the first under the next there are 45 minutes, and an effect shows within 30. When somebody
//! else's order is said to be in progress, nothing is sent again at all.
//!
//! **What one run does not know, the next one does not guess.** The intent is durable before the call
//! leaves, and written again before every resend ([`journal::Journal`]); a call whose outcome is not known
//! holds its instance for 45 minutes from the last of them (nothing is sent more than 5 minutes after its line),
//! an order that was acknowledged and does not show for 72 hours, a reading older than one that was
//! seen for 24 hours ([`journal::fold`]). Every hold ends by itself, and then a new reading decides, so
//! that doubt never loses an instance either. With the journal lost the first two parts remain.
//!
//! Besides: while the platform's own renewal may be charging, we do not ([`plan::window`]); of several
//! charges the first goes alone, and at most twenty are unsettled at one time (`apply`); a stop-class
//! answer, a full disk and a signal end the sending, and whatever was sent is in the journal.
//!
//! **Assumptions.** (1) A token is remembered for longer than an effect takes to show, by the time from a
//! reading to the arrival of what was sent on it: a minute, and a minute and a half on the way. (2) An effect
//! shows within 30 minutes. (3) The `Date` header is the cloud's clock. (4) What `fsync` has promised
//! is kept. (5) Nobody else renews the same instance within the minute between our reading and our
//! call, nor so shortly before it that their order does not show yet: two orders of two parties are two
//! orders, and two runs of which only one has seen theirs pay for two needs. (6) Between the last check and
//! the sending no machine sleeps for long: a request that leaves more than 15 minutes after it was signed is
//! refused for its timestamp. Without (1) or (2) the simulation counts how often it goes wrong, and the
//! README says so.
//!
//! **Checked by** `tests/simulation` (the real code on virtual time, judged by the emulator's ledger),
//! `tests/it/processes` (the real binary, killed at every call and every write of the journal),
//! `tests/it/money_safety`, `canary.rs`, `interrupts.rs`, `saved_plans`, `guards.rs`, `journal.rs` and
//! `credentials/long_apply.rs` (sessions that end in the middle).
//!
//! # Why no instance is lost
//!
//! A charge is left out only for a reason that is told with a non-zero exit: blocked, held, refused,
//! not tried, in doubt ([`plan::outcome`]). Holds end by themselves. A fault stops the smallest thing:
//! an id, then a region; credentials, a wrong account, the journal and a signal stop all, stop-class answers,
//! a first charge that went wrong and a cloud that cannot be read stop the charges. Within 48 hours of the expiry the waits that guard against the platform end, because waiting
//! would be the greater danger. A plan without changes, made from a new reading, is the only proof of
//! success ([`verify`]).

pub mod ids;
pub mod text;
pub mod term;
pub mod money;
pub mod calendar;
pub mod retry;
pub mod diagnostic;
pub mod config;
pub mod live;
pub mod desired;
pub mod plan;
pub mod render;
pub mod ports;
pub mod journal;
pub mod cloud;
pub mod planning;
pub mod apply;
pub mod verify;
pub mod emulator;
pub mod system;
pub mod cli;
