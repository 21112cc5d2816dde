#!/bin/sh
# Builds everything that training reads: sh build_corpus.sh DIR [manifest]. PYTHON names the interpreter.
# DIR/packages keeps the archives, DIR/text the cleaned text, DIR/shards the tokenizer and the token shards.
set -eu
cd "$(dirname "$0")"
out=${1:?usage: sh build_corpus.sh DIR [manifest]}
manifest=${2:-corpus/packages.tsv}
python=${PYTHON:-python3}
"$python" -m fff_training.corpus.build --manifest "$manifest" --packages "$out/packages" --out "$out/text"
"$python" -m fff_training.tokenizer --corpus "$out/text" --out "$out/tokenizer.json"
"$python" -m fff_training.shards --corpus "$out/text" --tokenizer "$out/tokenizer.json" --out "$out/shards"
