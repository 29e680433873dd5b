"""From connection rules to synapses: partners, weights and delays drawn row by row."""
