//! Memory of the other side.
//!
//! One of the modules with `unsafe`: it looks at what pointers lead to.
#![expect(unsafe_code, reason = "pointers of the other side arrive here")]

use crate::abi::Bytes;

/// The bytes behind a pointer.
///
/// # Safety
/// They are valid for as long as the result is used.
pub(crate) unsafe fn slice<'a>(bytes: Bytes) -> &'a [u8] {
    if bytes.ptr.is_null() || bytes.len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len) }
}
