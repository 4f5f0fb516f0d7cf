#!/usr/bin/env python3
"""Make a virtual environment beside this file, install li2 into it, and use it.

    python3 dev.py run  [KEY=VALUE ...]   train a network and write its report (li2 run)
    python3 dev.py test [PYTEST ARGS ...] run the tests; "-m slow" for the full-scale lane
    python3 dev.py check                  formatting, linting, types, import directions
    python3 dev.py li2  [ARGS ...]        any other command of li2

Needs only Python 3.11 or newer with pip; the standard library is enough to run this file.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
INSTALLED = ["pyproject.toml", "setup.py", "src/li2/models/fused.cpp"]
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")


def install(extra: str = "") -> None:
    """Install li2 in editable form, once per state of what is installed and compiled, and Python version."""
    state = b"".join((ROOT / name).read_bytes() for name in INSTALLED) + sys.version.encode()
    digest = hashlib.sha256(state).hexdigest()
    stamp = VENV / f".installed{extra}"
    if stamp.is_file() and stamp.read_text() == digest:
        return
    if not (BIN / "python").exists() and not (BIN / "python.exe").exists():
        print("dev.py: making .venv", file=sys.stderr)
        venv.create(VENV, with_pip=True)
    print("dev.py: installing li2 (PyTorch included: this takes a minute or more, once)", file=sys.stderr)
    command = [BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # pip's words go to stderr: stdout belongs to the command that follows (li2 run --json).
    done = subprocess.run([*command, "--editable", f"{ROOT}{extra}"], stdout=sys.stderr)
    if done.returncode:
        sys.exit(f"dev.py: the installation failed (pip exited with {done.returncode}); see its message above.")
    stamp.write_text(digest)


def call(*command: "str | Path") -> int:
    """Run a command in the caller's folder; Ctrl-C is left to the command to handle."""
    process = subprocess.Popen([str(word) for word in command])
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def check() -> int:
    """Run every linter, also when an earlier one has complained."""
    os.chdir(ROOT)
    tools = [
        [BIN / "ruff", "format", "--check", "."],
        [BIN / "ruff", "check", "."],
        [BIN / "mypy"],
        [BIN / "lint-imports", "--no-cache"],
    ]
    return max(call(*tool) for tool in tools)


def main(arguments: "list[str]") -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (this file is what an older Python would run first)
        sys.exit(f"dev.py: li2 needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    name, *rest = arguments or ["--help"]
    if name == "run":
        install()
        return call(BIN / "li2", "run", *rest)
    if name == "li2":
        install()
        return call(BIN / "li2", *rest)
    if name == "test":
        install("[dev]")
        os.chdir(ROOT)
        return call(BIN / "python", "-m", "pytest", *rest)
    if name == "check":
        install("[dev]")
        return check()
    print(__doc__)
    return 0 if name in {"--help", "-h"} else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
