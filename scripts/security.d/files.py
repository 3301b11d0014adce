"""Unnecessary files: nothing is served but what was meant to be; no way out of the folder; no source maps."""

import re

import httpx
from core import ROOT, Check, item
from raw import TO_THE_END, exchange, status_of
from world import Target, World

NAMES = (
    ".env .env.local .env.production .env.bak .git/config .git/HEAD .git/index .gitignore .gitattributes .github/workflows/ci.yml .svn/entries "
    ".svn/wc.db .hg/store .bzr/README .DS_Store .htaccess .htpasswd .npmrc .yarnrc .aws/credentials .ssh/id_rsa .ssh/authorized_keys "
    ".docker/config.json .vscode/settings.json .idea/workspace.xml .well-known/security.key .bash_history .profile .ci/run .local/secrets/key "
    ".local/secrets/demo .cargo/config.toml .hadolint.yaml backup.zip backup.tar.gz backup.sql backup.sql.gz backup/kikubari.dump.age db.sql dump.sql "
    "database.sql kikubari.sql data.zip site.tar.gz www.zip web.zip archive.zip old.zip index.html.bak index.html~ index.html.old index.php "
    "info.php phpinfo.php test.php config.php wp-config.php wp-config.php.bak wp-login.php xmlrpc.php adminer.php phpmyadmin/index.php "
    "config.json config.yml config.yaml config.toml settings.json settings.py secrets.json secrets.yml credentials.json key.pem server.key "
    "server.crt cert.pem privkey.pem id_rsa id_ed25519 key.txt docker-compose.yml docker-compose.override.yml Dockerfile Makefile justfile "
    "package.json package-lock.json yarn.lock pnpm-lock.yaml tsconfig.json vite.config.ts biome.json Cargo.toml Cargo.lock rustfmt.toml "
    "deny.toml diesel.toml composer.json composer.lock Gemfile requirements.txt Pipfile go.mod README.md LICENSE CHANGELOG.md docs/security.md "
    "docs/operations.md deploy/env.example deploy/secrets/key deploy/caddy/Caddyfile deploy/postfix/main.cf migrations/up.sql "
    "crates/api/src/main.rs src/main.tsx src/main.rs scripts/lib.sh target/release/kikubari target/debug/kikubari node_modules/.package-lock.json "
    "node_modules/react/package.json openapi/openapi.json e2e/session.spec.ts test-results/.last-run.json coverage/index.html "
    "swagger.json swagger.yaml swagger-ui.html api-docs/swagger.json v2/api-docs graphql.json server-status.html server-info.html status.html "
    "nginx.conf nginx_status.txt web.config WEB-INF/web.xml META-INF/MANIFEST.MF crossdomain.xml clientaccesspolicy.xml elmah.axd trace.axd "
    "error.log access.log debug.log api.log mailer.log npm-debug.log log/api.log logs/api.log core.1 core.dump heapdump.hprof actuator.json "
    "actuator/env.json actuator/heapdump.bin metrics.txt assets/ assets/.env assets/index.html.map .vite/manifest.json manifest.json.bak crates/Cargo.toml assets/.git/config "
    "assets/app.js.map static/app.js.map main.js.map sw.js.map uploads/a.csv uploads/.htaccess files/1.csv tmp/a.csv temp/a.csv "
    "cgi-bin/test.cgi cgi-bin/printenv.pl cgi-bin/php.cgi bin/kikubari shell.php cmd.jsp shell.jsp upload.php test.html test.txt a.bak "
    "robots.txt.bak sitemap.xml.gz setup.php install.php upgrade.php setup.html install.html admin.php admin.html admin/config.json "
    "manager.html console.html phpunit.xml vendor/autoload.php vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php Thumbs.db desktop.ini"
).split()
# Paths that mean something to the inside only.
INSIDE = ("/metrics", "/health", "/health/live", "/health/ready", "/debug/pprof", "/_status", "/v1/internal", "/internal/console")
WAYS_OUT = (
    "/../../../../etc/passwd", "/assets/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/assets/%2e%2e/%2e%2e/package.json",
    "/assets/..%2f..%2fpackage.json", "/assets/..%5c..%5cpackage.json", "/..%252f..%252fetc/passwd", "/assets/....//....//package.json",
    "/assets/..;/..;/package.json", "//etc/passwd", "/assets//etc/passwd", "/%00/etc/passwd", "/index.html%00.png", "/assets/%c0%ae%c0%ae/package.json",
    "/file:///etc/passwd", "/assets/..\\..\\package.json", "/docs/../../package.json", "/docs/%2e%2e/%2e%2e/Cargo.toml", "/./.env", "/%2eenv", "/.%65nv",
)  # fmt: skip
SIGNS = (b"root:x:", b'"devDependencies"', b"[package]", b"[workspace", b"repositoryformatversion", b"PASSWORD=", b"lockfileVersion")


