"""One feedforward layer in PyTorch against dense ones, on a GPU or a CPU, by the rules of docs/performance.md.

Writes a `.fffbench` file that the extension's benchmark panel opens as a recorded result. Not here: the kernels of the
extension and their engine (kernels/, extension/runner/benchmark/), which measure the CPU without PyTorch.
"""
