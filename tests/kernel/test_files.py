"""What staging gives back behaves like a list of paths, and reads well."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

from rucio_jupyterlab.kernel import Files
from rucio_jupyterlab.kernel.listings import Dids, JobList
from rucio_jupyterlab.kernel.model import Found, Job, Listing, Transfer
from rucio_jupyterlab.kernel.progress import JobView
from rucio_jupyterlab.kernel.words import printable

HOSTILE = "<img src=x onerror=alert(1)>'\"&"


def job(**more: object) -> Job:
    wire = {"id": "1", "request": {"dids": [{"scope": "s", "name": "d"}], "instance": "lab"}, "state": "done"}
    return Job.from_wire({**wire, "path": "/data", **more})


def here(name: str, **more: object) -> Transfer:
    wire = {"did": {"scope": "s", "name": name}, "state": "done", "bytes": 1000, "path": f"/data/{name}"}
    return Transfer.from_wire({**wire, **more})


FILES = Files([here("a.root"), here("deep/b.txt"), here("c.root", state="tape", path=None)], job())


def test_it_behaves_like_a_list_of_paths() -> None:
    assert len(FILES) == 2 and FILES[0] == "/data/a.root" and FILES[-1] == "/data/deep/b.txt"
    assert list(reversed(FILES)) == ["/data/deep/b.txt", "/data/a.root"]
    assert "/data/a.root" in FILES and FILES.index("/data/deep/b.txt") == 1
    assert FILES[:1] == ["/data/a.root"] and isinstance(FILES[:1], Files)
    assert FILES[::-1] == list(FILES)[::-1] and FILES[::-1].available[0].did == "s:deep/b.txt"
    assert FILES + ["/x"] == ["/data/a.root", "/data/deep/b.txt", "/x"]  # noqa: RUF005 - the sum is what is tested
    assert json.loads(json.dumps(FILES)) == FILES  # programs that ask whether it is a list take it for one
    assert Path(FILES[0]).name == "a.root"


def test_it_survives_the_way_to_another_process() -> None:
    for copied in (pickle.loads(pickle.dumps(FILES)), copy.deepcopy(FILES), copy.copy(FILES)):
        assert copied == FILES and (copied.job, copied.missing) == (FILES.job, FILES.missing)
        assert repr(copied) == repr(FILES)


def test_it_may_be_put_in_another_order() -> None:
    files = FILES[:]
    files.sort(reverse=True)
    assert files[:1] == ["/data/deep/b.txt"] and files[:1].available[0].did == "s:deep/b.txt"


def test_the_paths_come_in_the_order_of_their_names() -> None:
    assert Files([here("z"), here("a"), here("y")], job()) == ["/data/a", "/data/y", "/data/z"]


def test_each_path_has_its_did() -> None:
    assert [each.did for each in FILES.available] == ["s:a.root", "s:deep/b.txt"]


def test_a_selection_takes_the_missing_along() -> None:
    chosen = FILES.select("*.root")
    assert chosen == ["/data/a.root"] and [each.did for each in chosen.missing] == ["s:c.root"]
    assert FILES.select("b.*") == ["/data/deep/b.txt"]


def test_a_file_without_checksum_is_told() -> None:
    files = Files([here("a", verified=False)], job())
    assert [each.did for each in files.unverified] == ["s:a"]
    assert "1 unverified" in repr(files)


def test_a_file_that_is_not_there_has_no_path_whatever_the_wire_says() -> None:
    files = Files([here("a", state="failed")], job())
    assert list(files) == []


def test_an_older_kernel_passes_over_what_it_does_not_know() -> None:
    files = Files([here("a", colour="blue", state="lost", path=None)], job(mood="fine"))
    assert files.missing[0].reason == "lost"


def test_what_is_not_mounted_tells_how_it_is_fetched() -> None:
    problem = {"detail": "It can be downloaded instead.", "do": "choose"}
    files = Files([here("a", state="not-mounted", path=None, problem=problem)], job())
    assert "instead. Say --download (in Python: download=True)." in repr(files)


def test_hostile_names_are_escaped() -> None:
    files = Files([here(HOSTILE), here(HOSTILE, state="failed", path=None)], job(path=f"/data/{HOSTILE}"))
    assert "<img" not in files._repr_html_()
    view = JobView(
        job(notice=HOSTILE, request={"dids": [{"scope": "s", "name": HOSTILE}], "instance": "l"}), ""
    )
    assert "<img" not in view._repr_html_()


def test_a_name_cannot_steer_the_terminal() -> None:
    name = "a\x1b[2Jb\rc"
    assert printable(name) == "a�[2Jb�c"
    steering = job(request={"dids": [{"scope": "s", "name": name}], "instance": "lab"})
    found = Dids(Listing((Found(f"s:{name}", "dataset", 1, 1),), complete=True, cut=None))
    for shown in (Files([here(name)], steering), found, JobList([steering]), JobView(steering, "")):
        assert "a�[2Jb�c" in repr(shown) and "\x1b" not in repr(shown)


def test_a_representation_is_short_however_long_the_list() -> None:
    files = Files([here(f"{number:04}") for number in range(1000)], job())
    assert repr(files).splitlines()[0] == "1,000 files, 1.0 MB in /data"
    assert "… and 990 more" in repr(files) and "… and 990 more" in files._repr_html_()


def test_what_is_missing_is_counted() -> None:
    assert "1 file missing:" in repr(FILES) and "1 file missing" in FILES._repr_html_()
