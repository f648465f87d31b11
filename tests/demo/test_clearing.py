"""What is removed where the data are made anew, and what is not."""

from __future__ import annotations

from pathlib import Path

from rucio_jupyterlab.demo.lifecycle import Demo


def test_what_was_staged_goes_and_what_the_user_laid_beside_it_stays(tmp_path: Path) -> None:
    views = tmp_path / "work" / "rucio"
    stored = views / ".store" / "objects" / "file"
    for folder in (stored.parent, views / "scope" / "whole", views / "scope" / "shared", tmp_path / "grid"):
        folder.mkdir(parents=True)
    stored.touch()
    (views / "scope" / "whole" / "file").symlink_to(stored)
    (views / "scope" / "shared" / "file").symlink_to(stored)
    own = views / "scope" / "shared" / "own.ipynb"
    own.touch()
    link = views / "scope" / "shared" / "link"
    link.symlink_to(own)

    Demo(tmp_path)._clear()

    assert sorted(path for path in views.rglob("*") if not path.is_dir()) == [link, own]
    assert not (views / "scope" / "whole").exists()
    assert not (tmp_path / "grid").exists()
