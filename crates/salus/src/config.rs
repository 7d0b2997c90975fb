//! Configuration: one TOML file in the data directory, and a few variables that win over it. A name that is not
//! known is an error that says the nearest one that is.

use salus_core::{Error, Result};
use salus_domains::auth::{Carriers, SmsWebhook, Smtp, WebPush};
use salus_store::{
    audit::{Bucket, S3Anchor},
    fault,
    kms::{AwsKms, Kms, Patience, Vault},
    outbound::{Network, Outbound, Rules},
};
use serde::Deserialize;
use std::{
    env,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// What can be set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The data directory.
    #[serde(skip)]
    pub home: PathBuf,
    /// A PostgreSQL of your own: the connection the server uses, as `salus_app` or a role granted it.
    pub database_url: Option<String>,
    /// The same server for `salus db`: a role that may create roles. `database_url` is used when it is not set.
    pub database_admin_url: Option<String>,
    /// The same server for the sealer of the audit log: as `salus_sealer` or a role granted it. Without it the log of a
    /// database of your own is not sealed, and `salus serve` says so.
    pub database_sealer_url: Option<String>,
    /// The same server for backups: as `salus_backup`. With `backup_dir` the server then backs up a database of your own.
    pub database_backup_url: Option<String>,
    /// Streaming replicas of `database_url`, as the same role: what only reads is answered by them.
    #[serde(default)]
    pub database_replica_urls: Vec<String>,
    /// `database_url` and `database_replica_urls` are those of `PgBouncer` in transaction mode: nothing is prepared by name.
    #[serde(default)]
    pub database_pooled: bool,
    /// File on another volume where signed heads of the audit log are kept; `audit/anchor` of the data directory when
    /// not set, which protects only from who cannot write there.
    pub audit_anchor: Option<PathBuf>,
    /// Host and port of a witness (`salus witness`), run by somebody else, that signs heads of the audit log as well.
    pub audit_witness: Option<String>,
    /// That witness's key, as it prints it.
    pub audit_witness_key: Option<String>,
    /// Address of an authority (RFC 3161) that stamps heads of the audit log with the time.
    pub audit_timestamp: Option<String>,
    /// Certificates (PEM) of that authority or of who issued its own: who is believed. Set together with `audit_timestamp`.
    pub audit_timestamp_certificates: Option<PathBuf>,
    /// E-mail address of whoever answers for compliance: gets the head of the audit log once a day. Needs `mail`.
    pub audit_digest_to: Option<String>,
    /// A bucket with object lock where heads of the audit log are kept.
    pub audit_s3: Option<AuditS3>,
    /// Folder on another volume where receipts of committed events are kept; `audit/receipts` when not set.
    pub audit_receipts: Option<PathBuf>,
    /// Those folders of other nodes, or copies of them: after a failover they tell what of theirs is lost.
    #[serde(default)]
    pub audit_receipts_of: Vec<PathBuf>,
    /// Folder on another volume for backups and the archive of the private cluster's log. When it is set the server archives
    /// the log every minute and takes backups by itself.
    pub backup_dir: Option<PathBuf>,
    /// Hours between two backups that the server takes by itself; 24 when not set.
    pub backup_every: Option<u32>,
    /// How many backups remain when the server took a new one; all of them when not set.
    pub backup_keep: Option<usize>,
    /// Where the server tries a restore every week; none when not set.
    pub drill_dir: Option<PathBuf>,
    /// The stanza of the private cluster, where pgBackRest takes its backups and has its log.
    pub pgbackrest_stanza: Option<String>,
    /// The file of pgBackRest's settings, when not in its own place.
    pub pgbackrest_file: Option<PathBuf>,
    /// MiB kept beside the private cluster, to be given up when its disk is full; 256 when not set, 0 for none.
    pub ballast_mib: Option<u64>,
    /// File on another volume that lists erased persons; `audit/erasures` of the data directory when not set. No backup
    /// holds it, and every start repeats it.
    pub erasure_ledger: Option<PathBuf>,
    /// Certificates of the authorities that the database server's certificate is checked by, where its address names
    /// none; those of the operating system when not set.
    pub database_root_certificates: Option<PathBuf>,
    /// Permit a connection to a database on another machine that may not be encrypted: for a network that is.
    #[serde(default)]
    pub allow_plain_database: bool,
    /// Address to listen on.
    pub listen: Option<String>,
    /// Address browsers use, such as `https://salus.example.org`; https makes cookies demand it.
    pub public_url: Option<String>,
    /// Networks of proxies before the server, such as `127.0.0.1` or `10.2.0.0/16`, whose `X-Forwarded-For` is believed: who
    /// asks is then whom they ask for. None when not set.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Most database connections at once.
    pub connections: Option<usize>,
    /// Where the operator's identity lies, when not in the data directory.
    pub operator_key: Option<PathBuf>,
    /// The key service that keeps the operator's identity, when it is not a file.
    pub kms: Option<KmsConfig>,
    /// The mail server for notifications; without it the simulator keeps what would have been sent.
    pub mail: Option<MailConfig>,
    /// The provider of SMS for notifications; without it the simulator keeps what would have been sent.
    pub sms: Option<SmsConfig>,
    /// Web Push for notifications; without it the simulator keeps what would have been sent.
    pub push: Option<PushConfig>,
    /// Networks of the house that webhooks and providers may be in, such as `10.2.0.0/16`; none when not set.
    #[serde(default)]
    pub outbound_networks: Vec<String>,
    /// Files with certificates (PEM) of authorities of the house that webhooks and providers are checked by as well.
    #[serde(default)]
    pub outbound_authorities: Vec<PathBuf>,
    /// Serve on a PostgreSQL older than the releases that closed holes in row-level security. Every page says so.
    #[serde(default)]
    pub allow_old_postgres: bool,
}

