//! What plugins may ask of SecDocker: a line in the log, and a question to the daemon.
//!
//! Foreign code calls these functions, from any thread. No panic leaves them.
#![expect(unsafe_code, reason = "pointers from plugins arrive here")]

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use secdocker_plugin::abi::{self, Bytes, HostTable};

use crate::audit::{self, Notice};
use crate::lookup;
use crate::lookup::Daemon;

/// A plugin's line is cut behind so many bytes.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// How long a plugin may wait for the daemon at once.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

thread_local! {
    /// The daemon of the request that this thread asks a plugin about.
    static DAEMON: RefCell<Option<Daemon>> = const { RefCell::new(None) };
}

/// What a plugin's table leads to. Never freed, as plugins are never unloaded.
struct Host {
    plugin: Arc<str>,
    daemon: Daemon,
}

/// A table for one plugin; it lives as long as the process.
pub(super) fn table(plugin: &Arc<str>, daemon: &Daemon) -> &'static HostTable {
    let host = Box::leak(Box::new(Host { plugin: Arc::clone(plugin), daemon: daemon.clone() }));
    Box::leak(Box::new(HostTable {
        size: abi::SIZE_OF_HOST_TABLE,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        host: std::ptr::from_ref(host).cast_mut().cast(),
        log,
        docker_get,
        host_free,
    }))
}

/// Lets plugins on this thread ask the daemon of a request, while `call` runs.
pub(super) fn with_daemon<T>(daemon: &Daemon, call: impl FnOnce() -> T) -> T {
    DAEMON.set(Some(daemon.clone()));
    let result = call();
    DAEMON.set(None);
    result
}

unsafe extern "C" fn log(host: *mut c_void, level: u8, text: Bytes) {
    // SAFETY: plugins hand back the pointer of their table, and text that is valid meanwhile.
    let (host, text) = unsafe { (&*host.cast::<Host>(), slice(text)) };
    let write = || {
        let text = String::from_utf8_lossy(text.get(..LINE_BYTES_MAX).unwrap_or(text));
        let level = match level {
            1 => log::Level::Error,
            2 => log::Level::Warn,
            3 => log::Level::Info,
            _ => log::Level::Debug,
        };
        audit::announce(&Notice::PluginSays { plugin: &host.plugin, level, text: &text });
    };
    drop(catch_unwind(AssertUnwindSafe(write)));
}

unsafe extern "C" fn docker_get(
    host: *mut c_void,
    path: Bytes,
    timeout_ms: u32,
    body: *mut Bytes,
) -> c_int {
    // SAFETY: plugins hand back the pointer of their table, and a path that is valid meanwhile.
    let (host, path) = unsafe { (&*host.cast::<Host>(), slice(path)) };
    let answer = catch_unwind(AssertUnwindSafe(|| answer(host, path, timeout_ms)));
    let Ok(Ok((status, bytes))) = answer else {
        return answer.ok().and_then(Result::err).unwrap_or(abi::GET_FAILED);
    };
    // SAFETY: the plugin gave a place for it.
    unsafe { *body = Bytes::of(Box::leak(bytes.into_boxed_slice())) };
    c_int::from(status)
}

fn answer(host: &Host, path: &[u8], timeout_ms: u32) -> Result<(u16, Vec<u8>), c_int> {
    let path = permitted(path).ok_or(abi::GET_REFUSED)?;
    let daemon = DAEMON.with_borrow(Clone::clone).unwrap_or_else(|| host.daemon.clone());
    let patience = Duration::from_millis(u64::from(timeout_ms.max(1))).min(PATIENCE_MAX);
    lookup::get(&daemon, path, patience).map_err(|_| abi::GET_FAILED)
}

/// The path, if it can lead to nothing but images and registries under any reading.
fn permitted(path: &[u8]) -> Option<&str> {
    let path = std::str::from_utf8(path).ok()?;
    let is_below = ["/images/", "/distribution/"].iter().any(|start| path.starts_with(start));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#\\".contains(&byte);
    let lower = path.to_ascii_lowercase();
    let climbs = ["/.", "//", "%2e", "%2f", "%5c"].iter().any(|odd| lower.contains(odd));
    (is_below && path.bytes().all(is_plain) && !climbs).then_some(path)
}

unsafe extern "C" fn host_free(_host: *mut c_void, body: Bytes) {
    if body.len > 0 {
        let slice = std::ptr::slice_from_raw_parts_mut(body.ptr.cast_mut(), body.len);
        // SAFETY: `docker_get` leaked a box of this length, and it is given back once.
        drop(unsafe { Box::from_raw(slice) });
    }
}

/// The bytes behind a pointer.
///
/// # Safety
/// They are valid for as long as the result is used.
pub(super) unsafe fn slice<'a>(bytes: Bytes) -> &'a [u8] {
    if bytes.ptr.is_null() || bytes.len == 0 || bytes.len > isize::MAX as usize {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_ask_for_images_and_registries_only() {
        for path in
            ["/images/app:1/json", "/distribution/team/app/json", "/images/a@sha256:0/json?x=%20"]
        {
            assert_eq!(permitted(path.as_bytes()), Some(path));
        }
        for path in [
            "/containers/json",
            "/images",
            "/images/../containers/json",
            "/images/%2e%2E/containers/json",
            "/images/a%2F..%2fb",
            "/images//x",
            "/images/a b",
            "/images/a\r\nX: y",
            "/images/a#",
            "/images/\u{e9}",
            "",
        ] {
            assert_eq!(permitted(path.as_bytes()), None, "{path:?}");
        }
        assert_eq!(permitted(b"/images/\xff"), None);
    }
}
