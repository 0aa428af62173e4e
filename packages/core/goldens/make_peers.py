"""Runs TRL's, verl's and ms-swift's own code on one random batch in float64 and writes what it gives.

    pip download --no-deps trl==1.10.0 verl==0.8.0 ms-swift==4.6.0     # unpack each wheel into a folder
    python make_peers.py TRL_DIR VERL_DIR SWIFT_DIR OUT_DIR            # needs torch and numpy only (run with torch 1.13)

The functions are taken out of the sources by name, because importing the packages would need their trainers' dependencies.
"""

import ast
import collections
import json
import math
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import torch

trl_dir, verl_dir, swift_dir, out_dir = sys.argv[1:5]
TRL = f"{trl_dir}/trl/trainer/grpo_trainer.py"
TRL_UTILS = f"{trl_dir}/trl/trainer/utils.py"
VERL = f"{verl_dir}/verl/trainer/ppo/core_algos.py"
VERL_IS = f"{verl_dir}/verl/trainer/ppo/rollout_corr_helper.py"
VERL_F = f"{verl_dir}/verl/utils/torch_functional.py"
SWIFT = f"{swift_dir}/swift/rl_core/advantage.py"

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(7)


def taken(path, names, namespace):
    """Functions of a file by name, methods included, without decorators and annotations."""
    found = {}
    for node in ast.walk(ast.parse(open(path).read())):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            node.decorator_list, node.returns = [], None
            for arg in node.args.args + node.args.kwonlyargs:
                arg.annotation = None
            module = ast.fix_missing_locations(ast.Module(body=[node], type_ignores=[]))
            exec(compile(module, path, "exec"), namespace)
            found[node.name] = namespace[node.name]
    assert set(found) == set(names), set(names) - set(found)
    return SimpleNamespace(**found)


def lines(path, first, last):
    """Source lines from the one that begins with `first` to the one before the one that begins with `last`."""
    rows = open(path).read().split("\n")
    start = next(i for i, row in enumerate(rows) if row.strip().startswith(first))
    end = next(i for i, row in enumerate(rows) if i > start and row.strip().startswith(last))
    return textwrap.dedent("\n".join(rows[start:end]))


class Options(SimpleNamespace):
    def get(self, key, default=None):
        return getattr(self, key, default)


def listed(x):
    return [[None if math.isnan(v) else v for v in row] for row in x.tolist()] if x.dim() > 1 else x.tolist()


base = dict(torch=torch, np=np, math=math, defaultdict=collections.defaultdict, Optional=None)
verl_F = taken(VERL_F, ["masked_sum", "masked_mean", "masked_var", "masked_whiten"], dict(base))
verl_names = ["compute_grpo_outcome_advantage", "compute_gdpo_outcome_advantage", "compute_grpo_passk_outcome_advantage",
              "compute_reinforce_plus_plus_baseline_outcome_advantage", "compute_reinforce_plus_plus_outcome_advantage",
              "compute_rloo_outcome_advantage", "agg_loss", "compute_policy_loss_vanilla", "compute_policy_loss_gspo",
              "compute_policy_loss_sapo", "compute_policy_loss_cispo", "kl_penalty", "kl_penalty_forward"]  # fmt: skip
class AlgoConfig: ...  # what verl's losses say their config is not
verl = taken(VERL, verl_names, dict(base, verl_F=verl_F, AlgoConfig=AlgoConfig, ActorConfig=Options))
verl_is = taken(VERL_IS, ["compute_rollout_correction_weights", "_parse_rollout_is_threshold"],
                dict(base, verl_F=verl_F, SAFETY_BOUND=20.0, compute_is_metrics=lambda **_: {}))  # fmt: skip
nan = taken(TRL_UTILS, ["nanstd", "nanmin", "nanmax"], dict(base))
swift = taken(SWIFT, ["compute_advantages"], dict(base, nanstd=nan.nanstd))
trl = taken(TRL, ["_compute_loss", "get_high_entropy_mask", "get_off_policy_mask"],
            dict(base, nanmin=nan.nanmin, nanmax=nan.nanmax))  # fmt: skip

# ---- advantages -----------------------------------------------------------------------------------------------------

P, G, K, T = 6, 5, 3, 9
lengths = torch.randint(1, T + 1, (P, G), generator=generator)
mask = (torch.arange(T)[None] < lengths.reshape(-1, 1)).double()
parts = torch.stack([(torch.rand(P, G, generator=generator) < 0.5).double(),
                     (torch.rand(P, G, generator=generator) < 0.8).double(),
                     torch.rand(P, G, generator=generator)])  # fmt: skip
parts[0, 0], parts[1, 1] = 1.0, 0.0  # constant under one function
weights = torch.tensor([0.9, 0.1, 0.25])
rewards = (parts * weights[:, None, None]).sum(0)
index = np.repeat(np.arange(P), G)
token_rewards = torch.zeros(P * G, T)
token_rewards[torch.arange(P * G), lengths.reshape(-1) - 1] = rewards.reshape(-1)
missing = parts.clone()
missing[0, 2, 1] = missing[2, 3, 4] = missing[:, 4, 0] = math.nan  # one function, another one, every function

