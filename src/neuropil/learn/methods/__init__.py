"""How gradients of a rollout are computed: through time, within windows, forward, by eligibility traces, through spike times."""

from neuropil.learn.methods.bptt import BPTT, Truncated
from neuropil.learn.methods.compare import Comparison, compare_gradients
from neuropil.learn.methods.eprop import EProp
from neuropil.learn.methods.eventprop import EventProp
from neuropil.learn.methods.forward import Forward
from neuropil.learn.methods.method import Method, method_of

__all__ = ["BPTT", "Comparison", "EProp", "EventProp", "Forward", "Method", "Truncated", "compare_gradients", "method_of"]
