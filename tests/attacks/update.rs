//! Raising, later, what a ceiling held down at the start.
//!
//! The engine applies to the running container what the request names, and nothing else: what the
//! request leaves out keeps its value, but takes no part in the arithmetic.

use super::attack::{Outcome, host};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    let gib = 1_073_741_824_i64;
    let memory = json!({"Memory": gib, "MemorySwap": 2 * gib});
    let share = json!({"NanoCpus": 250_000_000});
    let quota = json!({"CpuPeriod": 100_000, "CpuQuota": 25_000});
    vec![
        raises(
            "update of memory",
            "plainly",
            &memory,
            json!({"Memory": 8 * gib, "MemorySwap": 8 * gib}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["Memory"].as_i64() > Some(1 << 30))),
        raises(
            "update of memory with endless swap, created only",
            "-1 means all",
            &memory,
            json!({"Memory": 8 * gib, "MemorySwap": -1}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["Memory"].as_i64() > Some(1 << 30))),
        raises("update of swap alone", "-1 means all", &memory, json!({"MemorySwap": -1}))
            .works_when(Probe::container(|it| it["HostConfig"]["MemorySwap"] == -1)),
        raises(
            "update of swap to more",
            "swap is memory too",
            &memory,
            json!({"MemorySwap": 16 * gib}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["MemorySwap"].as_i64() > Some(2 << 30))),
        raises("update of cpu", "plainly", &share, json!({"NanoCpus": 1_500_000_000})).works_when(
            Probe::container(|it| it["HostConfig"]["NanoCpus"].as_i64() > Some(250_000_000)),
        ),
        raises(
            "update of a quota beside a share",
            "the kernel's quota is gone, inspect keeps the share",
            &share,
            json!({"CpuQuota": -1}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["CpuQuota"] == -1)),
        raises(
            "update of a quota",
            "a quota over a period is a share",
            &quota,
            json!({"CpuQuota": 150_000}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["CpuQuota"] == 150_000)),
        raises("update of a quota to none", "-1 means none", &quota, json!({"CpuQuota": -1}))
            .works_when(Probe::container(|it| it["HostConfig"]["CpuQuota"] == -1)),
        raises(
            "update of a period alone",
            "the same quota over less time is more",
            &quota,
            json!({"CpuPeriod": 10_000}),
        )
        .works_when(Probe::container(|it| cpus(it) > 0.25)),
        raises(
            "update of a period alone, after a smaller quota",
            "each half of a share is asked for by itself",
            &json!({"CpuPeriod": 100_000, "CpuQuota": 20_000}),
            json!({"CpuPeriod": 5_000}),
        )
        .works_when(Probe::container(|it| cpus(it) > 0.25)),
        // What is forced on a create that names no limit is a share.
        Attack::new("update of a quota where no limit was asked for, to more", "there was none")
            .send(Step::create(host(json!({}))))
            .send(Step::start())
            .send(Step::post(
                "/containers/@name@/update",
                json!({"CpuPeriod": 100_000, "CpuQuota": 90_000}),
            ))
            .works_when(Probe::container(|it| cpus(it) > 0.25 || nanos(it) > 250_000_000))
            .only_tightened(),
        lowers(
            "update of a quota where no limit was asked for",
            json!({"CpuPeriod": 100_000, "CpuQuota": 10_000}),
        ),
        lowers("update of a quota alone where no limit was asked for", json!({"CpuQuota": 10_000})),
        lowers("update of a share where no limit was asked for", json!({"NanoCpus": 100_000_000})),
        raises(
            "update with keys in another case, created only",
            "fields are matched without case",
            &memory,
            json!({"memory": 8 * gib, "memorySWAP": -1}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["Memory"].as_i64() > Some(1 << 30))),
        Attack {
            outcome: Outcome::Passes,
            ..raises(
                "update to less",
                "lowering is allowed",
                &memory,
                json!({"Memory": gib / 4, "MemorySwap": gib / 2}),
            )
        }
        .works_when(Probe::container(|it| it["HostConfig"]["Memory"] == 1 << 28)),
    ]
}

/// The CPUs that a quota gives in its period.
fn cpus(it: &Value) -> f64 {
    let number = |field: &str| it["HostConfig"][field].as_f64().unwrap_or_default();
    number("CpuQuota") / number("CpuPeriod").max(1.0)
}

fn nanos(it: &Value) -> i64 {
    it["HostConfig"]["NanoCpus"].as_i64().unwrap_or_default()
}

/// Less than the ceiling, of a container that was made the same way and without a limit of its own.
fn lowers(name: &'static str, update: Value) -> Attack {
    Attack::harmless(name, "lowering is allowed, in either way")
        .send(Step::create(host(json!({}))))
        .send(Step::start())
        .send(Step::post("/containers/@name@/update", update))
        .works_when(Probe::container(|it| {
            let quota = it["HostConfig"]["CpuQuota"].as_i64();
            quota == Some(10_000) || nanos(it) == 100_000_000
        }))
}

/// An update of a running container, or, as the name may say, of one that was only created: the
/// kernel of a running one accepts some values only in a certain order.
fn raises(name: &'static str, why: &'static str, at_first: &Value, update: Value) -> Attack {
    let created = Attack::new(name, why).setup(Step::create(host(at_first.clone())));
    let ready = if name.ends_with("created only") { created } else { created.setup(Step::start()) };
    ready.send(Step::post("/containers/@name@/update", update)).only_tightened()
}
