//! The plugins of a configuration: a list of names, or of names with settings.
//!
//! Knows nothing of libraries: whether one is there is seen when it is loaded.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::checker::Checker;
use super::error::At;
use super::schema::{self, File, Text};
use super::units;
use crate::policy::review::Purposes;

/// Where plugins are, seen from the configuration file, as in the Go tool.
const FOLDER: &str = "plugins";
const THREADS: NonZeroUsize = NonZeroUsize::new(8).unwrap();
/// Threads that nobody needs more of: each waits for some service's answer.
const THREADS_MAX: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(60);
/// A plugin's name is a component of a path and a word of the log.
const NAME_BYTES_MAX: usize = 64;

/// The plugins, in the order in which they are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugins {
    /// One entry a plugin.
    pub list: Vec<PluginSettings>,
    /// Threads that they run on altogether.
    pub threads: NonZeroUsize,
}

impl Default for Plugins {
    fn default() -> Self {
        Self { list: Vec::new(), threads: THREADS }
    }
}

/// What one plugin is, and what it is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSettings {
    /// Its name in messages and in the log.
    pub name: Arc<str>,
    /// Where its files are, and its own `config.yml` may be.
    pub folder: PathBuf,
    /// Its library, if the configuration says where that is.
    pub library: Option<PathBuf>,
    /// How long a request waits for it.
    pub timeout: Duration,
    /// What becomes of a request that it could not judge.
    pub on_error: Fallback,
    /// What becomes of a request that it did not judge in time.
    pub on_timeout: Fallback,
    /// What is kept of its verdicts; as the plugin wants it, if the configuration is silent.
    pub cache: Option<CacheSettings>,
    /// Calls that may run at the same time; as the plugin wants it, if the configuration is silent.
    pub concurrency: Option<NonZeroUsize>,
    /// What it is asked about.
    pub asked: Purposes,
}

/// What becomes of a request without a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// It is refused.
    Deny,
    /// It may go on.
    Allow,
}

/// What is kept of a plugin's verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// Verdicts at most.
    pub entries: usize,
    /// How long each is kept at most.
    pub life: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { entries: 1024, life: Duration::from_secs(10 * 60) }
    }
}

impl PluginSettings {
    /// A plugin of this name, in its usual place below the configuration file's `folder`.
    pub fn named(name: &str, folder: &Path) -> Self {
        Self {
            name: name.into(),
            folder: folder.join(FOLDER).join(name),
            library: None,
            timeout: TIMEOUT,
            on_error: Fallback::Deny,
            on_timeout: Fallback::Deny,
            cache: None,
            concurrency: None,
            asked: Purposes { create: true, service: true, pull: false, build: false },
        }
    }
}

/// Why this build can't load any plugin, if it can't.
fn incapable() -> Option<&'static str> {
    if !cfg!(feature = "plugins") {
        Some("this SecDocker was built without plugins (the Cargo feature `plugins`)")
    } else if cfg!(target_feature = "crt-static") {
        Some("this SecDocker is statically linked, and can't load plugins")
    } else {
        None
    }
}

/// Reads the list and the number of threads.
pub(super) fn plugins(checker: &mut Checker<'_>, file: &File, folder: &Path) -> Plugins {
    let at = At::top("plugins");
    if let (Some(why), false) = (incapable(), file.plugins.0.is_empty()) {
        checker.refuse(at.item(0), &why);
    }
    let mut list: Vec<PluginSettings> = Vec::new();
    for (index, entry) in file.plugins.0.iter().enumerate() {
        let schema::PluginEntry(entry) = entry;
        let Some(plugin) = plugin(checker, at.item(index), entry, folder) else { continue };
        if list.iter().any(|other| other.name == plugin.name) {
            checker.refuse(at.item(index), &format_args!("`{}` is listed twice", plugin.name));
        }
        list.push(plugin);
    }
    let at_threads = At::top("plugin_threads");
    let threads = checker.optional(at_threads, file.plugin_threads.as_ref(), parse_threads);
    Plugins { list, threads: threads.unwrap_or(THREADS) }
}