/// The table `[mail]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// `smtps://host`, or `smtp://host` with STARTTLS; `smtp://localhost:port` in clear.
    pub server: String,
    /// From whom, such as `Salus <salus@example.org>`.
    pub from: String,
    /// A file, readable by the server only, with two lines: user and password.
    pub credentials: Option<PathBuf>,
}

/// The table `[sms]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsConfig {
    /// `https://…` that takes a POST of `id`, `to` and `text`.
    pub url: String,
    /// A file, readable by the server only, with the bearer token.
    pub token: PathBuf,
}

/// The table `[push]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushConfig {
    /// Who a push service may ask about us: `mailto:` and an address, or `https://…`.
    pub contact: String,
}

/// The table `[audit_s3]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditS3 {
    /// The bucket, made with object lock.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// `https://…` of the service when it is not AWS.
    pub endpoint: Option<String>,
    /// What keys begin with.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// For how many days a head cannot be removed: as long as the audit log is kept.
    #[serde(default = "seven_years")]
    pub days: u16,
    /// A file, readable by the server only: lines `aws_access_key_id = …` and `aws_secret_access_key = …`.
    pub credentials: PathBuf,
}

fn prefix() -> String {
    "salus".into()
}

fn seven_years() -> u16 {
    7 * 366
}

impl AuditS3 {
    /// The anchor in that bucket.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting that is wrong; [`Error::Unavailable`] for a file that cannot be read.
    pub fn open(&self) -> Result<S3Anchor> {
        let text = std::fs::read_to_string(&self.credentials)
            .map_err(|e| Error::Unavailable(format!("audit_s3.credentials {}: {e}", self.credentials.display())))?;
        let bucket = Bucket {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            name: self.bucket.clone(),
            prefix: self.prefix.clone(),
            days: self.days,
        };
        S3Anchor::new(bucket, &Zeroizing::new(text))
    }
}

/// The table `[kms]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KmsConfig {
    /// `vault` (Vault or `OpenBao`, transit) or `aws` (AWS KMS).
    pub kind: KmsKind,
    /// The name of the key there; for AWS its id, ARN or alias.
    pub key: String,
    /// `https://…` of the service; for AWS that of the region when not set.
    pub address: Option<String>,
    /// Where Vault has the transit engine.
    #[serde(default = "transit")]
    pub mount: String,
    /// AWS region.
    pub region: Option<String>,
    /// A file, readable by the server only: Vault's token, or lines `aws_access_key_id = …` and `aws_secret_access_key = …`.
    pub credentials: PathBuf,
}

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KmsKind {
    Vault,
    Aws,
}

