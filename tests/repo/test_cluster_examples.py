"""The examples are what a shell, a scheduler and our command line take."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from cutaway.cli.app import run

CLUSTER = Path(__file__).parents[2] / "examples" / "cluster"
SCRIPTS = ["node.sh", "train.sbatch"]

# Stands in for torchrun: one process of what stands behind --no-python, in a group of its own; as
# torchrun does, it hands a signal on to the group and ends with 1 if the process does not end well.
TORCHRUN = """#!/usr/bin/env bash
echo "$@" >"$SEEN/torchrun"
while [ "$1" != --no-python ]; do shift; done
shift
export RANK=0 LOCAL_RANK=0 WORLD_SIZE=1
setsid "$@" &
child=$!
trap 'kill -TERM -- -$child' TERM
while true; do wait $child; code=$?; kill -0 $child 2>/dev/null || break; done
[ $code -eq 0 ] || exit 1
"""
CUTAWAY = """#!/usr/bin/env bash
echo "$@" >"$SEEN/cutaway"
trap 'sleep 0.2; exit 6' TERM
echo ready >"$SEEN/ready"
[ -n "$STAY" ] && while true; do sleep 0.05; done
exit "$CODE"
"""
SRUN = '#!/usr/bin/env bash\necho "$@" >"$SEEN/srun"\nshift\nexec "$@"\n'
SCONTROL = """#!/usr/bin/env bash
echo "$@" >>"$SEEN/scontrol"
[ "$1" = show ] && printf 'n1\\nn2\\n'
exit 0
"""


@pytest.fixture
def bench(tmp_path: Path) -> dict[str, str]:
    """An environment in which the commands of a cluster only write down what they were given."""
    programs = {"torchrun": TORCHRUN, "cutaway": CUTAWAY, "srun": SRUN, "scontrol": SCONTROL}
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "SEEN": str(tmp_path),
        "STAY": "",
        "CODE": "0",
        "CUTAWAY_EXAMPLES": str(CLUSTER),
        "SLURM_JOB_NODELIST": "n[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_GPUS_ON_NODE": "8",
        "SLURM_JOB_ID": "77",
    }


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_sound(name: str) -> None:
    subprocess.run(["bash", "-n", CLUSTER / name], check=True)
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if checker := which("shellcheck", path=places):
        subprocess.run([checker, CLUSTER / name], check=True)


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (2, 2), (6, 6), (5, 5), (137, 1)])
def test_a_node_ends_as_its_processes_do(bench: dict[str, str], code: int, ends: int) -> None:
    command = ["bash", str(CLUSTER / "node.sh"), "4", "8", "n1:29500", "77", "train", "a b.toml"]
    done = subprocess.run(command, env={**bench, "CODE": str(code)}, check=False)
    assert done.returncode == ends
    assert Path(bench["SEEN"], "cutaway").read_text() == "train a b.toml\n"
    words = Path(bench["SEEN"], "torchrun").read_text()
    assert "--nnodes=4 --nproc-per-node=8" in words
    assert "--rdzv-endpoint=n1:29500 --rdzv-id=77" in words


def test_a_node_that_is_asked_to_stop_waits_for_the_state_to_be_saved(
    bench: dict[str, str],
) -> None:
    command = ["bash", str(CLUSTER / "node.sh"), "1", "1", "n1:1", "77", "train", "a.toml"]
    process = subprocess.Popen(command, env={**bench, "STAY": "1"})
    while not Path(bench["SEEN"], "ready").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 6


@pytest.mark.parametrize(("code", "ends", "requeues"), [(0, 0, False), (2, 2, False), (6, 0, True)])
def test_a_job_of_slurm_goes_back_into_the_queue_when_its_state_is_saved(
    bench: dict[str, str], code: int, ends: int, requeues: bool
) -> None:
    command = ["bash", str(CLUSTER / "train.sbatch"), "recipe.toml", "corpus", "run"]
    done = subprocess.run(command, env={**bench, "CODE": str(code)}, check=False)
    assert done.returncode == ends
    asked = Path(bench["SEEN"], "scontrol").read_text()
    assert ("requeue 77" in asked) == requeues
    words = Path(bench["SEEN"], "cutaway").read_text().split()
    assert words == ["train", "recipe.toml", "--data", "corpus", "--out", "run"]
    assert "2 8 n1:29500 77 train" in Path(bench["SEEN"], "srun").read_text()


def test_slurm_is_asked_to_warn_and_to_requeue() -> None:
    script = (CLUSTER / "train.sbatch").read_text()
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", script, re.MULTILINE))
    assert asked["signal"] == "TERM@600"
    assert "requeue" in asked
    assert asked["ntasks-per-node"] == "1"


def documents() -> tuple[dict[str, Any], dict[str, Any]]:
    yaml = pytest.importorskip("yaml")
    service, job = yaml.safe_load_all((CLUSTER / "train.yaml").read_text())
    return service, job


def test_pods_of_kubernetes_find_each_other() -> None:
    service, job = documents()
    name, spec = job["metadata"]["name"], job["spec"]
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    nodes, gpus, endpoint, *_ = container["args"]
    assert (service["kind"], job["kind"], job["apiVersion"]) == ("Service", "Job", "batch/v1")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": name}
    assert service["metadata"]["name"] == pod["subdomain"]
    assert endpoint == f"{name}-0.{pod['subdomain']}:{container['ports'][0]['containerPort']}"
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == int(nodes)
    assert container["resources"]["limits"]["nvidia.com/gpu"] == int(gpus)
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert volumes == {mount["name"] for mount in container["volumeMounts"]}


def test_kubernetes_starts_saved_pods_again_and_gives_up_on_errors() -> None:
    _, job = documents()
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # what a policy of failures asks for
    assert pod["terminationGracePeriodSeconds"] > 600  # as long as node.sh waits
    rules = job["spec"]["podFailurePolicy"]["rules"]
    by_code = {
        code: rule["action"]
        for rule in rules
        if "onExitCodes" in rule
        for code in rule["onExitCodes"]["values"]
    }
    assert by_code == {6: "Ignore", 2: "FailJob", 3: "FailJob", 4: "FailJob"}


@pytest.mark.parametrize("of", ["slurm", "kubernetes"])
def test_their_commands_are_ours(
    of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Read by our own command line, which plans the run in the place of making it."""
    if of == "slurm":
        [line] = re.findall(r"^    train .*", (CLUSTER / "train.sbatch").read_text(), re.MULTILINE)
        words = line.replace('"', "").split()
    else:
        words = documents()[1]["spec"]["template"]["spec"]["containers"][0]["args"][4:]
    (tmp_path / "recipe.toml").write_text("[training]\nsteps = 5\n")
    places = {"recipe": "recipe.toml", "data": "corpus", "out": "run"}
    known = {f"${name}": tmp_path / place for name, place in places.items()}
    known |= {f"/shared/{place}": tmp_path / place for place in places.values()}
    assert words[0] == "train"
    assert run(["plan", *(str(known.get(word, word)) for word in words[1:])]) == 0
    assert "steps              5" in capsys.readouterr().out
