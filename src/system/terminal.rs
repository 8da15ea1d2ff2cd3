//! The person at stdin, stdout and stderr.

use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal, Write};

use crate::ports::{Level, LocalFuture, Terminal};

/// The terminal.
#[derive(Debug, Default)]
pub struct SystemTerminal {
    quiet: bool,
    json: bool,
    bar: RefCell<Option<indicatif::ProgressBar>>,
}

impl SystemTerminal {
    /// The terminal; `quiet` hides progress, `json` makes each note one line of JSON, in the form of
    /// the logs.
    pub fn new(quiet: bool, json: bool) -> Self {
        Self { quiet, json, ..Self::default() }
    }
}

impl Terminal for SystemTerminal {
    fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn result(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn note(&self, level: Level, text: &str) {
        // A closed stderr must not end a run that is spending money.
        match level {
            _ if !self.json => drop(writeln!(io::stderr().lock(), "{text}")),
            Level::Info => tracing::info!("{text}"),
            Level::Warning => tracing::warn!("{text}"),
            Level::Error => tracing::error!("{text}"),
        }
    }

    /// A thread reads, so that a signal can end the run while the question stands.
    fn ask(&self, prompt: &str) -> LocalFuture<'_, io::Result<Option<String>>> {
        let prompt = prompt.to_owned();
        Box::pin(async move {
            let mut err = io::stderr().lock();
            write!(err, "{prompt}")?;
            err.flush()?;
            drop(err);
            let (answer, answered) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || drop(answer.send(read_line())));
            answered.await.unwrap_or_else(|_| Err(io::Error::other("nothing could be read")))
        })
    }

    fn progress(&self, done: usize, total: usize, what: &str) {
        if self.quiet || self.json || !io::stderr().is_terminal() {
            return;
        }
        let mut slot = self.bar.borrow_mut();
        if let Some(other) = slot.take_if(|bar| bar.message() != what) {
            other.finish_and_clear();
        }
        let length = u64::try_from(total).unwrap_or(u64::MAX);
        let bar = slot.get_or_insert_with(|| {
            let style = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} ({elapsed})");
            let style = style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
            indicatif::ProgressBar::new(length).with_style(style).with_message(what.to_owned())
        });
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        if done >= total {
            bar.finish_and_clear();
            *slot = None;
        }
    }
}

fn read_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Whether stdout and stderr are terminals, for colour.
pub fn terminals() -> (bool, bool) {
    (io::stdout().is_terminal(), io::stderr().is_terminal())
}

/// How many columns stdout and stderr have, if they are terminals.
pub fn widths() -> (Option<usize>, Option<usize>) {
    let columns = |size: Option<(terminal_size::Width, _)>| size.map(|(width, _)| usize::from(width.0));
    let out = columns(terminal_size::terminal_size_of(io::stdout()));
    (out, columns(terminal_size::terminal_size_of(io::stderr())))
}
