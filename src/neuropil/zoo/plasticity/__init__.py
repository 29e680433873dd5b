"""Learning rules: STDP and its variants, three-factor rules, homeostasis."""