fn transit() -> String {
    "transit".into()
}

impl KmsConfig {
    /// The service's client.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting that is missing; [`Error::Unavailable`] for a file that cannot be read.
    pub fn open(&self) -> Result<Box<dyn Kms>> {
        let text = std::fs::read_to_string(&self.credentials)
            .map_err(|e| Error::Unavailable(format!("kms.credentials {}: {e}", self.credentials.display())))?;
        let needed = |name: &str, value: &Option<String>| {
            value.clone().ok_or_else(|| Error::invalid(name, "required", "Is needed for this kind of key service"))
        };
        match self.kind {
            KmsKind::Vault => {
                let address = needed("kms.address", &self.address)?;
                let token = Zeroizing::new(text.trim().to_owned());
                Ok(Box::new(Vault::new(&address, &self.mount, &self.key, token, Patience::default())?))
            }
            KmsKind::Aws => {
                let region = needed("kms.region", &self.region)?;
                Ok(Box::new(AwsKms::new(self.address.as_deref(), &region, &self.key, &text, Patience::default())?))
            }
        }
    }
}

/// Where a test ends this process; builds for use have no such variable.
const FAULT_POINT: &str = "SALUS_FAULT_POINT";

/// Variables that are read, and the setting each stands for.
const VARIABLES: [(&str, &str); 30] = [
    ("SALUS_HOME", "home"),
    ("DATABASE_URL", "database_url"),
    ("DATABASE_ADMIN_URL", "database_admin_url"),
    ("DATABASE_SEALER_URL", "database_sealer_url"),
    ("DATABASE_BACKUP_URL", "database_backup_url"),
    ("DATABASE_REPLICA_URLS", "database_replica_urls"),
    ("SALUS_DATABASE_POOLED", "database_pooled"),
    ("SALUS_AUDIT_ANCHOR", "audit_anchor"),
    ("SALUS_AUDIT_RECEIPTS", "audit_receipts"),
    ("SALUS_AUDIT_RECEIPTS_OF", "audit_receipts_of"),
    ("SALUS_AUDIT_WITNESS", "audit_witness"),
    ("SALUS_AUDIT_WITNESS_KEY", "audit_witness_key"),
    ("SALUS_AUDIT_TIMESTAMP", "audit_timestamp"),
    ("SALUS_AUDIT_TIMESTAMP_CERTIFICATES", "audit_timestamp_certificates"),
    ("SALUS_AUDIT_DIGEST_TO", "audit_digest_to"),
    ("SALUS_BACKUP_DIR", "backup_dir"),
    ("SALUS_BACKUP_EVERY", "backup_every"),
    ("SALUS_BACKUP_KEEP", "backup_keep"),
    ("SALUS_DRILL_DIR", "drill_dir"),
    ("SALUS_PGBACKREST_STANZA", "pgbackrest_stanza"),
    ("SALUS_PGBACKREST_FILE", "pgbackrest_file"),
    ("SALUS_BALLAST_MIB", "ballast_mib"),
    ("SALUS_ERASURE_LEDGER", "erasure_ledger"),
    ("PGSSLROOTCERT", "database_root_certificates"),
    ("SALUS_ALLOW_PLAIN_DATABASE", "allow_plain_database"),
    ("SALUS_LISTEN", "listen"),
    ("SALUS_PUBLIC_URL", "public_url"),
    ("SALUS_CONNECTIONS", "connections"),
    ("SALUS_OPERATOR_KEY", "operator_key"),
    ("SALUS_ALLOW_OLD_POSTGRES", "allow_old_postgres"),
];

