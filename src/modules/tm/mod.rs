//! `tm`: transactions as scripts steer them (RFC 3261 sections 16 and 17). The work is the node's; these rows tell it what is wanted.

mod params;
mod view;
mod wishes;

use crate::builtin::{
    Arg, Args, Context, Does, Form, Function, Means, Module, Outcome, Reply, ReplyMode, RouteKind, Routes,
    TransactionStep,
};
use crate::sip::Transport;
use wishes::{
    forward_nonack, forward_nonack_to, forward_nonack_uri, relay, relay_as_received, relay_by, relay_to,
    relay_to_proxy, reply, set_fr, step, t_reply, t_send_reply,
};

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: params::PARAMS,
    events: &["tm:branch-failure:<name>", "tm:local-request", "tm:local-response"],
    start: params::start,
    ..Module::new("tm", "Relays requests in transactions, with their retransmissions, timers and replies.")
};

/// Where a request can be relayed.
const RELAYING: Routes = Routes::REQUEST.or(Routes::FAILURE);
/// Where a request can be answered.
const ANSWERING: Routes = RELAYING.or(Routes::ONREPLY);
/// Where a transaction can be steered.
const STEERING: Routes = RELAYING.or(Routes::REPLY).or(Routes::BRANCH);

/// A row without arguments.
const fn bare(
    names: &'static [&'static str],
    routes: Routes,
    run: fn(&mut Context, &Args) -> Outcome,
    doc: &'static str,
) -> Function {
    Function { names, args: &[], routes, run, does: &[], doc }
}

/// A row that takes host and port of the next hop.
const fn hop(
    names: &'static [&'static str],
    routes: Routes,
    run: fn(&mut Context, &Args) -> Outcome,
    doc: &'static str,
) -> Function {
    const HOP: &[Arg] = &[Arg::text("host").means(Means::Host), Arg::text("port").means(Means::Port)];
    Function { names, args: HOP, routes, run, does: &[], doc }
}

