TITLE NMDA receptor: two exponentials, blocked by magnesium
COMMENT
Block of Jahr & Stevens 1990: 1 / (1 + [Mg]/3.57 mM exp(-0.062 v)), at once in the voltage.
A weight w gives the unblocked conductance a peak of w; so do NEURON's own ExpSyn and Exp2Syn, which serve as the
exponential and double-exponential AMPA and GABA-A receptors.
ENDCOMMENT

NEURON {
    THREADSAFE
    POINT_PROCESS NMDA
    NONSPECIFIC_CURRENT i
    RANGE tau1, tau2, e, mg, i, g
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
    (mM) = (milli/liter)
}

PARAMETER {
    tau1 = 2 (ms)
    tau2 = 75 (ms)
    e = 0 (mV)
    mg = 1 (mM)
}

ASSIGNED {
    v (mV)
    i (nA)
    g (uS)
    factor
}

STATE {
    A (uS)
    B (uS)
}

INITIAL {
    LOCAL tp
    tp = tau1*tau2/(tau2 - tau1)*log(tau2/tau1)
    factor = 1/(exp(-tp/tau2) - exp(-tp/tau1))
    A = 0
    B = 0
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    g = (B - A)*block(v)
    i = g*(v - e)
}

DERIVATIVE states {
    A' = -A/tau1
    B' = -B/tau2
}

UNITSOFF
FUNCTION block(v (mV)) {
    block = 1/(1 + mg/3.57*exp(-0.062*v))
}
UNITSON

NET_RECEIVE(weight (uS)) {
    A = A + weight*factor
    B = B + weight*factor
}
