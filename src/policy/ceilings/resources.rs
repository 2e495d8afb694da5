//! Memory and CPU time: what is asked for, and what is left of it under a ceiling.
//!
//! What the daemon accepts together is in its `verifyPlatformContainerResources`, and what it makes
//! of an update in its `UpdateContainer`.

use std::ops::RangeInclusive;

use super::all::Ceilings;
use crate::policy::types::{Bytes, NanoCpus};

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
    /// `CpuQuota` in microseconds a period; 0 is no limit, and a negative one lifts even `NanoCpus`.
    pub quota: i64,
    /// `CpuRealtimeRuntime` in microseconds: time that no quota counts.
    pub realtime_runtime: i64,
}

/// How the CPU time of a container that is there already is limited. An update in the other way is
/// refused by the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuLimit {
    /// By `NanoCpus`.
    Nano,
    /// By a quota and its period, not at all, or in a way that is not known.
    QuotaOrNone,
}

/// The period the kernel takes when none is given, in microseconds.
const DEFAULT_PERIOD: i64 = 100_000;

/// The smallest quota the kernel takes, in microseconds.
const QUOTA_MIN: i64 = 1_000;

/// The fewest billionths of a CPU that limit anything: of less the daemon makes a quota of 0 in its
/// period of 100,000 microseconds, which is none (seen on 20.10).
const NANOS_MIN: i64 = 10_000;

/// The fewest billionths of a CPU that the kernel takes from the daemon, which makes a quota of them in
/// the usual period.
const NANOS_LEAST: i64 = QUOTA_MIN * NanoCpus::PER_CPU / DEFAULT_PERIOD;

/// The periods that the daemon accepts, in microseconds.
const PERIODS: RangeInclusive<i64> = 1_000..=1_000_000;

impl Ceilings {
    /// The memory settings of a new container.
    ///
    /// Under a ceiling memory and swap together are at most twice the memory, which is the daemon's
    /// own default, and no less than the memory, which the daemon would refuse.
    pub fn memory(&self, ask: MemoryAsk) -> MemoryAsk {
        let Some(ceiling) = self.memory.map(Bytes::get) else {
            return ask;
        };
        let memory = match ask.memory {
            1.. => ask.memory.min(ceiling),
            _ => ceiling,
        };
        let most = memory.saturating_mul(2);
        let swap = match ask.swap {
            0 => 0,
            1.. => ask.swap.clamp(memory, most),
            _ => most,
        };
        MemoryAsk { memory, swap, reservation: ask.reservation.min(memory) }
    }

    /// The memory settings of a container that is there already: 0 leaves a setting as it is, and
    /// what it is was under the ceiling when it was made.
    pub fn memory_update(&self, ask: MemoryAsk) -> MemoryAsk {
        match self.memory.map(Bytes::get) {
            Some(ceiling) if ask.memory == 0 => {
                let most = ceiling.saturating_mul(2);
                MemoryAsk {
                    memory: 0,
                    swap: if ask.swap < 0 { most } else { ask.swap.min(most) },
                    reservation: ask.reservation.min(ceiling),
                }
            }
            Some(_) | None => self.memory(ask),
        }
    }

    /// The CPU settings of a new container. Either way of asking stays as it is within the ceiling.
    /// The daemon refuses both ways together, so what is forced takes the place of a quota.
    pub fn cpu(&self, ask: CpuAsk) -> CpuAsk {
        let Some(ceiling) = self.cpu.map(NanoCpus::get) else {
            return ask;
        };
        let (nano, period, quota) = match ask.nano {
            0 if ask.is_quota_within(ceiling) => (0, ask.period, ask.quota),
            NANOS_MIN.. => (ask.nano.min(ceiling), 0, 0),
            _ => (ceiling, 0, 0),
        };
        CpuAsk { nano, period, quota, realtime_runtime: 0 }
    }

    /// The CPU settings of a container that is there already: what is 0 stays as it is. The daemon
    /// applies an update for itself, so that a period or a quota alone could lift the other half:
    /// both are written. Where `NanoCpus` limits the container, as after a create that named no limit,
    /// they are written as such.
    pub fn cpu_update(&self, ask: CpuAsk, limited: CpuLimit) -> CpuAsk {
        let Some(ceiling) = self.cpu.map(NanoCpus::get) else {
            return ask;
        };
        let ask = CpuAsk { realtime_runtime: 0, ..ask };
        match (ask.nano, ask.period, ask.quota) {
            (0, 0, 0) => ask,
            (0, ..) => match limited {
                CpuLimit::QuotaOrNone => ask.quota_within(ceiling),
                CpuLimit::Nano => ask.quota_within(ceiling).as_nano(ceiling),
            },
            (NANOS_MIN.., ..) => CpuAsk { nano: ask.nano.min(ceiling), period: 0, quota: 0, ..ask },
            _ => CpuAsk { nano: ceiling, period: 0, quota: 0, ..ask },
        }
    }
}

impl CpuAsk {
    /// A quota and its period, at most `ceiling` billionths of a CPU. A period in which the ceiling
    /// is less than the kernel can count gives way to the usual one.
    fn quota_within(self, ceiling: i64) -> Self {
        let quota_of = |period: i64| {
            let quota = i128::from(ceiling) * i128::from(period) / i128::from(NanoCpus::PER_CPU);
            i64::try_from(quota).unwrap_or(i64::MAX)
        };
        let period = if self.period > 0 { self.period } else { DEFAULT_PERIOD };
        match quota_of(period) {
            ..QUOTA_MIN => Self { period: DEFAULT_PERIOD, quota: quota_of(DEFAULT_PERIOD), ..self },
            most if self.quota > 0 => Self { period, quota: self.quota.min(most), ..self },
            most => Self { period, quota: most, ..self },
        }
    }

    /// The same limit as `NanoCpus`, or the least that the kernel takes if the ceiling allows it.
    fn as_nano(self, ceiling: i64) -> Self {
        let nano = i128::from(self.quota) * i128::from(NanoCpus::PER_CPU);
        let nano = nano / i128::from(self.period.max(1));
        let nano = i64::try_from(nano).unwrap_or(i64::MAX).max(NANOS_LEAST).min(ceiling);
        Self { nano, period: 0, quota: 0, ..self }
    }

    /// Whether the quota is a limit, and one of at most so many billionths of a CPU.
    fn is_quota_within(&self, ceiling: i64) -> bool {
        let period = match self.period {
            0 => DEFAULT_PERIOD,
            period => period,
        };
        let asked = i128::from(self.quota) * i128::from(NanoCpus::PER_CPU);
        self.quota > 0
            && PERIODS.contains(&period)
            && asked <= i128::from(ceiling) * i128::from(period)
    }
}
