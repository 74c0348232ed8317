//! What commands print: each console block of `fixtures/command/*.trycmd` and of the documentation is run, its output held against what stands
//! there. `TRYCMD=overwrite` accepts what they print.

#[test]
fn commands_print_what_was_accepted() {
    let cases = trycmd::TestCases::new();
    for tool in ["cat", "sed"] {
        cases.register_bin(tool, std::path::PathBuf::from("/bin").join(tool));
    }
    cases
        .case("fixtures/command/*.trycmd")
        .case("docs/check.md")
        .case("docs/testing.md")
        .case("docs/troubleshooting.md");
}
