//! The plugin `notary` between a real Docker engine and a real registry (Debian's `docker-registry`).
#![expect(clippy::unwrap_used, reason = "a failed test should say where")]
#![expect(clippy::disallowed_methods, reason = "tests poll for what they started")]
#![expect(clippy::indexing_slicing, reason = "an answer without the field fails the test")]

mod support;

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use notary::config::Settings;
use notary::daemon::Daemon as Asks;
use secdocker_plugin::{Decision, Verdict};
use secdocker_plugin_common::reference::ImageRef;
use secdocker_plugin_common::{Asked, Deadline, LocalImage, Purpose, SystemClock};
use secdocker_plugin_testing::{Answer, Stub};
use serde_json::json;
use support::daemon::IMAGE;
use support::{Daemon, Docker, poll, process, sandbox};
#[cfg(feature = "plugins")]
use support::{SecDocker, firewall};

const BOTH: [&str; 2] = ["remote: daemon", "remote: registry"];

/// `hunter2`, by bcrypt.
const PASSWORD_HASH: &str = "$2b$04$mqBhrYFN/AoPzx/0QcMQrOSjEdwBrXW3dwvk36auRkooDRouA/DEy";

/// A registry on a loopback port. Ends when dropped.
struct Registry {
    child: Child,
    host: String,
    storage: PathBuf,
}

impl Registry {
    fn start() -> Self {
        Self::with(sandbox::directory("registry"), "localhost", "", "")
    }

