"""Rucio on clouds that speak the CS3 APIs: a client, and the storage protocol `protocol.Default`."""
