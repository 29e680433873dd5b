: Potassium outside, in a shell.
NEURON {
    SUFFIX kshell
    USEION k READ ik
    RANGE kshell, tau
}
UNITS { (mA) = (milliamp) (mM) = (milli/liter) (um) = (micron) FARADAY = (faraday) (coulomb) }
PARAMETER { tau = 20 (ms) }
ASSIGNED { ik (mA/cm2) }
STATE { kshell (mM) }
INITIAL { kshell = 5 }
BREAKPOINT { SOLVE states METHOD cnexp }
DERIVATIVE states { kshell' = (10000) * ik / (FARADAY * 0.1) - (kshell - 5) / tau }
