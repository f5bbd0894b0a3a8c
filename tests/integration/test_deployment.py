#!/usr/bin/env python3
"""What is installed: the Debian packages' content, and the compose file's services, run without an engine.

Installing the packages in a clean Debian is the matter of tests/packages/run."""

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import support  # noqa: E402
from support import equal, run, test, without_migration, without_topics  # noqa: E402

ROOT = Path(support.ROOT)
CONTAINER = ROOT / "deploy" / "container"
PASSWORDS = {"OWNER_PASSWORD": "o1", "DAEMON_PASSWORD": "d2", "READER_PASSWORD": "r3", "GRAFANA_PASSWORD": "g4"}
VERSION = re.search(r"project\(declared VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


# ---- packages --------------------------------------------------------------------------------------------

class Package:
    def __init__(self, file):
        self.folder = tempfile.TemporaryDirectory()
        run(["dpkg-deb", "-R", str(file), self.folder.name], os.environ)
        self.path = Path(self.folder.name)
        self.fields = dict(re.findall(r"(?m)^([\w-]+): (.*)$", self.text("DEBIAN/control")))
        self.name = self.fields["Package"]
        # mode, owner and path as dpkg will make them
        self.files = {line.split(None, 5)[5]: line.split(None, 5)[:2]
                      for line in run(["dpkg-deb", "-c", str(file)], os.environ).stdout.splitlines()}

    def text(self, path):
        return (self.path / path).read_text(encoding="utf-8")


@functools.lru_cache
def make_packages():
    """{name: package}, by cpack from what is built."""
    run([str(ROOT / "deploy" / "packages"), "package"], os.environ, timeout=300)
    build = Path(support.BIN).parent
    with tempfile.TemporaryDirectory() as folder:
        run(["cpack", "--config", str(build / "CPackConfig.cmake"), "-B", folder], os.environ, timeout=300)
        packages = [Package(file) for file in Path(folder).glob("*.deb")]
    return {package.name: package for package in packages}


def programs_that_are_built(package):
    names = {"declared": ("declared", "declarectl", "declared-broker"), "declared-gateway": ("declared-gateway",)}
    return [name for name in names[package] if os.path.exists(os.path.join(support.BIN, name))]


@test
@without_topics
def packages_hold_programs_units_settings_and_documents(_):
    packages = make_packages()
    expected = {name for name in ("declared", "declared-gateway") if programs_that_are_built(name)}
    equal(set(packages), expected, "packages")
    for name, package in packages.items():
        equal(package.fields["Version"], VERSION, "version")
        for other in ("adduser", "libc6", "libpq5"):
            assert other in package.fields["Depends"], package.fields["Depends"]
        for path in (*(f"usr/bin/{program}" for program in programs_that_are_built(name)),
                     f"usr/lib/systemd/system/{name}.service", f"usr/share/doc/{name}/copyright",
                     f"usr/share/doc/{name}/changelog.gz"):
            assert f"./{path}" in package.files, f"{name} lacks {path}"
        equal({owner for _, owner in package.files.values()}, {"root/root"}, "owners")
    for schema in ("avro/ward-declaration.avsc", "sql/0001_ledger.sql"):
        assert f"./usr/share/declared/schemas/{schema}" in packages["declared"].files, schema


@test
@without_topics
def settings_are_conffiles_that_only_root_reads_until_their_user_is_there(_):
    for name, package in make_packages().items():
        conffile = package.text("DEBIAN/conffiles").strip()
        equal(package.files["." + conffile][0], "-rw-------", f"mode of {conffile}")
        script = package.text("DEBIAN/postinst")
        assert f"chown root:{name} {conffile}" in script and f"chmod 0640 {conffile}" in script, script
        for path in ("postinst", "prerm", "postrm"):
            run(["sh", "-n", str(package.path / "DEBIAN" / path)], os.environ)
            assert "@" not in package.text(f"DEBIAN/{path}"), f"{path} has a word that nobody filled in"
    equal(run([os.path.join(support.BIN, "declarectl"), "config", "sample"], os.environ).stdout,
          (ROOT / "deploy" / "declared.conf.sample").read_text(), "the sample of the package")


@test
@without_topics
def units_start_what_the_package_has_as_its_user_and_are_told_by_it(_):
    for name, package in make_packages().items():
        unit = package.text(f"usr/lib/systemd/system/{name}.service")
        settings = dict(re.findall(r"(?m)^(\w+)=(.*)$", unit))
        program, *options = settings["ExecStart"].split()
        assert f".{program}" in package.files, program
        equal([word for word in options if word.startswith("/")],
              [] if name == "declared" else [package.text("DEBIAN/conffiles").strip()], "settings that the unit names")
        equal((settings["User"], settings["Type"], settings["RestartPreventExitStatus"]), (name, "notify", "2"), "unit")
        assert f"adduser --system --quiet --group --no-create-home --home /nonexistent --gecos \"{name}\" {name}" in \
            package.text("DEBIAN/postinst"), "the unit's user is not made"


# ---- the compose file ------------------------------------------------------------------------------------

def read_yaml(path):
    """By Debian's python3-yaml (deploy/packages test)."""
    script = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)"
    return json.loads(run(["/usr/bin/python3", "-c", script, str(path)], os.environ).stdout)


