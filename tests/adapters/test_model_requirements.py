"""What a model may ask to have installed: names and versions, and files of its own."""

import zipfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdml.adapters.scoring.environments import _key, interpreter
from cdml.adapters.scoring.model_requirements import content, copied, read_requirements
from cdml.adapters.scoring.package_index import public_environment, settings_of_uv
from cdml.errors import ConfigurationError, InputError
from support.models import plain

ALWAYS = ["mlflow-skinny", "pandas", "pyarrow"]
WHEEL = "helper-1.0-py3-none-any.whl"


@pytest.fixture
def model(tmp_path):
    return plain(tmp_path / "model", "flavors: {python_function: {loader_module: m}}\n")


def requires(model, *lines):
    (model / "requirements.txt").write_text("\n".join(lines))
    return read_requirements(model)


def wheel(path, *dependencies, code="here = True"):
    path.parent.mkdir(parents=True, exist_ok=True)
    required = "".join(f"Requires-Dist: {each}\n" for each in dependencies)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("helper.py", code)
        archive.writestr("helper-1.0.dist-info/METADATA", f"Name: helper\nVersion: 1.0\n{required}")
    return path


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt",
        "--requirement=/etc/passwd",
        "-c constraints.txt",
        "-e .",
        "-e./package",
        "--index-url https://elsewhere.test/simple",
        "-i https://elsewhere.test/simple",
        "--extra-index-url=https://elsewhere.test/simple",
        "--find-links /tmp",
        "--trusted-host elsewhere.test",
        "--no-binary :all:",
        "--pre",
        "helper @ https://elsewhere.test/${AWS_SECRET_ACCESS_KEY}/helper.whl",
        "${HOME}/helper-1.0-py3-none-any.whl",
        "helper @ https://elsewhere.test/helper-1.0-py3-none-any.whl",
        "https://elsewhere.test/helper-1.0-py3-none-any.whl",
        "helper[extra]@http://127.0.0.1/helper-1.0-py3-none-any.whl ; python_version > '3'",
        "git+https://elsewhere.test/helper.git",
        "helper @ git+ssh://git@elsewhere.test/helper.git@main",
        "file:///etc/hostname",
        "helper @ file:///tmp/helper-1.0-py3-none-any.whl",
        "file://elsewhere.test/helper-1.0-py3-none-any.whl",
        "../helper-1.0-py3-none-any.whl",
        "./sub/../../helper-1.0-py3-none-any.whl",
        "/opt/helper-1.0-py3-none-any.whl",
        ".",
        "./",
        "./missing-1.0-py3-none-any.whl",
        "missing-1.0-py3-none-any.whl",
        "./MLmodel",
        "linked/helper-1.0-py3-none-any.whl",
        "pandas \\\n --index-url https://elsewhere.test/simple",
        "pandas --config-settings x=y",
        "pandas; os_name == 'posix' -r other.txt",
        "not a requirement at all",
    ],
)
def test_a_line_that_asks_for_more_than_a_package_is_refused_with_its_number(model, line):
    wheel(model.parent / WHEEL)
    (model / "linked").symlink_to(model.parent)

    with pytest.raises(InputError, match=r"line 3 of the model's requirements\.txt") as raised:
        requires(model, "# packages", "numpy", line)

    assert raised.value.exit_code == 4
    assert raised.value.hint


def test_names_versions_extras_markers_and_hashes_are_taken(model):
    hashed = "six==1.17.0 --hash=sha256:" + "0" * 64
    lines = [
        "mlflow==3.17.2  # as logged",
        "",
        'Scikit_Learn[x] >=1.5,<2 ; os_name=="posix"',
        hashed,
    ]
    found = requires(model, *lines)

    assert ["mlflow", "scikit-learn", "six"] == [each.name for each in found]
    assert hashed == found[2].text
    assert "\n" not in "".join(each.text for each in found)


def test_what_reading_rows_takes_is_added_where_it_is_missing(model):
    assert ALWAYS == [each.name for each in requires(model)]
    assert ["pandas", "mlflow-skinny", "pyarrow"] == [
        each.name for each in requires(model, "pandas==2.3.3")
    ]


