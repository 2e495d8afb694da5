#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::docker::Endpoint;
use std::collections::HashSet;

fn assert_sound(table: &Struct) {
    let mut names = HashSet::new();
    for (position, field) in table.fields().iter().enumerate() {
        assert!(field.name.is_ascii(), "{}", field.name);
        assert!(names.insert(folded(field.name)), "{} twice", field.name);
        for spelling in
            [field.name.to_owned(), field.name.to_uppercase(), field.name.to_lowercase()]
        {
            assert_eq!(table.field(&spelling).unwrap().0, position, "{spelling}");
        }
        assert_sound_kind(&field.kind);
    }
}

fn assert_sound_kind(kind: &Kind) {
    match kind {
        Kind::Struct(inner) => assert_sound(inner),
        Kind::List(inner) | Kind::Map(inner) => assert_sound_kind(inner),
        Kind::Any | Kind::Bool | Kind::Text | Kind::Integer(_) | Kind::TextOrList => (),
    }
}

#[test]
fn every_field_is_found_in_any_case_and_no_two_fold_together() {
    for table in
        Endpoint::ALL.into_iter().filter_map(Endpoint::fields).chain([&BUILD, &SECCOMP_PROFILE])
    {
        assert_sound(table);
    }
}

#[test]
fn folds_as_go_does() {
    for (key, name) in [
        ("hostconfig", Some("HostConfig")),
        ("Ho\u{17F}tConfig", Some("HostConfig")),
        ("maskedpath\u{17F}", Some("MaskedPaths")),
        ("Mas\u{212A}edPaths", Some("MaskedPaths")),
        ("HostConfig ", None),
        ("HostC\u{F6}nfig", None),
        ("\u{130}mage", None),
        ("", None),
        ("HostConfigHostConfig", None),
    ] {
        assert_eq!(CREATE.field(key).map(|(_, field)| field.name), name, "{key}");
    }
}