    /// Serves what is in `storage`; `http` and `more` are further lines of its configuration.
    fn with(storage: PathBuf, name: &str, http: &str, more: &str) -> Self {
        let (port, folder) = (sandbox::port(), sandbox::directory("registry-settings"));
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  \
             delete: {{enabled: true}}\nhttp:\n  addr: 127.0.0.1:{port}\n{http}\n{more}\n",
            storage.display()
        );
        fs::write(folder.join("config.yml"), config).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let mut child = Command::new("docker-registry")
            .args(["serve".as_ref(), folder.join("config.yml").as_os_str()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        poll::until("the registry to listen", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", fs::read_to_string(folder.join("log")).unwrap());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { child, host: format!("{name}:{port}"), storage }
    }

    fn image(&self, tag: &str) -> String {
        format!("{}/team/app:{tag}", self.host)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The engine, asked as SecDocker would.
struct Through;

impl Asks for Through {
    fn get(&self, path: &str, _: Deadline<'_>) -> Result<(u16, Vec<u8>), String> {
        let answer = Daemon::shared().api().get(path);
        Ok((answer.status, answer.body))
    }
}

/// What SecDocker would find out about an image.
fn look_up(name: &str) -> Asked {
    let answer = Daemon::shared().api().get(&format!("/images/{name}/json"));
    let local = (answer.status == 200).then(|| {
        let image = answer.json();
        let digests: Vec<String> = serde_json::from_value(image["RepoDigests"].clone()).unwrap();
        LocalImage::new(image["Id"].as_str().unwrap(), &digests)
    });
    Asked { purpose: Purpose::Create, reference: ImageRef::parse(name).unwrap(), local }
}

fn judge(config: &str, name: &str) -> Verdict {
    judge_what(config, &look_up(name))
}

fn judge_what(config: &str, asked: &Asked) -> Verdict {
    let settings = Settings::parse(config, Path::new("/")).unwrap();
    let clock = SystemClock::default();
    let deadline = Deadline::after(&clock, Duration::from_secs(30));
    notary::judge(&settings, asked, &Through, deadline)
}

#[track_caller]
fn is(verdict: &Verdict, decision: Decision, said: &str) {
    assert_eq!(verdict.decision(), decision, "{}", verdict.reason());
    assert!(verdict.reason().contains(said), "{}", verdict.reason());
}

fn docker(arguments: &[&str]) {
    Docker::on(Daemon::shared()).run(arguments).ok();
}

/// Another image than all others.
fn make_image(name: &str) {
    let created = Daemon::shared().api().create(name, &json!({"Image": IMAGE, "Cmd": [name]}));
    assert_eq!(created.status, 201, "{}", created.text());
    docker(&["commit", name, name]);
    docker(&["rm", name]);
}

/// Gives an image this name, here and in the registry.
fn push(image: &str, name: &str) {
    docker(&["tag", image, name]);
    docker(&["push", "--quiet", name]);
}

fn digest_of(name: &str) -> String {
    look_up(name).local.unwrap().repo_digests.last().unwrap().digest.clone()
}

fn shell(folder: &Path, script: &str) -> String {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
    process::run(&mut bash, b"").ok()
}

#[test]
fn a_tag_that_moves_or_goes() {
    let registry = Registry::start();
    let (name, pinned) = (registry.image("1"), sandbox::unique("moving"));
    for way in BOTH {
        is(&judge(way, &name), Decision::Allow, "not there yet");
    }
    docker(&["tag", IMAGE, &name]);
    for way in BOTH {
        is(&judge(way, &name), Decision::Deny, "known here only");
        is(&judge(&format!("{way}\non_local_only: allow"), &name), Decision::Allow, "here only");
    }
    docker(&["push", "--quiet", &name]);
    let first = digest_of(&name);
    let by_digest = format!("{}@{first}", registry.image("1").trim_end_matches(":1"));
    for way in BOTH {
        let verdict = judge(way, &name);
        is(&verdict, Decision::Allow, &first);
        assert_eq!(verdict.pin(), Some(first.as_str()));
        is(&judge(way, &by_digest), Decision::Allow, "");
    }
    // Somebody pushes another image under the same tag; here it stays the old one.
    make_image(&pinned);
    push(&pinned, &name);
    let second = digest_of(&name);
    docker(&["tag", IMAGE, &name]);
    for way in BOTH {
        is(&judge(way, &name), Decision::Deny, &format!("registry serves {second}"));
        is(&judge(way, &by_digest), Decision::Allow, "");
    }
    docker(&["pull", "--quiet", &name]);
    for way in BOTH {
        is(&judge(way, &name), Decision::Allow, &second);
    }
    let manifest = format!("http://{}/v2/team/app/manifests/{second}", registry.host);
    shell(Path::new("/"), &format!("curl -sf -X DELETE {manifest}"));
    for way in BOTH {
        is(&judge(way, &name), Decision::Deny, "any more");
    }
}

/// SecDocker, with the plugin as it is shipped.
#[cfg(feature = "plugins")]
#[test]
fn the_library_in_a_running_secdocker() {
    let registry = Registry::start();
    let (name, other) = (registry.image("run"), sandbox::unique("other"));
    let plugin = firewall::plugin("notary", "remote: registry\n");
    let asked = "  when: [create, services, pull]\n";
    let secdocker = SecDocker::before(Daemon::shared(), &format!("plugins:\n{plugin}{asked}"));
    let through = Docker::on(&secdocker);
    push(IMAGE, &name);
    through.run(&["pull", "--quiet", &name]).ok();
    through.run(&["run", "--rm", &name, "true"]).ok();
    // Somebody pushes another image under the same tag; here it stays the old one.
    make_image(&other);
    push(&other, &name);
    let served = digest_of(&name);
    docker(&["tag", IMAGE, &name]);
    let refused = through.run(&["run", "--rm", &name, "true"]);
    let said = refused.fails(125);
    assert!(said.contains("SecDocker: plugin notary: "), "{said}");
    assert!(said.contains(&format!("its registry serves {served}")), "{said}");
    // To get what the registry has is the way out, so it must be open.
    through.run(&["pull", "--quiet", &name]).ok();
    through.run(&["create", &name, "true"]).ok();
    let line = secdocker.logs("verdict=deny");
    assert!(line.contains("plugin=notary") && line.contains("refuses=yes"), "{line}");
}

#[test]
fn a_trusted_name_on_another_image() {
    let registry = Registry::start();
    let other = sandbox::unique("other");
    make_image(&other);
    push(IMAGE, &registry.image("trusted"));
    docker(&["tag", &other, &registry.image("trusted")]);
    for way in BOTH {
        is(&judge(way, &registry.image("trusted")), Decision::Deny, "not pulled from there");
    }
    // Pushed elsewhere, which says nothing about the name that is asked for.
    push(&other, &format!("{}/evil/app:1", registry.host));
    for way in BOTH {
        is(&judge(way, &registry.image("trusted")), Decision::Deny, "not pulled from there");
    }
}

#[test]
fn a_registry_that_is_down() {
    let registry = Registry::start();
    let name = registry.image("down");
    push(IMAGE, &name);
    drop(registry);
    for way in BOTH {
        is(&judge(way, &name), Decision::Error, "");
        is(&judge(&format!("{way}\non_error: deny"), &name), Decision::Deny, "");
        is(&judge(&format!("{way}\non_error: allow"), &name), Decision::Allow, "");
    }
}

#[test]
fn an_index_for_several_platforms() {
    let registry = Registry::start();
    let single = registry.image("single");
    push(IMAGE, &single);
    let (digest, version) = (digest_of(&single), Daemon::shared().api().get("/version").json());
    let url = format!("http://{}/v2/team/app/manifests", registry.host);
    let size = shell(
        Path::new("/"),
        &format!(
            "curl -sf -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' {url}/{digest} | wc -c"
        ),
    );
    let platform = json!({"os": "linux", "architecture": version["Arch"]});
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "digest": digest, "size": size.trim().parse::<u64>().unwrap(), "platform": platform}]});
    let folder = sandbox::directory("index");
    fs::write(folder.join("index"), index.to_string()).unwrap();
    shell(
        &folder,
        &format!(
            "curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' \
         --data-binary @index {url}/multi"
        ),
    );
    let multi = registry.image("multi");
    // Tagged from the single manifest: the same image, by its configuration.
    docker(&["tag", &single, &multi]);
    is(&judge("remote: registry", &multi), Decision::Allow, "local image's configuration");
    is(&judge("remote: registry\nsame_config: false", &multi), Decision::Deny, "serves");
    is(&judge("remote: daemon", &multi), Decision::Deny, "serves");
    docker(&["pull", "--quiet", &multi]);
    for way in BOTH {
        is(&judge(way, &multi), Decision::Allow, "is sha256:");
        is(&judge(way, &single), Decision::Allow, &digest);
    }
}

