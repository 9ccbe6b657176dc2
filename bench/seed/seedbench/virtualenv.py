"""The virtual environment with the pinned packages, made once in the build folder."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parents[1]
CACHE = HERE.parents[1] / "build" / "seed_bench"
REQUIREMENTS = HERE / "requirements.txt"


def enter() -> None:
    """Runs this program again under the virtual environment's Python, unless it already does."""
    python = prepare()
    if pathlib.Path(sys.prefix) != python.parents[1]:
        os.execv(python, [str(python), *sys.argv])


def prepare() -> pathlib.Path:
    """The environment's Python. A folder whose mark is missing or of other requirements is made anew."""
    folder = CACHE / "venv"
    mark = folder / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    if not (mark.exists() and mark.read_text(encoding="utf-8") == wanted):
        print(f"seed bench: installing Django and what else it needs in {folder} (once)", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--require-hashes", "-r", str(REQUIREMENTS)], check=True)
        mark.write_text(wanted, encoding="utf-8")
    return folder / "bin" / "python"
