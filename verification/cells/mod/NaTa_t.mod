TITLE Fast sodium current
COMMENT
Colbert & Pan 2002.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX NaTa_t
    USEION na READ ena WRITE ina
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
    ena (mV)
    ina (mA/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ina = gbar*m*m*m*h*(v - ena)
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

: x / (1 - exp(-x)), by its series where x is small
FUNCTION ratio(x) {
    if (fabs(x) < 1e-4) {
        ratio = 1 + x/2 + x*x/12
    } else {
        ratio = x/(1 - exp(-x))
    }
}

UNITSOFF
PROCEDURE rates(v (mV)) {
    LOCAL a, b, q
    q = 2.3^((34 - 21)/10)
    a = 0.182*6*ratio((v + 38)/6)
    b = 0.124*6*ratio(-(v + 38)/6)
    minf = a/(a + b)
    mtau = 1/(a + b)/q
    a = 0.015*6*ratio(-(v + 66)/6)
    b = 0.015*6*ratio((v + 66)/6)
    hinf = a/(a + b)
    htau = 1/(a + b)/q
}
UNITSON
