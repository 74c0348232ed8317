//! Asking: which rtpengine, whether it lives, and what it says. Each step waits, and takes along what is under way.

use super::RtpEngine;
use super::bencode::Bencode;
use super::command::Command;
use super::nodes::{Node, Set};
use crate::builtin::{Answer, Args, Ask, Context, Found, LogLevel, Outcome, Random, Service, Unanswered, Value};
use bytes::Bytes;
use std::sync::Arc;

/// What is made of an answer whose result is ok, and of none.
type Finish = Box<dyn FnOnce(&mut Context, &Args, Option<Bencode>) -> Outcome + Send>;

/// A command under way.
pub(super) struct Pending {
    command: Command,
    set: Arc<Set>,
    finish: Finish,
    /// Those that were asked already.
    asked: Vec<Arc<Node>>,
    /// Those that were tried since the last command was sent.
    tried: Vec<Arc<Node>>,
    /// Those still to be tried.
    to_try: Vec<Arc<Node>>,
    revived: bool,
}

/// Asks an rtpengine of a set.
pub(super) fn ask(
    cx: &mut Context,
    args: &Args,
    command: Command,
    set: Arc<Set>,
    finish: impl FnOnce(&mut Context, &Args, Option<Bencode>) -> Outcome + Send + 'static,
) -> Outcome {
    let finish = Box::new(finish);
    let (asked, tried, to_try) = (Vec::new(), Vec::new(), Vec::new());
    go_on(cx, args, Pending { command, set, finish, asked, tried, to_try, revived: false })
}

