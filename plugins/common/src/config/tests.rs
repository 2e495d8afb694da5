#![expect(clippy::unwrap_used, reason = "a failed test should say where")]
use super::*;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Keys {
    password: Option<Secret>,
    #[serde(default, deserialize_with = "number_or_text")]
    number: Option<u64>,
}

#[test]
fn numbers_and_secrets_in_the_spellings_that_yaml_has() {
    for (text, password, number) in [
        ("", None, None),
        ("password: foobar\nnumber: 5", Some("foobar"), Some(5)),
        ("password: 12345\nnumber: '5'", Some("12345"), Some(5)),
    ] {
        let read: Keys = parse(text).unwrap();
        assert_eq!((read.password.as_ref().map(Secret::reveal), read.number), (password, number));
    }
}

#[test]
fn mistakes_say_where_and_tell_no_secret() {
    for (text, said) in [
        ("pasword: x", "pasword"),
        ("number: -1", "whole number"),
        ("number: '+5'", "whole number"),
        ("number: ''", "whole number"),
        ("number: [5]", "whole number"),
        ("number: 99999999999999999999", "number"),
        ("password: a\nnumber: [", "line"),
        ("password: 1.25", "quotes"),
        ("password: -25", "quotes"),
        ("password: true", "quotes"),
        ("password: [hunter2]", "text"),
        ("number: 1\nnumber: 2", "duplicate"),
    ] {
        let error = parse::<Keys>(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
        assert!(!["1.25", "25", "hunter2"].iter().any(|s| error.contains(s)), "{error}");
    }
}

#[test]
fn a_secret_is_never_shown() {
    let secret = Secret::from("hunter2");
    assert!(
        !format!("{secret:?} {:?}", Keys { password: Some(secret.clone()), number: None })
            .contains("hunter2")
    );
}

#[test]
fn a_secret_comes_from_one_place() {
    let folder = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("pw"), "hunter2\n").unwrap();
    let file = Some(Path::new("pw"));
    let read = secret("password", None, file, &folder).unwrap().unwrap();
    assert_eq!(read.reveal(), "hunter2");
    assert!(secret("password", Some(read), file, &folder).unwrap_err().contains("both"));
    let missing = secret("password", None, Some(Path::new("none")), &folder).unwrap_err();
    assert!(missing.contains("password_file: cannot read"), "{missing}");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn without_a_limit_none_is_allowed() {
    assert_eq!(Limits::from(LimitKeys::default()).all, Some(0));
    let from = LimitKeys { from: Some(Severity::High), ..LimitKeys::default() };
    assert_eq!(Limits::from(from).all, Some(0));
    let of_severity = BTreeMap::from([(Severity::High, 2)]);
    let some = Limits::from(LimitKeys { of_severity, ..LimitKeys::default() });
    assert_eq!((some.all, some.is_empty()), (None, false));
}

#[test]
fn times_have_bounds() {
    assert_eq!(parse::<Seconds>("1"), Ok(Seconds(Duration::from_secs(1))));
    for wrong in ["0", "86401", "-1", "1.5", "1m"] {
        let error = parse::<Seconds>(wrong).unwrap_err();
        assert!(error.contains("from 1 to 86400 seconds"), "{wrong}: {error}");
    }
}
