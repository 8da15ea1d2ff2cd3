//! How often each thing happened, so that one sees that the simulation is not vacuous.

use std::cell::RefCell;

macro_rules! coverage {
    ($($name:ident = $text:literal,)*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Seen { $($name,)* }

        const NAMES: &[&str] = &[$($text,)*];
    };
}

coverage! {
    Calls = "calls that reached the cloud",
    Runs = "runs",
    Exit0 = "runs that ended with 0",
    Exit1 = "runs that ended with 1",
    Exit3 = "runs that ended with 3",
    Exit4 = "runs that ended with 4",
    Exit5 = "runs that ended with 5",
    Exit6 = "runs that ended with 6",
    Exit7 = "runs that ended with 7",
    Exit8 = "runs that ended with 8",
    ExitSignal = "runs that ended with 130 or 143",
    ExitOther = "runs that ended with another code",
    Charges = "charges of ours",
    PlatformCharges = "charges of the platform",
    PeopleCharges = "charges of people",
    Crashes = "crashes in all",
    CrashBeforeSend = "crashes before a send",
    CrashInFlight = "crashes with a request on its way",
    CrashBeforeReply = "crashes before an answer arrived",
    CrashAtJournal = "crashes at a journal line",
    CrashTorn = "crashes that tore a journal line",
    CrashByTimer = "runs killed from outside",
    CrashAfterSignal = "runs killed some time after a signal",
    Signals = "first signals",
    SecondSignals = "second signals",
    PlansSaved = "plans saved",
    PlansTakenUp = "runs of a saved plan",
    PlanCharges = "charges of a saved plan",
    SoonestFirst = "seeds with soonest-first",
    JournalFull = "journal lines that could not be written",
    JournalSlow = "journal lines that took long",
    JournalLost = "journals lost",
    JournalOld = "journals replaced by an older copy",
    JournalCut = "journals cut in the middle of a line",
    JournalElsewhere = "runs with a journal of their own",
    JournalUnlocked = "runs beside another one on one journal without a lock",
    JournalDamaged = "nights that began with a damaged journal",
    Concurrent = "groups of runs at the same time",
    OtherFile = "runs of a changed file",
    Typed = "runs confirmed by a person",
    SkewedClock = "runs on a machine with a wrong clock",
    NotSent = "connections that were not made",
    LostBefore = "requests that were lost",
    LostAfter = "answers that were lost",
    Late = "requests that were carried out after the client gave up",
    Slow = "answers that took long",
    Error5xxBefore = "5xx, nothing happened",
    Error5xxAfter = "5xx, and it happened all the same",
    Throttled = "throttled",
    BusyOwn = "in progress, the same token",
    BusyOther = "in progress, another order",
    Claimed = "token held by other parameters",
    Stopped = "balance, payment or risk control",
    Refused = "refused",
    Credentials = "credentials refused",
    Transient = "refused for a passing reason, by the cloud itself",
    Garbage = "bodies that were garbage",
    Half = "bodies that were half",
    Empty = "readings with an empty list",
    PeopleRenew = "renewed by hand",
    PeopleRefund = "refunded",
    PeopleFlip = "auto-renewal switched by hand",
    PeopleLock = "locks put on or off",
    PeoplePrice = "prices changed",
    Dearer = "prices that rose after a plan",
    Cheaper = "prices that fell after a plan",
    PeopleRemove = "released by hand",
    ResentCharges = "charges sent again",
    RepeatedCharges = "charges answered by their token",
    ChargesAtNight = "charges between midnight and 01:00 in Beijing",
    ChargesAfterMidnight = "charges accepted on another day than sent",
    Overlap = "charges beside an unseen order of people or, at the last hour, of the platform",
    OldReadings = "charges on a reading of more than 60 s, because a slow answer set the tool's clock back",
    UnknownOutcomes = "charges whose run could not know of them",
    Nights = "calm nights",
    StoppedInstances = "wanted instances that stopped",
    ReleasedInstances = "wanted instances that were released",
    TightSeeds = "seeds with a bound that may bind",
    LargeFleets = "seeds with more than a hundred instances",
    BriefTokens = "seeds with tokens that outlive the lag by seconds",
    SmallPages = "seeds with pages of ten",
}

/// Counts.
#[derive(Clone, Debug)]
pub struct Counts(Vec<u64>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; NAMES.len()])
    }
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        for (mine, more) in self.0.iter_mut().zip(&other.0) {
            *mine += more;
        }
    }

    pub fn of(&self, what: Seen) -> u64 {
        self.0[what as usize]
    }

    /// One line each.
    pub fn lines(&self) -> Vec<String> {
        let lines = NAMES.iter().zip(&self.0);
        lines.map(|(name, count)| format!("{count:>14}  {name}")).collect()
    }
}

/// The counts of one seed.
#[derive(Default)]
pub struct Coverage(RefCell<Counts>);

impl Coverage {
    pub fn note(&self, what: Seen) {
        self.0.borrow_mut().0[what as usize] += 1;
    }

    pub fn counts(&self) -> Counts {
        self.0.borrow().clone()
    }
}
