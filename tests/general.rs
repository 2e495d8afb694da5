//! What `general` forces is really in force in the running container: read from its control group
//! and from `/proc`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use serde_json::{Value, json};
use std::fs;
use support::{Daemon, Docker, SecDocker, Way, unique};

const GENERAL: &str = "\
general:
  memory: 512m
  cpu: 0.25
  user: '1000:1001'
  environment: [MY_ENV=true, OTHER=a=b]
  secopts: [no-new-privileges]
  capdrop: [NET_RAW]
  capadd: [NET_ADMIN]
";

/// A container's first process, as the host's kernel sees it.
struct Process(u64);

impl Process {
    fn file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.0)).unwrap()
    }

    fn status(&self, key: &str) -> String {
        let status = self.file("status");
        let line = status.lines().find(|line| line.starts_with(&format!("{key}:"))).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    }

    fn has_capability(&self, bit: u32) -> bool {
        u64::from_str_radix(&self.status("CapBnd"), 16).unwrap() & (1 << bit) != 0
    }

    fn environment(&self) -> Vec<String> {
        self.file("environ").trim_end_matches('\0').split('\0').map(ToOwned::to_owned).collect()
    }

    /// A file of its control group: by the controller's name in version 1, alone in version 2.
    fn cgroup(&self, controller: &str, file_v1: &str, file_v2: &str) -> String {
        for line in self.file("cgroup").lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next().unwrap(), parts.next().unwrap());
            let file = match controllers {
                "" => format!("/sys/fs/cgroup{path}/{file_v2}"),
                _ if controllers.split(',').any(|name| name == controller) => {
                    format!("/sys/fs/cgroup/{controllers}{path}/{file_v1}")
                }
                _ => continue,
            };
            if let Ok(text) = fs::read_to_string(&file) {
                return text.trim().to_owned();
            }
        }
        panic!("no {controller} in {}", self.file("cgroup"))
    }

    fn memory_bytes(&self) -> String {
        self.cgroup("memory", "memory.limit_in_bytes", "memory.max")
    }

    /// Microseconds of CPU time in each period.
    fn cpu(&self) -> (u64, u64) {
        let max = self.cgroup("cpu", "cpu.cfs_quota_us", "cpu.max");
        let mut words = max.split_whitespace();
        let quota = words.next().unwrap().parse().unwrap();
        let period = words
            .next()
            .map_or_else(|| self.cgroup("cpu", "cpu.cfs_period_us", "cpu.max"), ToOwned::to_owned);
        (quota, period.parse().unwrap())
    }
}

/// Runs a container with these arguments through SecDocker and shows its process to `look`.
#[track_caller]
fn run(general: &str, arguments: &[&str], look: impl Fn(&Process, &Value)) {
    let secdocker = SecDocker::before(Daemon::shared(), general);
    let name = unique("forced");
    let mut all = vec!["run", "-d", "--name", &name];
    all.extend(arguments);
    all.extend(["probe:1", "sleep", "1000"]);
    Docker::on(&secdocker).run(&all).ok();
    let api = Daemon::shared().api();
    look(&Process(api.pid(&name)), &api.inspect(&name));
    api.remove(&name);
}

#[test]
fn who_asks_for_nothing_gets_all_of_it() {
    run(GENERAL, &[], |process, inspect| {
        assert_eq!(process.memory_bytes(), "536870912");
        assert_eq!(process.cpu(), (25_000, 100_000));
        assert_eq!(process.status("Uid"), "1000 1000 1000 1000");
        assert_eq!(process.status("Gid"), "1001 1001 1001 1001");
        assert_eq!(process.status("NoNewPrivs"), "1");
        let environment = process.environment();
        for variable in ["MY_ENV=true", "OTHER=a=b"] {
            assert!(environment.iter().any(|v| v == variable), "{variable}: {environment:?}");
        }
        // The kernel's numbers of CAP_NET_ADMIN and CAP_NET_RAW.
        assert!(process.has_capability(12), "NET_ADMIN: {}", process.status("CapBnd"));
        assert!(!process.has_capability(13), "NET_RAW: {}", process.status("CapBnd"));
        assert_eq!(inspect["HostConfig"]["MemorySwap"], 2 * 536_870_912_u64);
    });
}

