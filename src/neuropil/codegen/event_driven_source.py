"""The kernels of event-driven synapses: a spike's arrival, a target's spike, and making up for targets' spikes.

The synapses of a source with one delay, a *segment*, lie side by side, so that a spike walks a straight run. When a
target spikes, nothing is done to its synapses, which lie scattered: the time of the spike, and the target's states just
before it, are recorded as the target's latest. A synapse stores how many of them it has responded to, and responds to the
others, in their order and at their times, when the next spike arrives. All values at an event follow from the values at
earlier events and from nothing between, so that it does not matter when the responses are computed: `flush` does it for all
synapses when a target's history is nearly full, or their states are read.

Most synapses have one or two spikes pending, so this is done for all synapses of a segment alike, in the vector loop
that lets the spike arrive, with a choice for each whether to take the outcome. The few that have more pending are
listed and begin together, each with its oldest spike, in rounds from which those that have no more than the others drop
out. While a segment is dealt with, the next is fetched from memory. Fetching something of a target costs more than
computing with it, so what is needed of every one is put into one word (the number of its last spike, and the times of the
last two), and what an arrival reads of a target's states is computed once for all targets in a step.

Args:
    program: of the synapse model.
    precision: "float32" or "float64".
    varying: indices among the hoisted constants of those that differ between synapses.
    by_target: these are the same for all synapses of a target.
    before: what is done before modulated parameters change; None: none are modulated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from neuropil.codegen.elementwise import function_text, indented, module_head, statements
from neuropil.codegen.synapse_names import name_of, state_names
from neuropil.lower.before_change import BeforeChange
from neuropil.lower.constants import hoisted
from neuropil.lower.synapse import SynapseProgram, all_roots
from neuropil.lower.synapse_form import age
from neuropil.plan.synapse_signature import DATE, RESPONDED, WEIGHT, SynapseArgument, SynapseKind, own_state

NAME = "event_driven_synapses"
"""The name under which sources of their kernels are kept."""

HISTORY = 32
"""Spikes of a target that are remembered, at most 255."""

UNROLLED = 2
"""Spikes that all synapses of a segment respond to in the unrolled loop."""

ROOM = ("due", "times", "deep", "made", "until")
"""Scratch arrays for a segment: how many spikes are pending for each synapse, and when the last were; which have more
pending than `UNROLLED`, their new states, and since when."""

AHEAD = 4096
"""Synapses of the next segment that are fetched ahead, as far as they go."""

NUMBER_BITS, TIME_BITS = 8, 28
"""Of the number of a target's last spike, and of each time, in its word. A time is recovered from its lowest bits and the present step."""

LONGEST = 1 << (TIME_BITS - 1)
"""Steps after which everything is flushed at the latest, so that no time is ambiguous."""


@dataclass(frozen=True)
class EventDrivenKernels:
    """The texts of the kernels and what they are given.

    Attributes:
        source: a Python module with functions `arrive`, `flush`, if synapses respond, `flush_full` and `record_spikes`, and, if there is something to
            do before parameters change, `bring_up`.
        own: arrays with an entry per synapse.
        arguments: the last arguments of `arrive` and `flush`: shared states, history, and `own`; recording: those of `record_spikes`.
        hoisted: static nodes whose values are given in the order of `numbers`; those in `varying` as arrays instead.
        varying: indices among the hoisted constants.
    """

    source: str
    own: tuple[SynapseArgument, ...]
    arguments: tuple[SynapseArgument, ...]
    recording: tuple[SynapseArgument, ...]
    hoisted: tuple[int, ...]
    varying: frozenset[int]


def emit_event_driven(
    program: SynapseProgram, precision: str, varying: frozenset[int], by_target: bool = False, before: BeforeChange | None = None
) -> EventDrivenKernels:
    """The text of the kernels in "float32" or "float64"."""
    return KernelWriter(program, precision, varying, by_target, before).write()


