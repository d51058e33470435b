//! `dwell migrate`.

use std::{
    error::Error,
    io::{self, Write},
};

use crate::{
    config::MigrateArgs,
    store::{self, schema},
    telemetry,
};

/// Brings the schema up to date, or tells what that would take.
///
/// # Errors
/// Fails if the database cannot be reached, or migrated.
pub async fn run(args: &MigrateArgs) -> Result<(), Box<dyn Error + Send + Sync>> {
    telemetry::start(&args.log);
    let url = &args.database.database_url;
    if args.dry_run {
        let pending = schema::pending(url).await?;
        if pending.is_empty() {
            writeln!(io::stdout(), "nothing to apply: the schema is up to date")?;
        }
        for step in pending {
            let (version, what) = (step.version, &step.description);
            writeln!(io::stdout(), "would apply {version:04} {what}")?;
        }
    } else {
        store::migrate(url).await?;
        writeln!(io::stdout(), "the schema is up to date")?;
    }
    Ok(())
}
