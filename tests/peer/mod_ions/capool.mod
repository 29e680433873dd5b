: Calcium in a shell.
NEURON {
    SUFFIX capool
    USEION ca READ ica WRITE cai
    RANGE gamma, decay, depth, minca, start
}
UNITS { (mA) = (milliamp) (mM) = (milli/liter) (um) = (micron) FARADAY = (faraday) (coulomb) }
PARAMETER { gamma = 0.05 decay = 80 (ms) depth = 0.1 (um) minca = 1e-4 (mM) start = 1e-4 (mM) }
ASSIGNED { ica (mA/cm2) }
STATE { cai (mM) }
INITIAL { cai = start }
BREAKPOINT { SOLVE states METHOD cnexp }
DERIVATIVE states { cai' = -(10000) * (ica * gamma / (2 * FARADAY * depth)) - (cai - minca) / decay }
