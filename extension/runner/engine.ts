/**
 * The native side of the runner in one module, so that the entry can load it late and answer for its failure.
 */
import { env } from 'onnxruntime-node';
import { loadKernel } from './kernel';
import type { Engine } from './runnerService';
import { Tracer } from './tracer';

/** @throws FffError KERNEL_LOAD_FAILED, KERNEL_UNKNOWN_IMPLEMENTATION */
export function loadEngine(): Engine {
  const kernel = loadKernel();
  return {
    onnxruntimeVersion: env.versions.node ?? env.versions.common,
    kernelImplementation: kernel.implementation,
    supportedImplementations: kernel.implementations.filter(({ supported }) => supported).map(({ name }) => name),
    open: (directory, options, signal) => Tracer.open(directory, { ...options, signal }),
  };
}
