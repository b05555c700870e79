"""Time-outs and retries of each method, the same for the clients of every language."""

from importlib import resources


def service_config_json() -> str:
    """Returns the gRPC service config (JSON) that all clients share: `protos/service_config.json`.

    Streams are not in it: gRPC could only repeat them from the start, the client resumes them where they broke.
    """
    return resources.files("spotreel").joinpath("service_config.json").read_text("utf-8")
