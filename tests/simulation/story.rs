//! The story of a seed: some bad hours or days, and then calm nights.

use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use renewctl::config::load;
use renewctl::desired::DesiredState;

use crate::clock::next_beijing;
use crate::coverage::{Counts, Seen};
use crate::disk::Disk;
use crate::draw::{Mix, Scenario, Version, Weather};
use crate::judge::Violation;
use crate::policies::Policy;
use crate::prices;
use crate::process::{Process, Start, run, save};
use crate::saved::SavedFile;
use crate::signals::Signalling;
use crate::trace::Trace;
use crate::world::World;

/// The examples run at this time in Beijing (design 4.9).
const NIGHTLY_MINUTE: i64 = 20 * 60 + 17;

/// Runs that must not be close to each other have so much time between them.
const APART: TimeDelta = TimeDelta::minutes(3);

/// What came of a seed.
pub struct Told {
    pub violations: Vec<Violation>,
    pub counts: Counts,
    pub trace: Vec<String>,
    pub double_charges: usize,
    /// The same for the same seed, whenever it is played.
    pub fingerprint: u64,
}

/// Plays one seed.
pub fn play(seed: u64, mix: Mix, policy: Policy, traced: bool) -> Told {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let scenario = Scenario::draw(seed, mix);
        let world = Rc::new(World::new(scenario, seed, policy, Trace::new(traced)));
        Story::new(&world).tell().await;
        Told {
            violations: world.judge.violations(),
            counts: world.seen.counts(),
            trace: world.trace.take(),
            double_charges: world.judge.double_charges(),
            fingerprint: world.dice.next(),
        }
    })
}

/// A machine on which all is well.
fn calm_start(verify_timeout_s: u64) -> Start {
    Start {
        after: TimeDelta::zero(),
        killed_after: None,
        signalling: None,
        skew: TimeDelta::zero(),
        verify_timeout_s,
        typed: false,
        checked: false,
        parallelism: 8,
        locks: true,
        alone: true,
    }
}

struct Story<'a> {
    world: &'a Rc<World>,
    desired: Vec<DesiredState>,
    /// The journal that the nightly job keeps.
    disk: Rc<Disk>,
    /// Earlier copies of it.
    copies: Vec<Vec<u8>>,
    /// Plans that somebody saved.
    plans: Vec<Rc<SavedFile>>,
    runs: usize,
}

fn desired(version: &Version) -> DesiredState {
    let files: Vec<_> = version
        .texts
        .iter()
        .enumerate()
        .map(|(index, text)| (format!("{index}.yaml").into(), text.clone().into_bytes()))
        .collect();
    let loaded = load(&files);
    loaded.config.unwrap_or_else(|| panic!("{:#?}\n{:?}", loaded.diagnostics, version.texts)).into()
}

impl<'a> Story<'a> {
    fn new(world: &'a Rc<World>) -> Self {
        let desired = world.scenario.versions.iter().map(desired).collect();
        Self { world, desired, disk: Rc::default(), copies: Vec::new(), plans: Vec::new(), runs: 0 }
    }

    async fn tell(&mut self) {
        let world = self.world;
        if world.scenario.tight {
            world.seen.note(Seen::TightSeeds);
        }
        if world.scenario.small_pages {
            world.seen.note(Seen::SmallPages);
        }
        if world.scenario.versions[0].parts.iter().any(|part| part.soonest_first) {
            world.seen.note(Seen::SoonestFirst);
        }
        if world.scenario.brief_tokens {
            world.seen.note(Seen::BriefTokens);
        }
        if world.scenario.instances.len() > 100 {
            world.seen.note(Seen::LargeFleets);
        }
        world.say(|| format!("the world begins; its effects show after {} s", world.scenario.lag_s));
        world.say(|| world.scenario.world());
        world.say(|| {
            world
                .scenario
                .versions
                .iter()
                .flat_map(|version| version.texts.clone())
                .collect::<Vec<_>>()
                .join("---\n")
        });
        for act in 0..world.scenario.acts {
            if act > 0 {
                world.hands.sleep(self.gap()).await;
                world.drain();
                self.people_between();
            }
            self.act().await;
            self.copies.push(self.disk.bytes.borrow().clone());
            self.lose_journal();
        }
        self.nights().await;
        world.judge.last_judgement(world);
    }

