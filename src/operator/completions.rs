//! `dwell completions`.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::config::{Cli, CompletionsArgs};

/// Prints what makes the shell complete the command line.
///
/// # Errors
/// Fails if standard output does.
pub fn run(args: &CompletionsArgs) -> io::Result<()> {
    // Written at once: the generator panics where a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dwell", &mut script);
    io::stdout().write_all(&script)
}
