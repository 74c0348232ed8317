//! Methods as the bit mask that Kamailio's location table keeps.

use crate::sip::{HeaderName, Message, Method};

/// Every method: what a contact takes that does not say.
pub const ALL: u32 = u32::MAX;

/// A list of names, parted by commas.
pub fn read(list: &[u8]) -> u32 {
    let names = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    names.map(|name| Method::parse(name).bit()).fold(0, |all, one| all | one)
}

/// What the Allow headers of a message say; all without one.
pub fn allowed(message: &Message) -> u32 {
    if !message.has(HeaderName::Allow) {
        return ALL;
    }
    message
        .headers_named(HeaderName::Allow)
        .map(|header| read(message.text(header.value)))
        .fold(0, |all, one| all | one)
}
