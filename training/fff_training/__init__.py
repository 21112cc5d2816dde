"""Corpus, tokenizer, model, training, evaluation and export of the embedded fast feedforward (FFF) language model."""
