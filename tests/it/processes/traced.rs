//! The binary under strace: what it does with its journal, call by call, and what happens when such a
//! call fails or is its last.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::crowd::say;
use super::site::{BINARY, Run, Site};

/// Set to `required`, a missing strace fails the tests instead of skipping them.
const REQUIRED: &str = "RENEWCTL_TEST_STRACE";

/// Whether strace can be used. If not, the tests that need it say so and do nothing.
pub fn is_missing(test: &str) -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    let works = *WORKS.get_or_init(|| {
        let probe = ["-o", "/dev/null", "-e", "inject=getpid:error=EPERM", "true"];
        let run = Command::new("strace").args(probe).stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    });
    if works {
        return false;
    }
    assert!(std::env::var(REQUIRED).as_deref() != Ok("required"), "strace is missing, or may not trace");
    say(&format!(
        "SKIPPED {test}: strace is missing, or may not trace. {REQUIRED}=required makes this an error"
    ));
    true
}

/// Which system calls of a run are looked at.
#[derive(Clone, Copy)]
pub enum Calls {
    /// Those on the journal and on its folder.
    Journal,
    /// Those that make something last, and those that send.
    Effects,
}

/// What befalls a system call: its name, what, and when, in strace's words.
#[derive(Clone, Debug)]
pub struct Fault {
    pub call: String,
    pub what: String,
    pub when: String,
}

impl Fault {
    /// SIGKILL on the way in: the call does not happen.
    pub fn kill(call: &str, nth: usize) -> Self {
        Self { call: call.to_owned(), what: "signal=KILL".to_owned(), when: nth.to_string() }
    }
}

/// One run under strace, with its [`log`].
pub fn run(site: &Site<'_>, calls: Calls, fault: Option<&Fault>) -> Run {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-s", "4096", "-o"]).arg(site.path("strace.log"));
    match calls {
        Calls::Journal => {
            let folder = site.seat.journal.parent().unwrap();
            command.arg("-P").arg(&site.seat.journal).arg("-P").arg(folder);
        }
        Calls::Effects => {
            command.args(["-e", "trace=write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync"]);
        }
    }
    match fault {
        // Much faster, but a signal would not come.
        Some(Fault { call, what, .. }) if what.starts_with("error") => {
            command.args(["--seccomp-bpf", "-e"]).arg(format!("trace={call}"));
        }
        _ if matches!(calls, Calls::Journal) => drop(command.args(["-e", "trace=file,desc"])),
        _ => {}
    }
    if let Some(Fault { call, what, when }) = fault {
        command.arg("-e").arg(format!("inject={call}:{what}:when={when}"));
    }
    command.arg("--").arg(BINARY).args(site.arguments());
    site.prepare(&mut command);
    site.run_command(None, &mut command)
}

/// One system call as the log has it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub call: String,
    /// Everything after the name.
    pub rest: String,
}

impl Seen {
    /// What it returned, if it returned a number.
    pub fn returned(&self) -> Option<i64> {
        self.rest.rsplit_once(" = ")?.1.split_whitespace().next()?.parse().ok()
    }

    /// Whether it worked on the file at the end of this path.
    pub fn is_on(&self, site: &Site<'_>) -> bool {
        self.rest.contains(&format!("<{}>", site.seat.journal.display()))
    }

    pub fn makes_durable(&self) -> bool {
        matches!(self.call.as_str(), "fsync" | "fdatasync")
    }
}

/// The log of the last run.
pub fn log(site: &Site<'_>) -> Vec<Seen> {
    let text = fs::read(site.path("strace.log")).unwrap();
    let lines = String::from_utf8_lossy(&text).into_owned();
    let seen = lines.lines().filter_map(|line| {
        let (call, rest) = line.split_once(' ')?.1.trim_start().split_once('(')?;
        let plain = call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        plain.then(|| Seen { call: call.to_owned(), rest: rest.to_owned() })
    });
    seen.collect()
}

/// How often a run makes each system call.
pub fn count(log: &[Seen]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for seen in log {
        *counts.entry(seen.call.clone()).or_default() += 1;
    }
    counts
}

/// Whether a system call leaves everything as it is: dying before it is dying before the next one.
pub fn is_quiet(call: &str) -> bool {
    matches!(call, "read" | "lseek" | "close" | "fcntl" | "readlink" | "statx" | "fstat" | "newfstatat")
}
