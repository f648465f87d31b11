"""Real parts for demos and tests: a Rucio instance, WebDAV storages, CS3 clouds, a certificate authority."""
