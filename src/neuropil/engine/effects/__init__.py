"""Operations of modulators: concentrations advance at ticks, and effects write parameters of neurons."""
