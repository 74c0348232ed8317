//! Bytes on their way to whoever may read them slowly, or never: a thread writes them, so many may wait for it, and what is left out is counted.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the end of the server waits for what is not written yet.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// What a buffer keeps of its size between two batches.
const KEPT: usize = 1 << 16;

/// The way to the thread that writes. Nobody who puts something in ever waits.
#[derive(Clone, Debug)]
pub(super) struct Spool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// So many bytes may wait.
    most: usize,
    waiting: Mutex<Waiting>,
    filled: Condvar,
    finished: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    batch: Batch,
    /// The thread has nothing to write and waits to be woken.
    asleep: bool,
    /// Nothing more comes.
    closed: bool,
    /// The thread has ended.
    done: bool,
}

/// What the thread writes at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The bytes of whole pieces.
    pub(super) bytes: Vec<u8>,
    /// How many pieces they are.
    pub(super) pieces: u64,
    /// How many pieces more there were no room for.
    pub(super) left_out: u64,
}

impl Spool {
    /// Starts the thread. `write` is called with each batch until it breaks; what comes afterwards is left out.
    ///
    /// # Errors
    /// The system has no thread.
    pub(super) fn begin(
        name: &str,
        most: usize,
        mut write: impl FnMut(&Batch) -> ControlFlow<()> + Send + 'static,
    ) -> io::Result<Spool> {
        let (filled, finished) = Default::default();
        let spool = Spool(Arc::new(Shared { most, waiting: Mutex::default(), filled, finished }));
        let shared = spool.0.clone();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut batch = Batch::default();
            while shared.take(&mut batch) && write(&batch).is_continue() {}
            let mut waiting = shared.lock();
            (waiting.closed, waiting.done) = (true, true);
            waiting.batch = Batch::default();
            shared.finished.notify_all();
        })?;
        Ok(spool)
    }

    /// Puts in one piece; false, and it is left out, when there is no room.
    pub(super) fn put(&self, piece: &[u8]) -> bool {
        self.put_within(piece, Some(self.0.most))
    }

    /// Puts in a piece that must not be left out, whatever waits: only what comes once for each batch.
    pub(super) fn put_always(&self, piece: &[u8]) -> bool {
        self.put_within(piece, None)
    }

    fn put_within(&self, piece: &[u8], most: Option<usize>) -> bool {
        let mut waiting = self.0.lock();
        let length = waiting.batch.bytes.len().saturating_add(piece.len());
        if waiting.done || most.is_some_and(|most| waiting.closed || length > most) {
            waiting.batch.left_out += 1;
            return false;
        }
        waiting.batch.bytes.extend_from_slice(piece);
        waiting.batch.pieces += 1;
        // Waking costs a system call, and a thread that is awake looks by itself.
        if std::mem::take(&mut waiting.asleep) {
            self.0.filled.notify_one();
        }
        true
    }

    /// Lets the thread write what waits, for so long at most. Gives whether it has ended.
    pub(super) fn end(&self, patience: Duration) -> bool {
        let mut waiting = self.0.lock();
        waiting.closed = true;
        self.0.filled.notify_one();
        let (waiting, _) = self
            .0
            .finished
            .wait_timeout_while(waiting, patience, |waiting| !waiting.done)
            .unwrap_or_else(PoisonError::into_inner);
        waiting.done
    }
}

impl Shared {
    /// What is waiting is always whole: nothing between two changes of it can panic.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to write; false when nothing more comes.
    fn take(&self, batch: &mut Batch) -> bool {
        batch.bytes.clear();
        batch.bytes.shrink_to(KEPT);
        (batch.pieces, batch.left_out) = (0, 0);
        let mut waiting = self.lock();
        while waiting.batch.pieces == 0 && waiting.batch.left_out == 0 {
            if waiting.closed {
                return false;
            }
            waiting.asleep = true;
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.asleep = false;
        std::mem::swap(&mut waiting.batch, batch);
        true
    }
}

/// One of the standard streams, without the lock under which the standard library writes to it: who waits there holds up nobody.
#[derive(Debug)]
pub(super) struct Stream(File);

impl Stream {
    /// A second handle of an open stream.
    ///
    /// # Errors
    /// It is closed.
    pub(super) fn of(stream: &impl AsFd) -> io::Result<Stream> {
        Ok(Stream(File::from(stream.as_fd().try_clone_to_owned()?)))
    }

