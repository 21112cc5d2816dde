/**
 * A small typed builder for ONNX graphs: values are names, nodes return the names of what they compute.
 *
 * It knows the format (initializers, attributes, opsets), not the model; one file per graph of the encoder uses it.
 */
import { ATTRIBUTE_TYPE, ELEMENT_TYPE, encodeModel } from './onnxProto';
import type { AttributeProto, ElementType, NodeProto, TensorProto, ValueInfoProto } from './onnxProto';

/** The name of a value in the graph. */
export type Value = string;

/** A size, or the name of a free dimension. */
export type Size = number | string;

/** An attribute says which of ONNX's kinds it is: a JavaScript number could be either. */
export type Attribute = { float: number } | { int: number } | { ints: readonly number[] } | { text: string };

/** Opset 20 has GELU with an exact form; IR 9 belongs to it. onnxruntime 1.30 reads both. */
const OPSET = 20;
const IR_VERSION = 9;

/** The domain of onnxruntime's own operators. */
export const CONTRIB = 'com.microsoft';

export class GraphBuilder {
  private readonly nodes: NodeProto[] = [];
  private readonly constants: TensorProto[] = [];
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  private readonly names = new Set<string>();

  constructor(private readonly name: string) {}

  input(name: string, type: ElementType, shape: readonly Size[]): Value {
    this.inputs.push(valueInfo(name, type, shape));
    return this.claim(name);
  }

  /** Declares an already computed value as a float32 output of the graph. */
  output(value: Value, shape: readonly Size[]): void {
    this.outputs.push(valueInfo(value, 'float32', shape));
  }

  /** A float32 constant. The array is not copied before `build`. */
  weight(name: string, data: Float32Array, shape: readonly number[]): Value {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (size !== data.length) {
      throw new RangeError(
        `Constant ${name} has ${data.length} values, its shape [${shape.join(', ')}] needs ${size}.`,
      );
    }
    return this.constant(name, 'float32', data, shape);
  }

  scalar(name: string, value: number): Value {
    return this.constant(name, 'float32', Float32Array.of(value), []);
  }

  /** A one-dimensional int64 constant, as shapes and axes are. */
  integers(name: string, values: readonly number[]): Value {
    return this.constant(name, 'int64', BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** Adds a node with one output, which gets the name given. An empty input name leaves out an optional input. */
  node(
    operator: string,
    name: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): Value {
    this.nodesOut(operator, name, inputs, [name], attributes, domain);
    return name;
  }

  /** Adds a node with several outputs. */
  nodesOut(
    operator: string,
    name: string,
    inputs: readonly Value[],
    outputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): readonly Value[] {
    for (const input of inputs) {
      if (input !== '' && !this.names.has(input)) {
        throw new RangeError(`Node ${name} of graph ${this.name} uses ${input}, which nothing has computed yet.`);
      }
    }
    this.nodes.push({
      name: `node:${name}`,
      opType: operator,
      domain,
      input: inputs,
      output: outputs,
      attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    });
    outputs.forEach((output) => this.claim(output));
    return outputs;
  }

  /** The serialized model. */
  build(): Uint8Array {
    return encodeModel({
      irVersion: IR_VERSION,
      producerName: 'fff-explorer',
      opsetImport: [
        { domain: '', version: OPSET },
        { domain: CONTRIB, version: 1 },
      ],
      graph: {
        name: this.name,
        node: this.nodes,
        initializer: this.constants,
        input: this.inputs,
        output: this.outputs,
      },
    });
  }

  private constant(
    name: string,
    type: ElementType,
    data: Float32Array | BigInt64Array,
    shape: readonly number[],
  ): Value {
    this.constants.push({
      name,
      dims: shape,
      dataType: ELEMENT_TYPE[type],
      rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    });
    return this.claim(name);
  }

  private claim(name: string): Value {
    if (this.names.has(name)) {
      throw new RangeError(`Graph ${this.name} computes ${name} twice.`);
    }
    this.names.add(name);
    return name;
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly Size[]): ValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPE[type], shape: { dim } } } };
}

function attribute(name: string, value: Attribute): AttributeProto {
  if ('float' in value) {
    return { name, type: ATTRIBUTE_TYPE.float, f: value.float };
  }
  if ('int' in value) {
    return { name, type: ATTRIBUTE_TYPE.int, i: value.int };
  }
  if ('ints' in value) {
    return { name, type: ATTRIBUTE_TYPE.ints, ints: value.ints };
  }
  return { name, type: ATTRIBUTE_TYPE.string, s: new TextEncoder().encode(value.text) };
}
