//! A stand-in for SecDocker, for the tests of plugins.
#![expect(unsafe_code, reason = "it plays the other side of the C interface")]

use std::ffi::{c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError};

use crate::abi::{self, Bytes, HostTable};
use crate::{Answer, Host, memory};

type Daemon = Box<dyn Fn(&str) -> Option<Answer> + Send + Sync>;

/// What a plugin wrote into the log: level and text.
#[derive(Debug, Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<(u8, String)>>>,
}

impl Log {
    /// The lines so far.
    pub fn lines(&self) -> Vec<(u8, String)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct StandIn {
    log: Log,
    daemon: Daemon,
}

/// A host whose daemon answers as `daemon` says, given the path (`None`: not at all), and what it logs.
/// It is never freed, as the real one isn't.
pub fn host(daemon: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> (Host, Log) {
    let log = Log::default();
    let stand_in = Box::leak(Box::new(StandIn { log: log.clone(), daemon: Box::new(daemon) }));
    let table = Box::leak(Box::new(HostTable {
        size: abi::SIZE_OF_HOST_TABLE,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        host: std::ptr::from_ref(stand_in).cast_mut().cast(),
        log: write_line,
        docker_get,
        host_free,
    }));
    (Host::new(table), log)
}

unsafe extern "C" fn write_line(host: *mut c_void, level: u8, text: Bytes) {
    // SAFETY: `host` made and leaked both; the text is valid during the call.
    let (stand_in, text) = unsafe { (&*host.cast::<StandIn>(), memory::slice(text)) };
    let line = (level, String::from_utf8_lossy(text).into_owned());
    stand_in.log.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

unsafe extern "C" fn docker_get(
    host: *mut c_void,
    path: Bytes,
    _timeout_ms: u32,
    body: *mut Bytes,
) -> c_int {
    // SAFETY: `host` made and leaked the stand-in; the path is valid during the call.
    let (stand_in, path) = unsafe { (&*host.cast::<StandIn>(), memory::slice(path)) };
    let path = String::from_utf8_lossy(path);
    if !(path.starts_with("/images/") || path.starts_with("/distribution/")) {
        return abi::GET_REFUSED;
    }
    let Some(answer) = (stand_in.daemon)(&path) else { return abi::GET_FAILED };
    // SAFETY: the caller gave a place for it.
    unsafe { *body = Bytes::of(Box::leak(answer.body.into_boxed_slice())) };
    c_int::from(answer.status)
}

unsafe extern "C" fn host_free(_host: *mut c_void, body: Bytes) {
    if body.len > 0 {
        let slice = std::ptr::slice_from_raw_parts_mut(body.ptr.cast_mut(), body.len);
        // SAFETY: `docker_get` leaked it, and it is given back once.
        drop(unsafe { Box::from_raw(slice) });
    }
}
