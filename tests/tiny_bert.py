"""A two-layer BERT with random weights and a word-level tokenizer: no model hub."""

import numpy as np

WORDS = [f"word{i}" for i in range(200)]


def texts(n, seed=0, length=12):
    """Return n different sentences."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(4, length))) for _ in range(n)]


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: i for i, word in enumerate([*special, *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]",
    )  # fmt: skip


def config(**options):
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(WORDS) + 4, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=32, **options,
    )  # fmt: skip


def encoded(n, seed):
    """Return n sentences, tokenized, with labels that tell them apart by their first word."""
    lines = texts(n, seed)
    rows = tokenizer()(lines, padding="max_length", max_length=12, truncation=True)
    labels = [int(line.split()[0][4:]) % 2 for line in lines]
    return [
        {"input_ids": ids, "attention_mask": mask, "labels": label}
        for ids, mask, label in zip(rows["input_ids"], rows["attention_mask"], labels, strict=True)
    ]


def trainer_for(folder, data, **options):
    """Return a Hugging Face Trainer of a classifier."""
    import torch
    from transformers import BertForSequenceClassification, Trainer, TrainingArguments

    torch.manual_seed(0)
    settings = {"save_strategy": "no", "num_train_epochs": 2, "eval_strategy": "epoch", **options}
    arguments = TrainingArguments(
        output_dir=str(folder), report_to="none", disable_tqdm=True, use_cpu=True,
        per_device_train_batch_size=32, per_device_eval_batch_size=32, learning_rate=1e-3,
        **settings,
    )  # fmt: skip
    return Trainer(
        model=BertForSequenceClassification(config()), args=arguments,
        train_dataset=data[0], eval_dataset=data[1],
    )  # fmt: skip


def sentence_model(folder):
    """Return a sentence-transformers model that pools the mean."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertModel

    torch.manual_seed(0)
    BertModel(config()).save_pretrained(folder / "bert")
    tokenizer().save_pretrained(folder / "bert")
    words = modules.Transformer(str(folder / "bert"), max_seq_length=16)
    return SentenceTransformer(modules=[words, modules.Pooling(16)], device="cpu")


def sentence_training(model, folder, **options):
    """Return arguments, data and loss of a contrastive run of sentence-transformers."""
    from datasets import Dataset
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.training_args import (
        SentenceTransformerTrainingArguments,
    )

    lines = texts(320, seed=1)
    pairs = {"anchor": lines, "positive": [" ".join(line.split()[::-1]) for line in lines]}
    settings = {"save_strategy": "no", "num_train_epochs": 2, "eval_strategy": "epoch", **options}
    args = SentenceTransformerTrainingArguments(
        output_dir=str(folder), report_to="none", disable_tqdm=True, use_cpu=True,
        per_device_train_batch_size=32, learning_rate=1e-3, **settings,
    )  # fmt: skip
    return {
        "args": args,
        "train_dataset": Dataset.from_dict(pairs),
        "loss": losses.MultipleNegativesRankingLoss(model),
    }
