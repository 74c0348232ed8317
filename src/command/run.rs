//! `alanui run`: serve SIP with a config.

use super::cli::RunOptions;
use super::config::{Loaded, Reading, counted};
use super::output::Output;
use super::{BAD, GOOD, UNREADABLE, banner};
use crate::builtin::{Extensions, Listen, LogLevel, LogLine, Settings};
use crate::config::{has_errors, parse_address};
use crate::host::{self, Announcement, HostWorld, MessageTrace, Plan, log};
use crate::lint;
use crate::sip::Transport;
use crate::source::{Diagnostic, Level, in_order, render};
use bytes::Bytes;
use std::io::ErrorKind;
use std::net::Ipv6Addr;
use std::sync::Arc;

/// Serves until a signal ends it, and gives the exit code.
pub(super) fn run(options: &RunOptions, out: &mut Output) -> u8 {
    let extensions = if options.config.strict { Extensions::STRICT } else { Extensions::default() };
    let unbuilt = options.unbuilt.allowed();
    let reading = Reading { extensions, unbuilt, ..Reading::default() };
    let mut loaded = Loaded::new(&options.config, &reading);
    if has_errors(&loaded.diagnostics) {
        return refuse(&loaded, out);
    }
    if let Err(fault) = add_listen(options, &mut loaded.config.settings) {
        return fail(out, BAD, &fault);
    }
    let template = match options.init_db.as_ref().map(|path| (path, std::fs::read_to_string(path))) {
        None => None,
        Some((_, Ok(text))) => Some(text),
        Some((path, Err(error))) => return fail(out, UNREADABLE, &format!("cannot read {}: {error}", path.display())),
    };
    let mut world = HostWorld::new(template);
    let mut started = loaded.config.start(Some(&mut world), &mut loaded.diagnostics);
    if has_errors(&loaded.diagnostics) {
        return refuse(&loaded, out);
    }
    serve_what_is_named(options, &mut started.settings);
    show(&loaded, out);
    if options.debug > 0 {
        started.settings.debug = options.debug as i8;
    }
    let bound = match host::bind(&started.settings, options.workers.into()) {
        Ok(bound) => bound,
        Err(fault) => return fail(out, BAD, &fault.to_string()),
    };
    let trace =
        options.trace_messages.as_ref().map(|path| (path, MessageTrace::begin(path, options.trace_call_id.as_deref())));
    let trace = match trace {
        None => None,
        Some((_, Ok(trace))) => Some(trace),
        Some((path, Err(error))) if error.kind() == ErrorKind::AlreadyExists => {
            return fail(
                out,
                BAD,
                &format!("{} is there already and stays: give the trace another name", path.display()),
            );
        }
        Some((path, Err(error))) => return fail(out, BAD, &format!("cannot write {}: {error}", path.display())),
    };
    let log = match log::start(options.log_format, started.settings.debug) {
        Ok(log) => log,
        Err(error) => return fail(out, BAD, &format!("cannot write to standard error: {error}")),
    };
    let banner = banner::banner(&banner::Facts {
        path: options.config.path(),
        config: &loaded.config,
        sources: &loaded.sources,
        started: &started,
        databases: &world.opened(),
        init_db: options.init_db.as_deref(),
        sockets: &bound.sockets,
        workers: options.workers,
    });
    for (level, text) in started.log.drain(..).filter(|(level, _)| *level as i8 <= started.settings.debug) {
        say(level, text);
    }
    let names = loaded.config.registry.loaded().iter().map(|module| module.name);
    let plan = Plan {
        program: loaded.config.program.clone(),
        settings: Arc::new(started.settings),
        extensions,
        modules: names.zip(started.states).collect(),
        world,
        trace,
    };
    // A server serves whether anybody reads what it says or not.
    let announcement =
        Announcement::begin(|error| say(LogLevel::Warning, format!("cannot write to standard output: {error}")));
    let announce = || match &announcement {
        Ok(announcement) => announcement.say(&format!("{banner}\n")),
        Err(error) => say(LogLevel::Warning, format!("cannot write to standard output: {error}")),
    };
    let served = host::run(plan, bound, announce);
    if let Ok(announcement) = announcement {
        announcement.end();
    }
    let code = match served {
        Ok(()) => GOOD,
        Err(fault) => {
            say(LogLevel::Critical, fault.to_string());
            BAD
        }
    };
    log.end();
    code
}

/// Writes a line of the server itself.
fn say(level: LogLevel, text: String) {
    log::write(0, &LogLine { level, from_script: false, text });
}

/// Shows why the config must not run.
fn refuse(loaded: &Loaded, out: &mut Output) -> u8 {
    show(loaded, out);
    fail(out, loaded.code(), &format!("not started: {}", loaded.summary()))
}

/// Shows errors, and warnings about what is run; what rules of check remark is only counted.
fn show(loaded: &Loaded, out: &mut Output) {
    let is_remark =
        |diagnostic: &&Diagnostic| diagnostic.level != Level::Error && lint::rule(diagnostic.code).is_some();
    let remarks = loaded.diagnostics.iter().filter(is_remark).count();
    let mut shown: Vec<Diagnostic> =
        loaded.diagnostics.iter().filter(|diagnostic| !is_remark(diagnostic)).cloned().collect();
    in_order(&mut shown);
    out.complain(&render::human(&loaded.sources, &shown, out.error_color()));
    if remarks > 0 {
        let remarks = counted(remarks, "more remark");
        out.fault(&format!("check has {remarks} about this config"));
    }
}

