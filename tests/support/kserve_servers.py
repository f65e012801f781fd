"""What KServe runs in pods: its own storage initializer, and MLServer; and an S3 to fetch from.

Their programs are the packages of `requirements/kserve.txt`, for this machine's Python.
"""

import sys
from pathlib import Path

import yaml

from support.api_server import NAMESPACE
from support.oci_image import write_image

SERVING = "serving.kserve.io"
S3_PORT = 5000
S3_KEYS = {"AWS_ACCESS_KEY_ID": "models", "AWS_SECRET_ACCESS_KEY": "secret"}
_PYTHON = Path(sys.base_prefix, "bin")
_INITIALIZER = "python/storage-initializer/scripts/initializer-entrypoint"


def initializer_image(path, source, links):
    """Write an image with the entrypoint of KServe's storage initializer; its name."""
    script = (source / _INITIALIZER).read_bytes()
    files = {"initializer-entrypoint": script}
    entrypoint = ["/initializer-entrypoint"]
    return write_image(path, "localhost/initializer", files, links=links, entrypoint=entrypoint)


def storage_container(source, pod, packages, image):
    """KServe's own ClusterStorageContainer for this image, with the packages in it.

    Args:
        source: KServe's.
        pod: of a server that sees this machine's Python.
        packages: the folder with them.
        image: of `initializer_image`.
    """
    made = _read(source / "config/storagecontainers/default.yaml")
    made["spec"]["container"] |= {"image": image, **_seen(pod, packages)}
    return made


def mlserver_runtime(source, pod, packages):
    """KServe's own ServingRuntime of MLServer, with this machine's Python as its image."""
    made = _read(source / "config/runtimes/kserve-mlserver.yaml")
    [container] = made["spec"]["containers"]
    seen = _seen(pod, packages)
    container |= {
        **seen,
        "image": pod["containers"][0]["image"],
        "command": ["python3", str(packages / "bin/mlserver"), "start", "/mnt/models"],
        "env": [*container["env"], *seen["env"]],
    }
    for needs_an_image_of_its_own in ("securityContext", "resources"):
        del container[needs_an_image_of_its_own]
    made["spec"]["volumes"] = pod["volumes"]
    return made


def s3_command(packages, host):
    """Starts a server of S3 that holds its objects in memory."""
    server = (_PYTHON / "python3", packages / "bin/moto_server")
    return ("/usr/bin/env", f"PYTHONPATH={packages}", *server, "-H", host, "-p", str(S3_PORT))


def s3_account(cluster):
    """Give KServe the credentials of `s3_command`, as its documentation says."""
    annotations = {
        f"{SERVING}/s3-endpoint": f"{cluster.host}:{S3_PORT}",
        f"{SERVING}/s3-usehttps": "0",
        f"{SERVING}/s3-region": "us-east-1",
    }
    secret = {"metadata": {"name": "s3", "annotations": annotations}, "stringData": S3_KEYS}
    account = {"metadata": {"name": "models"}, "secrets": [{"name": "s3"}]}
    for plural, thing in (("secrets", secret), ("serviceaccounts", account)):
        cluster.call("POST", f"/api/v1/namespaces/{NAMESPACE}/{plural}", thing)


def s3_client(cluster):
    """A client of it."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=f"http://{cluster.host}:{S3_PORT}",
        region_name="us-east-1",
        aws_access_key_id=S3_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=S3_KEYS["AWS_SECRET_ACCESS_KEY"],
    )


def _seen(pod, packages):
    """What a container needs to run the packages."""
    variables = {"PATH": f"{_PYTHON}:/usr/bin", "PYTHONPATH": str(packages)}
    [server] = pod["containers"]
    return {
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "volumeMounts": server["volumeMounts"],
    }


def _read(path):
    return yaml.safe_load(path.read_text())
