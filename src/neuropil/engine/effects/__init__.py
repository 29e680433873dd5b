"""Operations of modulators: concentrations advance and diffuse at ticks, and effects write parameters of neurons, membranes and synapses."""
