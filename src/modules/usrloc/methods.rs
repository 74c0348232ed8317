//! Methods as the bit mask that Kamailio's location table keeps.

use crate::sip::{HeaderName, Message, Method};

/// Every method: what a contact takes that does not say.
pub const ALL: u32 = u32::MAX;

/// One bit a method, in Kamailio's order; any other method has the bit behind those of HTTP.
pub fn bit(method: Method) -> u32 {
    let order = match method {
        Method::Invite => 0,
        Method::Cancel => 1,
        Method::Ack => 2,
        Method::Bye => 3,
        Method::Info => 4,
        Method::Register => 5,
        Method::Subscribe => 6,
        Method::Notify => 7,
        Method::Message => 8,
        Method::Options => 9,
        Method::Prack => 10,
        Method::Update => 11,
        Method::Refer => 12,
        Method::Publish => 13,
        Method::Kdmq => 14,
        Method::Other => 19,
    };
    1 << order
}

/// A list of names, parted by commas.
pub fn read(list: &[u8]) -> u32 {
    let names = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    names.map(|name| bit(Method::parse(name))).fold(0, |all, one| all | one)
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
