//! A PostgreSQL that speaks TLS, as on another machine: whom the client believes, and whom it does not.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use salus_store::{Address, Policy};
use salus_testkit::TestCluster;
use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A server with a certificate for `localhost`, by an authority whose certificate is `trusted`.
struct Server {
    home: PathBuf,
    port: u16,
    process: Child,
}

impl Server {
    async fn start() -> Self {
        let cluster = TestCluster::shared();
        let owner = fs::metadata(cluster.home().join("cluster/data")).unwrap();
        let (uid, gid) = (owner.uid(), owner.gid());
        let home = std::env::temp_dir().join(format!("salus-tls-{}", std::process::id()));
        fs::remove_dir_all(&home).ok();
        fs::create_dir(&home).unwrap();
        chown(&home, Some(uid), Some(gid)).unwrap();
        let program = |name: &str| {
            let mut command = Command::new(cluster.cluster().bin_dir().join(name));
            command.uid(uid).gid(gid).current_dir(&home).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let data = home.join("data");
        let made =
            program("initdb").args(["--no-sync", "-U", "owner", "-A", "trust", "-D"]).arg(&data).status().unwrap();
        assert!(made.success());
        certificates(&home, (uid, gid));
        fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\nhostssl all all ::1/128 trust\n")
            .unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = [
            format!("port={port}"),
            "listen_addresses=localhost".into(),
            "unix_socket_directories=".into(),
            "ssl=on".into(),
            format!("ssl_cert_file={}", home.join("server.pem").display()),
            format!("ssl_key_file={}", home.join("server.key").display()),
            "fsync=off".into(),
        ];
        let process =
            program("postgres").arg("-D").arg(&data).args(settings.iter().flat_map(|s| ["-c", s])).spawn().unwrap();
        let server = Self { home, port, process };
        for _ in 0..100 {
            if server.connect("localhost", "require").await.is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the server does not answer");
    }

    /// Whether a connection comes about, and whether it is encrypted.
    async fn connect(&self, host: &str, security: &str) -> Result<bool, String> {
        let text = format!("postgres://owner@{host}:{}/postgres?sslmode={security}", self.port);
        let address = Address::parse(&text, &Policy::default()).map_err(|e| e.to_string())?;
        let client = address.connect().await.map_err(|e| e.to_string())?;
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        Ok(client.query_one(sql, &[]).await.unwrap().get(0))
    }

    fn roots(&self, mode: &str, authority: &str) -> String {
        format!("{mode}&sslrootcert={}", self.home.join(authority).display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_dir_all(&self.home).ok();
    }
}

/// Two authorities, and a server's certificate by the first.
fn certificates(home: &Path, owner: (u32, u32)) {
    let mut first = None;
    for name in ["trusted.pem", "other.pem"] {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        fs::write(home.join(name), params.self_signed(&key).unwrap().pem()).unwrap();
        first.get_or_insert(Issuer::new(params, key));
    }
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &first.unwrap()).unwrap();
    for (name, text) in [("server.pem", certificate.pem()), ("server.key", key.serialize_pem())] {
        let file = home.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&file, Some(owner.0), Some(owner.1)).unwrap();
    }
}

#[tokio::test]
async fn a_server_is_believed_by_its_certificate() {
    let server = Server::start().await;
    for (host, security) in [
        ("localhost", server.roots("verify-full", "trusted.pem")),
        ("localhost", server.roots("verify-ca", "trusted.pem")),
        ("127.0.0.1", server.roots("verify-ca", "trusted.pem")),
        ("127.0.0.1", server.roots("require", "trusted.pem")),
        ("127.0.0.1", "require".into()),
        ("127.0.0.1", "prefer".into()),
    ] {
        assert_eq!(server.connect(host, &security).await, Ok(true), "{host} {security}");
    }
    for (host, security, why) in [
        ("localhost", server.roots("verify-full", "other.pem"), "invalid peer certificate: UnknownIssuer"),
        ("localhost", server.roots("verify-ca", "other.pem"), "invalid peer certificate: UnknownIssuer"),
        ("localhost", server.roots("require", "other.pem"), "invalid peer certificate: UnknownIssuer"),
        ("localhost", "verify-full".into(), "certificate"),
        ("127.0.0.1", server.roots("verify-full", "trusted.pem"), "not valid for name"),
        ("localhost", "disable".into(), "no encryption"),
    ] {
        let told = server.connect(host, &security).await.expect_err(&security);
        assert!(told.contains(why), "{host} {security}: {told}");
    }
}
