//! A server process on loopback in a folder of its own, ended when dropped.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Program {
    Kamailio,
    Alanui,
    /// alanui with `--strict`.
    Strict,
}

impl Program {
    pub(crate) fn installed(self) -> bool {
        match self {
            Self::Alanui | Self::Strict => true,
            Self::Kamailio => Command::new("kamailio").arg("-v").output().is_ok(),
        }
    }

    fn command(self, folder: &Path) -> Command {
        let config = folder.join("server.cfg");
        match self {
            Self::Kamailio => {
                let run = folder.join("run");
                let mut command = Command::new("kamailio");
                command.arg("-f").arg(config).args(["-DD", "-E", "-m", "64", "-M", "1536"]);
                command.arg("-P").arg(run.join("pid")).arg("-Y").arg(&run).arg("-w").arg(&run);
                command
            }
            Self::Alanui | Self::Strict => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_alanui"));
                command.arg("run").arg(config);
                if self == Self::Strict {
                    command.arg("--strict");
                }
                // For instance `--strict`.
                command.args(std::env::var("ALANUI_ORACLE_ARGS").unwrap_or_default().split_whitespace());
                command
            }
        }
    }
}

/// A running server. It leads a process group, so its children end with it.
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts `program` with this configuration and these tables; the database of the configuration is `database(folder)`.
    pub(crate) fn start(program: Program, folder: PathBuf, config: &str, tables: &str) -> std::io::Result<Self> {
        Self::start_with(program, folder, (config, tables), &[])
    }

    /// The same with these arguments more.
    pub(crate) fn start_with(
        program: Program,
        folder: PathBuf,
        (config, tables): (&str, &str),
        arguments: &[&str],
    ) -> std::io::Result<Self> {
        fs::write(folder.join("server.cfg"), config)?;
        let database = rusqlite::Connection::open(database(&folder)).map_err(std::io::Error::other)?;
        database.execute_batch(tables).map_err(std::io::Error::other)?;
        let log = fs::File::create(folder.join("log"))?;
        let mut command = program.command(&folder);
        command.args(arguments).current_dir(&folder).process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Self { process: command.spawn()?, folder })
    }

    pub(crate) fn log(&self) -> String {
        fs::read(self.folder.join("log")).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    pub(crate) fn ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.process.wait();
        if std::env::var_os("ALANUI_ORACLE_KEEP").is_some() {
            let _ = writeln!(std::io::stderr(), "kept {}", self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("routing.db")
}

/// A new folder with the `run` folder that Kamailio wants.
pub(crate) fn fresh_folder() -> std::io::Result<PathBuf> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("alanui-oracle-{}-{count}", std::process::id()));
    fs::create_dir_all(folder.join("run"))?;
    Ok(folder)
}
