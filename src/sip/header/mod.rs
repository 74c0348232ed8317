//! Names of headers and the values that have a shape of their own. Values are views of the message's bytes.

mod credentials;
mod cseq;
mod name;
mod name_addr;
mod via;

pub use credentials::auth_parameter;
pub use cseq::CSeq;
pub(super) use cseq::CSeqParts;
pub use name::HeaderName;
pub(super) use name_addr::NameAddrParts;
pub use name_addr::{NameAddr, NameAddrFault, NameAddrs};
pub(super) use via::ViaParts;
pub use via::{Rport, Stamp, Via, ViaFault};
