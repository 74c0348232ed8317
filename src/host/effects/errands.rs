//! Errands of scripts: a thread of their own looks names up, reads and writes files and asks other servers, so that no worker waits.

use super::http::Clients;
use super::{datagrams, dns};
use crate::builtin::{Answer, Errand, ErrandFault, Found, MOST_READ};
use crate::host::files;
use crate::node::EffectId;
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedSender, channel};

/// Errands that may wait; more fail at once.
const WAITING: usize = 4096;
/// Errands under way at once.
const UNDER_WAY: usize = 256;

type Answers = UnboundedSender<(EffectId, Answer)>;

struct Job {
    id: EffectId,
    errand: Errand,
    answers: Answers,
}

/// The way to the thread, which starts with the first errand.
#[derive(Clone, Default)]
pub(in crate::host) struct Errands {
    queue: Arc<OnceLock<Option<Sender<Job>>>>,
}

impl std::fmt::Debug for Errands {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Errands")
    }
}

impl Errands {
    /// Has an errand done; what comes of it is sent to `answers`.
    pub(in crate::host) fn submit(&self, id: EffectId, errand: Errand, answers: &Answers) {
        let queue = self.queue.get_or_init(start);
        let job = Job { id, errand, answers: answers.clone() };
        let refused = match queue {
            Some(queue) => queue.try_send(job).is_err(),
            None => true,
        };
        if refused {
            // A worker that has ended wants no answer.
            let _ = answers.send((id, Answer::Errand(Err(ErrandFault::Overloaded))));
        }
    }
}

/// Starts the thread; `None` when the system has none.
fn start() -> Option<Sender<Job>> {
    let (queue, jobs) = channel(WAITING);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().ok()?;
    let serve = move || runtime.block_on(serve(jobs));
    std::thread::Builder::new().name("errands".into()).spawn(serve).ok()?;
    Some(queue)
}

async fn serve(mut jobs: Receiver<Job>) {
    let means = Arc::new(Means::default());
    let places = Arc::new(Semaphore::new(UNDER_WAY));
    while let Some(Job { id, errand, answers }) = jobs.recv().await {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let means = means.clone();
        tokio::spawn(async move {
            // What breaks in it breaks this errand alone.
            let found = tokio::spawn(async move { run(&means, errand).await }).await;
            let found = found.unwrap_or_else(|fault| Err(ErrandFault::Failed(fault.to_string())));
            // A worker that has ended wants no answer.
            let _ = answers.send((id, Answer::Errand(found)));
            drop(place);
        });
    }
}

/// What errands are done with.
#[derive(Default)]
struct Means {
    resolver: dns::Resolver,
    asker: datagrams::Asker,
    clients: Clients,
}

async fn run(means: &Means, errand: Errand) -> Result<Found, ErrandFault> {
    match errand {
        Errand::Resolve(name, kind) => means.resolver.resolve(name, kind).await,
        Errand::Ask(ask) => means.asker.ask(&means.resolver, &ask).await.map(Found::Answer),
        Errand::ReadFile(path) => {
            aside(move || files::read(&path, MOST_READ)).await.map(|text| Found::File(text.into()))
        }
        Errand::Fetch(fetch) => means.clients.fetch(*fetch).await,
        Errand::WriteFile(path, text) => aside(move || files::replace(&path, &text)).await.map(|()| Found::Done),
    }
}

/// Does what blocks on a thread of its own.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ErrandFault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|fault| ErrandFault::Failed(fault.to_string())),
        Err(fault) => Err(ErrandFault::Failed(fault.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn done(errand: Errand) -> Result<Found, ErrandFault> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run(&Means::default(), errand))
    }

    #[test]
    fn files_are_written_and_read() {
        let folder = std::env::temp_dir().join(format!("alanui-errands-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let path = folder.join("a.txt");
        assert_eq!(done(Errand::WriteFile(path.clone(), "hello".into())), Ok(Found::Done));
        assert_eq!(done(Errand::ReadFile(path.clone())), Ok(Found::File("hello".into())));
        assert!(matches!(done(Errand::ReadFile(folder.clone())), Err(ErrandFault::Failed(_))));
        assert!(matches!(done(Errand::ReadFile(PathBuf::from("/dev/zero"))), Err(ErrandFault::Failed(_))));
        std::fs::write(&path, vec![b'x'; MOST_READ as usize + 1]).expect("its own file");
        assert!(matches!(done(Errand::ReadFile(path)), Err(ErrandFault::Failed(_))));
        std::fs::remove_dir_all(folder).expect("the test's own folder");
    }

    #[test]
    fn the_thread_answers() {
        let (answers, mut answered) = tokio::sync::mpsc::unbounded_channel();
        let missing = PathBuf::from("/nonexistent/file");
        // The thread lasts as long as the way to it.
        let errands = Errands::default();
        errands.submit(EffectId(7), Errand::ReadFile(missing), &answers);
        let (id, answer) = answered.blocking_recv().expect("an answer");
        assert_eq!(id, EffectId(7));
        assert!(matches!(answer, Answer::Errand(Err(ErrandFault::Failed(_)))), "{answer:?}");
    }
}
