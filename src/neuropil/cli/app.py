"""The commands. What is slow to import is imported by the command that needs it, so that `--help` answers at once."""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from neuropil.cli.values import milliseconds
from neuropil.errors import CommandError, NeuropilError, storage_error

INTERRUPTED = 130  # 128 + SIGINT, what a shell reports for Ctrl-C

app = typer.Typer(
    name="neuropil",
    help="Describe a brain once and run it at native speed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """An error of neuropil is a message and exit code 2, Ctrl-C is exit code 130; neither is a traceback."""

    @functools.wraps(command)
    def guard(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except NeuropilError as error:
            print(f"neuropil: {error}", file=sys.stderr)
            raise typer.Exit(2) from None
        except BrokenPipeError:  # the reader of the output has ended
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except OSError as error:
            print(f"neuropil: {storage_error(error, 'the system refused')}", file=sys.stderr)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            print("neuropil: interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None

    return guard


def _time(help: str) -> Any:
    """An option that takes ms, as a number or with its unit."""
    return typer.Option(help=f"{help} In ms, or with its unit: 0.1s.", parser=milliseconds, metavar="TIME")


def _version(wanted: bool) -> None:
    if wanted:
        from neuropil.version import __version__

        print(f"neuropil {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Describe a brain once and run it at native speed."""


@app.command("list")
@_guarded
def list_models(
    kind: Annotated[str | None, typer.Argument(help="Of one kind only: neuron, channel, stimulus, …")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array of kind, name and import path.")] = False,
) -> None:
    """List what networks can be made of: models, stimuli, rules, circuits, agents and all else that is registered."""
    from neuropil.cli.catalogue import as_json as plain
    from neuropil.cli.catalogue import chosen, lines

    found = chosen(kind)
    if as_json:
        import json

        print(json.dumps(plain(found), ensure_ascii=False))
        return
    console = Console()
    for line in lines(found):
        # A terminal gets one line each; a pipe, which has no width, gets them whole.
        if console.is_terminal:
            console.print(line, no_wrap=True, overflow="ellipsis", highlight=False)
        else:
            print(line)


@app.command()
@_guarded
def explain(
    name: Annotated[str, typer.Argument(help="A name of `neuropil list`, kind/name, a family such as lif, or path.py:function.")],
    dt: Annotated[float, _time("Time step.")] = 0.1,
    html: Annotated[Path | None, typer.Option(help="Write the card, with a picture of the response, as an HTML page.")] = None,
) -> None:
    """Say what something is (equations, parameters, sources, an example) and, of neurons and circuits, how it will be run."""
    from neuropil.cli.catalogue import explanation, page

    if html is not None:
        html.write_text(page(name), encoding="utf-8")
        return
    print(explanation(name, dt))


@app.command()
@_guarded
def run(
    name: Annotated[str, typer.Argument(help="A circuit or an agent (see `neuropil list`), or path.py:function.")],
    time: Annotated[float, _time("Biological time to simulate; an agent's time is its episodes.")] = 1000.0,
    dt: Annotated[float, _time("Time step of a circuit.")] = 0.1,
    scale: Annotated[float | None, typer.Option(help="Size of the circuit relative to the published one.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random number; equal seeds give equal spikes.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads; if not given, the cores that the network has work for. Results do not depend on it.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or float64 (by default float64 for cells with morphology).")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="pop.param=value, e.g. L23E.tau_m=12ms; *.param=value for all. Repeatable.")
    ] = None,
    option: Annotated[list[str] | None, typer.Option(help="key=value for the circuit, e.g. drive=dc. Repeatable.")] = None,
    record: Annotated[
        list[str] | None, typer.Option(help="spikes (default), none, or pop.var[first:last]:interval in ms. Repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; neuropil-out/NAME if not given.")] = None,
    checkpoint_every: Annotated[float | None, _time("Biological time between checkpoints.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the results' folder.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that the folder holds.")] = False,
    env: Annotated[str | None, typer.Option(help="Gymnasium environment of an agent; its own if not given.")] = None,
    episodes: Annotated[int | None, typer.Option(help="Episodes of an agent (200 if not given), in each copy.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, all else on standard error.")] = False,
) -> None:
    """Simulate a circuit, or run an agent in its environment; results, pictures and a report go into a folder."""
    from neuropil.cli.running import Job, execute

    job = Job(
        name=name, time_ms=time, dt_ms=dt, scale=scale, seed=seed, threads=threads, precision=precision, settings=set_ or [],
        options=option or [], record=record or [], out=out, checkpoint_every_ms=checkpoint_every, resume=resume,
        overwrite=overwrite, env=env, episodes=episodes,
    )  # fmt: skip
    if execute(job, as_json):
        raise typer.Exit(INTERRUPTED)


@app.command()
@_guarded
def rerun(
    folder: Annotated[Path, typer.Argument(help="Of results that `neuropil run` wrote.")],
    threads: Annotated[int | None, typer.Option(help="Threads; results do not depend on it.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Execute code of your own that the saved network holds.")] = False,
) -> None:
    """Repeat a run from the network saved in its folder, and compare the digests; exit code 1 if they differ, with what has changed."""
    from neuropil.cli.rerun import repeat

    if not repeat(folder, threads, trust):
        raise typer.Exit(1)


@app.command()
@_guarded
def bench(
    name: Annotated[list[str] | None, typer.Argument(help="Circuits to time; a small set if none is given.")] = None,
    time: Annotated[float, _time("Biological time of each.")] = 1000.0,
    scale: Annotated[float, typer.Option(help="Scale of each circuit.")] = 0.2,
    threads: Annotated[int | None, typer.Option(help="Threads; all cores if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Time circuits on this machine: real-time factor, nanoseconds per neuron-step and per synaptic event."""
    from neuropil.cli.bench import execute

    if not scale > 0:
        raise CommandError("--scale must be positive", got=scale)
    execute(name or ["microcircuit", "brunel", "vogels_abbott"], time, scale, threads, as_json)


@app.command()
@_guarded
def cost(
    subject: Annotated[str, typer.Argument(help="human, mouse, fly or worm; article; a circuit or path.py:function.")],
    dt: Annotated[float | None, _time("Time step.")] = None,
    rate: Annotated[float | None, typer.Option(help="Spikes per neuron and second.")] = None,
    neurons: Annotated[float | None, typer.Option(help="Number of neurons.")] = None,
    synapses: Annotated[float | None, typer.Option(help="Number of synapses.")] = None,
    synapses_per_neuron: Annotated[float | None, typer.Option(help="Instead of --synapses.")] = None,
    compartments: Annotated[float | None, typer.Option(help="Compartments per neuron.")] = None,
    flops_per_compartment: Annotated[float | None, typer.Option(help="For one step.")] = None,
    bytes_per_compartment: Annotated[float | None, typer.Option(help="Read and written in one step.")] = None,
    state_bytes: Annotated[float | None, typer.Option(help="Memory of a compartment, bytes.")] = None,
    flops_per_synapse: Annotated[float | None, typer.Option(help="For one event, or one step if clock-driven.")] = None,
    bytes_per_synapse: Annotated[float | None, typer.Option(help="Read and written, likewise.")] = None,
    memory_per_synapse: Annotated[float | None, typer.Option(help="Memory of a synapse, bytes.")] = None,
    active_fraction: Annotated[float | None, typer.Option(help="Share of synapses that do work at a step or an event.")] = None,
    utilisation: Annotated[float | None, typer.Option(help="Share of a processor's peak that is reached.")] = None,
    event_driven: Annotated[
        bool | None, typer.Option("--event-driven/--clock-driven", help="Synapses touched by spikes only, or every step.")
    ] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or float64.")] = None,
    scale: Annotated[float | None, typer.Option(help="Of a circuit, relative to the published one.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="key=value for a circuit. Repeatable.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of this machine; all cores if not given.")] = None,
    measure_again: Annotated[bool, typer.Option("--measure-again", help="Measure this machine anew.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Tornado plot of which assumption matters, .png, .svg or .pdf.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, tables on standard error.")] = False,
) -> None:
    """Say what a brain or a circuit costs: FLOP/s, memory, bandwidth, watts, H100s, years, and the share that this machine reaches."""
    from neuropil.cli.cost import Question, execute

    given = {
        "dt": dt, "rate": rate, "neurons": neurons, "synapses": synapses, "compartments": compartments,
        "flops_per_compartment": flops_per_compartment, "bytes_per_compartment": bytes_per_compartment,
        "state_bytes": state_bytes, "flops_per_synapse": flops_per_synapse, "bytes_per_synapse": bytes_per_synapse,
        "memory_per_synapse": memory_per_synapse, "active_fraction": active_fraction, "utilisation": utilisation,
    }  # fmt: skip
    question = Question(
        subject, {name: value for name, value in given.items() if value is not None}, synapses_per_neuron, event_driven,
        precision, scale, tuple(option or ()), threads, measure_again, plot,
    )  # fmt: skip
    execute(question, as_json)


@app.command()
@_guarded
def claims(
    name: Annotated[list[str] | None, typer.Argument(help="Claims to test (A3), a part of them (A), or all; lists them if none.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Repetitions; the claim's own number if not given.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the reports.")] = Path("neuropil-out/claims"),
    quick: Annotated[bool, typer.Option("--quick", help="Reduced sizes, for a run of seconds: a check, not a result.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array on standard output, all else on standard error.")] = False,
) -> None:
    """Test what the source articles claim: each an experiment with a criterion, an interval, a verdict and a figure."""
    from neuropil.cli.claims import execute, lines

    if not name:
        print("\n".join(lines()))
    elif execute(name, seeds, out, quick, as_json):
        raise typer.Exit(INTERRUPTED)


def main() -> None:
    """Entry point of the `neuropil` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without µ gets a question mark
    app()