config = Options(gamma=1.0, norm_adv_by_std_in_grpo=True)
first = lambda pair: listed(pair[0][:, 0].reshape(P, G))
own = dict(token_level_rewards=token_rewards, response_mask=mask)
gdpo_batch = dict(prompts=torch.zeros(P * G, 1), attention_mask=torch.cat([torch.ones(P * G, 1), mask], 1).long())
gdpo_config = Options(gdpo_reward_keys=["a", "b", "c"], gdpo_reward_weights=weights.tolist())
verl_advantages = {
    "rloo": first(verl.compute_rloo_outcome_advantage(**{**own, "token_level_rewards": token_rewards.clone()}, index=index)),
    "grpo_passk": first(verl.compute_grpo_passk_outcome_advantage(**own, index=index, config=config)),
    "reinforce_plus_plus": first(verl.compute_reinforce_plus_plus_outcome_advantage(**own, config=config)),
    "reinforce_plus_plus_baseline": first(verl.compute_reinforce_plus_plus_baseline_outcome_advantage(**own, index=index)),
}

# verl's gdpo asks for float32 by name; here it gets float64, like everything else.
float32s = torch.float32, np.float32
torch.float32, np.float32 = torch.float64, np.float64
verl_advantages["gdpo"] = first(verl.compute_gdpo_outcome_advantage(
    **own, index=index, config=gdpo_config, batch=gdpo_batch,
    non_tensor_batch={k: parts[i].reshape(-1).numpy() for i, k in enumerate("abc")}))  # fmt: skip
torch.float32, np.float32 = float32s

trl_scale = lines(TRL, "# A completion for which every reward function", "# Slice to keep only the local part")


def trl_advantages(values, aggregation, scale):
    namespace = dict(base, nanstd=nan.nanstd, num_generations=G, device="cpu",
                     rewards_per_func=values.reshape(K, -1).T.clone(),
                     self=SimpleNamespace(multi_objective_aggregation=aggregation, scale_rewards=scale, reward_weights=weights,
                                          reward_funcs=range(K)))  # fmt: skip
    exec(trl_scale, namespace)
    return listed(namespace["advantages"].reshape(P, G))


def swift_advantages(estimator, scale):
    return listed(swift.compute_advantages(parts.reshape(K, -1).T, weights, G, estimator, scale)[0].reshape(P, G))


json.dump({
    "source": "TRL 1.10.0 trainer/grpo_trainer.py, verl 0.8.0 trainer/ppo/core_algos.py, ms-swift 4.6.0 rl_core/advantage.py, float64",
    "lengths": lengths.tolist(), "weights": weights.tolist(), "parts": [listed(p) for p in parts], "rewards": listed(rewards),
    "missing": [listed(p) for p in missing], "verl": verl_advantages,
    "trl": {"group": trl_advantages(parts, "sum_then_normalize", "group"), "batch": trl_advantages(parts, "sum_then_normalize", "batch"),
            "none": trl_advantages(parts, "sum_then_normalize", "none"), "gdpo": trl_advantages(parts, "normalize_then_sum", "group")},
    "trl_missing": {"group": trl_advantages(missing, "sum_then_normalize", "group"), "gdpo": trl_advantages(missing, "normalize_then_sum", "group")},
    "swift": {"rloo": swift_advantages("rloo", "none"), "gdpo": swift_advantages("grpo", "gdpo"),
              "reinforce_plus_plus": swift_advantages("reinforce_plus_plus", "batch")},
}, open(f"{out_dir}/peers_advantages.json", "w"))  # fmt: skip

# ---- losses ---------------------------------------------------------------------------------------------------------

B, T = 8, 6
lengths = torch.tensor([6, 3, 5, 1, 6, 2, 4, 6])
mask = (torch.arange(T)[None] < lengths[:, None]).double()
uniform = lambda *shape: torch.rand(*shape, generator=generator)
normal = lambda *shape: torch.randn(*shape, generator=generator)
old = -2 * uniform(B, T)
new = old + 0.25 * normal(B, T)
ref = old + 0.3 * normal(B, T)
rollout = old + 0.2 * normal(B, T)
entropies = 2 * uniform(B, T)
advantages = normal(B)


def with_gradient(f):
    logp = new.clone().requires_grad_()
    loss = f(logp)
    loss.backward()
    return {"loss": loss.item(), "grad": listed(logp.grad)}


