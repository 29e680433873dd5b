"""The network: how its contents are described, checked, coupled by gap junctions, copied and replaced."""
