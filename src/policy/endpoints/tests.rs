#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use proptest::prelude::*;

use super::*;

fn entry(text: &str) -> EndpointEntry {
    EndpointEntry::parse(text).unwrap()
}

fn rules(otherwise: Otherwise, allow: &[&str], deny: &[&str]) -> EndpointRules {
    let read = |texts: &[&str]| texts.iter().map(|text| entry(text)).collect();
    EndpointRules { otherwise, allow: read(allow), deny: read(deny) }
}

/// An image whose name has a slash.
fn inspect_image(method: &str) -> Operation<'_> {
    Operation::named(method, "/images/", "team/app", "/json")
}

#[test]
fn a_star_is_one_name_whatever_is_in_it() {
    for (text, allowed) in [
        ("GET /images/*/json", true),
        ("GET|HEAD /images/*/json", true),
        ("* /images/*/json", true),
        ("GET /images/team*/json", true),
        ("GET /images/t*m/*p/json", true),
        ("GET /images/t*/b*p/json", false),
        ("GET /images/t*/*", true),
        ("GET /images/t*/app/json", true),
        ("GET /images/team/*/json", true),
        ("GET /images/team/*/*", true),
        ("GET /images/team/app/*/json", false),
        ("GET /images/team", false),
        ("GET /images/team/**", true),
        ("GET /images/tea/**", false),
        ("GET /images/team/app/**", true),
        ("GET /images/team/app/history/**", false),
        ("GET /images/team/app/json/**", true),
        ("GET /images/*", false),
        ("GET /images/*/*", true),
        ("GET /images/*/*/json", true),
        ("GET /images/team/app/json", true),
        ("GET /images/*/json/*", false),
        ("GET /images/*/j*n", true),
        ("GET /images/**", true),
        ("GET /images/*/json/**", true),
        ("GET /**", true),
        ("GET /", false),
        ("POST /images/*/json", false),
        ("GET /images/*/Json", false),
    ] {
        assert_eq!(entry(text).allows(&inspect_image("GET")), allowed, "{text}");
    }
}

#[test]
fn all_below_a_path_is_the_path_too() {
    let swarm = Operation::unnamed("GET", "/swarm");
    let below = Operation::unnamed("GET", "/swarm/unlockkey");
    let beside = Operation::unnamed("GET", "/swarms");
    let entry = entry("* /swarm/**");
    assert_eq!([swarm, below, beside].map(|asked| entry.allows(&asked)), [true, true, false]);
}

#[test]
fn what_allows_reads_to_the_letter_and_what_denies_generously() {
    let table = [
        // entry, method, path, allows, denies
        ("GET /images/*/new", "GET", "/images/a/new", true, true),
        ("GET /images/*/new", "GET", "/images/a/b/new", false, true),
        ("GET /images/*/new", "get", "/images/a/b/new", false, true),
        ("GET /images/*/new", "get", "/images/a/new", false, true),
        ("* /images/*/new", "get", "/images/a/new", true, true),
        ("GET /images/*", "GET", "/images/a/new", false, true),
        ("GET /images/**", "GET", "/images", true, true),
        ("GET /images/**", "GET", "/imagesx", false, false),
        ("* /**", "OPTIONS", "*", true, true),
        ("GET /**", "OPTIONS", "*", false, false),
        ("GET /images/*/new", "GET", "/images/a/new/old", false, false),
    ];
    for (text, method, path, allows, denies) in table {
        let (entry, asked) = (entry(text), Operation::unknown(method, path));
        assert_eq!(
            (entry.allows(&asked), entry.denies(&asked)),
            (allows, denies),
            "{text} {asked}"
        );
    }
    // Where the daemon's own routes are known, nobody has to guess.
    assert!(!entry("GET /images/*").denies(&inspect_image("GET")));
    assert!(entry("GET /images/*/json").denies(&inspect_image("get")));
}

