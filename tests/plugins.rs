//! Plugins in front of a real engine: what clients and the log see of them.
#![cfg(feature = "plugins")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;
use support::client::post;
use support::daemon::IMAGE;
use support::{Client, Daemon, Docker, SecDocker, Way, firewall, sandbox, unique, until};

/// Tells of each call, and returns from those about images named `slow…` when a file is there. What it
/// is asked with what stands in the file it denies.
const GATED: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "secdocker_plugin.h"
static const sd_host *host;
static int begin(const sd_host *given, sd_bytes config, void **state, sd_verdict *why_not) {
    (void)config, (void)state, (void)why_not;
    host = given;
    return 0;
}
static int judge(void *state, sd_bytes request, sd_verdict *out) {
    (void)state;
    char given[200] = {0};
    for (size_t at = 0; at + 9 < request.len && !given[0]; at++)
        if (memcmp(request.ptr + at, "\"given\":\"", 9) == 0)
            for (size_t n = 0; n < 199 && request.ptr[at + 9 + n] != '"'; n++) given[n] = request.ptr[at + 9 + n];
    char line[220] = "asked about ";
    strcat(line, given);
    host->log(host->host, SD_LOG_INFO, (sd_bytes){(const uint8_t *)line, strlen(line)});
    while (strncmp(given, "slow", 4) == 0 && access(GATE, F_OK) != 0) usleep(10000);
    static const char reason[] = "6 vulnerabilities, limit 5";
    out->code = strncmp(given, "bad", 3) == 0 ? SD_DENY : SD_ALLOW;
    if (strncmp(given, "odd", 3) == 0) out->code = SD_ERROR;
    char banned[80] = {0};
    FILE *gate = fopen(GATE, "r");
    if (gate && fread(banned, 1, sizeof banned - 1, gate) > 0
        && memmem(request.ptr, request.len, banned, strlen(banned))) out->code = SD_DENY;
    if (gate) fclose(gate);
    out->reason = (sd_bytes){(const uint8_t *)reason, sizeof reason - 1};
    return 0;
}
static void release(void *state, sd_verdict *out) { (void)state, (void)out; }
const sd_plugin *secdocker_plugin_v2(void) {
    static const sd_plugin plugin = {.magic = SD_MAGIC, .size = sizeof(sd_plugin), .abi_major = SD_ABI_MAJOR,
        .abi_minor = SD_ABI_MINOR, .flags = SD_CONCURRENT, .name = "gated", .version = "1", .open = begin,
        .process = judge, .release = release};
    return &plugin;
}
"#;

/// A folder with the plugin, and the file that opens its gate.
struct Gated {
    folder: PathBuf,
}

impl Gated {
    fn new() -> Self {
        let gated = Self { folder: sandbox::directory("plugin") };
        let source = gated.folder.join("gated.c");
        fs::write(&source, GATED).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(gated.folder.join("gated.so"));
        cc.arg(format!("-DGATE=\"{}\"", gated.gate().display()));
        cc.arg(concat!("-I", env!("CARGO_MANIFEST_DIR"), "/plugins/interface")).arg(source);
        let done = cc.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        gated
    }

    fn gate(&self) -> PathBuf {
        self.folder.join("gate")
    }

    fn config(&self, settings: &str) -> String {
        let library = self.folder.join("gated.so");
        format!("plugins:\n- name: anchore\n  path: {}\n{settings}", library.display())
    }
}

fn create(client: &mut Client, image: &str) {
    let body = format!(r#"{{"Image":"{image}"}}"#);
    client.send(post("/containers/create", body));
}

#[test]
fn an_image_that_a_plugin_dislikes_is_refused_with_its_reason() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let secdocker = SecDocker::before(daemon, &plugin.config(""));
    let docker = Docker::on(&secdocker);
    let name = unique("liked");
    let liked = docker.run(&["create", "--name", &name, IMAGE, "true"]);
    assert!(liked.status.success(), "{liked}");
    docker.run(&["rm", &name]);
    let fails = |image: &str| {
        let refused = docker.run(&["create", image, "true"]);
        assert!(!refused.status.success(), "{refused}");
        refused.to_string()
    };
    let refused = fails("bad:1");
    let message = "SecDocker: plugin anchore: 6 vulnerabilities, limit 5";
    assert!(refused.contains(message), "{refused}");
    let failed = fails("odd:1");
    assert!(failed.contains("SecDocker: plugin anchore failed, see SecDocker's log"), "{failed}");
    secdocker.logs("msg=\"plugin loaded\" plugin=anchore");
    secdocker.logs("msg=\"plugin says\" plugin=anchore text=\"asked about bad:1\"");
    let line = secdocker.logs("image=\"bad:1\"");
    assert!(line.contains("verdict=deny") && line.contains("refuses=yes"), "{line}");
    assert!(line.contains(" request="), "{line}");
    let line = secdocker.logs("image=\"odd:1\"");
    assert!(line.contains("verdict=error") && line.contains("limit 5"), "{line}");
    secdocker.logs("msg=\"request refused by a plugin\"");
}

