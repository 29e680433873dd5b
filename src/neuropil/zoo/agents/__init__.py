"""Agents that learn: actor-critic, bandit, forager, regressor."""
