//! How stdout and stderr look: colours and columns.

use super::args::{Color, Common, LogFormat, ViewArgs};
use crate::ports::Environment;
use crate::render::{Style, View};
use crate::system;

/// How stdout and stderr look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    /// Whether stdout has colours.
    pub(super) out_color: bool,
    /// Whether stderr has colours.
    pub(super) err_color: bool,
    out_width: Option<usize>,
    err_width: Option<usize>,
}

/// Columns of diagnostics where stderr is no terminal.
const ERR_WIDTH: usize = 100;

/// `--color`, then NO_COLOR, CLICOLOR_FORCE, TERM=dumb, then whether it is a terminal. CI never
/// forces colours.
pub(super) fn screen(common: &Common, environment: &dyn Environment) -> Screen {
    let (out, err) = system::terminals();
    let both = |on| (on, on);
    let (out_width, err_width) = system::widths();
    let (out_color, err_color) = match common.color {
        Color::Always => both(true),
        Color::Never => both(false),
        Color::Auto if environment.var("NO_COLOR").is_some() => both(false),
        Color::Auto if environment.var("CLICOLOR_FORCE").is_some_and(|value| value != "0") => both(true),
        Color::Auto if environment.var("TERM").is_some_and(|term| term == "dumb") => both(false),
        Color::Auto => (out, err),
    };
    // A line of JSON has no colours.
    let err_color = err_color && common.log_format == LogFormat::Text;
    Screen { out_color, err_color, out_width, err_width }
}

impl Screen {
    /// Columns for messages on stderr.
    pub(super) fn err_columns(self) -> usize {
        self.err_width.unwrap_or(ERR_WIDTH)
    }

    /// The style of text on stdout.
    pub(super) fn style(self, args: ViewArgs) -> Style {
        let view = match (args.summary, args.diff) {
            (true, _) => View::Summary,
            (false, true) => View::Diff,
            (false, false) => View::Changes,
        };
        Style { color: self.out_color, all: args.all, width: self.out_width, view }
    }
}
