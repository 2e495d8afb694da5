//! The command line: arguments to a command, and the command carried out.
//!
//! The Go tool's options have one dash (`-tcp 8999`), ours two; both are taken.

mod asker;
mod certificates;
mod check;
mod explain;
mod exposure;
mod init;
mod plugin_test;
mod redirect;
mod run;
mod systemd;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lexopt::Arg::{Long, Short, Value};

use self::asker::Asker;
use crate::audit::AuditError;
use crate::config::{self, AddressError, ConfigError, Overrides, TcpListen, Variables};
use crate::proxy::StartError;

pub use redirect::RedirectError;

/// The exit status when a command could not do its work.
pub const EXIT_ERROR: u8 = 2;

/// Where a configuration is looked for when none is named.
const CONFIG_PLACES: [&str; 2] = ["config.yml", "/etc/secdocker/config.yml"];

const HELP: &str = "\
SecDocker: an application firewall for the Docker Engine API

usage:
  secdocker [run] [--config FILE] [--listen ADDRESS | --tcp PORT]
      stand between Docker clients and the daemon until SIGTERM or SIGINT;
      SIGHUP opens the log anew and reads the configuration again
  secdocker check [FILE]
      check a configuration and say in plain words what it forbids and forces
  secdocker explain [--config FILE] [--target TARGET] [CLIENT] REQUEST
      say what would be refused of the body in the file REQUEST (- is standard input),
      by which rule; print the body that would be forwarded of what would pass
  secdocker plugin-test LIBRARY IMAGE
      load a plugin, ask it about a container of the image, and print what it says
  secdocker redirect show|add|remove|status [--config FILE] [--port PORTS] [--local]
                     [--family 4|6|both] [--backend nft|iptables]
      print, set or take away the rules that lead connections of clients to SecDocker,
      or try whether they come, and say who can reach the daemon past it
  secdocker init [PRESET] [--config FILE]
      write a commented configuration, for what a preset is for, where there is none yet
  secdocker schema
      print the JSON Schema of the configuration, by which editors complete and check it

options:
  --config FILE      the configuration; config.yml in the working directory by
                     default, then /etc/secdocker/config.yml
  --listen ADDRESS   listen on this address:port or port, whatever the configuration says
  --tcp PORT         the same for a port of every address; -tcp PORT works too
  --variables        what may be called is said by variables of the environment, as for socket
                     proxies (CONTAINERS=1, POST=0 ...), not by `endpoints`
  --target TARGET    where the request would go, /containers/create by default
  --method METHOD    how it would go there, POST by default
  --header LINE      explain: a header line that it would have, such as \"Expect: 100-continue\";
                     may stand several times
  --client NAME      CLIENT: whose request it would be, an entry of `clients`
  --as-network IP, --as-user USER, --as-certificate NAME, --as-cgroup PATH,
  --as-container NAME|IMAGE|KEY=VALUE
                     or what would be known of it: its address, a user of this host, a
                     name in its certificate or its fingerprint, its control group, the
                     container that it is (name=…, image=… and label=… tell which is
                     meant; the last two options may stand several times)
  --port PORTS       redirect: the ports that clients connect to, 2375,2376 by default
  --local            redirect: clients of this host too, but what carries `upstream_mark`
  --family FAMILY    redirect: 4, 6 or both; by default what `listen.tcp` serves
  --backend PROGRAM  redirect: nft or iptables; by default the first that is installed
  -h, --help         this text
  -V, --version      the version