    /// Until the next runs: at once, soon, around midnight and the platform's hours, the next night.
    fn gap(&self) -> TimeDelta {
        let (dice, now) = (&self.world.dice, self.world.now());
        let until = |minute: i64, early: i64, late: i64| {
            (next_beijing(now, minute) + TimeDelta::minutes(dice.between(-early, late)) - now)
                .max(TimeDelta::zero())
        };
        let gap = match dice.roll(10) {
            0 => TimeDelta::zero(),
            1 => TimeDelta::seconds(dice.between(1, 120)),
            2 => TimeDelta::minutes(dice.between(2, 60)),
            3 => TimeDelta::minutes(dice.between(45, 50)),
            4 => TimeDelta::hours(dice.between(1, 10)),
            5 => until(0, 20, 0),
            6 => until(0, 5, 60),
            7 => until(7 * 60 + 30, 10, 60),
            8 => until(18 * 60, 20, 60),
            _ => until(NIGHTLY_MINUTE, 0, 0),
        };
        if self.world.scenario.brief_tokens { gap.max(APART) } else { gap }
    }

    fn people_between(&self) {
        let weather = self.world.scenario.weather;
        if self.world.dice.chance(weather.people * 20) {
            crate::people::act(self.world);
        }
    }

    fn process(&mut self, version: usize, weather: Weather) -> Process {
        self.runs += 1;
        Process::new(self.world, self.runs, version, weather)
    }

    /// Somebody makes a plan for a review.
    async fn plan(&mut self, version: usize, weather: Weather) {
        let world = self.world;
        let process = Rc::new(self.process(version, weather));
        let (disk, start) = (Rc::clone(&self.disk), calm_start(0));
        if let Some(saved) = save(world, &process, &self.desired[version], &disk, &start).await {
            world.seen.note(Seen::PlansSaved);
            self.plans.push(Rc::new(saved));
        }
    }

    /// One of the saved plans, more often the last one, if this run carries one out.
    fn saved(&self) -> Option<Rc<SavedFile>> {
        let (dice, last) = (&self.world.dice, self.plans.last()?);
        match dice.roll(5) {
            0 | 1 => None,
            2 => Some(Rc::clone(&self.plans[dice.index(self.plans.len())])),
            _ => Some(Rc::clone(last)),
        }
    }

    /// One run, or up to four at the same time.
    async fn act(&mut self) {
        let world = self.world;
        let dice = &world.dice;
        let group = if dice.chance(350) { 2 + dice.index(3) } else { 1 };
        let group = if world.scenario.brief_tokens { 1 } else { group };
        if group > 1 {
            world.seen.note(Seen::Concurrent);
        }
        let shared = dice.chance(400);
        let unlocked = shared && group > 1 && dice.chance(300);
        let weather = world.scenario.weather;
        if weather.saved > 0 && dice.chance(weather.saved) {
            let version = dice.index(world.scenario.versions.len());
            self.plan(version, weather).await;
            world.hands.sleep(TimeDelta::minutes(dice.pick(&[0, 0, 1, 10, 60, 600]))).await;
        }
        let mut cast = Vec::new();
        for _ in 0..group {
            let saved = self.saved();
            let version = match &saved {
                Some(saved) => saved.version,
                None => dice.index(world.scenario.versions.len()),
            };
            if version > 0 {
                world.seen.note(Seen::OtherFile);
            }
            if let Some(saved) = &saved {
                world.seen.note(Seen::PlansTakenUp);
                prices::may_move(world, saved.charged());
            }
            let process = Rc::new(Process { saved, ..self.process(version, weather) });
            let disk = if shared || group == 1 && dice.chance(700) {
                Rc::clone(&self.disk)
            } else {
                world.seen.note(Seen::JournalElsewhere);
                let copy = if self.copies.is_empty() || dice.chance(500) {
                    Vec::new()
                } else {
                    self.copies[dice.index(self.copies.len())].clone()
                };
                Rc::new(Disk::with(copy))
            };
            let start = self.start(group, unlocked);
            cast.push((process, disk, start));
        }
        let runs = cast
            .iter()
            .map(|(process, disk, start)| run(world, process, &self.desired[process.version], disk, start));
        join_all(runs).await;
    }

