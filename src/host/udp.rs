//! Datagrams in batches: one system call takes or sends many. With `datagram_socket`, `pipe` and `spool` the only place of the host with `unsafe`.

use crate::world::Transmit;
use bytes::Bytes;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

/// Datagrams taken or sent by one system call, at most.
pub(super) const BATCH: usize = 32;
/// No datagram is longer.
const LONGEST: usize = 65_536;

/// Takes datagrams from sockets.
///
/// Each lands in a buffer made for the longest and is copied into bytes of its own length: a transaction that keeps one message for half a
/// minute then keeps nothing else, and the buffers are never cleared.
pub(super) struct Inbox(imp::Inbox);

impl Inbox {
    /// An inbox for sockets of any family.
    pub(super) fn new() -> Inbox {
        Inbox(imp::Inbox::new())
    }

    /// Takes up to [`BATCH`] datagrams that have arrived and hands them to `each` in order. Gives how many there were: fewer than a batch mean
    /// that the socket is empty.
    ///
    /// # Errors
    /// `WouldBlock` when nothing has arrived.
    pub(super) fn receive(&mut self, socket: &impl AsFd, each: impl FnMut(Bytes, SocketAddr)) -> io::Result<usize> {
        self.0.receive(socket, each)
    }
}

/// Sends datagrams from sockets.
pub(super) struct Outbox(imp::Outbox);

impl Outbox {
    /// An outbox for sockets of any family.
    pub(super) fn new() -> Outbox {
        Outbox(imp::Outbox::new())
    }

