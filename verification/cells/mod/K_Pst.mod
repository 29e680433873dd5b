TITLE Persistent potassium current
COMMENT
Korngreen & Sakmann 2000.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX K_Pst
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
    ik = gbar*m*m*h*(v - ek)
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
    minf = 1/(1 + exp(-(v + 11)/12))
    if (v < -60) {
        mtau = (1.25 + 175.03*exp(0.026*(v + 10)))/q
    } else {
        mtau = (1.25 + 13*exp(-0.026*(v + 10)))/q
    }
    hinf = 1/(1 + exp((v + 64)/11))
    htau = (360 + (1010 + 24*(v + 65))*exp(-((v + 85)/48)*((v + 85)/48)))/q
}
UNITSON
