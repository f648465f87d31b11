"""One command, everything real: a Rucio, two storages and a CS3 cloud, data, and JupyterLab, signed in.

    python -m rucio_jupyterlab.demo [--folder FOLDER] [--port PORT] [--no-browser]

All of it lives in one folder, and all of it ends with this one process.
"""
