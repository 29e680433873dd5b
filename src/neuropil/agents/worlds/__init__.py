"""Small environments: bandit, delayed choice, foraging, regression."""
