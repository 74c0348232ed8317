//! For tests of modules: a context made by hand.

use super::{
    Args, Argument, CallSite, Context, Core, Extensions, Function, Listen, Locals, Memory, ModuleId, Outcome, Random,
    Received, RouteKind, Settings, Socket, SocketId, Sockets, State, Template, Working,
};
use crate::sip::{Message, Transport};
use crate::source::Span;
use crate::time::{Now, Tick};
use bytes::Bytes;
use std::sync::Arc;

/// A message that arrived from 192.0.2.1:5060 on 127.0.0.1:5060, and everything a function needs to run on it.
pub(crate) struct Bench {
    pub(crate) now: Now,
    pub(crate) message: Working,
    pub(crate) locals: Locals,
    pub(crate) core: Core,
}

impl Bench {
    /// A bench with this message; lines may end in LF alone. `state` is that of module 0.
    pub(crate) fn new(message: &str, state: Arc<dyn State>) -> Bench {
        let bytes = Bytes::from(message.replace("\r\n", "\n").replace('\n', "\r\n"));
        let parsed = Message::parse(bytes).expect("a test's message is good");
        let source = "192.0.2.1:5060".parse().expect("an address");
        let settings = Settings {
            debug: 3,
            listen: vec![Listen { transport: None, host: "127.0.0.1".into(), port: 5060, advertise: None, name: None }],
            ..Settings::default()
        };
        let socket = Socket {
            transport: Transport::Udp,
            address: "127.0.0.1:5060".parse().expect("an address"),
            advertise: None,
            name: None,
        };
        Bench {
            now: Now { tick: Tick::ZERO, unix: std::time::Duration::from_secs(1_700_000_000) },
            message: Working::new(
                parsed,
                Received { flow: crate::world::Flow::to(source, SocketId(0)), at: Tick::ZERO },
                1,
            ),
            locals: Locals::default(),
            core: Core {
                settings: Arc::new(settings),
                extensions: Extensions::default(),
                sockets: Arc::new(Sockets { list: vec![socket], ..Sockets::default() }),
                random: Random::repeatable(1),
                regexes: Default::default(),
                meter: Default::default(),
                reported: Default::default(),
                log: Vec::new(),
                commands: Vec::new(),
                trace: None,
                counters: Default::default(),
                zone: jiff::tz::TimeZone::UTC,
                memory: || Memory { total: 64 << 20, free: 32 << 20 },
                modules: Arc::from([state]),
            },
        }
    }

    /// The context, as in a request_route of module 0.
    pub(crate) fn context(&mut self) -> Context<'_> {
        Context {
            now: self.now,
            message: &mut self.message,
            locals: &mut self.locals,
            core: &mut self.core,
            module: ModuleId(0),
            route: RouteKind::Request,
        }
    }

    /// Calls a function with constant text arguments.
    pub(crate) fn call(&mut self, function: &'static Function, args: &[&str]) -> Outcome {
        let args = args.iter().map(|text| Argument::Template(Template::fixed(text.to_string())));
        self.call_with(function, args.collect())
    }

    /// Calls a function with prepared arguments.
    pub(crate) fn call_with(&mut self, function: &'static Function, args: Vec<Argument>) -> Outcome {
        let name = function.names[0];
        let site = CallSite { function, name, module: ModuleId(0), args: args.into(), span: Span::default() };
        (function.run)(&mut self.context(), &Args::new(&site, &[]))
    }
}
