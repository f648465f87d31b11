"""Make anew what is generated and committed; the exit status is 1 if something was out of date.

python -m tools.regenerate
"""

from __future__ import annotations

import subprocess
import sys

from tools.environments import ROOT

GENERATED = {
    "rucio_jupyterlab/api/openapi.json": (sys.executable, "-m", "rucio_jupyterlab.api.openapi"),
    "src/client/generated.ts": ("jlpm", "run", "generate"),
}
"""Each file and the command that writes it; the second is made from the first."""


def main() -> int:
    outdated = []
    for name, command in GENERATED.items():
        path = ROOT / name
        before = path.read_bytes() if path.exists() else None
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        if path.read_bytes() != before:
            outdated.append(name)
    for name in outdated:
        print(f"{name} was out of date. It has been made anew: look at it and commit it.", file=sys.stderr)
    return int(bool(outdated))


if __name__ == "__main__":
    sys.exit(main())
