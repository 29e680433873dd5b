"""Agents: encoders, decoders, critics and monitors between a network and a world."""
