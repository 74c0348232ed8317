//! Ports for servers that are told where to listen. A port that the system lends and takes back may be lent to another
//! socket before the server has it; those given here lie below the range the system lends from, and come again only after all others.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// The first port of the first block. sipp takes its media and control ports below it.
const FIRST: u16 = 10_000;
/// Ports of a block: many more than all tests of one process want at a time.
const BLOCK: u16 = 2_500;
/// So many processes can test at a time. The last block ends below 32768, where Linux begins to lend.
const BLOCKS: u16 = 9;

/// A block of ports that is this process' own as long as it lives.
struct Block {
    start: u16,
    next: AtomicU16,
    /// Listens on the first port, which tells other processes that the block is taken; the system ends it whatever comes.
    _claim: TcpListener,
}

impl Block {
    fn take() -> Self {
        let starts = (0..BLOCKS).map(|index| FIRST + index * BLOCK);
        let mut free = starts.filter_map(|start| TcpListener::bind((Ipv4Addr::LOCALHOST, start)).ok().zip(Some(start)));
        let (claim, start) = free.next().expect("a block of ports that nobody tests with");
        Self { start, next: AtomicU16::new(0), _claim: claim }
    }
}

/// A port on 127.0.0.1 that nobody listens on, by UDP or TCP, and that no other caller is given.
pub(crate) fn free() -> u16 {
    static OWN: OnceLock<Block> = OnceLock::new();
    let block = OWN.get_or_init(Block::take);
    for _ in 1..BLOCK {
        let port = block.start + 1 + block.next.fetch_add(1, Ordering::Relaxed) % (BLOCK - 1);
        let address = (Ipv4Addr::LOCALHOST, port);
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return port;
        }
    }
    panic!("the tests of one process want more than {BLOCK} ports at a time")
}
