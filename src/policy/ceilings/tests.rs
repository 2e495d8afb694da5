#![expect(clippy::unwrap_used, reason = "a failed test should say where")]
use super::*;
use crate::policy::types::Bytes;
use crate::policy::types::Capability;
use crate::policy::types::EnvironmentEntry;
use crate::policy::types::NanoCpus;
use crate::policy::types::SecurityOption;
use proptest::prelude::*;

const MIB: i64 = 1 << 20;

fn ceilings() -> Ceilings {
    Ceilings {
        memory: Some(Bytes::parse("1g").unwrap()),
        cpu: Some(NanoCpus::parse("0.5").unwrap()),
        ..Ceilings::default()
    }
}

#[test]
fn memory_in_mebibytes() {
    let table = [
        ((0, 0, 0), (1024, 0, 0)),
        ((512, 0, 0), (512, 0, 0)),
        ((1024, 0, 0), (1024, 0, 0)),
        ((8192, 0, 0), (1024, 0, 0)),
        ((-1, 0, 0), (1024, 0, 0)),
        ((8192, -1, 0), (1024, 2048, 0)),
        ((512, -1, 0), (512, 1024, 0)),
        ((512, 600, 0), (512, 600, 0)),
        ((8192, 16384, 0), (1024, 2048, 0)),
        ((0, 512, 0), (1024, 1024, 0)),
        ((8192, 1500, 0), (1024, 1500, 0)),
        ((8192, 0, 4096), (1024, 0, 1024)),
        ((512, 0, 256), (512, 0, 256)),
        ((512, -2, -1), (512, 1024, -1)),
    ];
    let ask = |(memory, swap, reservation): (i64, i64, i64)| {
        let mib = |count: i64| if count < 0 { count } else { count * MIB };
        MemoryAsk { memory: mib(memory), swap: mib(swap), reservation: mib(reservation) }
    };
    for (asked, expected) in table {
        assert_eq!(ceilings().memory(ask(asked)), ask(expected), "{asked:?}");
        assert_eq!(Ceilings::default().memory(ask(asked)), ask(asked));
    }
    let extreme = MemoryAsk { memory: i64::MAX, swap: i64::MIN, reservation: i64::MAX };
    assert_eq!(ceilings().memory(extreme).memory, 1 << 30);
}

