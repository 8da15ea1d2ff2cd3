//! What a command says, in the formats asked for: one goes to stdout, the others to files.

use std::path::PathBuf;

use super::doors::{Doors, Failure};
use crate::plan::Plan;
use crate::render::report::Report;
use crate::render::{self, Style, markdown};
use crate::text::escape;

/// A form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    Text,
    /// For a comment on a pull request.
    Markdown,
    /// For programs.
    Json,
}

/// A format and the file that it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// In which form.
    pub format: Format,
    /// Where to.
    pub path: PathBuf,
}

/// Reads `markdown=plan.md`.
pub(super) fn report_file(text: &str) -> Result<ReportFile, String> {
    let wrong = || {
        "write FORMAT=FILE, for example markdown=plan.md; the formats are text, markdown and json".to_owned()
    };
    let (format, path) = text.split_once('=').filter(|(_, path)| !path.is_empty()).ok_or_else(wrong)?;
    let format = <Format as clap::ValueEnum>::from_str(format, false).map_err(|_| wrong())?;
    Ok(ReportFile { format, path: path.into() })
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A plan was made, and that was all that was asked for.
    Planned,
    /// An apply is about to send its first call: its reports can be written, and say so much.
    Begun,
    /// An apply has ended, with this exit code.
    Ended(u8),
}

/// What a report says of an apply that has begun, until it is replaced by the one that says how it ended.
const BEGUN: &str = "This apply has begun and has not said how it ended. If it is not running any more, it was cut off: \
                     run renewctl plan, which reads the journal and the account.";

/// What there is to say.
pub(super) struct Said<'a> {
    /// The plan.
    pub(super) plan: &'a Plan,
    /// What came of it, if it was carried out.
    pub(super) report: Option<&'a Report<'a>>,
    /// How far it has come.
    pub(super) stage: Stage,
    /// Why an apply ended before it carried out anything.
    pub(super) message: Option<&'a str>,
    /// The name of the account's world.
    pub(super) world: &'a str,
    /// The command that applies the plan, and whether it is the emulator's.
    pub(super) context: markdown::Context<'a>,
}

impl<'a> Said<'a> {
    /// What an apply says before its first call.
    pub(super) fn begun(plan: &'a Plan, world: &'a str, context: markdown::Context<'a>) -> Self {
        Self { plan, report: None, stage: Stage::Begun, message: Some(BEGUN), world, context }
    }

    /// The whole document in one format.
    ///
    /// # Errors
    /// If it cannot be encoded, which no plan brings about.
    pub(super) fn in_format(&self, format: Format, style: Style) -> Result<String, Failure> {
        let report = |message, code| render::json::report(self.plan, self.world, self.report, message, code);
        let encoded = match (format, self.stage) {
            (Format::Text, _) => Ok(self.text(style)),
            (Format::Markdown, _) => Ok(self.markdown()),
            (Format::Json, Stage::Planned) => render::json::plan(self.plan, self.world),
            (Format::Json, Stage::Begun) => report(self.message, None),
            (Format::Json, Stage::Ended(code)) => report(self.message, Some(code)),
        };
        encoded.map_err(|error| Failure::error(format!("error: {error}")))
    }

    fn text(&self, style: Style) -> String {
        let plan = render::text::plan(self.plan, style);
        let report = self.report.map(|report| render::text::report(report, style)).unwrap_or_default();
        let message = self.message.map(|message| format!("{message}\n")).unwrap_or_default();
        plan + &report + &message
    }

    fn markdown(&self) -> String {
        let without = |headline| markdown::not_applied(self.plan, headline, self.message, &self.context);
        match (self.report, self.stage) {
            (Some(report), _) => markdown::report(report, &self.context),
            (None, Stage::Planned) => markdown::plan(self.plan, &self.context),
            (None, Stage::Begun) => without("begun"),
            (None, Stage::Ended(0)) => without("no changes, every instance is as the files ask for"),
            (None, Stage::Ended(_)) => without("nothing was sent"),
        }
    }

    /// Writes every file. All are tried; the first failure is told.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(super) fn write_files(
        &self,
        files: &[ReportFile],
        doors: &Doors,
        style: Style,
    ) -> Result<(), Failure> {
        // A file is no terminal.
        let style = Style { color: false, width: None, ..style };
        let write = |file: &ReportFile| {
            let text = self.in_format(file.format, style)?;
            doors.files.replace(&file.path, text.as_bytes()).map_err(|error| {
                let path = escape(&file.path.to_string_lossy());
                Failure::error(format!("error: the report {path} cannot be written: {error}"))
            })
        };
        // What goes into a pipe cannot be replaced: it is written once, at the end.
        let now = |file: &&ReportFile| self.stage != Stage::Begun || !doors.files.is_stream(&file.path);
        let failures: Vec<Failure> = files.iter().filter(now).map(write).filter_map(Result::err).collect();
        failures.into_iter().next().map_or(Ok(()), Err)
    }
}
