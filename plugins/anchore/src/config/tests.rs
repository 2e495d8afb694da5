#![expect(clippy::unwrap_used, reason = "a failed test should say where")]
use super::*;

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(text, Path::new("/nowhere"))
}

#[test]
fn the_go_tools_configuration_means_what_it_meant() {
    let go = "url: \"http://localhost:8228\"\nusername: \"admin\"\npassword: \"foobar\"\n\
              amountvulns: 5\n";
    for text in [go.to_owned(), go.replace("amountvulns: 5", "amountvulns: \"5\"")] {
        let settings = parse(&text).unwrap();
        assert_eq!(settings.server.base(), "http://localhost:8228");
        assert_eq!(settings.limits, Limits { all: Some(5), ..Limits::default() });
        assert_eq!(settings.mode, Mode::Count);
    }
    assert_eq!(parse("url: http://x").unwrap().limits.all, Some(0));
}

#[test]
fn the_example_is_a_configuration() {
    let text = include_str!("../../config.yml");
    let settings = Settings::parse(text, Path::new(".")).unwrap();
    assert_eq!(settings.limits.all, Some(5));
    // With every key that it only mentions, too.
    let all: String =
        text.lines().map(|line| format!("{}\n", line.trim_start_matches("#= "))).collect();
    let error = Settings::parse(&all, Path::new("/nowhere")).unwrap_err();
    assert!(error.contains("/nowhere/anchore-ca.pem"), "{error}");
}

#[test]
fn mistakes_are_named() {
    for (text, said) in [
        ("", "url"),
        ("url: http://x\nusernam: a", "usernam"),
        ("url: http://x\namountvulns: many", "amountvulns: "),
        ("url: http://x\namountvulns: many", "whole number of at least 0 at line 2"),
        ("url: http://x\nseverity: huge", "severity: `huge` is not a severity"),
        ("url: http://x\nseverity: huge", "at line 2"),
        ("url: http://x\nlimits:\n  hihg: 1", "at line 3"),
        ("url: http://x\ntimeout_s: 0", "from 1 to 86400 seconds at line 2"),
        ("amountvulns: 0\nurl: ftp://x", "url: `ftp://x` does not begin with"),
        ("amountvulns: 0\nurl: ftp://x", "at line 2"),
        ("url: http://x\namountvulns: -1", "whole number"),
        ("url: x", "url: "),
        ("url: http://x\nusername: a", "without a password"),
        ("url: http://x\npassword: a", "without a username"),
        ("url: http://x\nseverity: bad", "`bad` is not a severity"),
        ("url: http://x\nlimits: {high: many}", "limits.high: "),
        ("url: http://x\nlimits: {high: many}", "expected a whole number"),
        ("url: http://x\nlimits: {hihg: 1}", "hihg"),
        ("url: http://x\nmode: all", "mode"),
        ("url: http://x\napi: v3", "api"),
        ("url: http://x\ninsecure_tls: sure", "insecure_tls"),
        ("url: http://x\ntimeout_s: 0", "timeout_s"),
        ("url: http://x\nmode: policy\namountvulns: 3", "mode: policy"),
        ("url: http://x\non_error: ignore", "on_error"),
        ("url: http://x\nca_file: none.pem", "ca_file: cannot read /nowhere/none.pem"),
        ("- url", "sequence, expected keys with values"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn no_setting_shows_the_password() {
    let settings = parse("url: http://x\nusername: a\npassword: hunter2").unwrap();
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("Basic"), "{shown}");
}
