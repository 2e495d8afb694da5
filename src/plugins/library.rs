//! The boundary: opening a library, and calling it.
//!
//! What foreign code does with the process can't be checked: a library is trusted as SecDocker itself
//! is. What it *says* is: versions, sizes, codes, texts.
#![expect(unsafe_code, reason = "a library's functions are C functions")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use memchr::memmem;
use secdocker_plugin::abi::{
    self, Bytes, Descriptor, LevelOne, LevelTwo, ProcessFn, RawVerdict, ReleaseFn,
};

use super::judge::{Judge, Judgement, Question, Scope};
use super::{document, host, place};
use crate::audit::{self, Notice};
use crate::config::plugins::PluginSettings;
use crate::lookup::Daemon;
use crate::policy::review::PluginVerdict;

/// What the symbol of each major begins with, before its number.
const DESCRIPTOR_SYMBOLS: &str = "secdocker_plugin_v";

/// Level 1: a function that is given a name.
struct Namer {
    process: LevelOne,
}

/// Level 2: a plugin that has been opened.
struct Opened {
    process: ProcessFn,
    release: ReleaseFn,
    state: State,
    flags: u32,
}

/// A plugin's own pointer, handed back to it with each call.
struct State(*mut c_void);

// SAFETY: nobody here looks behind the pointer. The plugin gets it on several threads, one after the
// other, or at once if it says `CONCURRENT` or the configuration does: the interface says so.
unsafe impl Send for State {}
// SAFETY: as above.
unsafe impl Sync for State {}

/// How long a plugin may take to open, however short its timeout is.
const OPEN_TIME_MIN: Duration = Duration::from_secs(5);

/// Finds, checks, loads and opens a plugin, in the time that it has for a request.
///
/// # Errors
/// One line that says what is wrong with it.
pub(super) fn load(settings: &PluginSettings, daemon: &Daemon) -> Result<Arc<dyn Judge>, String> {
    let (opened, opening) = mpsc::channel();
    let (ours, daemon) = (settings.clone(), daemon.clone());
    // A thread of its own: one that never comes back can't be stopped.
    let thread = thread::Builder::new().name("plugin-open".into());
    thread
        .spawn(move || drop(opened.send(load_here(&ours, &daemon))))
        .map_err(|error| format!("cannot start a thread to open it: {error}"))?;
    let patience = settings.timeout.max(OPEN_TIME_MIN);
    opening.recv_timeout(patience).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => Err(format!("it could not be opened in {patience:?}")),
        RecvTimeoutError::Disconnected => Err("it could not be opened: a panic".to_owned()),
    })
}

fn load_here(settings: &PluginSettings, daemon: &Daemon) -> Result<Arc<dyn Judge>, String> {
    let path = place::library(settings)?;
    // SAFETY: opening a library runs its initializers; it belongs to those who may run code here.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| cannot_load(&path, &error))?;
    let judge = entry(&library, &path, settings, daemon);
    // Never unloaded: something of it may run already, even if it can't be used.
    std::mem::forget(library);
    judge
}

fn cannot_load(path: &Path, error: &dyn std::error::Error) -> String {
    // What the loader says is behind what libloading says.
    match error.source() {
        Some(loader) => format!("cannot load {}: {loader}", path.display()),
        None => format!("cannot load {}: {error}", path.display()),
    }
}

fn entry(
    library: &Library,
    path: &Path,
    settings: &PluginSettings,
    daemon: &Daemon,
) -> Result<Arc<dyn Judge>, String> {
    let announce = |what: &str| {
        let (plugin, library) = (&settings.name, &path.display());
        audit::announce(&Notice::PluginLoaded { plugin, library, what: &what });
    };
    // SAFETY: a symbol of this name has this type, by the interface.
    if let Ok(describe) = unsafe { library.get::<LevelTwo>(abi::DESCRIPTOR_SYMBOL) } {
        // SAFETY: the function takes nothing, and returns a pointer that stays valid.
        let descriptor = checked(unsafe { describe() })?;
        let opened = open(descriptor, settings, daemon)?;
        announce(&described(descriptor));
        return Ok(Arc::new(opened));
    }
    // Before level 1: what its author meant is a descriptor, with more to say than `Process` has.
    if let Some(major) = other_major(library, path)? {
        return Err(other_version(&major));
    }
    // SAFETY: a symbol of this name has this type, by the interface.
    if let Ok(process) = unsafe { library.get::<LevelOne>(abi::PROCESS_SYMBOL) } {
        announce("1");
        return Ok(Arc::new(Namer { process: *process }));
    }
    let (one, two) = (abi::PROCESS_SYMBOL, abi::DESCRIPTOR_SYMBOL);
    Err(format!("{} is not a plugin: it has neither `{two}` nor `{one}`", path.display()))
}

