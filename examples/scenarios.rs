//! Scenarios from Rust: play a folder of them and print what came of each.
//!
//!     cargo run --example scenarios configs/anti-flood/scenarios
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::process::ExitCode;

fn main() -> std::io::Result<ExitCode> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "configs/anti-flood/scenarios".to_owned());
    let outcomes = alanui::testing::play_scenarios(folder)?;
    for outcome in &outcomes {
        let covered = outcome.coverage.lines().percent();
        println!("{:?} {} ({covered:.0} % of the config's lines ran)", outcome.verdict, outcome.path.display());
    }
    let good = outcomes.iter().all(|outcome| outcome.verdict.is_good());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
