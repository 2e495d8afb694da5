//! Every state that Anchore, the image or the network can be in, and what follows from it.

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

mod support;

use std::time::Duration;

use secdocker_plugin_common::{Asked, LocalImage, Purpose};
use secdocker_plugin_testing::{Answer, Stub};
use serde_json::json;
use support::{Place, allowed, app, ask, denied, digest, engine, failed, named, odd_at};

const V1: &str = "api: v1\namountvulns: 5\n";

#[test]
fn an_analysed_image_is_counted() {
    for (low, high, fine) in [(0, 0, true), (5, 0, true), (3, 2, true), (3, 3, false)] {
        let stub = Stub::new(engine(1, &["analyzed"], low, high, "fail"));
        let answer = ask(&stub.url(), V1, &app());
        if fine {
            allowed(&answer)
        } else {
            denied(&answer, "6 vulnerabilities, limit 5")
        }
        assert_eq!(answer.0.ttl(), Duration::from_secs(600));
        assert_eq!(stub.lines().len(), 2);
        assert_eq!(answer.0.pin(), fine.then(|| digest('9')).as_deref());
    }
}

#[test]
fn limits_narrow_what_is_counted() {
    let stub = Stub::new(engine(1, &["analyzed"], 9, 2, "pass"));
    for (rest, refusal) in [
        ("amountvulns: 2\nseverity: high", None),
        ("amountvulns: 1\nseverity: high", Some("2 vulnerabilities from High upwards, limit 1")),
        ("amountvulns: 2\nonly_fixable: true", None),
        ("limits: {critical: 0, low: 9}", None),
        ("limits: {high: 1, low: 8}", Some("severity Low, limit 8; 2 vulnerabilities of severity")),
    ] {
        let answer = ask(&stub.url(), &format!("api: v1\n{rest}"), &app());
        match refusal {
            None => allowed(&answer),
            Some(said) => denied(&answer, said),
        }
    }
}

#[test]
fn the_policy_is_asked_if_configured() {
    for (mode, policy, low, refusal) in [
        ("policy", "pass", 99, None),
        ("policy", "fail", 0, Some("policy fails")),
        ("both", "pass", 0, None),
        ("both", "fail", 0, Some("policy fails")),
        ("both", "pass", 1, Some("1 vulnerabilities, limit 0")),
        ("both", "fail", 1, Some("limit 0; Anchore's policy fails")),
    ] {
        let stub = Stub::new(engine(1, &["analyzed"], low, 0, policy));
        let answer = ask(&stub.url(), &format!("api: v1\nmode: {mode}"), &app());
        match refusal {
            None => allowed(&answer),
            Some(said) => denied(&answer, said),
        }
        let check = stub.lines().into_iter().find(|line| line.contains("/check"));
        assert!(check.unwrap().ends_with("?tag=localhost%3A5055%2Fplugres%2Fapp%3A1&detail=false"));
    }
}

#[test]
fn an_analysis_is_waited_for_with_growing_pauses() {
    let states =
        &["not_analyzed", "not_analyzed", "analyzing", "analyzing", "analyzing", "analyzed"];
    let stub = Stub::new(engine(1, states, 0, 0, "pass"));
    let answer = ask(&stub.url(), V1, &app());
    allowed(&answer);
    let seconds: Vec<u64> = answer.1.waits().iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [1, 2, 4, 5, 5]);
    let poll = format!("GET /v1/images/{}", digest('9').replace(':', "%3A"));
    assert_eq!(stub.lines().iter().filter(|line| **line == poll).count(), 5);
}

#[test]
fn an_analysis_that_never_ends_is_answered_in_time() {
    let stub = Stub::new(engine(1, &["not_analyzed", "analyzing"], 0, 0, "pass"));
    let answer = ask(&stub.url(), V1, &app());
    denied(&answer, "analysis in progress, try again");
    assert_eq!(answer.0.ttl(), Duration::ZERO);
    let waited: Duration = answer.1.waits().iter().sum();
    assert!((54..60).contains(&waited.as_secs()), "{waited:?}");
    allowed(&ask(&stub.url(), &format!("{V1}on_pending: allow"), &app()));
}

#[test]
fn a_failed_analysis_is_an_error() {
    let stub = Stub::new(engine(1, &["analyzing", "analysis_failed"], 0, 0, "pass"));
    failed(&ask(&stub.url(), V1, &app()), "could not analyse");
    denied(&ask(&stub.url(), &format!("{V1}on_error: deny"), &app()), "could not analyse");
    allowed(&ask(&stub.url(), &format!("{V1}on_error: allow"), &app()));
}

