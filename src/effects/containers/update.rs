//! `POST /containers/{id}/update`: limits changed after creation, held below the ceilings.
//!
//! The daemon applies what is not 0 and looks at nothing else: seen on 20.10, a container limited by
//! `NanoCpus` loses its limit by `{"CpuQuota":-1}`, and one limited by `CpuQuota` by a shorter
//! `CpuPeriod` alone. Devices and the control group, which share the type, are read there and left.
//! So a body has no effect that a rule is about; all is a matter of ceilings. But a container that is
//! limited by `NanoCpus` takes no quota (`409`), and one that was made without a limit is limited so by
//! us: the daemon is asked how, and told in that way.

use crate::docker::json::Object;
use crate::docker::routes::name_between;
use crate::docker::schema::UPDATE;
use crate::effects::changes::Changes;
use crate::effects::collect::{BodyError, Effects};
use crate::effects::force::number;
use crate::http::target::Target;
use crate::policy::Inspected;
use crate::policy::ceilings::{Ceilings, CpuAsk, CpuLimit, MemoryAsk};
use crate::policy::effects::{ExistingEffect, FieldPath};
use crate::policy::facts::Facts;

/// The body of a request to change a container's limits, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateBody {
    /// By name or identifier.
    container: String,
    fields: Object,
}

/// Reads a body.
///
/// # Errors
/// [`BodyError`] if the daemon would refuse the body.
pub(in crate::effects) fn read(
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<UpdateBody>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &UPDATE)?;
    let container = name_between(target.path(), "/containers/", "/update").to_owned();
    for (field, at) in QUOTA {
        if fields.integer(field) != 0 {
            effects.push(ExistingEffect::CpuQuota(container.clone()), at);
        }
    }
    Ok(Inspected::new(UpdateBody { container, fields }, effects.into_asked()))
}

/// The fields that limit CPU time by a quota and its period.
const QUOTA: [(&str, FieldPath); 2] =
    [("CpuQuota", FieldPath::Field("CpuQuota")), ("CpuPeriod", FieldPath::Field("CpuPeriod"))];

/// Appends the body with all that is forced, and says what that changed. Only a checked body comes
/// here: see [`super::write`].
pub(in crate::effects) fn write(
    body: UpdateBody,
    ceilings: &Ceilings,
    facts: &Facts,
    out: &mut Vec<u8>,
) -> Changes {
    let UpdateBody { container, mut fields } = body;
    let mut changes = Changes::default();
    force_memory(&mut fields, ceilings, &mut changes);
    force_cpu(&mut fields, ceilings, facts.cpu_limit(&container), &mut changes);
    fields.write(out);
    changes
}

fn force_memory(fields: &mut Object, ceilings: &Ceilings, changes: &mut Changes) {
    let forced = ceilings.memory_update(MemoryAsk {
        memory: fields.integer("Memory"),
        swap: fields.integer("MemorySwap"),
        reservation: fields.integer("MemoryReservation"),
    });
    let MemoryAsk { memory, swap, reservation } = forced;
    number(fields, "Memory", "Memory", memory, changes);
    number(fields, "MemorySwap", "MemorySwap", swap, changes);
    number(fields, "MemoryReservation", "MemoryReservation", reservation, changes);
}