fn plugin(
    checker: &mut Checker<'_>,
    at: At,
    keys: &schema::PluginKeys,
    folder: &Path,
) -> Option<PluginSettings> {
    let schema::PluginKeys { name, path, timeout, on_error, on_timeout, cache, concurrency, when } =
        keys;
    let name = name.as_deref().unwrap_or_default();
    let mut plugin = PluginSettings::named(checker.value(at, parse_name(name))?, folder);
    let mut entries = Entry { checker, at };
    if let Some(path) = entries.read(&["path"], path.as_ref(), parse_path) {
        let library = folder.join(path);
        plugin.folder = library.parent().unwrap_or(folder).to_owned();
        plugin.library = Some(library);
    }
    plugin.timeout = entries.read(&["timeout"], timeout.as_ref(), time).unwrap_or(TIMEOUT);
    let fallback = entries.read(&["on_error"], on_error.as_ref(), parse_fallback);
    plugin.on_error = fallback.unwrap_or(Fallback::Deny);
    let fallback = entries.read(&["on_timeout"], on_timeout.as_ref(), parse_fallback);
    plugin.on_timeout = fallback.unwrap_or(plugin.on_error);
    plugin.concurrency = entries.read(&["concurrency"], concurrency.as_ref(), parse_threads);
    plugin.cache = cache.as_ref().map(|cache| entries.cache(cache));
    if let Some(purposes) = when.as_ref().and_then(|list| entries.when(list)) {
        plugin.asked = purposes;
    }
    Some(plugin)
}

/// Reads the values of one entry; a mistake is told at the key.
struct Entry<'c, 't> {
    checker: &'c mut Checker<'t>,
    at: At,
}

impl Entry<'_, '_> {
    fn read<T>(
        &mut self,
        key: &'static [&'static str],
        text: Option<&Text>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.checker.optional(self.at.beyond(key), text, read)
    }

    fn cache(&mut self, section: &schema::PluginCache) -> CacheSettings {
        let usual = CacheSettings::default();
        let entries = self.read(&["cache", "entries"], section.entries.as_ref(), count);
        let life = self.read(&["cache", "life"], section.life.as_ref(), time);
        CacheSettings {
            entries: entries.unwrap_or(usual.entries),
            life: life.unwrap_or(usual.life),
        }
    }

    fn when(&mut self, list: &schema::List) -> Option<Purposes> {
        let mut purposes = Purposes::default();
        for text in list.iter() {
            let purpose = self.read(&["when"], Some(text), |text| match text {
                "create" => Ok(Purposes { create: true, ..Purposes::default() }),
                "services" => Ok(Purposes { service: true, ..Purposes::default() }),
                "pull" => Ok(Purposes { pull: true, ..Purposes::default() }),
                "builds" => Ok(Purposes { build: true, ..Purposes::default() }),
                _ => {
                    let text = text.escape_debug();
                    Err(format!("`{text}` is not one of create, services, pull, builds"))
                }
            })?;
            purposes = purposes.and(purpose);
        }
        if purposes == Purposes::default() {
            let at = self.at.beyond(&["when"]);
            self.checker.refuse(at, &"must name at least one kind of request");
        }
        Some(purposes)
    }
}

fn time(text: &str) -> Result<Duration, String> {
    units::parse_time(text).map_err(|error| error.to_string())
}

fn count(text: &str) -> Result<usize, String> {
    units::parse_count(text).map_err(|error| error.to_string())
}

/// One component of a path, of letters that mean nothing to a shell, a log or a terminal.
fn parse_name(text: &str) -> Result<&str, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = (1..=NAME_BYTES_MAX).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(is_plain);
    let wrong = || {
        let shown: String = text.chars().take(NAME_BYTES_MAX).collect();
        format!(
            "`{}` is not a plugin name: letters, digits, `-`, `_` and `.`, not at the beginning",
            shown.escape_debug()
        )
    };
    is_name.then_some(text).ok_or_else(wrong)
}

fn parse_path(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("the name of a file is missing".to_owned()),
        text => Ok(PathBuf::from(text)),
    }
}

fn parse_fallback(text: &str) -> Result<Fallback, String> {
    match text {
        "deny" => Ok(Fallback::Deny),
        "allow" => Ok(Fallback::Allow),
        _ => Err(format!("`{}` is neither deny nor allow", text.escape_debug())),
    }
}

fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    let count = units::parse_count(text).ok().filter(|&count| count <= THREADS_MAX);
    let wrong = || format!("`{}` is not a number from 1 to {THREADS_MAX}", text.escape_debug());
    count.and_then(NonZeroUsize::new).ok_or_else(wrong)
}
