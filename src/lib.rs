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
//! no rule with the client, so that its ledger can judge it. One place sends, retries and signs
//! (`cloud::call`), one writes the journal ([`journal::Journal`]), one touches the world ([`system`]).
//!
//! # Why a need is charged once
//!
//! A need is (instance, observed expiry).
//!
//! 1. **Token.** Every send for a need on one Beijing day carries the same `ClientToken`, whoever
//!    sends it ([`plan::token`]): the cloud repeats its first answer, or refuses other parameters.
//! 2. **Fresh reading.** Nothing is sent, for the first time or again, on a reading older than a
//!    minute, or on one that differs from the plan (`apply::charge`). When somebody else's order is
//!    said to be in progress, nothing is sent again at all: its effect may come later than any wait.
//! 3. **Midnight.** A new day is a new token, so resends stop at midnight and first sends begin at
//!    00:45: by then the effect of yesterday's charge is visible, and 2 sees it.
//! 4. **Holds.** What is in doubt is not planned again until its hold ends ([`journal::fold`]). With
//!    the journal lost, 1 to 3 remain.
//! 5. **The platform's hours.** While auto-renewal may be charging, we do not ([`plan::window`]).
//!
//! It assumes that a token is kept for longer than an effect takes to show, and that an effect shows
//! within 30 minutes. Both are assumptions: see the table in the README.

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
