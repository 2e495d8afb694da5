//! The table of decisions, against registries and daemons that say what a test wants.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed test should say where; it waits for a process by the clock"
)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use notary::config::Settings;
use notary::daemon::Daemon;
use secdocker_plugin::{Decision, Verdict};
use secdocker_plugin_common::reference::ImageRef;
use secdocker_plugin_common::{Asked, Deadline, LocalImage, Purpose, SystemClock};
use secdocker_plugin_testing::{Answer, FakeClock, Stub};
use serde_json::{Value, json};

/// What the daemon is asked, and what it says.
struct Says<F>(F);

impl<F: Fn(&str) -> Option<(u16, Value)>> Daemon for Says<F> {
    fn get(&self, path: &str, _: Deadline<'_>) -> Result<(u16, Vec<u8>), String> {
        let (status, body) = (self.0)(path).ok_or("the daemon has not answered")?;
        Ok((status, body.to_string().into_bytes()))
    }
}

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn asked(name: &str, entries: &[String]) -> Asked {
    let local = Some(LocalImage::new(&digest('c'), entries));
    Asked { purpose: Purpose::Create, reference: ImageRef::parse(name).unwrap(), local }
}

fn settings(text: &str) -> Settings {
    Settings::parse(text, Path::new("/nowhere")).unwrap()
}

fn judge(text: &str, asked: &Asked, daemon: &impl Daemon) -> Verdict {
    let clock = FakeClock::default();
    let deadline = Deadline::after(&clock, Duration::from_secs(20));
    notary::judge(&settings(text), asked, daemon, deadline)
}

#[track_caller]
fn is(verdict: &Verdict, decision: Decision, said: &str) {
    assert_eq!(verdict.decision(), decision, "{}", verdict.reason());
    assert!(verdict.reason().contains(said), "{}", verdict.reason());
    assert_eq!(verdict.ttl(), Duration::ZERO, "a tag can move");
}

/// A daemon whose registry serves this digest, or has none.
fn serving(digit: Option<char>) -> Says<impl Fn(&str) -> Option<(u16, Value)>> {
    Says(move |path: &str| {
        if path.starts_with("/images/") {
            let names = json!(["other:1", "r.example/a/b:1"]);
            return Some((200, json!({"RepoTags": names, "Os": "linux", "Architecture": "amd64"})));
        }
        assert!(path.starts_with("/distribution/") && path.ends_with("/json"), "{path}");
        let Some(digit) = digit else { return Some((404, json!({"message": "manifest unknown"}))) };
        Some((200, json!({"Descriptor": {"digest": digest(digit)}, "Platforms": []})))
    })
}

const NAME: &str = "r.example/a/b:1";

fn here(digit: char) -> String {
    format!("r.example/a/b@{}", digest(digit))
}

#[test]
fn the_table() {
    use Decision::{Allow, Deny};
    for (entries, remote, config, decision, said) in [
        (vec![here('1')], Some('1'), "", Allow, "is sha256:1"),
        (vec![here('1'), here('2')], Some('2'), "", Allow, "is sha256:2"),
        (vec![here('1')], Some('2'), "", Deny, "is sha256:1111"),
        (vec![here('1')], Some('2'), "", Deny, "serves sha256:2222"),
        (vec![here('1')], None, "", Deny, "any more"),
        (vec![here('1')], None, "on_local_only: allow", Deny, "any more"),
        (vec![], Some('1'), "", Deny, "not pulled from there"),
        (vec![], Some('1'), "on_local_only: allow", Deny, "not pulled from there"),
        (vec![format!("evil/app@{}", digest('1'))], Some('1'), "", Deny, "not pulled from there"),
        (vec![], None, "", Deny, "known here only"),
        (vec![], None, "on_local_only: allow", Allow, "known here only"),
    ] {
        let verdict = judge(config, &asked(NAME, &entries), &serving(remote));
        is(&verdict, decision, said);
        let judged = !entries.is_empty() && decision == Allow;
        assert_eq!(verdict.pin().is_some(), judged);
    }
}

#[test]
fn a_digest_in_the_name_needs_no_registry() {
    let nobody = Says(|_: &str| None);
    for name in [here('1'), format!("{NAME}@{}", digest('1'))] {
        is(&judge("", &asked(&name, &[here('1')]), &nobody), Decision::Allow, "");
        for entries in [vec![], vec![here('2')], vec![format!("evil/app@{}", digest('1'))]] {
            is(&judge("", &asked(&name, &entries), &nobody), Decision::Deny, "does not come from");
        }
    }
}

#[test]
fn an_image_that_is_not_there_is_the_daemons_to_refuse() {
    let nobody = Says(|_: &str| None);
    let absent =
        Asked { purpose: Purpose::Create, reference: ImageRef::parse(NAME).unwrap(), local: None };
    is(&judge("", &absent, &nobody), Decision::Allow, "not there yet");
    is(&judge("on_absent: deny", &absent, &nobody), Decision::Deny, "not there yet");
}

