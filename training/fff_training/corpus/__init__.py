"""Corpus builder: permissively licensed packages of public registries in, deduplicated text shards out."""