#[test]
fn an_image_that_its_registry_lacks_is_refused() {
    let body = json!({"message": "cannot fetch image digest/manifest from registry", "httpcode": 400,
        "detail": {"error_codes": ["REGISTRY_IMAGE_NOT_FOUND"]}});
    let stub = odd_at(Place::Submit, Answer::json(400, &body));
    denied(&ask(&stub.url(), V1, &app()), "its registry has no localhost:5055/plugres/app:1");
    let body = json!({"httpcode": 400, "detail": {"error_codes": ["REGISTRY_NOT_ACCESSIBLE"]}});
    let stub = odd_at(Place::Submit, Answer::json(400, &body));
    failed(&ask(&stub.url(), V1, &app()), "400 when asked to analyse");
}

#[test]
fn errors_of_the_server_are_errors_wherever_they_come() {
    let not_analysed = json!({"message": "image is not analyzed - analysis_status: analyzing"});
    for place in [Place::Submit, Place::Vulnerabilities, Place::Check] {
        for (answer, said) in [
            (Answer::typed(401, "text/html", "Unauthorized"), "refused the credentials (401)"),
            (Answer::empty(403), "refused the credentials (403)"),
            (Answer::json(404, &not_analysed), "404 when"),
            (Answer::typed(500, "text/plain", "oops\n\u{7}"), "500 when"),
            (Answer::empty(302).with("Location", "http://127.0.0.1:1/"), "302 when"),
            (Answer::typed(200, "text/html", "<html>"), "unexpected answer"),
            (Answer::json(200, &json!({"message": "x"})), "unexpected answer"),
            (Answer::json(200, &json!([])), "unexpected answer"),
            (Answer::empty(200), "unexpected answer"),
            (Answer::Raw(b"nonsense\r\n\r\n".to_vec()), "not HTTP"),
        ] {
            let stub = odd_at(place, answer.clone());
            failed(&ask(&stub.url(), &format!("{V1}mode: both"), &app()), said);
        }
    }
}

#[test]
fn errors_while_waiting_are_errors() {
    for (answer, said) in [
        (Answer::json(404, &json!({"message": "image not found in DB"})), "404 when"),
        (Answer::empty(500), "500 when"),
        (
            Answer::json(
                200,
                &json!([{"imageDigest": digest('7'), "analysis_status": "analyzed"}]),
            ),
            "not sha256:9",
        ),
    ] {
        let mut waiting = engine(1, &["analyzing"], 0, 0, "pass");
        let stub = Stub::new(move |request| match support::path_of(&request.line()) {
            Some(Place::Image) => answer.clone(),
            _ => waiting(request),
        });
        failed(&ask(&stub.url(), V1, &app()), said);
    }
}

#[test]
fn silence_ends_with_the_deadline_and_offline_at_once() {
    let stub = Stub::new(|_| Answer::Silence);
    let rest = format!("{V1}timeout_s: 1");
    let settings = anchore::config::Settings::parse(
        &format!("url: {}\n{rest}", stub.url()),
        std::path::Path::new("/"),
    );
    let clock = secdocker_plugin_testing::FakeClock::default();
    let soon = secdocker_plugin_common::Deadline::after(&clock, Duration::from_millis(100));
    let judge = anchore::judge::Judge::new(settings.unwrap());
    failed(&(judge.judge(&app(), soon), clock), "no answer in time");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    failed(&ask(&format!("http://{closed}"), V1, &app()), "not reachable");
    allowed(&ask(&format!("http://{closed}"), &format!("{V1}on_error: allow"), &app()));
}

#[test]
fn only_the_local_image_is_judged() {
    let stub = Stub::new(engine(1, &["analyzed"], 0, 0, "pass"));
    let of = |id: char, digests: &[String]| {
        named("localhost:5055/plugres/app:1", Some(LocalImage::new(&digest(id), digests)))
    };
    let here = |digit| format!("localhost:5055/plugres/app@{}", digest(digit));
    // By the manifest, by the index, by the configuration.
    for same in [of('0', &[here('9')]), of('0', &[here('8')]), of('c', &[])] {
        allowed(&ask(&stub.url(), V1, &same));
    }
    for other in [of('0', &[]), of('0', &[here('7')]), of('0', &["evil/app@x".to_owned()])] {
        denied(&ask(&stub.url(), V1, &other), "is not the one that Anchore has");
    }
    // Not there yet: whatever comes is what Anchore looked at.
    allowed(&ask(&stub.url(), V1, &named("localhost:5055/plugres/app:1", None)));
}

