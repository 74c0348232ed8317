//! `alanui fmt` as a command: what it writes, what it says, how it ends.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const UNTIDY: &str = "request_route {\nif(1){exit;}\n}\n";
const TIDY: &str = "request_route {\n\tif (1) {\n\t\texit;\n\t}\n}\n";

fn fmt(folder: &Path, arguments: &[&str], input: &str) -> (Output, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_alanui"))
        .arg("fmt")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, said)
}

#[test]
fn files_are_written_only_when_asked_and_safe() {
    let folder = std::env::temp_dir().join(format!("alanui-fmt-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let code = |arguments: &[&str]| fmt(&folder, arguments, "").0.status.code();
    std::fs::write(folder.join("untidy.cfg"), UNTIDY).unwrap();
    std::fs::write(folder.join("tidy.cfg"), TIDY).unwrap();
    std::fs::write(folder.join("broken.cfg"), "request_route {\nif(1){exit;}\n").unwrap();

    let (output, said) = fmt(&folder, &["--check", "untidy.cfg", "tidy.cfg"], "");
    assert_eq!((output.status.code(), said.as_str()), (Some(1), "untidy.cfg\n"));
    let (output, said) = fmt(&folder, &["--diff", "untidy.cfg"], "");
    assert_eq!(output.status.code(), Some(0));
    assert!(said.contains("\n-if(1){exit;}\n+\tif (1) {\n"), "{said}");
    assert_eq!(read("untidy.cfg"), UNTIDY, "neither option writes");

    assert_eq!(code(&["untidy.cfg", "tidy.cfg"]), Some(0));
    assert_eq!((read("untidy.cfg").as_str(), read("tidy.cfg").as_str()), (TIDY, TIDY));
    assert_eq!(code(&["--check", "untidy.cfg"]), Some(0));

    let (output, _) = fmt(&folder, &["broken.cfg"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("syntax-unbalanced-brace"));
    assert_eq!(read("broken.cfg"), "request_route {\nif(1){exit;}\n");
    assert_eq!(code(&["missing.cfg", "tidy.cfg"]), Some(2));

    let (output, said) = fmt(&folder, &["-"], UNTIDY);
    assert_eq!((output.status.code(), said.as_str()), (Some(0), TIDY));
    std::fs::remove_dir_all(&folder).unwrap();
}
