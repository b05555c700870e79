"""The tasks of this worker: what was asked for, how far it is, and the running of it."""
