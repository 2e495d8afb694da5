//! The configuration: `config.yml` to settings and policy.
