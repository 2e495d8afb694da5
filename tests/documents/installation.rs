//! The installation, below a folder in place of `/`.

use crate::command::Folder;
use crate::document;
use std::fs;
use std::process::Command;

const DEPLOYMENT: &str = "docs/DEPLOYMENT.md";

/// What of the document is run: `cargo` has built the program for this test, and systemd is not started.
#[test]
fn it_is_installed_as_the_document_says() {
    let folder = Folder::new("documents-install");
    let below = folder.path("").display().to_string();
    let below = below.trim_end_matches('/');
    let commands = document::block(DEPLOYMENT, "install -D").commands();
    let (others, installs): (Vec<_>, Vec<_>) =
        commands.iter().partition(|command| !command.starts_with("install "));
    let expected = [
        "cargo build --release --locked",
        "adduser --system --group --no-create-home secdocker",
        "systemctl enable --now secdocker",
    ];
    assert_eq!(others, expected);
    let mut installed = Vec::new();
    for command in installs {
        let command = command.replace("target/release/secdocker", env!("CARGO_BIN_EXE_secdocker"));
        let (source, target) = command.rsplit_once(" /").unwrap();
        let line = format!("{source} {below}/{target}");
        let done = Command::new("bash").args(["-c", &line]).current_dir(document::root()).status();
        assert!(done.unwrap().success(), "{line}");
        installed.push(format!("/{target}"));
    }
    // The unit starts what was put there, with what was put there.
    let unit = fs::read_to_string(folder.path("etc/systemd/system/secdocker.service")).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let [program, "--config", config] = start.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{start}")
    };
    // A name alone is looked for in the usual folders (systemd.service(5)).
    let program = format!("/usr/local/bin/{program}");
    for path in [&program, config] {
        assert!(installed.iter().any(|there| there == path), "{path} is installed: {installed:?}");
    }
    assert!(unit.contains("\nUser=secdocker\n"), "{unit}");
    let check = format!("check {below}{config}");
    let (status, said, complaint) = folder.run(&check, "");
    assert_eq!((status, complaint.as_str()), (Some(0), ""), "{said}");
    let text = document::read(DEPLOYMENT);
    let log = "/var/log/secdocker/secdocker.log";
    let rotated = fs::read_to_string(folder.path("etc/logrotate.d/secdocker")).unwrap();
    assert!(text.contains(log) && rotated.starts_with(log), "{rotated}");
    assert!(unit.contains("WorkingDirectory=/var/log/secdocker"), "{unit}");
}
