"""Where staged files lie and where they are shown, as the configuration says."""

from __future__ import annotations

import os
from pathlib import Path

from ..config import Options
from ..errors import BadConfiguration
from .store import Store

DEFAULT_VIEWS = "~/rucio"
STORE_BELOW_VIEWS = ".store"


class Folders:
    """Two absolute paths, and the keys that name them."""

    def __init__(self, options: Options) -> None:
        self.views = str(Path(options.views_dir or DEFAULT_VIEWS).expanduser())
        self.store = str(Path(options.store_dir or Path(self.views, STORE_BELOW_VIEWS)).expanduser())
        self._store_key = "store_dir" if options.store_dir else "views_dir"

    def make(self, store: Store) -> None:
        """Make what is missing of them. Raises BadConfiguration, with the key that is to be changed."""
        key, path = "views_dir", self.views
        try:
            os.makedirs(path, exist_ok=True)
            key, path = self._store_key, self.store
            store.make()
        except OSError as error:
            raise BadConfiguration(
                f"The folder {path} cannot be made: {error.strerror}. Mend that, or name another one with"
                f" the key {key}."
            ) from error
