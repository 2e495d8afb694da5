//! The configuration while the command runs: changes take effect, broken ones don't.
#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

mod command;

use std::os::unix::fs::symlink;

use command::Folder;

const DAEMON: &str = "dockerapi: /nowhere/docker.sock\n";

#[test]
fn the_example_is_valid() {
    let folder = Folder::new("example");
    folder.write("config.yml", include_str!("../config.yml"));
    let (status, text, complaint) = folder.run("check config.yml", "");
    assert_eq!((status, complaint.as_str()), (Some(0), ""), "{text}");
}

#[test]
fn every_mistake_is_reported_at_once_each_on_its_line() {
    let folder = Folder::new("every");
    folder.write(
        "config.yml",
        "restrictions:\n  ports: [0]\n  mounts:\n    - etc\ngeneral:\n  memory: 1z\n",
    );
    let complaint = "\
secdocker: config.yml:2: restrictions.ports[0]: `0` is not a port from 1 to 65535 or a range of them
secdocker: config.yml:4: restrictions.mounts[0]: `etc` is not an absolute path
secdocker: config.yml:6: general.memory: `1z` is not a size such as 512m, 1g or a number of bytes
";
    assert_eq!(folder.run("check", ""), (Some(2), String::new(), complaint.into()));
}

#[test]
fn a_seccomp_profile_is_looked_for_beside_the_configuration() {
    let folder = Folder::new("profile");
    std::fs::create_dir(folder.path("etc")).unwrap();
    folder.write("etc/profile.json", "{\n  \"defaultAction\": \"SCMP_ACT_ERRNO\"\n}\n");
    folder.write("etc/config.yml", "general:\n  secopts:\n    - seccomp=profile.json\n");
    let (status, body, complaint) =
        folder.run("explain --config etc/config.yml -", "{\"Image\":\"a\"}");
    assert_eq!(status, Some(0), "{complaint}");
    assert!(body.contains(r#"seccomp={\"defaultAction\":\"SCMP_ACT_ERRNO\"}"#), "{body}");
}

#[test]
fn a_changed_file_takes_effect_and_a_broken_one_does_not() {
    let folder = Folder::new("reload");
    folder.write("config.yml", DAEMON);
    let proxy = folder.start("--listen 127.0.0.1:0");
    folder.write("config.yml", &format!("{DAEMON}restrictions:\n  ports: [many]\n"));
    proxy.wait_for(
        "level=error msg=\"configuration refused, the old one stays in force\" \
         reason=\"config.yml:3: restrictions.ports[0]: `many` is not a port",
    );
    // Written as editors do.
    folder.write("draft", &format!("{DAEMON}restrictions:\n  ports: [22]\n"));
    std::fs::rename(folder.path("draft"), folder.path("config.yml")).unwrap();
    proxy.wait_for("level=info msg=\"configuration reloaded\" file=config.yml");
    assert_eq!(proxy.stop().code(), Some(0));
}

#[test]
fn what_only_a_restart_changes_is_said() {
    let folder = Folder::new("restart");
    folder.write("config.yml", DAEMON);
    let proxy = folder.start("--listen 127.0.0.1:0");
    folder.write("config.yml", &format!("{DAEMON}listen:\n  loops: 7\nlog:\n  file: other.log\n"));
    proxy.wait_for(
        "level=warning msg=\"changed keys take effect after a restart\" keys=\"listen.loops, log.file\"",
    );
    assert_eq!(proxy.stop().code(), Some(0));
}

#[test]
fn a_swapped_link_and_sighup_reload_too() {
    let folder = Folder::new("swap");
    for version in ["v1", "v2"] {
        std::fs::create_dir(folder.path(version)).unwrap();
        folder.write(&format!("{version}/config.yml"), DAEMON);
    }
    symlink("v1", folder.path("..data")).unwrap();
    symlink("..data/config.yml", folder.path("config.yml")).unwrap();
    let proxy = folder.start("--listen 127.0.0.1:0");
    symlink("v2", folder.path("..new")).unwrap();
    std::fs::rename(folder.path("..new"), folder.path("..data")).unwrap();
    proxy.wait_for("msg=\"configuration reloaded\"");
    let before = folder.read("secdocker.log").lines().count();
    proxy.signal("HUP");
    proxy.wait_for("msg=\"log reopened\"");
    assert_eq!(proxy.stop().code(), Some(0));
    let log = folder.read("secdocker.log");
    let after = log.lines().skip(before).filter(|line| line.contains("configuration reloaded"));
    assert_eq!(after.count(), 1, "{log}");
}

/// A file that is cut on its way is a valid one without rules: it lifts none of them.
#[test]
fn a_file_that_lost_all_its_restrictions_is_not_taken_by_itself() {
    let folder = Folder::new("emptied");
    let rules = "restrictions:\n  ports: [22]\n  privileged: true\n";
    folder.write("config.yml", &format!("{DAEMON}{rules}"));
    let proxy = folder.start("--listen 127.0.0.1:0");
    for emptied in
        [DAEMON.to_owned(), format!("{DAEMON}restrictions:\n"), "strict: false\n".to_owned()]
    {
        folder.write("secdocker.log", "");
        folder.write("config.yml", &emptied);
        proxy.wait_for(
            "reason=\"it has no `restrictions` any more: those in force stay until SIGHUP",
        );
        assert!(!folder.read("secdocker.log").contains("configuration reloaded"), "{emptied}");
    }
    folder.write("secdocker.log", "");
    folder.write("config.yml", DAEMON);
    proxy.signal("HUP");
    proxy.wait_for("msg=\"configuration reloaded\"");
    // What was asked for is in force: from there on nothing is lost.
    folder.write("secdocker.log", "");
    folder.write("config.yml", &format!("{DAEMON}limits:\n  body_rate: 1k\n"));
    proxy.wait_for("msg=\"configuration reloaded\"");
    assert_eq!(proxy.stop().code(), Some(0));
}

#[test]
fn a_file_is_read_when_its_writer_has_closed_it() {
    use std::io::Write;
    let folder = Folder::new("midwrite");
    let before = format!("{DAEMON}restrictions:\n  ports: [22]\n  mounts: [/root]\n");
    folder.write("config.yml", &before);
    let proxy = folder.start("--listen 127.0.0.1:0");
    let mut writer = std::fs::File::create(folder.path("config.yml")).unwrap();
    for line in [DAEMON, "restrictions:\n", "  ports: [23]\n", "  privileged: true\n"] {
        writer.write_all(line.as_bytes()).unwrap();
        // Something beside it wakes whoever watches the folder.
        folder.write("draft", line);
        std::fs::rename(folder.path("draft"), folder.path("beside")).unwrap();
    }
    drop(writer);
    proxy.wait_for("msg=\"configuration reloaded\"");
    assert_eq!(proxy.stop().code(), Some(0));
    let log = folder.read("secdocker.log");
    assert_eq!(log.matches("configuration").count(), 1, "{log}");
}