#[test]
fn an_identifier_is_refused_unless_one_of_its_names_will_do() {
    let by_id = asked(&digest('c'), &[here('1')]);
    is(&judge("", &by_id, &serving(Some('1'))), Decision::Deny, "by identifier");
    is(&judge("on_id: names", &by_id, &serving(Some('1'))), Decision::Allow, "r.example/a/b:1");
    is(&judge("on_id: names", &by_id, &serving(Some('2'))), Decision::Deny, "serves");
    is(&judge("on_id: names", &asked(&digest('c'), &[]), &serving(None)), Decision::Deny, "only");
}

#[test]
fn trouble_is_an_error_unless_configured() {
    for (answer, said) in [
        (None, "has not answered"),
        (Some((500, json!({"message": "dial tcp:\nrefused"}))), "500: dial tcp:\\nrefused"),
        (Some((401, json!({}))), "401"),
        (Some((200, json!({}))), "unexpected answer"),
        (Some((200, json!({"Descriptor": {"digest": 5}}))), "unexpected answer"),
    ] {
        let daemon = Says(move |_: &str| answer.clone());
        let asked = asked(NAME, &[here('1')]);
        is(&judge("", &asked, &daemon), Decision::Error, said);
        is(&judge("on_error: deny", &asked, &daemon), Decision::Deny, said);
        is(&judge("on_error: allow", &asked, &daemon), Decision::Allow, said);
    }
}

/// A registry on this machine, and the verdict on an image that came from it with the digest `1`.
fn of_registry(stub: &Stub, config: &str) -> Verdict {
    let host = stub.address().to_string();
    let entry = format!("{host}/a/b@{}", digest('1'));
    let text = format!("remote: registry\n{}", config.replace("HOST", &host));
    judge(&text, &asked(&format!("{host}/a/b:1"), &[entry]), &serving(None))
}

fn serves(digit: char) -> Answer {
    Answer::empty(200).with("Docker-Content-Digest", &digest(digit))
}

#[test]
fn a_registry_is_asked_for_all_four_types() {
    let stub = Stub::new(|_| serves('1'));
    is(&of_registry(&stub, ""), Decision::Allow, "");
    let asked = stub.asked().into_iter().find(|asked| asked.method == "HEAD").unwrap();
    assert_eq!(asked.target, "/v2/a/b/manifests/1");
    let accept = asked.header("accept").unwrap();
    for kind in ["oci.image.index.v1", "oci.image.manifest.v1", "manifest.list.v2", "manifest.v2"] {
        assert!(accept.contains(kind), "{accept}");
    }
    assert_eq!(asked.header("authorization"), None);
    is(&of_registry(&Stub::new(|_| Answer::empty(404)), ""), Decision::Deny, "any more");
}

