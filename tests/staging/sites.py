"""RSEs on storages that misbehave as a test says, known to the catalogue of a real Rucio."""

from __future__ import annotations

from collections.abc import Mapping

from rucio_jupyterlab.did import Did
from rucio_mesh.testing import seeding
from rucio_mesh.testing.storage import hashed_path
from tests.lab.lab import Checksum, Lab, described
from tests.sources.faulty import Faulty, Manner


class Site:
    """An RSE on a storage that the test serves itself."""

    def __init__(self, lab: Lab, rse: str, storage: Faulty) -> None:
        self.lab = lab
        self.rse = rse
        self.storage = storage
        lab.add_rse(rse, storage.port)

    def path(self, did: Did) -> str:
        return f"/{hashed_path(did.scope, did.name)}"

    def put(
        self,
        scope: str,
        name: str,
        content: bytes,
        manner: Manner | None = None,
        checksum: Checksum = "adler32",
    ) -> Did:
        did = self.lab.register(scope, name, content, rse=self.rse, checksum=checksum)
        self.storage.put(self.path(did), content, manner)
        return did

    def put_many(
        self, scope: str, contents: Mapping[str, bytes], dataset: str, manner: Manner | None = None
    ) -> Did:
        files = [described(scope, name, content, "adler32") for name, content in contents.items()]
        seeding.register(self.lab.client(), self.rse, files)
        for name, content in contents.items():
            self.storage.put(self.path(Did(scope, name)), content, manner)
        return self.lab.collection(scope, dataset, files)
