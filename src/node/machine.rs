//! What happens to the machines of a transaction, whichever kind they are of (RFC 3261 17).

use super::transaction::{Client, Server};
use crate::time::Tick;
use crate::transaction::server_invite::Origin;
use crate::transaction::{Actions, Timer, Timers, client_invite, client_non_invite, server_invite, server_non_invite};

/// What happens to a branch, of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClientEvent {
    Provisional,
    Success,
    Failure,
    CancelRequested,
    CancelAtOnce,
    GiveUp,
    Timer(Timer),
    TransportFailed,
}

impl Client {
    /// Takes an event; what is to be done is appended to `out`.
    pub(super) fn on(self, now: Tick, event: ClientEvent, timers: &Timers, out: &mut Actions) -> Client {
        match self {
            Client::Invite(state) => {
                use client_invite::Event;
                let event = match event {
                    ClientEvent::Provisional => Event::Provisional,
                    ClientEvent::Success => Event::Success,
                    ClientEvent::Failure => Event::Failure,
                    ClientEvent::CancelRequested => Event::CancelRequested,
                    ClientEvent::CancelAtOnce => Event::CancelAtOnce,
                    ClientEvent::GiveUp => Event::GiveUp,
                    ClientEvent::Timer(timer) => Event::Timer(timer),
                    ClientEvent::TransportFailed => Event::TransportFailed,
                };
                Client::Invite(state.on(now, event, timers, out))
            }
            Client::Other(state) => {
                use client_non_invite::Event;
                let event = match event {
                    ClientEvent::Provisional => Event::Provisional,
                    ClientEvent::Success | ClientEvent::Failure => Event::Final,
                    // RFC 3261 9.1: only an INVITE is cancelled.
                    ClientEvent::CancelRequested | ClientEvent::CancelAtOnce | ClientEvent::GiveUp => {
                        return Client::Other(state);
                    }
                    ClientEvent::Timer(timer) => Event::Timer(timer),
                    ClientEvent::TransportFailed => Event::TransportFailed,
                };
                Client::Other(state.on(now, event, timers, out))
            }
        }
    }
}

/// What happens to the machine towards the caller, of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServerEvent {
    RequestAgain,
    Ack,
    Provisional,
    Success(Origin),
    Failure,
    Timer(Timer),
}

impl Server {
    /// Takes an event; what is to be done is appended to `out`.
    pub(super) fn on(self, now: Tick, event: ServerEvent, timers: &Timers, out: &mut Actions) -> Server {
        match self {
            Server::Invite(state) => {
                use server_invite::Event;
                let event = match event {
                    ServerEvent::RequestAgain => Event::RequestAgain,
                    ServerEvent::Ack => Event::Ack,
                    ServerEvent::Provisional => Event::Provisional,
                    ServerEvent::Success(origin) => Event::Success(origin),
                    ServerEvent::Failure => Event::Failure,
                    ServerEvent::Timer(timer) => Event::Timer(timer),
                };
                Server::Invite(state.on(now, event, timers, out))
            }
            Server::Other(state) => {
                use server_non_invite::Event;
                let event = match event {
                    ServerEvent::RequestAgain => Event::RequestAgain,
                    ServerEvent::Ack => return Server::Other(state),
                    ServerEvent::Provisional => Event::Provisional,
                    ServerEvent::Success(_) | ServerEvent::Failure => Event::Final,
                    ServerEvent::Timer(timer) => Event::Timer(timer),
                };
                Server::Other(state.on(now, event, timers, out))
            }
        }
    }
}