static FUNCTIONS: &[Function] = &[
    bare(
        &["t_relay", "t_relay_to"],
        RELAYING,
        relay,
        "Forwards the request in a transaction to `$du` or the Request-URI; 1 once it is sent, false with Kamailio's codes when it cannot be.",
    ).does(&[Does::Relay, Does::MakeTransaction, Does::WantRequest]),
    hop(
        &["t_relay"],
        RELAYING,
        relay_as_received,
        "Forwards the request in a transaction to this host and port, by the transport it came by; the Request-URI stays.",
    )
    .does(&[Does::Relay, Does::KeepTransport, Does::MakeTransaction, Does::WantRequest]),
    Function {
        names: &["t_relay_to"],
        args: &[Arg::text("proxy_or_flags"), Arg::text("flags").optional()],
        routes: RELAYING,
        run: relay_to_proxy,
        does: &[Does::Relay, Does::MakeTransaction, Does::WantRequest],
        doc: "Forwards the request in a transaction to a proxy, written `udp:host:port`. Flags, a number, change nothing here.",
    },
    Function {
        names: &["t_relay_to_proxy"],
        args: &[Arg::text("proxy")],
        routes: RELAYING,
        run: relay_to_proxy,
        does: &[Does::Relay, Does::MakeTransaction],
        doc: "Forwards the request in a transaction to a proxy, written `udp:host:port`.",
    },
    Function {
        names: &["t_forward_nonack_to"],
        args: &[Arg::text("protocol"), Arg::text("proxy")],
        routes: Routes::REQUEST,
        run: forward_nonack_to,
        does: &[Does::Relay],
        doc: "Forwards the request in the transaction of `t_newtran` by this protocol to `host:port`; false without one.",
    },
    bare(
        &["t_relay_to_udp"],
        RELAYING,
        |cx, _| relay_by(cx, Transport::Udp),
        "Forwards the request in a transaction over UDP.",
    ).does(&[Does::Relay, Does::MakeTransaction]),
    bare(
        &["t_relay_to_tcp"],
        RELAYING,
        |cx, _| relay_by(cx, Transport::Tcp),
        "Forwards the request in a transaction over TCP.",
    ).does(&[Does::Relay, Does::MakeTransaction]),
    bare(
        &["t_relay_to_tls"],
        RELAYING,
        |cx, _| relay_by(cx, Transport::Tls),
        "Forwards the request in a transaction over TLS.",
    ).does(&[Does::Relay, Does::MakeTransaction]),
    bare(
        &["t_relay_to_sctp"],
        RELAYING,
        |cx, _| relay_by(cx, Transport::Sctp),
        "Forwards the request in a transaction over SCTP.",
    ).does(&[Does::Relay, Does::MakeTransaction]),
    hop(
        &["t_relay_to_udp"],
        RELAYING,
        |cx, args| relay_to(cx, args, Some(Transport::Udp)),
        "Forwards the request in a transaction over UDP to this host and port.",
    ).does(&[Does::Relay, Does::MakeTransaction]),
    hop(
        &["t_relay_to_tcp"],
        RELAYING,
        |cx, args| relay_to(cx, args, Some(Transport::Tcp)),
        "Forwards the request in a transaction over TCP to this host and port.",
    ).does(&[Does::Relay, Does::MakeTransaction]),
    hop(
        &["t_relay_to_tls"],
        RELAYING,
        |cx, args| relay_to(cx, args, Some(Transport::Tls)),
        "Forwards the request in a transaction over TLS to this host and port.",
    ).does(&[Does::Relay, Does::MakeTransaction]),
    hop(
        &["t_relay_to_sctp"],
        RELAYING,
        |cx, args| relay_to(cx, args, Some(Transport::Sctp)),
        "Forwards the request in a transaction over SCTP to this host and port.",
    ).does(&[Does::Relay, Does::MakeTransaction]),
    bare(
        &["t_forward_nonack_uri"],
        Routes::REQUEST,
        forward_nonack_uri,
        "Forwards the request in the transaction of `t_newtran` to `$du` or the Request-URI; false without one. No reply is made here, neither 100 nor one that says what failed.",
    ).does(&[Does::Relay, Does::WantRequest]),
    hop(
        &["t_forward_nonack"],
        Routes::REQUEST,
        |cx, args| forward_nonack(cx, args, None),
        "Forwards the request in the transaction of `t_newtran` over UDP to this host and port; false without one.",
    ).does(&[Does::Relay, Does::WantRequest]),
    hop(
        &["t_forward_nonack_udp"],
        Routes::REQUEST,
        |cx, args| forward_nonack(cx, args, Some(Transport::Udp)),
        "Forwards the request in the transaction of `t_newtran` over UDP to this host and port; false without one.",
    ).does(&[Does::Relay]),
    hop(
        &["t_forward_nonack_tcp"],
        Routes::REQUEST,
        |cx, args| forward_nonack(cx, args, Some(Transport::Tcp)),
        "Forwards the request in the transaction of `t_newtran` over TCP to this host and port; false without one.",
    ).does(&[Does::Relay]),
    hop(
        &["t_forward_nonack_tls"],
        Routes::REQUEST,
        |cx, args| forward_nonack(cx, args, Some(Transport::Tls)),
        "Forwards the request in the transaction of `t_newtran` over TLS to this host and port; false without one.",
    ).does(&[Does::Relay]),
    hop(
        &["t_forward_nonack_sctp"],
        Routes::REQUEST,
        |cx, args| forward_nonack(cx, args, Some(Transport::Sctp)),
        "Forwards the request in the transaction of `t_newtran` over SCTP to this host and port; false without one.",
    ).does(&[Does::Relay]),
    bare(
        &["t_newtran"],
        Routes::REQUEST,
        |_, _| step(TransactionStep::New),
        "Makes the transaction. False when the request is a retransmission, whose last reply is then sent again, or has a transaction already.",
    ).does(&[Does::MakeTransaction, Does::WantRequest]),
    bare(
        &["t_lookup_request"],
        Routes::REQUEST,
        |_, _| step(TransactionStep::LookupRequest),
        "True when the request belongs to a transaction.",
    ).does(&[Does::FindTransaction]),
    Function {
        names: &["t_lookup_cancel"],
        args: &[Arg::int("copy_flags").optional()],
        routes: Routes::REQUEST,
        run: |cx, args| {
            let copies_flags = args.has(0) && args.int(cx, 0) != 0;
            step(TransactionStep::LookupCancel { copies_flags })
        },
        does: &[Does::FindTransaction],
        doc: "True when the INVITE that this CANCEL is for has a transaction; other than 0, the CANCEL then has the flags of the INVITE.",
    },
    bare(
        &["t_check_trans"],
        Routes::REQUEST.or(Routes::BRANCH).or(Routes::ONREPLY),
        |_, _| step(TransactionStep::Check),
        "Ends the script for a retransmission or an ACK that its transaction takes; true for a CANCEL with an INVITE to cancel and a reply with a transaction, false for what is not known.",
    ).does(&[Does::FindTransaction]),
    bare(
        &["t_relay_cancel"],
        Routes::REQUEST,
        |_, _| step(TransactionStep::RelayCancel),
        "Ends the script after a CANCEL was relayed to where its INVITE went; true when the INVITE is not known.",
    ).does(&[Does::FindTransaction, Does::WantRequest]),
    bare(
        &["t_retransmit_reply"],
        Routes::REQUEST,
        |_, _| step(TransactionStep::RetransmitReply),
        "Sends the transaction's last reply again.",
    ),
    bare(
        &["t_release"],
        Routes::REQUEST,
        |_, _| step(TransactionStep::Release),
        "Lets go of a transaction that the script made and does not need.",
    ),
    Function {
        names: &["t_reply"],
        args: &[Arg::text("code").form(Form::Number).means(Means::ReplyCode), Arg::custom("reason", wishes::prepare_reason)],
        routes: ANSWERING,
        run: t_reply,
        does: &[Does::Reply, Does::ReplyInTransaction, Does::WriteHeader],
        doc: "Answers the request through its transaction; false without one or after a final reply.",
    },
    Function {
        names: &["t_send_reply"],
        args: &[Arg::text("code").form(Form::Number).means(Means::ReplyCode), Arg::custom("reason", wishes::prepare_reason)],
        routes: ANSWERING,
        run: t_send_reply,
        does: &[Does::Reply],
        doc: "Answers the request through its transaction, which is made when it is missing.",
    },
    bare(
        &["t_reply_error"],
        ANSWERING,
        |_, _| reply(Reply::new(500, "", ReplyMode::Error)),
        "Answers the request with the error that the last attempt to forward it met.",
    ).does(&[Does::Reply]),
    Function {
        names: &["t_on_failure"],
        args: &[Arg::route("route", RouteKind::Failure)],
        routes: STEERING,
        run: |cx, args| {
            cx.message.armed.failure = args.route(0);
            Outcome::TRUE
        },
        does: &[Does::Arm(RouteKind::Failure)],
        doc: "Names the failure_route that runs when every branch has failed; an empty name or `0` takes it back.",
    },
    Function {
        names: &["t_on_reply"],
        args: &[Arg::route("route", RouteKind::Reply)],
        routes: STEERING,
        run: |cx, args| {
            cx.message.armed.reply = args.route(0);
            Outcome::TRUE
        },
        does: &[Does::Arm(RouteKind::Reply)],
        doc: "Names the onreply_route that runs for each reply to the transaction; an empty name or `0` takes it back.",
    },
    Function {
        names: &["t_on_branch"],
        args: &[Arg::route("route", RouteKind::Branch)],
        routes: RELAYING,
        run: |cx, args| {
            cx.message.armed.branch = args.route(0);
            Outcome::TRUE
        },
        does: &[Does::Arm(RouteKind::Branch)],
        doc: "Names the branch_route that runs for each branch before it is sent; an empty name or `0` takes it back.",
    },
    Function {
        names: &["t_on_branch_failure"],
        args: &[Arg::event_route("route", "tm:branch-failure:")],
        routes: STEERING,
        run: |cx, args| {
            cx.message.armed.branch_failure = args.route(0);
            Outcome::TRUE
        },
        does: &[],
        doc: "Names the event_route[tm:branch-failure:...] that runs for each branch that fails, before any failure_route; an empty name or `0` takes it back.",
    },
    Function {
        names: &["t_is_set"],
        args: &[Arg::custom("route", view::prepare_armed)],
        routes: Routes::ANY,
        run: view::is_set,
        does: &[Does::AskArmed],
        doc: "True when a `failure_route`, `branch_route` or `onreply_route` is named for the transaction.",
    },
    Function {
        names: &["t_set_fr"],
        args: &[
            Arg::int("fr_inv_timer").means(Means::Timer("fr_inv_timer")),
            Arg::int("fr_timer").means(Means::Timer("fr_timer")).optional(),
        ],
        routes: STEERING,
        run: set_fr,
        does: &[],
        doc: "Sets `fr_inv_timer` and `fr_timer` of this transaction, in milliseconds; 0 keeps what is set.",
    },
    bare(
        &["t_reset_fr"],
        STEERING,
        |cx, _| {
            cx.message.timers = None;
            Outcome::TRUE
        },
        "Gives the transaction the timers of the module's parameters again.",
    ),
    Function {
        names: &["t_check_status"],
        args: &[Arg::regex("pattern")],
        routes: ANSWERING,
        run: view::check_status,
        does: &[Does::AskStatus],
        doc: "True when the pattern matches the code of the reply at hand, in a failure_route the winning one, in a request_route the last one sent.",
    },
    bare(
        &["t_get_status_code"],
        ANSWERING.or(Routes::BRANCH),
        view::status_code,
        "The code of the last reply the transaction sent; false when there is none.",
    ).does(&[Does::AskStatus]),
    bare(&["t_is_canceled"], STEERING, view::is_canceled, "True when the caller cancelled the transaction.").does(&[Does::AskCanceled]),
    bare(
        &["t_any_timeout"],
        STEERING,
        view::any_timeout,
        "True when a branch of the transaction got no final reply in time.",
    ).does(&[Does::AskStatus]),
    bare(&["t_any_replied"], STEERING, view::any_replied, "True when a branch of the transaction got some reply.").does(&[Does::AskStatus]),
    bare(
        &["t_branch_timeout"],
        RELAYING,
        view::branch_timeout,
        "True when the winning branch failed for lack of a final reply.",
    ).does(&[Does::AskStatus]),
    bare(&["t_branch_replied"], RELAYING, view::branch_replied, "True when the winning branch got some reply.").does(&[Does::AskStatus]),
    bare(&["t_exists"], Routes::ANY, view::exists, "True when the message belongs to a transaction."),
];

#[cfg(test)]
mod tests;
