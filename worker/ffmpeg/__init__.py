"""Running FFmpeg: the process, its progress, and what its words mean."""
