//! What a SecDocker plugin is written against.
//!
//! A plugin says whether an image may be used. It is a shared library (`crate-type = ["cdylib"]`) with one
//! type that implements [`Plugin`], and one line that makes it a plugin:
//!
//! ```
//! use secdocker_plugin::{ConfigFile, Host, OpenError, Plugin, Request, Verdict, export};
//!
//! struct OnlyOurs;
//!
//! impl Plugin for OnlyOurs {
//!     const NAME: &str = "only-ours";
//!     fn open(_config: &ConfigFile, _host: Host) -> Result<Self, OpenError> {
//!         Ok(Self)
//!     }
//!     fn process(&self, request: &Request<'_>) -> Verdict {
//!         match request.image().registry.as_deref() {
//!             Some("registry.example") => Verdict::allow(),
//!             other => Verdict::deny(format!("{other:?} is not our registry")),
//!         }
//!     }
//! }
//!
//! export!(OnlyOurs);
//! ```
//!
//! or, if a name is all that it takes, a function: `export!(fn is_safe)`, where `is_safe` takes a `&str` and
//! returns a `bool`.
//!
//! A panic does not pass the boundary: it is an error with its text. Build plugins with unwinding (the
//! default): with `panic = "abort"` a panic ends SecDocker.

pub mod abi;
#[doc(hidden)]
pub mod boundary;
mod config_file;
mod host;
mod memory;
mod plugin;
mod request;
pub mod testing;
mod verdict;

pub use config_file::ConfigFile;
pub use host::{Answer, GetError, Host, Level};
pub use plugin::{OpenError, Plugin, Scope};
pub use request::{Image, Request, RequestError};
pub use verdict::{Decision, Verdict};

/// Makes a library a plugin: `export!(Type)` for a [`Plugin`], or `export!(fn function)` for a function from
/// `&str`, the image's name as the client gave it, to `bool`, whether it is safe.
///
/// A type gets level 2 of the C interface, a function level 1, which knows neither a configuration nor what
/// the daemon says of the image.
#[macro_export]
macro_rules! export {
    (fn $judge:path) => {
        #[doc(hidden)]
        #[allow(non_snake_case, unsafe_code, reason = "the C interface asks for it")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn Process(image: *const ::std::ffi::c_char) -> u8 {
            // SAFETY: the C interface promises a string that ends with NUL.
            unsafe { $crate::boundary::process_name(image, $judge) }
        }
    };
    ($plugin:ty) => {
        #[doc(hidden)]
        #[allow(unsafe_code, reason = "the C interface asks for it")]
        #[unsafe(no_mangle)]
        pub extern "C" fn secdocker_plugin_v2() -> *const $crate::abi::Descriptor {
            static NAME: [u8; <$plugin as $crate::Plugin>::NAME.len() + 1] =
                $crate::boundary::terminated(<$plugin as $crate::Plugin>::NAME);
            static DESCRIPTOR: $crate::abi::Descriptor = $crate::boundary::descriptor::<$plugin>(
                &NAME,
                ::std::concat!(::std::env!("CARGO_PKG_VERSION"), "\0").as_bytes(),
            );
            &DESCRIPTOR
        }
    };
}
