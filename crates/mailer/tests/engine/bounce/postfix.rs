//! The whole way round through a real Postfix: it takes the mails, is refused
//! by the receiving server, writes its own reports, and hands them back.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use mailer::config::MailerConfig;
use mailer::inbound::Protocol;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{DOMAIN, listen};
use crate::support::{Action, Fixture, Sink, free_port};

/// Long for a mail's way over loopback, short for a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
/// Accounts that every Debian has and nothing here runs as.
const OWNER: (&str, u32) = ("games", 5);
const GROUP: (&str, u32) = ("operator", 37);

/// A Postfix of its own: its own queue, configuration and port.
struct Postfix {
    master: Child,
    folder: PathBuf,
    port: u16,
}

impl Postfix {
    /// Hands mail for the bounce domain to `lmtp`, all other to `next`.
    fn start(next: u16, lmtp: u16) -> Self {
        let parts = std::env::var("KIKUBARI_POSTFIX").expect(
            "KIKUBARI_POSTFIX names a folder with Debian's package postfix; `just test` unpacks one, where it runs as root",
        );
        let parts = Path::new(&parts);
        let folder = std::env::temp_dir().join(format!("kikubari-{}", uuid::Uuid::now_v7()));
        let port = free_port();
        make_folders(&folder);
        fs::write(
            folder.join("etc/main.cf"),
            main_cf(parts, &folder, next, lmtp),
        )
        .unwrap();
        fs::write(folder.join("etc/master.cf"), master_cf(port)).unwrap();
        let master = run(parts, &folder);
        Self {
            master,
            folder,
            port,
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    async fn is_up(&self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(
                Instant::now() < until,
                "Postfix did not start: {}",
                self.log()
            );
            sleep(LOOK).await;
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Its children end when it is gone.
        let _ = self.master.kill();
        let _ = self.master.wait();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test starts the other program that it is about"
)]
fn run(parts: &Path, folder: &Path) -> Child {
    std::process::Command::new(parts.join("usr/lib/postfix/sbin/master"))
        .args(["-c".as_ref(), folder.join("etc").as_os_str()])
        .env("LD_LIBRARY_PATH", parts.join("usr/lib/postfix"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn make_folders(folder: &Path) {
    let make = |name: &str, owner: Option<u32>, group: Option<u32>, mode: u32| {
        let path = folder.join(name);
        fs::create_dir_all(&path).unwrap();
        chown(&path, owner, group).expect("Postfix runs as root only");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    make("etc", None, None, 0o755);
    make("spool", None, None, 0o755);
    make("data", Some(OWNER.1), None, 0o700);
    for name in [
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
        "saved", "trace",
    ] {
        make(&format!("spool/{name}"), Some(OWNER.1), None, 0o700);
    }
    make("spool/pid", None, None, 0o755);
    make("spool/public", Some(OWNER.1), Some(GROUP.1), 0o710);
    make("spool/maildrop", Some(OWNER.1), Some(GROUP.1), 0o730);
    fs::write(folder.join("log"), "").unwrap();
}

fn main_cf(parts: &Path, folder: &Path, next: u16, lmtp: u16) -> String {
    let (parts, folder) = (parts.display(), folder.display());
    let (owner, group) = (OWNER.0, GROUP.0);
    format!(
        "compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
daemon_directory = {parts}/usr/lib/postfix/sbin
command_directory = {parts}/usr/sbin
shlib_directory = no
meta_directory = {folder}/etc
mail_owner = {owner}
setgid_group = {group}
default_privs = nobody
import_environment = MAIL_CONFIG LD_LIBRARY_PATH={parts}/usr/lib/postfix
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.example.net
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
default_transport = smtp:[127.0.0.1]:{next}
transport_maps = inline:{{ {{ {DOMAIN} = lmtp:inet:127.0.0.1:{lmtp} }} }}
notify_classes =
"
    )
}

fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}

#[tokio::test]
async fn reports_that_postfix_writes_come_back_and_stop_whom_they_should() {
    let receiving = Sink::scripted(|to, _| match to.split('@').next() {
        Some("nobody") => Action::Refuse("550 5.1.1 User unknown"),
        Some("full") => Action::Refuse("552 5.2.2 Mailbox full"),
        Some("strict") => Action::Refuse("550 5.7.1 Not by this sender"),
        _ => Action::Accept,
    })
    .await;
    let fixture = Fixture::new(&receiving).await;
    let mut listeners = JoinSet::new();
    let db = &fixture.database.db;
    let lmtp = listen(&mut listeners, &fixture, db, Protocol::Lmtp).await;
    let postfix = Postfix::start(receiving.address.port(), lmtp.port());
    postfix.is_up().await;
    let through = format!("UPDATE route SET port = {}", postfix.port);
    fixture.database.execute_as_owner(&through).await;

    let people = ["nobody", "full", "strict", "hanako"].map(|name| format!("{name}@example.jp"));
    let campaign = fixture.campaign(&people).await;
    let config = MailerConfig {
        bounce_domain: Some(DOMAIN.into()),
        ..MailerConfig::default()
    };
    fixture.mailer_with(&config).drain().await.unwrap();

    let until = Instant::now() + PATIENCE;
    let events = "SELECT count(*) FROM event WHERE kind = 'bounce'";
    while fixture.database.count(events).await < 3 || receiving.total() < 1 {
        assert!(Instant::now() < until, "no reports: {}", postfix.log());
        sleep(LOOK).await;
    }
    let became = "SELECT string_agg(concat_ws(' ', split_part(email, '@', 1), status, soft_bounces), ', ' ORDER BY email) FROM contact";
    assert_eq!(
        fixture.database.text(became).await,
        "full active 1, hanako active 0, nobody bounced 0, strict active 0"
    );
    let said = "SELECT string_agg(concat_ws(' ', split_part(address, '@', 1), state, reason, reply_enhanced), ', ' ORDER BY address) FROM delivery";
    assert_eq!(
        fixture.database.text(said).await,
        "full failed bounced_soft 5.2.2, hanako accepted 2.0.0, nobody failed bounced_hard 5.1.1, strict failed bounced_soft 5.7.1"
    );
    let counts = fixture.counts(campaign).await;
    assert_eq!((counts.accepted, counts.failed), (1, 3));
    assert_eq!(receiving.taken().len(), 1);
}
