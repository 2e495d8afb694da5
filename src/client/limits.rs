//! What one entry's clients may have and do, all of them together. Time is given to it.
//!
//! A limit of so many in a time is a bucket of as many tokens, which fills evenly: after a quiet minute a
//! whole minute's worth may come at once. It is kept as the time at which it will be full again (a
//! virtual-scheduling GCRA), one atomic number, so that loops share it without a lock.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The limits of an entry; what is not named has none of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Open connections.
    pub connections: Option<NonZeroU32>,
    /// Requests, whatever they ask for.
    pub requests_per_second: Option<NonZeroU32>,
    /// Requests that make something, or start a process.
    pub creates_per_minute: Option<NonZeroU32>,
    /// Containers that are there, running or not.
    pub containers: Option<NonZeroU32>,
}

/// A limit that is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitMet {
    key: &'static str,
    max: NonZeroU32,
    /// When it is worth trying again.
    pub retry_after: Duration,
}

impl LimitMet {
    /// When a client should come again, in whole seconds.
    #[must_use]
    pub fn retry_after_seconds(&self) -> NonZeroU32 {
        let seconds = u32::try_from(self.retry_after.as_secs()).unwrap_or(u32::MAX);
        let whole = seconds.saturating_add(u32::from(self.retry_after.subsec_nanos() > 0));
        NonZeroU32::new(whole).unwrap_or(NonZeroU32::MIN)
    }
}

/// How soon to try again where nobody can tell.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl fmt::Display for LimitMet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, max, .. } = self;
        match *key {
            "connections" => write!(f, "more than {max} connections"),
            "requests_per_second" => write!(f, "more than {max} requests per second"),
            "creates_per_minute" => write!(f, "more than {max} creates per minute"),
            _ => write!(f, "more than {max} containers"),
        }?;
        write!(f, " (`limits.{key}`), try again")
    }
}

/// What is counted of one entry. It outlives a reload, so that none starts afresh by it.
#[derive(Debug)]
pub struct Counters {
    /// The times in the buckets count from here.
    epoch: Instant,
    connections: AtomicUsize,
    requests: Bucket,
    creates: Bucket,
    /// Requests under way of which each may make a container.
    making: AtomicUsize,
    /// Those of them whose answer nobody waits for any longer: the daemon may carry them out yet.
    cut: AtomicUsize,
    /// How many of these had been seen, and when the last of them was, in nanoseconds.
    cut_seen: AtomicUsize,
    cut_seen_at: AtomicU64,
}

/// How long a request counts as under way whose answer nobody waits for.
const CUT_COUNTS: Duration = Duration::from_secs(30);