#[test]
fn a_services_image_is_judged_as_its_nodes_fetch_it() {
    let stub = Stub::new(engine(1, &["analyzed"], 0, 0, "pass"));
    let service = |name: &str, id: char, entry: char| {
        let entries = [format!("localhost:5055/plugres/app@{}", digest(entry))];
        let local = (entry != '-').then(|| LocalImage::new(&digest(id), &entries));
        Asked { purpose: Purpose::Service, ..named(name, local) }
    };
    let tagged = "localhost:5055/plugres/app:1";
    let by_tag = json!({"source": {"tag": {"pullstring": tagged}}});
    let submitted = || stub.asked().into_iter().rfind(|asked| asked.method == "POST").unwrap();
    for asked in [service(tagged, '0', '-'), service(tagged, '0', '9'), service(tagged, 'c', '7')] {
        allowed(&ask(&stub.url(), V1, &asked));
        assert_eq!(submitted().json(), by_tag);
    }
    // A node without a way to the registry would run this one.
    let other = ask(&stub.url(), V1, &service(tagged, '0', '7'));
    denied(&other, "is not the one that Anchore has");
    assert_eq!(submitted().json(), by_tag);
    let pinned = format!("{tagged}@{}", digest('9'));
    allowed(&ask(&stub.url(), V1, &service(&pinned, '0', '7')));
    let pull = format!("localhost:5055/plugres/app@{}", digest('9'));
    let by_digest = json!({"source": {"digest": {"pullstring": pull, "tag": tagged}}});
    assert_eq!(submitted().json(), by_digest);
    let unknown = service(&digest('c'), '0', '-');
    denied(&ask(&stub.url(), &format!("{V1}on_error: allow"), &unknown), "this identifier");
}

#[test]
fn what_is_handed_in_has_the_digest_if_it_is_known() {
    let stub = Stub::new(engine(1, &["analyzed"], 0, 0, "pass"));
    let hub = [format!("app@{}", digest('9'))];
    let local = |digests: &[String]| Some(LocalImage::new(&digest('c'), digests));
    let nine = digest('9');
    let pull = format!("docker.io/library/app@{nine}");
    let by_digest = |tag: &str| {
        let tag = format!("docker.io/library/app:{tag}");
        json!({"source": {"digest": {"pullstring": pull, "tag": tag}}})
    };
    let odd_tag = nine.replace(':', "-");
    for (asked, body) in [
        (named("app", local(&hub)), by_digest("latest")),
        (named("app:1", local(&hub)), by_digest("1")),
        (named(&format!("app@{nine}"), local(&hub)), by_digest(&odd_tag)),
        (named(&digest('c'), local(&hub)), by_digest(&odd_tag)),
        (
            named("app:1", None),
            json!({"source": {"tag": {"pullstring": "docker.io/library/app:1"}}}),
        ),
        (
            named("app:1", local(&[])),
            json!({"source": {"tag": {"pullstring": "docker.io/library/app:1"}}}),
        ),
    ] {
        allowed(&ask(&stub.url(), V1, &asked));
        let submitted = stub.asked().into_iter().rfind(|asked| asked.method == "POST").unwrap();
        assert_eq!(submitted.json(), body);
    }
    let other = named(&format!("app@{}", digest('1')), local(&hub));
    denied(&ask(&stub.url(), V1, &other), "does not have the digest");
    denied(&ask(&stub.url(), V1, &named(&digest('c'), local(&[]))), "never in a registry");
}

#[test]
fn credentials_are_sent_and_not_told() {
    let stub = Stub::new(|_| Answer::typed(401, "text/html", "Unauthorized"));
    let rest = format!("{V1}username: admin\npassword: hunter2\naccount: ci");
    let answer = ask(&stub.url(), &rest, &app());
    failed(&answer, "refused the credentials");
    assert!(!answer.0.reason().contains("hunter2"));
    let [asked] = stub.asked().try_into().unwrap();
    assert_eq!(asked.header("authorization"), Some("Basic YWRtaW46aHVudGVyMg=="));
    assert_eq!(asked.header("x-anchore-account"), Some("ci"));
}

#[test]
fn the_server_says_which_version_it_speaks() {
    for (version, once) in [(1, "autosubscribe=false"), (2, "auto_subscribe=false")] {
        let mut engine = engine(version, &["analyzed"], 0, 0, "pass");
        let stub = Stub::new(move |request| {
            let is_base = request.target == if version == 1 { "/" } else { "/v2/" };
            let asks_version = support::path_of(&request.line()) == Some(Place::Version);
            if asks_version && !is_base { Answer::empty(404) } else { engine(request) }
        });
        allowed(&ask(&stub.url(), "mode: both", &app()));
        let submit = format!("POST /v{version}/images?{once}");
        assert!(stub.lines().contains(&submit), "{:?}", stub.lines());
    }
    let neither = Stub::new(|_| Answer::json(200, &json!("v3")));
    failed(&ask(&neither.url(), "", &app()), "neither v1 nor v2");
}
