//! JSON that stands in a string of something else: parameters of a build, a seccomp profile.

use super::reasons::{ENVIRONMENT, IMAGE, INSIDE, NAMED, SECURITY_OPTION};
use super::table::{Kind, Struct, TEXT_MAP, TEXTS, fields};

/// A seccomp profile given inline, as far as a decision needs it.
pub static SECCOMP_PROFILE: Struct = Struct::new(fields! {
    "defaultAction": Kind::Text, SECURITY_OPTION;
});

/// Parameters of `POST /build` that are JSON in themselves, as if they were fields of one object.
pub static BUILD: Struct = Struct::new(fields! {
    "BuildArgs": TEXT_MAP, ENVIRONMENT;
    "CacheFrom": TEXTS, IMAGE;
    "Outputs": Kind::List(&Kind::Struct(&BUILD_OUTPUT)), INSIDE;
});

static BUILD_OUTPUT: Struct = Struct::new(fields! {
    "Type": Kind::Text, NAMED;
    "Attrs": TEXT_MAP, IMAGE;
});
