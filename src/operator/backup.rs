//! `dwell backup`.

use std::{
    error::Error,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{signal, time::interval};

use super::{progress, stats::mebibytes};
use crate::{
    config::{BackupArgs, is_sqlite},
    store::backup::{Source, verify},
};

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How often the bar moves.
const LOOK: Duration = Duration::from_millis(100);
const WITH_POSTGRES: &str = "PostgreSQL has its own: pg_dump --enable-row-security \
     --format=custom --file=FILE DATABASE, by the tables' owner";

/// Copies the database, checks the copy and only then gives it its name.
///
/// # Errors
/// Fails if the file is there already, the database is not, or the copy is not whole. Nothing is
/// left behind then.
pub async fn run(args: &BackupArgs) -> Done<()> {
    let url = &args.database.database_url;
    if !is_sqlite(url) {
        return Err(WITH_POSTGRES.into());
    }
    let file = &args.file;
    refuse_to_overwrite(file)?;
    let mut source = Source::open(url)
        .await
        .map_err(|error| format!("the database cannot be opened: {error}"))?;
    let partial = Partial::create(file)?;
    tokio::select! {
        made = make(&mut source, &partial.0) => made?,
        _ = signal::ctrl_c() => return Err("interrupted; there is no backup".into()),
    }
    refuse_to_overwrite(file)?;
    fs::rename(&partial.0, file)?;
    // The new name is on disk once its folder is.
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    let size = mebibytes(fs::metadata(file)?.len().try_into()?);
    writeln!(io::stdout(), "{}: {size}, whole", file.display())?;
    Ok(())
}

async fn make(source: &mut Source, partial: &Path) -> Done<()> {
    let to = partial.to_str().ok_or("the file's name is no UTF-8")?;
    let bar = progress::bar("copying", source.bytes().await?.try_into()?);
    let mut ticks = interval(LOOK);
    let copied = source.copy(to);
    tokio::pin!(copied);
    loop {
        tokio::select! {
            done = &mut copied => break done?,
            _ = ticks.tick() => bar.set_position(fs::metadata(partial).map_or(0, |data| data.len())),
        }
    }
    bar.finish_and_clear();
    // SQLite does not wait for the disk here.
    File::open(partial)?.sync_all()?;
    verify(partial)
        .await
        .map_err(|fault| format!("the copy is not whole: {fault}"))?;
    Ok(())
}

fn refuse_to_overwrite(file: &Path) -> Result<(), String> {
    if file.exists() {
        return Err(format!("{} is there already", file.display()));
    }
    Ok(())
}

/// A file that goes when this is dropped, unless it has another name by then.
struct Partial(PathBuf);

impl Partial {
    /// An empty one beside `file`, for its owner alone: it is to hold what everybody did.
    fn create(file: &Path) -> Result<Self, String> {
        let mut name = OsString::from(file);
        name.push(".partial");
        let path = PathBuf::from(name);
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match made {
            Ok(_) => Ok(Self(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(format!(
                "{} is there: another backup is being made, or was cut off and left it",
                path.display()
            )),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After the renaming there is none.
        let _ = fs::remove_file(&self.0);
    }
}
