//! The command line: what can be typed. It decides nothing.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::moment::{moment, patience, wait};
use super::reports::{Format, ReportFile, report_file};
use crate::desired::Selection;
use crate::money::Money;
use crate::planning::Moment;

/// Where the emulator's state lies when `--emulator` names no file.
pub(super) const EMULATOR_STATE: &str = ".renewctl/emulator.json";

/// Where the journal lies when `--journal` names no file.
pub(super) const JOURNAL: &str = ".renewctl/journal.jsonl";

const EXIT_CODES: &str = "\
Exit codes:
    0  success; apply: nothing is left to do, blocked, held or at risk
    1  error; no call of this run had an effect
    2  plan --detailed-exitcode: something is to do, blocked, held or at risk
    3  apply: not converged; the report says what is left
    4  refused by a limit, a missing cap or the balance; nothing was sent
    5  the plan is stale, or not the reviewed one; nothing was sent
    6  not confirmed, or nobody there to ask; nothing was sent
    7  in doubt: a charge may have happened; the message says when to look again
    8  the journal is locked by another run
   64  wrong usage or invalid desired state
  130  interrupted, 143 terminated: after a clean stop, and nothing in doubt";

const EXAMPLES: &str = "\
Examples:
    renewctl validate -f renewals.yaml
    renewctl plan -f renewals.yaml
    renewctl apply -f renewals.yaml --max-charge '500 CNY'
    renewctl apply --emulator -f examples/quickstart --auto-approve

Credentials are looked for where the official SDKs look for them, in this order: environment
(ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and, for a session,
ALIBABA_CLOUD_SECURITY_TOKEN), OIDC token, profile of the official CLI, INI file, role of the ECS
instance, credentials URI. With --emulator none are needed and nothing is real.

Proxies are those of HTTPS_PROXY and NO_PROXY; SSL_CERT_FILE names root certificates to trust
instead of the machine's.";

/// Keeps Alibaba Cloud ECS subscription instances alive.
///
/// A YAML file says which instances must have how much lifetime left and how auto-renewal must be
/// set. `plan` shows what that needs and what it costs; `apply` buys and sets only that, and reads
/// again until it shows.
#[derive(Debug, Parser)]
#[command(name = "renewctl", version, after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
#[command(max_term_width = 100, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Common {
    /// Send all calls to URL: HTTPS, or plain HTTP to this machine. With ecs=URL, billing=URL or sts=URL only
    /// those of one service. Repeatable.
    #[arg(long, global = true, value_name = "[SERVICE=]URL", conflicts_with = "emulator")]
    pub(super) endpoint_url: Vec<String>,
    /// Ask the cloud over the internet, or at its hosts within a VPC.
    ///
    /// Within a VPC: ecs-vpc.REGION.aliyuncs.com, and sts-vpc.REGION.aliyuncs.com if ALIBABA_CLOUD_STS_REGION names
    /// the region; the balance is public in any case. By default ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED=true decides.
    #[arg(long, global = true, value_name = "NETWORK", conflicts_with = "emulator")]
    pub(super) endpoint_network: Option<EndpointNetwork>,
    /// Work on the embedded emulator: nothing is real, nothing is charged.
    ///
    /// Its state is kept in STATE_FILE, so that one command finds what another has done.
    #[arg(long, global = true, value_name = "STATE_FILE", num_args = 0..=1, require_equals = true,
          default_missing_value = EMULATOR_STATE)]
    pub(super) emulator: Option<PathBuf>,
    /// Take the key from this profile of the CLI's or the INI file, and from nowhere else.
    ///
    /// As with the official CLI a profile that is named here goes before keys in the environment. Without it,
    /// ALIBABA_CLOUD_PROFILE chooses the profile when the order of the providers comes to the files.
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "emulator")]
    pub(super) profile: Option<String>,
    /// How requests are signed. The cloud takes both.
    #[arg(long, global = true, value_name = "VERSION", default_value = "v1")]
    pub(super) signature: SignatureVersion,
    /// Reads under way at one time.
    #[arg(long, global = true, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) parallelism: u16,
    /// Longest time for reading the account and asking prices, for example 10m. What is not read by then is
    /// blocked.
    #[arg(long, global = true, value_name = "TIME", default_value = "15m", value_parser = patience)]
    pub(super) read_timeout: u64,
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Log every call to stderr.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// No progress and no warnings on stderr; errors remain.
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// How logs, notes and errors on stderr look.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(super) log_format: LogFormat,
}

