/** The graph builder: what it writes is ONNX, what it refuses. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../extension/runner/encoder/graph';
import { decodeModel, encodeModel } from '../../../extension/runner/encoder/onnxProto';
import { GraphSession, allocate } from '../../../extension/runner/encoder/session';

function affineGraph(): GraphBuilder {
  const graph = new GraphBuilder('affine');
  const input = graph.input('x', 'float32', ['N', 2]);
  const weight = graph.weight('w', Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);
  graph.output(graph.node('Gemm', 'y', [input, weight], { transB: { int: 1 }, alpha: { float: 0.5 } }), ['N', 3]);
  return graph;
}

describe('GraphBuilder', () => {
  it('writes a model that reads back as it was meant', () => {
    const model = decodeModel(affineGraph().build());
    expect(model.irVersion).toBe(9);
    expect(model.opsetImport[0]?.version).toBe(20);
    expect(model.graph.name).toBe('affine');
    expect(model.graph.input[0]).toMatchObject({
      name: 'x',
      type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'N' }, { dimValue: 2 }] } } },
    });
    expect(model.graph.node[0]).toMatchObject({ opType: 'Gemm', input: ['x', 'w'], output: ['y'] });
    expect(model.graph.node[0]?.attribute).toMatchObject([
      { name: 'transB', type: 2, i: 1 },
      { name: 'alpha', type: 1, f: 0.5 },
    ]);
    const weight = model.graph.initializer[0]!;
    expect(weight).toMatchObject({ name: 'w', dims: [3, 2], dataType: 1 });
    expect([...new Float32Array(Uint8Array.from(weight.rawData).buffer)]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('writes a weight that is a view into a larger buffer', () => {
    const graph = new GraphBuilder('view');
    graph.weight('w', Float32Array.of(9, 9, 1, 2).subarray(2), [2]);
    const weight = decodeModel(graph.build()).graph.initializer[0]!;
    expect([...new Float32Array(Uint8Array.from(weight.rawData).buffer)]).toEqual([1, 2]);
  });

  it('runs in onnxruntime and writes into the array it is given, whatever its offset', async () => {
    const session = await GraphSession.open(affineGraph().build(), 'test', { threads: 1 });
    const input = Float32Array.of(7, 1, 2, 3, 4).subarray(1);
    const output = new Float32Array(8).fill(-1);
    await session.run({ x: { data: input, shape: [2, 2] } }, { y: { data: output.subarray(1, 7), shape: [2, 3] } });
    await session.release();
    expect([...output]).toEqual([-1, 2.5, 5.5, 8.5, 5.5, 12.5, 19.5, -1]);
  });

  it('refuses a constant whose shape does not fit', () => {
    expect(() => new GraphBuilder('g').weight('w', new Float32Array(5), [2, 3])).toThrow(/has 5 values.*needs 6/);
  });

  it('refuses a value that is used before it exists, and one that exists twice', () => {
    const graph = new GraphBuilder('g');
    expect(() => graph.node('Relu', 'y', ['x'])).toThrow(/uses x/);
    graph.input('x', 'float32', [1]);
    expect(() => graph.input('x', 'float32', [1])).toThrow(/x twice/);
  });

  it('refuses a message that does not fit the schema', () => {
    expect(() => encodeModel({ irVersion: 'nine' } as never)).toThrow(/irVersion/);
  });
});

describe('GraphSession', () => {
  it('names what could not be built', async () => {
    const graph = new GraphBuilder('bad');
    graph.output(graph.node('NoSuchOperator', 'y', [graph.input('x', 'float32', [1])]), [1]);
    await expect(GraphSession.open(graph.build(), 'bad graph', { threads: 1 })).rejects.toMatchObject({
      code: 'ONNXRUNTIME_FAILED',
      message: expect.stringMatching(/cannot build the bad graph: .*NoSuchOperator/s) as string,
    });
    await expect(GraphSession.open(new Uint8Array(9).fill(255), 'noise', { threads: 1 })).rejects.toMatchObject({
      code: 'ONNXRUNTIME_FAILED',
    });
  });

  it('names what failed to run', async () => {
    const session = await GraphSession.open(affineGraph().build(), 'affine graph', { threads: 1 });
    const run = session.run(
      { x: { data: new Float32Array(3), shape: [1, 3] } },
      { y: { data: new Float32Array(3), shape: [1, 3] } },
    );
    await expect(run).rejects.toMatchObject({
      code: 'ONNXRUNTIME_FAILED',
      message: expect.stringMatching(/failed in the affine graph/) as string,
    });
    await session.release();
  });
});

describe('allocate', () => {
  it('gives arrays of their own', () => {
    const array = allocate(3, 5);
    expect(array.length).toBe(15);
    expect(array.buffer.byteLength).toBe(60);
  });

  it('says when there is not enough memory', () => {
    expect(() => allocate(2 ** 21, 2 ** 21)).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }) as Error);
  });
});