#[test]
fn denied_beats_allowed_and_the_rest_gets_the_default() {
    let open = rules(Otherwise::Allow, &[], &["POST /containers/*/exec"]);
    let closed = rules(Otherwise::Deny, &["* /containers/**"], &["POST /containers/*/exec"]);
    let exec = Operation::named("POST", "/containers/", "a", "/exec");
    let list = Operation::unnamed("GET", "/containers/json");
    let info = Operation::unnamed("GET", "/info");
    let said = |rules: &EndpointRules, asked| rules.violated(&asked).map(|found| found.to_string());
    let denied =
        "forbidden: POST /containers/a/exec (rule \"endpoints: deny POST /containers/*/exec\")";
    let missing = "forbidden: GET /info (rule \"endpoints: default deny\")";
    assert_eq!(said(&open, exec).as_deref(), Some(denied));
    assert_eq!(said(&closed, exec).as_deref(), Some(denied));
    assert_eq!((said(&open, list), said(&closed, list)), (None, None));
    assert_eq!((said(&open, info), said(&closed, info).as_deref()), (None, Some(missing)));
    assert!(open.can_deny() && closed.can_deny() && !EndpointRules::default().can_deny());
}

#[test]
fn text_of_the_client_passes_for_none_of_ours() {
    let asked = Operation::unknown("GET", "/x (rule \"y\"); POST /z");
    let found = rules(Otherwise::Deny, &[], &[]).violated(&asked).unwrap().to_string();
    let shown =
        "forbidden: GET \"/x (rule \\\"y\\\"); POST /z\" (rule \"endpoints: default deny\")";
    assert_eq!(found, shown);
}

#[test]
fn entries_that_could_never_match_are_refused() {
    let no_form = "is not a method and a path, such as GET /containers/json";
    for (text, why) in [
        ("", no_form),
        ("/events", no_form),
        ("GET", no_form),
        ("GET /events POST", no_form),
        ("get /events", "begins with no method: capitals, several joined by |, or * for all"),
        ("GET| /events", "begins with no method: capitals, several joined by |, or * for all"),
        ("GET|* /events", "begins with no method: capitals, several joined by |, or * for all"),
        ("GET events", "has a path that does not begin with /"),
        ("GET http://d/events", "has a path that does not begin with /"),
        ("GET /v1.41/events", "names an API version: leave it out, every version is meant"),
        ("GET /v1", "names an API version: leave it out, every version is meant"),
        ("GET /events?since", {
            "has parameters that are not name=value, joined by &, as they are once decoded"
        }),
        ("GET /%65vents", "has a character that no path has once it is decoded"),
        ("GET /events/", "has a path with an empty segment, or with . or .. in it"),
        ("GET //events", "has a path with an empty segment, or with . or .. in it"),
        ("GET /a/../events", "has a path with an empty segment, or with . or .. in it"),
        ("GET /**/events", "has ** before the end of its path"),
        ("GET /containers/a**", "has ** before the end of its path"),
        ("GET /**/**", "has ** before the end of its path"),
    ] {
        let said = EndpointEntry::parse(text).unwrap_err().to_string();
        assert_eq!(said, format!("`{text}` {why}"));
    }
    for text in ["GET /", "* /**", "GET /volumes", "GET  /v", "PURGE|GET /volumes/*/x.y_z-1:2@3"] {
        assert_eq!(entry(text).as_str(), text);
    }
}

#[test]
fn a_slip_of_the_pen_concerns_nothing() {
    let kind = Operation::named("POST", "/containers/", "a", "/exec");
    for (text, concerned) in [
        ("POST /containers/*/exec", true),
        ("POST /containers/web-*/exec", true),
        ("* /containers/**", true),
        ("POST /containers/team/web/exec", true),
        ("POST /container/*/exec", false),
        ("POST /containers/*/exe", false),
        ("POST /containers/*", false),
        ("GET /containers/*/exec", false),
    ] {
        assert_eq!(entry(text).concerns(&kind), concerned, "{text}");
    }
}

#[test]
fn long_paths_are_matched_in_time_that_grows_with_them() {
    let path = format!("/{}", "a".repeat(64 * 1024));
    let pattern = format!("GET /{}b", "a*".repeat(500));
    let asked = Operation::unknown("GET", &path);
    for _ in 0..200 {
        assert!(!entry(&pattern).denies(&asked));
    }
}

proptest! {
    #[test]
    fn matching_is_what_it_says(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
        fn naive(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern, text) {
                ([], []) => true,
                ([b'*', rest @ ..], _) => (0..=text.len()).any(|at| naive(rest, text.split_at(at).1)),
                ([p, pattern @ ..], [t, text @ ..]) => p == t && naive(pattern, text),
                _ => false,
            }
        }
        prop_assert_eq!(matches(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
    }
}
