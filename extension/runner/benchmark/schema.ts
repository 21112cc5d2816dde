/**
 * Checks a JSON value against the small part of JSON Schema that `plan.schema.json` uses, and says in one sentence what
 * is wrong. Not a general validator: a keyword it does not know is an error of ours, not of the user.
 */
import { FffError } from '../../errors';

/** The keywords understood here. */
export interface Schema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type: string;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/**
 * @param what Names the value in the sentence, for instance the plan's file.
 * @throws FffError BAD_INPUT naming the offending place, for instance `batches[2]`.
 */
export function checkAgainst(schema: Schema, value: unknown, what: string): void {
  const complaint = complaintAbout(schema, value, '');
  if (complaint !== null) {
    throw new FffError('BAD_INPUT', `${what}: ${complaint}.`, 'Correct the plan; plan.schema.json describes it.');
  }
}

function complaintAbout(schema: Schema, value: unknown, path: string): string | null {
  const place = path === '' ? 'the plan' : `"${path}"`;
  switch (schema.type) {
    case 'object':
      return isObject(value) ? complaintAboutObject(schema, value, path) : `${place} must be an object`;
    case 'array':
      return Array.isArray(value) ? complaintAboutArray(schema, value, path) : `${place} must be a list`;
    case 'string':
      return typeof value === 'string' ? complaintAboutString(schema, value, place) : `${place} must be a text`;
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value)
        ? complaintAboutNumber(schema, value, place)
        : `${place} must be a whole number`;
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
        ? complaintAboutNumber(schema, value, place)
        : `${place} must be a number`;
    default:
      throw new TypeError(`The schema uses the type ${schema.type}, which this validator does not know.`);
  }
}

function complaintAboutObject(schema: Schema, value: Record<string, unknown>, path: string): string | null {
  const within = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const properties = schema.properties ?? {};
  for (const key of schema.required ?? []) {
    if (!(key in value)) {
      return `"${within(key)}" is missing`;
    }
  }
  for (const [key, entry] of Object.entries(value)) {
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (known === undefined) {
      return `"${within(key)}" is not known; known are ${Object.keys(properties).join(', ')}`;
    }
    const complaint = complaintAbout(known, entry, within(key));
    if (complaint !== null) {
      return complaint;
    }
  }
  return null;
}

function complaintAboutArray(schema: Schema, value: readonly unknown[], path: string): string | null {
  if (value.length < (schema.minItems ?? 0)) {
    return `"${path}" must have at least ${schema.minItems} ${schema.minItems === 1 ? 'entry' : 'entries'}`;
  }
  if (value.length > (schema.maxItems ?? Infinity)) {
    return `"${path}" must have at most ${schema.maxItems} entries`;
  }
  for (const [index, entry] of value.entries()) {
    const complaint = schema.items === undefined ? null : complaintAbout(schema.items, entry, `${path}[${index}]`);
    if (complaint !== null) {
      return complaint;
    }
  }
  return null;
}

function complaintAboutString(schema: Schema, value: string, place: string): string | null {
  if (value.length < (schema.minLength ?? 0)) {
    return `${place} must not be empty`;
  }
  if (value.length > (schema.maxLength ?? Infinity)) {
    return `${place} must have at most ${schema.maxLength} characters`;
  }
  return complaintAboutChoice(schema, value, place);
}

function complaintAboutNumber(schema: Schema, value: number, place: string): string | null {
  const { minimum = -Infinity, maximum = Infinity } = schema;
  if (!(value >= minimum && value <= maximum)) {
    return `${place} is ${value} and must lie between ${minimum} and ${maximum}`;
  }
  return complaintAboutChoice(schema, value, place);
}

function complaintAboutChoice(schema: Schema, value: unknown, place: string): string | null {
  return schema.enum === undefined || schema.enum.includes(value)
    ? null
    : `${place} is ${JSON.stringify(value)} and must be ${schema.enum.join(' or ')}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
