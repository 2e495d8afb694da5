//! What is read, what is refused, and that nothing is lost on the way through.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod unknown;

use proptest::prelude::*;

use super::*;
use crate::docker::schema::{CREATE, Struct};

fn written(object: &Object) -> String {
    let mut out = Vec::new();
    object.write(&mut out);
    String::from_utf8(out).unwrap()
}

fn rewritten(body: &str) -> String {
    written(&read(body.as_bytes(), &CREATE).unwrap())
}

fn refused(body: impl AsRef<[u8]>) -> String {
    read(body.as_ref(), &CREATE).unwrap_err().to_string()
}

#[test]
fn one_spelling_comes_out() {
    for (body, expected) in [
        ("{}", "{}"),
        (r#" { "image" : "x" } "#, r#"{"Image":"x"}"#),
        (r#"{"HOSTCONFIG":{"privileged":true}}"#, r#"{"HostConfig":{"Privileged":true}}"#),
        ("{\"Ho\u{17F}tConfig\":null}", r#"{"HostConfig":null}"#),
        (
            r#"{"Ho\u017ftConfig":{"Mas\u212aedPath\u017f":[]}}"#,
            r#"{"HostConfig":{"MaskedPaths":[]}}"#,
        ),
        (r#"{"\u0049mage":"x"}"#, r#"{"Image":"x"}"#),
        (r#"{"Labels":{"a":"1","A":"2"}}"#, r#"{"Labels":{"a":"1","A":"2"}}"#),
        (r#"{"Cmd":"a b"}"#, r#"{"Cmd":"a b"}"#),
        (r#"{"Cmd":["a",null]}"#, r#"{"Cmd":["a",null]}"#),
        (
            r#"{"Image":null,"Memory":null,"Env":null}"#,
            r#"{"Image":null,"Memory":null,"Env":null}"#,
        ),
        (r#"{"Memory":-0}"#, r#"{"Memory":-0}"#),
        (r#"{"Memory":-9223372036854775808}"#, r#"{"Memory":-9223372036854775808}"#),
        (
            r#"{"HostConfig":{"portbindings":{"80/tcp":[{"hostip":"","HOSTPORT":"22"}]}}}"#,
            r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"22"}]}}}"#,
        ),
    ] {
        assert_eq!(rewritten(body), expected, "{body}");
    }
}

#[test]
fn unknown_fields_keep_their_values() {
    for body in [
        r#"{"Future":{"a":[1,2.50,-1e-3,12345678901234567890123456789.0],"A":null,"":{}}}"#,
        r#"{"Labels":{"":"","\u0001":"\"\\\n"}}"#,
        r#"{"HostConfig":{"Future":1e+400}}"#,
        r#"{"Future":[-0,0,18446744073709551616,-9223372036854775809,-0.0,0e-0]}"#,
        r#"{"x":"ſ","y":"😀"}"#,
    ] {
        assert_eq!(rewritten(body), body);
    }
}

/// serde_json announces numbers as objects with this key.
#[test]
fn the_mark_of_numbers_is_an_ordinary_key() {
    for body in [
        r#"{"x":{"$serde_json::private::Number":"1"}}"#,
        r#"{"x":{"$serde_json::private::Number":"1,\"Image\":\"y\""}}"#,
        r#"{"x":{"$serde_json::private::Number":1}}"#,
        r#"{"x":{"a":1,"$serde_json::private::Number":"1"}}"#,
        r#"{"x":{"$serde_json::private::RawValue":"1"}}"#,
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"Labels":{"$serde_json::private::Number":"1"}}"#,
    ] {
        assert_eq!(rewritten(body), body);
    }
    assert_eq!(
        rewritten(r#"{"x":{"\u0024serde_json::private::Number":"1"}}"#),
        r#"{"x":{"$serde_json::private::Number":"1"}}"#
    );
    let body = r#"{"Memory":{"$serde_json::private::Number":"1"}}"#;
    assert_eq!(refused(body), "Memory: expected an integer, got an object");
}

#[test]
fn what_the_daemon_would_merge_or_refuse_is_refused() {
    for (body, reason) in [
        ("", "the body is empty"),
        (" \n", "the body is empty"),
        ("null", "expected an object, got null"),
        ("[]", "expected an object, got a list"),
        ("\"x\"", "expected an object, got a string"),
        ("1", "expected an object, got a number"),
        (r#"{"Image":"x","Image":"x"}"#, "Image: given more than once"),
        (r#"{"Image":"x","image":"y"}"#, "Image: given more than once"),
        (r#"{"HostConfig":{},"hostconfig":{}}"#, "HostConfig: given more than once"),
        ("{\"HostConfig\":{},\"Ho\u{17F}tConfig\":{}}", "HostConfig: given more than once"),
        (
            r#"{"HostConfig":{"Privileged":true,"privileged":false}}"#,
            "HostConfig.Privileged: given more than once",
        ),
        (r#"{"Memory":1,"\u004demory":2}"#, "Memory: given more than once"),
        (r#"{"Labels":{"a":"1","a":"1"}}"#, "Labels[a]: given more than once"),
        (r#"{"Future":{"a":1,"a":1}}"#, "Future.a: given more than once"),
        (r#"{"Future":1,"Future":1}"#, "Future: given more than once"),
        (
            r#"{"HostConfig":{"Mounts":[{},{"Type":"x","type":"y"}]}}"#,
            "HostConfig.Mounts[1].Type: given more than once",
        ),
        (
            r#"{"HostConfig":{"Privileged":"true"}}"#,
            "HostConfig.Privileged: expected a boolean, got a string",
        ),
        (
            r#"{"HostConfig":{"Privileged":1}}"#,
            "HostConfig.Privileged: expected a boolean, got a number",
        ),
        (r#"{"HostConfig":[]}"#, "HostConfig: expected an object, got a list"),
        (r#"{"Image":{}}"#, "Image: expected a string, got an object"),
        (r#"{"Env":"A=b"}"#, "Env: expected a list, got a string"),
        (r#"{"Env":["a",1]}"#, "Env[1]: expected a string, got a number"),
        (r#"{"Cmd":["a",{}]}"#, "Cmd[1]: expected a string, got an object"),
        (r#"{"Cmd":true}"#, "Cmd: expected a string or a list of strings, got a boolean"),
        (r#"{"Volumes":{"/x":1}}"#, "Volumes[/x]: expected an object, got a number"),
        (r#"{"Memory":"1"}"#, "Memory: expected an integer, got a string"),
        (r#"{"Memory":1.0}"#, "Memory: expected an integer without fraction or exponent"),
        (r#"{"Memory":1e9}"#, "Memory: expected an integer without fraction or exponent"),
        (r#"{"Memory":9223372036854775808}"#, "Memory: the number is out of range"),
        (r#"{"BlkioWeight":65536}"#, "BlkioWeight: the number is out of range"),
        (r#"{"BlkioWeight":-0}"#, "BlkioWeight: the number is out of range"),
        (r#"{"Labels":{"\n\"":1}}"#, r#"Labels[\n\"]: expected a string, got a number"#),
    ] {
        assert_eq!(refused(body), reason, "{body}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for body in [
        &b"{"[..],
        b"{}x",
        b"{}{}",
        b"{} null",
        b"{\"a\":01}",
        b"{\"a\":+1}",
        b"{\"a\":.5}",
        b"{\"a\":NaN}",
        b"{\"a\":1,}",
        b"{a:1}",
        b"{'a':1}",
        b"{\"a\":[1 2]}",
        b"\xEF\xBB\xBF{}",
        b"{\xFF\"a\":1}",
        b"{\"a\":1}\xFF",
        b"\\ud800{}",
        b"{\"a\":\"\n\"}",
        b"{\"a\":\"\\x\"}",
        b"{\"a\":1}\0",
        b"/**/{}",
    ] {
        let reason = refused(body);
        assert!(reason.contains("not valid JSON"), "{reason} {}", body.escape_ascii());
    }
}

#[test]
fn bytes_that_are_no_text_become_what_go_makes_of_them() {
    for (body, expected) in [
        (&b"{\"Env\":[\"A=J\xF6rg\"]}"[..], "{\"Env\":[\"A=J\u{fffd}rg\"]}"),
        (b"{\"Labels\":{\"a\xE2\x82\":\"\"}}", "{\"Labels\":{\"a\u{fffd}\u{fffd}\":\"\"}}"),
        (b"{\"a\":\"\\udc00\\ud800\"}", "{\"a\":\"\u{fffd}\u{fffd}\"}"),
        (b"{\"a\\ud800\":1}", "{\"a\u{fffd}\":1}"),
        (b"{\"x\":\"\\ud83d\\ude00\"}", "{\"x\":\"\u{1f600}\"}"),
    ] {
        let body = read(body, &CREATE).unwrap();
        assert_eq!(written(&body), expected);
    }
    // Keys that become one are one key that is given twice.
    assert!(
        refused(b"{\"Labels\":{\"\xF6\":\"\",\"\xFC\":\"\"}}").ends_with("given more than once")
    );
}

#[test]
fn keys_that_no_field_has_are_left_out_where_they_fold_into_one() {
    for (body, expected) in [
        (r#"{"name":"a","Name":"b","Image":"x"}"#, r#"{"Image":"x"}"#),
        (
            r#"{"Image":"x","name":1,"y":2,"NAME":{},"Tty":true}"#,
            r#"{"Image":"x","y":2,"Tty":true}"#,
        ),
        (r#"{"Labels":{"name":"","Name":""}}"#, r#"{"Labels":{"name":"","Name":""}}"#),
        (r#"{"Future":{"name":1,"Name":2}}"#, r#"{"Future":{"name":1,"Name":2}}"#),
    ] {
        assert_eq!(rewritten(body), expected, "{body}");
    }
    // Those behind them are still found.
    let mut fields: Vec<_> =
        CREATE.fields().iter().map(|field| format!("\"{}\":null", field.name)).collect();
    fields.insert(0, r#""new":1,"New":2"#.to_owned());
    let mut object = read(format!("{{{}}}", fields.join(",")).as_bytes(), &CREATE).unwrap();
    object.set("User", "1000".to_owned().into());
    assert_eq!((object.text("User"), object.get("Memory")), (Some("1000"), Some(&Node::Null)));
    assert!(refused(r#"{"name":1,"name":2}"#).ends_with("given more than once"));
}

#[test]
fn depth_is_bounded_everywhere() {
    let nested = |depth: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(read(nested(DEPTH_MAX - 1).as_bytes(), &CREATE).is_ok());
    for depth in [DEPTH_MAX, DEPTH_MAX + 1, 200, 100_000] {
        let reason = refused(nested(depth));
        assert!(reason.ends_with("too many objects and lists inside one another"), "{depth}");
    }
    assert!(read(&b"{\"x\":".repeat(100_000), &CREATE).is_err());
}

#[test]
fn entries_are_found_replaced_moved_and_taken() {
    let mut object = read(br#"{"Image":"x","Memory":5,"Privileged":true}"#, &CREATE).unwrap();
    object.set("Memory", 7.into());
    object.set("User", "1000".to_owned().into());
    object.object_mut("HostConfig").set("NanoCpus", 1.into());
    assert_eq!(object.take("Privileged"), Some(Node::Bool(true)));
    assert_eq!(object.integer("Memory"), 7);
    let moved = object.split_off(|key| key == "Memory");
    assert_eq!(written(&moved), r#"{"Memory":7}"#);
    assert_eq!(written(&object), r#"{"Image":"x","User":"1000","HostConfig":{"NanoCpus":1}}"#);
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Node::Null),
        any::<bool>().prop_map(Node::Bool),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,9})?(e[-+][0-9]{1,4})?"
            .prop_map(|digits| Node::Number(Number::Digits(digits.into()))),
        any::<String>().prop_map(Node::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Node::List),
            prop::collection::btree_map(any_key(), inner, 0..8).prop_map(|map| {
                let entries = map.into_iter().map(|(key, node)| (Key::Other(key.into()), node));
                Node::Object(Object { entries: entries.collect(), places: None })
            }),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just("$serde_json::private::Number".to_owned())]
}

/// A field's name with the case of some letters changed, and `s` and `k` perhaps beyond ASCII.
fn spelling(name: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(0..3_u8, name.len()).prop_map(|choices| {
        let respell = |(letter, choice): (char, u8)| match (letter.to_ascii_lowercase(), choice) {
            ('s', 2) => 'ſ',
            ('k', 2) => '\u{212A}',
            (lower, 1) => lower,
            _ => letter.to_ascii_uppercase(),
        };
        name.chars().zip(choices).map(respell).collect()
    })
}

fn any_field() -> impl Strategy<Value = (&'static str, String, String)> {
    prop::sample::select(CREATE.fields())
        .prop_flat_map(|field| (Just(field.name), spelling(field.name), spelling(field.name)))
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&body, &CREATE);
    }

    #[test]
    fn json_like_text_is_read_or_refused(body in "[\\[\\]{}:,\"a-eIimage0-9.\\\\u ]{0,200}") {
        if let Ok(object) = read(body.as_bytes(), &CREATE) {
            prop_assert_eq!(read(written(&object).as_bytes(), &CREATE).unwrap(), object);
        }
    }

    #[test]
    fn any_value_comes_through_unchanged(node in any_node()) {
        let entries = vec![(Key::Other("Future".to_owned().into()), node)];
        let object = Object { entries, places: None };
        prop_assert_eq!(read(written(&object).as_bytes(), &CREATE).unwrap(), object);
    }

    #[test]
    fn any_spelling_is_the_field((name, one, other) in any_field()) {
        let object = read(format!("{{\"{one}\":null}}").as_bytes(), &CREATE).unwrap();
        prop_assert_eq!(object.get(name), Some(&Node::Null));
        let twice = read(format!("{{\"{one}\":null,\"{other}\":null}}").as_bytes(), &CREATE);
        prop_assert_eq!(twice.unwrap_err().fault, Fault::Repeated);
    }

    #[test]
    fn a_key_repeated_anywhere_is_refused(
        others in prop::collection::hash_set("[a-z]{1,6}", 0..40),
        at in any::<prop::sample::Index>(),
    ) {
        let mut keys: Vec<_> = others.into_iter().filter(|key| key != "twice").collect();
        keys.insert(at.index(keys.len() + 1), "twice".to_owned());
        keys.push("twice".to_owned());
        let entries: Vec<_> = keys.iter().map(|key| format!("\"{key}\":\"\"")).collect();
        for place in ["Labels", "Future"] {
            let body = format!("{{\"{place}\":{{{}}}}}", entries.join(","));
            prop_assert_eq!(read(body.as_bytes(), &CREATE).unwrap_err().fault, Fault::Repeated);
        }
    }
}

/// What may be done to an object after it was read.
#[derive(Debug, Clone)]
enum Deed {
    Set(&'static str),
    Take(&'static str),
    Nest(&'static str),
    SplitOff(char),
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let name = prop::sample::select(CREATE.fields()).prop_map(|field| field.name);
    prop_oneof![
        name.clone().prop_map(Deed::Set),
        name.clone().prop_map(Deed::Take),
        name.prop_map(Deed::Nest),
        prop::char::range('A', 'Z').prop_map(Deed::SplitOff),
    ]
}

proptest! {
    /// Large objects have an index, small ones none: both find what stands in them, whatever was
    /// moved, and nothing else.
    #[test]
    fn every_field_is_found_where_it_is(
        names in prop::sample::subsequence(CREATE.fields(), 0..40).prop_shuffle(),
        deeds in prop::collection::vec(any_deed(), 0..12),
    ) {
        let entries: Vec<_> = names.iter().map(|field| format!("\"{}\":null", field.name)).collect();
        let mut object = read(format!("{{{}}}", entries.join(",")).as_bytes(), &CREATE).unwrap();
        for deed in deeds {
            match deed {
                Deed::Set(name) => object.set(name, Node::Bool(true)),
                Deed::Take(name) => drop(object.take(name)),
                Deed::Nest(name) => drop(object.object_mut(name)),
                Deed::SplitOff(letter) => drop(object.split_off(|name| name.starts_with(letter))),
            }
            for field in CREATE.fields() {
                let searched = object.entries.iter().find(|(key, _)| key.as_str() == field.name);
                prop_assert_eq!(object.get(field.name), searched.map(|(_, node)| node));
            }
            let twice = object.iter().filter(|(name, _)| object.iter().filter(|(other, _)| name == other).count() > 1);
            prop_assert_eq!(twice.count(), 0);
        }
    }

    /// An integer is read in two ways, which agree.
    #[test]
    fn integers_are_what_their_text_says(digits in "-?(0|[1-9][0-9]{0,20})", place in 0..3_usize) {
        let name = ["Memory", "BlkioWeight", "Future"][place];
        let body = format!("{{\"{name}\":{digits}}}");
        let number: i128 = digits.parse().unwrap();
        let fits = match name {
            "Memory" => i64::try_from(number).is_ok(),
            "BlkioWeight" => u16::try_from(number).is_ok() && !digits.starts_with('-'),
            _ => true,
        };
        match read(body.as_bytes(), &CREATE) {
            Ok(object) => {
                prop_assert!(fits, "{}", digits);
                prop_assert_eq!(written(&object), body);
                prop_assert_eq!(object.get(name).unwrap().as_i64(), digits.parse().ok());
            }
            Err(error) => {
                prop_assert!(!fits, "{}", digits);
                prop_assert_eq!(error.fault, Fault::Range);
            }
        }
    }
}

#[test]
fn values_are_counted() {
    let body = |count: usize| format!("{{\"x\":[{}0]}}", "0,".repeat(count));
    assert!(read(body(1000).as_bytes(), &CREATE).is_ok());
    let error = read(body(crate::docker::json::VALUES_MAX).as_bytes(), &CREATE).unwrap_err();
    assert_eq!(error.fault, crate::docker::json::Fault::Values);
}
