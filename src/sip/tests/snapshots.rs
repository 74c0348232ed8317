//! What is read of each message in `fixtures/messages`.

use std::fmt::Write;

use bytes::Bytes;

use crate::sip::{Message, StartLine, Uri};

#[test]
fn index() {
    insta::with_settings!({
        snapshot_path => "../../../fixtures/messages/snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::glob!("../../../fixtures/messages", "*.sip", |path| {
            let raw = Bytes::from(std::fs::read(path).unwrap());
            insta::assert_snapshot!(describe(raw));
        });
    });
}

fn describe(raw: Bytes) -> String {
    let mut out = String::new();
    let (message, fault) = Message::parse_lenient(raw).unwrap();
    if let Some(fault) = fault {
        writeln!(out, "fault {fault:?}, can be answered: {}", message.can_be_answered()).unwrap();
    }
    match message.start() {
        StartLine::Request { method, .. } => {
            writeln!(out, "request {method:?} {}", text(message.method_text())).unwrap();
            match Uri::parse(message.request_uri()) {
                Ok(uri) => {
                    let user = uri.user.map(text);
                    writeln!(out, "  uri {:?} user {user:?} host {} port {:?}", uri.scheme, text(uri.host), uri.port)
                        .unwrap();
                    for parameter in uri.parameters() {
                        writeln!(out, "  uri ;{} {:?}", text(parameter.name), parameter.value.map(text)).unwrap();
                    }
                    for (name, value) in uri.headers() {
                        writeln!(out, "  uri ?{} {}", text(name), text(value)).unwrap();
                    }
                }
                Err(fault) => writeln!(out, "  uri {fault:?}").unwrap(),
            }
        }
        StartLine::Status { code, .. } => writeln!(out, "reply {code} [{}]", text(message.reason())).unwrap(),
    }
    for header in message.headers() {
        let (name, value) = (text(message.text(header.name_text)), text(&message.unfolded(header)));
        writeln!(out, "{:?} {name} {:?} [{value}]", header.name, header.line).unwrap();
    }
    for entry in message.vias() {
        match entry.value {
            Ok(via) => writeln!(
                out,
                "via {:?} {} host {} port {:?} branch {:?} received {:?} rport {:?}",
                entry.extent,
                text(via.transport()),
                text(via.host()),
                via.port(),
                via.branch().map(text),
                via.received().map(text),
                via.rport()
            ),
            Err(fault) => writeln!(out, "via {:?} {fault:?}", entry.extent),
        }
        .unwrap();
    }
    writeln!(
        out,
        "from {:?}",
        message.from().map(|from| (text(from.display()), text(from.uri_text()), from.tag().map(text)))
    )
    .unwrap();
    writeln!(out, "to {:?}", message.to().map(|to| (text(to.display()), text(to.uri_text()), to.tag().map(text))))
        .unwrap();
    writeln!(out, "cseq {:?}", message.cseq().map(|cseq| (cseq.number, cseq.method, text(cseq.method_text)))).unwrap();
    let lists = [
        ("contact", message.contacts().collect::<Vec<_>>()),
        ("route", message.routes().collect()),
        ("record-route", message.record_routes().collect()),
    ];
    for (name, entries) in lists {
        for entry in entries {
            let shown = entry
                .value
                .map(|address| (text(address.uri_text()), text(address.parameters_text()), address.is_star()));
            writeln!(out, "{name} {:?} removed by {:?} {shown:?}", entry.extent, message.removal(&entry)).unwrap();
        }
    }
    writeln!(out, "body {:?} [{}]", message.body_extent(), text(message.body())).unwrap();
    out
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
