"""Every lock is complete, and environments made from them do not depend on the day, the pip or a person's settings."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools import lock_closure, locked

ROOT = Path(__file__).parent.parent.parent
LOCKS = list(lock_closure.locks())
RECORD: lock_closure.Record = json.loads(lock_closure.RECORD.read_text())
RENEW = "renew the record: .venv/bin/python tools/lock_closure.py"
HERE = lock_closure.ENVIRONMENTS[0]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda it: str(it.relative_to(ROOT)))
class TestLock:
    def test_lists_all_that_its_packages_require(self, lock: Path) -> None:
        pins = lock_closure.pins(lock.read_text())
        unknown = {it.key for environment in lock_closure.ENVIRONMENTS for it in pins if it.holds(environment)} - set(
            RECORD
        )
        assert not unknown, RENEW
        for environment in lock_closure.ENVIRONMENTS:
            assert lock_closure.missing(pins, lock_closure.wanted(lock), RECORD, environment) == [], environment

    def test_has_a_hash_for_every_file(self, lock: Path) -> None:
        text = lock.read_text()
        pins = lock_closure.pins(text)
        assert len(pins) == len([line for line in text.splitlines() if line and line[0] not in " #"]), (
            "a line is no pin"
        )
        assert all(it.hashes for it in pins)


def test_the_record_says_what_the_installed_packages_say() -> None:
    for pin in lock_closure.pins((ROOT / "requirements.lock").read_text()):
        if not pin.holds({**HERE, "python_full_version": sys.version.split()[0]}):
            continue
        said = importlib.metadata.requires(pin.name) or []
        always = {str(Requirement(it)) for it in said if not lock_closure.extras_of(it)}
        recorded = {str(Requirement(it)) for it in RECORD[pin.key]["requires"] if not lock_closure.extras_of(it)}
        assert recorded == always, f"{pin.key}; {RENEW}"


def lock(*names: str) -> list[lock_closure.Pin]:
    return lock_closure.pins("".join(f"{name} \\\n    --hash=sha256:00\n" for name in names))


def record(**requires: list[str]) -> lock_closure.Record:
    metadata = [{"name": name, "version": "1", "requires_dist": it} for name, it in requires.items()]
    return lock_closure.record_of(metadata, [Requirement("a")])


@pytest.mark.parametrize(
    ("requires", "missing"),
    [
        ({"a": ["b"], "b": []}, []),
        ({"a": ["c"]}, ["c (for a)"]),
        ({"a": ["b>=2"], "b": []}, ["b>=2 (for a)"]),
        ({"a": ["b[x]"], "b": ["c ; extra == 'x'"]}, ["c ; extra == 'x' (for b[x])"]),
        ({"a": ["b[x]"], "b": ["b[y] ; extra == 'x'", "c ; extra == 'y'"]}, ["c ; extra == 'y' (for b[y])"]),
        ({"a": ["b"], "b": ["c ; extra == 'x'"]}, []),
        ({"a": ["c ; python_version < '3'"]}, []),
        ({"a": ["c ; python_version >= '3'"]}, ["c ; python_version >= '3' (for a)"]),
        ({"a": ["c ; sys_platform == 'win32'"]}, []),
    ],
)
def test_what_a_lock_lacks_is_found(requires: dict[str, list[str]], missing: list[str]) -> None:
    pins = lock(*(f"{name}==1" for name in requires))
    assert lock_closure.missing(pins, [Requirement("a")], record(**requires), HERE) == missing


def test_a_pin_of_another_platform_does_not_count() -> None:
    pins = lock("a==1", "b==1 ; sys_platform == 'win32'")
    assert lock_closure.missing(pins, [Requirement("a")], record(a=["b"], b=[]), HERE) == ["b (for a)"]


def test_nothing_is_installed_in_another_way() -> None:
    found = 0
    for folder in ("app", "roles", "tools", "tests", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in {"", ".py", ".yml", ".sh"} or not path.is_file() or ".wheels" in path.parts:
                continue
            text = path.read_text(errors="replace")
            assert not re.search(r"^ +ansible\.builtin\.pip:", text, re.MULTILINE), path
            for call in re.finditer(r"\bpip['\",]*\s+(?:- |['\"])?(?:install|download)\b", text):
                found += 1
                words = text[call.start() : call.start() + 400]
                assert "--no-deps" in words and "--require-hashes" in words, f"{path}: {words}"
    assert found, "the search finds nothing any more"


LISTED = """\
:env:.cert='/env.pem'
:env:.config-file='/some/pip.conf'
:env:.user='1'
download.timeout='7'
global.cert='/global.pem'
global.constraint='/c.txt'
global.extra-index-url='\\nhttps://one\\nhttps://two'
global.index-url='https://pypi.example.com/simple'
install.target='/somewhere'
install.timeout='9'
"""


def test_of_a_person_s_settings_only_package_sources_are_kept() -> None:
    assert locked.settings(LISTED, "install") == {
        "PIP_CERT": "/env.pem",
        "PIP_EXTRA_INDEX_URL": "https://one\nhttps://two",
        "PIP_INDEX_URL": "https://pypi.example.com/simple",
        "PIP_TIMEOUT": "9",
    }
    assert locked.settings(LISTED, "download")["PIP_TIMEOUT"] == "7"


def wheel(folder: Path, name: str, version: str, *requires: str) -> str:
    """Writes one; its line for a lock."""
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    said = "".join(f"Requires-Dist: {it}\n" for it in requires)
    with zipfile.ZipFile(path, "w") as it:
        it.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        it.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: x\n{said}"
        )
        it.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        it.writestr(f"{info}/RECORD", "")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages on disk, in a folder that PIP_FIND_LINKS names, beside settings that would break an installation."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in [it for it in os.environ if it.startswith("PIP_")]:
        monkeypatch.delenv(name)
    (tmp_path / "pip.conf").write_text(f"[global]\nfind-links = {folder}\nno-index = true\n[install]\nuser = true\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lent-1.dist-info").mkdir()
    (tmp_path / "elsewhere" / "lent-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: lent\nVersion: 1\n"
    )
    hostile = {
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_TARGET": str(tmp_path / "target"), "PIP_DRY_RUN": "1",
        "PIP_CONSTRAINT": "/nonexistent", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_PYTHON": "/usr/bin/python3",
        "PIP_NO_BINARY": ":all:", "PIP_ISOLATED": "1", "PYTHONPATH": str(tmp_path / "elsewhere"),
    }  # fmt: skip
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    return folder


def make(tmp_path: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "the.lock").write_text("".join(lines))
    words = [sys.executable, str(ROOT / "tools" / "locked.py"), "venv", "an environment", "the.lock"]
    return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)


def test_an_environment_is_what_its_lock_says_whatever_is_newer_and_whatever_is_set(
    sources: Path, tmp_path: Path
) -> None:
    lines = [
        wheel(sources, "one", "1", "two[x]"),
        wheel(sources, "two", "1", "lent ; extra == 'x'"),
        wheel(sources, "lent", "1"),
    ]
    wheel(sources, "two", "2")
    done = make(tmp_path, *lines)
    assert done.returncode == 0, done.stderr
    python = tmp_path / "an environment" / "bin" / "python"
    code = "import one, two, lent; print(one.VERSION, two.VERSION, lent.VERSION, lent.__file__)"
    said = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("1 1 1 ") and "an environment" in said


def test_an_incomplete_lock_and_another_hash_are_refused(sources: Path, tmp_path: Path) -> None:
    one = wheel(sources, "one", "1", "two")
    done = make(tmp_path, one)
    assert done.returncode != 0
    assert "one 1 requires two, which is not installed" in done.stdout
    done = make(tmp_path, f"{one.partition('sha256:')[0]}sha256:{'0' * 64}\n")
    assert done.returncode != 0
    assert "HASH" in done.stderr.upper()


BACKEND = """
import zipfile, one
def build_wheel(folder, settings=None, metadata=None):
    name = "built-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as it:
        it.writestr("built.py", f"BY = {one.VERSION!r}")
        it.writestr("built-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: built\\nVersion: 1\\n")
        it.writestr("built-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        it.writestr("built-1.dist-info/RECORD", "")
    return name
"""


def test_what_has_no_wheel_is_built_by_what_the_lock_has(sources: Path, tmp_path: Path) -> None:
    """pip would fetch the newest `one` for that."""
    one = wheel(sources, "one", "1")
    wheel(sources, "one", "2")
    path = sources / "built-1.tar.gz"
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: built\nVersion: 1\n",
        "pyproject.toml": '[build-system]\nrequires = ["one"]\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND,
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"built-1/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    done = make(tmp_path, "#    uv pip compile --no-binary built\n", f"built==1 --hash=sha256:{digest}\n", one)
    assert done.returncode == 0, done.stderr
    python = tmp_path / "an environment" / "bin" / "python"
    said = subprocess.run([python, "-I", "-c", "import built; print(built.BY)"], capture_output=True, text=True)
    assert said.stdout == "1\n"
