//! Every attack of the corpus: first straight at a real Docker engine, where it must work, then
//! through SecDocker, which must refuse it and leave the engine as it was.
//!
//! `ATTACK=text cargo test --test attacks` runs only those with `text` in their name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

#[path = "attacks/mod.rs"]
mod corpus;
mod support;

use corpus::{endpoints, http};

macro_rules! tests {
    ($($test:ident: $attacks:path, $rules:expr;)*) => {
        $(#[test]
        fn $test() {
            corpus::run(stringify!($test));
        })*
    };
}
corpus::families!(tests);

/// A preset alone refuses a create, however it is written.
#[test]
fn endpoints_by_any_spelling() {
    corpus::straight_and_through(http::attacks(), endpoints::READ_ONLY);
}

#[test]
fn every_attack_has_a_name_of_its_own() {
    let mut names: Vec<_> = corpus::all().map(|attack| attack.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name given twice");
    assert!(count >= 100, "only {count} attacks");
    println!("{count} attacks");
}
