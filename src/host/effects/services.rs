//! What scripts want of the world beside databases. A thread of its own looks names up, reads and writes files and asks other servers, so that no
//! worker waits.

use super::aside::aside;
use super::http::Clients;
use super::{datagrams, dns};
use crate::host::files;
use crate::world::{Answer, Found, MOST_READ, Service, Ticket, Unanswered};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedSender, channel};

/// Questions that may wait; more fail at once.
const WAITING: usize = 4096;
/// How many are under way at once.
const UNDER_WAY: usize = 256;

type Answers = UnboundedSender<(Ticket, Answer)>;

struct Job {
    id: Ticket,
    service: Service,
    answers: Answers,
}

/// The way to the thread, which starts with the first question.
#[derive(Clone, Default)]
pub(in crate::host) struct Services {
    queue: Arc<OnceLock<Option<Sender<Job>>>>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Services")
    }
}

impl Services {
    /// Has a question answered; the answer is sent to `answers`.
    pub(in crate::host) fn submit(&self, id: Ticket, service: Service, answers: &Answers) {
        let queue = self.queue.get_or_init(start);
        let job = Job { id, service, answers: answers.clone() };
        let refused = match queue {
            Some(queue) => queue.try_send(job).is_err(),
            None => true,
        };
        if refused {
            // A worker that has ended wants no answer.
            let _ = answers.send((id, Answer::Found(Err(Unanswered::Overloaded))));
        }
    }
}

/// Starts the thread; `None` when the system has none.
fn start() -> Option<Sender<Job>> {
    let (queue, jobs) = channel(WAITING);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().ok()?;
    let serve = move || runtime.block_on(serve(jobs));
    std::thread::Builder::new().name("services".into()).spawn(serve).ok()?;
    Some(queue)
}

async fn serve(mut jobs: Receiver<Job>) {
    let means = Arc::new(Means::default());
    let places = Arc::new(Semaphore::new(UNDER_WAY));
    while let Some(Job { id, service, answers }) = jobs.recv().await {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let means = means.clone();
        tokio::spawn(async move {
            // What breaks in it breaks this one alone.
            let found = tokio::spawn(async move { run(&means, service).await }).await;
            let found = found.unwrap_or_else(|fault| Err(Unanswered::Failed(fault.to_string())));
            // A worker that has ended wants no answer.
            let _ = answers.send((id, Answer::Found(found)));
            drop(place);
        });
    }
}

/// What all of it is done with.
#[derive(Default)]
struct Means {
    resolver: dns::Resolver,
    asker: datagrams::Asker,
    clients: Clients,
}

async fn run(means: &Means, service: Service) -> Result<Found, Unanswered> {
    match service {
        Service::Resolve(name, kind) => means.resolver.resolve(name, kind).await,
        Service::Ask(ask) => means.asker.ask(&means.resolver, &ask).await.map(Found::Answer),
        Service::ReadFile(path) => {
            aside(move || files::read(&path, MOST_READ)).await.map(|text| Found::File(text.into()))
        }
        Service::Fetch(fetch) => means.clients.fetch(*fetch).await,
        Service::WriteFile(path, text) => aside(move || files::replace(&path, &text)).await.map(|()| Found::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn done(service: Service) -> Result<Found, Unanswered> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run(&Means::default(), service))
    }

    #[test]
    fn files_are_written_and_read() {
        let folder = std::env::temp_dir().join(format!("alanui-services-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let path = folder.join("a.txt");
        assert_eq!(done(Service::WriteFile(path.clone(), "hello".into())), Ok(Found::Done));
        assert_eq!(done(Service::ReadFile(path.clone())), Ok(Found::File("hello".into())));
        assert!(matches!(done(Service::ReadFile(folder.clone())), Err(Unanswered::Failed(_))));
        assert!(matches!(done(Service::ReadFile(PathBuf::from("/dev/zero"))), Err(Unanswered::Failed(_))));
        std::fs::write(&path, vec![b'x'; MOST_READ as usize + 1]).expect("its own file");
        assert!(matches!(done(Service::ReadFile(path)), Err(Unanswered::Failed(_))));
        std::fs::remove_dir_all(folder).expect("the test's own folder");
    }

    #[test]
    fn the_thread_answers() {
        let (answers, mut answered) = tokio::sync::mpsc::unbounded_channel();
        let missing = PathBuf::from("/nonexistent/file");
        // The thread lasts as long as the way to it.
        let services = Services::default();
        services.submit(Ticket(7), Service::ReadFile(missing), &answers);
        let (id, answer) = answered.blocking_recv().expect("an answer");
        assert_eq!(id, Ticket(7));
        assert!(matches!(answer, Answer::Found(Err(Unanswered::Failed(_)))), "{answer:?}");
    }
}
