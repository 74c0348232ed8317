//! Servers of several workers: whatever one of them begins comes back to it.

use super::oracle::server::{Program, Server, fresh_folder};
use super::patience::again;
use super::ports;
use alanui::sip::{Message, Reply};
use std::net::UdpSocket;
use std::time::Duration;

/// The answers to a request of the server's own belong to the worker that has sent it. Pings that another worker got would count as unanswered.
#[test]
fn the_answers_to_own_requests_find_their_worker() {
    const PINGS: usize = 8;
    let far = UdpSocket::bind("127.0.0.1:0").unwrap();
    far.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (folder, port) = (fresh_folder().unwrap(), ports::free());
    let list = folder.join("dispatcher.list");
    std::fs::write(&list, format!("1 sip:{}\n", far.local_addr().unwrap())).unwrap();
    let modules: String =
        ["tm", "sl", "pv", "xlog", "dispatcher"].iter().map(|name| format!("loadmodule \"{name}.so\"\n")).collect();
    let config = format!(
        "listen=udp:127.0.0.1:{port}\n{modules}modparam(\"dispatcher\", \"list_file\", \"{}\")\n\
         modparam(\"dispatcher\", \"ds_ping_interval\", 1)\nmodparam(\"dispatcher\", \"ds_probing_mode\", 1)\n\
         modparam(\"tm\", \"fr_timer\", 30000)\nrequest_route {{ exit; }}\n\
         event_route[dispatcher:dst-down] {{ xlog(\"L_ERR\", \"it is down\\n\"); }}\n",
        list.display()
    );
    let server = Server::start_with(Program::Alanui, folder, (&config, ""), &["--workers", "4"]).unwrap();
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while seen.len() < PINGS {
        let (length, from) = again(|| far.recv_from(&mut buffer)).unwrap();
        let ping = Message::parse(buffer[..length].to_vec().into()).unwrap();
        let reply = Reply { code: 200, reason: b"OK", to_tag: Some(b"far"), ..Reply::default() }.to_bytes(&ping);
        far.send_to(&reply, from).unwrap();
        // A ping whose answer was lost comes again, with the same Call-ID.
        assert!(!seen.contains(&ping.call_id().to_vec()), "the answer to this one was not heard: {}", server.log());
        seen.push(ping.call_id().to_vec());
    }
    assert!(!server.log().contains("it is down"), "{}", server.log());
}