def trl_loss(loss_type, level="token", beta=0.0, **changes):
    keys = dict(delta=None, use_bias_correction_kl=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None, is_mode=None,
                epsilon_low=0.2, epsilon_high=0.28)  # fmt: skip
    keys.update(changes)
    args = SimpleNamespace(delta=keys["delta"], use_bias_correction_kl=keys["use_bias_correction_kl"], sapo_temperature_pos=1.0,
                           sapo_temperature_neg=1.05, steps_per_generation=1)  # fmt: skip
    same = lambda x, **_: x
    accelerator = SimpleNamespace(num_processes=1, gather=same, gather_for_metrics=same, reduce=same, pad_across_processes=same)
    self = SimpleNamespace(args=args, accelerator=accelerator, aux_loss_enabled=False, loss_type=loss_type, importance_sampling_level=level,
                           beta=beta, epsilon_low=keys["epsilon_low"], epsilon_high=keys["epsilon_high"], use_vllm=keys["is_mode"] is not None,
                           vllm_importance_sampling_correction=True, vllm_importance_sampling_mode=keys["is_mode"],
                           vllm_importance_sampling_clip_max=1.3, vllm_importance_sampling_clip_min=0.8,
                           top_entropy_quantile=keys["top_entropy_quantile"], off_policy_mask_threshold=keys["off_policy_mask_threshold"],
                           model=SimpleNamespace(training=True), current_gradient_accumulation_steps=1, max_completion_length=10,
                           _entropy_bonus_enabled=False, _metrics={"train": collections.defaultdict(list)})  # fmt: skip
    self.get_off_policy_mask = trl.get_off_policy_mask
    self.get_high_entropy_mask = lambda *rest: trl.get_high_entropy_mask(self, *rest)
    inputs = dict(prompt_ids=torch.zeros(B, 1), prompt_mask=torch.ones(B, 1), completion_ids=torch.zeros(B, T), completion_mask=mask,
                  advantages=advantages, old_per_token_logps=old, ref_per_token_logps=ref, num_items_in_batch=mask.sum())  # fmt: skip
    if keys["is_mode"] is not None:
        namespace = dict(base, self=self, completion_mask=mask, tool_mask=None, old_per_token_logps=old, sampling_per_token_logps=rollout)
        exec(lines(TRL, "per_token_logps_diff = (old_per_token_logps", "# Compute the per-token log probabilities for the reference")
             .replace("per_token_logps_diff = (old", "mask = completion_mask\nper_token_logps_diff = (old", 1), namespace)  # fmt: skip
        inputs["importance_sampling_ratio"] = namespace["vllm_importance_sampling_ratio"]
        inputs["sampling_per_token_logps"] = rollout

    def loss(logp):
        self._get_per_token_logps_and_entropies = lambda *_, **__: (logp, entropies, None)
        return trl._compute_loss(self, None, inputs)

    return with_gradient(loss)


def verl_loss(name, mode="token-mean", low=0.2, high=0.28, **changes):
    options = Options(clip_ratio=0.2, clip_ratio_low=low, clip_ratio_high=high, clip_ratio_c=changes.get("c", 3.0), tau_pos=1.0,
                      tau_neg=1.05, global_batch_info={})  # fmt: skip
    loss = getattr(verl, f"compute_policy_loss_{name}")
    wide = advantages[:, None].expand(B, T)
    return with_gradient(lambda logp: loss(old, logp, wide, mask, loss_agg_mode=mode, config=options)[0])


def verl_kl(estimator):
    logp = new.clone().requires_grad_()
    value = verl.kl_penalty(logp, ref, estimator)
    value.sum().backward()
    return {"value": listed(value.detach()), "grad": listed(logp.grad)}


def verl_weights(level, threshold):
    return listed(verl_is.compute_rollout_correction_weights(old - rollout, mask, level, threshold)[0])


json.dump({
    "source": "TRL 1.10.0 trainer/grpo_trainer.py, verl 0.8.0 trainer/ppo/core_algos.py and rollout_corr_helper.py, float64",
    "lengths": lengths.tolist(), "logprob": listed(new), "old": listed(old), "ref": listed(ref), "rollout": listed(rollout),
    "entropy": listed(entropies), "advantages": advantages.tolist(),
    "trl": {
        **{name: trl_loss(name) for name in ["grpo", "bnpo", "dr_grpo", "dapo", "sapo"]},
        "cispo": trl_loss("cispo", epsilon_high=1.2), "gspo": trl_loss("grpo", "sequence", epsilon_low=0.05, epsilon_high=0.06),
        "luspo": trl_loss("luspo", "sequence", epsilon_low=0.05, epsilon_high=0.06), "delta": trl_loss("dapo", delta=1.4),
        "kl": trl_loss("grpo", beta=0.3), "weighted_kl": trl_loss("grpo", beta=0.3, use_bias_correction_kl=True),
        "top_entropy": trl_loss("dapo", top_entropy_quantile=0.4), "off_policy": trl_loss("grpo", off_policy_mask_threshold=-0.02),
        **{mode: trl_loss("dapo", is_mode=mode) for mode in ["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]},
    },
    "verl": {
        **{f"vanilla {mode}": verl_loss("vanilla", mode) for mode in
           ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"]},
        "dual": verl_loss("vanilla", high=0.05, low=0.05, c=1.1), "gspo": verl_loss("gspo", low=0.05, high=0.06),
        "sapo": verl_loss("sapo"), "cispo": verl_loss("cispo"),
    },
    "kl": {name: verl_kl(name) for name in ["k1", "k2", "k3", "abs", "k1+", "k3+"]},
    "weights": {"token": verl_weights("token", 1.3), "sequence": verl_weights("sequence", 1.3), "icepop": verl_weights("token", "0.8_1.3")},
}, open(f"{out_dir}/peers_losses.json", "w"))  # fmt: skip