exit status: 0 done or allowed, 1 the request would be refused or connections do not
come, 2 an error
";

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
enum Command {
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

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Done,
    /// `explain` found a request that would be refused, `plugin-test` an image, or `redirect status` a
    /// connection that does not come.
    Refused,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum CliError {
    /// The arguments make no sense; the text says why.
    Usage(String),
    /// No configuration was named, and none is where it is looked for.
    NoConfig,
    /// The configuration is broken.
    Config(ConfigError),
    /// There is no log to write to.
    Audit(AuditError),
    /// The proxy can't start.
    Start(StartError),
    /// The rules of a redirect.
    Redirect(RedirectError),
    /// A file or the kernel refused something: what, and why.
    Io(String, io::Error),
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(reason) => write!(f, "{reason} (see secdocker --help)"),
            Self::NoConfig => {
                let [here, system] = CONFIG_PLACES;
                write!(f, "there is neither {here} nor {system}; name one with --config")
            }
            Self::Config(error) => error.fmt(f),
            Self::Audit(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Redirect(error) => error.fmt(f),
            Self::Io(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for CliError {}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<RedirectError> for CliError {
    fn from(error: RedirectError) -> Self {
        Self::Redirect(error)
    }
}

impl From<lexopt::Error> for CliError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Does what the arguments, without the program's name, ask for.
///
/// # Errors
/// [`CliError`] if it can't be done.
pub fn carry_out(arguments: impl IntoIterator<Item = OsString>) -> Result<Outcome, CliError> {
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

/// Writes to standard output; a reader who has seen enough is no error.
fn print(text: &str) -> Result<Outcome, CliError> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::Io("cannot write to standard output".into(), error))
        }
        _ => Ok(Outcome::Done),
    }
}

fn find_config(named: Option<PathBuf>) -> Result<PathBuf, CliError> {
    let mut places = CONFIG_PLACES.iter().map(PathBuf::from);
    named.or_else(|| places.find(|place| Path::exists(place))).ok_or(CliError::NoConfig)
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

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, CliError> {
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
    fn into_command(self) -> Result<Command, CliError> {
        let Self { config, tcp, method, target, headers, asker, redirect, variables, values } =
            self;
        let read = || Variables::read(|name| std::env::var_os(name)).map_err(CliError::Usage);
        let from_environment = variables.then(read).transpose()?;
        let overrides = Overrides { tcp, variables: from_environment, ..Overrides::default() };
        let mut values = values.into_iter();
        let name = values.next().map(text).transpose()?;
        let is_explain = name.as_deref() == Some("explain");
        let says_what = method.is_some() || target.is_some() || !headers.is_empty();
        if says_what && !is_explain {
            return Err(CliError::Usage(
                "--method, --target and --header belong to explain".into(),
            ));
        }
        if redirect != redirect::Options::default() && name.as_deref() != Some("redirect") {
            return Err(CliError::Usage(
                "--port, --local, --family and --backend belong to redirect".into(),
            ));
        }
        if variables && !matches!(name.as_deref(), None | Some("run" | "check")) {
            return Err(CliError::Usage("--variables belongs to run and check".into()));
        }
        let says_who = asker != Asker::default();
        if says_who && !is_explain {
            return Err(CliError::Usage("--client and --as-… belong to explain".into()));
        }
        if asker.client.is_some() && asker.says_what_is_known() {
            return Err(CliError::Usage(
                "--client names whose request it is: --as-… is too much".into(),
            ));
        }
        if tcp.is_some() && is_explain {
            return Err(CliError::Usage("explain does not listen".into()));
        }
        let command = match name.as_deref() {
            None | Some("run") => Command::Run { config, overrides },
            Some("check") => {
                let config = one_of(config, values.next())?;
                Command::Check { config, overrides }
            }
            Some("explain") => {
                let missing = || CliError::Usage("explain what? name a file, or -".into());
                let body = values.next().ok_or_else(missing)?.into();
                let method = method.unwrap_or_else(|| "POST".into());
                let target = target.unwrap_or_else(|| "/containers/create".into());
                let request = explain::Request { method, target, headers, body };
                Command::Explain { config, request, asker }
            }
            Some("plugin-test") => {
                let missing = || CliError::Usage("plugin-test needs a library and an image".into());
                let library = values.next().ok_or_else(missing)?.into();
                let image = text(values.next().ok_or_else(missing)?)?;
                Command::PluginTest { library, image }
            }
            Some("redirect") => {
                let action = values.next().map(text).transpose()?;
                let action =
                    action.as_deref().and_then(redirect::Action::parse).ok_or_else(|| {
                        CliError::Usage("redirect needs one of show, add, remove, status".into())
                    })?;
                Command::Redirect { action, options: redirect, config, overrides }
            }
            Some(name @ ("init" | "schema"))
                if tcp.is_some() || (name == "schema" && config.is_some()) =>
            {
                return Err(CliError::Usage(format!("{name} has no use for these options")));
            }
            Some("init") => {
                let preset = values.next().map(text).transpose()?;
                Command::Init { preset, place: config }
            }
            Some("schema") => Command::Schema,
            Some("help") => Command::Help,
            Some(other) => {
                return Err(CliError::Usage(format!(
                    "`{}` is not a command",
                    other.escape_debug()
                )));
            }
        };
        match values.next() {
            None => Ok(command),
            Some(more) => Err(lexopt::Arg::Value(more).unexpected().into()),
        }
    }
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

#[cfg(test)]
mod tests;
