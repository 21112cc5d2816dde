"""Trains the cased WordPiece tokenizer: ``python -m fff_training.tokenizer --corpus DIR --out tokenizer.json``.

Text is folded to ASCII (typographic marks spelled out, accents stripped, the rest becomes a blank); a line break with
the blanks around it becomes the token ``⏎``, so indentation is not seen. One ``<sep>`` ends every sequence, as in the
published tokenizer. The same corpus gives the same file.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import unicodedata
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<cls>", "<sep>", "<mask>")
NEWLINE = "⏎"
PAD, UNK, SEP, MASK = 0, 3, 5, 6
_SPELLED = {
    "\u2014": " - ", "\u2013": "-", "\u2012": "-", "\u2010": "-", "\u2011": "-", "\u2212": "-",
    "\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u2026": "...",
    "\u2022": "-", "\u2192": "->", "\u21d2": "=>", "\u00d7": "x", "\u2264": "<=", "\u2265": ">=", "\u00b5": "u",
}  # fmt: skip


def new_tokenizer(vocabulary: Optional[Dict[str, int]] = None) -> Tokenizer:
    """An untrained tokenizer with the final normalizer, or one with a given vocabulary."""
    model = models.WordPiece(
        vocabulary or {name: number for number, name in enumerate(SPECIAL)},
        unk_token="<unk>",
        max_input_chars_per_word=100,
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(mark, text) for mark, text in _SPELLED.items()]
        + [
            normalizers.NFD(),
            normalizers.StripAccents(),
            normalizers.Replace(Regex(r"[^\x00-\x7F]+"), " "),
            normalizers.Replace(Regex(r"\s*\n\s*"), f" {NEWLINE} "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    return tokenizer


_SPELLING = str.maketrans(_SPELLED)
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_BREAK = re.compile(r"\s*\n\s*")


def normalize(text: str) -> str:
    """What the tokenizer's normalizer does, in Python and faster: for encoding a corpus."""
    if not text.isascii():
        text = unicodedata.normalize("NFD", text.translate(_SPELLING))
        text = _FOREIGN.sub(" ", "".join(letter for letter in text if unicodedata.category(letter) != "Mn"))
    return _BREAK.sub(f" {NEWLINE} ", text)


def without_normalizer(tokenizer: Tokenizer) -> Tokenizer:
    """A copy that expects ``normalize``d text."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.normalizer = normalizers.Sequence([])
    return copy


def finish(tokenizer: Tokenizer) -> Tokenizer:
    """Adds the special tokens and the sequence templates."""
    tokenizer.add_special_tokens(list(SPECIAL))
    ids = [(name, tokenizer.token_to_id(name)) for name in ("<cls>", "<sep>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <sep>", pair="<cls> $A <sep> $B <sep>", special_tokens=ids
    )
    return tokenizer


def train(texts: Iterable[str], vocab_size: int = 16384) -> Tokenizer:
    """Trains on ``texts``; ids 0..6 are the special tokens, id 7 is the line break.

    Raises:
        ValueError: the texts are too few to fill the vocabulary's fixed part.
    """
    tokenizer = new_tokenizer()
    alphabet = [NEWLINE] + [chr(code) for code in range(33, 127)]
    # The trainer numbers what it meets in hash order; naming every single character first makes it deterministic and
    # leaves no ASCII text unknown.
    singles = [*alphabet[1:], *("##" + letter for letter in alphabet[1:])]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        show_progress=False,
        special_tokens=[*SPECIAL, NEWLINE, *singles],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        continuing_subword_prefix="##",
    )
    tokenizer.train_from_iterator(texts, trainer)
    vocabulary = {token: number for token, number in tokenizer.get_vocab().items()}
    if any(vocabulary.get(name) != number for number, name in enumerate([*SPECIAL, NEWLINE])):
        raise ValueError("The trainer did not keep the special tokens' ids.")
    return finish(new_tokenizer(vocabulary))


def read_documents(path: Path) -> List[str]:
    """Documents of one text shard of the corpus builder."""
    return [document for document in path.read_text("utf-8").split("\f\n") if document]


SAMPLE_SHARES = {"prose": 0.45, "markdown": 0.15, "code": 0.40}


def sample_texts(corpus: Path, megabytes: float) -> Iterator[str]:
    """An even sample of the training shards, ``SAMPLE_SHARES`` of it from each domain (less where a domain is smaller)."""
    for domain, part in SAMPLE_SHARES.items():
        files = sorted(corpus.glob(f"{domain}.train.*.txt"))
        share = min(1.0, megabytes * 1e6 * part / max(1, sum(path.stat().st_size for path in files)))
        taken = seen = 0.0
        for path in files:
            for document in read_documents(path):
                seen += len(document)
                if taken < seen * share:
                    taken += len(document)
                    yield document


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocabulary", type=int, default=16384)
    parser.add_argument("--megabytes", type=float, default=100.0, help="size of the training sample")
    options = parser.parse_args(arguments)
    tokenizer = train(sample_texts(options.corpus, options.megabytes), options.vocabulary)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(options.out))
    print(json.dumps({"entries": tokenizer.get_vocab_size(), "file": str(options.out)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