#[test]
fn calls_that_hang_hold_up_nobody_else_and_a_client_that_leaves_is_forgotten() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let config = plugin.config("  concurrency: 1\nplugin_threads: 2\n");
    let secdocker = SecDocker::before(daemon, &config);
    let mut hung: Vec<_> = (0..10).map(|_| secdocker.connect()).collect();
    for (number, client) in hung.iter_mut().enumerate() {
        create(client, &format!("slow:{number}"));
    }
    secdocker.logs("asked about slow:");
    let before = secdocker.descriptors();
    let mut leaves = secdocker.connect();
    create(&mut leaves, "left:1");
    let received = || secdocker.log().matches("msg=\"request received\"").count();
    until("all requests to be there", || (received() == 11).then_some(()));
    drop(leaves);
    until("the client's end to be noticed", || (secdocker.descriptors() <= before).then_some(()));
    let mut stays = secdocker.connect();
    create(&mut stays, "stays:1");
    let mut other = secdocker.connect();
    other.send("GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n");
    assert_eq!(other.answer().status, 200);
    fs::write(plugin.gate(), "").unwrap();
    // None of these images is there, which only the engine can say.
    for client in hung.iter_mut().chain([&mut stays]) {
        assert_eq!(client.answer().status, 404);
    }
    secdocker.logs("asked about stays:1");
    assert!(!secdocker.log().contains("asked about left:1"), "{}", secdocker.log());
}

#[test]
fn clients_that_leave_while_a_call_hangs_leave_no_bodies_behind() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let secdocker = SecDocker::before(daemon, &plugin.config("  concurrency: 1\n"));
    let mut hangs = secdocker.connect();
    create(&mut hangs, "slow:1");
    secdocker.logs("asked about slow:1");
    let (descriptors, resident) = (secdocker.descriptors(), secdocker.resident_kib());
    let received = || secdocker.log().matches("msg=\"request received\"").count();
    for number in 2..32 {
        let mut leaves = secdocker.connect();
        let label = "x".repeat(3 << 20);
        let body = json!({"Image": format!("left:{number}"), "Labels": {"a": label}});
        leaves.send(post("/containers/create", body.to_string()));
        until("the request to be there", || (received() == number).then_some(()));
        drop(leaves);
        until("its end to be noticed", || (secdocker.descriptors() <= descriptors).then_some(()));
    }
    let grown = secdocker.resident_kib().saturating_sub(resident);
    assert!(grown < 40 << 10, "{grown} KiB for 90 MiB that are gone");
    fs::write(plugin.gate(), "").unwrap();
    assert_eq!(hangs.answer().status, 404);
    assert!(!secdocker.log().contains("asked about left:"), "{}", secdocker.log());
}

#[test]
fn an_image_that_is_exchanged_while_it_is_judged_is_judged_again() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let secdocker = SecDocker::before(daemon, &plugin.config(""));
    let (docker, direct) = (Docker::on(&secdocker), Docker::on(daemon));
    let (name, evil) = (format!("slow-{}", unique("name")), unique("evil"));
    direct.run(&["tag", IMAGE, &name]).ok();
    let created = daemon.api().create(&evil, &json!({"Image": IMAGE, "Cmd": ["evil"]}));
    assert_eq!(created.status, 201, "{}", created.text());
    let banned = direct.run(&["commit", &evil, &evil]).ok();
    direct.run(&["rm", &evil]).ok();
    let mut client = secdocker.connect();
    create(&mut client, &name);
    secdocker.logs(&format!("asked about {name}"));
    // Through SecDocker: it has seen that something has changed.
    docker.run(&["tag", &evil, &name]).ok();
    fs::write(plugin.gate(), banned.trim()).unwrap();
    let answer = client.answer();
    assert_eq!(answer.status, 403, "{}", answer.text());
    let times = || secdocker.log().matches(&format!("asked about {name}")).count();
    until("the plugin's second call to be in the log", || (times() == 2).then_some(()));
    // It is called so no more, and what the engine says of it arrives.
    docker.run(&["tag", IMAGE, &name]).ok();
    create(&mut client, &name);
    assert_eq!(client.answer().message(), "No command specified");
}