impl Config {
    /// Reads the file and the variables. `home` is what `--home` said.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the file or variable and what is wrong with it.
    pub fn load(home: Option<&Path>) -> Result<Self> {
        refuse_unknown_variables()?;
        let home = home
            .map(Path::to_path_buf)
            .or_else(|| variable("SALUS_HOME").map(PathBuf::from))
            .unwrap_or_else(default_home);
        let file = home.join("salus.toml");
        let mut config: Self = match std::fs::read_to_string(&file) {
            Ok(text) => toml::from_str(&text).map_err(|e| {
                Error::invalid("salus.toml", "unreadable", format!("{}: {}", file.display(), e.message()))
            })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(e) => return Err(Error::Unavailable(format!("{} cannot be read: {e}", file.display()))),
        };
        config.home = std::path::absolute(&home).map_err(Error::internal)?;
        config.read_addresses();
        if let Some(n) = variable("SALUS_CONNECTIONS") {
            config.connections =
                Some(n.parse().map_err(|_| Error::invalid("SALUS_CONNECTIONS", "wrong_type", "Is a number"))?);
        }
        if config.connections == Some(0) {
            return Err(Error::invalid("connections", "not_allowed", "Is at least 1"));
        }
        config.read_backup_settings()?;
        if let Some(point) = variable(FAULT_POINT).filter(|_| fault::ARMABLE) {
            fault::arm(&point)?;
        }
        for (place, name) in [
            (&mut config.audit_anchor, "SALUS_AUDIT_ANCHOR"),
            (&mut config.audit_timestamp_certificates, "SALUS_AUDIT_TIMESTAMP_CERTIFICATES"),
            (&mut config.audit_receipts, "SALUS_AUDIT_RECEIPTS"),
            (&mut config.backup_dir, "SALUS_BACKUP_DIR"),
            (&mut config.drill_dir, "SALUS_DRILL_DIR"),
            (&mut config.pgbackrest_file, "SALUS_PGBACKREST_FILE"),
            (&mut config.erasure_ledger, "SALUS_ERASURE_LEDGER"),
        ] {
            *place = variable(name).map(PathBuf::from).or(place.take());
        }
        if let Some(path) = variable("SALUS_OPERATOR_KEY") {
            config.operator_key = Some(path.into());
        }
        if let Some(path) = variable("PGSSLROOTCERT").filter(|path| path != "system") {
            config.database_root_certificates = Some(path.into());
        }
        if let Some(n) = variable("SALUS_BALLAST_MIB") {
            let mib = n.parse().map_err(|_| Error::invalid("SALUS_BALLAST_MIB", "wrong_type", "Is a number of MiB"))?;
            config.ballast_mib = Some(mib);
        }
        config.read_lists();
        config.check_pgbackrest()?;
        if config.drill_dir.is_some() && config.backup_dir.is_none() {
            let why = "Is set together with backup_dir: a drill restores the newest backup of that directory";
            return Err(Error::invalid("backup_dir", "required", why));
        }
        switch(&mut config.database_pooled, "SALUS_DATABASE_POOLED")?;
        switch(&mut config.allow_old_postgres, "SALUS_ALLOW_OLD_POSTGRES")?;
        switch(&mut config.allow_plain_database, "SALUS_ALLOW_PLAIN_DATABASE")?;
        Ok(config)
    }

    fn read_lists(&mut self) {
        if let Some(list) = variable("DATABASE_REPLICA_URLS") {
            self.database_replica_urls = list.split_whitespace().map(str::to_owned).collect();
        }
        if let Some(list) = variable("SALUS_AUDIT_RECEIPTS_OF") {
            self.audit_receipts_of = env::split_paths(&list).collect();
        }
    }

    fn read_backup_settings(&mut self) -> Result<()> {
        if let Some(n) = variable("SALUS_BACKUP_EVERY") {
            let hours =
                n.parse().map_err(|_| Error::invalid("SALUS_BACKUP_EVERY", "wrong_type", "Is a number of hours"))?;
            self.backup_every = Some(hours);
        }
        if let Some(n) = variable("SALUS_BACKUP_KEEP") {
            self.backup_keep =
                Some(n.parse().map_err(|_| Error::invalid("SALUS_BACKUP_KEEP", "wrong_type", "Is a number"))?);
        }
        if self.backup_every == Some(0) || self.backup_keep == Some(0) {
            return Err(Error::invalid("backup_every", "not_allowed", "backup_every and backup_keep are at least 1"));
        }
        Ok(())
    }

