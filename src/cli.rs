//! The command line: arguments to a command, and the command carried out.

mod arguments;
mod asker;
mod certificates;
mod check;
mod confine;
mod explain;
mod exposure;
mod help;
mod init;
mod launcher;
mod outcome;
mod plugin_test;
mod redirect;
mod run;
mod signals;
mod systemd;
mod upgrade;

use std::ffi::OsString;

use self::arguments::{Command, parse};
use self::help::HELP;
use self::outcome::{find_config, print};
use crate::config;

pub use outcome::{CliError, EXIT_ERROR, Outcome};
pub use redirect::RedirectError;

/// Does what the arguments, without the program's name, ask for.
///
/// # Errors
/// [`CliError`] if it can't be done.
pub fn carry_out(arguments: impl IntoIterator<Item = OsString>) -> Result<Outcome, CliError> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    if let Some(launched) = launcher::carry_out(&arguments) {
        let failed = |error| CliError::Io("the launcher".to_owned(), error);
        return launched.map(|()| Outcome::Done).map_err(failed);
    }
    match parse(arguments)? {
        Command::Run { config, overrides } => run::run(&find_config(config)?, overrides),
        Command::Check { config, overrides } => check::check(&find_config(config)?, &overrides),
        Command::Explain { config, request, asker } => {
            explain::explain(&find_config(config)?, &request, &asker)
        }
        Command::PluginTest { library, image } => plugin_test::plugin_test(&library, &image),
        Command::Redirect { action, options, config, overrides } => {
            redirect::redirect(action, &options, config, &overrides)
        }
        Command::Init { preset, place } => init::init(preset.as_deref(), place),
        Command::Schema => print(config::SCHEMA),
        Command::Help => print(HELP),
        Command::Version => print(concat!("secdocker ", env!("CARGO_PKG_VERSION"), "\n")),
    }
}

#[cfg(test)]
mod tests;
