//! Arguments to a command.
//!
//! The Go tool's options have one dash (`-tcp 8999`), ours two; both are taken.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::Arg::{Long, Short, Value};

use super::asker::Asker;
use super::outcome::CliError;
use super::{explain, redirect};
use crate::config::{AddressError, Overrides, TcpListen, Variables};

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Run {
        config: Option<PathBuf>,
        overrides: Overrides,
    },
    Check {
        config: Option<PathBuf>,
        overrides: Overrides,
    },
    Explain {
        config: Option<PathBuf>,
        request: explain::Request,
        asker: Asker,
    },
    PluginTest {
        library: PathBuf,
        image: String,
    },
    Redirect {
        action: redirect::Action,
        options: redirect::Options,
        config: Option<PathBuf>,
        overrides: Overrides,
    },
    Init {
        preset: Option<String>,
        place: Option<PathBuf>,
    },
    Schema,
    Help,
    Version,
}

/// What was read of the arguments so far.
#[derive(Default)]
struct Arguments {
    config: Option<PathBuf>,
    tcp: Option<TcpListen>,
    method: Option<String>,
    target: Option<String>,
    headers: Vec<String>,
    asker: Asker,
    redirect: redirect::Options,
    variables: bool,
    values: Vec<OsString>,
}

pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, CliError> {
    let mut parser = lexopt::Parser::from_args(arguments.into_iter().map(with_two_dashes));
    let mut seen = Arguments::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("config") => seen.config = Some(parser.value()?.into()),
            Long("listen") => seen.tcp = Some(parse_listen(parser.value()?)?),
            Long("tcp") => seen.tcp = Some(parse_port(parser.value()?)?),
            Long("target") => seen.target = Some(text(parser.value()?)?),
            Long("method") => seen.method = Some(text(parser.value()?)?),
            Long("header") => seen.headers.push(text(parser.value()?)?),
            Long("client") => seen.asker.client = Some(text(parser.value()?)?),
            Long("as-network") => seen.asker.network = Some(text(parser.value()?)?),
            Long("as-user") => seen.asker.user = Some(text(parser.value()?)?),
            Long("as-certificate") => seen.asker.certificate = Some(text(parser.value()?)?),
            Long("as-cgroup") => seen.asker.control_groups.push(text(parser.value()?)?),
            Long("as-container") => seen.asker.container.push(text(parser.value()?)?),
            Long("port") => {
                seen.redirect.ports = Some(read(parser.value()?, redirect::parse_ports)?);
            }
            Long("variables") => seen.variables = true,
            Long("local") => seen.redirect.local = true,
            Long("family") => {
                seen.redirect.families = Some(read(parser.value()?, redirect::Families::parse)?);
            }
            Long("backend") => {
                seen.redirect.backend = Some(read(parser.value()?, redirect::Backend::parse)?);
            }
            Value(value) => seen.values.push(value),
            other => return Err(other.unexpected().into()),
        }
    }
    seen.into_command()
}

impl Arguments {
    fn into_command(mut self) -> Result<Command, CliError> {
        let values = std::mem::take(&mut self.values);
        let mut values = values.into_iter();
        let name = values.next().map(text).transpose()?;
        let name = name.as_deref().unwrap_or("run");
        self.refuse_misplaced(name)?;
        let command = self.command(name, &mut values)?;
        match values.next() {
            None => Ok(command),
            Some(more) => Err(Value(more).unexpected().into()),
        }
    }

    /// Options belong to commands.
    fn refuse_misplaced(&self, command: &str) -> Result<(), CliError> {
        let is_explain = command == "explain";
        let says_what = self.method.is_some() || self.target.is_some() || !self.headers.is_empty();
        let redirects = self.redirect != redirect::Options::default();
        let is_used = |used: bool, reason| if used { Ok(()) } else { Err(usage(reason)) };
        is_used(is_explain || !says_what, "--method, --target and --header belong to explain")?;
        is_used(
            command == "redirect" || !redirects,
            "--port, --local, --family and --backend belong to redirect",
        )?;
        is_used(
            matches!(command, "run" | "check") || !self.variables,
            "--variables belongs to run and check",
        )?;
        is_used(
            is_explain || self.asker == Asker::default(),
            "--client and --as-… belong to explain",
        )?;
        is_used(
            self.asker.client.is_none() || !self.asker.says_what_is_known(),
            "--client names whose request it is: --as-… is too much",
        )?;
        is_used(!is_explain || self.tcp.is_none(), "explain does not listen")?;
        let is_idle = match command {
            "init" => self.tcp.is_some(),
            "schema" => self.tcp.is_some() || self.config.is_some(),
            _ => false,
        };
        is_used(!is_idle, &format!("{command} has no use for these options"))
    }