/// From where the cloud is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EndpointNetwork {
    /// Over the internet.
    Public,
    /// From within a VPC of the region.
    Vpc,
}

/// How requests are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SignatureVersion {
    /// HMAC-SHA1 in a parameter; everything travels in a form.
    V1,
    /// ACS3-HMAC-SHA256 in a header, as the current official SDKs sign; parameters travel in the query.
    V3,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR or TERM=dumb says no or CLICOLOR_FORCE says yes.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How logs and notes look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, with a timestamp.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check desired-state files, without any network.
    #[command(
        after_help = "Examples:\n    renewctl validate -f renewals.yaml\n    renewctl validate -f teams/ -f shared.yaml"
    )]
    #[command(mut_arg("files", |files| files.required(true)))]
    Validate(ValidateArgs),
    /// Read live state and show what is to do, and what it costs. Changes nothing.
    #[command(
        after_help = "Examples:\n    renewctl plan -f renewals.yaml\n    renewctl plan -f renewals/ --report markdown=plan.md --detailed-exitcode\n    renewctl plan -f renewals.yaml --format json | jq .summary\n    renewctl plan -f renewals.yaml --out plan.json\n    renewctl plan -f renewals.yaml --as-of +30d --summary\n    renewctl plan --emulator -f examples/quickstart --all"
    )]
    #[command(mut_arg("files", |files| files.required(true)))]
    Plan(PlanArgs),
    /// Plan, ask, carry out, and read again until it shows.
    #[command(
        after_help = "Examples:\n    renewctl apply -f renewals.yaml\n    renewctl apply -f renewals.yaml --auto-approve --max-charge '500 CNY'\n    renewctl apply -f renewals.yaml --target i-bp1exampleweb1\n    renewctl apply --plan plan.json --checksum PLAN_ID --auto-approve\n    renewctl apply --emulator -f examples/quickstart --auto-approve"
    )]
    #[command(mut_arg("files", |files| files.required_unless_present("plan")))]
    #[command(
        override_usage = "renewctl apply [OPTIONS] --file <FILE>\n       renewctl apply [OPTIONS] --plan <PLAN>"
    )]
    Apply(ApplyArgs),
    /// Print a saved plan in any format.
    #[command(
        after_help = "Examples:\n    renewctl show plan.json\n    renewctl show plan.json --format markdown"
    )]
    Show(ShowArgs),
    /// Read again what is held in doubt, and say how it stands. Sends nothing that costs.
    ///
    /// Exits with 7 while something is still in doubt. What shows is noted in the journal.
    #[command(
        after_help = "Examples:\n    renewctl recover\n    renewctl recover --journal audit/journal.jsonl --format json"
    )]
    Recover(JournalArgs),
    /// Show the ledger of charges and settings, from the journal, with totals for each month.
    #[command(
        after_help = "Examples:\n    renewctl history\n    renewctl history --format json | jq .months"
    )]
    History(JournalArgs),
    /// Look at everything that a run stands on: credentials, account, site, clock, endpoints, permissions.
    ///
    /// Changes nothing. With -f it asks about the regions, the sites and the account of the files. Exits with 1
    /// if a run would not go well.
    #[command(
        after_help = "Examples:\n    renewctl doctor\n    renewctl doctor -f renewals.yaml --format json\n    renewctl doctor --profile audit"
    )]
    Doctor(DoctorArgs),
    /// Print the least RAM policy that a plan or an apply needs, for a RAM user or role.
    ///
    /// With -f it names the instances of the files, and the account if they name one. Without a network.
    #[command(
        after_help = "Examples:\n    renewctl policy plan\n    renewctl policy apply -f renewals.yaml > policy.json\n    renewctl policy apply -f renewals/ --by-region"
    )]
    Policy(PolicyArgs),
    /// The embedded emulator: serve it, start anew, let time pass, or show what it charged.
    #[command(subcommand)]
    Emulator(EmulatorCommand),
    /// Print a JSON Schema, for editors.
    #[command(
        after_help = "Examples:\n    renewctl schema desired-state > desired-state.schema.json\n    renewctl schema plan > plan.schema.json"
    )]
    Schema {
        /// Of what.
        of: Schema,
    },
    /// Print completions for a shell.
    #[command(
        after_help = "Examples:\n    renewctl completions bash > /etc/bash_completion.d/renewctl\n    renewctl completions zsh > ~/.zfunc/_renewctl"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual, or write the pages of all commands into a folder.
    #[command(
        after_help = "Examples:\n    renewctl man | man -l -\n    renewctl man --out ~/.local/share/man/man1"
    )]
    Man {
        /// Write one page for each command into this folder.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}

/// The files to work on.
#[derive(Debug, Args)]
pub(super) struct FileArgs {
    /// A desired-state file, or a folder of *.yaml and *.yml files (not searched deeper). Repeatable.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

impl SelectionArgs {
    /// Without its flags.
    pub(super) fn selection(&self) -> Selection {
        Selection { target: self.target.clone(), exclude: self.exclude.clone() }
    }
}

/// Which instances of the files to work on.
#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// Work on this instance only. Repeatable.
    #[arg(long, value_name = "ID")]
    pub(super) target: Vec<String>,
    /// Leave this instance out. Repeatable.
    #[arg(long, value_name = "ID", conflicts_with = "target")]
    pub(super) exclude: Vec<String>,
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    pub(super) files: FileArgs,
}

/// What of a plan is shown.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct ViewArgs {
    /// Also list instances that need nothing.
    #[arg(long)]
    pub(super) all: bool,
    /// Show numbers by region instead of instances.
    #[arg(long)]
    pub(super) summary: bool,
    /// Show each change as a diff of YAML, before and after.
    #[arg(long, conflicts_with = "summary")]
    pub(super) diff: bool,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// A plan that was saved by `renewctl plan --out PLAN`.
    #[arg(value_name = "PLAN")]
    pub(super) plan: PathBuf,
    /// What goes to stdout.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    /// Also write this rendering to a file, for example markdown=plan.md. Repeatable.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_file)]
    pub(super) report: Vec<ReportFile>,
    #[command(flatten)]
    pub(super) view: ViewArgs,
}

