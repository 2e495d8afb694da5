//! Whose request it would be that `explain` judges, as the arguments say.

use std::net::IpAddr;
use std::sync::Arc;

use super::outcome::CliError;
use crate::client::{
    Choice, ClientCertificate, Container, Fingerprint, Identity, Learned, PathPattern, User, choose,
};
use crate::config::{self, Rest, Settings};

/// Whose request it would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asker {
    /// The name of an entry of `clients`.
    pub(super) client: Option<String>,
    /// The address that it would come from.
    pub(super) network: Option<String>,
    /// A user of this host, by name or number.
    pub(super) user: Option<String>,
    /// A name in a certificate, or a fingerprint.
    pub(super) certificate: Option<String>,
    /// The control groups that its process is in.
    pub(super) control_groups: Vec<String>,
    /// The container that it is: a name, an image, labels.
    pub(super) container: Vec<String>,
}

impl Asker {
    /// Whether anything is said of it but the entry itself.
    pub(super) fn says_what_is_known(&self) -> bool {
        (Self { client: None, ..self.clone() }) != Self::default()
    }

    /// The settings with what holds for this client in place of what holds for others.
    pub(super) fn settings(&self, mut settings: Settings) -> Result<Settings, CliError> {
        let named =
            |name: &str| settings.clients.list.iter().position(|it| it.name.as_str() == name);
        let number = match &self.client {
            Some(name) => Some(named(name).ok_or_else(|| {
                CliError::Usage(format!("there is no client `{}`", name.escape_debug()))
            })?),
            None => {
                let wanted = settings.clients.list.iter().map(|client| &client.wanted);
                match choose(wanted, &self.identity()?, |_| {}) {
                    Choice::Entry(number) => Some(number),
                    Choice::Rest | Choice::Ask(_) => None,
                }
            }
        };
        match number.and_then(|number| settings.clients.list.get(number)) {
            Some(client) => {
                eprintln!("note: judged as of client {}", client.name);
                settings.policy = Arc::clone(&client.policy);
                settings.clients.rest = Rest::TopLevel;
            }
            None if !settings.clients.list.is_empty() => {
                eprintln!("note: judged as of a client that no entry of `clients` fits");
            }
            None => {}
        }
        Ok(settings)
    }

    /// What would be known of it: nothing but what was said.
    fn identity(&self) -> Result<Identity, CliError> {
        let Self { client: _, network, user, certificate, control_groups, container } = self;
        let usage = |what: &str, text: &str| {
            CliError::Usage(format!("`{}` is not {what}", text.escape_debug()))
        };
        let address = network
            .as_ref()
            .map(|text| text.parse::<IpAddr>().map_err(|_| usage("an address", text)));
        let user = user.as_ref().map(|text| {
            let uid = config::uid(text).ok_or_else(|| usage("a user of this host", text))?;
            Ok::<_, CliError>(User { uid, gid: None })
        });
        for text in control_groups {
            if text.contains('*') || PathPattern::parse(text).is_err() {
                return Err(usage("a control group, such as /system.slice/jenkins.service", text));
            }
        }
        let control_groups = match control_groups.as_slice() {
            [] => Learned::None,
            paths => Learned::Known(paths.to_vec()),
        };
        let container = match container.as_slice() {
            [] => Learned::None,
            said => Learned::Known(Arc::new(contained(said)?)),
        };
        Ok(Identity {
            address: address.transpose()?.map(|address| address.to_canonical()),
            certificate: certificate.as_ref().map_or(Learned::None, |text| certified(text)),
            user: user.transpose()?.map_or(Learned::None, Learned::Known),
            control_groups,
            container,
        })
    }
}

/// A certificate that says this, wherever it can stand.
fn certified(text: &str) -> Learned<Arc<ClientCertificate>> {
    let (names, print) = match Fingerprint::parse(text) {
        Some(print) => (Vec::new(), print),
        None => (vec![text.to_owned()], Fingerprint([0; 32])),
    };
    Learned::Known(Arc::new(ClientCertificate {
        common_names: names.clone(),
        dns: names.clone(),
        emails: names.clone(),
        uris: names,
        issuer: String::new(),
        issuer_common_names: Vec::new(),
        fingerprint: print,
        key_fingerprint: print,
    }))
}

/// A container of which all this is said: `name=NAME`, `image=IMAGE`, `label=KEY[=VALUE]`. Without such a
/// word a text with `=` is a label, and any other one is its name and its image.
fn contained(said: &[String]) -> Result<Container, CliError> {
    let (mut name, mut image, mut bare) = (None, None, None);
    let mut labels = Vec::new();
    let label = |text: &str| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (key.to_owned(), value.to_owned())
    };
    for text in said {
        let of = |slot: &mut Option<String>, text: &str| match slot.replace(text.to_owned()) {
            None => Ok(()),
            Some(_) => Err(CliError::Usage("a container has one name, and one image".into())),
        };
        match text.split_once('=') {
            Some(("name", text)) => of(&mut name, text)?,
            Some(("image", text)) => of(&mut image, text)?,
            Some(("label", text)) => labels.push(label(text)),
            Some(_) => labels.push(label(text)),
            None => of(&mut bare, text)?,
        }
    }
    let of_image = image.or_else(|| bare.clone()).unwrap_or_default();
    Ok(Container {
        id: String::new(),
        name: name.or(bare).unwrap_or_default(),
        labels,
        image_id: of_image.clone(),
        image: of_image,
    })
}
