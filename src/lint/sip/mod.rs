//! SIP as RFC 3261 wants it: dialogs, routes, ACK and CANCEL, NAT, media, header edits, addresses.

mod ack_answered;
mod addresses;
mod cancel_not_handled;
mod edits;
mod lookup_result_ignored;
mod loose_route;
mod max_forwards_missing;
mod media;
mod nat;
mod record_route;
mod sanity;

use super::Rule;

pub(super) use addresses::listens_beyond_loopback;

pub(super) static RULES: &[&Rule] = &[
    &record_route::MISSING,
    &record_route::ON_REGISTER,
    &record_route::TWICE,
    &loose_route::PRELOADED,
    &loose_route::KEEPS_GOING,
    &loose_route::UNGUARDED,
    &ack_answered::RULE,
    &cancel_not_handled::RULE,
    &cancel_not_handled::RETRANSMISSION,
    &max_forwards_missing::RULE,
    &sanity::BRANCH_DEAD,
    &sanity::MASK_BITS,
    &lookup_result_ignored::RULE,
    &addresses::WILDCARD,
    &addresses::MYSELF,
    &addresses::NOT_ADVERTISED,
    &addresses::MULTIHOMED,
    &addresses::KEEPS_TRANSPORT,
    &nat::CONTACT_AS_NEXT_HOP,
    &nat::REGISTER_NOT_FIXED,
    &nat::RECEIVED_MISMATCH,
    &nat::BFLAG_UNSET,
    &media::DIRECTION_FIXED,
    &media::TWICE,
    &media::NO_TEARDOWN,
    &edits::INVISIBLE,
    &edits::FROM_TWICE,
    &edits::CONTACT_TWICE,
    &edits::WITHOUT_CRLF,
];
