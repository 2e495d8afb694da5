//! The `secdocker` command: an outcome as a sentence and an exit status.

use std::process::ExitCode;

use secdocker::cli::{self, Outcome};
use secdocker::plugins;

fn main() -> ExitCode {
    plugins::watched(cli::EXIT_ERROR, carry_out)
}

fn carry_out() -> ExitCode {
    match cli::carry_out(std::env::args_os().skip(1)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Refused) => ExitCode::from(1),
        Err(error) => {
            for line in error.to_string().lines() {
                eprintln!("secdocker: {line}");
            }
            ExitCode::from(cli::EXIT_ERROR)
        }
    }
}
