//! What `alanui check` says about files with mistakes: each `fixtures/check/*.cfg` has its accepted output beside it.

use super::documents::same;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn check_says_what_was_accepted() {
    for folder in ["fixtures/check"] {
        let cases = configs(folder);
        assert!(!cases.is_empty(), "{folder} is empty");
        for case in cases {
            let name = case.file_name().unwrap().to_string_lossy().into_owned();
            let output = Command::new(env!("CARGO_BIN_EXE_alanui"))
                .args(["check", &name])
                .current_dir(case.parent().unwrap())
                .output()
                .unwrap();
            let said = format!(
                "{}{}exit {}\n",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
                output.status.code().unwrap_or(-1)
            );
            same(&format!("{folder}/{name}.txt"), &said);
        }
    }
}

fn configs(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cfg"));
    paths.sort();
    paths
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
