//! What others can abuse: open ways, unproven identities, secrets, doors left open.

mod auth;
mod decoded_header;
mod exec;
mod flood;
mod from_header_trusted;
mod open_relay;
mod rpc_exposed;
mod secrets;
mod tls;

use super::Rule;

pub(super) static RULES: &[&Rule] = &[
    &open_relay::RULE,
    &auth::REGISTER,
    &auth::IDENTITY,
    &auth::FORWARDED,
    &auth::MD5_ONLY,
    &from_header_trusted::RULE,
    &secrets::SECRET,
    &secrets::DEFAULT,
    &rpc_exposed::RULE,
    &flood::HITS_PEERS,
    &flood::MISSING,
    &flood::BANNER,
    &tls::VERIFY_DISABLED,
    &tls::LEGACY_METHOD,
    &exec::RULE,
    &decoded_header::RULE,
];
