"""A CS3 cloud for demos and tests: `gateway.Gateway` in this process, `cloud.Cloud` in one of its own.

    with Gateway(tmp_path, "eos") as gateway:                # localfs | eos | opencloud
        gateway.address                                      # host:port of gRPC, plain text without a `leaf`
        gateway.home(), gateway.path(gateway.home() + "/f")  # the user's folder; the file on disk, to seed or to see
        gateway.accounts.oidc_token("einstein")              # good for Authenticate(type="bearer")
        gateway.accounts.access.seconds = 2                  # gateway tokens made from now on last so long
        gateway.transfers.tokens.seconds = 2                 # likewise transfer tokens
        gateway.lapse_tokens()                               # all that were handed out are void now
        gateway.faults.arm("cut_download", 1000, times=2)    # see faults.py for all switches
        gateway.faults.quota_full = True
        gateway.meter.bytes_served, gateway.counts["Stat"]   # what was asked of it
        gateway.stop(); gateway.start()                      # down, and back on the same ports

    with Cloud("ALPHA", folder, "eos", authority=authority) as cloud:   # TLS; ends with this process
        cloud.grpc_port, cloud.data_port, cloud.home("einstein")

    python -m rucio_mesh.testing.cs3 --root FOLDER --set seconds_per_mebibyte=2      # see __main__.py

Accounts: einstein/relativity, marie/radioactivity, richard/superfluidity (type "basic"); machine key "machine-key".
Each user has a home; `/projects` (eos: `/eos/project`) is a second storage provider, which all share.
Files lie below the root; ids, metadata, locks, shares, versions and the recycle bin are forgotten at the end.
"""