impl Counters {
    /// Nothing was counted yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            connections: AtomicUsize::new(0),
            requests: Bucket::default(),
            creates: Bucket::default(),
            making: AtomicUsize::new(0),
            cut: AtomicUsize::new(0),
            cut_seen: AtomicUsize::new(0),
            cut_seen_at: AtomicU64::new(0),
        }
    }

    /// Forgets requests that were cut, once the last of them is long ago.
    fn forget_cut(&self, now: Instant) {
        let cut = self.cut.load(Ordering::Relaxed);
        if cut == 0 {
            return;
        }
        let now = now.saturating_duration_since(self.epoch).as_nanos();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        if self.cut_seen.swap(cut, Ordering::Relaxed) != cut {
            return self.cut_seen_at.store(now, Ordering::Relaxed);
        }
        let waited = now.saturating_sub(self.cut_seen_at.load(Ordering::Relaxed));
        let is_over = u128::from(waited) >= CUT_COUNTS.as_nanos();
        let forgets = |cut, none| {
            self.cut.compare_exchange(cut, none, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        // Of two that come here at once one forgets them.
        if is_over && forgets(cut, 0) {
            self.cut_seen.store(0, Ordering::Relaxed);
            self.making.fetch_sub(cut, Ordering::Relaxed);
        }
    }
}

/// An entry's limits, and what is counted of it.
#[derive(Debug, Clone)]
pub struct Share {
    limits: Limits,
    counters: Arc<Counters>,
}

impl Share {
    /// These limits on what was counted so far.
    #[must_use]
    pub fn new(limits: Limits, counters: Arc<Counters>) -> Self {
        Self { limits, counters }
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What is counted.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Counts a connection for as long as the answer lives.
    ///
    /// # Errors
    /// [`LimitMet`] if there are as many as may be; nothing is counted then.
    pub fn connect(&self) -> Result<Counted, LimitMet> {
        let counted = self.connect_anyway();
        let count = self.counters.connections.load(Ordering::Relaxed);
        match self.limits.connections {
            Some(max) if count > max.get() as usize => {
                Err(LimitMet { key: "connections", max, retry_after: RETRY_AFTER })
            }
            _ => Ok(counted),
        }
    }

    /// Counts a connection that is open already.
    #[must_use]
    pub fn connect_anyway(&self) -> Counted {
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(&self.counters))
    }

    /// Counts a request that may make a container, until it is answered; to be called before it is asked how
    /// many there are. Nothing if there is no limit.
    #[must_use]
    pub fn make(&self, now: Instant) -> Option<Making> {
        self.limits.containers?;
        self.counters.forget_cut(now);
        let position = self.counters.making.fetch_add(1, Ordering::Relaxed) + 1;
        Some(Making { counters: Arc::clone(&self.counters), position, is_answered: false })
    }

    /// Whether one more may be made beside those that are there.
    ///
    /// # Errors
    /// [`LimitMet`] if not: those that others may be making count as made.
    pub fn may_make(&self, position: usize, there: usize) -> Result<(), LimitMet> {
        match self.limits.containers {
            Some(max) if there.saturating_add(position) > max.get() as usize => {
                Err(LimitMet { key: "containers", max, retry_after: RETRY_AFTER })
            }
            _ => Ok(()),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`LimitMet`] if there were as many as may be; nothing is counted then.
    pub fn request(&self, now: Instant) -> Result<(), LimitMet> {
        let Some(max) = self.limits.requests_per_second else { return Ok(()) };
        self.take(
            &self.counters.requests,
            ("requests_per_second", max),
            Duration::from_secs(1),
            now,
        )
    }

    /// Counts a request that makes something.
    ///
    /// # Errors
    /// [`LimitMet`] if there were as many as may be; nothing is counted then.
    pub fn create(&self, now: Instant) -> Result<(), LimitMet> {
        let Some(max) = self.limits.creates_per_minute else { return Ok(()) };
        self.take(&self.counters.creates, ("creates_per_minute", max), Duration::from_secs(60), now)
    }

    fn take(
        &self,
        bucket: &Bucket,
        (key, max): (&'static str, NonZeroU32),
        period: Duration,
        now: Instant,
    ) -> Result<(), LimitMet> {
        let now = now.saturating_duration_since(self.counters.epoch);
        bucket.take(max, period, now).map_err(|retry_after| LimitMet { key, max, retry_after })
    }
}

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub struct Counted(Arc<Counters>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request that may make a container, and counts until it is answered, or for half a minute if it is
/// dropped before.
#[derive(Debug)]
pub struct Making {
    counters: Arc<Counters>,
    /// How many there were with it.
    position: usize,
    is_answered: bool,
}

impl Making {
    /// What it made is visible.
    pub fn answered(mut self) {
        self.is_answered = true;
    }

    /// How many there were with it when it began.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        match self.is_answered {
            true => self.counters.making.fetch_sub(1, Ordering::Relaxed),
            false => self.counters.cut.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// When the bucket will be full again, in nanoseconds.
#[derive(Debug, Default)]
struct Bucket(AtomicU64);

impl Bucket {
    /// Takes a token of `max` in each `period`.
    ///
    /// # Errors
    /// How long until there is one.
    fn take(&self, max: NonZeroU32, period: Duration, now: Duration) -> Result<(), Duration> {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (now, period) = (nanos(now), nanos(period));
        // One nanosecond at least: so many requests no machine makes.
        let interval = (period / u64::from(max.get())).max(1);
        let mut full_at = self.0.load(Ordering::Relaxed);
        loop {
            // One that was full for long is no fuller, and one of a limit that was lowered no emptier.
            let from = full_at.clamp(now, now.saturating_add(period));
            let then = from.saturating_add(interval);
            let over = then.saturating_sub(now.saturating_add(period));
            if over > 0 {
                return Err(Duration::from_nanos(over));
            }
            match self.0.compare_exchange_weak(full_at, then, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(other) => full_at = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]
    use super::*;

    fn share(limits: Limits) -> (Share, Instant) {
        let now = Instant::now();
        (Share::new(limits, Arc::new(Counters::new(now))), now)
    }

    fn some(number: u32) -> Option<NonZeroU32> {
        NonZeroU32::new(number)
    }

    #[test]
    fn a_bucket_lets_its_fill_through_and_then_what_drips_in() {
        let limits = Limits { creates_per_minute: some(30), ..Limits::default() };
        let (share, begin) = share(limits);
        let at = |seconds: f64| begin + Duration::from_secs_f64(seconds);
        let burst = (0..100).filter(|_| share.create(at(0.0)).is_ok()).count();
        assert_eq!(burst, 30);
        let met = share.create(at(0.5)).unwrap_err();
        assert_eq!(met.retry_after, Duration::from_millis(1500));
        assert_eq!(
            met.to_string(),
            "more than 30 creates per minute (`limits.creates_per_minute`), try again"
        );
        assert!(share.create(at(2.0)).is_ok() && share.create(at(2.1)).is_err());
        let later = (0..100).filter(|_| share.create(at(1000.0)).is_ok()).count();
        assert_eq!(later, 30, "no fuller than full");
        assert!(share.request(at(0.0)).is_ok(), "without a limit");
    }

    #[test]
    fn what_was_counted_outlives_a_change_of_the_limit() {
        let limits = |max| Limits { requests_per_second: some(max), ..Limits::default() };
        let (first, begin) = share(limits(1_000));
        while first.request(begin).is_ok() {}
        let second = Share::new(limits(2), Arc::clone(first.counters()));
        assert!(second.request(begin).is_err(), "it begins where the other was");
        assert!(second.request(begin + Duration::from_millis(500)).is_ok());
        assert!(second.request(begin + Duration::from_millis(600)).is_err());
    }

    #[test]
    fn connections_count_while_they_live() {
        let (share, _) = share(Limits { connections: some(2), ..Limits::default() });
        let first = share.connect().unwrap();
        let _second = share.connect().unwrap();
        for _ in 0..3 {
            let text = share.connect().unwrap_err().to_string();
            assert_eq!(text, "more than 2 connections (`limits.connections`), try again");
        }
        drop(first);
        assert!(share.connect().is_ok());
    }

    #[test]
    fn a_request_that_is_cut_counts_until_it_shows() {
        let (share, begin) = share(Limits { containers: some(2), ..Limits::default() });
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let position = |seconds| {
            let making = share.make(at(seconds)).unwrap();
            let position = making.position();
            making.answered();
            position
        };
        assert_eq!((position(0), position(0)), (1, 1));
        drop(share.make(at(1)));
        assert_eq!((position(2), position(20)), (2, 2));
        drop(share.make(at(25)));
        assert_eq!((position(33), position(62)), (3, 3));
        assert_eq!((position(63), position(64)), (1, 1));
        assert!(share.may_make(2, 0).is_ok() && share.may_make(2, 1).is_err());
    }

    #[test]
    fn loops_that_share_a_bucket_take_no_more_than_it_holds() {
        let (share, begin) = share(Limits { requests_per_second: some(500), ..Limits::default() });
        let taken: usize = std::thread::scope(|scope| {
            let count = || (0..1000).filter(|_| share.request(begin).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 500);
    }
}
