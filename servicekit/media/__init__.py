"""The words both services share: sources, operations and outputs, as `spotreel.media.v1` defines them."""
