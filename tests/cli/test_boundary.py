"""Whatever goes wrong ends with one exit code and a sentence."""

import click
import pytest

from cdml import errors
from cdml.cli import exit_codes, main
from cdml.cli.error_evidence import record_errors
from cdml.common.addresses import Address, reveal


def kinds(kind=errors.CdmlError):
    """The tree as `errors.py` draws it; adapters may refine a kind, which keeps its code."""
    subclasses = [sub for sub in kind.__subclasses__() if sub.__module__ == errors.__name__]
    return [kind, *(inner for sub in subclasses for inner in kinds(sub))]


def raising(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(main.cli.commands["schema"], "callback", fail)
    return exit_codes.run(["schema"])


def test_exit_codes_are_unique_but_for_refusals():
    codes = [
        kind.exit_code
        for kind in kinds()[1:]
        if kind is not errors.DeploymentRefused and "exit_code" in vars(kind)
    ]

    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize("kind", [k for k in kinds()[1:] if k is not errors.DeploymentRefused])
def test_an_error_ends_with_its_code_and_tells_what_to_do(kind, monkeypatch, capsys):
    code = raising(monkeypatch, kind("The registry is gone.", "Ask for it again."))

    assert (kind.exit_code, "cdml: The registry is gone.\n      Ask for it again.\n") == (
        code,
        capsys.readouterr().err,
    )


def test_an_error_under_github_is_one_escaped_annotation(monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    raising(monkeypatch, errors.InputError("a\n::set-output name=x::100%"))

    assert "::error title=cdml::a%0A: :set-output name=x: :100%25\n" == capsys.readouterr().out


@pytest.mark.parametrize("error", [errors.InputError, click.UsageError, RuntimeError])
def test_no_line_of_an_error_speaks_to_the_runner_or_the_terminal(error, monkeypatch, capsys):
    raising(monkeypatch, error("a\n::stop-commands::x\n##[group]\x1b[2J"))

    told = capsys.readouterr().err
    assert not {"::", "##[", "\x1b"} & {part for part in ("::", "##[", "\x1b") if part in told}


@pytest.mark.parametrize("name", main.cli.commands)
def test_every_option_is_set_by_its_own_name_in_the_environment(name, monkeypatch):
    prefix = f"CDML_{name}_".upper().replace("-", "_")
    with click.Context(main.cli, info_name="cdml", **main.CONTEXT) as above:
        context = click.Context(main.cli.commands[name], above, name)
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    for option in options:
        variable = prefix + option.opts[0][2:].upper().replace("-", "_")
        monkeypatch.setenv(variable, "1")
        assert "1" == option.resolve_envvar_value(context), variable


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (click.Abort(), 130), (ZeroDivisionError("x"), 70)],
)
def test_interruptions_and_bugs_have_codes_too(error, code, monkeypatch):
    assert code == raising(monkeypatch, error)


def test_a_bug_shows_no_value_of_a_variable_and_no_password(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("SOME_TOKEN", "hidden-value")

    def fail():
        address = Address("https://me:pass-word@${HOST}/x", {"HOST": "hidden.test"})
        with record_errors("gate", tmp_path / "cdml.yaml", tmp_path):
            raise RuntimeError(f"{reveal(address)} with pass-word and hidden-value")

    monkeypatch.setattr(main.cli.commands["schema"], "callback", fail)

    assert 70 == exit_codes.run(["schema"])
    recorded = (tmp_path / "gate.error.json").read_text()
    for shown in (capsys.readouterr().err, recorded):
        assert "https://***@${HOST}/x with *** and ***" in shown


def test_what_nests_too_deeply_is_a_sentence_about_the_input(monkeypatch, capsys):
    assert 4 == raising(monkeypatch, RecursionError("maximum recursion depth exceeded"))
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["no-such-command"], ["gate", "--no-such-option"]])
def test_usage_errors_are_2(arguments, capsys):
    assert 2 == exit_codes.run(arguments)
    assert "no" in capsys.readouterr().err


def test_an_option_can_come_from_the_environment_and_empty_is_unset(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CDML_GATE_CONFIG", str(tmp_path / "other.yaml"))
    monkeypatch.setenv("CDML_REPORT_CONFIG", "")
    monkeypatch.setenv("CDML_REPORT_PULL_REQUEST", "")
    monkeypatch.setenv("CDML_DEPLOY_DRY_RUN", "")
    monkeypatch.chdir(tmp_path)

    assert (2, 2, 2) == (
        exit_codes.run(["gate"]),
        exit_codes.run(["report"]),
        exit_codes.run(["deploy"]),
    )
    told = capsys.readouterr().err
    assert "other.yaml does not exist" in told
    assert "\ncdml: cdml.yaml does not exist" in told
