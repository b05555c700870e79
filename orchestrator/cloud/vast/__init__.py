"""Machines rented on the marketplace Vast.ai."""