    /// Sends packets from `socket` in order, up to [`BATCH`] of them. Gives how many left.
    ///
    /// # Errors
    /// Why the first of them did not; the others were not tried.
    pub(super) fn send<'a>(
        &mut self,
        socket: &impl AsFd,
        packets: impl Iterator<Item = &'a Transmit>,
    ) -> io::Result<usize> {
        self.0.send(socket, packets.take(BATCH))
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use super::{AsFd, BATCH, Bytes, LONGEST, SocketAddr, Transmit, io};
    use libc::{c_uint, c_void, iovec, mmsghdr, msghdr, sockaddr_storage, socklen_t};
    use socket2::{SockAddr, SockAddrStorage};
    use std::mem::MaybeUninit;
    use std::os::fd::AsRawFd;
    use std::ptr;

    pub(super) struct Inbox {
        buffers: Vec<u8>,
        names: Vec<sockaddr_storage>,
        parts: Vec<iovec>,
        headers: Vec<mmsghdr>,
    }

    impl Inbox {
        pub(super) fn new() -> Inbox {
            // SAFETY: all-zero bytes are a valid sockaddr_storage: it is plain integers.
            let name: sockaddr_storage = unsafe { MaybeUninit::zeroed().assume_init() };
            Inbox {
                // Memory from the system is zero already and takes no room before it is written.
                buffers: vec![0; BATCH * LONGEST],
                names: vec![name; BATCH],
                parts: Vec::with_capacity(BATCH),
                headers: Vec::with_capacity(BATCH),
            }
        }

        pub(super) fn receive(
            &mut self,
            socket: &impl AsFd,
            mut each: impl FnMut(Bytes, SocketAddr),
        ) -> io::Result<usize> {
            self.parts.clear();
            self.headers.clear();
            let buffers = self.buffers.chunks_exact_mut(LONGEST);
            self.parts.extend(
                buffers.map(|buffer| iovec { iov_base: buffer.as_mut_ptr().cast::<c_void>(), iov_len: LONGEST }),
            );
            let slots = self.parts.iter_mut().zip(self.names.iter_mut());
            self.headers.extend(slots.map(|(part, name)| {
                let length = size_of::<sockaddr_storage>() as socklen_t;
                header(part, ptr::from_mut(name).cast::<c_void>(), length)
            }));
            // SAFETY: the headers point at `buffers`, `names` and `parts`, which live in `self`, are not moved or read during the call, and
            // have the lengths given; the count is that of the headers.
            let count = unsafe {
                libc::recvmmsg(
                    socket.as_fd().as_raw_fd(),
                    self.headers.as_mut_ptr(),
                    self.headers.len() as c_uint,
                    libc::MSG_DONTWAIT,
                    ptr::null_mut(),
                )
            };
            let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
            let taken = self.headers.iter().zip(self.buffers.chunks_exact(LONGEST)).zip(&self.names).take(count);
            for ((header, buffer), name) in taken {
                let Some(source) = source(name, header.msg_hdr.msg_namelen) else { continue };
                let length = (header.msg_len as usize).min(LONGEST);
                each(Bytes::copy_from_slice(&buffer[..length]), source);
            }
            Ok(count)
        }
    }

    /// The sender's address as the system wrote it.
    fn source(name: &sockaddr_storage, length: socklen_t) -> Option<SocketAddr> {
        let mut storage = SockAddrStorage::zeroed();
        // SAFETY: the storage of socket2 is a sockaddr_storage.
        *unsafe { storage.view_as::<sockaddr_storage>() } = *name;
        // SAFETY: the system filled `name` with an address of `length` bytes.
        unsafe { SockAddr::new(storage, length) }.as_socket()
    }

    pub(super) struct Outbox {
        names: Vec<SockAddr>,
        parts: Vec<iovec>,
        headers: Vec<mmsghdr>,
    }

    impl Outbox {
        pub(super) fn new() -> Outbox {
            Outbox {
                names: Vec::with_capacity(BATCH),
                parts: Vec::with_capacity(BATCH),
                headers: Vec::with_capacity(BATCH),
            }
        }

        pub(super) fn send<'a>(
            &mut self,
            socket: &impl AsFd,
            packets: impl Iterator<Item = &'a Transmit>,
        ) -> io::Result<usize> {
            self.names.clear();
            self.parts.clear();
            self.headers.clear();
            for packet in packets {
                self.names.push(packet.flow.peer.into());
                // The system only reads what is sent.
                let start = packet.bytes.as_ptr().cast_mut().cast::<c_void>();
                self.parts.push(iovec { iov_base: start, iov_len: packet.bytes.len() });
            }
            let slots = self.parts.iter_mut().zip(&self.names);
            self.headers
                .extend(slots.map(|(part, name)| header(part, name.as_ptr().cast_mut().cast::<c_void>(), name.len())));
            // SAFETY: the headers point at `names` and `parts`, which live in `self`, and at the packets' bytes, borrowed for 'a; none is
            // moved or written during the call; the count is that of the headers.
            let count = unsafe {
                libc::sendmmsg(
                    socket.as_fd().as_raw_fd(),
                    self.headers.as_mut_ptr(),
                    self.headers.len() as c_uint,
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            };
            usize::try_from(count).map_err(|_| io::Error::last_os_error())
        }
    }

    fn header(part: &mut iovec, name: *mut c_void, length: socklen_t) -> mmsghdr {
        // SAFETY: all-zero bytes are a valid msghdr: it is integers and pointers that may be null.
        let mut header: msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        header.msg_name = name;
        header.msg_namelen = length;
        header.msg_iov = part;
        header.msg_iovlen = 1;
        mmsghdr { msg_hdr: header, msg_len: 0 }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use super::{AsFd, BATCH, Bytes, LONGEST, SocketAddr, Transmit, io};
    use socket2::SockRef;
    use std::mem::MaybeUninit;

    pub(super) struct Inbox {
        buffer: Vec<MaybeUninit<u8>>,
    }

    impl Inbox {
        pub(super) fn new() -> Inbox {
            Inbox { buffer: vec![MaybeUninit::uninit(); LONGEST] }
        }

        pub(super) fn receive(
            &mut self,
            socket: &impl AsFd,
            mut each: impl FnMut(Bytes, SocketAddr),
        ) -> io::Result<usize> {
            for count in 0..BATCH {
                let (length, source) =
                    match SockRef::from(socket).recv_from_with_flags(&mut self.buffer, libc::MSG_DONTWAIT) {
                        Ok(taken) => taken,
                        Err(_) if count > 0 => return Ok(count),
                        Err(error) => return Err(error),
                    };
                let Some(source) = source.as_socket() else { continue };
                // SAFETY: the system wrote the first `length` bytes of the buffer.
                let bytes = unsafe { std::slice::from_raw_parts(self.buffer.as_ptr().cast::<u8>(), length) };
                each(Bytes::copy_from_slice(bytes), source);
            }
            Ok(BATCH)
        }
    }

    pub(super) struct Outbox;

    impl Outbox {
        pub(super) fn new() -> Outbox {
            Outbox
        }

        pub(super) fn send<'a>(
            &mut self,
            socket: &impl AsFd,
            packets: impl Iterator<Item = &'a Transmit>,
        ) -> io::Result<usize> {
            let mut count = 0;
            for packet in packets {
                match SockRef::from(socket).send_to_with_flags(
                    &packet.bytes,
                    &packet.flow.peer.into(),
                    libc::MSG_DONTWAIT,
                ) {
                    Ok(_) => count += 1,
                    Err(_) if count > 0 => return Ok(count),
                    Err(error) => return Err(error),
                }
            }
            Ok(count)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::SocketId;
    use crate::world::{Flow, SendFlags};
    use std::net::UdpSocket;

    fn packet(text: String, destination: SocketAddr) -> Transmit {
        Transmit { bytes: Bytes::from(text), flow: Flow::to(destination, SocketId(0)), flags: SendFlags::default() }
    }

    #[test]
    fn many_datagrams_leave_and_arrive_in_order() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(here) = UdpSocket::bind(address) else { continue };
            let there = UdpSocket::bind(address).expect("a free port");
            let destination = there.local_addr().expect("bound");
            let mut packets: Vec<_> = (0..70).map(|n| packet(format!("packet {n}"), destination)).collect();
            packets.push(packet("x".repeat(60_000), destination));
            let mut outbox = Outbox::new();
            let mut sent = 0;
            while sent < packets.len() {
                sent += outbox.send(&here, packets[sent..].iter()).expect("loopback takes them");
            }
            let mut inbox = Inbox::new();
            let mut arrived = Vec::new();
            while arrived.len() < packets.len() {
                there.peek_from(&mut [0]).expect("waits until one is there");
                inbox.receive(&there, |bytes, source| arrived.push((bytes, source))).expect("they are there");
            }
            for (sent, (bytes, source)) in packets.iter().zip(&arrived) {
                assert_eq!(sent.bytes, bytes);
                assert_eq!(*source, here.local_addr().expect("bound"));
            }
            there.set_nonblocking(true).expect("a plain socket");
            let empty = inbox.receive(&there, |_, _| {}).map_err(|error| error.kind());
            assert_eq!(empty, Err(io::ErrorKind::WouldBlock));
        }
    }

    #[test]
    fn the_first_packet_that_cannot_leave_is_told() {
        let here = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let there = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let good = packet("good".into(), there.local_addr().expect("bound"));
        let bad = packet("x".repeat(70_000), there.local_addr().expect("bound"));
        let packets = [good.clone(), bad, good];
        let mut outbox = Outbox::new();
        assert_eq!(outbox.send(&here, packets.iter()).expect("the first one leaves"), 1);
        let error = outbox.send(&here, packets[1..].iter()).expect_err("it is too long");
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
        assert_eq!(outbox.send(&here, packets[2..].iter()).expect("the last one leaves"), 1);
    }
}