#[test]
fn cpu() {
    const HALF: i64 = 500_000_000;
    let table = [
        ((0, 0, 0, 0), (HALF, 0, 0, 0)),
        ((HALF, 0, 0, 0), (HALF, 0, 0, 0)),
        ((HALF / 2, 0, 0, 0), (HALF / 2, 0, 0, 0)),
        ((HALF * 2, 0, 0, 0), (HALF, 0, 0, 0)),
        ((0, 0, 50_000, 0), (0, 0, 50_000, 0)),
        ((0, 0, 50_001, 0), (HALF, 0, 0, 0)),
        ((0, 10_000, 5_000, 0), (0, 10_000, 5_000, 0)),
        ((0, 1_000, 5_000, 0), (HALF, 0, 0, 0)),
        ((0, 50_000, 0, 0), (HALF, 0, 0, 0)),
        ((0, 50_000, -1, 0), (HALF, 0, 0, 0)),
        ((-5, 0, 0, 0), (HALF, 0, 0, 0)),
        ((HALF, 0, 0, 95_000), (HALF, 0, 0, 0)),
        ((0, 1, i64::MAX, 0), (HALF, 0, 0, 0)),
        ((0, 3_000, 1_500, 0), (0, 3_000, 1_500, 0)),
        ((0, 3_001, 1_501, 0), (HALF, 0, 0, 0)),
        ((0, i64::MAX, 5_000, 0), (HALF, 0, 0, 0)),
        ((0, -100_000, 5_000, 0), (HALF, 0, 0, 0)),
        // The daemon takes a negative quota beside NanoCpus, and lifts the limit.
        ((HALF / 2, 0, -1, 0), (HALF / 2, 0, 0, 0)),
        ((HALF / 2, 100_000, 90_000, 0), (HALF / 2, 0, 0, 0)),
        ((i64::MIN, 0, 50_000, 0), (HALF, 0, 0, 0)),
    ];
    let ask =
        |(nano, period, quota, realtime_runtime)| CpuAsk { nano, period, quota, realtime_runtime };
    for (asked, expected) in table {
        assert_eq!(ceilings().cpu(ask(asked)), ask(expected), "{asked:?}");
        assert_eq!(Ceilings::default().cpu(ask(asked)), ask(asked));
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn lists() {
    let ceilings = Ceilings {
        environment: vec![EnvironmentEntry::parse("A=forced").unwrap()],
        secopts: vec![SecurityOption::parse("seccomp=builtin").unwrap()],
        capdrop: vec![Capability::parse("CAP_net_raw").unwrap()],
        capadd: vec![Capability::parse("chown").unwrap()],
        ..Ceilings::default()
    };
    let forced = |entry: &&&str| ceilings.forces_variable(entry);
    let asked = ["B=1", "A=mine", "A", "AB=2", "A=", "", "a=1"];
    assert_eq!(asked.iter().filter(forced).collect::<Vec<_>>(), [&"A=mine", &"A", &"A="]);
    assert_eq!(ceilings.forced_variables(), texts(&["A=forced"]));
    assert_eq!(
        ceilings.security_options(texts(&["seccomp:unconfined", "label=disable"])),
        texts(&["label=disable", "seccomp=builtin"])
    );
    let (add, drop) =
        ceilings.capabilities(texts(&["NET_RAW", "SYS_TIME"]), texts(&["cap_chown", "KILL"]));
    assert_eq!((add, drop), (texts(&["SYS_TIME", "CHOWN"]), texts(&["KILL", "NET_RAW"])));
    let all = Ceilings { capdrop: vec![Capability::parse("all").unwrap()], ..Ceilings::default() };
    let (add, drop) = all.capabilities(texts(&["NET_RAW", "ALL"]), Vec::new());
    assert_eq!((add, drop), (Vec::new(), texts(&["ALL"])));
}

#[test]
fn an_update_leaves_what_it_does_not_name() {
    let memory = |memory, swap, reservation| MemoryAsk {
        memory: memory * MIB,
        swap: if swap < 0 { swap } else { swap * MIB },
        reservation: reservation * MIB,
    };
    for (asked, expected) in [
        (memory(0, 0, 0), memory(0, 0, 0)),
        (memory(0, -1, 0), memory(0, 2048, 0)),
        (memory(0, 9999, 9999), memory(0, 2048, 1024)),
        (memory(0, 100, 10), memory(0, 100, 10)),
        (memory(9999, 0, 0), memory(1024, 0, 0)),
        (memory(512, -1, 0), memory(512, 1024, 0)),
    ] {
        assert_eq!(ceilings().memory_update(asked), expected, "{asked:?}");
        assert_eq!(Ceilings::default().memory_update(asked), asked);
    }
    const HALF: i64 = 500_000_000;
    let cpu = |nano, period, quota| CpuAsk { nano, period, quota, realtime_runtime: 0 };
    for (asked, expected) in [
        (cpu(0, 0, 0), cpu(0, 0, 0)),
        (cpu(0, 0, 40_000), cpu(0, 100_000, 40_000)),
        (cpu(0, 0, 60_000), cpu(0, 100_000, 50_000)),
        (cpu(0, 10_000, 0), cpu(0, 10_000, 5_000)),
        (cpu(0, 1_000, 0), cpu(0, 100_000, 50_000)),
        (cpu(0, 0, -1), cpu(0, 100_000, 50_000)),
        (cpu(9_999, 0, 0), cpu(HALF, 0, 0)),
        (cpu(2 * HALF, 0, 0), cpu(HALF, 0, 0)),
    ] {
        let limited = CpuLimit::QuotaOrNone;
        assert_eq!(ceilings().cpu_update(asked, limited), expected, "{asked:?}");
        assert_eq!(Ceilings::default().cpu_update(asked, limited), asked);
    }
    for (asked, nano) in [
        (cpu(0, 0, 0), 0),
        (cpu(0, 0, 40_000), 400_000_000),
        (cpu(0, 50_000, 40_000), HALF),
        (cpu(0, 0, -1), HALF),
        (cpu(0, 1_000_000, 1_000), 10_000_000),
        (cpu(2 * HALF, 0, 0), HALF),
    ] {
        let forced = ceilings().cpu_update(asked, CpuLimit::Nano);
        assert_eq!(forced, cpu(nano, 0, 0), "{asked:?}");
        assert_eq!(Ceilings::default().cpu_update(asked, CpuLimit::Nano), asked);
    }
    let least = Ceilings { cpu: Some(NanoCpus::parse("0.01").unwrap()), ..Ceilings::default() };
    let forced = least.cpu_update(cpu(0, 0, 1_000_000), CpuLimit::Nano);
    assert_eq!(forced, cpu(10_000_000, 0, 0));
}

#[test]
fn capabilities_that_are_forced_stay_forced() {
    let parse = |list: &[&str]| -> Vec<Capability> {
        list.iter().map(|text| Capability::parse(text).unwrap()).collect()
    };
    // Forced additions and drops, asked additions and drops, forwarded additions and drops.
    type List = &'static [&'static str];
    let table: [[List; 6]; 9] = [
        [&[], &[], &["x", "ALL"], &["y"], &["x", "ALL"], &["y"]],
        [&[], &["SYS_ADMIN"], &["\u{17f}ys_adm\u{131}n", "KILL"], &[], &["KILL"], &["SYS_ADMIN"]],
        [&[], &["SYS_ADMIN"], &["all"], &[], &["all"], &["SYS_ADMIN"]],
        [&[], &["ALL"], &["cap_net_raw", "ALL", "NEW_ONE"], &[], &[], &["ALL"]],
        [&["CHOWN"], &["ALL"], &["KILL"], &[], &["CHOWN"], &["ALL"]],
        [&["CHOWN"], &[], &["ALL"], &["cap_chown", "KILL"], &["ALL", "CHOWN"], &["KILL"]],
        [&["CHOWN"], &[], &[], &["ALL"], &["CHOWN"], &["ALL"]],
        [&["ALL"], &[], &["KILL"], &["ALL", "NET_RAW"], &["KILL", "ALL"], &["NET_RAW"]],
        [&["CHOWN"], &["CHOWN"], &["CHOWN"], &[], &[], &["CHOWN"]],
    ];
    for row in table {
        let [forced_add, forced_drop, add, drop, added, dropped] = row;
        let ceilings = Ceilings {
            capadd: parse(forced_add),
            capdrop: parse(forced_drop),
            ..Ceilings::default()
        };
        let forwarded = ceilings.capabilities(texts(add), texts(drop));
        assert_eq!(forwarded, (texts(added), texts(dropped)), "{row:?}");
    }
}

#[test]
fn the_later_of_two_forced_variables_counts() {
    let ceilings = Ceilings {
        environment: ["A=1", "B=2", "A=3"]
            .map(|text| EnvironmentEntry::parse(text).unwrap())
            .to_vec(),
        ..Ceilings::default()
    };
    assert_eq!(ceilings.forced_variables(), texts(&["B=2", "A=3"]));
    assert!(!ceilings.forces_nothing() && Ceilings::default().forces_nothing());
}

proptest! {
    #[test]
    fn nothing_asked_lifts_a_ceiling(
        [memory, swap, reservation] in any::<[i64; 3]>(),
        [nano, period, quota, realtime_runtime] in any::<[i64; 4]>(),
    ) {
        let given = ceilings().memory(MemoryAsk { memory, swap, reservation });
        let most = 1 << 30;
        prop_assert!((1..=most).contains(&given.memory) && given.reservation <= given.memory);
        prop_assert!(given.swap == 0 || (given.memory..=given.memory * 2).contains(&given.swap));
        let given = ceilings().cpu(CpuAsk { nano, period, quota, realtime_runtime });
        prop_assert_eq!(given.realtime_runtime, 0);
        prop_assert!(given.quota > 0 && given.nano == 0 || (1..=500_000_000).contains(&given.nano));
        prop_assert!(given.nano == 0 || (given.period, given.quota) == (0, 0));
        prop_assert_eq!(ceilings().cpu(given), given);
    }

    #[test]
    fn quotas_are_compared_exactly(period in 1_000_i64..=1_000_000, quota in 1_i64..=2_000_000) {
        let given = ceilings().cpu(CpuAsk { period, quota, ..CpuAsk::default() });
        prop_assert_eq!(given.nano == 0, quota * 2 <= period);
    }
}
