//! A bar on standard error while many scenarios play, for people who wait.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// So many scenarios are over before anybody wonders.
const FEW: usize = 12;

/// How far it is.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar for so many scenarios; none when they are few, or nobody sees it.
    pub(super) fn new(scenarios: usize, seen: bool) -> Progress {
        if !seen || scenarios <= FEW {
            return Progress(None);
        }
        let bar = ProgressBar::with_draw_target(Some(scenarios as u64), ProgressDrawTarget::stderr());
        // A template that cannot be read leaves the bar as it is made.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style.progress_chars("\u{2501}\u{2578}\u{2500}"));
        }
        Progress(Some(bar))
    }

    /// Tells of a scenario that is over, while the bar is out of the way.
    pub(super) fn aside<T>(&self, tell: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => {
                bar.inc(1);
                bar.suspend(tell)
            }
            None => tell(),
        }
    }

    /// Takes the bar away.
    pub(super) fn done(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_for_many_that_somebody_sees() {
        assert!(Progress::new(FEW, true).0.is_none());
        assert!(Progress::new(1000, false).0.is_none());
        let progress = Progress::new(1000, true);
        let bar = progress.0.clone().unwrap();
        bar.set_draw_target(ProgressDrawTarget::hidden());
        assert_eq!(progress.aside(|| 7), 7);
        assert_eq!((bar.position(), bar.length()), (1, Some(1000)));
        progress.done();
        assert!(bar.is_finished());
    }
}
