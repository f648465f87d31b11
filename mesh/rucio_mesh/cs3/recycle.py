"""The recycle bin of a CS3 cloud: what was deleted waits there, and counts against the quota."""

from __future__ import annotations

from cs3.storage.provider.v1beta1 import provider_api_pb2 as sp
from cs3.storage.provider.v1beta1 import resources_pb2 as spr

from .client import Client, reference
from .pfn import parent_of


def purge(cloud: Client, path: str) -> bool:
    """Remove for good the file that was deleted last at this path; False if the bin does not show it.

    Nothing else in the bin is touched. Raises AccessDenied, NotSupported, Unavailable, …
    """
    container = reference(parent_of(path))
    listed = cloud.gateway.call("ListRecycle", sp.ListRecycleRequest(ref=container), about=path)
    items = [
        each
        for each in listed.recycle_items
        if each.key  # without one, everything would be purged
        and each.type == spr.RESOURCE_TYPE_FILE
        and each.ref.path == path
    ]
    if not items:
        return False
    last = max(items, key=lambda each: (each.deletion_time.seconds, each.deletion_time.nanos))
    cloud.gateway.call("PurgeRecycle", sp.PurgeRecycleRequest(ref=container, key=last.key), about=path)
    return True