/// The image as it would be if it had been pulled from there.
fn as_from(registry: &Registry, other: &Registry, tag: &str) -> Asked {
    let digest = digest_of(&other.image(tag));
    let entry = format!("{}/team/app@{digest}", registry.host);
    let local = Some(LocalImage::new("sha256:00", &[entry]));
    Asked {
        purpose: Purpose::Create,
        reference: ImageRef::parse(&registry.image(tag)).unwrap(),
        local,
    }
}

#[test]
fn credentials_by_htpasswd() {
    let open = Registry::start();
    push(IMAGE, &open.image("1"));
    let folder = sandbox::directory("htpasswd");
    fs::write(folder.join("users"), format!("ci:{PASSWORD_HASH}\n")).unwrap();
    let users = folder.join("users");
    let auth = format!("auth:\n  htpasswd: {{realm: r, path: {}}}", users.display());
    let closed = Registry::with(open.storage.clone(), "localhost", "", &auth);
    let asked = as_from(&closed, &open, "1");
    let login = |password: &str| {
        format!(
            "remote: registry\nregistries:\n  {}: {{username: ci, password: {password}}}",
            closed.host
        )
    };
    is(&judge_what(&login("hunter2"), &asked), Decision::Allow, "sha256:");
    is(&judge_what(&login("hunter3"), &asked), Decision::Error, "refused the credentials");
    is(&judge_what("remote: registry", &asked), Decision::Error, "wants credentials");
    is(&judge_what("remote: daemon", &asked), Decision::Error, "the daemon answered");
}

