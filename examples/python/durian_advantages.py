"""Advantages for the rollouts of a trainer of your own, by way of `durian advantages`. Needs Python 3.8 and nothing else.

    python durian_advantages.py                          # in a clone of the repository
    python durian_advantages.py path/to/durian           # with a command of that name

`durian_advantages(groups)` takes what a GRPO trainer has after a rollout step and gives back one advantage a rollout.
"""

import json
import random
import subprocess
import sys

CLONE = ["npm", "run", "-s", "durian", "--"]


def durian_advantages(groups, command=CLONE, **flags):
    """groups: [{"id", "rewards": [G], "logprobs": [G][T], "entropy": float or None}]. The whole list is one batch.

    A reward of None leaves its rollout out. flags are those of `durian advantages`, e.g. weights="0.1,0.2,0.7".
    Returns {id: [G advantages, None where the reward is None]}; raises ValueError with the sentence of a bad row.
    """
    arguments = [part for name, value in flags.items() for part in ("--" + name, str(value))]
    rows = "".join(json.dumps(group) + "\n" for group in groups)
    done = subprocess.run([*command, "advantages", *arguments], input=rows, capture_output=True, encoding="utf-8")
    if done.returncode != 0:
        raise ValueError(done.stderr.strip())
    return {line["id"]: line["advantages"] for line in map(json.loads, done.stdout.splitlines())}


def made_up_rollouts(prompts, rollouts, seed):
    """Stands for your trainer: prompt 0 is nearly always solved, the last one hardly ever."""
    draw = random.Random(seed)
    for s in range(prompts):
        skill = 1 - (s + 0.5) / prompts
        yield {
            "id": f"prompt-{s}",
            "rewards": [1.0 if draw.random() < skill else 0.0 for _ in range(rollouts)],
            "logprobs": [[-draw.expovariate(1 + 3 * skill) for _ in range(12)] for _ in range(rollouts)],
            "entropy": 2 + 2 * draw.random(),
        }


def main():
    command = sys.argv[1:] or CLONE
    groups = list(made_up_rollouts(prompts=6, rollouts=8, seed=0))
    durian = durian_advantages(groups, command, reasoning_groups=3)
    grpo = durian_advantages(groups, command, estimator="grpo")
    for group in groups:
        name, solved = group["id"], sum(group["rewards"])
        best = max(range(8), key=lambda i: group["rewards"][i])
        print(f"{name}: {solved:.0f} of 8 right; a right answer gets {durian[name][best]:+.3f} (GRPO {grpo[name][best]:+.3f})")


if __name__ == "__main__":
    main()