/// Makes an image of its own, and gives its identifier.
fn make_image(daemon: &Daemon, name: &str, change: &str) -> String {
    let created = daemon.api().create(name, &json!({"Image": IMAGE, "Cmd": [name]}));
    assert_eq!(created.status, 201, "{}", created.text());
    let direct = Docker::on(daemon);
    let id = direct.run(&["commit", "--change", change, name, name]).ok();
    direct.run(&["rm", name]).ok();
    id.trim().to_owned()
}

fn create_named(client: &mut Client, name: &str, image: &str) {
    let body = json!({"Image": image, "Cmd": ["true"]}).to_string();
    client.send(post(&format!("/containers/create?name={name}"), body));
}

#[test]
fn rules_judge_what_the_name_means_when_plugins_have_agreed() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let restricted = format!("restrictions:\n  users: [root]\n{}", plugin.config(""));
    let secdocker = SecDocker::before(daemon, &restricted);
    let (docker, direct) = (Docker::on(&secdocker), Docker::on(daemon));
    let (name, user) = (format!("slow-{}", unique("name")), unique("user"));
    make_image(daemon, &user, "USER 1000");
    direct.run(&["tag", &user, &name]).ok();
    let mut client = secdocker.connect();
    create_named(&mut client, &unique("escapes"), &name);
    secdocker.logs(&format!("asked about {name}"));
    docker.run(&["tag", IMAGE, &name]).ok();
    fs::write(plugin.gate(), "").unwrap();
    let answer = client.answer();
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.message().contains("root"), "{}", answer.message());
}

#[test]
fn a_container_is_made_of_the_image_that_was_judged_whatever_happens_beside() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let secdocker = SecDocker::before(daemon, &plugin.config(""));
    let direct = Docker::on(daemon);
    let (name, evil) = (format!("slow-{}", unique("name")), unique("evil"));
    let id = direct.run(&["image", "inspect", "-f", "{{.Id}}", IMAGE]).ok();
    make_image(daemon, &evil, "LABEL evil=yes");
    direct.run(&["tag", IMAGE, &name]).ok();
    let mut client = secdocker.connect();
    let container = unique("judged");
    create_named(&mut client, &container, &name);
    secdocker.logs(&format!("asked about {name}"));
    // SecDocker can't see this, and believes for a while what the name meant.
    direct.run(&["tag", &evil, &name]).ok();
    fs::write(plugin.gate(), "").unwrap();
    let answer = client.answer();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let runs = direct.run(&["inspect", "-f", "{{.Image}}", &container]).ok();
    assert_eq!(runs, id);
    secdocker.logs(&format!("changes=\"Image={}\"", id.trim()));
    direct.run(&["rm", &container]).ok();
}

#[test]
fn an_image_that_comes_while_plugins_think_is_judged() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let secdocker = SecDocker::before(daemon, &plugin.config(""));
    let direct = Docker::on(daemon);
    let (name, evil) = (format!("slow-{}", unique("absent")), unique("evil"));
    let banned = make_image(daemon, &evil, "LABEL evil=yes");
    let mut client = secdocker.connect();
    create_named(&mut client, &unique("escapes"), &name);
    secdocker.logs(&format!("asked about {name}"));
    direct.run(&["tag", &evil, &name]).ok();
    fs::write(plugin.gate(), &banned).unwrap();
    let answer = client.answer();
    assert_eq!(answer.status, 403, "{}", answer.text());
    // Of one that stays away the answer is ours, so that clients fetch it.
    Docker::on(&secdocker).run(&["rmi", &name]).ok();
    create_named(&mut client, &unique("escapes"), &name);
    let answer = client.answer();
    let missing = format!("No such image: {name}:latest");
    assert_eq!((answer.status, answer.message()), (404, missing));
}

