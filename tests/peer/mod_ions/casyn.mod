: A point process that opens with a time constant, a tenth of whose current is calcium.
NEURON {
    POINT_PROCESS CaSyn
    USEION ca READ eca, cai WRITE ica
    NONSPECIFIC_CURRENT i
    RANGE g, half
}
UNITS { (nA) = (nanoamp) (mV) = (millivolt) (uS) = (microsiemens) (mM) = (milli/liter) }
PARAMETER { g = 0.001 (uS) half = 0.01 (mM) }
ASSIGNED { v (mV) eca (mV) cai (mM) ica (nA) i (nA) }
BREAKPOINT {
    ica = 0.1 * g / (1 + cai / half) * (v - eca)
    i = 0.9 * g / (1 + cai / half) * v
}
