"""The agents of the zoo in their worlds: that they live, that they learn, and the worlds' own rules."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from neuropil.agents import History, Loop, make_world, solved_after
from neuropil.cli.app import app
from neuropil.errors import ResultError, WorldError
from neuropil.model import WinnerTakesAll
from neuropil.view.learning import sparkline
from neuropil.zoo.agents.bandit import bandit
from neuropil.zoo.registry import AGENTS, agent


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_lives_in_its_world(name: str) -> None:
    loop = Loop(agent(name)(), seed=3)
    world = loop.worlds[0].environment
    loop.run(0)
    loop._begin(0)  # some turns; whole episodes of some are long
    for _ in range(20):
        loop._turn()
    assert world is not None and loop.steps + loop.history.episodes > 0
    assert np.isfinite(loop.simulation.state(loop.agent.actor, "v").value).all()


@dataclass(frozen=True)
class Ties(WinnerTakesAll):
    """Notes which choices channels that tie left to the deviate."""

    noted: list[bool] = field(default_factory=list)

    def decode(self, rates: np.ndarray, deviate: np.ndarray) -> np.ndarray:
        mean = rates.mean(axis=2)
        self.noted.extend((mean == mean.max(axis=1, keepdims=True)).sum(axis=1) > 1)
        return super().decode(rates, deviate)


@pytest.mark.slow
def test_basal_ganglia_learn_the_good_arm_and_another_after_it_changes() -> None:
    """Four agents, arms paying always or never, 40 pulls between two reversals. An agent without a preference chooses well in a
    third of the 60 pulls that end each 40; 40 of them have chance 1e-7 (binomial). Spikes choose: few channels tie."""
    copies, ties = 4, Ties(3)
    agents = replace(bandit(copies=copies), decoder=ties)
    worlds = [make_world("neuropil/Bandit", good=1.0, bad=0.0, reversal=40, seed=i) for i in range(copies)]
    history = Loop(agents, worlds, seed=2).run(120)
    well = np.array(history.returns).reshape(copies, 3, 40)[:, :, -15:].sum(axis=(0, 2))
    assert (well >= 40).all(), well
    assert np.mean(ties.noted) < 0.05


def test_the_bandit_reverses_when_it_should() -> None:
    world = make_world("neuropil/Bandit", arms=3, reversal=10, seed=1)
    best = [world.best(n) for n in range(30)]
    assert len(set(best[:10])) == 1 and best[9] != best[10] and best[19] != best[20]


def test_food_and_the_lever_are_where_they_are_said_to_be() -> None:
    world = make_world("neuropil/Foraging", side=3, stimulation=0.5, length=5)
    assert world.reset(seed=1)[0] == 4
    assert world.step(0)[:2] == (5, 0.0)
    assert world.step(1)[:2] == (4, 1.0)  # food, and back to the middle
    assert world.step(2)[0] == 3
    assert world.step(3)[4] == {"stimulation": 0.5}
    assert world.step(3)[3]  # the fifth step ends it


def test_what_cannot_be_made_is_named() -> None:
    with pytest.raises(WorldError, match="did you mean 'neuropil/Bandit'"):
        make_world("neuropil/Bandid")


def test_solved_after_counts_the_last_hundred() -> None:
    returns = [10.0] * 30 + [200.0] * 120
    assert solved_after(returns, 195) == 125  # five bad ones are left among the last hundred
    assert solved_after(returns[:124], 195) is None
    assert solved_after([], 195) is None


def test_history_on_disk_and_its_curve(tmp_path: Path) -> None:
    history = History.empty(2)
    for k, total in enumerate((1.0, 3.0, 5.0)):
        history.add(0, total, k, 0.1, k)
        history.add(1, 2 * total, k, 0.1, k)
    np.testing.assert_allclose(history.curve(2), [[1, 2, 4], [2, 4, 8]])
    assert sparkline(history) == "▁▅█"
    history.save(tmp_path)
    assert History.load(tmp_path).returns == history.returns
    with pytest.raises(ResultError):
        History.load(tmp_path / "nowhere")


def test_the_command_line_runs_saves_and_resumes_an_agent(tmp_path: Path) -> None:
    call = ["run", "cartpole", "--episodes", "2", "--seed", "4", "--out", str(tmp_path), "--json"]
    first = CliRunner().invoke(app, call)
    assert first.exit_code == 0, first.output
    assert {p.name for p in tmp_path.iterdir()} == {"episodes.h5", "summary.json", "curve.png", "report.html", "saved"}
    again = CliRunner().invoke(app, [*call, "--resume"])
    assert again.exit_code == 0, again.output
    assert len(History.load(tmp_path).returns[0]) == 4
    assert json.loads((tmp_path / "summary.json").read_text())["episodes"] == [4]


@pytest.mark.parametrize(
    "words, said",
    [
        (["run", "cartpole", "--env", "CartPoll-v1"], "CartPole"), (["run", "cartpole", "--episodes", "0"], "--episodes"),
        (["run", "brunel", "--episodes", "3"], "for agents"), (["run", "cartpole", "--set", "place.tau_m=3ms"], "for circuits"),
        (["run", "cartpole", "--env", "Acrobot-v1"], "do not fit"), (["run", "cartpol"], "did you mean 'cartpole'"),
    ],
)  # fmt: skip
def test_a_bad_command_line_is_explained(tmp_path: Path, words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2 and said in result.output