/// Another version of the interface that the library is for, if it has a symbol of one. The loader lists no
/// symbols, but each one's name stands in the file.
fn other_major(library: &Library, path: &Path) -> Result<Option<String>, String> {
    let file = std::fs::read(path);
    let file = file.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let found = memmem::find_iter(&file, DESCRIPTOR_SYMBOLS).filter_map(|at| {
        let behind = file.get(at + DESCRIPTOR_SYMBOLS.len()..)?;
        let digits = behind.split(|byte| !byte.is_ascii_digit()).next()?;
        let major = str::from_utf8(digits).ok().filter(|digits| !digits.is_empty())?;
        let symbol = format!("{DESCRIPTOR_SYMBOLS}{major}");
        // SAFETY: it is only looked for.
        unsafe { library.get::<LevelTwo>(symbol.as_str()) }.is_ok().then(|| major.to_owned())
    });
    // Of several, any will do.
    Ok(found.min())
}

fn other_version(theirs: &dyn std::fmt::Display) -> String {
    format!(
        "built for version {theirs} of the plugin interface, this SecDocker has {}.{}",
        abi::ABI_MAJOR,
        abi::ABI_MINOR
    )
}

/// The descriptor, if it is one that we understand. Fields are looked at in the order in which they
/// vouch for the next.
fn checked(descriptor: *const Descriptor) -> Result<&'static Descriptor, String> {
    let Some(pointer) = NonNull::new(descriptor.cast_mut()).filter(|it| it.is_aligned()) else {
        return Err("it has no descriptor".to_owned());
    };
    let pointer = pointer.as_ptr().cast_const();
    // SAFETY: every version of the descriptor begins with these four.
    let (magic, size, major, minor) = unsafe {
        (
            (&raw const (*pointer).magic).read(),
            (&raw const (*pointer).size).read(),
            (&raw const (*pointer).abi_major).read(),
            (&raw const (*pointer).abi_minor).read(),
        )
    };
    if magic != abi::MAGIC {
        return Err(format!("its descriptor begins with {magic:#010x}, not {:#010x}", abi::MAGIC));
    }
    if major != abi::ABI_MAJOR || minor > abi::ABI_MINOR {
        return Err(other_version(&format_args!("{major}.{minor}")));
    }
    if size < abi::SIZE_OF_DESCRIPTOR {
        let needed = abi::SIZE_OF_DESCRIPTOR;
        return Err(format!("its descriptor has {size} bytes, and must have {needed}"));
    }
    // SAFETY: magic, version and size say that all of it is there; it lives as long as the library.
    let descriptor = unsafe { &*pointer };
    match descriptor.flags & !abi::FLAGS {
        0 => Ok(descriptor),
        unknown => Err(format!("its descriptor has flags that mean nothing ({unknown:#x})")),
    }
}

/// `2.0 (anchore 0.1.0)`.
fn described(descriptor: &Descriptor) -> String {
    let text = |pointer: *const c_char| match pointer.is_null() {
        true => String::new(),
        // SAFETY: the interface says that it ends with NUL and is static.
        false => unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned(),
    };
    let Descriptor { abi_major, abi_minor, name, version, .. } = descriptor;
    format!("{abi_major}.{abi_minor} ({} {})", text(*name), text(*version))
}

fn open(
    descriptor: &Descriptor,
    settings: &PluginSettings,
    daemon: &Daemon,
) -> Result<Opened, String> {
    let Descriptor { open, process, release, flags, .. } = descriptor;
    let (Some(open), Some(process), Some(release)) = (*open, *process, *release) else {
        return Err("its descriptor lacks `open`, `process` or `release`".to_owned());
    };
    let table = host::table(&settings.name, daemon);
    let config = configuration(settings);
    let (mut state, mut why_not) = (std::ptr::null_mut(), RawVerdict::EMPTY);
    let config = Bytes::of(config.as_bytes());
    // SAFETY: the table lives for ever, the rest until the call returns.
    let status = unsafe { open(table, config, &raw mut state, &raw mut why_not) };
    let reason = text_of(why_not.reason);
    // SAFETY: what `open` put there is freed once, by the plugin.
    unsafe { release(state, &raw mut why_not) };
    match (status, reason) {
        (0, _) => Ok(Opened { process, release, state: State(state), flags: *flags }),
        (_, Ok(reason)) if !reason.is_empty() => Err(reason),
        (status, _) => {
            Err(format!("it could not be opened (status {status}), and did not say why"))
        }
    }
}

