//! What `alanui routes` draws: each `fixtures/routes/*.cfg` has its accepted tree, graph and picture beside it.

use super::documents::same;
use std::path::Path;
use std::process::Command;

#[test]
fn routes_are_drawn_as_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/routes");
    for (config, code) in [("proxy", 0), ("broken", 1)] {
        for (format, suffix) in [("text", "txt"), ("dot", "dot"), ("svg", "svg")] {
            let output = Command::new(env!("CARGO_BIN_EXE_alanui"))
                .args(["routes", &format!("{config}.cfg"), "--format", format])
                .current_dir(&folder)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
            same(&format!("fixtures/routes/{config}.{suffix}"), &String::from_utf8_lossy(&output.stdout));
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_alanui"))
        .args(["routes", "no-such.cfg"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
