//! The networks that a container is in, and the bodies of `POST /networks/create` and
//! `/networks/{id}/connect`.

use super::reasons::{
    ADDRESSES, DRIVER_NAME, IGNORED_INPUT, INSIDE, ITS_NETWORK, NAME, NAMED, NETWORK_JOINED,
};
use super::stance::{Power, Stance};
use super::table::{Field, INT, Kind, Struct, TEXT_MAP, TEXTS, fields, join};

pub(super) static NETWORKING_CONFIG: Struct = Struct::new(fields! {
    // Its keys are the names of networks.
    "EndpointsConfig": Kind::Map(&Kind::Struct(&ENDPOINT)), NETWORK_JOINED;
});

pub(super) static ENDPOINT: Struct = Struct::new(&CREATED_FIELDS);

const CREATED_FIELDS: [Field; CONNECTED_LENGTH] =
    join(&[ENDPOINT_FIELDS, fields! { "NetworkID": Kind::Text, NETWORK_JOINED; }]);

const ENDPOINT_FIELDS: &[Field] = fields! {
    "IPAMConfig": Kind::Struct(&ENDPOINT_IPAM), INSIDE;
    "Links": TEXTS, ENDPOINT_LINKS;
    "Aliases": TEXTS, ITS_NETWORK;
    "DriverOpts": TEXT_MAP, SYSCTLS_OF_AN_ENDPOINT;
    "GwPriority": INT, ITS_NETWORK;
    "EndpointID": Kind::Text, IGNORED_INPUT;
    "Gateway": Kind::Text, IGNORED_INPUT;
    "IPAddress": Kind::Text, IGNORED_INPUT;
    "MacAddress": Kind::Text, ITS_NETWORK;
    "IPPrefixLen": INT, IGNORED_INPUT;
    "IPv6Gateway": Kind::Text, IGNORED_INPUT;
    "GlobalIPv6Address": Kind::Text, IGNORED_INPUT;
    "GlobalIPv6PrefixLen": INT, IGNORED_INPUT;
    "DNSNames": TEXTS, IGNORED_INPUT;
};

const ENDPOINT_LINKS: Stance = Stance::Harmless(
    "names for others in networks of its own; variables come of legacy links only",
);

pub(super) const SYSCTLS_OF_AN_ENDPOINT: Stance = Stance::Checked(&[Power::Sysctl]);

/// The body of `POST /networks/{id}/connect`.
pub static NETWORK_CONNECT: Struct = Struct::new(fields! {
    "Container": Kind::Text, NAMED;
    "EndpointConfig": Kind::Struct(&CONNECTED), INSIDE;
});

/// The endpoint of a container that is there: the network is the one of the path.
static CONNECTED: Struct = Struct::new(&CONNECTED_FIELDS);

const CONNECTED_FIELDS: [Field; CONNECTED_LENGTH] =
    join(&[ENDPOINT_FIELDS, fields! { "NetworkID": Kind::Text, IGNORED_INPUT; }]);
const CONNECTED_LENGTH: usize = ENDPOINT_FIELDS.len() + 1;

static ENDPOINT_IPAM: Struct = Struct::new(fields! {
    "IPv4Address": Kind::Text, ADDRESSES;
    "IPv6Address": Kind::Text, ADDRESSES;
    "LinkLocalIPs": TEXTS, ADDRESSES;
});

/// The body of `POST /networks/create`.
pub static NETWORK_CREATE: Struct = Struct::new(fields! {
    "CheckDuplicate": Kind::Bool, NAMED;
    "Driver": Kind::Text, DRIVER_NAME;
    "Scope": Kind::Text, ITS_NETWORK;
    "EnableIPv4": Kind::Bool, ITS_NETWORK;
    "EnableIPv6": Kind::Bool, ITS_NETWORK;
    "IPAM": Kind::Struct(&IPAM), INSIDE;
    "Internal": Kind::Bool, ITS_NETWORK;
    "Attachable": Kind::Bool, ITS_NETWORK;
    "Ingress": Kind::Bool, ITS_NETWORK;
    "ConfigOnly": Kind::Bool, ITS_NETWORK;
    "ConfigFrom": Kind::Struct(&CONFIG_REFERENCE), INSIDE;
    "Options": TEXT_MAP, NETWORK_JOINED;
    "Labels": TEXT_MAP, NAMED;
    "Name": Kind::Text, NAME;
});

static IPAM: Struct = Struct::new(fields! {
    "Driver": Kind::Text, DRIVER_NAME;
    "Options": TEXT_MAP, ITS_NETWORK;
    "Config": Kind::List(&Kind::Struct(&IPAM_CONFIG)), INSIDE;
});

static IPAM_CONFIG: Struct = Struct::new(fields! {
    "Subnet": Kind::Text, ADDRESSES;
    "IPRange": Kind::Text, ADDRESSES;
    "Gateway": Kind::Text, ADDRESSES;
    "AuxiliaryAddresses": TEXT_MAP, ADDRESSES;
});

static CONFIG_REFERENCE: Struct = Struct::new(fields! {
    "Network": Kind::Text, ADDRESSES;
});