#[test]
fn tokens_of_an_issuer() {
    let open = Registry::start();
    push(IMAGE, &open.image("1"));
    let folder = sandbox::directory("issuer");
    shell(
        &folder,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -subj /CN=i -days 2",
    );
    let keys = folder.clone();
    let issuer = Stub::new(move |asked| {
        let is_ci = asked.header("authorization") == Some("Basic Y2k6aHVudGVyMg==");
        let right = "/token?service=tests&scope=repository%3Ateam%2Fapp%3Apull";
        if !is_ci || asked.target != right {
            return Answer::empty(401);
        }
        Answer::json(200, &json!({"token": shell(&keys, SIGN), "expires_in": 300}))
    });
    let auth = format!(
        "auth:\n  token: {{realm: \"{}/token\", service: tests, issuer: i, rootcertbundle: {}}}",
        issuer.url(),
        folder.join("certificate").display()
    );
    let closed = Registry::with(open.storage.clone(), "127.0.0.1", "", &auth);
    let asked = as_from(&closed, &open, "1");
    let login = format!(
        "remote: registry\nregistries:\n  {}: {{username: ci, password: hunter2}}",
        closed.host
    );
    is(&judge_what(&login, &asked), Decision::Allow, "sha256:");
    let wrong = login.replace("hunter2", "hunter3");
    is(&judge_what(&wrong, &asked), Decision::Error, "realm refused the credentials");
}

/// A token for pulling, signed with the key in this folder.
const SIGN: &str = r#"
b64() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
der=$(openssl x509 -in certificate -outform DER | openssl base64 -A)
header=$(printf '{"typ":"JWT","alg":"RS256","x5c":["%s"]}' "$der" | b64)
now=$(date +%s)
claims=$(printf '{"iss":"i","sub":"ci","aud":"tests","exp":%d,"nbf":%d,"iat":%d,"jti":"1","access":[
    {"type":"repository","name":"team/app","actions":["pull"]}]}' \
    $((now + 300)) $((now - 60)) $now | b64)
signature=$(printf %s "$header.$claims" | openssl dgst -sha256 -sign key | b64)
echo "$header.$claims.$signature"
"#;

#[test]
fn a_certificate_of_ones_own() {
    let open = Registry::start();
    push(IMAGE, &open.image("1"));
    let folder = sandbox::directory("tls");
    shell(
        &folder,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2
         openssl req -newkey rsa:2048 -nodes -keyout key -out request -subj /CN=localhost
         printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >extensions
         openssl x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
            -extfile extensions -out certificate",
    );
    let at = |file: &str| folder.join(file).display().to_string();
    let tls = format!("  tls: {{certificate: {}, key: {}}}", at("certificate"), at("key"));
    let closed = Registry::with(open.storage.clone(), "localhost", &tls, "");
    let asked = as_from(&closed, &open, "1");
    let config =
        |key: String| format!("remote: registry\nregistries:\n  {}: {{{key}}}", closed.host);
    let own = config(format!("ca_file: {}", at("ca.pem")));
    is(&judge_what(&own, &asked), Decision::Allow, "sha256:");
    is(&judge_what(&config("insecure: false".into()), &asked), Decision::Error, "certificate");
    is(&judge_what(&config("insecure: true".into()), &asked), Decision::Allow, "sha256:");
    // On loopback, the daemon doesn't look at certificates either.
    is(&judge_what("remote: registry", &asked), Decision::Allow, "sha256:");
    // Another name than the certificate's.
    let mut other = asked.clone();
    other.reference =
        ImageRef::parse(&closed.image("1").replace("localhost", "127.0.0.1")).unwrap();
    let own = own.replace("localhost", "127.0.0.1");
    is(&judge_what(&own, &other), Decision::Error, "TLS");
}
