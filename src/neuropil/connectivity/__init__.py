"""Draw: from connection rules to synapses, their weights and delays."""
