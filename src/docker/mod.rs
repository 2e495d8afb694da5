//! How the Docker daemon reads a request: which operation and endpoint it is, what its fields and parameters mean, and
//! what its tar bodies hold. Bytes in, values out; knows no effect beyond the stance of each field.

pub mod answers;
pub(crate) mod base64;
pub(crate) mod context;
mod endpoint;
pub mod head;
pub mod json;
pub mod operations;
pub mod routes;
pub mod schema;

pub use endpoint::Endpoint;
pub use head::{HeadRefusal, check_head};
pub use operations::{Access, FormBody, OddTarget, access};
pub use routes::{Route, RouteError, changes_images, changes_volumes, classify};
