/// Why a context can't be read.
pub(crate) type Unreadable = &'static str;
