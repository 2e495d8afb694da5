//! What `general` forces, and what of a container it may change.

use serde_json::{Value, json};

/// Ceilings and nothing else.
pub(crate) const RULES: &str = "\
general:
  memory: 1g
  cpu: 0.5
  user: '1000'
  environment: [FORCED=1]
  secopts: [no-new-privileges]
  capdrop: [NET_RAW]
  capadd: [SYSLOG]
";
const MEMORY_MAX: i64 = 1 << 30;

const CONFIG: [&str; 2] = ["User", "Env"];
const HOST_CONFIG: [&str; 10] = [
    "Memory",
    "MemorySwap",
    "MemoryReservation",
    "NanoCpus",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimeRuntime",
    "SecurityOpt",
    "CapDrop",
    "CapAdd",
];

/// A container without what is forced.
pub(crate) fn rest(container: &Value) -> Value {
    let mut rest = container.clone();
    for (within, names) in [("Config", &CONFIG[..]), ("HostConfig", &HOST_CONFIG[..])] {
        for name in names {
            rest[within][name].take();
        }
    }
    rest
}

/// What of a container is not as it must be, if anything.
pub(crate) fn lacks(container: &Value) -> Option<&'static str> {
    let (config, host) = (&container["Config"], &container["HostConfig"]);
    let number = |name: &str| host[name].as_i64().unwrap_or_default();
    let holds = |value: &Value, text: &str| {
        value.as_array().is_some_and(|list| list.contains(&json!(text)))
    };
    let (nano, period, quota) = (number("NanoCpus"), number("CpuPeriod"), number("CpuQuota"));
    let period = if period == 0 { 100_000 } else { period };
    [
        ("memory", (1..=MEMORY_MAX).contains(&number("Memory"))),
        ("swap", (0..=2 * MEMORY_MAX).contains(&number("MemorySwap"))),
        ("cpu", (1..=500_000_000).contains(&nano) || (quota > 0 && quota * 2 <= period)),
        ("user", config["User"] == "1000"),
        ("environment", holds(&config["Env"], "FORCED=1")),
        ("secopts", holds(&host["SecurityOpt"], "no-new-privileges")),
        ("capdrop", holds(&host["CapDrop"], "NET_RAW") || holds(&host["CapDrop"], "CAP_NET_RAW")),
        ("capadd", holds(&host["CapAdd"], "SYSLOG") || holds(&host["CapAdd"], "CAP_SYSLOG")),
    ]
    .into_iter()
    .find_map(|(what, is_forced)| (!is_forced).then_some(what))
}
