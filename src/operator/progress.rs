//! How far long work is, on a terminal; elsewhere nothing is drawn.

use indicatif::{ProgressBar, ProgressStyle};

const BAR: &str = "{prefix:<16} {wide_bar} {percent:>3}%  {eta:>4} left";

/// A bar on standard error for `total` pieces of work. It goes when it is dropped or cleared.
pub fn bar(what: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_prefix(what);
    // The template is a constant; a wrong one would show as the default.
    match ProgressStyle::with_template(BAR) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