    /// Writes all of it, or gives how much was written before the fault.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.0.write(rest) {
                Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                // Somebody else who has the stream open may have made it so.
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => self.wait(),
                Err(fault) => return Err((written, fault)),
            }
        }
        Ok(())
    }

    fn wait(&self) {
        let mut watched = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
        // SAFETY: it points to one such structure, and the call ends before that does.
        unsafe {
            libc::poll(&raw mut watched, 1, -1);
        }
    }
}

/// Writes a text to standard output on a thread of its own: who reads it slowly, or not at all, holds up nobody.
#[derive(Debug)]
pub struct Announcement(Spool);

impl Announcement {
    /// Starts the thread. `broken` is called when the text cannot be written.
    ///
    /// # Errors
    /// Standard output is closed, or the system has no thread.
    pub fn begin(broken: impl Fn(io::Error) + Send + 'static) -> io::Result<Announcement> {
        let mut stream = Stream::of(&io::stdout())?;
        let write = move |batch: &Batch| match stream.write(&batch.bytes) {
            Ok(()) => ControlFlow::Continue(()),
            Err((_, fault)) => {
                broken(fault);
                ControlFlow::Break(())
            }
        };
        Spool::begin("announcement", usize::MAX, write).map(Announcement)
    }

    /// Writes this.
    pub fn say(&self, text: &str) {
        self.0.put(text.as_bytes());
    }

    /// Lets what was said be written, for a moment.
    pub fn end(self) {
        self.0.end(PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    /// A spool of 10 bytes whose thread tells of each batch, and waits to be let on before it takes the next.
    fn slow() -> (Spool, Receiver<(String, u64)>, std::sync::mpsc::Sender<()>) {
        let ((tell, reported), (go, wait)) = (channel(), channel());
        let spool = Spool::begin("slow", 10, move |batch| {
            let text = String::from_utf8_lossy(&batch.bytes).into_owned();
            let _ = tell.send((text, batch.left_out));
            let _ = wait.recv();
            ControlFlow::Continue(())
        });
        (spool.expect("a thread"), reported, go)
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_counted() {
        let (spool, reported, go) = slow();
        assert!(spool.put(b"one "));
        assert_eq!(reported.recv(), Ok(("one ".to_owned(), 0)));
        let puts = [b"12345".as_slice(), b"67890", b"x", b"yz"].map(|piece| spool.put(piece));
        assert_eq!(puts, [true, true, false, false]);
        assert!(spool.put_always(b"must"));
        go.send(()).unwrap();
        assert_eq!(reported.recv(), Ok(("1234567890must".to_owned(), 2)));
        drop(go);
        assert!(spool.end(Duration::from_secs(60)));
        assert!(!spool.put(b"late"));
    }

    #[test]
    fn the_end_writes_what_waits_and_is_bounded() {
        let (spool, reported, go) = slow();
        assert!(spool.put(b"one"));
        assert_eq!(reported.recv(), Ok(("one".to_owned(), 0)));
        assert!(spool.put(b"two"));
        assert!(!spool.end(Duration::from_millis(1)), "its thread is held up");
        drop(go);
        assert_eq!(reported.recv(), Ok(("two".to_owned(), 0)));
        assert!(spool.end(Duration::from_secs(60)));
    }

    #[test]
    fn a_thread_that_gave_up_takes_nothing() {
        let spool = Spool::begin("broken", 10, |_| ControlFlow::Break(())).unwrap();
        spool.put(b"one");
        assert!(spool.end(Duration::from_secs(60)));
        assert!(!spool.put(b"two"));
        assert!(!spool.put_always(b"two"));
    }
}