/// What comes next.
enum Next {
    /// Try whether this one lives.
    Try(Arc<Node>),
    /// Send the command.
    Send(Arc<Node>),
    /// There is none.
    Fail(&'static str),
}

impl Pending {
    fn next(&mut self, state: &RtpEngine, cx: &Context) -> Next {
        let now = cx.now.unix;
        if let Some(node) = self.to_try.pop() {
            return Next::Try(node);
        }
        if self.asked.len() >= state.most_asked {
            return Next::Fail("as many rtpengines were asked as queried_nodes_limit allows");
        }
        let known = state.calls.as_ref().and_then(|calls| {
            let any = self.command.operation == super::operation::Operation::Delete;
            calls.node(&self.command.call_id, &self.command.via_branch, any, now)
        });
        if let Some(node) = known.filter(|node| super::nodes::has(&self.set.nodes, node)) {
            let may = !node.is_disabled() || state.allows_disabled(&node);
            return if may { Next::Send(node) } else { Next::Fail("the rtpengine that has the call does not answer") };
        }
        if let Some(node) = self.set.due(now, &self.tried) {
            // Calls that come meanwhile do not try it, too.
            node.disable(now, state.rest);
            return Next::Try(node);
        }
        if let Some(node) = self.set.choose(&self.command.call_id, &self.asked) {
            return Next::Send(node);
        }
        if state.revives && !std::mem::replace(&mut self.revived, true) {
            self.to_try = self.set.revivable();
            self.to_try.reverse();
            return self.next(state, cx);
        }
        Next::Fail("no rtpengine is available")
    }
}

fn go_on(cx: &mut Context, args: &Args, mut pending: Pending) -> Outcome {
    let Some(state) = cx.state::<RtpEngine>() else { return Outcome::FALSE };
    match pending.next(&state, cx) {
        Next::Try(node) => {
            let ask = ping(&state, &node, &mut cx.core.random);
            Outcome::ask(Service::Ask(Box::new(ask)), |cx, args, answer| tried(cx, args, pending, node, answer))
        }
        Next::Send(node) => {
            let ask = question(&state, &node, &pending.command.entries, &mut cx.core.random);
            Outcome::ask(Service::Ask(Box::new(ask)), |cx, args, answer| answered(cx, args, pending, node, answer))
        }
        Next::Fail(why) => {
            cx.log(LogLevel::Error, format!("{}: {why}", args.name()));
            (pending.finish)(cx, args, None)
        }
    }
}

/// What one rtpengine is asked.
fn question(state: &RtpEngine, node: &Node, entries: &Bencode, random: &mut Random) -> Ask {
    let mut bytes = Vec::with_capacity(1024);
    // Answers are remembered by cookie, on all servers that share an rtpengine.
    random.hex(&mut bytes);
    let cookie = bytes.len();
    bytes.push(b' ');
    entries.write(&mut bytes);
    let (server, bytes) = (node.server.clone(), Bytes::from(bytes));
    Ask { server, bytes, cookie, patience: state.patience, tries: state.tries }
}

fn alive() -> Bencode {
    Bencode::dict([("command", Bencode::text("ping"))])
}

/// The question whether one lives.
pub(super) fn ping(state: &RtpEngine, node: &Node, random: &mut Random) -> Ask {
    question(state, node, &alive(), random)
}

/// Whether an answer says that it does. A blank parts it from the cookie.
pub(super) fn is_pong(answer: &Bytes) -> bool {
    let answer = Bencode::read(&answer.slice(usize::from(!answer.is_empty())..));
    answer.is_some_and(|answer| answer.get_text("result").is_some_and(|result| result == "pong"))
}

/// What came of a question.
enum Said {
    /// An answer; what cannot be read has no result, and so is no success.
    Answer(Bencode),
    /// Nobody answers.
    Nothing,
    /// It was not asked: this server has too much to do, or the block cannot wait.
    NotAsked,
}

/// What came of a question to a node.
fn said(cx: &mut Context, node: &Node, answer: Answer) -> Said {
    match answer {
        Answer::Found(Ok(Found::Answer(bytes))) => {
            // A blank parts it from the cookie.
            let bytes = bytes.slice(usize::from(!bytes.is_empty())..);
            Said::Answer(Bencode::read(&bytes).unwrap_or(Bencode::Int(0)))
        }
        Answer::Found(Err(fault)) => {
            cx.log(LogLevel::Error, format!("rtpengine {}: {fault}", String::from_utf8_lossy(&node.url)));
            if fault == Unanswered::Overloaded { Said::NotAsked } else { Said::Nothing }
        }
        _ => Said::NotAsked,
    }
}

/// The answer to a ping.
fn tried(cx: &mut Context, args: &Args, mut pending: Pending, node: Arc<Node>, answer: Answer) -> Outcome {
    let Some(state) = cx.state::<RtpEngine>() else { return Outcome::FALSE };
    let url = String::from_utf8_lossy(&node.url).into_owned();
    match said(cx, &node, answer) {
        Said::Answer(answer) if answer.get_text("result").is_some_and(|result| result == "pong") => {
            node.enable();
            cx.log(LogLevel::Info, format!("rtpengine {url} answers again"));
        }
        Said::Answer(_) | Said::Nothing => {
            node.disable(cx.now.unix, state.rest);
            cx.log(LogLevel::Error, format!("rtpengine {url} does not answer a ping"));
        }
        Said::NotAsked => return (pending.finish)(cx, args, None),
    }
    pending.tried.push(node);
    go_on(cx, args, pending)
}

/// Reasons of an error with which another rtpengine is asked.
const FULL: &[&str] = &["Parallel session limit reached", "Ran out of ports"];

/// The answer to the command.
fn answered(cx: &mut Context, args: &Args, mut pending: Pending, node: Arc<Node>, answer: Answer) -> Outcome {
    let Some(state) = cx.state::<RtpEngine>() else { return Outcome::FALSE };
    pending.asked.push(node.clone());
    pending.tried.clear();
    let answer = match said(cx, &node, answer) {
        Said::Answer(answer) => answer,
        Said::Nothing => {
            node.disable(cx.now.unix, state.rest);
            return go_on(cx, args, pending);
        }
        Said::NotAsked => return (pending.finish)(cx, args, None),
    };
    if let Some(place) = &state.instance {
        place.store(cx, Value::Text(node.url.clone()));
    }
    let url = String::from_utf8_lossy(&node.url).into_owned();
    let result = answer.get_text("result").cloned().unwrap_or_default();
    let reason = answer.get_text("error-reason").cloned().unwrap_or_default();
    let shown = String::from_utf8_lossy(&reason).into_owned();
    if result == "load limit" || result == "error" && FULL.iter().any(|full| reason == full) {
        cx.log(LogLevel::Warning, format!("rtpengine {url} has reached its limit {shown}"));
        return go_on(cx, args, pending);
    }
    if result == "error" || result.is_empty() {
        cx.log(LogLevel::Error, format!("rtpengine {url} answers with an error: {shown}"));
        return (pending.finish)(cx, args, None);
    }
    let Command { operation, call_id, via_branch, .. } = &pending.command;
    if let Some(calls) = &state.calls {
        if *operation == super::operation::Operation::Delete {
            calls.forget(call_id, via_branch);
        } else {
            calls.keep(call_id, via_branch, &node, cx.now.unix);
        }
    }
    if result != "ok" {
        cx.log(LogLevel::Error, format!("rtpengine {url} answers {}", String::from_utf8_lossy(&result)));
        return (pending.finish)(cx, args, None);
    }
    let finish = pending.finish;
    finish(cx, args, Some(answer))
}