/// Says in one line why nothing runs.
fn fail(out: &mut Output, code: u8, why: &str) -> u8 {
    out.fault(why);
    code
}

/// Adds what `-l` names to the config's `listen` lines, or puts what `--listen` names in their place.
fn add_listen(options: &RunOptions, settings: &mut Settings) -> Result<(), String> {
    if !options.listen.is_empty() {
        settings.listen.clear();
    }
    for text in options.listen.iter().chain(&options.add_listen) {
        settings.listen.push(parse_listen(text, settings.port)?);
    }
    Ok(())
}

/// A transport that the command line names is served, whatever the file says of it: what else the file wants stays as it wants it.
fn serve_what_is_named(options: &RunOptions, settings: &mut Settings) {
    let given = options.listen.len() + options.add_listen.len();
    let mut own = settings.listen.split_off(settings.listen.len().saturating_sub(given));
    if !settings.tcp && own.iter().any(|listen| listen.transport == Some(Transport::Tcp)) {
        settings.listen.retain(|listen| listen.transport != Some(Transport::Tcp));
        for listen in settings.listen.iter_mut().chain(&mut own) {
            listen.transport.get_or_insert(Transport::Udp);
        }
        settings.tcp = true;
    }
    settings.listen.append(&mut own);
}

/// Reads `[proto:]address[:port][/advertised[:port]]`.
fn parse_listen(text: &str, default_port: u16) -> Result<Listen, String> {
    let fault = || format!("-l {text}: write [proto:]address[:port][/advertised[:port]]");
    let (place, advertised) = match text.split_once('/') {
        Some((place, advertised)) => (place, Some(advertised)),
        None => (text, None),
    };
    let (proto, host, port) = parse_address(place).ok_or_else(fault)?;
    if host.contains(':') && host.parse::<Ipv6Addr>().is_err() {
        return Err(fault());
    }
    let unserved = |proto: &str| format!("-l {text}: the transport {proto} is not supported: udp and tcp are served");
    let transport = match proto.as_deref() {
        None => None,
        Some(proto) => Some(Transport::served(proto.as_bytes()).ok_or_else(|| unserved(proto))?),
    };
    let advertise = match advertised.map(parse_address) {
        None => None,
        Some(Some((None, host, port))) => Some((Bytes::from(host), port)),
        Some(_) => return Err(fault()),
    };
    Ok(Listen { transport, host, port: port.unwrap_or(default_port), advertise, name: None })
}

#[cfg(test)]
mod tests {
    use super::super::cli::{Cli, Command};
    use super::*;
    use clap::Parser;

    #[test]
    fn the_command_line_wins_over_disable_tcp() {
        let listen = |text: &str| parse_listen(text, 5060).unwrap();
        let served = |added: &[&str], tcp| {
            let file = ["10.0.0.1:5060", "tcp:10.0.0.1:5070"].map(listen);
            let added: Vec<Listen> = added.iter().map(|text| listen(text)).collect();
            let mut settings =
                Settings { tcp, listen: file.into_iter().chain(added.clone()).collect(), ..Settings::default() };
            let words = ["alanui", "run", "x.cfg"].into_iter().chain(added.iter().flat_map(|_| ["-l", "-"]));
            let Command::Run(options) = Cli::try_parse_from(words).unwrap().command else { panic!("it says run") };
            serve_what_is_named(&options, &mut settings);
            let listeners = settings.listeners().map(|(transport, listen)| format!("{transport}:{}", listen.port));
            listeners.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(served(&[], false), "udp:5060");
        assert_eq!(served(&["10.0.0.1:5080"], false), "udp:5060 udp:5080");
        assert_eq!(served(&["tcp:10.0.0.1:5080", "10.0.0.1:5090"], false), "udp:5060 udp:5090 tcp:5080");
        assert_eq!(served(&["tcp:10.0.0.1:5080"], true), "udp:5060 tcp:5060 tcp:5070 tcp:5080");
    }

    #[test]
    fn listen_addresses_are_read_as_kamailio_does() {
        let plain = |host: &str, port| Listen { transport: None, host: host.into(), port, advertise: None, name: None };
        let by = |transport, host: &str, port| Listen { transport: Some(transport), ..plain(host, port) };
        let parse_listen = |text| super::parse_listen(text, 5060);
        assert_eq!(super::parse_listen("127.0.0.1", 5070), Ok(plain("127.0.0.1", 5070)));
        assert_eq!(parse_listen("udp:127.0.0.1:5080"), Ok(by(Transport::Udp, "127.0.0.1", 5080)));
        assert_eq!(parse_listen("tcp:127.0.0.1"), Ok(by(Transport::Tcp, "127.0.0.1", 5060)));
        assert_eq!(parse_listen("eth0"), Ok(plain("eth0", 5060)));
        assert_eq!(parse_listen("udp:[::1]:5070"), Ok(by(Transport::Udp, "::1", 5070)));
        let advertised =
            Listen { advertise: Some((Bytes::from_static(b"sip.example.com"), Some(5062))), ..plain("10.0.0.1", 5060) };
        assert_eq!(parse_listen("10.0.0.1/sip.example.com:5062"), Ok(advertised));
        assert!(parse_listen("bad:bad:bad").is_err());
        assert!(parse_listen("tls:127.0.0.1").is_err());
    }
}
