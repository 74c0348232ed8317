//! A socket that wakes its worker for what arrives, and for room to send in only after there was none.
//!
//! A socket watched for both wakes its worker once more for nearly every packet that leaves: the system has room again as soon as it has passed one
//! on, and says so each time.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A socket of datagrams that does not block.
pub(super) struct DatagramSocket {
    socket: AsyncFd<OwnedFd>,
    /// The same socket, watched for room to send in, since there was none. It has a descriptor of its own: the system watches each only once.
    full: Option<AsyncFd<OwnedFd>>,
}

impl DatagramSocket {
    /// Watches a socket, within a runtime.
    ///
    /// # Errors
    /// When the runtime cannot watch it.
    pub(super) fn new(socket: impl Into<OwnedFd>) -> io::Result<DatagramSocket> {
        Ok(DatagramSocket { socket: watch(socket.into(), Interest::READABLE)?, full: None })
    }

    /// Has `receive` read, when something may have arrived; it gives whether it left nothing unread. Ready when there may be more; else what arrives from
    /// here on wakes the task.
    pub(super) fn poll_receive(&self, cx: &mut Context, receive: impl FnOnce(&OwnedFd) -> bool) -> Poll<()> {
        // It fails only while the runtime ends.
        let Ok(mut guard) = ready!(self.socket.poll_read_ready(cx)) else { return Poll::Pending };
        if receive(self.socket.get_ref()) {
            guard.clear_ready();
            return self.socket.poll_read_ready(cx).map(|_| ());
        }
        Poll::Ready(())
    }

    /// Has `send` write, again when the system had no room; pending while it has none.
    ///
    /// # Errors
    /// Those of `send` but `WouldBlock`, and that the socket cannot be watched for room.
    pub(super) fn poll_send<T>(
        &mut self,
        cx: &mut Context,
        mut send: impl FnMut(&OwnedFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            if let Some(full) = &self.full {
                // Before it is tried: room that comes meanwhile is news again.
                ready!(full.poll_write_ready(cx))?.clear_ready();
            }
            match send(self.socket.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.full.is_none() {
                        self.full = Some(watch(self.socket.get_ref().try_clone()?, Interest::WRITABLE)?);
                    }
                }
                sent => {
                    self.full = None;
                    return Poll::Ready(sent);
                }
            }
        }
    }
}

fn watch(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is open, and always the same, until it is dropped, which only the AsyncFd does from here on.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, interest) }?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::os::unix::net::UnixDatagram;
    use std::task::Waker;

    /// A watched socket, the same one bare, and the other end. These sockets block when nobody reads them, which those of UDP do not do on one machine.
    fn pair() -> (DatagramSocket, UnixDatagram, UnixDatagram) {
        let (here, there) = UnixDatagram::pair().expect("sockets");
        here.set_nonblocking(true).expect("a socket");
        (DatagramSocket::new(here.try_clone().expect("a descriptor")).expect("a runtime"), here, there)
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime")
    }

    #[test]
    fn sends_again_once_there_is_room() {
        runtime().block_on(async {
            let (mut watched, here, there) = pair();
            let mut cx = Context::from_waker(Waker::noop());
            let mut sent = 0;
            while watched.poll_send(&mut cx, |_| here.send(b"datagram")).is_ready() {
                assert!(watched.full.is_none(), "room is watched for although there was some");
                sent += 1;
            }
            assert!(sent > 0 && watched.full.is_some());
            assert!(watched.poll_send(&mut cx, |_| here.send(b"datagram")).is_pending());
            let mut buffer = [0; 16];
            for _ in 0..sent {
                assert_eq!(there.recv(&mut buffer).expect("a datagram"), 8);
            }
            poll_fn(|cx| watched.poll_send(cx, |_| here.send(b"more"))).await.expect("there is room");
            assert_eq!(there.recv(&mut buffer).expect("a datagram"), 4);
            assert!(watched.full.is_none(), "room is watched for no longer");
        });
    }

    #[test]
    fn other_errors_are_told_at_once() {
        runtime().block_on(async {
            let (mut watched, here, there) = pair();
            drop(there);
            let mut cx = Context::from_waker(Waker::noop());
            let sent = watched.poll_send(&mut cx, |_| here.send(b"datagram"));
            assert!(matches!(sent, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused));
        });
    }

    #[test]
    fn wakes_for_what_arrives_and_not_for_what_leaves() {
        runtime().block_on(async {
            let (mut watched, here, there) = pair();
            let mut buffer = [0; 16];
            let mut receive = |watched: &DatagramSocket, cx: &mut Context| {
                let mut read = 0;
                let more = watched.poll_receive(cx, |_| {
                    while let Ok(length) = here.recv(&mut buffer) {
                        read += length;
                    }
                    true
                });
                assert!(more.is_pending(), "nothing was left unread");
                read
            };
            there.send(b"one").expect("there is room");
            let read = poll_fn(|cx| match receive(&watched, cx) {
                0 => Poll::Pending,
                read => Poll::Ready(read),
            });
            assert_eq!(read.await, 3);
            let mut cx = Context::from_waker(Waker::noop());
            assert!(watched.poll_send(&mut cx, |_| here.send(b"out")).is_ready());
            assert_eq!(there.recv(&mut [0; 16]).expect("a datagram"), 3);
            // Whatever the system has to say of it, the runtime has heard by now.
            tokio::task::yield_now().await;
            assert!(watched.socket.poll_read_ready(&mut cx).is_pending());
            assert!(watched.socket.poll_write_ready(&mut cx).is_pending(), "it is not watched for room");
        });
    }
}
