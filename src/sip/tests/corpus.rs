//! Real messages, where they are at hand: every file is read, written and read again.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::sip::{Edits, Malformed, Message, write};

#[test]
fn reads_every_message_of_the_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../shared", "../../shared"].map(|place| root.join(place).join("corpus/messages"));
    let Some(place) = places.iter().find(|place| place.is_dir()) else {
        println!("skipped: no corpus of messages beside the repository");
        return;
    };
    let mut files = Vec::new();
    collect(place, &mut files);
    let mut faults = std::collections::BTreeMap::new();
    for path in &files {
        let raw = Bytes::from(std::fs::read(path).unwrap());
        match Message::parse(raw.clone()) {
            Ok(message) => {
                touch(&message);
                let mut out = Vec::new();
                write(&message, &Edits::new(), &mut out);
                assert_eq!(&out, message.bytes(), "{}", path.display());
                *faults.entry("read".to_string()).or_insert(0) += 1;
            }
            Err(fault) => {
                if fault != Malformed::TooLarge
                    && let Ok((message, _)) = Message::parse_lenient(raw)
                {
                    touch(&message);
                }
                *faults.entry(format!("{fault:?}")).or_insert(0) += 1;
            }
        }
    }
    println!("{} messages: {faults:?}", files.len());
    assert!(!files.is_empty());
}

/// Asks for everything typed.
pub(super) fn touch(message: &Message) {
    let _ = (message.via(), message.from(), message.to(), message.cseq(), message.call_id());
    let _ = (message.max_forwards(), message.expires(), message.content_length(), message.content_type());
    let addresses = message.contacts().chain(message.routes()).chain(message.record_routes());
    for entry in addresses {
        let _ = message.removal(&entry);
        if let Ok(address) = entry.value {
            assert_eq!(message.text(entry.extent), address.text());
            let _ = (address.uri().map(|uri| uri.to_bytes()), address.tag(), address.parameter_range(b"tag"));
        }
    }
    for entry in message.vias() {
        let _ = message.removal(&entry);
        if let Ok(via) = entry.value {
            let _ = (via.branch(), via.received(), via.parameters().count());
        }
    }
    for header in message.headers() {
        let _ = message.unfolded(header);
    }
    let _ =
        super::super::Uri::parse(message.request_uri()).map(|uri| (uri.headers().count(), uri.parameters().count()));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "sip") {
            files.push(path);
        }
    }
}
