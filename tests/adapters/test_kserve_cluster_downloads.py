"""The files of a release on KServe, which its own storage initializer fetches from a bucket."""

import json

import pytest

from cdml.delivery.rollout.state_machine import serves
from cdml.errors import InputError
from support.kserve_cluster import StorePlace

BODY = b'{"dataframe_records": [{"x": 1}]}'
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def place(tmp_path_factory, kserve_cluster):
    with StorePlace(tmp_path_factory.mktemp("store"), kserve_cluster) as place:
        place.target.switch(place.releases[0], fence=1)
        yield place


def objects(place, release):
    """The keys of a release in the bucket."""
    prefix = f"flights/{release.digest.removeprefix('sha256:')}/"
    listed = place.cluster.s3.list_objects_v2(Bucket=place.BUCKET, Prefix=prefix)
    return [one["Key"] for one in listed["Contents"]]


def test_a_release_serves_what_the_initializer_fetched(place):
    first, *_ = place.releases
    [pod] = place.server.items("pods")
    [initializer] = pod["spec"]["initContainers"]
    digits = first.digest.removeprefix("sha256:")
    answer = place.target.send_request(first, BODY, timeout=30)

    assert [f"s3://models/flights/{digits}", "/mnt/models"] == initializer["args"]
    assert (200, {"predictions": [1]}) == (answer.status, json.loads(answer.body))
    assert serves(place.target.observe(), first)


def test_other_files_in_the_bucket_than_were_judged_are_never_ready(place):
    _, second, *_ = place.releases
    key = next(one for one in objects(place, second) if one.endswith("MLmodel"))
    place.cluster.s3.put_object(Bucket=place.BUCKET, Key=key, Body=b"name: other\n")
    with pytest.raises(
        InputError, match=rf"judged: /mnt/models has the digest .* not {second.digest}"
    ):
        place.target.stage(second, fence=2)

    assert serves(place.target.observe(), place.releases[0])


def test_files_that_are_not_in_the_bucket_are_told_in_the_initializers_words(place):
    fourth = place.releases[3]
    for key in objects(place, fourth):
        place.cluster.s3.delete_object(Bucket=place.BUCKET, Key=key)
    with pytest.raises(InputError, match=r"storage-initializer ended .*No model found in flights/"):
        place.again(ready="20s").stage(fourth, fence=3)

    assert serves(place.target.observe(), place.releases[0])
