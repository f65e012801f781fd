import shutil
import subprocess

import pytest

from cdml.errors import InputError
from cdml.models import digest as model_digest_module
from cdml.models.digest import clean_copy, model_digest, model_files, model_size

IN_A_SHELL = (
    "find . -name __pycache__ -prune -o -type f ! -path ./registered_model_meta -printf '%P\\n'"
    " | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
)


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "code" / "__pycache__").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "model.pkl").write_bytes(b"\x00\x01")
    (folder / "code" / "Ä b.py").write_text("")
    (folder / "code-a").write_text("sorts before code/ by its bytes")
    return folder


def test_the_digest_is_what_sha256sum_says_of_its_own_lines(model):
    told = subprocess.run(
        ["sh", "-c", IN_A_SHELL], cwd=model, check=True, capture_output=True, text=True
    )

    assert f"sha256:{told.stdout.split()[0]}" == model_digest(model)


def test_a_copy_in_another_place_has_the_same_digest(model, tmp_path):
    assert model_digest(model) == model_digest(shutil.copytree(model, tmp_path / "copy"))


def test_what_mlflow_and_python_add_later_does_not_count(model):
    before = model_digest(model)

    (model / "registered_model_meta").write_text("model_version: 3")
    (model / "code" / "__pycache__" / "x.pyc").write_bytes(b"\x00")

    assert before == model_digest(model)
    assert model_size(model) == sum((model / name).stat().st_size for name in model_files(model))


@pytest.mark.parametrize(
    "change",
    [
        lambda model: (model / "MLmodel").write_text("flavors: {a: b}\n"),
        lambda model: (model / "model.pkl").rename(model / "model.pickle"),
        lambda model: (model / "more").write_text(""),
        lambda model: (model / "code-a").unlink(),
        lambda model: (model / "code" / "registered_model_meta").write_text("not MLflow's"),
    ],
    ids=["content", "name", "added", "removed", "nested"],
)
def test_any_other_change_is_another_digest(model, change):
    before = model_digest(model)

    change(model)

    assert before != model_digest(model)


def test_a_link_that_leads_out_of_the_folder_is_refused(model, tmp_path):
    (tmp_path / "secret").write_text("elsewhere")
    (model / "weights").symlink_to(tmp_path / "secret")

    with pytest.raises(InputError, match=r"weights in .* links outside the folder"):
        model_digest(model)


def test_a_linked_folder_is_refused(model):
    (model / "again").symlink_to(model / "code")

    with pytest.raises(InputError, match="again"):
        model_digest(model)


def test_a_link_to_a_file_of_the_folder_counts_as_its_content(model, tmp_path):
    (model / "same").symlink_to("model.pkl")
    copied = shutil.copytree(model, tmp_path / "copy", symlinks=False)

    assert model_digest(copied) == model_digest(model)


def test_a_folder_without_files_is_no_model(tmp_path):
    with pytest.raises(InputError, match="has no files"):
        model_digest(tmp_path)


def test_a_file_that_becomes_a_link_while_it_is_copied_is_not_followed(
    model, tmp_path, monkeypatch
):
    (tmp_path / "secret").write_text("of somebody else")
    files = model_files(model)
    (model / "model.pkl").unlink()
    (model / "model.pkl").symlink_to(tmp_path / "secret")
    monkeypatch.setattr(model_digest_module, "model_files", lambda _: files)

    with pytest.raises(InputError, match="links outside the folder"):
        clean_copy(model, tmp_path / "copy")
    assert not any(path.name == "model.pkl" for path in (tmp_path / "copy").rglob("*"))
