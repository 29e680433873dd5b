"""The network: how its contents are described, checked, copied and replaced."""
