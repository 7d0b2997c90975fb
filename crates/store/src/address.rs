//! Where a PostgreSQL is and how safely it is spoken to: an address with libpq's `sslmode` and `sslrootcert`.
//!
//! A host that is not this machine gets a verified, encrypted connection unless the address says otherwise, and a
//! connection that could be a plain one is refused there: health data and the password would cross a network in clear.
//! TLS is rustls over aws-lc-rs, 1.2 at least (`spec` 1.1, 164.312(e)). Unix sockets need and have none.

use crate::runtime;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use salus_core::{Error, Result};
use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_postgres::{
    Client, Config,
    config::{Host, SslMode},
    error::SqlState,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A PostgreSQL and the way to it.
#[derive(Clone)]
pub struct Address {
    pub(crate) config: Config,
    pub(crate) tls: MakeRustlsConnect,
    /// Whether a pooler stands between that gives each transaction another server connection.
    pub(crate) pooled: bool,
    /// How it is encrypted and by which certificates it is checked, in libpq's words.
    security: (&'static str, Option<PathBuf>),
}

/// What an address says about encryption (libpq's `sslmode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Never encrypted.
    Disable,
    /// Encrypted when the server can, and nobody's certificate is checked.
    Prefer,
    /// Encrypted, but the certificate is not checked.
    Require,
    /// Encrypted, with a certificate of a trusted authority for whatever name.
    VerifyCa,
    /// Encrypted, with a certificate of a trusted authority for this host.
    VerifyFull,
}

impl Mode {
    /// As libpq says it.
    fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// What decides, where the address itself does not say.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// File of trusted certificates; those of the operating system when there is none.
    pub root_certificates: Option<PathBuf>,
    /// Permit a connection to another machine that may not be encrypted.
    pub allow_plain: bool,
}

impl From<Config> for Address {
    /// As it is, without encryption: for a socket of this machine.
    fn from(mut config: Config) -> Self {
        config.ssl_mode(SslMode::Disable);
        let tls = MakeRustlsConnect::new(client_config(lenient(None)));
        Self { config, tls, pooled: false, security: (Mode::Disable.name(), None) }
    }
}

impl Address {
    /// Reads an address in either of libpq's forms: `postgres://…` or `host=… user=…`.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `DATABASE_URL`; [`Error::Unavailable`] for one that is not safe, saying what to change.
    pub fn parse(text: &str, policy: &Policy) -> Result<Self> {
        let (rest, mode, roots) = take_tls(text);
        let mut config: Config = rest.parse().map_err(|e| wrong(&format!("Is not a PostgreSQL address: {e}")))?;
        if config.get_hosts().iter().all(|h| matches!(h, Host::Unix(_))) && config.get_hostaddrs().is_empty() {
            return Ok(Self::from(config));
        }
        let local = is_local(&config);
        let mode = match mode.as_deref() {
            None if local => Mode::Prefer,
            None if policy.allow_plain => Mode::Prefer,
            None => Mode::VerifyFull,
            Some(given) => mode_of(given)?,
        };
        if matches!(mode, Mode::Disable | Mode::Prefer) && !local && !policy.allow_plain {
            return Err(Error::Unavailable(
                "refusing an unencrypted connection to a database on another machine: use sslmode=verify-full, or set \
                 allow_plain_database where the network itself is encrypted"
                    .into(),
            ));
        }
        config.ssl_mode(match mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            _ => SslMode::Require,
        });
        let roots = roots.filter(|r| r != "system").map(PathBuf::from).or_else(|| policy.root_certificates.clone());
        let verifier: Arc<dyn ServerCertVerifier> = match (mode, &roots) {
            // As libpq: with certificates to check against, require checks the authority.
            (Mode::VerifyCa, _) | (Mode::Require, Some(_)) => lenient(Some(trusted(roots.as_deref())?)),
            (Mode::VerifyFull, _) => trusted(roots.as_deref())?,
            _ => lenient(None),
        };
        let tls = MakeRustlsConnect::new(client_config(verifier));
        Ok(Self { config, tls, pooled: false, security: (mode.name(), roots) })
    }

    /// The parameters of the connection, to be changed before it is used.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// The first host, for people.
    #[must_use]
    pub fn host(&self) -> String {
        match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".into(),
        }
    }

    /// The same for PostgreSQL's own programs, which are given it in their environment: what stands on a command line
    /// every account of the machine can read, and the password is in it.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.into(),
            Host::Unix(path) => path.display().to_string(),
        });
        let list = |values: Vec<String>| values.join(",");
        let text = |name, value: String| (!value.is_empty()).then(|| (name, OsString::from(value)));
        let password = self.config.get_password().map(|p| OsString::from_vec(p.to_owned()));
        // Where the operating system's certificates are meant, libpq before release 16 has no word for it.
        let system = Path::new("/etc/ssl/certs/ca-certificates.crt");
        let (mode, roots) = &self.security;
        let roots = roots.as_deref().or_else(|| mode.starts_with("verify").then_some(system));
        let set = [
            text("PGHOST", list(hosts.collect())),
            text("PGHOSTADDR", list(self.config.get_hostaddrs().iter().map(ToString::to_string).collect())),
            text("PGPORT", list(self.config.get_ports().iter().map(ToString::to_string).collect())),
            text("PGUSER", self.config.get_user().unwrap_or_default().to_owned()),
            text("PGDATABASE", self.config.get_dbname().unwrap_or_default().to_owned()),
            text("PGSSLMODE", (*mode).to_owned()),
            roots.map(|path| ("PGSSLROOTCERT", path.into())),
            password.map(|p| ("PGPASSWORD", p)),
        ];
        set.into_iter().flatten().collect()
    }

    /// Says that `PgBouncer` in transaction mode stands between: nothing is prepared by name.
    #[must_use]
    pub fn pooled(mut self, pooled: bool) -> Self {
        self.pooled = pooled;
        self
    }

    /// A connection of its own, gone when it is dropped. Through a pooler it is one transaction from its beginning to its
    /// end, so that all it does reaches one server; what it wrote is not kept, so it is for reading.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none to be had.
    pub async fn connect_to_read(&self) -> Result<Client> {
        let client = self.connect().await?;
        if self.pooled {
            client.batch_execute("BEGIN READ ONLY").await.map_err(|e| unreachable(&e))?;
        }
        Ok(client)
    }

    /// A connection of its own, gone when it is dropped.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none to be had.
    pub async fn connect(&self) -> Result<Client> {
        let (client, connection) = self.config.connect(self.tls.clone()).await.map_err(|e| unreachable(&e))?;
        runtime::spawn(async move {
            if let Err(e) = connection.await {
                tracing::debug!(error = %e, "a connection of its own ended");
            }
        });
        Ok(client)
    }
}

