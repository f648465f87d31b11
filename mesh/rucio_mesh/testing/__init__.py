"""Real parts for demos and tests: a Rucio instance, WebDAV storages, a certificate authority."""
