"""The output of a training command reaches the log as it comes, and commands nothing there."""

import pytest

from cdml.adapters.training.log_filter import LogFilter

OUTPUTS = {
    b"epoch 1\n": b"epoch 1\n",
    b"a::b\n": b"a::b\n",
    b"::set-output name=x::1\n": b": :set-output name=x::1\n",
    b"ok\n \t::error::x\n": b"ok\n \t: :error::x\n",
    b"10 %\r::error::x\n": b"10 %\r: :error::x\n",
    b"\xc2\xa0::error::x": b"\xc2\xa0: :error::x",
    b"at the end ##[error]x\n": b"at the end ## [error]x\n",
    b"# no ## command\n": b"# no ## command\n",
    b"trailing ##": b"trailing ##",
    b":": b":",
}


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("output", OUTPUTS)
def test_only_what_a_ci_system_would_run_is_broken_up(output, size):
    log = LogFilter()
    pieces = [log.feed(output[at : at + size]) for at in range(0, len(output), size)]

    assert OUTPUTS[output] == b"".join([*pieces, log.end()])


def test_a_progress_bar_is_shown_before_its_line_ends():
    log = LogFilter()

    assert b"epoch 1: 10 %" == log.feed(b"epoch 1: 10 %")
    assert b"\repoch 1: 20 %" == log.feed(b"\repoch 1: 20 %")


def test_the_last_address_of_a_model_and_the_last_line_are_remembered():
    log = LogFilter()
    log.feed(b"saved runs:/aaa/model\nsaved runs:/b")
    log.feed(b"bb/model-2 now\n\ndone")
    log.end()

    assert (b"runs:/bbb/model-2", b"done") == (log.address, log.last_line)