/// Why there is no connection, with the cause that the driver keeps behind its own words.
pub(crate) fn unreachable(e: &tokio_postgres::Error) -> Error {
    let cause = std::error::Error::source(e).map(|c| format!(": {c}")).unwrap_or_default();
    // The roles are made by the first migration: who has none has not begun.
    let empty = |db: &tokio_postgres::error::DbError| {
        *db.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && db.message().contains("\"salus_")
    };
    let fix = if e.as_db_error().is_some_and(empty) {
        "; if it was never set up, run salus serve, or salus db init and salus db migrate"
    } else {
        ""
    };
    Error::Unavailable(format!("the database cannot be reached: {e}{cause}{fix}"))
}

fn wrong(message: &str) -> Error {
    Error::invalid("DATABASE_URL", "unreadable", message)
}

fn mode_of(text: &str) -> Result<Mode> {
    Ok(match text {
        "disable" => Mode::Disable,
        "allow" | "prefer" => Mode::Prefer,
        "require" => Mode::Require,
        "verify-ca" => Mode::VerifyCa,
        "verify-full" => Mode::VerifyFull,
        _ => return Err(wrong("sslmode is one of: disable, prefer, require, verify-ca, verify-full")),
    })
}

/// Whether every host is this machine.
fn is_local(config: &Config) -> bool {
    let loopback = |text: &str| text == "localhost" || text.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(std::net::IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => loopback(name),
        Host::Unix(_) => true,
    })
}

/// Takes what the driver does not know out of an address: `sslmode` and `sslrootcert`.
fn take_tls(text: &str) -> (String, Option<String>, Option<String>) {
    let (mut mode, mut roots) = (None, None);
    let mut keep = |name: &str, value: &str| match name {
        "sslmode" => {
            mode = Some(value.to_owned());
            false
        }
        "sslrootcert" => {
            roots = Some(value.to_owned());
            false
        }
        _ => true,
    };
    let rest = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let (before, query) = text.split_once('?').unwrap_or((text, ""));
        let kept = query.split('&').filter(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            !pair.is_empty() && keep(name, &percent_decoded(value))
        });
        let kept: Vec<&str> = kept.collect();
        if kept.is_empty() { before.to_owned() } else { format!("{before}?{}", kept.join("&")) }
    } else {
        let words = words(text);
        let kept = words.iter().filter(|word| {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let value = value.trim();
            let bare = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value);
            keep(name.trim(), bare)
        });
        kept.map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    (rest, mode, roots)
}

/// The `name=value` words of an address, with quotes as they stand.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() && !quoted && !escaped {
            // Space may stand on both sides of the first equals sign.
            let goes_on = match word.find('=') {
                None => text[at..].trim_start().starts_with('='),
                Some(at) => at + 1 == word.len(),
            };
            if !word.is_empty() && !goes_on {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        quoted ^= c == '\'' && !escaped;
        escaped = c == '\\' && !escaped;
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let coded = tail.get(..2).filter(|_| *first == b'%').and_then(|two| hex::decode(two).ok());
        rest = if coded.is_some() { &tail[2..] } else { tail };
        bytes.extend(coded.unwrap_or_else(|| vec![*first]));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> ClientConfig {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has a cipher suite for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}

fn lenient(authorities: Option<Arc<WebPkiServerVerifier>>) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Lenient { authorities, provider: provider() })
}

