"""Agents: what reaches a network from a world, and what it does there."""
