"""One step of TRL's GRPOTrainer on a tiny Qwen2.5-VL, for `trlMain.ts`: 32 prompts x 8 completions x 30 tokens, pictures of 112 pixels.

Arguments: the folder of the model's configuration and tokenizer, and a folder with `rows.jsonl` (prompt, image) whose pictures lie beside
it. Weights are random. Every line on stdin asks for one step and is answered with its wall and processor milliseconds; sampling,
rewards, log-probabilities and the update are inside, as the trainer does them.
"""

import json
import os
import sys
import tempfile
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
import trl
from datasets import Dataset
from PIL import Image

torch.set_num_threads(1)
PIXELS = 112
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print goes to stderr


def say(answer):
    print(json.dumps(answer), file=answers, flush=True)


class Asked(transformers.TrainerCallback):
    """Waits for a question before each step and answers it behind."""

    def on_step_begin(self, *_, **__):
        if not sys.stdin.readline():
            raise SystemExit(0)
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def on_step_end(self, *_, **__):
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        say({"ms": wall * 1e3, "cpu": cpu * 1e3, "tokens": self.tokens, "prompt": self.prompt_tokens})

    tokens = 0
    prompt_tokens = 0


def main(model_folder, data_folder):
    config = transformers.AutoConfig.from_pretrained(model_folder)
    torch.manual_seed(3)
    model = transformers.Qwen2_5_VLForConditionalGeneration(config).float()
    # AutoTokenizer of transformers 5 rebuilds Qwen's tokenizer and drops `ignore_merges`: the demo's words would fall into letters
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(model_folder)
    # TRL pads prompts on the left and takes the processor's token types beside them
    tokenizer.padding_side = "left"
    read = transformers.AutoProcessor.from_pretrained(model_folder)
    processor = transformers.Qwen2_5_VLProcessor(
        read.image_processor, tokenizer, read.video_processor, chat_template=tokenizer.chat_template
    )
    rows = [json.loads(line) for line in open(os.path.join(data_folder, "rows.jsonl"))]
    data = Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": row["prompt"]}],
                "image": Image.open(os.path.join(data_folder, row["image"])).convert("RGB").resize((PIXELS, PIXELS)),
            }
            for row in rows
        ]
    )
    # as TRL words a prompt with a picture; counted so that the sides can be compared
    def chat(row):
        text = {"type": "text", "text": row["prompt"][0]["content"]}
        return [{"role": "user", "content": [{"type": "image", "image": row["image"]}, text]}]

    encoded = processor.apply_chat_template(
        [chat(row) for row in data], add_generation_prompt=True, tokenize=True, return_dict=True
    )
    asked = Asked()
    asked.prompt_tokens = sum(len(ids) for ids in encoded["input_ids"])

    def reward(completion_ids, **_):
        asked.tokens = sum(len(ids) for ids in completion_ids)
        return [float(i % 2) for i in range(len(completion_ids))]

    size = len(rows) * 8
    # a drawn vision token would ask for a picture that is not there, and a drawn pad token would count as padding
    special = processor.tokenizer.all_special_ids
    vision = [config.image_token_id, config.video_token_id, config.vision_start_token_id, config.vision_end_token_id]
    arguments = trl.GRPOConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=size,
        num_generations=8,
        max_completion_length=30,
        generation_kwargs={"min_new_tokens": 30, "suppress_tokens": sorted({*special, *vision})},
        max_steps=1000,
        learning_rate=1e-4,
        beta=0.0,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        shuffle_dataset=False,
    )
    trainer = trl.GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=arguments,
        train_dataset=data,
        processing_class=processor,
        callbacks=[asked],
    )
    parameters = sum(p.numel() for p in model.parameters())
    say(
        {
            "description": f"TRL {trl.__version__}, transformers {transformers.__version__}, PyTorch {torch.__version__}, "
            f"{torch.get_num_threads()} thread, {parameters} parameters"
        }
    )
    trainer.train()


main(*sys.argv[1:])
