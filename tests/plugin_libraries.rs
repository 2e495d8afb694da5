//! Plugins as they are loaded and called: examples, and libraries with every mistake.
//!
//! A library in Go is not among them: nothing here builds one. It would export `Process` as C does.

#![cfg(feature = "plugins")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test should say where")]

#[path = "support/document.rs"]
mod document;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use secdocker::config::UpstreamAddress;
use secdocker::config::plugins::{CacheSettings, PluginSettings, Plugins as Configured};
use secdocker::image::ImageRef;
use secdocker::lookup::{Daemon, Identity, Presence};
use secdocker::plugins::{Plugins, Question};
use secdocker::policy::review::{
    AskedImage, CancelGuard, Opinions, PluginVerdict, Purpose, ReviewRequest,
};

const SOURCE: &str = env!("CARGO_MANIFEST_DIR");
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder for one plugin, as its owner would make it; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("secdocker-plugins-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().canonicalize().unwrap().join(name);
        fs::create_dir_all(folder.join("plugins/x")).unwrap();
        for part in ["", "plugins", "plugins/x"] {
            fs::set_permissions(folder.join(part), Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join("plugins/x").join(path)
    }

    fn with(self, path: &str, text: &str) -> Self {
        fs::write(self.at(path), text).unwrap();
        fs::set_permissions(self.at(path), Permissions::from_mode(0o644)).unwrap();
        self
    }

    /// With a library compiled from C.
    fn compiled(self, source: &str) -> Self {
        let file = self.at("source.c");
        fs::write(&file, source).unwrap();
        self.compiled_from(&file)
    }

    fn compiled_from(self, source: &Path) -> Self {
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-std=gnu11", "-o"]);
        cc.arg(self.at("x.so")).arg(source);
        cc.arg(format!("-I{SOURCE}/plugins/interface"));
        let done = cc.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        self.readable()
    }

    /// With a library that cargo built for this test.
    fn built(self, name: &str) -> Self {
        let test = std::env::current_exe().unwrap();
        fs::copy(test.parent().unwrap().join(name), self.at("libx.so")).unwrap();
        self.readable()
    }

    fn readable(self) -> Self {
        for file in ["x.so", "libx.so"].map(|file| self.at(file)) {
            if file.exists() {
                fs::set_permissions(file, Permissions::from_mode(0o755)).unwrap();
            }
        }
        self
    }

    fn settings(&self) -> PluginSettings {
        PluginSettings { timeout: PATIENCE, ..PluginSettings::named("x", &self.0) }
    }

    fn load(&self) -> Result<Plugins, String> {
        load(self.settings())
    }

    /// The verdict on an image, and the reason.
    fn judges(&self, given: &str) -> (PluginVerdict, String) {
        let opinions = ask(&self.load().unwrap(), given, "{}").recv_timeout(PATIENCE).unwrap();
        said(&opinions)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn load(settings: PluginSettings) -> Result<Plugins, String> {
    let configured = Configured { list: vec![settings], ..Configured::default() };
    let daemon = Daemon {
        address: UpstreamAddress::Unix("/nowhere/docker.sock".into()),
        mark: None,
        tls: None,
    };
    Plugins::load(&configured, &daemon).map_err(|error| error.to_string())
}

fn ask(plugins: &Plugins, given: &str, body: &str) -> mpsc::Receiver<Opinions> {
    let (waits, (answer, answers)) = (CancelGuard::default(), mpsc::channel());
    let image = ImageRef::parse(given).unwrap_or(ImageRef::parse("odd").unwrap());
    let body = Arc::new(body.as_bytes().to_vec());
    let review = ReviewRequest {
        request: "7-1".into(),
        asked: AskedImage {
            purpose: Purpose::Create,
            given: given.into(),
            image,
            every_tag: false,
        },
        pinned: None,
        before: None,
        method: "POST".into(),
        path: "/v1.41/containers/create".into(),
        body: Some(Arc::downgrade(&body)),
        client: "10.0.0.1:1".into(),
        cancel: waits.token(),
    };
    let identity = Identity {
        id: format!("sha256:{given}"),
        repo_digests: vec!["a@b".into()],
        ..Identity::default()
    };
    let presence = Presence::Present(identity);
    let daemon = Daemon {
        address: UpstreamAddress::Unix("/nowhere/docker.sock".into()),
        mark: None,
        tls: None,
    };
    plugins.consult(Question { review, presence, daemon }, move |opinions| {
        drop((waits, body));
        drop(answer.send(opinions));
    });
    answers
}

fn said(opinions: &Opinions) -> (PluginVerdict, String) {
    let [result] = &opinions.results[..] else { panic!("{opinions:?}") };
    (result.verdict, result.reason.to_string())
}

/// A plugin of level 2 in C whose descriptor and functions are as given.
fn level_two(fields: &str, open: &str, process: &str) -> String {
    format!(
        r#"#include <string.h>
        #include "secdocker_plugin.h"
        static const sd_host *host;
        static sd_bytes bytes(const char *text) {{ return (sd_bytes){{(const uint8_t *)text, strlen(text)}}; }}
        static int begin(const sd_host *given, sd_bytes config, void **state, sd_verdict *why_not) {{
            host = given; (void)config; (void)state; (void)why_not; (void)bytes; {open}
        }}
        static int judge(void *state, sd_bytes request, sd_verdict *out) {{
            (void)state; (void)request; (void)out; {process}
        }}
        static void release(void *state, sd_verdict *out) {{ (void)state; (void)out; }}
        const sd_plugin *secdocker_plugin_v2(void) {{
            static sd_plugin it = {{ .magic = SD_MAGIC, .size = sizeof(sd_plugin), .abi_major = SD_ABI_MAJOR,
                .abi_minor = SD_ABI_MINOR, .name = "x", .version = "1", .open = begin, .process = judge,
                .release = release }};
            {fields}
            return &it;
        }}"#
    )
}

#[test]
fn the_examples_judge() {
    let ours = Folder::new().built("libonly_ours.so").with("config.yml", "registry.example\n");
    assert_eq!(ours.judges("registry.example/app:1").0, PluginVerdict::Allow);
    let (verdict, reason) = ours.judges("app:1");
    assert_eq!((verdict, reason.as_str()), (PluginVerdict::Deny, "docker.io is not ours"));
    let no_latest = Folder::new().built("libno_latest.so");
    assert_eq!(no_latest.judges("localhost:5000/app").0, PluginVerdict::Deny);
    assert_eq!(no_latest.judges("localhost:5000/app:1").0, PluginVerdict::Allow);
    let examples = Path::new(SOURCE).join("plugins/examples/c");
    let one = Folder::new().compiled_from(&examples.join("level_one.c"));
    assert_eq!(one.judges("evil.example/app").0, PluginVerdict::Deny);
    assert_eq!(one.judges("app").0, PluginVerdict::Allow);
    let two = Folder::new().compiled_from(&examples.join("level_two.c"));
    let two = two.load().unwrap();
    let privileged = ask(&two, "a", r#"{"HostConfig":{"Privileged":true}}"#);
    let denied = (PluginVerdict::Deny, "privileged containers are not welcome".to_owned());
    assert_eq!(said(&privileged.recv_timeout(PATIENCE).unwrap()), denied);
    let plain = ask(&two, "a", "{}").recv_timeout(PATIENCE).unwrap();
    assert_eq!(said(&plain).0, PluginVerdict::Allow);
}

#[test]
fn what_a_library_of_level_one_returns_is_a_byte() {
    for (returned, verdict) in [
        ("1", PluginVerdict::Allow),
        ("0", PluginVerdict::Deny),
        ("2", PluginVerdict::Error),
        ("255", PluginVerdict::Error),
        // As the byte of a sloppy `int`, this is 0.
        ("256", PluginVerdict::Deny),
    ] {
        let source =
            format!("int Process(const char *image) {{ (void)image; return {returned}; }}");
        assert_eq!(Folder::new().compiled(&source).judges("a").0, verdict, "{returned}");
    }
}

#[test]
fn names_arrive_as_they_are_or_not_at_all() {
    let source = r#"#include <string.h>
        unsigned char Process(const char *image) { return strcmp(image, "a\"b ' $(c)") == 0; }"#;
    let echo = Folder::new().compiled(source);
    assert_eq!(echo.judges("a\"b ' $(c)").0, PluginVerdict::Allow);
    let (verdict, reason) = echo.judges("a\0b");
    assert_eq!(verdict, PluginVerdict::Error);
    assert!(reason.contains("NUL"), "{reason}");
}

#[test]
fn verdicts_that_are_none_are_errors() {
    for (process, reason) in [
        ("return 0;", "without a verdict"),
        ("memset(out, 0, sizeof *out); return 0;", "without a verdict"),
        ("out->code = 7; return 0;", "code 7"),
        ("out->code = SD_ALLOW; return 1;", "returned 1"),
        ("out->code = SD_ALLOW; out->reason = bytes(\"\\xff\"); return 0;", "not UTF-8"),
        (
            "static char long_one[5000]; memset(long_one, 'a', 4999); out->code = SD_ALLOW;
             out->reason = bytes(long_one); return 0;",
            "4999 bytes",
        ),
        ("out->code = SD_ERROR; out->reason = bytes(\"offline\"); return 0;", "offline"),
    ] {
        let plugin = Folder::new().compiled(&level_two("", "return 0;", process));
        let (verdict, said) = plugin.judges("a");
        assert_eq!(verdict, PluginVerdict::Error, "{process}");
        assert!(said.contains(reason), "{process}: {said}");
    }
}

#[test]
fn a_denial_stays_one_however_it_is_told() {
    for (told, reason) in [
        ("out->reason = bytes(\"\\xff\");", "denied (its reason is not UTF-8)"),
        (
            "static char long_one[5000]; memset(long_one, 'a', 4999); out->reason = bytes(long_one);",
            "denied (its reason has 4999 bytes, more than 4096)",
        ),
        ("out->reason = bytes(\"no\"); out->pin = bytes(\"\\xff\");", "no"),
        ("", ""),
    ] {
        let process = format!("{told} out->code = SD_DENY; return 0;");
        let plugin = Folder::new().compiled(&level_two("", "return 0;", &process));
        assert_eq!(plugin.judges("a"), (PluginVerdict::Deny, reason.to_owned()), "{told}");
    }
    let pin = "out->pin = bytes(\"\\xff\"); out->code = SD_ALLOW; return 0;";
    let plugin = Folder::new().compiled(&level_two("", "return 0;", pin));
    assert_eq!(plugin.judges("a").0, PluginVerdict::Error);
}

#[test]
fn what_a_plugin_is_asked() {
    let process = r#"out->code = SD_DENY; out->reason = request; return 0;"#;
    let echo = Folder::new().compiled(&level_two("", "return 0;", process)).load().unwrap();
    let opinions = ask(&echo, "team/app:1", r#"{"Image":"team/app:1"}"#);
    let (_, request) = said(&opinions.recv_timeout(PATIENCE).unwrap());
    let request: serde_json::Value = serde_json::from_str(&request).unwrap();
    let expected = serde_json::json!({
        "request_id": "7-1",
        "deadline_ms": request["deadline_ms"],
        "client": {"address": "10.0.0.1:1"},
        "http": {"method": "POST", "path": "/v1.41/containers/create", "api_version": "1.41"},
        "image": {
            "given": "team/app:1", "name": "docker.io/team/app:1", "registry": "docker.io",
            "repository": "team/app", "tag": "1", "digest": null, "id": "sha256:team/app:1",
            "repo_digests": ["a@b"], "present": true,
        },
        "create": {"Image": "team/app:1"},
    });
    assert_eq!(request, expected);
    assert!((1..=PATIENCE.as_millis()).contains(&request["deadline_ms"].as_u64().unwrap().into()));
}

#[test]
fn libraries_that_are_no_plugins_stop_the_start_with_one_line() {
    let table = [
        ("int nothing;".to_owned(), "is not a plugin: it has neither `secdocker_plugin_v2` nor `Process`"),
        ("int secdocker_plugin_v3;".to_owned(), "built for version 3 of the plugin interface, this SecDocker has 2.0"),
        ("int secdocker_plugin_v11;".to_owned(), "built for version 11 of the plugin interface"),
        (
            "int secdocker_plugin_v65536; unsigned char Process(const char *i) { (void)i; return 1; }".to_owned(),
            "built for version 65536 of the plugin interface",
        ),
        (level_two("it.flags = SD_BY_NAME | 8;", "return 0;", "return 0;"), "flags that mean nothing (0x8)"),
        ("void *secdocker_plugin_v2(void) { return 0; }".to_owned(), "has no descriptor"),
        (level_two("it.magic = 1;", "return 0;", "return 0;"), "begins with 0x00000001"),
        (
            level_two("it.abi_major = 3; it.abi_minor = 1;", "return 0;", "return 0;"),
            "built for version 3.1 of the plugin interface, this SecDocker has 2.0",
        ),
        (level_two("it.abi_minor = 1;", "return 0;", "return 0;"), "built for version 2.1"),
        (level_two("it.size = 20;", "return 0;", "return 0;"), "descriptor has 20 bytes, and must have"),
        (level_two("it.process = 0;", "return 0;", "return 0;"), "lacks `open`, `process` or `release`"),
        (level_two("", "return 7;", "return 0;"), "(status 7), and did not say why"),
        (
            level_two("", "why_not->reason = bytes(\"url is\\nmissing\"); return 1;", "return 0;"),
            "url is\\nmissing",
        ),
        (
            "extern int missing(void); unsigned char Process(const char *i) { (void)i; return missing(); }".to_owned(),
            "undefined symbol: missing",
        ),
    ];
    for (source, expected) in table {
        let error = Folder::new().compiled(&source).load().unwrap_err();
        assert!(error.starts_with("plugin x: ") && error.contains(expected), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_library_may_be_for_several_versions_and_may_name_others() {
    let both = level_two("", "return 0;", "out->code = SD_ALLOW; return 0;");
    let both = Folder::new().compiled(&format!("int secdocker_plugin_v3;\n{both}"));
    assert_eq!(both.judges("a").0, PluginVerdict::Allow);
    let names = r#"#include <string.h>
        unsigned char Process(const char *i) { return !strcmp(i, "secdocker_plugin_v3"); }"#;
    assert_eq!(Folder::new().compiled(names).judges("secdocker_plugin_v3").0, PluginVerdict::Allow);
}

#[test]
fn an_opening_that_hangs_stops_the_start_too() {
    let open = "for (;;) pause(); return 0;";
    let source = format!("#include <unistd.h>\n{}", level_two("", open, "return 0;"));
    let folder = Folder::new().compiled(&source);
    let settings = PluginSettings { timeout: Duration::from_millis(1), ..folder.settings() };
    assert_eq!(load(settings).unwrap_err(), "plugin x: it could not be opened in 5s");
}

#[test]
fn libraries_are_where_they_should_be_and_nobody_else_can_write_them() {
    let refusal = |folder: &Folder| folder.load().unwrap_err();
    let process = "unsigned char Process(const char *image) { (void)image; return 1; }";
    let missing = refusal(&Folder::new());
    assert!(
        missing.contains("there is neither") && missing.contains("/plugins/x/libx.so"),
        "{missing}"
    );
    let text = refusal(&Folder::new().with("x.so", "no library").readable());
    assert!(text.contains("cannot load") && text.contains("x.so"), "{text}");
    for (path, mode) in
        [("x.so", 0o757), ("x.so", 0o775), ("", 0o777), ("..", 0o777), ("config.yml", 0o666)]
    {
        let folder = Folder::new().compiled(process).with("config.yml", "");
        fs::set_permissions(folder.at(path), Permissions::from_mode(mode)).unwrap();
        let error = refusal(&folder);
        assert!(error.contains("can be written by others"), "{path}: {error}");
    }
    let unreadable = Folder::new().compiled(process);
    fs::create_dir(unreadable.at("config.yml")).unwrap();
    std::os::unix::fs::symlink("config.yml", unreadable.at("loop")).unwrap();
    fs::remove_dir(unreadable.at("config.yml")).unwrap();
    std::os::unix::fs::symlink("loop", unreadable.at("config.yml")).unwrap();
    let error = refusal(&unreadable);
    assert!(error.contains("cannot read") && error.contains("config.yml"), "{error}");
    // By an explicit path, through a link, and with a name of its own.
    let elsewhere = Folder::new().compiled(process);
    std::os::unix::fs::symlink(elsewhere.at("x.so"), elsewhere.at("link")).unwrap();
    let settings = PluginSettings { library: Some(elsewhere.at("link")), ..elsewhere.settings() };
    assert!(load(settings).is_ok());
    let gone = PluginSettings { library: Some(elsewhere.at("gone")), ..elsewhere.settings() };
    let error = load(gone).unwrap_err();
    assert!(error.contains("there is no") && error.contains("gone"), "{error}");
}

#[test]
fn what_a_link_leads_through_is_looked_at_too() {
    let process = "unsigned char Process(const char *image) { (void)image; return 1; }";
    let real = Folder::new().compiled(process).with("config.yml", "");
    let open = |folder: &Folder| {
        fs::set_permissions(folder.at(""), Permissions::from_mode(0o777)).unwrap();
    };
    // The folder of a link to the library, of one to the plugin's folder, of one to `config.yml`.
    let to_library = Folder::new();
    std::os::unix::fs::symlink(real.at("x.so"), to_library.at("x.so")).unwrap();
    assert!(to_library.load().is_ok());
    open(&to_library);
    let to_folder = Folder::new();
    std::os::unix::fs::symlink(real.at(""), to_folder.at("linked")).unwrap();
    let library = Some(to_folder.at("linked/x.so"));
    let linked = PluginSettings { folder: to_folder.at("linked"), library, ..real.settings() };
    assert!(load(linked.clone()).is_ok());
    open(&to_folder);
    let (to_config, elsewhere) = (Folder::new().compiled(process), Folder::new());
    fs::write(elsewhere.at("c.yml"), "").unwrap();
    fs::set_permissions(elsewhere.at("c.yml"), Permissions::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink(elsewhere.at("c.yml"), to_config.at("config.yml")).unwrap();
    assert!(to_config.load().is_ok());
    open(&elsewhere);
    for result in [to_library.load(), load(linked), to_config.load()] {
        let error = result.unwrap_err();
        assert!(error.contains("/plugins/x") && error.contains("(mode 0777)"), "{error}");
    }
}

#[test]
fn a_library_of_another_user_is_refused() {
    let folder =
        Folder::new().compiled("unsigned char Process(const char *i) { (void)i; return 1; }");
    // Only root can give a file away; elsewhere the check is that of the owner's number alone.
    if std::os::unix::fs::chown(folder.at("x.so"), Some(65_534), None).is_ok() {
        let error = folder.load().unwrap_err();
        assert!(error.contains("belongs to user 65534"), "{error}");
    }
}

#[test]
fn two_plugins_with_the_same_symbols_are_two() {
    let one = Folder::new().compiled("int helper(void) { return 1; } unsigned char Process(const char *i) { (void)i; return helper(); }");
    let two = Folder::new().compiled("int helper(void) { return 0; } unsigned char Process(const char *i) { (void)i; return helper(); }");
    assert_eq!(one.judges("a").0, PluginVerdict::Allow);
    assert_eq!(two.judges("a").0, PluginVerdict::Deny);
}

#[test]
fn a_slow_plugin_scans_one_image_once_and_keeps_what_the_configuration_lets_it() {
    let source = r#"#include <unistd.h>
        static volatile int calls;
        unsigned char Process(const char *image) { (void)image; usleep(200000); return ++calls == 1; }"#;
    let slow = Folder::new().compiled(source);
    let cache = Some(CacheSettings { entries: 8, life: PATIENCE });
    let plugins = load(PluginSettings { cache, ..slow.settings() }).unwrap();
    let all: Vec<_> = (0..50).map(|_| ask(&plugins, "a", "{}")).collect();
    for answers in all.iter().chain([&ask(&plugins, "a", "{}")]) {
        let opinions = answers.recv_timeout(PATIENCE).unwrap();
        assert_eq!(said(&opinions).0, PluginVerdict::Allow, "a second call would deny");
    }
}

#[test]
fn a_plugin_that_hangs_is_left_alone() {
    let source =
        "#include <unistd.h>\nunsigned char Process(const char *i) { (void)i; for (;;) pause(); }";
    let hangs = Folder::new().compiled(source);
    let timeout = Duration::from_millis(100);
    let plugins = load(PluginSettings { timeout, ..hangs.settings() }).unwrap();
    let opinions = ask(&plugins, "a", "{}").recv_timeout(PATIENCE).unwrap();
    assert_eq!(said(&opinions).0, PluginVerdict::Timeout);
}

#[test]
fn the_command_says_what_a_plugin_says() {
    let plugin =
        Folder::new().compiled_from(&Path::new(SOURCE).join("plugins/examples/c/level_one.c"));
    for (image, status, said) in [("app:1", 0, "allow: \n"), ("evil.example/app", 1, "deny: \n")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secdocker"));
        let done = command.arg("plugin-test").args([plugin.at("x.so").as_os_str(), image.as_ref()]);
        let done = done.output().unwrap();
        assert_eq!(done.status.code(), Some(status), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(String::from_utf8_lossy(&done.stdout), said);
    }
}

#[test]
fn a_plugin_that_calls_exit_does_not_end_secdocker_in_silence() {
    let opening = level_two("", "exit(0);", "return 0;");
    let opening = Folder::new().compiled(&format!("#include <stdlib.h>\n{opening}"));
    let config = "dockerapi: /nowhere/docker.sock\nlisten: {tcp: \"127.0.0.1:0\"}\nplugins: [x]\n";
    fs::write(opening.0.join("config.yml"), config).unwrap();
    // A child of its own may end.
    let judging = "#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\n
        unsigned char Process(const char *i) {
            int status; (void)i; if (!fork()) exit(0); wait(&status); exit(status == 0 ? 0 : 1);
        }";
    let judging = Folder::new().compiled(judging);
    let library = judging.at("x.so");
    let library = library.to_str().unwrap();
    for (folder, arguments) in [
        (&opening, &["check", "config.yml"][..]),
        (&opening, &["--config", "config.yml"]),
        (&judging, &["plugin-test", library, "app"]),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secdocker"));
        let done = command.current_dir(&folder.0).args(arguments).output().unwrap();
        let complaint = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert_eq!(
            complaint.matches("secdocker: a plugin has called exit").count(),
            1,
            "{complaint}"
        );
    }
    let log = fs::read_to_string(opening.0.join("secdocker.log")).unwrap();
    assert!(log.contains("reason=\"a plugin has called exit"), "{log}");
}

#[test]
fn the_daemon_is_asked_for_images_only() {
    let process = r#"sd_bytes body = {0};
        int refused = host->docker_get(host->host, bytes("/containers/json"), 100, &body);
        int failed = host->docker_get(host->host, bytes("/images/a/json"), 100, &body);
        out->code = refused == SD_GET_REFUSED && failed == SD_GET_FAILED ? SD_ALLOW : SD_DENY; return 0;"#;
    let asks = Folder::new().compiled(&level_two("", "return 0;", process));
    assert_eq!(asks.judges("a").0, PluginVerdict::Allow);
}

/// The installation of a plugin: the library that cargo built for this test stands where `cargo build` puts it.
#[test]
fn a_plugin_is_installed_as_the_document_says() {
    let block = document::block("docs/CONFIGURATION.md", "install -m 755");
    let commands = block.commands();
    let (build, rest) = commands.split_first().unwrap();
    assert_eq!(build, "cargo build --release -p secdocker-plugin-notary");
    let folder = Folder::new();
    let built = std::env::current_exe().unwrap().with_file_name("libnotary.so");
    fs::create_dir_all(folder.0.join("target/release")).unwrap();
    fs::copy(built, folder.0.join("target/release/libnotary.so")).unwrap();
    fs::write(folder.0.join("config.yml"), "plugins: [notary]\n").unwrap();
    let line = format!("umask 022; set -e; {}", rest.join("; "));
    let line =
        line.replace("secdocker check", &format!("{} check", env!("CARGO_BIN_EXE_secdocker")));
    let done = Command::new("bash").args(["-c", &line]).current_dir(&folder.0).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("notary"), "{line}: {done:?}");
}

/// The lines of C that the document has, built by its command.
#[test]
fn the_shortest_plugin_in_c_is_one() {
    const DOCUMENT: &str = "docs/PLUGINS.md";
    let folder = Folder::new();
    let source = document::block("docs/PLUGINS.md", "strncmp(image").text;
    fs::write(folder.0.join("mine.c"), source).unwrap();
    let text = document::read(DOCUMENT);
    let spans = document::spans(&text);
    let command = spans.iter().find(|span| span.starts_with("cc -shared")).unwrap();
    fs::create_dir_all(folder.0.join("plugins/mine")).unwrap();
    let command = command.replace("-Iplugins", &format!("-I{SOURCE}/plugins"));
    let done = Command::new("bash").args(["-c", &command]).current_dir(&folder.0).output().unwrap();
    assert!(done.status.success(), "{command}: {done:?}");
    fs::copy(folder.0.join("plugins/mine/mine.so"), folder.at("x.so")).unwrap();
    let folder = folder.readable();
    assert_eq!(folder.judges("evil.example/a").0, PluginVerdict::Deny);
    assert_eq!(folder.judges("good.example/a").0, PluginVerdict::Allow);
}