def walk(check: Check, name: str, target: Target, own: str) -> None:
    with target.client() as client:
        page = client.get("/").content
        for path in NAMES:
            answer = client.get(f"/{path}")
            # A name without a dot may be a screen: then the SPA's own page comes, and nothing else.
            screen = "." not in path.rsplit("/", 1)[-1] and answer.content == page
            check.that(answer.status_code in (400, 404) or screen, f"{name}: /{path}", f"answered {answer.status_code}: {answer.content[:80]!r}")
        for path in INSIDE if target.url.startswith("https") else ():
            answer = client.get(path)
            # A word without a dot is a screen of the SPA: the page itself, and nothing else.
            check.that(answer.status_code == 404 or (answer.content == page and not path.startswith(("/health", "/metrics"))), f"{name}: {path}", f"answered {answer.status_code}: {answer.text[:80]}")
    for path in WAYS_OUT:
        answer = exchange(target, f"GET {path} HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n".encode(), wait=TO_THE_END)
        body = answer.partition(b"\r\n\r\n")[2]
        check.that(not any(sign in body for sign in SIGNS), f"{name}: {path}", f"leads out: {body[:80]!r}")
        fine = status_of(answer) in (301, 308, 400, 404) or (status_of(answer) == 200 and b"<!doctype html>" in body.lower())
        check.that(fine, f"{name}: {path}", f"answered {status_of(answer)}: {body[:80]!r}")


def canary(world: World, check: Check) -> None:
    walk(check, "canary", world.canary, httpx.URL(world.canary.url).netloc.decode())
    with world.canary.client() as client:
        body = client.get("/file?name=../../etc/passwd").content
        check.that(not any(sign in body for sign in SIGNS), "canary: /file?name=../../etc/passwd", "leads out")


@item("unnecessary-files", "some 230 known paths, ways out of the folder, source maps, listings", canary, aside=True)
def attack(world: World, check: Check) -> None:
    check.that(len(NAMES) >= 200, "the list", f"only {len(NAMES)} paths")
    walk(check, "door", world.product, world.host)
    walk(check, "direct", world.direct, httpx.URL(world.direct.url).netloc.decode())
    assets = sorted(path for path in (ROOT / "frontend" / "dist").rglob("*") if path.is_file())
    check.that(any(path.suffix == ".js" for path in assets), "assets", "none were built")
    allowed = {".html", ".js", ".css", ".svg", ".png", ".ico", ".woff2", ".webmanifest", ".txt"}
    for path in assets:
        if path.parent.name.startswith("."):
            continue  # The builder's own notes: that they are not served is asked above.
        check.that(path.suffix in allowed, str(path.name), "is no kind of file that pages need")
        if path.suffix in (".js", ".css"):
            check.that(b"sourceMappingURL=" not in path.read_bytes()[-400:], path.name, "names a source map")
    with world.anonymous() as client:
        for path in [p for p in assets if p.suffix == ".js"][:40]:
            for ending in (".map", ".gz", ".br", "~", ".bak"):
                answer = client.get(f"/assets/{path.name}{ending}")
                check.that(answer.status_code == 404, f"/assets/{path.name}{ending}", f"answered {answer.status_code}")
        listing = client.get("/assets/")
        check.that(not re.search(r"index-[\w-]+\.js", listing.text) or "<script" in listing.text, "/assets/", "lists the folder")
    stray(check)


def stray(check: Check) -> None:
    """Nothing is in the images but what the Dockerfiles name: they copy no whole clone, and secrets stay out of the build."""
    for file in sorted((ROOT / "deploy").glob("*/Dockerfile")):
        last = file.read_text().rsplit("\nFROM ", 1)[-1]
        check.that(not re.search(r"^COPY (--\S+ )*\. ", last, re.M), str(file.relative_to(ROOT)), "copies the whole clone into the image")
    ignored = (ROOT / ".dockerignore").read_text().split()
    for name in (".local", "deploy/secrets", ".env", ".git"):
        hit = any(name == line.strip("/") or line in ("*", "**") for line in ignored)
        check.that(hit, f".dockerignore: {name}", "is sent to the builder")
