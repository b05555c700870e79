"""Brings inputs from the network, from addresses that are allowed and within bounds."""
