//! `/containers/{id}/checkpoints`: folders of the host that are written, listed and removed. Only
//! experimental daemons have them.

use crate::docker::Endpoint;
use crate::docker::json::Object;
use crate::docker::schema::CHECKPOINT_CREATE;
use crate::effects::collect::{BodyError, Effects};
use crate::effects::query::Query;
use crate::http::target::Target;
use crate::policy::Inspected;
use crate::policy::effects::{FieldPath, RequestedEffect};

/// `POST`: makes a checkpoint below a folder of the host, if one is named.
pub(in crate::effects) fn read(body: &[u8]) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &CHECKPOINT_CREATE)?;
    let folder = fields.text("CheckpointDir").unwrap_or_default();
    folder_of_host(folder, FieldPath::Field("CheckpointDir"), &mut effects)?;
    Ok(Inspected::new(fields, effects.into_asked()))
}

/// `GET` lists, and `DELETE` removes, what is in the folder `dir`.
pub(in crate::effects) fn read_query(
    target: &Target<'_>,
) -> Result<Vec<RequestedEffect>, BodyError> {
    let query = Query::read(target, Endpoint::Checkpoints)?;
    let mut effects = Effects::default();
    folder_of_host(query.get("dir"), FieldPath::Field("?dir"), &mut effects)?;
    Ok(effects.into_asked())
}

/// Without one it is the container's own.
fn folder_of_host(folder: &str, at: FieldPath, effects: &mut Effects) -> Result<(), BodyError> {
    match folder {
        "" => Ok(()),
        folder => effects.push_path(folder, at),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::target;
    use crate::policy::effects::{Effect, MountEffect};

    fn shown(asked: &[RequestedEffect]) -> Vec<String> {
        let path = |asked: &RequestedEffect| match &asked.effect {
            Effect::Mount(MountEffect::HostPath(path)) => path.to_string(),
            Effect::Mount(MountEffect::AnyPath(_)) => "/".to_owned(),
            other => panic!("{other:?}"),
        };
        asked.iter().map(path).collect()
    }

    #[test]
    fn folders_are_paths_of_the_host() {
        for (body, expected) in [
            (r#"{"CheckpointID":"a"}"#, &[][..]),
            (r#"{"CheckpointID":"a","CheckpointDir":""}"#, &[]),
            (r#"{"CheckpointID":"a","checkpointdir":"/x/../root"}"#, &["/root"]),
            (r#"{"CheckpointID":"a","CheckpointDir":"root"}"#, &["/"]),
        ] {
            assert_eq!(shown(read(body.as_bytes()).unwrap().effects()), expected, "{body}");
        }
        for (query, expected) in
            [("", &[][..]), ("dir=", &[]), ("dir=%2froot&dir=", &["/root"]), ("dir=..", &["/"])]
        {
            let raw = format!("/containers/a/checkpoints?{query}");
            let asked = read_query(&target::parse(&raw).unwrap()).unwrap();
            assert_eq!(shown(&asked), expected, "{query}");
        }
    }
}