/// Checks a certificate and the host's name against a file of authorities, or those of the operating system.
fn trusted(file: Option<&Path>) -> Result<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = file {
        let unreadable = |e: rustls::pki_types::pem::Error| wrong(&format!("sslrootcert {}: {e}", path.display()));
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            roots.add(certificate.map_err(unreadable)?).map_err(|e| wrong(&format!("sslrootcert: {e}")))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        let source = file.map_or_else(|| "the operating system".to_owned(), |path| path.display().to_string());
        let message =
            format!("there is no certificate in {source} to check the database server by: name one with sslrootcert");
        return Err(Error::Unavailable(message));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().map_err(Error::internal)
}

/// Checks less than a certificate and its name, but always that the server has the certificate's key.
#[derive(Debug)]
struct Lenient {
    /// Whose certificates are taken, whatever the name (`sslmode=verify-ca`); without it any certificate is
    /// (`sslmode=require`, which asks for no more).
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        match authorities.verify_server_cert(certificate, between, name, ocsp, now) {
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(text: &str, allow_plain: bool) -> Result<SslMode> {
        let policy = Policy { allow_plain, ..Policy::default() };
        Address::parse(text, &policy).map(|a| a.config.get_ssl_mode())
    }

    #[test]
    fn programs_of_postgresql_are_given_the_same_address() {
        let of = |text: &str| -> Vec<(&str, String)> {
            let set = Address::parse(text, &Policy::default()).unwrap().environment();
            set.into_iter().map(|(name, value)| (name, value.into_string().unwrap())).collect()
        };
        let said = of("postgres://salus_backup:s%20p@db.example:6432/salus");
        let roots = "/etc/ssl/certs/ca-certificates.crt";
        let want = [
            ("PGHOST", "db.example"),
            ("PGPORT", "6432"),
            ("PGUSER", "salus_backup"),
            ("PGDATABASE", "salus"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", roots),
            ("PGPASSWORD", "s p"),
        ];
        assert_eq!(said, want.map(|(name, value)| (name, value.to_owned())));
        let socket = of("host=/run/postgresql user=a dbname=b");
        assert!(socket.contains(&("PGHOST", "/run/postgresql".into())), "{socket:?}");
        assert!(socket.contains(&("PGSSLMODE", "disable".into())) && socket.len() == 4, "{socket:?}");
    }

    #[test]
    fn another_machine_is_never_spoken_to_in_clear_unless_it_is_permitted() {
        for text in [
            "postgres://a@db.example/salus?sslmode=disable",
            "postgres://a@10.0.0.7/salus?sslmode=prefer",
            "host=db.example user=a sslmode = 'disable'",
            "host=localhost,db.example user=a sslmode=prefer",
            "host=localhost hostaddr=10.0.0.7 user=a sslmode=disable",
        ] {
            assert!(matches!(mode(text, false), Err(Error::Unavailable(why)) if why.contains("verify-full")), "{text}");
            assert!(mode(text, true).is_ok(), "{text}");
        }
        for text in ["postgres://a@localhost/salus", "postgres://a@127.0.0.1/salus", "host=::1 user=a"] {
            assert_eq!(mode(text, false).unwrap(), SslMode::Prefer, "{text}");
        }
        assert_eq!(mode("postgres://a@/salus?host=/run/postgresql&sslmode=require", false).unwrap(), SslMode::Disable);
        assert_eq!(mode("postgres://a@db.example/salus?sslmode=require", false).unwrap(), SslMode::Require);
        assert!(matches!(mode("postgres://a@db.example/salus?sslmode=on", false), Err(Error::Invalid(_))));
    }

    #[test]
    fn words_about_encryption_are_taken_out_and_the_rest_is_kept() {
        let (rest, mode, roots) =
            take_tls("postgres://a:p%3F@h/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fa%20b");
        assert_eq!(rest, "postgres://a:p%3F@h/d?connect_timeout=3");
        assert_eq!((mode.as_deref(), roots.as_deref()), (Some("verify-full"), Some("/a b")));
        let (rest, mode, roots) =
            take_tls(r"host=h password='a \' sslmode=disable' sslrootcert='/a b' sslmode=require");
        assert_eq!(rest, r"host=h password='a \' sslmode=disable'");
        assert_eq!((mode.as_deref(), roots.as_deref()), (Some("require"), Some("/a b")));
    }

    #[test]
    fn a_missing_file_of_authorities_is_named() {
        let e = Address::parse(
            "postgres://a@db.example/d?sslmode=verify-full&sslrootcert=/nowhere.pem",
            &Policy::default(),
        );
        assert!(e.err().is_some_and(|e| e.to_string().contains("/nowhere.pem")));
    }
}