fn force_cpu(fields: &mut Object, ceilings: &Ceilings, limited: CpuLimit, changes: &mut Changes) {
    let asked = CpuAsk {
        nano: fields.integer("NanoCpus"),
        period: fields.integer("CpuPeriod"),
        quota: fields.integer("CpuQuota"),
        realtime_runtime: fields.integer("CpuRealtimeRuntime"),
    };
    let forced = ceilings.cpu_update(asked, limited);
    let CpuAsk { nano, period, quota, realtime_runtime } = forced;
    number(fields, "NanoCpus", "NanoCpus", nano, changes);
    number(fields, "CpuPeriod", "CpuPeriod", period, changes);
    number(fields, "CpuQuota", "CpuQuota", quota, changes);
    number(fields, "CpuRealtimeRuntime", "CpuRealtimeRuntime", realtime_runtime, changes);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use proptest::prelude::*;

    use super::*;
    use crate::docker::json;
    use crate::http::target;
    use crate::policy::effects::Effect;
    use crate::policy::facts::{Container, ContainerFacts};
    use crate::policy::types::{Bytes, NanoCpus, UserSpec};

    fn ceilings() -> Ceilings {
        Ceilings {
            memory: Some(Bytes::parse("1g").unwrap()),
            cpu: Some(NanoCpus::parse("0.5").unwrap()),
            ..Ceilings::default()
        }
    }

    fn written(body: &str, ceilings: &Ceilings) -> (String, String) {
        written_for(CpuLimit::QuotaOrNone, body, ceilings)
    }

    fn written_for(cpu: CpuLimit, body: &str, ceilings: &Ceilings) -> (String, String) {
        let fields = json::read(body.as_bytes(), &UPDATE).unwrap();
        let container = Container {
            shares_of_host: None,
            networks: vec![],
            powers: Some(vec![]),
            names: vec![],
            image: None,
            first_run: Some(vec![]),
            user: UserSpec::parse("1000").unwrap(),
            is_privileged: false,
            shares: vec![],
            mounts: vec![],
            devices: vec![],
            cpu,
        };
        let mut facts = Facts::none();
        facts.add_container("c".to_owned(), ContainerFacts::Present(container));
        let mut out = Vec::new();
        let body = UpdateBody { container: "c".to_owned(), fields };
        let changes = write(body, ceilings, &facts, &mut out);
        (String::from_utf8(out).unwrap(), changes.to_string())
    }

    fn read_at(path: &str, body: &str) -> Result<Inspected<UpdateBody>, BodyError> {
        read(&target::parse(path).unwrap(), body.as_bytes())
    }

    #[test]
    fn a_quota_asks_how_the_container_is_limited() {
        for (body, asks) in [
            (r#"{"CpuQuota":10000}"#, true),
            (r#"{"cpuperiod":10000}"#, true),
            (r#"{"NanoCpus":10000000,"CpuQuota":0,"Memory":5}"#, false),
        ] {
            let read = read_at("/v1.41/containers/team/web/update", body).unwrap();
            let asked = read.effects().iter().map(|asked| &asked.effect).collect::<Vec<_>>();
            let expected = Effect::Existing(ExistingEffect::CpuQuota("team/web".to_owned()));
            assert_eq!(asked, asks.then_some(&expected).into_iter().collect::<Vec<_>>(), "{body}");
        }
    }

    #[test]
    fn a_quota_becomes_what_the_container_is_limited_by() {
        for (body, nano) in [
            (r#"{"CpuQuota":10000,"CpuPeriod":100000}"#, 100_000_000),
            (r#"{"CpuQuota":10000}"#, 100_000_000),
            (r#"{"CpuQuota":20000,"CpuPeriod":50000}"#, 400_000_000),
            (r#"{"CpuQuota":90000}"#, 500_000_000),
            (r#"{"CpuQuota":-1}"#, 500_000_000),
            (r#"{"CpuPeriod":10000}"#, 500_000_000),
            (r#"{"CpuQuota":2000,"CpuPeriod":1000000}"#, 10_000_000),
            (r#"{"CpuQuota":9223372036854775807,"CpuPeriod":1}"#, 500_000_000),
        ] {
            let (written, _) = written_for(CpuLimit::Nano, body, &ceilings());
            let fields = json::read(written.as_bytes(), &UPDATE).unwrap();
            let numbers = ["NanoCpus", "CpuQuota", "CpuPeriod"].map(|field| fields.integer(field));
            assert_eq!(numbers, [nano, 0, 0], "{body}");
        }
        let (written, changes) =
            written_for(CpuLimit::Nano, r#"{"CpuQuota":10000}"#, &Ceilings::default());
        assert_eq!((written.as_str(), changes.as_str()), (r#"{"CpuQuota":10000}"#, ""));
    }

    #[test]
    fn what_is_not_asked_for_is_not_limited_and_what_is_stays_below() {
        for (body, forwarded) in [
            (r#"{}"#, r#"{}"#),
            (r#"{"RestartPolicy":{"Name":"no"}}"#, r#"{"RestartPolicy":{"Name":"no"}}"#),
            (
                r#"{"Memory":0,"NanoCpus":0,"CpuShares":5}"#,
                r#"{"Memory":0,"NanoCpus":0,"CpuShares":5}"#,
            ),
            (r#"{"Memory":6291456}"#, r#"{"Memory":6291456}"#),
            (r#"{"memory":9000000000}"#, r#"{"Memory":1073741824}"#),
            (r#"{"MemorySwap":-1}"#, r#"{"MemorySwap":2147483648}"#),
            (
                r#"{"Memory":9000000000,"MemorySwap":-1}"#,
                r#"{"Memory":1073741824,"MemorySwap":2147483648}"#,
            ),
            (r#"{"NanoCpus":100000000}"#, r#"{"NanoCpus":100000000}"#),
            (r#"{"NanoCpus":2000000000}"#, r#"{"NanoCpus":500000000}"#),
            (r#"{"CpuQuota":-1}"#, r#"{"CpuQuota":50000,"CpuPeriod":100000}"#),
            (r#"{"CpuPeriod":10000}"#, r#"{"CpuPeriod":10000,"CpuQuota":5000}"#),
            (r#"{"CpuQuota":10000}"#, r#"{"CpuQuota":10000,"CpuPeriod":100000}"#),
            (r#"{"CpuRealtimeRuntime":95000}"#, r#"{"CpuRealtimeRuntime":0}"#),
        ] {
            assert_eq!(written(body, &ceilings()).0, forwarded, "{body}");
        }
        let (_, changes) = written(r#"{"Memory":9000000000,"CpuQuota":-1}"#, &ceilings());
        assert_eq!(changes, "Memory=1073741824 CpuPeriod=100000 CpuQuota=50000");
    }

    #[test]
    fn what_no_daemon_would_take() {
        for (body, reason) in [
            ("", "the body is empty"),
            (r#"{"Memory":"1g"}"#, "Memory: expected an integer, got a string"),
            (r#"{"Memory":1e9}"#, "Memory: expected an integer without fraction or exponent"),
            (r#"{"Memory":1,"memory":2}"#, "Memory: given more than once"),
            (r#"{"RestartPolicy":"no"}"#, "RestartPolicy: expected an object, got a string"),
        ] {
            let refused = read_at("/containers/c/update", body).unwrap_err();
            assert_eq!(refused.to_string(), reason, "{body}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_stays_and_is_below_the_ceilings(
            memory in any::<i64>(), swap in any::<i64>(), nano in any::<i64>(),
            period in prop_oneof![Just(0), any::<i64>(), 1_000..1_000_000_i64],
            quota in prop_oneof![Just(0), any::<i64>(), 1_000..1_000_000_i64],
            limited in prop_oneof![Just(CpuLimit::Nano), Just(CpuLimit::QuotaOrNone)],
        ) {
            let nano = if nano % 2 == 0 { 0 } else { nano };
            let body = format!(
                r#"{{"memory":{memory},"MemorySwap":{swap},"nanocpus":{nano},"CpuPeriod":{period},"CpuQuota":{quota}}}"#
            );
            let first = json::read(body.as_bytes(), &UPDATE).unwrap();
            let (once, _) = written(&body, &Ceilings::default());
            prop_assert_eq!(&json::read(once.as_bytes(), &UPDATE).unwrap(), &first);
            let (once, _) = written_for(limited, &body, &ceilings());
            let again = written_for(limited, &once, &ceilings());
            prop_assert_eq!(&again, &(once.clone(), String::new()));
            let forced = json::read(once.as_bytes(), &UPDATE).unwrap();
            prop_assert!((0..=1 << 30).contains(&forced.integer("Memory")));
            prop_assert!((0..=1 << 31).contains(&forced.integer("MemorySwap")));
            prop_assert!((0..=500_000_000).contains(&forced.integer("NanoCpus")));
            let (period, quota) = (forced.integer("CpuPeriod"), forced.integer("CpuQuota"));
            prop_assert!(i128::from(quota) * 2 <= i128::from(period));
        }
    }
}
