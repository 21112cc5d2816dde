import { describe, expect, it } from 'vitest';
import { FffError, assertNever, isCancellation, toWireError } from '../../../extension/errors';

describe('errors on the wire', () => {
  it('keeps code, sentence and action there and back', () => {
    const error = new FffError('CHECKPOINT_INVALID', 'model.safetensors is cut short.', 'Download the file again.');
    const back = FffError.fromWire(error.toWire());
    expect(back).toBeInstanceOf(FffError);
    expect({ code: back.code, message: back.message, action: back.action }).toEqual({
      code: 'CHECKPOINT_INVALID',
      message: 'model.safetensors is cut short.',
      action: 'Download the file again.',
    });
    expect(new FffError('BAD_INPUT', 'Empty.').toWire()).toEqual({ code: 'BAD_INPUT', message: 'Empty.' });
  });

  it('never lets a stack or an unknown value escape', () => {
    expect(toWireError(new TypeError('x is undefined'))).toMatchObject({ code: 'INTERNAL' });
    expect(toWireError('text').message).toContain('text');
    expect(JSON.stringify(toWireError(new Error('boom')))).not.toContain('.test.ts');
  });

  it('recognises cancellation in both of its forms', () => {
    expect(isCancellation(new FffError('CANCELLED', 'The run was cancelled.'))).toBe(true);
    expect(isCancellation(AbortSignal.abort().reason)).toBe(true);
    expect(isCancellation(new Error('other'))).toBe(false);
  });

  it('names what slipped through an exhaustive switch', () => {
    expect(() => assertNever({ kind: 'new' } as never)).toThrow(/"kind":"new"/);
  });
});
