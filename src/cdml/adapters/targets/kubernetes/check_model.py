"""Checks a model's files in the pod, before its server starts. Its source is what the pod runs.

Arguments: the folder, the digest, and where to download the files from (empty: they are there).
It imports the standard library alone, and MLflow where it downloads.
"""

import hashlib
import os
import sys


def read_digest(folder: str) -> str:
    """The digest of a folder, as `cdml.models.digest` computes it; links are followed."""
    files = {}
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = os.path.join(parent, name)  # noqa: PTH118 - a plain script
            relative = os.path.relpath(path, folder)
            if relative != "registered_model_meta":
                with open(path, "rb") as file:  # noqa: PTH123 - as above
                    content = hashlib.sha256()
                    while chunk := file.read(2**20):
                        content.update(chunk)
                files[os.fsencode(relative)] = content.hexdigest().encode()
    combined = hashlib.sha256(
        b"".join(files[name] + b"  " + name + b"\n" for name in sorted(files))
    )
    return f"sha256:{combined.hexdigest()}"


def download(source: str, folder: str) -> None:
    """Put the files of an artifact into a folder."""
    from mlflow.artifacts import download_artifacts

    got = download_artifacts(artifact_uri=source, dst_path=os.path.join(folder, ".download"))  # noqa: PTH118
    for name in os.listdir(got):  # noqa: PTH208 - a plain script
        os.replace(os.path.join(got, name), os.path.join(folder, name))  # noqa: PTH105, PTH118
    while os.path.realpath(got) != os.path.realpath(folder):
        os.rmdir(got)  # noqa: PTH106
        got = os.path.dirname(got.rstrip("/"))  # noqa: PTH120


def check(folder: str, expected: str, source: str) -> str:
    """Why the server must not start; empty where it may."""
    if source:
        try:
            download(source, folder)
        except ImportError as error:
            return (
                f"{source} cannot be downloaded: the image lacks the Python package {error.name};"
                " deploy.target.verify.image can name another one"
            )
        except Exception as error:  # noqa: BLE001 - the pod's last words are what cdml shows
            return f"{source} cannot be downloaded: {type(error).__name__}: {error}"
    if not os.path.isdir(folder):  # noqa: PTH112 - a plain script
        return f"there is no folder {folder}"
    found = read_digest(folder)
    return "" if found == expected else f"{folder} has the digest {found}, not {expected}"


if __name__ == "__main__":
    sys.exit(check(*sys.argv[1:4]) or 0)