@given(text=st.text(max_size=200))
@example(text="/\0")
@example(text="//[/x.whl")
@example(text="./" + "x" * 5000 + ".whl")
def test_whatever_is_written_is_understood_or_refused(tmp_path_factory, text):
    model = tmp_path_factory.mktemp("any")
    plain(model / "m", "flavors: {python_function: {loader_module: m}}\n")
    (model / "m" / "requirements.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
    found, refused = [], None
    try:
        found = read_requirements(model / "m")
    except InputError as error:
        refused = error.message
    assert bool(found) != bool(refused)
    assert not refused or refused.isprintable()
    for each in found:
        assert "://" not in each.text
        assert not each.text.startswith(("-", ".", "/"))
        assert len(each.text.splitlines()) == 1


@pytest.mark.parametrize(
    "line",
    [
        f"./wheels/{WHEEL}",
        f"wheels/{WHEEL}",
        f"helper @ file:///@/wheels/{WHEEL}",
        f"/@/wheels/{WHEEL}",
    ],
)
def test_a_wheel_in_the_models_folder_is_copied_and_counts_by_its_content(model, tmp_path, line):
    line = line.replace("/@", str(model))
    path = wheel(model / "wheels" / WHEEL)
    before = content(requires(model, line, *ALWAYS))
    lines = copied(requires(model, line, *ALWAYS), tmp_path / "private")
    copy = tmp_path / "private" / "0" / WHEEL
    wheel(path, code="here = False")

    assert f"helper @ {copy.as_uri()}" == lines[0]
    assert b"True" in zipfile.ZipFile(copy).read("helper.py")
    assert before != content(requires(model, line, *ALWAYS))


def test_the_order_of_lines_does_not_matter(model):
    one, other = (requires(model, *lines) for lines in (("a", "b>1,<2"), ("b <2,>1", "a")))

    assert content(one) == content(other)


def test_another_index_or_leave_to_build_is_another_environment(model):
    wanted = requires(model)
    keys = {
        _key(wanted, python, variables, builds=builds)
        for python in ("3.11", "3.12")
        for variables in ({}, {"UV_INDEX": "https://a.test"}, {"UV_INDEX": "https://u:p@b.test"})
        for builds in (True, False)
    }

    assert len(keys) == 12
    secrets = ({"UV_INDEX": f"https://u:{word}@b.test"} for word in ("one", "two"))
    assert len({_key(wanted, "3.11", each, builds=False) for each in secrets}) == 1


@pytest.mark.parametrize(
    "dependency",
    [
        "x @ https://elsewhere.test/x-1.0-py3-none-any.whl",
        "x@ file:///etc/x.whl ; os_name == 'posix'",
    ],
)
def test_a_wheel_of_the_models_cannot_lead_to_an_address(model, tmp_path, dependency):
    wheel(model / WHEEL, "six", dependency)

    with pytest.raises(InputError, match="a package by its address"):
        copied(requires(model, f"./{WHEEL}"), tmp_path / "private")


def test_a_wheel_that_is_none_is_an_input_error(model, tmp_path):
    (model / WHEEL).write_bytes(b"PK no")

    with pytest.raises(InputError, match="is not a wheel"):
        copied(requires(model, f"./{WHEEL}"), tmp_path / "private")


def test_requirements_that_are_a_link_are_not_followed(model, tmp_path):
    (tmp_path / "netrc").write_text("machine x password hidden-value\n")
    (model / "requirements.txt").symlink_to(tmp_path / "netrc")

    with pytest.raises(InputError, match="is a link") as raised:
        read_requirements(model)
    assert "hidden" not in raised.value.message


def test_an_error_shows_no_password_and_no_control_character(model):
    with pytest.raises(InputError) as raised:
        requires(model, "https://user:hidden@elsewhere.test/\x1b[31mx.whl")

    assert "hidden" not in raised.value.message
    assert raised.value.message.isprintable()


def test_a_build_is_told_of_indexes_without_their_credentials(tmp_path):
    known = {
        "PATH": "/bin",
        "HOME": "/home/user",
        "NETRC": "/home/user/.netrc",
        "UV_DEFAULT_INDEX": "https://robot:hidden@index.test/simple?token=hidden",
        "UV_INDEX": "private=https://hidden@a.test/x https://u:hid@den@b.test/y",
        "UV_INDEX_PRIVATE_PASSWORD": "hidden",
        "UV_FIND_LINKS": "/,https://u:hidden@c.test",
        "https_proxy": "user:hidden@proxy.test:8080",
        "UV_KEYRING_PROVIDER": "subprocess",
    }
    told, files = public_environment(known, tmp_path)

    assert {
        "UV_DEFAULT_INDEX": "https://index.test/simple",
        "UV_INDEX": "private=https://a.test/x https://b.test/y",
        "UV_FIND_LINKS": "/,https://c.test",
        "https_proxy": "proxy.test:8080",
        "HOME": str(tmp_path),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    } == told
    assert not any("home" in str(file) for file in files)


def test_uv_reads_its_users_settings_and_those_of_no_folder_around_it(tmp_path):
    known = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert ["--no-config"] == settings_of_uv(known)
    users, named = tmp_path / "uv" / "uv.toml", tmp_path / "named.toml"
    users.parent.mkdir()
    for file in (users, named):
        file.touch()
    assert ["--config-file", str(users)] == settings_of_uv(known)
    known["UV_CONFIG_FILE"] = str(named)
    assert ["--config-file", str(named)] == settings_of_uv(known)


def test_leave_to_build_is_allow_or_deny(model, monkeypatch):
    (model / "requirements.txt").write_text("pandas")
    monkeypatch.setenv("CDML_BUILD", "true")

    with pytest.raises(ConfigurationError, match="CDML_BUILD is 'true'"):
        interpreter("model", model, None, lambda *_: None)
