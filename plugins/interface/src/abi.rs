//! The C interface, as `secdocker_plugin.h` has it: types and constants that host and plugin share.
//!
//! Only shapes stand here. What a plugin does with them is in `boundary` and `host`; what SecDocker does
//! with them is in its own module `plugins`.

use std::ffi::{c_char, c_int, c_void};

/// What a descriptor begins with: `SDPL`.
pub const MAGIC: u32 = 0x5344_504C;
/// Another major version is refused when the plugin is loaded.
pub const ABI_MAJOR: u16 = 2;
/// Within a major version, fields are only added at the end.
pub const ABI_MINOR: u16 = 0;

/// The longest reason, in bytes; a longer one is an error, but a denial stays one and goes without it.
pub const REASON_BYTES_MAX: usize = 4096;

/// The symbol of level 1: `uint8_t Process(const char *image)`.
pub const PROCESS_SYMBOL: &str = "Process";
/// The symbol of level 2: `const sd_plugin *secdocker_plugin_v2(void)`. Each major version has its own, and
/// a library with that of another one alone is refused, whether it has [`PROCESS_SYMBOL`] or not.
pub const DESCRIPTOR_SYMBOL: &str = "secdocker_plugin_v2";

/// The verdict's code for an image that is safe.
pub const ALLOW: u32 = 1;
/// The verdict's code for an image that is not.
pub const DENY: u32 = 2;
/// The verdict's code where none could be reached. Zero is no code: what was not filled in is an error.
pub const ERROR: u32 = 3;

/// What [`process`](LevelOne) of level 1 returns for an image that is safe.
pub const SAFE: u8 = 1;
/// What level 1 returns for an image that is not safe. Any other byte is an error.
pub const UNSAFE: u8 = 0;
/// What the macro's level 1 returns where no verdict could be reached.
pub const FAILED: u8 = 2;

/// `process` may run on several threads at once.
pub const CONCURRENT: u32 = 1 << 0;
/// The verdict follows from the image's content alone.
pub const BY_DIGEST: u32 = 1 << 1;
/// The verdict follows from the image's name and content, and from nothing else in the request.
pub const BY_NAME: u32 = 1 << 2;

/// All flags that there are; a descriptor with others is refused.
pub const FLAGS: u32 = CONCURRENT | BY_DIGEST | BY_NAME;

/// `docker_get` of a path that plugins may not ask for.
pub const GET_REFUSED: c_int = -1;
/// `docker_get` without an answer in time.
pub const GET_FAILED: c_int = -2;

/// Bytes that belong to the side that made them; `ptr` may be null where `len` is 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    /// Where they begin.
    pub ptr: *const u8,
    /// How many they are.
    pub len: usize,
}

impl Bytes {
    /// No bytes.
    pub const NONE: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// The bytes of `slice`, valid for as long as it is.
    pub fn of(slice: &[u8]) -> Self {
        Self { ptr: slice.as_ptr(), len: slice.len() }
    }
}

/// Level 1: whether the image of that name is safe ([`SAFE`], [`UNSAFE`], or an error). Read as a byte,
/// because the upper bits of a C `_Bool` or Go `bool` in a register are undefined.
pub type LevelOne = unsafe extern "C" fn(image: *const c_char) -> u8;

/// Level 2: where the descriptor is.
pub type LevelTwo = unsafe extern "C" fn() -> *const Descriptor;

/// What the host offers to a plugin (`sd_host`).
#[repr(C)]
#[derive(Debug)]
pub struct HostTable {
    /// Bytes of this structure that are there.
    pub size: u32,
    /// The host's [`ABI_MAJOR`].
    pub abi_major: u16,
    /// The host's [`ABI_MINOR`].
    pub abi_minor: u16,
    /// The first argument of the functions below.
    pub host: *mut c_void,
    /// Writes a line into the log.
    pub log: unsafe extern "C" fn(host: *mut c_void, level: u8, text: Bytes),
    /// Asks the daemon; returns its status, or a negative number.
    pub docker_get: unsafe extern "C" fn(
        host: *mut c_void,
        path: Bytes,
        timeout_ms: u32,
        body: *mut Bytes,
    ) -> c_int,
    /// Gives a body back.
    pub host_free: unsafe extern "C" fn(host: *mut c_void, body: Bytes),
}

/// A verdict as it crosses the boundary (`sd_verdict`).
#[repr(C)]
#[derive(Debug)]
pub struct RawVerdict {
    /// Bytes of this structure that are there; set by the host.
    pub size: u32,
    /// [`ALLOW`], [`DENY`], [`ERROR`].
    pub code: u32,
    /// UTF-8.
    pub reason: Bytes,
    /// The digest that was judged, if the plugin says so.
    pub pin: Bytes,
    /// For how long the verdict may be kept, in seconds; 0: it may not.
    pub ttl_s: u32,
}

impl RawVerdict {
    /// What a host hands over to be filled in.
    pub const EMPTY: Self =
        Self { size: SIZE_OF_VERDICT, code: 0, reason: Bytes::NONE, pin: Bytes::NONE, ttl_s: 0 };
}

/// What a plugin is (`sd_plugin`).
#[repr(C)]
#[derive(Debug)]
pub struct Descriptor {
    /// [`MAGIC`].
    pub magic: u32,
    /// Bytes of this structure that are there.
    pub size: u32,
    /// The [`ABI_MAJOR`] that the plugin was built for.
    pub abi_major: u16,
    /// The [`ABI_MINOR`] that the plugin was built for.
    pub abi_minor: u16,
    /// [`CONCURRENT`], [`BY_DIGEST`], [`BY_NAME`].
    pub flags: u32,
    /// NUL-terminated.
    pub name: *const c_char,
    /// NUL-terminated.
    pub version: *const c_char,
    /// Called once.
    pub open: Option<OpenFn>,
    /// Judges one request.
    pub process: Option<ProcessFn>,
    /// Frees what is in a verdict.
    pub release: Option<ReleaseFn>,
    /// Called at most once, when no call is under way.
    pub close: Option<CloseFn>,
}

/// `open` of a [`Descriptor`].
pub type OpenFn = unsafe extern "C" fn(
    host: *const HostTable,
    config_json: Bytes,
    state: *mut *mut c_void,
    why_not: *mut RawVerdict,
) -> c_int;
/// `process` of a [`Descriptor`].
pub type ProcessFn =
    unsafe extern "C" fn(state: *mut c_void, request_json: Bytes, out: *mut RawVerdict) -> c_int;
/// `release` of a [`Descriptor`].
pub type ReleaseFn = unsafe extern "C" fn(state: *mut c_void, out: *mut RawVerdict);
/// `close` of a [`Descriptor`].
pub type CloseFn = unsafe extern "C" fn(state: *mut c_void);

#[expect(unsafe_code, reason = "a descriptor is read by the host from every thread")]
// SAFETY: a descriptor is never written after it was made, and what it points to is static.
unsafe impl Sync for Descriptor {}

#[expect(unsafe_code, reason = "a plugin keeps the table and calls it from every thread")]
// SAFETY: a table is never written after it was made, and its functions may be called from any thread.
unsafe impl Sync for HostTable {}

/// The size of a [`RawVerdict`] as this version has it.
pub const SIZE_OF_VERDICT: u32 = size_of::<RawVerdict>() as u32;
/// The size of a [`Descriptor`] as this version has it.
pub const SIZE_OF_DESCRIPTOR: u32 = size_of::<Descriptor>() as u32;
/// The size of a [`HostTable`] as this version has it.
pub const SIZE_OF_HOST_TABLE: u32 = size_of::<HostTable>() as u32;
