//! Real sockets for the peers of a scenario that is played against a real server.

use super::clock::{Clock, random};
use crate::time::Tick;
use bytes::Bytes;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// One UDP socket a peer.
#[derive(Debug)]
pub struct UdpPeers {
    sockets: Vec<UdpSocket>,
    server: SocketAddr,
    packets: Receiver<(usize, Bytes)>,
    clock: Clock,
    over: Arc<AtomicBool>,
    readers: Vec<JoinHandle<()>>,
    mark: String,
}

impl Drop for UdpPeers {
    /// Gives the addresses back.
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for reader in self.readers.drain(..) {
            // A reader that panicked has nothing left to give back.
            let _ = reader.join();
        }
    }
}

/// How often a reader looks whether it is over.
const PATIENCE: Duration = Duration::from_millis(20);

/// The longest packet that is taken.
const LONGEST: usize = 65_535;

impl UdpPeers {
    /// Binds the peers' addresses.
    ///
    /// # Errors
    /// Says which address cannot be bound, and why.
    pub fn bind(peers: &[SocketAddr], server: SocketAddr) -> Result<UdpPeers, String> {
        let mark = random().map_err(|fault| format!("the system refused: {fault}"))?.bits();
        let (sender, packets) = channel();
        let (mut sockets, mut readers) = (Vec::new(), Vec::new());
        let over = Arc::new(AtomicBool::new(false));
        for (peer, address) in peers.iter().enumerate() {
            let fault = |fault: std::io::Error| format!("{address} cannot be bound: {fault}");
            let socket = UdpSocket::bind(address).map_err(fault)?;
            let (reader, sender) = (socket.try_clone().map_err(fault)?, sender.clone());
            reader.set_read_timeout(Some(PATIENCE)).map_err(fault)?;
            let over = over.clone();
            readers.push(thread::spawn(move || {
                let mut space = vec![0; LONGEST];
                while !over.load(Ordering::Relaxed) {
                    let Ok((length, _)) = reader.recv_from(&mut space) else { continue };
                    let packet = Bytes::copy_from_slice(space.get(..length).unwrap_or_default());
                    if sender.send((peer, packet)).is_err() {
                        return;
                    }
                }
            }));
            sockets.push(socket);
        }
        Ok(UdpPeers { sockets, server, packets, clock: Clock::start(), over, readers, mark: format!("{mark:016x}") })
    }

    /// Sends a packet from a peer to the server.
    ///
    /// # Errors
    /// Says why it cannot be sent.
    pub fn send(&self, peer: usize, bytes: &[u8]) -> Result<(), String> {
        let Some(socket) = self.sockets.get(peer) else { return Err("there is no such peer".to_owned()) };
        let sent = socket.send_to(bytes, self.server);
        sent.map(|_| ()).map_err(|fault| format!("{} cannot be reached: {fault}", self.server))
    }

    /// Waits for a packet to any of the peers, at most this long.
    pub fn receive(&self, within: Duration) -> Option<(usize, Bytes)> {
        self.packets.recv_timeout(within).ok()
    }

    /// Letters and digits that nobody else has.
    pub fn mark(&self) -> String {
        self.mark.clone()
    }

    /// The time since the start.
    pub fn now(&self) -> Tick {
        self.clock.now().tick
    }
}