/// What a plugin is told when it is opened.
fn configuration(settings: &PluginSettings) -> String {
    let config = place::config_file(settings);
    let folder = config.parent().unwrap_or(Path::new("/"));
    serde_json::json!({
        "name": &*settings.name,
        "config": config.to_string_lossy(),
        "folder": folder.to_string_lossy(),
    })
    .to_string()
}

/// A plugin's text, copied.
fn text_of(bytes: Bytes) -> Result<String, String> {
    if bytes.len > abi::REASON_BYTES_MAX {
        let max = abi::REASON_BYTES_MAX;
        return Err(format!("its reason has {} bytes, more than {max}", bytes.len));
    }
    // SAFETY: the plugin's bytes are valid until `release`.
    let bytes = unsafe { host::slice(bytes) };
    String::from_utf8(bytes.to_vec()).map_err(|_| "its reason is not UTF-8".to_owned())
}

impl Judge for Namer {
    fn scope(&self) -> Scope {
        Scope::Name
    }

    fn is_concurrent(&self) -> bool {
        false
    }

    fn may_be_cached(&self) -> bool {
        false
    }

    fn judge(&self, question: &Question, _time_left: Duration) -> Judgement {
        let Ok(name) = CString::new(question.review.asked.given.as_str()) else {
            return Judgement::error("the image's name has a NUL in it");
        };
        // SAFETY: the name ends with NUL, and is valid until the call returns.
        let answer = unsafe { (self.process)(name.as_ptr()) };
        let verdict = match answer {
            abi::SAFE => PluginVerdict::Allow,
            abi::UNSAFE => PluginVerdict::Deny,
            other => return Judgement::error(format!("Process returned {other}, not 0 or 1")),
        };
        // The configuration alone says whether and how long it is kept.
        Judgement { verdict, reason: String::new(), ttl: Duration::MAX }
    }
}

impl Judge for Opened {
    fn scope(&self) -> Scope {
        match (self.flags & abi::BY_DIGEST != 0, self.flags & abi::BY_NAME != 0) {
            (true, _) => Scope::Digest,
            (false, true) => Scope::Name,
            (false, false) => Scope::Request,
        }
    }

    fn is_concurrent(&self) -> bool {
        self.flags & abi::CONCURRENT != 0
    }

    fn may_be_cached(&self) -> bool {
        true
    }

    fn judge(&self, question: &Question, time_left: Duration) -> Judgement {
        let request = document::document(question, time_left);
        let mut verdict = RawVerdict::EMPTY;
        let status = host::with_daemon(&question.daemon, || {
            // SAFETY: the state is the plugin's own, the rest is valid until the call returns.
            unsafe { (self.process)(self.state.0, Bytes::of(&request), &raw mut verdict) }
        });
        let judgement = judgement(status, &verdict);
        // SAFETY: what `process` put there is freed once, by the plugin.
        unsafe { (self.release)(self.state.0, &raw mut verdict) };
        judgement.unwrap_or_else(Judgement::error)
    }
}

/// What a verdict says, if it is one.
fn judgement(status: i32, raw: &RawVerdict) -> Result<Judgement, String> {
    let reason = text_of(raw.reason);
    if status != 0 {
        return Err(format!("it returned {status}: {}", reason?));
    }
    let (verdict, reason) = match raw.code {
        abi::ALLOW => (PluginVerdict::Allow, allowed(&reason?, &text_of(raw.pin)?)),
        // An error could be allowed by the configuration; a denial stays one, however it is told.
        abi::DENY => (PluginVerdict::Deny, reason.unwrap_or_else(|why| format!("denied ({why})"))),
        abi::ERROR => return Err(reason?),
        0 => return Err("it returned without a verdict".to_owned()),
        code => return Err(format!("its verdict has the unknown code {code}")),
    };
    Ok(Judgement { verdict, reason, ttl: Duration::from_secs(u64::from(raw.ttl_s)) })
}

/// The reason, with the digest that was judged, if the plugin says so.
fn allowed(reason: &str, pin: &str) -> String {
    match pin {
        "" => reason.to_owned(),
        pin => format!("{reason} [{pin}]"),
    }
}
