//! `POST /images/create`, `/images/load`, `/images/prune`, `/images/{name}/tag`, `POST /commit` and
//! `DELETE /images/{name}`: images by their names.
//!
//! The archive of `POST /images/load` is not read: a forbidden name that it brings is refused where it
//! is used, and which content has ever had a forbidden name nobody can say of an archive; images that
//! lose one to it stay forbidden. Where only some images are allowed, none is loaded, imported or
//! committed by a name: an archive, and anyone who can write into a container, give any name to any
//! content.
//!
//! A user and variables that instructions or `Config` give to a new image are judged here as if it ran
//! at once.

use crate::docker::Endpoint;
use crate::docker::json::Object;
use crate::docker::routes::name_between;
use crate::docker::schema::COMMIT;
use crate::effects::building::dockerfile::{self, Base};
use crate::effects::collect::{BodyError, Effects};
use crate::effects::query::Query;
use crate::http::target::Target;
use crate::image::{ImageName, ImageRef, complete};
use crate::policy::Inspected;
use crate::policy::effects::{
    Effect, FieldPath, IdentityEffect, ImageEffect, ImageNames, RequestedEffect,
};
use crate::policy::review::{AskedImage, Purpose};
use crate::policy::types::UserSpec;

const FROM_IMAGE: FieldPath = FieldPath::Field("?fromImage");
const REPO: FieldPath = FieldPath::Field("?repo");
const CHANGES: &str = "changes";

/// `POST /images/create`: a pull if `fromImage` says something, and of what; else an import.
pub(super) fn read_create(target: &Target<'_>) -> Result<Inspected<Option<AskedImage>>, BodyError> {
    let query = Query::read(target, Endpoint::ImageCreate)?;
    let mut effects = Effects::default();
    let mut fetched = None;
    match query.get("fromImage") {
        "" => {
            new_name(&query, &mut effects)?;
            changes(&query, Base::Nothing, &mut effects);
            effects.push(ImageEffect::Content, FieldPath::Field("?fromSrc"));
        }
        image => {
            let names = pulled(image, query.get("tag"))?;
            fetched = Some(asked_image(image, query.get("tag"), &names));
            effects.push(ImageEffect::Names(names), FROM_IMAGE);
        }
    }
    Ok(Inspected::new(fetched, effects.into_asked()))
}

/// The image that would be pulled, with its name as the docker command would be given it.
fn asked_image(image: &str, tag: &str, names: &ImageNames) -> AskedImage {
    let given = match tag {
        "" => image.to_owned(),
        digest if digest.contains(':') => format!("{image}@{digest}"),
        tag => format!("{image}:{tag}"),
    };
    let (image, every_tag) = match names {
        ImageNames::One(image) => (image.clone(), false),
        ImageNames::EveryTag(image) => (image.clone(), true),
    };
    AskedImage { purpose: Purpose::Pull, given, image, every_tag }
}

/// `POST /images/load`: each name in the archive is taken from the image that has it.
pub(super) fn effects_of_load() -> Vec<RequestedEffect> {
    let effects = [
        Effect::Image(ImageEffect::Content),
        Effect::Image(ImageEffect::NamesUnseen),
        Effect::Image(ImageEffect::NamesTaken),
    ];
    effects.map(|effect| RequestedEffect { effect, at: FieldPath::Field("the body") }).to_vec()
}

/// `POST /images/prune`: an image that others build upon loses its names and stays.
pub(super) fn effects_of_prune() -> Vec<RequestedEffect> {
    vec![RequestedEffect {
        effect: ImageEffect::NamesTaken.into(),
        at: FieldPath::Field("?filters"),
    }]
}

/// `DELETE /images/{name}`: the name may have slashes.
pub(super) fn read_removal(target: &Target<'_>) -> Result<Vec<RequestedEffect>, BodyError> {
    let name = name_between(target.path(), "/images/", "");
    let mut effects = Effects::default();
    effects.push_parsed(ImageRef::parse(name), ImageEffect::Removed, FieldPath::Field("name"))?;
    Ok(effects.into_asked())
}

/// `POST /images/{name}/tag`: the name may have slashes.
pub(super) fn read_tag(target: &Target<'_>) -> Result<Vec<RequestedEffect>, BodyError> {
    let query = Query::read(target, Endpoint::ImageTag)?;
    let name = name_between(target.path(), "/images/", "/tag");
    let mut effects = Effects::default();
    effects.push_parsed(ImageRef::parse(name), ImageEffect::Used, FieldPath::Field("name"))?;
    new_name(&query, &mut effects)?;
    Ok(effects.into_asked())
}

