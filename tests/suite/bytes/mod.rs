//! What the readers of bytes promise of any bytes, held for what fuzzing has kept (`fuzz/corpus`). The fuzz targets are the same functions.

mod headers;
mod message;
mod uri;

#[path = "../../../src/sip/tests/agree.rs"]
mod agree;

// What that property is written in terms of.
use alanui::sip::{Frame, Framer, HeaderName, Malformed, Message, Uri};

/// The name of a target and its function.
type Target = (&'static str, fn(&[u8]));

#[test]
fn what_fuzzing_kept_is_survived() {
    let targets: [Target; 4] = [
        ("headers", headers::survives),
        ("message", message::survives),
        ("uri", uri::survives),
        ("stream", agree::agree),
    ];
    for (target, survives) in targets {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut files: Vec<_> = std::fs::read_dir(&folder).expect(target).map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() > 5, "{target}: the corpus is gone");
        for file in files {
            println!("{target}: {}", file.display());
            survives(&std::fs::read(&file).unwrap());
        }
    }
}
