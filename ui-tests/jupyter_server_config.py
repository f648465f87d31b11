"""Settings of the Jupyter server for the browser tests only: they switch authentication off.

The server is bound to 127.0.0.1 and ends with the tests.
"""

from jupyterlab.galata import configure_jupyter_server

configure_jupyter_server(c)  # noqa: F821 -- `c` is given by the configuration loader
c.ServerApp.allow_root = True  # noqa: F821 -- containers often run as the superuser