/// What `plan` and `apply` have in common.
#[derive(Debug, Args)]
pub(super) struct WorkArgs {
    #[command(flatten)]
    pub(super) files: FileArgs,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    /// What goes to stdout.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    /// Also write this rendering to a file, for example markdown=plan.md. Repeatable.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_file)]
    pub(super) report: Vec<ReportFile>,
    #[command(flatten)]
    pub(super) view: ViewArgs,
    /// Most that this run may charge, for example '500 CNY'. The stricter of this, the files' limits and the cap that a plan was saved with wins.
    #[arg(long, value_name = "AMOUNT")]
    pub(super) max_charge: Option<Money>,
    /// The journal: every call before and after it, and what earlier runs left in doubt.
    #[arg(long, value_name = "FILE", default_value = JOURNAL)]
    pub(super) journal: PathBuf,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) work: WorkArgs,
    /// Save the plan to FILE, for show and apply --plan.
    #[arg(long, value_name = "FILE", conflicts_with = "as_of")]
    pub(super) out: Option<PathBuf>,
    /// Exit with 2 when something is to do, blocked, held or at risk.
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
    /// Plan for another moment, for example 2027-01-31, 2027-01-31T20:17+08:00 or +30d.
    ///
    /// It shows what a run at that moment would do if nothing changed until then. Such a plan cannot be
    /// applied. A date alone means 20:17 Beijing time; a time without an offset is Beijing time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) as_of: Option<Moment>,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    pub(super) work: WorkArgs,
    /// Carry out the plan without asking. The only switch that moves money without a question.
    #[arg(long)]
    pub(super) auto_approve: bool,
    /// Carry out this saved plan, and nothing else: what has changed since makes it stale.
    ///
    /// What is so already is skipped; what has become due since, or was stopped then, is told and not added.
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["files", "target", "exclude"])]
    pub(super) plan: Option<PathBuf>,
    /// Go on only if the plan has this id: that of the plan which somebody reviewed.
    ///
    /// It stands in place of a cap, because the reviewed total is known.
    #[arg(long, value_name = "PLAN_ID")]
    pub(super) checksum: Option<String>,
    /// Longest wait for an effect to show, for example 90s or 35m.
    ///
    /// It ends as soon as the effect shows, which is seen after some seconds. The default covers the 30 minutes
    /// that an effect is assumed to take at most.
    #[arg(long, value_name = "TIME", default_value = "35m", value_parser = patience)]
    pub(super) verify_timeout: u64,
    /// Longest wait for another run that uses the same journal, for example 10m.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = wait)]
    pub(super) lock_timeout: u64,
}

