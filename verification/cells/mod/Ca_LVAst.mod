TITLE Low-voltage-activated calcium current
COMMENT
Avery & Johnston 1996; time constants of Randall & Tsien 1997.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX Ca_LVAst
    USEION ca READ eca WRITE ica
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
    eca (mV)
    ica (mA/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ica = gbar*m*m*h*(v - eca)
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
    minf = 1/(1 + exp(-(v + 40)/6))
    mtau = (5 + 20/(1 + exp((v + 35)/5)))/q
    hinf = 1/(1 + exp((v + 90)/6.4))
    htau = (20 + 50/(1 + exp((v + 50)/7)))/q
}
UNITSON