    /// Where proxies stand that are believed.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming a network that is none.
    pub fn proxies(&self) -> Result<Vec<Network>> {
        let read = |text: &String| {
            let why = format!("{text} is no network such as 10.2.0.0/16");
            Network::parse(text).map_err(|_| Error::invalid("trusted_proxies", "wrong_form", why))
        };
        self.trusted_proxies.iter().map(read).collect()
    }

    /// What may be called beyond the public internet.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming a network that is none; [`Error::Unavailable`] for a file that cannot be read.
    pub fn outbound(&self) -> Result<Outbound> {
        let networks = self.outbound_networks.iter().map(|n| Network::parse(n)).collect::<Result<_>>()?;
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|e| Error::Unavailable(format!("outbound_authorities {}: {e}", path.display())))
        };
        let authorities = self.outbound_authorities.iter().map(read).collect::<Result<_>>()?;
        Outbound::new(Rules { networks, authorities })
    }

    /// What carries notifications; links in them begin with `base`.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting; [`Error::Unavailable`] for a file that cannot be read.
    pub fn carriers(&self, base: &str) -> Result<Carriers> {
        let mut carriers = Carriers { base: base.to_owned(), ..Carriers::default() };
        let read = |name: &str, path: &Path| {
            std::fs::read_to_string(path).map_err(|e| Error::Unavailable(format!("{name} {}: {e}", path.display())))
        };
        if let Some(mail) = &self.mail {
            let login = mail.credentials.as_deref().map(|path| {
                let text = read("mail.credentials", path)?;
                let login = text.trim_end().split_once('\n').map(|(u, p)| (u.trim().to_owned(), p.trim().to_owned()));
                login.ok_or_else(|| Error::invalid("mail.credentials", "wrong_form", "Is two lines: user and password"))
            });
            carriers.email = Box::new(Smtp::new(&mail.server, &mail.from, login.transpose()?)?);
        }
        if let Some(sms) = &self.sms {
            let token = read("sms.token", &sms.token)?;
            carriers.sms = Box::new(SmsWebhook::new(self.outbound()?, &sms.url, &token)?);
        }
        if let Some(push) = &self.push {
            let contact = push.contact.trim();
            let formed = contact.strip_prefix("mailto:").is_some_and(|to| to.contains('@'))
                || contact.strip_prefix("https://").is_some_and(|host| host.contains('.'));
            if !formed || contact.contains(char::is_whitespace) {
                let form =
                    "Is mailto:ops@example.org or https://example.org/contact, where a push service asks about you";
                return Err(Error::invalid("push.contact", "wrong_form", form));
            }
            carriers.push = Box::new(WebPush::new(self.outbound()?));
            contact.clone_into(&mut carriers.contact);
        }
        Ok(carriers)
    }

    /// pgBackRest needs a place for what it does not keep, and has its own rule of how long backups are kept.
    fn check_pgbackrest(&self) -> Result<()> {
        if self.pgbackrest_stanza.is_none() {
            return Ok(());
        }
        let (field, code, why) = match self {
            Self { backup_keep: Some(_), .. } => (
                "backup_keep",
                "not_allowed",
                "Is not set together with pgbackrest_stanza: pgBackRest keeps what repo1-retention-full says",
            ),
            Self { backup_dir: None, .. } => (
                "backup_dir",
                "required",
                "Is set together with pgbackrest_stanza: what a restore needs beside pgBackRest's backup is written there",
            ),
            Self { database_url: Some(_), .. } | Self { database_admin_url: Some(_), .. } => (
                "pgbackrest_stanza",
                "not_allowed",
                "Is for the private cluster: back up a server of your own with its own tools",
            ),
            _ => return Ok(()),
        };
        Err(Error::invalid(field, code, why))
    }

    fn read_addresses(&mut self) {
        for (place, name) in [
            (&mut self.database_url, "DATABASE_URL"),
            (&mut self.database_admin_url, "DATABASE_ADMIN_URL"),
            (&mut self.database_sealer_url, "DATABASE_SEALER_URL"),
            (&mut self.database_backup_url, "DATABASE_BACKUP_URL"),
            (&mut self.audit_witness, "SALUS_AUDIT_WITNESS"),
            (&mut self.audit_witness_key, "SALUS_AUDIT_WITNESS_KEY"),
            (&mut self.audit_timestamp, "SALUS_AUDIT_TIMESTAMP"),
            (&mut self.audit_digest_to, "SALUS_AUDIT_DIGEST_TO"),
            (&mut self.listen, "SALUS_LISTEN"),
            (&mut self.public_url, "SALUS_PUBLIC_URL"),
            (&mut self.pgbackrest_stanza, "SALUS_PGBACKREST_STANZA"),
        ] {
            *place = variable(name).or(place.take());
        }
    }

    /// Which other systems the settings name, by kind; no address and no secret.
    pub fn integrations(&self) -> Vec<&'static str> {
        let named = [
            ("key service", self.kms.is_some()),
            ("mail", self.mail.is_some()),
            ("sms", self.sms.is_some()),
            ("push", self.push.is_some()),
            ("audit witness", self.audit_witness.is_some()),
            ("audit object lock", self.audit_s3.is_some()),
            ("audit time stamps", self.audit_timestamp.is_some()),
            ("audit digest by e-mail", self.audit_digest_to.is_some()),
            ("database of one's own", self.database_url.is_some()),
            ("read replicas", !self.database_replica_urls.is_empty()),
            ("backups", self.backup_dir.is_some()),
            ("pgBackRest", self.pgbackrest_stanza.is_some()),
        ];
        named.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect()
    }

    /// The time between two backups that the server takes by itself.
    pub fn backup_interval(&self) -> time::Duration {
        time::Duration::hours(i64::from(self.backup_every.unwrap_or(24)))
    }
}

