import { describe, expect, it } from 'vitest';
import { CliError, EXIT, exitCodeOf, explain } from '../../cli/errors.ts';
import {
  CheckpointError,
  DeviceLostError,
  LimitError,
  NoDeviceError,
  OutOfMemoryError,
  ShapeError,
} from '../../engine/errors.ts';
import { StatisticsError } from '../../models/cap-vstnet/cwct-host.ts';
import { DataError, NonFiniteError, RequestError } from '../../train/errors.ts';

describe('exit codes', () => {
  it.each([
    [new CliError('x'), EXIT.usage],
    [new CliError('x', EXIT.missingTool), EXIT.missingTool],
    [new RequestError('x'), EXIT.usage],
    [new NoDeviceError('x'), EXIT.device],
    [new DataError('x'), EXIT.data],
    [new CheckpointError('x'), EXIT.checkpoint],
    [new OutOfMemoryError('x', 2, 1), EXIT.memory],
    [new LimitError('x'), EXIT.memory],
    [new NonFiniteError('x'), EXIT.diverged],
    [new StatisticsError('x'), EXIT.diverged],
    [new DeviceLostError('x'), EXIT.deviceLost],
    [new ShapeError('x'), EXIT.internal],
    [new TypeError('x'), EXIT.internal],
    ['a string', EXIT.internal],
  ])('%s ends with %i', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});

describe('explain', () => {
  it('prints the message without the stack', () => {
    expect(explain(new DataError('a.png: broken'))).toEqual({ text: 'error: a.png: broken', exitCode: 4 });
  });

  it('prints the stack and the causes for --debug', () => {
    const { text } = explain(new DataError('outer', { cause: new Error('inner') }), true);
    expect(text).toMatch(/^error: outer\nDataError: outer\n +at .*caused by Error: inner\n +at /s);
  });

  it('owns up to a bug and says what to attach', () => {
    const { text, exitCode } = explain(new TypeError('x is undefined'));
    expect(exitCode).toBe(1);
    expect(text).toMatch(/^internal error: x is undefined\nThis is a bug of miaobi\..*--debug.*miaobi doctor --json$/s);
  });
});