#[test]
fn who_asks_for_more_gets_the_ceiling() {
    let arguments = "--memory 2g --memory-swap -1 --cpus 1.5 --user 0 --env MY_ENV=false \
                     --env X=y --cap-add NET_RAW --cap-add SYS_NICE";
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    run(GENERAL, &arguments, |process, _| {
        assert_eq!(process.memory_bytes(), "536870912");
        assert_eq!(process.cpu(), (25_000, 100_000));
        assert_eq!(process.status("Uid"), "1000 1000 1000 1000");
        let environment = process.environment();
        let mine: Vec<&String> = environment.iter().filter(|v| v.starts_with("MY_ENV=")).collect();
        assert_eq!(mine, ["MY_ENV=true"], "{environment:?}");
        assert!(environment.iter().any(|v| v == "X=y"), "{environment:?}");
        assert!(!process.has_capability(13), "NET_RAW: {}", process.status("CapBnd"));
        assert!(process.has_capability(23), "SYS_NICE: {}", process.status("CapBnd"));
    });
}

#[test]
fn who_asks_for_less_gets_less() {
    let arguments = ["--memory", "64m", "--memory-swap", "96m", "--cpus", "0.1"];
    run(GENERAL, &arguments, |process, inspect| {
        assert_eq!(process.memory_bytes(), "67108864");
        assert_eq!(process.cpu(), (10_000, 100_000));
        assert_eq!(inspect["HostConfig"]["MemorySwap"], 96 << 20);
    });
}

#[test]
fn a_cpu_quota_is_held_to_the_ceiling_too() {
    let more = ["--cpu-period", "50000", "--cpu-quota", "50000"];
    run("general:\n  cpu: 0.5\n", &more, |process, _| {
        let (quota, period) = process.cpu();
        assert_eq!(quota * 2, period, "half a CPU at most");
    });
    let less = ["--cpu-period", "50000", "--cpu-quota", "5000"];
    run("general:\n  cpu: 0.5\n", &less, |process, _| {
        assert_eq!(process.cpu(), (5_000, 50_000));
    });
}

#[test]
fn each_key_alone_forces_nothing_else() {
    let arguments = ["--memory", "64m", "--user", "7:8", "--env", "A=b"];
    run("general:\n  environment: [C=d]\n", &arguments, |process, inspect| {
        assert_eq!(process.memory_bytes(), "67108864");
        assert_eq!(process.status("Uid"), "7 7 7 7");
        assert_eq!(inspect["HostConfig"]["NanoCpus"], 0);
        assert_eq!(process.status("NoNewPrivs"), "0");
        let environment = process.environment();
        for variable in ["A=b", "C=d"] {
            assert!(environment.iter().any(|v| v == variable), "{variable}: {environment:?}");
        }
    });
}

/// The oldest API versions take the limits at the top level of the body.
#[test]
fn limits_at_the_top_level_are_held_too() {
    let secdocker = SecDocker::before(Daemon::shared(), GENERAL);
    let api = Daemon::shared().api();
    let bodies = [
        json!({"Image": "probe:1", "Cmd": ["true"], "Memory": 6_000_000_000_u64}),
        json!({"Image": "probe:1", "Cmd": ["true"], "Memory": 6_000_000_000_u64, "HostConfig": {}}),
        json!({"image": "probe:1", "cmd": ["true"], "hostconfig": {"memory": 6_000_000_000_u64}}),
    ];
    for body in bodies {
        let name = unique("top");
        let target = format!("/containers/create?name={name}");
        let answer = secdocker.connect().ask(support::client::post(&target, body.to_string()));
        assert_eq!(answer.status, 201, "{body}: {}", answer.text());
        assert_eq!(api.inspect(&name)["HostConfig"]["Memory"], 536_870_912, "{body}");
        api.remove(&name);
    }
}

/// `users` forbids root, but what runs is the forced user, so a request without one is allowed.
#[test]
fn the_forced_user_is_the_one_that_is_judged() {
    let rules = "restrictions:\n  users: [root]\ngeneral:\n  user: '1000'\n";
    run(rules, &[], |process, _| assert_eq!(process.status("Uid"), "1000 1000 1000 1000"));
}
