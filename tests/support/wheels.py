"""Small packages, written as wheels and source packages, and a folder that serves as index."""

import base64
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

NEEDED = ("mlflow-skinny", "pandas", "pyarrow")
BACKEND = """
import base64, hashlib, zipfile
{code}
def build_wheel(into, config_settings=None, metadata_directory=None):
    files = {{
        "built.py": repr(found),
        "{name}-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n",
        "{name}-1.0.dist-info/WHEEL":
            "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    files["{name}-1.0.dist-info/RECORD"] = "".join(f"{{each}},,\\n" for each in files)
    with zipfile.ZipFile(into + "/{name}-1.0-py3-none-any.whl", "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)
    return "{name}-1.0-py3-none-any.whl"
"""


def wheel(folder: Path, name: str, files: dict[str, str] | None = None) -> Path:
    """A wheel of version 1.0 with these files, by their paths in it."""
    plain = name.replace("-", "_")
    info = f"{plain}-1.0.dist-info"
    found = {
        **(files or {f"{plain}.py": ""}),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = [f"{path},sha256={_hash(text)},{len(text)}\n" for path, text in found.items()]
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{plain}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(written, "w") as archive:
        for path, text in found.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(record) + f"{info}/RECORD,,\n")
    return written


def source(folder: Path, name: str, code: str) -> Path:
    """A source package whose build runs `code`, and leaves what it `found` in `built.py`."""
    settings = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {
        "pyproject.toml": f'{settings}[project]\nname = "{name}"\nversion = "1.0"\n',
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "backend.py": BACKEND.format(code=code, name=name),
    }
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(written, "w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}-1.0/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return written


def index(folder: Path) -> dict[str, str]:
    """A folder with empty packages in place of those every environment has; uv's variables."""
    for name in NEEDED:
        wheel(folder, name)
    return {"UV_FIND_LINKS": str(folder), "UV_OFFLINE": "1"}


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
