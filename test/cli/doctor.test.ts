import { describe, expect, it } from 'vitest';
import { modelFits } from '../../cli/device-facts.ts';
import { checkLibc, checkNode } from '../../cli/doctor-checks.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import { selfTest } from '../../train/run/self-test.ts';
import { installCommand } from '../../train/tools.ts';

describe('checks', () => {
  it('want Node 20.19 or newer', () => {
    expect(checkNode('20.18.3')).toMatchObject({ status: 'fail', fix: expect.stringContaining('newer Node') });
    expect(checkNode('18.20.0').status).toBe('fail');
    expect(checkNode('20.19.0').status).toBe('ok');
    expect(checkNode('24.1.0').status).toBe('ok');
  });

  it('want glibc 2.34 or newer', () => {
    expect(checkLibc('2.31')).toMatchObject({ status: 'fail', detail: expect.stringContaining('2.34') });
    expect(checkLibc('2.36')?.status).toBe('ok');
  });

  it.runIf(process.platform === 'linux')('name the package manager of the system', async () => {
    expect(await installCommand('ffmpeg', 'ID=debian\n')).toBe('apt-get install ffmpeg');
    expect(await installCommand('ffmpeg', 'NAME=Mint\nID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe(
      'apt-get install ffmpeg',
    );
    expect(await installCommand('ffmpeg', 'ID=fedora\n')).toBe('dnf install ffmpeg');
    expect(await installCommand('ffmpeg', 'ID=plan9\n')).toMatch(/your system's package manager/);
  });
});

it('computes the largest picture in one piece from the binding limit', () => {
  expect(modelFits(128 * 2 ** 20)).toEqual([{ model: 'cap-vstnet', side: 1024 }]); // 1024² · 32 channels · 4 bytes
  expect(modelFits(128 * 2 ** 20 - 1)[0].side).toBe(1020);
});

describe('the self test', () => {
  it('passes on a working device, leaves nothing behind, and gives the losses of its formula', async () => {
    const device = await acquireDevice();
    const result = await selfTest(device);
    expect(result.passed).toBe(true);
    expect(device.liveTensors).toBe(0);
    // at w = b = 1/2 the error is -x + 3/4 - cos(7i)/10: mean square about 1/2 + 9/16 + 1/200
    expect(result.lossBefore).toBeCloseTo(0.5 + 0.5625 + 0.005, 2);
    device.destroy();
  });

  it('fails on a device that executes nothing', async () => {
    const device = await acquireDevice({ device: 'null' });
    expect((await selfTest(device)).passed).toBe(false);
    device.destroy();
  });
});
