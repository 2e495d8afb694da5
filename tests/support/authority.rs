//! Certificates made for one test: an authority and what it issues.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// An authority with its key.
pub(crate) struct Authority {
    /// In PEM, as everything here.
    pub(crate) certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What an authority has issued.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What is asked of an authority.
pub(crate) struct Leaf {
    params: CertificateParams,
}

impl Leaf {
    /// For a daemon of these names and addresses.
    pub(crate) fn server(name: &str, alternatives: &[&str]) -> Leaf {
        Leaf::new(name, alternatives, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// For a client.
    pub(crate) fn client(name: &str) -> Leaf {
        Leaf::new(name, &[], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn new(name: &str, alternatives: &[&str], usage: ExtendedKeyUsagePurpose) -> Leaf {
        let alternatives: Vec<String> = alternatives.iter().map(|one| (*one).to_owned()).collect();
        let mut params = CertificateParams::new(alternatives).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        Leaf { params }
    }

    pub(crate) fn email(mut self, address: &str) -> Leaf {
        self.params.subject_alt_names.push(SanType::Rfc822Name(address.try_into().unwrap()));
        self
    }

    pub(crate) fn uri(mut self, uri: &str) -> Leaf {
        self.params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        self
    }

    /// Valid in these years only, each from its first day.
    pub(crate) fn between(mut self, from: i32, to: i32) -> Leaf {
        self.params.not_before = rcgen::date_time_ymd(from, 1, 1);
        self.params.not_after = rcgen::date_time_ymd(to, 1, 1);
        self
    }

    /// Valid until so many seconds after 1970.
    pub(crate) fn until(mut self, seconds: i64) -> Leaf {
        let since = seconds - rcgen::date_time_ymd(1970, 1, 1).unix_timestamp();
        self.params.not_after =
            rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(since.unsigned_abs());
        self
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let (params, key) = Authority::request(name);
        let certificate = params.self_signed(&key).unwrap().pem();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    /// Its key.
    pub(crate) fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    fn request(name: &str) -> (CertificateParams, KeyPair) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params, KeyPair::generate().unwrap())
    }

    /// Another authority, whose certificate this one has issued.
    pub(crate) fn intermediate(&self, name: &str) -> Authority {
        let (params, key) = Authority::request(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn issue(&self, leaf: &Leaf) -> Issued {
        self.issue_for(leaf, &KeyPair::generate().unwrap())
    }

    /// For a key that was made elsewhere, in PEM (PKCS #8).
    pub(crate) fn issue_for_key(&self, leaf: &Leaf, key: &str) -> Issued {
        self.issue_for(leaf, &KeyPair::from_pem(key).unwrap())
    }

    fn issue_for(&self, leaf: &Leaf, key: &KeyPair) -> Issued {
        let certificate = leaf.params.signed_by(key, &self.issuer).unwrap();
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}