#[test]
fn a_request_that_waits_for_plugins_is_judged_by_the_rules_that_came_meanwhile() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let secdocker = SecDocker::before(daemon, &plugin.config(""));
    let mut client = secdocker.connect();
    create(&mut client, "slow:1");
    secdocker.logs("asked about slow:1");
    let restricted = format!("restrictions:\n  images: ['slow:1']\n{}", plugin.config(""));
    secdocker.reload(&firewall::config(&daemon.socket(), &restricted));
    fs::write(plugin.gate(), "").unwrap();
    let answer = client.answer();
    assert_eq!(answer.status, 403, "{}", answer.text());
}

#[test]
fn an_identifier_is_told_as_one_however_short() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let secdocker = SecDocker::before(daemon, &plugin.config(""));
    let id = Docker::on(daemon).run(&["image", "inspect", "-f", "{{.Id}}", IMAGE]).ok();
    let digits = id.trim().strip_prefix("sha256:").unwrap();
    fs::write(plugin.gate(), r#""registry":"docker.io""#).unwrap();
    let mut client = secdocker.connect();
    for (image, status) in [
        (IMAGE, 403),
        (digits, 400),
        (id.trim(), 400),
        (&digits[..12], 400),
        (&id.trim()[.."sha256:".len() + 12], 400),
    ] {
        create(&mut client, image);
        let answer = client.answer();
        assert_eq!(answer.status, status, "{image}: {}", answer.message());
    }
}

#[test]
fn a_hung_call_is_a_503_in_time_or_allowed_if_so_configured() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    for (settings, status) in [("", 503), ("  on_timeout: allow\n", 404)] {
        let config = plugin.config(&format!("  timeout: 200ms\n{settings}"));
        let secdocker = SecDocker::before(daemon, &config);
        let mut client = secdocker.connect();
        create(&mut client, "slow:1");
        let answer = client.answer();
        assert_eq!(answer.status, status, "{}", answer.message());
        if status == 503 {
            assert_eq!(answer.message(), "SecDocker: plugin anchore has not answered in time");
        }
        secdocker.logs("verdict=timeout");
        secdocker.logs("msg=\"plugin trouble\" plugin=anchore");
    }
}

#[test]
fn a_stop_does_not_wait_for_a_call_that_hangs() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let config = plugin.config("limits:\n  shutdown_time: 200ms\n");
    let mut secdocker = SecDocker::before(daemon, &config);
    let mut client = secdocker.connect();
    create(&mut client, "slow:1");
    secdocker.logs("asked about slow:1");
    secdocker.signal(Signal::TERM);
    assert!(secdocker.wait().code().is_some(), "it ended of itself");
    assert!(client.is_closed());
}

#[test]
fn pulls_are_asked_about_if_so_configured() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let secdocker = SecDocker::before(daemon, &plugin.config("  when: [pull]\n"));
    let mut client = secdocker.connect();
    client.send("POST /images/create?fromImage=bad&tag=1 HTTP/1.1\r\nHost: d\r\n\r\n");
    assert_eq!(client.answer().message(), "SecDocker: plugin anchore: 6 vulnerabilities, limit 5");
    create(&mut client, "bad:1");
    assert_eq!(client.answer().status, 404, "nobody asks about containers");
}

#[test]
fn plugins_stay_those_of_the_start() {
    let (daemon, plugin) = (Daemon::shared(), Gated::new());
    let secdocker = SecDocker::before(daemon, &plugin.config(""));
    fs::write(secdocker.config_path(), firewall::config(&daemon.socket(), "")).unwrap();
    secdocker.logs("keys=plugins");
    let mut client = secdocker.connect();
    create(&mut client, "bad:1");
    assert_eq!(client.answer().status, 403);
}

#[test]
fn a_plugin_that_cannot_be_used_stops_the_start_with_one_line() {
    let folder = sandbox::directory("broken");
    fs::write(folder.join("config.yml"), "plugins: [nowhere]\n").unwrap();
    for command in [vec!["check", "config.yml"], vec!["--config", "config.yml"]] {
        let done = firewall::command().current_dir(&folder).args(command).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!((done.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(
            said.contains("plugin nowhere: there is neither plugins/nowhere/nowhere.so nor"),
            "{said}"
        );
    }
    until("the reason in the log", || {
        let log = fs::read_to_string(folder.join("secdocker.log")).ok()?;
        log.contains("plugin nowhere: there is neither").then_some(())
    });
}
