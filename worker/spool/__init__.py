"""Files on the worker's disk: inputs that were uploaded, outputs that grow, and the folder they live in."""
