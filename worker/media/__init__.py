"""From an operation to a finished file: what is to happen, FFmpeg's arguments for it, and the check afterwards."""
