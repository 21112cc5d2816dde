"""The tokenizer: deterministic, ASCII-folded, cased, line breaks kept, one <sep> at the end."""

from __future__ import annotations

from pathlib import Path
from typing import List

import numpy as np
import pytest

from fff_training.shards import ShardError, build_shards, characters_per_token, load_tokens, pack, unpack, unpack_all
from fff_training.tokenizer import NEWLINE, SPECIAL, normalize, sample_texts, train, without_normalizer

TEXTS: List[str] = [
    "The tree has a root, and every node of the tree has two children.\nA leaf has none.",
    "function walk(node) {\n  return node.children.map(walk);\n}",
    "# Trees\n\nRun `npm install tree` to install the tree package.",
] * 5


def test_training_is_deterministic() -> None:
    first, second = train(TEXTS, 300), train(TEXTS, 300)
    assert first.to_str() == second.to_str()
    assert 200 < first.get_vocab_size() <= 300


def test_special_tokens_have_the_first_ids() -> None:
    tokenizer = train(TEXTS, 300)
    assert [tokenizer.id_to_token(number) for number in range(8)] == [*SPECIAL, NEWLINE]


def test_text_is_folded_and_closed() -> None:
    tokenizer = train(TEXTS, 300)
    tokens = tokenizer.encode("“Thé tree” …\n   root").tokens
    assert tokens[-1] == "<sep>" and tokens.count(NEWLINE) == 1 and "<unk>" not in tokens
    assert tokens[0] == '"' and "The" in tokens
    assert tokenizer.encode("The").tokens != tokenizer.encode("the").tokens
    assert tokenizer.encode("a <mask> tree").ids.count(6) == 1
    pair = tokenizer.encode("tree", "leaf").tokens
    assert pair[0] == "<cls>" and pair.count("<sep>") == 2


def test_the_fast_way_to_encode_gives_the_same_tokens() -> None:
    tokenizer = train(TEXTS, 300)
    texts = [*TEXTS[:3], "“Thé tree” …\n   root", "a ⏎ b\r\n\r\n c — d→e ×", "日本 x\u0301 naïve\n", "\n lead\ttab \n"]
    plain = without_normalizer(tokenizer)
    assert [plain.encode(normalize(text)).ids for text in texts] == [tokenizer.encode(text).ids for text in texts]


def test_tokens_survive_packing() -> None:
    tokens = np.random.default_rng(1).integers(0, 16384, 5001).astype(np.uint16)
    assert np.array_equal(unpack(pack(tokens)), tokens)
    assert np.array_equal(unpack(pack(tokens[:0])), tokens[:0])


def test_shards_hold_all_documents_in_order(tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "shards"
    corpus.mkdir()
    for domain, text in zip(("prose", "code", "markdown"), TEXTS):
        (corpus / f"{domain}.train.000.txt").write_text(text + "\f\n" + text[::-1] + "\f\n", "utf-8")
        (corpus / f"{domain}.heldout.000.txt").write_text(text + "\f\n", "utf-8")
    assert len(list(sample_texts(corpus, 1.0))) == 6
    tokenizer = train(TEXTS, 300)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    listing = build_shards(corpus, tmp_path / "tokenizer.json", out, jobs=2)
    assert listing == build_shards(corpus, tmp_path / "tokenizer.json", tmp_path / "again")
    assert len(listing["shards"]) == 6
    tokens = load_tokens(out, "prose", "train")
    assert np.array_equal(tokens, tokenizer.encode(TEXTS[0]).ids + tokenizer.encode(TEXTS[0][::-1]).ids)
    heldout = load_tokens(out, "prose", "heldout")
    assert characters_per_token(out, "prose") == pytest.approx(len(TEXTS[0]) / len(heldout))
    assert unpack_all(out) == sum(shard["tokens"] for shard in listing["shards"])
    everything = (out / "prose.train.000.xz").read_bytes()
    (out / "prose.train.000.xz").unlink()
    assert unpack_all(out, allow_missing=True) == sum(s["tokens"] for s in listing["shards"]) - len(tokens)
    (out / "prose.train.000.xz").write_bytes(everything)
    assert unpack_all(out) == sum(shard["tokens"] for shard in listing["shards"])
    (out / "prose.train.npy").unlink()
    (out / "prose.train.000.xz").write_bytes(b"other")
    with pytest.raises(ShardError, match="prose.train.000.xz"):
        load_tokens(out, "prose", "train")
    (out / "prose.train.000.xz").unlink()
    assert len(load_tokens(out, "prose", "train", allow_missing=True)) == 0
    with pytest.raises(ShardError, match="missing"):
        load_tokens(out, "prose", "train")