#[test]
fn every_other_answer_of_a_registry_is_an_error() {
    for (answer, said) in [
        (Answer::empty(401), "authentication that is not known"),
        (Answer::empty(401).with("WWW-Authenticate", "Negotiate"), "not known"),
        (Answer::empty(401).with("WWW-Authenticate", "Basic realm=\"x\""), "wants credentials"),
        (Answer::empty(401).with("WWW-Authenticate", "Bearer service=\"x\""), "no realm"),
        (Answer::empty(403), "403"),
        (Answer::empty(429), "too many requests"),
        (Answer::empty(500), "500"),
        (Answer::empty(307).with("Location", "http://127.0.0.1:1/"), "307"),
        (Answer::empty(200).with("Docker-Content-Digest", "sha256:../x"), "unexpected answer"),
        (Answer::Raw(b"nonsense\r\n\r\n".to_vec()), "not HTTP"),
    ] {
        let stub = Stub::new(move |_| answer.clone());
        is(&of_registry(&stub, ""), Decision::Error, said);
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let name = format!("{closed}/a/b:1");
    let entry = format!("{closed}/a/b@{}", digest('1'));
    let verdict = judge("remote: registry", &asked(&name, &[entry]), &serving(None));
    is(&verdict, Decision::Error, "not reachable");
}

#[test]
fn a_registry_without_the_header_has_its_answer_hashed() {
    // SHA-256 of nothing, of `{}`, is known.
    let hash = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let stub = Stub::new(|_| Answer::typed(200, "application/vnd.oci.image.index.v1+json", "{}"));
    let host = stub.address().to_string();
    let same = asked(&format!("{host}/a/b:1"), &[format!("{host}/a/b@{hash}")]);
    is(&judge("remote: registry", &same, &serving(None)), Decision::Allow, hash);
    let methods: Vec<String> = stub.asked().iter().map(|asked| asked.method.clone()).collect();
    assert!(methods.ends_with(&["HEAD".to_owned(), "GET".to_owned()]), "{methods:?}");
    let long = Stub::new(|asked| match asked.method.as_str() {
        "HEAD" => Answer::empty(200),
        _ => Answer::typed(200, "x/y", vec![b' '; 5 << 20]),
    });
    is(&of_registry(&long, ""), Decision::Error, "too long");
}

#[test]
fn credentials_go_where_they_are_meant_to() {
    let stub = Stub::new(|asked| match asked.header("authorization") {
        Some("Basic Y2k6aHVudGVyMg==") => serves('1'),
        _ => Answer::empty(401).with("WWW-Authenticate", "Basic realm=\"x\""),
    });
    let login = "registries:\n  HOST:\n    username: ci\n    password: hunter2";
    is(&of_registry(&stub, login), Decision::Allow, "");
    let wrong = of_registry(&stub, &login.replace("hunter2", "hunter3"));
    is(&wrong, Decision::Error, "refused the credentials");
    assert!(!wrong.reason().contains("hunter3"));
}

#[test]
fn tokens_come_from_realms_that_are_known() {
    let issuer = Stub::new(|_| Answer::json(200, &json!({"access_token": "t0ken"})));
    let realm = |realm: String| {
        Stub::new(move |asked| match asked.header("authorization") {
            Some("Bearer t0ken") => serves('1'),
            _ => Answer::empty(401).with(
                "WWW-Authenticate",
                &format!("Bearer realm=\"{realm}\",service=\"a b&c\",scope=\"repository:x:push\""),
            ),
        })
    };
    // The same host, with another port.
    let stub = realm(format!("{}/token", issuer.url()));
    is(&of_registry(&stub, ""), Decision::Allow, "");
    let [asked] = issuer.asked().try_into().unwrap();
    let scope = "scope=repository%3Aa%2Fb%3Apull";
    assert_eq!(asked.target, format!("/token?service=a%20b%26c&{scope}"));
    // Another host, listed or not.
    let elsewhere = issuer.url().replace("127.0.0.1", "localhost");
    let stub = realm(format!("{elsewhere}/token?x=1"));
    is(&of_registry(&stub, ""), Decision::Error, "is not among `realms`");
    is(&of_registry(&stub, "registries: {HOST: {realms: [localhost]}}"), Decision::Allow, "");
    for odd in [
        format!("http://127.0.0.1@{}/", issuer.address()),
        "127.0.0.1/token".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http:///x".to_owned(),
        "http://127.0.0.1:1/#".to_owned(),
    ] {
        assert_eq!(of_registry(&realm(odd.clone()), "").decision(), Decision::Error, "{odd}");
    }
}

#[test]
fn answers_of_realms() {
    for (answer, said) in [
        (Answer::empty(401), "refused the credentials"),
        (Answer::empty(500), "realm answered 500"),
        (Answer::json(200, &json!({})), "no token"),
        (Answer::json(200, &json!({"token": ""})), "no token"),
        (Answer::json(200, &json!({"token": "a\r\nX: y"})), "not HTTP"),
        (Answer::typed(200, "x/y", "secret"), "gave an unexpected answer"),
    ] {
        let issuer = Stub::new(move |_| answer.clone());
        let challenge = format!("Bearer realm=\"{}\"", issuer.url());
        let stub = Stub::new(move |_| Answer::empty(401).with("WWW-Authenticate", &challenge));
        let verdict = of_registry(&stub, "");
        is(&verdict, Decision::Error, said);
        assert!(!verdict.reason().contains("secret"));
    }
}

#[test]
fn the_go_tools_script_is_run() {
    let folder = std::env::temp_dir().join(format!("notary-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let run = |script: &str, name: &str, rest: &str| {
        std::fs::write(folder.join("compare.sh"), script).unwrap();
        let text = format!("scriptpath: compare.sh\n{rest}");
        let settings = Settings::parse(&text, &folder).unwrap();
        let clock = SystemClock::default();
        let time = if script.contains("sleep") { 200 } else { 20_000 };
        let deadline = Deadline::after(&clock, Duration::from_millis(time));
        notary::judge(&settings, &asked(name, &[]), &serving(None), deadline)
    };
    for (code, rest, decision, said) in [
        (0, "", Decision::Allow, "equal"),
        (1, "", Decision::Deny, "not the registry's"),
        (2, "", Decision::Allow, "not there yet"),
        (2, "on_absent: deny", Decision::Deny, "not there yet"),
        (3, "", Decision::Error, "ended with 3"),
        (127, "", Decision::Error, "ended with 127"),
        (3, "on_error: allow", Decision::Allow, "ended with 3"),
    ] {
        is(&run(&format!("exit {code}"), "app", rest), decision, said);
    }
    is(&run("kill -KILL $$", "app", ""), Decision::Error, "signal");
    std::fs::write(folder.join("none.sh"), "").unwrap();
    let gone = Settings::parse("scriptpath: none.sh", &folder).unwrap();
    std::fs::remove_file(folder.join("none.sh")).unwrap();
    let clock = SystemClock::default();
    let deadline = Deadline::after(&clock, Duration::from_secs(20));
    let verdict = notary::judge(&gone, &asked("app", &[]), &serving(None), deadline);
    is(&verdict, Decision::Error, "ended with 127");
    // What it has started ends with it.
    is(&run("sleep 1000 & echo $! >child; sleep 1000", "app", ""), Decision::Error, "in time");
    let child: u32 = std::fs::read_to_string(folder.join("child")).unwrap().trim().parse().unwrap();
    // A signal takes effect when its process runs next.
    let lives = || {
        let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
        !(status.is_empty() || status.contains("State:\tZ"))
    };
    let until = Instant::now() + Duration::from_secs(10);
    while lives() {
        assert!(Instant::now() < until, "process {child} outlives its script");
        std::thread::yield_now();
    }
    let pinned = here('1');
    for (name, arguments) in [
        ("app", "app latest"),
        ("docker.io/library/app:2", "app 2"),
        ("localhost:5000/app:1", "localhost:5000/app 1"),
        ("localhost:5000/a/b", "localhost:5000/a/b latest"),
        (pinned.as_str(), &format!("r.example/a/b {}", digest('1'))),
    ] {
        let script = format!("[ \"$*\" = '{arguments}' ]");
        is(&run(&script, name, ""), Decision::Allow, "equal");
    }
    is(&run("exit 0", &digest('c'), ""), Decision::Deny, "by identifier");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn files_that_others_can_write_are_not_used() {
    let folder = std::env::temp_dir().join(format!("notary-open-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("file"), "hunter2").unwrap();
    let mode = |mode| {
        std::fs::set_permissions(folder.join("file"), Permissions::from_mode(mode)).unwrap();
    };
    for (text, key) in [
        ("scriptpath: file", "scriptpath: "),
        (
            "remote: registry\nregistries: {a.b: {username: x, password_file: file}}",
            "password_file: ",
        ),
        ("remote: registry\nregistries: {a.b: {ca_file: file}}", "ca_file: "),
    ] {
        mode(0o646);
        let error = Settings::parse(text, &folder).unwrap_err();
        assert!(error.contains(key) && error.contains("can be written by others"), "{error}");
        mode(0o644);
        let error = Settings::parse(text, &folder).err().unwrap_or_default();
        assert!(error.is_empty() || error.contains("no certificate"), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn configurations() {
    let example = include_str!("../config.yml");
    settings(example);
    let all: String =
        example.lines().map(|l| format!("{}\n", l.trim_start_matches("#= "))).collect();
    let all = all.replace("remote: daemon", "remote: registry");
    let error = Settings::parse(&all, Path::new("/nowhere")).unwrap_err();
    assert!(error.contains("registry.example:5000: password_file: cannot read"), "{error}");
    for (text, said) in [
        ("remot: daemon", "remot"),
        ("remote: proxy", "remote"),
        ("scriptpath: a.sh\nremote: daemon", "remote has no effect with scriptpath"),
        ("scriptpath: a.sh\non_id: names", "on_id has no effect"),
        ("registries: {a.b: {}}", "registries has no effect with remote: daemon"),
        ("same_config: true", "same_config has no effect"),
        ("remote: registry\nregistries: {'a b': {}}", "not the name of a registry"),
        ("remote: registry\nregistries: {team/app: {}}", "not the name of a registry"),
        ("remote: registry\nregistries: {a.b: {}, 'a.b:443': {}}", "a.b:443: is listed twice"),
        ("remote: registry\nregistries: {a.b: {username: x}}", "belong together"),
        (
            "remote: registry\nregistries: {a.b: {ca_file: x, insecure: true}}",
            "ca_file has no effect",
        ),
        ("remote: registry\nregistries: {a.b: {ca_file: x}}", "a.b: ca_file: cannot read"),
        ("remote: registry\nregistries: {a.b: {pasword: x}}", "pasword"),
        ("on_error: maybe", "on_error"),
        ("scriptpath: none.sh", "scriptpath: cannot read /nowhere/none.sh"),
        ("scriptpath: /", "scriptpath: / is not a file"),
    ] {
        let error = Settings::parse(text, Path::new("/nowhere")).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
    let text = "remote: registry\nregistries: {a.b: {username: x, password: hunter2}}";
    assert!(!format!("{:?}", settings(text)).contains("hunter2"));
    assert!(!format!("{:?}", settings(text)).contains("Basic"));
}
