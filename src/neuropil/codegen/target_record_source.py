"""The kernels of event-driven synapses whose targets have records: arrivals, targets' spikes, and what is left to respond to.

The synapses of a source with one delay, a *segment*, lie side by side. When a target spikes, its synapses, which lie scattered, are left
alone: the spike is put into the record of the target (`neuropil.lower.target_records`), a few numbers side by side in memory. When the next
spike of the source arrives, the records of the targets are fetched, sixteen (in float64 eight) at a time, and the synapses respond to the
spikes that came since the segment was met last: those whose decay is at most that of the meeting. All synapses of a segment do alike, in
one vector loop, with a choice for each spike whether to take the outcome; the few with more to respond to than a record remembers first take the
others one by one from a longer history. The loop responds to one spike after the other, in order, and what a spike does is a function of the
spike and of the source alone: so no bit depends on when it is done.

Decays from the start of the run lie between bounds because a common power of two is taken out of them, which rounds nothing: `base`
says how many halvings, and grows by `STRIDE` at a time. Before it grows, segments that were met `REACH` halvings ago respond to what there is.
From then on what their source left behind counts as zero: it has fallen to 2⁻⁶⁴ of itself (in float64 2⁻⁵¹²).

Args:
    program: of the synapse model; records: of its targets.
    precision: "float32" or "float64".
    varying: indices among the hoisted constants of those that differ between synapses.
    by_target, before: as of `neuropil.codegen.event_driven_source`.
"""

from __future__ import annotations

from collections.abc import Iterable

from neuropil.codegen.elementwise import function_text, indented, module_head, statements
from neuropil.codegen.event_driven_source import EventDrivenKernels, KernelWriter
from neuropil.codegen.record_layout import (
    BASES,
    BEGUN,
    CLOCK,
    FLOOR,
    FULL,
    HISTORY,
    LANES,
    NEEDED,
    NEW_SPIKES,
    REACH,
    STRIDE,
    VANISHED,
)
from neuropil.lower.before_change import BeforeChange
from neuropil.lower.synapse import SynapseProgram, all_roots
from neuropil.lower.synapse_form import age
from neuropil.lower.target_records import TargetRecords, entry_of
from neuropil.plan.synapse_signature import SynapseArgument

BLOCK = 128
"""Synapses whose records are fetched before they are dealt with: their numbers stay in the nearest cache."""


def emit_target_records(
    program: SynapseProgram, records: TargetRecords, precision: str, varying: frozenset[int], by_target: bool = False, before: BeforeChange | None = None
) -> EventDrivenKernels:
    """The text of the kernels in "float32" or "float64"."""
    return _RecordWriter(program, records, precision, varying, by_target, before).write()