/// The body of a request to commit: the configuration of the new image, if one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitBody {
    /// Nothing at all.
    Empty,
    /// `null`, which the `docker` command sends: the container's own configuration.
    Null,
    /// This one.
    Config(Object),
}

/// `POST /commit`.
pub(super) fn read_commit(
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<CommitBody>, BodyError> {
    let query = Query::read(target, Endpoint::Commit)?;
    let mut effects = Effects::default();
    new_name(&query, &mut effects)?;
    // Without a name nobody can use it where names count.
    if !query.get("repo").is_empty() {
        effects.push(ImageEffect::Content, REPO);
    }
    changes(&query, Base::Unknown, &mut effects);
    let body = match body.trim_ascii() {
        b"" => CommitBody::Empty,
        b"null" => CommitBody::Null,
        _ => CommitBody::Config(effects.fields(body, &COMMIT)?),
    };
    if let CommitBody::Config(config) = &body {
        configuration(config, &mut effects)?;
    }
    Ok(Inspected::new(body, effects.into_asked()))
}

/// What a new image is given by a whole configuration. What is empty there stays as it was.
fn configuration(config: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    effects.push_environment(config)?;
    if let Some(user) = config.text("User").filter(|user| !user.is_empty()) {
        effects.push_parsed(
            UserSpec::parse(user),
            IdentityEffect::User,
            FieldPath::Field("User"),
        )?;
    }
    dockerfile::read_triggers(config, effects);
    Ok(())
}

/// Appends the body as it was understood.
pub(super) fn write_commit(body: CommitBody, out: &mut Vec<u8>) {
    match body {
        CommitBody::Empty => {}
        CommitBody::Null => out.extend_from_slice(b"null"),
        CommitBody::Config(config) => config.write(out),
    }
}

/// What is pulled, as the daemon puts it together. A tag beside the name wins over one in it and may
/// be a digest; with neither, all tags are.
fn pulled(image: &str, tag: &str) -> Result<ImageNames, BodyError> {
    let name = named(image.strip_suffix(':').unwrap_or(image), FROM_IMAGE)?;
    match tag {
        "" if name.is_bare => Ok(ImageNames::EveryTag(ImageRef::Named(name.name))),
        "" => Ok(ImageNames::One(ImageRef::Named(name.name))),
        digest if digest.contains(':') => {
            let text = format!("{}@{digest}", name.name.repository());
            Ok(ImageNames::One(parsed(&text, FROM_IMAGE)?))
        }
        tag => Ok(ImageNames::One(tagged(&name.name, tag, FROM_IMAGE)?)),
    }
}

/// The name that something new gets; none is given without a repository.
fn new_name(query: &Query, effects: &mut Effects) -> Result<(), BodyError> {
    let names = match (query.get("repo"), query.get("tag")) {
        ("", _) => return Ok(()),
        (repo, "") => ImageRef::Named(named(repo, REPO)?.name),
        (repo, tag) => tagged(&named(repo, REPO)?.name, tag, REPO)?,
    };
    effects.push(ImageEffect::NameGiven(names.clone()), REPO);
    effects.push(ImageEffect::Names(ImageNames::One(names)), REPO);
    Ok(())
}

fn changes(query: &Query, base: Base, effects: &mut Effects) {
    // The daemon joins them like lines of one file.
    let lines: Vec<_> = query.all(CHANGES).collect();
    dockerfile::read_changes(&lines.join("\n"), base, "?changes", effects);
}

struct Named {
    name: ImageName,
    /// Whether it has neither tag nor digest.
    is_bare: bool,
}

/// A name as such: the daemon takes no identifier here.
fn named(text: &str, at: FieldPath) -> Result<Named, BodyError> {
    match parsed(text, at.clone())? {
        ImageRef::Named(name) => Ok(Named { name, is_bare: complete(text).is_some() }),
        ImageRef::Id(_) => {
            let reason = "an identifier is not a name".to_owned();
            Err(BodyError::Value { at, reason })
        }
    }
}

/// The name with another tag; a digest stays beside it.
fn tagged(name: &ImageName, tag: &str, at: FieldPath) -> Result<ImageRef, BodyError> {
    let digest = name.digest().map(|digest| format!("@{digest}")).unwrap_or_default();
    parsed(&format!("{}:{tag}{digest}", name.repository()), at)
}

fn parsed(text: &str, at: FieldPath) -> Result<ImageRef, BodyError> {
    ImageRef::parse(text).map_err(|error| BodyError::Value { at, reason: error.to_string() })
}

#[cfg(test)]
mod tests;
