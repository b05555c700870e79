"""The marketplace's words about an instance, as they were seen (2026)."""

from tests.simulators.vast.contracts import Contract

_LAYERS = ("7a2c55901189", "3b2ac5d9a4a1", "9f13e0ac4c2b")
_PULL = ("Downloading", "Verifying Checksum", "Download complete", "Extracting", "Pull complete")

CDI_FAILURE = (
    "Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create "
    "failed: could not apply required modification to OCI specification: error modifying OCI spec: failed to inject "
    "CDI devices: unresolvable CDI devices D.2c9f4ad4/gpu=0: unknown\nError: failed to start containers: C.{id}\n"
)
DOCKER_BUILD_ERROR = "docker_build() error writing dockerfile"
PULL_ERROR = (
    "error pulling image configuration: download failed after attempts=6: read tcp 10.0.0.5:51022->104.16.98.215:443: "
    "read: connection reset by peer\n"
)
IMAGE_NOT_FOUND = "Error response from daemon: {words}: {image}\n"
STOPPED = {
    "credit": "Instance stopped: account lacks credit.",
    "end": "Instance stopped: contract expired.",
}
BUILDING = '#0 building with "default" instance using docker driver\n'


def pull_progress(contract: Contract, now: float) -> str:
    """Returns what docker says of the image at a moment of its loading."""
    share = (now - contract.since) / max(contract.loading_seconds, 0.001)
    if share >= 1.0:
        # One that is stuck says this for ever.
        return f"{_LAYERS[0]}: Retrying in 5 seconds\n"
    if share < 0.05:
        return BUILDING
    place = int(share * len(_LAYERS) * len(_PULL))
    return f"{_LAYERS[place // len(_PULL)]}: {_PULL[place % len(_PULL)]}\n"


def success(contract: Contract) -> str:
    """Returns the words of a container that has been started: the image, ':' as '_', and the run type."""
    return f"success, running {contract.order.image.replace(':', '_')}/{contract.order.runtype}\n"