class _RecordWriter(KernelWriter):
    """Writes the five functions of one program."""

    def __init__(self, program: SynapseProgram, records: TargetRecords, precision: str, varying: frozenset[int], by_target: bool, before: BeforeChange | None):
        super().__init__(program, precision, varying, by_target, before)
        self.records, self.rates = records, (*records.source_rates, *records.target_rates)
        self.stride, self.reach = STRIDE[precision], REACH[precision]
        self.acts, self.response = self._held()

    def _held(self) -> tuple[int | None, dict[str, int]]:
        """A constant without which responses change nothing (then no spike is due), and what they make of each state if it holds."""
        graph, responded = self.graph, {n: self.program.responded[n] for n in self.program.responding}
        nodes = {n: graph.nodes[root] for n, root in responded.items()}
        conditions = {node.args[0] for node in nodes.values() if node.op == "select"}
        same = [node.op == "select" and graph.nodes[node.args[0]].static and graph.nodes[node.args[2]].value == f"s.{n}" for n, node in nodes.items()]
        if not all(same) or len(conditions) != 1:
            return None, responded
        return conditions.pop(), {n: node.args[1] for n, node in nodes.items()}

    def write(self) -> EventDrivenKernels:
        lanes = "from neuropil.codegen.records import any_due, chosen, decay_at, fixed_point, gather_records, lowest_bit, power_of_two"
        lines = [
            *module_head(f"Kernels of synapses on target records, {self.precision}.", self.precision, [(self.graph, all_roots(self.program))],
                         "from neuropil.engine.stores.buckets import due_now", "from neuropil.codegen.threads import prefetch", lanes),
            *self._begin_kernel(), *self._flush(), *self._move(), *self._arrive(), *self._flush_full(), *self._record_spikes(), *self._bring_up(), "",
        ]  # fmt: skip
        return EventDrivenKernels("\n".join(lines), self.own, tuple(self.arguments), tuple(self.arguments), self.hoisted, self.varying)

    @property
    def arguments(self) -> list[SynapseArgument]:
        """Array arguments of all kernels besides the fixed ones."""
        return [*self._shared, *self.own, *self.each_target]

    @property
    def _wanted(self) -> list[str]:
        return ["target", *self._named(self.own)]

    @property
    def _all(self) -> list[str]:
        """What every kernel is given after its own: times, constants, synapses, room for a block, the clock, and `arguments`."""
        return ["step", "numbers", "bounds", "target", "rows", "deep", *CLOCK, *self._named(self.arguments)]

    # --- pieces ------------------------------------------------------------------------------------------------------

    def _at(self, now: str) -> list[str]:
        """The decays from the start to a time, of all rates."""
        return [f"m{r}, x{r} = decay_at({now}, whole[{r}], part_of[{r}])" for r in range(len(self.rates))]

    def _rate(self, node: int | None, side: tuple[int, ...]) -> int:
        assert node is not None
        return side.index(node) + (len(self.records.source_rates) if side is self.records.target_rates else 0)

    def _product(self, factors: Iterable[int], names: dict[int, str], lines: list[str]) -> str:
        """The text of a product, of nodes whose statements are added to the lines."""
        factors = list(factors)
        lines += statements(self.graph, factors, names)
        return " * ".join(names[n] for n in factors) or "number(1.0)"

    def _of_source(self) -> list[str]:
        """What a segment's source left behind, and the decay of its last meeting, in present units."""
        names, _ = self._numbers()
        lines: list[str] = [f"{self.z[n]}_q = source_{self.z[n]}[q]" for n in self.source]
        names |= {self.graph.leaf(f"s.{n}"): f"{self.z[n]}_q" for n in self.source}
        for r in range(len(self.records.source_rates)):
            lines += [f"far = since_x[{r}, q] - base[{BASES + r}]",
                      f"left{r} = (number(1.0) / since_m[{r}, q]) * number(power_of_two(far)) if far >= -{self.reach} else number(0.0)"]  # fmt: skip
        for j, product in enumerate(self.records.of_source.values()):
            text = self._product(product.factors, names, lines)
            left = "" if product.rate is None else f" * left{self._rate(product.rate, self.records.source_rates)}"
            lines.append(f"f{j} = {text}{left}")
        acts = "" if self.acts is None else f" if {self._numbers()[0][self.acts]} else number(-1.0)"
        return [*lines, f"limit = met_m[q] * number(power_of_two(base[{BASES}] - met_x[q])){acts}"]

    def _respond_to(self, read: str, after: str, held: dict[str, str], mark: str) -> tuple[list[str], dict[str, str]]:
        """Lines that respond to one spike, and the new values of the states by name.

        Args:
            read: text of one of its numbers, with a {} for the index of the spike's among those of a record, and a {} for its own.
            held: present values of the synapse's states; mark: ends the names that the lines assign to.
        """
        records, graph = self.records, self.graph
        names, _ = self._numbers()
        rates = len(records.source_rates)
        lines = [f"e{r} = {read.format(r)}" for r in range(rates)]
        for j, (node, product) in enumerate(records.of_source.items()):
            decayed = "" if product.rate is None else f" * e{self._rate(product.rate, records.source_rates)}"
            lines.append(f"d{j} = f{j}{decayed}")
            names[node] = f"d{j}"
        for j, node in enumerate(records.recorded):
            lines.append(f"v{j} = {read.format(rates + j)}")
            names[node] = f"v{j}"
        names |= {graph.leaf(f"s.{n}"): value for n, value in held.items()} | ({graph.leaf("w"): "w"} if self.weighed else {})
        lines += statements(graph, self.response.values(), names)
        return lines, {n: names[root] for n, root in self.response.items()}

    def _responses(self, spikes: Iterable[int | str]) -> tuple[list[str], dict[str, str]]:
        """Within a loop over a block: respond to some spikes of a record, the oldest first; the states thereafter."""
        z = self.z
        held = {n: f"{z[n]}_0" for n in self.held}
        lines = [f"{z[n]}_0 = s_{z[n]}[i]" for n in self.held]
        for k, p in enumerate(spikes, 1):
            more, after = self._respond_to(f"rows[{self.records.spikes} * {{}} + {p}, j]", "", held, str(p))
            lines += [*more, "now_due = e0 <= limit"]
            lines += [f"{z[n]}_{k} = chosen(now_due, {value}, {held[n]})" for n, value in after.items()]
            held = held | {n: f"{z[n]}_{k}" for n in after}
        return lines, held

    def _earlier(self) -> list[str]:
        """Of rules with expensive responses a loop over a block for each spike of a record, where any synapse of the block has yet to respond to it.

        Of others each pass over a block costs more than it would save: where sources and targets spike alike, one synapse of a block always has to.
        """
        if not self.records.costly:
            return []
        responses, held = self._responses(["p"])
        body = ["i = first + j", *self._varied(), *responses, *(f"s_{self.z[n]}[i] = {held[n]}" for n in self.program.responding)]
        each = ["if any_due(rows, p, n_block, limit):", "    for j in range(n_block):", *indented(body, 2)]
        last = self.records.spikes - 1
        return [f"for back in range(np.uint64({last + 1})):", f"    p = np.uint64({last}) - back", *indented(each)]

    def _latest(self) -> tuple[list[str], dict[str, str]]:
        """Within the loop that goes through every block: respond to the spikes that `_earlier` leaves; the states thereafter."""
        return self._responses([] if self.records.costly else reversed(range(self.records.spikes)))

    def _fetch(self) -> list[str]:
        """Fetch the records of a block, and let those with more to respond to than they remember catch up."""
        z, spikes, per, lanes = self.z, self.records.spikes, self.records.per_spike, LANES[self.precision]
        lines, after = self._respond_to(f"history[at + np.uint64({HISTORY} * {{}})]", "", {n: f"{z[n]}_0" for n in self.held}, "")
        new = [f"{z[n]}_1 = {value}" for n, value in after.items()] + [f"{z[n]}_0 = {z[n]}_1" for n in after]
        one = ["at -= np.uint64(1)", *lines, *new]
        catch_up = [
            "i = first + deep[d]", f"begun = np.uint64(target[i]) * np.uint64({per * HISTORY}) + np.uint64({spikes})",
            f"at, end_of = begun, begun + np.uint64({HISTORY - spikes})", "while at < end_of and history[at] <= limit:", "    at += np.uint64(1)",
            "if at > begun:", *indented([*self._varied(), *(f"{z[n]}_0 = s_{z[n]}[i]" for n in self.held),
                                         "while at > begun:", *indented(one), *(f"s_{z[n]}[i] = {z[n]}_0" for n in after)]),
        ]  # fmt: skip
        return [
            "some, n_block = np.uint64(0), last - first", f"for j in range(np.uint64(0), n_block, np.uint64({lanes})):",
            f"    bits = gather_records(records, target, first + j, rows, j, limit, {self.records.size}, {spikes - 1})",
            "    while bits:", "        lane = j + lowest_bit(bits)", "        bits = np.uint32(bits & np.uint32(bits - np.uint32(1)))",
            "        if lane < n_block:", f"            prefetch(history, np.uint64(target[first + lane]) * np.uint64({per * HISTORY}) + np.uint64({spikes}))",
            "            deep[some] = lane", "            some += np.uint64(1)",
            "for d in range(some):", *indented(catch_up),
        ]  # fmt: skip

    def _blocks(self, work: list[str]) -> list[str]:
        """A loop over the blocks of a segment; `work` is done in each."""
        return ["first = start", "while first < stop:", *indented([f"last = min(first + np.uint64({BLOCK}), stop)", *self._fetch(), *work, "first = last"])]

    def _ahead(self) -> list[str]:
        """Which segment is next."""
        return ["soon = waiting[min(g + 1, filled - 1)]", "offset, end = np.uint64(bounds[soon]), np.uint64(bounds[soon + 1])"]

    def _ask(self) -> list[str]:
        """Ask for a block of the next segment."""
        lines = [f"until = min(offset + np.uint64({BLOCK}), end)"]
        for array in self._wanted:
            lines += [f"for i in range(offset, until, np.uint64(64 // {array}.itemsize)):", f"    prefetch({array}, i)"]
        return [*lines, "offset = until"]

    def _met(self) -> list[str]:
        """The segment is up to date."""
        return ["met_m[q], met_x[q] = number(m0), x0"]

    # --- kernels -----------------------------------------------------------------------------------------------------

    def _arrive(self) -> list[str]:
        program, graph, records = self.program, self.graph, self.records
        names, head = self._numbers()
        names |= {graph.leaf(f"s.{n}"): f"{self.z[n]}_q" for n in self.source} | {graph.leaf(age("source")): "lapse"}
        segment = [*self._of_source(), "since = source_last[q]", "lapse = number(np.uint32(np.uint32(now) - since)) * dt"]
        segment += statements(graph, program.once, names)
        lines, held = self._latest()
        body = ["i = first + j", *(["n = target[i]"] if records.computed else []), *self._varied(), *lines]
        names |= {graph.leaf(f"s.{n}"): value for n, value in held.items()} | ({graph.leaf("w"): "w"} if self.weighed else {})
        for j, node in enumerate(records.computed):
            body.append(f"u{j} = of_target[{j}, n]")
            names[node] = f"u{j}"
        for j, (node, product) in enumerate(records.of_target.items()):
            row = records.spikes * records.per_spike + records.entries.index(entry_of(graph, product))
            body.append(f"y{j} = rows[{row}, j] * g{j}")
            names[node] = f"y{j}"
        body += statements(graph, program.arrival_roots, names)
        changed = [n for n in self.mine if n in (*program.struck, *program.responding)]
        body += [f"s_{self.z[n]}[i] = {names[program.after[n]]}" for n in changed]
        if program.sent is not None:
            body.append(f"part[j] = {names[program.sent]}")
        work = [*self._ask(), *self._earlier(), "for j in range(n_block):", *indented(body)]
        if program.sent is not None:
            work += ["for j in range(n_block):", "    wide[j] = part[j]", "for j in range(n_block):", "    arrived[target[first + j]] += wide[j]"]
        segment += self._blocks(work)
        segment += [f"source_{self.z[n]}[q] = {names[program.after[n]]}" for n in self.source]
        segment += ["source_last[q] = np.uint32(now)", *self._met()]
        segment += [f"since_m[{r}, q], since_x[{r}, q] = number(m{r}), x{r}" for r in range(len(records.source_rates))]
        text = [
            *head, "now, dt = k + 1, number(step)", f"if not base[{BEGUN}]:", f"    begin(now, {', '.join(self._all)})",
            *self._at("now"), f"if {self._passed()}:", f"    move(now, {', '.join(self._all)})",
            "filled, events = due_now(buckets, k, waiting), 0", *self._targets_now(),
            "for g in range(filled):",
            *indented([*self._ahead(), "q = waiting[g]",
                       "start, stop = np.uint64(bounds[q]), np.uint64(bounds[q + 1])", *segment, "events += np.int64(stop - start)"]),
            "return events",
        ]  # fmt: skip
        return function_text("arrive", ["k", "buckets", "waiting", "part", "wide", "of_target", "arrived", *self._all], text)

    def _passed(self) -> str:
        """Whether a base has to grow."""
        return " or ".join(f"(x{r} & -{self.stride}) != base[{BASES + r}]" for r in range(len(self.rates)))

    def _targets_now(self) -> list[str]:
        """Of all targets: how much they decayed; and for each what has no such form."""
        records, (names, _) = self.records, self._numbers()
        lines: list[str] = []
        for j, product in enumerate(records.of_target.values()):
            text = self._product([n for n in product.factors if self.graph.nodes[n].static], names, lines)
            if product.rate is not None:
                r = self._rate(product.rate, records.target_rates)
                text += f" * (number(m{r}) * number(power_of_two(base[{BASES + r}] - x{r})))"
            lines.append(f"g{j} = {text}")
        if not records.computed:
            return lines
        names, _ = self._numbers()
        whole = [*self._target_states(names, "np.uint32(now)"), *statements(self.graph, records.computed, names)]
        whole += [f"of_target[{j}, n] = {names[node]}" for j, node in enumerate(records.computed)]
        return [*lines, "if filled:", "    for n in range(np.uint64(target_last.size)):", *indented(whole, 2)]

    def _flush(self) -> list[str]:
        """Let segments respond to what is recorded: those met when the decay was at least `least`, or too long ago for the bases `then`.

        From step `now` on spikes are new.
        """
        _, head = self._numbers()
        lines, held = self._latest()
        body = ["i = first + j", *self._varied(), *lines, *(f"s_{self.z[n]}[i] = {held[n]}" for n in self.program.responding)]
        rates = range(len(self.records.source_rates))
        fades = [f"(since_x[{r}, q] - then[{r}] < -{self.reach} and since_x[{r}, q] - base[{BASES + r}] >= -{self.reach})" for r in rates]
        wanted = " or ".join(["limit >= least", f"met_x[q] - then[0] < -{self.reach}", *fades])
        segment = [*self._of_source(), f"if {wanted}:", *indented([*self._blocks([*self._earlier(), "for j in range(n_block):", *indented(body)]), *self._met()])]
        text = [
            *head, *self._at("now"), "for q in range(bounds.size - 1):",
            *indented(["start, stop = np.uint64(bounds[q]), np.uint64(bounds[q + 1])", "if stop > start:", *indented(segment)]),
        ]  # fmt: skip
        return function_text("flush", ["now", "least", "then", *self._all], text)

    def _flush_full(self) -> list[str]:
        """Flush what would lose recorded spikes."""
        rates = len(self.records.source_rates)
        text = [f"if base[{FULL}]:", f"    flush(k + 1, limits[{NEEDED}], base[{BASES}:{BASES + rates}].copy(), {', '.join(self._all)})",
                f"    limits[{FLOOR}], limits[{NEEDED}], base[{FULL}] = limits[{NEEDED}], np.inf, 0"]  # fmt: skip
        return ["", "", "@cached_njit(**KERNEL_FLAGS)", f"def flush_full({', '.join(['k', *self._all])}):", *indented(text)]

    def _bring_up(self) -> list[str]:
        """Before parameters change, if they have `moved`: respond to what is recorded, by the old values; the records are made anew by the others."""
        if self.before is None:
            return []
        rates = len(self.records.source_rates)
        text = ["if moved[0] and k > 0:", f"    if base[{NEW_SPIKES}]:", f"        flush(k, number(0.0), base[{BASES}:{BASES + rates}].copy(), {', '.join(self._all)})",
                f"    base[{BEGUN}], base[{NEW_SPIKES}] = 0, 0", "return np.int64(0)"]  # fmt: skip
        return ["", "", "@cached_njit(**KERNEL_FLAGS)", f"def bring_up({', '.join(['k', 'moved', *self._all])}):", *indented(text)]

    def _move(self) -> list[str]:
        """Take more halvings out of all decays."""
        records, rates = self.records, len(self.records.source_rates)
        text = [*self._at("now"), f"then = np.empty({rates}, np.int64)", *(f"then[{r}] = x{r} & -{self.stride}" for r in range(rates)),
                f"flush(now, number(np.inf), then, {', '.join(self._all)})"]  # fmt: skip
        for r in range(rates):
            scale = [f"grown = number(power_of_two(then[{r}] - base[{BASES + r}]))", f"base[{BASES + r}] = then[{r}]"]
            if r == 0:
                scale += [f"limits[{FLOOR}] *= grown", f"limits[{NEEDED}] *= grown"]
            scale += [f"for n in range(history.size // {HISTORY * self.records.per_spike}):",
                      *indented([f"for p in range({records.spikes}):", f"    records[n * {records.size} + {records.spikes * r} + p] *= grown",
                                 f"for p in range({HISTORY}):", f"    history[n * {HISTORY * records.per_spike} + {HISTORY * r} + p] *= grown"])]  # fmt: skip
            text += [f"if then[{r}] != base[{BASES + r}]:", *indented(scale)]
        for t in range(len(records.target_rates)):
            r = rates + t
            rows = [records.spikes * records.per_spike + j for j, e in enumerate(records.entries) if e.rate == records.target_rates[t]]
            body = [line for row in rows for line in (f"left = records[n * {records.size} + {row}] * shrunk",
                                                      f"records[n * {records.size} + {row}] = left if abs(left) >= number({VANISHED[self.precision]}) else number(0.0)")]  # fmt: skip
            text += [f"if (x{r} & -{self.stride}) != base[{BASES + r}]:",
                     *indented([f"shrunk = number(power_of_two(base[{BASES + r}] - (x{r} & -{self.stride})))", f"base[{BASES + r}] = x{r} & -{self.stride}",
                                f"for n in range(history.size // {HISTORY * self.records.per_spike}):", *indented(body)])]  # fmt: skip
        return ["", "", "@cached_njit(**KERNEL_FLAGS)", f"def move({', '.join(['now', *self._all])}):", *indented(text)]

    def _entries(self, last: str, known: bool) -> list[str]:
        """What the record of target n holds of its states: of those named in its arrays, as of a step with the decays m and x of each rate."""
        records, lines = self.records, list[str]()
        names, _ = self._numbers()
        names |= {self.graph.leaf(f"s.{n}"): f"target_{self.z[n]}[n]" for n in self.target}
        for j, entry in enumerate(records.entries):
            text = self._product(entry.factors, names, lines)
            stored = f"records[n * {records.size} + {records.spikes * records.per_spike + j}]"
            if entry.rate is None:
                lines.append(f"{stored} = {text}")
                continue
            r = self._rate(entry.rate, records.target_rates)
            if not known:
                lines.append(f"m{r}, x{r} = decay_at({last}, whole[{r}], part_of[{r}])")
            lines += [f"left = ({text}) * number(1.0 / m{r}) * number(power_of_two(x{r} - base[{BASES + r}]))",
                      f"{stored} = left if abs(left) >= number({VANISHED[self.precision]}) else number(0.0)"]  # fmt: skip
        return lines

    def _begin_kernel(self) -> list[str]:
        """Make the arrays from the states: nothing is recorded, everything is up to date at step `now`."""
        names, head = self._numbers()
        records, rates = self.records, len(self.records.source_rates)
        text = [*head]
        for r, node in enumerate(self.rates):
            rate = self._product([node], names, text)
            text.append(f"whole[{r}], part_of[{r}] = fixed_point({rate}, step)")
        text += [*self._at("now"), *(f"base[{BASES + r}] = x{r} & -{self.stride}" for r in range(len(self.rates)))]
        since = ["at = now - np.int64(np.uint32(np.uint32(now) - source_last[q]))", "met_m[q], met_x[q] = number(m0), x0"]
        for r in range(rates):
            since += [f"sm{r}, sx{r} = decay_at(at, whole[{r}], part_of[{r}])", f"since_m[{r}, q], since_x[{r}, q] = number(sm{r}), sx{r}"]
        text += ["for q in range(bounds.size - 1):", *indented(since)]
        text += ["records[:], history[:] = np.inf, np.inf", f"base[{BEGUN}], base[{NEW_SPIKES}], base[{FULL}] = 1, 0, 0",
                 f"limits[{FLOOR}], limits[{NEEDED}] = np.inf, np.inf"]  # fmt: skip
        if records.entries:
            at = ["at = now - np.int64(np.uint32(np.uint32(now) - target_last[n]))"] if records.target_rates else []
            text += [f"for n in range(history.size // {HISTORY * self.records.per_spike}):", *indented([*at, *self._entries("at", known=False)])]
        return function_text("begin", ["now", *self._all], text)

    def _record_spikes(self) -> list[str]:
        """Put the spikes of own targets into their records and history; raise `FULL` when one is about to lose what may be needed."""
        records, graph = self.records, self.graph
        names, head = self._numbers()
        # The next spike pushes out the last but one of the history.
        body = [f"o, i = n * {records.size}, n * {HISTORY * records.per_spike}", f"lost = history[i + {HISTORY - 2}]", f"for j in range({records.per_spike}):",
                f"    for p in range({records.spikes - 1}, 0, -1):", f"        records[o + {records.spikes} * j + p] = records[o + {records.spikes} * j + p - 1]",
                f"    for p in range({HISTORY - 1}, 0, -1):", f"        history[i + {HISTORY} * j + p] = history[i + {HISTORY} * j + p - 1]"]  # fmt: skip
        body += self._target_states(names, "np.uint32(now)") if self.target else []
        body += statements(graph, self.program.target_roots, names)
        body += [f"{self.z[n]}_1 = {names[self.program.target_after[n]]}" for n in self.target]
        # What a response reads of its target are the states just before the spike.
        before, _ = self._numbers()
        before |= {graph.leaf(f"s.{n}"): f"{self.z[n]}_b" for n in self.target}
        body += [f"{self.z[n]}_b = {names[self.program.ready[n]]}" for n in self.target]
        body += statements(graph, records.recorded, before)
        values = [*(f"e{r}" for r in range(len(records.source_rates))), *(before[node] for node in records.recorded)]
        body += [f"records[o + {records.spikes * j}] = {value}" for j, value in enumerate(values)]
        body += [f"history[i + {HISTORY * j}] = {value}" for j, value in enumerate(values)]
        body += [f"if lost < limits[{FLOOR}]:", f"    base[{FULL}], limits[{NEEDED}] = 1, min(limits[{NEEDED}], lost)"]
        body += [f"target_{self.z[n]}[n] = {self.z[n]}_1" for n in self.target]
        body += ["target_last[n] = np.uint32(now)"] if self.target else []
        body += self._entries("now", known=True)
        rates = len(records.source_rates)
        text = [
            *head, "now, dt, many = k + 1, number(step), due_now(spiked, k - late, who)", "if many:",
            *indented([*self._at("now"), f"base[{NEW_SPIKES}] = 1", *(f"e{r} = number(m{r}) * number(power_of_two(base[{BASES + r}] - x{r}))" for r in range(rates)),
                       "for spike in range(many):", *indented(["n = who[spike]", *body])]),
        ]  # fmt: skip
        return function_text("record_spikes", ["k", "late", "spiked", "who", *self._all], text)
