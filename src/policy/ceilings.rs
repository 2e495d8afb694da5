//! What is forced on what is allowed: arithmetic and lists, without knowing where they stand.

use super::types::{Bytes, Capability, EnvironmentEntry, NanoCpus, SecurityOption, UserSpec};

/// All that is forced. What is absent is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// The most memory.
    pub memory: Option<Bytes>,
    /// The most CPU time.
    pub cpu: Option<NanoCpus>,
    /// The user that runs, whatever was asked for.
    pub user: Option<UserSpec>,
    /// Variables that are set, or set differently.
    pub environment: Vec<EnvironmentEntry>,
    /// Security options that are added, or given another value.
    pub secopts: Vec<SecurityOption>,
    /// Capabilities that are dropped.
    pub capdrop: Vec<Capability>,
    /// Capabilities that are added.
    pub capadd: Vec<Capability>,
}

/// The memory settings of a request, in bytes, as the Engine API has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryAsk {
    /// `Memory`; 0 is no limit.
    pub memory: i64,
    /// `MemorySwap`: memory and swap together; 0 is twice the memory, -1 no limit.
    pub swap: i64,
    /// `MemoryReservation`; 0 is none.
    pub reservation: i64,
}

/// The CPU settings of a request, as the Engine API has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuAsk {
    /// `NanoCpus`: billionths of a CPU; 0 is no limit.
    pub nano: i64,
    /// `CpuPeriod` in microseconds; 0 is 100,000.
    pub period: i64,
    /// `CpuQuota` in microseconds a period; 0 or less is no limit.
    pub quota: i64,
    /// `CpuRealtimeRuntime` in microseconds: time that no quota counts.
    pub realtime_runtime: i64,
}

/// The period the kernel takes when none is given, in microseconds.
const DEFAULT_PERIOD: i64 = 100_000;

impl Ceilings {
    /// The memory settings that are forwarded.
    ///
    /// Under a ceiling memory and swap together are at most twice the memory, which is the daemon's
    /// own default, and no less than the memory, which the daemon would refuse.
    pub fn memory(&self, ask: MemoryAsk) -> MemoryAsk {
        let Some(ceiling) = self.memory.map(Bytes::get) else {
            return ask;
        };
        let memory = if ask.memory <= 0 { ceiling } else { ask.memory.min(ceiling) };
        let most = memory.saturating_mul(2);
        let swap = match ask.swap {
            0 => 0,
            ..0 => most,
            swap => swap.clamp(memory, most),
        };
        MemoryAsk { memory, swap, reservation: ask.reservation.min(memory) }
    }

    /// The CPU settings that are forwarded. A quota within the ceiling stays as it is; the daemon
    /// refuses one beside `NanoCpus`, so what is forced takes its place.
    pub fn cpu(&self, ask: CpuAsk) -> CpuAsk {
        let Some(ceiling) = self.cpu.map(NanoCpus::get) else {
            return ask;
        };
        let ask = CpuAsk { realtime_runtime: 0, ..ask };
        let within = match (ask.nano, ask.quota) {
            (1.., _) => ask.nano <= ceiling,
            (_, 1..) => ask.quota_in_nanos() <= i128::from(ceiling),
            _ => false,
        };
        if within { ask } else { CpuAsk { nano: ceiling, period: 0, quota: 0, ..ask } }
    }

    /// The variables that are forwarded: those asked for in their order, without those that are
    /// forced, and then the forced ones.
    pub fn environment(&self, asked: Vec<String>) -> Vec<String> {
        let is_forced = |entry: &String| {
            let name = entry.split('=').next().unwrap_or_default();
            self.environment.iter().any(|forced| forced.name() == name)
        };
        let kept = asked.into_iter().filter(|entry| !is_forced(entry));
        kept.chain(self.environment.iter().map(EnvironmentEntry::to_entry)).collect()
    }

    /// The security options that are forwarded: a forced one takes the place of one with its name.
    pub fn security_options(&self, asked: Vec<String>) -> Vec<String> {
        let is_forced = |entry: &String| {
            let option = SecurityOption::parse(entry);
            option.is_ok_and(|option| self.forces_option(&option))
        };
        let kept = asked.into_iter().filter(|entry| !is_forced(entry));
        kept.chain(self.secopts.iter().map(SecurityOption::to_entry)).collect()
    }

    /// Whether an option of this name is forced. `label` may stand several times, once a part.
    fn forces_option(&self, asked: &SecurityOption) -> bool {
        self.secopts.iter().any(|forced| forced.name() == asked.name())
    }

    /// The capabilities that are forwarded, first the added and then the dropped ones.
    ///
    /// A forced drop removes the same requested addition, and `ALL` every one; a forced addition
    /// removes the same requested drop.
    pub fn capabilities(&self, add: Vec<String>, drop: Vec<String>) -> (Vec<String>, Vec<String>) {
        let stays = |entry: &String, forced: &[Capability]| {
            Capability::parse(entry)
                .is_ok_and(|asked| !forced.iter().any(|forced| *forced == asked || forced.is_all()))
        };
        let exact = |entry: &String, forced: &[Capability]| {
            Capability::parse(entry).is_ok_and(|asked| !forced.contains(&asked))
        };
        let added = add.into_iter().filter(|entry| {
            (self.capdrop.is_empty() || stays(entry, &self.capdrop)) && exact(entry, &self.capadd)
                || Capability::parse(entry).is_err()
        });
        let dropped = drop.into_iter().filter(|entry| {
            exact(entry, &self.capadd) && exact(entry, &self.capdrop)
                || Capability::parse(entry).is_err()
        });
        let names =
            |forced: &[Capability]| forced.iter().map(Capability::to_string).collect::<Vec<_>>();
        (added.chain(names(&self.capadd)).collect(), dropped.chain(names(&self.capdrop)).collect())
    }
}

impl CpuAsk {
    fn quota_in_nanos(&self) -> i128 {
        let period = if self.period > 0 { self.period } else { DEFAULT_PERIOD };
        i128::from(self.quota) * i128::from(NanoCpus::PER_CPU) / i128::from(period)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

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
        ];
        let ask = |(nano, period, quota, realtime_runtime)| CpuAsk {
            nano,
            period,
            quota,
            realtime_runtime,
        };
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
        assert_eq!(
            ceilings.environment(texts(&["B=1", "A=mine", "A", "AB=2"])),
            texts(&["B=1", "AB=2", "A=forced"])
        );
        assert_eq!(
            ceilings.security_options(texts(&["seccomp:unconfined", "label=disable"])),
            texts(&["label=disable", "seccomp=builtin"])
        );
        let (add, drop) =
            ceilings.capabilities(texts(&["NET_RAW", "SYS_TIME"]), texts(&["cap_chown", "KILL"]));
        assert_eq!((add, drop), (texts(&["SYS_TIME", "CHOWN"]), texts(&["KILL", "NET_RAW"])));
        let all =
            Ceilings { capdrop: vec![Capability::parse("all").unwrap()], ..Ceilings::default() };
        let (add, drop) = all.capabilities(texts(&["NET_RAW", "ALL"]), Vec::new());
        assert_eq!((add, drop), (Vec::new(), texts(&["ALL"])));
    }
}
