from typing import Any

import pytest

from hydromae.base.shown_progress import ShownProgress


def test_progress_is_a_bar_where_a_person_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for progress in (None, False):
        with ShownProgress(progress) as shown:
            shown("Working", 0.5)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal
    with ShownProgress(True) as shown:
        shown("Working [hard]", 0.25)
        shown("Working [hard]", 0.5)
    assert "Working [hard]" in capsys.readouterr().err


def test_progress_in_a_notebook_needs_no_widgets_and_goes_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    display = pytest.importorskip("IPython.display")
    seen: list[str] = []

    class Handle:
        def update(self, shown: Any) -> None:
            seen.append(shown.data)

    monkeypatch.setattr("hydromae.base.shown_progress._where", lambda: "notebook")
    monkeypatch.setattr(display, "display", lambda shown, display_id: Handle())
    with ShownProgress(True) as shown:
        shown("Working <fast>", 0.5)
    assert seen == ['<div>Working &lt;fast&gt; <progress max="1" value="0.5000"></progress> 50%</div>', ""]
