//! From the bytes of a file to the SIP messages in it.

use super::gathered::{Capture, CaptureFault, Gathered};
use super::{hep, log, pcap};
use std::io::{self, BufRead, BufReader, Read};

/// Bytes of a text that are read, at most.
const LONGEST_TEXT: u64 = 64 << 20;

/// Reads a capture; of the calls named, or of all when none is.
///
/// # Errors
/// Why nothing can be taken from it.
pub fn read(source: impl Read + Send, calls: &[String]) -> Result<Capture, CaptureFault> {
    let mut source = BufReader::with_capacity(1 << 16, Full(source));
    let start = source.fill_buf().map_err(CaptureFault::Unreadable)?;
    if start.is_empty() {
        return Err(CaptureFault::Empty);
    }
    let mut gathered = Gathered::new(calls);
    if pcap::begins(start) {
        pcap::read(source, &mut gathered)?;
    } else if hep::begins(start) {
        hep::read(source, &mut gathered)?;
    } else if log::begins(start) {
        let mut text = Vec::new();
        source.take(LONGEST_TEXT).read_to_end(&mut text).map_err(CaptureFault::Unreadable)?;
        log::read(&String::from_utf8_lossy(&text), &mut gathered)?;
    } else {
        return Err(CaptureFault::UnknownFormat);
    }
    gathered.finish()
}

/// Gives as many bytes as are asked for, until the end: how a file is cut into reads then changes nothing.
struct Full<R>(R);

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut taken = 0;
        while let Some(rest) = buffer.get_mut(taken..).filter(|rest| !rest.is_empty()) {
            match self.0.read(rest) {
                Ok(0) => break,
                Ok(count) => taken += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}