fn switch(setting: &mut bool, name: &str) -> Result<()> {
    match variable(name).as_deref() {
        None => {}
        Some("true" | "1") => *setting = true,
        Some("false" | "0") => *setting = false,
        Some(_) => return Err(Error::invalid(name, "wrong_type", "Is true or false")),
    }
    Ok(())
}

impl Config {
    /// An address that people can open, such as that of a one-time link. Where browsers reach the server is known when
    /// it is configured; otherwise the words say what belongs there.
    pub fn link(&self, path: &str) -> String {
        let base = self.public_url.as_deref().map_or("<address of the server>", |url| url.trim_end_matches('/'));
        format!("{base}{path}")
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|v| !v.is_empty())
}

fn refuse_unknown_variables() -> Result<()> {
    let known = |name: &str| VARIABLES.iter().any(|(n, _)| *n == name) || (fault::ARMABLE && name == FAULT_POINT);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("SALUS_") && !known(&name) {
            let nearest = VARIABLES.iter().map(|(n, _)| *n).min_by_key(|n| distance(n, &name)).unwrap_or_default();
            return Err(Error::invalid(&name, "unknown_setting", format!("Is no setting; did you mean {nearest}?")));
        }
    }
    Ok(())
}

/// Edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut above = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = above + usize::from(x != *y);
            above = row[j + 1];
            row[j + 1] = change.min(above + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn default_home() -> PathBuf {
    let data = variable("XDG_DATA_HOME").map(PathBuf::from);
    let home = || variable("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from).join(".local/share");
    data.unwrap_or_else(home).join("salus")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_begins_where_browsers_reach_the_server() {
        let mut config = Config::default();
        assert_eq!(config.link("/setup/x"), "<address of the server>/setup/x");
        config.public_url = Some("https://salus.example.org/".into());
        assert_eq!(config.link("/setup/x"), "https://salus.example.org/setup/x");
    }

    #[test]
    fn a_misspelt_setting_names_the_nearest() {
        let e = toml::from_str::<Config>("listn = '127.0.0.1:1'").expect_err("no such setting");
        assert!(e.message().contains("listen"), "{}", e.message());
        assert_eq!(distance("SALUS_HOME", "SALUS_HOEM"), 2);
    }
}
