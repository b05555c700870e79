"""Between `spotreel.orchestrator.v1` messages and the domain's records.

Used at the edge, where calls are answered, and by the ledger, which keeps the nested parts of a record as these very
messages, so that what is stored evolves with the protos and by their rules.
"""