    fn overrides(&self) -> Result<Overrides, CliError> {
        let read = || Variables::read(|name| std::env::var_os(name)).map_err(CliError::Usage);
        let variables = self.variables.then(read).transpose()?;
        Ok(Overrides { tcp: self.tcp, variables, ..Overrides::default() })
    }

    fn command(
        self,
        name: &str,
        values: &mut impl Iterator<Item = OsString>,
    ) -> Result<Command, CliError> {
        let overrides = self.overrides()?;
        let config = self.config;
        Ok(match Some(name) {
            Some("run") => Command::Run { config, overrides },
            Some("check") => Command::Check { config: one_of(config, values.next())?, overrides },
            Some("explain") => {
                let body = values.next().ok_or_else(|| usage("explain what? name a file, or -"))?;
                let method = self.method.unwrap_or_else(|| "POST".into());
                let target = self.target.unwrap_or_else(|| "/containers/create".into());
                let request =
                    explain::Request { method, target, headers: self.headers, body: body.into() };
                Command::Explain { config, request, asker: self.asker }
            }
            Some("plugin-test") => {
                let missing = || usage("plugin-test needs a library and an image");
                let library = values.next().ok_or_else(missing)?.into();
                Command::PluginTest { library, image: text(values.next().ok_or_else(missing)?)? }
            }
            Some("redirect") => {
                let action = values.next().map(text).transpose()?;
                let action = action.as_deref().and_then(redirect::Action::parse);
                let missing = || usage("redirect needs one of show, add, remove, status");
                let action = action.ok_or_else(missing)?;
                Command::Redirect { action, options: self.redirect, config, overrides }
            }
            Some("init") => {
                Command::Init { preset: values.next().map(text).transpose()?, place: config }
            }
            Some("schema") => Command::Schema,
            Some("help") => Command::Help,
            _ => return Err(usage(&format!("`{}` is not a command", name.escape_debug()))),
        })
    }
}

fn usage(reason: &str) -> CliError {
    CliError::Usage(reason.into())
}

/// The configuration, which `check` takes with and without `--config`.
fn one_of(option: Option<PathBuf>, value: Option<OsString>) -> Result<Option<PathBuf>, CliError> {
    match (option, value) {
        (Some(_), Some(_)) => Err(CliError::Usage("two configurations were named".into())),
        (option, value) => Ok(option.or(value.map(PathBuf::from))),
    }
}

fn text(value: OsString) -> Result<String, CliError> {
    let not_text = |value: OsString| CliError::Usage(format!("{value:?} is not UTF-8"));
    value.into_string().map_err(not_text)
}

/// The value of an option, read by `parse`.
fn read<T>(value: OsString, parse: fn(&str) -> Result<T, String>) -> Result<T, CliError> {
    parse(&text(value)?).map_err(CliError::Usage)
}

fn parse_listen(value: OsString) -> Result<TcpListen, CliError> {
    let text = text(value)?;
    TcpListen::parse(&text).map_err(|error: AddressError| CliError::Usage(error.to_string()))
}

fn parse_port(value: OsString) -> Result<TcpListen, CliError> {
    match parse_listen(value.clone())? {
        port @ TcpListen::AnyAddress(_) => Ok(port),
        TcpListen::Address(_) => Err(CliError::Usage(format!("{value:?} is not a port"))),
    }
}

/// Gives the long options that were written with one dash their second one. Values are left alone:
/// none of them begins like that.
fn with_two_dashes(argument: OsString) -> OsString {
    const LONG: [&str; 7] = ["tcp", "config", "listen", "target", "client", "help", "version"];
    let name = argument.to_str().and_then(|argument| argument.strip_prefix('-'));
    let is_long = |name: &str| LONG.contains(&name.split('=').next().unwrap_or(name));
    match name {
        Some(name) if is_long(name) => format!("--{name}").into(),
        _ => argument,
    }
}
