"""An image is built for the platforms that the inventory names, or the build is refused before anything is built."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / "roles/build"


def play(folder: Path, tasks: list[dict[str, Any]], *extra: str) -> subprocess.CompletedProcess[str]:
    document = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(BUILD / part / "main.yml") for part in ("defaults", "vars")],
        "tasks": tasks,
    }
    book = folder / "play.yml"
    book.write_text(json.dumps([document]))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    argv = [ansible, "-i", "localhost,", str(book), "-e", "build_version=v1.4.2", *extra]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_a_platform_without_an_emulator_is_refused_with_what_to_install(tmp_path: Path) -> None:
    arm64 = {"platform": "linux/arm64", "architecture": "arm64", "machine": "aarch64", "builder": "none", "suffix": ""}
    preflight = {"ansible.builtin.include_tasks": str(BUILD / "tasks/preflight.yml")}
    done = play(tmp_path, [preflight], "-e", json.dumps({"_build_targets": [arm64]}))
    assert done.returncode != 0
    told = " ".join(done.stdout.split())
    for words in (
        "cannot build images for linux/arm64 (build_platforms",
        "size.architecture",
        "This machine is not aarch64, and its kernel has no aarch64 emulator that containers can use.",
        "`apt install qemu-user-binfmt`",
        "`apt install qemu-user-static`",
        "build on a machine with arm64",
    ):
        assert words in told, done.stdout[-4000:]
    assert "query the registry" not in told


def test_the_default_is_the_architecture_of_the_environment(tmp_path: Path) -> None:
    inventories = sorted(ROOT.glob("inventory/*/group_vars/all/aws.yml"))
    texts = {str(found) for it in inventories if (found := yaml.safe_load(it.read_text()).get("build_platforms"))}
    assert len(texts) == 1, "dev, staging and prod say the same"
    wanted = {
        "x86_64": ("build_platforms", ["linux/amd64"]),
        "arm64": ("build_platforms", ["linux/arm64"]),
        "images": ("_build_images", {"linux/arm64": "inference:v1.4.2"}),
    }
    tasks = [
        {
            "ansible.builtin.copy": {"content": f"{{{{ {variable} | to_json }}}}", "dest": str(tmp_path / name)},
            "vars": {"infra": {"architecture": "x86_64" if name == "x86_64" else "arm64"}},
        }
        for name, (variable, _) in wanted.items()
    ]
    extra = json.dumps({"build_platforms": yaml.safe_load(texts.pop())})
    done = play(tmp_path, tasks, "-e", extra)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    for name, (_, value) in wanted.items():
        assert json.loads((tmp_path / name).read_text()) == value
