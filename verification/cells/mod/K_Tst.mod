TITLE Transient potassium current
COMMENT
Korngreen & Sakmann 2000.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX K_Tst
    USEION k READ ek WRITE ik
    RANGE gbar
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0 (S/cm2)
}

ASSIGNED {
    v (mV)
    ek (mV)
    ik (mA/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar*m*m*m*m*h*(v - ek)
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

INITIAL {
    rates(v)
    m = minf
    h = hinf
}

UNITSOFF
PROCEDURE rates(v (mV)) {
    LOCAL q
    q = 2.3^((34 - 21)/10)
    minf = 1/(1 + exp(-(v + 10)/19))
    mtau = (0.34 + 0.92*exp(-((v + 81)/59)*((v + 81)/59)))/q
    hinf = 1/(1 + exp((v + 76)/10))
    htau = (8 + 49*exp(-((v + 83)/23)*((v + 83)/23)))/q
}
UNITSON
