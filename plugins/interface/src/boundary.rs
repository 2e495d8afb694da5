//! The plugin's side of the C interface: what [`export!`](crate::export) refers to.
//!
//! One of the modules with `unsafe`: pointers come in from the host, and nothing but values goes on
//! from here. No panic passes: unwinding into C would end the whole process, so each call is caught here
//! and becomes an error with the panic's text. (Not where the plugin is built with `panic = "abort"`.)
#![expect(unsafe_code, reason = "pointers from the host arrive here")]

use std::any::Any;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::abi::{self, Bytes, Descriptor, HostTable, RawVerdict};
use crate::memory::slice;
use crate::{ConfigFile, Decision, Host, Plugin, Request, Scope, Verdict};

/// The descriptor of a plugin; `name` and `version` end with NUL.
pub const fn descriptor<P: Plugin>(name: &'static [u8], version: &'static [u8]) -> Descriptor {
    let scope = match P::SCOPE {
        Scope::Request => 0,
        Scope::Name => abi::BY_NAME,
        Scope::Digest => abi::BY_DIGEST,
    };
    Descriptor {
        magic: abi::MAGIC,
        size: abi::SIZE_OF_DESCRIPTOR,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        flags: scope | if P::CONCURRENT { abi::CONCURRENT } else { 0 },
        name: name.as_ptr().cast(),
        version: version.as_ptr().cast(),
        open: Some(open::<P>),
        process: Some(process::<P>),
        release: Some(release),
        close: Some(close::<P>),
    }
}

/// `text` with a NUL behind it; `N` is one more than its length.
pub const fn terminated<const N: usize>(text: &str) -> [u8; N] {
    let (mut out, mut rest, mut at) = ([0; N], text.as_bytes(), 0);
    while let Some((first, behind)) = rest.split_first() {
        assert!(*first != 0 && at + 1 < N, "a plugin's name has no NUL in it");
        #[expect(clippy::indexing_slicing, reason = "checked above, while the plugin is compiled")]
        {
            out[at] = *first;
        }
        (rest, at) = (behind, at + 1);
    }
    out
}

unsafe extern "C" fn open<P: Plugin>(
    host: *const HostTable,
    config_json: Bytes,
    state: *mut *mut c_void,
    why_not: *mut RawVerdict,
) -> c_int {
    // SAFETY: the host's table lives as long as the process, and the configuration during the call.
    let (host, config) = unsafe { (&*host, slice(config_json)) };
    match catch(|| begin::<P>(config, host)) {
        Ok(plugin) => {
            // SAFETY: the host gave a place for one pointer.
            unsafe { *state = Box::into_raw(Box::new(plugin)).cast() };
            0
        }
        Err(reason) => {
            // SAFETY: the host gave a verdict to fill in.
            unsafe { fill(why_not, Verdict::error(reason)) };
            1
        }
    }
}

fn begin<P: Plugin>(config: &[u8], host: &'static HostTable) -> Result<P, String> {
    let config = ConfigFile::parse(config).map_err(|error| error.to_string())?;
    P::open(&config, Host::new(host)).map_err(|error| error.to_string())
}

unsafe extern "C" fn process<P: Plugin>(
    state: *mut c_void,
    request_json: Bytes,
    out: *mut RawVerdict,
) -> c_int {
    // SAFETY: `open` made the state, the host keeps it until `close`; the request is valid meanwhile.
    let (plugin, json) = unsafe { (&*state.cast::<P>(), slice(request_json)) };
    let judged = catch(|| {
        let request = Request::parse(json).map_err(|error| error.to_string())?;
        Ok(plugin.process(&request))
    });
    // SAFETY: the host gave a verdict to fill in.
    unsafe { fill(out, judged.unwrap_or_else(Verdict::error)) };
    0
}

unsafe extern "C" fn release(_state: *mut c_void, out: *mut RawVerdict) {
    // SAFETY: the host hands back a verdict of ours, once.
    let verdict = unsafe { &mut *out };
    for bytes in [&mut verdict.reason, &mut verdict.pin] {
        let Bytes { ptr, len } = std::mem::replace(bytes, Bytes::NONE);
        if !ptr.is_null() {
            let slice = std::ptr::slice_from_raw_parts_mut(ptr.cast_mut(), len);
            // SAFETY: `leak` made it of a box of this length, and it is not reachable any more.
            drop(unsafe { Box::from_raw(slice) });
        }
    }
}

unsafe extern "C" fn close<P: Plugin>(state: *mut c_void) {
    if !state.is_null() {
        // SAFETY: `open` made it of a box; the host closes once, when no call is under way.
        let plugin = unsafe { Box::from_raw(state.cast::<P>()) };
        let _ = catch(|| {
            drop(plugin);
            Ok(())
        });
    }
}

/// Level 1 for a function.
///
/// # Safety
/// `image` is null or ends with NUL, and stays valid during the call.
pub unsafe fn process_name(image: *const c_char, judge: impl FnOnce(&str) -> bool) -> u8 {
    if image.is_null() {
        return abi::FAILED;
    }
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(image) };
    let judged = catch(|| name.to_str().map(judge).map_err(|error| error.to_string()));
    match judged {
        Ok(true) => abi::SAFE,
        Ok(false) => abi::UNSAFE,
        Err(_) => abi::FAILED,
    }
}

/// Runs `work`; a panic is an error like others.
fn catch<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(text_of(payload)))
}

fn text_of(payload: Box<dyn Any + Send>) -> String {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => format!("panic: {text}"),
        (_, Some(text)) => format!("panic: {text}"),
        (None, None) => "panic".to_owned(),
    };
    // Dropping what was thrown could panic again, outside any catch.
    std::mem::forget(payload);
    text
}

/// Writes a verdict where the host asked for it.
///
/// # Safety
/// `out` is valid, and its `size` says how much of it is there.
unsafe fn fill(out: *mut RawVerdict, verdict: Verdict) {
    // SAFETY: the caller's promise; every version of the structure has a size.
    if unsafe { (*out).size } < abi::SIZE_OF_VERDICT {
        return;
    }
    let code = match verdict.decision {
        Decision::Allow => abi::ALLOW,
        Decision::Deny => abi::DENY,
        Decision::Error => abi::ERROR,
    };
    // SAFETY: it is at least as large as this version of the structure.
    let out = unsafe { &mut *out };
    out.code = code;
    out.reason = leak(cut(verdict.reason));
    out.pin = verdict.pin.map_or(Bytes::NONE, leak);
    out.ttl_s = u32::try_from(verdict.ttl.as_secs()).unwrap_or(u32::MAX);
}

/// A reason as long as the host takes.
fn cut(mut reason: String) -> String {
    if reason.len() > abi::REASON_BYTES_MAX {
        let end = (0..=abi::REASON_BYTES_MAX).rev().find(|end| reason.is_char_boundary(*end));
        reason.truncate(end.unwrap_or(0));
    }
    reason
}

fn leak(text: String) -> Bytes {
    if text.is_empty() {
        return Bytes::NONE;
    }
    Bytes::of(Box::leak(text.into_bytes().into_boxed_slice()))
}

#[cfg(test)]
mod tests;
