TITLE Persistent sodium current
COMMENT
Magistretti & Alonso 1999; activation six times slower than that of the fast current.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX Nap_Et2
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
    minf = 1/(1 + exp(-(v + 52.6)/4.6))
    a = 0.182*6*ratio((v + 38)/6)
    b = 0.124*6*ratio(-(v + 38)/6)
    mtau = 6/(a + b)/q
    hinf = 1/(1 + exp((v + 48.8)/10))
    a = 2.88e-6*4.63*ratio(-(v + 17)/4.63)
    b = 6.94e-6*2.63*ratio((v + 64.4)/2.63)
    htau = 1/(a + b)/q
}
UNITSON
