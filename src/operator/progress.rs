//! How far long work is: a bar on a terminal, lines elsewhere.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};

const BAR: &str = "{prefix:<16} {wide_bar} {percent:>3}%  {eta:>4} left";
/// Lines that are written where there is no terminal.
const LINES: u64 = 4;

/// Some work of which it is known how much there is.
pub struct Progress {
    what: &'static str,
    bar: ProgressBar,
}

impl Progress {
    /// Begins `total` pieces of work, told on standard error.
    pub fn begin(what: &'static str, total: u64) -> Self {
        let bar = ProgressBar::new(total).with_prefix(what);
        // The template is a constant; a wrong one would show as the default.
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Self { what, bar }
    }

    /// So many more pieces are done.
    pub fn add(&self, pieces: u64) {
        let before = self.bar.position();
        self.bar.inc(pieces);
        let Some(total) = self.bar.length().filter(|_| self.bar.is_hidden()) else {
            return;
        };
        let done = before + pieces;
        let part = |pieces: u64| pieces * LINES / total.max(1);
        if part(done) > part(before) {
            // Nobody is left to tell if standard error is closed.
            let _ = writeln!(io::stderr(), "{}: {done} of {total}", self.what);
        }
    }
}
