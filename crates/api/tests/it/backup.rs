//! The backup's script, run as its container runs it: what its manifest notes
//! of the trace shows that an end was cut later, and a restore is held to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use domain::operator::account;
use domain::testing::TestTenant;

use crate::support::TestApp;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where age is: on PATH, or where `scripts/test` unpacks it.
fn path() -> String {
    let own = root().join(".local/age/usr/bin");
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}", own.display())
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("kikubari-backup-{}", uuid::Uuid::now_v7());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, end: &str) -> PathBuf {
        let files = std::fs::read_dir(&self.0).expect("the folder");
        let mut files = files.map(|file| file.expect("a file").path());
        files
            .find(|file| file.to_string_lossy().ends_with(end))
            .unwrap_or_else(|| panic!("no {end} in {}", self.0.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// `postgres://user[:password]@host:port/database` as libpq's variables.
fn libpq(url: &str) -> Vec<(&'static str, String)> {
    let rest = url.split_once("://").expect("a URL").1;
    let (user, rest) = rest.split_once('@').expect("a user");
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let (address, database) = rest.split_once('/').expect("a database");
    let (host, port) = address.split_once(':').unwrap_or((address, "5432"));
    [
        ("PGUSER", user),
        ("PGPASSWORD", password),
        ("PGHOST", host),
        ("PGPORT", port),
        ("PGDATABASE", database),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

#[expect(clippy::disallowed_methods, reason = "the script itself is tested")]
fn run(program: &str, arguments: &[&str], environment: &[(&str, String)]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", path());
    for (name, value) in environment {
        command.env(name, value);
    }
    command.output().unwrap_or_else(|error| {
        panic!("{program}: {error} (age is unpacked by scripts/test, psql comes with PostgreSQL)")
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `kikubari audit …`: whether it went well, and all that it said.
fn audit(app_url: &str, folder: &Folder, arguments: &[&str]) -> (bool, String) {
    let key = folder.0.join("key");
    std::fs::write(&key, "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=").expect("a key");
    let key = key.display().to_string();
    let environment = [
        ("KIKUBARI_DATABASE_URL", app_url.to_owned()),
        ("KIKUBARI_SECRET_KEY_FILE", key.clone()),
        (
            "KIKUBARI_OPERATOR_DATABASE_URL",
            app_url.replace("kikubari_app", "kikubari_operator"),
        ),
        ("KIKUBARI_OPERATOR_SECRET_KEY_FILE", key),
    ];
    let arguments: Vec<&str> = ["audit"].iter().chain(arguments).copied().collect();
    let output = run(env!("CARGO_BIN_EXE_kikubari"), &arguments, &environment);
    (
        output.status.success(),
        text(&output.stdout) + &text(&output.stderr),
    )
}

#[actix_web::test]
async fn a_manifest_shows_an_end_that_was_cut_and_a_restore_is_held_to_it() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await.id.to_string();
    let rival = app.tenant("rival").await.id.to_string();
    let staff = app.database.operator_db();
    account::add(&staff, &TestTenant::hasher(), "yamada", "山田")
        .await
        .expect("an account");
    let folder = Folder::new();
    let age = run("age-keygen", &[], &[]);
    let key = folder.0.join("backup-key.txt");
    std::fs::write(&key, &age.stdout).expect("a key file");
    let public = text(&age.stdout);
    let public = public
        .lines()
        .find_map(|line| line.split_once("public key: "));
    let script = root().join("deploy/backup/backup").display().to_string();
    let mut environment = libpq(&app.database.owner_url());
    environment.extend([
        ("BACKUP_DIR", folder.0.display().to_string()),
        (
            "BACKUP_RECIPIENT",
            public.expect("a public key").1.to_owned(),
        ),
    ]);
    let made = run("bash", &[&script, "now"], &environment);
    assert!(made.status.success(), "{}", text(&made.stderr));

    let path = folder.file(".manifest");
    let manifest = std::fs::read_to_string(&path).expect("a manifest");
    let heads = "SELECT string_agg(line, E'\\n' ORDER BY place, line COLLATE \"C\") FROM (
        SELECT 1 AS place, format(E'head\\t%s\\t%s\\t%s', tenant_id, number, encode(hash, 'hex')) AS line FROM audit_head
        UNION ALL SELECT 2, format(E'operator-head\\t%s\\t%s', number, encode(hash, 'hex')) FROM operator_audit_head) h";
    let heads = app.database.text(heads).await;
    assert!(manifest.contains(&heads), "{heads}\nin\n{manifest}");
    for id in [&tenant, &rival] {
        assert!(heads.contains(id.as_str()), "{heads}");
    }
    let anchor = path.display().to_string();
    let all = ["verify", "--all", "--anchor", &anchor];
    let operators = ["verify", "--operator", "--anchor", &anchor];
    let url = app.database.app_url();
    for arguments in [&all, &operators] {
        let (ok, said) = audit(&url, &folder, arguments);
        assert!(ok && said.starts_with("ok "), "{said}");
    }
    cut(&app, &rival).await;
    for arguments in [["verify", "--all"].as_slice(), &["verify", "--operator"]] {
        let (ok, said) = audit(&url, &folder, arguments);
        assert!(ok, "nothing inside tells: {said}");
    }
    let (ok, said) = audit(&url, &folder, &all);
    let broken = format!("BROKEN  {rival} the end is missing: entries ");
    assert!(!ok && said.contains(&broken), "{said}");
    let (ok, said) = audit(&url, &folder, &operators);
    assert!(
        !ok && said.contains("BROKEN  operator the end is missing: entries 1 to 1"),
        "{said}"
    );
    drill(&app, &folder, &script, environment, &key).await;
}

/// The end of one tenant's trace goes, and of the operator's, with their heads.
async fn cut(app: &TestApp, tenant: &str) {
    app.database
        .execute_as_owner(&format!(
            "DELETE FROM audit_entry WHERE tenant_id = '{tenant}';
             DELETE FROM audit_link WHERE tenant_id = '{tenant}';
             DELETE FROM audit_head WHERE tenant_id = '{tenant}';
             DELETE FROM operator_audit; DELETE FROM operator_audit_link;
             UPDATE operator_audit_head SET number = 0, hash = decode(repeat('00', 32), 'hex')"
        ))
        .await;
}

/// What was backed up comes back whole; beside another manifest it does not pass.
async fn drill(
    app: &TestApp,
    folder: &Folder,
    script: &str,
    mut environment: Vec<(&'static str, String)>,
    key: &Path,
) {
    let dump = folder.file(".dump.age").display().to_string();
    let manifest = folder.file(".manifest");
    let anchor = manifest.display().to_string();
    let name = app.database.owner_url();
    let name = name.rsplit('/').next().expect("a name");
    let restored = format!("{name}_restored");
    let key = key.display().to_string();
    environment.push(("PGDATABASE", restored.clone()));
    let restore = async || {
        for sql in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
            let sql = format!("{sql} {restored}");
            app.database.execute_as_owner(&sql).await;
        }
        run("bash", &[script, "restore", &dump, &key], &environment)
    };
    let output = restore().await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let url = app.database.app_url().replace(name, &restored);
    for whose in ["--all", "--operator"] {
        let (ok, said) = audit(&url, folder, &["verify", whose, "--anchor", &anchor]);
        assert!(ok && !said.contains("BROKEN"), "{said}");
    }
    let noted = std::fs::read_to_string(&manifest).expect("the manifest");
    let wrong_end = noted.replace("operator-head\t1\t", "operator-head\t2\t");
    let wrong_file = noted.replace("sha256\t", "sha256\t00");
    for (other, why) in [
        (wrong_end, "are not those of the manifest"),
        (wrong_file, "is not the file that its manifest names"),
    ] {
        std::fs::write(&manifest, other).expect("another manifest");
        let output = restore().await;
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
    let sql = format!("DROP DATABASE IF EXISTS {restored}");
    app.database.execute_as_owner(&sql).await;
}
