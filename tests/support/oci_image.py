"""An image for a container runtime, made of files alone."""

import gzip
import hashlib
import io
import json
import tarfile

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def write_image(path, name, files, *, links=(), entrypoint=()):
    """Write an OCI archive; gives the image's name with its digest, under which it is imported.

    `files` are contents by path, `links` pairs of a symbolic link and what it leads to.
    """
    layer = _tar(
        {**{f"{one}/": None for one in ("proc", "sys", "dev", "tmp", "etc")}, **files}, links
    )
    packed = gzip.compress(layer, 1, mtime=0)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": list(entrypoint)},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    described = json.dumps(config).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, described),
            "layers": [_descriptor(_LAYER, packed)],
        }
    ).encode()
    pinned = f"{name}@{_digest(manifest)}"
    names = {"io.containerd.image.name": pinned}
    index = {
        "schemaVersion": 2,
        "manifests": [{**_descriptor(_MANIFEST, manifest), "annotations": names}],
    }
    blobs = {f"blobs/sha256/{_digest(one)[7:]}": one for one in (described, packed, manifest)}
    layout = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": json.dumps(index).encode(),
    }
    path.write_bytes(_tar({**layout, **blobs}))
    return pinned


def _digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(kind, content):
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}


def _tar(files, links=()):
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path.rstrip("/"))
            info.mode = 0o755
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size = len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
        for path, target in links:
            info = tarfile.TarInfo(path)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return written.getvalue()