def compose():
    """The services, variables filled in as an engine does."""
    text = (CONTAINER / "compose.yaml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{(\w+)", text))
    equal(wanted, set(re.findall(r"(?m)^(\w+)=", (CONTAINER / "sample.env").read_text())), "variables of sample.env")
    filled = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: PASSWORDS[found[1]], text)
    assert "${" not in filled, filled
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(filled)
        file.flush()
        return read_yaml(file.name)


def environment(service):
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def known_settings():
    """{DECLARED_SECTION_KEY} of the sample, and the sections that take any key."""
    names, section = set(), None
    for line in (ROOT / "deploy" / "declared.conf.sample").read_text().splitlines():
        if found := re.match(r"\[(\w+)\]", line):
            section = found[1]
        elif found := re.match(r"#?([\w.]+) =", line):
            names.add(f"DECLARED_{section}_{found[1]}".upper().replace(".", "_"))
    return names


@test
@without_topics
def the_compose_file_names_only_what_is_there(_):
    services = compose()["services"]
    for name, service in services.items():
        for other in service.get("depends_on", ()):
            assert other in services, f"{name} depends on {other}"
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (CONTAINER / source).exists(), f"{name} mounts {source}"
            assert source.startswith(".") or source in compose()["volumes"], f"{name} has volume {source}"
        for setting in environment(service):
            assert not setting.startswith("DECLARED_") or setting in known_settings(), f"{name}: no setting {setting}"
        if service["image"] == "declared":
            dockerfile = ROOT / service["build"]["dockerfile"]
            assert dockerfile.exists() and (CONTAINER / service["build"]["context"]).resolve() == ROOT, service["build"]
            program = service["command"][0]
            equal(bool(re.search(rf"\b{program}\b", (ROOT / "deploy/debian/CMakeLists.txt").read_text())), True, program)
    equal(services["kafka"]["image"].split(":")[1],
          re.search(r"<kafka.version>(.*)</kafka.version>", (ROOT / "deploy/kafka/pom.xml").read_text())[1], "Kafka's version")
    targets = [target for job in read_yaml(CONTAINER / "prometheus.yml")["scrape_configs"]
               for static in job["static_configs"] for target in static["targets"]]
    for host in (target.split(":")[0] for target in targets):
        assert host in services, f"prometheus.yml asks {host}"
    (source,) = read_yaml(CONTAINER / "grafana" / "prometheus.yaml")["datasources"]
    assert urllib.parse.urlsplit(source["url"]).hostname in services, source


class Composed:
    """The services' commands on the test's servers: their hosts are other ones, and nothing else."""

    def __init__(self, pipeline):
        self.pipeline, self.services = pipeline, compose()["services"]
        server = urllib.parse.urlsplit(pipeline.uri)
        self.hosts = {
            "results_owner:o1@postgres/results": f"{server.netloc}{server.path}",
            "@postgres/results": f"@{server.hostname}:{server.port}{server.path}",
            "kafka:9092": pipeline.bootstrap,
            "/logins.sql": str(CONTAINER / "logins.sql"),
        }
        self.owner = {"PGHOST": server.hostname, "PGPORT": str(server.port), "PGUSER": server.username,
                      "PGPASSWORD": server.password, "PGDATABASE": server.path[1:]}

    def replaced(self, text):
        for name, value in self.hosts.items():
            text = text.replace(name, value)
        return text

    def env(self, name):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("DECLARED_", "PG"))}
        env.update({key: self.replaced(value) for key, value in environment(self.services[name]).items()},
                   DECLARED_CONFIG="/dev/null", PATH=f"{support.BIN}:{os.environ['PATH']}")
        return {**env, **self.owner} if "PGHOST" in environment(self.services[name]) else env

    def command(self, name):
        return [self.replaced(word if isinstance(word, str) else str(word)) for word in self.services[name]["command"]]

    def run(self, name):
        return run(self.command(name), self.env(name)).stdout


@test
@without_migration
def what_the_services_do_once_and_again_ends_with_a_daemon_that_reads(pipeline):
    composed = Composed(pipeline)
    try:
        for name in ("topics", "migrate", "logins", "topics", "migrate", "logins"):
            composed.run(name)
        log = tempfile.NamedTemporaryFile("w+", encoding="utf-8")
        with subprocess.Popen(composed.command("declared"), env=composed.env("declared"), stderr=log) as daemon:
            try:
                support.wait_for(lambda: "info reading " in Path(log.name).read_text(), "a daemon that reads")
            finally:
                daemon.terminate()
        if programs_that_are_built("declared-gateway"):
            run([*composed.command("gateway"), "--check"], composed.env("gateway"))
        uri = urllib.parse.urlsplit(composed.env("gateway")["DECLARED_POSTGRES_URI"])
        equal(run(["psql", "-qAtX", "-d", uri.geturl(), "-c", "SELECT count(*) FROM api.council_control"],
                  os.environ).stdout, "0\n", "councils that the gateway's login sees")
    finally:
        subprocess.run(["psql", "-qX", "-c", "DROP ROLE IF EXISTS results_daemon, results_reader"],
                       env={**os.environ, **composed.owner}, check=True, capture_output=True)


if __name__ == "__main__":
    support.main()
