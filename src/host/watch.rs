//! Waits until files change.

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Watches files and folders.
#[derive(Debug)]
pub struct FileWatch {
    watcher: RecommendedWatcher,
    changes: Receiver<PathBuf>,
    watched: Vec<PathBuf>,
}

/// Editors write a file in several steps: those that follow within this time are one change.
const TOGETHER: Duration = Duration::from_millis(100);

impl FileWatch {
    /// Watches nothing yet. Only changes of files that `matters` holds for count.
    ///
    /// # Errors
    /// The operating system cannot watch files.
    pub fn new(matters: impl Fn(&Path) -> bool + Send + 'static) -> Result<FileWatch, String> {
        let (sender, changes) = channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if let EventKind::Access(_) = event.kind {
                return;
            }
            for path in event.paths.into_iter().filter(|path| matters(path)) {
                // Nobody waits any more.
                let _ = sender.send(path);
            }
        });
        let watcher = watcher.map_err(|fault| fault.to_string())?;
        Ok(FileWatch { watcher, changes, watched: Vec::new() })
    }

    /// Watches a folder and what is in it, or the folder of a file.
    ///
    /// # Errors
    /// It is not there, or the operating system cannot watch it.
    pub fn add(&mut self, path: &Path) -> Result<(), String> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if self.watched.iter().any(|known| folder.starts_with(known)) {
            return Ok(());
        }
        self.watcher
            .watch(folder, RecursiveMode::Recursive)
            .map_err(|fault| format!("{}: {fault}", folder.display()))?;
        self.watched.push(folder.to_owned());
        Ok(())
    }

    /// Waits until something changes, and gives what; at most `within`, when that is given.
    pub fn changed(&self, within: Option<Duration>) -> Vec<PathBuf> {
        let first = match within {
            Some(within) => self.changes.recv_timeout(within).ok(),
            None => self.changes.recv().ok(),
        };
        let mut all: Vec<PathBuf> = first.into_iter().collect();
        while !all.is_empty()
            && let Ok(path) = self.changes.recv_timeout(TOGETHER)
        {
            all.push(path);
        }
        all.sort();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_file_is_told_once() {
        let folder = std::env::temp_dir().join(format!("alanui-watch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut watch = FileWatch::new(|path| path.extension().is_some_and(|its| its == "cfg")).unwrap();
        watch.add(&folder).unwrap();
        std::fs::write(folder.join("k.ladder"), "1").unwrap();
        std::fs::write(folder.join("k.cfg"), "1").unwrap();
        let changed = watch.changed(Some(Duration::from_secs(20)));
        let names: Vec<_> = changed.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["k.cfg"]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
