"""Operations of modulators: concentrations, and effects on parts of populations."""
