TITLE Calcium below the membrane: filled by the calcium currents, emptied at a constant rate
COMMENT
After Destexhe et al. 1994.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX CaDynamics_E2
    USEION ca READ ica WRITE cai
    RANGE gamma, decay, depth, rest, start
}

UNITS {
    (mA) = (milliamp)
    (um) = (micron)
    (molar) = (1/liter)
    (mM) = (millimolar)
    FARADAY = (faraday) (coulombs)
}

PARAMETER {
    gamma = 0.05 : share of the calcium that stays free
    decay = 80 (ms)
    depth = 0.1 (um)
    rest = 1e-4 (mM)
    start = 5e-5 (mM)
}

ASSIGNED { ica (mA/cm2) }

STATE { cai (mM) }

BREAKPOINT { SOLVE states METHOD cnexp }

DERIVATIVE states {
    cai' = -(10000)*ica*gamma/(2*FARADAY*depth) - (cai - rest)/decay
}

INITIAL { cai = start }