class KernelWriter:
    """Writes the functions of one program."""

    def __init__(self, program: SynapseProgram, precision: str, varying: frozenset[int], by_target: bool = False, before: BeforeChange | None = None):
        self.program, self.graph, self.precision, self.varying = program, program.arrival, precision, varying
        self.by_target, self.before = by_target, before
        self.hoisted = hoisted(self.graph, all_roots(program))
        form = program.form
        self.mine, self.source, self.target = form.of(""), form.of("source"), form.of("target")
        reads = self.graph.leaves(*program.arrival_roots, *program.response_roots)
        changed = {*program.struck, *program.responding}
        self.held = [n for n in self.mine if f"s.{n}" in reads or n in changed]
        self.weighed = "w" in reads
        self.z = state_names(program)
        constants = [SynapseArgument(SynapseKind.CONSTANT, k) for k in sorted(varying)]
        self.own = (*map(own_state, self.held), *([WEIGHT] if self.weighed else []), *([DATE] if program.dated else []), *(constants if not by_target else []))
        self.each_target = tuple(constants if by_target else ())

    def write(self) -> EventDrivenKernels:
        """The text of all functions."""
        graphs = [(self.graph, all_roots(self.program))]
        lines = [
            *module_head(f"Kernels of event-driven synapses, {self.precision}.", self.precision, graphs, "from neuropil.engine.stores.buckets import due_now", "from neuropil.codegen.threads import prefetch"),
            *self._arrive(), *self._flush(), *([*self._flush_full(), *self._record_spikes()] if self.program.responds else []), *self._bring_up(), "",
        ]  # fmt: skip
        return EventDrivenKernels("\n".join(lines), self.own, tuple(self.arguments), tuple(self.recording), self.hoisted, self.varying)

    # --- names -------------------------------------------------------------------------------------------------------

    def _numbers(self) -> tuple[dict[int, str], list[str]]:
        """Names of the constants, and the lines that read those equal for all synapses."""
        names = {node: f"k{k}" for k, node in enumerate(self.hoisted)}
        equal = [k for k in range(len(self.hoisted)) if k not in self.varying]
        return names, [f"k{k} = numbers[{k}]" for k in equal]

    def _read_source(self, names: dict[int, str]) -> list[str]:
        """Read what a segment holds."""
        for n in self.source:
            names[self.graph.leaf(f"s.{n}")] = f"{self.z[n]}_q"
        return ["since = source_last[q]", *(f"{z}_q = source_{z}[q]" for z in (self.z[n] for n in self.source))] if self.source else []

    @property
    def _shared(self) -> list[SynapseArgument]:
        """Arrays with an entry per segment, and per target."""
        source = [SynapseArgument(SynapseKind.SOURCE_DATE), *(SynapseArgument(SynapseKind.SOURCE_STATE, n) for n in self.source)] if self.source else []
        return [*source, *self._of_target]

    @property
    def _of_target(self) -> list[SynapseArgument]:
        return [SynapseArgument(SynapseKind.TARGET_DATE), *(SynapseArgument(SynapseKind.TARGET_STATE, n) for n in self.target)] if self.target else []

    @property
    def _history(self) -> list[SynapseArgument]:
        latest = [SynapseArgument(SynapseKind.LATEST), SynapseArgument(SynapseKind.HISTORY_TIME), *(SynapseArgument(SynapseKind.HISTORY_STATE, n) for n in self.target)]
        return [RESPONDED, *latest] if self.program.responds else []

    @property
    def arguments(self) -> list[SynapseArgument]:
        """Array arguments of `arrive` and `flush` besides the fixed ones."""
        return [*self._shared, *self._history, *self.own, *self.each_target]

    @property
    def recording(self) -> list[SynapseArgument]:
        """Those of `record_spikes`."""
        return [*self._of_target, *self._history[1:]]

    def _named(self, arguments: Iterable[SynapseArgument]) -> list[str]:
        return [name_of(self.program, a) for a in arguments]

    # --- functions ---------------------------------------------------------------------------------------------------

    def _respond(self, at: str, which: str, held: dict[str, str], last: str) -> tuple[list[str], dict[str, str]]:
        """Lines that respond to a spike of target n at step `at`, and the new values of the states by name.

        Args:
            which: of the target's latest spikes it is.
            held: present values of the synapse's states; last: the step to which they are up to date.
        """
        names, _ = self._numbers()
        graph, lines = self.graph, []
        names |= {graph.leaf(f"s.{n}"): f"{self.z[n]}_q" for n in self.source} | {graph.leaf(f"s.{n}"): value for n, value in held.items()}
        names |= {graph.leaf("w"): "w"} if self.weighed else {}
        if self.source:
            lines.append(f"age = number(np.uint32({at} - since)) * dt")
            names[graph.leaf(age("source"))] = "age"
        for n in self.target:
            lines.append(f"{self.z[n]}_b = history_{self.z[n]}[{which}, n]")
            names[graph.leaf(f"s.{n}")] = f"{self.z[n]}_b"
        if self.program.dated:
            lines.append(f"h = number(np.uint32({at} - {last})) * dt")
            names[graph.leaf(age(""))] = "h"
        lines += statements(graph, self.program.response_roots, names)
        return lines, {n: names[self.program.responded[n]] for n in self.program.responding}

    def _begin(self) -> list[str]:
        """Before the common loop over a segment: how many spikes are pending for each synapse, and which synapses have too many for it."""
        if not self.program.responds:
            return []
        mask = (1 << TIME_BITS) - 1
        ago = [f"(now - np.uint32(word >> np.uint64({NUMBER_BITS + TIME_BITS * p}))) & np.uint32({mask})" for p in range(UNROLLED)]
        times = [f"times[{p}, i - start] = np.uint32(now - np.uint32({steps}))" for p, steps in enumerate(ago)]
        return [
            "most = np.uint8(0)", "for i in range(start, stop):",
            *indented(["word = latest[target[i]]", "c = np.uint8(word)", "m = np.uint8(c - done[i])", "done[i], due[i - start] = c, m",
                      *(times if self._timed else []), "most = max(most, m)"]),
            f"if most > {UNROLLED}:", *indented(self._deep()),
        ]  # fmt: skip

    def _deep(self) -> list[str]:
        """Bring synapses with more than `UNROLLED` pending spikes to the state of the others."""
        lines, after = self._respond("at", "p", {n: f"s_{self.z[n]}[i]" for n in self.held}, "last[i]")
        answer = ["i = start + np.uint64(deep[j])", "n, p = target[i], due[deep[j]] - np.uint8(1)", "at = history_time[p, n]", *self._varied(), *lines]
        answer += [f"made[{r}, j] = {value}" for r, value in enumerate(after.values())] + (["until[j] = at"] if self.program.dated else [])
        keep = ["which = deep[j]", "i = start + np.uint64(which)", *(f"s_{self.z[n]}[i] = made[{r}, j]" for r, n in enumerate(after))]
        keep += ["last[i] = until[j]"] if self.program.dated else []
        keep += ["due[which] -= np.uint8(1)", "deep[more] = which", f"more += np.int64(due[which] > {UNROLLED})"]
        return [
            "some = 0", "for j in range(np.uint64(stop - start)):", "    deep[some] = np.uint32(j)", f"    some += np.int64(due[j] > {UNROLLED})",
            "while some:", "    for j in range(some):", *indented(answer, 2), "    more = 0", "    for j in range(some):", *indented(keep, 2), "    some = more",
        ]  # fmt: skip

    @property
    def _wanted(self) -> list[str]:
        """Arrays of which a segment has a part."""
        return [*(["target"] if self.program.responds or self.program.sent is not None or self.by_target else []), *(["done"] if self.program.responds else []), *self._named(self.own)]

    def _ahead(self) -> list[str]:
        """Ask for what the next segment needs."""
        lines = ["soon = waiting[g + 1]", f"first, end = np.uint64(bounds[soon]), np.uint64(min(bounds[soon + 1], bounds[soon] + {AHEAD}))"]
        for array in self._wanted:
            lines += [f"for i in range(first, end, np.uint64(64 // {array}.itemsize)):", f"    prefetch({array}, i)"]
        return ["if g + 1 < filled:", *indented(lines)]

    @property
    def _timed(self) -> bool:
        """It matters when a target spiked."""
        return bool(self.source) or self.program.dated

    def _varied(self) -> list[str]:
        """Read the constants that differ between synapses, and the weight."""
        lines = [f"k{k} = c{k}[{'target[i]' if self.by_target else 'i'}]" for k in sorted(self.varying)]
        return lines + (["w = weight[i]"] if self.weighed else [])

    def _unrolled(self) -> tuple[list[str], dict[str, str], str]:
        """Within the common loop: respond to the last spikes; the present values of the states, and since when."""
        z = self.z
        held = {n: f"{z[n]}_0" for n in self.held}
        lines = [f"{z[n]}_0 = s_{z[n]}[i]" for n in self.held] + (["upto0 = last[i]"] if self.program.dated else [])
        last = "upto0"
        if self.program.responds:
            lines.append("m = due[i - start]")
            for p in reversed(range(UNROLLED)):
                lines += [f"at{p} = times[{p}, i - start]"] if self._timed else []
                more, after = self._respond(f"at{p}", str(p), held, last)
                lines += [*more, f"now{p} = m > np.uint8({p})"]
                lines += [f"{z[n]}_{UNROLLED - p} = {value} if now{p} else {held[n]}" for n, value in after.items()]
                held = held | {n: f"{z[n]}_{UNROLLED - p}" for n in after}
                if self.program.dated:
                    lines.append(f"upto{UNROLLED - p} = at{p} if now{p} else {last}")
                    last = f"upto{UNROLLED - p}"
        return lines, held, last

    def _arrive(self) -> list[str]:
        program, graph = self.program, self.graph
        names, head = self._numbers()
        segment = [*self._read_source(names), *self._begin()]
        if self.source:
            segment.append("lapse = number(np.uint32(now - since)) * dt")
            names[graph.leaf(age("source"))] = "lapse"
        segment += statements(graph, program.once, names)
        for n in program.once:  # responses compute some of these nodes for other times
            segment.append(f"once_{n} = {names[n]}")
            names[n] = f"once_{n}"
        lines, held, last = self._unrolled()
        body = [*(["n = target[i]"] if self.target or program.responds else []), *self._varied(), *lines]
        names |= {graph.leaf(f"s.{n}"): value for n, value in held.items()} | ({graph.leaf("w"): "w"} if self.weighed else {})
        for j, node in enumerate(program.per_target):
            body.append(f"u{j} = of_target[{j}, n]")
            names[node] = f"u{j}"
        if program.dated:
            body.append(f"own = number(np.uint32(now - {last})) * dt")
            names[graph.leaf(age(""))] = "own"
        body += statements(graph, program.arrival_roots, names)
        changed = [n for n in self.mine if n in (*program.struck, *program.responding)]
        body += [f"s_{self.z[n]}[i] = {names[program.after[n]]}" for n in changed]
        body += ["last[i] = now"] if program.dated else []
        if program.sent is not None:
            body.append(f"part[i - start] = {names[program.sent]}")
        if body:
            segment += ["for i in range(start, stop):", *indented(body)]
        if program.sent is not None:
            segment += ["for j in range(stop - start):", "    arrived[target[start + j]] += part[j]"]
        segment += [f"source_{self.z[n]}[q] = {names[program.after[n]]}" for n in self.source]
        segment += ["source_last[q] = now"] if self.source else []
        text = [
            *head, "now, dt = np.uint32(k + 1), number(step)",
            "filled, events = due_now(buckets, k, waiting), 0", *self._of_targets(),
            "for g in range(filled):",
            *indented([*self._ahead(), "q = waiting[g]", "start, stop = np.uint64(bounds[q]), np.uint64(bounds[q + 1])", *segment, "events += np.int64(stop - start)"]),
            "return events",
        ]  # fmt: skip
        fixed = ["k", "step", "numbers", "buckets", "waiting", "bounds", "target", "part", *ROOM, "of_target", "arrived"]
        return function_text("arrive", [*fixed, *self._named(self.arguments)], text)

    def _of_targets(self) -> list[str]:
        """What arrivals read of the states of their targets, for all targets, in steps in which spikes arrive."""
        wanted = self.program.per_target
        if not wanted:
            return []
        names, _ = self._numbers()
        lines = self._target_states(names, "now")
        lines += statements(self.graph, wanted, names)
        lines += [f"of_target[{j}, n] = {names[node]}" for j, node in enumerate(wanted)]
        return ["if filled:", "    for n in range(np.uint64(target_last.size)):", *indented(lines, 2)]

    def _target_states(self, names: dict[int, str], now: str) -> list[str]:
        """Read the states of target n, and their age."""
        names |= {self.graph.leaf(f"s.{n}"): f"{self.z[n]}_0" for n in self.target} | {self.graph.leaf(age("target")): "rest"}
        return [*(f"{self.z[n]}_0 = target_{self.z[n]}[n]" for n in self.target), f"rest = number(np.uint32({now} - target_last[n])) * dt"]

    def _flush(self) -> list[str]:
        """Respond to all spikes of the targets, if some are `pending`; with `anew` bring the synapses' own states to step `now` as well."""
        segment = self._read_source({})
        if self.program.responds:
            lines, held, last = self._unrolled()
            body = [*self._varied(), "n = target[i]", *lines, *(f"s_{self.z[n]}[i] = {held[n]}" for n in self.program.responding)]
            body += [f"last[i] = {last}"] if self.program.dated else []
            segment = ["if pending:", *indented([*segment, *self._begin(), "if most:", "    for i in range(start, stop):", *indented(body, 2)])]
        if self.program.dated:
            # Most segments are of one date, so that of theirs one exponential is enough: the same number, computed once.
            segment += ["if anew and stop > start:", *indented([
                "first, apart = last[start], np.uint32(0)", "for i in range(start, stop):", "    apart = np.uint32(apart | np.uint32(last[i] ^ first))",
                "if apart:", "    for i in range(start, stop):", *indented(self._late("last[i]"), 2),
                "else:", "    for i in range(start, stop):", *indented(self._late("first"), 2)])]  # fmt: skip
        text = [
            *self._numbers()[1], "dt, now = number(step), np.uint32(k)", "for q in range(bounds.size - 1):",
            *indented(["start, stop = np.uint64(bounds[q]), np.uint64(bounds[q + 1])", *segment]),
        ]  # fmt: skip
        return function_text("flush", ["k", "step", "pending", "anew", "numbers", "bounds", "target", *ROOM, *self._named(self.arguments)], text)

    def _late(self, last: str) -> list[str]:
        """Within a loop over a segment: bring a synapse's own states to step `now`.

        Args:
            last: the step to which they are up to date.
        """
        ready = self.program.ready
        moving = [n for n in self.held if n in self.program.drifting]
        names, _ = self._numbers()
        names |= {self.graph.leaf(f"s.{n}"): f"s_{self.z[n]}[i]" for n in self.held} | {self.graph.leaf(age("")): "h"}
        lines = [f"h = number(np.uint32(now - {last})) * dt", *self._varied(), *statements(self.graph, [ready[n] for n in moving], names)]
        return [*lines, *(f"new_{self.z[n]} = {names[ready[n]]}" for n in moving), *(f"s_{self.z[n]}[i] = new_{self.z[n]}" for n in moving), "last[i] = now"]

    def _bring_up(self) -> list[str]:
        """Before parameters change at step k, if they have `moved` and something went before: what `BeforeChange` says, by the old values."""
        before, graph, ready = self.before, self.graph, self.program.ready
        if before is None or not before.anything:
            return []
        rest, text = ["numbers", "bounds", "target", *ROOM, *self._named(self.arguments)], list[str]()
        if before.own or before.pending:
            pending = "full[2] != 0" if before.pending else "False"
            text.append(f"flush(k, step, {pending}, {before.own}, {', '.join(rest)})")
            text += ["full[0], full[2] = 0, 0", "fresh[:] = 0"] if before.pending else []
        for side, q, mine in (("source", "q", self.source), ("target", "n", self.target)):
            if side in before.sides:
                names, head = self._numbers()
                names |= {graph.leaf(f"s.{n}"): f"{side}_{self.z[n]}[{q}]" for n in mine} | {graph.leaf(age(side)): "h"}
                body = [f"h = number(np.uint32(now - {side}_last[{q}])) * dt", *statements(graph, [ready[n] for n in mine], names)]
                body += [f"new_{self.z[n]} = {names[ready[n]]}" for n in mine]
                body += [*(f"{side}_{self.z[n]}[{q}] = new_{self.z[n]}" for n in mine), f"{side}_last[{q}] = now"]
                text += [*head, "dt, now = number(step), np.uint32(k)", f"for {q} in range(np.uint64({side}_last.size)):", *indented(body)]
        return function_text("bring_up", ["k", "moved", "full", "fresh", "step", *rest], ["if moved[0] and k > 0:", *indented(text), "return np.int64(0)"])

    def _flush_full(self) -> list[str]:
        """Flush if a target's history is full, or the oldest could become too old."""
        rest = ["numbers", "bounds", "target", *ROOM, *self._named(self.arguments)]
        text = [f"if full[0] or k % {LONGEST} == 0:", f"    flush(k, step, True, False, {', '.join(rest)})", "    full[0], full[2] = 0, 0", "    fresh[:] = 0"]
        return ["", "", "@cached_njit(**KERNEL_FLAGS)", f"def flush_full({', '.join(['k', 'full', 'fresh', 'step', *rest])}):", *indented(text)]

    def _record_spikes(self) -> list[str]:
        """Record the spikes of own targets; full[0] is raised when one has no more room, full[1] is the step of the
        last, full[2] counts them since the last flush, `fresh` those of each target."""
        names, head = self._numbers()
        mask = (1 << TIME_BITS) - 1
        body = [
            "for p in range(history_time.shape[0] - 1, 0, -1):",
            *(f"    {a}[p, n] = {a}[p - 1, n]" for a in ["history_time", *(f"history_{self.z[n]}" for n in self.target)]),
            "now = np.uint32(step + 1)", "history_time[0, n] = now", "word = latest[n]", f"before = (word >> np.uint64({NUMBER_BITS})) & np.uint64({mask})",
            f"number_of_last = (word + np.uint64(1)) & np.uint64({(1 << NUMBER_BITS) - 1})",
            f"latest[n] = number_of_last | ((np.uint64(now) & np.uint64({mask})) << np.uint64({NUMBER_BITS})) | (before << np.uint64({NUMBER_BITS + TIME_BITS}))",
            "fresh[n] += 1", "if fresh[n] == room:", "    full[0] = 1", "full[1] = now", "full[2] += 1", *(self._target_states(names, "now") if self.target else []),
        ]  # fmt: skip
        body += statements(self.graph, self.program.target_roots, names)
        body += [f"history_{self.z[n]}[0, n] = {names[self.program.ready[n]]}" for n in self.target]
        body += [f"target_{self.z[n]}[n] = {names[self.program.target_after[n]]}" for n in self.target]
        body += ["target_last[n] = now"] if self.target else []
        text = [
            *head, "dt = number(ms)", "for spike in range(due_now(waiting, step - late, who)):",
            *indented(["n = who[spike]", *body]),
        ]  # fmt: skip
        fixed = ["step", "late", "waiting", "who", "ms", "numbers", "room", "full", "fresh"]
        return function_text("record_spikes", [*fixed, *self._named(self.recording)], text)