/// Arguments of `recover` and `history`.
#[derive(Debug, Args)]
pub(super) struct JournalArgs {
    /// The journal.
    #[arg(long, value_name = "FILE", default_value = JOURNAL)]
    pub(super) journal: PathBuf,
    /// What goes to stdout.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: LedgerFormat,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) files: FileArgs,
    /// What goes to stdout.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: LedgerFormat,
}

/// What a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PolicyFor {
    /// Reading and asking prices.
    Plan,
    /// The same, and renewing, setting and reading the balance.
    Apply,
}

/// Arguments of `policy`.
#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    /// What it is for.
    pub(super) of: PolicyFor,
    #[command(flatten)]
    pub(super) files: FileArgs,
    /// Name the regions of the files, and all instances in them.
    #[arg(long, requires = "files")]
    pub(super) by_region: bool,
}

/// Where the emulator's state lies.
#[derive(Debug, Args)]
pub(super) struct StateArgs {
    /// The file with the emulator's state, by default .renewctl/emulator.json.
    #[arg(long, value_name = "FILE", conflicts_with = "emulator")]
    pub(super) state: Option<PathBuf>,
}

/// Commands of the emulator.
#[derive(Debug, Subcommand)]
pub(super) enum EmulatorCommand {
    /// Serve the API on this machine to any client, until it is stopped.
    ///
    /// The first line on stdout says where: listening on http://127.0.0.1:PORT. Clients sign with the
    /// key emulator and the secret emulator-secret, unless the world file names others. Every change is
    /// saved before its answer leaves.
    #[command(
        after_help = "Examples:\n    renewctl emulator serve\n    renewctl emulator serve --port 8080 --state world.json"
    )]
    Serve {
        /// The port; 0 lets the system choose one.
        #[arg(long, value_name = "N", default_value_t = 0)]
        port: u16,
        #[command(flatten)]
        state: StateArgs,
    },
    /// Start anew from a world file, or from the demo world.
    #[command(
        after_help = "Examples:\n    renewctl emulator reset\n    renewctl emulator reset --world examples/worlds/demo.yaml"
    )]
    Reset {
        /// The world file.
        #[arg(long, value_name = "FILE")]
        world: Option<PathBuf>,
        #[command(flatten)]
        state: StateArgs,
    },
    /// Let the emulator's clock jump forward, and show what happens by itself meanwhile.
    ///
    /// The platform renews what has auto-renewal on, instances stop at their expiry, and are released
    /// 15 days later.
    #[command(
        after_help = "Examples:\n    renewctl emulator advance 30d\n    renewctl emulator advance '1d 4h'"
    )]
    Advance {
        /// How far: days, hours, minutes or seconds, for example 30d, 12h or '1d 4h'.
        #[arg(value_name = "TIME")]
        by: String,
        #[command(flatten)]
        state: StateArgs,
    },
    /// Show every charge that the emulator made.
    #[command(
        after_help = "Examples:\n    renewctl emulator ledger\n    renewctl emulator ledger --format json"
    )]
    Ledger {
        /// What goes to stdout.
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: LedgerFormat,
        #[command(flatten)]
        state: StateArgs,
    },
}

/// How the ledger looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LedgerFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Schema {
    /// Desired-state files.
    DesiredState,
    /// The JSON of `plan --format json`.
    Plan,
}
