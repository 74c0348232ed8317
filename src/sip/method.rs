macro_rules! methods {
    ($($variant:ident $text:literal $place:literal $source:literal;)*) => {
        /// A request method. Names are compared without regard to case, as Kamailio does, though RFC 3261 section 7.1 has it otherwise: `invite` is
        /// an INVITE, and leaves as it was written.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Method {
            $(#[doc = concat!($text, ", ", $source, ".")] $variant,)*
            /// Any other method; its text stands in the message.
            Other,
        }

        impl Method {
            /// Every method that has a name here, in the order of their bits in a [`MethodSet`].
            pub const NAMED: &'static [Method] = &[$(Method::$variant,)*];

            /// The method called `text`; [`Method::Other`] when it has no row here.
            pub fn parse(text: &[u8]) -> Method {
                match text {
                    $(_ if text.eq_ignore_ascii_case($text.as_bytes()) => Method::$variant,)*
                    _ => Method::Other,
                }
            }

            /// Its name as it stands on the wire; empty for [`Method::Other`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Method::$variant => $text,)*
                    Method::Other => "",
                }
            }

            /// Its bit among Kamailio's methods, in the order in which it learnt them; [`Method::Other`] has the one behind those of HTTP.
            pub const fn bit(self) -> u32 {
                match self {
                    $(Method::$variant => 1 << $place,)*
                    Method::Other => 1 << 19,
                }
            }
        }
    };
}

methods! {
    Invite "INVITE" 0 "RFC 3261 section 13";
    Ack "ACK" 2 "RFC 3261 section 17.1.1.3";
    Bye "BYE" 3 "RFC 3261 section 15";
    Cancel "CANCEL" 1 "RFC 3261 section 9";
    Options "OPTIONS" 9 "RFC 3261 section 11";
    Register "REGISTER" 5 "RFC 3261 section 10";
    Prack "PRACK" 10 "RFC 3262";
    Subscribe "SUBSCRIBE" 6 "RFC 6665";
    Notify "NOTIFY" 7 "RFC 6665";
    Publish "PUBLISH" 13 "RFC 3903";
    Info "INFO" 4 "RFC 6086";
    Refer "REFER" 12 "RFC 3515";
    Message "MESSAGE" 8 "RFC 3428";
    Update "UPDATE" 11 "RFC 3311";
    Kdmq "KDMQ" 14 "Kamailio's distributed message queue";
}

/// Several methods as a bit mask, for tests such as `is_method("INVITE|BYE")`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct MethodSet(u32);

impl MethodSet {
    /// No method.
    pub const EMPTY: MethodSet = MethodSet(0);

    /// This set and `method`.
    #[must_use]
    pub const fn with(self, method: Method) -> MethodSet {
        MethodSet(self.0 | 1 << method as u32)
    }

    /// Whether `method` is in it.
    pub const fn contains(self, method: Method) -> bool {
        self.0 & (1 << method as u32) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Method::parse(b"INVITE"), Method::Invite);
        assert_eq!(Method::parse(b"invite"), Method::Invite);
        assert_eq!(Method::parse(b"INVITED"), Method::Other);
        assert_eq!(Method::parse(b""), Method::Other);
        for method in Method::NAMED {
            assert_eq!(Method::parse(method.as_str().as_bytes()), *method);
        }
    }

    #[test]
    fn sets() {
        let set = MethodSet::EMPTY.with(Method::Invite).with(Method::Other);
        assert!(set.contains(Method::Invite) && set.contains(Method::Other) && !set.contains(Method::Ack));
    }
}
