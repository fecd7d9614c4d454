"""Bars: on a terminal, with rate and remaining time; nowhere else."""

import contextlib
import io
import sys
import types

import pytest

from kerasser.util import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def seen(error, **options):
    """Returns what three steps show on a standard error."""
    with contextlib.redirect_stderr(error):
        assert list(progress.steps("abc", 3, "files", "hashes", **options)) == ["a", "b", "c"]
    return error.getvalue()


def test_a_bar_shows_what_is_done_the_rate_and_the_remaining_time():
    with contextlib.redirect_stderr(Terminal()), progress.bar(7.6, "s", "attack", initial=1.8) as bar:
        assert (bar.total, bar.n) == (8, 2)
        bar.update(2)
        assert str(bar).startswith("attack:") and "4/8 [" in str(bar) and "<" in str(bar) and "s/s]" in str(bar)


def test_steps_are_counted_on_a_terminal():
    assert "0/3" in (shown := seen(Terminal())) and "files/s" in shown


@pytest.mark.parametrize(("error", "quiet"), [(Terminal(), True), (io.StringIO(), False), (io.StringIO(), None)])
def test_nobody_who_is_quiet_or_no_terminal_sees_a_bar(error, quiet):
    assert seen(error, quiet=quiet) == ""


class Notebook:
    """What a Jupyter kernel looks like from within."""

    kernel = object()


def test_a_notebook_is_no_terminal_and_sees_a_bar(monkeypatch):
    shell = types.SimpleNamespace(get_ipython=Notebook)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert progress.in_notebook() and "0/3" in seen(io.StringIO())
    assert seen(io.StringIO(), quiet=True) == ""
    shell.get_ipython = lambda: None
    assert not progress.in_notebook() and seen(io.StringIO()) == ""
