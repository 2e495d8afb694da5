//! `scripts/install-missing` on machines that are not ready: another program installs packages, there is no apt, or nothing
//! is missing at all. What it calls is played.

use crate::command::Folder;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output};

/// The programs of this machine that the script itself needs.
const NEEDED: [&str; 9] = ["bash", "dirname", "grep", "cat", "mktemp", "rm", "env", "sleep", "sed"];

/// A machine: a path of few programs.
struct Machine(Folder);

impl Machine {
    fn new(name: &str) -> Machine {
        let machine = Machine(Folder::new(name));
        fs::create_dir_all(machine.0.path("bin")).unwrap();
        for program in NEEDED {
            let found = ["/usr/bin", "/bin"].map(|folder| format!("{folder}/{program}"));
            let found = found.iter().find(|path| fs::exists(path).unwrap()).unwrap();
            symlink(found, machine.0.path(&format!("bin/{program}"))).unwrap();
        }
        machine.has("id", "echo 0");
        machine.has("cargo", "exit 1");
        // It reads what it is given: its end would be that of whoever writes.
        machine.has("cc", "cat >/dev/null");
        for program in ["qemu-aarch64-static", "debootstrap", "systemd-nspawn", "pgrep"] {
            machine.has(program, "exit 0");
        }
        // The tools that cargo builds are there.
        let script =
            fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install-missing"))
                .unwrap();
        let tools = script.split("package ] || tools=(").nth(1).unwrap().split(')').next().unwrap();
        let built = tools.split(' ').map(|tool| tool.split_once('=').unwrap());
        let built: String =
            built.map(|(name, version)| format!("\"{name} {version} (x)\" = []\n")).collect();
        machine.0.write(".crates.toml", &built);
        machine
    }

    fn has(&self, program: &str, script: &str) {
        let path = format!("bin/{program}");
        self.0.write(&path, &format!("#!/bin/bash\n{script}\n"));
        fs::set_permissions(self.0.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn install(&self) -> Output {
        let mut command = Command::new("/bin/bash");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install-missing")).arg("package");
        command.env_clear().env("PATH", self.0.path("bin")).env("SECDOCKER_TOOLS", self.0.path(""));
        command.env("HOME", self.0.path("")).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_lock_that_another_program_holds_is_waited_for() {
    let machine = Machine::new("locked");
    let calls = machine.0.path("calls").display().to_string();
    let script = format!(
        "echo \"$@\" >>{calls}\n[ \"$(grep -c . {calls})\" -gt 2 ] && exit 0\n\
         echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7' >&2\nexit 100"
    );
    machine.has("apt-get", &script);
    let output = machine.install();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "installing lintian: missing here");
    assert!(
        lines[1].starts_with("another program installs packages: waiting for it, 600 s"),
        "{said}"
    );
    assert!(lines[2].starts_with("installed in "), "{said}");
    let called = machine.0.read("calls");
    assert_eq!(called.matches("update").count(), 3, "{called}");
    assert!(
        called.contains("DPkg::Lock::Timeout=600 install -y --no-install-recommends lintian"),
        "{called}"
    );
}

#[test]
fn without_apt_it_says_what_to_install_by_hand() {
    let machine = Machine::new("without-apt");
    let output = machine.install();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert_eq!(said, "error: no apt-get here: install these by hand: lintian\n");
}

#[test]
fn it_needs_no_apt_where_everything_is_there() {
    let machine = Machine::new("ready");
    machine.has("lintian", "exit 0");
    let output = machine.install();
    assert_eq!(
        (output.status.code(), text(&output.stdout), text(&output.stderr)),
        (Some(0), String::new(), String::new())
    );
}

#[test]
fn another_failure_of_apt_is_shown_at_once() {
    let machine = Machine::new("failing");
    machine.has("apt-get", "echo 'E: Unable to locate package lintian' >&2; exit 100");
    let output = machine.install();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("Unable to locate package") && said.contains("could not install: lintian"),
        "{said}"
    );
}