    fn start(&self, group: usize, unlocked: bool) -> Start {
        let (dice, seen, weather) = (&self.world.dice, &self.world.seen, &self.world.scenario.weather);
        let after = match dice.roll(4) {
            _ if group == 1 => TimeDelta::zero(),
            0 => TimeDelta::zero(),
            1 => TimeDelta::milliseconds(dice.between(0, 500)),
            2 => TimeDelta::seconds(dice.between(0, 90)),
            _ => TimeDelta::minutes(dice.between(0, 40)),
        };
        let killed_after = dice.chance(weather.killed).then(|| match dice.roll(2) {
            0 => TimeDelta::milliseconds(dice.between(0, 3_000)),
            _ => TimeDelta::seconds(dice.between(0, 600)),
        });
        let skew = match dice.roll(20) {
            0 => TimeDelta::seconds(dice.between(-14 * 60, 14 * 60)),
            1 => TimeDelta::minutes(dice.between(-300, 300)),
            2 => TimeDelta::milliseconds(dice.between(-2500, 2500)),
            _ => TimeDelta::zero(),
        };
        if skew != TimeDelta::zero() {
            seen.note(Seen::SkewedClock);
        }
        // Somebody who thinks long stops the one thread, and with it everybody else.
        let typed = group == 1 && dice.chance(150);
        if typed {
            seen.note(Seen::Typed);
        }
        if unlocked {
            seen.note(Seen::JournalUnlocked);
        }
        Start {
            after,
            killed_after,
            signalling: (weather.signal > 0).then(|| Signalling::draw(dice)),
            skew,
            verify_timeout_s: dice.pick(&[10, 60, 60, 120, 300, 300, 300, 2400]),
            typed,
            checked: !self.plans.is_empty() && dice.chance(500),
            parallelism: dice.pick(&[1, 2, 8, 8]),
            locks: !unlocked,
            alone: group == 1,
        }
    }

    /// What may become of a journal between two runs.
    fn lose_journal(&self) {
        let (dice, seen) = (&self.world.dice, &self.world.seen);
        let mut bytes = self.disk.bytes.borrow_mut();
        match dice.roll(12) {
            0 | 1 => {
                seen.note(Seen::JournalLost);
                bytes.clear();
            }
            2 if !self.copies.is_empty() => {
                seen.note(Seen::JournalOld);
                bytes.clone_from(&self.copies[dice.index(self.copies.len())]);
            }
            3 if !bytes.is_empty() => {
                seen.note(Seen::JournalCut);
                let len = bytes.len();
                bytes.truncate(len - dice.index(len.min(300)));
            }
            _ => {}
        }
    }

    /// Nothing goes wrong any more. One run each night with its journal, until two have found nothing
    /// that they can do, or the last hold must have ended.
    async fn nights(&mut self) {
        let world = self.world;
        world.calm.set(true);
        world.say(|| "from here on nothing goes wrong".to_owned());
        for night in 0..world.scenario.nights {
            let at: DateTime<Utc> = next_beijing(world.now(), NIGHTLY_MINUTE);
            world.hands.sleep_until(at).await;
            world.drain();
            world.seen.note(Seen::Nights);
            self.mend_journal();
            // Some have a plan reviewed first.
            let reviewed = world.scenario.weather.saved > 0 && night == 0 && world.dice.chance(500);
            let saved = if reviewed {
                self.plans.clear();
                self.plan(0, Weather::default()).await;
                world.hands.sleep(TimeDelta::minutes(world.dice.between(0, 60))).await;
                self.plans.last().cloned()
            } else {
                None
            };
            if let Some(saved) = &saved {
                world.seen.note(Seen::PlansTakenUp);
                prices::may_move(world, saved.charged());
            }
            let process = Rc::new(Process { saved, ..self.process(0, Weather::default()) });
            let start = calm_start(world.scenario.patience_s);
            let began = world.now();
            let ended = run(world, &process, &self.desired[0], &self.disk, &start).await;
            let charges = world.emulator.borrow().ledger().len();
            world.judge.night(began, ended.exit.unwrap_or(255), ended.said, charges);
            // One night that finds nothing to do is enough for most seeds.
            let one_will_do = ended.exit == Some(0) && world.dice.chance(700);
            if one_will_do || night + 1 >= world.scenario.nights_min && world.judge.is_settled() {
                break;
            }
        }
    }

    /// Somebody sees that the job says that its journal is damaged, and puts it aside.
    fn mend_journal(&self) {
        let damaged = renewctl::journal::parse(&self.disk.bytes.borrow()).damaged.is_some();
        if damaged {
            self.world.seen.note(Seen::JournalDamaged);
            self.disk.bytes.borrow_mut().clear();
        }
    }
}
