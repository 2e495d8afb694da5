//! What is known of what a request uses.

use crate::image::ImageRef;
use crate::policy::effects::{
    BuildEffect, Builder, Effect, EnvironmentEffect, ExistingEffect, Holder, IdentityEffect,
    ImageEffect, RequestedEffect,
};
use crate::policy::facts::{ContainerFacts, Facts, ImageFacts};
use crate::policy::judge::platform::{AskedPlatform, ImageBuild};

/// The image that a request uses, if it uses one.
pub(super) fn image_of(effects: &[RequestedEffect]) -> Option<&ImageRef> {
    images_in(effects).next()
}

/// What is known of each build of the image that may run, as `source` has it. Of a service these are
/// those for the platforms that it asks for, as far as they are here, beside the one that runs on this
/// host.
pub(super) fn contents_of<'a>(
    effects: &'a [RequestedEffect],
    (holder, source): (Holder, Holder),
    facts: &'a Facts,
) -> impl Iterator<Item = Option<&'a ImageFacts>> {
    let image = image_of(effects);
    let platforms = asked_platforms(effects);
    let has_plain = holder == Holder::Registry || platforms.clone().next().is_none();
    let plain = has_plain.then(|| image.and_then(|image| facts.image(image)));
    let builds = platforms.map(move |platform| {
        let build = image.and_then(|image| build_of(image, platform))?;
        facts.build(&build)
    });
    let runs = move |known: &Option<&ImageFacts>| {
        holder == Holder::Daemon || *known != Some(&ImageFacts::Absent)
    };
    let all = plain.into_iter().chain(builds.filter(runs));
    all.map(move |known| sure_content(image?, known?, source))
}

/// What is known of an image, if that is what runs: of one that is fetched, only if its name says which
/// content.
fn sure_content<'a>(
    image: &ImageRef,
    known: &'a ImageFacts,
    source: Holder,
) -> Option<&'a ImageFacts> {
    let is_sure = match (source, known, image) {
        (Holder::Daemon, _, _) => true,
        (Holder::Registry, ImageFacts::Absent, _) => false,
        (Holder::Registry, ImageFacts::Present { .. }, ImageRef::Named(name)) => {
            name.digest().is_some()
        }
        (Holder::Registry, ImageFacts::Present { .. }, ImageRef::Id(_)) => true,
    };
    is_sure.then_some(known)
}

/// What is known of the image of a container, if that mattered to the rules.
pub fn image_of_container<'a>(
    effects: &'a [RequestedEffect],
    facts: &'a Facts,
) -> Option<(&'a ImageRef, &'a ImageFacts)> {
    let runs = |asked: &RequestedEffect| {
        asked.effect == Effect::Environment(EnvironmentEffect::OfImage(Holder::Daemon))
    };
    let image = image_of(effects).filter(|_| effects.iter().any(runs))?;
    let builds = asked_platforms(effects).filter_map(|asked| build_of(image, asked));
    let mut builds = builds.filter_map(|build| facts.build(&build));
    let absent = builds.find(|build| **build == ImageFacts::Absent);
    Some((image, absent.or_else(|| facts.image(image))?))
}

/// The container that a request starts or reaches into by its name, and what is known of it, if that
/// mattered to the rules.
pub fn reached<'a>(effects: &'a [RequestedEffect], facts: &'a Facts) -> Option<Reached<'a>> {
    effects.iter().find_map(|asked| match &asked.effect {
        Effect::Existing(ExistingEffect::Started(name)) => {
            Some(Reached { name, container: facts.container(name)?, starts: true })
        }
        Effect::Existing(ExistingEffect::ExecIn(name) | ExistingEffect::Archive(name))
        | Effect::Identity(IdentityEffect::ContainerUser(name)) => {
            Some(Reached { name, container: facts.container(name)?, starts: false })
        }
        _ => None,
    })
}

/// A container that exists, as a request reaches it.
#[derive(Debug, Clone, Copy)]
pub struct Reached<'a> {
    /// As the request calls it.
    pub name: &'a str,
    /// What the daemon said of it.
    pub container: &'a ContainerFacts,
    /// Whether the request starts it.
    pub starts: bool,
}

/// The images that a request uses.
pub fn images_in(effects: &[RequestedEffect]) -> impl Iterator<Item = &ImageRef> {
    effects.iter().filter_map(|asked| match &asked.effect {
        Effect::Image(ImageEffect::Used(image)) => Some(image),
        _ => None,
    })
}

/// Whether BuildKit builds by a Dockerfile that nobody sees with the request.
pub fn builds_unread(effects: &[RequestedEffect]) -> bool {
    let is_it = |asked: &RequestedEffect| {
        matches!(
            asked.effect,
            Effect::Build(BuildEffect::By(Builder::BuildKit | Builder::BuildKitSession))
        )
    };
    effects.iter().any(is_it)
}

/// The platforms that a request asks for.
pub(in crate::policy) fn asked_platforms(
    effects: &[RequestedEffect],
) -> impl Iterator<Item = &AskedPlatform> + Clone {
    effects.iter().filter_map(|asked| match &asked.effect {
        Effect::Image(ImageEffect::Platform(platform)) => Some(&**platform),
        _ => None,
    })
}

/// The build of `image` that runs on a platform that was asked for.
pub(in crate::policy) fn build_of(
    image: &ImageRef,
    platform: &AskedPlatform,
) -> Option<ImageBuild> {
    match platform {
        AskedPlatform::Known(platform) => {
            Some(ImageBuild { image: image.clone(), platform: platform.clone() })
        }
        AskedPlatform::Unknown(_) => None,
    }
}
