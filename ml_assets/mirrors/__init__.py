"""What is made, told to others too: runs and champions to an MLflow tracking server, lineage as OpenLineage events.

    run.py        models, their evaluations and champions as MLflow knows such things; no server
    tracking.py   what a tracking server lacks of them, found by asking it, and told
    events.py     steps of Dagster as OpenLineage events; no endpoint
    endpoint.py   where events go: a file, a folder, an address
    server.py     JSON over HTTP; credentials stay inside

Nobody who makes something waits for a mirror. What is to be told is in the store, its ledgers and Dagster's event log already, so
a server that is down loses nothing: whoever looks next finds what is missing there, and tells it.
"""
