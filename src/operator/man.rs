//! `dwell man`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_mangen::Man;

use crate::config::{Cli, ManArgs};

/// Prints the manual page of dwell, or of one of its commands.
///
/// # Errors
/// Fails if there is no such command, or standard output fails.
pub fn run(args: &ManArgs) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut all = Cli::command();
    all.build();
    let command = match &args.command {
        None => all,
        Some(name) => {
            let found = all.find_subcommand(name).cloned();
            found.ok_or_else(|| format!("there is no command {name}"))?
        }
    };
    let mut page = Vec::new();
    let source = concat!("dwell ", env!("CARGO_PKG_VERSION"));
    Man::new(command).source(source).render(&mut page)?;
    io::stdout().write_all(&page)?;
    Ok(())
}
