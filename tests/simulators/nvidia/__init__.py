"""A machine without a GPU that looks as if it had one: nvidia-smi, and an FFmpeg with or without a working NVENC."""
